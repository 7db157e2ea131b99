//! One IMAP connection from greeting to goodbye.

use super::output::Output;
use crate::accounts::{Account, Accounts};
use crate::config::Config;
use crate::mail::ids::{ModSeq, SessionId, Uid};
use crate::mail::uidset::UidSet;
use crate::mailbox::{AccountMailboxes, Mailboxes, View};
use crate::net::connection::Connection;
use std::sync::Arc;
use std::time::Duration;

/// What all IMAP sessions of a server share.
pub struct Imap {
    /// Settings.
    pub config: Arc<Config>,
    /// Who may log in.
    pub accounts: Accounts,
    /// The mail.
    pub mailboxes: Mailboxes,
}

/// What a session is apart from its state: handed to every command.
pub(crate) struct Session {
    pub(crate) imap: Arc<Imap>,
    pub(crate) id: SessionId,
    pub(crate) connection: Connection,
    pub(crate) output: Output,
    /// How long a write may wait for the client.
    pub(crate) write_timeout: Duration,
    /// Whether a CONDSTORE-enabling command was seen (RFC 7162 §3.1).
    pub(crate) condstore: bool,
    /// Whether UTF-8 is on in names and strings (ENABLE UTF8=ACCEPT or IMAP4rev2).
    pub(crate) utf8: bool,
}

/// RFC 9051 §3. Each state owns what exists only in it.
pub(crate) enum State {
    NotAuthenticated,
    Authenticated(Login),
    Selected(Login, Selected),
    Logout,
}

/// Who is logged in.
pub(crate) struct Login {
    pub(crate) account: Account,
    pub(crate) mailboxes: AccountMailboxes,
}

/// The selected mailbox.
pub(crate) struct Selected {
    pub(crate) view: View,
}

/// A tagged answer (RFC 9051 §7.1). `code` is without brackets; `text` is a constant or built from numbers, never from what
/// a client or a message chose.
pub(crate) struct Answer {
    pub(crate) kind: AnswerKind,
    pub(crate) code: Option<String>,
    pub(crate) text: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum AnswerKind {
    Ok,
    No,
    Bad,
}

impl Answer {
    pub(crate) fn ok(text: &str) -> Answer {
        Answer {
            kind: AnswerKind::Ok,
            code: None,
            text: text.to_owned(),
        }
    }

    pub(crate) fn no(code: Option<&str>, text: &str) -> Answer {
        Answer {
            kind: AnswerKind::No,
            code: code.map(str::to_owned),
            text: text.to_owned(),
        }
    }

    pub(crate) fn bad(text: &str) -> Answer {
        Answer {
            kind: AnswerKind::Bad,
            code: None,
            text: text.to_owned(),
        }
    }

    pub(crate) fn with_code(mut self, code: String) -> Answer {
        self.code = Some(code);
        self
    }
}

/// Why a command did not end in an OK.
pub(crate) enum Failure {
    /// Say so and go on.
    Answer(Answer),
    /// The client is gone.
    Disconnected(std::io::Error),
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        Failure::Disconnected(error)
    }
}

/// The one mapping from domain errors to IMAP answers (RFC 5530 codes). The cause goes to the log here and nowhere else.
impl From<crate::mailbox::Error> for Failure {
    fn from(_error: crate::mailbox::Error) -> Failure {
        todo!()
    }
}

/// What a command returns: its tagged answer.
pub(crate) type Outcome = Result<Answer, Failure>;

/// A position in the selected mailbox as the client counts, from 1. Exists only under `imap/`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct SeqNum(pub(crate) u32);

impl Selected {
    /// The UIDs that a set names in this client's picture (`uid`: as UIDs; else as sequence numbers). With sequence numbers,
    /// one beyond the mailbox is an error of the client (BAD); with UIDs, what is not there is passed over.
    pub(crate) fn resolve(&self, _set: &super::command::SequenceSet, _uid: bool) -> Result<UidSet, Failure> {
        todo!()
    }

    /// A message's sequence number.
    pub(crate) fn seq(&self, uid: Uid) -> Option<SeqNum> {
        self.view
            .uids()
            .position(uid)
            .map(|position| SeqNum(position as u32 + 1))
    }

    /// HIGHESTMODSEQ as this client may be told.
    pub(crate) fn highest_mod_seq(&self) -> ModSeq {
        self.view.mod_seq()
    }
}
