//! Mail addresses (RFC 5321 §4.1.2, RFC 6531 §3.3).

use std::fmt;

/// A mailbox address: local part and domain, each checked, quotes taken off the local part, domain in lower-case U-labels
/// (or an address literal with its brackets). Compared and hashed as normalised by [`Address::parse`]; the local part keeps its case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Address {
    local: String,
    domain: String,
}

/// Why a text is no address.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a mail address")]
pub struct InvalidAddress;

impl Address {
    /// From `local@domain`, with or without quotes around the local part.
    pub fn parse(_text: &str) -> Result<Address, InvalidAddress> {
        todo!()
    }

    /// The local part, unquoted.
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The domain, normalised.
    pub fn domain(&self) -> &str {
        &self.domain
    }
}

/// With quotes around the local part where it needs them.
impl fmt::Display for Address {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}
