//! Content-Transfer-Encoding put on piece by piece (RFC 2045 §6.7, §6.8): what [`super::transfer`] undoes, octet for octet.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Octets that make a full line of base64, of 76 letters.
const LINE: usize = 57;
/// Letters of a line of quoted-printable, in front of the `=` that breaks it.
const MAX_COLUMN: usize = 75;

/// An encoder for one body, fed with pieces cut anywhere.
#[derive(Debug)]
pub(crate) enum Encoder {
    /// base64, with what makes no full line yet.
    Base64 { held: Vec<u8>, begun: bool },
    /// quoted-printable: how long the line is, and white space or a CR of which it depends on what follows how it is written.
    QuotedPrintable { column: usize, held: Option<u8> },
}

impl Encoder {
    /// For any octets.
    pub(crate) fn base64() -> Encoder {
        Encoder::Base64 {
            held: Vec::with_capacity(LINE),
            begun: false,
        }
    }

    /// For text.
    pub(crate) fn quoted_printable() -> Encoder {
        Encoder::QuotedPrintable { column: 0, held: None }
    }

    /// The name of the encoding (RFC 2045 §6.1).
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Encoder::Base64 { .. } => "base64",
            Encoder::QuotedPrintable { .. } => "quoted-printable",
        }
    }

    /// Encodes `bytes` to the end of `into`.
    pub(crate) fn feed(&mut self, bytes: &[u8], into: &mut Vec<u8>) {
        match self {
            Encoder::Base64 { held, begun } => {
                let mut rest = bytes;
                while !rest.is_empty() {
                    let (taken, left) = rest.split_at(rest.len().min(LINE - held.len()));
                    held.extend_from_slice(taken);
                    rest = left;
                    if held.len() == LINE {
                        base64_line(held, begun, into);
                    }
                }
            }
            Encoder::QuotedPrintable { column, held } => {
                for &byte in bytes {
                    quoted_printable(column, held, byte, into);
                }
            }
        }
    }

    /// The end of the body; with a line end, which is no part of it, if nothing follows in the message.
    pub(crate) fn finish(mut self, is_last: bool, into: &mut Vec<u8>) {
        match &mut self {
            Encoder::Base64 { held, begun } => {
                if !held.is_empty() {
                    base64_line(held, begun, into);
                }
                if is_last && *begun {
                    into.extend_from_slice(b"\r\n");
                }
            }
            Encoder::QuotedPrintable { column, held } => {
                if let Some(byte) = held.take() {
                    put_escaped(column, byte, into);
                }
                if is_last && *column > 0 {
                    into.extend_from_slice(b"=\r\n");
                }
            }
        }
    }
}

fn base64_line(held: &mut Vec<u8>, begun: &mut bool, into: &mut Vec<u8>) {
    if std::mem::replace(begun, true) {
        into.extend_from_slice(b"\r\n");
    }
    into.extend_from_slice(STANDARD.encode(&*held).as_bytes());
    held.clear();
}

fn quoted_printable(column: &mut usize, held: &mut Option<u8>, byte: u8, into: &mut Vec<u8>) {
    match (held.take(), byte) {
        // Only a whole line end is one: what stands alone must come back as it was.
        (Some(b'\r'), b'\n') => {
            into.extend_from_slice(b"\r\n");
            *column = 0;
            return;
        }
        (Some(b'\r'), _) => put_escaped(column, b'\r', into),
        // White space at the end of a line may be lost on the way (RFC 2045 §6.7 (3)).
        (Some(space), b'\r') => put_escaped(column, space, into),
        (Some(space), _) => put(column, &[space], into),
        (None, _) => {}
    }
    match byte {
        b' ' | b'\t' | b'\r' => *held = Some(byte),
        // A line that is broken must not begin like a delimiter.
        b'-' if *column == 0 || *column == MAX_COLUMN => put_escaped(column, byte, into),
        b'=' => put_escaped(column, byte, into),
        b'!'..=b'~' => put(column, &[byte], into),
        _ => put_escaped(column, byte, into),
    }
}

fn put_escaped(column: &mut usize, byte: u8, into: &mut Vec<u8>) {
    put(column, format!("={byte:02X}").as_bytes(), into);
}

fn put(column: &mut usize, token: &[u8], into: &mut Vec<u8>) {
    if *column + token.len() > MAX_COLUMN {
        into.extend_from_slice(b"=\r\n");
        *column = 0;
    }
    into.extend_from_slice(token);
    *column += token.len();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::transfer::Transfer;
    use proptest::prelude::*;

    fn encoded(mut encoder: Encoder, bytes: &[u8], cut: usize, is_last: bool) -> Vec<u8> {
        let mut into = Vec::new();
        for piece in bytes.chunks(cut.max(1)) {
            encoder.feed(piece, &mut into);
        }
        encoder.finish(is_last, &mut into);
        into
    }

    #[test]
    fn as_it_is_written() {
        for (bytes, wanted) in [
            ("Gr\u{fc}\u{df}e\r\n", "Gr=C3=BC=C3=9Fe\r\n"),
            ("a=b \r\n\tc\t", "a=3Db=20\r\n\tc=09=\r\n"),
            ("a\nb\rc\0", "a=0Ab=0Dc=00=\r\n"),
            ("--x\r\n- ", "=2D-x\r\n=2D=20=\r\n"),
            ("", ""),
        ] {
            let told = encoded(Encoder::quoted_printable(), bytes.as_bytes(), 3, true);
            assert_eq!(String::from_utf8(told).unwrap(), wanted);
        }
        let told = encoded(Encoder::base64(), &[b'x'; 58], 10, true);
        assert_eq!(told, format!("{}\r\neA==\r\n", "eHh4".repeat(19)).as_bytes());
        assert_eq!(encoded(Encoder::base64(), b"a", 1, false), b"YQ==");
    }

    proptest! {
        #[test]
        fn what_is_encoded_comes_back(
            bytes in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..300),
                proptest::collection::vec(proptest::sample::select(b"ab -=\r\n\t\0\xff".to_vec()), 0..300),
            ],
            cut in 1_usize..80,
            is_last: bool,
        ) {
            for encoder in [Encoder::base64, Encoder::quoted_printable] {
                let name = encoder().name().to_ascii_uppercase();
                let text = encoded(encoder(), &bytes, cut, is_last);
                for line in text.split(|byte| *byte == b'\n') {
                    prop_assert!(line.len() <= 77 && !line.starts_with(b"-"));
                }
                prop_assert!(text.iter().all(|byte| byte.is_ascii() && *byte != 0));
                let mut decoder = Transfer::new(name.as_bytes());
                let mut back = Vec::new();
                decoder.feed(&text, &mut back);
                decoder.finish(&mut back);
                prop_assert_eq!(&back, &bytes);
            }
        }
    }
}
