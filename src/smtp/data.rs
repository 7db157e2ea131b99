//! The end of a message on the wire, and nothing else: takes DATA apart while it streams (RFC 5321 §4.1.1.4, §4.5.2).
//!
//! Invariants: only CRLF `.` CRLF ends a message (or `.` CRLF as its first line), so that no other server can be made
//! to see two messages where we see one, or one where we see two (SMTP smuggling); a message with a bare CR, a bare LF
//! or a NUL is read to that end and then refused (RFC 5321 §2.3.8); nothing is buffered here.

use memchr::memchr3;

/// Takes the dots off a message and finds its end, however the stream is cut.
#[derive(Debug, Default)]
pub(crate) struct DotReader {
    place: Place,
    malformed: bool,
}

/// What the next piece of the stream was.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    /// Bytes of the message.
    Text(&'a [u8]),
    /// Nothing that can be passed on yet: more input is needed.
    Nothing,
    /// The message is complete; what follows in the stream is commands.
    End,
}

/// Where in a line the stream was cut.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Behind CRLF, or before the first byte.
    #[default]
    LineStart,
    /// Within a line.
    Line,
    /// Behind a CR, which was passed on.
    Cr,
    /// Behind a dot that began a line, which was not passed on.
    Dot,
    /// Behind a CR behind such a dot: neither was passed on.
    DotCr,
}

impl DotReader {
    /// Whether a bare CR, a bare LF or a NUL was seen.
    pub(crate) fn malformed(&self) -> bool {
        self.malformed
    }

    /// Looks at the next bytes of the stream: how many of them are dealt with, and what they were. After
    /// [`Step::Text`] there may be more to see in the same input.
    pub(crate) fn step<'a>(&mut self, input: &'a [u8]) -> (usize, Step<'a>) {
        let mut start = 0;
        let mut at = 0;
        while let Some(&byte) = input.get(at) {
            match (self.place, byte) {
                (Place::LineStart, b'.') if start < at => break,
                (Place::LineStart, b'.') => {
                    self.place = Place::Dot;
                    at += 1;
                    start = at;
                }
                (Place::LineStart, _) => self.place = Place::Line,
                (Place::Dot, b'\r') => {
                    self.place = Place::DotCr;
                    at += 1;
                    start = at;
                }
                (Place::Dot, _) => self.place = Place::Line,
                (Place::DotCr, b'\n') => return (at + 1, Step::End),
                (Place::Cr, b'\n') => {
                    self.place = Place::LineStart;
                    at += 1;
                }
                // The CR stands alone, and so does what follows it.
                (Place::DotCr | Place::Cr, _) => {
                    self.malformed = true;
                    self.place = Place::Line;
                }
                (Place::Line, _) => at = self.line(input, at),
            }
        }
        match input.get(start..at) {
            None | Some([]) => (at, Step::Nothing),
            Some(text) => (at, Step::Text(text)),
        }
    }

    /// Goes on within a line, up to and including the next byte that matters.
    fn line(&mut self, input: &[u8], at: usize) -> usize {
        let rest = input.get(at..).unwrap_or_default();
        let Some(found) = memchr3(b'\r', b'\n', 0, rest) else {
            return input.len();
        };
        match rest.get(found) {
            Some(b'\r') => self.place = Place::Cr,
            _ => self.malformed = true,
        }
        at + found + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::line_ends::LineEnds;
    use proptest::prelude::*;

    /// What came out: the text, whether the end was seen and well-formed, and what was left behind the end.
    #[derive(Debug, PartialEq, Eq, Clone)]
    struct Seen {
        text: Vec<u8>,
        ended: bool,
        malformed: bool,
        rest: usize,
    }

    fn read(pieces: &[&[u8]]) -> Seen {
        let mut reader = DotReader::default();
        let (mut text, mut ended, mut rest) = (Vec::new(), false, 0);
        for mut input in pieces.iter().copied() {
            if ended {
                rest += input.len();
                continue;
            }
            while !input.is_empty() {
                let (used, step) = reader.step(input);
                input = &input[used..];
                match step {
                    Step::Text(piece) => text.extend_from_slice(piece),
                    Step::Nothing => assert!(input.is_empty()),
                    Step::End => {
                        ended = true;
                        rest += input.len();
                        break;
                    }
                }
            }
        }
        Seen {
            text,
            ended,
            malformed: reader.malformed(),
            rest,
        }
    }

    /// Reads the input whole, byte by byte, and cut at each one and each two places: always the same.
    fn read_every_way(input: &[u8]) -> Seen {
        let whole = read(&[input]);
        let bytes: Vec<&[u8]> = input.chunks(1).collect();
        // What was read before a malformed message's end is thrown away; where it ends must not depend on the cuts.
        let same = |other: Seen| {
            let text_matters = !whole.malformed;
            assert_eq!(
                (other.ended, other.malformed, other.rest),
                (whole.ended, whole.malformed, whole.rest),
                "{input:?}"
            );
            if text_matters {
                assert_eq!(other.text, whole.text, "{input:?}");
            }
        };
        same(read(&bytes));
        for first in 0..=input.len() {
            for second in first..=input.len() {
                same(read(&[&input[..first], &input[first..second], &input[second..]]));
            }
        }
        whole
    }

    #[test]
    fn messages_lose_their_stuffing_and_nothing_else() {
        for (wire, text) in [
            (&b".\r\n"[..], &b""[..]),
            (b"\r\n.\r\n", b"\r\n"),
            (b"a\r\n.\r\n", b"a\r\n"),
            (b"..\r\n.\r\n", b".\r\n"),
            (b"...\r\n.\r\n", b"..\r\n"),
            (b".a\r\n..b\r\nc.\r\n.\r\n", b"a\r\n.b\r\nc.\r\n"),
            (b"a: b\r\n\r\n..\r\n..\r\n.\r\n", b"a: b\r\n\r\n.\r\n.\r\n"),
            (b". \r\n.\r\n", b" \r\n"),
            (b"\xff\x7f\t\x01\r\n.\r\n", b"\xff\x7f\t\x01\r\n"),
        ] {
            let seen = read_every_way(wire);
            assert!(seen.ended && !seen.malformed && seen.rest == 0, "{wire:?}");
            assert_eq!(seen.text, text, "{wire:?}");
        }
    }

    #[test]
    fn what_follows_the_end_is_left_for_the_next_reader() {
        let seen = read_every_way(b"a\r\n.\r\nQUIT\r\n");
        assert!(seen.ended && !seen.malformed);
        assert_eq!(seen.rest, 6);
    }

    /// Every sequence that some server has taken for the end of a message, alone and followed by commands to smuggle.
    #[test]
    fn nothing_but_the_one_end_ends_a_message() {
        for almost in [
            &b"\n.\n"[..],
            b"\n.\r\n",
            b"\r.\r",
            b"\r.\r\n",
            b"\r\n.\n",
            b"\r\n.\r",
            b"\r\n.\r\r\n",
            b"\r\r\n.\r\r\n",
            b"\n\n.\r\n",
            b"\r\n\x00.\r\n",
            b"\r\n.\x00\r\n",
            b"\r\n.\r\x00\n",
            b"\x00\r\n.\r\x00\n",
        ] {
            let alone = [b"text", almost].concat();
            assert!(!read_every_way(&alone).ended, "{almost:?}");
            let smuggled = [&alone[..], b"MAIL FROM:<a@b>\r\n", b"\r\n.\r\n", b"rest"].concat();
            let seen = read_every_way(&smuggled);
            assert!(seen.ended && seen.malformed, "{almost:?}");
            assert_eq!(seen.rest, 4, "{almost:?}");
        }
        // These are well-formed text, and no end either.
        for almost in [&b"\r\n..\r\n"[..], b"\r\n. \r\n", b"\r\n .\r\n"] {
            let seen = read_every_way(&[b"text", almost].concat());
            assert!(!seen.ended && !seen.malformed, "{almost:?}");
        }
    }

    proptest! {
        /// A message is well-formed by BDAT, however it is cut, when it is by DATA.
        #[test]
        fn chunks_and_dots_agree(text in prop::collection::vec(
            prop::sample::select(vec![b'\r', b'\n', b'a', 0]), 0..24), cut in 1usize..9)
        {
            let whole = [&text[..], b"\r\n"].concat();
            let mut lines = LineEnds::default();
            whole.chunks(cut).for_each(|piece| lines.see(piece));
            prop_assert_eq!(lines.malformed(), read(&[&whole, b".\r\n"]).malformed);
        }

        /// Stuffed as RFC 5321 §4.5.2 says, any well-formed text arrives as it was.
        #[test]
        fn any_text_comes_through(lines in prop::collection::vec("[.a\t\u{e9}]{0,6}", 0..20), cut in 1usize..9) {
            let text: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
            let wire: String = lines
                .iter()
                .map(|line| format!("{}{line}\r\n", if line.starts_with('.') { "." } else { "" }))
                .chain([".\r\n".to_owned()])
                .collect();
            let pieces: Vec<&[u8]> = wire.as_bytes().chunks(cut).collect();
            let seen = read(&pieces);
            prop_assert!(seen.ended && !seen.malformed && seen.rest == 0);
            prop_assert_eq!(seen.text, text.into_bytes());
        }

        /// Of the bytes that matter in any order: cuts change nothing.
        #[test]
        fn any_stream_means_the_same_however_it_is_cut(wire in prop::collection::vec(
            prop::sample::select(vec![b'\r', b'\n', b'.', b'a', 0]), 0..24))
        {
            read_every_way(&wire);
        }
    }
}
