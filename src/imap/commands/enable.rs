//! ENABLE (RFC 5161, RFC 6855 §3).

use crate::imap::answer::{Answer, Outcome};
use crate::imap::session::Session;

/// MODSEQ with every change (RFC 7162 §3.1).
pub(crate) const CONDSTORE: &str = "CONDSTORE";
/// The same, and VANISHED instead of EXPUNGE (RFC 7162 §3.2.3).
pub(crate) const QRESYNC: &str = "QRESYNC";

/// UIDs only (RFC 9586).
const UID_ONLY: &str = "UIDONLY";

/// UTF-8 in quoted strings, mailbox names among them (RFC 6855 §3).
pub(crate) const UTF8_ACCEPT: &str = "UTF8=ACCEPT";

/// Enables what it can and tells which; dispatch has seen to CONDSTORE. Names that are not known are passed over.
pub(crate) fn enable(session: &mut Session, names: &[String]) -> Outcome {
    session.output.raw(b"* ENABLED");
    for name in [CONDSTORE, QRESYNC, UTF8_ACCEPT, UID_ONLY] {
        if names.iter().any(|asked| asked == name) && session.offers(name) {
            session.output.text(format_args!(" {name}"));
            session.enabled.qresync |= name == QRESYNC;
            session.enabled.utf8 |= name == UTF8_ACCEPT;
            session.enabled.uid_only |= name == UID_ONLY;
        }
    }
    session.output.raw(b"\r\n");
    session.output.speak_utf8(session.enabled.utf8);
    Ok(Answer::ok("ENABLE completed"))
}
