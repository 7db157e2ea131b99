//! QUIT (RFC 5321 §4.1.1.10).

use crate::smtp::reply::Reply;

/// The session ends behind this reply.
pub(crate) fn run() -> Reply {
    Reply::new(221, "2.0.0", "Bye")
}
