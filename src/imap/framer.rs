//! Cutting the stream into commands: lines joined with their literals (RFC 9051 §4.3, RFC 7888), each bounded, and a
//! message literal of APPEND left on the wire for whoever streams it.

use super::command::Command;
use super::output::Output;
use super::parse::ParseError;
use crate::net::connection::{Connection, ReadError};
use std::time::Duration;

/// The input side of a session.
pub(crate) struct Framer {}

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
    /// APPEND as far as its message, which is not read yet: go on with [`Framer::accept`] or [`Framer::refuse`].
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
}

impl Framer {
    pub(crate) fn new() -> Framer {
        todo!()
    }

    /// The next command. Sends what `output` holds before it waits for the client. Cancellation-safe while nothing of a
    /// command was taken, as [`Connection::read_line`] is.
    pub(crate) async fn next(
        &mut self,
        _connection: &mut Connection,
        _output: &mut Output,
        _bounds: Bounds,
        _utf8: bool,
    ) -> Result<Frame, ReadError> {
        todo!()
    }

    /// Lets the client send the message (`+` if it waits for that). Then exactly `literal.size` octets are to be taken from the
    /// connection ([`Connection::fill`], [`Connection::consume`]), then [`Framer::end`].
    pub(crate) async fn accept(
        &mut self,
        _connection: &mut Connection,
        _output: &mut Output,
        _bounds: Bounds,
        _literal: Literal,
    ) -> Result<(), ReadError> {
        todo!()
    }

    /// The end of APPEND behind its message: the empty rest of a line, else why it is none (then skipped to its end, literals too).
    pub(crate) async fn end(
        &mut self,
        _connection: &mut Connection,
        _output: &mut Output,
        _bounds: Bounds,
    ) -> Result<Result<(), ParseError>, ReadError> {
        todo!()
    }

    /// Does not take the message: nothing to do when the client waits for `+`; else its octets and the rest of the command are
    /// read and thrown away, in bounded memory and time.
    pub(crate) async fn refuse(
        &mut self,
        _connection: &mut Connection,
        _output: &mut Output,
        _bounds: Bounds,
        _literal: Literal,
    ) -> Result<(), ReadError> {
        todo!()
    }
}
