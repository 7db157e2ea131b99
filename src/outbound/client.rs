//! One connection to another server, as its client (RFC 5321 §3): greeting, EHLO, STARTTLS, AUTH, and between
//! transactions. What is sent in a transaction is in [`super::transaction`].
//!
//! Invariants: after anything unexpected (a reply that is none, silence, 421) nothing more is said on a connection; and
//! nothing is said while something waits that was not asked for, so that a reply is never taken for that to another command.

use std::net::SocketAddr;
use std::time::Duration;

use super::extensions::Extensions;
use super::reply::{NoReply, Reply};
use super::scram::ScramError;
use crate::config::OutboundTimeouts;
use crate::mail::handling::TlsWish;
use crate::net::connection::{Connection, TlsInfo};
use crate::net::tls_client::{TlsClient, TlsFailure, Verification};

/// How long a goodbye may take: nobody waits for it.
const QUIT_TIMEOUT: Duration = Duration::from_secs(5);

/// A session with a server, after its greeting.
pub(super) struct Client {
    pub(super) connection: Connection,
    /// Whose server it is, as logs and reports name it.
    host: String,
    /// What it offers.
    pub(super) offered: Extensions,
    pub(super) timeouts: OutboundTimeouts,
    /// Nothing more can be said.
    pub(super) broken: bool,
    /// A transaction has begun, and did not end by itself.
    pub(super) open: bool,
    /// Transactions so far.
    pub(super) transactions: usize,
    /// Of which messages it is encrypted as they want it: of these, and of those that want less.
    pub(super) fit_for: TlsWish,
}

/// How far a session has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stage {
    /// Waiting for the greeting.
    Greeting,
    /// EHLO or HELO.
    Hello,
    /// STARTTLS and the handshake.
    StartTls,
    /// AUTH.
    Auth,
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
    /// DATA, before the message.
    Data,
    /// The message.
    Message,
    /// Behind the final dot.
    End,
}

/// Why a session cannot begin or go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// There is no connection.
    #[error("cannot connect to {0}: {1}")]
    Connect(SocketAddr, String),
    /// It offers no encryption, which it must.
    #[error("the server does not offer STARTTLS, and must")]
    NoStarttls,
    /// It is this server.
    #[error("the mail would come back to this server")]
    Ourselves,
    /// The server said so.
    #[error("{1} (at {0})")]
    Refused(Stage, Reply),
    /// The server said nothing that could be understood.
    #[error("{1} (at {0})")]
    NoReply(Stage, NoReply),
    /// It cannot be encrypted as wanted.
    #[error(transparent)]
    Tls(TlsFailure),
    /// A login by SCRAM that cannot end well.
    #[error(transparent)]
    Scram(ScramError),
}

impl Trouble {
    /// Whether the server cannot be encrypted as wanted, or is not who it should be.
    pub(super) fn is_unfit(&self) -> bool {
        match self {
            Trouble::NoStarttls | Trouble::Tls(TlsFailure::Certificate(_)) => true,
            Trouble::Refused(Stage::StartTls, reply) => reply.is_permanent(),
            _ => false,
        }
    }
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Stage::Greeting => "greeting",
            Stage::Hello => "EHLO",
            Stage::StartTls => "STARTTLS",
            Stage::Auth => "AUTH",
            Stage::Mail => "MAIL",
            Stage::Rcpt => "RCPT",
            Stage::Data => "DATA",
            Stage::Message => "sending the message",
            Stage::End => "end of the message",
        })
    }
}

impl Client {
    /// Waits for the greeting.
    pub(super) async fn greeted(
        connection: Connection,
        host: &str,
        timeouts: OutboundTimeouts,
    ) -> Result<Client, Trouble> {
        let mut client = Client {
            connection,
            host: host.to_owned(),
            offered: Extensions::default(),
            timeouts,
            broken: false,
            open: false,
            transactions: 0,
            fit_for: TlsWish::Optional,
        };
        let greeting = client.reply(Stage::Greeting).await?;
        match greeting.is_positive() {
            true => Ok(client),
            false => Err(Trouble::Refused(Stage::Greeting, greeting)),
        }
    }

    /// Whose server it is.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// What is known of its encryption.
    pub(super) fn tls(&self) -> Option<TlsInfo> {
        self.connection.tls()
    }

    /// Says who we are. Whoever calls himself what we are called is ourselves, and mail would go round (RFC 5321 §6.3). A server that does not know EHLO gets HELO (RFC 5321 §3.2), and has nothing to offer.
    pub(super) async fn hello(&mut self, name: &str) -> Result<(), Trouble> {
        let mut reply = self.ask(Stage::Hello, &format!("EHLO {name}")).await?;
        self.offered = Extensions::default();
        let called = reply
            .lines
            .first()
            .and_then(|line| line.split(' ').next())
            .unwrap_or_default();
        if name.contains('.') && called.eq_ignore_ascii_case(name) {
            self.broken = true;
            return Err(Trouble::Ourselves);
        }
        if reply.is_positive() {
            self.offered = Extensions::parse(&reply);
        } else if reply.is_permanent() {
            reply = self.ask(Stage::Hello, &format!("HELO {name}")).await?;
        }
        accepted(Stage::Hello, reply).map(drop)
    }

    /// Encrypts (RFC 3207). What was offered before is forgotten: [`Client::hello`] must follow.
    pub(super) async fn start_tls(&mut self, tls: &TlsClient, name: &str, wanted: Verification) -> Result<(), Trouble> {
        let reply = self.ask(Stage::StartTls, "STARTTLS").await?;
        accepted(Stage::StartTls, reply)?;
        self.encrypt(tls, name, wanted).await
    }

    /// The handshake, after STARTTLS or, with implicit TLS, before the greeting.
    async fn encrypt(&mut self, tls: &TlsClient, name: &str, wanted: Verification) -> Result<(), Trouble> {
        self.offered = Extensions::default();
        let limit = self.timeouts.hello.get();
        let result = self.connection.start_tls_as_client(tls, name, wanted, limit).await;
        self.broken |= result.is_err();
        result.map_err(Trouble::Tls)
    }

    /// Whether another transaction may follow.
    pub(super) fn is_reusable(&self) -> bool {
        !self.broken
            && self
                .offered
                .max_transactions
                .is_none_or(|most| self.transactions < most)
    }

    /// Back to where a transaction can begin.
    pub(super) async fn reset(&mut self) -> Result<(), Trouble> {
        if !std::mem::take(&mut self.open) {
            return Ok(());
        }
        let reply = self.ask(Stage::Mail, "RSET").await?;
        accepted(Stage::Mail, reply).map(drop)
    }

    /// Says goodbye.
    pub(super) async fn quit(mut self) {
        if !self.broken && self.connection.write(b"QUIT\r\n", QUIT_TIMEOUT).await.is_ok() {
            let _ = Reply::read(&mut self.connection, QUIT_TIMEOUT).await;
        }
        self.connection.close().await;
    }

    /// A command and its answer.
    pub(super) async fn ask(&mut self, stage: Stage, command: &str) -> Result<Reply, Trouble> {
        self.say(stage, format!("{command}\r\n").as_bytes()).await?;
        self.reply(stage).await
    }

    /// Sends octets as they are. Whoever says something before is asked has lost count, or wants to close (RFC 5321 §3.8).
    pub(super) async fn say(&mut self, stage: Stage, octets: &[u8]) -> Result<(), Trouble> {
        if stage != Stage::Message
            && let Some(unasked) = self.unasked(stage).await
        {
            self.broken = true;
            return Err(match unasked? {
                closing if closing.is_closing() => Trouble::Refused(stage, closing),
                _ => Trouble::NoReply(stage, NoReply::Rubbish),
            });
        }
        let limit = match stage {
            Stage::Message => self.timeouts.block.get(),
            _ => self.limit(stage),
        };
        let result = self.connection.write(octets, limit).await;
        self.broken |= result.is_err();
        result.map_err(|error| {
            let cause = match error.kind() {
                std::io::ErrorKind::TimedOut => NoReply::TimedOut,
                _ => NoReply::Broken(error),
            };
            Trouble::NoReply(stage, cause)
        })
    }

    /// What the server has said before it is asked, if anything has arrived.
    pub(super) async fn unasked(&mut self, stage: Stage) -> Option<Result<Reply, Trouble>> {
        match self.connection.has_input().await {
            true => Some(self.reply(stage).await),
            false => None,
        }
    }

    /// The next reply.
    pub(super) async fn reply(&mut self, stage: Stage) -> Result<Reply, Trouble> {
        let limit = self.limit(stage);
        let reply = Reply::read(&mut self.connection, limit).await;
        let reply = reply.and_then(|reply| match (stage, reply.code) {
            (Stage::Auth | Stage::Data, _) | (_, ..300 | 400..) => Ok(reply),
            // It waits for something that will not come.
            _ => Err(NoReply::Rubbish),
        });
        self.broken |= reply.as_ref().map_or(true, Reply::is_closing);
        reply.map_err(|cause| Trouble::NoReply(stage, cause))
    }

    /// RFC 5321 §4.5.3.2.
    fn limit(&self, stage: Stage) -> Duration {
        let limit = match stage {
            Stage::Greeting => self.timeouts.greeting,
            Stage::Hello | Stage::StartTls | Stage::Auth => self.timeouts.hello,
            Stage::Mail => self.timeouts.mail,
            Stage::Rcpt => self.timeouts.rcpt,
            Stage::Data => self.timeouts.data,
            Stage::Message | Stage::End => self.timeouts.end,
        };
        limit.get()
    }
}

/// A positive reply, or the trouble that it is.
pub(super) fn accepted(stage: Stage, reply: Reply) -> Result<Reply, Trouble> {
    match reply.is_positive() {
        true => Ok(reply),
        false => Err(Trouble::Refused(stage, reply)),
    }
}
