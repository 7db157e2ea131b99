//! The parser of IMAP commands: no octets make it panic, and what the client is told is a line of text that names a place
//! within what it sent.

#![no_main]

use libfuzzer_sys::fuzz_target;
use posthaste::imap::Dialect;
use posthaste::imap::parse::{ParseError, command};

fuzz_target!(|bytes: &[u8]| {
    for dialect in [Dialect::Rev1, Dialect::Utf8, Dialect::Rev2] {
        if let Err(ParseError::Bad { text, .. }) = command(bytes, dialect) {
            assert!(text.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{text:?}");
            let place = text.rsplit_once("at octet ").and_then(|(_, place)| place.parse::<usize>().ok());
            assert!(place.is_some_and(|place| (1..=bytes.len() + 1).contains(&place)), "{text:?}");
        }
    }
});
