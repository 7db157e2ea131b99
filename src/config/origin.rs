//! Settings of the judgement on mail from other servers.

use serde::Deserialize;

use super::{Network, Period};

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
