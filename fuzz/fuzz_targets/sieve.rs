//! Sieve: up to an empty line the octets are a script, behind it a message. Whatever they are, nothing panics, a problem names a
//! place within the script, and a run ends with something done or with the message discarded by the script itself.

#![no_main]

use libfuzzer_sys::fuzz_target;
use posthaste::mail::date::Timestamp;
use posthaste::mail::envelope::ReversePath;
use posthaste::mail::mime::{MimeLimits, Scanner};
use posthaste::sieve::{Input, Memory, Message, Script};

fuzz_target!(|bytes: &[u8]| {
    let cut = bytes.windows(2).position(|pair| pair == b"\n\n").map_or(bytes.len(), |at| at + 2);
    let (source, message) = bytes.split_at(cut);
    let script = match Script::compile(source) {
        Ok(script) => script,
        Err(problems) => {
            let lines = source.iter().filter(|byte| **byte == b'\n').count() + 1;
            assert!(!problems.is_empty());
            assert!(problems.iter().all(|problem| (1..=lines).contains(&problem.line) && !problem.text.contains('\n')));
            return;
        }
    };
    let mut scanner = Scanner::new(MimeLimits::default());
    scanner.feed(message);
    let summary = scanner.finish();
    let outcome = script.run(&Input {
        message: Message {
            bytes: message,
            size: message.len() as u64,
            summary: &summary,
        },
        reverse_path: &ReversePath::Null,
        forward_paths: &[],
        addresses: &[],
        mailboxes: &[],
        now: Timestamp {
            seconds: 1_795_608_000,
            offset_minutes: 0,
        },
        memory: &Memory::new(),
    });
    assert!(outcome.failure.is_none() || outcome.actions.len() == 1);
});
