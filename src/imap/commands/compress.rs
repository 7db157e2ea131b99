//! COMPRESS (RFC 4978).

use crate::imap::answer::{Answer, Outcome};
use crate::imap::session::Session;
use std::sync::Arc;

/// Allows it, if memory for one more such session is granted by the settings; the OK itself is the last that leaves
/// uncompressed.
pub(crate) fn compress(session: &mut Session) -> Outcome {
    if session.compressed.is_some() {
        return Ok(Answer::no(Some("COMPRESSIONACTIVE"), "DEFLATE is active already"));
    }
    match Arc::clone(&session.imap.compressed).try_acquire_owned() {
        Ok(slot) => {
            session.compressed = Some(slot);
            Ok(Answer::ok("DEFLATE active"))
        }
        Err(_) => Ok(Answer::no(
            Some("LIMIT"),
            "Too many sessions are compressed; go on without",
        )),
    }
}
