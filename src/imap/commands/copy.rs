//! COPY and UID COPY (RFC 3501 §6.4.7, RFC 4315 §3).

use super::quota;
use crate::imap::answer::{Answer, Failure, Outcome};
use crate::imap::command::{MailboxArgument, SequenceSet};
use crate::imap::namespaces::{Opened, Place};
use crate::imap::session::{Login, Selected, Session};
use crate::mail::rights::Rights;
use crate::mail::uidset::UidSet;
use crate::mailbox::{Copied, Error, Mailbox, Usage};

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
    check_room(session, source, &uids, &target.place).await?;
    let rights = target.place.rights();
    let copied = Box::pin(source.copy_to(session.id, &uids, &target.mailbox, rights)).await?;
    session.imap.training.moved(source, &target.mailbox, &copied);
    let answer = Answer::ok("COPY completed");
    Ok(match copy_uid(&copied) {
        Some(code) => answer.with_code(code),
        None => answer,
    })
}

/// Whether there is room for these messages where they are to go.
pub(super) async fn check_room(
    session: &Session,
    source: &Mailbox,
    uids: &UidSet,
    target: &Place,
) -> Result<(), Failure> {
    let states = source.states(uids);
    let more = Usage {
        messages: states.len() as u64,
        octets: states.iter().map(|state| state.size).sum(),
        mailboxes: 0,
    };
    quota::check_room(session, target, more).await
}

/// Opens where the messages are to go. A mailbox that is not there is answered by a hint to create it and try again
/// (RFC 3501 §6.4.7), if that may be.
pub(super) async fn target(login: &Login, mailbox: &MailboxArgument) -> Result<Opened, Failure> {
    let name = mailbox.as_ref().map_err(|error| Error::InvalidName(*error))?;
    match Box::pin(login.mailboxes.open(name, Rights::INSERT)).await {
        Err(Error::NotFound) if login.mailboxes.place_for_new(name).await.is_ok() => Err(Failure::Answer(Answer::no(
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
