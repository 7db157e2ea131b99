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
