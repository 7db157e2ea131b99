//! Lines, cut anywhere: finds header lines, delimiter lines and line ends, and tells the [`Tree`].

use super::MimeLimits;
use super::block::Block;
use super::tree::{Delimiter, Position, Tree};
use crate::mail::summary::Summary;
use blake2::digest::consts::U16;
use blake2::{Blake2b, Digest};
use memchr::memmem::Finder;

/// Reads a message piece by piece, cut anywhere. Memory is bounded by the limits, not by the message.
pub struct Scanner {
    tree: Tree,
    block: Block,
    place: Place,
    /// Where the next byte belongs.
    at: Position,
    /// The last two bytes before that.
    last: [u8; 2],
    /// Where a body ends if the line begun last is a delimiter: the line end in front belongs to that.
    before: Position,
    /// The beginning of a line of which it is not known yet what it is; shorter than [`Scanner::wanted`].
    held: Vec<u8>,
    /// Finds the next line that may be a delimiter.
    dashes: Finder<'static>,
    digest: Blake2b<U16>,
}

/// Where in a line the next byte is.
#[derive(Clone, Copy)]
enum Place {
    /// At its start, or so near that it is still open what it is.
    Start,
    /// In the middle of an ordinary one.
    Within,
    /// Behind the boundary of a delimiter.
    Delimiter(Delimiter),
}

/// What a line is by its beginning.
enum Line {
    /// More of it is needed to know.
    Open,
    /// The end of a header.
    Empty,
    Delimiter(Delimiter),
    Ordinary,
}

impl Scanner {
    /// A scanner at the start of a message.
    pub fn new(limits: MimeLimits) -> Scanner {
        let start = Position { offset: 0, lines: 0 };
        Scanner {
            tree: Tree::new(limits),
            block: Block::new(limits.header),
            place: Place::Start,
            at: start,
            last: [0; 2],
            before: start,
            held: Vec::new(),
            dashes: Finder::new(b"\n--"),
            digest: Blake2b::new(),
        }
    }

    /// The next bytes of the message.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
        let mut rest = bytes;
        while let Some(first) = rest.first() {
            // Each takes some, or goes on to another place.
            let taken = match self.place {
                Place::Start => self.start_of_line(*first, rest),
                Place::Within if self.tree.in_header() => self.header_line(rest),
                Place::Within => self.text(rest),
                Place::Delimiter(delimiter) => self.delimiter_line(delimiter, rest),
            };
            rest = &rest[taken..];
        }
    }

    /// The message is complete.
    pub fn finish(mut self) -> Summary {
        let held = std::mem::take(&mut self.held);
        match (self.place, self.classify(&held, true)) {
            (Place::Delimiter(delimiter), _) | (Place::Start, Line::Delimiter(delimiter)) => {
                self.tree.pass(delimiter, &mut self.block, self.before, self.at);
            }
            _ if self.tree.in_header() => self.begin_header_line(&held),
            _ => {}
        }
        Summary {
            digest: self.digest.finalize().into(),
            ..self.tree.finish(&mut self.block, self.at)
        }
    }

    /// Decides what a line is, as soon as enough of it is there.
    fn start_of_line(&mut self, first: u8, bytes: &[u8]) -> usize {
        if self.held.is_empty() {
            self.before = match self.last {
                [b'\r', b'\n'] => self.at.back(2),
                [_, b'\n'] => self.at.back(1),
                _ => self.at,
            };
            // Of the lines of bodies, which are most of most messages, the first byte tells.
            if first != b'-' && !self.tree.in_header() {
                self.place = Place::Within;
                return 0;
            }
        }
        let wanted = self.wanted();
        let seen = &bytes[..bytes.len().min(wanted - self.held.len())];
        let line_end = memchr::memchr(b'\n', seen);
        let seen = &seen[..line_end.unwrap_or(seen.len())];
        self.advance(seen);
        let mut line = std::mem::take(&mut self.held);
        line.extend_from_slice(seen);
        match self.classify(&line, line_end.is_some() || line.len() >= wanted) {
            Line::Open => {
                self.held = line;
                return seen.len();
            }
            Line::Empty => {
                self.advance(b"\n");
                self.tree.end_header(&mut self.block, self.at);
                return seen.len() + 1;
            }
            Line::Delimiter(delimiter) => self.place = Place::Delimiter(delimiter),
            Line::Ordinary => {
                self.place = Place::Within;
                if self.tree.in_header() {
                    self.begin_header_line(&line);
                }
            }
        }
        // Its room will be used again.
        line.clear();
        self.held = line;
        seen.len()
    }

    fn begin_header_line(&mut self, line: &[u8]) {
        self.block.begin_line(line.first().copied());
        self.block.push(line);
    }

    /// The rest of a header line, or some of it.
    fn header_line(&mut self, bytes: &[u8]) -> usize {
        let (line, ended) = up_to_line_end(bytes);
        self.block.push(line);
        self.advance(line);
        if ended {
            self.place = Place::Start;
        }
        line.len()
    }

    /// The rest of a delimiter line, or some of it.
    fn delimiter_line(&mut self, delimiter: Delimiter, bytes: &[u8]) -> usize {
        let (line, ended) = up_to_line_end(bytes);
        self.advance(line);
        if ended {
            self.tree.pass(delimiter, &mut self.block, self.before, self.at);
            self.place = Place::Start;
        }
        line.len()
    }

    /// Lines of a body up to one that may be a delimiter.
    fn text(&mut self, bytes: &[u8]) -> usize {
        let line = match self.tree.delimiter_length() {
            // In no multipart there is none.
            0 => None,
            _ => match self.dashes.find(bytes) {
                Some(line_end) => Some(line_end + 1),
                None if bytes.ends_with(b"\n") => Some(bytes.len()),
                None if bytes.ends_with(b"\n-") => Some(bytes.len() - 1),
                None => None,
            },
        };
        if line.is_some() {
            self.place = Place::Start;
        }
        let taken = line.unwrap_or(bytes.len());
        self.advance(&bytes[..taken]);
        taken
    }

    /// What the line is that begins so. `decided`: there is no more of it, or it does not matter.
    fn classify(&self, line: &[u8], decided: bool) -> Line {
        if self.tree.in_header() && matches!(line, b"" | b"\r") {
            return if decided { Line::Empty } else { Line::Open };
        }
        let dashes = line.starts_with(b"--") || line == b"-";
        if !dashes || self.tree.delimiter_length() == 0 {
            Line::Ordinary
        } else if !decided {
            Line::Open
        } else {
            self.tree.delimiter(line).map_or(Line::Ordinary, Line::Delimiter)
        }
    }

    /// How much of a line it may take to classify it.
    fn wanted(&self) -> usize {
        self.tree.delimiter_length().max(2)
    }

    fn advance(&mut self, bytes: &[u8]) {
        self.at.offset += bytes.len() as u64;
        self.at.lines += memchr::memchr_iter(b'\n', bytes).count() as u64;
        self.last = match bytes {
            [] => self.last,
            [byte] => [self.last[1], *byte],
            [.., second, last] => [*second, *last],
        };
    }
}

/// The line, its end included, if it ends in `bytes`; else all.
fn up_to_line_end(bytes: &[u8]) -> (&[u8], bool) {
    match memchr::memchr(b'\n', bytes) {
        Some(end) => (&bytes[..=end], true),
        None => (bytes, false),
    }
}
