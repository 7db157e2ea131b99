//! CREATE (RFC 9051 §6.3.4, RFC 6154 §3, RFC 8474 §4.1).

use super::quota;
use crate::imap::answer::{Answer, Outcome};
use crate::imap::command::MailboxArgument;
use crate::imap::object_id::ObjectId;
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
    let created = login.mailboxes.create(&name, special_use).await?;
    let id = ObjectId::Mailbox(created.object_id());
    Ok(Answer::ok("CREATE completed").with_code(format!("MAILBOXID ({id})")))
}
