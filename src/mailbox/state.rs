//! The state of an open mailbox in memory, shared by its sessions: what SQL is not asked for.

use super::events::{AccountEvent, Common, MessageEvent};
use super::full_text::Filler;
use super::mailbox::Mailbox;
use super::message::MessageState;
use super::status::MailboxStatus;
use super::tracker::{Change, Kind, Notice, RING, Tracker};
use crate::mail::date::Timestamp;
use crate::mail::flags::{FlagList, Flags, KeywordTable, Keywords};
use crate::mail::ids::{ModSeq, SessionId, Uid, UidValidity};
use crate::mail::rights::Acl;
use crate::mail::uidset::UidSet;
pub(super) use crate::storage::index::Entry;
use crate::storage::maildir::name;
use std::sync::{Arc, Weak};

impl Entry {
    /// As sessions see it.
    pub(super) fn state(&self) -> MessageState {
        MessageState {
            uid: self.uid,
            flags: self.flags,
            keywords: self.keywords,
            mod_seq: self.mod_seq,
            size: self.size,
            internal_date: self.date,
            save_date: name::made(&self.path).map_or(self.date, |seconds| Timestamp { seconds, ..self.date }),
        }
    }
}

/// All of a mailbox that is kept in memory. Changed only under the mailbox's write lock, by [`State::apply`].
#[derive(Debug)]
pub(super) struct State {
    /// Ascending by UID.
    pub(super) messages: Vec<Entry>,
    /// 0 when all UIDs are used up.
    pub(super) uid_next: u32,
    pub(super) mod_seq: ModSeq,
    pub(super) keywords: KeywordTable,
    /// Counts the changes of `keywords`.
    pub(super) keywords_version: u64,
    /// Messages that no session was shown as \Recent yet.
    pub(super) unclaimed: UidSet,
    pub(super) tracker: Tracker,
    /// Who may do what with it. Changed under the account's tree lock.
    pub(super) acl: Arc<Acl>,
    /// The mailbox was deleted.
    pub(super) deleted: bool,
    /// What it shares with the other mailboxes of its account.
    pub(super) common: Arc<Common>,
    /// The mailbox whose state it is.
    pub(super) owner: Weak<Mailbox>,
    /// Who fills the full-text index.
    pub(super) filler: Filler,
}

/// What a commit changes, as the state takes it in.
pub(super) enum Step {
    Arrived(Vec<Entry>),
    Expunged(UidSet),
    /// With the MODSEQ of this step already in them.
    Flags(Vec<Entry>),
}

impl State {
    /// Of a mailbox with these messages and no history.
    pub(super) fn new(
        messages: Vec<Entry>,
        uid_next: u32,
        mod_seq: ModSeq,
        keywords: KeywordTable,
        common: Arc<Common>,
    ) -> State {
        State {
            common,
            owner: Weak::new(),
            filler: Filler::default(),
            messages,
            uid_next,
            mod_seq,
            keywords,
            keywords_version: 0,
            unclaimed: UidSet::new(),
            tracker: Tracker::new(RING),
            acl: Arc::default(),
            deleted: false,
        }
    }

    /// The message of that UID.
    pub(super) fn find(&self, uid: Uid) -> Option<&Entry> {
        self.position(uid).ok().map(|index| &self.messages[index])
    }

    fn position(&self, uid: Uid) -> Result<usize, usize> {
        self.messages.binary_search_by_key(&uid, |entry| entry.uid)
    }

    /// Those of the set that exist, ascending.
    pub(super) fn select<'a>(&'a self, uids: &'a UidSet) -> impl Iterator<Item = &'a Entry> + 'a {
        uids.runs().iter().flat_map(|&(first, last)| {
            let start = self.messages.partition_point(|entry| entry.uid.get() < first);
            self.messages[start..]
                .iter()
                .take_while(move |entry| entry.uid.get() <= last)
        })
    }

    /// The UIDs of all messages.
    pub(super) fn uids(&self) -> UidSet {
        self.messages.iter().map(|entry| entry.uid).collect()
    }

    /// The first UID not yet shown as \Recent.
    pub(super) fn first_recent(&self) -> u32 {
        self.unclaimed.first().map_or(self.uid_next, Uid::get)
    }

    /// STATUS.
    pub(super) fn status(&self, uid_validity: UidValidity, object_id: u64) -> MailboxStatus {
        let count = |flag: Flags, set: bool| {
            let matching = self.messages.iter().filter(|entry| entry.flags.contains(flag) == set);
            matching.count() as u32
        };
        MailboxStatus {
            messages: self.messages.len() as u32,
            recent: self.unclaimed.len() as u32,
            unseen: count(Flags::SEEN, false),
            deleted: count(Flags::DELETED, true),
            uid_next: if self.uid_next == 0 { u32::MAX } else { self.uid_next },
            uid_validity,
            highest_mod_seq: self.mod_seq,
            size: self.messages.iter().map(|entry| entry.size).sum(),
            deleted_size: {
                let deleted = self
                    .messages
                    .iter()
                    .filter(|entry| entry.flags.contains(Flags::DELETED));
                deleted.map(|entry| entry.size).sum()
            },
            object_id,
        }
    }

    /// Takes in what was committed under the next MODSEQ, and publishes it. The one place where a mailbox changes.
    pub(super) fn apply(&mut self, origin: SessionId, step: Step) -> Option<Arc<Notice>> {
        self.mod_seq = self.mod_seq.next();
        let mut told = None;
        let what = match &step {
            Step::Arrived(entries) => {
                self.common.add(entries.len() as u64, octets(entries.iter()));
                MessageEvent::Arrived
            }
            Step::Expunged(uids) => {
                let gone = || self.select(uids);
                self.common.subtract(gone().count() as u64, octets(gone()));
                MessageEvent::Expunged
            }
            Step::Flags(_) => MessageEvent::Flags,
        };
        let kind = match step {
            Step::Arrived(entries) => {
                let uids: UidSet = entries.iter().map(|entry| entry.uid).collect();
                if let Some(last) = uids.last() {
                    self.uid_next = last.next().map_or(0, Uid::get);
                }
                self.unclaimed.extend(&uids);
                self.messages.extend(entries);
                let notice = Notice::new(self.tracker.waiting);
                told = Some(Arc::clone(&notice));
                Kind::Arrived(uids, notice)
            }
            Step::Expunged(uids) => {
                self.messages.retain(|entry| !uids.contains(entry.uid));
                self.unclaimed = self.unclaimed.difference(&uids);
                Kind::Expunged(uids)
            }
            Step::Flags(entries) => {
                let uids = entries.iter().map(|entry| entry.uid).collect();
                for entry in entries {
                    if let Ok(index) = self.position(entry.uid) {
                        self.messages[index] = entry;
                    }
                }
                Kind::Flags(uids)
            }
        };
        self.tracker.publish(Change {
            mod_seq: self.mod_seq,
            origin,
            kind,
        });
        if what != MessageEvent::Flags {
            self.filler.wake(&self.owner);
        }
        self.common.tell(AccountEvent::Messages {
            mailbox: self.owner.clone(),
            what,
            origin,
        });
        told
    }

    /// Takes over where files are now; nothing that a client could see.
    pub(super) fn relocate(&mut self, entries: Vec<Entry>) {
        for entry in entries {
            if let Ok(index) = self.position(entry.uid) {
                self.messages[index].path = entry.path;
            }
        }
    }

    /// Replaces the keyword table if it changed.
    pub(super) fn set_keywords(&mut self, keywords: &KeywordTable) {
        if self.keywords != *keywords {
            self.keywords = keywords.clone();
            self.keywords_version += 1;
        }
    }

    /// The keywords that any message has.
    pub(super) fn used_keywords(&self) -> Keywords {
        let used = self.messages.iter().map(|entry| entry.keywords);
        used.fold(Keywords::NONE, Keywords::union)
    }
}

fn octets<'a>(entries: impl Iterator<Item = &'a Entry>) -> u64 {
    entries.map(|entry| entry.size).sum()
}

/// Gives every keyword of the list a bit of the table, freeing those of unused ones when there is no room. Returns the bits,
/// and whether some found no room.
pub(super) fn learn(table: &mut KeywordTable, list: &FlagList, used: impl FnOnce() -> Keywords) -> (Keywords, bool) {
    let mut bits = Keywords::NONE;
    let mut used = Some(used);
    let mut full = false;
    for keyword in &list.keywords {
        let mut bit = table.insert(keyword);
        if bit.is_none()
            && let Some(used) = used.take()
        {
            table.retain(used().union(bits));
            bit = table.insert(keyword);
        }
        match bit {
            Some(bit) => bits = bits.union(bit),
            None => full = true,
        }
    }
    (bits, full)
}
