//! Body sections and what of them: `BODY[1.2.HEADER.FIELDS (From To)]<0.100>` (RFC 9051 §6.4.5).

use super::cursor::{Cursor, Fault, Parsed};
use super::strings::utf8;
use crate::imap::command::{BinarySection, BodySection, SectionName, SectionText};

/// The most levels of a part. MIME parts nest less deep than this, or are not looked into.
const MAX_LEVELS: usize = 100;
/// The most names in one HEADER.FIELDS.
const MAX_FIELDS: usize = 200;

/// `section [partial]`, behind BODY or BODY.PEEK.
pub(super) fn section(cursor: &mut Cursor<'_>, peek: bool) -> Parsed<BodySection> {
    cursor.require(b'[', "a section in brackets")?;
    let (part, text) = section_spec(cursor)?;
    cursor.require(b']', "a closing bracket")?;
    let partial = optional_partial(cursor)?;
    Ok(BodySection {
        name: SectionName::Body,
        part,
        text,
        partial,
        peek,
    })
}

/// `section-binary [partial]`, behind BINARY or BINARY.PEEK (RFC 3516 §7).
pub(super) fn binary(cursor: &mut Cursor<'_>, peek: bool) -> Parsed<BinarySection> {
    Ok(BinarySection {
        part: binary_part(cursor)?,
        partial: optional_partial(cursor)?,
        peek,
    })
}

/// `section-binary`: a part and nothing of it.
pub(super) fn binary_part(cursor: &mut Cursor<'_>) -> Parsed<Vec<u32>> {
    cursor.require(b'[', "a part in brackets")?;
    let start = cursor.position();
    let (part, text) = section_spec(cursor)?;
    if text != SectionText::All {
        return Err(Fault::bad("only a whole part can be decoded", start));
    }
    cursor.require(b']', "a closing bracket")?;
    Ok(part)
}

fn optional_partial(cursor: &mut Cursor<'_>) -> Parsed<Option<(u64, u64)>> {
    match cursor.peek() {
        Some(b'<') => partial(cursor).map(Some),
        _ => Ok(None),
    }
}

/// `[section-spec]`.
pub(super) fn section_spec(cursor: &mut Cursor<'_>) -> Parsed<(Vec<u32>, SectionText)> {
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

/// `partial`: `<start.length>`, of 63 bits.
fn partial(cursor: &mut Cursor<'_>) -> Parsed<(u64, u64)> {
    cursor.require(b'<', "a partial")?;
    let start = cursor.number64()?;
    cursor.require(b'.', "a dot and a length")?;
    let at = cursor.position();
    let length = cursor.number64()?;
    if length == 0 {
        return Err(Fault::bad("0 is not allowed", at));
    }
    cursor.require(b'>', "a closing angle bracket")?;
    Ok((start, length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::command::{CommandBody, FetchItem};
    use crate::imap::parse::tests::{bad, same, set};

    #[test]
    fn sections() {
        let fields = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        for (written, part, text, partial) in [
            ("[]", &[][..], SectionText::All, None),
            ("[1]", &[1], SectionText::All, None),
            ("[1.22.4294967295]", &[1, 22, u32::MAX], SectionText::All, None),
            ("[HEADER]", &[], SectionText::Header, None),
            ("[text]", &[], SectionText::Text, None),
            ("[2.Header]", &[2], SectionText::Header, None),
            ("[2.3.TEXT]", &[2, 3], SectionText::Text, None),
            ("[1.MIME]", &[1], SectionText::Mime, None),
            (
                "[HEADER.FIELDS (From)]",
                &[],
                SectionText::HeaderFields(fields(&["From"])),
                None,
            ),
            (
                "[1.2.header.fields ( From  \"to\" {2}\r\nCc X]Y )]",
                &[1, 2],
                SectionText::HeaderFields(fields(&["From", "to", "Cc", "X]Y"])),
                None,
            ),
            (
                "[HEADER.FIELDS.NOT (\"a b\" \"\")]",
                &[],
                SectionText::HeaderFieldsNot(fields(&["a b", ""])),
                None,
            ),
            ("[]<0.1>", &[], SectionText::All, Some((0, 1))),
            ("[1.TEXT]<2048.4096>", &[1], SectionText::Text, Some((2048, 4096))),
            (
                "[]<9999999999.9999999999>",
                &[],
                SectionText::All,
                Some((9_999_999_999, 9_999_999_999)),
            ),
        ] {
            for (item, peek) in [("BODY", false), ("body.peek", true)] {
                let wanted = CommandBody::Fetch {
                    uid: false,
                    set: set(&[(1, 1)]),
                    items: vec![FetchItem::BodySection(BodySection {
                        name: SectionName::Body,
                        part: part.to_vec(),
                        text: text.clone(),
                        partial,
                        peek,
                    })],
                    changed_since: None,
                    vanished_since: None,
                    partial: None,
                };
                same(
                    &[
                        &format!("FETCH 1 {item}{written}"),
                        &format!("FETCH 1 ({item}{written})"),
                    ],
                    &wanted,
                );
            }
        }
    }

    #[test]
    fn decoded_sections() {
        let fetch = |item| CommandBody::Fetch {
            uid: false,
            set: set(&[(1, 1)]),
            items: vec![item],
            changed_since: None,
            vanished_since: None,
            partial: None,
        };
        for (written, part, partial, peek) in [
            ("BINARY[]", vec![], None, false),
            ("binary[1.2]<0.100>", vec![1, 2], Some((0, 100)), false),
            ("BINARY.PEEK[3]", vec![3], None, true),
        ] {
            let item = FetchItem::Binary(BinarySection { part, partial, peek });
            same(&[&format!("FETCH 1 {written}")], &fetch(item));
        }
        same(&["FETCH 1 BINARY.SIZE[4.1]"], &fetch(FetchItem::BinarySize(vec![4, 1])));
        bad(&[
            ("FETCH 1 BINARY", "FETCH: expected a part in brackets, at octet 17"),
            (
                "FETCH 1 BINARY[1.MIME]",
                "FETCH: only a whole part can be decoded, at octet 18",
            ),
            (
                "FETCH 1 BINARY[TEXT]",
                "FETCH: only a whole part can be decoded, at octet 18",
            ),
            (
                "FETCH 1 BINARY.SIZE[1]<0.1>",
                "FETCH: expected the end of the command, at octet 25",
            ),
        ]);
    }

    #[test]
    fn what_is_no_section() {
        let deep = format!("FETCH 1 BODY[{}1]", "1.".repeat(MAX_LEVELS));
        let many = format!("FETCH 1 BODY[HEADER.FIELDS ({}x)]", "x ".repeat(MAX_FIELDS));
        bad(&[
            ("FETCH 1 BODY[", "FETCH: expected a section, at octet 16"),
            ("FETCH 1 BODY[1", "FETCH: expected a closing bracket, at octet 17"),
            ("FETCH 1 BODY[0]", "FETCH: 0 is not allowed, at octet 16"),
            ("FETCH 1 BODY[1.]", "FETCH: expected a section, at octet 18"),
            ("FETCH 1 BODY[1..2]", "FETCH: unknown section, at octet 18"),
            ("FETCH 1 BODY[.1]", "FETCH: unknown section, at octet 16"),
            (
                "FETCH 1 BODY[4294967296]",
                "FETCH: a number above 4294967295, at octet 16",
            ),
            ("FETCH 1 BODY[MIME]", "FETCH: MIME needs a part number, at octet 16"),
            ("FETCH 1 BODY[BODY]", "FETCH: unknown section, at octet 16"),
            ("FETCH 1 BODY[HEADER.FIELDS]", "FETCH: expected a space, at octet 29"),
            (
                "FETCH 1 BODY[HEADER.FIELDS ()]",
                "FETCH: expected the name of a header field, at octet 31",
            ),
            (
                "FETCH 1 BODY[HEADER.FIELDS From]",
                "FETCH: expected a parenthesis, at octet 30",
            ),
            (
                "FETCH 1 BODY[HEADER.FIELDS (From)",
                "FETCH: expected a closing bracket, at octet 36",
            ),
            ("FETCH 1 BODY []", "FETCH: expected a parenthesis, at octet 16"),
            (
                "FETCH 1 BODY.PEEK",
                "FETCH: expected a section in brackets, at octet 20",
            ),
            ("FETCH 1 BODY[]<0>", "FETCH: expected a dot and a length, at octet 19"),
            ("FETCH 1 BODY[]<0.0>", "FETCH: 0 is not allowed, at octet 20"),
            ("FETCH 1 BODY[]<.1>", "FETCH: expected a number, at octet 18"),
            (
                "FETCH 1 BODY[]<1.2",
                "FETCH: expected a closing angle bracket, at octet 21",
            ),
            ("FETCH 1 BODY[]<-1.2>", "FETCH: expected a number, at octet 18"),
            ("FETCH 1 BODY[] <0.1>", "FETCH: expected a parenthesis, at octet 18"),
            (&deep, "FETCH: more than 100 levels in a part, at octet 216"),
            (&many, "FETCH: more than 200 in a list, at octet 431"),
        ]);
    }
}
