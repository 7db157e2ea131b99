//! ID (RFC 2971).

use super::cursor::{Cursor, Parsed};
use crate::imap::command::CommandBody;
use std::borrow::Cow;

/// The most fields that a client may send (RFC 2971 §3.3).
const MAX_FIELDS: usize = 30;

/// ID: what the client says of itself, which may be nothing. Only ever looked at by people, so that octets that are not
/// UTF-8 are replaced rather than refused: some clients give up when ID fails.
pub(super) fn id(cursor: &mut Cursor<'_>) -> Parsed<CommandBody> {
    cursor.space()?;
    if cursor.keyword("NIL") {
        return Ok(CommandBody::Id(Vec::new()));
    }
    let fields = cursor.list(0..=MAX_FIELDS, |cursor| {
        let name = readable(cursor.astring("the name of a field")?);
        cursor.space()?;
        Ok((name, cursor.nstring("a string or NIL")?.map(readable)))
    })?;
    Ok(CommandBody::Id(fields))
}

fn readable(octets: Cow<'_, [u8]>) -> String {
    String::from_utf8_lossy(&octets).into_owned()
}
