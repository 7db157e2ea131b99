//! A position in the bytes of one command, and the smallest pieces of the grammar.
//!
//! Nothing here indexes: what is not there is `None` or a [`Fault`] with the place where it was missed.

use super::ParseError;
use crate::imap::dialect::Dialect;
use std::borrow::Cow;

/// Walks over the bytes of one command.
#[derive(Clone)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Whether mailbox names are UTF-8 rather than modified UTF-7.
    dialect: Dialect,
}

/// Why the bytes are no command.
#[derive(Debug)]
pub(super) enum Fault {
    /// The grammar wants something else at this offset. The text is ours, never the client's.
    Expected { what: Cow<'static, str>, at: usize },
    /// The octets of the literal that begins at this offset are not there.
    Incomplete { at: usize },
    /// A command that we do not have, named at this offset.
    Unknown { at: usize },
    /// SEARCH in a charset that we do not have; whether its result was to be saved.
    BadCharset { saving: bool },
    /// CREATE for a special use that we do not have.
    UseAttribute,
}

impl Fault {
    /// Something is wrong at `at`: `what` is the whole text about it.
    pub(super) fn bad(what: impl Into<Cow<'static, str>>, at: usize) -> Fault {
        Fault::Expected { what: what.into(), at }
    }

    /// As the answer to the command `name`, which is empty while that is not known. Places are counted from 1.
    pub(super) fn told(self, tag: String, name: &str) -> ParseError {
        let (what, at) = match self {
            Fault::Expected { what, at } => (what, at),
            Fault::Incomplete { at } => ("a literal without its octets".into(), at),
            Fault::Unknown { at } => ("unknown command".into(), at),
            Fault::BadCharset { saving } => return ParseError::BadCharset { tag, saving },
            Fault::UseAttribute => return ParseError::UseAttribute { tag },
        };
        let colon = if name.is_empty() { "" } else { ": " };
        ParseError::Bad {
            tag: Some(tag),
            text: format!("{name}{colon}{what}, at octet {}", at + 1),
        }
    }
}

/// What was read, or why it could not be.
pub(super) type Parsed<T> = Result<T, Fault>;

impl<'a> Cursor<'a> {
    /// At the first byte.
    pub(super) fn new(bytes: &'a [u8], dialect: Dialect) -> Cursor<'a> {
        Cursor { bytes, at: 0, dialect }
    }

    /// What the client speaks.
    pub(super) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// All bytes of the command.
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Octets already read.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// What is not read yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// The next byte, if there is one.
    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// The fault that something is missing here.
    pub(super) fn expected<T>(&self, what: &str) -> Parsed<T> {
        Err(Fault::bad(format!("expected {what}"), self.at))
    }

    /// Takes the next `count` bytes, if there are so many.
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let taken = self.rest().get(..count)?;
        self.at += count;
        Some(taken)
    }

    /// Takes all bytes up to the first of another kind.
    pub(super) fn take_while(&mut self, kind: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.rest();
        let length = rest.iter().position(|byte| !kind(*byte)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    /// Takes `byte` if it is the next.
    pub(super) fn skip(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// Takes `byte`, called `name`, which must be the next.
    pub(super) fn require(&mut self, byte: u8, name: &str) -> Parsed<()> {
        if self.skip(byte) { Ok(()) } else { self.expected(name) }
    }

    /// Takes `SP`, of which there may be more than one.
    pub(super) fn space(&mut self) -> Parsed<()> {
        match self.spaces() {
            0 => self.expected("a space"),
            _ => Ok(()),
        }
    }

    /// Takes spaces, if there are any; how many.
    pub(super) fn spaces(&mut self) -> usize {
        self.take_while(|byte| byte == b' ').len()
    }

    /// Takes the spaces in front of a further argument; whether there is one.
    pub(super) fn more(&mut self) -> bool {
        self.spaces() > 0 && self.peek().is_some()
    }

    /// The end of the command, spaces in front of it included.
    pub(super) fn end(&mut self) -> Parsed<()> {
        self.spaces();
        match self.peek() {
            None => Ok(()),
            Some(_) => self.expected("the end of the command"),
        }
    }

    /// A name of the grammar in upper case: letters, digits, `.` and `-`. For what `name` stands, for the fault.
    pub(super) fn word(&mut self, name: &str) -> Parsed<String> {
        let word = self.take_while(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-');
        match word {
            [] => self.expected(name),
            word => Ok(word.iter().map(|byte| char::from(byte.to_ascii_uppercase())).collect()),
        }
    }

    /// Takes `word`, in any case, if it comes next and no longer word does.
    pub(super) fn keyword(&mut self, word: &str) -> bool {
        let rest = self.rest();
        let is_next = rest
            .get(..word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
            && !rest
                .get(word.len())
                .is_some_and(|next| next.is_ascii_alphanumeric() || matches!(next, b'.' | b'-'));
        if is_next {
            self.at += word.len();
        }
        is_next
    }

    /// `number`, at most `max`.
    fn bounded(&mut self, max: u64) -> Parsed<u64> {
        let start = self.at;
        let digits = self.take_while(|byte| byte.is_ascii_digit());
        if digits.is_empty() {
            return self.expected("a number");
        }
        digits
            .iter()
            .try_fold(0u64, |value, digit| {
                value.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
            })
            .filter(|value| *value <= max)
            .ok_or_else(|| Fault::bad(format!("a number above {max}"), start))
    }

    /// `number`: 32 bits.
    pub(super) fn number(&mut self) -> Parsed<u32> {
        self.bounded(u64::from(u32::MAX)).map(|value| value as u32)
    }

    /// `nz-number`: 32 bits and not 0.
    pub(super) fn nz_number(&mut self) -> Parsed<u32> {
        let start = self.at;
        match self.number()? {
            0 => Err(Fault::bad("0 is not allowed", start)),
            value => Ok(value),
        }
    }

    /// `number64`: 63 bits (RFC 9051 §9).
    pub(super) fn number64(&mut self) -> Parsed<u64> {
        self.bounded(i64::MAX as u64)
    }

    /// `"(" item *(SP item) ")"`, with so many items as `limits` allow. What an item is, `item` reads.
    pub(super) fn list<T>(
        &mut self,
        limits: std::ops::RangeInclusive<usize>,
        mut item: impl FnMut(&mut Cursor<'a>) -> Parsed<T>,
    ) -> Parsed<Vec<T>> {
        self.require(b'(', "a parenthesis")?;
        let mut items = Vec::new();
        loop {
            let apart = self.spaces() > 0 || items.is_empty();
            if items.len() >= *limits.start() && self.skip(b')') {
                return Ok(items);
            }
            if !apart {
                return self.expected("a space or a closing parenthesis");
            }
            if items.len() == *limits.end() {
                return Err(Fault::bad(format!("more than {} in a list", limits.end()), self.at));
            }
            items.push(item(self)?);
        }
    }
}
