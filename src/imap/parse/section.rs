//! Body sections and what of them: `BODY[1.2.HEADER.FIELDS (From To)]<0.100>` (RFC 9051 §6.4.5).

use super::cursor::{Cursor, Fault, Parsed};
use super::strings::utf8;
use crate::imap::command::{BodySection, SectionName, SectionText};

/// The most levels of a part. MIME parts nest less deep than this, or are not looked into.
const MAX_LEVELS: usize = 100;
/// The most names in one HEADER.FIELDS.
const MAX_FIELDS: usize = 200;

/// `section [partial]`, behind BODY or BODY.PEEK.
pub(super) fn section(cursor: &mut Cursor<'_>, peek: bool) -> Parsed<BodySection> {
    cursor.require(b'[', "a section in brackets")?;
    let (part, text) = section_spec(cursor)?;
    cursor.require(b']', "a closing bracket")?;
    let partial = if cursor.peek() == Some(b'<') {
        Some(partial(cursor)?)
    } else {
        None
    };
    Ok(BodySection {
        name: SectionName::Body,
        part,
        text,
        partial,
        peek,
    })
}

/// `[section-spec]`.
fn section_spec(cursor: &mut Cursor<'_>) -> Parsed<(Vec<u32>, SectionText)> {
    let mut part = Vec::new();
    while cursor.peek().is_some_and(|byte| byte.is_ascii_digit()) {
        if part.len() == MAX_LEVELS {
            return Err(Fault::bad(
                format!("more than {MAX_LEVELS} levels in a part"),
                cursor.position(),
            ));
        }
        part.push(cursor.nz_number()?);
        if !cursor.skip(b'.') {
            return Ok((part, SectionText::All));
        }
    }
    if part.is_empty() && cursor.peek() == Some(b']') {
        return Ok((part, SectionText::All));
    }
    let text = section_text(cursor, !part.is_empty())?;
    Ok((part, text))
}

/// `section-msgtext`, and MIME within a part.
fn section_text(cursor: &mut Cursor<'_>, within_part: bool) -> Parsed<SectionText> {
    let start = cursor.position();
    match cursor.word("a section")?.as_str() {
        "HEADER" => Ok(SectionText::Header),
        "HEADER.FIELDS" => header_list(cursor).map(SectionText::HeaderFields),
        "HEADER.FIELDS.NOT" => header_list(cursor).map(SectionText::HeaderFieldsNot),
        "TEXT" => Ok(SectionText::Text),
        "MIME" if within_part => Ok(SectionText::Mime),
        "MIME" => Err(Fault::bad("MIME needs a part number", start)),
        _ => Err(Fault::bad("unknown section", start)),
    }
}

/// `SP header-list`.
fn header_list(cursor: &mut Cursor<'_>) -> Parsed<Vec<String>> {
    cursor.space()?;
    cursor.list(1..=MAX_FIELDS, |cursor| {
        let start = cursor.position();
        let name = cursor.astring("the name of a header field")?;
        utf8(name, start)
    })
}

/// `partial`: `<start.length>`. Numbers have 63 bits there and 32 here; no message is so long that it made a difference.
fn partial(cursor: &mut Cursor<'_>) -> Parsed<(u32, u32)> {
    let bounded = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    cursor.require(b'<', "a partial")?;
    let start = cursor.number64()?;
    cursor.require(b'.', "a dot and a length")?;
    let at = cursor.position();
    let length = cursor.number64()?;
    if length == 0 {
        return Err(Fault::bad("0 is not allowed", at));
    }
    cursor.require(b'>', "a closing angle bracket")?;
    Ok((bounded(start), bounded(length)))
}
