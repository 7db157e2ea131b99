//! The vocabulary of mail: addresses, flags, identifiers, names, messages. Pure: no I/O, no SQL, no wire.
//!
//! Everything above speaks in these types, and no `String` crosses a layer where one of them exists.

pub mod address;
pub(crate) mod base_subject;
pub(crate) mod binary;
pub(crate) mod collation;
pub mod date;
pub mod dsn;
pub(crate) mod encode;
pub(crate) mod encoded_word;
pub mod envelope;
pub mod flags;
pub mod handling;
pub(crate) mod header;
pub mod ids;
pub(crate) mod line_ends;
pub mod mailbox_name;
pub(crate) mod message_id;
pub mod mime;
pub(crate) mod passage;
pub(crate) mod preview;
pub mod rights;
pub mod script_name;
pub mod summary;
pub(crate) mod thread;
pub(crate) mod transfer;
pub mod uidset;
pub mod utf7;
