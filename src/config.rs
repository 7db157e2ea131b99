//! Settings: read once, checked once. `config.example.toml` is the reference, and a test keeps the two equal.

use serde::Deserialize;
use std::path::PathBuf;

/// All settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where mail, index and accounts live.
    pub data: PathBuf,
    /// This server's name, as greeting and Received say it.
    pub hostname: String,
    /// Limits and timeouts of SMTP.
    pub smtp: Smtp,
    /// Limits and timeouts of IMAP.
    pub imap: Imap,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            data: PathBuf::from("/var/lib/posthaste"),
            hostname: "localhost".to_owned(),
            smtp: Smtp::default(),
            imap: Imap::default(),
        }
    }
}

/// Settings of `smtp/`.
#[derive(Clone, Debug, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Smtp {}

/// Settings of `imap/`.
#[derive(Clone, Debug, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Imap {}
