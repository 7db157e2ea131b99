//! LOGOUT (RFC 9051 §6.1.3).

use crate::imap::answer::{Answer, Outcome};
use crate::imap::session::{Session, State};

/// Says goodbye. \Deleted messages stay; only CLOSE and EXPUNGE remove them.
pub(crate) fn logout(session: &mut Session, state: &mut State) -> Outcome {
    *state = State::Logout;
    session.output.line(format_args!("* BYE Logging out"));
    Ok(Answer::ok("LOGOUT completed"))
}
