//! Where to listen that is not always a port: `unix:/run/posthaste/lmtp`, `127.0.0.1:24`; who may open the former; and where
//! others listen, who may be known by name: `rspamd:11332`.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer, de};

/// An address and port, or a Unix socket.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Endpoint {
    /// A port.
    Tcp(SocketAddr),
    /// The file of a Unix socket.
    Unix(PathBuf),
}

impl Endpoint {
    fn parse(text: &str) -> Option<Endpoint> {
        match text.strip_prefix("unix:") {
            Some(path) if path.starts_with('/') => Some(Endpoint::Unix(path.into())),
            Some(_) => None,
            None => text.parse().ok().map(Endpoint::Tcp),
        }
    }
}

/// As it is written.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Tcp(address) => address.fmt(f),
            Endpoint::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl<'de> Deserialize<'de> for Endpoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Endpoint, D::Error> {
        let text = String::deserialize(deserializer)?;
        Endpoint::parse(&text).ok_or_else(|| {
            de::Error::custom("an address and port is wanted, or a Unix socket such as \"unix:/run/posthaste/lmtp\"")
        })
    }
}

/// Where another program listens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Destination {
    /// A port of a host: its name or its address, without brackets. Names are looked up as the system does, each time.
    Host(String, u16),
    /// The file of a Unix socket.
    Unix(PathBuf),
}

impl Destination {
    fn parse(text: &str) -> Option<Destination> {
        match Endpoint::parse(text) {
            Some(Endpoint::Tcp(address)) => return Some(address.into()),
            Some(Endpoint::Unix(path)) => return Some(Destination::Unix(path)),
            None => {}
        }
        let (host, port) = text.split_once(':')?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        let is_name = !host.is_empty() && host.len() <= 253 && host.bytes().all(plain);
        // An address that was mistyped is no name.
        let is_name = is_name && !host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let port = port.parse().ok().filter(|port| *port != 0)?;
        is_name.then(|| Destination::Host(host.to_owned(), port))
    }
}

impl From<SocketAddr> for Destination {
    fn from(address: SocketAddr) -> Destination {
        Destination::Host(address.ip().to_string(), address.port())
    }
}

impl<'de> Deserialize<'de> for Destination {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Destination, D::Error> {
        let text = String::deserialize(deserializer)?;
        Destination::parse(&text).ok_or_else(|| {
            de::Error::custom(
                "a host and its port are wanted, such as \"127.0.0.1:11332\", or a Unix socket such as \"unix:/run/filter\"",
            )
        })
    }
}

/// The permissions of a file, as chmod takes them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mode(u32);

impl Mode {
    /// From the bits.
    pub const fn new(bits: u32) -> Mode {
        Mode(bits)
    }

    /// The bits.
    pub const fn get(self) -> u32 {
        self.0
    }

    fn parse(text: &str) -> Option<Mode> {
        let digits = (3..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        let bits = u32::from_str_radix(text, 8).ok()?;
        (digits && bits <= 0o777).then_some(Mode(bits))
    }
}

impl<'de> Deserialize<'de> for Mode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Mode, D::Error> {
        let text = String::deserialize(deserializer)?;
        Mode::parse(&text).ok_or_else(|| de::Error::custom("permissions are wanted, such as \"0660\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_people_write_them() {
        for text in ["127.0.0.1:24", "[::1]:24", "unix:/run/posthaste/lmtp"] {
            assert_eq!(Endpoint::parse(text).unwrap().to_string(), text);
        }
        for wrong in ["", "24", "localhost:24", "unix:", "unix:lmtp", "/run/posthaste/lmtp"] {
            assert_eq!(Endpoint::parse(wrong), None, "{wrong}");
        }
        let host = |name: &str, port| Some(Destination::Host(name.to_owned(), port));
        for (text, wanted) in [
            ("127.0.0.1:24", host("127.0.0.1", 24)),
            ("[::1]:24", host("::1", 24)),
            ("rspamd:11332", host("rspamd", 11332)),
            ("filter_1.example.org:7", host("filter_1.example.org", 7)),
            ("unix:/run/filter", Some(Destination::Unix("/run/filter".into()))),
            ("127.0.0.256:24", None),
            ("::1:24", None),
            ("rspamd", None),
            ("rspamd:", None),
            ("rspamd:0", None),
            ("rspamd:65536", None),
            ("a b:1", None),
            (":1", None),
            ("http://rspamd:1", None),
        ] {
            assert_eq!(Destination::parse(text), wanted, "{text}");
        }
        assert_eq!(Mode::parse("0660"), Some(Mode(0o660)));
        assert_eq!(Mode::parse("777"), Some(Mode(0o777)));
        for wrong in ["", "66", "0o660", "1777", "888", "+660", "rw-rw----"] {
            assert_eq!(Mode::parse(wrong), None, "{wrong}");
        }
    }
}
