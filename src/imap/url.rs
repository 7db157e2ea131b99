//! IMAP URLs of messages and of their parts, relative to this account (RFC 5092 as RFC 4469 §3 uses it):
//! `/Drafts;UIDVALIDITY=385759045/;UID=20/;SECTION=1.MIME/;PARTIAL=0.1024`. Pure.

use super::command::{BodySection, SectionName, SectionText};
use super::parse;
use crate::mail::ids::Uid;
use crate::mail::mailbox_name::MailboxName;
use std::str::FromStr;

/// What a URL names.
#[derive(Debug, PartialEq)]
pub(crate) struct MessageUrl {
    /// The mailbox; `None` is the selected one.
    pub(crate) mailbox: Option<MailboxName>,
    /// The UIDVALIDITY for which the UID is meant.
    pub(crate) uid_validity: Option<u32>,
    /// The message.
    pub(crate) uid: Uid,
    /// What of it.
    pub(crate) section: BodySection,
}

impl MessageUrl {
    /// Reads a relative URL; `None` for what is none, or names another server or something else than a message.
    /// `selected` is the mailbox that it is relative to, if one is selected.
    pub(crate) fn parse(url: &str, selected: Option<&MailboxName>) -> Option<MessageUrl> {
        let mut segments = url.split(';');
        let mailbox = mailbox(segments.next()?, selected)?;
        let mut parameters = Parameters::default();
        for segment in segments {
            parameters.read(segment.strip_suffix('/').unwrap_or(segment))?;
        }
        let (part, text) = match parameters.section {
            Some(section) => parse::section(section.as_bytes())?,
            None => (Vec::new(), SectionText::All),
        };
        Some(MessageUrl {
            mailbox,
            uid_validity: parameters.uid_validity,
            uid: parameters.uid?,
            section: BodySection {
                name: SectionName::Body,
                part,
                text,
                partial: parameters.partial,
                peek: true,
            },
        })
    }
}

/// `enc-mailbox`, by the rules for relative references (RFC 3986 §5.2.2): with a slash in front it is meant from the root, without
/// one it takes the place of the last level of the selected mailbox. `Some(None)`: there is none, so the selected one is meant.
fn mailbox(path: &str, selected: Option<&MailboxName>) -> Option<Option<MailboxName>> {
    let (absolute, path) = match path.strip_prefix('/') {
        Some(path) => (true, path),
        None => (false, path),
    };
    // `//server` and `scheme:` lead elsewhere.
    if path.starts_with('/') || (!absolute && path.contains(':')) {
        return None;
    }
    let name = decoded(path.strip_suffix('/').unwrap_or(path))?;
    if name.is_empty() {
        return Some(None);
    }
    let parent = selected.filter(|_| !absolute).and_then(MailboxName::parent);
    let name = match parent {
        Some(parent) => format!("{}{}{name}", parent.as_str(), MailboxName::SEPARATOR),
        None => name,
    };
    MailboxName::new(&name).ok().map(Some)
}

/// What follows the mailbox, in this order.
#[derive(Default)]
struct Parameters {
    uid_validity: Option<u32>,
    uid: Option<Uid>,
    section: Option<String>,
    partial: Option<(u64, u64)>,
}

impl Parameters {
    /// One `NAME=value`; `None` when it is not known, or not at its place.
    fn read(&mut self, parameter: &str) -> Option<()> {
        let (name, value) = parameter.split_once('=')?;
        let known = (self.uid, &self.section, self.partial);
        match (name.to_ascii_uppercase().as_str(), known) {
            ("UIDVALIDITY", (None, None, None)) if self.uid_validity.is_none() => {
                self.uid_validity = Some(number(value)?);
            }
            ("UID", (None, None, None)) => self.uid = Some(Uid::new(number(value)?)?),
            ("SECTION", (Some(_), None, None)) => self.section = Some(decoded(value)?),
            ("PARTIAL", (Some(_), _, None)) => {
                let (start, length) = value.split_once('.').map_or((value, None), |(a, b)| (a, Some(b)));
                let length = length.map_or(Some(u64::MAX), number)?;
                self.partial = Some((number(start)?, length));
            }
            _ => return None,
        }
        Some(())
    }
}

fn number<T: FromStr>(digits: &str) -> Option<T> {
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| is_number)
}

/// Percent-encoding undone (RFC 3986 §2.1); `None` when it is wrong, or not UTF-8.
fn decoded(text: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        octets.push(match byte {
            b'%' => hex(rest.next()?)? << 4 | hex(rest.next()?)?,
            byte => byte,
        });
    }
    String::from_utf8(octets).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

/// A URL as `url-resp-text` (RFC 4469 §5): what cannot stand in a response code is percent-encoded.
pub(crate) fn told(url: &str) -> String {
    let mut text = String::with_capacity(url.len());
    for byte in url.bytes() {
        match byte {
            b'!'..=b'~' if !b"\"\\]".contains(&byte) => text.push(char::from(byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(mailbox: Option<&str>, uid_validity: Option<u32>, uid: u32) -> MessageUrl {
        MessageUrl {
            mailbox: mailbox.map(|name| MailboxName::new(name).unwrap()),
            uid_validity,
            uid: Uid::new(uid).unwrap(),
            section: BodySection {
                name: SectionName::Body,
                part: Vec::new(),
                text: SectionText::All,
                partial: None,
                peek: true,
            },
        }
    }

    #[test]
    fn messages_and_parts() {
        let selected = MailboxName::new("a/b").unwrap();
        let parse = |text: &str| MessageUrl::parse(text, Some(&selected));
        assert_eq!(
            parse("/Drafts;UIDVALIDITY=385759045/;UID=20"),
            Some(url(Some("Drafts"), Some(385_759_045), 20))
        );
        assert_eq!(parse("/Drafts/;UID=3002"), Some(url(Some("Drafts"), None, 3002)));
        assert_eq!(parse("/;uid=7/"), Some(url(None, None, 7)));
        assert_eq!(parse(";UID=7"), Some(url(None, None, 7)));
        assert_eq!(parse("/x%2Fy%20%C3%BC;UID=7"), Some(url(Some("x/y ü"), None, 7)));
        assert_eq!(parse("c/;UID=7"), Some(url(Some("a/c"), None, 7)));
        assert_eq!(MessageUrl::parse("c/;UID=7", None), Some(url(Some("c"), None, 7)));
        for (tail, part, text, partial) in [
            ("section=HEADER", vec![], SectionText::Header, None),
            ("section=1.MIME", vec![1], SectionText::Mime, None),
            (
                "SECTION=1.5.9/;PARTIAL=0.1024",
                vec![1, 5, 9],
                SectionText::All,
                Some((0, 1024)),
            ),
            (
                "SECTION=HEADER.FIELDS%20(To)",
                vec![],
                SectionText::HeaderFields(vec!["To".to_owned()]),
                None,
            ),
            ("PARTIAL=5", vec![], SectionText::All, Some((5, u64::MAX))),
        ] {
            let mut wanted = url(Some("Drafts"), Some(3), 20);
            (wanted.section.part, wanted.section.text, wanted.section.partial) = (part, text, partial);
            assert_eq!(
                parse(&format!("/Drafts;UIDVALIDITY=3/;UID=20/;{tail}")),
                Some(wanted),
                "{tail}"
            );
        }
    }

    #[test]
    fn what_is_elsewhere_or_nothing() {
        for text in [
            "",
            "/Drafts",
            "/Drafts;UIDVALIDITY=3",
            "/Drafts;UID=0",
            "/Drafts;UID=x",
            "/Drafts;UID=+1",
            "/Drafts;UID=4294967296",
            "/Drafts;UID=1;UID=2",
            "/Drafts;UID=1/;UIDVALIDITY=2",
            "/Drafts;SECTION=1/;UID=1",
            "/Drafts;UID=1/;SECTION=",
            "/Drafts;UID=1/;SECTION=MIME",
            "/Drafts;UID=1/;SECTION=1]",
            "/Drafts;UID=1/;PARTIAL=",
            "/Drafts;UID=1/;URLAUTH=anonymous",
            "/Dra%zzfts;UID=1",
            "/Dra%f;UID=1",
            "/%ff;UID=1",
            "/a/../b;UID=1",
            "//server/Drafts;UID=1",
            "imap://server/Drafts;UID=1",
            "http:x;UID=1",
        ] {
            assert_eq!(MessageUrl::parse(text, None), None, "{text}");
        }
    }

    #[test]
    fn a_url_is_told_without_what_would_end_the_code() {
        assert_eq!(told("/INBOX;UID=1/;SECTION=1.5"), "/INBOX;UID=1/;SECTION=1.5");
        assert_eq!(told("a]\r\n* BYE ü\\\""), "a%5D%0D%0A*%20BYE%20%C3%BC%5C%22");
    }
}
