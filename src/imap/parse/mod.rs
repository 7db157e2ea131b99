//! The grammar of commands (RFC 9051 §9): bytes to [`Command`](super::command::Command). Pure.

use super::command::Command;

/// Why a line is no command. The tag, when one was seen, is for the answer.
#[derive(Clone, Debug, PartialEq)]
pub enum ParseError {
    /// BAD, with a text that names what is wrong and where.
    Bad {
        /// The tag, or `None` for an untagged BAD.
        tag: Option<String>,
        /// For the client. Never holds CR, LF or anything the client could use to forge a line.
        text: String,
    },
    /// NO \[BADCHARSET\] (RFC 9051 §6.4.4).
    BadCharset {
        /// The tag.
        tag: String,
    },
    /// NO \[USEATTR\]: CREATE asks for a special use that no mailbox can have here (RFC 6154 §3).
    UseAttribute {
        /// The tag.
        tag: String,
    },
    /// Untagged BYE with this text, then close: this is no IMAP client (a web browser, a TLS handshake), or it sends more
    /// than anybody would read to its end.
    Hopeless {
        /// For the client; a constant.
        text: &'static str,
    },
}

/// Parses one whole command: its lines joined, literals in place as `{n}CRLF` + n bytes (the CRLF that ends the command
/// taken off). `utf8` is whether UTF8=ACCEPT or IMAP4rev2 is enabled: then mailbox names and quoted strings are UTF-8; without it
/// mailbox names are modified UTF-7 (and raw UTF-8 is taken as it is when it is no valid modified UTF-7).
pub fn command(_bytes: &[u8], _utf8: bool) -> Result<Command, ParseError> {
    todo!()
}
