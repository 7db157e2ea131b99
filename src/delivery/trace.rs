//! Trace information in front of a message: Return-Path and Received (RFC 5321 §4.4).
//!
//! One message is one file for all its recipients, so both are written once, in front; Return-Path comes first, and the
//! queue leaves it out. Nothing that goes in here can end a line or open a comment: names and addresses were checked when
//! they came in.

use std::fmt;
use std::net::IpAddr;

use crate::mail::address::Address;
use crate::mail::date::Timestamp;
use crate::mail::envelope::{ForwardPath, ReversePath};
use crate::mail::handling::Priority;
use crate::mail::ids::QueueId;
use crate::net::connection::TlsInfo;

/// In the place of a client that is not told.
const NOBODY: &str = "client.invalid";

/// What Received says.
pub struct Trace<'a> {
    /// What the client called itself, and where it connected from. Without, nothing is said of it: a name stands there that is
    /// nobody's (RFC 2606 §2), for RFC 5321 §4.4 wants one.
    pub client: Option<(&'a str, IpAddr)>,
    /// This server's name.
    pub server: &'a str,
    /// A keyword of the "with" clause, such as `ESMTPS` (RFC 3848, RFC 6531 §4.3).
    pub protocol: &'static str,
    /// How the connection was encrypted.
    pub tls: Option<TlsInfo>,
    /// This server's name for the message.
    pub id: QueueId,
    /// Only when there is just one: the others need not know of each other (RFC 5321 §7.2).
    pub recipient: Option<&'a ForwardPath>,
    /// MT-PRIORITY, if it is not the usual one (RFC 6710 §4.1, clause PRIORITY).
    pub priority: Priority,
    /// When it arrived.
    pub at: Timestamp,
}

/// The field as it stands in the file, folded (RFC 5322 §2.2.3).
impl fmt::Display for Trace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.client {
            Some((name, address)) => write!(f, "Received: from {name} ({})\r\n", Literal(address))?,
            None => write!(f, "Received: from {NOBODY}\r\n")?,
        }
        write!(f, "\tby {} with {}", self.server, self.protocol)?;
        if let Some(tls) = self.tls {
            write!(f, "\r\n\t({} {})", tls.version, tls.cipher)?;
        }
        write!(f, " id {}", self.id)?;
        // A postmaster without a domain is no path that may stand here.
        if let Some(ForwardPath::Address(recipient)) = self.recipient {
            write!(f, "\r\n\tfor <{}>", written(recipient))?;
        }
        if self.priority != Priority::default() {
            write!(f, "\r\n\tPRIORITY {}", self.priority)?;
        }
        write!(f, ";\r\n\t{}\r\n", self.at.to_rfc5322())
    }
}

/// The field that final delivery puts in front of all others.
pub(super) fn return_path(path: &ReversePath) -> String {
    format!(
        "Return-Path: <{}>\r\n",
        path.address().map_or_else(String::new, written)
    )
}

/// With A-labels if it can be: then everybody can read it.
fn written(address: &Address) -> String {
    address.to_ascii().unwrap_or_else(|| address.to_string())
}

/// An address literal (RFC 5321 §4.1.3).
struct Literal(IpAddr);

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => write!(f, "[{address}]"),
            IpAddr::V6(address) => write!(f, "[IPv6:{address}]"),
        }
    }
}

/// A Message-ID of our own for a message that came without (RFC 5322 §3.6.4).
pub fn message_id(server: &str) -> String {
    format!("<{:032x}@{server}>", rand::random::<u128>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_it_stands_in_the_file() {
        let sender = ReversePath::parse("alice@example.org").unwrap();
        assert_eq!(return_path(&sender), "Return-Path: <alice@example.org>\r\n");
        assert_eq!(return_path(&ReversePath::Null), "Return-Path: <>\r\n");
        let recipient = ForwardPath::parse("bob@example.net").unwrap();
        let mut trace = Trace {
            client: Some(("client.example.org", "192.0.2.1".parse().unwrap())),
            server: "mx.example.net",
            protocol: "ESMTPS",
            tls: Some(TlsInfo {
                version: "TLSv1.3",
                cipher: "TLS_AES_256_GCM_SHA384",
            }),
            id: QueueId(0x123),
            recipient: Some(&recipient),
            priority: Priority::default(),
            at: Timestamp {
                seconds: 880127706,
                offset_minutes: -360,
            },
        };
        assert_eq!(
            trace.to_string(),
            "Received: from client.example.org ([192.0.2.1])\r\n\
             \tby mx.example.net with ESMTPS\r\n\
             \t(TLSv1.3 TLS_AES_256_GCM_SHA384) id 0000000000000123\r\n\
             \tfor <bob@example.net>;\r\n\
             \tFri, 21 Nov 1997 09:55:06 -0600\r\n"
        );
        trace.client = Some(("client.example.org", "2001:db8::1".parse().unwrap()));
        trace.protocol = "SMTP";
        trace.tls = None;
        trace.priority = Priority::new(-3).unwrap();
        trace.recipient = Some(&ForwardPath::Postmaster);
        assert_eq!(
            trace.to_string(),
            "Received: from client.example.org ([IPv6:2001:db8::1])\r\n\
             \tby mx.example.net with SMTP id 0000000000000123\r\n\
             \tPRIORITY -3;\r\n\
             \tFri, 21 Nov 1997 09:55:06 -0600\r\n"
        );
        trace.client = None;
        assert!(
            trace
                .to_string()
                .starts_with("Received: from client.invalid\r\n\tby mx.example.net with SMTP id ")
        );
    }

    #[test]
    fn message_ids_differ() {
        let one = message_id("mx.example.net");
        assert!(one.starts_with('<') && one.ends_with("@mx.example.net>"));
        assert_ne!(one, message_id("mx.example.net"));
    }
}
