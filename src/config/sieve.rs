//! Settings of Sieve and ManageSieve.

use serde::Deserialize;

use super::{Period, Size};

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
