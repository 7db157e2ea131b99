//! BODY and BODYSTRUCTURE (RFC 9051 §7.5.2): the tree of parts as nested lists.
//!
//! Recursion is as deep as the summary, which the scanner bounds (`MimeLimits::depth`).

use super::envelope;
use crate::imap::dialect::Dialect;
use crate::imap::output::Output;
use crate::mail::summary::{Content, MessageEnvelope, Parameters, Part};

/// Which of the two items is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    /// BODY: without extension data.
    Basic,
    /// BODYSTRUCTURE: with all of it.
    Extended,
}

/// Writes one part and all below it.
pub(crate) fn write(output: &mut Output, part: &Part, form: Form) {
    output.raw(b"(");
    match &part.content {
        Content::Multipart(parts) => {
            // body-type-mpart = 1*body SP media-subtype: no space between the parts.
            for child in parts {
                write(output, child, form);
            }
            multipart_end(output, part, form);
        }
        Content::Leaf if part.media_type == b"MULTIPART" => {
            // A multipart in which no part was found, or that lies beyond the limits. The grammar wants at least one part:
            // all of it is shown as one text.
            opaque_text(output, part, form);
            multipart_end(output, part, form);
        }
        _ => single(output, part, form),
    }
    output.raw(b")");
}

fn multipart_end(output: &mut Output, part: &Part, form: Form) {
    output.raw(b" ");
    output.string(&part.subtype);
    if form == Form::Extended {
        output.raw(b" ");
        parameters(output, &part.parameters);
        location_data(output, part);
    }
}

fn single(output: &mut Output, part: &Part, form: Form) {
    output.string(&part.media_type);
    output.raw(b" ");
    output.string(&part.subtype);
    output.raw(b" ");
    parameters(output, &part.parameters);
    output.raw(b" ");
    output.nstring(part.id.as_deref());
    output.raw(b" ");
    output.nstring(part.description.as_deref());
    output.raw(b" ");
    output.string(&part.encoding);
    output.text(format_args!(" {}", octets(part)));
    if part.media_type == b"TEXT" {
        output.text(format_args!(" {}", part.lines));
    } else if is_message(part) && is_known(part, output.dialect()) {
        output.raw(b" ");
        match &part.content {
            Content::Message(message) => {
                envelope::write(output, &message.envelope);
                output.raw(b" ");
                write(output, &message.root, form);
            }
            // Encoded against RFC 2046 §5.2.1, or beyond the limits. Clients read an envelope and a body behind this media
            // type, so there must be some: nothing, and a text.
            _ => {
                envelope::write(output, &MessageEnvelope::default());
                output.raw(b" ");
                opaque_text(output, part, form);
            }
        }
        output.text(format_args!(" {}", part.lines));
    }
    if form == Form::Extended {
        output.raw(b" ");
        output.nstring(part.md5.as_deref());
        location_data(output, part);
    }
}

/// What of `part` we cannot take apart, shown as a single text of its size.
fn opaque_text(output: &mut Output, part: &Part, form: Form) {
    output.text(format_args!(
        "(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" {} {}",
        octets(part),
        part.lines
    ));
    output.raw(match form {
        Form::Basic => b")",
        Form::Extended => b" NIL NIL NIL NIL)",
    });
}

/// Disposition, language and location, which both kinds of part have in the same order.
fn location_data(output: &mut Output, part: &Part) {
    match &part.disposition {
        Some((kind, values)) => {
            output.raw(b" (");
            output.string(kind);
            output.raw(b" ");
            parameters(output, values);
            output.raw(b")");
        }
        None => output.raw(b" NIL"),
    }
    for (index, tag) in part.language.iter().enumerate() {
        output.raw(if index == 0 { b" (" } else { b" " });
        output.string(tag);
    }
    output.raw(if part.language.is_empty() { b" NIL " } else { b") " });
    output.nstring(part.location.as_deref());
}

/// `("NAME" "value" ...)`, or NIL when there are none.
fn parameters(output: &mut Output, parameters: &Parameters) {
    if parameters.is_empty() {
        return output.raw(b"NIL");
    }
    for (index, (name, value)) in parameters.iter().enumerate() {
        output.raw(if index == 0 { b"(" } else { b" " });
        output.string(name);
        output.raw(b" ");
        output.string(value);
    }
    output.raw(b")");
}

/// message/rfc822 and, since RFC 9051, message/global.
pub(super) fn is_message(part: &Part) -> bool {
    part.media_type == b"MESSAGE" && (part.subtype == b"RFC822" || part.subtype == b"GLOBAL")
}

/// Whether the client reads an envelope and a body behind this kind of message: to IMAP4rev1, message/global is a media type
/// like any other (RFC 3501 §9, `media-message`).
fn is_known(part: &Part, dialect: Dialect) -> bool {
    part.subtype == b"RFC822" || dialect.is_rev2()
}

/// Octets of the body in its transfer encoding.
fn octets(part: &Part) -> u64 {
    part.body_end.saturating_sub(part.body_start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::summary::EnclosedMessage;

    fn part(media_type: &str, subtype: &str, size: u64, lines: u64) -> Part {
        Part {
            header_start: 0,
            body_start: 10,
            body_end: 10 + size,
            lines,
            media_type: media_type.as_bytes().to_vec(),
            subtype: subtype.as_bytes().to_vec(),
            parameters: Vec::new(),
            id: None,
            description: None,
            encoding: b"7BIT".to_vec(),
            md5: None,
            disposition: None,
            language: Vec::new(),
            location: None,
            content: Content::Leaf,
        }
    }

    fn pair(name: &str, value: &str) -> (Vec<u8>, Vec<u8>) {
        (name.as_bytes().to_vec(), value.as_bytes().to_vec())
    }

    fn written(part: &Part, form: Form) -> String {
        let mut output = Output::new();
        write(&mut output, part, form);
        String::from_utf8_lossy(output.written()).into_owned()
    }

    #[test]
    fn the_examples_of_the_rfc() {
        // RFC 9051 §7.5.2: a text of 48 lines and 2279 octets, and a multipart with an attached text.
        let mut plain = part("TEXT", "PLAIN", 2279, 48);
        plain.parameters = vec![pair("CHARSET", "US-ASCII")];
        assert_eq!(
            written(&plain, Form::Basic),
            "(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 2279 48)"
        );
        let mut first = part("TEXT", "PLAIN", 1152, 23);
        first.parameters = vec![pair("CHARSET", "US-ASCII")];
        let mut second = part("TEXT", "PLAIN", 4554, 73);
        second.parameters = vec![pair("CHARSET", "US-ASCII"), pair("NAME", "cc.diff")];
        second.id = Some(b"<960723163407.20117h@cac.washington.edu>".to_vec());
        second.description = Some(b"Compiler diff".to_vec());
        second.encoding = b"BASE64".to_vec();
        let mut mixed = part("MULTIPART", "MIXED", 6000, 100);
        mixed.content = Content::Multipart(vec![first, second]);
        assert_eq!(
            written(&mixed, Form::Basic),
            "((\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 1152 23)\
             (\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\" \"NAME\" \"cc.diff\") \
             \"<960723163407.20117h@cac.washington.edu>\" \"Compiler diff\" \"BASE64\" 4554 73) \"MIXED\")"
        );
    }

    #[test]
    fn extension_data() {
        let mut image = part("IMAGE", "PNG", 5, 1);
        image.md5 = Some(b"Q2hlY2sgSW50ZWdyaXR5IQ==".to_vec());
        image.disposition = Some((b"attachment".to_vec(), vec![pair("filename", "a \"b\".png")]));
        image.language = vec![b"en".to_vec(), b"de".to_vec()];
        image.location = Some(b"http://example.org/a".to_vec());
        let mut mixed = part("MULTIPART", "RELATED", 90, 9);
        mixed.parameters = vec![pair("boundary", "x")];
        mixed.disposition = Some((b"inline".to_vec(), Vec::new()));
        mixed.content = Content::Multipart(vec![image]);
        assert_eq!(
            written(&mixed, Form::Extended),
            "((\"IMAGE\" \"PNG\" NIL NIL NIL \"7BIT\" 5 \"Q2hlY2sgSW50ZWdyaXR5IQ==\" \
             (\"attachment\" (\"filename\" \"a \\\"b\\\".png\")) (\"en\" \"de\") \"http://example.org/a\") \
             \"RELATED\" (\"boundary\" \"x\") (\"inline\" NIL) NIL NIL)"
        );
        assert_eq!(
            written(&part("TEXT", "HTML", 0, 0), Form::Extended),
            "(\"TEXT\" \"HTML\" NIL NIL NIL \"7BIT\" 0 0 NIL NIL NIL NIL)"
        );
    }

    #[test]
    fn an_enclosed_message_has_envelope_body_and_lines() {
        let mut outer = part("MESSAGE", "RFC822", 70, 7);
        outer.content = Content::Message(Box::new(EnclosedMessage {
            envelope: MessageEnvelope {
                subject: Some(b"inner".to_vec()),
                ..MessageEnvelope::default()
            },
            root: part("TEXT", "PLAIN", 30, 3),
        }));
        assert_eq!(
            written(&outer, Form::Basic),
            "(\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" 70 \
             (NIL \"inner\" NIL NIL NIL NIL NIL NIL NIL NIL) \
             (\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 30 3) 7)"
        );
    }

    #[test]
    fn what_was_not_taken_apart_still_follows_the_grammar() {
        let mut encoded = part("MESSAGE", "RFC822", 70, 7);
        encoded.encoding = b"BASE64".to_vec();
        assert_eq!(
            written(&encoded, Form::Extended),
            "(\"MESSAGE\" \"RFC822\" NIL NIL NIL \"BASE64\" 70 \
             (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) \
             (\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 70 7 NIL NIL NIL NIL) 7 NIL NIL NIL NIL)"
        );
        assert_eq!(
            written(&part("MULTIPART", "MIXED", 12, 2), Form::Basic),
            "((\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 12 2) \"MIXED\")"
        );
    }
}
