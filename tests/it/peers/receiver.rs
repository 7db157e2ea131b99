//! A mail server that does one thing wrong: at one moment it does what a test wants, and everything else well. Recipients whose
//! name begins with `nobody` it does not know.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use posthaste::net::connection::Connection;
use posthaste::net::tls::{SelfSigned, Tls};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use crate::client::WAIT;

/// When.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Moment {
    /// Instead of the greeting.
    Connect,
    /// EHLO in plain text.
    Ehlo,
    /// STARTTLS.
    StartTls,
    /// EHLO under TLS.
    EhloUnderTls,
    /// MAIL.
    Mail,
    /// RCPT of the first recipient.
    Rcpt,
    /// RCPT of the second one.
    SecondRcpt,
    /// RCPT of one that it does not know.
    Nobody,
    /// DATA.
    Data,
    /// A part of the message has arrived.
    Body,
    /// The message has ended.
    End,
    /// QUIT.
    Quit,
}

/// What.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    /// Says this, and goes on.
    Say(&'static [u8]),
    /// Says this and closes.
    SayAndDrop(&'static [u8]),
    /// Says this again and again, for as long as anybody listens.
    Flood(&'static [u8]),
    /// Says nothing any more.
    Hang,
    /// Closes.
    Drop,
}

/// A running server; it ends when it is dropped.
pub(crate) struct Receiver {
    address: SocketAddr,
    state: Arc<State>,
    _serving: AbortOnDropHandle<()>,
}

struct State {
    pipelining: bool,
    wrong: Mutex<Option<(Moment, Act)>>,
    /// How often it has done what is wrong, or is about to say nothing.
    reached: watch::Sender<usize>,
    seen: Mutex<Seen>,
    tls: Tls,
}

/// What it has seen.
#[derive(Default)]
struct Seen {
    /// Recipients of messages that have ended, whatever it said to that, with the last line.
    ended: Vec<(String, String)>,
    /// Commands under TLS that are none, or lines where none may be.
    strange: Vec<String>,
}

/// A session is over.
struct Over;

impl Receiver {
    /// Offers PIPELINING or not, and STARTTLS when the moment is about that.
    pub(crate) async fn start(pipelining: bool, wrong: Option<(Moment, Act)>) -> anyhow::Result<Receiver> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            pipelining,
            wrong: Mutex::new(wrong),
            reached: watch::Sender::new(0),
            seen: Mutex::default(),
            tls: Tls::from_self_signed(&SelfSigned::generate("mx.example.test")?)?,
        });
        let serving = tokio::spawn({
            let state = state.clone();
            async move {
                while let Ok((tcp, _)) = listener.accept().await {
                    let state = state.clone();
                    let Ok(connection) = Connection::plain(tcp, Some(state.tls.clone())) else {
                        continue;
                    };
                    tokio::spawn(async move {
                        let _ = Session::new(&state, connection).serve().await;
                    });
                }
            }
        });
        Ok(Receiver {
            address,
            state,
            _serving: AbortOnDropHandle::new(serving),
        })
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// From now on it does everything well, but for this. Returns what tells how often it has done so.
    pub(crate) fn be(&self, wrong: Option<(Moment, Act)>) -> watch::Receiver<usize> {
        *self.state.wrong.lock().unwrap() = wrong;
        self.state.reached.send_replace(0);
        self.state.reached.subscribe()
    }

    /// How many messages with this recipient have ended.
    pub(crate) fn ended(&self, recipient: &str) -> usize {
        let seen = self.state.seen.lock().unwrap();
        seen.ended.iter().filter(|(ended, _)| ended == recipient).count()
    }

    /// The last lines of these messages.
    pub(crate) fn last_lines(&self, recipient: &str) -> Vec<String> {
        let seen = self.state.seen.lock().unwrap();
        let ended = seen.ended.iter().filter(|(ended, _)| ended == recipient);
        ended.map(|(_, last)| last.clone()).collect()
    }

    /// What was said that is no command.
    pub(crate) fn strange(&self) -> Vec<String> {
        self.state.seen.lock().unwrap().strange.clone()
    }
}

/// One connection.
struct Session<'a> {
    state: &'a State,
    connection: Connection,
    recipients: Vec<String>,
}

impl<'a> Session<'a> {
    fn new(state: &'a State, connection: Connection) -> Session<'a> {
        Session {
            state,
            connection,
            recipients: Vec::new(),
        }
    }

    async fn serve(mut self) -> Result<(), Over> {
        self.answer(Moment::Connect, "220 mx.example.test ready").await?;
        let mut line = Vec::new();
        loop {
            self.connection
                .read_line(&mut line, 4096, WAIT)
                .await
                .map_err(|_| Over)?;
            let text = String::from_utf8_lossy(&line).into_owned();
            let path = text.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
            match text.get(..4).unwrap_or(&text) {
                "EHLO" => self.hello().await?,
                "STAR" => {
                    if self.answer(Moment::StartTls, "220 2.0.0 go").await? {
                        self.connection.start_tls(WAIT).await.map_err(|_| Over)?;
                    }
                }
                "MAIL" => drop(self.answer(Moment::Mail, "250 2.1.0 ok").await?),
                "RCPT" if path.starts_with("nobody") => {
                    self.answer(Moment::Nobody, "550 5.1.1 nobody of that name").await?;
                }
                "RCPT" => {
                    let moment = match path.starts_with("two@") {
                        true => Moment::SecondRcpt,
                        false => Moment::Rcpt,
                    };
                    if self.answer(moment, "250 2.1.5 ok").await? {
                        self.recipients.push(path);
                    }
                }
                "DATA" if self.recipients.is_empty() => self.say(b"503 5.5.1 nobody\r\n").await?,
                "DATA" => {
                    if self.answer(Moment::Data, "354 go").await? {
                        self.message().await?;
                    }
                }
                "HELO" | "RSET" => {
                    self.recipients.clear();
                    self.say(b"250 2.0.0 ok\r\n").await?;
                }
                "QUIT" => {
                    self.answer(Moment::Quit, "221 2.0.0 bye").await?;
                    return Err(Over);
                }
                _ => {
                    self.state.seen.lock().unwrap().strange.push(text);
                    self.say(b"500 5.5.2 what\r\n").await?;
                }
            }
        }
    }

    async fn hello(&mut self) -> Result<(), Over> {
        let encrypted = self.connection.tls().is_some();
        let about_tls = matches!(self.wrong(), Some((Moment::StartTls | Moment::EhloUnderTls, _)));
        let mut reply = "250-mx.example.test greets\r\n".to_owned();
        if self.state.pipelining {
            reply += "250-PIPELINING\r\n";
        }
        if about_tls && !encrypted {
            reply += "250-STARTTLS\r\n";
        }
        let moment = if encrypted { Moment::EhloUnderTls } else { Moment::Ehlo };
        self.answer(moment, &(reply + "250 ENHANCEDSTATUSCODES"))
            .await
            .map(drop)
    }

    async fn message(&mut self) -> Result<(), Over> {
        let wrong = match self.wrong() {
            Some((Moment::Body, act)) => {
                self.connection.fill(WAIT).await.map_err(|_| Over)?;
                self.act(act).await?;
                true
            }
            _ => false,
        };
        let (mut line, mut last) = (Vec::new(), Vec::new());
        loop {
            self.connection
                .read_line(&mut line, 1 << 20, WAIT)
                .await
                .map_err(|_| Over)?;
            if line == b"." {
                break;
            }
            std::mem::swap(&mut line, &mut last);
        }
        // Whoever has said something in the midst of it has not taken it, even if all of it was sent by then.
        if wrong {
            return Err(Over);
        }
        let last = String::from_utf8_lossy(&last).into_owned();
        let ended = self.recipients.drain(..).map(|recipient| (recipient, last.clone()));
        self.state.seen.lock().unwrap().ended.extend(ended);
        self.answer(Moment::End, "250 2.0.0 taken").await.map(drop)
    }

    fn wrong(&self) -> Option<(Moment, Act)> {
        *self.state.wrong.lock().unwrap()
    }

    /// Answers well, or does at this moment what is wanted; whether it did well.
    async fn answer(&mut self, moment: Moment, good: &str) -> Result<bool, Over> {
        match self.wrong() {
            Some((when, act)) if when == moment => self.act(act).await.map(|()| false),
            _ => self.say(format!("{good}\r\n").as_bytes()).await.map(|()| true),
        }
    }

    async fn act(&mut self, act: Act) -> Result<(), Over> {
        match act {
            Act::Say(text) => {
                self.say(text).await?;
                self.reached();
                Ok(())
            }
            Act::SayAndDrop(text) => {
                self.say(text).await?;
                Err(Over)
            }
            Act::Flood(text) => loop {
                self.say(&text.repeat(100)).await?;
            },
            Act::Hang => {
                self.reached();
                loop {
                    self.connection.fill(WAIT).await.map_err(|_| Over)?;
                    let unread = self.connection.buffered().len();
                    self.connection.consume(unread);
                }
            }
            Act::Drop => Err(Over),
        }
    }

    fn reached(&self) {
        self.state.reached.send_modify(|times| *times += 1);
    }

    async fn say(&mut self, text: &[u8]) -> Result<(), Over> {
        self.connection.write(text, WAIT).await.map_err(|_| Over)
    }
}
