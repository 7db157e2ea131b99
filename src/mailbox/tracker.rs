//! Where the changes of one mailbox are published, and the changes themselves.
//!
//! The tracker is a bounded ring that all sessions share. Publishing never waits for a reader and never fails: a reader that
//! lags so far that its changes have left the ring sees the gap by the MODSEQ and compares its picture with the mailbox.

use crate::mail::ids::{ModSeq, SessionId};
use crate::mail::uidset::UidSet;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Changes kept. A session that has missed more asks the mailbox itself, which costs one walk over its messages.
pub(super) const RING: usize = 256;

/// What was committed to one mailbox at one MODSEQ. MODSEQs are dense: the next change has exactly the next one.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) mod_seq: ModSeq,
    /// Who did it.
    pub(super) origin: SessionId,
    pub(super) kind: Kind,
}

/// What happened.
#[derive(Debug)]
pub(super) enum Kind {
    /// Messages came, with UIDs above all before.
    Arrived(UidSet, Arc<Notice>),
    /// Messages went.
    Expunged(UidSet),
    /// Messages have other flags.
    Flags(UidSet),
}

/// Part of a mailbox's state, under its lock.
#[derive(Debug)]
pub(super) struct Tracker {
    ring: VecDeque<Arc<Change>>,
    capacity: usize,
    /// Wakes who waits. The value only tells that something is new.
    news: watch::Sender<()>,
    /// Sessions that wait in [`super::View::changed`].
    pub(super) waiting: usize,
}

impl Tracker {
    pub(super) fn new(capacity: usize) -> Tracker {
        Tracker {
            ring: VecDeque::new(),
            capacity,
            news: watch::Sender::new(()),
            waiting: 0,
        }
    }

    /// Woken at every publication from now on.
    pub(super) fn subscribe(&self) -> watch::Receiver<()> {
        self.news.subscribe()
    }

    /// Puts a change in the ring and wakes who waits.
    pub(super) fn publish(&mut self, change: Change) {
        if self.ring.len() >= self.capacity {
            self.ring.pop_front();
        }
        self.ring.push_back(Arc::new(change));
        self.wake();
    }

    /// Wakes who waits, to look at the state.
    pub(super) fn wake(&self) {
        self.news.send_replace(());
    }

    /// The changes after `seen` up to `now`; `None` when some of them have left the ring or never were in it.
    pub(super) fn since(&self, seen: ModSeq, now: ModSeq) -> Option<Vec<Arc<Change>>> {
        let news = self.ring.iter().filter(|change| change.mod_seq > seen);
        let changes: Vec<Arc<Change>> = news.cloned().collect();
        let dense = changes
            .iter()
            .zip(seen.get() + 1..)
            .all(|(change, wanted)| change.mod_seq.get() == wanted);
        (dense && changes.len() as u64 == now.get() - seen.get()).then_some(changes)
    }
}

/// Follows the news of one arrival to the clients that wait for it: how many were waiting when it was published, how many
/// have been told since, and how soon. Only counts; nobody waits for it.
#[derive(Debug)]
pub struct Notice {
    published: Instant,
    waiting: usize,
    told: AtomicUsize,
    /// Nanoseconds from publishing until the last of them was told.
    last: AtomicU64,
}

impl Notice {
    pub(super) fn new(waiting: usize) -> Arc<Notice> {
        Arc::new(Notice {
            published: Instant::now(),
            waiting,
            told: AtomicUsize::new(0),
            last: AtomicU64::new(0),
        })
    }

    /// Called by a session when the news has left for its client.
    pub fn told(&self) {
        let after = u64::try_from(self.published.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.last.fetch_max(after, Ordering::Relaxed);
        self.told.fetch_add(1, Ordering::Release);
    }

    /// Sessions that were waiting in [`super::View::changed`] when the news was published.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// How many of them have been told, and how long after publishing the last of these was.
    pub fn reached(&self) -> (usize, Duration) {
        let told = self.told.load(Ordering::Acquire);
        (told, Duration::from_nanos(self.last.load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mod_seq(value: u64) -> ModSeq {
        ModSeq::new(value).unwrap()
    }

    fn change(value: u64) -> Change {
        Change {
            mod_seq: mod_seq(value),
            origin: SessionId::NONE,
            kind: Kind::Expunged(UidSet::new()),
        }
    }

    #[test]
    fn a_gap_is_noticed_wherever_it_is() {
        let mut tracker = Tracker::new(3);
        for value in [5, 6, 8] {
            tracker.publish(change(value));
        }
        let since = |seen, now| tracker.since(mod_seq(seen), mod_seq(now)).map(|changes| changes.len());
        assert_eq!(since(4, 6), None, "more than the mailbox admits to");
        assert_eq!(since(4, 8), None, "7 is missing");
        assert_eq!(since(7, 8), Some(1));
        assert_eq!(since(7, 9), None, "9 is missing");
        assert_eq!(since(8, 8), Some(0));
        assert_eq!(since(8, 20), None);
        let mut tracker = Tracker::new(3);
        (5..9).for_each(|value| tracker.publish(change(value)));
        assert!(tracker.since(mod_seq(4), mod_seq(8)).is_none(), "5 has left the ring");
        assert_eq!(
            tracker.since(mod_seq(5), mod_seq(8)).map(|changes| changes.len()),
            Some(3)
        );
    }
}
