//! Settings of reports: those that are sent to other domains, and those that come.

use serde::Deserialize;

use super::Period;

/// Reports that servers send each other every day: how mail in a domain's name fared (DMARC), and how encryption to its
/// servers did (TLS).
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reports {
    /// Whether domains that ask for reports get them, once a day.
    pub send: bool,
    /// The address that they come from; postmaster of a domain of ours without it, above all of that of `hostname`.
    pub from: Option<String>,
    /// Local parts of addresses in our domains: reports that come to one of them are read, so that
    /// `posthaste reports received` can show them. The first stands in the records of `posthaste domain dns`.
    pub addresses: Vec<String>,
    /// How long it is kept what reports are made of, and what others reported.
    pub keep: Period,
}

impl Default for Reports {
    fn default() -> Reports {
        Reports {
            send: true,
            from: None,
            addresses: vec!["postmaster".to_owned()],
            keep: Period::seconds(90 * 24 * 3600),
        }
    }
}
