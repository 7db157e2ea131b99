//! `:matches` (RFC 5228 §2.7.1): `*` is any text, as short as it can be (RFC 5229 §3.2), `?` one character, and a backslash
//! takes the meaning from either.

use crate::mail::collation;
use crate::sieve::program::Comparator;

/// A pattern that was read, as its comparator compares.
#[derive(Debug)]
pub(super) struct Glob(Vec<Element>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Element {
    Any,
    One,
    Character(char),
}

/// What was tried of a match.
pub(super) struct Tried {
    /// What `${0}`, `${1}` and so on are, if it matches.
    pub(super) captures: Option<Vec<String>>,
    /// Characters compared.
    pub(super) work: usize,
}

impl Glob {
    pub(super) fn new(pattern: &str, comparator: Comparator) -> Glob {
        let mut elements = Vec::with_capacity(pattern.len());
        let mut characters = pattern.chars();
        while let Some(character) = characters.next() {
            match character {
                '*' => elements.push(Element::Any),
                '?' => elements.push(Element::One),
                // A backslash at the very end stands for itself.
                '\\' => {
                    let escaped = characters.next().unwrap_or('\\');
                    fold(escaped, comparator, |part| elements.push(Element::Character(part)));
                }
                _ => fold(character, comparator, |part| elements.push(Element::Character(part))),
            }
        }
        Glob(elements)
    }

    /// Compares a value, for at most so much work.
    pub(super) fn matches(&self, value: &str, comparator: Comparator, most: usize) -> Tried {
        let value = Value::new(value, comparator);
        let (mut at, mut element) = (0, 0);
        let mut found: Vec<(usize, usize)> = Vec::new();
        // The last star: its element, where what it stands for begins and ends, and how many wildcards came before it.
        let mut star: Option<(usize, usize, usize, usize)> = None;
        let mut work = 0;
        while work < most {
            work += 1;
            match (self.0.get(element), value.folded.get(at)) {
                (None, None) => {
                    return Tried {
                        captures: Some(value.captures(&found)),
                        work,
                    };
                }
                (Some(Element::Any), _) => {
                    star = Some((element, at, at, found.len()));
                    found.push((at, at));
                    element += 1;
                }
                (Some(Element::One), Some(_)) => {
                    let end = value.next(at);
                    found.push((at, end));
                    at = end;
                    element += 1;
                }
                (Some(Element::Character(wanted)), Some((character, _))) if wanted == character => {
                    at += 1;
                    element += 1;
                }
                _ => match &mut star {
                    Some((any, start, end, before)) if *end < value.folded.len() => {
                        *end = value.next(*end);
                        found.truncate(*before);
                        found.push((*start, *end));
                        at = *end;
                        element = *any + 1;
                    }
                    _ => break,
                },
            }
        }
        Tried { captures: None, work }
    }
}

/// A value as it is compared, and where in the original each character comes from.
struct Value<'a> {
    text: &'a str,
    folded: Vec<(char, u32)>,
}

impl<'a> Value<'a> {
    fn new(text: &'a str, comparator: Comparator) -> Value<'a> {
        let mut folded = Vec::with_capacity(text.len());
        for (start, character) in text.char_indices() {
            let start = u32::try_from(start).unwrap_or(u32::MAX);
            fold(character, comparator, |part| folded.push((part, start)));
        }
        Value { text, folded }
    }

    /// Behind the character of the original that has the one at `at`.
    fn next(&self, at: usize) -> usize {
        let Some((_, start)) = self.folded.get(at) else {
            return at + 1;
        };
        let rest = self.folded.get(at..).unwrap_or_default();
        at + rest.iter().take_while(|(_, other)| other == start).count()
    }

    fn captures(&self, found: &[(usize, usize)]) -> Vec<String> {
        let offset = |at: usize| match self.folded.get(at) {
            Some((_, start)) => *start as usize,
            None => self.text.len(),
        };
        let pieces = found
            .iter()
            .map(|(start, end)| self.text.get(offset(*start)..offset(*end)).unwrap_or_default());
        std::iter::once(self.text).chain(pieces).map(str::to_owned).collect()
    }
}

fn fold(character: char, comparator: Comparator, mut each: impl FnMut(char)) {
    match comparator {
        Comparator::Octet | Comparator::AsciiNumeric => each(character),
        Comparator::AsciiCasemap => each(character.to_ascii_uppercase()),
        Comparator::UnicodeCasemap if character.is_ascii() => each(character.to_ascii_uppercase()),
        Comparator::UnicodeCasemap => {
            let mut mapped = Vec::new();
            collation::casemap(character.encode_utf8(&mut [0; 4]), &mut mapped);
            String::from_utf8_lossy(&mapped).chars().for_each(each);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(pattern: &str, value: &str, comparator: Comparator) -> Option<Vec<String>> {
        Glob::new(pattern, comparator)
            .matches(value, comparator, 1_000_000)
            .captures
    }

    #[test]
    fn patterns_and_what_they_capture() {
        for (pattern, value, captures) in [
            ("", "", Some(&[""][..])),
            ("*", "", Some(&["", ""])),
            ("*", "abc", Some(&["abc", "abc"])),
            ("a*c", "ABBC", Some(&["ABBC", "BB"])),
            ("a?c", "abc", Some(&["abc", "b"])),
            ("a?c", "ac", None),
            ("?", "ü", Some(&["ü", "ü"])),
            ("*x*x", "axbxcx", Some(&["axbxcx", "a", "bxc"])),
            ("*.*@*", "a.b.c@d", Some(&["a.b.c@d", "a", "b.c", "d"])),
            // RFC 5229 §3.2
            (
                "*[*] *",
                "[acme-users] [fwd]: version 1.0 is out",
                Some(&[
                    "[acme-users] [fwd]: version 1.0 is out",
                    "",
                    "acme-users",
                    "[fwd]: version 1.0 is out",
                ]),
            ),
            ("a\\*c", "a*c", Some(&["a*c"])),
            ("a\\*c", "abc", None),
            ("a\\\\c", "a\\c", Some(&["a\\c"])),
            ("a\\", "a\\", Some(&["a\\"])),
            ("*?c?", "aabcd", Some(&["aabcd", "aa", "b", "d"])),
        ] {
            let found = found(pattern, value, Comparator::AsciiCasemap);
            let found = found
                .as_ref()
                .map(|list| list.iter().map(String::as_str).collect::<Vec<_>>());
            assert_eq!(found.as_deref(), captures, "{pattern} {value}");
        }
        assert!(found("a", "A", Comparator::Octet).is_none());
        let captures = found("*GRÜ?E", "ein Gru\u{308}ße", Comparator::UnicodeCasemap).unwrap();
        assert_eq!(captures[1..], ["ein ", "ß"]);
        assert!(found("ä", "Ä", Comparator::AsciiCasemap).is_none());
    }

    #[test]
    fn work_is_bounded() {
        let glob = Glob::new(&"*a".repeat(1000), Comparator::Octet);
        let tried = glob.matches(&"a".repeat(900), Comparator::Octet, 50_000);
        assert!(tried.captures.is_none() && tried.work <= 50_000);
    }

    proptest! {
        /// Against the plainest way to say what a pattern means.
        #[test]
        fn as_the_definition_says(pattern in "[ab*?]{0,8}", value in "[ab]{0,10}") {
            fn plain(pattern: &[u8], value: &[u8]) -> bool {
                match (pattern, value) {
                    ([], []) => true,
                    ([b'*', rest @ ..], _) => (0..=value.len()).any(|skip| plain(rest, &value[skip..])),
                    ([b'?', rest @ ..], [_, behind @ ..]) => plain(rest, behind),
                    ([one, rest @ ..], [other, behind @ ..]) => one == other && plain(rest, behind),
                    _ => false,
                }
            }
            let captures = found(&pattern, &value, Comparator::Octet);
            prop_assert_eq!(captures.is_some(), plain(pattern.as_bytes(), value.as_bytes()));
            if let Some(captures) = captures {
                prop_assert_eq!(captures.len(), 1 + pattern.matches(['*', '?']).count());
            }
        }
    }
}
