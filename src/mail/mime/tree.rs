//! The parts of a message while they are being read: those that are open, outermost first.

use super::block::Block;
use super::{MimeLimits, content, envelope, values};
use crate::mail::header::fields;
use crate::mail::summary::{CACHED_FIELDS, Content, EnclosedMessage, MessageEnvelope, Part, Summary};

/// The longest boundary that is followed: RFC 2046 §5.1.1 allows 70, a line 998.
const MAX_BOUNDARY: usize = 998;

/// A place between two bytes of the file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Position {
    /// Bytes before it.
    pub(super) offset: u64,
    /// Line ends before it.
    pub(super) lines: u64,
}

impl Position {
    /// The position in front of a line end of `length` bytes.
    pub(super) fn back(self, length: u64) -> Position {
        Position {
            offset: self.offset.saturating_sub(length),
            lines: self.lines.saturating_sub(1),
        }
    }
}

/// The open parts, and what is known of the message as a whole.
pub(super) struct Tree {
    limits: MimeLimits,
    /// Never empty until the end: the message itself is the first.
    open: Vec<Open>,
    /// The innermost part's header is being read.
    in_header: bool,
    /// Parts so far.
    count: usize,
    /// What is left of [`MimeLimits::values`].
    values: usize,
    envelope: MessageEnvelope,
    headers: Vec<u8>,
    truncated: bool,
}

/// A part that has begun and not ended.
struct Open {
    start: Position,
    body: Position,
    /// What its header says, once that is complete.
    part: Part,
    /// In a multipart/digest.
    digest: bool,
    inside: Inside,
}

enum Inside {
    /// Nothing that we look for: text, bytes, or more than the limits allow.
    Opaque,
    Multipart(Multipart),
    Message {
        envelope: Box<MessageEnvelope>,
        root: Option<Box<Part>>,
    },
}

struct Multipart {
    boundary: Vec<u8>,
    parts: Vec<Part>,
    /// Its closing delimiter has been seen.
    closed: bool,
    /// There may be no more parts: the last one goes on to the closing delimiter.
    full: bool,
}

/// A delimiter line of one of the open multiparts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Delimiter {
    /// Which of the open parts it belongs to.
    level: usize,
    /// `--boundary--`
    closing: bool,
}

impl Tree {
    /// At the start of a message's header.
    pub(super) fn new(limits: MimeLimits) -> Tree {
        let mut tree = Tree {
            limits,
            open: Vec::new(),
            in_header: false,
            count: 0,
            values: limits.values,
            envelope: MessageEnvelope::default(),
            headers: Vec::new(),
            truncated: false,
        };
        tree.begin(Position { offset: 0, lines: 0 }, false);
        tree
    }

    /// Whether the innermost part's header is being read.
    pub(super) fn in_header(&self) -> bool {
        self.in_header
    }

    /// How much of a line it may take to know whether it is a delimiter; 0 when none can be.
    pub(super) fn delimiter_length(&self) -> usize {
        let longest = self.multiparts().map(|(_, multipart)| multipart.boundary.len()).max();
        longest.map_or(0, |longest| longest + 4)
    }

    /// The delimiter that a line is, if it is one. It suffices that the boundary is its beginning (RFC 2046 §5.1.1); where
    /// one boundary is the beginning of another, the longer counts; where two are the same, the inner that is not closed.
    pub(super) fn delimiter(&self, line: &[u8]) -> Option<Delimiter> {
        let line = line.strip_prefix(b"--")?;
        let (level, multipart) = self
            .multiparts()
            .filter(|(_, multipart)| line.starts_with(&multipart.boundary))
            .max_by_key(|(level, multipart)| (multipart.boundary.len(), !multipart.closed, *level))?;
        let closing = line[multipart.boundary.len()..].starts_with(b"--");
        let ignored = multipart.closed || multipart.full && !closing;
        (!ignored).then_some(Delimiter { level, closing })
    }

    /// The innermost part's header is complete, its body begins.
    pub(super) fn end_header(&mut self, block: &mut Block, body: Position) {
        let (fields, truncated) = block.finish();
        self.truncated |= truncated;
        self.in_header = false;
        let depth = self.open.len();
        let is_message = match depth.checked_sub(2).map(|outer| &self.open[outer].inside) {
            None => true,
            Some(inside) => matches!(inside, Inside::Message { .. }),
        };
        if is_message {
            self.read_envelope(&fields);
        }
        let Some(innermost) = self.open.last_mut() else { return };
        innermost.part = content::read(&fields, innermost.digest);
        innermost.body = body;
        let part = &mut innermost.part;
        let boundary = content::parameter(&part.parameters, b"boundary").map(<[u8]>::to_vec);
        if depth > 1 {
            let size = values::of_part(part);
            if size > self.values {
                values::clear(part);
                self.truncated = true;
            }
            self.values = self.values.saturating_sub(size);
        }
        let full = self.count > self.limits.parts || depth >= self.limits.depth;
        let encoded = matches!(part.encoding.as_slice(), b"BASE64" | b"QUOTED-PRINTABLE");
        match (part.media_type.as_slice(), part.subtype.as_slice(), boundary) {
            (b"MULTIPART", _, Some(boundary)) if (1..=MAX_BOUNDARY).contains(&boundary.len()) => {
                self.truncated |= full;
                if !full {
                    innermost.inside = Inside::Multipart(Multipart {
                        boundary,
                        parts: Vec::new(),
                        closed: false,
                        full: false,
                    });
                }
            }
            (b"MESSAGE", b"RFC822" | b"GLOBAL", _) if !encoded => {
                self.truncated |= full;
                if !full {
                    innermost.inside = Inside::Message {
                        envelope: Box::default(),
                        root: None,
                    };
                    self.begin(body, false);
                }
            }
            _ => {}
        }
    }

    /// A delimiter line was read: it began behind the line end at `end`, and the next line is at `next`.
    pub(super) fn pass(&mut self, delimiter: Delimiter, block: &mut Block, end: Position, next: Position) {
        self.close(delimiter.level + 1, block, end);
        let Some(open) = self.open.last_mut() else { return };
        let Inside::Multipart(multipart) = &mut open.inside else {
            return;
        };
        if delimiter.closing {
            multipart.closed = true;
            return;
        }
        let digest = open.part.subtype == b"DIGEST";
        if self.count >= self.limits.parts {
            multipart.full = true;
            self.truncated = true;
        }
        self.begin(next, digest);
    }

    /// The message ends.
    pub(super) fn finish(mut self, block: &mut Block, end: Position) -> Summary {
        let root = self.close(0, block, end);
        Summary {
            size: end.offset,
            digest: [0; 16],
            envelope: self.envelope,
            root: root.unwrap_or_else(|| content::read(b"", false)),
            headers: self.headers,
            truncated: self.truncated,
        }
    }

    fn multiparts(&self) -> impl Iterator<Item = (usize, &Multipart)> {
        self.open
            .iter()
            .enumerate()
            .filter_map(|(level, open)| match &open.inside {
                Inside::Multipart(multipart) => Some((level, multipart)),
                _ => None,
            })
    }

    /// A part begins with its header.
    fn begin(&mut self, start: Position, digest: bool) {
        self.open.push(Open {
            start,
            body: start,
            part: content::read(b"", digest),
            digest,
            inside: Inside::Opaque,
        });
        self.count += 1;
        self.in_header = true;
    }

    /// Ends the parts from `level` on, innermost first. A body cannot end before it begins, nor before one within it ends.
    /// Returns the message itself if that has ended.
    fn close(&mut self, level: usize, block: &mut Block, mut end: Position) -> Option<Part> {
        while self.in_header && self.open.len() > level {
            end = end.max(self.open.last()?.start);
            self.end_header(block, end);
        }
        while self.open.len() > level {
            let Open {
                start,
                body,
                mut part,
                inside,
                ..
            } = self.open.pop()?;
            end = end.max(body);
            part.header_start = start.offset;
            part.body_start = body.offset;
            part.body_end = end.offset;
            part.lines = end.lines.saturating_sub(body.lines);
            part.content = match inside {
                Inside::Multipart(multipart) if !multipart.parts.is_empty() => Content::Multipart(multipart.parts),
                Inside::Message {
                    envelope,
                    root: Some(root),
                } => Content::Message(Box::new(EnclosedMessage {
                    envelope: *envelope,
                    root: *root,
                })),
                _ => Content::Leaf,
            };
            match self.open.last_mut().map(|outer| &mut outer.inside) {
                Some(Inside::Multipart(multipart)) => multipart.parts.push(part),
                Some(Inside::Message { root, .. }) => *root = Some(Box::new(part)),
                Some(Inside::Opaque) => {}
                None => return Some(part),
            }
        }
        None
    }

    /// The envelope of the innermost part, which is a message; and of the outermost the fields that are kept.
    fn read_envelope(&mut self, block: &[u8]) {
        let (mut read, complete) = envelope::read(block);
        self.truncated |= !complete;
        let outer = self.open.len().checked_sub(2);
        let Some(Inside::Message { envelope, .. }) = outer.map(|outer| &mut self.open[outer].inside) else {
            self.envelope = read;
            for field in fields(block) {
                if CACHED_FIELDS.iter().any(|name| field.is(name)) {
                    self.headers.extend_from_slice(field.raw);
                }
            }
            return;
        };
        let size = values::of_envelope(&read);
        if size > self.values {
            read = MessageEnvelope::default();
            self.truncated = true;
        }
        self.values = self.values.saturating_sub(size);
        **envelope = read;
    }
}
