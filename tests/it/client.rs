//! Raw clients for tests: they send and read exactly what they are told to, and every wait is bounded.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::deflate::Deflate;
use crate::server::DOMAIN;

/// How long a test waits for anything that should happen at once.
pub(crate) const WAIT: Duration = Duration::from_secs(20);

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
        let tls = within("a TLS handshake", connector(versions)?.connect(name, tcp)).await??;
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

/// An IMAP client that makes its own tags.
pub(crate) struct Imap {
    /// For what is not a plain command.
    pub(crate) client: Client,
    commands: u32,
}

impl Imap {
    /// Takes the greeting.
    pub(crate) async fn greeted(mut client: Client) -> anyhow::Result<Imap> {
        let greeting = printable(&client.line().await?);
        ensure!(greeting.starts_with("* OK"), "greeting: {greeting}");
        Ok(Imap { client, commands: 0 })
    }

    /// Sends a command; returns its tag.
    pub(crate) async fn send(&mut self, command: &str) -> anyhow::Result<String> {
        self.commands += 1;
        let tag = format!("t{}", self.commands);
        self.client.send(format!("{tag} {command}\r\n")).await?;
        Ok(tag)
    }

    /// Everything up to the tagged answer: the untagged responses, then the answer without its tag.
    pub(crate) async fn answer(&mut self, tag: &str) -> anyhow::Result<(Vec<String>, String)> {
        let mut untagged = Vec::new();
        loop {
            let response = self.response().await.with_context(|| format!("after {untagged:?}"))?;
            match response.strip_prefix(tag).and_then(|rest| rest.strip_prefix(' ')) {
                Some(answer) => return Ok((untagged, answer.to_owned())),
                None => untagged.push(response),
            }
        }
    }

    /// Runs a command that may fail.
    pub(crate) async fn command(&mut self, command: &str) -> anyhow::Result<(Vec<String>, String)> {
        let tag = self.send(command).await?;
        self.answer(&tag).await.with_context(|| command.to_owned())
    }

    /// Runs a command that must succeed; returns the untagged responses.
    pub(crate) async fn ok(&mut self, command: &str) -> anyhow::Result<Vec<String>> {
        let (untagged, answer) = self.command(command).await?;
        ensure!(answer.starts_with("OK"), "{command}: {untagged:?} {answer}");
        Ok(untagged)
    }

    /// Appends a message; returns the tagged answer.
    pub(crate) async fn append(&mut self, mailbox: &str, arguments: &str, message: &[u8]) -> anyhow::Result<String> {
        let size = message.len();
        let tag = self
            .send(&format!("APPEND \"{mailbox}\" {arguments}{{{size}+}}"))
            .await?;
        self.client.send([message, b"\r\n"].concat()).await?;
        Ok(self.answer(&tag).await?.1)
    }

    /// Begins to idle.
    pub(crate) async fn idle(&mut self) -> anyhow::Result<()> {
        self.send("IDLE").await?;
        let response = self.response().await?;
        ensure!(response.starts_with('+'), "IDLE: {response}");
        Ok(())
    }

    /// Ends IDLE; returns what was pushed before its end and not yet read.
    pub(crate) async fn done(&mut self) -> anyhow::Result<Vec<String>> {
        self.client.send("DONE\r\n").await?;
        let (untagged, answer) = self.answer(&format!("t{}", self.commands)).await?;
        ensure!(answer.starts_with("OK"), "DONE: {answer}");
        Ok(untagged)
    }

    /// The next response, whatever it is.
    pub(crate) async fn response(&mut self) -> anyhow::Result<String> {
        Ok(printable(&self.client.response().await?))
    }

    /// Reads pushes until one of them is `wanted`; returns those before it.
    pub(crate) async fn pushed(&mut self, wanted: &str) -> anyhow::Result<Vec<String>> {
        let mut before = Vec::new();
        loop {
            let response = self
                .response()
                .await
                .with_context(|| format!("waiting for {wanted:?} after {before:?}"))?;
            if response == wanted {
                return Ok(before);
            }
            before.push(response);
        }
    }
}

/// An SMTP client.
pub(crate) struct Smtp {
    /// For what is not a plain command.
    pub(crate) client: Client,
}

impl Smtp {
    /// Takes the greeting and says EHLO.
    pub(crate) async fn greeted(client: Client) -> anyhow::Result<Smtp> {
        let mut smtp = Smtp { client };
        smtp.expect("220").await?;
        smtp.command("EHLO client.test", "250").await?;
        Ok(smtp)
    }

    /// The next reply, its lines joined by LF.
    pub(crate) async fn reply(&mut self) -> anyhow::Result<String> {
        let mut reply = String::new();
        loop {
            let line = printable(&self.client.line().await?);
            let last = line.as_bytes().get(3) != Some(&b'-');
            reply.push_str(&line);
            if last {
                return Ok(reply);
            }
            reply.push('\n');
        }
    }

    /// A reply that must have this code.
    pub(crate) async fn expect(&mut self, code: &str) -> anyhow::Result<String> {
        let reply = self.reply().await?;
        ensure!(reply.starts_with(code), "expected {code}, got {reply}");
        Ok(reply)
    }

    /// Sends a command whose reply must have this code.
    pub(crate) async fn command(&mut self, command: &str, code: &str) -> anyhow::Result<String> {
        self.client.send(format!("{command}\r\n")).await?;
        self.expect(code).await.with_context(|| command.to_owned())
    }

    /// Begins a message for accounts of the test server, up to the 354.
    pub(crate) async fn begin(&mut self, accounts: &[&str]) -> anyhow::Result<()> {
        self.command("MAIL FROM:<sender@client.test>", "250").await?;
        for account in accounts {
            self.command(&format!("RCPT TO:<{account}@{DOMAIN}>"), "250").await?;
        }
        self.command("DATA", "354").await?;
        Ok(())
    }

    /// Sends a whole message that must be accepted; returns the reply.
    pub(crate) async fn deliver(&mut self, accounts: &[&str], message: &[u8]) -> anyhow::Result<String> {
        self.begin(accounts).await?;
        self.client.send(dotted(message)).await?;
        self.expect("250").await
    }

    /// Says goodbye.
    pub(crate) async fn quit(&mut self) -> anyhow::Result<()> {
        self.command("QUIT", "221").await?;
        self.client.end().await
    }
}

/// A message as DATA carries it: dots doubled at the beginning of lines, and the final dot (RFC 5321 §4.5.2).
pub(crate) fn dotted(message: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(message.len() + 8);
    let mut at_start = true;
    for &byte in message {
        if at_start && byte == b'.' {
            wire.push(b'.');
        }
        at_start = byte == b'\n';
        wire.push(byte);
    }
    if !at_start {
        wire.extend_from_slice(b"\r\n");
    }
    wire.extend_from_slice(b".\r\n");
    wire
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

/// A TLS client that takes any certificate: whose it is, is for other tests to check.
fn connector(versions: &[&'static SupportedProtocolVersion]) -> anyhow::Result<TlsConnector> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(versions)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

#[derive(Debug)]
struct AnyCertificate(Arc<rustls::crypto::CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
