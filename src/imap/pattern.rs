//! Patterns of LIST and LSUB (RFC 9051 §6.3.9): `*` stands for anything, `%` for anything within one level.

use crate::mail::mailbox_name::MailboxName;

/// A canonical pattern: reference and pattern joined.
#[derive(Debug)]
pub(crate) struct Pattern {
    pieces: Vec<Piece>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Piece {
    Char(char),
    Level,
    Any,
}

impl Pattern {
    /// Joins reference and pattern as they stand, without looking for a separator: `foo/` and `%` ask for what is below
    /// `foo`. `None` when no name could match, for none is that long; so what matching costs is bounded.
    pub(crate) fn new(reference: &str, pattern: &str) -> Option<Pattern> {
        let mut pieces: Vec<Piece> = Vec::new();
        let mut literal = 0;
        for c in reference.chars().chain(pattern.chars()) {
            let piece = match c {
                '*' => Piece::Any,
                '%' => Piece::Level,
                c => Piece::Char(c),
            };
            // A run of wildcards is as much as the strongest of them.
            match (pieces.last(), piece) {
                (Some(Piece::Any), Piece::Any | Piece::Level) | (Some(Piece::Level), Piece::Level) => {}
                (Some(Piece::Level), Piece::Any) => {
                    pieces.pop();
                    pieces.push(Piece::Any);
                }
                _ => pieces.push(piece),
            }
            literal += usize::from(matches!(piece, Piece::Char(_)));
            if literal > MailboxName::LONGEST {
                return None;
            }
        }
        Some(Pattern { pieces })
    }

    /// Whether the name matches. INBOX does in any case of its letters.
    ///
    /// All ways to match are followed at once, so the time is the product of the lengths, whatever the wildcards.
    pub(crate) fn matches(&self, name: &str) -> bool {
        let inbox = name == "INBOX" || name.starts_with("INBOX/");
        let mut reached = vec![false; self.pieces.len() + 1];
        reached[0] = true;
        self.skip_wildcards(&mut reached);
        for (index, c) in name.chars().enumerate() {
            let mut next = vec![false; reached.len()];
            for (at, piece) in self.pieces.iter().enumerate().filter(|(at, _)| reached[*at]) {
                match piece {
                    Piece::Any => next[at] = true,
                    Piece::Level => next[at] |= c != MailboxName::SEPARATOR,
                    Piece::Char(wanted) => {
                        let folded = inbox && index < "INBOX".len() && wanted.eq_ignore_ascii_case(&c);
                        next[at + 1] |= folded || *wanted == c;
                    }
                }
            }
            self.skip_wildcards(&mut next);
            reached = next;
        }
        reached.last() == Some(&true)
    }

    /// Whether levels of hierarchy that are no mailboxes are asked for too: `%` at the end does (RFC 3501 §6.3.8, §6.3.9).
    pub(crate) fn asks_for_levels(&self) -> bool {
        self.pieces.last() == Some(&Piece::Level)
    }

    /// A wildcard may stand for nothing.
    fn skip_wildcards(&self, reached: &mut [bool]) {
        for (at, piece) in self.pieces.iter().enumerate() {
            if reached[at] && !matches!(piece, Piece::Char(_)) {
                reached[at + 1] = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Pattern::new("", pattern).is_some_and(|pattern| pattern.matches(name))
    }

    #[test]
    fn wildcards_and_levels() {
        for (pattern, yes, no) in [
            ("*", vec!["a", "a/b", "INBOX"], vec![]),
            ("%", vec!["a", "INBOX"], vec!["a/b"]),
            ("a/%", vec!["a/b"], vec!["a", "a/b/c", "ab"]),
            ("%/%", vec!["a/b"], vec!["a", "a/b/c"]),
            ("*b", vec!["b", "ab", "a/b", "a/b/b"], vec!["a/bc"]),
            ("a%c*", vec!["ac", "abc", "abc/d"], vec!["a/c"]),
            ("%*", vec!["a/b"], vec![]),
            ("", vec![], vec!["a"]),
            ("Ä%", vec!["Äx"], vec!["äx"]),
        ] {
            assert!(yes.iter().all(|name| matches(pattern, name)), "{pattern}");
            assert!(!no.iter().any(|name| matches(pattern, name)), "{pattern}");
        }
    }

    #[test]
    fn inbox_has_no_case_and_others_have() {
        assert!(matches("inbox", "INBOX") && matches("iNb%", "INBOX") && matches("inbox/Ab", "INBOX/Ab"));
        assert!(!matches("inbox/ab", "INBOX/Ab") && !matches("inboxes", "INBOXES") && !matches("SENT", "Sent"));
    }

    #[test]
    fn reference_and_pattern_are_joined() {
        let joined = |reference, pattern, name| Pattern::new(reference, pattern).unwrap().matches(name);
        assert!(joined("a/", "%", "a/b") && joined("a", "/%", "a/b") && !joined("a", "%", "a/b"));
    }

    #[test]
    fn what_no_name_matches_is_not_kept() {
        assert!(Pattern::new("", &"a".repeat(MailboxName::LONGEST + 1)).is_none());
        assert!(Pattern::new("", &"*%".repeat(100_000)).is_some_and(|pattern| pattern.pieces.len() == 1));
    }

    /// The definition, read aloud.
    fn naive(pattern: &[char], name: &[char]) -> bool {
        match (pattern.split_first(), name.split_first()) {
            (None, None) => true,
            (None, Some(_)) => false,
            (Some(('*', rest)), _) => naive(rest, name) || (!name.is_empty() && naive(pattern, &name[1..])),
            (Some(('%', rest)), _) => {
                naive(rest, name) || (name.first().is_some_and(|c| *c != '/') && naive(pattern, &name[1..]))
            }
            (Some(_), None) => false,
            (Some((wanted, rest)), Some((c, others))) => wanted == c && naive(rest, others),
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(pattern in "[ab/%*]{0,8}", name in "[ab/]{0,10}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(matches(&pattern, &name), naive(&chars(&pattern), &chars(&name)));
        }
    }
}
