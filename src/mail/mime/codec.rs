//! The form in which the index stores a summary: numbers as LEB128, everything else with its length in front.
//!
//! Whatever the bytes are, decoding neither panics nor allocates more than a small multiple of them, and what it returns has
//! the offsets that [`super`] promises.

use crate::mail::summary::{Content, EnclosedMessage, EnvelopeAddress, MessageEnvelope, Parameters, Part, Summary};

/// The first byte. A change of the form, or of what the scanner finds, takes the next number: then every summary is derived
/// again when it is asked for.
const VERSION: u8 = 2;

/// Deeper than any scanner goes.
const MAX_DEPTH: usize = 256;

impl Summary {
    /// The form in which the index stores it: compact, with a version in front.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer(vec![VERSION]);
        writer.0.extend_from_slice(&self.digest);
        writer.number(self.size);
        writer.number(u64::from(self.truncated));
        writer.bytes(&self.headers);
        writer.envelope(&self.envelope);
        writer.part(&self.root);
        writer.0
    }

    /// From the stored form; `None` when it is damaged or of another version (the caller scans the file again).
    pub fn decode(bytes: &[u8]) -> Option<Summary> {
        let (digest, rest) = bytes.strip_prefix(&[VERSION])?.split_first_chunk()?;
        let mut reader = Reader(rest);
        let size = reader.number()?;
        let truncated = reader.flag()?;
        let headers = reader.bytes()?;
        let envelope = reader.envelope()?;
        let root = reader.part(size, MAX_DEPTH)?;
        reader.0.is_empty().then_some(Summary {
            size,
            digest: *digest,
            envelope,
            root,
            headers,
            truncated,
        })
    }
}

struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    /// Nothing is 0, else the length and one.
    fn optional(&mut self, bytes: Option<&Vec<u8>>) {
        match bytes {
            Some(bytes) => {
                self.number(bytes.len() as u64 + 1);
                self.0.extend_from_slice(bytes);
            }
            None => self.0.push(0),
        }
    }

    fn parameters(&mut self, parameters: &Parameters) {
        self.number(parameters.len() as u64);
        for (name, value) in parameters {
            self.bytes(name);
            self.bytes(value);
        }
    }

    fn addresses(&mut self, list: &[EnvelopeAddress]) {
        self.number(list.len() as u64);
        for address in list {
            for text in [&address.name, &address.route, &address.mailbox, &address.host] {
                self.optional(text.as_ref());
            }
        }
    }

    fn envelope(&mut self, envelope: &MessageEnvelope) {
        for text in [
            &envelope.date,
            &envelope.subject,
            &envelope.in_reply_to,
            &envelope.message_id,
        ] {
            self.optional(text.as_ref());
        }
        self.addresses(&envelope.from);
        // Mostly From once more.
        for list in [&envelope.sender, &envelope.reply_to] {
            let other = *list != envelope.from;
            self.number(u64::from(other));
            if other {
                self.addresses(list);
            }
        }
        for list in [&envelope.to, &envelope.cc, &envelope.bcc] {
            self.addresses(list);
        }
    }

    fn part(&mut self, part: &Part) {
        self.number(part.header_start);
        self.number(part.body_start.saturating_sub(part.header_start));
        self.number(part.body_end.saturating_sub(part.body_start));
        self.number(part.lines);
        self.bytes(&part.media_type);
        self.bytes(&part.subtype);
        self.parameters(&part.parameters);
        self.bytes(&part.encoding);
        for text in [&part.id, &part.description, &part.md5, &part.location] {
            self.optional(text.as_ref());
        }
        self.optional(part.disposition.as_ref().map(|(kind, _)| kind));
        if let Some((_, parameters)) = &part.disposition {
            self.parameters(parameters);
        }
        self.number(part.language.len() as u64);
        for tag in &part.language {
            self.bytes(tag);
        }
        match &part.content {
            Content::Leaf => self.number(0),
            Content::Message(message) => {
                self.number(1);
                self.envelope(&message.envelope);
                self.part(&message.root);
            }
            Content::Multipart(parts) => {
                self.number(parts.len() as u64 + 1);
                for part in parts {
                    self.part(part);
                }
            }
        }
    }
}

/// What is left to decode. Lists grow as their elements come: a length that is not there costs nothing.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            let bits = u64::from(byte & 0x7f);
            number |= bits << shift;
            if *byte < 0x80 {
                return (number >> shift == bits).then_some(number);
            }
        }
        None
    }

    fn flag(&mut self) -> Option<bool> {
        match self.number()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn take(&mut self, length: u64) -> Option<Vec<u8>> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(taken.to_vec())
    }

    fn bytes(&mut self) -> Option<Vec<u8>> {
        let length = self.number()?;
        self.take(length)
    }

    fn optional(&mut self) -> Option<Option<Vec<u8>>> {
        match self.number()?.checked_sub(1) {
            Some(length) => self.take(length).map(Some),
            None => Some(None),
        }
    }

    fn list<T>(&mut self, element: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.number()?;
        let mut list = Vec::new();
        for _ in 0..count {
            list.push(element(self)?);
        }
        Some(list)
    }

    fn parameters(&mut self) -> Option<Parameters> {
        self.list(|reader| Some((reader.bytes()?, reader.bytes()?)))
    }

    fn addresses(&mut self) -> Option<Vec<EnvelopeAddress>> {
        self.list(|reader| {
            Some(EnvelopeAddress {
                name: reader.optional()?,
                route: reader.optional()?,
                mailbox: reader.optional()?,
                host: reader.optional()?,
            })
        })
    }

    fn envelope(&mut self) -> Option<MessageEnvelope> {
        let date = self.optional()?;
        let subject = self.optional()?;
        let in_reply_to = self.optional()?;
        let message_id = self.optional()?;
        let from = self.addresses()?;
        let mut from_or_other = || match self.flag()? {
            true => self.addresses(),
            false => Some(from.clone()),
        };
        let sender = from_or_other()?;
        let reply_to = from_or_other()?;
        Some(MessageEnvelope {
            date,
            subject,
            sender,
            reply_to,
            from,
            to: self.addresses()?,
            cc: self.addresses()?,
            bcc: self.addresses()?,
            in_reply_to,
            message_id,
        })
    }

    /// A part that ends at `limit` or before; `depth` is how many more may be one within the other.
    fn part(&mut self, limit: u64, depth: usize) -> Option<Part> {
        let depth = depth.checked_sub(1)?;
        let header_start = self.number()?;
        let body_start = header_start.checked_add(self.number()?)?;
        let body_end = body_start.checked_add(self.number()?).filter(|end| *end <= limit)?;
        Some(Part {
            header_start,
            body_start,
            body_end,
            lines: self.number()?,
            media_type: self.bytes()?,
            subtype: self.bytes()?,
            parameters: self.parameters()?,
            encoding: self.bytes()?,
            id: self.optional()?,
            description: self.optional()?,
            md5: self.optional()?,
            location: self.optional()?,
            disposition: match self.optional()? {
                Some(kind) => Some((kind, self.parameters()?)),
                None => None,
            },
            language: self.list(Self::bytes)?,
            content: self.content(body_end, depth)?,
        })
    }

    fn content(&mut self, limit: u64, depth: usize) -> Option<Content> {
        let count = match self.number()? {
            0 => return Some(Content::Leaf),
            1 => {
                return Some(Content::Message(Box::new(EnclosedMessage {
                    envelope: self.envelope()?,
                    root: self.part(limit, depth)?,
                })));
            }
            more => more - 1,
        };
        let mut parts = Vec::new();
        for _ in 0..count {
            parts.push(self.part(limit, depth)?);
        }
        Some(Content::Multipart(parts))
    }
}
