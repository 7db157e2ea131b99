//! The ManageSieve edge (RFC 5804): an account's scripts are listed, read, checked, stored and activated from afar.
//!
//! `request` takes commands off the connection, `dispatch` is the table of states and commands, `commands/` has a file for each,
//! `reply` writes answers.
//!
//! Invariants: a script is stored only after it was compiled, whole, and on disk when OK is said; passwords are taken where
//! the settings allow it; memory for one connection is bounded by the largest script.

mod commands;
mod dispatch;
mod reply;
mod request;
mod serve;
mod session;

pub use serve::serve;
pub use session::ManageSieve;
