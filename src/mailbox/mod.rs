//! Mailboxes: what is in them, what changes, and who is told.
//!
//! [`Mailboxes`] are all of a server; [`AccountMailboxes`] those of one account; [`Mailbox`] is one, shared by all its
//! sessions; [`View`] is one session's picture of it. Every change of a mailbox happens under its write lock in the order
//! file → commit → publish → unlock, and every operation returns owned values: no lock outlives a call.

use crate::mail::date::Timestamp;
use crate::mail::flags::{FlagList, Flags, KeywordTable, Keywords};
use crate::mail::ids::{MailboxId, ModSeq, SessionId, Uid, UidValidity};
use crate::mail::mailbox_name::{InvalidMailboxName, MailboxName, SpecialUse};
use crate::mail::summary::Summary;
use crate::mail::uidset::UidSet;
use crate::storage::spool::{Spool, Spooled};
use std::path::Path;
use std::sync::Arc;

/// Why an operation on a mailbox failed. No wire text: each protocol maps it in one place.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such mailbox.
    #[error("no such mailbox")]
    NotFound,
    /// There is one already.
    #[error("the mailbox exists already")]
    AlreadyExists,
    /// The name cannot be used (also: too long on disk).
    #[error(transparent)]
    InvalidName(#[from] InvalidMailboxName),
    /// It exists only as the parent of others, or never may be touched so: INBOX deleted, a mailbox renamed below itself.
    #[error("not possible for this mailbox")]
    NotPossible(&'static str),
    /// The mailbox has no room for a further keyword (26 fit).
    #[error("no room for a further keyword")]
    TooManyKeywords,
    /// The mailbox has used all UIDs, or the account has too many mailboxes.
    #[error("limit reached: {0}")]
    Limit(&'static str),
    /// The disk is full or the quota of the file system is.
    #[error("no space left")]
    NoSpace(#[source] std::io::Error),
    /// The disk or index failed or does not answer in time; the cause goes to the log only.
    #[error("storage failed")]
    Storage(#[source] anyhow::Error),
}

/// What mailbox operations return.
pub type Result<T> = std::result::Result<T, Error>;

/// All mailboxes of a server. Cheap to clone.
#[derive(Clone)]
pub struct Mailboxes {}

/// The mailboxes of one account. Cheap to clone.
#[derive(Clone)]
pub struct AccountMailboxes {}

/// One mailbox, shared by all sessions that have it open.
pub struct Mailbox {}

/// One session's picture of its selected mailbox. Dropping it unsubscribes.
pub struct View {}

/// One line of LIST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailboxInfo {
    /// Its name.
    pub name: MailboxName,
    /// What it is for.
    pub special_use: Option<SpecialUse>,
    /// Whether it is on the subscription list. A name may be subscribed that does not exist.
    pub subscribed: bool,
    /// Whether it exists and can be selected. `false`: it is only on the subscription list, or only the parent of others.
    pub exists: bool,
}

/// The answers of STATUS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct MailboxStatus {
    pub messages: u32,
    pub recent: u32,
    pub unseen: u32,
    pub deleted: u32,
    pub uid_next: u32,
    pub uid_validity: UidValidity,
    pub highest_mod_seq: ModSeq,
    /// Octets of all messages.
    pub size: u64,
}

/// A message's state as last committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct MessageState {
    pub uid: Uid,
    pub flags: Flags,
    pub keywords: Keywords,
    pub mod_seq: ModSeq,
    pub size: u64,
    /// INTERNALDATE.
    pub internal_date: Timestamp,
}

/// A message to be appended.
pub struct NewMessage {
    /// Its bytes.
    pub spooled: Spooled,
    /// Flags it starts with.
    pub flags: FlagList,
    /// INTERNALDATE; now when absent.
    pub internal_date: Option<Timestamp>,
}

/// Where messages went (APPENDUID; RFC 4315 §3).
#[derive(Clone, Debug)]
pub struct Appended {
    /// The mailbox's UIDVALIDITY.
    pub uid_validity: UidValidity,
    /// The new UIDs in the order of the messages.
    pub uids: Vec<Uid>,
    /// Who is being told.
    pub notice: Arc<Notice>,
}

/// Follows the news of one arrival to the clients that wait for it: how many were waiting when it was published, how many
/// have been told since, and how soon. Only counts; nobody waits for it.
#[derive(Debug)]
pub struct Notice {}

impl Notice {
    /// Called by a session when the news has left for its client.
    pub fn told(&self) {
        todo!()
    }

    /// Sessions that were waiting in [`View::changed`] when the news was published.
    pub fn waiting(&self) -> usize {
        todo!()
    }

    /// How many of them have been told, and how long after publishing the last of these was.
    pub fn reached(&self) -> (usize, std::time::Duration) {
        todo!()
    }
}

/// What COPY or MOVE did (COPYUID; RFC 4315 §3). Both lists are empty when no message was there any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// The target's UIDVALIDITY.
    pub uid_validity: UidValidity,
    /// The messages copied, ascending; those gone meanwhile are left out.
    pub source: UidSet,
    /// Their UIDs in the target, ascending, in the same order.
    pub target: UidSet,
}

/// How STORE changes flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagAction {
    /// FLAGS
    Replace,
    /// +FLAGS
    Add,
    /// -FLAGS
    Remove,
}

/// What STORE did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// The messages asked for that exist and passed the UNCHANGEDSINCE test, with the state they have now.
    pub messages: Vec<MessageState>,
    /// The messages whose state did change.
    pub changed: UidSet,
    /// The messages that failed UNCHANGEDSINCE (RFC 7162 §3.1.3).
    pub modified: UidSet,
}

/// What a View has learnt since it last looked. Apply in this order: expunges, arrivals, flags.
#[derive(Clone, Debug, Default)]
pub struct Updates {
    /// Messages gone: for each its position (0 is the first message) in the picture as it was before this poll. In
    /// **descending** order, so that each is right at the moment it is told.
    pub expunged: Vec<(usize, Uid)>,
    /// Messages there are now, when some arrived or (with `expunged`) the number changed by arrival.
    pub exists: Option<usize>,
    /// Messages marked recent for this session, when new ones arrived.
    pub recent: Option<usize>,
    /// The keyword table grew: FLAGS and PERMANENTFLAGS are to be told again, before `flags`.
    pub keywords_changed: bool,
    /// Messages known to the client before this poll whose flags changed, ascending by UID, with the latest state.
    pub flags: Vec<FlagUpdate>,
    /// The MODSEQ up to which this View now has seen everything (HIGHESTMODSEQ for this client).
    pub mod_seq: Option<ModSeq>,
    /// For each arrival among these updates: tell it when the client has been told.
    pub notices: Vec<Arc<Notice>>,
}

/// A message whose flags changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlagUpdate {
    /// Its state now.
    pub state: MessageState,
    /// Whether only this session itself changed it.
    pub own: bool,
}

/// A message's open file.
pub struct MessageFile {}

impl Mailboxes {
    /// Opens the index and the mail folder below `data`.
    pub async fn open(_data: &Path, _settings: &crate::config::Storage) -> anyhow::Result<Mailboxes> {
        todo!()
    }

    /// The spool on the same file system as the mail.
    pub fn spool(&self) -> &Spool {
        todo!()
    }

    /// The mailboxes of an account. Its Maildir (`mail/example.org/alice`) with the usual
    /// folders (INBOX, Drafts, Sent, Trash, Junk, Archive) is made when it is not there.
    pub async fn account(&self, _account: &crate::mail::address::Address) -> Result<AccountMailboxes> {
        todo!()
    }

    /// Waits for running changes and closes the index.
    pub async fn close(&self) {
        todo!()
    }
}

impl AccountMailboxes {
    /// All mailboxes and all subscriptions, sorted by name with INBOX first.
    pub fn list(&self) -> Vec<MailboxInfo> {
        todo!()
    }

    /// STATUS of a mailbox, opening it if need be.
    pub async fn status(&self, _name: &MailboxName) -> Result<MailboxStatus> {
        todo!()
    }

    /// Opens a mailbox: the one shared object for all sessions. Looks for what other programs changed, if that is due.
    pub async fn open(&self, _name: &MailboxName) -> Result<Arc<Mailbox>> {
        todo!()
    }

    /// Creates a mailbox and the missing levels above it (RFC 9051 §6.3.4).
    pub async fn create(&self, _name: &MailboxName, _special_use: Option<SpecialUse>) -> Result<()> {
        todo!()
    }

    /// Deletes a mailbox and its messages; mailboxes below it stay (RFC 9051 §6.3.5). Sessions that have it selected see its
    /// messages expunged and [`View::is_deleted`].
    pub async fn delete(&self, _name: &MailboxName) -> Result<()> {
        todo!()
    }

    /// Renames a mailbox and all below it; renaming INBOX moves its messages (RFC 9051 §6.3.6).
    pub async fn rename(&self, _session: SessionId, _from: &MailboxName, _to: &MailboxName) -> Result<()> {
        todo!()
    }

    /// Puts a name on the subscription list, whether the mailbox exists or not.
    pub async fn subscribe(&self, _name: &MailboxName) -> Result<()> {
        todo!()
    }

    /// Takes it off.
    pub async fn unsubscribe(&self, _name: &MailboxName) -> Result<()> {
        todo!()
    }
}

impl Mailbox {
    /// The name it has now.
    pub fn name(&self) -> MailboxName {
        todo!()
    }

    /// Its number in the index.
    pub fn id(&self) -> MailboxId {
        todo!()
    }

    /// Whose it is.
    pub fn uid_validity(&self) -> UidValidity {
        todo!()
    }

    /// STATUS, from memory.
    pub fn status(&self) -> MailboxStatus {
        todo!()
    }

    /// The keyword table as it is now.
    pub fn keywords(&self) -> KeywordTable {
        todo!()
    }

    /// Subscribes, then takes the picture. `read_only` (EXAMINE) leaves \Recent to others.
    pub fn view(self: &Arc<Self>, _session: SessionId, _read_only: bool) -> View {
        todo!()
    }

    /// The state of those of `uids` that exist, ascending. From memory; copies at most as many as asked for.
    pub fn states(&self, _uids: &UidSet) -> Vec<MessageState> {
        todo!()
    }

    /// The summaries of those of `uids` that exist, ascending. One query; ask in pieces of some hundreds.
    pub async fn summaries(&self, _uids: &UidSet) -> Result<Vec<(Uid, Arc<Summary>)>> {
        todo!()
    }

    /// Opens a message's file: one `open` by the path the index knows, else its base name, else one scan. `None` when it is gone.
    pub async fn open_message(&self, _uid: Uid) -> Result<Option<MessageFile>> {
        todo!()
    }

    /// Adds messages, durable when it returns, and publishes. Runs to its end even when the caller is dropped.
    pub async fn append(self: &Arc<Self>, _session: SessionId, _messages: Vec<NewMessage>) -> Result<Appended> {
        todo!()
    }

    /// STORE. Messages that no longer exist are passed over in silence.
    pub async fn store(
        self: &Arc<Self>,
        _session: SessionId,
        _uids: &UidSet,
        _action: FlagAction,
        _flags: FlagList,
        _unchanged_since: Option<ModSeq>,
    ) -> Result<Stored> {
        todo!()
    }

    /// Removes those of `uids` that have \Deleted set; `uids` is what the session knows (EXPUNGE) or names (UID EXPUNGE). Returns what was removed.
    pub async fn expunge(self: &Arc<Self>, _session: SessionId, _uids: &UidSet) -> Result<UidSet> {
        todo!()
    }

    /// COPY: flags, keywords and INTERNALDATE go along (RFC 9051 §6.4.7). All or nothing.
    pub async fn copy_to(
        self: &Arc<Self>,
        _session: SessionId,
        _uids: &UidSet,
        _target: &Arc<Mailbox>,
    ) -> Result<Copied> {
        todo!()
    }

    /// MOVE, in one transaction (RFC 6851).
    pub async fn move_to(
        self: &Arc<Self>,
        _session: SessionId,
        _uids: &UidSet,
        _target: &Arc<Mailbox>,
    ) -> Result<Copied> {
        todo!()
    }
}

impl View {
    /// The mailbox seen.
    pub fn mailbox(&self) -> &Arc<Mailbox> {
        todo!()
    }

    /// Whether it was opened by EXAMINE.
    pub fn read_only(&self) -> bool {
        todo!()
    }

    /// The messages as the client knows them, expunged-but-not-told ones included. Position n + 1 is sequence number n.
    pub fn uids(&self) -> &UidSet {
        todo!()
    }

    /// Whether the message is recent for this session.
    pub fn is_recent(&self, _uid: Uid) -> bool {
        todo!()
    }

    /// How many are.
    pub fn recent(&self) -> usize {
        todo!()
    }

    /// The MODSEQ up to which this View has seen everything.
    pub fn mod_seq(&self) -> ModSeq {
        todo!()
    }

    /// Whether the mailbox was deleted under the session.
    pub fn is_deleted(&self) -> bool {
        todo!()
    }

    /// Waits until [`View::poll`] may have something to tell. Cancellation-safe.
    pub async fn changed(&mut self) {
        todo!()
    }

    /// Takes in what has happened. With `may_expunge` false, messages gone stay in the picture and are told at a later poll
    /// (RFC 9051 §7.5.1: no EXPUNGE while FETCH, STORE or SEARCH runs).
    pub fn poll(&mut self, _may_expunge: bool) -> Updates {
        todo!()
    }
}

impl MessageFile {
    /// Octets.
    pub fn size(&self) -> u64 {
        todo!()
    }

    /// The bytes from `start`, at most `length` of them; fewer at the end of the file. Off the async threads.
    pub async fn read(&self, _start: u64, _length: usize) -> Result<Vec<u8>> {
        todo!()
    }
}
