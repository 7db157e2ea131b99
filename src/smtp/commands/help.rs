//! HELP (RFC 5321 §4.1.1.8).

use crate::smtp::Role;
use crate::smtp::reply::Reply;

/// Names the commands.
pub(crate) fn run(role: Role) -> Reply {
    let more = match role {
        Role::Receive => "RSET NOOP VRFY HELP QUIT",
        Role::Submission => "AUTH RSET NOOP VRFY HELP QUIT",
    };
    Reply::new(214, "2.0.0", "Commands:")
        .and("EHLO HELO STARTTLS MAIL RCPT DATA BDAT")
        .and(more)
}
