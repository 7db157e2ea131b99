//! Wiring: the only place that builds things and hands them to each other.

use crate::config::Config;
use std::net::SocketAddr;

/// A running server.
pub struct Server {}

/// Where a running server listens, as bound (port 0 resolved).
#[derive(Clone, Debug, Default)]
pub struct Addresses {
    /// SMTP from other servers.
    pub smtp: Vec<SocketAddr>,
    /// Submission with STARTTLS.
    pub submission: Vec<SocketAddr>,
    /// Submission over implicit TLS.
    pub submissions: Vec<SocketAddr>,
    /// IMAP with STARTTLS.
    pub imap: Vec<SocketAddr>,
    /// IMAP over implicit TLS.
    pub imaps: Vec<SocketAddr>,
}

impl Server {
    /// Opens the stores, binds every listener and begins to serve. All or nothing.
    pub async fn start(_config: Config) -> anyhow::Result<Server> {
        todo!()
    }

    /// Where it listens.
    pub fn addresses(&self) -> &Addresses {
        todo!()
    }

    /// The accounts database, for set-up by the demo and by tests.
    pub fn accounts(&self) -> &crate::accounts::Accounts {
        todo!()
    }

    /// The mailboxes, for the demo and for tests.
    pub fn mailboxes(&self) -> &crate::mailbox::Mailboxes {
        todo!()
    }

    /// Drains: no new connections, running transactions finish within the configured limit, idle IMAP clients get BYE.
    pub async fn shutdown(self) {
        todo!()
    }
}
