//! The parser of IMAP commands, on what clients send.

use divan::{Bencher, black_box};
use posthaste::imap::Dialect;
use posthaste::imap::parse::command;

fn main() {
    divan::main();
}

/// By a short name, for the table.
const COMMANDS: [(&str, &str); 6] = [
    ("noop", "a1 NOOP"),
    ("login", "a2 LOGIN \"alice@example.org\" \"a pass\\\"word\""),
    ("fetch flags", "a3 UID FETCH 1:* (FLAGS)"),
    (
        "fetch headers",
        "a4 UID FETCH 1:500,700,900:* (UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (From To Cc Bcc Subject Date \
         Message-ID Priority X-Priority References Newsgroups In-Reply-To Content-Type Reply-To)])",
    ),
    (
        "search",
        "a5 UID SEARCH OR FROM \"alice\" (NOT SEEN SINCE 1-Nov-2026) LARGER 10000",
    ),
    (
        "store",
        "a6 UID STORE 7,9,11:14 +FLAGS.SILENT (\\Seen \\Deleted $Forwarded)",
    ),
];

#[divan::bench(args = COMMANDS.map(|(name, _)| name))]
fn parse(bencher: Bencher<'_, '_>, name: &str) {
    let line = COMMANDS
        .iter()
        .find(|(known, _)| *known == name)
        .map_or("", |(_, line)| *line);
    assert!(command(line.as_bytes(), Dialect::Rev1).is_ok(), "{line}");
    bencher.bench(|| command(black_box(line.as_bytes()), Dialect::Rev1));
}

/// What a client sends that has synchronised a mailbox with many holes.
#[divan::bench(args = [100, 20_000])]
fn parse_set(bencher: Bencher<'_, '_>, members: u32) {
    let set = (0..members)
        .map(|number| (number * 3 + 1).to_string())
        .collect::<Vec<_>>()
        .join(",");
    let line = format!("a1 UID FETCH {set} (FLAGS)");
    assert!(command(line.as_bytes(), Dialect::Rev1).is_ok());
    bencher.bench(|| command(black_box(line.as_bytes()), Dialect::Rev1));
}
