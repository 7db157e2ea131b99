//! The line ends of a message that has no other framing to be judged by: one in chunks (RFC 3030), one that was converted.
//!
//! RFC 5321 §2.3.8: CR and LF only together, and no NUL. Nobody who gets such a message by DATA can find another end in it.

use memchr::memchr3;

/// Watches a message while it streams past, however it is cut.
#[derive(Debug, Default)]
pub(crate) struct LineEnds {
    place: Place,
    malformed: bool,
}

/// Where in a line the stream was cut.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Behind CRLF, or before the first byte.
    #[default]
    LineStart,
    /// Within a line.
    Line,
    /// Behind a CR.
    Cr,
}

impl LineEnds {
    /// Looks at the next bytes of the message.
    pub(crate) fn see(&mut self, mut bytes: &[u8]) {
        while let Some(&first) = bytes.first() {
            if self.place == Place::Cr && first == b'\n' {
                self.place = Place::LineStart;
                bytes = bytes.get(1..).unwrap_or_default();
                continue;
            }
            self.malformed |= self.place == Place::Cr;
            self.place = Place::Line;
            let Some(found) = memchr3(b'\r', b'\n', 0, bytes) else {
                return;
            };
            match bytes.get(found) {
                Some(b'\r') => self.place = Place::Cr,
                _ => self.malformed = true,
            }
            bytes = bytes.get(found + 1..).unwrap_or_default();
        }
    }

    /// Whether a bare CR, a bare LF or a NUL was seen.
    pub(crate) fn malformed(&self) -> bool {
        self.malformed
    }

    /// Whether the last line has no end yet.
    pub(crate) fn in_line(&self) -> bool {
        self.place == Place::Line
    }

    /// Whether the last octet was a CR, which is a bare one if nothing follows.
    pub(crate) fn cut_off(&self) -> bool {
        self.place == Place::Cr
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line_ends(pieces: &[&[u8]]) -> (bool, bool, bool) {
        let mut lines = LineEnds::default();
        for piece in pieces {
            lines.see(piece);
        }
        (lines.malformed(), lines.in_line(), lines.cut_off())
    }

    #[test]
    fn what_is_well_formed_is_so_however_it_is_cut() {
        for (bytes, malformed, in_line, cut_off) in [
            (&b""[..], false, false, false),
            (b"\r\n", false, false, false),
            (b"a\r\n.\r\nb\r\n", false, false, false),
            (b"a\r\nb", false, true, false),
            (b"a\r", false, false, true),
            (b"a\rb", true, true, false),
            (b"a\r\r\n", true, false, false),
            (b"\n", true, true, false),
            (b"a\n.\r\n", true, false, false),
            (b"a\0\r\n", true, false, false),
        ] {
            for cut in 0..=bytes.len() {
                let (left, right) = bytes.split_at(cut);
                assert_eq!(
                    line_ends(&[left, right]),
                    (malformed, in_line, cut_off),
                    "{bytes:?} at {cut}"
                );
            }
        }
    }
}
