//! Views against a model: whatever happens to a mailbox, in whatever order sessions look, with publications lost and rings
//! overrun, each client ends with the mailbox's messages and flags, and was never told anything wrong on the way.

use super::*;
use crate::mail::address::Address;
use crate::mail::date::Timestamp;
use crate::mail::flags::{Flags, KeywordTable, Keywords};
use crate::mailbox::Mailboxes;
use crate::mailbox::events::Common;
use crate::mailbox::state::{Entry, Step};
use crate::mailbox::tracker::Tracker;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::collections::BTreeMap;

const SESSIONS: usize = 3;

/// One thing that happens. Numbers choose among what there is.
#[derive(Clone, Debug)]
enum Event {
    Arrive(usize),
    Expunge(Vec<usize>),
    Flag {
        session: usize,
        messages: Vec<usize>,
        flags: u8,
    },
    /// The ring loses what it holds, as when a session has lagged far behind.
    Lose,
    Poll {
        session: usize,
        may_expunge: bool,
    },
}

fn event() -> impl Strategy<Value = Event> {
    let some = || prop::collection::vec(0usize..40, 1..5);
    prop_oneof![
        3 => (1usize..4).prop_map(Event::Arrive),
        2 => some().prop_map(Event::Expunge),
        3 => (0..SESSIONS + 1, some(), 0u8..64)
            .prop_map(|(session, messages, flags)| Event::Flag { session, messages, flags }),
        1 => Just(Event::Lose),
        4 => (0..SESSIONS, any::<bool>()).prop_map(|(session, may_expunge)| Event::Poll { session, may_expunge }),
    ]
}

/// What a client makes of what it is told: sequence numbers are positions in `messages`.
struct Client {
    view: View,
    messages: Vec<Option<Uid>>,
    flags: BTreeMap<Uid, Flags>,
    mod_seq: ModSeq,
}

impl Client {
    fn take(&mut self, mailbox: &Mailbox, may_expunge: bool) {
        let before = self.messages.len();
        let updates = self.view.poll(may_expunge);
        assert!(may_expunge || updates.expunged.is_empty());
        let known: Vec<Uid> = self.messages.iter().flatten().copied().collect();
        for (position, uid) in &updates.expunged {
            assert_eq!(
                self.messages.remove(*position),
                Some(*uid),
                "the right message is expunged"
            );
            self.flags.remove(uid);
        }
        let after = before - updates.expunged.len();
        if let Some(exists) = updates.exists {
            assert!(exists >= after, "EXISTS never shrinks a mailbox");
            self.messages.resize(exists, None);
        }
        for update in &updates.flags {
            assert!(known.contains(&update.state.uid), "no flags of a message not told yet");
            self.flags.insert(update.state.uid, update.state.flags);
        }
        if let Some(mod_seq) = updates.mod_seq {
            assert!(mod_seq > self.mod_seq);
            self.mod_seq = mod_seq;
        }
        // The client fetches what is new.
        let uids: Vec<Uid> = self.view.uids().iter().collect();
        assert_eq!(uids.len(), self.messages.len());
        for (slot, uid) in self.messages.iter_mut().zip(uids) {
            if slot.is_none() {
                *slot = Some(uid);
                if let Some(entry) = mailbox.state().find(uid) {
                    self.flags.insert(uid, entry.flags);
                }
            }
            assert_eq!(*slot, Some(uid), "positions agree");
        }
    }
}

fn entry(uid: u32, flags: Flags, mod_seq: ModSeq) -> Entry {
    Entry {
        uid: Uid::new(uid).unwrap(),
        flags,
        keywords: Keywords::NONE,
        mod_seq,
        size: 1,
        date: Timestamp {
            seconds: 0,
            offset_minutes: 0,
        },
        path: "new/x".into(),
    }
}

fn pick(state: &State, numbers: &[usize]) -> UidSet {
    let there = state.messages.len();
    let chosen = numbers
        .iter()
        .filter(|_| there > 0)
        .map(|number| state.messages[number % there].uid);
    let mut uids: Vec<Uid> = chosen.collect();
    uids.sort();
    uids.dedup();
    uids.into_iter().collect()
}

fn happen(mailbox: &Arc<Mailbox>, clients: &mut [Client], event: &Event) {
    let mut state = mailbox.state();
    let next = state.mod_seq.next();
    match event {
        Event::Arrive(count) => {
            let first = state.uid_next;
            let entries = (first..first + *count as u32).map(|uid| entry(uid, Flags::NONE, next));
            state.apply(SessionId::NONE, Step::Arrived(entries.collect()));
        }
        Event::Expunge(numbers) => {
            let uids = pick(&state, numbers);
            if !uids.is_empty() {
                state.apply(SessionId::NONE, Step::Expunged(uids));
            }
        }
        Event::Flag {
            session,
            messages,
            flags,
        } => {
            let uids = pick(&state, messages);
            let entries = uids
                .iter()
                .map(|uid| entry(uid.get(), Flags::from_bits(*flags), next))
                .collect();
            if !uids.is_empty() {
                state.apply(SessionId(*session as u64 + 1), Step::Flags(entries));
            }
        }
        Event::Lose => state.tracker = Tracker::new(4),
        Event::Poll { session, may_expunge } => {
            drop(state);
            clients[*session].take(mailbox, *may_expunge);
        }
    }
}

async fn mailbox(folder: &std::path::Path) -> Arc<Mailbox> {
    let mailboxes = Mailboxes::open(folder, &crate::config::Storage::default())
        .await
        .unwrap();
    let address = crate::mail::address::Address::parse("alice@example.org").unwrap();
    let account = mailboxes.account(&address).await.unwrap();
    account
        .open(&crate::mail::mailbox_name::MailboxName::inbox())
        .await
        .unwrap()
}

#[tokio::test]
async fn every_client_ends_with_the_truth() {
    let folder = tempfile::tempdir().unwrap();
    let mailbox = mailbox(folder.path()).await;
    let events = prop::collection::vec(event(), 1..80);
    let mut runner = TestRunner::new(ProptestConfig::with_cases(400));
    runner
        .run(&events, |events| {
            *mailbox.state() = State::new(Vec::new(), 1, ModSeq::MIN, KeywordTable::default(), Arc::new(common()));
            mailbox.state().tracker = Tracker::new(4);
            let mut clients: Vec<Client> = (0..SESSIONS)
                .map(|session| Client {
                    view: mailbox.view(SessionId(session as u64 + 1), false),
                    messages: Vec::new(),
                    flags: BTreeMap::new(),
                    mod_seq: ModSeq::MIN,
                })
                .collect();
            events.iter().for_each(|event| happen(&mailbox, &mut clients, event));
            let mut recent = 0;
            for client in &mut clients {
                client.take(&mailbox, true);
                let state = mailbox.state();
                let truth: BTreeMap<Uid, Flags> = state.messages.iter().map(|entry| (entry.uid, entry.flags)).collect();
                assert_eq!(client.flags, truth);
                assert_eq!(client.mod_seq, state.mod_seq);
                drop(state);
                recent += client.view.recent();
            }
            assert!(
                recent <= mailbox.state().messages.len(),
                "a message is recent for one session only"
            );
            Ok(())
        })
        .unwrap();
}

#[tokio::test]
async fn waiting_ends_with_the_first_news_and_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mailbox = mailbox(folder.path()).await;
    let mut view = mailbox.view(SessionId(1), false);
    let waiting = tokio::spawn(async move {
        view.changed().await;
        view
    });
    while mailbox.state().tracker.waiting == 0 {
        tokio::task::yield_now().await;
    }
    let notice = arrive(&mailbox, 1);
    let mut view = waiting.await.unwrap();
    assert_eq!(mailbox.state().tracker.waiting, 0);
    assert_eq!((notice.waiting(), notice.reached().0), (1, 0));
    let updates = view.poll(true);
    assert_eq!(updates.exists, Some(1));
    updates.notices.iter().for_each(|notice| notice.told());
    assert_eq!(notice.reached().0, 1);
    // News that come while nobody waits are no news that anybody waited for.
    arrive(&mailbox, 2);
    assert!(view.poll(true).notices.is_empty());
    // Nothing is missed between a poll and the next wait.
    arrive(&mailbox, 3);
    view.changed().await;
    assert_eq!(view.poll(true).exists, Some(3));
}

fn arrive(mailbox: &Mailbox, uid: u32) -> Arc<Notice> {
    let mut state = mailbox.state();
    let next = state.mod_seq.next();
    state
        .apply(SessionId::NONE, Step::Arrived(vec![entry(uid, Flags::NONE, next)]))
        .unwrap()
}

/// Of an account of which nobody hears.
fn common() -> Common {
    let owner = Address::new("alice", "example.org").unwrap();
    Common::new(owner, tokio::sync::broadcast::Sender::new(1), 0, 0)
}
