//! APPEND and REPLACE up to each of their literals (RFC 9051 §6.3.12, RFC 3502, RFC 4469, RFC 8508).
//!
//! The octets of messages never come here: what is in front of the first is parsed with the command, what is between two
//! of them and behind the last as a [`rest`].

use super::cursor::{Cursor, Fault, Parsed};
use super::{ParseError, date, flags, mailbox, sequence_set};
use crate::imap::command::{AppendPiece, CommandBody, LiteralPlace, Replace, SequenceSet};
use crate::imap::dialect::Dialect;
use crate::mail::flags::FlagList;

/// The most pieces in front of a literal.
const MAX_PIECES: usize = 1000;

/// APPEND.
pub(super) fn append(cursor: &mut Cursor<'_>) -> Parsed<CommandBody> {
    let mailbox = mailbox::argument(cursor)?;
    cursor.space()?;
    let mut pieces = Vec::new();
    message(cursor, &mut pieces)?;
    further(cursor, &mut pieces)?;
    Ok(CommandBody::Append { mailbox, pieces })
}

/// REPLACE: one message, which a number or `*` names, and what comes in its place.
pub(super) fn replace(cursor: &mut Cursor<'_>, uid: bool) -> Parsed<CommandBody> {
    cursor.space()?;
    let start = cursor.position();
    let message = sequence_set::sequence_set(cursor)?;
    if !matches!(&message, SequenceSet::Ranges(ranges) if matches!(ranges.as_slice(), [(first, last)] if first == last))
    {
        return Err(Fault::bad("expected one message", start));
    }
    let mailbox = mailbox::argument(cursor)?;
    cursor.space()?;
    let mut pieces = Vec::new();
    self::message(cursor, &mut pieces)?;
    Ok(CommandBody::Replace(Replace {
        uid,
        message,
        mailbox,
        pieces,
    }))
}

/// `append-message` without the space in front, as far as its first literal, whose header ends the bytes.
fn message(cursor: &mut Cursor<'_>, pieces: &mut Vec<AppendPiece>) -> Parsed<()> {
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
    pieces.push(AppendPiece::Message { flags, date });
    if cursor.keyword("CATENATE") {
        cursor.space()?;
        cursor.require(b'(', "a parenthesis")?;
        cursor.spaces();
        part(cursor, pieces)?;
        return parts(cursor, pieces);
    }
    if cursor.keyword("UTF8") {
        utf8_literal(cursor)?;
        pieces.push(AppendPiece::Literal(LiteralPlace::Utf8));
        return Ok(());
    }
    literal(cursor, "the message as a literal")?;
    pieces.push(AppendPiece::Literal(LiteralPlace::Message));
    Ok(())
}

/// `utf8-literal` behind its name, as far as its octets (RFC 6855 §4).
fn utf8_literal(cursor: &mut Cursor<'_>) -> Parsed<()> {
    cursor.space()?;
    cursor.require(b'(', "a parenthesis")?;
    if cursor.peek() != Some(b'~') {
        return cursor.expected("a binary literal");
    }
    literal(cursor, "a binary literal")
}

/// `*(SP cat-part) ")"`, as far as the next literal (RFC 4469 §5).
fn parts(cursor: &mut Cursor<'_>, pieces: &mut Vec<AppendPiece>) -> Parsed<()> {
    while !ends_with_literal(pieces) {
        let apart = cursor.spaces() > 0;
        if cursor.skip(b')') {
            return Ok(());
        }
        if !apart {
            return cursor.expected("a space or a closing parenthesis");
        }
        part(cursor, pieces)?;
    }
    Ok(())
}

/// `cat-part`.
fn part(cursor: &mut Cursor<'_>, pieces: &mut Vec<AppendPiece>) -> Parsed<()> {
    if pieces.len() >= MAX_PIECES {
        return Err(Fault::bad(format!("more than {MAX_PIECES} parts"), cursor.position()));
    }
    let start = cursor.position();
    match cursor.word("URL or TEXT")?.as_str() {
        "URL" => {
            cursor.space()?;
            pieces.push(AppendPiece::Url(cursor.text("a URL")?));
        }
        "TEXT" => {
            cursor.space()?;
            literal(cursor, "the text as a literal")?;
            pieces.push(AppendPiece::Literal(LiteralPlace::Part));
        }
        "UTF8" => {
            utf8_literal(cursor)?;
            pieces.push(AppendPiece::Literal(LiteralPlace::Utf8Part));
        }
        _ => return Err(Fault::bad("expected URL or TEXT", start)),
    }
    Ok(())
}

fn ends_with_literal(pieces: &[AppendPiece]) -> bool {
    matches!(pieces.last(), Some(AppendPiece::Literal(_)))
}

/// The header of a `literal` or `literal8` (RFC 3516 §4.4), which is called `name`.
fn literal(cursor: &mut Cursor<'_>, name: &str) -> Parsed<()> {
    if !cursor.rest().starts_with(b"~{") && cursor.peek() != Some(b'{') {
        return cursor.expected(name);
    }
    cursor.skip(b'~');
    cursor.literal_header().map(|_| ())
}

/// What follows the octets of a literal that stood at `place`, up to the next one or to the end of the command. `None` when
/// the bytes end with the announcement of an argument. The tag of an error is empty: the real one came long before.
pub(in crate::imap) fn rest(
    bytes: &[u8],
    dialect: Dialect,
    place: LiteralPlace,
) -> Result<Option<Vec<AppendPiece>>, ParseError> {
    let mut cursor = Cursor::new(bytes, dialect);
    match pieces_behind(&mut cursor, place) {
        Ok(pieces) => Ok(Some(pieces)),
        Err(Fault::Incomplete { .. }) => Ok(None),
        Err(fault) => Err(fault.told(String::new(), "behind the message")),
    }
}

fn pieces_behind(cursor: &mut Cursor<'_>, place: LiteralPlace) -> Parsed<Vec<AppendPiece>> {
    if let Some(at) = memchr::memchr(0, cursor.bytes()) {
        return Err(Fault::bad("NUL is not allowed", at));
    }
    let mut pieces = Vec::new();
    match place {
        LiteralPlace::Message => {}
        LiteralPlace::Part => parts(cursor, &mut pieces)?,
        LiteralPlace::Utf8 => cursor.require(b')', "a closing parenthesis")?,
        LiteralPlace::Utf8Part => {
            cursor.require(b')', "a closing parenthesis")?;
            parts(cursor, &mut pieces)?;
        }
    }
    further(cursor, &mut pieces)?;
    cursor.end()?;
    Ok(pieces)
}

/// Messages behind the first one, as far as the next literal.
fn further(cursor: &mut Cursor<'_>, pieces: &mut Vec<AppendPiece>) -> Parsed<()> {
    while !ends_with_literal(pieces) && cursor.more() {
        message(cursor, pieces)?;
    }
    Ok(())
}

/// Whether this is the beginning of a command that carries messages.
pub(in crate::imap) fn carries_messages(bytes: &[u8]) -> bool {
    let mut cursor = Cursor::new(bytes, Dialect::Rev2);
    let mut front = || -> Parsed<bool> {
        super::tagged(&mut cursor)?;
        cursor.space()?;
        if cursor.keyword("UID") {
            cursor.space()?;
        } else if cursor.keyword("APPEND") {
            return Ok(true);
        }
        Ok(cursor.keyword("REPLACE"))
    };
    front().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::parse::tests::{bad, mailbox, same};
    use crate::imap::parse::until_message;
    use crate::mail::date::Timestamp;
    use crate::mail::flags::Flags;

    /// A message in one literal.
    fn one(flags: Flags, date: Option<Timestamp>) -> Vec<AppendPiece> {
        let flags = FlagList::system(flags);
        vec![
            AppendPiece::Message { flags, date },
            AppendPiece::Literal(LiteralPlace::Message),
        ]
    }

    #[test]
    fn as_far_as_the_message() {
        let append = |flags, date| CommandBody::Append {
            mailbox: mailbox("a b"),
            pieces: one(flags, date),
        };
        let date = Timestamp {
            seconds: 837_596_665,
            offset_minutes: -420,
        };
        same(
            &[
                "APPEND \"a b\" {310}",
                "append {3}\r\na b  {0+}",
                "APPEND {3+}\r\na b () {99999999999}",
                "APPEND \"a b\" ~{3+}",
            ],
            &append(Flags::NONE, None),
        );
        same(&["APPEND \"a b\" (\\Seen \\Recent) {3}"], &append(Flags::SEEN, None));
        same(
            &["APPEND \"a b\" \"17-Jul-1996 02:44:25 -0700\" {3}"],
            &append(Flags::NONE, Some(date)),
        );
        let first = Timestamp {
            seconds: 837_596_665 - 16 * 86_400,
            ..date
        };
        same(
            &[
                "APPEND \"a b\" \" 1-Jul-1996 02:44:25 -0700\" {3}",
                "APPEND \"a b\" \"01-Jul-1996 02:44:25 -0700\" {3}",
                "APPEND \"a b\" \"1-Jul-1996 02:44:25 -0700\" {3}",
            ],
            &append(Flags::NONE, Some(first)),
        );
        same(
            &["APPEND \"a b\" (\\Draft) \"17-jul-1996 02:44:25 -0700\" {3+}"],
            &append(Flags::DRAFT, Some(date)),
        );
    }

    #[test]
    fn what_is_no_append() {
        bad(&[
            ("APPEND", "APPEND: expected a space, at octet 9"),
            ("APPEND {310}", "APPEND: a literal without its octets, at octet 10"),
            ("APPEND INBOX", "APPEND: expected a space, at octet 15"),
            (
                "APPEND INBOX ",
                "APPEND: expected the message as a literal, at octet 16",
            ),
            (
                "APPEND INBOX \\Seen {3}",
                "APPEND: expected the message as a literal, at octet 16",
            ),
            (
                "APPEND INBOX x {3}",
                "APPEND: expected the message as a literal, at octet 16",
            ),
            (
                "APPEND INBOX (\\Seen) x",
                "APPEND: expected the message as a literal, at octet 24",
            ),
            ("APPEND INBOX (\\Seen){3}", "APPEND: expected a space, at octet 23"),
            (
                "APPEND INBOX UTF8 ({3}",
                "APPEND: expected a binary literal, at octet 22",
            ),
            (
                "APPEND INBOX {3}\r\nabc",
                "APPEND: expected the end of the command, at octet 19",
            ),
            (
                "APPEND INBOX \"17-Foo-1996 02:44:25 -0700\" {3}",
                "APPEND: expected a date such as \"17-Jul-1996 02:44:25 -0700\", at octet 16",
            ),
            ("APPEND INBOX \"17-Jul-1996", "APPEND: expected a quote, at octet 28"),
            (
                "APPEND INBOX \"17-Jul-1996 02:44:25 -0700\" (\\Seen) {3}",
                "APPEND: expected the message as a literal, at octet 45",
            ),
        ]);
    }

    #[test]
    fn which_literal_is_the_message() {
        for (line, message) in [
            ("t APPEND {5}", false),
            ("t APPEND {5+}", false),
            ("t APPEND INBOX {5}", true),
            ("t append \"a\" (\\Seen) {5+}", true),
            ("t APPEND {3+}\r\n{1} {5}", true),
        ] {
            assert!(carries_messages(line.as_bytes()), "{line:?}");
            let command = until_message(line.as_bytes(), Dialect::Rev1).unwrap();
            assert_eq!(command.is_some(), message, "{line:?}");
        }
        for line in ["t APPENDIX INBOX {5}", "t LOGIN x {5}", "APPEND INBOX {5}"] {
            assert!(!carries_messages(line.as_bytes()), "{line:?}");
        }
        assert!(until_message(b"t APPEND {3}\r\nabc (nonsense {5}", Dialect::Rev1).is_err());
    }

    #[test]
    fn parts_of_a_message() {
        let url = |text: &str| AppendPiece::Url(text.to_owned());
        let begin = one(Flags::NONE, None).remove(0);
        let text = AppendPiece::Literal(LiteralPlace::Part);
        let whole = CommandBody::Append {
            mailbox: mailbox("x"),
            pieces: vec![begin.clone(), url("/a;UID=1"), url("b"), begin.clone(), url("c")],
        };
        same(
            &["APPEND x CATENATE (URL \"/a;UID=1\" URL b) CATENATE (URL {1}\r\nc)"],
            &whole,
        );
        let front = CommandBody::Append {
            mailbox: mailbox("x"),
            pieces: vec![begin.clone(), url("a"), text.clone()],
        };
        same(
            &[
                "append x catenate (url a text {3}",
                "APPEND x CATENATE (URL a TEXT ~{3+}",
            ],
            &front,
        );
        assert_eq!(until_message(b"t APPEND x CATENATE (URL {3}", Dialect::Rev1), Ok(None));
        let rest = |line: &str| rest(line.as_bytes(), Dialect::Rev1, LiteralPlace::Part);
        assert_eq!(rest(")"), Ok(Some(Vec::new())));
        assert_eq!(rest(" URL a)"), Ok(Some(vec![url("a")])));
        assert_eq!(rest(" URL a TEXT {5}"), Ok(Some(vec![url("a"), text.clone()])));
        assert_eq!(rest(" URL {5}"), Ok(None));
        let message = AppendPiece::Literal(LiteralPlace::Message);
        assert_eq!(rest(") {5}"), Ok(Some(vec![begin, message])));
        assert!(rest("").is_err() && rest(" ").is_err() && rest(" TEXT x").is_err() && rest("URL a)").is_err());
        bad(&[
            ("APPEND x CATENATE ()", "APPEND: expected URL or TEXT, at octet 22"),
            (
                "APPEND x CATENATE (URL a",
                "APPEND: expected a space or a closing parenthesis, at octet 27",
            ),
            (
                "APPEND x CATENATE (TEXT a)",
                "APPEND: expected the text as a literal, at octet 27",
            ),
        ]);
    }

    #[test]
    fn messages_in_utf_8() {
        let literal = AppendPiece::Literal;
        let begin = one(Flags::NONE, None).remove(0);
        let command = CommandBody::Append {
            mailbox: mailbox("x"),
            pieces: vec![begin.clone(), literal(LiteralPlace::Utf8)],
        };
        same(&["APPEND x UTF8 (~{3}", "append x utf8 (~{3+}"], &command);
        let command = CommandBody::Append {
            mailbox: mailbox("x"),
            pieces: vec![begin, literal(LiteralPlace::Utf8Part)],
        };
        same(&["APPEND x CATENATE (UTF8 (~{3}"], &command);
        let behind = |line: &str, place| rest(line.as_bytes(), Dialect::Rev2, place);
        assert_eq!(behind(")", LiteralPlace::Utf8), Ok(Some(Vec::new())));
        assert_eq!(behind("))", LiteralPlace::Utf8Part), Ok(Some(Vec::new())));
        let text = vec![literal(LiteralPlace::Part)];
        assert_eq!(behind(") TEXT {3}", LiteralPlace::Utf8Part), Ok(Some(text)));
        assert!(behind("", LiteralPlace::Utf8).is_err() && behind(")", LiteralPlace::Utf8Part).is_err());
    }

    #[test]
    fn replace_has_one_message() {
        use crate::imap::parse::tests::set;
        for (name, uid) in [("REPLACE", false), ("UID REPLACE", true)] {
            let wanted = CommandBody::Replace(Replace {
                uid,
                message: set(&[(4, 4)]),
                mailbox: mailbox("Drafts"),
                pieces: one(Flags::SEEN, None),
            });
            same(&[&format!("{name} 4 Drafts (\\Seen) {{312}}")], &wanted);
            assert!(carries_messages(format!("t {name} 4 Drafts {{3}}").as_bytes()));
        }
        for set in ["1:2", "1,2", "$"] {
            bad(&[(
                &format!("REPLACE {set} Drafts {{3}}"),
                "REPLACE: expected one message, at octet 11",
            )]);
        }
    }

    #[test]
    fn behind_a_message() {
        let rest = |line: &str| rest(line.as_bytes(), Dialect::Rev1, LiteralPlace::Message);
        for end in ["", " ", "   "] {
            assert_eq!(rest(end), Ok(Some(Vec::new())));
        }
        assert_eq!(rest(" {3}"), Ok(Some(one(Flags::NONE, None))));
        assert_eq!(rest(" (\\Seen) {3+}"), Ok(Some(one(Flags::SEEN, None))));
        for (line, text) in [
            ("x", "behind the message: expected the end of the command, at octet 1"),
            ("{3}", "behind the message: expected the end of the command, at octet 1"),
            (
                " x",
                "behind the message: expected the message as a literal, at octet 2",
            ),
            (" (\\Seen)", "behind the message: expected a space, at octet 9"),
            (" \0", "behind the message: NUL is not allowed, at octet 2"),
        ] {
            let (tag, text) = (Some(String::new()), text.to_owned());
            assert_eq!(rest(line), Err(ParseError::Bad { tag, text }));
        }
    }
}
