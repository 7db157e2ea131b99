//! RSET (RFC 5321 §4.1.1.5).

use crate::smtp::reply::Reply;
use crate::smtp::session::State;

/// Ends the transaction. Greeting and login stay.
pub(crate) fn run(state: &mut State) -> Reply {
    state.tx = None;
    Reply::OK
}
