//! FETCH and UID FETCH (RFC 9051 §6.4.5, RFC 3501 §6.4.5) with MODSEQ and CHANGEDSINCE (RFC 7162 §3.1.4).

use super::cursor::{Cursor, Fault, Parsed};
use super::{section, sequence_set};
use crate::imap::command::{BodySection, CommandBody, FetchItem, SectionName, SectionText};
use crate::mail::ids::ModSeq;

/// The most items, repeated ones included.
const MAX_ITEMS: usize = 200;
/// The most modifiers.
const MAX_MODIFIERS: usize = 10;

/// FETCH.
pub(super) fn fetch(cursor: &mut Cursor<'_>, uid: bool) -> Parsed<CommandBody> {
    let set = sequence_set::argument(cursor)?;
    cursor.space()?;
    let mut items = items(cursor)?;
    let mut changed_since = None;
    if cursor.more() {
        changed_since = modifiers(cursor)?;
        // CHANGEDSINCE asks for MODSEQ as well (RFC 7162 §3.1.4.1), even where it restricts nothing.
        add(&mut items, FetchItem::ModSeq);
    }
    Ok(CommandBody::Fetch {
        uid,
        set,
        items,
        changed_since,
    })
}

/// A macro, an item, or a list of items. Each item once.
fn items(cursor: &mut Cursor<'_>) -> Parsed<Vec<FetchItem>> {
    let mut items = Vec::new();
    if cursor.peek() == Some(b'(') {
        cursor.list(1..=MAX_ITEMS, |cursor| {
            add(&mut items, item(cursor)?);
            Ok(())
        })?;
    } else if cursor.keyword("FAST") {
        items.extend(FAST);
    } else if cursor.keyword("ALL") {
        items.extend(FAST);
        items.push(FetchItem::Envelope);
    } else if cursor.keyword("FULL") {
        items.extend(FAST);
        items.extend([FetchItem::Envelope, FetchItem::Body]);
    } else {
        items.push(item(cursor)?);
    }
    Ok(items)
}

const FAST: [FetchItem; 3] = [FetchItem::Flags, FetchItem::InternalDate, FetchItem::Rfc822Size];

fn add(items: &mut Vec<FetchItem>, item: FetchItem) {
    if !items.contains(&item) {
        items.push(item);
    }
}

/// `fetch-att`.
fn item(cursor: &mut Cursor<'_>) -> Parsed<FetchItem> {
    let start = cursor.position();
    match cursor.word("an item")?.as_str() {
        "FLAGS" => Ok(FetchItem::Flags),
        "UID" => Ok(FetchItem::Uid),
        "INTERNALDATE" => Ok(FetchItem::InternalDate),
        "MODSEQ" => Ok(FetchItem::ModSeq),
        "ENVELOPE" => Ok(FetchItem::Envelope),
        "BODYSTRUCTURE" => Ok(FetchItem::BodyStructure),
        "BODY" if cursor.peek() != Some(b'[') => Ok(FetchItem::Body),
        "BODY" => section::section(cursor, false).map(FetchItem::BodySection),
        "BODY.PEEK" => section::section(cursor, true).map(FetchItem::BodySection),
        "RFC822.SIZE" => Ok(FetchItem::Rfc822Size),
        "RFC822" => Ok(old(SectionName::Rfc822, SectionText::All, false)),
        "RFC822.HEADER" => Ok(old(SectionName::Rfc822Header, SectionText::Header, true)),
        "RFC822.TEXT" => Ok(old(SectionName::Rfc822Text, SectionText::Text, false)),
        "ALL" | "FAST" | "FULL" => Err(Fault::bad("a macro stands alone", start)),
        _ => Err(Fault::bad("unknown item", start)),
    }
}

/// The items that BODY sections have replaced (RFC 3501 §6.4.5). RFC822.HEADER leaves \Seen as it is.
fn old(name: SectionName, text: SectionText, peek: bool) -> FetchItem {
    FetchItem::BodySection(BodySection {
        name,
        part: Vec::new(),
        text,
        partial: None,
        peek,
    })
}

/// `fetch-modifiers`: CHANGEDSINCE. Its 0, which the grammar forbids and clients send, restricts nothing.
fn modifiers(cursor: &mut Cursor<'_>) -> Parsed<Option<ModSeq>> {
    let mut changed_since = None;
    cursor.list(1..=MAX_MODIFIERS, |cursor| {
        let start = cursor.position();
        match cursor.word("a modifier")?.as_str() {
            "CHANGEDSINCE" => {
                cursor.space()?;
                changed_since = ModSeq::new(cursor.number64()?);
                Ok(())
            }
            _ => Err(Fault::bad("unknown modifier", start)),
        }
    })?;
    Ok(changed_since)
}
