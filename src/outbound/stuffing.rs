//! The octets of a message as DATA carries them (RFC 5321 §4.5.2), made while they pass.
//!
//! Invariant: whatever the message holds, every CR that is sent is followed by LF and every LF follows a CR, and no line of
//! the message is a dot alone: nothing in it can end it, or begin a command, at a server of whatever strictness.

/// Makes pieces of a message into pieces of DATA.
#[derive(Debug)]
pub(super) struct Stuffing {
    /// The last octet was a CR whose LF may come.
    cr: bool,
    /// The next octet begins a line.
    line_start: bool,
}

impl Default for Stuffing {
    fn default() -> Stuffing {
        Stuffing {
            cr: false,
            line_start: true,
        }
    }
}

impl Stuffing {
    /// Appends the next octets to `out`.
    pub(super) fn put(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let mut rest = piece;
        while let Some(&first) = rest.first() {
            if self.cr && first != b'\n' {
                self.end_line(out);
            }
            if self.line_start && first == b'.' {
                out.push(b'.');
            }
            let plain = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
            out.extend_from_slice(&rest[..plain]);
            self.line_start &= plain == 0;
            match rest.get(plain) {
                Some(b'\r') => self.cr = true,
                Some(_) => self.end_line(out),
                None => {}
            }
            rest = rest.get(plain + 1..).unwrap_or_default();
            if self.cr && rest.first() == Some(&b'\r') {
                self.end_line(out);
            }
        }
    }

    /// Ends the last line if it has no end, and the message.
    pub(super) fn finish(mut self, out: &mut Vec<u8>) {
        if self.cr || !self.line_start {
            self.end_line(out);
        }
        out.extend_from_slice(b".\r\n");
    }

    fn end_line(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"\r\n");
        self.cr = false;
        self.line_start = true;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stuffed(pieces: &[&[u8]]) -> Vec<u8> {
        let (mut stuffing, mut out) = (Stuffing::default(), Vec::new());
        pieces.iter().for_each(|piece| stuffing.put(piece, &mut out));
        stuffing.finish(&mut out);
        out
    }

    #[test]
    fn lines_and_dots() {
        for (message, data) in [
            ("", ".\r\n"),
            ("a\r\n", "a\r\n.\r\n"),
            ("a", "a\r\n.\r\n"),
            (".", "..\r\n.\r\n"),
            (".\r\n", "..\r\n.\r\n"),
            ("a\r\n.\r\nQUIT\r\n", "a\r\n..\r\nQUIT\r\n.\r\n"),
            ("a\n.\nb", "a\r\n..\r\nb\r\n.\r\n"),
            ("a\r.\rb\r", "a\r\n..\r\nb\r\n.\r\n"),
            ("a\r\r\n.b", "a\r\n\r\n..b\r\n.\r\n"),
            ("a\n\r.\r\n", "a\r\n\r\n..\r\n.\r\n"),
            ("\r\n\r\n", "\r\n\r\n.\r\n"),
        ] {
            assert_eq!(
                String::from_utf8(stuffed(&[message.as_bytes()])).unwrap(),
                data,
                "{message:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn nothing_can_end_it_and_pieces_do_not_matter(
            message in "[.\r\nab]{0,40}",
            cuts in prop::collection::vec(0usize..40, 0..5),
        ) {
            let whole = stuffed(&[message.as_bytes()]);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(message.len())).collect();
            cuts.sort_unstable();
            let mut at = 0;
            let mut pieces = Vec::new();
            for cut in cuts {
                pieces.push(&message.as_bytes()[at..cut]);
                at = cut;
            }
            pieces.push(&message.as_bytes()[at..]);
            prop_assert_eq!(&stuffed(&pieces), &whole);

            let text = String::from_utf8(whole).unwrap();
            prop_assert!(!text.replace("\r\n", "").contains(['\r', '\n']));
            prop_assert_eq!(format!("\r\n{text}").find("\r\n.\r\n"), Some(text.len() + 2 - 5));
            let lines: Vec<&str> = text.strip_suffix(".\r\n").unwrap().lines().collect();
            let unstuffed: Vec<&str> = lines.iter().map(|line| line.strip_prefix('.').unwrap_or(line)).collect();
            let wanted = message.replace("\r\n", "\n").replace('\r', "\n");
            prop_assert_eq!(unstuffed, wanted.lines().collect::<Vec<_>>());
        }
    }
}
