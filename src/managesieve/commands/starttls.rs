//! STARTTLS (RFC 5804 §2.2).

use crate::managesieve::reply::Reply;
use crate::managesieve::session::{Session, State};

/// Allows the handshake, which follows the answer at once: what was pipelined in plain text is thrown away.
pub(in crate::managesieve) fn starttls(session: &mut Session, state: &mut State) -> Reply {
    if !session.connection.can_start_tls() {
        return Reply::bad("STARTTLS is not possible here");
    }
    *state = State::StartTls;
    Reply::ok("Begin TLS negotiation now")
}
