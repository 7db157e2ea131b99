//! STORE and UID STORE (RFC 9051 §6.4.6) with UNCHANGEDSINCE (RFC 7162 §3.1.3).

use super::cursor::{Cursor, Fault, Parsed};
use super::{flags, sequence_set};
use crate::imap::command::{CommandBody, Store};
use crate::mail::flags::FlagList;
use crate::mailbox::FlagAction;

/// STORE.
pub(super) fn store(cursor: &mut Cursor<'_>, uid: bool) -> Parsed<CommandBody> {
    let set = sequence_set::argument(cursor)?;
    cursor.space()?;
    let mut unchanged_since = None;
    if cursor.peek() == Some(b'(') {
        unchanged_since = Some(modifier(cursor)?);
        cursor.space()?;
    }
    let action = match cursor.peek() {
        Some(b'+') => FlagAction::Add,
        Some(b'-') => FlagAction::Remove,
        _ => FlagAction::Replace,
    };
    if action != FlagAction::Replace {
        cursor.take(1);
    }
    let start = cursor.position();
    let silent = match cursor.word("FLAGS")?.as_str() {
        "FLAGS" => false,
        "FLAGS.SILENT" => true,
        _ => return Err(Fault::bad("expected FLAGS", start)),
    };
    cursor.space()?;
    let flags = flag_list(cursor)?;
    Ok(CommandBody::Store(Store {
        uid,
        set,
        unchanged_since,
        action,
        silent,
        flags,
    }))
}

/// `store-modifiers`: UNCHANGEDSINCE, once.
fn modifier(cursor: &mut Cursor<'_>) -> Parsed<u64> {
    cursor.require(b'(', "a parenthesis")?;
    cursor.spaces();
    if !cursor.keyword("UNCHANGEDSINCE") {
        return cursor.expected("UNCHANGEDSINCE");
    }
    cursor.space()?;
    let mod_seq = cursor.number64()?;
    cursor.spaces();
    cursor.require(b')', "a closing parenthesis")?;
    Ok(mod_seq)
}

/// `flag-list / (flag *(SP flag))`.
fn flag_list(cursor: &mut Cursor<'_>) -> Parsed<FlagList> {
    if cursor.peek() == Some(b'(') {
        return flags::list(cursor);
    }
    let mut list = FlagList::default();
    flags::flag(cursor, &mut list)?;
    let mut count = 1;
    while cursor.more() {
        if count == flags::MAX_FLAGS {
            return Err(Fault::bad(
                format!("more than {} flags", flags::MAX_FLAGS),
                cursor.position(),
            ));
        }
        flags::flag(cursor, &mut list)?;
        count += 1;
    }
    Ok(list)
}
