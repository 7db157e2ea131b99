//! A server that does what a test tells it: a good one, but for what its script says.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use crate::net::connection::Connection;
use crate::net::tls::{SelfSigned, Tls};

const SOON: Duration = Duration::from_secs(20);

/// What is done instead of what a good server does.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Says this, octet for octet.
    Say(&'static str),
    /// Closes the connection.
    Drop,
    /// Says nothing any more.
    Hang,
    /// Says this and closes.
    SayAndDrop(&'static str),
}

/// One answer of the script: to a line that begins so (`connect`, `.` for the end of a message, `body` when the message
/// begins), and how often.
pub(crate) type Line = (&'static str, usize, Act);

/// A running server; it ends when it is dropped.
pub(crate) struct Peer {
    address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    _serving: AbortOnDropHandle<()>,
}

/// What it has seen.
#[derive(Default)]
pub(crate) struct Seen {
    /// Every line outside of messages; `connect` for a connection, `tls` for a handshake.
    pub(crate) lines: Vec<String>,
    /// Messages that ended, as they came, dots and all.
    pub(crate) messages: Vec<Vec<u8>>,
}

struct World {
    offers: &'static str,
    script: Mutex<Vec<Line>>,
    seen: Arc<Mutex<Seen>>,
    tls: Tls,
}

impl Peer {
    /// Offers these extensions, separated by `|`.
    pub(crate) async fn start(offers: &'static str, script: &[Line]) -> Peer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Mutex<Seen>>::default();
        let world = Arc::new(World {
            offers,
            script: Mutex::new(script.to_vec()),
            seen: seen.clone(),
            tls: Tls::from_self_signed(&SelfSigned::generate("mx.example.test").unwrap()).unwrap(),
        });
        Peer {
            address,
            seen,
            _serving: AbortOnDropHandle::new(tokio::spawn(async move {
                while let Ok((tcp, _)) = listener.accept().await {
                    let world = world.clone();
                    tokio::spawn(async move {
                        let connection = Connection::plain(tcp, Some(world.tls.clone())).unwrap();
                        world.serve(connection).await;
                    });
                }
            })),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lines that it has seen which begin so.
    pub(crate) fn lines(&self, prefix: &str) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        seen.lines
            .iter()
            .filter(|line| line.starts_with(prefix))
            .cloned()
            .collect()
    }

    /// Messages that it has seen.
    pub(crate) fn messages(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        seen.messages
            .iter()
            .map(|message| String::from_utf8_lossy(message).into_owned())
            .collect()
    }
}

impl World {
    /// Until the client goes, or the script wants it. `None` is the end.
    async fn serve(&self, mut connection: Connection) -> Option<()> {
        self.answer(&mut connection, "connect", "220 mx.example.test ready\r\n".to_owned())
            .await?;
        let (mut line, mut recipients) = (Vec::new(), 0);
        loop {
            connection.read_line(&mut line, 4096, SOON).await.ok()?;
            let text = String::from_utf8_lossy(&line).into_owned();
            let verb = text.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            match &*verb {
                "EHLO" => {
                    let mut offers: Vec<&str> = self.offers.split('|').filter(|offer| !offer.is_empty()).collect();
                    offers.retain(|offer| *offer != "STARTTLS" || connection.tls().is_none());
                    let all = [&["mx.example.test greets"], &offers[..]].concat();
                    let (last, before) = all.split_last().unwrap();
                    let reply: String = before.iter().map(|one| format!("250-{one}\r\n")).collect();
                    self.answer(&mut connection, &text, format!("{reply}250 {last}\r\n"))
                        .await?;
                }
                "STARTTLS" => {
                    self.answer(&mut connection, &text, "220 2.0.0 go\r\n".to_owned())
                        .await?;
                    connection.start_tls(SOON).await.ok()?;
                    self.saw("tls");
                }
                "RCPT" => {
                    if self
                        .answer(&mut connection, &text, "250 2.1.5 ok\r\n".to_owned())
                        .await?
                    {
                        recipients += 1;
                    }
                }
                "DATA" if recipients > 0 => {
                    let good = "354 go\r\n".to_owned();
                    if self.answer(&mut connection, &text, good).await? {
                        self.message(&mut connection).await?;
                        recipients = 0;
                    }
                }
                "AUTH" => drop(
                    self.answer(&mut connection, &text, "235 2.7.0 ok\r\n".to_owned())
                        .await?,
                ),
                "QUIT" => {
                    self.answer(&mut connection, &text, "221 2.0.0 bye\r\n".to_owned())
                        .await?;
                    connection.close().await;
                    return None;
                }
                "RSET" => {
                    recipients = 0;
                    self.answer(&mut connection, &text, "250 2.0.0 ok\r\n".to_owned())
                        .await?;
                }
                "HELO" | "MAIL" => drop(
                    self.answer(&mut connection, &text, "250 2.1.0 ok\r\n".to_owned())
                        .await?,
                ),
                _ => drop(
                    self.answer(&mut connection, &text, "503 5.5.1 what\r\n".to_owned())
                        .await?,
                ),
            }
        }
    }

    async fn message(&self, connection: &mut Connection) -> Option<()> {
        if self.scripted("body").is_some() {
            // In the middle of it.
            connection.fill(SOON).await.ok()?;
            return None;
        }
        let (mut message, mut line) = (Vec::new(), Vec::new());
        loop {
            let end = connection.read_line(&mut line, 1 << 20, SOON).await.ok()?;
            if line == b"." {
                break;
            }
            message.extend_from_slice(&line);
            message.extend_from_slice(if end == crate::net::connection::LineEnd::CrLf {
                b"\r\n"
            } else {
                b"\n"
            });
        }
        self.seen.lock().unwrap().messages.push(message);
        self.answer(connection, ".", "250 2.0.0 queued as 1\r\n".to_owned())
            .await?;
        Some(())
    }

    /// Answers as the script says, or else well; whether it did the latter.
    async fn answer(&self, connection: &mut Connection, line: &str, good: String) -> Option<bool> {
        self.saw(line);
        match self.scripted(line) {
            None => {
                connection.write(good.as_bytes(), SOON).await.ok()?;
                Some(true)
            }
            Some(Act::Say(text)) => {
                connection.write(text.as_bytes(), SOON).await.ok()?;
                Some(text.starts_with('2'))
            }
            Some(Act::SayAndDrop(text)) => {
                connection.write(text.as_bytes(), SOON).await.ok()?;
                None
            }
            Some(Act::Drop) => None,
            Some(Act::Hang) => {
                while connection.fill(SOON).await.is_ok() {
                    let unread = connection.buffered().len();
                    connection.consume(unread);
                }
                None
            }
        }
    }

    fn saw(&self, line: &str) {
        self.seen.lock().unwrap().lines.push(line.to_owned());
    }

    fn scripted(&self, line: &str) -> Option<Act> {
        let mut script = self.script.lock().unwrap();
        let (_, times, act) = script
            .iter_mut()
            .find(|(prefix, times, _)| *times > 0 && line.starts_with(prefix))?;
        *times -= 1;
        Some(act.clone())
    }
}
