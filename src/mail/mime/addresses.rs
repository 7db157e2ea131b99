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
            End::Colon => {
                in_group = true;
                list.push(EnvelopeAddress {
                    mailbox: Some(phrase(&entry.words)),
                    ..EnvelopeAddress::default()
                });
            }
            End::Other => list.extend(entry.address()),
            End::Semicolon => {
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
    Colon,
    /// The semicolon behind a group, or one that stands for a comma.
    Semicolon,
    /// A comma, or the end of the value.
    #[default]
    Other,
}

/// An atom, a quoted string, a domain literal, or a single special character.
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
                        entry.end = End::Semicolon;
                    }
                    return entry;
                }
                b':' if !in_group && !entry.at && entry.angle.is_none() && !entry.words.is_empty() => {
                    lexer.take(1);
                    entry.end = End::Colon;
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

    /// The address, unless there is none.
    fn address(mut self) -> Option<EnvelopeAddress> {
        let Some(mut words) = self.angle.take() else {
            if self.words.is_empty() {
                return None;
            }
            let spec = AddrSpec::read(&self.words);
            return Some(self.named(spec, None));
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
        let spec = AddrSpec {
            in_front: phrase(&self.words),
            ..AddrSpec::read(&words)
        };
        Some(self.named(spec, route))
    }

    /// With the words in front of it for a name, else the comment.
    fn named(self, spec: AddrSpec, route: Option<Vec<u8>>) -> EnvelopeAddress {
        let names = [Some(spec.in_front), self.comment];
        EnvelopeAddress {
            name: names.into_iter().flatten().find(|name| !name.is_empty()),
            route,
            mailbox: Some(spec.local_part),
            host: Some(spec.domain),
        }
    }
}

/// `local-part@domain`, as it is found among words.
struct AddrSpec {
    in_front: Vec<u8>,
    local_part: Vec<u8>,
    domain: Vec<u8>,
}

impl AddrSpec {
    /// What is around the last `@`. White space is within an address only next to a dot, as old programs wrote it.
    fn read(words: &[Word]) -> AddrSpec {
        let Some(at) = words.iter().rposition(|word| word.is(b'@')) else {
            return AddrSpec {
                in_front: Vec::new(),
                local_part: joined(words),
                domain: Vec::new(),
            };
        };
        let (local, domain) = (&words[..at], &words[at + 1..]);
        let start = (1..local.len())
            .rev()
            .find(|&index| local[index].is_apart_from(&local[index - 1]));
        let end = (1..domain.len()).find(|&index| domain[index].is_apart_from(&domain[index - 1]));
        let (in_front, local) = local.split_at(start.unwrap_or(0));
        AddrSpec {
            in_front: phrase(in_front),
            local_part: joined(local),
            domain: joined(&domain[..end.unwrap_or(domain.len())]),
        }
    }
}

/// Words as a display name: quotes taken off, one space wherever there was some.
fn phrase(words: &[Word]) -> Vec<u8> {
    let mut text = Vec::new();
    for word in words {
        if word.spaced {
            text.push(b' ');
        }
        text.extend_from_slice(&word.text);
    }
    text.trim_ascii().to_vec()
}

fn joined(words: &[Word]) -> Vec<u8> {
    words.iter().flat_map(|word| &word.text).copied().collect()
}

/// What ends an atom besides white space.
const SPECIALS: &[u8] = b"()<>@,;:\"[";

impl Word {
    /// The next word; takes at least one byte.
    fn read(lexer: &mut Lexer<'_>, spaced: bool) -> Word {
        let mut special = false;
        let text = match lexer.peek() {
            Some(b'"') => lexer.quoted_string(),
            Some(b'[') => domain_literal(lexer).to_vec(),
            Some(byte) if SPECIALS.contains(&byte) => {
                special = true;
                lexer.take(1).to_vec()
            }
            _ => match encoded_word_length(lexer.rest) {
                Some(length) => lexer.take(length).to_vec(),
                None => lexer
                    .take_while(|byte| !byte.is_ascii_whitespace() && !SPECIALS.contains(&byte))
                    .to_vec(),
            },
        };
        Word { text, spaced, special }
    }

    fn is(&self, special: u8) -> bool {
        self.special && self.text == [special]
    }

    fn is_apart_from(&self, in_front: &Word) -> bool {
        self.spaced && !self.text.starts_with(b".") && !in_front.text.ends_with(b".")
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Each as `name|route|mailbox|host`, a dash for NIL.
    fn list(value: &str) -> Vec<String> {
        let mut list = Vec::new();
        assert!(read(value.as_bytes(), &mut list));
        let text = |text: Option<Vec<u8>>| text.map_or("-".to_owned(), |text| String::from_utf8(text).unwrap());
        list.into_iter()
            .map(|address| {
                [address.name, address.route, address.mailbox, address.host]
                    .map(text)
                    .join("|")
            })
            .collect()
    }

    #[test]
    fn the_examples_of_the_rfc() {
        // RFC 5322 Appendix A
        for (value, wanted) in [
            (
                "\"Joe Q. Public\" <john.q.public@example.com>",
                &["Joe Q. Public|-|john.q.public|example.com"][..],
            ),
            (
                "Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>",
                &["Mary Smith|-|mary|x.test", "-|-|jdoe|example.org", "Who?|-|one|y.test"],
            ),
            (
                "<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>",
                &["-|-|boss|nil.test", "Giant; \"Big\" Box|-|sysservices|example.net"],
            ),
            (
                "A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
                &[
                    "-|-|A Group|-",
                    "Ed Jones|-|c|a.test",
                    "-|-|joe|where.test",
                    "John|-|jdoe|one.test",
                    "-|-|-|-",
                ],
            ),
            ("Undisclosed recipients:;", &["-|-|Undisclosed recipients|-", "-|-|-|-"]),
            (
                "Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>",
                &["Pete|-|pete|silly.test"],
            ),
            (
                "Mary Smith <@node.test:mary@example.net>, , jdoe@test   . example",
                &["Mary Smith|@node.test|mary|example.net", "-|-|jdoe|test.example"],
            ),
        ] {
            assert_eq!(list(value), wanted, "{value}");
        }
    }

    #[test]
    fn as_programs_write_them() {
        for (value, wanted) in [
            ("", &[][..]),
            (" , (nobody) ,", &[]),
            ("root", &["-|-|root|"]),
            ("root (Cron Daemon)", &["Cron Daemon|-|root|"]),
            ("MAILER-DAEMON <>", &["MAILER-DAEMON|-||"]),
            ("a@b (one) (two)", &["one|-|a|b"]),
            ("a@b <a@b>", &["a@b|-|a|b"]),
            ("Ann B a@b trailing", &["Ann B|-|a|b"]),
            ("a@b; c@d", &["-|-|a|b", "-|-|c|d"]),
            ("g: a@b, h: c@d;", &["-|-|g|-", "-|-|a|b", "h:|-|c|d", "-|-|-|-"]),
            ("g: a@b", &["-|-|g|-", "-|-|a|b", "-|-|-|-"]),
            ("<open@angle, c@d", &["-|-|open|angle", "-|-|c|d"]),
            ("<@a;b:c@d>, e@f", &["-|@a;b|c|d", "-|-|e|f"]),
            ("<@a,@b:c@d>, <@e, f@g", &["-|@a,@b|c|d", "-|-|f|g"]),
            (
                "=?utf-8?Q?a,_<b>?= =?utf-8?Q?c?= <d@e>",
                &["=?utf-8?Q?a,_<b>?= =?utf-8?Q?c?=|-|d|e"],
            ),
            ("=?utf-8?Q?a b?= <d@e>", &["=?utf-8?Q?a b?=|-|d|e"]),
            ("[list] x <a@[192.0.2.1]>", &["[list] x|-|a|[192.0.2.1]"]),
            ("\"a@b\"@c, \"a\" \"b\"@c", &["-|-|a@b|c", "a|-|b|c"]),
            ("\"open", &["-|-|open|"]),
            ("\"\" <a@b>, \" \" <c@d> (x)", &["-|-|a|b", "x|-|c|d"]),
            (")(<>@,;:\\\".[]", &["<>@,;:\".[]|-|)|"]),
        ] {
            assert_eq!(list(value), wanted, "{value}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_list(value: Vec<u8>, like in "[a@<>()\\[\\],;:.\"\\\\ =?]{0,40}") {
            read(&value, &mut Vec::new());
            read(like.as_bytes(), &mut Vec::new());
        }
    }

    #[test]
    fn there_is_a_most() {
        let mut list = Vec::new();
        assert!(!read("a,".repeat(5000).as_bytes(), &mut list));
        assert_eq!(list.len(), MAX_ADDRESSES);
    }
}
