//! Header fields as SEARCH reads them: unfolded, encoded words decoded, compared without case.

use super::phrase::Phrase;
use crate::mail::date::Timestamp;
use crate::mail::encoded_word::{decoded as decoded_words, plain as text};
use crate::mail::header::fields;
use crate::mail::summary::CACHED_FIELDS;

/// Whether the index keeps the field; `name` in lower case.
pub(crate) fn is_cached(name: &str) -> bool {
    CACHED_FIELDS.contains(&name)
}

/// Whether a field of that name holds the phrase, decoded or as it stands. The empty phrase asks whether there is such a
/// field at all (RFC 3501 §6.4.4).
pub(crate) fn holds(block: &[u8], name: &str, phrase: &Phrase) -> bool {
    fields(block).filter(|field| field.is(name)).any(|field| {
        let value = field.unfolded();
        phrase.is_empty() || phrase.is_in(&decoded_words(&value)) || phrase.is_in(&text(&value))
    })
}

/// The Date field's value as a moment.
pub(crate) fn date(value: &[u8]) -> Option<Timestamp> {
    Timestamp::from_rfc5322(value)
}
