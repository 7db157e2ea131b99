//! Which stretches of a message's file a text search reads: headers, and the bodies that are text. Attachments are not
//! read at all, so that searching mail with large ones costs what its text costs.

use crate::mail::summary::{Content, Part, Summary};

/// A stretch of the file that is searched as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Passage {
    /// Offset of its first byte.
    pub(crate) start: u64,
    /// Offset behind its last.
    pub(crate) end: u64,
    /// What it is.
    pub(crate) kind: Kind,
}

/// How a stretch is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The message's own header, or that of a part: only TEXT looks there.
    Header,
    /// The header of an enclosed message, which belongs to the body of the message around it.
    EnclosedHeader,
    /// A body in its transfer encoding and charset.
    Text {
        /// Content-Transfer-Encoding, upper case.
        encoding: Vec<u8>,
        /// The charset parameter.
        charset: Option<Vec<u8>>,
    },
}

/// The stretches in the order of the file. Of a message beyond the scanner's limits the whole body is one, as it stands.
pub(crate) fn passages(summary: &Summary) -> Vec<Passage> {
    let root = &summary.root;
    let mut list = vec![Passage {
        start: root.header_start,
        end: root.body_start,
        kind: Kind::Header,
    }];
    if summary.truncated {
        list.push(raw(root));
    } else {
        body(root, &mut list);
    }
    list
}

/// Recursion is as deep as the summary, which the scanner bounds.
fn body(part: &Part, list: &mut Vec<Passage>) {
    match &part.content {
        Content::Multipart(children) => {
            for child in children {
                list.push(Passage {
                    start: child.header_start,
                    end: child.body_start,
                    kind: Kind::Header,
                });
                body(child, list);
            }
        }
        Content::Message(message) => {
            list.push(Passage {
                start: message.root.header_start,
                end: message.root.body_start,
                kind: Kind::EnclosedHeader,
            });
            body(&message.root, list);
        }
        Content::Leaf if part.media_type == b"TEXT" => list.push(Passage {
            start: part.body_start,
            end: part.body_end,
            kind: Kind::Text {
                encoding: part.encoding.clone(),
                charset: part
                    .parameters
                    .iter()
                    .find(|(name, _)| name.eq_ignore_ascii_case(b"charset"))
                    .map(|(_, value)| value.clone()),
            },
        }),
        // A multipart or message that could not be taken apart: better searched as it stands than not at all.
        Content::Leaf if part.media_type == b"MULTIPART" || part.media_type == b"MESSAGE" => list.push(raw(part)),
        Content::Leaf => {}
    }
}

fn raw(part: &Part) -> Passage {
    let encoding = match part.media_type.as_slice() {
        b"MULTIPART" => Vec::new(),
        _ => part.encoding.clone(),
    };
    Passage {
        start: part.body_start,
        end: part.body_end,
        kind: Kind::Text {
            encoding,
            charset: None,
        },
    }
}
