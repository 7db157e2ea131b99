//! RENAME (RFC 9051 §6.3.6).

use super::quota;
use crate::imap::answer::{Answer, Outcome};
use crate::imap::command::MailboxArgument;
use crate::imap::session::{Login, Session};
use crate::mailbox::{Error, Usage};

/// Renames a mailbox and all below it. Sessions that have it selected stay in it; renaming INBOX moves its messages.
pub(crate) async fn rename(session: &Session, login: &Login, from: MailboxArgument, to: MailboxArgument) -> Outcome {
    let (from, to) = (from.map_err(Error::from)?, to.map_err(Error::from)?);
    let levels = to.parent().map_or(0, |parent| quota::missing(login, &parent));
    let more = Usage {
        // INBOX stays, and a mailbox comes for what was in it.
        mailboxes: levels + u64::from(from.is_inbox()),
        ..Usage::default()
    };
    quota::check_room(session, login, more).await?;
    login.mailboxes.rename(session.id, &from, &to).await?;
    Ok(Answer::ok("RENAME completed"))
}
