//! Settings: read once, checked once. `config.example.toml` is the reference, and a test keeps the two equal.
//!
//! Each room receives its own sub-struct; nothing else reads configuration.

use serde::Deserialize;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use crate::net::http::Url;
pub use crate::net::network::Network;

pub use crate::net::dns::Dnssec;
pub use endpoint::{Endpoint, Mode};
pub use load::{ConfigError, Problem};
pub use units::{Period, Secret, Size};

mod check;
mod endpoint;
pub mod load;
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
            login: Login::default(),
            smtp: Smtp::default(),
            lmtp: Lmtp::default(),
            imap: Imap::default(),
            sieve: Sieve::default(),
            queue: Queue::default(),
            outbound: Outbound::default(),
            route: Vec::new(),
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

/// Mail from other servers: who sent it, and what becomes of it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Origin {
    /// Networks whose mail is not judged at all.
    pub trusted: Vec<Network>,
    /// Networks behind which senders are hidden, such as a container's gateway: from there nothing is judged by address, and
    /// DMARC is only told, for it is half about the address.
    pub gateways: Vec<Network>,
    /// How long all that is looked up for a message may take. What is not known by then is a temporary error.
    pub timeout: Period,
    /// When SPF says that the sending server may not use the sender's domain (RFC 7208): `accept`, `junk`, `reject` or
    /// `tempfail`.
    pub spf_fail: Action,
    /// When the author's domain is not proven and its DMARC policy is `reject` (RFC 7489).
    pub dmarc_reject: Action,
    /// When the author's domain is not proven and its DMARC policy is `quarantine`.
    pub dmarc_quarantine: Action,
    /// When a message has no author, or authors in several fields or of several domains, so that DMARC cannot be asked.
    pub unclear_author: Action,
    /// When it could not be found out whether SPF or DMARC allow a message, because the DNS does not answer.
    pub temporary_error: Action,
    /// When the sending server's address has no name that leads back to it.
    pub no_reverse_name: Action,
    /// When the sending server calls itself by our name, or by an address that is not its own.
    pub false_greeting: Action,
    /// When the sender's domain says that it takes no mail (RFC 7505), so that no report could reach it.
    pub null_mx: Action,
    /// When the sender's domain does not exist, or has no server for mail.
    pub no_mx: Action,
    /// Domains whose seals are believed when they say that a message was in order before they forwarded it (ARC, RFC 8617).
    pub trusted_forwarders: Vec<String>,
    /// Lists of addresses in the DNS (RFC 5782): `{ zone, action, answers }`. Without `answers`, any of 127.0.0.0/8 counts.
    pub blocklists: Vec<Blocklist>,
    /// Whether mail that was never seen before is put off once, for programs that do not try again: `off`, `unverified` (what
    /// neither SPF nor DKIM vouch for) or `all`.
    pub greylisting: Greylisting,
    /// How long such mail is put off.
    pub greylist_delay: Period,
    /// How long the next try may take.
    pub greylist_window: Period,
    /// How long it is remembered who has tried again.
    pub greylist_memory: Period,
    /// Messages from one network (an IPv4 address or a /64 of IPv6) within an hour; 0 for no limit.
    pub max_messages: usize,
    /// Recipients from one network within an hour; 0 for no limit.
    pub max_recipients: usize,
    /// Messages from one sender's address within an hour; 0 for no limit.
    pub max_messages_per_sender: usize,
    /// Connections from one network within an hour; 0 for no limit.
    pub max_connections: usize,
    /// Recipients that do not exist, asked for from one network within an hour, after which it is turned away; 0 for no
    /// limit.
    pub max_unknown_recipients: usize,
    /// How long an answer about a recipient that does not exist is held back; "0s" for not at all.
    pub tarpit: Period,
}

impl Default for Origin {
    fn default() -> Origin {
        let networks = |list: &[&str]| list.iter().filter_map(|network| network.parse().ok()).collect();
        Origin {
            trusted: networks(&["127.0.0.0/8", "::1"]),
            gateways: networks(&[
                "10.0.0.0/8",
                "172.16.0.0/12",
                "192.168.0.0/16",
                "100.64.0.0/10",
                "169.254.0.0/16",
                "fc00::/7",
                "fe80::/10",
            ]),
            timeout: Period::seconds(15),
            spf_fail: Action::Accept,
            dmarc_reject: Action::Reject,
            dmarc_quarantine: Action::Junk,
            unclear_author: Action::Junk,
            temporary_error: Action::Accept,
            no_reverse_name: Action::Accept,
            false_greeting: Action::Junk,
            null_mx: Action::Reject,
            no_mx: Action::Junk,
            trusted_forwarders: Vec::new(),
            blocklists: Vec::new(),
            greylisting: Greylisting::Unverified,
            greylist_delay: Period::seconds(60),
            greylist_window: Period::seconds(2 * 24 * 3600),
            greylist_memory: Period::seconds(60 * 24 * 3600),
            max_messages: 2000,
            max_recipients: 10_000,
            max_messages_per_sender: 0,
            max_connections: 2000,
            max_unknown_recipients: 100,
            tarpit: Period::seconds(2),
        }
    }
}

/// What becomes of a message for one reason. The strictest reason decides.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Nothing.
    Accept,
    /// It goes to Junk, with the reason in its header.
    Junk,
    /// It is refused for the time being (4yz).
    Tempfail,
    /// It is refused for good (5yz).
    Reject,
}

/// Which mail is put off at its first try.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Greylisting {
    /// None.
    Off,
    /// What neither SPF nor DKIM vouch for.
    Unverified,
    /// All.
    All,
}

/// A list of addresses in the DNS (RFC 5782).
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blocklist {
    /// The list's domain.
    pub zone: String,
    /// What becomes of mail from an address on it.
    #[serde(default = "junk")]
    pub action: Action,
    /// The answers that count; all of 127.0.0.0/8 if there are none here. Never 127.255.255.0/24, by which lists refuse to
    /// answer.
    #[serde(default)]
    pub answers: Vec<Network>,
}

fn junk() -> Action {
    Action::Junk
}

/// A filter that is asked about mail, by the milter protocol of Sendmail.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Milter {
    /// What it is called in the log, and in the header of what it has sent to Junk.
    pub name: String,
    /// Where it listens.
    pub address: Endpoint,
    /// Which mail it is asked about: what comes by `smtp`, by `submission`, or both.
    #[serde(default = "smtp_only")]
    pub services: Vec<MilterService>,
    /// Of what comes by SMTP: that of `strangers`, or `all`, from `origin.trusted` too.
    #[serde(default)]
    pub mail: MilterMail,
    /// What becomes of mail when the filter cannot be asked: `tempfail` (the client tries again later) or `accept`.
    #[serde(default)]
    pub on_failure: MilterFailure,
    /// Fields with which it marks what it takes for spam, by a value that begins with "Yes": such mail goes to Junk.
    #[serde(default = "spam_fields")]
    pub junk_fields: Vec<String>,
    /// How long it may take to accept a connection.
    #[serde(default = "milter_connect")]
    pub connect_timeout: Period,
    /// How long it may take for one answer.
    #[serde(default = "milter_answer")]
    pub timeout: Period,
    /// How long it may take for a message altogether.
    #[serde(default = "milter_deadline")]
    pub deadline: Period,
}

fn smtp_only() -> Vec<MilterService> {
    vec![MilterService::Smtp]
}

fn spam_fields() -> Vec<String> {
    vec!["X-Spam".to_owned(), "X-Spam-Flag".to_owned()]
}

fn milter_connect() -> Period {
    Period::seconds(5)
}

fn milter_answer() -> Period {
    Period::seconds(30)
}

fn milter_deadline() -> Period {
    Period::seconds(120)
}

/// How mail comes about which a filter is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MilterService {
    /// From other servers.
    Smtp,
    /// From our users.
    Submission,
}

/// From whom mail comes by SMTP about which a filter is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum MilterMail {
    /// Whom nobody trusts.
    #[default]
    Strangers,
    /// Everybody.
    All,
}

/// What becomes of mail when a filter cannot be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum MilterFailure {
    /// It goes on without having been filtered.
    Accept,
    /// It is refused for the time being.
    #[default]
    Tempfail,
}

/// Logging in, by IMAP or submission.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Login {
    /// Password hashes computed at the same time; each takes about 19 MiB while it runs.
    pub concurrent_hashes: usize,
    /// How long a password that was right is remembered (as a keyed digest in memory), so that a client that opens ten
    /// connections costs one hash.
    pub cache: Period,
    /// Whether LOGIN and AUTH are refused on unencrypted connections. Loopback is no exception.
    pub require_tls: bool,
    /// Sessions of one account at the same time, of IMAP and of submission each.
    pub max_connections_per_account: usize,
    /// Connections from one address at the same time (of IPv6: one /64). Private and loopback addresses are not counted:
    /// behind a gateway are many.
    pub max_connections_per_address: usize,
    /// How long a session past the limit of its account waits for another one to end, before it is refused; "0s" for not
    /// at all.
    pub connection_wait: Period,
    /// Failed logins of one account from one address, after which it is turned away there; 0 for no limit.
    pub max_failures: usize,
    /// Failed logins from one address, after which it is turned away; 0 for no limit. Never one from which somebody logs in,
    /// nor a private one.
    pub max_failures_per_address: usize,
    /// Failed logins of one account from anywhere, after which it is turned away from where it has not logged in before;
    /// 0 for no limit.
    pub max_failures_per_account: usize,
    /// How long failed logins are remembered, and those with too many of them turned away.
    pub block: Period,
    /// Logging in by access tokens (OAUTHBEARER, RFC 7628, and XOAUTH2) of one issuer: JSON Web Tokens, verified with its
    /// public keys, or tokens of any kind, about which it is asked. Switched off without an issuer.
    pub oauth: Oauth,
}

impl Default for Login {
    fn default() -> Login {
        Login {
            concurrent_hashes: 2,
            cache: Period::seconds(60),
            require_tls: true,
            max_connections_per_account: 500,
            max_connections_per_address: 1000,
            connection_wait: Period::seconds(2),
            max_failures: 10,
            max_failures_per_address: 30,
            max_failures_per_account: 100,
            block: Period::seconds(15 * 60),
            oauth: Oauth::default(),
        }
    }
}

/// Logging in by access tokens: whose, and how they are verified.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Oauth {
    /// Whose tokens are taken: what their claim `iss` says.
    pub issuer: Option<String>,
    /// For whom tokens must be made: one of these in the claim `aud`. May be left out with `introspection`.
    pub audience: Vec<String>,
    /// Where the issuer's public keys are: its JWK Set. Without keys from anywhere, and without `introspection`, its OpenID
    /// configuration says where.
    pub jwks: Option<Url>,
    /// File with the issuer's public keys: a JWK Set, or PEM. RS256, ES256 and EdDSA. Read again when it changes.
    pub keys: Option<PathBuf>,
    /// The issuer's public key as PEM text, instead of a file.
    pub public_key: Option<String>,
    /// Where the issuer is asked about each token (RFC 7662), instead of verifying it with keys.
    pub introspection: Option<Url>,
    /// As whom this server asks there.
    pub client_id: Option<String>,
    /// The secret of `client_id`; without that, a token with which this server asks.
    pub client_secret: Option<Secret>,
    /// How long what the issuer said of a good token is believed, so that a client that opens ten connections asks once.
    pub cache: Period,
    /// How long the issuer may take for an answer.
    pub timeout: Period,
    /// PEM file with authorities that the issuer's certificate may be from, beside those that the system trusts.
    pub authorities: Option<PathBuf>,
    /// The claim with the address of the account.
    pub claim: String,
    /// A scope that tokens must have; clients without one are told.
    pub scope: Option<String>,
    /// Where clients that are refused learn how to get a token: the address of the issuer's OpenID configuration, if that is
    /// not where the issuer's name leads to.
    pub discovery: Option<Url>,
    /// How far the issuer's clock may be from ours.
    pub leeway: Period,
}

impl Default for Oauth {
    fn default() -> Oauth {
        Oauth {
            issuer: None,
            audience: Vec::new(),
            jwks: None,
            keys: None,
            public_key: None,
            introspection: None,
            client_id: None,
            client_secret: None,
            cache: Period::seconds(60),
            timeout: Period::seconds(5),
            authorities: None,
            claim: "email".to_owned(),
            scope: None,
            discovery: None,
            leeway: Period::seconds(60),
        }
    }
}

impl Oauth {
    /// The address of the issuer's OpenID configuration: as it is set, or where the issuer's name leads to (OpenID Connect
    /// Discovery 1.0 §4). `None` where nobody could be asked safely.
    pub fn configuration(&self) -> Option<Url> {
        let found = || {
            let issuer = self.issuer.as_deref()?;
            let text = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
            Url::parse(&text).ok()
        };
        self.discovery.clone().or_else(found).filter(Url::is_safe)
    }
}

/// Limits and timeouts of SMTP.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Smtp {
    /// The largest message taken, announced by SIZE (RFC 1870).
    pub max_message_size: Size,
    /// Recipients of one message. RFC 5321 §4.5.3.1.8 wants at least 100.
    pub max_recipients: usize,
    /// How long the client may take for a command or a piece of a message (RFC 5321 §4.5.3.2).
    pub timeout: Period,
    /// Commands refused before the connection is closed.
    pub max_errors: usize,
    /// Connections at the same time, all SMTP and submission ports together.
    pub max_connections: usize,
    /// How long our users may have a message wait before it is delivered (FUTURERELEASE); "0s" for not at all.
    pub max_hold: Period,
    /// Whether the From field of what an account submits must name addresses of its own only, as the envelope must.
    pub check_author: bool,
    /// Messages that an account may submit within an hour; 0 for no limit.
    pub messages_per_hour: u64,
    /// Messages that an account may submit within a day; 0 for no limit.
    pub messages_per_day: u64,
    /// Recipients that an account may write to within an hour, counted anew for each message; 0 for no limit.
    pub recipients_per_hour: u64,
    /// Recipients that an account may write to within a day; 0 for no limit.
    pub recipients_per_day: u64,
}

impl Default for Smtp {
    fn default() -> Smtp {
        Smtp {
            max_message_size: Size::mebibytes(50),
            max_recipients: 1000,
            timeout: Period::seconds(300),
            max_errors: 20,
            max_connections: 1000,
            max_hold: Period::seconds(30 * 24 * 3600),
            check_author: true,
            messages_per_hour: 500,
            messages_per_day: 2000,
            recipients_per_hour: 2000,
            recipients_per_day: 5000,
        }
    }
}

/// Local delivery for another MTA in front (LMTP, RFC 2033).
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lmtp {
    /// Unix sockets and ports to listen on. Whoever reaches them is trusted and delivers to accounts of this server, without
    /// login or TLS. The limits and timeouts are those of SMTP.
    pub listen: Vec<Endpoint>,
    /// Permissions of the Unix sockets' files, which belong to the user and group of the server.
    pub mode: Mode,
}

impl Default for Lmtp {
    fn default() -> Lmtp {
        Lmtp {
            listen: Vec::new(),
            mode: Mode::new(0o660),
        }
    }
}

/// Limits and timeouts of IMAP.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Imap {
    /// Between two untagged OKs to a client in IDLE, so that NAT tables do not forget it.
    pub heartbeat: Period,
    /// Silence after which a client that does not idle is logged out. RFC 9051 §5.4 wants at least 30 minutes.
    pub timeout: Period,
    /// How long a client may take to log in.
    pub login_timeout: Period,
    /// How long a write may wait for the client to take it.
    pub write_timeout: Period,
    /// The longest command, its literals included but for the message of APPEND.
    pub max_command: Size,
    /// The largest message APPEND takes.
    pub max_append: Size,
    /// Capabilities that are not announced, by their names in CAPABILITY; the commands and options that they bring are
    /// refused. Some clients break on what they should not read; `posthaste account capability` does it for one account.
    pub disable: Vec<String>,
    /// What clients may tell people about this server (the annotation /shared/comment).
    pub comment: Option<String>,
    /// How to reach whoever runs this server: a URI (the annotation /shared/admin).
    pub admin: Option<String>,
    /// Commands refused as BAD in a row before the connection is closed.
    pub max_errors: usize,
    /// Sessions compressed at the same time (COMPRESS, RFC 4978); others go on without. Each takes up to 360 KiB while it is
    /// busy, and some 50 KiB while it idles. 0 switches compression off.
    pub max_compressed: usize,
    /// Connections at the same time, both IMAP ports together.
    pub max_connections: usize,
}

impl Default for Imap {
    fn default() -> Imap {
        Imap {
            heartbeat: Period::seconds(120),
            timeout: Period::seconds(30 * 60),
            login_timeout: Period::seconds(60),
            write_timeout: Period::seconds(120),
            max_command: Size::kibibytes(256),
            max_append: Size::mebibytes(50),
            disable: Vec::new(),
            comment: None,
            admin: None,
            max_errors: 20,
            max_compressed: 500,
            max_connections: 10_000,
        }
    }
}

/// Sieve: rules of accounts for their mail, and ManageSieve, by which they are changed.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sieve {
    /// Scripts of one account.
    pub max_scripts: usize,
    /// The largest script, at most 1 MiB.
    pub max_script_size: Size,
    /// Silence after which a client is logged out. RFC 5804 §1.5 wants at least 30 minutes.
    pub timeout: Period,
    /// How long a client may take to log in.
    pub login_timeout: Period,
    /// Commands in a row that are none before the connection is closed.
    pub max_errors: usize,
    /// Connections at the same time.
    pub max_connections: usize,
}

impl Default for Sieve {
    fn default() -> Sieve {
        Sieve {
            max_scripts: 32,
            max_script_size: Size::kibibytes(256),
            timeout: Period::seconds(30 * 60),
            login_timeout: Period::seconds(60),
            max_errors: 20,
            max_connections: 1_000,
        }
    }
}

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

/// Mailboxes on disk.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Storage {
    /// How long an operation waits for the index before it fails for the time being (451, NO).
    pub index_timeout: Period,
    /// Whether the Maildirs are watched for what other programs do.
    pub watch: bool,
    /// How long expunged messages are remembered for clients that come back and want to know what has gone (QRESYNC).
    pub remember_expunged: Period,
    /// Mailboxes of one account.
    pub max_mailboxes: usize,
    /// Whether texts are indexed, so that searching for them does not read every message. Takes about as much space on disk
    /// as the texts do.
    pub full_text: bool,
}

impl Default for Storage {
    fn default() -> Storage {
        Storage {
            index_timeout: Period::seconds(10),
            watch: true,
            remember_expunged: Period::seconds(90 * 24 * 3600),
            max_mailboxes: 5000,
            full_text: true,
        }
    }
}

/// What an account may hold that has no quota of its own (`posthaste account quota`). Without limits by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Quota {
    /// Octets of all its messages.
    pub storage: Option<Size>,
    /// Messages.
    pub messages: Option<u64>,
    /// Mailboxes.
    pub mailboxes: Option<u64>,
}
