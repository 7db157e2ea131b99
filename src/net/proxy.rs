//! The PROXY protocol, versions 1 and 2: who connected to the proxy in front of us.
//!
//! The specification is HAProxy's `proxy-protocol.txt`. Invariants: a header is taken from configured addresses alone, and
//! from those it is demanded, for a connection that could do without would leave to the client whose it is; not an octet
//! behind the header is read, so that a TLS handshake may follow; what is read is bounded in size and in time.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::connection::Ends;

/// How long a header may take. It is the first thing that a proxy sends.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// What version 2 begins with: nothing that another protocol says.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// A header that says that the connection is the proxy's own: for probes.
pub const LOCAL_HEADER: &[u8] = b"PROXY UNKNOWN\r\n";
/// What version 1 begins with.
const WORD: &[u8] = b"PROXY ";
/// The longest line of version 1, its CRLF included.
const MAX_LINE: usize = 107;
/// Octets of version 2 up to and including its length.
const FIXED: usize = 16;

/// Why a connection from a proxy cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The header is wrong, or none at all.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// It did not come in time.
    #[error("no whole header in time")]
    TimedOut,
    /// The connection ended before the first octet: a probe of the proxy's.
    #[error("closed before it began")]
    Closed,
    /// The connection ended within the header.
    #[error("closed within the header")]
    CutOff,
    /// The system says so.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What is wrong with a header.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Malformed {
    /// It is none of either version.
    #[error("no PROXY header")]
    NoHeader,
    /// A line of version 1 that is too long or does not end with CRLF.
    #[error("the line does not end with CRLF within {MAX_LINE} octets")]
    Line,
    /// A protocol that version 1 does not know.
    #[error("neither TCP4, TCP6 nor UNKNOWN")]
    Protocol,
    /// Addresses or ports that are none, too few or too many.
    #[error("malformed addresses")]
    Addresses,
    /// A version or command that is not known.
    #[error("unknown version or command")]
    Command,
    /// Version 2 with a family or transport that no connection of ours has.
    #[error("unknown family or transport")]
    Family,
    /// Version 2 with fewer octets than its addresses take.
    #[error("too short for its addresses")]
    TooShort,
}

/// What a beginning of a stream holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Parsed {
    /// A part of a header, to which at least so many octets more belong.
    More(usize),
    /// A whole header. Without ends, the connection is the proxy's own, or it does not know whose.
    Header(Option<Ends>),
}

/// Reads the header within so much time: whose connection it is, if it is not the proxy's own.
pub(super) async fn receive(tcp: &mut TcpStream, patience: Duration) -> Result<Option<Ends>, Error> {
    timeout(patience, header(tcp)).await.map_err(|_| Error::TimedOut)?
}

async fn header(tcp: &mut TcpStream) -> Result<Option<Ends>, Error> {
    let mut seen = Vec::with_capacity(MAX_LINE);
    loop {
        let more = match parse(&seen)? {
            Parsed::Header(ends) => return Ok(ends),
            Parsed::More(octets) => octets as u64,
        };
        match ((&mut *tcp).take(more).read_buf(&mut seen).await?, seen.len()) {
            (0, 0) => return Err(Error::Closed),
            (0, _) => return Err(Error::CutOff),
            _ => {}
        }
    }
}

/// Takes a header apart. What is given may be a part of one, and nothing that follows it.
pub fn parse(bytes: &[u8]) -> Result<Parsed, Malformed> {
    let begins = |start: &[u8]| bytes.iter().zip(start).all(|(one, other)| one == other);
    match (begins(SIGNATURE), begins(WORD)) {
        (false, false) => Err(Malformed::NoHeader),
        // Both versions have so much.
        _ if bytes.len() < SIGNATURE.len() => Ok(Parsed::More(SIGNATURE.len() - bytes.len())),
        (true, _) => binary(bytes),
        (false, true) => line(bytes),
    }
}

/// Version 1: `PROXY TCP4 192.0.2.1 198.51.100.1 56324 25`, for people to read.
fn line(bytes: &[u8]) -> Result<Parsed, Malformed> {
    let Some(end) = memchr::memchr(b'\n', bytes) else {
        // The shortest is `PROXY UNKNOWN`, and of the rest nobody knows where it ends.
        let shortest = WORD.len() + "UNKNOWN\r\n".len();
        return match bytes.len() < MAX_LINE {
            true => Ok(Parsed::More(shortest.saturating_sub(bytes.len()).max(1))),
            false => Err(Malformed::Line),
        };
    };
    let text = bytes.get(WORD.len()..end).and_then(|text| text.strip_suffix(b"\r"));
    let text = text
        .and_then(|text| std::str::from_utf8(text).ok())
        .ok_or(Malformed::Line)?;
    let mut words = text.split(' ');
    let protocol = words.next().unwrap_or_default();
    if protocol == "UNKNOWN" {
        return Ok(Parsed::Header(None));
    }
    let [Some(from), Some(to), Some(from_port), Some(to_port), None] = [(); 5].map(|()| words.next()) else {
        return Err(Malformed::Addresses);
    };
    let (from, to): (IpAddr, IpAddr) = match protocol {
        "TCP4" => (ip::<Ipv4Addr>(from)?.into(), ip::<Ipv4Addr>(to)?.into()),
        "TCP6" => (ip::<Ipv6Addr>(from)?.into(), ip::<Ipv6Addr>(to)?.into()),
        _ => return Err(Malformed::Protocol),
    };
    Ok(Parsed::Header(Some(Ends {
        peer: SocketAddr::new(from, port(from_port)?),
        local: SocketAddr::new(to, port(to_port)?),
    })))
}

fn ip<A: std::str::FromStr>(text: &str) -> Result<A, Malformed> {
    text.parse().map_err(|_| Malformed::Addresses)
}

fn port(text: &str) -> Result<u16, Malformed> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().ok_or(Malformed::Addresses)
}

/// Version 2: signature, version and command, family and transport, length, addresses, and whatever else (TLVs), which is
/// passed over.
fn binary(bytes: &[u8]) -> Result<Parsed, Malformed> {
    let Some((&[.., command, family, high, low], rest)) = bytes.split_first_chunk::<FIXED>() else {
        return Ok(Parsed::More(FIXED - bytes.len()));
    };
    let local = match command {
        0x20 => true,
        0x21 => false,
        _ => return Err(Malformed::Command),
    };
    let missing = usize::from(u16::from_be_bytes([high, low])).saturating_sub(rest.len());
    if missing > 0 {
        return Ok(Parsed::More(missing));
    }
    let ends = match family {
        // The proxy's own connection, such as a probe, whatever else it says.
        _ if local => None,
        // TCP over IPv4 and over IPv6.
        0x11 => Some(ends::<4>(rest)?),
        0x21 => Some(ends::<16>(rest)?),
        // Nobody knows, or a Unix socket: on this side there is no address for it.
        0x00 | 0x31 => None,
        _ => return Err(Malformed::Family),
    };
    Ok(Parsed::Header(ends))
}

/// Source address, destination address, source port, destination port.
fn ends<const N: usize>(bytes: &[u8]) -> Result<Ends, Malformed>
where
    IpAddr: From<[u8; N]>,
{
    let (&from, rest) = bytes.split_first_chunk::<N>().ok_or(Malformed::TooShort)?;
    let (&to, rest) = rest.split_first_chunk::<N>().ok_or(Malformed::TooShort)?;
    let (&[a, b, c, d], _) = rest.split_first_chunk().ok_or(Malformed::TooShort)?;
    Ok(Ends {
        peer: SocketAddr::new(from.into(), u16::from_be_bytes([a, b])),
        local: SocketAddr::new(to.into(), u16::from_be_bytes([c, d])),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    /// Reads a stream as the connection does, never more than is asked for; what it was and how many octets it took.
    fn read(stream: &[u8]) -> Result<(Option<Ends>, usize), Option<Malformed>> {
        let mut seen = 0;
        loop {
            match parse(&stream[..seen]).map_err(Some)? {
                Parsed::Header(ends) => return Ok((ends, seen)),
                Parsed::More(more) => {
                    assert!(more > 0);
                    seen += more;
                }
            }
            if seen > stream.len() {
                return Err(None);
            }
        }
    }

    fn ends(peer: &str, local: &str) -> Option<Ends> {
        Some(Ends {
            peer: peer.parse().unwrap(),
            local: local.parse().unwrap(),
        })
    }

    fn v2(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let length = (body.len() as u16).to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, body].concat()
    }

    const V4: &[u8] = &[192, 0, 2, 1, 198, 51, 100, 1, 0xdc, 4, 0, 25];

    #[test]
    fn version_1() {
        for (text, wanted) in [
            (
                "PROXY TCP4 192.0.2.1 198.51.100.1 56324 25\r\n",
                ends("192.0.2.1:56324", "198.51.100.1:25"),
            ),
            (
                "PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n",
                ends("[2001:db8::1]:1", "[2001:db8::2]:65535"),
            ),
            ("PROXY UNKNOWN\r\n", None),
            ("PROXY UNKNOWN ffff:f...f:ffff whatever\r\n", None),
        ] {
            assert_eq!(
                read(format!("{text}EHLO x\r\n").as_bytes()),
                Ok((wanted, text.len())),
                "{text}"
            );
            for cut in 0..text.len() {
                assert_eq!(read(&text.as_bytes()[..cut]), Err(None), "{text}");
            }
        }
        let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(MAX_LINE));
        for (text, wrong) in [
            ("EHLO client.example\r\n", Malformed::NoHeader),
            ("proxy UNKNOWN\r\n", Malformed::NoHeader),
            ("\x16\x03\x01 hello, TLS", Malformed::NoHeader),
            ("PROXY UNKNOWN x\n", Malformed::Line),
            (&long, Malformed::Line),
            ("PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n", Malformed::Protocol),
            ("PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n", Malformed::Addresses),
            ("PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n", Malformed::Addresses),
            ("PROXY TCP4 192.0.2.1  192.0.2.2 1 2\r\n", Malformed::Addresses),
            ("PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n", Malformed::Addresses),
            ("PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n", Malformed::Addresses),
            ("PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n", Malformed::Addresses),
            ("PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n", Malformed::Addresses),
        ] {
            assert_eq!(read(text.as_bytes()), Err(Some(wrong)), "{text}");
        }
    }

    #[test]
    fn version_2() {
        let v6 = [&[0xfd; 16][..], &[0xfe; 16], &[0, 1, 0, 2]].concat();
        let tlv = [V4, b"\x04\x00\x03abc"].concat();
        let v4 = ends("192.0.2.1:56324", "198.51.100.1:25");
        for (header, wanted) in [
            (v2(0x21, 0x11, V4), v4),
            (v2(0x21, 0x11, &tlv), v4),
            (
                v2(0x21, 0x21, &v6),
                ends(
                    "[fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd]:1",
                    "[fefe:fefe:fefe:fefe:fefe:fefe:fefe:fefe]:2",
                ),
            ),
            (v2(0x20, 0x00, b""), None),
            (v2(0x20, 0x11, V4), None),
            (v2(0x21, 0x00, b"whatever"), None),
            (v2(0x21, 0x31, &[b'/'; 216]), None),
        ] {
            assert_eq!(
                read(&[&header, &b"EHLO x\r\n"[..]].concat()),
                Ok((wanted, header.len()))
            );
            for cut in 0..header.len() {
                assert_eq!(read(&header[..cut]), Err(None));
            }
        }
        for (header, wrong) in [
            (v2(0x11, 0x11, V4), Malformed::Command),
            (v2(0x22, 0x11, V4), Malformed::Command),
            (v2(0x21, 0x12, V4), Malformed::Family),
            (v2(0x21, 0xff, V4), Malformed::Family),
            (v2(0x21, 0x11, &V4[1..]), Malformed::TooShort),
            (v2(0x21, 0x21, V4), Malformed::TooShort),
        ] {
            assert_eq!(read(&header), Err(Some(wrong)));
        }
    }

    #[tokio::test]
    async fn the_header_and_not_an_octet_more_is_taken_from_the_socket() {
        for (said, wanted) in [
            (
                b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 25\r\n".to_vec(),
                Some("192.0.2.1:56324"),
            ),
            (v2(0x21, 0x11, V4), Some("192.0.2.1:56324")),
            (v2(0x20, 0, b""), None),
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (mut server, _) = listener.accept().await.unwrap();
            client.write_all(&[&said, &b"rest"[..]].concat()).await.unwrap();
            let ends = receive(&mut server, PATIENCE).await.unwrap();
            assert_eq!(ends.map(|ends| ends.peer), wanted.map(|wanted| wanted.parse().unwrap()));
            let mut rest = [0; 4];
            server.read_exact(&mut rest).await.unwrap();
            assert_eq!(&rest, b"rest");
        }
    }

    #[tokio::test]
    async fn who_says_nothing_or_half_of_it_is_not_waited_for() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        assert!(matches!(
            receive(&mut server, Duration::ZERO).await,
            Err(Error::TimedOut)
        ));
        client.write_all(b"PROXY TCP4").await.unwrap();
        drop(client);
        assert!(matches!(receive(&mut server, PATIENCE).await, Err(Error::CutOff)));
        assert!(matches!(receive(&mut server, PATIENCE).await, Err(Error::Closed)));
    }

    proptest! {
        #[test]
        fn any_octets_have_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..64), version in 0..3u8) {
            let start = match version {
                0 => &b""[..],
                1 => b"PROXY TCP4 ",
                _ => &SIGNATURE[..],
            };
            let _ = read(&[start, &bytes].concat());
        }

        #[test]
        fn any_line_has_an_answer(line in "PROXY (TCP4|TCP6|UNKNOWN)[ 0-9a-f.:]{0,60}\r?\n?") {
            let _ = read(line.as_bytes());
        }
    }
}
