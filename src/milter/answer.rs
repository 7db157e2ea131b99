//! What a filter says: how to go on, what becomes of the message, and how it is to be changed.
//!
//! Whatever it says is untrusted here as on any other socket: names of fields, values, addresses and texts of replies are
//! checked before anybody sees them.

use super::Problem;
use super::edit::Edit;
use crate::mail::envelope::{ForwardPath, ReversePath};

/// The longest text of a filter that stands in a reply or in the header.
const MAX_TEXT: usize = 200;

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Go on.
    Continue,
    /// Take it, without asking this filter any further.
    Accept,
    /// Drop it in silence.
    Discard,
    /// Refuse it.
    Refuse(Said),
    /// I am still at work.
    Progress,
    /// I need no more of the body.
    Skip,
    /// Change the message; only at its end.
    Edit(Edit),
}

/// How a filter refuses a message: code and texts can stand in a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// 400 to 599 (RFC 5321 §4.2.1).
    pub code: u16,
    /// Of the same class as the code (RFC 3463 §2).
    pub status: String,
    /// One line of printable ASCII.
    pub text: String,
}

impl Answer {
    /// Takes a packet apart.
    pub(super) fn parse(kind: u8, packet: &[u8]) -> Result<Answer, Problem> {
        Ok(match kind {
            b'c' => Answer::Continue,
            b'a' => Answer::Accept,
            b'd' => Answer::Discard,
            b'r' => Answer::Refuse(Said::new(550, "5.7.1", "Refused by a filter")),
            b't' => Answer::Refuse(Said::new(451, "4.7.1", "Not now, says a filter: try again later")),
            // The end of the connection (RFC 5321 §3.8).
            b'4' | b'f' => Answer::Refuse(Said::new(421, "4.7.0", "A filter ends this connection")),
            b'y' => Answer::Refuse(Said::parse(packet)?),
            b'p' => Answer::Progress,
            b's' => Answer::Skip,
            b'h' | b'i' | b'm' | b'e' | b'+' | b'2' | b'-' | b'b' | b'q' => Answer::Edit(edit(kind, packet)?),
            _ => return Err(Problem::Rubbish("an unknown answer")),
        })
    }
}

impl Said {
    fn new(code: u16, status: &str, text: &str) -> Said {
        Said {
            code,
            status: status.to_owned(),
            text: text.to_owned(),
        }
    }

    /// From `550 5.7.1 Text`, of which the first line counts.
    fn parse(packet: &[u8]) -> Result<Said, Problem> {
        let line = packet.split(|octet| matches!(octet, b'\r' | b'\n' | 0)).next();
        // Filters write "%" twice.
        let line = printable(line.unwrap_or_default()).replace("%%", "%");
        let code = line
            .get(..3)
            .filter(|code| code.bytes().all(|digit| digit.is_ascii_digit()));
        let code = code
            .and_then(|code| code.parse().ok())
            .filter(|code| (400..600).contains(code));
        let Some(code) = code else {
            return Err(Problem::Rubbish("a reply with a code that refuses nothing"));
        };
        let rest = line.get(3..).unwrap_or_default();
        let rest = rest.strip_prefix(['-', ' ']).unwrap_or(rest).trim_start();
        let (status, text) = match rest.split_once(' ') {
            Some((status, text)) if is_status(status, code) => (status, text),
            None if is_status(rest, code) => (rest, ""),
            _ => (if code < 500 { "4.7.1" } else { "5.7.1" }, rest),
        };
        let text = match text.trim() {
            "" => "Refused by a filter",
            text => text,
        };
        Ok(Said::new(code, status, text))
    }
}

/// `class.subject.detail` (RFC 3463 §2), of the class that the code has.
fn is_status(text: &str, code: u16) -> bool {
    let mut parts = text.split('.');
    let class = parts.next().and_then(|class| class.parse::<u16>().ok());
    let number = |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|digit| digit.is_ascii_digit());
    let rest: Vec<&str> = parts.collect();
    class == Some(code / 100) && rest.len() == 2 && rest.into_iter().all(number)
}

/// One line of printable ASCII, of a length that people read.
fn printable(text: &[u8]) -> String {
    let shown = |&octet: &u8| match octet {
        b' '..=b'~' => char::from(octet),
        _ => '?',
    };
    text.iter().take(MAX_TEXT).map(shown).collect()
}

fn edit(kind: u8, packet: &[u8]) -> Result<Edit, Problem> {
    let cut_off = || Problem::Rubbish("a change that is cut off");
    Ok(match kind {
        b'h' => {
            let (name, value) = field(packet)?;
            Edit::AddField { name, value }
        }
        b'i' | b'm' => {
            let (number, rest) = packet.split_first_chunk::<4>().ok_or_else(cut_off)?;
            let number = u32::from_be_bytes(*number) as usize;
            let (name, value) = field(rest)?;
            match kind {
                b'i' => Edit::InsertField {
                    at: number,
                    name,
                    value,
                },
                _ => Edit::ChangeField { number, name, value },
            }
        }
        b'e' => Edit::Sender(ReversePath::parse(path(packet)?).map_err(|_| NO_ADDRESS)?),
        b'+' | b'2' => Edit::AddRecipient(ForwardPath::parse(path(packet)?).map_err(|_| NO_ADDRESS)?),
        b'-' => Edit::RemoveRecipient(ForwardPath::parse(path(packet)?).map_err(|_| NO_ADDRESS)?),
        b'b' => Edit::Body(packet.to_vec()),
        _ => {
            let reason = packet.split(|octet| matches!(octet, b'\r' | b'\n' | 0)).next();
            Edit::Quarantine(printable(reason.unwrap_or_default()))
        }
    })
}

const NO_ADDRESS: Problem = Problem::Rubbish("an address that is none");

/// An address with or without its brackets; what parameters follow it do not matter here.
fn path(packet: &[u8]) -> Result<&str, Problem> {
    let path = packet.split(|octet| *octet == 0).next().unwrap_or_default();
    let path = std::str::from_utf8(path).map_err(|_| NO_ADDRESS)?.trim();
    Ok(path
        .strip_prefix('<')
        .and_then(|path| path.strip_suffix('>'))
        .unwrap_or(path))
}

/// Name and value; the name is one (RFC 5322 §2.2).
fn field(packet: &[u8]) -> Result<(String, Vec<u8>), Problem> {
    let mut texts = packet.split(|octet| *octet == 0);
    let (Some(name), Some(value)) = (texts.next(), texts.next()) else {
        return Err(Problem::Rubbish("a field that is cut off"));
    };
    let of_names = |octet: &u8| octet.is_ascii_graphic() && *octet != b':';
    match std::str::from_utf8(name) {
        Ok(text) if !text.is_empty() && name.iter().all(of_names) => Ok((text.to_owned(), value.to_vec())),
        _ => Err(Problem::Rubbish("a field with a name that is none")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(reply: &[u8]) -> Option<String> {
        match Answer::parse(b'y', reply) {
            Ok(Answer::Refuse(Said { code, status, text })) => Some(format!("{code} {status} {text}")),
            _ => None,
        }
    }

    #[test]
    fn replies_are_one_clean_line_that_refuses() {
        for (reply, wanted) in [
            (&b"550 5.7.1 No\0"[..], Some("550 5.7.1 No")),
            (b"451 4.7.1 Later, 100%% sure\0", Some("451 4.7.1 Later, 100% sure")),
            (b"550 No\0", Some("550 5.7.1 No")),
            (b"550-5.7.1 One\r\n550 5.7.1 Two\0", Some("550 5.7.1 One")),
            (b"550 5.1.1\0", Some("550 5.1.1 Refused by a filter")),
            (b"550 4.1.1 Mixed\0", Some("550 5.7.1 4.1.1 Mixed")),
            (b"550 5.7.1 a\xff\x07b\0", Some("550 5.7.1 a??b")),
            (b"550\0", Some("550 5.7.1 Refused by a filter")),
            (b"250 2.0.0 OK\0", None),
            (b"650 No\0", None),
            (b"55", None),
            (b"", None),
        ] {
            assert_eq!(said(reply).as_deref(), wanted, "{reply:?}");
        }
        let long = [b"550 5.7.1 ".as_slice(), &[b'x'; 5000]].concat();
        assert_eq!(said(&long).unwrap().len(), MAX_TEXT);
    }

    #[test]
    fn changes_are_checked() {
        let parse = |kind, packet: &[u8]| match Answer::parse(kind, packet) {
            Ok(Answer::Edit(edit)) => Some(edit),
            _ => None,
        };
        let (name, value) = ("X-A".to_owned(), b"b".to_vec());
        let added = Edit::AddField {
            name: name.clone(),
            value: value.clone(),
        };
        assert_eq!(parse(b'h', b"X-A\0b\0"), Some(added));
        let inserted = Edit::InsertField { at: 1, name, value };
        assert_eq!(parse(b'i', b"\0\0\0\x01X-A\0b\0"), Some(inserted));
        for wrong in [
            &b""[..],
            b"X-A",
            b"\0b\0",
            b"X A\0b\0",
            b"X:\0b\0",
            b"X\r\nY\0b\0",
            b"\xff\0b\0",
        ] {
            assert_eq!(parse(b'h', wrong), None, "{wrong:?}");
        }
        assert_eq!(parse(b'm', b"\0\0"), None);
        let bob = ForwardPath::parse("bob@example.org").unwrap();
        assert_eq!(
            parse(b'+', b"<bob@example.org>\0"),
            Some(Edit::AddRecipient(bob.clone()))
        );
        assert_eq!(
            parse(b'2', b"<bob@example.org>\0NOTIFY=NEVER\0"),
            Some(Edit::AddRecipient(bob))
        );
        assert_eq!(parse(b'+', b"<bob\r\n@example.org>\0"), None);
        assert_eq!(parse(b'e', b"<>\0"), Some(Edit::Sender(ReversePath::Null)));
        assert_eq!(parse(b'q', b"a\nb\0"), Some(Edit::Quarantine("a".to_owned())));
        assert!(Answer::parse(b'?', b"").is_err());
    }
}
