//! UNSUBSCRIBE (RFC 9051 §6.3.8).

use crate::imap::answer::{Answer, Outcome};
use crate::imap::command::MailboxArgument;
use crate::imap::session::Login;
use crate::mailbox::Error;

/// Takes a name off the subscription list; one that is not on it is no error.
pub(crate) async fn unsubscribe(login: &Login, mailbox: MailboxArgument) -> Outcome {
    let name = mailbox.map_err(Error::from)?;
    login.mailboxes.own().unsubscribe(&name).await?;
    Ok(Answer::ok("UNSUBSCRIBE completed"))
}
