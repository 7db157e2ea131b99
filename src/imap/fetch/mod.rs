//! What FETCH answers with (RFC 3501 §6.4.5 and §7.4.2, RFC 9051 §7.5.2), item by item. The command itself is
//! `commands/fetch.rs`.
//!
//! Pure writers but for [`body`] and [`binary`], which send bytes of the file. Nothing here changes a message.

pub(crate) mod ahead;
pub(crate) mod binary;
pub(crate) mod body;
pub(crate) mod envelope;
pub(crate) mod items;
pub(crate) mod label;
pub(crate) mod plan;
pub(crate) mod previews;
pub(crate) mod section;
pub(crate) mod structure;

#[cfg(test)]
mod corpus;
