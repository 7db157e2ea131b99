//! What the test `body` looks at (RFC 5173 §5).

use encoding_rs::Encoding;

use super::Run;
use crate::mail::encoded_word::plain;
use crate::mail::summary::{Content, Part};
use crate::mail::transfer::Transfer;
use crate::sieve::limits;
use crate::sieve::message::Message;
use crate::sieve::outcome::Why;
use crate::sieve::program::Transform;

/// The texts to be compared. Together they are not longer than [`limits::BODY`].
pub(super) fn values(run: &mut Run<'_>, transform: &Transform) -> Result<Vec<String>, Why> {
    let message = run.input.message;
    let root = &message.summary.root;
    let wanted = match transform {
        Transform::Raw => {
            let raw = message.range(root.body_start, message.size);
            let raw = raw.get(..limits::BODY).unwrap_or(raw);
            run.work(raw.len())?;
            return Ok(vec![plain(raw)]);
        }
        // What a person would read: the text parts.
        Transform::Text => vec!["text".to_owned()],
        Transform::Content(types) => run.expand_all(types)?,
    };
    let mut values = Values {
        message,
        wanted,
        found: Vec::new(),
        left: limits::BODY,
    };
    values.part(root);
    run.work(limits::BODY - values.left)?;
    Ok(values.found)
}

struct Values<'a> {
    message: Message<'a>,
    wanted: Vec<String>,
    found: Vec<String>,
    left: usize,
}

impl Values<'_> {
    /// The part, and those within it. How deep they go is bounded where the structure was read.
    fn part(&mut self, part: &Part) {
        let wanted = self.wanted.iter().any(|wanted| is_type(part, wanted));
        match &part.content {
            Content::Leaf if wanted => {
                let text = self.decoded(part);
                self.push(text);
            }
            Content::Leaf => {}
            Content::Multipart(parts) => {
                // RFC 5173 §5.2: what stands in front of the first part and behind the last.
                if wanted && let (Some(first), Some(last)) = (parts.first(), parts.last()) {
                    let around = [
                        self.message.range(part.body_start, first.header_start),
                        self.message.range(last.body_end, part.body_end),
                    ];
                    for bytes in around {
                        let lines = bytes.split_inclusive(|byte| *byte == b'\n');
                        let text: Vec<&[u8]> = lines.filter(|line| !line.starts_with(b"--")).collect();
                        self.push(plain(&text.concat()));
                    }
                }
                parts.iter().for_each(|part| self.part(part));
            }
            Content::Message(message) => {
                if wanted {
                    let header = self.message.range(message.root.header_start, message.root.body_start);
                    self.push(plain(header));
                }
                self.part(&message.root);
            }
        }
    }

    /// Its text without its encodings.
    fn decoded(&self, part: &Part) -> String {
        let mut octets = Vec::new();
        let mut transfer = Transfer::new(&part.encoding);
        transfer.feed(self.message.range(part.body_start, part.body_end), &mut octets);
        transfer.finish(&mut octets);
        let charset = part
            .parameters
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(b"charset"))
            .and_then(|(_, label)| Encoding::for_label(label));
        match charset {
            // What is called ASCII and is not may well be UTF-8.
            Some(charset) if charset != encoding_rs::WINDOWS_1252 => {
                charset.decode_without_bom_handling(&octets).0.into_owned()
            }
            _ => plain(&octets),
        }
    }

    fn push(&mut self, mut text: String) {
        if text.len() > self.left {
            let end = (0..=self.left).rev().find(|end| text.is_char_boundary(*end));
            text.truncate(end.unwrap_or(0));
        }
        self.left -= text.len();
        self.found.push(text);
    }
}

/// RFC 5173 §5.2: `""` is everything, `text` all of that type, `text/html` only that; what cannot be a type is nothing.
fn is_type(part: &Part, wanted: &str) -> bool {
    match wanted.split_once('/') {
        None => wanted.is_empty() || part.media_type.eq_ignore_ascii_case(wanted.as_bytes()),
        Some((main, sub)) => {
            !sub.is_empty()
                && part.media_type.eq_ignore_ascii_case(main.as_bytes())
                && part.subtype.eq_ignore_ascii_case(sub.as_bytes())
        }
    }
}
