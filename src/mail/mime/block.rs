//! The header block that is being read: only the fields of which a summary is made, only up to a limit.

use crate::mail::summary::CACHED_FIELDS;

/// Collects the lines of a header block.
pub(super) struct Block {
    bytes: Vec<u8>,
    /// Where the last field begins in `bytes`.
    field: usize,
    /// The last field did not fit, or is known not to matter: its other lines are passed over.
    skipping: bool,
    /// A field that matters did not fit.
    truncated: bool,
    limit: usize,
}

impl Block {
    /// An empty block that keeps at most so many bytes.
    pub(super) fn new(limit: usize) -> Block {
        Block {
            bytes: Vec::new(),
            field: 0,
            skipping: false,
            truncated: false,
            limit,
        }
    }

    /// A line begins, with that byte: white space continues a field (RFC 5322 §2.2.3), all else ends it.
    pub(super) fn begin_line(&mut self, first: Option<u8>) {
        if !matches!(first, Some(b' ' | b'\t')) {
            self.end_field();
        }
    }

    /// More of the line, its line end included.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.skipping {
            return;
        }
        if self.bytes.len() + bytes.len() <= self.limit {
            self.bytes.extend_from_slice(bytes);
            return;
        }
        self.skipping = true;
        // A name that is not whole yet may have been one that matters.
        let name = name(&self.bytes[self.field..]);
        self.truncated |= name.is_none_or(matters);
        self.bytes.truncate(self.field);
    }

    /// The block is complete: its fields that matter, and whether one is missing. It is empty again.
    pub(super) fn finish(&mut self) -> (Vec<u8>, bool) {
        self.end_field();
        self.field = 0;
        (std::mem::take(&mut self.bytes), std::mem::take(&mut self.truncated))
    }

    fn end_field(&mut self) {
        if !name(&self.bytes[self.field..]).is_some_and(matters) {
            self.bytes.truncate(self.field);
        }
        self.field = self.bytes.len();
        self.skipping = false;
    }
}

fn name(field: &[u8]) -> Option<&[u8]> {
    memchr::memchr(b':', field).map(|colon| field[..colon].trim_ascii())
}

fn matters(name: &[u8]) -> bool {
    let content = name
        .get(..8)
        .is_some_and(|start| start.eq_ignore_ascii_case(b"content-"));
    content
        || CACHED_FIELDS
            .iter()
            .any(|cached| cached.as_bytes().eq_ignore_ascii_case(name))
}
