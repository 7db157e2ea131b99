//! Search programs, right and wrong.

use super::SearchKey::*;
use super::*;
use crate::imap::command::SequenceSet;
use crate::imap::parse::tests::{bad, body, same, set};
use crate::imap::parse::{ParseError, command};
use crate::mail::flags::Keyword;

fn search(key: SearchKey) -> CommandBody {
    CommandBody::Search {
        uid: false,
        search: Search {
            returns: None,
            charset: None,
            key,
        },
    }
}

fn header(name: &str, text: &str) -> SearchKey {
    Header(name.to_owned(), text.to_owned())
}

#[test]
fn keys_of_one_word() {
    let has = |flag| Has(FlagList::system(flag));
    let has_not = |flag| HasNot(FlagList::system(flag));
    for (written, key) in [
        ("ALL", All),
        ("NEW", New),
        ("OLD", Old),
        ("RECENT", Recent),
        ("ANSWERED", has(Flags::ANSWERED)),
        ("DELETED", has(Flags::DELETED)),
        ("DRAFT", has(Flags::DRAFT)),
        ("FLAGGED", has(Flags::FLAGGED)),
        ("SEEN", has(Flags::SEEN)),
        ("UNANSWERED", has_not(Flags::ANSWERED)),
        ("UNDELETED", has_not(Flags::DELETED)),
        ("UNDRAFT", has_not(Flags::DRAFT)),
        ("UNFLAGGED", has_not(Flags::FLAGGED)),
        ("UNSEEN", has_not(Flags::SEEN)),
        ("1:3,5", Sequence(set(&[(1, 3), (5, 5)]))),
        ("*", Sequence(set(&[(0, 0)]))),
        ("$", Sequence(SequenceSet::Saved)),
    ] {
        let lower = format!("search  ( {} ) ", written.to_lowercase());
        same(
            &[&format!("SEARCH {written}"), &lower, &format!("SEARCH (({written}))")],
            &search(key),
        );
    }
}

#[test]
fn keys_with_arguments() {
    let keyword = |name| FlagList {
        flags: Flags::NONE,
        keywords: vec![Keyword::new(name).unwrap()],
    };
    for (written, key) in [
        ("KEYWORD $Junk", Has(keyword("$Junk"))),
        ("UNKEYWORD \"$Junk\"", HasNot(keyword("$Junk"))),
        ("keyword $forwarded", Has(FlagList::system(Flags::FORWARDED))),
        ("BEFORE 2-Jan-1970", Before(1)),
        ("ON \"2-Jan-1970\"", On(1)),
        ("SINCE 02-Jan-1970", Since(1)),
        ("SENTBEFORE 2-Jan-1970", SentBefore(1)),
        ("SENTON 2-Jan-1970", SentOn(1)),
        ("SENTSINCE 2-Jan-1970", SentSince(1)),
        ("LARGER 0", Larger(0)),
        ("SMALLER 5000000000", Smaller(5_000_000_000)),
        ("BCC a", header("BCC", "a")),
        ("CC \"\"", header("CC", "")),
        ("from {3}\r\na\"b", header("FROM", "a\"b")),
        ("SUBJECT \"a \\\"b\\\"\"", header("SUBJECT", "a \"b\"")),
        ("TO é", header("TO", "é")),
        ("HEADER Message-ID <1@x>", header("Message-ID", "<1@x>")),
        ("HEADER \"List-Id\" \"\"", header("List-Id", "")),
        ("BODY {2+}\r\nab", Body("ab".to_owned())),
        ("TEXT NIL", Text("NIL".to_owned())),
        ("UID 7:*", Uid(set(&[(7, 0)]))),
        ("UID $", Uid(SequenceSet::Saved)),
        ("OLDER 259200", Older(259_200)),
        ("younger 1", Younger(1)),
        ("FUZZY SUBJECT a", Fuzzy(Box::new(header("SUBJECT", "a")))),
        ("MODSEQ 0", ModSeq(0)),
        ("MODSEQ 620162338", ModSeq(620_162_338)),
        ("MODSEQ \"/flags/\\\\draft\" all 620162338", ModSeq(620_162_338)),
        ("MODSEQ \"/flags/$x\" Priv 1", ModSeq(1)),
    ] {
        same(
            &[&format!("SEARCH {written}"), &format!("SEARCH ({written})")],
            &search(key),
        );
    }
}

#[test]
fn keys_of_keys() {
    let seen = Has(FlagList::system(Flags::SEEN));
    let not = |key| Not(Box::new(key));
    let or = |one, other| Or(Box::new(one), Box::new(other));
    for (written, key) in [
        ("ALL SEEN", And(vec![All, seen.clone()])),
        ("ALL (NEW OLD) SEEN", And(vec![All, And(vec![New, Old]), seen.clone()])),
        ("NOT SEEN", not(seen.clone())),
        ("NOT NOT ALL", not(not(All))),
        ("OR NEW OLD", or(New, Old)),
        ("OR (NEW) NOT (ALL OLD)", or(New, not(And(vec![All, Old])))),
        ("OR OR NEW OLD ALL SEEN", And(vec![or(or(New, Old), All), seen.clone()])),
        ("OR NEW OR OLD ALL", or(New, or(Old, All))),
        (
            "FUZZY (NEW OLD) ALL",
            And(vec![Fuzzy(Box::new(And(vec![New, Old]))), All]),
        ),
        (
            "1:* NOT 2",
            And(vec![Sequence(set(&[(1, 0)])), not(Sequence(set(&[(2, 2)])))]),
        ),
    ] {
        same(&[&format!("SEARCH {written}")], &search(key));
    }
    let CommandBody::Search { uid: true, search } = body("UID SEARCH SEEN") else {
        panic!("no UID SEARCH")
    };
    assert_eq!(search.key, seen);
}

#[test]
fn charsets() {
    for (charset, octets, text) in [
        ("UTF-8", &b"\xc3\xa9"[..], "é"),
        ("\"utf-8\"", b"\xc3\xa9", "é"),
        ("US-ASCII", b"abc", "abc"),
        ("us-ascii", b"\xc3\xa9", "é"),
        ("ISO-8859-1", b"\xe9", "é"),
        ("{10}\r\nISO-8859-2", b"\xb9", "š"),
        ("iso-8859-15", b"\xa4", "€"),
        ("windows-1251", b"\xec\xe0\xf2\xfc", "мать"),
        ("KOI8-R", b"\xcd\xc1\xd4\xd8", "мать"),
        ("Shift_JIS", b"\x93\xfa", "日"),
        ("ISO-2022-JP", b"\x1b$BF|\x1b(B", "日"),
        ("GB18030", b"\xc8\xd5", "日"),
        ("Big5", b"\xa4\xe9", "日"),
        ("EUC-KR", b"\xc0\xcf", "일"),
    ] {
        for return_option in ["", "RETURN (ALL) "] {
            let start = format!(
                "t SEARCH {return_option}CHARSET {charset} TEXT {{{}}}\r\n",
                octets.len()
            );
            let parsed = command(&[start.as_bytes(), octets].concat(), Dialect::Rev1);
            let Ok(CommandBody::Search { search, .. }) = parsed.map(|command| command.body) else {
                panic!("{charset}")
            };
            assert_eq!(search.key, Text(text.to_owned()), "{charset}");
            assert!(search.charset.is_some());
        }
    }
    for charset in [
        "X-UNKNOWN",
        "\"\"",
        "UTF-7",
        "UTF-16",
        "UTF-16BE",
        "replacement",
        "ISO-2022-KR",
    ] {
        for (options, saving) in [("", false), ("RETURN (MIN) ", false), ("RETURN (SAVE MIN) ", true)] {
            let refused = command(
                format!("t SEARCH {options}CHARSET {charset} nonsense").as_bytes(),
                Dialect::Rev1,
            );
            let tag = "t".to_owned();
            assert_eq!(refused, Err(ParseError::BadCharset { tag, saving }), "{charset}");
        }
    }
    for (line, text) in [
        (
            &b"t SEARCH TEXT \"\xe9\""[..],
            "SEARCH: a string that is not UTF-8, at octet 15",
        ),
        (
            b"t SEARCH CHARSET US-ASCII TEXT \xe9",
            "SEARCH: a string that is not UTF-8, at octet 32",
        ),
        (
            b"t SEARCH CHARSET EUC-JP TEXT \xff",
            "SEARCH: a text that is not in the charset named, at octet 30",
        ),
    ] {
        let (tag, text) = (Some("t".to_owned()), text.to_owned());
        assert_eq!(command(line, Dialect::Rev1), Err(ParseError::Bad { tag, text }));
    }
}

#[test]
fn only_utf8_accept_forbids_charset() {
    let line = b"t SEARCH CHARSET UTF-8 SEEN";
    let allowed = [Dialect::Rev1, Dialect::Utf8, Dialect::Rev2].map(|dialect| command(line, dialect).is_ok());
    assert_eq!(allowed, [true, false, true]);
}

#[test]
fn what_is_no_search() {
    bad(&[
        ("SEARCH", "SEARCH: expected a space, at octet 9"),
        ("SEARCH ", "SEARCH: expected a search key, at octet 10"),
        ("SEARCH ()", "SEARCH: expected a search key, at octet 11"),
        (
            "SEARCH (ALL",
            "SEARCH: expected a space or a closing parenthesis, at octet 14",
        ),
        ("SEARCH ALL)", "SEARCH: expected the end of the command, at octet 13"),
        (
            "SEARCH (ALL)(NEW)",
            "SEARCH: expected the end of the command, at octet 15",
        ),
        ("SEARCH NONSENSE", "SEARCH: unknown search key, at octet 10"),
        ("SEARCH UNNEW", "SEARCH: unknown search key, at octet 10"),
        ("SEARCH \"ALL\"", "SEARCH: expected a search key, at octet 10"),
        ("SEARCH NOT", "SEARCH: expected a space, at octet 13"),
        ("SEARCH OR ALL", "SEARCH: expected a space, at octet 16"),
        ("SEARCH FROM", "SEARCH: expected a space, at octet 14"),
        ("SEARCH FROM (a)", "SEARCH: expected a text to search for, at octet 15"),
        ("SEARCH HEADER From", "SEARCH: expected a space, at octet 21"),
        ("SEARCH KEYWORD \\Seen", "SEARCH: expected a keyword, at octet 18"),
        ("SEARCH KEYWORD \"\\\\Seen\"", "SEARCH: expected a keyword, at octet 18"),
        ("SEARCH KEYWORD \"a b\"", "SEARCH: expected a keyword, at octet 18"),
        ("SEARCH LARGER x", "SEARCH: expected a number, at octet 17"),
        ("SEARCH LARGER -1", "SEARCH: expected a number, at octet 17"),
        ("SEARCH UID ALL", "SEARCH: expected a message number or *, at octet 14"),
        ("SEARCH $,1", "SEARCH: expected the end of the command, at octet 11"),
        ("SEARCH UID 1,$", "SEARCH: expected a message number or *, at octet 16"),
        ("SEARCH OLDER 0", "SEARCH: 0 is not allowed, at octet 16"),
        ("SEARCH YOUNGER", "SEARCH: expected a space, at octet 17"),
        ("SEARCH FUZZY", "SEARCH: expected a space, at octet 15"),
        ("SEARCH 1:", "SEARCH: expected a message number or *, at octet 12"),
        ("SEARCH MODSEQ", "SEARCH: expected a space, at octet 16"),
        ("SEARCH MODSEQ \"/comment\" all 1", "SEARCH: unknown entry, at octet 17"),
        (
            "SEARCH MODSEQ \"/flags/x\" any 1",
            "SEARCH: expected priv, shared or all, at octet 28",
        ),
        (
            "SEARCH RETURN (RELEVANCY) SUBJECT a",
            "SEARCH: RELEVANCY goes with FUZZY only, at octet 29",
        ),
        ("SEARCH CHARSET UTF-8", "SEARCH: expected a space, at octet 23"),
        ("SEARCH ALL CHARSET UTF-8", "SEARCH: unknown search key, at octet 14"),
    ]);
}

#[test]
fn limits() {
    for (level, end, before) in [("NOT ", "", 0), ("FUZZY ", "", 0), ("OR ALL ", "", 4), ("(", ")", 0)] {
        let nested = |depth| format!("SEARCH {}ALL{}", level.repeat(depth), end.repeat(depth));
        body(&nested(MAX_DEPTH));
        let place = 10 + level.len() * (MAX_DEPTH + 1) - before;
        let text = format!("SEARCH: keys nested more than 64 deep, at octet {place}");
        bad(&[(&nested(MAX_DEPTH + 1), &text)]);
    }
    body(&format!("SEARCH{}", " ALL".repeat(MAX_KEYS)));
    let many = format!("SEARCH{}", " ALL".repeat(MAX_KEYS + 1));
    let text = format!("SEARCH: more than {MAX_KEYS} keys, at octet {}", 10 + 4 * MAX_KEYS);
    bad(&[(&many, &text)]);
}
