//! Settings of IMAP.

use serde::Deserialize;

use super::{Period, Size};

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
