//! The byte stream below a connection: TCP, TLS over it, or a Unix socket.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::{client, server};

/// What is read at a time: the plain text of one full TLS record (RFC 8446 §5.1).
pub(super) const PIECE: usize = 16 * 1024;

/// How a connection is carried at the moment.
pub(super) enum Stream {
    Plain(TcpStream),
    Unix(UnixStream),
    /// Encrypted, and we are the server.
    Tls(Box<server::TlsStream<TcpStream>>),
    /// Encrypted, and we are the client.
    TlsClient(Box<client::TlsStream<TcpStream>>),
    /// A TLS handshake took the socket and failed.
    Gone,
}

impl Stream {
    /// Appends what has arrived to `buffer`; 0 at the end of the stream. The piece passes over the stack, so that a
    /// connection that waits with nothing unread owns no buffer at all: ten thousand idle clients cost nothing here.
    pub(super) fn poll_read(&mut self, buffer: &mut BytesMut, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut piece = [MaybeUninit::<u8>::uninit(); PIECE];
        let mut read = ReadBuf::uninit(&mut piece);
        let polled = match self {
            Stream::Plain(tcp) => Pin::new(tcp).poll_read(cx, &mut read),
            Stream::Unix(unix) => Pin::new(unix).poll_read(cx, &mut read),
            Stream::Tls(tls) => Pin::new(tls.as_mut()).poll_read(cx, &mut read),
            Stream::TlsClient(tls) => Pin::new(tls.as_mut()).poll_read(cx, &mut read),
            Stream::Gone => return Poll::Ready(Ok(0)),
        };
        match polled {
            Poll::Pending => {
                if buffer.is_empty() && buffer.capacity() > 0 {
                    *buffer = BytesMut::new();
                }
                Poll::Pending
            }
            Poll::Ready(Err(error)) => Poll::Ready(ended(error).map(|()| 0)),
            Poll::Ready(Ok(())) => {
                buffer.extend_from_slice(read.filled());
                Poll::Ready(Ok(read.filled().len()))
            }
        }
    }

    /// Writes all and flushes.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Stream::Plain(tcp) => tcp.write_all(bytes).await,
            Stream::Unix(unix) => unix.write_all(bytes).await,
            Stream::Tls(tls) => {
                tls.write_all(bytes).await?;
                tls.flush().await
            }
            Stream::TlsClient(tls) => {
                tls.write_all(bytes).await?;
                tls.flush().await
            }
            Stream::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Ends our direction: close_notify, then FIN.
    pub(super) async fn shutdown(&mut self) -> io::Result<()> {
        match self {
            Stream::Plain(tcp) => tcp.shutdown().await,
            Stream::Unix(unix) => unix.shutdown().await,
            Stream::Tls(tls) => tls.shutdown().await,
            Stream::TlsClient(tls) => tls.shutdown().await,
            Stream::Gone => Ok(()),
        }
    }
}

/// A peer that goes without close_notify, or with a reset, is gone like any other: what it sent was framed by lines
/// and lengths, so a cut cannot pass for an end.
fn ended(error: io::Error) -> io::Result<()> {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Ok(()),
        _ => Err(error),
    }
}
