//! What the values of a summary cost, for [`MimeLimits::values`](super::MimeLimits).

use crate::mail::summary::{MessageEnvelope, Part};

/// What a kept value costs besides its bytes.
const OVERHEAD: usize = 48;

/// Bytes of memory that the values of a part's header fill, about.
pub(super) fn of_part(part: &Part) -> usize {
    let parameters = part.disposition.iter().flat_map(|(_, parameters)| parameters);
    let pairs = part
        .parameters
        .iter()
        .chain(parameters)
        .flat_map(|(name, value)| [name, value]);
    let texts = [&part.id, &part.description, &part.md5, &part.location];
    let values = pairs.chain(texts.into_iter().flatten()).chain(&part.language);
    values.map(|value| value.len() + OVERHEAD).sum()
}

/// Drops all that [`of_part`] counts.
pub(super) fn clear(part: &mut Part) {
    part.parameters.clear();
    part.language.clear();
    part.disposition = None;
    for text in [&mut part.id, &mut part.description, &mut part.md5, &mut part.location] {
        *text = None;
    }
}

/// Bytes of memory that an envelope fills, about.
pub(super) fn of_envelope(envelope: &MessageEnvelope) -> usize {
    let texts = [
        &envelope.date,
        &envelope.subject,
        &envelope.in_reply_to,
        &envelope.message_id,
    ];
    let lists = [
        &envelope.from,
        &envelope.sender,
        &envelope.reply_to,
        &envelope.to,
        &envelope.cc,
        &envelope.bcc,
    ];
    let addresses = lists.into_iter().flatten();
    let parts = addresses.flat_map(|address| [&address.name, &address.route, &address.mailbox, &address.host]);
    let values = texts.into_iter().chain(parts);
    values.map(|value| value.as_ref().map_or(0, Vec::len) + OVERHEAD).sum()
}
