//! Finding phrases in text: without case in all of Unicode, in a stream of any length with a small window.

use memchr::memmem;

/// Text as it is compared: simple case folding (Unicode §3.13, in spirit: one character to one), so that `STRASSE` does
/// not find `Straße` but `GRÜSSE` finds `grüsse`, and a final sigma is a sigma. RFC 9051 §6.4.4 wants no case.
pub(crate) fn fold(text: &str, into: &mut Vec<u8>) {
    into.reserve(text.len());
    for character in text.chars() {
        if character.is_ascii() {
            into.push((character as u8).to_ascii_lowercase());
        } else {
            let upper = single(character.to_uppercase()).unwrap_or(character);
            let lower = single(upper.to_lowercase()).unwrap_or(upper);
            into.extend_from_slice(lower.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
}

fn single(mut characters: impl Iterator<Item = char>) -> Option<char> {
    let first = characters.next()?;
    characters.next().is_none().then_some(first)
}

/// A phrase looked for.
#[derive(Clone, Debug)]
pub(crate) struct Phrase {
    finder: memmem::Finder<'static>,
}

impl Phrase {
    /// A phrase from the client's text, decoded to UTF-8.
    pub(crate) fn new(text: &str) -> Phrase {
        let mut folded = Vec::new();
        fold(text, &mut folded);
        Phrase {
            finder: memmem::Finder::new(&folded).into_owned(),
        }
    }

    /// Whether the phrase is the empty one, which every text holds.
    pub(crate) fn is_empty(&self) -> bool {
        self.finder.needle().is_empty()
    }

    /// Whether `text` holds it.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        let mut folded = Vec::new();
        fold(text, &mut folded);
        self.finder.find(&folded).is_some()
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
        fold(text, &mut self.window);
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
            ("GRÜẞE", "viele grüße"),
            ("ΣΊΣΥΦΟΣ", "σίσυφος"),
            ("ЁЖ", "ёж"),
            ("", ""),
        ] {
            assert!(Phrase::new(phrase).is_in(text), "{phrase} in {text}");
        }
        assert!(!Phrase::new("hello").is_in("helo"));
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
