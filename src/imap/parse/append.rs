//! APPEND as far as its message (RFC 9051 §6.3.12).

use super::cursor::{Cursor, Parsed};
use super::{date, flags, mailbox};
use crate::imap::command::CommandBody;
use crate::mail::flags::FlagList;

/// APPEND. The header of the message's literal ends the bytes.
pub(super) fn append(cursor: &mut Cursor<'_>) -> Parsed<CommandBody> {
    let mailbox = mailbox::argument(cursor)?;
    cursor.space()?;
    let mut flags = FlagList::default();
    if cursor.peek() == Some(b'(') {
        flags = flags::list(cursor)?;
        cursor.space()?;
    }
    let mut date = None;
    if cursor.peek() == Some(b'"') {
        date = Some(date::date_time(cursor)?);
        cursor.space()?;
    }
    if cursor.peek() != Some(b'{') {
        return cursor.expected("the message as a literal");
    }
    cursor.literal_header()?;
    Ok(CommandBody::Append { mailbox, flags, date })
}

/// Whether the literal announced at the end of `bytes` holds the message of an APPEND: the command is APPEND, and its
/// mailbox is whole without that literal. What is wrong in between does not matter here: no other literal can follow.
pub(in crate::imap) fn is_message(bytes: &[u8]) -> bool {
    let mut cursor = Cursor::new(bytes, true);
    let front = |cursor: &mut Cursor<'_>| -> Parsed<()> {
        super::tagged(cursor)?;
        cursor.space()?;
        if !cursor.keyword("APPEND") {
            return cursor.expected("APPEND");
        }
        cursor.space()?;
        cursor.astring("a mailbox name").map(|_| ())
    };
    front(&mut cursor).is_ok()
}
