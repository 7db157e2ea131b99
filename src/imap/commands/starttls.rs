//! STARTTLS (RFC 9051 §6.2.1).

use crate::imap::answer::{Answer, Outcome};
use crate::imap::session::{Session, State};

/// Allows the handshake, which follows the answer at once: what was pipelined in plain text is thrown away.
pub(crate) fn starttls(session: &mut Session, state: &mut State) -> Outcome {
    if !session.connection.can_start_tls() {
        return Ok(Answer::bad("STARTTLS is not possible here"));
    }
    *state = State::StartTls;
    Ok(Answer::ok("Begin TLS negotiation now"))
}
