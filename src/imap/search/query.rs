//! From the search keys of a client to the criterion that a message has to meet, and what must be read for it.

use super::criterion::Criterion;
use super::days::Days;
use super::fuzzy::Fuzzy;
use super::phrase::Phrase;
use crate::imap::command::{SearchKey, SequenceSet};
use crate::mail::flags::{FlagList, Flags, KeywordTable, Keywords};
use crate::mail::uidset::UidSet;

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

/// Whether a field of that name has addresses that the envelope tells.
fn is_address(name: &str) -> bool {
    matches!(name, "from" | "to" | "cc" | "bcc")
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
