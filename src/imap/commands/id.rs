//! ID (RFC 2971).

use crate::imap::answer::{Answer, Outcome};
use crate::imap::session::Session;

/// Tells what this server is. What the client says of itself goes to the log, escaped, and decides nothing
/// (RFC 2971 §3).
pub(crate) fn id(session: &mut Session, fields: &[(String, Option<String>)]) -> Outcome {
    tracing::debug!(?fields, "client identifies itself");
    session.output.line(format_args!(
        "* ID (\"name\" \"Posthaste\" \"version\" \"{}\")",
        env!("CARGO_PKG_VERSION")
    ));
    Ok(Answer::ok("ID completed"))
}
