//! CREATE (RFC 9051 §6.3.4) with its special use (RFC 6154 §3).

use super::cursor::{Cursor, Fault, Parsed};
use crate::imap::command::CommandBody;
use crate::mail::mailbox_name::SpecialUse;

/// The most attributes in USE.
const MAX_ATTRIBUTES: usize = 10;

/// CREATE. A mailbox has one special use at most here: a second one is as impossible as one that we do not have.
pub(super) fn create(cursor: &mut Cursor<'_>) -> Parsed<CommandBody> {
    let mailbox = super::mailbox::folder(cursor)?;
    let mut uses = Vec::new();
    if cursor.more() {
        cursor.require(b'(', "a parenthesis")?;
        cursor.spaces();
        if !cursor.keyword("USE") {
            return cursor.expected("USE");
        }
        cursor.space()?;
        uses = cursor.list(0..=MAX_ATTRIBUTES, attribute)?;
        cursor.spaces();
        cursor.require(b')', "a closing parenthesis")?;
    }
    uses.dedup();
    match uses.as_slice() {
        [] => Ok(CommandBody::Create {
            mailbox,
            special_use: None,
        }),
        [Some(one)] => Ok(CommandBody::Create {
            mailbox,
            special_use: Some(*one),
        }),
        _ => Err(Fault::UseAttribute),
    }
}

/// `use-attr`; `None` for one that we do not have.
fn attribute(cursor: &mut Cursor<'_>) -> Parsed<Option<SpecialUse>> {
    cursor.require(b'\\', "a special use such as \\Sent")?;
    let name = cursor.atom("the name of a special use")?;
    Ok(SpecialUse::from_attribute(&format!("\\{name}")))
}
