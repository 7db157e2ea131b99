//! LIST (RFC 9051 §6.3.9, RFC 5258) with STATUS (RFC 5819) and SPECIAL-USE (RFC 6154), and LSUB (RFC 3501 §6.3.9).

use super::cursor::{Cursor, Fault, Parsed};
use super::{mailbox, status};
use crate::imap::command::{CommandBody, List};

/// The most options in one list, repeated ones included: a repeated option counts once (RFC 5258 §3).
const MAX_OPTIONS: usize = 30;
/// The most patterns.
const MAX_PATTERNS: usize = 100;

/// LIST, simple or extended (RFC 5258 §1 says by what it is told).
pub(super) fn list(cursor: &mut Cursor<'_>) -> Parsed<CommandBody> {
    let mut list = List::default();
    cursor.space()?;
    if cursor.peek() == Some(b'(') {
        list.extended = true;
        selection(cursor, &mut list)?;
        // An example of RFC 5819 §3 has no space here.
        cursor.spaces();
    }
    list.reference = mailbox::name(cursor)?;
    cursor.space()?;
    if cursor.peek() == Some(b'(') {
        list.extended = true;
        list.patterns = cursor.list(1..=MAX_PATTERNS, mailbox::pattern)?;
    } else {
        list.patterns = vec![mailbox::pattern(cursor)?];
    }
    if cursor.more() {
        list.extended = true;
        returns(cursor, &mut list)?;
    }
    Ok(CommandBody::List(list))
}

/// LSUB.
pub(super) fn lsub(cursor: &mut Cursor<'_>) -> Parsed<CommandBody> {
    cursor.space()?;
    let reference = mailbox::name(cursor)?;
    cursor.space()?;
    let pattern = mailbox::pattern(cursor)?;
    Ok(CommandBody::Lsub { reference, pattern })
}

/// `list-select-opts`.
fn selection(cursor: &mut Cursor<'_>, list: &mut List) -> Parsed<()> {
    let start = cursor.position();
    cursor.list(0..=MAX_OPTIONS, |cursor| {
        let start = cursor.position();
        match cursor.word("a selection option")?.as_str() {
            "SUBSCRIBED" => list.select_subscribed = true,
            "REMOTE" => list.select_remote = true,
            "RECURSIVEMATCH" => list.select_recursive_match = true,
            "SPECIAL-USE" => list.select_special_use = true,
            _ => return Err(Fault::bad("unknown selection option", start)),
        }
        Ok(())
    })?;
    if list.select_recursive_match && !list.select_subscribed {
        return Err(Fault::bad("RECURSIVEMATCH needs SUBSCRIBED", start));
    }
    Ok(())
}

/// `list-return-opts`.
fn returns(cursor: &mut Cursor<'_>, list: &mut List) -> Parsed<()> {
    if !cursor.keyword("RETURN") {
        return cursor.expected("RETURN");
    }
    cursor.spaces();
    cursor.list(0..=MAX_OPTIONS, |cursor| {
        let start = cursor.position();
        match cursor.word("a return option")?.as_str() {
            "SUBSCRIBED" => list.return_subscribed = true,
            "CHILDREN" => list.return_children = true,
            "SPECIAL-USE" => list.return_special_use = true,
            "STATUS" => {
                cursor.space()?;
                list.return_status = Some(status::items(cursor)?);
            }
            _ => return Err(Fault::bad("unknown return option", start)),
        }
        Ok(())
    })?;
    Ok(())
}
