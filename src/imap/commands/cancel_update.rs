//! CANCELUPDATE (RFC 5267 §4.3.5).

use crate::imap::answer::{Answer, Outcome};
use crate::imap::session::Selected;

/// The results of the commands with these tags are no longer kept up to date.
pub(crate) fn cancel_update(selected: &mut Selected, tags: &[String]) -> Outcome {
    if !tags.iter().all(|tag| selected.contexts.has(tag)) {
        return Ok(Answer::bad("No search of that tag is kept up to date"));
    }
    for tag in tags {
        selected.contexts.cancel(tag);
    }
    Ok(Answer::ok("CANCELUPDATE completed"))
}
