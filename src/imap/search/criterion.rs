//! Search keys made ready, and their evaluation with as much as is known of a message: state, then summary, then file.
//! A message is settled by the first of these that suffices, so that the dear keys are asked only where the cheap ones
//! leave it open, in whatever order the client wrote them.

use super::days::Days;
use super::field;
use super::fuzzy::Fuzzy;
use super::known::Known;
use super::phrase::Phrase;
use crate::imap::object_id::ObjectId;
use crate::mail::flags::{Flags, Keywords};
use crate::mail::summary::MessageEnvelope;
use crate::mail::uidset::UidSet;

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

/// Whether the phrase of that number was found.
pub(super) fn at(found: &[bool], number: usize) -> bool {
    found.get(number).copied().unwrap_or(false)
}

#[cfg(test)]
mod tests;
