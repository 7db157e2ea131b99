//! Strings in all their forms (RFC 9051 §4.3 and §9): `atom`, `astring`, `quoted`, `literal`, `nstring`.

use super::cursor::{Cursor, Fault, Parsed};
use std::borrow::Cow;

/// `ATOM-CHAR`, and the octets of 8-bit characters, which some clients send without quotes.
pub(super) fn is_atom_char(byte: u8) -> bool {
    (byte.is_ascii_graphic() || byte >= 0x80) && !b"(){%*\"\\]".contains(&byte)
}

/// `ASTRING-CHAR`, of 7 bits: what tags are made of.
pub(super) fn is_astring_char(byte: u8) -> bool {
    byte.is_ascii() && (is_atom_char(byte) || byte == b']')
}

impl<'a> Cursor<'a> {
    /// `atom`, of 7 bits. For what `name` stands, for the fault.
    pub(super) fn atom(&mut self, name: &str) -> Parsed<&'a str> {
        match self.take_while(|byte| byte.is_ascii() && is_atom_char(byte)) {
            [] => self.expected(name),
            atom => std::str::from_utf8(atom).or_else(|_| self.expected(name)),
        }
    }

    /// `astring`, as its octets.
    pub(super) fn astring(&mut self, name: &str) -> Parsed<Cow<'a, [u8]>> {
        self.string_or(name, |byte| is_atom_char(byte) || byte == b']')
    }

    /// `list-mailbox`, as its octets: an astring in which wildcards need no quotes.
    pub(super) fn list_mailbox(&mut self, name: &str) -> Parsed<Cow<'a, [u8]>> {
        self.string_or(name, |byte| is_atom_char(byte) || b"]%*".contains(&byte))
    }

    /// `nstring`, as its octets; `None` for NIL.
    pub(super) fn nstring(&mut self, name: &str) -> Parsed<Option<Cow<'a, [u8]>>> {
        if self.keyword("NIL") {
            return Ok(None);
        }
        self.string(name).map(Some)
    }

    /// `string`, as its octets.
    pub(super) fn string(&mut self, name: &str) -> Parsed<Cow<'a, [u8]>> {
        self.string_or(name, |_| false)
    }

    /// `astring` that must be UTF-8.
    pub(super) fn text(&mut self, name: &str) -> Parsed<String> {
        let start = self.position();
        let octets = self.astring(name)?;
        utf8(octets, start)
    }

    /// A string, or one or more octets of a kind.
    fn string_or(&mut self, name: &str, kind: impl Fn(u8) -> bool) -> Parsed<Cow<'a, [u8]>> {
        match self.peek() {
            Some(b'"') => self.quoted(),
            Some(b'{') => self.literal().map(Cow::Borrowed),
            _ => match self.take_while(kind) {
                [] => self.expected(name),
                octets => Ok(Cow::Borrowed(octets)),
            },
        }
    }

    /// `quoted`. A backslash stands only in front of a quote or a backslash; anything else is refused rather than guessed.
    fn quoted(&mut self) -> Parsed<Cow<'a, [u8]>> {
        let start = self.position();
        self.require(b'"', "a quote")?;
        let mut text = Cow::Borrowed(self.plain());
        loop {
            let at = self.position();
            match self.take(1) {
                Some(b"\"") => return Ok(text),
                Some(b"\\") => match self.take(1) {
                    Some(escaped @ (b"\"" | b"\\")) => {
                        text.to_mut().extend_from_slice(escaped);
                        text.to_mut().extend_from_slice(self.plain());
                    }
                    _ => return Err(Fault::bad("a backslash escapes a quote or a backslash only", at)),
                },
                Some(_) => return Err(Fault::bad("a line end within quotes", at)),
                None => return Err(Fault::bad("a quoted string without its end", start)),
            }
        }
    }

    /// The octets of a quoted string that stand for themselves.
    fn plain(&mut self) -> &'a [u8] {
        self.take_while(|byte| !matches!(byte, b'"' | b'\\' | b'\r' | b'\n'))
    }
}

/// The text of octets that begin at `start`.
pub(super) fn utf8(octets: Cow<'_, [u8]>, start: usize) -> Parsed<String> {
    String::from_utf8(octets.into_owned()).map_err(|_| Fault::bad("a string that is not UTF-8", start))
}

#[cfg(test)]
mod tests {
    use crate::imap::command::CommandBody;
    use crate::imap::dialect::Dialect;
    use crate::imap::parse::tests::{bad, same};

    fn login(user: &str, password: &str) -> CommandBody {
        let (user, password) = (user.to_owned(), password.to_owned());
        CommandBody::Login { user, password }
    }

    #[test]
    fn every_form_of_a_string() {
        same(
            &[
                "LOGIN fred foo]bar",
                "login FRED foo]bar".replace("FRED", "fred").as_str(),
                "LOGIN  fred  foo]bar",
                "LOGIN \"fred\" \"foo]bar\"",
                "LOGIN {4}\r\nfred {7}\r\nfoo]bar",
                "LOGIN {4+}\r\nfred {07+}\r\nfoo]bar",
                "LOGIN \"fr\\\"ed\" x"
                    .replace("\\\"", "")
                    .replace(" x", " foo]bar")
                    .as_str(),
            ],
            &login("fred", "foo]bar"),
        );
        same(&["LOGIN \"\" {0}\r\n", "LOGIN {0+}\r\n \"\""], &login("", ""));
        same(
            &["LOGIN \"a\\\"b\\\\c\" \"(){%*]\"", "LOGIN {5}\r\na\"b\\c {6}\r\n(){%*]"],
            &login("a\"b\\c", "(){%*]"),
        );
        same(&["LOGIN NIL \"NIL\"", "LOGIN {3}\r\nNIL NIL"], &login("NIL", "NIL"));
        same(&["LOGIN ü@x \"ü\"", "LOGIN \"ü@x\" {2}\r\nü"], &login("ü@x", "ü"));
        same(&["LOGIN {4}\r\na\r\nb x"], &login("a\r\nb", "x"));
    }

    #[test]
    fn what_is_no_string() {
        bad(&[
            ("LOGIN", "LOGIN: expected a space, at octet 8"),
            ("LOGIN ", "LOGIN: expected a user name, at octet 9"),
            ("LOGIN x", "LOGIN: expected a space, at octet 10"),
            ("LOGIN x ", "LOGIN: expected a password, at octet 11"),
            ("LOGIN \"a\" \"b", "LOGIN: a quoted string without its end, at octet 13"),
            (
                "LOGIN \"a\\b\" x",
                "LOGIN: a backslash escapes a quote or a backslash only, at octet 11",
            ),
            (
                "LOGIN \"a\\",
                "LOGIN: a backslash escapes a quote or a backslash only, at octet 11",
            ),
            ("LOGIN \"a\r\" x", "LOGIN: a line end within quotes, at octet 11"),
            ("LOGIN \"a\"x y", "LOGIN: expected a space, at octet 12"),
            ("LOGIN a*b x", "LOGIN: expected a space, at octet 10"),
            ("LOGIN a\"b\" x", "LOGIN: expected a space, at octet 10"),
            ("LOGIN (a) x", "LOGIN: expected a user name, at octet 9"),
            ("LOGIN {2}\r\na", "LOGIN: a literal without its octets, at octet 9"),
            ("LOGIN {2}xab y", "LOGIN: a literal without its octets, at octet 9"),
            ("LOGIN {2", "LOGIN: expected a closing brace, at octet 11"),
            ("LOGIN {}\r\n x", "LOGIN: expected a number, at octet 10"),
            ("LOGIN {-1}\r\n x", "LOGIN: expected a number, at octet 10"),
            ("LOGIN {1-}\r\na x", "LOGIN: expected a closing brace, at octet 11"),
            ("LOGIN {1}\r\nab x", "LOGIN: expected a space, at octet 15"),
            (
                "LOGIN {9223372036854775808}\r\na x",
                "LOGIN: a number above 9223372036854775807, at octet 10",
            ),
        ]);
        let error = super::super::command(b"t LOGIN {1}\r\n\xff x", Dialect::Rev1).unwrap_err();
        assert!(format!("{error:?}").contains("LOGIN: a string that is not UTF-8, at octet 9"));
    }
}
