//! Listening sockets: bound as asked, and an accept loop that outlives a shortage of descriptors.
//!
//! One task for each connection, counted by a semaphore shared among listeners; the header of a proxy and a handshake of
//! implicit TLS happen inside that task, so that a slow client delays nobody.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::Connection;
use super::network::Network;
use super::proxy;
use super::tls::Tls;

/// Connections that the kernel keeps for us before they are accepted.
const BACKLOG: i32 = 1024;
/// How long `accept` rests when the system has no descriptors or memory left: long enough not to spin, short enough that
/// nobody notices once connections have closed.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// Silence after which the kernel asks a peer whether it is still there (NAT tables forget after minutes).
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
/// Between two such questions.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
/// Unanswered questions after which the connection is dead.
const KEEPALIVE_PROBES: u32 = 4;
/// How long sent data may stay unacknowledged (RFC 5482): as long as the questions above take in all, for on Linux it
/// also bounds them.
const USER_TIMEOUT: Duration = Duration::from_secs(120);

/// A socket that listens.
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {cause}")]
pub struct BindError {
    /// The address asked for.
    pub address: SocketAddr,
    /// Why.
    pub cause: io::Error,
}

/// How encryption begins on a listener.
#[derive(Clone)]
pub enum Encryption {
    /// Never.
    None,
    /// When the client asks for it (STARTTLS).
    Offered(Tls),
    /// At once (implicit TLS), and the handshake must end within this time.
    Implicit(Tls, Duration),
}

/// What the connections of a listener have in common.
#[derive(Clone)]
pub struct Service {
    /// How encryption begins.
    pub encryption: Encryption,
    /// Who begins with a PROXY header that says whose connection it is.
    pub proxies: Arc<[Network]>,
    /// A permit for each connection; listeners may share one.
    pub connections: Arc<Semaphore>,
    /// What a client is told, before it is turned away, when there is no permit left (not under implicit TLS).
    pub refusal: &'static [u8],
    /// Where the connections' tasks are counted.
    pub tasks: TaskTracker,
    /// Ends accepting.
    pub shutdown: CancellationToken,
}

impl Listener {
    /// Binds every address or none. Must be called within the runtime.
    ///
    /// `[::]` also takes IPv4, unless `0.0.0.0` with the same port is in the list too: then each takes its own. On a
    /// machine without IPv6, `[::]` means `0.0.0.0`.
    pub fn bind_all(addresses: &[SocketAddr]) -> Result<Vec<Listener>, BindError> {
        addresses
            .iter()
            .map(|&address| {
                let twin = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), address.port());
                let only_v6 = address.ip() != IpAddr::V6(Ipv6Addr::UNSPECIFIED) || addresses.contains(&twin);
                match bind(address, only_v6) {
                    Err(error) if !only_v6 && no_ipv6(&error) => bind(twin, only_v6),
                    bound => bound,
                }
                .map_err(|cause| BindError { address, cause })
            })
            .collect()
    }

    /// Where it listens, port 0 resolved.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts until `service.shutdown`, and runs `serve` for each connection in a task of its own.
    pub async fn accept<F, S>(self, service: Service, serve: S)
    where
        S: Fn(Connection) -> F + Clone + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let socket = &self.socket;
        let admit = |(tcp, peer)| admit(tcp, peer, &service, serve.clone());
        accept_until(&service.shutdown, self.address, || socket.accept(), admit).await;
    }
}

/// Accepts what comes in at this address until `shutdown`, and admits it. Outlives a shortage of descriptors.
pub(super) async fn accept_until<C, A>(
    shutdown: &CancellationToken,
    address: impl fmt::Display,
    accept: impl Fn() -> A,
    admit: impl Fn(C),
) where
    A: Future<Output = io::Result<C>>,
{
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            accepted = accept() => accepted,
        };
        match accepted {
            Ok(connection) => admit(connection),
            Err(error) if of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, %address, "cannot accept connections");
                tokio::time::sleep(ACCEPT_REST).await;
            }
        }
    }
}

fn admit<F, S>(tcp: TcpStream, peer: SocketAddr, service: &Service, serve: S)
where
    S: Fn(Connection) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let Ok(permit) = service.connections.clone().try_acquire_owned() else {
        tracing::warn!(%peer, "connection refused: all permits are taken");
        if !matches!(service.encryption, Encryption::Implicit(..)) {
            // A fresh socket takes these few bytes at once, or the client goes without.
            let _ = SockRef::from(&tcp).send(service.refusal);
        }
        return;
    };
    let encryption = service.encryption.clone();
    let proxied = service.proxies.iter().any(|proxy| proxy.contains(peer.ip()));
    service.tasks.spawn(async move {
        let _permit = permit;
        let mut tcp = tcp;
        if let Err(error) = watch_over(&tcp) {
            tracing::debug!(%peer, %error, "socket options not set");
        }
        let client = match proxied {
            false => None,
            true => match proxy::receive(&mut tcp, proxy::PATIENCE).await {
                Ok(client) => client,
                Err(error @ proxy::Error::Closed) => return tracing::debug!(proxy = %peer, %error, "no connection"),
                Err(error) => return tracing::warn!(proxy = %peer, %error, "connection refused: wrong PROXY header"),
            },
        };
        let connection = match encryption {
            Encryption::None => Connection::plain(tcp, None),
            Encryption::Offered(tls) => Connection::plain(tcp, Some(tls)),
            Encryption::Implicit(tls, timeout) => Connection::accept_tls(tcp, &tls, timeout).await,
        };
        match (connection, client) {
            (Ok(connection), None) => serve(connection).await,
            (Ok(connection), Some(ends)) => serve(connection.proxied(ends)).await,
            (Err(error), _) => tracing::debug!(%peer, %error, "connection lost before it began"),
        }
    });
}

fn bind(address: SocketAddr, only_v6: bool) -> io::Result<Listener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(only_v6)?;
    }
    // A restart must not wait for the connections of the last run to leave TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    let socket = TcpListener::from_std(socket.into())?;
    let address = socket.local_addr()?;
    Ok(Listener { socket, address })
}

/// Finds dead peers behind NAT and half-open connections, and sends small replies at once.
pub(super) fn watch_over(tcp: &TcpStream) -> io::Result<()> {
    let socket = SockRef::from(tcp);
    socket.set_tcp_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_IDLE)
        .with_interval(KEEPALIVE_INTERVAL)
        .with_retries(KEEPALIVE_PROBES);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
    Ok(())
}

/// Whether the system has no IPv6 at all, or none configured (containers).
fn no_ipv6(error: &io::Error) -> bool {
    use rustix::io::Errno;
    [Errno::AFNOSUPPORT, Errno::ADDRNOTAVAIL]
        .iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// Errors of `accept` that speak of the connection that was about to be accepted, not of the listener (accept(2)).
fn of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::TimedOut
    )
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    fn service(permits: usize) -> Service {
        Service {
            encryption: Encryption::None,
            proxies: Arc::new([]),
            connections: Arc::new(Semaphore::new(permits)),
            refusal: b"too many\r\n",
            tasks: TaskTracker::new(),
            shutdown: CancellationToken::new(),
        }
    }

    #[tokio::test]
    async fn a_permit_each_and_a_refusal_without_one() {
        let listener = Listener::bind_all(&["127.0.0.1:0".parse().unwrap()]).unwrap().remove(0);
        let address = listener.address();
        let service = service(1);
        let accepting = tokio::spawn(
            listener.accept(service.clone(), |mut connection: Connection| async move {
                let _ = connection.write(b"hello\r\n", Duration::from_secs(20)).await;
                let _ = connection.fill(Duration::from_secs(20)).await;
            }),
        );
        let mut first = TcpStream::connect(address).await.unwrap();
        let mut told = [0; 7];
        first.read_exact(&mut told).await.unwrap();
        assert_eq!(&told, b"hello\r\n");
        let mut second = TcpStream::connect(address).await.unwrap();
        let mut told = Vec::new();
        second.read_to_end(&mut told).await.unwrap();
        assert_eq!(told, b"too many\r\n");
        drop(first);
        // The permit comes back with the end of the task.
        let _permit = service.connections.acquire().await.unwrap();
        service.shutdown.cancel();
        accepting.await.unwrap();
        service.tasks.close();
        service.tasks.wait().await;
    }

    #[tokio::test]
    async fn a_port_in_use_is_named() {
        let first = Listener::bind_all(&["127.0.0.1:0".parse().unwrap()]).unwrap();
        let taken = first[0].address();
        let error = Listener::bind_all(&[taken]).err().unwrap();
        assert!(error.to_string().contains(&taken.to_string()));
        assert_eq!(error.cause.kind(), io::ErrorKind::AddrInUse);
    }
}
