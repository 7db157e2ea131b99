//! COPY and UID COPY (RFC 3501 §6.4.7, RFC 4315 §3).

use super::quota;
use crate::imap::answer::{Answer, Failure, Outcome};
use crate::imap::command::{MailboxArgument, SequenceSet};
use crate::imap::session::{Login, Selected, Session};
use crate::mailbox::{Copied, Error, Mailbox, Usage};
use std::sync::Arc;

/// Copies what the set names, all or nothing. Messages gone meanwhile are passed over; when none is left the answer is a
/// plain OK, for COPYUID cannot name an empty set.
pub(crate) async fn copy(
    session: &mut Session,
    login: &Login,
    selected: &mut Selected,
    uid: bool,
    set: &SequenceSet,
    mailbox: &MailboxArgument,
) -> Outcome {
    let uids = selected.resolve(set, uid)?;
    let target = target(login, mailbox).await?;
    let source = selected.view.mailbox();
    let states = source.states(&uids);
    let more = Usage {
        messages: states.len() as u64,
        octets: states.iter().map(|state| state.size).sum(),
        mailboxes: 0,
    };
    quota::check_room(session, login, more).await?;
    let copied = Box::pin(source.copy_to(session.id, &uids, &target)).await?;
    let answer = Answer::ok("COPY completed");
    Ok(match copy_uid(&copied) {
        Some(code) => answer.with_code(code),
        None => answer,
    })
}

/// Opens where the messages are to go. A mailbox that is not there is answered by a hint to create it and try again
/// (RFC 3501 §6.4.7).
pub(super) async fn target(login: &Login, mailbox: &MailboxArgument) -> Result<Arc<Mailbox>, Failure> {
    let name = mailbox.as_ref().map_err(|error| Error::InvalidName(*error))?;
    match Box::pin(login.mailboxes.open(name)).await {
        Err(Error::NotFound) => Err(Failure::Answer(Answer::no(
            Some("TRYCREATE"),
            "There is no such mailbox",
        ))),
        opened => Ok(opened?),
    }
}

/// `COPYUID validity source target`: both lists ascending, the n-th of the one having become the n-th of the other.
pub(super) fn copy_uid(copied: &Copied) -> Option<String> {
    let Copied {
        uid_validity,
        source,
        target,
    } = copied;
    (!source.is_empty()).then(|| format!("COPYUID {uid_validity} {source} {target}"))
}
