//! Packets: four octets of length, one that says what it is, and what belongs to it, in both directions.
//!
//! Invariant: a filter that announces more than [`MAX_PACKET`] octets is not listened to any further.

use std::io;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::Problem;
use crate::config::Destination;
use crate::net::connection::Connection;
use crate::net::{outgoing, unix};

/// The longest packet that is taken from a filter. A piece of a new body has 64 KiB at most, and fields are shorter.
const MAX_PACKET: usize = 256 * 1024;

/// A packet that leaves: what it is, and what belongs to it.
pub(super) struct Packet(Vec<u8>);

/// A connection to a filter.
pub(super) struct Link {
    connection: Connection,
    /// For one packet.
    limit: Duration,
}

impl Packet {
    pub(super) fn new(kind: u8) -> Packet {
        Packet(vec![kind])
    }

    /// With these octets.
    pub(super) fn octets(mut self, octets: &[u8]) -> Packet {
        self.0.extend_from_slice(octets);
        self
    }

    /// With a text that ends with NUL, and has none in it.
    pub(super) fn text(mut self, text: &[u8]) -> Packet {
        self.0.extend(text.iter().copied().filter(|&octet| octet != 0));
        self.0.push(0);
        self
    }

    /// As it goes over the wire, behind what is there.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let length = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&self.0);
    }
}

impl Link {
    /// Connects; `limit` is then how long each packet may take.
    pub(super) async fn open(address: &Destination, connect: Duration, limit: Duration) -> Result<Link, Problem> {
        let connection = match address {
            Destination::Host(host, port) => reach(host, *port, connect).await,
            Destination::Unix(path) => unix::connect(path, connect).await,
        };
        let connection = connection.map_err(Problem::Unreachable)?;
        Ok(Link { connection, limit })
    }

    /// Sends what was written of packets.
    pub(super) async fn send(&mut self, packets: &[u8]) -> Result<(), Problem> {
        let written = self.connection.write(packets, self.limit).await;
        written.map_err(Problem::Unreachable)
    }

    /// The next packet: what it is, and what belongs to it.
    pub(super) async fn receive(&mut self) -> Result<(u8, Vec<u8>), Problem> {
        let mut head = Vec::with_capacity(5);
        self.read(&mut head, 5).await?;
        let &[a, b, c, d, kind] = head.as_slice() else {
            return Err(Problem::Closed);
        };
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        if length == 0 || length > MAX_PACKET {
            return Err(Problem::Rubbish("a packet of an impossible length"));
        }
        let mut rest = Vec::new();
        self.read(&mut rest, length - 1).await?;
        Ok((kind, rest))
    }

    /// Says goodbye; whether the filter hears it is its own affair.
    pub(super) async fn quit(mut self) {
        let mut quit = Vec::new();
        Packet::new(b'Q').write(&mut quit);
        let _ = self.send(&quit).await;
    }

    /// Fills `into` up to so many octets, taking memory only for what has come.
    async fn read(&mut self, into: &mut Vec<u8>, wanted: usize) -> Result<(), Problem> {
        while into.len() < wanted {
            let arrived = self.connection.fill(self.limit).await?;
            let used = arrived.len().min(wanted - into.len());
            into.extend(arrived.iter().take(used));
            self.connection.consume(used);
        }
        Ok(())
    }
}

/// Connects to the first address of a host that lets us, within the time for all of it.
async fn reach(host: &str, port: u16, time: Duration) -> io::Result<Connection> {
    let deadline = Instant::now() + time;
    let late = |_| io::Error::from(io::ErrorKind::TimedOut);
    let found = timeout_at(deadline, tokio::net::lookup_host((host, port)));
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in found.await.map_err(late)?? {
        let left = deadline.saturating_duration_since(Instant::now());
        match outgoing::From::default().connect(address, left).await {
            Ok(connection) => return Ok(connection),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_it_goes_over_the_wire() {
        let mut out = Vec::new();
        Packet::new(b'L').text(b"Subject").text(b"a\0b").write(&mut out);
        assert_eq!(out, b"\0\0\0\x0cLSubject\0ab\0");
    }
}
