//! Flags as arguments of STORE, APPEND and SEARCH (RFC 9051 §2.3.2).

use super::cursor::{Cursor, Fault, Parsed};
use super::strings::is_atom_char;
use crate::mail::flags::FlagList;

/// The most flags named at once. A mailbox holds fewer.
pub(super) const MAX_FLAGS: usize = 100;

/// `flag-list`, in parentheses.
pub(super) fn list(cursor: &mut Cursor<'_>) -> Parsed<FlagList> {
    let mut flags = FlagList::default();
    cursor.list(0..=MAX_FLAGS, |cursor| flag(cursor, &mut flags))?;
    Ok(flags)
}

/// `flag`, added to `flags`. A system flag of later standards (`flag-extension`) is no flag here and passed over, as a
/// flag that PERMANENTFLAGS does not name is (RFC 9051 §7.1); what FETCH answers tells the client.
pub(super) fn flag(cursor: &mut Cursor<'_>, flags: &mut FlagList) -> Parsed<()> {
    let start = cursor.position();
    let system = cursor.skip(b'\\');
    let atom = cursor.take_while(|byte| byte.is_ascii() && is_atom_char(byte));
    let name = cursor.bytes().get(start..cursor.position()).unwrap_or_default();
    match std::str::from_utf8(name) {
        Ok(name) if !atom.is_empty() && (flags.insert(name) || system) => Ok(()),
        _ if atom.is_empty() => Err(Fault::bad("expected a flag", start)),
        _ => Err(Fault::bad("a keyword that is too long", start)),
    }
}
