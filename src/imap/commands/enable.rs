//! ENABLE (RFC 5161).

use crate::imap::answer::{Answer, Outcome};
use crate::imap::session::Session;

/// MODSEQ with every change (RFC 7162 §3.1).
pub(crate) const CONDSTORE: &str = "CONDSTORE";
/// The same, and VANISHED instead of EXPUNGE (RFC 7162 §3.2.3).
pub(crate) const QRESYNC: &str = "QRESYNC";

/// UIDs only (RFC 9586).
const UID_ONLY: &str = "UIDONLY";

/// Enables what it can and tells which; dispatch has seen to CONDSTORE. Names that are not known are passed over.
pub(crate) fn enable(session: &mut Session, names: &[String]) -> Outcome {
    session.output.raw(b"* ENABLED");
    for name in [CONDSTORE, QRESYNC, UID_ONLY] {
        if names.iter().any(|asked| asked == name) && session.offers(name) {
            session.output.text(format_args!(" {name}"));
            session.enabled.qresync |= name == QRESYNC;
            session.enabled.uid_only |= name == UID_ONLY;
        }
    }
    session.output.raw(b"\r\n");
    Ok(Answer::ok("ENABLE completed"))
}
