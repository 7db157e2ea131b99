//! The words of a script (RFC 5228 §8.1). Lines may end in CRLF, or in LF as editors write them.

use super::problem::{Place, Problem};

/// A word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// In lower case, for it has no case (RFC 5228 §2.4).
    Identifier(String),
    /// Without its colon, in lower case.
    Tag(String),
    /// Multiplied out (RFC 5228 §2.4.1).
    Number(u64),
    /// Quoted or multi-line, without its quoting (RFC 5228 §2.4.2).
    Text(String),
    /// One of `[](){},;`
    Mark(char),
}

/// What is left of a script.
pub(super) struct Lexer<'a> {
    rest: &'a str,
    at: Place,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(source: &'a str) -> Lexer<'a> {
        Lexer {
            rest: source,
            at: Place { line: 1, column: 1 },
        }
    }

    /// The next word and where it begins, or the end of the script.
    pub(super) fn next(&mut self) -> Result<(Place, Option<Token>), Problem> {
        self.space()?;
        let at = self.at;
        let Some(first) = self.rest.chars().next() else {
            return Ok((at, None));
        };
        let token = match first {
            '[' | ']' | '(' | ')' | '{' | '}' | ',' | ';' => {
                self.take(1);
                Token::Mark(first)
            }
            '"' => Token::Text(self.quoted(at)?),
            ':' => {
                self.take(1);
                match self.identifier() {
                    Some(name) => Token::Tag(name),
                    None => return Err(at.problem("a tag has a name behind its colon, such as :contains")),
                }
            }
            '0'..='9' => Token::Number(self.number(at)?),
            _ => match self.identifier() {
                Some(name) if name == "text" && self.rest.starts_with(':') => Token::Text(self.multi_line(at)?),
                Some(name) => Token::Identifier(name),
                None => return Err(at.problem(format!("the character {first:?} has no place here"))),
            },
        };
        Ok((at, Some(token)))
    }

    /// Passes over white space and comments (RFC 5228 §2.3).
    fn space(&mut self) -> Result<(), Problem> {
        loop {
            let blank = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
            self.take(self.rest.len() - blank.len());
            if self.rest.starts_with('#') {
                self.take(self.rest.find('\n').unwrap_or(self.rest.len()));
            } else if self.rest.starts_with("/*") {
                let end = self.rest.find("*/").filter(|end| *end >= 2).or_else(|| {
                    // `/*/` is no whole comment.
                    self.rest.get(2..)?.find("*/").map(|end| end + 2)
                });
                match end {
                    Some(end) => self.take(end + 2),
                    None => return Err(self.at.problem("this comment has no end (*/)")),
                }
            } else {
                return Ok(());
            }
        }
    }

    fn identifier(&mut self) -> Option<String> {
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let name = self.rest.get(..end.unwrap_or(self.rest.len()))?;
        if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            return None;
        }
        let lower = name.to_ascii_lowercase();
        self.take(lower.len());
        Some(lower)
    }

    fn number(&mut self, at: Place) -> Result<u64, Problem> {
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric());
        let word = self.rest.get(..end.unwrap_or(self.rest.len())).unwrap_or_default();
        self.take(word.len());
        let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = match word.get(digits.len()..).unwrap_or_default() {
            "" => 1_u64,
            "K" | "k" => 1 << 10,
            "M" | "m" => 1 << 20,
            "G" | "g" => 1 << 30,
            _ => return Err(at.problem("a number has digits and perhaps K, M or G behind them")),
        };
        let number = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
        number.ok_or_else(|| at.problem("this number is too large"))
    }

    /// RFC 5228 §2.4.2: a backslash in front of another character than `"` and `\` is passed over.
    fn quoted(&mut self, at: Place) -> Result<String, Problem> {
        let mut text = String::new();
        let mut characters = self.rest.char_indices().skip(1);
        while let Some((index, character)) = characters.next() {
            match character {
                '"' => {
                    self.take(index + 1);
                    return Ok(text);
                }
                '\\' => text.extend(characters.next().map(|(_, escaped)| escaped)),
                _ => text.push(character),
            }
        }
        Err(at.problem("this string has no end (\")"))
    }

    /// Behind `text`: a colon, the rest of the line, and lines up to one of a dot only.
    fn multi_line(&mut self, at: Place) -> Result<String, Problem> {
        self.take(1);
        let line = self.rest.find('\n').unwrap_or(self.rest.len());
        let behind = self.rest.get(..line).unwrap_or_default().trim();
        if !behind.is_empty() && !behind.starts_with('#') {
            return Err(self.at.problem("the text begins on the line behind text:"));
        }
        self.take((line + 1).min(self.rest.len()));
        let mut text = String::new();
        while let Some(end) = self.rest.find('\n') {
            let line = self.rest.get(..=end).unwrap_or_default();
            let stuffed = line.strip_prefix('.');
            let last = stuffed.is_some_and(|rest| rest.trim_end_matches(['\r', '\n']).is_empty());
            if !last {
                text.push_str(stuffed.filter(|rest| rest.starts_with('.')).unwrap_or(line));
            }
            self.take(end + 1);
            if last {
                return Ok(text);
            }
        }
        if self.rest.trim_end() == "." {
            self.take(self.rest.len());
            return Ok(text);
        }
        Err(at.problem("this text has no end (a line with nothing but a dot)"))
    }

    /// Goes on by so many bytes, which end between two characters.
    fn take(&mut self, bytes: usize) {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        match taken.rfind('\n') {
            Some(last) => {
                self.at.line += taken.matches('\n').count();
                self.at.column = 1 + taken.get(last + 1..).unwrap_or_default().chars().count();
            }
            None => self.at.column += taken.chars().count(),
        }
        self.rest = rest;
    }
}
