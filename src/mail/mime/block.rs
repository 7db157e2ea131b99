//! The header block that is being read: only the fields of which a summary is made, only up to a limit.

use crate::mail::summary::CACHED_FIELDS;

/// More than the names have that matter, with the colon and some white space in front of it.
const MAX_NAME: usize = 64;

/// Collects the lines of a header block.
pub(super) struct Block {
    bytes: Vec<u8>,
    /// Where the last field begins in `bytes`.
    field: usize,
    state: State,
    /// A field that matters did not fit.
    truncated: bool,
    limit: usize,
}

/// What becomes of the last field.
enum State {
    /// Its name is not whole yet.
    Open,
    /// It is kept as long as it fits.
    Kept,
    /// It does not matter, or did not fit.
    Skipped,
}

impl Block {
    /// An empty block that keeps at most so many bytes.
    pub(super) fn new(limit: usize) -> Block {
        Block {
            bytes: Vec::new(),
            field: 0,
            state: State::Open,
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
        let value = match self.state {
            State::Open => self.name(bytes),
            _ => bytes,
        };
        if !matches!(self.state, State::Kept) {
            return;
        }
        if self.bytes.len() + value.len() <= self.limit {
            self.bytes.extend_from_slice(value);
        } else {
            self.truncated = true;
            self.skip();
        }
    }

    /// The block is complete: its fields that matter, and whether one is missing. It is empty again.
    pub(super) fn finish(&mut self) -> (Vec<u8>, bool) {
        self.end_field();
        self.field = 0;
        (std::mem::take(&mut self.bytes), std::mem::take(&mut self.truncated))
    }

    /// Takes what belongs to the field's name, and decides once that is whole. Returns the rest.
    fn name<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let room = self.field + MAX_NAME - self.bytes.len();
        let start = &bytes[..bytes.len().min(room)];
        let colon = memchr::memchr(b':', start);
        let (name, rest) = bytes.split_at(colon.map_or(start.len(), |colon| colon + 1));
        self.bytes.extend_from_slice(name);
        match self.bytes[self.field..].strip_suffix(b":") {
            Some(name) if matters(name.trim_ascii()) => self.state = State::Kept,
            None if name.len() < room => {}
            _ => self.skip(),
        }
        rest
    }

    fn skip(&mut self) {
        self.bytes.truncate(self.field);
        self.state = State::Skipped;
    }

    fn end_field(&mut self) {
        if matches!(self.state, State::Open) {
            self.bytes.truncate(self.field);
        }
        self.field = self.bytes.len();
        self.state = State::Open;
    }
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
