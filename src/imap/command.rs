//! Commands as parsed: what the client asks for, with nothing of how it was written.

use super::numbering::Numbers;
use super::object_id::ObjectId;
use crate::mail::date::Timestamp;
use crate::mail::flags::FlagList;
use crate::mail::ids::ModSeq;
use crate::mail::mailbox_name::{InvalidMailboxName, MailboxName, SpecialUse};
use crate::mail::rights::RightsChange;
use crate::mailbox::FlagAction;
use std::fmt;
use std::ops::Range;

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

/// The parameters of SELECT and EXAMINE (RFC 4466 §2.1).
#[derive(Clone, Debug, PartialEq, Default)]
pub struct SelectParameters {
    /// CONDSTORE (RFC 7162 §3.1.8).
    pub condstore: bool,
    /// QRESYNC (RFC 7162 §3.2.5).
    pub resync: Option<Box<Resync>>,
    /// The name as it was written, when the mailbox is called otherwise: `inbox`.
    pub supplied: Option<String>,
}

/// What a client remembers of a mailbox when it comes back (RFC 7162 §3.2.5).
#[derive(Clone, Debug, PartialEq)]
pub struct Resync {
    /// UIDVALIDITY; of another one all that follows means nothing.
    pub uid_validity: u32,
    /// HIGHESTMODSEQ. The grammar forbids 0, and clients send it.
    pub mod_seq: u64,
    /// The UIDs it has, without `*`; all that were ever given out when it does not say.
    pub known: Option<SequenceSet>,
    /// Sequence numbers and their UIDs, pair by pair (RFC 7162 §3.2.5.2).
    pub(crate) matched: Option<(Numbers, Numbers)>,
}

/// LIST (RFC 9051 §6.3.9, RFC 5258, RFC 5819, RFC 6154, RFC 8440).
#[derive(Clone, Debug, PartialEq, Default)]
#[allow(missing_docs)]
pub struct List {
    /// Whether any LIST-EXTENDED syntax was used.
    pub extended: bool,
    /// Selection options.
    pub select_subscribed: bool,
    pub select_remote: bool,
    pub select_recursive_match: bool,
    pub select_special_use: bool,
    /// The reference name, decoded to UTF-8.
    pub reference: String,
    /// Patterns, decoded to UTF-8, wildcards left. Never empty.
    pub patterns: Vec<String>,
    /// Return options.
    pub return_subscribed: bool,
    pub return_children: bool,
    pub return_special_use: bool,
    pub return_status: Option<Vec<StatusItem>>,
    /// RFC 8440.
    pub return_my_rights: bool,
    /// The entries wanted of each mailbox (RFC 9590).
    pub return_metadata: Option<Vec<String>>,
}

/// How far below an entry GETMETADATA looks (RFC 5464 §4.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[allow(missing_docs)]
pub enum Depth {
    #[default]
    Zero,
    One,
    Infinity,
}

/// NOTIFY SET (RFC 5465 §8).
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Notify {
    /// Whether the STATUS of the mailboxes watched is wanted first.
    pub status: bool,
    /// What is wanted of the mailbox that is selected; `None` is nothing.
    pub selected: Option<SelectedEvents>,
    /// What is wanted of other mailboxes.
    pub groups: Vec<EventGroup>,
    /// Whether an event was named that we do not have.
    pub unsupported: bool,
}

/// What is wanted of the selected mailbox: MessageNew and MessageExpunge, which come together, and more.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct SelectedEvents {
    /// SELECTED-DELAYED: EXPUNGEs wait for a command that allows them.
    pub delayed: bool,
    /// FlagChange.
    pub flags: bool,
    /// What new messages are told with; empty is nothing.
    pub items: Vec<FetchItem>,
}

/// An `event-group` about mailboxes that are not selected.
#[derive(Clone, Debug, PartialEq)]
pub struct EventGroup {
    /// Which mailboxes.
    pub mailboxes: MailboxFilter,
    /// Which events.
    pub events: Events,
}

/// `filter-mailboxes-other`. Names that cannot be are left out: such mailboxes are ignored as those are that do not exist.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum MailboxFilter {
    Inboxes,
    Personal,
    Subscribed,
    Subtree(Vec<MailboxName>),
    Mailboxes(Vec<MailboxName>),
}

/// Events of mailboxes that are not selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Events {
    /// MessageNew and MessageExpunge, which come together.
    pub messages: bool,
    /// FlagChange.
    pub flags: bool,
    /// MailboxName.
    pub names: bool,
    /// SubscriptionChange.
    pub subscriptions: bool,
    /// MailboxMetadataChange.
    pub metadata: bool,
    /// ServerMetadataChange, which is of no mailbox.
    pub server_metadata: bool,
}

/// An item of STATUS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum StatusItem {
    Messages,
    Recent,
    UidNext,
    UidValidity,
    Unseen,
    Deleted,
    /// RFC 9208 §4.1.4.
    DeletedStorage,
    Size,
    HighestModSeq,
    /// RFC 7889 §3.1.
    AppendLimit,
    /// RFC 8474 §4.3.
    MailboxId,
}

/// One end of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SequenceBound {
    /// A number, never 0.
    Number(u32),
    /// `*`: the highest in the mailbox.
    Last,
}

/// A sequence set or UID set as written (RFC 9051 §9, `sequence-set`): ranges may be reversed and overlap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SequenceSet {
    /// Ranges.
    Ranges(Vec<(SequenceBound, SequenceBound)>),
    /// `$`, the saved result (RFC 5182).
    Saved,
}

/// STORE.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Store {
    pub uid: bool,
    pub set: SequenceSet,
    /// 0 is allowed here (RFC 7162 §3.1.3), hence not a `ModSeq`.
    pub unchanged_since: Option<u64>,
    pub action: FlagAction,
    pub silent: bool,
    pub flags: FlagList,
}

/// A FETCH item. The macros ALL, FAST and FULL are expanded by the parser.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum FetchItem {
    Flags,
    Uid,
    InternalDate,
    /// RFC 8514 §4.2.
    SaveDate,
    /// RFC 8474 §5.3.
    EmailId,
    ThreadId,
    ModSeq,
    Rfc822Size,
    /// PREVIEW (RFC 8970); `lazy`: only where it costs no time.
    Preview {
        lazy: bool,
    },
    Envelope,
    /// BODY without brackets: structure without extension data.
    Body,
    BodyStructure,
    /// BODY[...], BODY.PEEK[...], RFC822, RFC822.HEADER, RFC822.TEXT.
    BodySection(BodySection),
    /// BINARY[...] and BINARY.PEEK[...] (RFC 3516).
    Binary(BinarySection),
    /// BINARY.SIZE[...]: the part.
    BinarySize(Vec<u32>),
}

/// The bytes of a part without its transfer encoding (RFC 3516 §4.2).
#[derive(Clone, Debug, PartialEq)]
pub struct BinarySection {
    /// Part numbers; empty is the whole message.
    pub part: Vec<u32>,
    /// `<start.length>` of what is decoded: length is never 0.
    pub partial: Option<(u64, u64)>,
    /// Whether \Seen stays as it is.
    pub peek: bool,
}

/// Bytes of a message.
#[derive(Clone, Debug, PartialEq)]
pub struct BodySection {
    /// How the answer names it.
    pub name: SectionName,
    /// Part numbers, `1.2` is [1, 2]; empty is the whole message.
    pub part: Vec<u32>,
    /// What of the part.
    pub text: SectionText,
    /// `<start.length>`: length is never 0.
    pub partial: Option<(u64, u64)>,
    /// Whether \Seen stays as it is.
    pub peek: bool,
}

/// Under which name the answer goes out: the old items are answered by their own name (RFC 3501 §7.4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum SectionName {
    Body,
    Rfc822,
    Rfc822Header,
    Rfc822Text,
}

/// What of a part (RFC 9051 §6.4.5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SectionText {
    /// All of it: `BODY[]` or `BODY[1]`.
    All,
    /// HEADER.
    Header,
    /// HEADER.FIELDS, names as the client wrote them.
    HeaderFields(Vec<String>),
    /// HEADER.FIELDS.NOT.
    HeaderFieldsNot(Vec<String>),
    /// TEXT.
    Text,
    /// MIME, only with a part number.
    Mime,
}

/// SEARCH (RFC 9051 §6.4.4, RFC 4731).
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    /// RETURN options; `None` when there was no RETURN (answered by `* SEARCH`). `RETURN ()` is ALL.
    pub returns: Option<SearchReturn>,
    /// CHARSET as written, if given. Key strings are already decoded to UTF-8; an unknown charset fails the parse
    /// with [`crate::imap::parse::ParseError::BadCharset`].
    pub charset: Option<String>,
    /// The keys, all of which must match.
    pub key: SearchKey,
}

impl Search {
    /// Whether there is a FUZZY key.
    pub(crate) fn is_fuzzy(&self) -> bool {
        self.key.any(&|key| matches!(key, SearchKey::Fuzzy(_)))
    }
}

/// Where ESEARCH looks (RFC 7377 §2.2).
#[derive(Clone, Debug, PartialEq)]
pub enum SearchSource {
    /// In the selected mailbox.
    Selected,
    /// In these and those one level below them.
    SubtreeOne(Vec<MailboxName>),
    /// As in NOTIFY.
    Other(MailboxFilter),
}

/// A criterion of SORT (RFC 5256 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SortCriterion {
    /// REVERSE was in front of it.
    pub reverse: bool,
    /// What is compared.
    pub key: SortKey,
}

/// What SORT compares (RFC 5256 §3, RFC 5957 §4, RFC 6203 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum SortKey {
    Arrival,
    Cc,
    Date,
    From,
    Size,
    Subject,
    To,
    DisplayFrom,
    DisplayTo,
    /// The most relevant first; only together with a FUZZY key.
    Relevancy,
}

/// How THREAD threads (RFC 5256 §3; REFS: draft-ietf-morg-inthread).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ThreadAlgorithm {
    OrderedSubject,
    References,
    Refs,
}

/// RETURN options.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[allow(missing_docs)]
pub struct SearchReturn {
    pub min: bool,
    pub max: bool,
    pub all: bool,
    pub count: bool,
    /// Never together with `all`.
    pub partial: Option<PartialRange>,
    /// Only together with a FUZZY key (RFC 6203 §4).
    pub relevancy: bool,
    /// Keep the result for `$` (RFC 5182).
    pub save: bool,
    /// Tell what changes of the result (RFC 5267 §4.3).
    pub update: bool,
    /// A hint that more will be asked (RFC 5267 §4.2), which changes nothing here.
    pub context: bool,
}

/// A stretch of a list of results as written (RFC 9394 §3.1): `1:100`, or `-1:-100` from the end. Neither number is 0, and
/// they may be in any order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct PartialRange {
    pub first: u32,
    pub last: u32,
    /// Whether they count from the last result.
    pub from_end: bool,
}

impl PartialRange {
    /// The places, from 0, of the results in a list of `count`; none where the list does not reach.
    pub(crate) fn of(self, count: usize) -> Range<usize> {
        let [near, far] = [self.first.min(self.last), self.first.max(self.last)].map(|number| number as usize);
        let (start, end) = (near.saturating_sub(1).min(count), far.min(count));
        match self.from_end {
            false => start..end,
            true => count - end..count - start,
        }
    }

    /// How many results have to be known, from that end of the list, to tell which these are.
    pub(crate) fn reach(self) -> usize {
        self.first.max(self.last) as usize
    }
}

/// The near end first: `5:2` is the same as `2:5`.
impl fmt::Display for PartialRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.from_end { "-" } else { "" };
        let (near, far) = (self.first.min(self.last), self.first.max(self.last));
        write!(f, "{sign}{near}:{sign}{far}")
    }
}

/// A search key.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum SearchKey {
    And(Vec<SearchKey>),
    Or(Box<SearchKey>, Box<SearchKey>),
    Not(Box<SearchKey>),
    All,
    /// ANSWERED, KEYWORD x and so on: all in the list set.
    Has(FlagList),
    /// UNANSWERED, UNKEYWORD x and so on: none in the list set.
    HasNot(FlagList),
    New,
    Old,
    Recent,
    /// A sequence set.
    Sequence(SequenceSet),
    /// UID set.
    Uid(SequenceSet),
    /// INTERNALDATE, as days since 1970-01-01, disregarding time and zone.
    Before(i32),
    On(i32),
    Since(i32),
    /// The Date header field, likewise.
    SentBefore(i32),
    SentOn(i32),
    SentSince(i32),
    /// INTERNALDATE so many seconds ago or more, and or less (RFC 5032).
    Older(u32),
    Younger(u32),
    /// The day on which it came into the mailbox, likewise (RFC 8514 §4.3).
    SavedBefore(i32),
    SavedOn(i32),
    SavedSince(i32),
    /// EMAILID or THREADID; `None` is one that no message can have (RFC 8474 §6).
    ObjectId(Option<ObjectId>),
    Larger(u64),
    Smaller(u64),
    /// FROM, TO, CC, BCC, SUBJECT and HEADER name text. An empty text asks for the field's presence.
    Header(String, String),
    Body(String),
    Text(String),
    /// MODSEQ, without the entry name that we disregard.
    ModSeq(u64),
    /// FUZZY (RFC 6203).
    Fuzzy(Box<SearchKey>),
}

impl SearchKey {
    /// Looks at this key and all inside of it.
    pub(crate) fn each(&self, look: &mut impl FnMut(&SearchKey)) {
        look(self);
        match self {
            SearchKey::And(keys) => keys.iter().for_each(|key| key.each(look)),
            SearchKey::Or(one, other) => {
                one.each(look);
                other.each(look);
            }
            SearchKey::Not(key) | SearchKey::Fuzzy(key) => key.each(look),
            _ => {}
        }
    }

    /// Whether this key or one inside of it is such. Recursion is as deep as the parser lets keys nest.
    pub(crate) fn any(&self, such: &impl Fn(&SearchKey) -> bool) -> bool {
        such(self)
            || match self {
                SearchKey::And(keys) => keys.iter().any(|key| key.any(such)),
                SearchKey::Or(one, other) => one.any(such) || other.any(such),
                SearchKey::Not(key) | SearchKey::Fuzzy(key) => key.any(such),
                _ => false,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partial_ranges() {
        let range = |first, last, from_end| PartialRange { first, last, from_end };
        for (range, count, places, written) in [
            (range(1, 5, false), 10, 0..5, "1:5"),
            (range(5, 1, false), 10, 0..5, "1:5"),
            (range(8, 20, false), 10, 7..10, "8:20"),
            (range(11, 20, false), 10, 10..10, "11:20"),
            (range(1, 1, true), 10, 9..10, "-1:-1"),
            (range(1, 3, true), 10, 7..10, "-1:-3"),
            (range(100, 9, true), 10, 0..2, "-9:-100"),
            (range(11, 20, true), 10, 0..0, "-11:-20"),
            (range(1, u32::MAX, true), 0, 0..0, "-1:-4294967295"),
        ] {
            assert_eq!(range.of(count), places, "{range}");
            assert_eq!(range.to_string(), written);
        }
        assert_eq!(range(7, 3, true).reach(), 7);
    }
}
