//! What LIST asks for.

use super::StatusItem;

/// LIST (RFC 9051 §6.3.9, RFC 5258, RFC 5819, RFC 6154, RFC 8440).
#[derive(Clone, Debug, PartialEq, Default)]
#[allow(missing_docs)]
pub struct List {
    /// Whether any LIST-EXTENDED syntax was used.
    pub extended: bool,
    /// Selection options.
    pub select_subscribed: bool,
    pub select_remote: bool,
    pub select_recursive_match: bool,
    pub select_special_use: bool,
    /// The reference name, decoded to UTF-8.
    pub reference: String,
    /// Patterns, decoded to UTF-8, wildcards left. Never empty.
    pub patterns: Vec<String>,
    /// Return options.
    pub return_subscribed: bool,
    pub return_children: bool,
    pub return_special_use: bool,
    pub return_status: Option<Vec<StatusItem>>,
    /// RFC 8440.
    pub return_my_rights: bool,
    /// The entries wanted of each mailbox (RFC 9590).
    pub return_metadata: Option<Vec<String>>,
}
