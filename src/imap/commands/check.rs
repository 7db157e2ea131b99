//! CHECK (RFC 3501 §6.4.1).

use crate::imap::answer::{Answer, Outcome};
use crate::imap::session::{Login, Selected};

/// Everything acknowledged is durable already; what is left to do is to look for what other programs did in the Maildir.
pub(crate) async fn check(login: &Login, selected: &Selected) -> Outcome {
    login.mailboxes.open(&selected.view.mailbox().name()).await?;
    Ok(Answer::ok("CHECK completed"))
}
