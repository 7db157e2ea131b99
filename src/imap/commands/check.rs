//! CHECK (RFC 3501 §6.4.1).

use crate::imap::answer::{Answer, Outcome};
use crate::imap::session::{Login, Selected};
use crate::mailbox::Error;

/// Everything acknowledged is durable already; what is left to do is to look for what other programs did in the Maildir.
pub(crate) async fn check(login: &Login, selected: &Selected) -> Outcome {
    match login.mailboxes.open(&selected.view.mailbox().name()).await {
        // It is told of the end of its mailbox in another way.
        Ok(_) | Err(Error::NotFound) => Ok(Answer::ok("CHECK completed")),
        Err(error) => Err(error.into()),
    }
}
