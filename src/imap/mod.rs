//! The IMAP server (RFC 3501, RFC 9051 and extensions).
//!
//! Sequence numbers, tags and literals exist only here. One connection is one [`session`]; a command line is cut by the
//! [`framer`], parsed by [`parse`] into a [`command::Command`], and run by its file in [`commands`].

mod answer;
mod capability;
pub(crate) mod command;
pub(crate) mod commands;
mod dialect;
mod dispatch;
pub(crate) mod fetch;
pub(crate) mod framer;
mod hierarchy;
mod namespaces;
pub(crate) mod notify;
pub(crate) mod numbering;
pub(crate) mod object_id;
mod output;
pub mod parse;
mod pattern;
mod progress;
mod resync;
pub(crate) mod search;
mod sequence;
mod serve;
pub(crate) mod session;
pub(crate) mod sort;
mod standing;
pub(crate) mod summaries;
mod switched_off;
pub(crate) mod updates;
mod upload;
mod url;

pub use dialect::Dialect;
pub use serve::serve;
pub use session::Imap;
pub use switched_off::{UnknownCapability, capability_named, check};
