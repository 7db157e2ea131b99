//! ENVELOPE (RFC 9051 §7.5.2): ten fields in fixed order, as written in the header.

use crate::imap::output::Output;
use crate::mail::summary::{EnvelopeAddress, MessageEnvelope};

/// Writes the parenthesised list.
pub(crate) fn write(output: &mut Output, envelope: &MessageEnvelope) {
    output.raw(b"(");
    output.nstring(envelope.date.as_deref());
    output.raw(b" ");
    output.nstring(envelope.subject.as_deref());
    for list in [
        &envelope.from,
        &envelope.sender,
        &envelope.reply_to,
        &envelope.to,
        &envelope.cc,
        &envelope.bcc,
    ] {
        output.raw(b" ");
        addresses(output, list);
    }
    output.raw(b" ");
    output.nstring(envelope.in_reply_to.as_deref());
    output.raw(b" ");
    output.nstring(envelope.message_id.as_deref());
    output.raw(b")");
}

/// No space between addresses: `env-from = "(" 1*address ")" / nil`. An empty list is NIL.
fn addresses(output: &mut Output, list: &[EnvelopeAddress]) {
    if list.is_empty() {
        return output.raw(b"NIL");
    }
    output.raw(b"(");
    for address in list {
        output.raw(b"(");
        output.nstring(address.name.as_deref());
        output.raw(b" ");
        output.nstring(address.route.as_deref());
        output.raw(b" ");
        output.nstring(address.mailbox.as_deref());
        output.raw(b" ");
        output.nstring(address.host.as_deref());
        output.raw(b")");
    }
    output.raw(b")");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(envelope: &MessageEnvelope) -> String {
        let mut output = Output::new();
        write(&mut output, envelope);
        String::from_utf8_lossy(output.written()).into_owned()
    }

    fn address(name: Option<&str>, mailbox: Option<&str>, host: Option<&str>) -> EnvelopeAddress {
        let bytes = |text: Option<&str>| text.map(|text| text.as_bytes().to_vec());
        EnvelopeAddress {
            name: bytes(name),
            route: None,
            mailbox: bytes(mailbox),
            host: bytes(host),
        }
    }

    #[test]
    fn nothing_is_nil() {
        assert_eq!(
            written(&MessageEnvelope::default()),
            "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"
        );
    }

    #[test]
    fn the_example_of_the_rfc() {
        // RFC 9051 §8.
        let gray = vec![address(Some("Terry Gray"), Some("gray"), Some("cac.washington.edu"))];
        let envelope = MessageEnvelope {
            date: Some(b"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)".to_vec()),
            subject: Some(b"IMAP4rev2 WG mtg summary and minutes".to_vec()),
            from: gray.clone(),
            sender: gray.clone(),
            reply_to: gray,
            to: vec![address(None, Some("imap"), Some("cac.washington.edu"))],
            cc: vec![
                address(None, Some("minutes"), Some("CNRI.Reston.VA.US")),
                address(Some("John Klensin"), Some("KLENSIN"), Some("MIT.EDU")),
            ],
            bcc: Vec::new(),
            in_reply_to: None,
            message_id: Some(b"<B27397-0100000@cac.washington.ed>".to_vec()),
        };
        assert_eq!(
            written(&envelope),
            "(\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev2 WG mtg summary and minutes\" \
             ((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) \
             ((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) \
             ((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) \
             ((NIL NIL \"imap\" \"cac.washington.edu\")) \
             ((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")(\"John Klensin\" NIL \"KLENSIN\" \"MIT.EDU\")) \
             NIL NIL \"<B27397-0100000@cac.washington.ed>\")"
        );
    }

    #[test]
    fn a_group_and_what_needs_a_literal() {
        let envelope = MessageEnvelope {
            subject: Some("Grüße".as_bytes().to_vec()),
            to: vec![address(None, Some("friends"), None), address(None, None, None)],
            ..MessageEnvelope::default()
        };
        assert_eq!(
            written(&envelope),
            "(NIL {7}\r\nGrüße NIL NIL NIL ((NIL NIL \"friends\" NIL)(NIL NIL NIL NIL)) NIL NIL NIL NIL)"
        );
    }
}
