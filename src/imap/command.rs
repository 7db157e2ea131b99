//! Commands as parsed: what the client asks for, with nothing of how it was written.

mod append;
mod fetch;
mod list;
mod metadata;
mod notify;
mod partial;
mod search;
mod select;
mod sequence_set;
mod sort;
mod status;
mod store;

pub(crate) use append::{AppendPiece, LiteralPlace, Replace};
pub(crate) use fetch::{BinarySection, BodySection, FetchItem, SectionName, SectionText};
pub(crate) use list::List;
pub(crate) use metadata::Depth;
pub(crate) use notify::{EventGroup, Events, MailboxFilter, Notify, SelectedEvents};
pub(crate) use partial::PartialRange;
pub(crate) use search::{Search, SearchKey, SearchReturn, SearchSource};
pub(crate) use select::{Resync, SelectParameters};
pub(crate) use sequence_set::{SequenceBound, SequenceSet};
pub(crate) use sort::{SortCriterion, SortKey, ThreadAlgorithm};
pub(crate) use status::StatusItem;
pub(crate) use store::Store;

use crate::mail::ids::ModSeq;
use crate::mail::mailbox_name::{InvalidMailboxName, MailboxName, SpecialUse};
use crate::mail::rights::RightsChange;

/// A command with its tag.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// The client's tag.
    pub tag: String,
    /// What it asks for.
    pub body: CommandBody,
}

/// A mailbox argument: a name, or text that is none (answered with NO, not BAD, for it is well-formed).
pub(crate) type MailboxArgument = Result<MailboxName, InvalidMailboxName>;

/// What the client asks for. `uid` tells whether it came with the UID prefix: then sets hold UIDs and answers name UIDs.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum CommandBody {
    Capability,
    Noop,
    Logout,
    StartTls,
    Unauthenticate,
    /// AUTHENTICATE with the initial response, decoded, if there is one (RFC 4959).
    Authenticate {
        mechanism: String,
        initial: Option<Vec<u8>>,
    },
    /// LOGIN; neither is ever logged.
    Login {
        user: String,
        password: String,
    },
    /// COMPRESS DEFLATE: there is no other mechanism.
    Compress,
    /// ENABLE: the names in upper case.
    Enable(Vec<String>),
    Id(Vec<(String, Option<String>)>),
    Namespace,
    Select {
        mailbox: MailboxArgument,
        parameters: SelectParameters,
    },
    Examine {
        mailbox: MailboxArgument,
        parameters: SelectParameters,
    },
    Create {
        mailbox: MailboxArgument,
        /// As [`SelectParameters::supplied`].
        supplied: Option<String>,
        special_use: Option<SpecialUse>,
    },
    Delete {
        mailbox: MailboxArgument,
        /// As [`SelectParameters::supplied`].
        supplied: Option<String>,
    },
    Rename {
        from: MailboxArgument,
        to: MailboxArgument,
        /// The first name as it was written, where one of the two is called otherwise (RFC 9051 §6.3.6).
        supplied: Option<String>,
    },
    Subscribe(MailboxArgument),
    Unsubscribe(MailboxArgument),
    List(List),
    Lsub {
        reference: String,
        pattern: String,
    },
    Status {
        mailbox: MailboxArgument,
        items: Vec<StatusItem>,
    },
    /// APPEND as far as the first literal of a message, which is still on the wire.
    Append {
        mailbox: MailboxArgument,
        pieces: Vec<AppendPiece>,
    },
    /// REPLACE, likewise.
    Replace(Replace),
    /// GETMETADATA; without a mailbox: of the server.
    GetMetadata {
        mailbox: Option<MailboxArgument>,
        entries: Vec<String>,
        depth: Depth,
        max_size: Option<u32>,
    },
    /// SETMETADATA; without a mailbox: of the server. `None` removes.
    SetMetadata {
        mailbox: Option<MailboxArgument>,
        entries: Vec<(String, Option<Vec<u8>>)>,
    },
    /// NOTIFY SET; `None` is NOTIFY NONE.
    Notify(Option<Notify>),
    /// The name of a quota root.
    GetQuota(String),
    GetQuotaRoot(MailboxArgument),
    /// Nobody may, whatever the limits.
    SetQuota {
        root: String,
        /// Resources in upper case, each with its limit.
        limits: Vec<(String, u64)>,
    },
    GetAcl(MailboxArgument),
    MyRights(MailboxArgument),
    /// Identifiers are as the client wrote them.
    ListRights {
        mailbox: MailboxArgument,
        identifier: String,
    },
    /// SETACL, or DELETEACL: `None`.
    ChangeAcl {
        mailbox: MailboxArgument,
        identifier: String,
        change: Option<RightsChange>,
    },
    Idle,
    Check,
    Close,
    Unselect,
    Expunge,
    UidExpunge(SequenceSet),
    Search {
        uid: bool,
        search: Search,
    },
    /// ESEARCH (RFC 7377). Sources and RETURN options are never empty.
    Esearch {
        sources: Vec<SearchSource>,
        search: Search,
    },
    /// The tags.
    CancelUpdate(Vec<String>),
    Sort {
        uid: bool,
        /// In the order in which they decide. Never empty, and each key once.
        criteria: Vec<SortCriterion>,
        search: Search,
    },
    Thread {
        uid: bool,
        algorithm: ThreadAlgorithm,
        search: Search,
    },
    Fetch {
        uid: bool,
        set: SequenceSet,
        items: Vec<FetchItem>,
        changed_since: Option<ModSeq>,
        /// VANISHED (RFC 7162 §3.2.6): after which MODSEQ, 0 included.
        vanished_since: Option<u64>,
        /// Only these of the messages named (RFC 9394 §3.3).
        partial: Option<PartialRange>,
    },
    Store(Store),
    Copy {
        uid: bool,
        set: SequenceSet,
        mailbox: MailboxArgument,
    },
    Move {
        uid: bool,
        set: SequenceSet,
        mailbox: MailboxArgument,
    },
}
