//! What a script may require (RFC 5228 §3.2), and so what ManageSieve announces (RFC 5804 §1.7).

/// The names that `require` takes, in the order in which they are announced.
pub const CAPABILITIES: [&str; 23] = [
    // RFC 5228
    "fileinto",
    "envelope",
    "encoded-character",
    "comparator-i;octet",
    "comparator-i;ascii-casemap",
    // RFC 5231, RFC 5051
    "comparator-i;ascii-numeric",
    "comparator-i;unicode-casemap",
    // RFC 5429
    "reject",
    "ereject",
    // RFC 5230, RFC 6131
    "vacation",
    "vacation-seconds",
    // RFC 5232
    "imap4flags",
    // RFC 5173
    "body",
    // RFC 5229
    "variables",
    // RFC 5231
    "relational",
    // RFC 5233
    "subaddress",
    // RFC 3894
    "copy",
    // RFC 5490
    "mailbox",
    // RFC 8579
    "special-use",
    // RFC 7352
    "duplicate",
    // RFC 5293
    "editheader",
    // RFC 5260
    "date",
    "index",
];

/// The name of a capability as a script writes it, if it is one of ours.
pub(super) fn find(name: &str) -> Option<&'static str> {
    CAPABILITIES.into_iter().find(|known| *known == name)
}
