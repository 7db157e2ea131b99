//! NOOP (RFC 5321 §4.1.1.9).

use crate::smtp::reply::Reply;

/// Nothing happens.
pub(crate) fn run() -> Reply {
    Reply::OK
}
