//! The queue from outside: what is taken, given out, settled and told.

use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::AsyncReadExt;

use super::administration::{Action, Administration};
use super::*;
use crate::config::{Period, Size};
use crate::mail::address::Address;
use crate::mail::dsn::{Return, Status};
use crate::mail::envelope::{BodyType, ReversePath};
use crate::mail::handling::Handling;
use crate::mail::ids::{AccountId, QueueId};
use crate::storage::spool::Spool;

const TEXT: &[u8] = b"Return-Path: <alice@x.test>\r\nSubject: hello\r\n\r\nBody.\r\n";
const SKIP: u64 = 29;

struct Place {
    data: TempDir,
    spool: Spool,
    settings: config::Queue,
}

impl Place {
    fn new() -> Place {
        let data = tempfile::tempdir().unwrap();
        Place {
            spool: Spool::open(&data.path().join("spool")).unwrap(),
            data,
            settings: config::Queue::default(),
        }
    }

    /// As at the start of a server. What an earlier one had is claimed by nobody.
    async fn open(&self) -> Queue {
        let wait = Duration::from_secs(20);
        Queue::open(self.data.path(), &self.settings, &[], "mx.x.test", wait)
            .await
            .unwrap()
    }

    async fn entry(&self, recipients: &[&str]) -> NewEntry {
        let mut incoming = self.spool.begin();
        incoming.write(TEXT).await.unwrap();
        let recipients = recipients.iter().map(|text| {
            // `address NOTIFY`
            let (address, notify) = text.split_once(' ').unwrap_or((text, ""));
            let address = Address::parse(address).unwrap();
            NewRecipient {
                destination: Destination::of(&address),
                address,
                notify: notify.parse().ok(),
                original: None,
            }
        });
        NewEntry {
            id: QueueId::fresh(),
            reverse_path: ReversePath::parse("alice@x.test").unwrap(),
            account: Some(AccountId(1)),
            recipients: recipients.collect(),
            body: BodyType::SevenBit,
            smtputf8: false,
            ret: None,
            envelope_id: Some("QQ314159".parse().unwrap()),
            hold_until: None,
            handling: Handling::default(),
            message: incoming.finish().await.unwrap(),
            skip: SKIP,
            header: b"Signed: yes\r\n".to_vec(),
        }
    }

    fn files(&self) -> usize {
        std::fs::read_dir(self.data.path().join("queue")).unwrap().count()
    }
}

fn domain(name: &str) -> Destination {
    Destination::Domain(name.into())
}

fn answer(status: &str, text: &str) -> Answer {
    Answer::new(Some("mx.y.test".to_owned()), status.parse().unwrap(), text)
}

fn deferred(retry: u64) -> Outcome {
    Outcome::Deferred {
        answer: answer("4.2.0", "450 later"),
        retry: Some(Duration::from_millis(retry)),
    }
}

async fn content(claim: &Claim) -> String {
    let mut text = String::new();
    claim.message().await.unwrap().read_to_string(&mut text).await.unwrap();
    assert_eq!(text.len() as u64, claim.entry.size);
    text
}

async fn settle_all(claim: Claim, outcome: &Outcome) {
    let outcomes = claim.recipients.iter().map(|recipient| (recipient.id, outcome.clone()));
    let outcomes = outcomes.collect();
    claim.settle(outcomes).await.unwrap();
}

/// The reports that wait for this server: to whom, and their text.
async fn reports(queue: &Queue) -> Vec<(String, String)> {
    let mut found = Vec::new();
    while let Some(claim) = queue.claim(&Destination::Local).await.unwrap() {
        assert_eq!(claim.entry.reverse_path, ReversePath::Null);
        found.push((claim.recipients[0].address.to_string(), content(&claim).await));
        settle_all(claim, &Outcome::Delivered(answer("2.1.5", ""))).await;
    }
    found
}

#[tokio::test]
async fn recipients_of_a_domain_travel_together_and_the_message_goes_with_the_last() {
    let place = Place::new();
    let queue = place.open().await;
    let entry = place.entry(&["a@y.test", "b@z.test", "c@y.test"]).await;
    let id = entry.id;
    queue.enqueue(entry).await.unwrap();
    let other = queue.due(|group| *group != Group::Domain("y.test".into())).await;
    assert_eq!(*other, domain("z.test"));
    drop(other);
    let claim = queue.claim(&domain("y.test")).await.unwrap().unwrap();
    assert_eq!((claim.entry.id, claim.recipients.len()), (id, 2));
    assert_eq!(content(&claim).await, "Signed: yes\r\nSubject: hello\r\n\r\nBody.\r\n");
    assert!(queue.claim(&domain("y.test")).await.unwrap().is_none(), "it is claimed");
    let dropped = queue.claim(&domain("z.test")).await.unwrap().unwrap();
    drop(dropped);
    let other = queue.claim(&domain("z.test")).await.unwrap().unwrap();
    let done = Outcome::Relayed {
        answer: answer("2.0.0", "250 ok"),
        dsn: false,
        deliver_by: false,
    };
    settle_all(claim, &done).await;
    assert_eq!(place.files(), 1);
    settle_all(other, &done).await;
    assert_eq!(place.files(), 0);
    assert!(reports(&queue).await.is_empty());
    assert_eq!(*lock(&queue.0.totals), Totals::default());
}

#[tokio::test]
async fn what_was_not_settled_is_there_after_a_restart_and_once() {
    let place = Place::new();
    let queue = place.open().await;
    for _ in 0..3 {
        queue.enqueue(place.entry(&["a@y.test"]).await).await.unwrap();
    }
    let claim = queue.claim(&domain("y.test")).await.unwrap().unwrap();
    settle_all(claim, &deferred(0)).await;
    let _claimed = queue.claim(&domain("y.test")).await.unwrap().unwrap();
    // Left by a crash between file and row.
    std::fs::write(place.data.path().join("queue/0000000000000001"), "").unwrap();
    queue.close().await;
    let queue = place.open().await;
    assert_eq!((place.files(), lock(&queue.0.totals).entries), (3, 3));
    let mut attempts = Vec::new();
    while let Some(claim) = queue.claim(&domain("y.test")).await.unwrap() {
        attempts.push(claim.recipients[0].attempts);
        settle_all(claim, &deferred(60_000)).await;
    }
    attempts.sort_unstable();
    assert_eq!(attempts, [0, 0, 1]);
}

#[tokio::test]
async fn a_failure_is_told_once_with_the_transaction_that_makes_it_so() {
    let place = Place::new();
    let queue = place.open().await;
    let recipients = [
        "a@y.test",
        "b@y.test NEVER",
        "c@y.test SUCCESS",
        "d@y.test FAILURE",
        "e@y.test",
    ];
    let mut entry = place.entry(&recipients).await;
    entry.ret = Some(Return::Full);
    queue.enqueue(entry).await.unwrap();
    let claim = queue.claim(&domain("y.test")).await.unwrap().unwrap();
    let failed = Outcome::Failed(answer("5.1.1", "550 5.1.1 no such user"));
    let mut outcomes: Vec<_> = claim.recipients.iter().map(|one| (one.id, failed.clone())).collect();
    outcomes[4].1 = deferred(60_000);
    claim.settle(outcomes).await.unwrap();
    queue.close().await;
    let queue = place.open().await;
    let told = reports(&queue).await;
    assert_eq!(told.len(), 1);
    let (to, text) = &told[0];
    assert_eq!(
        (to.as_str(), text.matches("Action: failed\r\n").count()),
        ("alice@x.test", 2),
        "{text}"
    );
    for part in [
        "Original-Envelope-Id: QQ314159\r\n",
        "Final-Recipient: rfc822; a@y.test\r\n",
        "Final-Recipient: rfc822; d@y.test\r\n",
        "Status: 5.1.1\r\nRemote-MTA: dns; mx.y.test\r\nDiagnostic-Code: smtp; 550 5.1.1 no such user\r\n",
        "message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\nSigned: yes\r\nSubject: hello\r\n\r\nBody.\r\n\r\n--",
    ] {
        assert!(text.contains(part), "{part}\n-- is not in:\n{text}");
    }
    assert!(reports(&queue).await.is_empty() && place.files() == 1);
}

#[tokio::test]
async fn delays_are_told_once_and_after_the_last_attempt_the_message_comes_back() {
    let mut place = Place::new();
    place.settings.delay_notice = Period::milliseconds(1);
    place.settings.expire = Period::milliseconds(600);
    let queue = place.open().await;
    queue
        .enqueue(place.entry(&["a@y.test", "b@y.test FAILURE"]).await)
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(5)).await;
    for delayed in [1, 0] {
        let claim = queue.claim(&domain("y.test")).await.unwrap().unwrap();
        settle_all(claim, &deferred(0)).await;
        let told = reports(&queue).await;
        assert_eq!(told.len(), delayed);
        for (_, text) in told {
            assert!(
                text.contains("rfc822; a@y.test\r\nAction: delayed\r\nStatus: 4.2.0\r\n"),
                "{text}"
            );
            assert!(text.contains("Will-Retry-Until: ") && !text.contains("b@y.test") && !text.contains("Body."));
        }
    }
    let claim = queue.claim(&domain("y.test")).await.unwrap().unwrap();
    settle_all(claim, &deferred(3_600_000)).await;
    // The last attempt is when the time is up, whatever was asked for.
    let claim = loop {
        let due = tokio::time::timeout(Duration::from_secs(20), queue.due(|_| true)).await;
        if let Some(claim) = queue.claim(&due.unwrap()).await.unwrap() {
            break claim;
        }
    };
    settle_all(claim, &deferred(0)).await;
    let told = reports(&queue).await;
    assert_eq!(told.len(), 1);
    let text = &told[0].1;
    assert_eq!(text.matches("Action: failed\r\nStatus: 4.4.7\r\n").count(), 2, "{text}");
    assert_eq!(place.files(), 0);
}

#[tokio::test]
async fn successes_are_told_to_whom_asked_and_never_to_nobody() {
    let place = Place::new();
    let queue = place.open().await;
    let relayed = |dsn| Outcome::Relayed {
        answer: answer("2.0.0", "250 ok"),
        dsn,
        deliver_by: false,
    };
    for (dsn, reported) in [(false, 1), (true, 0)] {
        queue
            .enqueue(place.entry(&["a@y.test SUCCESS", "b@y.test"]).await)
            .await
            .unwrap();
        let claim = queue.claim(&domain("y.test")).await.unwrap().unwrap();
        settle_all(claim, &relayed(dsn)).await;
        let told = reports(&queue).await;
        assert_eq!(told.len(), reported);
        assert!(
            told.iter()
                .all(|(_, text)| text.contains("a@y.test\r\nAction: relayed\r\nStatus: 2.0.0\r\n"))
        );
    }
    let mut entry = place.entry(&["a@y.test SUCCESS,FAILURE"]).await;
    entry.reverse_path = ReversePath::Null;
    queue.tell_delivered(&entry).await.unwrap();
    queue.enqueue(entry).await.unwrap();
    let claim = queue.claim(&domain("y.test")).await.unwrap().unwrap();
    settle_all(claim, &Outcome::Failed(answer("5.0.0", "550 no"))).await;
    assert!(reports(&queue).await.is_empty());
    queue
        .tell_delivered(&place.entry(&["a@x.test SUCCESS", "b@x.test"]).await)
        .await
        .unwrap();
    let told = reports(&queue).await;
    assert!(told.len() == 1 && told[0].1.contains("a@x.test\r\nAction: delivered\r\nStatus: 2.1.5\r\n"));
    assert_eq!(place.files(), 0);
}

#[tokio::test]
async fn limits_hold_and_mail_that_is_held_waits() {
    let mut place = Place::new();
    place.settings.max_messages = 2;
    let queue = place.open().await;
    let mut entry = place.entry(&["a@y.test"]).await;
    entry.hold_until = Some(now() + 3_600_000);
    queue.enqueue(entry).await.unwrap();
    assert!(queue.claim(&domain("y.test")).await.unwrap().is_none());
    queue.enqueue(place.entry(&["a@y.test"]).await).await.unwrap();
    let refused = queue.enqueue(place.entry(&["a@y.test"]).await).await;
    assert!(matches!(refused, Err(Error::NoSpace(_))));
    queue.close().await;
    place.settings.max_messages = 100;
    place.settings.max_size = Size::octets(3 * TEXT.len() as u64 - 1);
    let queue = place.open().await;
    let refused = queue.enqueue(place.entry(&["a@y.test"]).await).await;
    assert!(matches!(refused, Err(Error::NoSpace(_))) && place.files() == 2);
}

#[tokio::test]
async fn another_process_has_a_hand_in_it() {
    let place = Place::new();
    let queue = place.open().await;
    let stop = CancellationToken::new();
    let following = tokio::spawn({
        let (queue, stop) = (queue.clone(), stop.clone());
        async move { queue.follow(stop).await }
    });
    queue
        .enqueue(place.entry(&["a@y.test", "b@z.test"]).await)
        .await
        .unwrap();
    let claim = queue.claim(&domain("y.test")).await.unwrap().unwrap();
    settle_all(claim, &deferred(3_600_000)).await;
    let other = Administration::open(place.data.path(), Duration::from_secs(20))
        .await
        .unwrap();
    let listed = other.list(None).await.unwrap();
    let id = listed[0].entry.id;
    let (last, _) = listed[0].recipients[0].last_answer().unwrap();
    assert_eq!((last.text(), last.status), ("450 later", Status::new(4, 2, 0)));
    assert!(other.list(Some(id)).await.unwrap().is_empty());
    assert_eq!(other.act(Action::Hold, Some(id)).await.unwrap(), 2);
    assert!(queue.claim(&domain("z.test")).await.unwrap().is_none());
    assert_eq!(other.act(Action::Release, None).await.unwrap(), 2);
    assert_eq!(other.act(Action::Retry, Some(id)).await.unwrap(), 2);
    let mut due = Vec::new();
    for _ in 0..2 {
        let next = tokio::time::timeout(Duration::from_secs(20), queue.due(|_| true)).await;
        due.push(next.expect("the server notices"));
    }
    drop(due);
    let claim = queue.claim(&domain("y.test")).await.unwrap().unwrap();
    assert_eq!(other.act(Action::Drop, Some(id)).await.unwrap(), 2);
    settle_all(claim, &Outcome::Failed(answer("5.0.0", "550 no"))).await;
    assert!(reports(&queue).await.is_empty(), "whoever dropped it wanted silence");
    assert!(other.find(id).await.unwrap().is_none() && place.files() == 0);
    for _ in 0..2 {
        let entry = place.entry(&["a@y.test", "b@z.test"]).await;
        queue.enqueue(entry).await.unwrap();
    }
    assert_eq!(other.act(Action::Drop, None).await.unwrap(), 4);
    assert!(
        other.list(None).await.unwrap().is_empty(),
        "no entry stays without recipients"
    );
    stop.cancel();
    following.await.unwrap();
    other.close().await;
}

#[tokio::test]
async fn what_was_dropped_leaves_no_outcome_to_the_next() {
    let place = Place::new();
    let queue = place.open().await;
    queue.enqueue(place.entry(&["a@y.test"]).await).await.unwrap();
    let claim = queue.claim(&domain("y.test")).await.unwrap().unwrap();
    let other = Administration::open(place.data.path(), Duration::from_secs(20))
        .await
        .unwrap();
    other.act(Action::Drop, Some(claim.entry.id)).await.unwrap();
    // Its recipient gets the number that is free now.
    queue.enqueue(place.entry(&["b@y.test"]).await).await.unwrap();
    let next = queue.claim(&domain("y.test")).await.unwrap().unwrap();
    assert_eq!(next.recipients[0].id, claim.recipients[0].id);
    settle_all(claim, &Outcome::Failed(answer("5.0.0", "550 no"))).await;
    drop(next);
    let next = queue.claim(&domain("y.test")).await.unwrap().unwrap();
    assert_eq!(next.recipients[0].address.to_string(), "b@y.test");
    assert!(content(&next).await.contains("hello"));
    assert!(reports(&queue).await.is_empty());
    other.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_are_each_taken_once() {
    let place = Arc::new(Place::new());
    let queue = place.open().await;
    let mut adding = tokio::task::JoinSet::new();
    for number in 0..60 {
        let (place, queue) = (place.clone(), queue.clone());
        adding.spawn(async move {
            let recipient = format!("a{number}@y.test");
            queue.enqueue(place.entry(&[&recipient]).await).await.unwrap();
        });
    }
    adding.join_all().await;
    let mut working = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let queue = queue.clone();
        working.spawn(async move {
            let mut taken = Vec::new();
            while let Some(claim) = queue.claim(&domain("y.test")).await.unwrap() {
                taken.push(claim.recipients[0].address.to_string());
                settle_all(claim, &Outcome::Delivered(answer("2.0.0", ""))).await;
            }
            taken
        });
    }
    let mut taken: Vec<String> = working.join_all().await.concat();
    taken.sort();
    taken.dedup();
    assert_eq!((taken.len(), place.files()), (60, 0));
}
