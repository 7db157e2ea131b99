//! The scanner as a whole: tricky messages, arbitrary cuts, arbitrary bytes, and the stored form.

use super::*;
use crate::mail::summary::{Content, Part, Summary};
use proptest::prelude::*;

fn scan(message: &[u8]) -> Summary {
    scan_in_pieces(message, message.len().max(1), MimeLimits::default())
}

fn scan_in_pieces(message: &[u8], piece: usize, limits: MimeLimits) -> Summary {
    let mut scanner = Scanner::new(limits);
    for piece in message.chunks(piece) {
        scanner.feed(piece);
    }
    scanner.finish()
}

/// The tree in short: type, then the body in brackets or the parts in parentheses.
fn outline(message: &str) -> String {
    fn walk(message: &str, part: &Part, into: &mut String) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).to_ascii_lowercase();
        into.push_str(&format!("{}/{}", text(&part.media_type), text(&part.subtype)));
        match &part.content {
            Content::Leaf => {
                let body = &message[part.body_start as usize..part.body_end as usize];
                into.push_str(&format!("[{}]{}", body.escape_debug(), part.lines));
            }
            Content::Multipart(parts) => {
                for (index, part) in parts.iter().enumerate() {
                    into.push_str(if index == 0 { "(" } else { " " });
                    walk(message, part, into);
                }
                into.push(')');
            }
            Content::Message(enclosed) => {
                into.push('<');
                walk(message, &enclosed.root, into);
                into.push('>');
            }
        }
    }
    let mut outline = String::new();
    walk(message, &scan(message.as_bytes()).root, &mut outline);
    outline
}

/// A multipart/mixed with the boundary `b` around `body`, whose lines end in CRLF.
fn mixed(body: &str) -> String {
    format!("Content-Type: multipart/mixed; boundary=b\n\n{body}").replace('\n', "\r\n")
}

#[test]
fn single_parts() {
    for (message, wanted) in [
        ("", "text/plain[]0"),
        ("\r\n", "text/plain[]0"),
        ("\n", "text/plain[]0"),
        ("\r", "text/plain[]0"),
        ("Subject: x", "text/plain[]0"),
        ("Subject: x\r\n", "text/plain[]0"),
        ("Subject: x\r\n\r", "text/plain[]0"),
        ("Subject: x\r\n\r\n", "text/plain[]0"),
        ("Subject: x\r\n\r\nhi", "text/plain[hi]0"),
        (
            "Subject: x\r\n\r\nhi\r\n\r\n--\r\nme\r\n",
            "text/plain[hi\\r\\n\\r\\n--\\r\\nme\\r\\n]4",
        ),
        ("Subject: x\n\nhi\n", "text/plain[hi\\n]1"),
        ("\r\nhi\r\n", "text/plain[hi\\r\\n]1"),
        (" \r\nno header\r\n\r\nhi\r\n", "text/plain[hi\\r\\n]1"),
        ("Content-Type: TEXT/Html\r\n\r\nhi", "text/html[hi]0"),
        ("Content-Type: text\r\n\r\nhi", "text/plain[hi]0"),
        ("Content-Type: (a) image (b) / (c) png\r\n\r\nhi", "image/png[hi]0"),
        (
            "Content-Type: multipart/mixed\r\n\r\n--\r\n\r\n--\r\n",
            "multipart/mixed[--\\r\\n\\r\\n--\\r\\n]3",
        ),
        (
            "Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\n\r\n--\r\n",
            "multipart/mixed[--\\r\\n\\r\\n--\\r\\n]3",
        ),
    ] {
        assert_eq!(outline(message), wanted, "{message:?}");
    }
}

#[test]
fn multiparts() {
    for (body, wanted) in [
        (
            "preamble\n--b\n\none\n--b\n\ntwo\n\n--b--\nepilogue\n",
            "multipart/mixed(text/plain[one]0 text/plain[two\\r\\n]1)",
        ),
        ("--b\nContent-Type: text/html\n\n--b--", "multipart/mixed(text/html[]0)"),
        // nothing between two delimiters, and a header that a delimiter cuts off
        (
            "--b\n--b\nContent-Type: text/html\n--b--\n",
            "multipart/mixed(text/plain[]0 text/html[]0)",
        ),
        // white space behind a delimiter, none in front
        (
            "--b  \t\n\none\n --b\n--b--  \n",
            "multipart/mixed(text/plain[one\\r\\n --b]1)",
        ),
        // a line that begins with the boundary is a delimiter (RFC 2046 §5.1.1)
        (
            "--b\n\none\n--but not\n\ntwo\n--b--",
            "multipart/mixed(text/plain[one]0 text/plain[two]0)",
        ),
        // nothing closes it, or it closes at once, or twice
        ("--b\n\none\n", "multipart/mixed(text/plain[one\\r\\n]1)"),
        ("--b", "multipart/mixed(text/plain[]0)"),
        ("--b--", "multipart/mixed[--b--]0"),
        ("", "multipart/mixed[]0"),
        (
            "--b\n\none\n--b--\n--b\n\ntwo\n--b--\n",
            "multipart/mixed(text/plain[one]0)",
        ),
        // a nested one that nothing closes ends with the outer
        (
            "--b\nContent-Type: multipart/alternative; boundary=\"b c\"\n\n--b c\n\none\n--b\n\ntwo\n--b--\n",
            "multipart/mixed(multipart/alternative(text/plain[one]0) text/plain[two]0)",
        ),
        // what is behind its closing delimiter belongs to it, even what looks like the outer's
        (
            "--b\nContent-Type: multipart/alternative; boundary=bb\n\n--bb\n\none\n--bb--\n--bb\nx\n--b\n\ntwo\n--b--\n",
            "multipart/mixed(multipart/alternative(text/plain[one]0) text/plain[two]0)",
        ),
        // the same boundary twice: the inner counts until it is closed
        (
            "--b\nContent-Type: multipart/alternative; boundary=b\n\n--b\n\none\n--b--\n--b\n\ntwo\n--b--\n",
            "multipart/mixed(multipart/alternative(text/plain[one]0) text/plain[two]0)",
        ),
        (
            "--b\nContent-Type: message/rfc822\n\nSubject: x\n\none\n--b\nContent-Type: message/rfc822\n\n--b--",
            "multipart/mixed(message/rfc822<text/plain[one]0> message/rfc822<text/plain[]0>)",
        ),
        // encoded against RFC 2046 §5.2.1
        (
            "--b\nContent-Type: message/rfc822\nContent-Transfer-Encoding: Base64\n\nAAAA\n--b--",
            "multipart/mixed(message/rfc822[AAAA]0)",
        ),
        (
            "--b\nContent-Type: multipart/digest; boundary=d\n\n--d\n\nSubject: x\n\none\n--d\nContent-Type: text/plain\n\ntwo\n--d--\n--b--",
            "multipart/mixed(multipart/digest(message/rfc822<text/plain[one]0> text/plain[two]0))",
        ),
    ] {
        let message = mixed(body);
        assert_eq!(outline(&message), wanted, "{message}");
        let bare = message.replace("\r\n", "\n");
        assert_eq!(outline(&bare), wanted.replace("\\r\\n", "\\n"), "{bare}");
    }
}

#[test]
fn where_headers_are() {
    let message = mixed("--b\nContent-Type: text/html\n\none\n--b\n\ntwo\n--b--\n");
    let root = scan(message.as_bytes()).root;
    let Content::Multipart(parts) = &root.content else {
        panic!("{root:?}")
    };
    let header = |part: &Part| &message[part.header_start as usize..part.body_start as usize];
    assert_eq!(header(&root), "Content-Type: multipart/mixed; boundary=b\r\n\r\n");
    assert_eq!(header(&parts[0]), "Content-Type: text/html\r\n\r\n");
    assert_eq!(header(&parts[1]), "\r\n");
    assert_eq!((root.lines, root.body_end), (8, message.len() as u64));
}

#[test]
fn the_fields_that_are_kept() {
    let message = b"Received: a\r\n b\r\nSUBJECT: one\r\n  two\r\nX-Other: y\r\nFrom : a@b\r\nno colon\r\nto: c@d\r\n\r\nCc: e@f\r\n";
    let summary = scan(message);
    assert_eq!(
        String::from_utf8_lossy(&summary.headers),
        "SUBJECT: one\r\n  two\r\nFrom : a@b\r\nto: c@d\r\n"
    );
    assert_eq!(summary.envelope.subject.as_deref(), Some(&b"one  two"[..]));
    assert_eq!(summary.envelope.from, summary.envelope.sender);
    assert_eq!(summary.envelope.cc, []);
    assert!(!summary.truncated);
}

#[test]
fn limits() {
    let limits = MimeLimits {
        depth: 3,
        parts: 4,
        header: 80,
        values: 400,
    };
    let scan = |message: &str| scan_in_pieces(message.as_bytes(), 7, limits);

    // Parts: the fifth is the rest.
    let many = scan(&mixed(&("--b\n\nx\n".repeat(20) + "--b--\n")));
    let Content::Multipart(parts) = &many.root.content else {
        panic!()
    };
    assert!(many.truncated);
    assert_eq!(parts.len(), 4);
    // The root, three parts and the rest: all lines but those up to its empty one, and the last line end.
    assert_eq!(parts[3].lines, 20 * 3 - 11 - 1);

    // Depth.
    let mut deep = String::new();
    for level in 0..10 {
        deep.push_str(&format!(
            "Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n"
        ));
    }
    let deep = scan(&deep);
    assert!(deep.truncated);
    let Content::Multipart(parts) = &deep.root.content else {
        panic!()
    };
    let Content::Multipart(parts) = &parts[0].content else {
        panic!()
    };
    assert_eq!(
        (&parts[0].content, &*parts[0].media_type),
        (&Content::Leaf, &b"MULTIPART"[..])
    );

    // A field that is too long is lost, those behind it are not; one that does not matter may be as long as it likes.
    let long = scan(&format!(
        "To: {}\nX: {}\nSubject: x\n\n",
        "a@b, ".repeat(40),
        "x".repeat(999)
    ));
    assert!(long.truncated);
    assert_eq!((long.envelope.to.len(), long.headers), (0, b"Subject: x\n".to_vec()));
    let exact = MimeLimits { header: 11, ..limits };
    for piece in 1..12 {
        let exact = scan_in_pieces(b"Subject: x\nX: y\nTo: z\n\n", piece, exact);
        assert_eq!((exact.truncated, exact.headers), (true, b"Subject: x\n".to_vec()));
    }
    let other = scan(&format!("X: {}\nSubject: x\n\n", "x".repeat(999)));
    assert_eq!((other.truncated, other.headers), (false, b"Subject: x\n".to_vec()));

    // Values.
    let part = format!("--b\nContent-ID: {}\n\n", "x".repeat(60));
    let values = scan(&mixed(&part.repeat(3)));
    let Content::Multipart(parts) = &values.root.content else {
        panic!()
    };
    assert!(values.truncated);
    assert!(parts[0].id.is_some() && parts[2].id.is_none());
}

#[test]
fn absurd_messages_cost_little() {
    for message in [
        "--b\r\n".repeat(200_000),
        mixed(&"--b\n".repeat(200_000)),
        mixed(&"--c\n".repeat(200_000)),
        "From: a".repeat(200_000),
        "From: <@a,".repeat(100_000),
        "From: (".repeat(100_000),
        "To: ".to_owned() + &"[<@\"=?:;,".repeat(27_000),
        "To: ".to_owned() + &"a ".repeat(60_000) + "@" + &":".repeat(60_000),
        "Content-Type: text/plain".to_owned() + &";a".repeat(100_000),
        "Content-Type: text/plain;a=".to_owned() + &"(".repeat(200_000),
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n".repeat(20_000),
        "Content-Type: message/rfc822\r\n\r\n".repeat(20_000),
        mixed(&"--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\n".repeat(20_000)),
        mixed(&format!("--b\nContent-Type: message/rfc822\n\nTo: {}\n\n", "a,".repeat(2000)).repeat(300)),
    ] {
        let started = std::time::Instant::now();
        let summary = scan(message.as_bytes());
        assert_sound(&summary);
        let encoded = summary.encode();
        assert!(encoded.len() <= message.len() * 8 + 1024);
        assert_eq!(Summary::decode(&encoded), Some(summary));
        assert!(started.elapsed().as_secs() < 5, "{}", &message[..60]);
    }
}

/// What [`super`] promises of offsets.
fn assert_sound(summary: &Summary) {
    fn walk(part: &Part, from: u64, to: u64) {
        assert!(from <= part.header_start && part.header_start <= part.body_start);
        assert!(
            part.body_start <= part.body_end && part.body_end <= to,
            "{part:?} {from} {to}"
        );
        match &part.content {
            Content::Leaf => {}
            Content::Multipart(parts) => {
                assert!(!parts.is_empty());
                let mut from = part.body_start;
                for child in parts {
                    walk(child, from, part.body_end);
                    from = child.body_end;
                }
            }
            Content::Message(message) => walk(&message.root, part.body_start, part.body_end),
        }
    }
    walk(&summary.root, 0, summary.size);
    assert_eq!((summary.root.header_start, summary.root.body_end), (0, summary.size));
}

/// Messages of the pieces that matter to the scanner.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just("Content-Type: multipart/mixed; boundary=b\r\n"),
        Just("Content-Type: multipart/digest;\r\n boundary=\"bc\"\n"),
        Just("Content-Type: message/rfc822\r\n"),
        Just("Content-Type: text/html; charset=\"utf-8\"; x=(a)\r\n"),
        Just("Content-Transfer-Encoding: base64\r\n"),
        Just("Content-Disposition: attachment; filename=a.pdf\r\n"),
        Just("Content-Language: de, en\r\n"),
        Just("Subject: x\r\n\ty\r\n"),
        Just("From: A <a@b>, g: c@d;\r\n"),
        Just("Reply-To: e@f\r\n"),
        Just("\r\n"),
        Just("\n"),
        Just("\r"),
        Just("--b"),
        Just("--b\r\n"),
        Just("--bc\n"),
        Just("--b--\r\n"),
        Just("--bc--\n"),
        Just("-"),
        Just("text\r\n"),
        Just(" "),
        Just("\0"),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #[test]
    fn cuts_do_not_matter(message in message(), piece in 1..40_usize, cuts in prop::collection::vec(0..300_usize, 0..6)) {
        let whole = scan(&message);
        prop_assert_eq!(&scan_in_pieces(&message, 1, MimeLimits::default()), &whole);
        let limits = MimeLimits { depth: 4, parts: 5, header: 60, values: 500 };
        prop_assert_eq!(scan_in_pieces(&message, piece, limits), scan_in_pieces(&message, 1000, limits));
        prop_assert_eq!(&scan_in_pieces(&message, piece, MimeLimits::default()), &whole);
        let mut scanner = Scanner::new(MimeLimits::default());
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(message.len())).collect();
        cuts.sort_unstable();
        let mut from = 0;
        for cut in cuts.into_iter().chain([message.len()]) {
            scanner.feed(&message[from..cut]);
            from = cut;
        }
        prop_assert_eq!(scanner.finish(), whole);
    }

    #[test]
    fn offsets_are_sound_and_the_stored_form_is_whole(message in message()) {
        let limits = MimeLimits { depth: 4, parts: 5, header: 120, values: 500 };
        for summary in [scan(&message), scan_in_pieces(&message, 11, limits)] {
            assert_sound(&summary);
            prop_assert_eq!(summary.size, message.len() as u64);
            prop_assert_eq!(Summary::decode(&summary.encode()), Some(summary));
        }
    }

    #[test]
    fn any_bytes_are_a_message(message: Vec<u8>) {
        assert_sound(&scan(&message));
    }

    #[test]
    fn any_bytes_may_be_stored(bytes: Vec<u8>, message in message(), at: prop::sample::Index, byte: u8) {
        let _ = Summary::decode(&bytes);
        // Behind version and digest.
        let _ = Summary::decode(&[&scan(b"").encode()[..17], &*bytes].concat());
        // A damaged one is refused or sound.
        let mut encoded = scan(&message).encode();
        let at = at.index(encoded.len());
        encoded[at] = byte;
        let _ = Summary::decode(&encoded);
        prop_assert!(Summary::decode(&encoded[..at]).is_none());
    }
}
