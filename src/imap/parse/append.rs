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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::parse::tests::{bad, mailbox, same};
    use crate::mail::date::Timestamp;
    use crate::mail::flags::Flags;

    #[test]
    fn as_far_as_the_message() {
        let append = |flags, date| CommandBody::Append {
            mailbox: mailbox("a b"),
            flags: FlagList::system(flags),
            date,
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
                "APPEND INBOX ~{3}",
                "APPEND: expected the message as a literal, at octet 16",
            ),
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
            ("t APPEND {3}\r\nabc (nonsense {5}", true),
            ("t APPEND \"a {5}", false),
            ("t APPENDIX INBOX {5}", false),
            ("t LOGIN x {5}", false),
            ("APPEND INBOX {5}", false),
        ] {
            assert_eq!(is_message(line.as_bytes()), message, "{line:?}");
        }
    }
}
