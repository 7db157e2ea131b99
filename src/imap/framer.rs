//! Cutting the stream into commands: lines joined with their literals (RFC 9051 §4.3, RFC 7888), each bounded, and a
//! message literals of APPEND left on the wire for whoever streams them.
//!
//! What is taken off the connection is kept here until a command is whole: no octet is looked at twice, and a call that is
//! dropped loses nothing. Nothing beyond the end of a command is ever taken.
//!
//! Whatever a line says, `{n+}` at its end means that n octets follow that are no commands: they are skipped with it, also
//! when the line is wrong or too long. A client that waits for `+` before it sends them does not get one then.

use super::command::{AppendPiece, Command, LiteralPlace};
use super::dialect::Dialect;
use super::output::Output;
use super::parse::literal::{self, Announcement};
use super::parse::{self, ParseError, append};
use crate::net::connection::{Connection, ReadError};
use std::io;
use std::time::Duration;
use tokio::time::Instant;

/// The input side of a session.
pub(crate) struct Framer {
    /// What was taken of a command that is on its way. When that is wrong already: the end of its current line.
    taken: Vec<u8>,
    /// Where the current line begins in `taken`.
    line: usize,
    /// Octets of a literal that are to come before the line goes on.
    literal: u64,
    /// What is wrong with the command; its rest is thrown away.
    fault: Option<ParseError>,
    /// When the command has to be whole.
    deadline: Option<Instant>,
}

/// What a session is bounded by while it waits for a command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Octets of a command with its literals, the message of APPEND left out.
    pub(crate) command: usize,
    /// How long the client may take from the first octet of a command to its last, and how long for the first one.
    pub(crate) timeout: Duration,
    /// How long a continuation request may wait for the client.
    pub(crate) write_timeout: Duration,
}

/// What came in.
#[derive(Debug)]
pub(crate) enum Frame {
    /// A whole command.
    Command(Command),
    /// APPEND as far as its first literal, which is not read yet: go on with [`Framer::accept`] or [`Framer::refuse`].
    Append(Command, Literal),
    /// No command. What belongs to it was thrown away; the next call begins with the next command.
    Invalid(ParseError),
}

/// A literal that was announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Literal {
    /// Its octets.
    pub(crate) size: u64,
    /// Whether the client waits for `+` (RFC 9051 §4.3); if not, the octets come whether we want them or not.
    pub(crate) synchronizing: bool,
    /// Whether it may hold NUL (RFC 3516 §4.4).
    pub(crate) binary: bool,
}

/// The most octets that are skipped for a literal which nobody asked for. Beyond, the connection ends.
const MAX_SKIPPED: u64 = 1 << 30;
/// How slow a client may send a message that is skipped, in octets a second on top of the time for a command.
const SKIP_RATE: u64 = 64 * 1024;
/// What is kept of the end of a line that is thrown away: enough to see a literal announced. An announcement has 24 octets,
/// if its number makes sense.
const TAIL: usize = 64;
/// Room kept for the next command.
const ROOM: usize = 4 * 1024;
/// The first octet of a TLS handshake (RFC 8446 §5.1), with which no tag begins.
const TLS_HANDSHAKE: u8 = 22;

impl Framer {
    pub(crate) fn new() -> Framer {
        Framer {
            taken: Vec::new(),
            line: 0,
            literal: 0,
            fault: None,
            deadline: None,
        }
    }

    /// The next command. Sends what `output` holds before it waits for the client. Cancellation-safe while it waits for input:
    /// the next call goes on where this one was dropped. Who means to drop it flushes `output` first, for a write that is
    /// dropped is the end of a connection.
    pub(crate) async fn next(
        &mut self,
        connection: &mut Connection,
        output: &mut Output,
        bounds: Bounds,
        dialect: Dialect,
    ) -> Result<Frame, ReadError> {
        output.relieve(connection, bounds.write_timeout).await?;
        let grammar = |bytes: &[u8], announced| command(bytes, announced, dialect);
        loop {
            self.read_line(connection, output, bounds).await?;
            if let Some(taken) = self.taken(output, bounds, grammar) {
                return Ok(Frame::from(taken));
            }
        }
    }

    /// Lets the client send the message (`+` if it waits for that). Then exactly `literal.size` octets are to be taken from the
    /// connection ([`Connection::fill`], [`Connection::consume`]), then [`Framer::more`].
    pub(crate) async fn accept(
        &mut self,
        connection: &mut Connection,
        output: &mut Output,
        bounds: Bounds,
        literal: Literal,
    ) -> Result<(), ReadError> {
        if literal.synchronizing {
            output.raw(b"+ Ready for the message\r\n");
        }
        // Whoever takes the message does not know of `output`.
        Ok(output.flush(connection, bounds.write_timeout).await?)
    }

    /// What follows the octets of a literal that stood at `place`: pieces up to the next literal, which then has to be accepted
    /// or refused, or to the end of the command; else why it is none (then skipped to its end, literals too).
    pub(crate) async fn more(
        &mut self,
        connection: &mut Connection,
        output: &mut Output,
        bounds: Bounds,
        dialect: Dialect,
        place: LiteralPlace,
    ) -> Result<Taken<Vec<AppendPiece>>, ReadError> {
        let grammar = |bytes: &[u8], _| append::rest(bytes, dialect, place);
        loop {
            self.read_line(connection, output, bounds).await?;
            if let Some(taken) = self.taken(output, bounds, grammar) {
                return Ok(taken);
            }
        }
    }

    /// Does not take the message: nothing to do when the client waits for `+`; else its octets and the rest of the command are
    /// read and thrown away, in bounded memory and time.
    pub(crate) async fn refuse(
        &mut self,
        connection: &mut Connection,
        output: &mut Output,
        bounds: Bounds,
        literal: Literal,
    ) -> Result<(), ReadError> {
        if literal.synchronizing {
            self.reset();
            return Ok(());
        }
        if literal.size > MAX_SKIPPED {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a message too large to be skipped").into());
        }
        self.literal = literal.size;
        self.fault = Some(REFUSED);
        self.deadline = Some(Instant::now() + bounds.timeout + Duration::from_secs(literal.size / SKIP_RATE));
        loop {
            self.read_line(connection, output, bounds).await?;
            if self.pass().is_some() {
                return Ok(());
            }
        }
    }

    /// Takes the octets of a literal that are to come, then a line: it is the end of `taken`, without its line end.
    async fn read_line(
        &mut self,
        connection: &mut Connection,
        output: &mut Output,
        bounds: Bounds,
    ) -> Result<(), ReadError> {
        loop {
            if connection.buffered().is_empty() {
                output.flush(connection, bounds.write_timeout).await?;
            }
            let now = Instant::now();
            let deadline = self.deadline.unwrap_or(now + bounds.timeout);
            if deadline <= now {
                return Err(ReadError::TimedOut);
            }
            let input = connection.fill(deadline - now).await?;
            if self.deadline.is_none() {
                self.deadline = Some(Instant::now() + bounds.timeout);
                if self.fault.is_none() && input.first() == Some(&TLS_HANDSHAKE) {
                    self.fault = Some(NO_TLS_HERE);
                    return Ok(());
                }
            }
            let (count, whole) = self.take(input, bounds.command);
            connection.consume(count);
            if whole {
                return Ok(());
            }
        }
    }

    /// Takes what of `input` belongs to the current literal or line: how many octets that is, and whether the line is whole.
    fn take(&mut self, input: &[u8], limit: usize) -> (usize, bool) {
        if self.literal > 0 {
            let count = usize::try_from(self.literal).map_or(input.len(), |left| left.min(input.len()));
            self.literal -= count as u64;
            if self.fault.is_none() {
                self.taken.extend(input.iter().take(count));
                self.line = self.taken.len();
            }
            return (count, false);
        }
        let end = memchr::memchr(b'\n', input);
        let count = end.unwrap_or(input.len());
        let piece = input.get(..count).unwrap_or_default();
        // The last octet may be the CR of the line end.
        let room = (limit + 1).saturating_sub(self.taken.len());
        if self.fault.is_none() && count > room {
            self.fail_too_long(limit, piece.get(..room).unwrap_or_default());
        }
        if self.fault.is_some() {
            let tail = piece.get(count.saturating_sub(TAIL)..).unwrap_or_default();
            self.taken.extend_from_slice(tail);
            self.taken.drain(..self.taken.len().saturating_sub(TAIL));
        } else {
            self.taken.extend_from_slice(piece);
        }
        if end.is_none() {
            return (count, false);
        }
        if self.taken.len() > self.line && self.taken.last() == Some(&b'\r') {
            self.taken.pop();
        }
        if self.fault.is_none() && self.taken.len() > limit {
            self.fail_too_long(limit, &[]);
        }
        (count + 1, true)
    }

    /// What came in, if it is whole with the line that was just taken: parsed by `grammar`, with the literal that stands at
    /// its end. Whether a literal is announced is the second argument of `grammar`, which returns `None` when it belongs into
    /// the bytes.
    fn taken<T>(
        &mut self,
        output: &mut Output,
        bounds: Bounds,
        grammar: impl Fn(&[u8], bool) -> Result<Option<T>, ParseError>,
    ) -> Option<Taken<T>> {
        match self.announced() {
            None if self.fault.is_none() => {
                let parsed = grammar(&self.taken, false);
                let parsed =
                    parsed.and_then(|parsed| parsed.ok_or_else(|| self.bad("a literal is missing".to_owned())));
                self.reset();
                Some(parsed.map(|parsed| (parsed, None)))
            }
            None => self.pass().map(Err),
            Some(announced) => match self.judge(announced, bounds, grammar) {
                Ok(Announced::Message(parsed, literal)) => Some(Ok((parsed, Some(literal)))),
                Ok(Announced::Argument(octets)) => {
                    self.taken.extend_from_slice(b"\r\n");
                    self.line = self.taken.len();
                    self.literal = octets;
                    if announced.synchronizing {
                        output.raw(b"+ Ready for the literal\r\n");
                    }
                    None
                }
                Err(fault) => {
                    self.fault = Some(fault);
                    self.pass().map(Err)
                }
            },
        }
    }

    /// What is taken and has `more` behind it is the beginning of a command that is too long.
    fn fail_too_long(&mut self, limit: usize, more: &[u8]) {
        let taken = self.taken.len();
        self.taken.extend_from_slice(more);
        self.fault = Some(self.bad(format!("a command of more than {limit} octets")));
        self.taken.truncate(taken);
        self.taken.drain(..self.line);
        self.line = 0;
    }

    /// What the current line announces.
    fn announced(&self) -> Option<Announcement> {
        literal::announcement(self.taken.get(self.line..).unwrap_or_default())
    }

    /// What the literal announced is, or why it is not wanted.
    fn judge<T>(
        &mut self,
        announced: Announcement,
        bounds: Bounds,
        grammar: impl Fn(&[u8], bool) -> Result<Option<T>, ParseError>,
    ) -> Result<Announced<T>, ParseError> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        if let Some(parsed) = grammar(&self.taken, true)? {
            let size = announced
                .octets
                .ok_or_else(|| self.bad("a literal of more than 63 bits".to_owned()))?;
            self.reset();
            let literal = Literal {
                size,
                synchronizing: announced.synchronizing,
                binary: announced.binary,
            };
            return Ok(Announced::Message(parsed, literal));
        }
        if announced.binary && !parse::takes_binary(&self.taken) {
            return Err(self.bad("only a message can be a binary literal".to_owned()));
        }
        let room = bounds.command.saturating_sub(self.taken.len() + 2) as u64;
        match announced.octets {
            Some(octets) if octets <= room => Ok(Announced::Argument(octets)),
            _ => Err(self.bad(format!(
                "a literal that makes a command of more than {} octets",
                bounds.command
            ))),
        }
    }

    /// Goes on behind a line of a command that is wrong. What is to be answered, once nothing more of it is to come.
    fn pass(&mut self) -> Option<ParseError> {
        let announced = self.announced().filter(|announced| !announced.synchronizing);
        if let Some(announced) = announced {
            match announced.octets {
                Some(octets) if octets <= MAX_SKIPPED => {
                    self.taken.clear();
                    self.line = 0;
                    self.literal = octets;
                    return None;
                }
                _ => self.fault = Some(TOO_MUCH),
            }
        }
        self.reset()
    }

    /// Ready for a command; what was wrong with the one before.
    fn reset(&mut self) -> Option<ParseError> {
        self.taken.clear();
        self.taken.shrink_to(ROOM);
        self.line = 0;
        self.literal = 0;
        self.deadline = None;
        self.fault.take()
    }

    fn bad(&self, text: String) -> ParseError {
        ParseError::Bad {
            tag: parse::tag(&self.taken),
            text,
        }
    }
}

/// What was taken off the connection: parsed, with the literal behind it that is still on the wire; or why it is wrong.
pub(crate) type Taken<T> = Result<(T, Option<Literal>), ParseError>;

impl From<Taken<Command>> for Frame {
    fn from(taken: Taken<Command>) -> Frame {
        match taken {
            Ok((command, None)) => Frame::Command(command),
            Ok((command, Some(literal))) => Frame::Append(command, literal),
            Err(error) => Frame::Invalid(error),
        }
    }
}

/// A command, or the part of it in front of a literal that is `announced`. `None` when that literal is an argument.
fn command(bytes: &[u8], announced: bool, dialect: Dialect) -> Result<Option<Command>, ParseError> {
    if !announced {
        return parse::command(bytes, dialect).map(Some);
    }
    if append::carries_messages(bytes) {
        return parse::until_message(bytes, dialect);
    }
    // What cannot be right is told before the client sends the first literal that it has asked for.
    if memchr::memchr(b'\n', bytes).is_none() && !bytes.ends_with(b"+}") {
        parse::beginning(bytes, dialect)?;
    }
    Ok(None)
}

/// What a literal is for.
enum Announced<T> {
    /// So many octets of an argument.
    Argument(u64),
    /// What APPEND puts into a message, behind what was parsed.
    Message(T, Literal),
}

/// Never told: the answer is in the hands of whoever refused.
const REFUSED: ParseError = ParseError::Hopeless { text: "Refused" };

const NO_TLS_HERE: ParseError = ParseError::Hopeless {
    text: "No TLS on this port without STARTTLS",
};

const TOO_MUCH: ParseError = ParseError::Hopeless {
    text: "A literal too large to be skipped",
};

#[cfg(test)]
mod tests;
