//! ENABLE (RFC 5161, RFC 9051 §6.3.1).

use super::cursor::{Cursor, Fault, Parsed};
use crate::imap::command::CommandBody;

/// The most capabilities named at once.
const MAX_CAPABILITIES: usize = 100;

/// ENABLE: the names in upper case.
pub(super) fn enable(cursor: &mut Cursor<'_>) -> Parsed<CommandBody> {
    cursor.space()?;
    let mut names = vec![cursor.atom("a capability")?.to_ascii_uppercase()];
    while cursor.more() {
        if names.len() == MAX_CAPABILITIES {
            return Err(Fault::bad(
                format!("more than {MAX_CAPABILITIES} capabilities"),
                cursor.position(),
            ));
        }
        names.push(cursor.atom("a capability")?.to_ascii_uppercase());
    }
    Ok(CommandBody::Enable(names))
}
