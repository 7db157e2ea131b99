//! The orders that SORT and THREAD have lately found, for all sessions of a server: a client asks for the same one each time
//! it opens the mailbox.
//!
//! What a message is sorted by never changes, so an order is right for as long as its messages are there; those that came
//! since are put in their places. An order may be dropped at any time.

use super::sorted::{Row, sorted};
use crate::imap::answer::Failure;
use crate::imap::command::{SortCriterion, SortKey, ThreadAlgorithm};
use crate::imap::search::matching::Found;
use crate::imap::session::Selected;
use crate::mail::ids::Uid;
use crate::mail::thread::Threads;
use crate::mail::uidset::UidSet;
use crate::mailbox::{Error, Mailbox};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// Octets of all orders together, about: by date or subject enough for 250,000 messages.
const MOST: usize = 16 * 1024 * 1024;

/// Octets of a message in an order, apart from what it is sorted by.
const PLACE: usize = 48;

/// How many orders are kept.
const ORDERS: usize = 64;

/// Orders of mailboxes, those asked for last in front.
#[derive(Default)]
pub(crate) struct Orders(Mutex<VecDeque<Kept>>);

#[derive(Clone)]
struct Kept {
    mailbox: Weak<Mailbox>,
    question: Question,
    /// The messages that are in order.
    uids: UidSet,
    octets: usize,
    order: Order,
}

#[derive(Clone, PartialEq, Eq)]
enum Question {
    Sort(Vec<SortCriterion>),
    Thread(ThreadAlgorithm),
}

#[derive(Clone)]
enum Order {
    Sorted(Arc<Vec<Row>>),
    Threads(Arc<Threads>),
}

impl Order {
    /// About how large it is.
    fn octets(&self, uids: &UidSet) -> usize {
        let keys = match self {
            Order::Sorted(rows) => rows.iter().map(|row| row.key.len()).sum(),
            Order::Threads(_) => 0,
        };
        keys + uids.len() * PLACE
    }
}

impl Orders {
    /// The messages found that are still there, in order.
    pub(crate) async fn sorted(
        &self,
        selected: &Selected,
        criteria: &[SortCriterion],
        found: &Found,
    ) -> Result<Vec<Row>, Failure> {
        let by_relevancy = criteria.iter().any(|criterion| criterion.key == SortKey::Relevancy);
        if by_relevancy || !found.scores.is_empty() {
            return sorted(selected, criteria, found).await;
        }
        let mailbox = selected.view.mailbox();
        let question = Question::Sort(criteria.to_vec());
        let (known, old) = match self.find(mailbox, &question) {
            Some(Kept {
                uids,
                order: Order::Sorted(rows),
                ..
            }) => (uids, rows),
            _ => Default::default(),
        };
        let missing = Found {
            uids: found.uids.difference(&known),
            scores: Vec::new(),
        };
        let new = match missing.uids.is_empty() {
            true => Vec::new(),
            false => sorted(selected, criteria, &missing).await?,
        };
        let picture = selected.view.uids().clone();
        let wanted = found.uids.clone();
        // Some hundred thousand texts are compared for a while: not on a thread that serves others.
        let merging = tokio::task::spawn_blocking(move || {
            let is_in = |set: &UidSet, row: &Row| Uid::new(row.uid).is_some_and(|uid| set.contains(uid));
            if new.is_empty() {
                let rows = old.iter().filter(|row| is_in(&wanted, row)).cloned().collect();
                return (rows, None);
            }
            let there = old.iter().filter(|row| is_in(&picture, row)).cloned();
            let mut all: Vec<Row> = there.chain(new).collect();
            // Two stretches in order, which this sort knows how to use.
            all.sort();
            let rows = all.iter().filter(|row| is_in(&wanted, row)).cloned().collect();
            (rows, Some(all))
        });
        let (rows, all) = merging.await.map_err(|error| Error::Storage(error.into()))?;
        if let Some(all) = all {
            let mut uids: Vec<u32> = all.iter().map(|row| row.uid).collect();
            uids.sort_unstable();
            let uids = uids.into_iter().filter_map(Uid::new).collect();
            self.keep(mailbox, question, uids, Order::Sorted(Arc::new(all)));
        }
        Ok(rows)
    }

    /// The threads of exactly these messages, if they are known.
    pub(crate) fn threads(
        &self,
        mailbox: &Arc<Mailbox>,
        algorithm: ThreadAlgorithm,
        uids: &UidSet,
    ) -> Option<Arc<Threads>> {
        let kept = self.find(mailbox, &Question::Thread(algorithm))?;
        match kept.order {
            Order::Threads(threads) if kept.uids == *uids => Some(threads),
            _ => None,
        }
    }

    /// Keeps the threads of these messages.
    pub(crate) fn keep_threads(
        &self,
        mailbox: &Arc<Mailbox>,
        algorithm: ThreadAlgorithm,
        uids: UidSet,
        threads: &Arc<Threads>,
    ) {
        let order = Order::Threads(Arc::clone(threads));
        self.keep(mailbox, Question::Thread(algorithm), uids, order);
    }

    fn find(&self, mailbox: &Arc<Mailbox>, question: &Question) -> Option<Kept> {
        let mut all = self.all();
        let place = all.iter().position(|kept| kept.answers(mailbox, question))?;
        let kept = all.remove(place)?;
        all.push_front(kept.clone());
        Some(kept)
    }

    fn keep(&self, mailbox: &Arc<Mailbox>, question: Question, uids: UidSet, order: Order) {
        let mut all = self.all();
        all.retain(|kept| !kept.answers(mailbox, &question) && kept.mailbox.strong_count() > 0);
        all.push_front(Kept {
            mailbox: Arc::downgrade(mailbox),
            question,
            octets: order.octets(&uids),
            uids,
            order,
        });
        all.truncate(ORDERS);
        let mut sum = 0;
        all.retain(|kept| {
            sum += kept.octets;
            sum <= MOST
        });
    }

    fn all(&self) -> MutexGuard<'_, VecDeque<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn answers(&self, mailbox: &Arc<Mailbox>, question: &Question) -> bool {
        std::ptr::eq(self.mailbox.as_ptr(), Arc::as_ptr(mailbox)) && self.question == *question
    }
}
