//! APPEND up to each of its messages (RFC 9051 §6.3.12, RFC 3502).
//!
//! The octets of messages never come here: what is in front of the first is parsed with the command, what is between two
//! of them and behind the last as a [`rest`].

use super::cursor::{Cursor, Fault, Parsed};
use super::{ParseError, date, flags, mailbox};
use crate::imap::command::{AppendPiece, CommandBody, LiteralPlace};
use crate::mail::flags::FlagList;

/// APPEND.
pub(super) fn append(cursor: &mut Cursor<'_>) -> Parsed<CommandBody> {
    let mailbox = mailbox::argument(cursor)?;
    cursor.space()?;
    let mut pieces = Vec::new();
    message(cursor, &mut pieces)?;
    Ok(CommandBody::Append { mailbox, pieces })
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
    literal(cursor, "the message as a literal")?;
    pieces.push(AppendPiece::Literal(LiteralPlace::Message));
    Ok(())
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
    utf8: bool,
    place: LiteralPlace,
) -> Result<Option<Vec<AppendPiece>>, ParseError> {
    let mut cursor = Cursor::new(bytes, utf8);
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
    }
    if cursor.more() {
        message(cursor, &mut pieces)?;
    }
    cursor.end()?;
    Ok(pieces)
}

/// Whether this is the beginning of a command that carries messages.
pub(in crate::imap) fn carries_messages(bytes: &[u8]) -> bool {
    let mut cursor = Cursor::new(bytes, true);
    super::tagged(&mut cursor).is_ok() && cursor.space().is_ok() && cursor.keyword("APPEND")
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
                "APPEND INBOX UTF8 (~{3}",
                "APPEND: expected the message as a literal, at octet 16",
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
            let command = until_message(line.as_bytes(), false).unwrap();
            assert_eq!(command.is_some(), message, "{line:?}");
        }
        for line in ["t APPENDIX INBOX {5}", "t LOGIN x {5}", "APPEND INBOX {5}"] {
            assert!(!carries_messages(line.as_bytes()), "{line:?}");
        }
        assert!(until_message(b"t APPEND {3}\r\nabc (nonsense {5}", false).is_err());
    }

    #[test]
    fn behind_a_message() {
        let rest = |line: &str| rest(line.as_bytes(), false, LiteralPlace::Message);
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
