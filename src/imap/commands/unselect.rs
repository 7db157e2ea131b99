//! UNSELECT (RFC 9051 §6.4.2, RFC 3691).

use crate::imap::answer::{Answer, Outcome};
use crate::imap::session::State;

/// Leaves the mailbox; \Deleted messages stay.
pub(crate) fn unselect(state: &mut State) -> Outcome {
    state.unselect();
    Ok(Answer::ok("UNSELECT completed"))
}
