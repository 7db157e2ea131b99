//! Reports of delivery: what a sender is told of its recipients (RFC 3461 §6, RFC 3464, RFC 6522; RFC 6533 in UTF-8).
//!
//! Pure text around the message that it is about. Nothing here decides whether there is to be a report.

use std::fmt::Write;
use std::net::IpAddr;

use super::Answer;
use crate::mail::address::Address;
use crate::mail::date::Timestamp;
use crate::mail::dsn::{EnvelopeId, OriginalRecipient};

/// Where header fields are folded, in octets (RFC 5322 §2.1.1).
const FOLD: usize = 76;

/// What happened to the recipients that a report names (RFC 3464 §2.3.3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Action {
    Failed,
    Delayed,
    Delivered,
    Relayed,
    Expanded,
}

/// What is told of one recipient.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) action: Action,
    pub(super) address: Address,
    pub(super) original: Option<OriginalRecipient>,
    pub(super) answer: Answer,
    /// The last attempt, in milliseconds since 1970.
    pub(super) tried: i64,
    /// When attempts end, if they go on.
    pub(super) until: Option<i64>,
}

/// A report without the message that comes back in it.
pub(super) struct Report<'a> {
    /// This server's name.
    pub(super) hostname: &'a str,
    /// Who is told.
    pub(super) to: &'a Address,
    /// When it is written.
    pub(super) now: Timestamp,
    /// When the message arrived, in milliseconds since 1970.
    pub(super) arrived: i64,
    /// When it was to be delivered (RFC 2852 §5), in milliseconds since 1970.
    pub(super) deliver_by: Option<i64>,
    /// ENVID.
    pub(super) envelope_id: Option<&'a EnvelopeId>,
    /// Whether addresses and what comes back may be in UTF-8 (RFC 6533).
    pub(super) utf8: bool,
    /// Whether all of the message comes back, or its header.
    pub(super) full: bool,
    /// About whom; not empty.
    pub(super) told: &'a [Told],
    /// Something that occurs nowhere else: of the Message-ID and of the boundary.
    pub(super) unique: &'a str,
}

impl Action {
    fn word(self) -> &'static str {
        match self {
            Action::Failed => "failed",
            Action::Delayed => "delayed",
            Action::Delivered => "delivered",
            Action::Relayed => "relayed",
            Action::Expanded => "expanded",
        }
    }

    fn subject(self) -> &'static str {
        match self {
            Action::Failed => "Undelivered mail returned to its sender",
            Action::Delayed => "Delayed mail (still being tried)",
            Action::Delivered | Action::Relayed | Action::Expanded => "Successful mail delivery report",
        }
    }

    /// For people.
    fn sentence(self) -> &'static str {
        match self {
            Action::Failed => "Your message could not be delivered to:",
            Action::Delayed => {
                "Your message has not been delivered yet to those below. You need not send it again:\r\n\
                 it is tried again until the time that is told below."
            }
            Action::Delivered => "Your message was delivered to:",
            Action::Expanded => {
                "Your message was sent on to all that are behind the address below. Whether it reaches them\r\n\
                 is not reported:"
            }
            Action::Relayed => {
                "Your message was handed on to the servers of those below, which send no notice when it\r\n\
                 is delivered:"
            }
        }
    }
}

impl Report<'_> {
    /// What stands in front of the message that comes back, Return-Path first (of so many octets).
    pub(super) fn head(&self) -> (String, usize) {
        let return_path = "Return-Path: <>\r\n";
        let mut text = return_path.to_owned();
        self.fields(&mut text);
        self.people(&mut text);
        self.machines(&mut text);
        let kind = match (self.full, self.utf8) {
            (true, false) => "message/rfc822",
            (true, true) => "message/global",
            (false, false) => "text/rfc822-headers",
            (false, true) => "message/global-headers",
        };
        self.part(&mut text, kind, true);
        (text, return_path.len())
    }

    /// What stands behind it.
    pub(super) fn tail(&self) -> String {
        format!("\r\n--{}--\r\n", self.unique)
    }

    fn fields(&self, text: &mut String) {
        let first = self.told.iter().map(|told| told.action).min().unwrap_or(Action::Failed);
        for (name, value) in [
            ("Date", self.now.to_rfc5322()),
            (
                "From",
                format!("Mail Delivery System <MAILER-DAEMON@{}>", self.hostname),
            ),
            ("To", self.written(self.to)),
            ("Subject", first.subject().to_owned()),
            ("Message-ID", format!("<{}@{}>", self.unique, self.hostname)),
            // RFC 3834 §5.
            ("Auto-Submitted", "auto-replied".to_owned()),
            ("MIME-Version", "1.0".to_owned()),
        ] {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!(
            "Content-Type: multipart/report; report-type={}delivery-status;\r\n\tboundary=\"{}\"\r\n",
            if self.utf8 { "global-" } else { "" },
            self.unique
        ));
    }

    /// The part for people.
    fn people(&self, text: &mut String) {
        self.part(text, "text/plain; charset=utf-8", true);
        text.push_str(&format!("This is the mail system at {}.\r\n", self.hostname));
        let mut previous = None;
        for told in self.told {
            if previous.replace(told.action) != Some(told.action) {
                text.push_str(&format!("\r\n{}\r\n", told.action.sentence()));
            }
            text.push_str(&format!("\r\n    {}\r\n", self.written(&told.address)));
            let said = match &told.answer.host {
                Some(host) => format!("{host} said: {}", told.answer.text()),
                None => told.answer.text().to_owned(),
            };
            if !said.is_empty() {
                folded(text, "        ", &said, "        ");
            }
            if let Some(until) = told.until {
                text.push_str(&format!("        tried again until {}\r\n", date(until)));
            }
        }
        text.push_str("\r\nWhat follows is for programs, then ");
        text.push_str(match self.full {
            true => "your message.\r\n",
            false => "the header of your message.\r\n",
        });
    }

    /// The part for programs: fields of the message, then those of each recipient (RFC 3464 §2.1).
    fn machines(&self, text: &mut String) {
        let kind = match self.utf8 {
            true => "message/global-delivery-status",
            false => "message/delivery-status",
        };
        self.part(text, kind, self.utf8);
        let mut field = |name: &str, value: &str| folded(text, &format!("{name}: "), value, "\t");
        field("Reporting-MTA", &format!("dns; {}", self.hostname));
        if let Some(id) = self.envelope_id {
            field("Original-Envelope-Id", &id.decoded());
        }
        field("Arrival-Date", &date(self.arrived));
        if let Some(moment) = self.deliver_by {
            field("Deliver-By-Date", &date(moment));
        }
        for told in self.told {
            field("", "");
            if let Some(original) = &told.original {
                let decoded = original.decoded();
                // What ASCII cannot say goes as RFC 6533 §3 writes it, which is how it came.
                match self.utf8 || decoded.is_ascii() {
                    true => field("Original-Recipient", &decoded),
                    false => field("Original-Recipient", &self.ascii(&original.to_string())),
                }
            }
            let kind = match told.address.to_ascii().is_none() {
                true => "utf-8",
                false => "rfc822",
            };
            field("Final-Recipient", &format!("{kind}; {}", self.written(&told.address)));
            field("Action", told.action.word());
            field("Status", &told.answer.status.to_string());
            if let Some(host) = &told.answer.host {
                field("Remote-MTA", &format!("dns; {}", self.ascii(&server_name(host))));
                field("Diagnostic-Code", &format!("smtp; {}", self.ascii(told.answer.text())));
            }
            field("Last-Attempt-Date", &date(told.tried));
            if let Some(until) = told.until {
                field("Will-Retry-Until", &date(until));
            }
        }
    }

    /// Begins a part.
    fn part(&self, text: &mut String, kind: &str, octets: bool) {
        let encoding = if octets {
            "Content-Transfer-Encoding: 8bit\r\n"
        } else {
            ""
        };
        text.push_str(&format!(
            "\r\n--{}\r\nContent-Type: {kind}\r\n{encoding}\r\n",
            self.unique
        ));
    }

    /// An address so that everybody can read it, if it can be.
    fn written(&self, address: &Address) -> String {
        match address.to_ascii() {
            Some(ascii) => ascii,
            None if self.utf8 => address.to_string(),
            // RFC 6533 §3.
            None => address
                .to_string()
                .chars()
                .map(|c| match c.is_ascii() {
                    true => c.to_string(),
                    false => format!("\\x{{{:X}}}", u32::from(c)),
                })
                .collect(),
        }
    }

    /// Text as it may stand in a field.
    fn ascii(&self, text: &str) -> String {
        let allowed = |c: char| c.is_ascii() || self.utf8;
        text.chars().map(|c| if allowed(c) { c } else { '?' }).collect()
    }
}

/// A server as `mta-name-type` dns has it (RFC 3464 §2.1.1): an address in brackets.
fn server_name(host: &str) -> String {
    match host.parse() {
        Ok(IpAddr::V4(address)) => format!("[{address}]"),
        Ok(IpAddr::V6(address)) => format!("[IPv6:{address}]"),
        Err(_) => host.to_owned(),
    }
}

/// A line, broken at its spaces where it is too long. Nothing at all is an empty line.
fn folded(text: &mut String, start: &str, value: &str, indent: &str) {
    if value.is_empty() {
        return text.push_str("\r\n");
    }
    text.push_str(start);
    let mut length = start.len();
    for (index, word) in value.split(' ').filter(|word| !word.is_empty()).enumerate() {
        if index > 0 && length + 1 + word.len() > FOLD {
            // Infallible: a string grows.
            let _ = write!(text, "\r\n{indent}");
            length = indent.len();
        } else if index > 0 {
            text.push(' ');
            length += 1;
        }
        text.push_str(word);
        length += word.len();
    }
    text.push_str("\r\n");
}

fn date(milliseconds: i64) -> String {
    Timestamp::in_local_zone(milliseconds.div_euclid(1000)).to_rfc5322()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::dsn::Status;

    const NOON: i64 = 880_127_706_000;

    fn told(action: Action, address: &str, status: Status, host: Option<&str>, text: &str) -> Told {
        Told {
            action,
            address: Address::parse(address).unwrap(),
            original: None,
            answer: Answer::new(host.map(str::to_owned), status, text),
            tried: NOON,
            until: None,
        }
    }

    fn written(told: &[Told], to: &str, id: Option<&str>, utf8: bool, full: bool) -> String {
        let to = Address::parse(to).unwrap();
        let id = id.map(|id| id.parse().unwrap());
        let report = Report {
            hostname: "cs.utk.edu",
            to: &to,
            now: Timestamp::in_local_zone(NOON / 1000),
            arrived: NOON,
            deliver_by: None,
            envelope_id: id.as_ref(),
            utf8,
            full,
            told,
            unique: "unique",
        };
        let (head, skip) = report.head();
        assert_eq!(&head[..skip], "Return-Path: <>\r\n");
        let text = head + "X: y\r\n" + &report.tail();
        for line in text.split_inclusive("\r\n") {
            assert!(
                line.ends_with("\r\n") && line.len() <= 1000 && !line.trim_end_matches("\r\n").contains(['\r', '\n'])
            );
        }
        text
    }

    /// The fields of the part for programs.
    fn status_part(text: &str) -> &str {
        let (_, rest) = text.split_once("delivery-status\r\n").unwrap();
        let (_, rest) = rest.split_once("delivery-status\r\n").map_or(("", rest), |both| both);
        rest.split_once("\r\n--unique").unwrap().0
    }

    /// What RFC 3464 Appendix E.1 shows, with what this server always tells in addition.
    #[test]
    fn a_failure_as_in_the_examples() {
        let answer = "550 'arathib@vnet.IBM.COM' is not a registered gateway user";
        let mut failed = told(
            Action::Failed,
            "arathib@vnet.ibm.com",
            Status::new(5, 0, 0),
            Some("vnet.IBM.COM"),
            answer,
        );
        failed.original = Some("rfc822;arathib@vnet.IBM.COM".parse().unwrap());
        let date = date(NOON);
        let text = written(&[failed], "owner-info-mime@cs.utk.edu", Some("QQ314159"), false, false);
        assert_eq!(
            status_part(&text),
            format!(
                "\r\nReporting-MTA: dns; cs.utk.edu\r\nOriginal-Envelope-Id: QQ314159\r\nArrival-Date: {date}\r\n\r\n\
                 Original-Recipient: rfc822;arathib@vnet.IBM.COM\r\nFinal-Recipient: rfc822; arathib@vnet.ibm.com\r\n\
                 Action: failed\r\nStatus: 5.0.0\r\nRemote-MTA: dns; vnet.IBM.COM\r\n\
                 Diagnostic-Code: smtp; 550 'arathib@vnet.IBM.COM' is not a registered\r\n\tgateway user\r\n\
                 Last-Attempt-Date: {date}\r\n"
            )
        );
        for part in [
            "From: Mail Delivery System <MAILER-DAEMON@cs.utk.edu>\r\nTo: owner-info-mime@cs.utk.edu\r\n",
            "Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"unique\"\r\n\r\n--unique\r\n",
            "\r\nYour message could not be delivered to:\r\n\r\n    arathib@vnet.ibm.com\r\n        vnet.IBM.COM said: 550",
            "\r\n--unique\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA",
            "\r\n--unique\r\nContent-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: 8bit\r\n\r\nX: y\r\n\r\n--unique--\r\n",
        ] {
            assert!(text.contains(part), "{part}\n-- is not in:\n{text}");
        }
    }

    /// RFC 3464 Appendix E.3 and E.4; RFC 3461 §10.3 and §10.4.
    #[test]
    fn delays_and_successes() {
        let mut delayed = told(
            Action::Delayed,
            "newsletter@example.net",
            Status::new(4, 4, 1),
            None,
            "no address of example.net answers",
        );
        delayed.until = Some(NOON + 86_400_000);
        let text = written(&[delayed], "a@example.org", None, false, false);
        let (now, later) = (date(NOON), date(NOON + 86_400_000));
        assert_eq!(
            status_part(&text),
            format!(
                "\r\nReporting-MTA: dns; cs.utk.edu\r\nArrival-Date: {now}\r\n\r\n\
                 Final-Recipient: rfc822; newsletter@example.net\r\nAction: delayed\r\nStatus: 4.4.1\r\n\
                 Last-Attempt-Date: {now}\r\nWill-Retry-Until: {later}\r\n"
            )
        );
        let both = [
            told(Action::Delivered, "b@example.org", Status::new(2, 1, 5), None, ""),
            told(
                Action::Relayed,
                "c@example.net",
                Status::new(2, 0, 0),
                Some("mx"),
                "250 ok",
            ),
        ];
        let text = written(&both, "a@example.org", None, false, true);
        let at = |part: &str| {
            text.find(part)
                .unwrap_or_else(|| panic!("{part}\n-- is not in:\n{text}"))
        };
        assert!(at("Action: delivered\r\nStatus: 2.1.5\r\n") < at("Action: relayed\r\nStatus: 2.0.0\r\n"));
        assert!(at("was delivered to:") < at("was handed on") && at("Content-Type: message/rfc822\r\n") > 0);
    }

    /// RFC 3464 §2.1.1.
    #[test]
    fn a_server_without_a_name_is_told_as_its_address() {
        for (host, name) in [
            ("mx.example.net", "mx.example.net"),
            ("192.0.2.1", "[192.0.2.1]"),
            ("2001:db8::1", "[IPv6:2001:db8::1]"),
        ] {
            assert_eq!(server_name(host), name);
        }
    }

    /// RFC 6533 §4 and §5.
    #[test]
    fn in_utf8_when_the_message_was() {
        let recipient = || {
            told(
                Action::Failed,
                "用户@例子.广告",
                Status::new(5, 1, 1),
                Some("mx"),
                "550 nein, dörte",
            )
        };
        let text = written(&[recipient()], "dörte@x.example", None, true, true);
        for part in [
            "To: dörte@x.example\r\n",
            "multipart/report; report-type=global-delivery-status;",
            "Content-Type: message/global-delivery-status\r\nContent-Transfer-Encoding: 8bit\r\n",
            "Final-Recipient: utf-8; 用户@例子.广告\r\n",
            "Diagnostic-Code: smtp; 550 nein, dörte\r\n",
            "Content-Type: message/global\r\n",
        ] {
            assert!(text.contains(part), "{part}\n-- is not in:\n{text}");
        }
        let text = written(&[recipient()], "a@x.example", None, false, false);
        assert!(status_part(&text).is_ascii() && text.contains("\nFinal-Recipient: utf-8; \\x{7528}"));
        let idn = told(Action::Failed, "a@sörensen.example", Status::new(5, 1, 1), None, "");
        let text = written(&[idn], "a@x.example", None, false, false);
        assert!(text.contains("Final-Recipient: rfc822; a@xn--srensen-90a.example\r\n"));
    }
}
