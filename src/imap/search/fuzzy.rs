//! FUZZY (RFC 6203): a text is found when its words are, in any order and with other endings; the nearer, the more relevant.

use super::criterion::{Criterion, all, at};
use super::known::Known;

/// Words of a text that are looked for; further ones count only where the whole text is found.
const MAX_WORDS: usize = 16;
/// Letters that a word must have more than for its ending not to count.
const LONG: usize = 5;
/// Letters of an ending.
const ENDING: usize = 2;

/// A text that is looked for roughly.
#[derive(Debug)]
pub(crate) struct Fuzzy {
    /// The text as it was written.
    exact: Criterion,
    /// Its words.
    words: Vec<Word>,
}

/// A word as it was written, and without its ending.
#[derive(Debug)]
struct Word {
    whole: Criterion,
    stem: Criterion,
}

impl Fuzzy {
    /// For a text; `ready` makes a criterion of a text that must be found as it is.
    pub(crate) fn new(text: &str, mut ready: impl FnMut(&str) -> Criterion) -> Fuzzy {
        let words = text.split(|letter: char| !letter.is_alphanumeric());
        let words = words.filter(|word| !word.is_empty()).take(MAX_WORDS);
        let words = words.map(|word| Word {
            whole: ready(word),
            stem: ready(stem(word)),
        });
        Fuzzy {
            words: words.collect(),
            exact: ready(text),
        }
    }

    /// Whether the message matches; `None` while too little is known to say. Where the text is found its words are.
    pub(crate) fn holds(&self, known: Known<'_>) -> Option<bool> {
        match self.words.as_slice() {
            [] => self.exact.holds(known),
            words => all(words.iter().map(|word| word.stem.holds(known))),
        }
    }

    /// How relevant a message is that matches, from 1 to 100.
    pub(crate) fn score(&self, known: Known<'_>) -> u8 {
        let exact = weight(&self.exact, known);
        let words = self.words.iter().map(|word| {
            let (whole, stem) = (weight(&word.whole, known), weight(&word.stem, known));
            (whole * 4 / 5).max(stem * 2 / 5)
        });
        let average = words.sum::<usize>() / self.words.len().max(1);
        exact.max(average).clamp(1, 100) as u8
    }
}

/// The word without its ending.
fn stem(word: &str) -> &str {
    let letters = word.chars().count();
    let kept = if letters > LONG { letters - ENDING } else { letters };
    word.char_indices().nth(kept).map_or(word, |(end, _)| &word[..end])
}

/// What a find counts for: one in a header twice as much as one in a body.
fn weight(criterion: &Criterion, known: Known<'_>) -> usize {
    match (criterion, known.file) {
        (Criterion::Text(number), Some(file)) if at(&file.in_header, *number) => 100,
        (Criterion::Text(_) | Criterion::Body(_), _) if criterion.holds(known) == Some(true) => 50,
        (Criterion::Header(..), _) if criterion.holds(known) == Some(true) => 100,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::command::SearchKey;
    use crate::imap::search::contents::Contents;
    use crate::imap::search::query::{Query, Terms};
    use crate::mail::date::Timestamp;
    use crate::mail::flags::{Flags, KeywordTable, Keywords};
    use crate::mail::ids::{ModSeq, Uid};
    use crate::mail::uidset::UidSet;
    use crate::mailbox::MessageState;

    /// The score of a message with that header and body, when it matches.
    fn score(key: SearchKey, header: &str, body: &str) -> Option<u8> {
        let terms = Terms {
            keywords: &KeywordTable::default(),
            now: 0,
            resolve: |_: &_, _| Ok::<_, ()>(UidSet::new()),
        };
        let query = Query::new(&SearchKey::Fuzzy(Box::new(key)), &terms).unwrap();
        let contents = Contents {
            header: header.as_bytes().to_vec(),
            in_body: query.phrases.iter().map(|phrase| phrase.is_in(body)).collect(),
            in_header: query.phrases.iter().map(|phrase| phrase.is_in(header)).collect(),
        };
        let date = Timestamp {
            seconds: 0,
            offset_minutes: 0,
        };
        let known = Known {
            state: &MessageState {
                uid: Uid::MIN,
                flags: Flags::NONE,
                keywords: Keywords::NONE,
                mod_seq: ModSeq::MIN,
                size: 1,
                internal_date: date,
                save_date: date,
            },
            recent: false,
            unseen: None,
            summary: None,
            file: Some(&contents),
        };
        (query.criterion.holds(known) == Some(true)).then(|| query.criterion.score(known).unwrap())
    }

    #[test]
    fn the_nearer_the_more_relevant() {
        let subject = |text: &str| SearchKey::Header("SUBJECT".to_owned(), text.to_owned());
        for (subject_line, wanted) in [
            ("An IMAP break today", Some(100)),
            ("IMAP is going to break", Some(80)),
            ("broken IMAP", None),
            ("IMAP", None),
        ] {
            let header = format!("Subject: {subject_line}\r\n");
            assert_eq!(score(subject("IMAP break"), &header, ""), wanted, "{subject_line}");
        }
        assert_eq!(score(subject("connections"), "Subject: A connection\r\n", ""), Some(40));
        assert_eq!(score(subject(""), "Subject: x\r\n", ""), Some(100));
        let text = SearchKey::Text("hello world".to_owned());
        assert_eq!(score(text.clone(), "Subject: hello world\r\n", ""), Some(100));
        assert_eq!(score(text.clone(), "", "hello world"), Some(50));
        assert_eq!(score(text.clone(), "", "world, hello"), Some(40));
        assert_eq!(score(text, "Subject: hello\r\n", "world"), Some(60));
    }

    #[test]
    fn keys_without_text_match_exactly() {
        assert_eq!(
            score(SearchKey::And(vec![SearchKey::Larger(1), SearchKey::All]), "", ""),
            None
        );
        let both = SearchKey::And(vec![SearchKey::All, SearchKey::Body("x".to_owned())]);
        assert_eq!(score(both, "", "x"), Some(50));
    }

    #[test]
    fn stems() {
        for (word, wanted) in [
            ("", ""),
            ("hello", "hello"),
            ("müßige", "müßi"),
            ("connections", "connectio"),
        ] {
            assert_eq!(stem(word), wanted);
        }
    }
}
