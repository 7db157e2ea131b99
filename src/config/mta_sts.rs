//! Settings of the MTA-STS policy of our own domains.

use serde::Deserialize;

use super::Period;

/// The MTA-STS policy (RFC 8461) of our own domains: that mail to them is to come encrypted, to servers that can prove who
/// they are. `listen.https` serves it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MtaSts {
    /// How strictly it is meant: `none`, `testing` (others only report what would fail), or `enforce`.
    pub mode: MtaStsMode,
    /// How long others keep to it once they have seen it.
    pub max_age: Period,
    /// The servers that take our mail, `*.` in front of a domain for all within it; `hostname` if there are none.
    pub mx: Vec<String>,
}

/// How strictly a policy is meant (RFC 8461 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MtaStsMode {
    /// Not at all, or not any more.
    None,
    /// What would fail is only reported.
    Testing,
    /// Mail goes to nobody else.
    Enforce,
}

impl Default for MtaSts {
    fn default() -> MtaSts {
        MtaSts {
            mode: MtaStsMode::None,
            max_age: Period::seconds(7 * 24 * 3600),
            mx: Vec::new(),
        }
    }
}
