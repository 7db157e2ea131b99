//! CLOSE (RFC 9051 §6.4.1).

use crate::imap::answer::{Answer, Outcome};
use crate::imap::session::{Session, State};
use crate::mail::rights::Rights;

/// Removes the messages that have \Deleted set without telling, and leaves the mailbox. One that was opened by EXAMINE
/// stays as it is, and so does one in which the session may not expunge (RFC 4314 §4). When the messages cannot be removed, the mailbox stays selected.
pub(crate) async fn close(session: &Session, state: &mut State) -> Outcome {
    if let State::Selected(_, selected) = state
        && selected.standing.rights().contains(Rights::EXPUNGE)
    {
        let known = selected.view.uids().clone();
        selected.view.mailbox().expunge(session.id, &known).await?;
    }
    state.unselect();
    Ok(Answer::ok("CLOSE completed"))
}
