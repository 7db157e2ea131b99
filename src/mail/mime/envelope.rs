//! ENVELOPE from the fields of a header (RFC 9051 §7.5.2).

use super::addresses;
use crate::mail::header::fields;
use crate::mail::summary::MessageEnvelope;

/// The envelope of a header block, and whether it has all addresses. Of a text field that is there more than once the
/// first counts; address fields are taken together.
pub(super) fn read(block: &[u8]) -> (MessageEnvelope, bool) {
    let mut envelope = MessageEnvelope::default();
    let mut complete = true;
    for field in fields(block) {
        let text = match field.name.to_ascii_lowercase().as_slice() {
            b"date" => &mut envelope.date,
            b"subject" => &mut envelope.subject,
            b"in-reply-to" => &mut envelope.in_reply_to,
            b"message-id" => &mut envelope.message_id,
            name => {
                let list = match name {
                    b"from" => &mut envelope.from,
                    b"sender" => &mut envelope.sender,
                    b"reply-to" => &mut envelope.reply_to,
                    b"to" => &mut envelope.to,
                    b"cc" => &mut envelope.cc,
                    b"bcc" => &mut envelope.bcc,
                    _ => continue,
                };
                complete &= addresses::read(&field.unfolded(), list);
                continue;
            }
        };
        if text.is_none() {
            *text = Some(field.unfolded());
        }
    }
    for list in [&mut envelope.sender, &mut envelope.reply_to] {
        if list.is_empty() {
            list.clone_from(&envelope.from);
        }
    }
    (envelope, complete)
}
