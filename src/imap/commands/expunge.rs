//! EXPUNGE (RFC 3501 §6.4.3) and UID EXPUNGE (RFC 4315 §2.1).

use crate::imap::answer::{Answer, Outcome};
use crate::imap::command::SequenceSet;
use crate::imap::session::{Selected, Session};
use crate::imap::updates;
use crate::mail::rights::Rights;
use crate::mail::uidset::UidSet;
use std::sync::Arc;

/// Removes every message that has \Deleted set, of those that this client knows: one that arrived with \Deleted and was not
/// yet told is left for the next time.
pub(crate) async fn expunge(session: &mut Session, selected: &mut Selected) -> Outcome {
    let known = selected.view.uids().clone();
    remove(session, selected, &known).await
}

/// Removes those of the set that have \Deleted set.
pub(crate) async fn uid_expunge(session: &mut Session, selected: &mut Selected, set: &SequenceSet) -> Outcome {
    let named = selected.resolve(set, true)?;
    remove(session, selected, &named).await
}

async fn remove(session: &mut Session, selected: &mut Selected, uids: &UidSet) -> Outcome {
    selected.standing.allows(Rights::EXPUNGE)?;
    let mailbox = Arc::clone(selected.view.mailbox());
    let removed = Box::pin(mailbox.expunge(session.id, uids)).await?;
    let answer = Answer::ok("EXPUNGE completed");
    if removed.is_empty() || !session.enabled.condstore {
        return Ok(answer);
    }
    // RFC 7162 §3.2.4.3 wants the MODSEQ of this. Told first, so that it is one up to which this client knows everything.
    updates::tell(session, selected, true).await?;
    Ok(answer.with_code(format!("HIGHESTMODSEQ {}", selected.highest_mod_seq())))
}
