//! The listening sockets of a server: bound all or none, with errors that name the setting.

use std::io;
use std::net::SocketAddr;
use std::path::Path;

use super::Addresses;
use crate::config::{Config, Endpoint, Mode};
use crate::net::listener::Listener;
use crate::net::unix::UnixSocket;

/// The setting of LMTP.
const LMTP: &str = "lmtp.listen";

/// All listening sockets, bound and not yet accepting.
pub(super) struct Listeners {
    pub(super) smtp: Vec<Listener>,
    pub(super) submission: Vec<Listener>,
    pub(super) submissions: Vec<Listener>,
    pub(super) imap: Vec<Listener>,
    pub(super) imaps: Vec<Listener>,
    pub(super) lmtp: Vec<Listener>,
    pub(super) lmtp_unix: Vec<UnixSocket>,
    pub(super) managesieve: Vec<Listener>,
    pub(super) https: Vec<Listener>,
}

impl Listeners {
    /// Binds those of all services or none.
    pub(super) fn bind(config: &Config) -> Result<Listeners, ListenError> {
        let listen = &config.listen;
        let (mut lmtp, mut lmtp_unix) = (Vec::new(), Vec::new());
        for endpoint in &config.lmtp.listen {
            match endpoint {
                Endpoint::Tcp(address) => lmtp.push(*address),
                Endpoint::Unix(path) => lmtp_unix.push(bind_unix(path, config.lmtp.mode)?),
            }
        }
        Ok(Listeners {
            smtp: bind("listen.smtp", &listen.smtp)?,
            submission: bind("listen.submission", &listen.submission)?,
            submissions: bind("listen.submissions", &listen.submissions)?,
            imap: bind("listen.imap", &listen.imap)?,
            imaps: bind("listen.imaps", &listen.imaps)?,
            lmtp: bind(LMTP, &lmtp)?,
            lmtp_unix,
            managesieve: bind("listen.managesieve", &listen.managesieve)?,
            https: bind("listen.https", &listen.https)?,
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
            lmtp: of(&self.lmtp),
            managesieve: of(&self.managesieve),
            https: of(&self.https),
        }
    }
}

fn bind(setting: &'static str, addresses: &[SocketAddr]) -> Result<Vec<Listener>, ListenError> {
    Listener::bind_all(addresses).map_err(|cause| ListenError {
        setting,
        address: cause.address.to_string(),
        cause: cause.cause,
    })
}

fn bind_unix(path: &Path, mode: Mode) -> Result<UnixSocket, ListenError> {
    UnixSocket::bind(path, mode.get()).map_err(|cause| ListenError {
        setting: LMTP,
        address: path.display().to_string(),
        cause,
    })
}

/// Why a service cannot listen.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {cause} (setting {setting}){}", self.hint())]
pub struct ListenError {
    /// Its key.
    pub setting: &'static str,
    /// The address or file.
    pub address: String,
    /// What the system says.
    pub cause: io::Error,
}

impl ListenError {
    /// Whether another program has the port.
    pub fn is_port_taken(&self) -> bool {
        self.cause.kind() == io::ErrorKind::AddrInUse
    }

    fn hint(&self) -> &'static str {
        match self.cause.kind() {
            io::ErrorKind::AddrInUse => ": another program listens there",
            io::ErrorKind::AlreadyExists => ": what is there is no socket",
            io::ErrorKind::AddrNotAvailable => ": this machine has no such address",
            io::ErrorKind::PermissionDenied if self.setting == LMTP => ": the server may not make a file there",
            io::ErrorKind::PermissionDenied => ": ports below 1024 need root or the capability CAP_NET_BIND_SERVICE",
            _ => "",
        }
    }
}
