//! A client of SMTP (RFC 5321) that measures.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use memchr::memchr;

use crate::message::Message;
use crate::target::{Account, Security, Target};
use crate::wire::Wire;

/// A reply may have so many lines.
const MAX_REPLY_LINES: usize = 100;
/// The clock starts when this many last octets of a message are about to leave: the time that a large body takes on its
/// way is not the server's.
const LAST_PIECE: usize = 16 * 1024;

/// A client that has said EHLO, and logged in if asked to.
pub(crate) struct Smtp {
    wire: Wire,
    pipelining: bool,
}

/// When the server took over a message.
#[derive(Clone, Copy)]
pub(crate) struct Accepted {
    /// The final dot was about to leave.
    pub(crate) dot: Instant,
    /// Its 250 was read.
    pub(crate) reply: Instant,
}

/// What became of a message.
pub(crate) enum Outcome {
    /// 250 after the dot: from here on it must not be lost.
    Accepted(Accepted),
    /// Another reply; the transaction has been reset.
    Refused(String),
}

/// A reply: its code, and its last line for people.
struct Reply {
    code: u16,
    text: String,
    /// All lines without their codes.
    lines: Vec<String>,
}

impl Smtp {
    /// Connects, encrypts as asked, logs in as the account if the target wants that.
    pub(crate) async fn connect(target: &Target, account: &Account) -> Result<Smtp> {
        let mut smtp = Smtp {
            wire: Wire::connect(target, target.smtp).await?,
            pipelining: false,
        };
        smtp.reply().await?.expect(220)?;
        let mut offers = smtp.hello().await?;
        if target.smtp.security == Security::Starttls {
            smtp.command("STARTTLS").await?.expect(220)?;
            smtp.wire.start_tls(target).await?;
            offers = smtp.hello().await?;
        }
        smtp.pipelining = offers.iter().any(|offer| offer.eq_ignore_ascii_case("PIPELINING"));
        if target.auth {
            let plain = STANDARD.encode(format!("\0{}\0{}", account.login, account.password));
            let reply = smtp.command(&format!("AUTH PLAIN {plain}")).await?;
            reply
                .expect(235)
                .with_context(|| format!("login of {}", account.login))?;
        }
        Ok(smtp)
    }

    /// Whether anybody answers: an error when not.
    pub(crate) async fn greets(target: &Target) -> Result<()> {
        let wire = Wire::connect(target, target.smtp).await?;
        let mut smtp = Smtp {
            wire,
            pipelining: false,
        };
        smtp.reply().await?.expect(220)
    }

    /// Sends one message to one recipient. An error means that the connection cannot be used any more, and that what
    /// became of the message is not known.
    pub(crate) async fn send(&mut self, from: &str, to: &str, message: &Message<'_>) -> Result<Outcome> {
        let commands = [
            format!("MAIL FROM:<{from}>"),
            format!("RCPT TO:<{to}>"),
            "DATA".to_owned(),
        ];
        let mut refused = None;
        let mut ready = false;
        if self.pipelining {
            self.wire.send((commands.join("\r\n") + "\r\n").as_bytes()).await?;
        }
        for (command, code) in commands.iter().zip([250, 250, 354]) {
            let reply = if self.pipelining {
                self.reply().await?
            } else {
                self.command(command).await?
            };
            ready = reply.code == 354;
            refused = refused.or(reply.other_than(code));
            if refused.is_some() && !self.pipelining {
                break;
            }
        }
        if let Some(refused) = refused {
            // RFC 2920 §3.1: a server may have accepted DATA although it refused the recipient.
            if ready {
                self.command(".").await?;
            }
            self.command("RSET").await?.expect(250)?;
            return Ok(Outcome::Refused(refused));
        }
        let wire_form = message.stuffed();
        let (body, last) = wire_form.split_at(wire_form.len().saturating_sub(LAST_PIECE));
        if !body.is_empty() {
            self.wire.send(body).await?;
        }
        let dot = Instant::now();
        self.wire.send(last).await?;
        let reply = self.reply().await?;
        Ok(match reply.other_than(250) {
            None => Outcome::Accepted(Accepted {
                dot,
                reply: Instant::now(),
            }),
            Some(refused) => Outcome::Refused(refused),
        })
    }

    /// Leaves.
    pub(crate) async fn quit(mut self) {
        // What was accepted is accepted, whatever the server says now.
        let _ = self.command("QUIT").await;
    }

    async fn hello(&mut self) -> Result<Vec<String>> {
        let reply = self.command("EHLO loadtest.invalid").await?;
        reply.expect(250)?;
        Ok(reply.lines)
    }

    async fn command(&mut self, command: &str) -> Result<Reply> {
        self.wire.send(format!("{command}\r\n").as_bytes()).await?;
        self.reply().await
    }

    async fn reply(&mut self) -> Result<Reply> {
        let mut lines = Vec::new();
        loop {
            let line = self.line().await?;
            let code = line
                .get(..3)
                .and_then(|code| code.parse().ok())
                .with_context(|| format!("reply {line:?}"))?;
            lines.push(line.get(4..).unwrap_or_default().to_owned());
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(Reply {
                    code,
                    text: line,
                    lines,
                });
            }
            ensure!(lines.len() < MAX_REPLY_LINES, "a reply without end");
        }
    }

    async fn line(&mut self) -> Result<String> {
        loop {
            if let Some(end) = memchr(b'\n', &self.wire.buffer) {
                let line = self.wire.buffer.split_to(end + 1);
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            ensure!(self.wire.buffer.len() < 64 * 1024, "a line without end");
            self.wire.fill_in_time().await?;
        }
    }
}

impl Reply {
    fn expect(&self, code: u16) -> Result<()> {
        ensure!(self.code == code, "answered {:?}", self.text);
        Ok(())
    }

    fn other_than(&self, code: u16) -> Option<String> {
        (self.code != code).then(|| self.text.clone())
    }
}
