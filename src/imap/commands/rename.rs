//! RENAME (RFC 9051 §6.3.6).

use super::{list, quota};
use crate::imap::answer::{Answer, Outcome};
use crate::imap::command::MailboxArgument;
use crate::imap::namespaces::Access;
use crate::imap::session::{Login, Session};
use crate::mail::rights::Rights;
use crate::mailbox::{Error, Usage};

/// Renames a mailbox and all below it. Sessions that have it selected stay in it, and who may use it stays the same; renaming
/// INBOX moves its messages. A level that is no mailbox itself only its owner can rename.
pub(crate) async fn rename(
    session: &mut Session,
    login: &Login,
    from: MailboxArgument,
    to: MailboxArgument,
    supplied: Option<String>,
) -> Outcome {
    let (from, to) = (from.map_err(Error::from)?, to.map_err(Error::from)?);
    let source = login.mailboxes.place(&from).await?;
    if matches!(source.access, Access::Other { .. }) || source.exists() {
        source.allows(Rights::DELETE)?;
    }
    let target = login.mailboxes.place_for_new(&to).await?;
    if source.account != target.account {
        return Err(Error::NotPossible("a mailbox cannot be renamed into another account").into());
    }
    let name = to;
    let (mailboxes, from, to) = (source.mailboxes, source.name, target.name.clone());
    let levels = to.parent().map_or(0, |parent| quota::missing(&mailboxes, &parent));
    let more = Usage {
        // INBOX stays, and a mailbox comes for what was in it.
        mailboxes: levels + u64::from(from.is_inbox()),
        ..Usage::default()
    };
    quota::check_room(session, &target, more).await?;
    mailboxes.rename(session.id, &from, &to).await?;
    list::tell_called_otherwise(session, login, name, supplied).await;
    Ok(Answer::ok("RENAME completed"))
}
