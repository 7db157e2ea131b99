//! One connection, mostly a client's: a byte stream, plain or TLS, perhaps compressed, behind one read buffer for its whole life.
//!
//! All input of a session passes through this buffer: lines, literals, message data, DONE. So nothing that a client
//! pipelines can be lost between two readers, and one place (STARTTLS) can throw away what arrived unencrypted.
//!
//! Invariants: the buffer never holds more than the line limit asked for plus one piece of the stream; a read that is
//! dropped loses nothing.

use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::task::Poll;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, timeout, timeout_at};

use super::binding::ChannelBindings;
use super::deflate::Deflate;
use super::stream::Stream;
use super::tls::{self, Encrypted, Tls};
use super::tls_client::{TlsClient, TlsFailure, Verification};

/// How long [`Connection::close`] waits for the goodbye to leave, and then for the peer to close its side.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// A connection. Reads are cancellation-safe: what was read stays in the buffer when a read is dropped.
pub struct Connection {
    stream: Stream,
    /// Once [`Connection::compress`] was called.
    deflate: Option<Box<Deflate>>,
    peer: SocketAddr,
    local: SocketAddr,
    /// What STARTTLS would use.
    offer: Option<Tls>,
    encrypted: Option<Encrypted>,
    buffer: BytesMut,
    /// Bytes at the front of `buffer` that are known to hold no LF, so that a line that arrives byte by byte is not
    /// searched again and again.
    scanned: usize,
    /// An over-long line is being thrown away.
    skipping: bool,
}

/// Why reading ended.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The peer closed the connection, or it broke.
    #[error("closed by peer")]
    Closed,
    /// Nothing complete arrived in time.
    #[error("timed out")]
    TimedOut,
    /// The line is longer than the limit. It has been thrown away up to and including its line end, so that the session
    /// can answer and go on with the next.
    #[error("line too long")]
    LineTooLong,
    /// The system says so.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// How a line ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LineEnd {
    /// CRLF, as every standard wants.
    CrLf,
    /// A bare LF. SMTP refuses it, IMAP takes it.
    Lf,
}

/// What is known of an encrypted connection.
#[derive(Clone, Copy, Debug)]
pub struct TlsInfo {
    /// Such as `TLSv1.3`.
    pub version: &'static str,
    /// Such as `TLS_AES_256_GCM_SHA384`.
    pub cipher: &'static str,
}

/// Whose connection it is and where it arrived, as a proxy says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ends {
    /// The client.
    pub peer: SocketAddr,
    /// The server, as the client sees it.
    pub local: SocketAddr,
}

impl Connection {
    /// An unencrypted connection. With `offer`, [`Connection::start_tls`] can encrypt it later.
    pub fn plain(tcp: TcpStream, offer: Option<Tls>) -> io::Result<Connection> {
        let (peer, local) = (tcp.peer_addr()?, tcp.local_addr()?);
        Ok(Connection::new(Stream::Plain(tcp), peer, local, offer, None))
    }

    /// A connection that begins with a TLS handshake (implicit TLS, RFC 8314 §3), which must end in time.
    pub async fn accept_tls(tcp: TcpStream, tls: &Tls, timeout: Duration) -> io::Result<Connection> {
        let (peer, local) = (tcp.peer_addr()?, tcp.local_addr()?);
        let (stream, encrypted) = tls.accept(tcp, timeout).await?;
        let stream = Stream::Tls(Box::new(stream));
        Ok(Connection::new(stream, peer, local, None, Some(encrypted)))
    }

    fn new(
        stream: Stream,
        peer: SocketAddr,
        local: SocketAddr,
        offer: Option<Tls>,
        encrypted: Option<Encrypted>,
    ) -> Connection {
        Connection {
            stream,
            deflate: None,
            peer: canonical(peer),
            local: canonical(local),
            offer,
            encrypted,
            buffer: BytesMut::new(),
            scanned: 0,
            skipping: false,
        }
    }

    /// A connection over a Unix socket: both ends are this machine, on no port.
    pub fn unix(unix: UnixStream) -> Connection {
        let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Connection::new(Stream::Unix(unix), here, here, None, None)
    }

    /// The same connection, which a proxy made for somebody.
    pub fn proxied(self, ends: Ends) -> Connection {
        Connection {
            peer: canonical(ends.peer),
            local: canonical(ends.local),
            ..self
        }
    }

    /// Whose connection it is.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Our end.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Whether it is encrypted; then protocol version and cipher suite, for Received and logs.
    pub fn tls(&self) -> Option<TlsInfo> {
        self.encrypted.as_ref().map(|encrypted| encrypted.info)
    }

    /// What a login on this connection can be bound to; `None` without TLS 1.3.
    pub fn channel_bindings(&self) -> Option<ChannelBindings> {
        match (&self.stream, &self.encrypted) {
            (Stream::Tls(stream), Some(encrypted)) => tls::bindings(stream.get_ref().1, encrypted),
            (Stream::TlsClient(stream), Some(encrypted)) => tls::bindings(stream.get_ref().1, encrypted),
            _ => None,
        }
    }

    /// Reads one line into `line` (cleared first, line end not included), waiting at most `timeout` for all of it. At
    /// most `limit` bytes without the line end. The line may hold any byte but LF, bare CR included.
    ///
    /// A longer line is thrown away as it arrives, within the same time, and reported when its end was seen.
    pub async fn read_line(
        &mut self,
        line: &mut Vec<u8>,
        limit: usize,
        timeout: Duration,
    ) -> Result<LineEnd, ReadError> {
        line.clear();
        if let Some(taken) = self.take_line(line, limit) {
            return taken;
        }
        let deadline = Instant::now() + timeout;
        loop {
            self.read_more(deadline).await?;
            if let Some(taken) = self.take_line(line, limit) {
                return taken;
            }
        }
    }

    /// A line out of the buffer, if it holds a whole one.
    fn take_line(&mut self, line: &mut Vec<u8>, limit: usize) -> Option<Result<LineEnd, ReadError>> {
        let unseen = self.buffer.get(self.scanned..).unwrap_or_default();
        let Some(at) = memchr::memchr(b'\n', unseen).map(|at| at + self.scanned) else {
            // The CR of a line that just fits may be there already.
            if self.skipping || self.buffer.len() > limit + 1 {
                self.skipping = true;
                self.consume(self.buffer.len());
            }
            self.scanned = self.buffer.len();
            return None;
        };
        let whole = &self.buffer[..at];
        let (text, end) = match whole.strip_suffix(b"\r") {
            Some(text) => (text, LineEnd::CrLf),
            None => (whole, LineEnd::Lf),
        };
        let too_long = std::mem::take(&mut self.skipping) || text.len() > limit;
        if !too_long {
            line.extend_from_slice(text);
        }
        self.consume(at + 1);
        Some(if too_long { Err(ReadError::LineTooLong) } else { Ok(end) })
    }

    /// What has arrived and is not yet consumed, waiting for at least one byte at most `timeout`. For literals and DATA:
    /// look, then [`Connection::consume`].
    pub async fn fill(&mut self, timeout: Duration) -> Result<&[u8], ReadError> {
        if self.buffer.is_empty() {
            self.read_more(Instant::now() + timeout).await?;
        }
        Ok(&self.buffer)
    }

    /// Takes `n` bytes off the front of the buffer.
    pub fn consume(&mut self, n: usize) {
        self.buffer.advance(n.min(self.buffer.len()));
        self.scanned = 0;
    }

    /// What has arrived and is not yet consumed, without waiting: whether the client has pipelined more.
    pub fn buffered(&self) -> &[u8] {
        &self.buffer
    }

    /// Whether anything has arrived that is not yet consumed, without waiting. The end of the connection is nothing: the next
    /// read tells of it.
    pub async fn has_input(&mut self) -> bool {
        if !self.buffer.is_empty() {
            return true;
        }
        let looked = poll_fn(|cx| {
            let read = match &mut self.deflate {
                None => self.stream.poll_read(&mut self.buffer, cx),
                Some(deflate) => deflate.poll_read(&mut self.stream, &mut self.buffer, cx),
            };
            Poll::Ready(matches!(read, Poll::Ready(Ok(1..))))
        });
        looked.await
    }

    async fn read_more(&mut self, deadline: Instant) -> Result<(), ReadError> {
        let read = poll_fn(|cx| match &mut self.deflate {
            None => self.stream.poll_read(&mut self.buffer, cx),
            Some(deflate) => deflate.poll_read(&mut self.stream, &mut self.buffer, cx),
        });
        match timeout_at(deadline, read).await {
            Err(_) => Err(ReadError::TimedOut),
            Ok(Err(error)) => Err(ReadError::Io(error)),
            Ok(Ok(0)) => Err(ReadError::Closed),
            Ok(Ok(_)) => Ok(()),
        }
    }

    /// Writes all of `bytes` and flushes, waiting at most `limit` for the peer to take them. A write that failed or was
    /// dropped leaves the stream in the middle of something: the connection is of no more use.
    pub async fn write(&mut self, bytes: &[u8], limit: Duration) -> io::Result<()> {
        match &mut self.deflate {
            None => timeout(limit, self.stream.write(bytes)).await?,
            Some(deflate) => timeout(limit, self.stream.write(&deflate.deflate(bytes))).await?,
        }
    }

    /// Turns a plain connection into a TLS one as the server (after the reply that allows it was written). What the
    /// client pipelined behind STARTTLS in plain text is thrown away, never taken as encrypted (RFC 3207 §5,
    /// CVE-2011-0411). After an error the connection is of no more use.
    pub async fn start_tls(&mut self, timeout: Duration) -> io::Result<()> {
        let Some(tls) = self.offer.take() else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        self.buffer = BytesMut::new();
        self.scanned = 0;
        self.skipping = false;
        match std::mem::replace(&mut self.stream, Stream::Gone) {
            Stream::Plain(tcp) => {
                let (stream, encrypted) = tls.accept(tcp, timeout).await?;
                self.stream = Stream::Tls(Box::new(stream));
                self.encrypted = Some(encrypted);
                Ok(())
            }
            other => {
                self.stream = other;
                Err(io::ErrorKind::Unsupported.into())
            }
        }
    }

    /// Turns a plain connection that we have made into a TLS one (after the reply that allows it was read): with a server
    /// of this name, whose certificate must be as wanted. What the server sent behind that reply in plain text is never
    /// taken as encrypted: with anything left in the buffer it fails (RFC 3207 §5). After an error the connection is of no more use.
    pub async fn start_tls_as_client(
        &mut self,
        tls: &TlsClient,
        name: &str,
        wanted: Verification,
        timeout: Duration,
    ) -> Result<(), TlsFailure> {
        if !self.buffer.is_empty() {
            return Err(TlsFailure::Handshake("plain text behind STARTTLS".to_owned()));
        }
        match std::mem::replace(&mut self.stream, Stream::Gone) {
            Stream::Plain(tcp) => {
                let (stream, encrypted) = tls.connect(tcp, name, wanted, timeout).await?;
                self.stream = Stream::TlsClient(Box::new(stream));
                self.encrypted = Some(encrypted);
                Ok(())
            }
            _ => Err(TlsFailure::Handshake("encrypted already".to_owned())),
        }
    }

    /// Compresses from here on in both directions (RFC 4978), between TLS and what is said, or no more (RFC 8437 §4.1). What
    /// the client has pipelined is compressed already, or no more.
    pub fn compress(&mut self, on: bool) {
        let pipelined = match self.deflate.take() {
            Some(deflate) => deflate.into_rest(),
            None => std::mem::take(&mut self.buffer),
        };
        match on {
            true => self.deflate = Some(Box::new(Deflate::new(pipelined))),
            false => self.buffer.unsplit(pipelined),
        }
        self.scanned = 0;
    }

    /// Whether it is.
    pub fn is_compressed(&self) -> bool {
        self.deflate.is_some()
    }

    /// For a connection that will be quiet for long: gives back what only a busy one needs.
    pub fn rest(&mut self) {
        if let Some(deflate) = &mut self.deflate {
            deflate.rest();
        }
    }

    /// Whether [`Connection::start_tls`] can be offered: a certificate is configured and TLS is not on yet.
    pub fn can_start_tls(&self) -> bool {
        self.offer.is_some() && self.encrypted.is_none() && self.deflate.is_none()
    }

    /// Says goodbye at the TLS and TCP level. Best effort, bounded in time.
    ///
    /// Closing a socket with unread input makes the kernel send a reset, which can destroy the last reply on its way; so
    /// what still comes in is read and thrown away for a moment.
    pub async fn close(mut self) {
        if let Ok(Ok(())) = timeout(CLOSE_TIMEOUT, self.stream.shutdown()).await {
            let deadline = Instant::now() + CLOSE_TIMEOUT;
            while self.read_more(deadline).await.is_ok() {
                self.buffer.clear();
            }
        }
    }
}

/// An IPv4 client of a dual-stack socket is an IPv4 client.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    async fn pair() -> (TcpStream, Connection) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        (client, Connection::plain(server, None).unwrap())
    }

    #[tokio::test]
    async fn lines_end_as_they_end_and_hold_what_they_hold() {
        let (mut client, mut connection) = pair().await;
        client.write_all(b"one\r\ntwo\n\r\na\rb\0\r\r\nrest").await.unwrap();
        let mut line = Vec::new();
        for (text, end) in [
            (&b"one"[..], LineEnd::CrLf),
            (b"two", LineEnd::Lf),
            (b"", LineEnd::CrLf),
            (b"a\rb\0\r", LineEnd::CrLf),
        ] {
            assert_eq!(connection.read_line(&mut line, 5, SOON).await.unwrap(), end);
            assert_eq!(line, text);
        }
        drop(client);
        let gone = connection.read_line(&mut line, 5, SOON).await;
        assert!(matches!(gone, Err(ReadError::Closed)));
    }

    #[tokio::test]
    async fn an_over_long_line_is_skipped_to_its_end_in_bounded_memory() {
        let (mut client, mut connection) = pair().await;
        let writer = tokio::spawn(async move {
            client.write_all(&vec![b'x'; 3_000_000]).await.unwrap();
            client.write_all(b"\r\n12345678\r\n123456789\r\nok\r\n").await.unwrap();
            client
        });
        let mut line = Vec::new();
        let limit = 8;
        assert!(matches!(
            connection.read_line(&mut line, limit, SOON).await,
            Err(ReadError::LineTooLong)
        ));
        assert!(line.capacity() < 1000 && connection.buffer.capacity() < 200_000);
        connection.read_line(&mut line, limit, SOON).await.unwrap();
        assert_eq!(line, b"12345678");
        assert!(matches!(
            connection.read_line(&mut line, limit, SOON).await,
            Err(ReadError::LineTooLong)
        ));
        connection.read_line(&mut line, limit, SOON).await.unwrap();
        assert_eq!(line, b"ok");
        writer.await.unwrap();
    }

    #[tokio::test]
    async fn a_read_that_is_dropped_loses_nothing() {
        let (mut client, mut connection) = pair().await;
        let mut line = Vec::new();
        for (index, byte) in b"hello".iter().enumerate() {
            client.write_all(&[*byte]).await.unwrap();
            // Reads are dropped again and again, the last of them after it has taken the byte in.
            while connection.buffered().len() <= index {
                let read = connection.read_line(&mut line, 80, SOON);
                tokio::select! {
                    biased;
                    _ = read => unreachable!("no line yet"),
                    () = tokio::task::yield_now() => {}
                }
            }
        }
        client.write_all(b"\r\n").await.unwrap();
        connection.read_line(&mut line, 80, SOON).await.unwrap();
        assert_eq!(line, b"hello");
    }

    #[tokio::test]
    async fn waiting_with_nothing_unread_holds_no_buffer() {
        let (mut client, mut connection) = pair().await;
        client.write_all(&[b'x'; 10_000]).await.unwrap();
        let mut seen = 0;
        while seen < 10_000 {
            let n = connection.fill(SOON).await.unwrap().len();
            connection.consume(n);
            seen += n;
        }
        let waited = connection.fill(Duration::ZERO).await.map(<[u8]>::len);
        assert!(matches!(waited, Err(ReadError::TimedOut)));
        assert_eq!(connection.buffer.capacity(), 0);
    }

    #[tokio::test]
    async fn the_last_reply_arrives_although_input_was_left_unread() {
        let (mut client, mut connection) = pair().await;
        client.write_all(&[b'x'; 100_000]).await.unwrap();
        connection.fill(SOON).await.unwrap();
        connection.write(b"goodbye\r\n", SOON).await.unwrap();
        let closing = tokio::spawn(connection.close());
        let mut said = Vec::new();
        client.read_to_end(&mut said).await.unwrap();
        assert_eq!(said, b"goodbye\r\n");
        drop(client);
        closing.await.unwrap();
    }
}
