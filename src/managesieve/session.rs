//! One ManageSieve connection: what it is apart from its state, and the states (RFC 5804 §1.5).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::reply::Reply;
use super::request::Bounds;
use crate::accounts::sasl::Mechanism;
use crate::accounts::{Account, Accounts, Origin, Service, SessionSlot};
use crate::config::{Config, Sieve};
use crate::mailbox::{Mailboxes, ScriptQuota, Scripts};
use crate::net::connection::Connection;

/// What all ManageSieve sessions of a server share.
pub struct ManageSieve {
    /// Settings.
    pub(super) config: Arc<Config>,
    /// Who may log in.
    pub(super) accounts: Accounts,
    /// Where the scripts are.
    pub(super) mailboxes: Mailboxes,
}

impl ManageSieve {
    /// For a server with these settings, accounts and mailboxes.
    pub fn new(config: Arc<Config>, accounts: Accounts, mailboxes: Mailboxes) -> ManageSieve {
        ManageSieve {
            config,
            accounts,
            mailboxes,
        }
    }
}

/// What a session is apart from its state: handed to every command.
pub(super) struct Session {
    pub(super) shared: Arc<ManageSieve>,
    pub(super) connection: Connection,
    /// What was not sent yet.
    pub(super) output: Vec<u8>,
    pub(super) failed_logins: usize,
    /// When a client that has not logged in is sent away; `None` once it has.
    pub(super) login_deadline: Option<Instant>,
}

/// Each state owns what exists only in it.
pub(super) enum State {
    NotAuthenticated,
    /// STARTTLS was answered by OK: the handshake comes next, then again [`State::NotAuthenticated`].
    StartTls,
    Authenticated(Login),
    Logout,
}

/// What being logged in gives.
pub(super) struct Login {
    pub(super) account: Account,
    pub(super) scripts: Scripts,
    pub(super) _slot: SessionSlot,
}

impl Session {
    pub(super) fn new(shared: Arc<ManageSieve>, connection: Connection) -> Session {
        let mut session = Session {
            shared,
            connection,
            output: Vec::new(),
            failed_logins: 0,
            login_deadline: None,
        };
        session.begin_anew();
        session
    }

    /// Nobody is logged in.
    pub(super) fn begin_anew(&mut self) {
        self.login_deadline = Some(Instant::now() + self.settings().login_timeout.get());
    }

    pub(super) fn settings(&self) -> &Sieve {
        &self.shared.config.sieve
    }

    /// What an account may store.
    pub(super) fn quota(&self) -> ScriptQuota {
        ScriptQuota {
            scripts: self.settings().max_scripts,
            octets: self.settings().max_script_size.get(),
        }
    }

    /// What bounds the next read. Before the login nobody sends a script.
    pub(super) fn bounds(&self) -> Bounds {
        match self.login_deadline {
            Some(deadline) => Bounds {
                literals: LOGIN_LITERALS,
                timeout: deadline.saturating_duration_since(Instant::now()),
            },
            None => Bounds {
                // A name may be a literal as well.
                literals: self.settings().max_script_size.get().saturating_add(LOGIN_LITERALS),
                timeout: self.settings().timeout.get(),
            },
        }
    }

    /// Whether passwords may be sent: encrypted, or where the settings do not insist on that.
    pub(super) fn may_log_in(&self) -> bool {
        self.connection.tls().is_some() || !self.shared.config.login.require_tls
    }

    /// The mechanisms of AUTHENTICATE; none where passwords may not be sent.
    pub(super) fn mechanisms(&self) -> Vec<Mechanism> {
        match self.may_log_in() {
            true => {
                let bindings = self.connection.channel_bindings().is_some();
                self.shared.accounts.mechanisms(bindings).collect()
            }
            false => Vec::new(),
        }
    }

    /// Where a login comes from.
    pub(super) fn origin(&self) -> Origin {
        Origin {
            service: Service::ManageSieve,
            address: self.connection.peer().ip(),
        }
    }

    /// A line to be sent.
    pub(super) fn line(&mut self, line: &str) {
        self.output.extend_from_slice(line.as_bytes());
        self.output.extend_from_slice(b"\r\n");
    }

    /// An answer to be sent.
    pub(super) fn answer(&mut self, reply: &Reply) {
        reply.write(&mut self.output);
    }

    /// Sends what there is.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        if self.output.is_empty() {
            return Ok(());
        }
        let written = self.connection.write(&self.output, WRITE_TIMEOUT).await;
        self.output = Vec::new();
        written
    }
}

/// How long a write may wait for the client.
pub(super) const WRITE_TIMEOUT: Duration = Duration::from_secs(120);
/// Octets of the literals of a command that has no script.
const LOGIN_LITERALS: u64 = 16 * 1024;
