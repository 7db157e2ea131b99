//! NOOP (RFC 9051 §6.1.2).

use crate::imap::answer::{Answer, Outcome};

/// Does nothing; what there is to tell goes out in front of its answer, as for every command.
pub(crate) fn noop() -> Outcome {
    Ok(Answer::ok("NOOP completed"))
}
