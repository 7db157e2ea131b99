//! Settings of mail that is forwarded to other servers.

use serde::Deserialize;

use super::Period;

/// Mail that aliases and Sieve scripts forward to other servers, and addresses to which no more is sent.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Forward {
    /// Whether senders elsewhere are rewritten (SRS), so that the other servers see a sender for whom this server may send.
    pub srs: bool,
    /// The domain of rewritten senders, whose MX records must lead here. Without it that of the alias or account that forwards.
    pub srs_domain: Option<String>,
    /// How long a rewritten sender takes reports back, in whole days.
    pub srs_expire: Period,
    /// Whether what was found out about a message is sealed (ARC, RFC 8617) with the DKIM key of the domain that forwards it.
    pub arc: bool,
    /// Whether an address goes to an account's suppression list when its server says for good that there is none such.
    pub suppress_failed: bool,
    /// How long it stays there.
    pub suppress_for: Period,
}

impl Default for Forward {
    fn default() -> Forward {
        Forward {
            srs: true,
            srs_domain: None,
            srs_expire: Period::seconds(21 * 24 * 3600),
            arc: true,
            suppress_failed: false,
            suppress_for: Period::seconds(30 * 24 * 3600),
        }
    }
}
