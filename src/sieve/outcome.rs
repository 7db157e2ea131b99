//! What is to be done with a message.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::mail::address::Address;
use crate::mail::flags::FlagList;
use crate::mail::mailbox_name::{MailboxName, SpecialUse};

/// Until when something is remembered, in seconds since 1970, by an opaque key.
pub type Memory = BTreeMap<String, i64>;

/// The end of a run.
#[derive(Debug, Default, PartialEq)]
pub struct Outcome {
    /// In their order. None at all: the message is discarded (RFC 5228 §4.4).
    pub actions: Vec<Action>,
    /// What is to be remembered once the actions are done.
    pub remember: Memory,
    /// Why the script failed. The actions are those of an implicit keep then (RFC 5228 §2.10.6).
    pub failure: Option<Failure>,
}

/// One thing to do. A header that the script has changed comes with it, with the empty line at its end (RFC 5293 §4).
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Into the INBOX, by a keep or because nothing else was said (RFC 5228 §2.10.2).
    Keep {
        /// Flags to set.
        flags: FlagList,
        /// The changed header.
        header: Option<Arc<[u8]>>,
    },
    /// Into a mailbox, each mailbox once.
    FileInto {
        /// Which.
        mailbox: MailboxName,
        /// It is to be created if it does not exist, for this use. Without, it exists.
        create: bool,
        /// RFC 8579 §4.
        special_use: Option<SpecialUse>,
        /// Flags to set.
        flags: FlagList,
        /// The changed header.
        header: Option<Arc<[u8]>>,
    },
    /// On to somebody else, each address once.
    Redirect {
        /// To whom.
        address: Address,
        /// The changed header.
        header: Option<Arc<[u8]>>,
    },
    /// Back to the sender (RFC 5429 §2). Nothing else is done then, but for a redirect.
    Reject {
        /// For the sender to read.
        reason: String,
    },
    /// The message is answered.
    Vacation(Vacation),
}

/// In a line: `keep`, `fileinto Lists \Seen`, `redirect a@b`, `reject …`, `vacation a@b`.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = match self {
            Action::Keep { flags, .. } => {
                f.write_str("keep")?;
                flags
            }
            Action::FileInto { mailbox, flags, .. } => {
                write!(f, "fileinto {mailbox}")?;
                flags
            }
            Action::Redirect { address, .. } => return write!(f, "redirect {address}"),
            Action::Reject { reason } => {
                f.write_str("reject")?;
                return reason.split_whitespace().try_for_each(|word| write!(f, " {word}"));
            }
            Action::Vacation(vacation) => return write!(f, "vacation {}", vacation.to),
        };
        flags.flags.names().try_for_each(|name| write!(f, " {name}"))?;
        flags
            .keywords
            .iter()
            .try_for_each(|keyword| write!(f, " {}", keyword.as_str()))
    }
}

/// A reply for somebody who is away (RFC 5230). All that speaks against one was looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Vacation {
    /// Who gets it.
    pub to: Address,
    /// Who it is from, with a name or without, if the script says.
    pub from: Option<(Option<String>, Address)>,
    /// The subject, made from that of the message if the script gives none.
    pub subject: String,
    /// The text; a whole MIME entity with its header if `mime`.
    pub reason: String,
    /// RFC 5230 §4.4 (`:mime`).
    pub mime: bool,
    /// In-Reply-To and References (RFC 5230 §5.8): the Message-ID of the message, and its References with that.
    pub references: Option<(String, String)>,
}

/// Why a run did not come to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// In the script, from 1.
    pub line: usize,
    /// Why.
    pub why: Why,
}

/// See [`Failure`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// More than [`super::limits::STEPS`].
    #[error("the script works too long")]
    Work,
    /// More than [`super::limits::ACTIONS`] or [`super::limits::REDIRECTS`].
    #[error("the script wants too much to be done with one message")]
    Actions,
    /// More than [`super::limits::VARIABLES`].
    #[error("the script has too many variables")]
    Variables,
    /// `fileinto` to what cannot be a name.
    #[error("the mailbox cannot have this name")]
    MailboxName,
    /// `fileinto` without `:create`.
    #[error("the mailbox \"{0}\" does not exist")]
    NoMailbox(MailboxName),
    /// `redirect` or `:from`.
    #[error("this is no mail address")]
    Address,
    /// `addheader` or `deleteheader`.
    #[error("this is no name of a header field")]
    FieldName,
    /// RFC 5429 §2.3, §2.4.
    #[error("a message that is rejected cannot be kept, filed, answered or rejected again")]
    Reject,
    /// RFC 5230 §4.7.
    #[error("a message is answered by one vacation only")]
    Vacations,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.why)
    }
}
