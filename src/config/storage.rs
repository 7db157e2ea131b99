//! Settings of the mailboxes on disk and of quotas.

use serde::Deserialize;

use super::{Period, Size};

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
