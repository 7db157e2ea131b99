//! MOVE and UID MOVE (RFC 6851).

use super::copy::{check_room, copy_uid, target};
use crate::imap::answer::{Answer, Outcome};
use crate::imap::command::{MailboxArgument, SequenceSet};
use crate::imap::session::{Login, Selected, Session};
use crate::imap::updates;
use crate::mail::rights::Rights;

/// Moves what the set names. COPYUID goes out in front of the EXPUNGEs, so that the client knows where a message went
/// before it forgets it (RFC 6851 §4.3). A MOVE of messages that are gone is an OK that did nothing.
pub(crate) async fn move_(
    session: &mut Session,
    login: &Login,
    selected: &mut Selected,
    uid: bool,
    set: &SequenceSet,
    mailbox: &MailboxArgument,
) -> Outcome {
    // RFC 6851 §4.2: those of STORE, COPY and EXPUNGE.
    selected.standing.allows(Rights::MARK_DELETED.union(Rights::EXPUNGE))?;
    let uids = selected.resolve(set, uid)?;
    let target = target(login, mailbox).await?;
    let source = selected.view.mailbox();
    if !source.is_beside(&target.mailbox) {
        check_room(session, source, &uids, &target.place).await?;
    }
    let rights = target.place.rights();
    let moved = Box::pin(source.move_to(session.id, &uids, &target.mailbox, rights)).await?;
    session.imap.training.moved(source, &target.mailbox, &moved);
    let answer = Answer::ok("MOVE completed");
    let Some(code) = copy_uid(&moved) else {
        return Ok(answer);
    };
    if session.offers("UIDPLUS") {
        session.output.line(format_args!("* OK [{code}] Moved"));
    }
    // RFC 6851 §4.4. Told first, so that the MODSEQ is one up to which this client knows everything.
    updates::tell(session, selected, true).await?;
    Ok(match session.enabled.condstore {
        true => answer.with_code(format!("HIGHESTMODSEQ {}", selected.highest_mod_seq())),
        false => answer,
    })
}
