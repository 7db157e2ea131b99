//! What holds of a message by its state, its summary and its file.

use super::*;
use crate::imap::command::SearchKey as Key;
use crate::imap::command::{SequenceBound, SequenceSet};
use crate::imap::search::contents::Contents;
use crate::imap::search::known::Unseen;
use crate::imap::search::query::{Query, Terms};
use crate::mail::date::Timestamp;
use crate::mail::flags::{FlagList, Keyword, KeywordTable};
use crate::mail::ids::{ModSeq, Uid};
use crate::mail::summary::{Content, Part, Summary};
use crate::mailbox::{MessageState, Narrowed};

const DAY: i64 = 24 * 60 * 60;

fn state() -> MessageState {
    MessageState {
        uid: Uid::new(7).unwrap(),
        flags: Flags::SEEN.union(Flags::FLAGGED),
        keywords: Keywords(1),
        mod_seq: ModSeq::new(50).unwrap(),
        size: 1000,
        // 23:30 on day 100 in a zone one hour east: 22:30 UTC.
        internal_date: Timestamp {
            seconds: 100 * DAY + 22 * 3600 + 1800,
            offset_minutes: 60,
        },
        save_date: Timestamp {
            seconds: 101 * DAY,
            offset_minutes: 0,
        },
    }
}

fn summary(headers: &[u8], truncated: bool) -> Summary {
    Summary {
        size: 1000,
        digest: [0; 16],
        envelope: MessageEnvelope {
            date: Some(b"Mon, 12 Apr 1970 23:30:00 -0500".to_vec()),
            ..MessageEnvelope::default()
        },
        root: Part {
            header_start: 0,
            body_start: 10,
            body_end: 1000,
            lines: 1,
            media_type: b"TEXT".to_vec(),
            subtype: b"PLAIN".to_vec(),
            parameters: Vec::new(),
            id: None,
            description: None,
            encoding: b"7BIT".to_vec(),
            md5: None,
            disposition: None,
            language: Vec::new(),
            location: None,
            content: Content::Leaf,
        },
        headers: headers.to_vec(),
        truncated,
    }
}

fn query(key: &Key) -> Query {
    let mut table = KeywordTable::default();
    table.insert(&Keyword::new("Work").unwrap());
    table.insert(&Keyword::new("Home").unwrap());
    let resolve = |set: &SequenceSet, uid: bool| {
        let SequenceSet::Ranges(ranges) = set else {
            return Err(());
        };
        let bound = |bound| match bound {
            SequenceBound::Number(number) => number + if uid { 0 } else { 6 },
            SequenceBound::Last => 9,
        };
        let runs = ranges
            .iter()
            .filter_map(|(first, last)| Some(UidSet::range(Uid::new(bound(*first))?, Uid::new(bound(*last))?)));
        Ok(runs.fold(UidSet::new(), |all, run| all.union(&run)))
    };
    let terms = Terms {
        keywords: &table,
        // An hour after the message arrived.
        now: state().internal_date.seconds + 3600,
        resolve,
    };
    Query::new::<(), _>(key, &terms).unwrap()
}

fn by_state(key: &Key) -> Option<bool> {
    query(key).criterion.holds(Known {
        state: &state(),
        recent: true,
        unseen: None,
        summary: None,
        file: None,
    })
}

fn list(names: &[&str]) -> FlagList {
    let mut list = FlagList::default();
    assert!(names.iter().all(|name| list.insert(name)));
    list
}

fn one(number: u32) -> SequenceSet {
    SequenceSet::Ranges(vec![(SequenceBound::Number(number), SequenceBound::Number(number))])
}

#[test]
fn what_the_state_settles() {
    for (key, wanted) in [
        (Key::All, true),
        (Key::Has(list(&["\\Seen"])), true),
        (Key::Has(list(&["\\Seen", "\\Deleted"])), false),
        (Key::Has(list(&["Work"])), true),
        (Key::Has(list(&["home"])), false),
        (Key::Has(list(&["Unknown"])), false),
        (Key::HasNot(list(&["\\Seen"])), false),
        (Key::HasNot(list(&["\\Deleted"])), true),
        (Key::HasNot(list(&["WORK"])), false),
        (Key::HasNot(list(&["Unknown"])), true),
        (Key::Recent, true),
        (Key::New, false),
        (Key::Old, false),
        (Key::Sequence(one(1)), true),
        (Key::Sequence(one(2)), false),
        (Key::Uid(one(7)), true),
        (Key::Uid(one(1)), false),
        (Key::On(100), true),
        (Key::Before(100), false),
        (Key::Before(101), true),
        (Key::Since(100), true),
        (Key::Since(101), false),
        (Key::Older(3600), true),
        (Key::Older(3601), false),
        (Key::Younger(3600), true),
        (Key::Younger(3599), false),
        // What INTERNALDATE says is another matter.
        (Key::SavedOn(101), true),
        (Key::SavedBefore(101), false),
        (Key::SavedSince(102), false),
        (Key::ObjectId(None), false),
        (Key::Larger(999), true),
        (Key::Larger(1000), false),
        (Key::Smaller(1000), false),
        (Key::Smaller(1001), true),
        (Key::ModSeq(50), true),
        (Key::ModSeq(51), false),
        (Key::Not(Box::new(Key::All)), false),
        (Key::And(vec![]), true),
    ] {
        assert_eq!(by_state(&key), Some(wanted), "{key:?}");
    }
}

#[test]
fn the_zone_is_the_dates_own() {
    let mut state = state();
    state.internal_date.offset_minutes = 120;
    let query = query(&Key::On(101));
    let known = Known {
        state: &state,
        recent: false,
        unseen: None,
        summary: None,
        file: None,
    };
    assert_eq!(query.criterion.holds(known), Some(true));
}

#[test]
fn a_dear_key_is_asked_only_when_a_cheap_one_leaves_it_open() {
    let dear = || Key::Body("x".to_owned());
    let (yes, no) = (Key::All, Key::Not(Box::new(Key::All)));
    let or = |one: Key, other: Key| Key::Or(Box::new(one), Box::new(other));
    for (key, wanted) in [
        (Key::And(vec![dear(), no.clone()]), Some(false)),
        (Key::And(vec![dear(), yes.clone()]), None),
        (or(dear(), yes.clone()), Some(true)),
        (or(no.clone(), dear()), None),
        (Key::Not(Box::new(or(dear(), yes))), Some(false)),
        (Key::Not(Box::new(Key::And(vec![dear(), no]))), Some(true)),
        (Key::SentOn(100), None),
    ] {
        assert_eq!(by_state(&key), wanted, "{key:?}");
    }
}

#[test]
fn headers_come_from_the_index_when_it_has_them() {
    let header = |name: &str, text: &str| Key::Header(name.to_owned(), text.to_owned());
    let kept = b"Subject: Hello\r\n World\r\nTo: b@example.org\r\n";
    for (key, truncated, wanted) in [
        (header("SUBJECT", "hello world"), false, Some(true)),
        (header("Subject", "hello world"), true, Some(true)),
        (header("subject", "bye"), false, Some(false)),
        (header("subject", "bye"), true, None),
        (header("Cc", ""), false, Some(false)),
        (header("To", ""), false, Some(true)),
        (header("X-Rare", ""), false, None),
    ] {
        let (state, summary) = (state(), summary(kept, truncated));
        let mut known = Known {
            state: &state,
            recent: false,
            unseen: None,
            summary: Some(&summary),
            file: None,
        };
        let query = query(&key);
        assert_eq!(query.criterion.holds(known), wanted, "{key:?}");
        let contents = Contents {
            header: b"X-Rare: here\r\nSubject: Hello\r\n World\r\nTo: b@example.org\r\n\r\n".to_vec(),
            ..Contents::default()
        };
        known.file = Some(&contents);
        let all_read = query.criterion.holds(known);
        assert_eq!(all_read, Some(wanted.unwrap_or(key == header("X-Rare", ""))), "{key:?}");
    }
}

#[test]
fn what_the_full_text_index_excludes_is_not_read() {
    let header = |name: &str, text: &str| Key::Header(name.to_owned(), text.to_owned());
    let excluded = || Narrowed::new(vec![UidSet::range(Uid::MIN, Uid::MAX); 2]);
    let unseen = Unseen {
        phrases: excluded(),
        in_fields: excluded(),
    };
    for (key, asked, wanted) in [
        (header("Subject", "Hello"), Some("HELLO"), Some(false)),
        (header("X-Rare", ""), Some(""), Some(false)),
        // The address may be written in pieces.
        (header("From", "a@b"), Some(""), Some(false)),
        (Key::Text("x".to_owned()), None, Some(false)),
    ] {
        let (query, state) = (query(&key), state());
        assert_eq!(query.in_fields.first().map(String::as_str), asked, "{key:?}");
        let mut known = Known {
            state: &state,
            recent: false,
            unseen: Some(&unseen),
            summary: None,
            file: None,
        };
        assert_eq!(query.criterion.holds(known), wanted, "{key:?}");
        let nothing = Unseen::default();
        known.unseen = Some(&nothing);
        assert_eq!(query.criterion.holds(known), None, "{key:?}");
    }
}

#[test]
fn text_is_body_and_header() {
    let key = |text: &str| text.to_owned();
    let both = query(&Key::And(vec![Key::Text(key("a")), Key::Body(key("b"))]));
    assert_eq!(both.phrases.len(), 2);
    for (in_header, in_body, wanted) in [
        ([true, false], [false, true], true),
        ([false, false], [true, true], true),
        ([true, true], [false, false], false),
    ] {
        let state = state();
        let contents = Contents {
            header: Vec::new(),
            in_body: in_body.to_vec(),
            in_header: in_header.to_vec(),
        };
        let known = Known {
            state: &state,
            recent: false,
            unseen: None,
            summary: None,
            file: Some(&contents),
        };
        assert_eq!(both.criterion.holds(known), Some(wanted));
    }
}

#[test]
fn sets_at_the_top_narrow_the_search() {
    let uids = |set: Option<UidSet>| set.map(|set| set.iter().map(Uid::get).collect::<Vec<_>>());
    let range = |first, last| SequenceSet::Ranges(vec![(SequenceBound::Number(first), SequenceBound::Number(last))]);
    let key = Key::And(vec![Key::Uid(range(3, 8)), Key::Recent, Key::Uid(range(7, 20))]);
    assert_eq!(uids(query(&key).within()), Some(vec![7, 8]));
    assert_eq!(uids(query(&Key::Recent).within()), None);
    assert_eq!(uids(query(&Key::Not(Box::new(Key::Uid(range(3, 8))))).within()), None);
}

#[test]
fn a_refused_set_is_passed_on() {
    let terms = Terms {
        keywords: &KeywordTable::default(),
        now: 0,
        resolve: |_: &SequenceSet, _| Err(1),
    };
    let refused = Query::new(&Key::Sequence(SequenceSet::Saved), &terms);
    assert_eq!(refused.err(), Some(1));
}
