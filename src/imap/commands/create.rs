//! CREATE (RFC 9051 §6.3.4, RFC 6154 §3, RFC 8474 §4.1).

use super::{list, quota};
use crate::imap::answer::{Answer, Outcome};
use crate::imap::command::MailboxArgument;
use crate::imap::namespaces::Access;
use crate::imap::object_id::ObjectId;
use crate::imap::session::{Login, Session};
use crate::mail::mailbox_name::SpecialUse;
use crate::mailbox::{Error, Usage};

/// Creates a mailbox and the levels above it that are missing. Each is open to whom the one above it is open to.
pub(crate) async fn create(
    session: &mut Session,
    login: &Login,
    mailbox: MailboxArgument,
    supplied: Option<String>,
    special_use: Option<SpecialUse>,
) -> Outcome {
    let name = mailbox.map_err(Error::from)?;
    let place = login.mailboxes.place_for_new(&name).await?;
    if special_use.is_some() && matches!(place.access, Access::Other { .. }) {
        // What a mailbox is for, it is for its owner (RFC 6154 §3).
        return Ok(Answer::no(Some("USEATTR"), "Only its owner can give a mailbox a use"));
    }
    let more = Usage {
        mailboxes: quota::missing(&place.mailboxes, &place.name),
        ..Usage::default()
    };
    quota::check_room(session, &place, more).await?;
    let created = place.mailboxes.create(&place.name, special_use).await?;
    list::tell_called_otherwise(session, login, name, supplied).await;
    let id = ObjectId::Mailbox(created.object_id());
    Ok(Answer::ok("CREATE completed").with_code(format!("MAILBOXID ({id})")))
}
