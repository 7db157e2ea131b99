//! What APPEND and REPLACE are made of (RFC 3502, RFC 4469, RFC 6855 §4, RFC 8508).

use super::{MailboxArgument, SequenceSet};
use crate::mail::date::Timestamp;
use crate::mail::flags::FlagList;

/// REPLACE and UID REPLACE (RFC 8508) as far as the first literal of the message.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Replace {
    pub uid: bool,
    /// What is replaced: one number or UID.
    pub message: SequenceSet,
    pub mailbox: MailboxArgument,
    pub pieces: Vec<AppendPiece>,
}

/// What the messages of an APPEND are made of, in the order in which it comes (RFC 3502, RFC 4469, RFC 6855 §4).
#[derive(Clone, Debug, PartialEq)]
pub enum AppendPiece {
    /// A message begins.
    Message {
        /// Its flags.
        flags: FlagList,
        /// Its INTERNALDATE; when it arrives if there is none.
        date: Option<Timestamp>,
    },
    /// The octets that a URL names (RFC 4469 §3).
    Url(String),
    /// What a literal holds, which is still on the wire: always the last piece of what is parsed at a time.
    Literal(LiteralPlace),
}

/// Where the literal of an APPEND stands: what may follow it depends on that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiteralPlace {
    /// The message itself.
    Message,
    /// A TEXT among the parts of CATENATE (RFC 4469 §5).
    Part,
    /// The message itself within `UTF8 (` and `)` (RFC 6855 §4).
    Utf8,
    /// Such a part.
    Utf8Part,
}
