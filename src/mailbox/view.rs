//! One session's picture of its selected mailbox, and how it follows the mailbox.
//!
//! A view knows the messages as its client does: those expunged and not yet told included. It takes in the changes of the
//! tracker; when it has missed some, it compares its picture with the mailbox, and learns the same.

use super::mailbox::Mailbox;
use super::message::MessageState;
use super::state::State;
use super::tracker::{Change, Kind, Notice};
use crate::mail::ids::{ModSeq, SessionId, Uid};
use crate::mail::rights::{Acl, Rights, Who};
use crate::mail::uidset::UidSet;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::watch;

/// One session's picture of its selected mailbox. Dropping it unsubscribes.
pub struct View {
    mailbox: Arc<Mailbox>,
    session: SessionId,
    read_only: bool,
    uids: UidSet,
    /// Of `uids`, those gone that the client was not told of.
    gone: UidSet,
    recent: UidSet,
    mod_seq: ModSeq,
    /// While `gone` holds something: the MODSEQ before the first of these expunges was learnt of.
    held_at: ModSeq,
    keywords_version: u64,
    knows_deleted: bool,
    /// As the session last took note of it.
    acl: Arc<Acl>,
    news: watch::Receiver<()>,
    waited: Waited,
}

/// From which MODSEQ to which the session was waiting.
#[derive(Clone, Copy, Debug, Default)]
struct Waited {
    from: u64,
    to: u64,
}

/// What a View has learnt since it last looked. Apply in this order: expunges, arrivals, flags.
#[derive(Clone, Debug, Default)]
pub struct Updates {
    /// Messages gone: for each its position (0 is the first message) in the picture as it was before this poll. In
    /// **descending** order, so that each is right at the moment it is told.
    pub expunged: Vec<(usize, Uid)>,
    /// Messages there are now, when some arrived or (with `expunged`) the number changed by arrival.
    pub exists: Option<usize>,
    /// Of the messages that arrived, those that others brought.
    pub arrived: UidSet,
    /// Messages marked recent for this session, when new ones arrived.
    pub recent: Option<usize>,
    /// The keyword table grew: FLAGS and PERMANENTFLAGS are to be told again, before `flags`.
    pub keywords_changed: bool,
    /// Messages known to the client before this poll whose flags changed, ascending by UID, with the latest state.
    pub flags: Vec<FlagUpdate>,
    /// The MODSEQ up to which this View now has seen everything (HIGHESTMODSEQ for this client).
    pub mod_seq: Option<ModSeq>,
    /// For each arrival among these updates that this session was waiting for: tell it when the client has been told.
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

/// What has been learnt of messages within one poll.
#[derive(Default)]
struct Learnt {
    arrived: UidSet,
    /// Of `arrived`, those that this session brought itself.
    own: UidSet,
    expunged: UidSet,
    /// Changed by others (`false`) or by this session alone (`true`).
    flags: BTreeMap<Uid, bool>,
    notices: Vec<Arc<Notice>>,
}

impl View {
    /// Subscribes, then takes the picture.
    pub(super) fn new(mailbox: Arc<Mailbox>, session: SessionId, read_only: bool) -> View {
        let mut guard = mailbox.state();
        let state = &mut *guard;
        let news = state.tracker.subscribe();
        let recent = match read_only {
            true => state.unclaimed.clone(),
            false => std::mem::take(&mut state.unclaimed),
        };
        let (uids, mod_seq, keywords_version) = (state.uids(), state.mod_seq, state.keywords_version);
        let acl = Arc::clone(&state.acl);
        drop(guard);
        View {
            mailbox,
            session,
            read_only,
            uids,
            gone: UidSet::new(),
            recent,
            mod_seq,
            held_at: mod_seq,
            keywords_version,
            knows_deleted: false,
            acl,
            news,
            waited: Waited::default(),
        }
    }

    /// The mailbox seen.
    pub fn mailbox(&self) -> &Arc<Mailbox> {
        &self.mailbox
    }

    /// Whether it was opened by EXAMINE.
    pub fn read_only(&self) -> bool {
        self.read_only
    }

    /// The messages as the client knows them, expunged-but-not-told ones included. Position n + 1 is sequence number n.
    pub fn uids(&self) -> &UidSet {
        &self.uids
    }

    /// Whether the message is recent for this session.
    pub fn is_recent(&self, uid: Uid) -> bool {
        self.recent.contains(uid)
    }

    /// How many are.
    pub fn recent(&self) -> usize {
        self.recent.len()
    }

    /// The MODSEQ up to which this View has seen everything.
    pub fn mod_seq(&self) -> ModSeq {
        self.mod_seq
    }

    /// The MODSEQ up to which the client can have been told everything: lower than [`View::mod_seq`] while expunges are held
    /// back (RFC 7162 §3.2).
    pub fn told_mod_seq(&self) -> ModSeq {
        match self.gone.is_empty() {
            true => self.mod_seq,
            false => self.held_at,
        }
    }

    /// Whether the mailbox was deleted under the session.
    pub fn is_deleted(&self) -> bool {
        self.mailbox.state().deleted
    }

    /// What somebody may do with the mailbox now; [`View::changed`] ends when that may have changed since it was last asked.
    pub fn rights(&mut self, who: &Who) -> Rights {
        self.acl = Arc::clone(&self.mailbox.state().acl);
        self.acl.rights(who)
    }

    /// Whether the keyword table grew since this was last asked or polled: for a command that answers with flags before it
    /// polls.
    pub fn keywords_changed(&mut self) -> bool {
        let version = self.mailbox.state().keywords_version;
        std::mem::replace(&mut self.keywords_version, version) != version
    }

    /// Waits until [`View::poll`] may have something to tell. Cancellation-safe.
    pub async fn changed(&mut self) {
        loop {
            self.news.borrow_and_update();
            let waiting = {
                let mut state = self.mailbox.state();
                if self.is_behind(&state) {
                    return;
                }
                state.tracker.waiting += 1;
                Waiting {
                    mailbox: &self.mailbox,
                    from: state.mod_seq,
                    waited: &mut self.waited,
                }
            };
            // The sender is part of the mailbox, which is held: this cannot fail.
            let _ = self.news.changed().await;
            drop(waiting);
        }
    }

    fn is_behind(&self, state: &State) -> bool {
        state.mod_seq > self.mod_seq
            || state.keywords_version != self.keywords_version
            || (state.deleted && !self.knows_deleted)
            || !Arc::ptr_eq(&state.acl, &self.acl)
    }

    /// Takes in what has happened. With `may_expunge` false, messages gone stay in the picture and are told at a later poll
    /// (RFC 9051 §7.5.1: no EXPUNGE while FETCH, STORE or SEARCH runs).
    pub fn poll(&mut self, may_expunge: bool) -> Updates {
        let mut updates = Updates::default();
        let mailbox = Arc::clone(&self.mailbox);
        let mut state = mailbox.state();
        if self.is_behind(&state) {
            self.knows_deleted = state.deleted;
            updates.keywords_changed = state.keywords_version != self.keywords_version;
            self.keywords_version = state.keywords_version;
            let learnt = match state.tracker.since(self.mod_seq, state.mod_seq) {
                Some(changes) => self.follow(&changes),
                None => self.compare(&state),
            };
            if self.gone.is_empty() {
                self.held_at = self.mod_seq;
            }
            if state.mod_seq > self.mod_seq {
                updates.mod_seq = Some(state.mod_seq);
                self.mod_seq = state.mod_seq;
            }
            self.gone = self.gone.union(&learnt.expunged);
            updates.flags = self.flag_updates(&state, &learnt.flags);
            updates.notices = learnt.notices;
            if !learnt.arrived.is_empty() {
                self.claim(&mut state, &learnt.arrived);
                updates.recent = Some(0);
            }
            // Positions are unaffected by arrivals, which have higher UIDs than all before.
            self.uids.extend(&learnt.arrived);
            updates.exists = (!learnt.arrived.is_empty()).then_some(0);
            updates.arrived = learnt.arrived.difference(&learnt.own);
        }
        drop(state);
        if may_expunge && !self.gone.is_empty() {
            updates.expunged = positions(&self.uids, &self.gone);
            self.uids = self.uids.difference(&self.gone);
            self.recent = self.recent.difference(&self.gone);
            self.gone = UidSet::new();
        }
        // Numbers as they are when all of this has been told.
        updates.exists = updates.exists.map(|_| self.uids.len());
        updates.recent = updates.recent.map(|_| self.recent.len());
        updates
    }

    /// What the changes tell, all of those after the last poll.
    fn follow(&self, changes: &[Arc<Change>]) -> Learnt {
        let mut learnt = Learnt::default();
        for change in changes {
            match &change.kind {
                Kind::Arrived(uids, notice) => {
                    learnt.arrived = learnt.arrived.union(uids);
                    if change.origin == self.session {
                        learnt.own = learnt.own.union(uids);
                    }
                    let at = change.mod_seq.get();
                    if self.waited.from < at && at <= self.waited.to {
                        learnt.notices.push(Arc::clone(notice));
                    }
                }
                Kind::Expunged(uids) => {
                    // One that came and went between two polls was never there for this client.
                    learnt.arrived = learnt.arrived.difference(uids);
                    learnt.expunged = learnt.expunged.union(&uids.intersection(&self.uids));
                }
                Kind::Flags(uids) => {
                    let own = change.origin == self.session;
                    for uid in uids.intersection(&self.uids).iter() {
                        let only_own = learnt.flags.entry(uid).or_insert(true);
                        *only_own &= own;
                    }
                }
            }
        }
        learnt
    }

    /// The same from the mailbox itself, after changes were missed.
    fn compare(&self, state: &State) -> Learnt {
        let now = state.uids();
        let changed = state.messages.iter().filter(|entry| entry.mod_seq > self.mod_seq);
        Learnt {
            arrived: now.difference(&self.uids),
            own: UidSet::new(),
            expunged: self.uids.difference(&now),
            flags: changed
                .filter(|entry| self.uids.contains(entry.uid))
                .map(|entry| (entry.uid, false))
                .collect(),
            notices: Vec::new(),
        }
    }

    fn flag_updates(&self, state: &State, flags: &BTreeMap<Uid, bool>) -> Vec<FlagUpdate> {
        let latest = |(uid, own): (&Uid, &bool)| {
            let entry = state.find(*uid)?;
            Some(FlagUpdate {
                state: entry.state(),
                own: *own,
            })
        };
        flags.iter().filter_map(latest).collect()
    }

    /// Makes those that no session was shown before recent for this one (RFC 3501 §2.3.2).
    fn claim(&mut self, state: &mut State, arrived: &UidSet) {
        let recent = state.unclaimed.intersection(arrived);
        if !self.read_only {
            state.unclaimed = state.unclaimed.difference(&recent);
        }
        self.recent = self.recent.union(&recent);
    }
}

/// Counts a session as waiting for as long as it lives.
struct Waiting<'a> {
    mailbox: &'a Mailbox,
    from: ModSeq,
    waited: &'a mut Waited,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.mailbox.state();
        state.tracker.waiting -= 1;
        if state.mod_seq > self.from {
            *self.waited = Waited {
                from: self.from.get(),
                to: state.mod_seq.get(),
            };
        }
    }
}

/// The positions in `picture` of the UIDs of `gone`, descending; one walk over both.
fn positions(picture: &UidSet, gone: &UidSet) -> Vec<(usize, Uid)> {
    let mut positions = Vec::with_capacity(gone.len());
    let mut runs = picture.runs().iter();
    let mut run = runs.next();
    let mut before = 0;
    for uid in gone.iter() {
        while let Some(&(first, last)) = run {
            if uid.get() <= last {
                if uid.get() >= first {
                    positions.push((before + (uid.get() - first) as usize, uid));
                }
                break;
            }
            before += (last - first) as usize + 1;
            run = runs.next();
        }
    }
    positions.reverse();
    positions
}

#[cfg(test)]
mod tests;
