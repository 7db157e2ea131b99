//! Responses of an IMAP server (RFC 9051 §7): framing, and the few facts that are read without imap-proto.
//!
//! imap-proto knows most of RFC 3501, but not what later standards add (ESEARCH, STATUS=SIZE, new response codes), and a
//! line it cannot parse must not end a run. So lines are framed and told apart here, and only FETCH data go to imap-proto.

use anyhow::{Result, ensure};
use bytes::Bytes;
use imap_proto::AttributeValue;
use memchr::{memchr, memrchr};

/// The longest literal taken.
const MAX_LITERAL: usize = 256 * 1024 * 1024;
/// The longest line: an answer to SEARCH lists every UID of a mailbox.
const MAX_LINE: usize = 16 * 1024 * 1024;

/// One response, with its literals and its last line end.
#[derive(Clone, Debug)]
pub(crate) struct Response(Bytes);

/// The length of the first response in the buffer, if it is complete: a line, and for each literal that a line
/// announces its octets and one more line.
pub(crate) fn frame(buffer: &[u8]) -> Result<Option<usize>> {
    let mut end = 0;
    loop {
        let rest = buffer.get(end..).unwrap_or_default();
        let Some(length) = memchr(b'\n', rest) else {
            ensure!(rest.len() <= MAX_LINE, "a line without end");
            return Ok(None);
        };
        let line = &rest[..length];
        let octets = if end == 0 && is_text(line) { None } else { literal(line) };
        end += length + 1;
        let Some(octets) = octets else {
            return Ok(Some(end));
        };
        ensure!(octets <= MAX_LITERAL, "a literal of {octets} octets");
        end += octets;
    }
}

/// Whether the line ends in text for people, where braces mean nothing: tags, `+`, and untagged status.
fn is_text(line: &[u8]) -> bool {
    let Some(data) = line.strip_prefix(b"* ") else {
        return true;
    };
    let word = data.split(|octet| *octet == b' ').next().unwrap_or_default();
    [&b"OK"[..], b"NO", b"BAD", b"BYE", b"PREAUTH"]
        .iter()
        .any(|status| word.eq_ignore_ascii_case(status))
}

/// The octets of the literal that a line ends with: `{n}`, also behind `~`.
fn literal(line: &[u8]) -> Option<usize> {
    let line = line.strip_suffix(b"\r").unwrap_or(line).strip_suffix(b"}")?;
    let digits = &line[memrchr(b'{', line)? + 1..];
    std::str::from_utf8(digits).ok()?.parse().ok()
}

impl Response {
    /// From a frame.
    pub(crate) fn new(frame: Bytes) -> Response {
        Response(frame)
    }

    /// `OK`, `NO` or `BAD`, if this ends the command with that tag.
    pub(crate) fn status(&self, tag: &str) -> Option<&str> {
        let rest = self.0.strip_prefix(tag.as_bytes())?.strip_prefix(b" ")?;
        std::str::from_utf8(rest.split(|octet| *octet <= b' ').next()?).ok()
    }

    /// Whether the server waits for more of the command.
    pub(crate) fn is_continuation(&self) -> bool {
        self.0.starts_with(b"+")
    }

    /// What follows `* WORD `, for instance with `STATUS`.
    pub(crate) fn data(&self, word: &str) -> Option<&[u8]> {
        let data = self.0.strip_prefix(b"* ")?;
        let (start, rest) = data.split_at_checked(word.len())?;
        let rest = rest
            .strip_prefix(b" ")
            .or_else(|| rest.starts_with(b"\r\n").then_some(&[][..]))?;
        start.eq_ignore_ascii_case(word.as_bytes()).then_some(rest)
    }

    /// The number in `* 12 WORD`, for instance with `EXISTS`.
    pub(crate) fn number(&self, word: &str) -> Option<u32> {
        let mut words = self.0.strip_prefix(b"* ")?.split(|octet| *octet <= b' ');
        let number = std::str::from_utf8(words.next()?).ok()?.parse().ok()?;
        words.next()?.eq_ignore_ascii_case(word.as_bytes()).then_some(number)
    }

    /// The number behind a word, wherever it is: `UIDNEXT 12`.
    pub(crate) fn number_after(&self, word: &str) -> Option<u32> {
        let mut words = self.0.split(|octet| *octet <= b' ' || b"()[]".contains(octet));
        words.find(|found| found.eq_ignore_ascii_case(word.as_bytes()))?;
        std::str::from_utf8(words.next()?).ok()?.parse().ok()
    }

    /// How many messages an answer to SEARCH or SORT lists.
    pub(crate) fn found(&self) -> Option<usize> {
        let numbers = self.data("SEARCH").or_else(|| self.data("SORT"))?;
        let words = numbers.split(|octet| *octet <= b' ');
        Some(
            words
                .filter(|word| word.first().is_some_and(u8::is_ascii_digit))
                .count(),
        )
    }

    /// How many messages an answer to THREAD lists.
    pub(crate) fn threaded(&self) -> Option<usize> {
        let threads = self.data("THREAD")?;
        let numbers = threads.split(|octet| !octet.is_ascii_digit());
        Some(numbers.filter(|number| !number.is_empty()).count())
    }

    /// The UID of a FETCH response, and its one body section, as imap-proto reads them.
    pub(crate) fn fetched(&self) -> Result<(Option<u32>, Option<Vec<u8>>)> {
        let (mut uid, mut section) = (None, None);
        let (_, parsed) = imap_proto::Response::parse(&self.0)
            .map_err(|_| anyhow::anyhow!("imap-proto cannot read {:?}", self.text()))?;
        if let imap_proto::Response::Fetch(_, attributes) = parsed {
            for attribute in attributes {
                match attribute {
                    AttributeValue::Uid(found) => uid = Some(found),
                    AttributeValue::BodySection { data, .. } => section = data.map(|data| data.into_owned()),
                    _ => {}
                }
            }
        }
        Ok((uid, section))
    }

    /// Whether imap-proto can read all of it.
    pub(crate) fn is_standard(&self) -> bool {
        imap_proto::Response::parse(&self.0).is_ok_and(|(rest, _)| rest.is_empty())
    }

    /// The first line, for an error message.
    pub(crate) fn text(&self) -> String {
        let line = self.0.split(|octet| *octet == b'\r').next().unwrap_or_default();
        String::from_utf8_lossy(&line[..line.len().min(200)]).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_end_after_the_last_line() {
        for (buffer, expected) in [
            (&b"* 3 EXISTS\r\n* 4"[..], Some(12)),
            (b"* 3 EXISTS\r", None),
            (b"* 1 FETCH (BODY[] {3}\r\na\nb)\r\n", Some(29)),
            (b"* 1 FETCH (BODY[] {3}\r\na\nb)", None),
            (b"* 1 FETCH (BODY[] {30}\r\na\nb)\r\n", None),
            (b"* 1 FETCH (A {0}\r\n B ~{2}\r\nxy)\r\nrest", Some(32)),
            (b"* OK people write {3}\r\n", Some(23)),
            (b"a1 NO people write {3}\r\n", Some(24)),
            (b"", None),
        ] {
            assert_eq!(frame(buffer).unwrap(), expected, "{}", String::from_utf8_lossy(buffer));
        }
        assert!(frame(b"* 1 FETCH (BODY[] {4294967296}\r\n").is_err());
    }

    #[test]
    fn facts_are_read() {
        let response = |text: &'static str| Response::new(Bytes::from_static(text.as_bytes()));
        assert_eq!(response("* 3 EXISTS\r\n").number("EXISTS"), Some(3));
        assert_eq!(response("* 3 EXPUNGE\r\n").number("EXISTS"), None);
        assert_eq!(response("a1 OK done\r\n").status("a1"), Some("OK"));
        assert_eq!(response("a11 OK done\r\n").status("a1"), None);
        assert_eq!(response("* SEARCH 4 5 6\r\n").found(), Some(3));
        assert_eq!(response("* SEARCH\r\n").found(), Some(0));
        assert_eq!(response("* SORT 6 4\r\n").found(), Some(2));
        assert_eq!(response("* THREAD (2)(3 (4)(15))\r\n").threaded(), Some(4));
        let status = response("* STATUS INBOX (MESSAGES 231 UIDNEXT 44292)\r\n");
        assert_eq!(
            (status.number_after("MESSAGES"), status.number_after("UIDNEXT")),
            (Some(231), Some(44292))
        );
        let fetch = response("* 1 FETCH (UID 7 BODY[] {3}\r\nabc)\r\n");
        assert_eq!(fetch.fetched().unwrap(), (Some(7), Some(b"abc".to_vec())));
    }
}
