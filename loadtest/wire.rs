//! One connection to the server, plain or TLS, with the buffer that answers are framed in.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use crate::target::{Endpoint, Security, Target};

/// What is read at a time while an answer is under way.
const PIECE: usize = 64 * 1024;
/// What is read first: this tool holds thousands of connections that are told a line now and then.
const SMALL_PIECE: usize = 4 * 1024;

/// A connection.
pub(crate) struct Wire {
    stream: Option<Stream>,
    /// What has arrived and was not taken yet.
    pub(crate) buffer: BytesMut,
    patience: Duration,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Wire {
    /// Connects, and encrypts at once when TLS is implicit.
    pub(crate) async fn connect(target: &Target, endpoint: Endpoint) -> Result<Wire> {
        let tcp = timeout(target.patience, TcpStream::connect(endpoint.address))
            .await
            .context("connecting took too long")?
            .with_context(|| format!("cannot connect to {}", endpoint.address))?;
        tcp.set_nodelay(true)?;
        let mut wire = Wire {
            stream: Some(Stream::Plain(tcp)),
            buffer: BytesMut::new(),
            patience: target.patience,
        };
        if endpoint.security == Security::Implicit {
            wire.start_tls(target).await?;
        }
        Ok(wire)
    }

    /// Encrypts. Fails when the server has sent more than it was asked for.
    pub(crate) async fn start_tls(&mut self, target: &Target) -> Result<()> {
        ensure!(self.buffer.is_empty(), "the server spoke before TLS began");
        let Some(Stream::Plain(tcp)) = self.stream.take() else {
            anyhow::bail!("encrypted already");
        };
        let (connector, name) = target.tls()?;
        let tls = timeout(self.patience, connector.connect(name, tcp))
            .await
            .context("the TLS handshake took too long")?
            .context("the TLS handshake failed")?;
        self.stream = Some(Stream::Tls(Box::new(tls)));
        Ok(())
    }

    /// Sends all.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        let writing = async {
            match &mut self.stream {
                Some(Stream::Plain(tcp)) => tcp.write_all(bytes).await,
                Some(Stream::Tls(tls)) => {
                    tls.write_all(bytes).await?;
                    tls.flush().await
                }
                None => Err(std::io::ErrorKind::NotConnected.into()),
            }
        };
        timeout(self.patience, writing)
            .await
            .context("the server does not read")?
            .context("sending failed")
    }

    /// Waits, however long, until more has arrived. Cancelled, it loses nothing.
    pub(crate) async fn fill(&mut self) -> Result<()> {
        let piece = if self.buffer.is_empty() { SMALL_PIECE } else { PIECE };
        let read = match &mut self.stream {
            Some(Stream::Plain(tcp)) => {
                tcp.readable().await?;
                self.buffer.reserve(piece);
                match tcp.try_read_buf(&mut self.buffer) {
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(()),
                    read => read,
                }
            }
            Some(Stream::Tls(tls)) => {
                self.buffer.reserve(piece);
                tls.read_buf(&mut self.buffer).await
            }
            None => Err(std::io::ErrorKind::NotConnected.into()),
        };
        ensure!(read.context("receiving failed")? > 0, "closed by the server");
        Ok(())
    }

    /// [`Wire::fill`], but not longer than an answer may take.
    pub(crate) async fn fill_in_time(&mut self) -> Result<()> {
        timeout(self.patience, self.fill()).await.context("no answer in time")?
    }
}
