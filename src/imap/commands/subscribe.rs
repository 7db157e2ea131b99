//! SUBSCRIBE (RFC 9051 §6.3.7).

use crate::imap::answer::{Answer, Outcome};
use crate::imap::command::MailboxArgument;
use crate::imap::session::Login;
use crate::mailbox::Error;

/// Puts a name on the subscription list, whether there is such a mailbox or not.
pub(crate) async fn subscribe(login: &Login, mailbox: MailboxArgument) -> Outcome {
    let name = mailbox.map_err(Error::from)?;
    login.mailboxes.own().subscribe(&name).await?;
    Ok(Answer::ok("SUBSCRIBE completed"))
}
