//! HELP (RFC 5321 §4.1.1.8).

use crate::smtp::Role;
use crate::smtp::reply::Reply;

/// Names the commands.
pub(crate) fn run(role: Role) -> Reply {
    let (first, more) = match role {
        Role::Receive => ("EHLO HELO STARTTLS MAIL RCPT DATA BDAT", "RSET NOOP VRFY HELP QUIT"),
        Role::Submission => (
            "EHLO HELO STARTTLS MAIL RCPT DATA BDAT",
            "AUTH RSET NOOP VRFY HELP QUIT",
        ),
        Role::Lmtp => ("LHLO MAIL RCPT DATA BDAT", "RSET NOOP VRFY HELP QUIT"),
    };
    Reply::new(214, "2.0.0", "Commands:").and(first).and(more)
}
