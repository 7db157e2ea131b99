//! RENAME (RFC 9051 §6.3.6).

use crate::imap::answer::{Answer, Outcome};
use crate::imap::command::MailboxArgument;
use crate::imap::session::{Login, Session};
use crate::mailbox::Error;

/// Renames a mailbox and all below it. Sessions that have it selected stay in it; renaming INBOX moves its messages.
pub(crate) async fn rename(session: &Session, login: &Login, from: MailboxArgument, to: MailboxArgument) -> Outcome {
    let (from, to) = (from.map_err(Error::from)?, to.map_err(Error::from)?);
    login.mailboxes.rename(session.id, &from, &to).await?;
    Ok(Answer::ok("RENAME completed"))
}
