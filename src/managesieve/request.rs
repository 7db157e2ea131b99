//! Commands as they come (RFC 5804 §4): words, quoted strings and literals.
//!
//! Lenient where it costs nothing: line ends may be bare LF, and a literal needs no plus sign, for there is no other kind that
//! a client could mean.

use std::time::Duration;

use crate::net::connection::{Connection, ReadError};

/// Octets of a line, without its literals (RFC 5804 §4: a quoted string has up to 1024; an initial response is longer).
const LINE: usize = 16 * 1024;
/// Octets of literals that are read although they are too many, so that they can be answered. Beyond, the connection ends.
const SKIPPED: u64 = 64 * 1024 * 1024;
/// Words and strings of one command.
const WORDS: usize = 16;

/// A command, or a response within AUTHENTICATE.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Request {
    /// In upper case; empty for what begins with a string.
    pub(super) name: String,
    pub(super) arguments: Vec<Argument>,
}

/// One argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Argument {
    /// A quoted string or literal.
    Text(Vec<u8>),
    Number(u64),
    /// Anything else that is no string, in upper case.
    Word(String),
}

/// Why a command could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum RequestError {
    /// It was read to its end, and can be answered.
    #[error("{0}")]
    Bad(&'static str),
    /// Its literal was too large, and was read to its end.
    #[error("too large")]
    TooLarge,
    /// Its end cannot be found.
    #[error("no end")]
    Hopeless,
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Bounds of one command.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Octets of its literals together.
    pub(super) literals: u64,
    pub(super) timeout: Duration,
}

impl Request {
    /// The next one.
    pub(super) async fn read(connection: &mut Connection, bounds: Bounds) -> Result<Request, RequestError> {
        let mut request = Request::default();
        let mut first = true;
        let mut left = bounds.literals;
        let mut wrong: Option<RequestError> = None;
        let mut line = Vec::new();
        loop {
            match connection.read_line(&mut line, LINE, bounds.timeout).await {
                Err(ReadError::LineTooLong) => return Err(wrong.unwrap_or(RequestError::Bad("The line is too long"))),
                read => read?,
            };
            let literal = match words(&line, &mut request, first) {
                Ok(literal) => literal,
                Err(text) => return Err(wrong.unwrap_or(RequestError::Bad(text))),
            };
            first = false;
            let Some(octets) = literal else {
                return wrong.map_or(Ok(request), Err);
            };
            if octets > SKIPPED {
                return Err(RequestError::Hopeless);
            }
            match left.checked_sub(octets) {
                Some(rest) if wrong.is_none() => {
                    left = rest;
                    let text = take(connection, octets, bounds.timeout).await?;
                    request.arguments.push(Argument::Text(text));
                }
                _ => {
                    skip(connection, octets, bounds.timeout).await?;
                    wrong = wrong.or(Some(RequestError::TooLarge));
                }
            }
            if request.arguments.len() > WORDS {
                wrong = wrong.or(Some(RequestError::Bad("Too many arguments")));
            }
        }
    }
}

/// Takes a line apart. The octets of the literal that follows it, if it ends with one.
fn words(line: &[u8], request: &mut Request, first: bool) -> Result<Option<u64>, &'static str> {
    let mut rest = line;
    let mut begins = first;
    loop {
        rest = rest.trim_ascii_start();
        let Some(byte) = rest.first() else {
            return Ok(None);
        };
        if request.arguments.len() > WORDS {
            return Err("Too many arguments");
        }
        match byte {
            b'"' => {
                let (text, behind) = quoted(rest)?;
                request.arguments.push(Argument::Text(text));
                rest = behind;
            }
            b'{' => {
                let inside = rest.get(1..).and_then(|rest| rest.strip_suffix(b"}"));
                let digits = inside.map(|inside| inside.strip_suffix(b"+").unwrap_or(inside));
                return match digits.and_then(number) {
                    Some(octets) => Ok(Some(octets)),
                    None => Err("Not a literal: {5+} and the end of the line"),
                };
            }
            _ => {
                let end = rest.iter().position(|byte| byte.is_ascii_whitespace() || *byte == b'"');
                let (word, behind) = rest.split_at(end.unwrap_or(rest.len()));
                if !word.iter().all(u8::is_ascii_graphic) {
                    return Err("A word has ASCII letters only");
                }
                let text = String::from_utf8_lossy(word).to_ascii_uppercase();
                match number(word) {
                    _ if begins => request.name = text,
                    Some(number) => request.arguments.push(Argument::Number(number)),
                    None => request.arguments.push(Argument::Word(text)),
                }
                rest = behind;
            }
        }
        begins = false;
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| plain)?.parse().ok()
}

/// A quoted string, and what is behind it.
fn quoted(text: &[u8]) -> Result<(Vec<u8>, &[u8]), &'static str> {
    let mut content = Vec::new();
    let mut octets = text.iter().enumerate().skip(1);
    while let Some((index, byte)) = octets.next() {
        match byte {
            b'"' => return Ok((content, text.get(index + 1..).unwrap_or_default())),
            b'\\' => match octets.next() {
                Some((_, escaped @ (b'"' | b'\\'))) => content.push(*escaped),
                _ => return Err("In quotes a backslash stands in front of another, or of a quote"),
            },
            0 | b'\r' => return Err("In quotes there is no CR and no NUL"),
            _ => content.push(*byte),
        }
    }
    Err("The quotes do not end")
}

async fn take(connection: &mut Connection, octets: u64, timeout: Duration) -> Result<Vec<u8>, ReadError> {
    let octets = usize::try_from(octets).unwrap_or(usize::MAX);
    let mut text = Vec::new();
    while text.len() < octets {
        let arrived = connection.fill(timeout).await?;
        let piece = arrived.get(..octets - text.len()).unwrap_or(arrived);
        text.extend_from_slice(piece);
        let length = piece.len();
        connection.consume(length);
    }
    Ok(text)
}

async fn skip(connection: &mut Connection, octets: u64, timeout: Duration) -> Result<(), ReadError> {
    let mut left = octets;
    while left > 0 {
        let arrived = connection.fill(timeout).await?.len() as u64;
        let piece = arrived.min(left);
        left -= piece;
        connection.consume(usize::try_from(piece).unwrap_or(usize::MAX));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(line: &str) -> Result<(Request, Option<u64>), &'static str> {
        let mut request = Request::default();
        words(line.as_bytes(), &mut request, true).map(|literal| (request, literal))
    }

    #[test]
    fn commands_as_they_come() {
        let text = |text: &str| Argument::Text(text.as_bytes().to_vec());
        for (line, name, arguments, literal) in [
            ("LOGOUT", "LOGOUT", vec![], None),
            (
                "  putscript \"a \\\"b\\\\\" {31+}",
                "PUTSCRIPT",
                vec![text("a \"b\\")],
                Some(31),
            ),
            (
                "HAVESPACE \"x\"  17 ",
                "HAVESPACE",
                vec![text("x"), Argument::Number(17)],
                None,
            ),
            ("\"*\"", "", vec![text("*")], None),
            ("{4}", "", vec![], Some(4)),
            (
                "a b 99999999999999999999",
                "A",
                vec![
                    Argument::Word("B".into()),
                    Argument::Word("99999999999999999999".into()),
                ],
                None,
            ),
            ("", "", vec![], None),
        ] {
            let (request, found) = read(line).unwrap();
            assert_eq!(
                (request.name.as_str(), request.arguments, found),
                (name, arguments, literal),
                "{line}"
            );
        }
        for line in ["X \"a", "X \"a\\b\"", "X {4+", "X {-4}", "X {4+} y", "\u{fc}"] {
            assert!(read(line).is_err(), "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_line_can_be_read(line: Vec<u8>, like in "[A-Z \"{}+0-9\\\\]{0,40}") {
            let _ = words(&line, &mut Request::default(), true);
            let _ = read(&like);
        }
    }
}
