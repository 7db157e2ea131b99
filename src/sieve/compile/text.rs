//! What stands in a string: encoded characters (RFC 5228 §2.4.2.4), then variables (RFC 5229 §3).

use super::Compiler;
use crate::sieve::limits;
use crate::sieve::problem::{Place, Problem, quoted};
use crate::sieve::program::{Piece, Text};

impl Compiler {
    /// A string of the script that stands at `at`.
    pub(super) fn text(&mut self, at: Place, source: &str) -> Result<Text, Problem> {
        let decoded = match source.contains("${") && self.has("encoded-character") {
            true => encoded_characters(at, source)?,
            false => source.to_owned(),
        };
        match decoded.contains("${") && self.has("variables") {
            true => variables(at, &decoded),
            false => Ok(Text(vec![Piece::Literal(decoded)])),
        }
    }

    /// The name of a variable that is set or read by name, in lower case.
    pub(super) fn variable(&mut self, at: Place, name: &str) -> Result<String, Problem> {
        match is_name(name) {
            true => Ok(name.to_ascii_lowercase()),
            false => Err(at.problem(format!("{} is no name of a variable", quoted(name)))),
        }
    }
}

/// `${hex: 40 41}` and `${unicode: 20AC}`. What only looks like one stands as it is.
fn encoded_characters(at: Place, source: &str) -> Result<String, Problem> {
    let mut octets = Vec::with_capacity(source.len());
    let mut rest = source;
    while let Some(start) = rest.find("${") {
        let (before, behind) = rest.split_at(start);
        octets.extend_from_slice(before.as_bytes());
        let encoded = behind.get(2..).and_then(|inside| inside.split_once('}'));
        match encoded.and_then(|(inside, behind)| Some((encoding(inside)?, behind))) {
            Some((Encoding::Octets(decoded), behind)) => {
                octets.extend_from_slice(&decoded);
                rest = behind;
            }
            Some((Encoding::NotUnicode, _)) => {
                return Err(at.problem("this string has a number that is no Unicode character"));
            }
            None => {
                octets.extend_from_slice(b"${");
                rest = behind.get(2..).unwrap_or_default();
            }
        }
    }
    octets.extend_from_slice(rest.as_bytes());
    String::from_utf8(octets).map_err(|_| at.problem("the octets encoded in this string are no UTF-8"))
}

enum Encoding {
    Octets(Vec<u8>),
    NotUnicode,
}

fn encoding(inside: &str) -> Option<Encoding> {
    let (name, numbers) = inside.split_once(':')?;
    let mut words = numbers
        .split([' ', '\t', '\r', '\n'])
        .filter(|word| !word.is_empty())
        .peekable();
    words.peek()?;
    if !numbers.chars().all(|c| c.is_ascii_hexdigit() || " \t\r\n".contains(c)) {
        return None;
    }
    let mut octets = Vec::new();
    if name.eq_ignore_ascii_case("hex") {
        for word in words {
            octets.push(u8::from_str_radix(word, 16).ok().filter(|_| word.len() <= 2)?);
        }
    } else if name.eq_ignore_ascii_case("unicode") {
        for word in words {
            let digits = word.trim_start_matches('0');
            let number = match digits {
                "" => 0,
                _ => match u32::from_str_radix(digits, 16) {
                    Ok(number) => number,
                    Err(_) => return Some(Encoding::NotUnicode),
                },
            };
            match char::from_u32(number) {
                Some(character) => octets.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
                None => return Some(Encoding::NotUnicode),
            }
        }
    } else {
        return None;
    }
    Some(Encoding::Octets(octets))
}

/// `${name}` and `${1}`. What only looks like one stands as it is; a namespace would have to be required, and none is known.
fn variables(at: Place, source: &str) -> Result<Text, Problem> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut rest = source;
    while let Some(start) = rest.find("${") {
        let (before, behind) = rest.split_at(start);
        literal.push_str(before);
        let reference = behind.get(2..).and_then(|inside| inside.split_once('}'));
        let found = reference.and_then(|(name, behind)| Some((piece(name)?, behind)));
        if let Some((piece, behind)) = found {
            if !literal.is_empty() {
                pieces.push(Piece::Literal(std::mem::take(&mut literal)));
            }
            pieces.push(piece);
            rest = behind;
            continue;
        }
        if let Some((name, _)) = reference
            && name.split('.').count() > 1
            && name.split('.').all(is_name)
        {
            return Err(at.problem(format!("the namespace of {} is not known here", quoted(name))));
        }
        literal.push_str("${");
        rest = behind.get(2..).unwrap_or_default();
    }
    literal.push_str(rest);
    if !literal.is_empty() || pieces.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    Ok(Text(pieces))
}

fn piece(name: &str) -> Option<Piece> {
    if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()) {
        // More captures than any pattern has are empty.
        return Some(Piece::Capture(name.parse().unwrap_or(usize::MAX)));
    }
    is_name(name).then(|| Piece::Variable(name.to_ascii_lowercase()))
}

fn is_name(name: &str) -> bool {
    name.len() <= limits::VARIABLE_NAME
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
