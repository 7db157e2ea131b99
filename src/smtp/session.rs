//! One SMTP connection from greeting to goodbye (RFC 5321 §3.1, §3.8).
//!
//! Replies are collected while the client has sent more than was answered, and leave together (RFC 2920 §3.2); nothing is
//! ever waited for with a reply unsent. A client that speaks before our greeting is served all the same: what it says
//! waits in the connection's buffer.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use zeroize::Zeroize;

use super::commands::bdat::Chunks;
use super::dispatch;
use super::reply::Reply;
use super::{Role, Smtp};
use crate::accounts::sasl::Mechanism;
use crate::accounts::{Account, SessionSlot};
use crate::delivery::Route;
use crate::mail::envelope::Envelope;
use crate::net::connection::{Connection, LineEnd, ReadError};
use crate::origin::{Inquiry, Visit};

/// The longest command line without its CRLF. RFC 5321 §4.5.3.1.4 wants 512 octets and RFC 6531 §3.4 further
/// 10 for its parameter; real paths and parameters together stay below this.
pub(crate) const COMMAND_LINE: usize = 2048;
/// The longest line of an AUTH exchange, the command with its initial response included (RFC 4954 §4).
pub(crate) const AUTH_LINE: usize = 12_288;
/// Replies are sent when there are so many octets of them, even if the client has sent further commands.
const OUTPUT_LIMIT: usize = 16 * 1024;
/// The first octet of a TLS handshake (RFC 8446 §5.1), and of nothing in SMTP.
const TLS_HANDSHAKE: u8 = 0x16;

/// A session: its connection, and what was said so far.
pub(crate) struct Session {
    pub(crate) smtp: Arc<Smtp>,
    pub(crate) connection: Connection,
    pub(crate) state: State,
    pub(crate) failed_logins: usize,
    /// What is being found out about the address of a client that is another server, from its greeting on.
    pub(crate) visit: Option<Visit>,
    /// Commands refused since the last message was accepted, but for recipients that are not served.
    errors: usize,
    /// Replies not sent yet.
    output: Vec<u8>,
    shutdown: CancellationToken,
}

/// What commands are judged by. No I/O: the checks of commands need no socket.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) role: Role,
    pub(crate) tls: bool,
    pub(crate) can_start_tls: bool,
    /// Whether logins need TLS.
    pub(crate) require_tls: bool,
    /// The mechanisms of AUTH on this connection as it is.
    pub(crate) mechanisms: Vec<Mechanism>,
    /// What the client called itself, once it has.
    pub(crate) hello: Option<Hello>,
    /// Who is logged in.
    pub(crate) account: Option<Account>,
    /// By which mechanism.
    pub(crate) mechanism: Option<Mechanism>,
    /// Its place among the account's sessions.
    pub(crate) slot: Option<SessionSlot>,
    /// The mail transaction, from MAIL to the end of data, RSET or the next EHLO (RFC 5321 §3.3).
    pub(crate) tx: Option<Transaction>,
}

/// What EHLO or HELO said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Hello {
    /// A domain or an address literal, as far as its characters go.
    pub(crate) name: String,
    /// EHLO.
    pub(crate) extended: bool,
}

/// A mail transaction.
#[derive(Debug)]
pub(crate) struct Transaction {
    pub(crate) envelope: Envelope,
    /// Where each of the envelope's recipients is, in their order.
    pub(crate) routes: Vec<Route>,
    /// BODY=BINARYMIME (RFC 3030 §3). Stored it is 8BITMIME, as the envelope says.
    pub(crate) binary: bool,
    /// What of the message has come, once the first chunk has (RFC 3030).
    pub(crate) chunks: Option<Chunks>,
    /// Recipients to whom the account has mail waiting, once it was asked for.
    pub(crate) waiting: Option<u64>,
    /// What is being found out about a client that is another server.
    pub(crate) inquiry: Option<Inquiry>,
}

/// Why a session ends without the client having asked for it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The client is gone.
    Gone,
    /// The client said nothing in time.
    TimedOut,
    /// The server goes.
    Shutdown,
}

impl Session {
    pub(crate) fn new(smtp: Arc<Smtp>, role: Role, connection: Connection, shutdown: CancellationToken) -> Session {
        Session {
            state: State {
                tls: connection.tls().is_some(),
                can_start_tls: connection.can_start_tls(),
                require_tls: smtp.config.login.require_tls,
                mechanisms: mechanisms(&smtp, &connection),
                ..State::new(role)
            },
            smtp,
            connection,
            failed_logins: 0,
            visit: None,
            errors: 0,
            output: Vec::new(),
            shutdown,
        }
    }

    /// Greets, serves until the end, and says goodbye.
    pub(crate) async fn run(mut self) {
        tracing::debug!("connected");
        let end = self.converse().await;
        let farewell = match end {
            Ok(()) | Err(End::Gone) => None,
            Err(End::TimedOut) => Some(Reply::TIMED_OUT),
            Err(End::Shutdown) => Some(Reply::SHUTTING_DOWN),
        };
        if let Some(reply) = farewell {
            reply.write(&mut self.output);
            let _ = self.flush().await;
        }
        tracing::debug!(?end, "disconnected");
        self.connection.close().await;
    }

    /// Answers one command after another. RFC 5321 §4.3.1.
    async fn converse(&mut self) -> Result<(), End> {
        let hostname = &self.smtp.config.hostname;
        let protocol = match self.state.role {
            Role::Receive | Role::Submission => "ESMTP",
            Role::Lmtp => "LMTP",
        };
        Reply::made(220, "", format!("{hostname} {protocol} Posthaste")).write(&mut self.output);
        if self.first_octet().await? == TLS_HANDSHAKE {
            return Err(End::Gone);
        }
        let mut line = Vec::new();
        let mut first = true;
        loop {
            let reply = match self.read_line(&mut line, AUTH_LINE).await? {
                Ok(()) => dispatch::dispatch(self, &line).await?,
                Err(reply) => Some(dispatch::refuse(&line, reply)),
            };
            // It may have been a password.
            line.zeroize();
            let Some(mut reply) = reply else { continue };
            // A program that begins with something else speaks another protocol, and may carry what an attacker
            // wants us to take for commands.
            if std::mem::take(&mut first) && reply.code() == Reply::UNKNOWN.code() && reply != Reply::SAY_LHLO {
                reply = Reply::NOT_SMTP;
            }
            if reply.is_error() {
                self.errors += 1;
            }
            reply.write(&mut self.output);
            if !reply.closes() && self.errors > self.smtp.config.smtp.max_errors {
                reply = Reply::TOO_MANY_ERRORS;
                reply.write(&mut self.output);
            }
            if reply.closes() {
                tracing::debug!(code = reply.code(), "closing");
                return self.flush().await;
            }
        }
    }

    /// Greets, and looks at what comes back. A client that begins with a TLS handshake here would wait for ever.
    async fn first_octet(&mut self) -> Result<u8, End> {
        self.flush().await?;
        let timeout = self.timeout();
        tokio::select! {
            biased;
            () = self.shutdown.cancelled() => Err(End::Shutdown),
            filled = self.connection.fill(timeout) => filled?.first().copied().ok_or(End::Gone),
        }
    }

    /// The connection is encrypted now, and the session begins anew.
    pub(crate) fn encrypted(&mut self) {
        self.state.begin_anew();
        self.state.tls = true;
        self.state.can_start_tls = false;
        self.state.mechanisms = mechanisms(&self.smtp, &self.connection);
    }

    /// The client has shown that it means well: its earlier mistakes are forgotten.
    pub(crate) fn forgive(&mut self) {
        self.errors = 0;
    }

    /// How long the client may take for one thing (RFC 5321 §4.5.3.2).
    pub(crate) fn timeout(&self) -> Duration {
        self.smtp.config.smtp.timeout.get()
    }

    /// Adds a reply to those to be sent.
    pub(crate) fn answer_later(&mut self, reply: &Reply) {
        reply.write(&mut self.output);
    }

    /// Answers in the midst of a command (334, 354, 220 before TLS), together with all that was not sent yet.
    pub(crate) async fn answer_now(&mut self, reply: &Reply) -> Result<(), End> {
        reply.write(&mut self.output);
        self.flush().await
    }

    /// Reads a line and checks what no command may contain; the inner error is the reply to such a line.
    pub(crate) async fn read_line(&mut self, line: &mut Vec<u8>, limit: usize) -> Result<Result<(), Reply>, End> {
        let more_waits = self.connection.buffered().contains(&b'\n');
        if !more_waits || self.output.len() >= OUTPUT_LIMIT {
            self.flush().await?;
        }
        let timeout = self.timeout();
        let idle = self.state.tx.is_none();
        let read = tokio::select! {
            biased;
            () = self.shutdown.cancelled(), if idle => return Err(End::Shutdown),
            read = self.connection.read_line(line, limit, timeout) => read,
        };
        Ok(match read {
            Ok(LineEnd::Lf) => Err(Reply::LINE_END),
            Ok(LineEnd::CrLf) if line.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') => {
                Err(Reply::CONTROLS)
            }
            Ok(LineEnd::CrLf) => Ok(()),
            Err(ReadError::LineTooLong) => Err(Reply::LINE_TOO_LONG),
            Err(error) => return Err(End::from(error)),
        })
    }

    /// What has come of a message and is not consumed yet, at least one octet of it.
    pub(crate) async fn fill(&mut self) -> Result<&[u8], End> {
        if self.connection.buffered().is_empty() {
            self.flush().await?;
        }
        let timeout = self.timeout();
        Ok(self.connection.fill(timeout).await?)
    }

    async fn flush(&mut self) -> Result<(), End> {
        if self.output.is_empty() {
            return Ok(());
        }
        let limit = self.timeout();
        let written = self.connection.write(&self.output, limit).await;
        self.output.clear();
        self.output.shrink_to(OUTPUT_LIMIT);
        written.map_err(|_| End::Gone)
    }
}

fn mechanisms(smtp: &Smtp, connection: &Connection) -> Vec<Mechanism> {
    let bindings = connection.channel_bindings().is_some();
    smtp.accounts.mechanisms(bindings).collect()
}

impl State {
    /// Before anything was said, in plain text.
    pub(crate) fn new(role: Role) -> State {
        State {
            role,
            tls: false,
            can_start_tls: false,
            require_tls: true,
            mechanisms: Vec::new(),
            hello: None,
            account: None,
            mechanism: None,
            slot: None,
            tx: None,
        }
    }

    /// Forgets what the client said (RFC 3207 §4.2).
    pub(crate) fn begin_anew(&mut self) {
        self.hello = None;
        self.account = None;
        self.mechanism = None;
        self.slot = None;
        self.tx = None;
    }

    /// The reply to a message for nobody (RFC 5321 §3.3; RFC 2033 §4.2).
    pub(crate) fn no_recipients(&self) -> Reply {
        match self.role {
            Role::Receive | Role::Submission => Reply::NO_RECIPIENTS,
            Role::Lmtp => Reply::new(503, "5.5.1", "No valid recipients"),
        }
    }

    /// Whether TLS must come before a login.
    pub(crate) fn needs_tls(&self) -> bool {
        self.require_tls && !self.tls
    }
}

impl From<ReadError> for End {
    fn from(error: ReadError) -> End {
        match error {
            ReadError::TimedOut => End::TimedOut,
            // A line too long is answered where it is read; elsewhere nothing reads lines.
            ReadError::Closed | ReadError::LineTooLong | ReadError::Io(_) => End::Gone,
        }
    }
}
