//! For all octets: no panic, no place out of bounds, nothing of the client's in what it is told.

use super::super::*;
use proptest::prelude::*;

/// Words of the grammar, to get deeper than random octets do.
const WORDS: &[&str] = &[
    "t",
    " ",
    "  ",
    "(",
    ")",
    "[",
    "]",
    "<",
    ">",
    ".",
    ",",
    ":",
    "*",
    "%",
    "\"",
    "\\",
    "{",
    "}",
    "{3}\r\n",
    "{1+}\r\nx",
    "{9999999999999999999}",
    "~{1}\r\n",
    "\r\n",
    "\0",
    "é",
    "&AOk-",
    "1",
    "0",
    "4294967296",
    "$",
    "+",
    "-",
    "=",
    "NIL",
    "INBOX",
    "UID",
    "FETCH",
    "STORE",
    "SEARCH",
    "LIST",
    "LSUB",
    "STATUS",
    "APPEND",
    "LOGIN",
    "AUTHENTICATE",
    "ID",
    "ENABLE",
    "CREATE",
    "SELECT",
    "COPY",
    "BODY",
    "BODY.PEEK",
    "HEADER.FIELDS",
    "MIME",
    "RFC822",
    "FULL",
    "FLAGS",
    "+FLAGS",
    "\\Seen",
    "\\*",
    "OR",
    "NOT",
    "ALL",
    "KEYWORD",
    "SINCE",
    "1-Feb-1994",
    "\"17-Jul-1996 02:44:25 -0700\"",
    "CHARSET",
    "UTF-8",
    "KOI8-R",
    "RETURN",
    "MODSEQ",
    "\"/flags/\\\\draft\"",
    "CHANGEDSINCE",
    "UNCHANGEDSINCE",
    "CONDSTORE",
    "SUBSCRIBED",
    "RECURSIVEMATCH",
    "USE",
    "\\Sent",
    "MESSAGES",
    "Zqxj",
];

fn holds(bytes: &[u8]) -> Result<(), TestCaseError> {
    for dialect in [Dialect::Rev1, Dialect::Utf8, Dialect::Rev2] {
        if let Err(ParseError::Bad { text, .. }) = command(bytes, dialect) {
            let place: usize = text.rsplit_once("at octet ").unwrap().1.parse().unwrap();
            prop_assert!((1..=bytes.len() + 1).contains(&place), "{text}");
            prop_assert!(
                text.bytes().all(|byte| matches!(byte, b' '..=b'~')) && text.len() < 150,
                "{text}"
            );
            prop_assert!(!text.contains("Zqxj") && !text.contains("ZQXJ"), "{text}");
        }
        let _ = beginning(bytes, dialect);
        let _ = until_message(bytes, dialect);
        let _ = append::rest(bytes, dialect, crate::imap::command::LiteralPlace::Message);
    }
    let _ = (
        literal::announcement(bytes),
        append::carries_messages(bytes),
        tag(bytes),
    );
    Ok(())
}

proptest! {
    #[test]
    fn any_octets(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        holds(&bytes)?;
    }

    #[test]
    fn any_words(words in proptest::collection::vec(proptest::sample::select(WORDS), 0..30), apart in any::<bool>()) {
        holds(format!("t {}", words.join(if apart { " " } else { "" })).as_bytes())?;
    }

    /// Every beginning of a right line, and every right line with one octet changed.
    #[test]
    fn nearly_right(at in any::<proptest::sample::Index>(), with in any::<u8>(), which in any::<proptest::sample::Index>()) {
        let line = which.get(super::examples::LINES).as_bytes();
        let at = at.index(line.len());
        holds(&line[..at])?;
        let mut changed = line.to_vec();
        changed[at] = with;
        holds(&changed)?;
    }
}

#[test]
fn long_lines_take_linear_time() {
    let members: Vec<String> = (1..=20_000u32).map(|number| (2 * number).to_string()).collect();
    let line = format!("t UID FETCH {} (FLAGS)", members.join(","));
    let start = std::time::Instant::now();
    command(line.as_bytes(), Dialect::Rev1).unwrap();
    // 20,000 steps of a few nanoseconds each; quadratic time would be seconds.
    assert!(start.elapsed() < std::time::Duration::from_secs(1));
    let long = "x".repeat(1_000_000);
    let start = std::time::Instant::now();
    for line in [
        format!("t LOGIN {long} {long}"),
        format!("t LOGIN \"{}\" x", "\\\"".repeat(1_000_000)),
        format!("t {long}"),
        format!("t FETCH {} ALL", "1".repeat(1_000_000)),
        format!("t SEARCH {}", "(".repeat(1_000_000)),
        format!("t SEARCH {}", "NOT ".repeat(1_000_000)),
        format!("t NOOP{}", " ".repeat(1_000_000)),
    ] {
        let _ = command(line.as_bytes(), Dialect::Rev1);
    }
    assert!(start.elapsed() < std::time::Duration::from_secs(5));
}
