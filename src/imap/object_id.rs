//! Object identifiers (RFC 8474): what names a mailbox, a message's content and a conversation for ever, over renaming, moving
//! and another index.
//!
//! Nothing is given out and kept: a mailbox has its number in its folder, and the two of a message are made from its bytes. A
//! letter in front keeps the kinds apart (§5.2) and makes each of them a word (§8.1).

use crate::mail::header;
use crate::mail::message_id::message_ids;
use crate::mail::summary::Summary;
use blake2::digest::consts::U16;
use blake2::{Blake2b, Digest};
use std::fmt;

/// An `objectid`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectId {
    /// MAILBOXID (RFC 8474 §4).
    Mailbox(u64),
    /// EMAILID (RFC 8474 §5.1).
    Email([u8; 16]),
    /// THREADID (RFC 8474 §5.2).
    Thread([u8; 16]),
}

impl ObjectId {
    /// Of a message's content: the same bytes have the same everywhere.
    pub(crate) fn email(summary: &Summary) -> ObjectId {
        ObjectId::Email(summary.digest)
    }

    /// Of a message's conversation: that of the message which began it, as far as this one tells. A message that tells
    /// nothing, not even what it is called, is one by itself.
    pub(crate) fn thread(summary: &Summary) -> ObjectId {
        let references = header::fields(&summary.headers)
            .find(|field| field.is("references"))
            .and_then(|field| first_message_id(field.value));
        let envelope = &summary.envelope;
        let first = references
            .or_else(|| first_message_id(envelope.in_reply_to.as_deref()?))
            .or_else(|| first_message_id(envelope.message_id.as_deref()?));
        ObjectId::Thread(match first {
            Some(id) => Blake2b::<U16>::digest(&id).into(),
            None => summary.digest,
        })
    }

    /// EMAILID or THREADID as [`fmt::Display`] writes them; `None` for all other words, which name nothing.
    pub(crate) fn of_message(word: &str) -> Option<ObjectId> {
        let digits = word.get(1..).filter(|digits| digits.len() == 32)?;
        // `u128::from_str_radix` takes a sign and capitals, which are not the same word (RFC 8474 §7).
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if !digits.bytes().all(is_digit) {
            return None;
        }
        let number = u128::from_str_radix(digits, 16).ok()?.to_be_bytes();
        match word.bytes().next()? {
            b'M' => Some(ObjectId::Email(number)),
            b'T' => Some(ObjectId::Thread(number)),
            _ => None,
        }
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ObjectId::Mailbox(number) => write!(f, "F{number:016x}"),
            ObjectId::Email(digest) => write!(f, "M{:032x}", u128::from_be_bytes(*digest)),
            ObjectId::Thread(digest) => write!(f, "T{:032x}", u128::from_be_bytes(*digest)),
        }
    }
}

/// The first identifier of a field.
fn first_message_id(value: &[u8]) -> Option<Vec<u8>> {
    message_ids(value).into_iter().next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::mime::{MimeLimits, Scanner};

    fn thread(header: &str) -> ObjectId {
        let mut scanner = Scanner::new(MimeLimits::default());
        scanner.feed(format!("{header}\r\nText\r\n").as_bytes());
        ObjectId::thread(&scanner.finish())
    }

    #[test]
    fn an_answer_belongs_to_what_it_answers() {
        let first = thread("Message-ID: <a@example.org>\r\n");
        for same in [
            "Message-ID: <b@example.org>\r\nReferences: <a@example.org>\r\n",
            "Message-ID: <c@example.org>\r\nReferences:\r\n <a@example.org>\r\n <b@example.org>\r\nIn-Reply-To: <b@example.org>\r\n",
            "Message-ID: <d@example.org>\r\nIn-Reply-To: Yours of Monday <a@example.org>\r\n",
            "Message-ID: <e@example.org>\r\nReferences: none\r\nIn-Reply-To: <a@example.org>\r\n",
            "References: <a@\r\n example.org>\r\n",
        ] {
            assert_eq!(thread(same), first, "{same}");
        }
        for other in [
            "Message-ID: <b@example.org>\r\n",
            "Subject: nothing\r\n",
            "Message-ID: <>\r\n",
        ] {
            assert_ne!(thread(other), first, "{other}");
        }
        // Without any of these fields each content is one by itself.
        assert_ne!(thread("Subject: one\r\n"), thread("Subject: two\r\n"));
    }

    #[test]
    fn written_and_read() {
        let mut digest = [0; 16];
        digest[1] = 0xab;
        for id in [ObjectId::Email(digest), ObjectId::Thread(digest)] {
            let word = id.to_string();
            assert_eq!((word.len(), ObjectId::of_message(&word)), (33, Some(id)));
        }
        assert_eq!(ObjectId::Mailbox(0xf00d).to_string(), "F000000000000f00d");
        for word in [
            "",
            "M",
            "F000000000000f00d",
            "M00AB0000000000000000000000000000",
            "é0000000000000000000000000000000",
        ] {
            assert_eq!(ObjectId::of_message(word), None, "{word}");
        }
    }
}
