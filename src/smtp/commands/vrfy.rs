//! VRFY (RFC 5321 §3.5, §4.1.1.6).

use crate::smtp::reply::Reply;

/// Neither confirms nor denies (RFC 5321 §7.3): RCPT tells, to whoever has mail.
pub(crate) fn run() -> Reply {
    Reply::new(
        252,
        "2.5.0",
        "Cannot verify, but will take a message and try to deliver it",
    )
}
