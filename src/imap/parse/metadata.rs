//! GETMETADATA and SETMETADATA (RFC 5464 §5).
//!
//! The options of GETMETADATA may stand behind the mailbox, and entries without parentheses, as in the RFC's examples.

use super::cursor::{Cursor, Fault, Parsed};
use super::mailbox;
use crate::imap::command::{CommandBody, Depth, MailboxArgument};
use crate::mail::mailbox_name::MailboxName;

/// The most entries of one command.
const MAX_ENTRIES: usize = 200;
/// The most options.
const MAX_OPTIONS: usize = 10;
/// The longest name of an entry, in octets.
const MAX_NAME: usize = 256;

/// GETMETADATA.
pub(super) fn get(cursor: &mut Cursor<'_>) -> Parsed<CommandBody> {
    let mut options = Options::default();
    cursor.space()?;
    if cursor.peek() == Some(b'(') {
        options.read(cursor)?;
        cursor.space()?;
    }
    let mailbox = target(cursor)?;
    cursor.space()?;
    // Entries begin with a slash, in quotes or not; options do not.
    if cursor.peek() == Some(b'(') && cursor.rest().get(1).is_some_and(u8::is_ascii_alphabetic) {
        options.read(cursor)?;
        cursor.space()?;
    }
    let entries = match cursor.peek() {
        Some(b'(') => cursor.list(1..=MAX_ENTRIES, specifier)?,
        _ => {
            let mut entries = vec![specifier(cursor)?];
            while entries.len() < MAX_ENTRIES && cursor.more() {
                entries.push(specifier(cursor)?);
            }
            entries
        }
    };
    Ok(CommandBody::GetMetadata {
        mailbox,
        entries,
        depth: options.depth,
        max_size: options.max_size,
    })
}

/// SETMETADATA.
pub(super) fn set(cursor: &mut Cursor<'_>) -> Parsed<CommandBody> {
    cursor.space()?;
    let mailbox = target(cursor)?;
    cursor.space()?;
    let entries = cursor.list(1..=MAX_ENTRIES, |cursor| {
        let start = cursor.position();
        let entry = specifier(cursor)?;
        if !is_whole(&entry) {
            return Err(Fault::bad("a name of an entry that stands for none", start));
        }
        cursor.space()?;
        Ok((entry, value(cursor)?))
    })?;
    Ok(CommandBody::SetMetadata { mailbox, entries })
}

/// The entries that LIST RETURN (METADATA) names (RFC 9590).
pub(super) fn entries(cursor: &mut Cursor<'_>) -> Parsed<Vec<String>> {
    cursor.list(1..=MAX_ENTRIES, specifier)
}

#[derive(Default)]
struct Options {
    depth: Depth,
    max_size: Option<u32>,
}

impl Options {
    fn read(&mut self, cursor: &mut Cursor<'_>) -> Parsed<()> {
        cursor.list(1..=MAX_OPTIONS, |cursor| {
            let start = cursor.position();
            match cursor.word("an option")?.as_str() {
                "MAXSIZE" => {
                    cursor.space()?;
                    self.max_size = Some(cursor.number()?);
                }
                "DEPTH" => {
                    cursor.space()?;
                    let start = cursor.position();
                    self.depth = match cursor.word("a depth")?.as_str() {
                        "0" => Depth::Zero,
                        "1" => Depth::One,
                        "INFINITY" => Depth::Infinity,
                        _ => return Err(Fault::bad("expected 0, 1 or infinity", start)),
                    };
                }
                _ => return Err(Fault::bad("unknown option", start)),
            }
            Ok(())
        })?;
        Ok(())
    }
}

/// `mailbox`; the empty one is the server.
fn target(cursor: &mut Cursor<'_>) -> Parsed<Option<MailboxArgument>> {
    let name = mailbox::name(cursor)?;
    Ok((!name.is_empty()).then(|| MailboxName::new(&name)))
}

/// The name of an entry, or of a level above entries; in lower case, for case does not matter (RFC 5464 §3.2).
fn specifier(cursor: &mut Cursor<'_>) -> Parsed<String> {
    let start = cursor.position();
    let name = cursor.text("an entry")?.to_ascii_lowercase();
    let scoped = ["/private", "/shared"].iter().any(|scope| {
        let rest = name.strip_prefix(scope);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    let clean = name
        .bytes()
        .all(|byte| matches!(byte, b' '..=b'~') && byte != b'*' && byte != b'%');
    if !scoped || !clean || name.contains("//") || name.ends_with('/') || name.len() > MAX_NAME {
        return Err(Fault::bad("no name of an entry", start));
    }
    Ok(name)
}

/// Whether it can have a value: two levels, and four for a vendor's (RFC 5464 §3.2).
fn is_whole(entry: &str) -> bool {
    let levels: Vec<&str> = entry.split('/').skip(1).collect();
    levels.len() >= if levels.get(1) == Some(&"vendor") { 4 } else { 2 }
}

/// `nstring / literal8`. Only the second has NULs.
fn value(cursor: &mut Cursor<'_>) -> Parsed<Option<Vec<u8>>> {
    let start = cursor.position();
    if cursor.skip(b'~') {
        return Ok(Some(cursor.literal()?.to_vec()));
    }
    let value = cursor.nstring("a value")?.map(std::borrow::Cow::into_owned);
    if value.as_ref().is_some_and(|value| value.contains(&0)) {
        return Err(Fault::bad("NUL is not allowed", start));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::parse::tests::{bad, mailbox, same};

    fn get(mailbox: Option<MailboxArgument>, entries: &[&str], depth: Depth, max_size: Option<u32>) -> CommandBody {
        CommandBody::GetMetadata {
            mailbox,
            entries: entries.iter().map(|entry| (*entry).to_owned()).collect(),
            depth,
            max_size,
        }
    }

    #[test]
    fn the_examples_of_rfc_5464() {
        let inbox = || Some(mailbox("INBOX"));
        same(
            &["GETMETADATA \"\" /shared/comment", "getmetadata \"\" (/Shared/Comment)"],
            &get(None, &["/shared/comment"], Depth::Zero, None),
        );
        let both = ["/shared/comment", "/private/comment"];
        same(
            &[
                "GETMETADATA \"INBOX\" (/shared/comment /private/comment)",
                "GETMETADATA INBOX /shared/comment \"/private/comment\"",
            ],
            &get(inbox(), &both, Depth::Zero, None),
        );
        same(
            &[
                "GETMETADATA \"INBOX\" (MAXSIZE 1024) (/shared/comment /private/comment)",
                "GETMETADATA (maxsize 1024) INBOX (/shared/comment /private/comment)",
            ],
            &get(inbox(), &both, Depth::Zero, Some(1024)),
        );
        same(
            &["GETMETADATA (DEPTH 1 MAXSIZE 9) INBOX (/private/filters/values)"],
            &get(inbox(), &["/private/filters/values"], Depth::One, Some(9)),
        );
        let set = |value: Option<&[u8]>| CommandBody::SetMetadata {
            mailbox: Some(mailbox("INBOX")),
            entries: vec![("/private/comment".to_owned(), value.map(<[u8]>::to_vec))],
        };
        same(&["SETMETADATA INBOX (/private/comment NIL)"], &set(None));
        same(
            &[
                "SETMETADATA INBOX (/private/comment \"a\")",
                "SETMETADATA INBOX (/private/comment {1}\r\na)",
                "SETMETADATA INBOX ( /PRIVATE/comment ~{1+}\r\na )",
            ],
            &set(Some(b"a")),
        );
        same(
            &["SETMETADATA INBOX (/private/comment ~{3}\r\na\0b)"],
            &set(Some(b"a\0b")),
        );
    }

    #[test]
    fn what_is_no_entry() {
        const NONE: &str = "SETMETADATA: no name of an entry, at octet 18";
        const LEVEL: &str = "SETMETADATA: a name of an entry that stands for none, at octet 18";
        bad(&[
            ("SETMETADATA a (/other/x NIL)", NONE),
            ("SETMETADATA a (/privates/x NIL)", NONE),
            ("SETMETADATA a (/private//x NIL)", NONE),
            ("SETMETADATA a (/private/x/ NIL)", NONE),
            ("SETMETADATA a (\"/private/*\" NIL)", NONE),
            ("SETMETADATA a (/private/\u{e9} NIL)", NONE),
            ("SETMETADATA a (/private NIL)", LEVEL),
            ("SETMETADATA a (/shared/vendor/x NIL)", LEVEL),
            (
                "SETMETADATA a (/private/x {1}\r\n\0)",
                "SETMETADATA: NUL is not allowed, at octet 29",
            ),
            ("SETMETADATA a ()", "SETMETADATA: expected an entry, at octet 18"),
            (
                "GETMETADATA a (DEPTH 2) /private/x",
                "GETMETADATA: expected 0, 1 or infinity, at octet 24",
            ),
            (
                "GETMETADATA (x 1) a /private/x",
                "GETMETADATA: unknown option, at octet 16",
            ),
        ]);
    }
}
