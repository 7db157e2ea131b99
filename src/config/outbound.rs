//! Settings of mail on its way: the queue, delivery to other servers, routes.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use serde::Deserialize;

use super::{Period, Size};

/// Mail on its way: when it is tried again, and how much of it there may be.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Queue {
    /// How long after a first attempt that failed for the time being the second comes. Each further pause is twice as long,
    /// up to a fifth more or less by chance.
    pub retry_first: Period,
    /// The longest pause between two attempts.
    pub retry_max: Period,
    /// How long attempts go on before the message comes back to its sender. RFC 5321 §4.5.4.1 wants 4 to 5 days.
    pub expire: Period,
    /// When the sender is told, once, that a message still waits; "0s" for never.
    pub delay_notice: Period,
    /// Messages at the same time. Beyond them submission is refused for the time being.
    pub max_messages: u64,
    /// Octets of all messages.
    pub max_size: Size,
}

impl Default for Queue {
    fn default() -> Queue {
        Queue {
            retry_first: Period::seconds(5 * 60),
            retry_max: Period::seconds(2 * 3600),
            expire: Period::seconds(5 * 24 * 3600),
            delay_notice: Period::seconds(4 * 3600),
            max_messages: 200_000,
            max_size: Size::mebibytes(20 * 1024),
        }
    }
}

/// Delivering to other servers.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Outbound {
    /// Whether mail is sent out at all; without it what is for others stays in the queue.
    pub enabled: bool,
    /// The port of other servers.
    pub port: u16,
    /// Local addresses that connections begin at: the first of IPv4 and the first of IPv6. The system chooses without them.
    pub local_addresses: Vec<IpAddr>,
    /// Connections at the same time.
    pub max_connections: usize,
    /// Connections at the same time for mail to one domain.
    pub max_connections_per_domain: usize,
    /// Messages sent on one connection.
    pub max_messages_per_connection: usize,
    /// How long a connection is kept for another message to the same domain.
    pub keep_idle: Period,
    /// Addresses that are tried for one message before it waits for its next attempt.
    pub max_addresses: usize,
    /// How long an address that took no connection is not tried again.
    pub unreachable: Period,
    /// Whether servers of domains that publish TLSA records must show what those say (DANE, RFC 7672). Wants `dns.dnssec`.
    pub dane: bool,
    /// Whether servers of domains that publish a policy must keep it (MTA-STS, RFC 8461).
    pub mta_sts: bool,
    /// The port at which those policies are fetched. The standard knows no other than 443: one is for trying things out.
    pub mta_sts_port: u16,
    /// PEM file with certificate authorities that are trusted besides those of the system.
    pub authorities: Option<PathBuf>,
    /// How long other servers may take: the defaults are what RFC 5321 §4.5.3.2 wants at least.
    pub timeout: OutboundTimeouts,
}

impl Default for Outbound {
    fn default() -> Outbound {
        Outbound {
            enabled: true,
            port: 25,
            local_addresses: Vec::new(),
            max_connections: 100,
            max_connections_per_domain: 10,
            max_messages_per_connection: 100,
            keep_idle: Period::seconds(2),
            max_addresses: 5,
            unreachable: Period::seconds(60),
            dane: true,
            mta_sts: true,
            mta_sts_port: 443,
            authorities: None,
            timeout: OutboundTimeouts::default(),
        }
    }
}

/// How long other servers may take: the defaults are what RFC 5321 §4.5.3.2 wants at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OutboundTimeouts {
    /// To take a connection.
    pub connect: Period,
    /// To greet.
    pub greeting: Period,
    /// To answer EHLO, STARTTLS and AUTH, and for the handshake of TLS.
    pub hello: Period,
    /// To answer MAIL.
    pub mail: Period,
    /// To answer RCPT.
    pub rcpt: Period,
    /// To answer DATA.
    pub data: Period,
    /// To take a piece of the message.
    pub block: Period,
    /// To answer when the message has ended.
    pub end: Period,
}

impl Default for OutboundTimeouts {
    fn default() -> OutboundTimeouts {
        OutboundTimeouts {
            connect: Period::seconds(30),
            greeting: Period::seconds(300),
            hello: Period::seconds(300),
            mail: Period::seconds(300),
            rcpt: Period::seconds(300),
            data: Period::seconds(120),
            block: Period::seconds(180),
            end: Period::seconds(600),
        }
    }
}

/// A server that mail for a domain, or for all, is handed to. The first route that fits is taken.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// A domain; with a dot in front those below it; `*` for all.
    pub domain: String,
    /// The server's name or address.
    pub host: String,
    /// Its port.
    #[serde(default = "smtp_port")]
    pub port: u16,
    /// `opportunistic` (encrypted if it can be), `verified` (STARTTLS with a certificate good for `host`), `implicit`
    /// (the same, encrypted from the beginning, RFC 8314) or `off`.
    #[serde(default)]
    pub tls: RouteTls,
    /// Name to log in with. Wants `verified` or `implicit`, or, inside a network that is trusted, `off`.
    #[serde(default)]
    pub user: Option<String>,
    /// Its password.
    #[serde(default)]
    pub password: Option<String>,
    /// File whose first line is the password, instead of `password`.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
}

fn smtp_port() -> u16 {
    25
}

/// Passwords are shown to nobody.
impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Route({} to {}:{}, {:?})",
            self.domain, self.host, self.port, self.tls
        )
    }
}

/// How connections of a route are encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum RouteTls {
    /// If it can be, with whom ever.
    #[default]
    Opportunistic,
    /// STARTTLS, with a certificate that is good for the host.
    Verified,
    /// From the beginning, likewise.
    Implicit,
    /// Not at all.
    Off,
}
