//! UNAUTHENTICATE (RFC 8437).

use crate::imap::answer::{Answer, Outcome};
use crate::imap::session::{Session, State};

/// Back to where the connection began, but for TLS. A mailbox that was selected is left as it is, and nothing more is told of
/// it. Compression ends behind the OK.
pub(crate) fn unauthenticate(session: &mut Session, state: &mut State) -> Outcome {
    tracing::info!("unauthenticated");
    session.forget();
    *state = State::NotAuthenticated;
    Ok(Answer::ok("Log in again"))
}
