//! Settings: read once, checked once. `config.example.toml` is the reference, and a test keeps the two equal.
//!
//! Each room receives its own sub-struct, which a file of its name declares; nothing else reads configuration.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

pub use crate::net::dns::Dnssec;
pub use crate::net::network::Network;
pub use endpoint::{Destination, Endpoint, Mode};
pub use forward::Forward;
pub use imap::Imap;
pub use load::{ConfigError, Problem};
pub use login::{Login, Oauth};
pub use milter::{Milter, MilterFailure, MilterMail, MilterService};
pub use mta_sts::{MtaSts, MtaStsMode};
pub use origin::{Action, Blocklist, Greylisting, Origin};
pub use outbound::{Outbound, OutboundTimeouts, Queue, Route, RouteTls};
pub use reports::Reports;
pub use sieve::Sieve;
pub use smtp::{Lmtp, Smtp};
pub use storage::{Quota, Storage};
pub use training::Training;
pub use units::{Period, Secret, Size};

mod check;
mod endpoint;
mod forward;
mod imap;
pub mod load;
mod login;
mod milter;
mod mta_sts;
mod origin;
mod outbound;
mod reports;
mod sieve;
mod smtp;
mod storage;
mod training;
mod units;

/// All settings.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where mail, index and accounts live.
    pub data: PathBuf,
    /// This server's name, as greeting and Received say it.
    pub hostname: String,
    /// How long running transactions may take to finish after SIGTERM.
    pub drain: Period,
    /// Addresses to listen on.
    pub listen: Listen,
    /// A proxy in front that tells whose connection it is.
    pub proxy: Proxy,
    /// Certificate and key.
    pub tls: Tls,
    /// What is logged and how.
    pub log: Log,
    /// Looking names up.
    pub dns: Dns,
    /// Mail from other servers: who sent it, and what becomes of it.
    pub origin: Origin,
    /// Filters such as rspamd that are asked about mail, in this order. The end of this file shows how one is written.
    pub milter: Vec<Milter>,
    /// Teaching rspamd: what users move into Junk is learnt as spam, what they move out of it as ham. Off without `url`.
    pub training: Training,
    /// Logging in.
    pub login: Login,
    /// Limits and timeouts of SMTP.
    pub smtp: Smtp,
    /// Local delivery for another MTA in front (LMTP, RFC 2033).
    pub lmtp: Lmtp,
    /// Limits and timeouts of IMAP.
    pub imap: Imap,
    /// Sieve: rules of accounts for their mail, and ManageSieve, by which they are changed.
    pub sieve: Sieve,
    /// Mail on its way: when it is tried again, and how much of it there may be.
    pub queue: Queue,
    /// Delivering to other servers.
    pub outbound: Outbound,
    /// Servers that mail for a domain, or for all, is handed to instead of those that its MX records name. The end of this
    /// file shows how one is written.
    pub route: Vec<Route>,
    /// Mail that aliases and Sieve scripts forward to other servers, and addresses to which no more is sent.
    pub forward: Forward,
    /// Reports that servers send each other every day: how mail in a domain's name fared (DMARC), and how encryption to its
    /// servers did (TLS).
    pub reports: Reports,
    /// The MTA-STS policy (RFC 8461) of our own domains: that mail to them is to come encrypted, to servers that can prove
    /// who they are. `listen.https` serves it.
    pub mta_sts: MtaSts,
    /// Mailboxes on disk.
    pub storage: Storage,
    /// What an account may hold that has no quota of its own (`posthaste account quota`). Without limits by default.
    pub quota: Quota,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            data: PathBuf::from("/var/lib/posthaste"),
            hostname: "localhost".to_owned(),
            drain: Period::seconds(10),
            listen: Listen::default(),
            proxy: Proxy::default(),
            tls: Tls::default(),
            log: Log::default(),
            dns: Dns::default(),
            origin: Origin::default(),
            milter: Vec::new(),
            training: Training::default(),
            login: Login::default(),
            smtp: Smtp::default(),
            lmtp: Lmtp::default(),
            imap: Imap::default(),
            sieve: Sieve::default(),
            queue: Queue::default(),
            outbound: Outbound::default(),
            route: Vec::new(),
            forward: Forward::default(),
            reports: Reports::default(),
            mta_sts: MtaSts::default(),
            storage: Storage::default(),
            quota: Quota::default(),
        }
    }
}

/// Addresses to listen on; an empty list switches a service off.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listen {
    /// SMTP from other servers (RFC 5321), STARTTLS offered.
    pub smtp: Vec<SocketAddr>,
    /// Submission with STARTTLS (RFC 6409).
    pub submission: Vec<SocketAddr>,
    /// Submission over implicit TLS (RFC 8314).
    pub submissions: Vec<SocketAddr>,
    /// IMAP with STARTTLS.
    pub imap: Vec<SocketAddr>,
    /// IMAP over implicit TLS (RFC 8314).
    pub imaps: Vec<SocketAddr>,
    /// ManageSieve with STARTTLS (RFC 5804).
    pub managesieve: Vec<SocketAddr>,
    /// HTTPS, which serves the MTA-STS policy of our domains (`[mta_sts]`) and nothing else: `["[::]:443"]`. Off without.
    pub https: Vec<SocketAddr>,
}

impl Default for Listen {
    fn default() -> Listen {
        let all = |port| vec![SocketAddr::from(([0u16; 8], port))];
        Listen {
            smtp: all(25),
            submission: all(587),
            submissions: all(465),
            imap: all(143),
            imaps: all(993),
            managesieve: all(4190),
            https: Vec::new(),
        }
    }
}

/// A proxy in front that tells whose connection it is.
#[derive(Clone, Debug, PartialEq, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Proxy {
    /// Networks and addresses of proxies. Every connection from there, on every port, must begin with a header of the PROXY
    /// protocol (version 1 or 2), before TLS too, and counts as the client's that the header names.
    pub trusted: Vec<Network>,
}

/// Certificate and key. Without them a self-signed certificate is made in the data folder at first start.
#[derive(Clone, Debug, PartialEq, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// PEM file with the certificate chain, the server's own first. Read again when it changes.
    pub certificate: Option<PathBuf>,
    /// PEM file with the private key.
    pub key: Option<PathBuf>,
}

/// What is logged and how.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// `auto` (human on a terminal, JSON elsewhere), `human` or `json`.
    pub format: LogFormat,
    /// A filter such as `info` or `posthaste=debug,info`.
    pub filter: String,
}

impl Default for Log {
    fn default() -> Log {
        Log {
            format: LogFormat::Auto,
            filter: "info".to_owned(),
        }
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Human on a terminal, JSON elsewhere.
    Auto,
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// Looking names up.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dns {
    /// Name servers to ask; an empty list for those of the system.
    pub servers: Vec<SocketAddr>,
    /// Whether DNSSEC proves what DANE is built on (RFC 7672): `auto` (if the name servers hand out signatures), `on` or
    /// `off`.
    pub dnssec: Dnssec,
    /// File with DNSKEY records that are trusted instead of the root's.
    pub trust_anchor: Option<PathBuf>,
    /// How long a name server may take for an answer before it is asked again; twice in all.
    pub timeout: Period,
    /// Answers that are remembered at the same time.
    pub cache_entries: u64,
}

impl Default for Dns {
    fn default() -> Dns {
        Dns {
            servers: Vec::new(),
            dnssec: Dnssec::Auto,
            trust_anchor: None,
            timeout: Period::seconds(5),
            cache_entries: 8192,
        }
    }
}
