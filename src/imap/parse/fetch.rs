//! FETCH and UID FETCH (RFC 9051 §6.4.5, RFC 3501 §6.4.5) with MODSEQ, CHANGEDSINCE and
//! VANISHED (RFC 7162 §3.1.4, §3.2.6), PARTIAL (RFC 9394 §3.3) and BINARY (RFC 3516).

use super::cursor::{Cursor, Fault, Parsed};
use super::{search_return, section, sequence_set};
use crate::imap::command::{BodySection, CommandBody, FetchItem, PartialRange, SectionName, SectionText};
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
    let mut modifiers = Modifiers::default();
    if cursor.more() {
        modifiers = Modifiers::read(cursor, uid)?;
    }
    if modifiers.changed_since.is_some() {
        // CHANGEDSINCE asks for MODSEQ as well (RFC 7162 §3.1.4.1), even where it restricts nothing.
        add(&mut items, FetchItem::ModSeq);
    }
    Ok(CommandBody::Fetch {
        uid,
        set,
        items,
        changed_since: modifiers.changed_since.and_then(ModSeq::new),
        vanished_since: modifiers.changed_since.filter(|_| modifiers.vanished),
        partial: modifiers.partial,
    })
}

/// A list of items, each once.
pub(super) fn attributes(cursor: &mut Cursor<'_>) -> Parsed<Vec<FetchItem>> {
    let mut items = Vec::new();
    cursor.list(1..=MAX_ITEMS, |cursor| {
        add(&mut items, item(cursor)?);
        Ok(())
    })?;
    Ok(items)
}

/// A macro, an item, or a list of items. Each item once.
fn items(cursor: &mut Cursor<'_>) -> Parsed<Vec<FetchItem>> {
    let mut items = Vec::new();
    if cursor.peek() == Some(b'(') {
        items = attributes(cursor)?;
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
        "SAVEDATE" => Ok(FetchItem::SaveDate),
        "EMAILID" => Ok(FetchItem::EmailId),
        "THREADID" => Ok(FetchItem::ThreadId),
        "MODSEQ" => Ok(FetchItem::ModSeq),
        "ENVELOPE" => Ok(FetchItem::Envelope),
        "BODYSTRUCTURE" => Ok(FetchItem::BodyStructure),
        "BODY" if cursor.peek() != Some(b'[') => Ok(FetchItem::Body),
        "BODY" => section::section(cursor, false).map(FetchItem::BodySection),
        "BODY.PEEK" => section::section(cursor, true).map(FetchItem::BodySection),
        "BINARY" => section::binary(cursor, false).map(FetchItem::Binary),
        "BINARY.PEEK" => section::binary(cursor, true).map(FetchItem::Binary),
        "BINARY.SIZE" => section::binary_part(cursor).map(FetchItem::BinarySize),
        "PREVIEW" => preview(cursor),
        "RFC822.SIZE" => Ok(FetchItem::Rfc822Size),
        "RFC822" => Ok(old(SectionName::Rfc822, SectionText::All, false)),
        "RFC822.HEADER" => Ok(old(SectionName::Rfc822Header, SectionText::Header, true)),
        "RFC822.TEXT" => Ok(old(SectionName::Rfc822Text, SectionText::Text, false)),
        "ALL" | "FAST" | "FULL" => Err(Fault::bad("a macro stands alone", start)),
        _ => Err(Fault::bad("unknown item", start)),
    }
}

/// What follows `PREVIEW`: `[SP "(" preview-mod *(SP preview-mod) ")"]` (RFC 8970 §6). The parenthesis may as well begin the
/// modifiers of FETCH.
fn preview(cursor: &mut Cursor<'_>) -> Parsed<FetchItem> {
    let mut ahead = cursor.clone();
    let lazy = ahead.spaces() > 0 && ahead.skip(b'(') && {
        ahead.spaces();
        ahead.keyword("LAZY")
    };
    if lazy {
        cursor.spaces();
        cursor.list(1..=MAX_MODIFIERS, |cursor| match cursor.keyword("LAZY") {
            true => Ok(()),
            false => cursor.expected("LAZY"),
        })?;
    }
    Ok(FetchItem::Preview { lazy })
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

/// `fetch-modifiers`.
#[derive(Default)]
struct Modifiers {
    /// CHANGEDSINCE (RFC 7162 §3.1.4.1). Its 0, which the grammar forbids and clients send, restricts nothing.
    changed_since: Option<u64>,
    /// VANISHED (RFC 7162 §3.2.6): only with UID FETCH, and only beside CHANGEDSINCE.
    vanished: bool,
    /// PARTIAL (RFC 9394 §3.3).
    partial: Option<PartialRange>,
}

impl Modifiers {
    fn read(cursor: &mut Cursor<'_>, uid: bool) -> Parsed<Modifiers> {
        let start = cursor.position();
        let mut modifiers = Modifiers::default();
        cursor.list(1..=MAX_MODIFIERS, |cursor| {
            let start = cursor.position();
            match cursor.word("a modifier")?.as_str() {
                "CHANGEDSINCE" => {
                    cursor.space()?;
                    modifiers.changed_since = Some(cursor.number64()?);
                }
                "VANISHED" if uid => modifiers.vanished = true,
                "VANISHED" => return Err(Fault::bad("VANISHED needs UID FETCH", start)),
                "PARTIAL" if modifiers.partial.is_some() => return Err(Fault::bad("PARTIAL twice", start)),
                "PARTIAL" => {
                    cursor.space()?;
                    modifiers.partial = Some(search_return::partial_range(cursor)?);
                }
                _ => return Err(Fault::bad("unknown modifier", start)),
            }
            Ok(())
        })?;
        match modifiers.vanished && modifiers.changed_since.is_none() {
            true => Err(Fault::bad("VANISHED needs CHANGEDSINCE", start)),
            false => Ok(modifiers),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::parse::tests::{bad, same, set};

    fn fetch(items: &[FetchItem], changed_since: Option<u64>) -> CommandBody {
        CommandBody::Fetch {
            uid: true,
            set: set(&[(1, 0)]),
            items: items.to_vec(),
            changed_since: changed_since.and_then(ModSeq::new),
            vanished_since: None,
            partial: None,
        }
    }

    #[test]
    fn items_and_macros() {
        use FetchItem::*;
        let fast = [Flags, InternalDate, Rfc822Size];
        let all = [&fast[..], &[Envelope]].concat();
        let full = [&all[..], &[Body]].concat();
        for (written, items) in [
            ("FLAGS", &[Flags][..]),
            ("(flags)", &[Flags]),
            ("( UID FLAGS  UID )", &[Uid, Flags]),
            (
                "(UID INTERNALDATE MODSEQ ENVELOPE)",
                &[Uid, InternalDate, ModSeq, Envelope],
            ),
            ("(SAVEDATE emailid THREADID)", &[SaveDate, EmailId, ThreadId]),
            ("BODY", &[Body]),
            ("(BODY BODYSTRUCTURE)", &[Body, BodyStructure]),
            ("RFC822.SIZE", &[Rfc822Size]),
            ("PREVIEW", &[Preview { lazy: false }]),
            ("(PREVIEW)", &[Preview { lazy: false }]),
            ("PREVIEW (LAZY)", &[Preview { lazy: true }]),
            (
                "(UID preview  ( lazy LAZY ) FLAGS)",
                &[Uid, Preview { lazy: true }, Flags],
            ),
            ("(RFC822.SIZE FLAGS)", &[Rfc822Size, Flags]),
            ("RFC822", &[old(SectionName::Rfc822, SectionText::All, false)]),
            (
                "RFC822.HEADER",
                &[old(SectionName::Rfc822Header, SectionText::Header, true)],
            ),
            (
                "(rfc822.text)",
                &[old(SectionName::Rfc822Text, SectionText::Text, false)],
            ),
            ("FAST", &fast),
            ("all", &all),
            ("Full", &full),
        ] {
            same(
                &[
                    &format!("UID FETCH 1:* {written}"),
                    &format!("uid fetch  1:*  {written} "),
                ],
                &fetch(items, None),
            );
        }
    }

    #[test]
    fn changed_since() {
        use FetchItem::*;
        same(
            &[
                "UID FETCH 1:* FLAGS (CHANGEDSINCE 12345)",
                "UID FETCH 1:* (FLAGS MODSEQ)  ( changedsince 12345 ) ",
            ],
            &fetch(&[Flags, ModSeq], Some(12345)),
        );
        same(
            &[
                "UID FETCH 1:* PREVIEW (CHANGEDSINCE 12345)",
                "UID FETCH 1:* (PREVIEW MODSEQ) (CHANGEDSINCE 12345)",
            ],
            &fetch(&[Preview { lazy: false }, ModSeq], Some(12345)),
        );
        same(
            &["UID FETCH 1:* (MODSEQ UID) (CHANGEDSINCE 9223372036854775807)"],
            &fetch(&[ModSeq, Uid], Some(i64::MAX as u64)),
        );
        same(&["UID FETCH 1:* UID (CHANGEDSINCE 0)"], &fetch(&[Uid, ModSeq], None));
        let vanished = |since| CommandBody::Fetch {
            uid: true,
            set: set(&[(300, 500)]),
            items: vec![Flags, ModSeq],
            changed_since: crate::mail::ids::ModSeq::new(since),
            vanished_since: Some(since),
            partial: None,
        };
        same(
            &[
                "UID FETCH 300:500 (FLAGS) (CHANGEDSINCE 12345 VANISHED)",
                "uid fetch 300:500 flags (vanished changedsince 12345)",
            ],
            &vanished(12345),
        );
        same(&["UID FETCH 300:500 (FLAGS) (CHANGEDSINCE 0 VANISHED)"], &vanished(0));
    }

    #[test]
    fn partial() {
        let range = |first, last, from_end| Some(PartialRange { first, last, from_end });
        for (written, changed, wanted) in [
            ("(PARTIAL -1:-30)", None, range(1, 30, true)),
            ("(partial 5:1)", None, range(5, 1, false)),
            ("(PARTIAL -1:-30 CHANGEDSINCE 98305)", Some(98305), range(1, 30, true)),
            ("(CHANGEDSINCE 98305 PARTIAL -1:-30)", Some(98305), range(1, 30, true)),
        ] {
            let mut body = match changed {
                Some(_) => fetch(&[FetchItem::Uid, FetchItem::ModSeq], changed),
                None => fetch(&[FetchItem::Uid], None),
            };
            if let CommandBody::Fetch { partial, .. } = &mut body {
                *partial = wanted;
            }
            same(&[&format!("UID FETCH 1:* UID {written}")], &body);
        }
    }

    #[test]
    fn what_is_no_fetch() {
        let many = format!("FETCH 1 ({}UID)", "UID ".repeat(MAX_ITEMS));
        bad(&[
            ("FETCH", "FETCH: expected a space, at octet 8"),
            ("FETCH 1", "FETCH: expected a space, at octet 10"),
            ("FETCH 1 ", "FETCH: expected an item, at octet 11"),
            ("FETCH FLAGS 1", "FETCH: expected a message number or *, at octet 9"),
            ("FETCH 1 ()", "FETCH: expected an item, at octet 12"),
            (
                "FETCH 1 (FLAGS",
                "FETCH: expected a space or a closing parenthesis, at octet 17",
            ),
            ("FETCH 1 FLAGS)", "FETCH: expected the end of the command, at octet 16"),
            ("FETCH 1 (FLAGS (UID))", "FETCH: expected an item, at octet 18"),
            (
                "FETCH 1 (FLAGS,UID)",
                "FETCH: expected a space or a closing parenthesis, at octet 17",
            ),
            ("FETCH 1 FLAGS UID", "FETCH: expected a parenthesis, at octet 17"),
            ("FETCH 1 \"FLAGS\"", "FETCH: expected an item, at octet 11"),
            ("FETCH 1 FLAG", "FETCH: unknown item, at octet 11"),
            ("FETCH 1 (UID FLAGSS)", "FETCH: unknown item, at octet 16"),
            ("FETCH 1 (UID ALL)", "FETCH: a macro stands alone, at octet 16"),
            ("FETCH 1 X-GM-MSGID", "FETCH: unknown item, at octet 11"),
            ("FETCH 1 (PREVIEW (EAGER))", "FETCH: expected an item, at octet 20"),
            ("FETCH 1 PREVIEW (LAZY EAGER)", "FETCH: expected LAZY, at octet 25"),
            (
                "FETCH 1 PREVIEW(LAZY)",
                "FETCH: expected the end of the command, at octet 18",
            ),
            ("FETCH 1 RFC822.PEEK", "FETCH: unknown item, at octet 11"),
            (
                "FETCH 1 RFC822[]",
                "FETCH: expected the end of the command, at octet 17",
            ),
            ("FETCH 1 UID ()", "FETCH: expected a modifier, at octet 16"),
            ("FETCH 1 UID (CHANGEDSINCE)", "FETCH: expected a space, at octet 28"),
            ("FETCH 1 UID (CHANGEDSINCE x)", "FETCH: expected a number, at octet 29"),
            ("FETCH 1 UID (CHANGEDSINCE -1)", "FETCH: expected a number, at octet 29"),
            (
                "FETCH 1 UID (CHANGEDSINCE 9223372036854775808)",
                "FETCH: a number above 9223372036854775807, at octet 29",
            ),
            (
                "FETCH 1 UID (CHANGEDSINCE 1) x",
                "FETCH: expected the end of the command, at octet 32",
            ),
            (
                "UID FETCH 1 UID (VANISHED)",
                "UID FETCH: VANISHED needs CHANGEDSINCE, at octet 19",
            ),
            (
                "FETCH 1 UID (CHANGEDSINCE 1 VANISHED)",
                "FETCH: VANISHED needs UID FETCH, at octet 31",
            ),
            (
                "FETCH 1 UID (PARTIAL 1:2 PARTIAL 1:2)",
                "FETCH: PARTIAL twice, at octet 28",
            ),
            ("FETCH 1 UID (PARTIAL 1:-2)", "FETCH: expected a number, at octet 26"),
            (&many, "FETCH: more than 200 in a list, at octet 812"),
        ]);
    }
}
