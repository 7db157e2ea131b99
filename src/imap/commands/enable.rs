//! ENABLE (RFC 5161).

use crate::imap::answer::{Answer, Outcome};
use crate::imap::session::Session;

/// The one extension here that waits for being enabled (RFC 7162 §3.1).
pub(crate) const CONDSTORE: &str = "CONDSTORE";

/// Tells which of the names were enabled; dispatch has done so. Names that are not known are passed over.
pub(crate) fn enable(session: &mut Session, names: &[String]) -> Outcome {
    session.output.raw(b"* ENABLED");
    if names.iter().any(|name| name == CONDSTORE) {
        session.output.raw(b" CONDSTORE");
    }
    session.output.raw(b"\r\n");
    Ok(Answer::ok("ENABLE completed"))
}
