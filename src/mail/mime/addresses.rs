//! Address lists as ENVELOPE shows them (RFC 5322 §3.4 with the obsolete forms of §4.4, RFC 9051 §7.5.2).
//!
//! Every text is some list. A missing local part or domain is the empty string and not NIL, for NIL would make it a group.

use super::lexer::Lexer;
use crate::mail::summary::EnvelopeAddress;

/// The most addresses of one field that are kept.
const MAX_ADDRESSES: usize = 4096;

/// Adds the addresses of a field's unfolded value to `list`; `false` when there were too many.
pub(super) fn read(value: &[u8], list: &mut Vec<EnvelopeAddress>) -> bool {
    let mut lexer = Lexer::new(value);
    let mut in_group = false;
    let mut complete = true;
    while lexer.peek().is_some() {
        if list.len() >= MAX_ADDRESSES {
            complete = false;
            break;
        }
        let entry = Entry::read(&mut lexer, in_group);
        match entry.end {
            End::Group => {
                in_group = true;
                list.push(EnvelopeAddress {
                    mailbox: Some(entry.phrase()),
                    ..EnvelopeAddress::default()
                });
            }
            End::Other => list.extend(entry.address()),
            End::GroupEnd => {
                list.extend(entry.address());
                if std::mem::take(&mut in_group) {
                    list.push(EnvelopeAddress::default());
                }
            }
        }
    }
    if in_group {
        list.push(EnvelopeAddress::default());
    }
    complete
}

/// What stands between two commas: perhaps words, perhaps angle brackets, perhaps a comment.
#[derive(Default)]
struct Entry {
    words: Vec<Word>,
    angle: Option<Vec<Word>>,
    comment: Option<Vec<u8>>,
    /// `words` has an `@`: they are an address, not a name.
    at: bool,
    /// Within a source route, which has commas and a colon of its own: `<@a,@b:user@c>`.
    routing: bool,
    end: End,
}

/// What ended an entry.
#[derive(Default)]
enum End {
    /// The colon behind a group's name.
    Group,
    /// The semicolon behind a group, or one that stands for a comma.
    GroupEnd,
    /// A comma, or the end of the value.
    #[default]
    Other,
}

/// An atom, a quoted string, a domain literal, or one of `@`, `,` and `:` in a source route.
struct Word {
    text: Vec<u8>,
    /// White space or a comment stands in front.
    spaced: bool,
    /// It stands for itself: not in quotes.
    special: bool,
}

impl Entry {
    fn read(lexer: &mut Lexer<'_>, in_group: bool) -> Entry {
        let mut entry = Entry::default();
        let mut spaced = false;
        let mut inside = false;
        while let Some(byte) = lexer.peek() {
            match byte {
                b'(' => {
                    let text = lexer.comment().trim_ascii().to_vec();
                    entry.comment = entry.comment.or(Some(text));
                    spaced = true;
                    continue;
                }
                _ if lexer.space() => {
                    spaced = true;
                    continue;
                }
                b',' | b';' if !entry.routing => {
                    lexer.take(1);
                    if byte == b';' {
                        entry.end = End::GroupEnd;
                    }
                    return entry;
                }
                b':' if !in_group && !entry.at && entry.angle.is_none() && !entry.words.is_empty() => {
                    lexer.take(1);
                    entry.end = End::Group;
                    return entry;
                }
                b'<' if !inside && entry.angle.is_none() => {
                    lexer.take(1);
                    entry.angle = Some(Vec::new());
                    inside = true;
                }
                b'>' => {
                    lexer.take(1);
                    inside = false;
                    entry.routing = false;
                }
                _ => {
                    let word = Word::read(lexer, spaced);
                    match &mut entry.angle {
                        Some(words) if inside => {
                            entry.routing = (entry.routing || words.is_empty() && word.is(b'@')) && !word.is(b':');
                            words.push(word);
                        }
                        // Nothing behind the angle brackets belongs to the address.
                        Some(_) => {}
                        None => {
                            entry.at |= word.is(b'@');
                            entry.words.push(word);
                        }
                    }
                }
            }
            spaced = false;
        }
        entry
    }

    /// The words as a display name: quotes taken off, one space wherever there was some.
    fn phrase(&self) -> Vec<u8> {
        let mut text = Vec::new();
        for word in &self.words {
            if word.spaced && !text.is_empty() {
                text.push(b' ');
            }
            text.extend_from_slice(&word.text);
        }
        text
    }

    /// The address, unless there is none.
    fn address(mut self) -> Option<EnvelopeAddress> {
        let Some(mut words) = self.angle.take() else {
            if self.words.is_empty() {
                return None;
            }
            let (mailbox, host) = addr_spec(&self.words);
            return Some(EnvelopeAddress {
                name: self.comment.filter(|text| !text.is_empty()),
                route: None,
                mailbox: Some(mailbox),
                host: Some(host),
            });
        };
        let mut route = None;
        if words.first().is_some_and(|word| word.is(b'@'))
            && let Some(colon) = words.iter().position(|word| word.is(b':'))
        {
            let behind = words.split_off(colon + 1);
            words.truncate(colon);
            route = Some(joined(&words));
            words = behind;
        }
        let (mailbox, host) = addr_spec(&words);
        let phrase = Some(self.phrase()).filter(|phrase| !phrase.is_empty());
        Some(EnvelopeAddress {
            name: phrase.or(self.comment.filter(|text| !text.is_empty())),
            route,
            mailbox: Some(mailbox),
            host: Some(host),
        })
    }
}

/// Local part and domain around the last `@`.
fn addr_spec(words: &[Word]) -> (Vec<u8>, Vec<u8>) {
    match words.iter().rposition(|word| word.is(b'@')) {
        Some(at) => (joined(&words[..at]), joined(&words[at + 1..])),
        None => (joined(words), Vec::new()),
    }
}

fn joined(words: &[Word]) -> Vec<u8> {
    words.iter().flat_map(|word| &word.text).copied().collect()
}

impl Word {
    /// The next word; takes at least one byte.
    fn read(lexer: &mut Lexer<'_>, spaced: bool) -> Word {
        let (text, special) = match lexer.peek() {
            Some(b'"') => (lexer.quoted_string(), false),
            Some(b'[') => (domain_literal(lexer).to_vec(), false),
            Some(b'@' | b',' | b':' | b'<' | b')') => (lexer.take(1).to_vec(), true),
            _ => match encoded_word_length(lexer.rest) {
                Some(length) => (lexer.take(length).to_vec(), false),
                None => (
                    lexer
                        .take_while(|byte| !byte.is_ascii_whitespace() && !b"()<>@,;:\"[".contains(&byte))
                        .to_vec(),
                    false,
                ),
            },
        };
        Word { text, spaced, special }
    }

    fn is(&self, special: u8) -> bool {
        self.special && self.text == [special]
    }
}

/// `[192.0.2.1]`, with its brackets.
fn domain_literal<'a>(lexer: &mut Lexer<'a>) -> &'a [u8] {
    let from = lexer.rest;
    lexer.take(1);
    let inner = lexer.take_while(|byte| !byte.is_ascii_whitespace() && !b"[](),;<>\"".contains(&byte));
    let closed = lexer.skip(b']');
    &from[..1 + inner.len() + usize::from(closed)]
}

/// The length of the encoded word with which `bytes` begins: one word even when it has commas or brackets in it, as
/// programs write them against RFC 2047 §5.
fn encoded_word_length(bytes: &[u8]) -> Option<usize> {
    // The question marks behind charset, encoding and text.
    let end = memchr::memchr_iter(b'?', bytes.strip_prefix(b"=?")?).nth(2)?;
    let word = bytes.get(..end + 4)?;
    let whole = word.ends_with(b"=") && !word.iter().any(u8::is_ascii_whitespace);
    whole.then_some(word.len())
}
