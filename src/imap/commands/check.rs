//! CHECK (RFC 3501 §6.4.1).

use crate::imap::answer::{Answer, Outcome};
use crate::imap::session::{Login, Selected};
use crate::mail::rights::Rights;
use crate::mailbox::Error;

/// Everything acknowledged is durable already; what is left to do is to look for what other programs did in the Maildir.
pub(crate) async fn check(login: &Login, selected: &Selected) -> Outcome {
    match login.mailboxes.open(&selected.name(), Rights::READ).await {
        // It is told in another way that its mailbox is gone, or its rights are.
        Ok(_) | Err(Error::NotFound | Error::NotPermitted) => Ok(Answer::ok("CHECK completed")),
        Err(error) => Err(error.into()),
    }
}
