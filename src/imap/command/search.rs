//! What SEARCH, ESEARCH, SORT and THREAD look for, and what they are to answer.

use super::{MailboxFilter, PartialRange, SequenceSet};
use crate::imap::object_id::ObjectId;
use crate::mail::flags::FlagList;
use crate::mail::mailbox_name::MailboxName;

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
