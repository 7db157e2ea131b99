//! The listening sockets of a server: bound all or none, with errors that name the setting.

use std::io;
use std::net::SocketAddr;

use super::Addresses;
use crate::config::Config;
use crate::net::listener::{BindError, Listener};

/// All listening sockets, bound and not yet accepting.
pub(super) struct Listeners {
    pub(super) smtp: Vec<Listener>,
    pub(super) submission: Vec<Listener>,
    pub(super) submissions: Vec<Listener>,
    pub(super) imap: Vec<Listener>,
    pub(super) imaps: Vec<Listener>,
}

impl Listeners {
    /// Binds those of all services or none.
    pub(super) fn bind(config: &Config) -> Result<Listeners, ListenError> {
        let listen = &config.listen;
        Ok(Listeners {
            smtp: bind("smtp", &listen.smtp)?,
            submission: bind("submission", &listen.submission)?,
            submissions: bind("submissions", &listen.submissions)?,
            imap: bind("imap", &listen.imap)?,
            imaps: bind("imaps", &listen.imaps)?,
        })
    }

    pub(super) fn addresses(&self) -> Addresses {
        let of = |listeners: &[Listener]| listeners.iter().map(Listener::address).collect();
        Addresses {
            smtp: of(&self.smtp),
            submission: of(&self.submission),
            submissions: of(&self.submissions),
            imap: of(&self.imap),
            imaps: of(&self.imaps),
        }
    }
}

fn bind(setting: &'static str, addresses: &[SocketAddr]) -> Result<Vec<Listener>, ListenError> {
    Listener::bind_all(addresses).map_err(|cause| ListenError { setting, cause })
}

/// Why a service cannot listen.
#[derive(Debug, thiserror::Error)]
#[error("{cause} (setting listen.{setting}){}", self.hint())]
pub struct ListenError {
    /// The key below `listen`.
    pub setting: &'static str,
    /// The address, and what the system says.
    pub cause: BindError,
}

impl ListenError {
    /// Whether another program has the port.
    pub fn is_port_taken(&self) -> bool {
        self.cause.cause.kind() == io::ErrorKind::AddrInUse
    }

    fn hint(&self) -> &'static str {
        match self.cause.cause.kind() {
            io::ErrorKind::AddrInUse => ": another program listens there",
            io::ErrorKind::AddrNotAvailable => ": this machine has no such address",
            io::ErrorKind::PermissionDenied => ": ports below 1024 need root or the capability CAP_NET_BIND_SERVICE",
            _ => "",
        }
    }
}
