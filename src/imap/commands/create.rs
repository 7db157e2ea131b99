//! CREATE (RFC 9051 §6.3.4, RFC 6154 §3).

use super::quota;
use crate::imap::answer::{Answer, Outcome};
use crate::imap::command::MailboxArgument;
use crate::imap::session::{Login, Session};
use crate::mail::mailbox_name::SpecialUse;
use crate::mailbox::{Error, Usage};

/// Creates a mailbox and the levels above it that are missing.
pub(crate) async fn create(
    session: &Session,
    login: &Login,
    mailbox: MailboxArgument,
    special_use: Option<SpecialUse>,
) -> Outcome {
    let name = mailbox.map_err(Error::from)?;
    let more = Usage {
        mailboxes: quota::missing(login, &name),
        ..Usage::default()
    };
    quota::check_room(session, login, more).await?;
    login.mailboxes.create(&name, special_use).await?;
    Ok(Answer::ok("CREATE completed"))
}
