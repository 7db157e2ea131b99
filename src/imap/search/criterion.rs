//! Search keys made ready, and their evaluation with as much as is known of a message: state, then summary, then file.
//! A message is settled by the first of these that suffices, so that the dear keys are asked only where the cheap ones
//! leave it open, in whatever order the client wrote them.

use super::field;
use super::fuzzy::Fuzzy;
use super::phrase::Phrase;
use crate::imap::command::{SearchKey, SequenceSet};
use crate::imap::object_id::ObjectId;
use crate::mail::date::Timestamp;
use crate::mail::flags::{FlagList, Flags, KeywordTable, Keywords};
use crate::mail::summary::{MessageEnvelope, Summary};
use crate::mail::uidset::UidSet;
use crate::mailbox::{MessageState, Narrowed};

/// A search key with its sets resolved, its keywords looked up and its texts folded.
#[derive(Debug)]
pub(crate) enum Criterion {
    /// All of them.
    And(Vec<Criterion>),
    /// One of them.
    Or(Box<Criterion>, Box<Criterion>),
    /// Not this one.
    Not(Box<Criterion>),
    /// The same for every message.
    Always(bool),
    /// One of these messages.
    Within(UidSet),
    /// All of these set.
    Has(Flags, Keywords),
    /// None of these set.
    HasNot(Flags, Keywords),
    /// Recent for this session (RFC 3501 §2.3.2).
    Recent,
    /// The day of INTERNALDATE.
    Arrived(Days),
    /// Arrived at that moment or before, in seconds since 1970.
    NotAfter(i64),
    /// Arrived at that moment or after.
    NotBefore(i64),
    /// The day on which it came into the mailbox.
    Saved(Days),
    /// Its EMAILID or its THREADID.
    ObjectId(ObjectId),
    /// The day of the Date field.
    Sent(Days),
    /// More octets than.
    Larger(u64),
    /// Fewer octets than.
    Smaller(u64),
    /// A MODSEQ of at least this (RFC 7162 §3.1.5).
    ModSeq(u64),
    /// A field of this name, in lower case, that holds the phrase: the one of that number among those in fields.
    Header(String, Box<Phrase>, usize),
    /// The phrase of that number in the body, decoded.
    Body(usize),
    /// The phrase of that number in header or body.
    Text(usize),
    /// A text, roughly.
    Fuzzy(Box<Fuzzy>),
}

/// From one day to another, days since 1970-01-01, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Days {
    first: i32,
    last: i32,
}

/// All that a SEARCH looks for.
#[derive(Debug)]
pub(crate) struct Query {
    /// What must hold.
    pub(crate) criterion: Criterion,
    /// The phrases of BODY and TEXT: one pass over a message looks for all of them.
    pub(crate) phrases: Vec<Phrase>,
    /// The phrases of HEADER, as they are compared; empty where other than the field's text is looked at, too.
    pub(crate) in_fields: Vec<String>,
    /// Whether a MODSEQ key was used, anywhere.
    pub(crate) mod_seq: bool,
}

/// What a key is made ready with.
pub(crate) struct Terms<'a, R> {
    /// The keywords of the mailbox.
    pub(crate) keywords: &'a KeywordTable,
    /// Seconds since 1970.
    pub(crate) now: i64,
    /// Gives the messages that a set names (`true`: as UIDs); it may refuse.
    pub(crate) resolve: R,
}

/// What is known of a message when a key is asked.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    /// Always known.
    pub(crate) state: &'a MessageState,
    /// Whether it is recent for this session.
    pub(crate) recent: bool,
    /// What the full-text index has not seen in it.
    pub(crate) unseen: Option<&'a Unseen>,
    /// From the index.
    pub(crate) summary: Option<&'a Summary>,
    /// From the file.
    pub(crate) file: Option<&'a Contents>,
}

/// Which messages cannot hold which phrases of a query, by the full-text index.
#[derive(Debug, Default)]
pub(crate) struct Unseen {
    pub(crate) phrases: Narrowed,
    pub(crate) in_fields: Narrowed,
}

/// What one pass over a message's file has seen.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    /// Its own header, up to a limit.
    pub(crate) header: Vec<u8>,
    /// For each phrase, whether the body holds it.
    pub(crate) in_body: Vec<bool>,
    /// For each phrase, whether the header, or that of a part, holds it.
    pub(crate) in_header: Vec<bool>,
}

impl Known<'_> {
    /// Whether a phrase was found; `None` while the file was not read and the full-text index does not exclude it.
    fn phrase(&self, number: usize, found: impl FnOnce(&Contents) -> bool) -> Option<bool> {
        match (self.file, self.unseen) {
            (Some(file), _) => Some(found(file)),
            (None, Some(unseen)) if unseen.phrases.excludes(number, self.state.uid) => Some(false),
            (None, _) => None,
        }
    }
}

impl Query {
    /// Makes a key ready.
    pub(crate) fn new<E, R>(key: &SearchKey, terms: &Terms<'_, R>) -> Result<Query, E>
    where
        R: Fn(&SequenceSet, bool) -> Result<UidSet, E>,
    {
        let mut query = Query {
            criterion: Criterion::Always(true),
            phrases: Vec::new(),
            in_fields: Vec::new(),
            mod_seq: false,
        };
        query.criterion = query.ready(key, terms, false)?;
        Ok(query)
    }

    /// The messages that can match at all, when the top of the query names sets.
    pub(crate) fn within(&self) -> Option<UidSet> {
        match &self.criterion {
            Criterion::Within(set) => Some(set.clone()),
            Criterion::And(parts) => parts
                .iter()
                .filter_map(|part| match part {
                    Criterion::Within(set) => Some(set.clone()),
                    _ => None,
                })
                .reduce(|one, other| one.intersection(&other)),
            _ => None,
        }
    }

    /// `fuzzy`: within a FUZZY key. Recursion is as deep as the parser lets keys nest.
    fn ready<E, R>(&mut self, key: &SearchKey, terms: &Terms<'_, R>, fuzzy: bool) -> Result<Criterion, E>
    where
        R: Fn(&SequenceSet, bool) -> Result<UidSet, E>,
    {
        let keywords = terms.keywords;
        Ok(match key {
            SearchKey::And(keys) => Criterion::And(
                keys.iter()
                    .map(|key| self.ready(key, terms, fuzzy))
                    .collect::<Result<_, E>>()?,
            ),
            SearchKey::Or(one, other) => Criterion::Or(
                Box::new(self.ready(one, terms, fuzzy)?),
                Box::new(self.ready(other, terms, fuzzy)?),
            ),
            SearchKey::Not(key) => Criterion::Not(Box::new(self.ready(key, terms, fuzzy)?)),
            SearchKey::All => Criterion::Always(true),
            SearchKey::Has(list) => match bits(list, keywords) {
                (bits, false) => Criterion::Has(list.flags, bits),
                // A keyword that the mailbox does not know is on no message.
                (_, true) => Criterion::Always(false),
            },
            SearchKey::HasNot(list) => Criterion::HasNot(list.flags, bits(list, keywords).0),
            SearchKey::New => Criterion::And(vec![Criterion::Recent, Criterion::HasNot(Flags::SEEN, Keywords::NONE)]),
            SearchKey::Old => Criterion::Not(Box::new(Criterion::Recent)),
            SearchKey::Recent => Criterion::Recent,
            SearchKey::Sequence(set) => Criterion::Within((terms.resolve)(set, false)?),
            SearchKey::Uid(set) => Criterion::Within((terms.resolve)(set, true)?),
            SearchKey::Before(day) => Criterion::Arrived(Days::before(*day)),
            SearchKey::On(day) => Criterion::Arrived(Days::on(*day)),
            SearchKey::Since(day) => Criterion::Arrived(Days::since(*day)),
            SearchKey::Older(seconds) => Criterion::NotAfter(terms.now.saturating_sub(i64::from(*seconds))),
            SearchKey::Younger(seconds) => Criterion::NotBefore(terms.now.saturating_sub(i64::from(*seconds))),
            SearchKey::SentBefore(day) => Criterion::Sent(Days::before(*day)),
            SearchKey::SentOn(day) => Criterion::Sent(Days::on(*day)),
            SearchKey::SentSince(day) => Criterion::Sent(Days::since(*day)),
            SearchKey::SavedBefore(day) => Criterion::Saved(Days::before(*day)),
            SearchKey::SavedOn(day) => Criterion::Saved(Days::on(*day)),
            SearchKey::SavedSince(day) => Criterion::Saved(Days::since(*day)),
            SearchKey::ObjectId(id) => id.map_or(Criterion::Always(false), Criterion::ObjectId),
            SearchKey::Larger(octets) => Criterion::Larger(*octets),
            SearchKey::Smaller(octets) => Criterion::Smaller(*octets),
            SearchKey::Fuzzy(key) => self.ready(key, terms, true)?,
            SearchKey::Header(name, text) => {
                let name = name.to_ascii_lowercase();
                self.text(text, fuzzy, |query, text| {
                    let phrase = Phrase::new(text);
                    // An address is found in the envelope, where it may stand otherwise than in the text.
                    let asked = if is_address(&name) { "" } else { phrase.mapped() };
                    query.in_fields.push(asked.to_owned());
                    Criterion::Header(name.clone(), Box::new(phrase), query.in_fields.len() - 1)
                })
            }
            SearchKey::Body(text) => self.text(text, fuzzy, |query, text| Criterion::Body(query.phrase(text))),
            SearchKey::Text(text) => self.text(text, fuzzy, |query, text| Criterion::Text(query.phrase(text))),
            SearchKey::ModSeq(value) => {
                self.mod_seq = true;
                Criterion::ModSeq(*value)
            }
        })
    }

    fn text(&mut self, text: &str, fuzzy: bool, mut ready: impl FnMut(&mut Query, &str) -> Criterion) -> Criterion {
        match fuzzy {
            true => Criterion::Fuzzy(Box::new(Fuzzy::new(text, |text| ready(self, text)))),
            false => ready(self, text),
        }
    }

    fn phrase(&mut self, text: &str) -> usize {
        self.phrases.push(Phrase::new(text));
        self.phrases.len() - 1
    }
}

impl Criterion {
    /// Whether the message matches; `None` while too little is known to say.
    pub(crate) fn holds(&self, known: Known<'_>) -> Option<bool> {
        let state = known.state;
        Some(match self {
            Criterion::And(parts) => return all(parts.iter().map(|part| part.holds(known))),
            Criterion::Or(one, other) => {
                return match (one.holds(known), other.holds(known)) {
                    (Some(true), _) | (_, Some(true)) => Some(true),
                    (Some(false), Some(false)) => Some(false),
                    _ => None,
                };
            }
            Criterion::Not(part) => !part.holds(known)?,
            Criterion::Always(held) => *held,
            Criterion::Within(set) => set.contains(state.uid),
            Criterion::Has(flags, keywords) => state.flags.contains(*flags) && state.keywords.contains(*keywords),
            Criterion::HasNot(flags, keywords) => {
                state.flags.without(*flags) == state.flags && state.keywords.without(*keywords) == state.keywords
            }
            Criterion::Recent => known.recent,
            Criterion::Arrived(days) => days.contain(state.internal_date),
            Criterion::NotAfter(moment) => state.internal_date.seconds <= *moment,
            Criterion::NotBefore(moment) => state.internal_date.seconds >= *moment,
            Criterion::Saved(days) => days.contain(state.save_date),
            Criterion::ObjectId(id) => {
                let summary = known.summary?;
                [ObjectId::email(summary), ObjectId::thread(summary)].contains(id)
            }
            Criterion::Larger(octets) => state.size > *octets,
            Criterion::Smaller(octets) => state.size < *octets,
            Criterion::ModSeq(value) => state.mod_seq.get() >= *value,
            // RFC 3501 §6.4.4 speaks of the Date field alone: a message without a readable one matches none of these, nor
            // does it count as sent when it arrived.
            Criterion::Sent(days) => known
                .summary?
                .envelope
                .date
                .as_deref()
                .and_then(field::date)
                .is_some_and(|date| days.contain(date)),
            Criterion::Fuzzy(fuzzy) => return fuzzy.holds(known),
            Criterion::Header(name, phrase, number) => {
                let unseen = known.file.is_none().then_some(known.unseen).flatten();
                if unseen.is_some_and(|unseen| unseen.in_fields.excludes(*number, state.uid)) {
                    return Some(false);
                }
                return in_header(name, phrase, known);
            }
            Criterion::Body(number) => return known.phrase(*number, |file| at(&file.in_body, *number)),
            Criterion::Text(number) => {
                return known.phrase(*number, |file| {
                    at(&file.in_body, *number) || at(&file.in_header, *number)
                });
            }
        })
    }
}

impl Criterion {
    /// How relevant a message is that matches, from 1 to 100 (RFC 6203 §4); `None` when nothing fuzzy tells. All keys of an
    /// And count alike, and the best of an Or.
    pub(crate) fn score(&self, known: Known<'_>) -> Option<u8> {
        match self {
            Criterion::Fuzzy(fuzzy) => Some(fuzzy.score(known)),
            Criterion::Or(one, other) => one.score(known).max(other.score(known)),
            Criterion::And(parts) => {
                let scores = parts.iter().filter_map(|part| part.score(known)).map(usize::from);
                let (sum, count) = scores.fold((0, 0), |(sum, count), score| (sum + score, count + 1));
                (count > 0).then(|| (sum / count) as u8)
            }
            _ => None,
        }
    }
}

/// HEADER and its short forms: from the fields that the index keeps when the field is one of these, else from the file.
fn in_header(name: &str, phrase: &Phrase, known: Known<'_>) -> Option<bool> {
    // An address may be written with comments and white space in it; what is looked for is the address (RFC 9051 §6.4.4).
    let addressed = known
        .summary
        .is_some_and(|summary| addressed(&summary.envelope, name, phrase));
    if let Some(file) = known.file {
        return Some(addressed || field::holds(&file.header, name, phrase));
    }
    let summary = known.summary.filter(|_| field::is_cached(name))?;
    let held = addressed || field::holds(&summary.headers, name, phrase);
    // Of a header beyond the limits the index may lack fields: what it has is true, what it lacks is open.
    (held || !summary.truncated).then_some(held)
}

/// Whether a field of that name has addresses that the envelope tells.
fn is_address(name: &str) -> bool {
    matches!(name, "from" | "to" | "cc" | "bcc")
}

/// Whether one of the addresses that the envelope has under that name holds the phrase.
fn addressed(envelope: &MessageEnvelope, name: &str, phrase: &Phrase) -> bool {
    let addresses = match name {
        "from" => &envelope.from,
        "to" => &envelope.to,
        "cc" => &envelope.cc,
        "bcc" => &envelope.bcc,
        _ => return false,
    };
    addresses.iter().any(|address| match (&address.mailbox, &address.host) {
        (Some(mailbox), Some(host)) => {
            let text = [mailbox.as_slice(), b"@", host].concat();
            phrase.is_in(&String::from_utf8_lossy(&text))
        }
        _ => false,
    })
}

/// Three-valued and: one that does not hold settles it, whatever is still open.
pub(super) fn all(parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut open = false;
    for part in parts {
        match part {
            Some(false) => return Some(false),
            Some(true) => {}
            None => open = true,
        }
    }
    (!open).then_some(true)
}

pub(super) fn at(found: &[bool], number: usize) -> bool {
    found.get(number).copied().unwrap_or(false)
}

/// The bits of the keywords known, and whether there are others.
fn bits(list: &FlagList, keywords: &KeywordTable) -> (Keywords, bool) {
    let mut bits = Keywords::NONE;
    let mut unknown = false;
    for keyword in &list.keywords {
        match keywords.find(keyword) {
            Some(bit) => bits = bits.union(bit),
            None => unknown = true,
        }
    }
    (bits, unknown)
}

impl Days {
    fn before(day: i32) -> Days {
        Days {
            first: i32::MIN,
            last: day.saturating_sub(1),
        }
    }

    fn on(day: i32) -> Days {
        Days { first: day, last: day }
    }

    fn since(day: i32) -> Days {
        Days {
            first: day,
            last: i32::MAX,
        }
    }

    /// The day in the date's own zone: "disregarding time and timezone" (RFC 3501 §6.4.4).
    fn contain(self, date: Timestamp) -> bool {
        let local = date.seconds.saturating_add(i64::from(date.offset_minutes) * 60);
        let day = local.div_euclid(24 * 60 * 60);
        i64::from(self.first) <= day && day <= i64::from(self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::command::SequenceBound;
    use crate::mail::flags::Keyword;
    use crate::mail::ids::{ModSeq, Uid};
    use crate::mail::summary::{Content, Part};
    use SearchKey as Key;

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
        let range =
            |first, last| SequenceSet::Ranges(vec![(SequenceBound::Number(first), SequenceBound::Number(last))]);
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
}
