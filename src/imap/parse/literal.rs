//! Literals: their announcement at the end of a line and their octets (RFC 9051 §4.3, RFC 7888).

use super::cursor::{Cursor, Fault, Parsed};

/// What the end of a line announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::imap) struct Announcement {
    /// How many octets follow the line; `None` when the number is beyond 63 bits.
    pub(in crate::imap) octets: Option<u64>,
    /// Whether the client waits for `+` before it sends them.
    pub(in crate::imap) synchronizing: bool,
    /// Whether it is a `literal8`, `~{n}` (RFC 3516 §4.4), which only messages and the values of annotations are.
    pub(in crate::imap) binary: bool,
}

/// What the end of `line` announces, if anything. Whatever stands in front: a client that ends any line like this sends the
/// octets next.
pub(in crate::imap) fn announcement(line: &[u8]) -> Option<Announcement> {
    let inner = line.strip_suffix(b"}")?;
    let (synchronizing, inner) = match inner.strip_suffix(b"+") {
        Some(inner) => (false, inner),
        None => (true, inner),
    };
    let digits = inner.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let (front, digits) = inner.split_at_checked(inner.len() - digits)?;
    let front = front.strip_suffix(b"{")?;
    if digits.is_empty() {
        return None;
    }
    Some(Announcement {
        octets: number64(digits),
        synchronizing,
        binary: front.ends_with(b"~"),
    })
}

fn number64(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits)
        .ok()?
        .parse()
        .ok()
        .filter(|octets| *octets <= i64::MAX as u64)
}

impl<'a> Cursor<'a> {
    /// A literal in place: `{n}` or `{n+}`, CRLF and its octets.
    pub(super) fn literal(&mut self) -> Parsed<&'a [u8]> {
        let start = self.position();
        let octets = self.literal_header()?;
        self.take(2)
            .filter(|end| *end == b"\r\n")
            .and_then(|_| self.take(usize::try_from(octets).ok()?))
            .ok_or(Fault::Incomplete { at: start })
    }

    /// `{n}` or `{n+}`: its octets.
    pub(super) fn literal_header(&mut self) -> Parsed<u64> {
        self.require(b'{', "a literal")?;
        let octets = self.number64()?;
        self.skip(b'+');
        self.require(b'}', "a closing brace")?;
        Ok(octets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announcements() {
        let literal = |octets, synchronizing, binary| {
            Some(Announcement {
                octets,
                synchronizing,
                binary,
            })
        };
        for (line, announced) in [
            ("t LOGIN {11}", literal(Some(11), true, false)),
            ("{0+}", literal(Some(0), false, false)),
            ("x{007}", literal(Some(7), true, false)),
            ("t NOOP \"{5+}", literal(Some(5), false, false)),
            ("~{5}", literal(Some(5), true, true)),
            ("(~{5+}", literal(Some(5), false, true)),
            ("{9223372036854775807}", literal(Some(i64::MAX as u64), true, false)),
            ("{9223372036854775808+}", literal(None, false, false)),
            ("{99999999999999999999999999}", literal(None, true, false)),
            ("", None),
            ("}", None),
            ("{}", None),
            ("{+}", None),
            ("5}", None),
            ("{5} ", None),
            ("{5}}", None),
            ("{-5}", None),
            ("{5-}", None),
            ("{5++}", None),
            ("{ 5}", None),
            ("\"{5}\"", None),
        ] {
            assert_eq!(announcement(line.as_bytes()), announced, "{line:?}");
        }
    }
}
