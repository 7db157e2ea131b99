//! Where a section lies in the file (RFC 9051 §6.4.5.1): part numbers walked down the summary.

use super::structure::is_message;
use crate::imap::command::SectionText;
use crate::mail::summary::{Content, Part, Summary};
use std::ops::Range;

/// The bytes of the file that a section is, or for HEADER.FIELDS the header to pick from. `None`: there is no such part, or
/// it has no header of its own (HEADER and TEXT need a message; RFC 9051 §6.4.5.1).
pub(crate) fn locate(summary: &Summary, part: &[u32], text: &SectionText) -> Option<Range<u64>> {
    let message = if part.is_empty() {
        &summary.root
    } else {
        let found = find(&summary.root, part)?;
        match (text, &found.content) {
            (SectionText::All, _) => return Some(found.body_start..found.body_end),
            (SectionText::Mime, _) => return Some(found.header_start..found.body_start),
            (_, Content::Message(enclosed)) => &enclosed.root,
            _ => return None,
        }
    };
    Some(match text {
        SectionText::All => message.header_start..message.body_end,
        SectionText::Text => message.body_start..message.body_end,
        SectionText::Header | SectionText::HeaderFields(_) | SectionText::HeaderFieldsNot(_) | SectionText::Mime => {
            message.header_start..message.body_start
        }
    })
}

/// A part by its numbers; without any, none: the message is more than its root.
pub(crate) fn part<'a>(summary: &'a Summary, path: &[u32]) -> Option<&'a Part> {
    match path {
        [] => None,
        path => find(&summary.root, path),
    }
}

/// Walks down by part numbers. Every message has a part 1: of one without parts that is its whole body.
fn find<'a>(root: &'a Part, path: &[u32]) -> Option<&'a Part> {
    let mut part = root;
    // How often the number 1 means the same part once more: where it has no parts but is shown with one.
    let mut same = 1 + shown_inside(root);
    for number in path {
        if same == 0
            && let Content::Message(enclosed) = &part.content
        {
            part = &enclosed.root;
            same = 1 + shown_inside(part);
        }
        match &part.content {
            Content::Multipart(children) => {
                part = children.get((*number as usize).checked_sub(1)?)?;
                same =
                    shown_inside(part) + usize::from(part.content == Content::Leaf && part.media_type == b"MULTIPART");
            }
            _ if same > 0 && *number == 1 => same -= 1,
            _ => return None,
        }
    }
    Some(part)
}

/// A message that was not taken apart is shown with a text inside.
fn shown_inside(part: &Part) -> usize {
    usize::from(part.content == Content::Leaf && is_message(part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::summary::{EnclosedMessage, MessageEnvelope};

    fn part(header: u64, body: u64, end: u64, content: Content) -> Part {
        Part {
            header_start: header,
            body_start: body,
            body_end: end,
            lines: 0,
            media_type: Vec::new(),
            subtype: Vec::new(),
            parameters: Vec::new(),
            id: None,
            description: None,
            encoding: Vec::new(),
            md5: None,
            disposition: None,
            language: Vec::new(),
            location: None,
            content,
        }
    }

    fn summary(root: Part) -> Summary {
        Summary {
            size: root.body_end,
            digest: [0; 16],
            envelope: MessageEnvelope::default(),
            root,
            headers: Vec::new(),
            truncated: false,
        }
    }

    fn enclosed(header: u64, body: u64, end: u64, root: Part) -> Part {
        let message = EnclosedMessage {
            envelope: MessageEnvelope::default(),
            root,
        };
        part(header, body, end, Content::Message(Box::new(message)))
    }

    fn found(summary: &Summary, path: &[u32], text: SectionText) -> Option<(u64, u64)> {
        locate(summary, path, &text).map(|range| (range.start, range.end))
    }

    #[test]
    fn a_message_without_parts_has_part_1() {
        let plain = summary(part(0, 10, 50, Content::Leaf));
        for (path, text, wanted) in [
            (&[][..], SectionText::All, Some((0, 50))),
            (&[], SectionText::Header, Some((0, 10))),
            (&[], SectionText::Text, Some((10, 50))),
            (&[1], SectionText::All, Some((10, 50))),
            (&[1], SectionText::Mime, Some((0, 10))),
            (&[1], SectionText::Header, None),
            (&[1], SectionText::Text, None),
            (&[2], SectionText::All, None),
            (&[0], SectionText::All, None),
            (&[1, 1], SectionText::All, None),
        ] {
            assert_eq!(found(&plain, path, text.clone()), wanted, "{path:?} {text:?}");
        }
    }

    #[test]
    fn the_example_of_the_rfc() {
        // RFC 9051 §6.4.5.1: 1 text, 2 octet-stream, 3 a message with text and octets, 4 multipart of image and message.
        let leaf = |at: u64| part(at, at + 2, at + 5, Content::Leaf);
        let three = enclosed(
            30,
            32,
            60,
            part(32, 36, 60, Content::Multipart(vec![leaf(40), leaf(50)])),
        );
        let inner = enclosed(
            80,
            82,
            95,
            part(82, 84, 95, Content::Multipart(vec![leaf(85), leaf(90)])),
        );
        let four = part(65, 68, 98, Content::Multipart(vec![leaf(70), inner]));
        let mixed = summary(part(
            0,
            10,
            100,
            Content::Multipart(vec![leaf(12), leaf(20), three, four]),
        ));
        for (path, text, wanted) in [
            (&[1][..], SectionText::All, Some((14, 17))),
            (&[3], SectionText::All, Some((32, 60))),
            (&[3], SectionText::Header, Some((32, 36))),
            (&[3], SectionText::Text, Some((36, 60))),
            (&[3], SectionText::Mime, Some((30, 32))),
            (&[3, 1], SectionText::All, Some((42, 45))),
            (&[3, 2], SectionText::Mime, Some((50, 52))),
            (&[4], SectionText::All, Some((68, 98))),
            (&[4], SectionText::Header, None),
            (&[4, 1], SectionText::Mime, Some((70, 72))),
            (&[4, 2], SectionText::Text, Some((84, 95))),
            (&[4, 2, 1], SectionText::All, Some((87, 90))),
            (&[4, 2, 3], SectionText::All, None),
            (&[5], SectionText::All, None),
        ] {
            assert_eq!(found(&mixed, path, text.clone()), wanted, "{path:?} {text:?}");
        }
    }

    #[test]
    fn what_was_not_taken_apart_has_the_part_that_is_shown() {
        let typed = |part: Part, media_type: &str, subtype: &str| Part {
            media_type: media_type.as_bytes().to_vec(),
            subtype: subtype.as_bytes().to_vec(),
            ..part
        };
        let multipart = || typed(part(10, 20, 30, Content::Leaf), "MULTIPART", "MIXED");
        let message = || typed(part(40, 50, 60, Content::Leaf), "MESSAGE", "RFC822");
        let text = || typed(part(70, 80, 90, Content::Leaf), "TEXT", "PLAIN");
        let mixed = summary(part(
            0,
            10,
            100,
            Content::Multipart(vec![multipart(), message(), text()]),
        ));
        for (summary, path, wanted) in [
            (&mixed, &[1, 1][..], Some((20, 30))),
            (&mixed, &[1, 1, 1], None),
            (&mixed, &[1, 2], None),
            (&mixed, &[2, 1], Some((50, 60))),
            (&mixed, &[2, 1, 1], None),
            (&mixed, &[3, 1], None),
            (&summary(multipart()), &[1], Some((20, 30))),
            (&summary(multipart()), &[1, 1], None),
            (&summary(message()), &[1, 1], Some((50, 60))),
            (&summary(message()), &[1, 1, 1], None),
        ] {
            assert_eq!(found(summary, path, SectionText::All), wanted, "{path:?}");
        }
    }

    #[test]
    fn a_message_that_is_a_message() {
        let root = enclosed(0, 10, 50, part(10, 20, 50, Content::Leaf));
        let forwarded = summary(root);
        assert_eq!(found(&forwarded, &[1], SectionText::All), Some((10, 50)));
        assert_eq!(found(&forwarded, &[1], SectionText::Header), Some((10, 20)));
        assert_eq!(found(&forwarded, &[1, 1], SectionText::All), Some((20, 50)));
        assert_eq!(found(&forwarded, &[1, 2], SectionText::All), None);
    }
}
