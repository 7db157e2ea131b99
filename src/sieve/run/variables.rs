//! Variables and the strings made of them (RFC 5229).

use std::collections::HashMap;

use super::Run;
use crate::sieve::limits;
use crate::sieve::outcome::Why;
use crate::sieve::program::{Modifier, Piece, Text};

/// What was set, and what the last `:matches` found.
#[derive(Default)]
pub(super) struct Variables {
    set: HashMap<String, String>,
    captures: Vec<String>,
}

impl Variables {
    /// The value of a variable; empty when it was never set.
    pub(super) fn get(&self, name: &str) -> &str {
        self.set.get(name).map_or("", String::as_str)
    }

    pub(super) fn set(&mut self, name: &str, value: String) -> Result<(), Why> {
        if !self.set.contains_key(name) && self.set.len() >= limits::VARIABLES {
            return Err(Why::Variables);
        }
        self.set.insert(name.to_owned(), value);
        Ok(())
    }

    /// `${0}`, `${1}` and so on, from now on (RFC 5229 §3.2).
    pub(super) fn capture(&mut self, captures: Vec<String>) {
        self.captures = captures;
    }
}

impl Run<'_> {
    /// The string as it is now. A constant comes whole, one made of variables not longer than [`limits::VALUE`].
    pub(super) fn expand(&mut self, text: &Text) -> Result<String, Why> {
        if let [Piece::Literal(literal)] = text.0.as_slice() {
            self.work(literal.len())?;
            return Ok(literal.clone());
        }
        let mut expanded = String::new();
        for piece in &text.0 {
            expanded.push_str(match piece {
                Piece::Literal(literal) => literal,
                Piece::Variable(name) => self.variables.get(name),
                Piece::Capture(number) => self.variables.captures.get(*number).map_or("", String::as_str),
            });
            cut(&mut expanded);
        }
        self.work(expanded.len())?;
        Ok(expanded)
    }

    /// Several at once.
    pub(super) fn expand_all(&mut self, texts: &[Text]) -> Result<Vec<String>, Why> {
        texts.iter().map(|text| self.expand(text)).collect()
    }
}

/// The value as `set` stores it, changed by the modifiers in their order (RFC 5229 §4.1).
pub(super) fn modified(mut value: String, modifiers: &[Modifier]) -> String {
    for modifier in modifiers {
        value = match modifier {
            Modifier::Lower => value.to_lowercase(),
            Modifier::Upper => value.to_uppercase(),
            Modifier::LowerFirst => first(&value, |character| character.to_lowercase().collect()),
            Modifier::UpperFirst => first(&value, |character| character.to_uppercase().collect()),
            Modifier::QuoteWildcard => quote_wildcards(&value),
            Modifier::Length => value.chars().count().to_string(),
        };
    }
    cut(&mut value);
    value
}

fn first(value: &str, change: impl Fn(char) -> String) -> String {
    let mut characters = value.chars();
    match characters.next() {
        Some(character) => change(character) + characters.as_str(),
        None => String::new(),
    }
}

fn quote_wildcards(value: &str) -> String {
    let mut quoted = String::with_capacity(value.len());
    for character in value.chars() {
        if matches!(character, '*' | '?' | '\\') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted
}

/// To the longest value, between two characters.
pub(super) fn cut(value: &mut String) {
    if value.len() > limits::VALUE {
        let end = (0..=limits::VALUE).rev().find(|end| value.is_char_boundary(*end));
        value.truncate(end.unwrap_or(0));
    }
}
