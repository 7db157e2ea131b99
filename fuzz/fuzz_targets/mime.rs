//! The MIME scanner: whatever the octets, the summary is the same however they are cut, its offsets are sound, and the form
//! in which it is stored gives it back. The octets are taken as a stored form as well.

#![no_main]

use libfuzzer_sys::fuzz_target;
use posthaste::mail::mime::{MimeLimits, Scanner};
use posthaste::mail::summary::{Content, Part, Summary};

fuzz_target!(|bytes: &[u8]| {
    let _ = Summary::decode(bytes);
    // The first octet says, besides, how they are cut.
    let piece = usize::from(bytes.first().copied().unwrap_or_default()) + 1;
    let small = MimeLimits {
        depth: 4,
        parts: 6,
        header: 200,
        values: 600,
    };
    for limits in [MimeLimits::default(), small] {
        let whole = scan(bytes, bytes.len().max(1), limits);
        assert_eq!(scan(bytes, piece, limits), whole);
        assert_eq!(whole.size, bytes.len() as u64);
        assert_eq!((whole.root.header_start, whole.root.body_end), (0, whole.size));
        assert_sound(&whole.root, 0, whole.size);
        assert_eq!(Summary::decode(&whole.encode()), Some(whole));
    }
});

fn scan(message: &[u8], piece: usize, limits: MimeLimits) -> Summary {
    let mut scanner = Scanner::new(limits);
    for piece in message.chunks(piece) {
        scanner.feed(piece);
    }
    scanner.finish()
}

/// A part lies between two offsets, its parts one behind the other within its body.
fn assert_sound(part: &Part, from: u64, to: u64) {
    assert!(from <= part.header_start && part.header_start <= part.body_start);
    assert!(part.body_start <= part.body_end && part.body_end <= to);
    match &part.content {
        Content::Leaf => {}
        Content::Message(message) => assert_sound(&message.root, part.body_start, part.body_end),
        Content::Multipart(parts) => {
            assert!(!parts.is_empty());
            let mut from = part.body_start;
            for part_within in parts {
                assert_sound(part_within, from, part.body_end);
                from = part_within.body_end;
            }
        }
    }
}
