//! Content-Transfer-Encoding undone piece by piece (RFC 2045 §6). Lenient as RFC 2045 §6.7 and §6.8 advise: in base64 what
//! is not of its alphabet is passed over, in quoted-printable what is no escape is taken as it is.

/// A decoder for one body, fed with pieces cut anywhere.
#[derive(Clone, Debug)]
pub(crate) enum Transfer {
    /// 7bit, 8bit, binary and what we do not know.
    Identity,
    /// base64 (RFC 2045 §6.8).
    Base64 { bits: u32, count: u8 },
    /// quoted-printable (RFC 2045 §6.7): what may be the beginning of an escape, and white space that may be the end of a
    /// line.
    QuotedPrintable { held: Vec<u8> },
}

impl Transfer {
    /// The decoder for an encoding by its name, in upper case as the summary has it. What is not known stays as it is.
    pub(crate) fn new(encoding: &[u8]) -> Transfer {
        Transfer::known(encoding).unwrap_or(Transfer::Identity)
    }

    /// The decoder for an encoding, if it is one of RFC 2045.
    pub(crate) fn known(encoding: &[u8]) -> Option<Transfer> {
        match encoding {
            b"7BIT" | b"8BIT" | b"BINARY" => Some(Transfer::Identity),
            b"BASE64" => Some(Transfer::Base64 { bits: 0, count: 0 }),
            b"QUOTED-PRINTABLE" => Some(Transfer::QuotedPrintable { held: Vec::new() }),
            _ => None,
        }
    }

    /// Decodes `bytes` to the end of `into`.
    pub(crate) fn feed(&mut self, bytes: &[u8], into: &mut Vec<u8>) {
        match self {
            Transfer::Identity => into.extend_from_slice(bytes),
            Transfer::Base64 { bits, count } => {
                for value in bytes.iter().filter_map(|byte| base64_value(*byte)) {
                    match value {
                        // Padding: what follows is a new run, as when two encoded texts were joined.
                        None => (*bits, *count) = (0, 0),
                        Some(six) => {
                            *bits = *bits << 6 | u32::from(six);
                            *count += 6;
                            if *count >= 8 {
                                *count -= 8;
                                into.push((*bits >> *count) as u8);
                                *bits &= (1 << *count) - 1;
                            }
                        }
                    }
                }
            }
            Transfer::QuotedPrintable { held } => {
                for &byte in bytes {
                    quoted_printable(held, byte, into);
                }
            }
        }
    }

    /// What was held back at the end of the body: an escape that was cut off stands as it is, white space is the padding of
    /// a last line.
    pub(crate) fn finish(&mut self, into: &mut Vec<u8>) {
        if let Transfer::QuotedPrintable { held } = self
            && held.first() == Some(&b'=')
            && held.len() > 1
        {
            into.extend(held.drain(..).filter(|byte| *byte != b'\r'));
        }
    }
}

/// Six bits, `None` inside for padding; nothing for what is to be passed over.
fn base64_value(byte: u8) -> Option<Option<u8>> {
    Some(Some(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        b'=' => return Some(None),
        _ => return None,
    }))
}

/// White space at the end of a line is held back so far. A line of quoted-printable has 76 octets.
const MAX_PADDING: usize = 1000;

/// One byte of quoted-printable. `held` is empty, `=`, `=` and a hex digit, `=` CR, or white space.
fn quoted_printable(held: &mut Vec<u8>, byte: u8, into: &mut Vec<u8>) {
    match (held.as_slice(), byte) {
        // RFC 2045 §6.7 (3): white space at the end of a line was added on the way.
        ([b' ' | b'\t', ..], b' ' | b'\t') if held.len() < MAX_PADDING => held.push(byte),
        ([b' ' | b'\t', ..], b'\r' | b'\n') => {
            held.clear();
            into.push(byte);
        }
        ([b' ' | b'\t', ..], _) => {
            into.append(held);
            quoted_printable(held, byte, into);
        }
        ([], b'=' | b' ' | b'\t') => held.push(byte),
        ([], _) => into.push(byte),
        // Soft line breaks: =CRLF, and =LF as some write it; white space before the line end is no part of it.
        ([_], b' ' | b'\t') => {}
        ([_], b'\n') | ([_, b'\r'], b'\n') => held.clear(),
        ([_], b'\r') => held.push(byte),
        ([_], _) if byte.is_ascii_hexdigit() => held.push(byte),
        ([_, high], _) if high.is_ascii_hexdigit() && byte.is_ascii_hexdigit() => {
            into.push(hex(*high) << 4 | hex(byte));
            held.clear();
        }
        _ => {
            // No escape: as it stands, and this byte again from the start.
            into.append(held);
            if byte == b'=' {
                held.push(byte);
            } else {
                into.push(byte);
            }
        }
    }
}

fn hex(digit: u8) -> u8 {
    (digit as char).to_digit(16).unwrap_or(0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(encoding: &str, bytes: &[u8], cut: usize) -> Vec<u8> {
        let mut transfer = Transfer::new(encoding.as_bytes());
        let mut into = Vec::new();
        for piece in bytes.chunks(cut) {
            transfer.feed(piece, &mut into);
        }
        transfer.finish(&mut into);
        into
    }

    #[test]
    fn decodes_however_it_is_cut() {
        for (encoding, bytes, wanted) in [
            ("7BIT", &b"a=41\r\n"[..], &b"a=41\r\n"[..]),
            ("BASE64", b"SGVs\r\nbG8gd29ybGQ=\r\n", b"Hello world"),
            ("BASE64", b"YQ==YmM=", b"abc"),
            ("BASE64", b"Y Q!", b"a"),
            ("QUOTED-PRINTABLE", b"Gr=C3=BC=DFe=\r\n!", b"Gr\xc3\xbc\xdfe!"),
            ("QUOTED-PRINTABLE", b"a= \t\r\nb=\nc", b"abc"),
            ("QUOTED-PRINTABLE", b"1=2, 3==3D =zz", b"1=2, 3== =zz"),
            ("QUOTED-PRINTABLE", b"a  b \t\r\n c=20 \r\nd ", b"a  b\r\n c \r\nd"),
            ("QUOTED-PRINTABLE", b"cut =", b"cut "),
            ("QUOTED-PRINTABLE", b"cut =4", b"cut =4"),
        ] {
            for cut in 1..=bytes.len() {
                assert_eq!(
                    String::from_utf8_lossy(&decoded(encoding, bytes, cut)),
                    String::from_utf8_lossy(wanted),
                    "{encoding} in pieces of {cut}"
                );
            }
        }
    }
}
