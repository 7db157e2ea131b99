//! The parser of IMAP commands, on what clients send.

use divan::{Bencher, black_box};
use posthaste::imap::parse::command;

fn main() {
    divan::main();
}

const COMMANDS: [&str; 6] = [
    "a1 NOOP",
    "a2 LOGIN \"alice@example.org\" \"a pass\\\"word\"",
    "a3 UID FETCH 1:* (FLAGS)",
    "a4 UID FETCH 1:500,700,900:* (UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (From To Cc Bcc Subject Date Message-ID \
     Priority X-Priority References Newsgroups In-Reply-To Content-Type Reply-To)])",
    "a5 UID SEARCH OR FROM \"alice\" (NOT SEEN SINCE 1-Nov-2026) LARGER 10000",
    "a6 UID STORE 7,9,11:14 +FLAGS.SILENT (\\Seen \\Deleted $Forwarded)",
];

#[divan::bench(args = COMMANDS)]
fn parse(bencher: Bencher<'_, '_>, line: &str) {
    assert!(command(line.as_bytes(), false).is_ok(), "{line}");
    bencher.bench(|| command(black_box(line.as_bytes()), false));
}

/// What a client sends that has synchronised a mailbox with many holes.
#[divan::bench(args = [100, 20_000])]
fn parse_set(bencher: Bencher<'_, '_>, members: u32) {
    let set = (0..members)
        .map(|number| (number * 3 + 1).to_string())
        .collect::<Vec<_>>()
        .join(",");
    let line = format!("a1 UID FETCH {set} (FLAGS)");
    assert!(command(line.as_bytes(), false).is_ok());
    bencher.bench(|| command(black_box(line.as_bytes()), false));
}
