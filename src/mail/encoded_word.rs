//! Encoded words of header fields (RFC 2047) as text, for searching and sorting. Lenient: a word inside of other text counts too, and
//! what is no encoded word after all stays as it stands. And the way back, for fields that we write.

use super::transfer::Transfer;
use base64::Engine;
use base64::prelude::BASE64_STANDARD as STANDARD;
use encoding_rs::{Encoding, WINDOWS_1252};

/// `value` with its encoded words decoded; what is between them is read as [`plain`].
pub(crate) fn decoded(value: &[u8]) -> String {
    let mut decoded = String::new();
    let mut run = Run::default();
    let mut rest = value;
    // Up to where `rest` has been looked through in vain.
    let mut passed = 0;
    while let Some(at) = memchr::memmem::find(&rest[passed..], b"=?") {
        let (between, word) = rest.split_at(passed + at);
        let Some((word, behind)) = EncodedWord::parse(word) else {
            passed += at + 2;
            continue;
        };
        // White space between two encoded words is not part of the text (RFC 2047 §6.2).
        if run.charset.is_none() || !between.trim_ascii().is_empty() {
            run.end(&mut decoded);
            decoded.push_str(&plain(between));
        }
        run.push(&word, &mut decoded);
        rest = behind;
        passed = 0;
    }
    run.end(&mut decoded);
    decoded.push_str(&plain(rest));
    decoded
}

/// Bytes that should be ASCII: UTF-8 when they are that (RFC 6532), else the charset that the unlabelled mostly is.
pub(crate) fn plain(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned(),
    }
}

/// The longest line of a field that we write, where it can be folded (RFC 5322 §2.1.1, RFC 2047 §2).
const LINE: usize = 76;
/// Octets of text in one encoded word, so that it is no longer than 75 (RFC 2047 §2).
const WORD: usize = 45;

/// A field with an unstructured value, folded, with its line end. Any text can be one: what has no place in a header
/// becomes a space, and beyond ASCII it is encoded.
pub(crate) fn field(name: &str, value: &str) -> String {
    let value: String = value
        .split(char::is_control)
        .filter(|piece| !piece.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    let mut field = format!("{name}:");
    let mut line = field.len();
    for word in words(&value) {
        if line + 1 + word.len() > LINE && line > name.len() + 1 {
            field.push_str("\r\n");
            line = 0;
        }
        field.push(' ');
        field.push_str(&word);
        line += 1 + word.len();
    }
    field.push_str("\r\n");
    field
}

/// A display name as it stands in front of an address (RFC 5322 §3.2.5, RFC 2047 §5).
pub(crate) fn phrase(name: &str) -> String {
    let name = name.replace(char::is_control, " ");
    match name.is_ascii() && name.len() < 900 && !name.contains("=?") {
        true => format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"")),
        false => words(&name).join("\r\n "),
    }
}

/// What stands between the spaces of a field: encoded words, or those of the text itself.
fn words(value: &str) -> Vec<String> {
    // What looks like an encoded word would be read as one, and no line has more than 998 octets.
    let plain = value.is_ascii() && !value.contains("=?") && value.split(' ').all(|word| word.len() < 900);
    if plain {
        return value.split(' ').map(str::to_owned).collect();
    }
    let mut words = Vec::new();
    let mut rest = value;
    while !rest.is_empty() {
        let end = (1..=WORD.min(rest.len())).rev().find(|end| rest.is_char_boundary(*end));
        let (word, behind) = rest.split_at(end.unwrap_or(rest.len()));
        words.push(format!("=?utf-8?B?{}?=", STANDARD.encode(word)));
        rest = behind;
    }
    words
}

/// Words next to each other in one charset, decoded together: some programs cut in the middle of a character.
#[derive(Default)]
struct Run {
    charset: Option<&'static Encoding>,
    bytes: Vec<u8>,
}

impl Run {
    fn push(&mut self, word: &EncodedWord<'_>, decoded: &mut String) {
        if self.charset != Some(word.charset) {
            self.end(decoded);
            self.charset = Some(word.charset);
        }
        word.decode(&mut self.bytes);
    }

    fn end(&mut self, decoded: &mut String) {
        if let Some(charset) = self.charset.take() {
            decoded.push_str(&charset.decode_without_bom_handling(&self.bytes).0);
            self.bytes.clear();
        }
    }
}

/// `=?charset?encoding?text?=`
struct EncodedWord<'a> {
    charset: &'static Encoding,
    base64: bool,
    text: &'a [u8],
}

impl<'a> EncodedWord<'a> {
    /// The word with which `bytes` begins, and what is behind it; `None` also when the charset is unknown.
    fn parse(bytes: &'a [u8]) -> Option<(EncodedWord<'a>, &'a [u8])> {
        // None of the three may have a question mark in it, so this looks no further than the fourth.
        let mut parts = bytes.get(2..)?.splitn(4, |byte| *byte == b'?');
        let (charset, encoding, text, behind) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        // RFC 2231 §5: a language may stand behind the charset.
        let charset = charset.split(|byte| *byte == b'*').next()?;
        let word = EncodedWord {
            charset: Encoding::for_label(charset)?,
            base64: match encoding {
                b"B" | b"b" => true,
                b"Q" | b"q" => false,
                _ => return None,
            },
            text,
        };
        Some((word, behind.strip_prefix(b"=")?))
    }

    fn decode(&self, into: &mut Vec<u8>) {
        if self.base64 {
            return Transfer::new(b"BASE64").feed(self.text, into);
        }
        // RFC 2047 §4.2: quoted-printable with an underscore for a space.
        let mut transfer = Transfer::new(b"QUOTED-PRINTABLE");
        for piece in self.text.split_inclusive(|byte| *byte == b'_') {
            match piece.strip_suffix(b"_") {
                Some(start) => {
                    transfer.feed(start, into);
                    into.push(b' ');
                }
                None => transfer.feed(piece, into),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(value: &[u8]) -> String {
        decoded(value)
    }

    #[test]
    fn the_examples_of_the_rfc() {
        // RFC 2047 §8
        for (value, wanted) in [
            ("(=?ISO-8859-1?Q?a?=)", "(a)"),
            ("(=?ISO-8859-1?Q?a?= b)", "(a b)"),
            ("(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)"),
            ("(=?ISO-8859-1?Q?a?=  \t =?ISO-8859-1?Q?b?=)", "(ab)"),
            ("(=?ISO-8859-1?Q?a_b?=)", "(a b)"),
            ("(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", "(a b)"),
            (
                "=?ISO-8859-1?Q?Patrik_F=E4ltstr=F6m?= <paf@nada.kth.se>",
                "Patrik Fältström <paf@nada.kth.se>",
            ),
            (
                "=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?= =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
                "If you can read this you understand the example.",
            ),
        ] {
            assert_eq!(text(value.as_bytes()), wanted, "{value}");
        }
    }

    #[test]
    fn as_programs_write_them() {
        for (value, wanted) in [
            ("=?utf-8?B?R3LD?==?utf-8?B?vMOfZQ==?=", "Grüße"),
            ("=?UTF-8?q?Gr=C3?= =?utf-8?b?vMOfZQ==?=", "Grüße"),
            ("=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"),
            ("=?utf-8*de?Q?=C3=BC?=", "ü"),
            ("Re:=?utf-8?Q?=C3=BC?=x", "Re:üx"),
            ("=?utf-8?Q?a b?= c", "a b c"),
            ("=?x-unknown?Q?a?= =?utf-8?Q?b?=", "=?x-unknown?Q?a?= b"),
            ("=?utf-8?X?a?= =?utf-8?Q?a", "=?utf-8?X?a?= =?utf-8?Q?a"),
            ("=?=?utf-8?Q?a?= =?", "=?a =?"),
            ("1 =? 2 ?= 3", "1 =? 2 ?= 3"),
            ("Größe =?utf-8?Q?=C3=BC?= ß", "Größe ü ß"),
            ("", ""),
        ] {
            assert_eq!(text(value.as_bytes()), wanted, "{value}");
        }
    }

    #[test]
    fn fields_that_are_written() {
        for (value, wanted) in [
            ("plain", "X: plain\r\n"),
            ("", "X: \r\n"),
            ("a\r\nBcc: b", "X: a Bcc: b\r\n"),
            ("ü", "X: =?utf-8?B?w7w=?=\r\n"),
            ("=?x", "X: =?utf-8?B?PT94?=\r\n"),
        ] {
            assert_eq!(field("X", value), wanted, "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(value in "[a-z=? äß漢]{0,200}") {
            let written = field("X", &value);
            prop_assert!(written.split("\r\n").all(|line| line.len() <= 998 && line.is_ascii()));
            let read = decoded(&written.as_bytes()[2..]).replace("\r\n", "");
            prop_assert_eq!(read.trim(), value.trim());
        }

        #[test]
        fn any_bytes_can_be_read(bytes: Vec<u8>, like in "(=\\?|utf-8|\\?|[BQ]|=|[a-z]| ){0,40}") {
            text(&bytes);
            text(like.as_bytes());
        }
    }
}
