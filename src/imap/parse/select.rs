//! SELECT and EXAMINE (RFC 9051 §6.3.2, §6.3.3) with the parameters of RFC 4466 §2.4.

use super::cursor::{Cursor, Fault, Parsed};
use crate::imap::command::CommandBody;

/// The most parameters.
const MAX_PARAMETERS: usize = 10;

/// SELECT.
pub(super) fn select(cursor: &mut Cursor<'_>) -> Parsed<CommandBody> {
    let mailbox = super::mailbox::argument(cursor)?;
    let condstore = condstore(cursor)?;
    Ok(CommandBody::Select { mailbox, condstore })
}

/// EXAMINE.
pub(super) fn examine(cursor: &mut Cursor<'_>) -> Parsed<CommandBody> {
    let mailbox = super::mailbox::argument(cursor)?;
    let condstore = condstore(cursor)?;
    Ok(CommandBody::Examine { mailbox, condstore })
}

/// `[SP "(" select-param ... ")"]`: whether CONDSTORE is in it (RFC 7162 §3.1.8). What we do not announce is refused, as
/// RFC 4466 §2.4 wants.
fn condstore(cursor: &mut Cursor<'_>) -> Parsed<bool> {
    if !cursor.more() {
        return Ok(false);
    }
    cursor.list(1..=MAX_PARAMETERS, |cursor| {
        let start = cursor.position();
        match cursor.word("a parameter")?.as_str() {
            "CONDSTORE" => Ok(()),
            _ => Err(Fault::bad("unknown parameter", start)),
        }
    })?;
    Ok(true)
}
