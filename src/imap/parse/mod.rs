//! The grammar of commands (RFC 3501 §9, RFC 9051 §9 and the extensions we announce): bytes to
//! [`Command`](super::command::Command). Pure.
//!
//! A [`cursor::Cursor`] walks over the joined bytes of one command; each command, or group of alike ones, has its file.
//! Recursion happens in SEARCH only and is bounded there; every list has a named limit beside the code that reads it.
//!
//! The messages of APPEND never come here. The bytes of an APPEND end with the header of a literal that holds one, `{n}` or
//! `{n+}` without CRLF: whether the literal announced at the end of a line is such, or an argument that belongs into the
//! joined bytes, tells [`until_message`]; what follows the octets reads [`append::rest`].
//!
//! More is taken than the grammar allows where it has one meaning only: further spaces where one is due and at both ends of a
//! list, spaces at the end, 8-bit characters in UTF-8 outside of literals.

mod acl;
pub(super) mod append;
mod auth;
mod compress;
mod copy;
mod create;
mod cursor;
mod date;
mod enable;
mod esearch;
mod fetch;
mod flags;
mod id;
mod list;
pub(super) mod literal;
mod mailbox;
mod metadata;
mod notify;
mod quota;
mod search;
mod search_return;
mod section;
mod select;
mod sequence_set;
mod sort;
mod status;
mod store;
mod strings;
#[cfg(test)]
mod tests;

use super::command::{Command, CommandBody, SectionText};
use super::dialect::Dialect;
use cursor::{Cursor, Fault, Parsed};

/// Why a line is no command. The tag, when one was seen, is for the answer.
#[derive(Clone, Debug, PartialEq)]
pub enum ParseError {
    /// BAD, with a text that names what is wrong and where.
    Bad {
        /// The tag, or `None` for an untagged BAD.
        tag: Option<String>,
        /// For the client. Never holds CR, LF or anything the client could use to forge a line.
        text: String,
    },
    /// NO \[BADCHARSET\] (RFC 9051 §6.4.4).
    BadCharset {
        /// The tag.
        tag: String,
        /// Whether the result was to be saved: then nothing is saved any more (RFC 5182 §2.1).
        saving: bool,
    },
    /// NO \[USEATTR\]: CREATE asks for a special use that no mailbox can have here (RFC 6154 §3).
    UseAttribute {
        /// The tag.
        tag: String,
    },
    /// Untagged BYE with this text, then close: this is no IMAP client (a web browser, a TLS handshake), or it sends more
    /// than anybody would read to its end.
    Hopeless {
        /// For the client; a constant.
        text: &'static str,
    },
}

/// The longest tag. Clients use 4 to 20 octets; each of ours is repeated in an answer.
const MAX_TAG: usize = 128;

/// Parses one whole command: its lines joined, literals in place as `{n}CRLF` + n bytes (the CRLF that ends the command
/// taken off). From [`Dialect::Utf8`] on mailbox names and quoted strings are UTF-8; before, mailbox names are modified
/// UTF-7 (and raw UTF-8 is taken as it is when it is no valid modified UTF-7).
pub fn command(bytes: &[u8], dialect: Dialect) -> Result<Command, ParseError> {
    let mut cursor = Cursor::new(bytes, dialect);
    let mut name = String::new();
    let Ok(tag) = tagged(&mut cursor) else {
        return Err(ParseError::Bad {
            tag: None,
            text: "expected a tag, at octet 1".to_owned(),
        });
    };
    match whole(&mut cursor, &mut name) {
        Ok(body) => Ok(Command { tag, body }),
        Err(_) if name.is_empty() && is_http(bytes) => Err(ParseError::Hopeless {
            text: "This is an IMAP server, not a web server",
        }),
        Err(fault) => Err(fault.told(tag, &name)),
    }
}

/// Whether a line that ends with the header of a literal can be the beginning of a command: what is wrong in it is told
/// before the client sends more (RFC 9051 §7.6 has an example).
pub(super) fn beginning(bytes: &[u8], dialect: Dialect) -> Result<(), ParseError> {
    let mut cursor = Cursor::new(bytes, dialect);
    let mut name = String::new();
    let tag = tagged(&mut cursor);
    match (tag, whole(&mut cursor, &mut name)) {
        (Ok(_), Err(Fault::Incomplete { .. })) => Ok(()),
        _ => command(bytes, dialect).map(|_| ()),
    }
}

/// A command that carries messages as far as the first one, whose literal is announced at the end of `bytes`. `None` when
/// that literal is an argument: its octets belong into the bytes.
pub(super) fn until_message(bytes: &[u8], dialect: Dialect) -> Result<Option<Command>, ParseError> {
    let mut cursor = Cursor::new(bytes, dialect);
    let mut name = String::new();
    let tag = tagged(&mut cursor);
    match (tag, whole(&mut cursor, &mut name)) {
        (Ok(_), Err(Fault::Incomplete { .. })) => Ok(None),
        _ => command(bytes, dialect).map(Some),
    }
}

/// `section-spec`, as in `1.2.MIME`, which stands alone (in a URL); `None` for what is none.
pub(super) fn section(text: &[u8]) -> Option<(Vec<u32>, SectionText)> {
    let mut cursor = Cursor::new(text, Dialect::Rev2);
    let section = section::section_spec(&mut cursor).ok()?;
    cursor.peek().is_none().then_some(section)
}

/// Whether a command may have a `literal8` as an argument, which may hold NULs: SETMETADATA (RFC 5464 §5).
pub(super) fn takes_binary(bytes: &[u8]) -> bool {
    let verb = bytes.splitn(2, |byte| *byte == b' ').nth(1).unwrap_or_default();
    let verb = verb.trim_ascii_start().split(|byte| *byte == b' ').next();
    verb.is_some_and(|verb| verb.eq_ignore_ascii_case(b"SETMETADATA"))
}

/// The tag of a command of which only the beginning is known.
pub(super) fn tag(bytes: &[u8]) -> Option<String> {
    tagged(&mut Cursor::new(bytes, Dialect::Rev1)).ok()
}

/// `tag`, which a space or the end must follow.
fn tagged(cursor: &mut Cursor<'_>) -> Parsed<String> {
    let tag = cursor.take_while(|byte| strings::is_astring_char(byte) && byte != b'+');
    match std::str::from_utf8(tag) {
        Ok(tag) if (1..=MAX_TAG).contains(&tag.len()) && matches!(cursor.peek(), None | Some(b' ')) => {
            Ok(tag.to_owned())
        }
        _ => cursor.expected("a tag"),
    }
}

/// What follows the tag. `name` becomes the command's, once that is known to be one of ours.
fn whole(cursor: &mut Cursor<'_>, name: &mut String) -> Parsed<CommandBody> {
    if !takes_binary(cursor.bytes())
        && let Some(at) = memchr::memchr(0, cursor.bytes())
    {
        return Err(Fault::bad("NUL is not allowed", at));
    }
    cursor.space()?;
    let start = cursor.position();
    let mut verb = cursor.word("a command")?;
    if verb == "UID" {
        cursor.space()?;
        verb = format!(
            "UID {}",
            cursor.word("COPY, EXPUNGE, FETCH, MOVE, REPLACE, SEARCH, SORT, STORE or THREAD")?
        );
    }
    let body = arguments(cursor, &verb);
    if !matches!(body, Err(Fault::Unknown { .. })) {
        *name = verb;
    }
    match body {
        Err(Fault::Unknown { .. }) => Err(Fault::Unknown { at: start }),
        Err(fault) => Err(fault),
        Ok(body) => cursor.end().map(|()| body),
    }
}

/// The arguments of the command `verb`, which is in upper case.
fn arguments(cursor: &mut Cursor<'_>, verb: &str) -> Parsed<CommandBody> {
    match verb {
        "CAPABILITY" => Ok(CommandBody::Capability),
        "NOOP" => Ok(CommandBody::Noop),
        "LOGOUT" => Ok(CommandBody::Logout),
        "UNAUTHENTICATE" => Ok(CommandBody::Unauthenticate),
        "STARTTLS" => Ok(CommandBody::StartTls),
        "AUTHENTICATE" => auth::authenticate(cursor),
        "LOGIN" => auth::login(cursor),
        "COMPRESS" => compress::compress(cursor),
        "ENABLE" => enable::enable(cursor),
        "ID" => id::id(cursor),
        "NAMESPACE" => Ok(CommandBody::Namespace),
        "SELECT" => select::select(cursor),
        "EXAMINE" => select::examine(cursor),
        "CREATE" => create::create(cursor),
        "DELETE" => mailbox::supplied(cursor).map(|(mailbox, supplied)| CommandBody::Delete { mailbox, supplied }),
        "RENAME" => mailbox::pair(cursor),
        "SUBSCRIBE" => mailbox::argument(cursor).map(CommandBody::Subscribe),
        "UNSUBSCRIBE" => mailbox::argument(cursor).map(CommandBody::Unsubscribe),
        "LIST" => list::list(cursor),
        "LSUB" => list::lsub(cursor),
        "STATUS" => status::status(cursor),
        "APPEND" => append::append(cursor),
        "REPLACE" => append::replace(cursor, false),
        "UID REPLACE" => append::replace(cursor, true),
        "GETMETADATA" => metadata::get(cursor),
        "SETMETADATA" => metadata::set(cursor),
        "NOTIFY" => notify::notify(cursor),
        "GETQUOTA" => quota::get(cursor),
        "GETQUOTAROOT" => mailbox::argument(cursor).map(CommandBody::GetQuotaRoot),
        "SETQUOTA" => quota::set(cursor),
        "GETACL" => mailbox::argument(cursor).map(CommandBody::GetAcl),
        "SETACL" => acl::set(cursor),
        "DELETEACL" => acl::delete(cursor),
        "LISTRIGHTS" => acl::list(cursor),
        "MYRIGHTS" => mailbox::argument(cursor).map(CommandBody::MyRights),
        "IDLE" => Ok(CommandBody::Idle),
        "CHECK" => Ok(CommandBody::Check),
        "CLOSE" => Ok(CommandBody::Close),
        "UNSELECT" => Ok(CommandBody::Unselect),
        "EXPUNGE" => Ok(CommandBody::Expunge),
        "UID EXPUNGE" => sequence_set::argument(cursor).map(CommandBody::UidExpunge),
        "ESEARCH" => esearch::esearch(cursor),
        "SEARCH" => search::search(cursor, false),
        "UID SEARCH" => search::search(cursor, true),
        "FETCH" => fetch::fetch(cursor, false),
        "UID FETCH" => fetch::fetch(cursor, true),
        "CANCELUPDATE" => sort::cancel_update(cursor),
        "SORT" => sort::sort(cursor, false),
        "UID SORT" => sort::sort(cursor, true),
        "THREAD" => sort::thread(cursor, false),
        "UID THREAD" => sort::thread(cursor, true),
        "STORE" => store::store(cursor, false),
        "UID STORE" => store::store(cursor, true),
        "COPY" => copy::copy(cursor, false),
        "UID COPY" => copy::copy(cursor, true),
        "MOVE" => copy::move_(cursor, false),
        "UID MOVE" => copy::move_(cursor, true),
        _ => Err(Fault::Unknown { at: cursor.position() }),
    }
}

/// Whether this is the first line of an HTTP request (RFC 9112 §3): `GET / HTTP/1.1`. Its other lines, which anybody who can
/// make a browser send them chooses, must not be taken as commands.
fn is_http(line: &[u8]) -> bool {
    line.split(|byte| *byte == b' ')
        .nth(2)
        .is_some_and(|version| version.starts_with(b"HTTP/"))
}
