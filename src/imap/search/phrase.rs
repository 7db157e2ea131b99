//! Finding phrases in text: by i;unicode-casemap (RFC 5255 §4.2), so without regard to case in all of Unicode, in a stream of
//! any length with a small window.

use crate::mail::collation::casemap;
use memchr::memmem;

/// A phrase looked for.
#[derive(Clone, Debug)]
pub(crate) struct Phrase {
    finder: memmem::Finder<'static>,
}

impl Phrase {
    /// A phrase from the client's text, decoded to UTF-8.
    pub(crate) fn new(text: &str) -> Phrase {
        let mut mapped = Vec::new();
        casemap(text, &mut mapped);
        Phrase {
            finder: memmem::Finder::new(&mapped).into_owned(),
        }
    }

    /// The phrase as it is compared.
    pub(crate) fn mapped(&self) -> &str {
        std::str::from_utf8(self.finder.needle()).unwrap_or_default()
    }

    /// Whether the phrase is the empty one, which every text holds.
    pub(crate) fn is_empty(&self) -> bool {
        self.finder.needle().is_empty()
    }

    /// Whether `text` holds it.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        let mut mapped = Vec::new();
        casemap(text, &mut mapped);
        self.finder.find(&mapped).is_some()
    }
}

/// Looks for several phrases in one stream of text. The window holds one piece and as much before it as the longest phrase.
#[derive(Debug)]
pub(crate) struct Seeker<'a> {
    phrases: &'a [Phrase],
    window: Vec<u8>,
    longest: usize,
}

impl<'a> Seeker<'a> {
    /// At the start of a stream.
    pub(crate) fn new(phrases: &'a [Phrase]) -> Seeker<'a> {
        let longest = phrases
            .iter()
            .map(|phrase| phrase.finder.needle().len())
            .max()
            .unwrap_or(0);
        Seeker {
            phrases,
            window: Vec::new(),
            longest,
        }
    }

    /// The next piece of the stream; sets `found` for each phrase seen.
    pub(crate) fn feed(&mut self, text: &str, found: &mut [bool]) {
        casemap(text, &mut self.window);
        for (phrase, found) in self.phrases.iter().zip(found) {
            *found = *found || phrase.finder.find(&self.window).is_some();
        }
        let spent = self.window.len().saturating_sub(self.longest.saturating_sub(1));
        self.window.drain(..spent);
    }

    /// The stream is over; another begins. Nothing is found across the seam.
    pub(crate) fn restart(&mut self) {
        self.window.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_does_not_count() {
        for (phrase, text) in [
            ("hello", "Say HELLO"),
            ("GRÜSSE", "viele grüsse"),
            ("GRU\u{308}ß", "viele grüße"),
            ("gru", "Grüße"),
            ("ΣΊΣΥΦΟΣ", "σίσυφος"),
            ("ЁЖ", "ёж"),
            ("", ""),
        ] {
            assert!(Phrase::new(phrase).is_in(text), "{phrase} in {text}");
        }
        assert!(!Phrase::new("hello").is_in("helo"));
        assert!(!Phrase::new("STRASSE").is_in("Straße"));
        assert!(Phrase::new("").is_empty());
    }

    #[test]
    fn a_phrase_is_found_across_pieces_but_not_across_streams() {
        let text = "xxNEEDLE yy";
        for cut in 1..text.len() {
            let phrases = [Phrase::new("needle"), Phrase::new("y")];
            let mut seeker = Seeker::new(&phrases);
            let mut found = [false, false];
            seeker.feed(&text[..cut], &mut found);
            seeker.feed(&text[cut..], &mut found);
            assert_eq!(found, [true, true]);
            assert!(seeker.window.len() < 6);
        }
        let phrases = [Phrase::new("needle")];
        let mut seeker = Seeker::new(&phrases);
        let mut found = [false];
        seeker.feed("nee", &mut found);
        seeker.restart();
        seeker.feed("dle", &mut found);
        assert_eq!(found, [false]);
    }
}
