//! Raw clients for tests: they send and read exactly what they are told to, and every wait is bounded.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::deflate::Deflate;
use crate::server::DOMAIN;

pub(crate) use imap::Imap;
pub(crate) use managesieve::ManageSieve;
pub(crate) use smtp::{Smtp, dotted};

mod imap;
mod managesieve;
mod smtp;
mod tls;

/// How long a test waits for anything that should happen at once: only what hangs takes so long, however busy the machine.
pub(crate) const WAIT: Duration = Duration::from_secs(120);

/// A connection that reads lines.
pub(crate) struct Client {
    stream: Stream,
    deflate: Option<Deflate>,
    /// Read and not yet taken.
    buffer: Vec<u8>,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Gone,
}

impl Client {
    /// An unencrypted connection.
    pub(crate) async fn connect(address: SocketAddr) -> anyhow::Result<Client> {
        let tcp = within("a connection", TcpStream::connect(address)).await??;
        tcp.set_nodelay(true)?;
        Ok(Client {
            stream: Stream::Plain(tcp),
            deflate: None,
            buffer: Vec::new(),
        })
    }

    /// Encrypts it, whatever the certificate. What the server sent before must have been read.
    pub(crate) async fn start_tls(&mut self) -> anyhow::Result<()> {
        self.start_tls_of(rustls::DEFAULT_VERSIONS).await
    }

    /// As [`Client::start_tls`], with these versions.
    pub(crate) async fn start_tls_of(&mut self, versions: &[&'static SupportedProtocolVersion]) -> anyhow::Result<()> {
        ensure!(
            self.buffer.is_empty(),
            "unread before TLS: {:?}",
            printable(&self.buffer)
        );
        let Stream::Plain(tcp) = std::mem::replace(&mut self.stream, Stream::Gone) else {
            bail!("already encrypted");
        };
        let name = ServerName::try_from("localhost")?;
        let tls = within("a TLS handshake", tls::connector(versions)?.connect(name, tcp)).await??;
        self.stream = Stream::Tls(Box::new(tls));
        Ok(())
    }

    /// Compresses in both directions from here on.
    pub(crate) fn deflate(&mut self) -> anyhow::Result<()> {
        let mut deflate = Deflate::new();
        let arrived = std::mem::take(&mut self.buffer);
        deflate.unpack(&arrived, &mut self.buffer)?;
        self.deflate = Some(deflate);
        Ok(())
    }

    /// No more compression from here on.
    pub(crate) fn inflate(&mut self) {
        self.deflate = None;
    }

    /// What both ends of this TLS connection, and nobody else, can compute (RFC 9266).
    pub(crate) fn exporter(&self) -> anyhow::Result<Vec<u8>> {
        let exporter = self
            .tls()?
            .export_keying_material(vec![0; 32], b"EXPORTER-Channel-Binding", Some(b""))?;
        Ok(exporter)
    }

    /// The certificate that the server has shown, in DER.
    pub(crate) fn certificate(&self) -> anyhow::Result<Vec<u8>> {
        let chain = self.tls()?.peer_certificates().context("no certificate")?;
        Ok(chain.first().context("no certificate")?.to_vec())
    }

    fn tls(&self) -> anyhow::Result<&ClientConnection> {
        match &self.stream {
            Stream::Tls(tls) => Ok(tls.get_ref().1),
            _ => bail!("not encrypted"),
        }
    }

    /// Sends these bytes in one write.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) -> anyhow::Result<()> {
        let packed = match &mut self.deflate {
            Some(deflate) => Some(deflate.pack(bytes.as_ref())?),
            None => None,
        };
        let bytes = packed.as_deref().unwrap_or(bytes.as_ref());
        let sent = async {
            match &mut self.stream {
                Stream::Plain(tcp) => tcp.write_all(bytes).await,
                Stream::Tls(tls) => {
                    tls.write_all(bytes).await?;
                    tls.flush().await
                }
                Stream::Gone => Err(std::io::ErrorKind::NotConnected.into()),
            }
        };
        within("the server to take what is sent", sent).await??;
        Ok(())
    }

    /// The next line, without its CRLF.
    pub(crate) async fn line(&mut self) -> anyhow::Result<Vec<u8>> {
        let end = loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\r\n") {
                break end;
            }
            self.read("a line").await?;
        };
        let mut line: Vec<u8> = self.buffer.drain(..end + 2).collect();
        line.truncate(end);
        Ok(line)
    }

    /// The next IMAP response, literals included, without its last CRLF.
    pub(crate) async fn response(&mut self) -> anyhow::Result<Vec<u8>> {
        let mut response = self.line().await?;
        while let Some(octets) = announced(&response) {
            while self.buffer.len() < octets {
                self.read("a literal").await?;
            }
            response.extend_from_slice(b"\r\n");
            response.extend(self.buffer.drain(..octets));
            response.extend(self.line().await?);
        }
        Ok(response)
    }

    /// Waits for the server to end the connection; anything more that it says is an error.
    pub(crate) async fn end(&mut self) -> anyhow::Result<()> {
        if self.buffer.is_empty() && !self.fill("the end of the connection").await? {
            return Ok(());
        }
        bail!(
            "the server should have ended the connection, but said {:?}",
            printable(&self.buffer)
        )
    }

    /// What has arrived and was not asked for, without waiting.
    pub(crate) fn unread(&mut self) -> &[u8] {
        if let Stream::Plain(tcp) = &self.stream {
            let mut piece = [0; 4096];
            while let Ok(read @ 1..) = tcp.try_read(&mut piece) {
                match &mut self.deflate {
                    Some(deflate) => deflate.unpack(&piece[..read], &mut self.buffer).unwrap(),
                    None => self.buffer.extend_from_slice(&piece[..read]),
                }
            }
        }
        &self.buffer
    }

    /// Ends it without a goodbye; with `reset`, by RST.
    pub(crate) fn vanish(self, reset: bool) -> anyhow::Result<()> {
        let tcp = match &self.stream {
            Stream::Plain(tcp) => tcp,
            Stream::Tls(tls) => tls.get_ref().0,
            Stream::Gone => return Ok(()),
        };
        if reset {
            socket2::SockRef::from(tcp).set_linger(Some(Duration::ZERO))?;
        }
        Ok(())
    }

    async fn read(&mut self, what: &str) -> anyhow::Result<()> {
        if !self.fill(what).await? {
            let unread = printable(&self.buffer);
            bail!("the server ended the connection instead of {what}; unread: {unread:?}");
        }
        Ok(())
    }

    /// Reads more; `false` at the end of the connection.
    async fn fill(&mut self, what: &str) -> anyhow::Result<bool> {
        let before = self.buffer.len();
        let mut packed = Vec::new();
        let into = match self.deflate {
            Some(_) => &mut packed,
            None => &mut self.buffer,
        };
        let read = async {
            match &mut self.stream {
                Stream::Plain(tcp) => tcp.read_buf(into).await,
                Stream::Tls(tls) => tls.read_buf(into).await,
                Stream::Gone => Ok(0),
            }
        };
        let read = tokio::time::timeout(WAIT, read).await;
        if let Some(deflate) = &mut self.deflate {
            deflate.unpack(&packed, &mut self.buffer)?;
        }
        match read {
            Ok(Ok(read)) => Ok(read > 0),
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
            Ok(Err(error)) => Err(error).with_context(|| format!("waiting for {what}")),
            Err(_) => bail!(
                "no {what} within {WAIT:?}; unread: {:?}",
                printable(&self.buffer[..before])
            ),
        }
    }
}

/// A small message with this subject.
pub(crate) fn message(subject: &str) -> String {
    format!("From: sender@client.test\r\nTo: alice@{DOMAIN}\r\nSubject: {subject}\r\n\r\n{subject}\r\n")
}

/// Bytes as text; what is no UTF-8 becomes `\xNN`.
pub(crate) fn printable(bytes: &[u8]) -> String {
    bytes
        .utf8_chunks()
        .fold(String::with_capacity(bytes.len()), |mut text, chunk| {
            text.push_str(chunk.valid());
            for byte in chunk.invalid() {
                text.push_str(&format!("\\x{byte:02x}"));
            }
            text
        })
}

/// Waits at most [`WAIT`].
pub(crate) async fn within<F: Future>(what: &str, future: F) -> anyhow::Result<F::Output> {
    tokio::time::timeout(WAIT, future)
        .await
        .with_context(|| format!("waited {WAIT:?} for {what}"))
}

/// The octets of the literal that a line ends with (RFC 9051 §4.3).
fn announced(line: &[u8]) -> Option<usize> {
    let inner = line.strip_suffix(b"}")?;
    let digits = &inner[inner.iter().rposition(|&byte| byte == b'{')? + 1..];
    std::str::from_utf8(digits).ok()?.parse().ok()
}
