//! Connections that we make: from the local addresses that the settings name, and watched over like those that come in.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpSocket;
use tokio::time::timeout;

use super::connection::Connection;
use super::listener;

/// The local address that connections of each family begin at; the system chooses where there is none.
#[derive(Clone, Copy, Debug, Default)]
pub struct From {
    v4: Option<Ipv4Addr>,
    v6: Option<Ipv6Addr>,
}

impl From {
    /// The first of each family.
    pub fn new(addresses: &[IpAddr]) -> From {
        let mut from = From::default();
        for address in addresses {
            match address {
                IpAddr::V4(v4) => from.v4.get_or_insert(*v4),
                IpAddr::V6(v6) => {
                    from.v6.get_or_insert(*v6);
                    continue;
                }
            };
        }
        from
    }

    /// Connects to an address, within this time.
    pub async fn connect(self, address: SocketAddr, limit: Duration) -> io::Result<Connection> {
        let (socket, local) = match address {
            SocketAddr::V4(_) => (TcpSocket::new_v4()?, self.v4.map(IpAddr::V4)),
            SocketAddr::V6(_) => (TcpSocket::new_v6()?, self.v6.map(IpAddr::V6)),
        };
        if let Some(local) = local {
            socket.bind(SocketAddr::new(local, 0))?;
        }
        let tcp = timeout(limit, socket.connect(address)).await??;
        if let Err(error) = listener::watch_over(&tcp) {
            tracing::debug!(%address, %error, "socket options not set");
        }
        Connection::plain(tcp, None)
    }
}
