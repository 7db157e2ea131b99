//! CAPABILITY (RFC 9051 §6.1.1).

use crate::imap::answer::{Answer, Outcome};
use crate::imap::session::Session;

/// Lists what this server can do at the moment.
pub(crate) fn capability(session: &mut Session) -> Outcome {
    let capabilities = session.capabilities();
    session.output.line(format_args!("* CAPABILITY {capabilities}"));
    Ok(Answer::ok("CAPABILITY completed"))
}
