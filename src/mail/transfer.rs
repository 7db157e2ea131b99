//! Content-Transfer-Encoding undone piece by piece (RFC 2045 §6), for searching and previews. Lenient: what is
//! not valid is passed over or taken as it is, for a search should rather find too much than stop.

/// A decoder for one body, fed with pieces cut anywhere.
#[derive(Debug)]
pub(crate) enum Transfer {
    /// 7bit, 8bit, binary and what we do not know.
    Identity,
    /// base64 (RFC 2045 §6.8).
    Base64 { bits: u32, count: u8 },
    /// quoted-printable (RFC 2045 §6.7): what may be the beginning of an escape.
    QuotedPrintable { held: Vec<u8> },
}

impl Transfer {
    /// The decoder for an encoding by its name, in upper case as the summary has it.
    pub(crate) fn new(encoding: &[u8]) -> Transfer {
        match encoding {
            b"BASE64" => Transfer::Base64 { bits: 0, count: 0 },
            b"QUOTED-PRINTABLE" => Transfer::QuotedPrintable { held: Vec::new() },
            _ => Transfer::Identity,
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

/// One byte of quoted-printable. `held` is empty, `=`, `=` and a hex digit, or `=` CR.
fn quoted_printable(held: &mut Vec<u8>, byte: u8, into: &mut Vec<u8>) {
    match (held.as_slice(), byte) {
        ([], b'=') => held.push(byte),
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
