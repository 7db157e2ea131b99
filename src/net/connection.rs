//! One client connection: a byte stream, plain or TLS, behind one read buffer for its whole life.

use std::net::SocketAddr;
use std::time::Duration;

/// A connection. Reads are cancellation-safe: what was read stays in the buffer when a read is dropped.
pub struct Connection {}

/// Why reading ended.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The peer closed the connection (or the handshake of TLS closure).
    #[error("closed by peer")]
    Closed,
    /// Nothing complete arrived in time.
    #[error("timed out")]
    TimedOut,
    /// The line is longer than the limit. It has been skipped up to and including its line end if `skipped`, so that
    /// the session can answer and go on.
    #[error("line too long")]
    LineTooLong,
    /// The system says so.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// How a line ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LineEnd {
    /// CRLF, as every standard wants.
    CrLf,
    /// A bare LF. SMTP refuses it, IMAP takes it.
    Lf,
}

impl Connection {
    /// Whose connection it is.
    pub fn peer(&self) -> SocketAddr {
        todo!()
    }

    /// Our end.
    pub fn local(&self) -> SocketAddr {
        todo!()
    }

    /// Whether it is encrypted; then protocol version and cipher suite, for Received and logs.
    pub fn tls(&self) -> Option<TlsInfo> {
        todo!()
    }

    /// Reads one line into `line` (cleared first, line end not included), waiting at most `timeout`. At most `limit`
    /// bytes without the line end. The line may hold any byte but LF, bare CR included.
    pub async fn read_line(
        &mut self,
        _line: &mut Vec<u8>,
        _limit: usize,
        _timeout: Duration,
    ) -> Result<LineEnd, ReadError> {
        todo!()
    }

    /// What has arrived and is not yet consumed, waiting for at least one byte at most `timeout`. For literals and DATA: look, then
    /// [`Connection::consume`].
    pub async fn fill(&mut self, _timeout: Duration) -> Result<&[u8], ReadError> {
        todo!()
    }

    /// Takes `n` bytes off the front of the buffer.
    pub fn consume(&mut self, _n: usize) {
        todo!()
    }

    /// What has arrived and is not yet consumed, without waiting: whether the client has pipelined more.
    pub fn buffered(&self) -> &[u8] {
        todo!()
    }

    /// Writes all of `bytes` and flushes, waiting at most `timeout` for the peer to take them.
    pub async fn write(&mut self, _bytes: &[u8], _timeout: Duration) -> std::io::Result<()> {
        todo!()
    }

    /// Turns a plain connection into a TLS one as the server (after the reply that allows it was written). What the
    /// client pipelined behind STARTTLS in plain text is thrown away, never taken as encrypted (RFC 3207 §5, CVE-2011-0411).
    pub async fn start_tls(&mut self, _timeout: Duration) -> std::io::Result<()> {
        todo!()
    }

    /// Whether [`Connection::start_tls`] can be offered: a certificate is configured and TLS is not on yet.
    pub fn can_start_tls(&self) -> bool {
        todo!()
    }

    /// Says goodbye at the TLS and TCP level. Best effort, bounded in time.
    pub async fn close(self) {
        todo!()
    }
}

/// What is known of an encrypted connection.
#[derive(Clone, Copy, Debug)]
pub struct TlsInfo {
    /// Such as `TLSv1.3`.
    pub version: &'static str,
    /// Such as `TLS_AES_256_GCM_SHA384`.
    pub cipher: &'static str,
}
