//! The IMAP server (RFC 3501, RFC 9051 and extensions).
//!
//! Sequence numbers, tags and literals exist only here. One connection is one [`session`]; a command line is cut by the
//! [`framer`], parsed by [`parse`] into a [`command::Command`], and run by its file in [`commands`].

pub(crate) mod command;
pub(crate) mod commands;
pub(crate) mod fetch;
pub(crate) mod framer;
mod header;
pub(crate) mod numbering;
pub(crate) mod output;
pub mod parse;
pub(crate) mod search;
pub(crate) mod session;
pub(crate) mod summaries;
pub(crate) mod updates;

pub use session::Imap;

/// Serves one connection until it ends or `shutdown` is cancelled (then: BYE).
pub async fn serve(
    _imap: std::sync::Arc<Imap>,
    _connection: crate::net::connection::Connection,
    _shutdown: tokio_util::sync::CancellationToken,
) {
    todo!()
}
