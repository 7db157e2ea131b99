//! What messages are sorted and threaded by (RFC 5256 §2 and §3, RFC 5957 §3, RFC 6203 §6).

use super::command::{SortCriterion, SortKey};
use crate::mail::base_subject::BaseSubject;
use crate::mail::collation::casemap;
use crate::mail::date::Timestamp;
use crate::mail::encoded_word;
use crate::mail::summary::{EnvelopeAddress, Summary};
use crate::mailbox::MessageState;
use std::sync::Arc;

/// Octets that are kept of what a message is sorted by. Those that differ only behind it stay as they are in the mailbox.
const MAX_KEY: usize = 2048;

/// What is known of a message that is to be sorted.
#[derive(Clone, Copy)]
pub(crate) struct Sorted<'a> {
    pub(crate) state: &'a MessageState,
    /// There when [`needs_summary`] says so.
    pub(crate) summary: Option<&'a Summary>,
    /// How relevant it is, from 1 to 100.
    pub(crate) score: u8,
}

/// Whether the state of a message does not suffice.
pub(crate) fn needs_summary(criteria: &[SortCriterion]) -> bool {
    let by_state = |key| matches!(key, SortKey::Arrival | SortKey::Size | SortKey::Relevancy);
    !criteria.iter().all(|criterion| by_state(criterion.key))
}

/// Octets whose order is that of the messages.
pub(crate) fn key(criteria: &[SortCriterion], message: Sorted<'_>) -> Arc<[u8]> {
    let mut key = Vec::new();
    for criterion in criteria {
        let start = key.len();
        append(&mut key, criterion.key, message);
        if criterion.reverse {
            key.iter_mut().skip(start).for_each(|octet| *octet = !*octet);
        }
    }
    key.truncate(MAX_KEY);
    key.into()
}

fn append(key: &mut Vec<u8>, by: SortKey, message: Sorted<'_>) {
    let envelope = message.summary.map(|summary| &summary.envelope);
    match (by, envelope) {
        (SortKey::Arrival, _) => moment(key, message.state.internal_date.seconds),
        (SortKey::Size, _) => key.extend_from_slice(&message.state.size.to_be_bytes()),
        (SortKey::Relevancy, _) => key.push(u8::MAX - message.score),
        (SortKey::Date, _) => moment(key, sent_date(message.state, message.summary)),
        (SortKey::Subject, _) => text(key, &message.summary.map(subject).unwrap_or_default().text),
        (SortKey::Cc, Some(envelope)) => text(key, &mailbox(&envelope.cc)),
        (SortKey::From, Some(envelope)) => text(key, &mailbox(&envelope.from)),
        (SortKey::To, Some(envelope)) => text(key, &mailbox(&envelope.to)),
        (SortKey::DisplayFrom, Some(envelope)) => text(key, &display(&envelope.from)),
        (SortKey::DisplayTo, Some(envelope)) => text(key, &display(&envelope.to)),
        (_, None) => text(key, ""),
    }
}

/// The sent date (RFC 5256 §2.2), in seconds since 1970; when there is none, the date of arrival.
pub(crate) fn sent_date(state: &MessageState, summary: Option<&Summary>) -> i64 {
    let value = summary.and_then(|summary| summary.envelope.date.as_deref());
    let sent = value.and_then(Timestamp::from_rfc5322);
    sent.unwrap_or(state.internal_date).seconds
}

/// The base subject (RFC 5256 §2.1).
pub(crate) fn subject(summary: &Summary) -> BaseSubject {
    let subject = summary.envelope.subject.as_deref().unwrap_or_default();
    BaseSubject::of(&encoded_word::decoded(subject))
}

/// `addr-mailbox` of the first address.
fn mailbox(addresses: &[EnvelopeAddress]) -> String {
    let mailbox = addresses.first().and_then(|address| address.mailbox.as_deref());
    encoded_word::plain(mailbox.unwrap_or_default())
}

/// What a client shows for the first address (RFC 5957 §3).
fn display(addresses: &[EnvelopeAddress]) -> String {
    let Some(address) = addresses.first() else {
        return String::new();
    };
    let name = encoded_word::decoded(address.name.as_deref().unwrap_or_default());
    match (&address.mailbox, &address.host) {
        _ if !name.is_empty() => name,
        (Some(mailbox), Some(host)) => encoded_word::plain(&[mailbox, b"@".as_slice(), host].concat()),
        (Some(mailbox), None) => encoded_word::plain(mailbox),
        (None, _) => String::new(),
    }
}

/// Seconds, so that earlier ones come first.
fn moment(key: &mut Vec<u8>, seconds: i64) {
    key.extend_from_slice(&(seconds as u64 ^ 1 << 63).to_be_bytes());
}

/// A text with its end marked, so that a shorter one comes before all that begin with it. NULs, which encoded words can
/// hold, are left out.
fn text(key: &mut Vec<u8>, text: &str) {
    let mut mapped = Vec::new();
    casemap(text, &mut mapped);
    key.extend(mapped.into_iter().filter(|octet| *octet != 0));
    key.push(0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::flags::{Flags, Keywords};
    use crate::mail::ids::{ModSeq, Uid};
    use crate::mail::mime::{MimeLimits, Scanner};

    fn state(arrival: i64, size: u64) -> MessageState {
        let date = Timestamp {
            seconds: arrival,
            offset_minutes: 0,
        };
        MessageState {
            uid: Uid::MIN,
            flags: Flags::NONE,
            keywords: Keywords::NONE,
            mod_seq: ModSeq::MIN,
            size,
            internal_date: date,
            save_date: date,
        }
    }

    fn summary(header: &str) -> Summary {
        let mut scanner = Scanner::new(MimeLimits::default());
        scanner.feed(header.replace('\n', "\r\n").as_bytes());
        scanner.feed(b"\r\n\r\n");
        scanner.finish()
    }

    /// The order in which messages with these headers come; the first is 0.
    fn order(by: SortKey, reverse: bool, headers: &[&str]) -> Vec<usize> {
        let criteria = [SortCriterion { reverse, key: by }];
        let keys = headers.iter().enumerate().map(|(index, header)| {
            let summary = summary(header);
            let message = Sorted {
                state: &state(1_000_000_000 + index as i64, 10 - index as u64),
                summary: Some(&summary),
                score: 1 + index as u8,
            };
            (key(&criteria, message), index)
        });
        let mut keys: Vec<_> = keys.collect();
        keys.sort();
        keys.into_iter().map(|(_, index)| index).collect()
    }

    #[test]
    fn each_key() {
        use SortKey::*;
        for (by, headers, wanted) in [
            (Arrival, ["", "", ""], [0, 1, 2]),
            (Size, ["", "", ""], [2, 1, 0]),
            (Relevancy, ["", "", ""], [2, 1, 0]),
            (
                Date,
                [
                    "Date: 31 Dec 2000 16:01:33 -0800",
                    "Date: 1 Jan 2001 00:01:32 +0000",
                    "Date: nonsense",
                ],
                [1, 0, 2],
            ),
            (Subject, ["Subject: Re: b", "Subject: A", "X: y"], [2, 1, 0]),
            (
                Subject,
                ["Subject: b", "Subject: =?utf-8?q?=C3=84?=", "Subject: [list] RE: a"],
                [2, 1, 0],
            ),
            (Subject, ["Subject: ab", "Subject: a b", "Subject: a"], [2, 1, 0]),
            (
                From,
                ["From: A <c@x>", "From: B <b@x>, a@x", "From: C <a@x>"],
                [2, 1, 0],
            ),
            (To, ["To: b@a", "To: A@b", ""], [2, 1, 0]),
            (Cc, ["Cc: b@a", "Cc: a@b", "To: z@z"], [2, 1, 0]),
            (
                DisplayFrom,
                ["From: Zoë <a@x>", "From: b@x", "From: =?utf-8?q?a?= <z@z>"],
                [2, 1, 0],
            ),
            (DisplayFrom, ["From: b@x", "From: \"\" <a@y>", "From: a@x"], [2, 1, 0]),
            (DisplayTo, ["To: c: a@x, b@x;", "To: b <z@x>", ""], [2, 1, 0]),
        ] {
            assert_eq!(order(by, false, &headers), wanted, "{by:?} {headers:?}");
        }
    }

    #[test]
    fn reverse_keeps_what_is_equal_as_it_is_in_the_mailbox() {
        let subjects = ["Subject: a", "Subject: ab", "Subject: A", ""];
        assert_eq!(order(SortKey::Subject, false, &subjects), [3, 0, 2, 1]);
        assert_eq!(order(SortKey::Subject, true, &subjects), [1, 0, 2, 3]);
    }

    #[test]
    fn a_later_criterion_decides_what_an_earlier_one_leaves() {
        let criteria = |reverse| {
            [
                SortCriterion {
                    reverse: false,
                    key: SortKey::Subject,
                },
                SortCriterion {
                    reverse,
                    key: SortKey::Size,
                },
            ]
        };
        let (short, long) = (summary("Subject: a"), summary("Subject: b"));
        let key = |criteria: &[SortCriterion], summary, size| {
            let state = state(0, size);
            key(
                criteria,
                Sorted {
                    state: &state,
                    summary: Some(summary),
                    score: 1,
                },
            )
        };
        assert!(key(&criteria(false), &short, 2) < key(&criteria(false), &long, 1));
        assert!(key(&criteria(false), &short, 1) < key(&criteria(false), &short, 2));
        assert!(key(&criteria(true), &short, 2) < key(&criteria(true), &short, 1));
        assert!(needs_summary(&criteria(false)) && !needs_summary(&criteria(false)[1..]));
    }
}
