//! The header section of a message while it streams past: counts its hops, and puts right what is ours to put right.
//!
//! RFC 5321 §4.4 (Return-Path), §6.3 (loops), RFC 5322 §2.2 and §3.6, RFC 6409 §8 (what a submission server may do).
//! Fields in which only we can speak are taken away: results of authentication under our name (RFC 8601 §5), and verdicts.
//! Everything that is not named here goes through byte for byte, malformed or not. Memory is bounded: at most a field's
//! name, or in whose name results are, is held back until it is known whose it is.

use super::tls_required;
use crate::origin;

/// The longest text held back while it may still become a field name. Longer ones exist nowhere.
const NAME_LIMIT: usize = 128;
/// The longest beginning of an Authentication-Results field that is held back until it says whose it is. A longer one is
/// nobody's, and goes.
const RESULTS_LIMIT: usize = 1024;

/// Fields by which webmailers tell from where their user came. What a program calls itself is its author's to say, and stays.
const CLIENT_FIELDS: [&str; 5] = [
    "X-Originating-IP",
    "X-Originating-Client",
    "X-Client-IP",
    "X-Source-IP",
    "X-Sender-IP",
];

/// Follows a message from its first byte to its last.
#[derive(Debug)]
pub(crate) struct HeaderReader {
    place: Place,
    /// A line as far as its meaning is not known yet.
    held: Vec<u8>,
    /// Whether the field that the current line belongs to stays.
    keep: bool,
    hops: usize,
    /// Whether there was a field TLS-Required (RFC 8689 §3).
    tls_required: bool,
    /// Our name.
    server: Option<String>,
    submission: Option<Missing>,
    /// Whether fields go that tell where the message was written.
    hide_client: bool,
}

/// Fields that a submitted message must have (RFC 6409 §8.2, §8.3), ready to be added; `None` when seen or added.
#[derive(Debug, Default)]
pub(crate) struct Missing {
    /// A Date field's value.
    pub(crate) date: Option<String>,
    /// A Message-ID field's value.
    pub(crate) message_id: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// At the start of a line or in what may be a field's name.
    Name,
    /// In an Authentication-Results field that has not said whose it is.
    Results,
    /// In the rest of a line.
    Line,
    Body,
}

impl HeaderReader {
    /// For a message from another server to this one. Without a name, what speaks in ours is from a server of our own that is
    /// in front of this one, and stays.
    pub(crate) fn of_received(server: Option<&str>) -> HeaderReader {
        HeaderReader {
            place: Place::Name,
            held: Vec::new(),
            keep: true,
            hops: 0,
            tls_required: false,
            server: server.map(str::to_ascii_lowercase),
            submission: None,
            hide_client: false,
        }
    }

    /// For a message from one of our users: adds what is missing, and takes away Bcc, so that nobody reads there who
    /// else was written to (RFC 5322 §3.6.3, the first of its three ways; RFC 6409 leaves it to us).
    pub(crate) fn of_submitted(server: &str, missing: Missing, hide_client: bool) -> HeaderReader {
        HeaderReader {
            hide_client,
            submission: Some(missing),
            ..HeaderReader::of_received(Some(server))
        }
    }

    /// Received fields seen so far.
    pub(crate) fn hops(&self) -> usize {
        self.hops
    }

    /// Whether a field TLS-Required was seen, whatever it says.
    pub(crate) fn has_tls_required(&self) -> bool {
        self.tls_required
    }

    /// Whether the header section is over: then the rest of the message needs no look.
    pub(crate) fn in_body(&self) -> bool {
        self.place == Place::Body
    }

    /// Takes the next piece of the message; what is to be stored is added to `out`.
    pub(crate) fn read(&mut self, mut piece: &[u8], out: &mut Vec<u8>) {
        while let Some((&byte, rest)) = piece.split_first() {
            match self.place {
                Place::Name => {
                    self.name(byte, out);
                    piece = rest;
                }
                Place::Results => {
                    if self.results(byte, out) {
                        piece = rest;
                    }
                }
                Place::Line => {
                    let end = memchr::memchr(b'\n', piece).map_or(piece.len(), |at| at + 1);
                    let (line, rest) = piece.split_at(end);
                    if self.keep {
                        out.extend_from_slice(line);
                    }
                    if line.ends_with(b"\n") {
                        self.place = Place::Name;
                    }
                    piece = rest;
                }
                Place::Body => {
                    out.extend_from_slice(piece);
                    return;
                }
            }
        }
    }

    /// The message is over: what was held back, and what is missing if the header section was all there is.
    pub(crate) fn end(&mut self, out: &mut Vec<u8>) {
        if self.place == Place::Results {
            self.end_results(out);
        }
        if self.place != Place::Body {
            self.add_missing(out);
            out.append(&mut self.held);
        }
    }

    fn name(&mut self, byte: u8, out: &mut Vec<u8>) {
        match (self.held.as_slice(), byte) {
            // Folded (RFC 5322 §2.2.3): the line belongs to the field before it.
            ([], b' ' | b'\t') => {
                if self.keep {
                    out.push(byte);
                }
                self.place = Place::Line;
            }
            ([], b'\r') => self.held.push(byte),
            ([b'\r'], b'\n') => {
                self.add_missing(out);
                self.begin_body(byte, out);
            }
            ([first, ..], b':') if *first != b'\r' => {
                self.field();
                self.held.push(byte);
                if self.place == Place::Results {
                    return;
                }
                if self.keep {
                    out.append(&mut self.held);
                }
                self.held.clear();
                self.place = Place::Line;
            }
            // White space before the colon: obsolete (RFC 5322 §4.5), and seen.
            ([first, ..], b' ' | b'\t') if *first != b'\r' && self.held.len() < NAME_LIMIT => self.held.push(byte),
            (held, b'!'..=b'9' | b';'..=b'~')
                if !held.ends_with(b"\r")
                    && !held.ends_with(b" ")
                    && !held.ends_with(b"\t")
                    && held.len() < NAME_LIMIT =>
            {
                self.held.push(byte);
            }
            // No field and no empty line: the body begins without one.
            _ => {
                if self.submission.is_some() {
                    self.add_missing(out);
                    out.extend_from_slice(b"\r\n");
                }
                self.begin_body(byte, out);
            }
        }
    }

    /// Takes a byte of a field that has not said whose it is. False: it belongs to the next field.
    fn results(&mut self, byte: u8, out: &mut Vec<u8>) -> bool {
        let over = self.held.ends_with(b"\n");
        if over && byte != b' ' && byte != b'\t' {
            self.end_results(out);
            self.place = Place::Name;
            return false;
        }
        self.held.push(byte);
        if byte == b';' || self.held.len() >= RESULTS_LIMIT {
            self.end_results(out);
            self.place = Place::Line;
        }
        true
    }

    /// What is held is the beginning of such a field, or all of it.
    fn end_results(&mut self, out: &mut Vec<u8>) {
        let held = String::from_utf8_lossy(&self.held).to_ascii_lowercase();
        let beside = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
        let server = self.server.as_deref();
        let ours = server.is_some_and(|server| {
            held.match_indices(server).any(|(at, found)| {
                let before = held.get(..at).and_then(|before| before.bytes().next_back());
                let after = held.get(at + found.len()..).and_then(|after| after.bytes().next());
                !beside(before) && !beside(after)
            })
        });
        self.keep = !ours && self.held.len() < RESULTS_LIMIT;
        if self.keep {
            out.append(&mut self.held);
        }
        self.held.clear();
    }

    /// What the field whose name is held means to us.
    fn field(&mut self) {
        let name = self.held.trim_ascii_end();
        let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
        self.keep = true;
        if is("Received") {
            self.hops += 1;
        } else if is(tls_required::FIELD) {
            self.tls_required = true;
        } else if is("Return-Path") {
            // RFC 5321 §4.4: final delivery may remove those that came along, and adds its own.
            self.keep = false;
        } else if self.server.is_some() && is("Authentication-Results") {
            self.place = Place::Results;
        } else if self.server.is_some() && is(origin::VERDICT) {
            self.keep = false;
        } else if let Some(missing) = &mut self.submission {
            if is("Date") {
                missing.date = None;
            } else if is("Message-ID") {
                missing.message_id = None;
            } else if is("Bcc") || is("Resent-Bcc") || (self.hide_client && CLIENT_FIELDS.iter().any(|field| is(field)))
            {
                self.keep = false;
            }
        }
    }

    fn add_missing(&mut self, out: &mut Vec<u8>) {
        let Some(missing) = &mut self.submission else {
            return;
        };
        for (name, value) in [("Date", missing.date.take()), ("Message-ID", missing.message_id.take())] {
            if let Some(value) = value {
                out.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
            }
        }
    }

    fn begin_body(&mut self, byte: u8, out: &mut Vec<u8>) {
        out.append(&mut self.held);
        self.held = Vec::new();
        out.push(byte);
        self.place = Place::Body;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn missing() -> Missing {
        Missing {
            date: Some("today".to_owned()),
            message_id: Some("<1@here>".to_owned()),
        }
    }

    fn received() -> HeaderReader {
        HeaderReader::of_received(Some("mx.example.org"))
    }

    /// Reads the message whole and in pieces of every size; the result is the same.
    fn through(make: impl Fn() -> HeaderReader, message: &[u8]) -> (String, usize) {
        let read = |size: usize| {
            let mut reader = make();
            let mut out = Vec::new();
            for piece in message.chunks(size) {
                reader.read(piece, &mut out);
                assert!(reader.held.len() <= RESULTS_LIMIT);
            }
            reader.end(&mut out);
            (String::from_utf8_lossy(&out).into_owned(), reader.hops())
        };
        let whole = read(message.len().max(1));
        for size in 1..message.len() {
            assert_eq!(read(size), whole);
        }
        whole
    }

    #[test]
    fn submitted_messages_get_what_they_lack() {
        let added = "Date: today\r\nMessage-ID: <1@here>\r\n";
        for (message, result) in [
            ("", added.to_owned()),
            ("\r\nbody\r\n", format!("{added}\r\nbody\r\n")),
            ("A: b\r\n\r\nDate: x\r\n", format!("A: b\r\n{added}\r\nDate: x\r\n")),
            ("A: b\r\n", format!("A: b\r\n{added}")),
            (
                "dAtE : x\r\nSubject: s\r\n\r\n",
                "dAtE : x\r\nSubject: s\r\nMessage-ID: <1@here>\r\n\r\n".to_owned(),
            ),
            (
                "Message-Id: <x>\r\n\r\n",
                "Message-Id: <x>\r\nDate: today\r\n\r\n".to_owned(),
            ),
            ("hello\r\nDate: x\r\n", format!("{added}\r\nhello\r\nDate: x\r\n")),
            ("From a b\r\nDate: x\r\n", format!("{added}\r\nFrom a b\r\nDate: x\r\n")),
            ("A: b\r\nb\u{e9}: c\r\n", format!("A: b\r\n{added}\r\nb\u{e9}: c\r\n")),
        ] {
            assert_eq!(
                through(
                    || HeaderReader::of_submitted("mx.example.org", missing(), true),
                    message.as_bytes()
                )
                .0,
                result
            );
        }
    }

    #[test]
    fn bcc_goes_with_all_its_lines() {
        let message =
            "Bcc: a@b,\r\n c@d\r\n\te@f\r\nTo: x\r\n y\r\nBcc:\r\nresent-bcc: z\r\nBcc-Not: n\r\n\r\nBcc: body\r\n";
        let (text, _) = through(
            || HeaderReader::of_submitted("mx.example.org", Missing::default(), true),
            message.as_bytes(),
        );
        assert_eq!(text, "To: x\r\n y\r\nBcc-Not: n\r\n\r\nBcc: body\r\n");
    }

    #[test]
    fn where_it_was_written_goes_if_it_is_to() {
        let message =
            "X-Originating-IP: [192.0.2.1]\r\nX-Mailer: m\r\nx-client-ip:\r\n 192.0.2.1\r\n\r\nX-Client-IP: body\r\n";
        for (hide, wanted) in [(true, "X-Mailer: m\r\n\r\nX-Client-IP: body\r\n"), (false, message)] {
            let make = || HeaderReader::of_submitted("mx.example.org", Missing::default(), hide);
            assert_eq!(through(make, message.as_bytes()).0, wanted);
        }
    }

    #[test]
    fn received_messages_go_through_but_for_return_path() {
        for same in [
            "Bcc: a\r\nSubject: x\r\n\r\nReturn-Path: <body>\r\n",
            "no header\r\nReturn-Path: <a>\r\n",
            " folded first\r\nA: b\r\n\r\n",
            ": no name\r\n",
            "\r\n",
            "",
        ] {
            assert_eq!(through(received, same.as_bytes()).0, same);
        }
        let (text, hops) = through(
            received,
            b"Return-Path: <a>\r\n folded\r\nReceived: x\r\n y\r\nRECEIVED:z\r\n\r\nReceived: body\r\n",
        );
        assert_eq!(text, "Received: x\r\n y\r\nRECEIVED:z\r\n\r\nReceived: body\r\n");
        assert_eq!(hops, 2);
    }

    #[test]
    fn nobody_else_speaks_in_our_name() {
        let field = "Authentication-Results";
        for ours in [
            format!("{field}: mx.example.org; spf=pass\r\n"),
            format!("{field} : MX.example.ORG 1; none\r\n"),
            format!("{field}:\r\n (c) \"mx.example.org\"\r\n\t; spf=pass\r\n smtp.mailfrom=x;\r\n dkim=pass\r\n"),
            format!("{field}: mx.example.org\r\n"),
            format!("{field}: {};\r\n", "x".repeat(RESULTS_LIMIT)),
            "X-Posthaste-Verdict: accept;\r\n very good\r\n".to_owned(),
        ] {
            let message = format!("A: b\r\n{ours}To: x\r\n\r\nbody\r\n");
            assert_eq!(
                through(received, message.as_bytes()).0,
                "A: b\r\nTo: x\r\n\r\nbody\r\n",
                "{ours}"
            );
        }
        for others in [
            format!("{field}: mx.example.net; spf=pass smtp.helo=mx.example.org\r\n"),
            format!("{field}: other.mx.example.org;\r\n spf=pass\r\n"),
            format!("{field}: mx.example.org.test; none\r\n"),
            format!("{field}: x\r\n"),
            format!("{field}:\r\n"),
            format!("{field}-Not: mx.example.org;\r\n"),
        ] {
            let message = format!("A: b\r\n{others}To: x\r\n\r\n");
            assert_eq!(through(received, message.as_bytes()).0, message);
            assert_eq!(through(received, others.as_bytes()).0, others);
        }
    }

    #[test]
    fn an_endless_name_is_none() {
        let message = [b"x".repeat(5000).as_slice(), b": y\r\n"].concat();
        let (text, _) = through(received, &message[..300]);
        assert_eq!(text.as_bytes(), &message[..300]);
        let mut reader = received();
        reader.read(&message, &mut Vec::new());
        assert!(reader.in_body());
    }

    proptest! {
        #[test]
        fn anything_goes_through_in_any_pieces(message in "([a:\r\n \t.]|Bcc|Received|\u{e9}){0,12}") {
            let (text, _) = through(received, message.as_bytes());
            prop_assert_eq!(text, message.clone());
            through(|| HeaderReader::of_submitted("mx.example.org", missing(), true), message.as_bytes());
        }
    }
}
