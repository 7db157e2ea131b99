//! ENABLE (RFC 5161, RFC 9051 §6.3.1, RFC 5464 §4.1, RFC 6855 §3).

use crate::imap::answer::{Answer, Outcome};
use crate::imap::dialect::Dialect;
use crate::imap::notify::Watch;
use crate::imap::session::{Login, Session};

/// MODSEQ with every change (RFC 7162 §3.1).
pub(crate) const CONDSTORE: &str = "CONDSTORE";
/// The same, and VANISHED instead of EXPUNGE (RFC 7162 §3.2.3).
pub(crate) const QRESYNC: &str = "QRESYNC";

/// UIDs only (RFC 9586).
const UID_ONLY: &str = "UIDONLY";

/// UTF-8 in quoted strings, mailbox names among them (RFC 6855 §3).
pub(crate) const UTF8_ACCEPT: &str = "UTF8=ACCEPT";

/// Changes of annotations are told, those of mailboxes and of the server (RFC 5464 §4.1).
const METADATA: &str = "METADATA";
/// Those of the server alone, if METADATA is not enabled, too.
const METADATA_SERVER: &str = "METADATA-SERVER";

/// The answers of RFC 9051, and UTF-8 as well.
pub(crate) const REV2: &str = "IMAP4rev2";

/// Enables what it can and tells which; dispatch has seen to CONDSTORE. Names that are not known are passed over.
pub(crate) fn enable(session: &mut Session, login: &Login, names: &[String]) -> Outcome {
    session.output.raw(b"* ENABLED");
    for name in [
        CONDSTORE,
        QRESYNC,
        METADATA_SERVER,
        METADATA,
        UTF8_ACCEPT,
        UID_ONLY,
        REV2,
    ] {
        if names.iter().any(|asked| asked.eq_ignore_ascii_case(name)) && session.offers(name) {
            session.output.text(format_args!(" {name}"));
            let dialect = match name {
                UTF8_ACCEPT => Dialect::Utf8,
                REV2 => Dialect::Rev2,
                _ => Dialect::default(),
            };
            let enabled = &mut session.enabled;
            enabled.qresync |= name == QRESYNC;
            enabled.uid_only |= name == UID_ONLY;
            enabled.dialect = enabled.dialect.max(dialect);
            if name == METADATA || (name == METADATA_SERVER && enabled.annotations.is_none()) {
                let watch = Watch::annotations(login.mailboxes.own(), name == METADATA);
                enabled.annotations = Some(Box::new(watch));
            }
        }
    }
    session.output.raw(b"\r\n");
    session.output.speak(session.enabled.dialect);
    Ok(Answer::ok("ENABLE completed"))
}
