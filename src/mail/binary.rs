//! A message whose parts are `binary` (RFC 2045 §6.2) as one that is stored and sent anywhere: what is to be done with each
//! stretch of it (RFC 3516 §4.4, RFC 3030 §3).
//!
//! Parts are encoded, text by quoted-printable and anything else by base64; what holds other parts must not be (RFC 2045
//! §6.4), and is `8bit` then. Within multipart/signed nothing is changed: nobody could verify the signature any more.

use std::ops::Range;

use super::encode::Encoder;
use super::header::fields;
use super::summary::{Content, Part, Summary};

/// A stretch of the message.
#[derive(Debug)]
pub(crate) enum Span {
    /// As it is.
    Kept(Range<u64>),
    /// A header, to be written by [`header`] with this encoding.
    Header(Range<u64>, &'static str),
    /// A body to be encoded; whether it is the last in the message.
    Body(Range<u64>, Encoder, bool),
}

/// Everything from the first octet to the last; `None` when nothing is to be changed.
pub(crate) fn spans(summary: &Summary) -> Option<Vec<Span>> {
    let mut plan = Plan {
        spans: Vec::new(),
        at: 0,
        size: summary.size,
    };
    plan.part(&summary.root);
    if plan.spans.is_empty() {
        return None;
    }
    plan.keep_until(summary.size);
    Some(plan.spans)
}

/// A header block with another Content-Transfer-Encoding.
pub(crate) fn header(block: &[u8], encoding: &str) -> Vec<u8> {
    let mut changed = Vec::with_capacity(block.len());
    let mut told = false;
    let mut read = 0;
    for field in fields(block) {
        read += field.raw.len();
        if !field.is("content-transfer-encoding") {
            changed.extend_from_slice(field.raw);
        } else if !std::mem::replace(&mut told, true) {
            changed.extend_from_slice(format!("Content-Transfer-Encoding: {encoding}\r\n").as_bytes());
        }
    }
    changed.extend_from_slice(block.get(read..).unwrap_or_default());
    changed
}

struct Plan {
    spans: Vec<Span>,
    /// Up to here everything is in a span.
    at: u64,
    size: u64,
}

impl Plan {
    fn part(&mut self, part: &Part) {
        let is_text = part.media_type == b"TEXT";
        let is_composite = matches!(part.media_type.as_slice(), b"MULTIPART" | b"MESSAGE");
        let is_binary = part.encoding == b"BINARY";
        if is_binary && !is_composite {
            let encoder = match is_text && !is_wide(part) {
                true => Encoder::quoted_printable(),
                false => Encoder::base64(),
            };
            self.header(part, encoder.name());
            let body = part.body_start..part.body_end;
            self.push(body.clone(), Span::Body(body, encoder, part.body_end == self.size));
            return;
        }
        if is_binary && part.subtype != b"SIGNED" {
            self.header(part, "8bit");
        }
        match &part.content {
            Content::Multipart(parts) if part.subtype != b"SIGNED" => parts.iter().for_each(|part| self.part(part)),
            Content::Message(enclosed) => self.part(&enclosed.root),
            _ => {}
        }
    }

    fn header(&mut self, part: &Part, encoding: &'static str) {
        let range = part.header_start..part.body_start;
        self.push(range.clone(), Span::Header(range, encoding));
    }

    fn push(&mut self, range: Range<u64>, span: Span) {
        self.keep_until(range.start);
        self.at = range.end.max(self.at);
        self.spans.push(span);
    }

    fn keep_until(&mut self, end: u64) {
        if end > self.at {
            self.spans.push(Span::Kept(self.at..end));
            self.at = end;
        }
    }
}

/// Whether it is text in a charset of which quoted-printable would escape every other octet.
fn is_wide(part: &Part) -> bool {
    let charset = part
        .parameters
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(b"charset"));
    charset.is_some_and(|(_, charset)| {
        let charset = charset.to_ascii_lowercase();
        ["utf-16", "utf-32", "ucs-", "iso-10646"]
            .iter()
            .any(|wide| charset.starts_with(wide.as_bytes()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::mime::{MimeLimits, Scanner};

    fn told(message: &str) -> Option<Vec<String>> {
        let mut scanner = Scanner::new(MimeLimits::default());
        scanner.feed(message.as_bytes());
        let spans = spans(&scanner.finish())?;
        let text = |range: Range<u64>| message[range.start as usize..range.end as usize].to_owned();
        Some(
            spans
                .into_iter()
                .map(|span| match span {
                    Span::Kept(range) => format!("kept {:?}", text(range)),
                    Span::Header(range, encoding) => format!("{encoding} {:?}", text(range)),
                    Span::Body(range, encoder, last) => format!("{} {last} {:?}", encoder.name(), text(range)),
                })
                .collect(),
        )
    }

    #[test]
    fn only_what_is_binary_is_changed() {
        assert_eq!(told("Subject: a\r\n\r\nb\r\n"), None);
        let one = "Content-Transfer-Encoding: binary\r\n\r\na\nb";
        let expected = [
            "quoted-printable \"Content-Transfer-Encoding: binary\\r\\n\\r\\n\"",
            "quoted-printable true \"a\\nb\"",
        ];
        assert_eq!(told(one).unwrap(), expected);
        let two = "Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: binary\r\n\r\n--b\r\n\r\na\r\n\
                   --b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: BINARY\r\n\r\n\0\r\n--b--\r\n";
        let told_two = told(two).unwrap();
        assert_eq!(told_two.len(), 5);
        assert!(told_two[0].starts_with("8bit ") && told_two[1].starts_with("kept "));
        assert_eq!(told_two[3..], ["base64 false \"\\0\"", "kept \"\\r\\n--b--\\r\\n\""]);
        // What is signed stays as it was signed.
        assert_eq!(told(&two.replace("mixed", "signed")), None);
        let wide = "Content-Type: text/plain; charset=UTF-16LE\r\nContent-Transfer-Encoding: binary\r\n\r\na\0";
        assert!(told(wide).unwrap()[1].starts_with("base64 true"));
    }

    #[test]
    fn a_header_has_one_encoding() {
        let block =
            b"A: b\r\nContent-transfer-encoding:\r\n binary\r\nC: d\r\nContent-Transfer-Encoding: binary\r\n\r\n";
        let changed = header(block, "base64");
        assert_eq!(changed, b"A: b\r\nContent-Transfer-Encoding: base64\r\nC: d\r\n\r\n");
    }
}
