//! Messages that rules send: replies of people who are away (RFC 5230 §5), rejections (RFC 5429 §2.2, RFC 8098), and what the
//! owner of a script that fails is told. Pure, but for the date and the Message-ID.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::delivery::trace;
use crate::mail::address::Address;
use crate::mail::date::Timestamp;
use crate::mail::encoded_word::{field, phrase};
use crate::mail::script_name::ScriptName;
use crate::sieve::Vacation;

/// Octets of base64 in a line (RFC 2045 §6.8).
const BASE64_LINE: usize = 76;
/// The longest line that is sent as it is (RFC 5322 §2.1.1).
const LONGEST_LINE: usize = 998;

/// A vacation reply.
pub(super) fn vacation(account: &Address, vacation: &Vacation, host: &str) -> String {
    let from = match &vacation.from {
        Some((Some(name), address)) => format!("{} <{}>", phrase(name), written(address)),
        Some((None, address)) => written(address),
        None => written(account),
    };
    let mut message = head(&from, &written(&vacation.to), &vacation.subject, host);
    if let Some((id, references)) = &vacation.references {
        message.push_str(&field("In-Reply-To", id));
        message.push_str(&field("References", references));
    }
    message.push_str("Auto-Submitted: auto-replied\r\nX-Auto-Response-Suppress: All\r\n");
    match vacation.mime {
        // The script brings the fields of an entity, which cannot add any to ours (RFC 5230 §4.4).
        true => {
            message.push_str("MIME-Version: 1.0\r\n");
            message.push_str(&entity(&vacation.reason));
        }
        false => message.push_str(&("MIME-Version: 1.0\r\n".to_owned() + &text(&vacation.reason))),
    }
    message
}

/// The sender is told that its message was refused, by a disposition notification (RFC 5429 §2.2.1, RFC 8098 §3).
pub(super) fn rejection(account: &Address, to: &Address, reason: &str, host: &str) -> String {
    let from = format!("Mail delivery <postmaster@{}>", account.domain());
    let boundary = format!("={:016x}=", rand::random::<u64>());
    let account = written(account);
    let mut message = head(&from, &written(to), "Your message was rejected", host);
    message.push_str("Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n");
    message.push_str(&format!(
        "Content-Type: multipart/report; report-type=disposition-notification;\r\n\tboundary=\"{boundary}\"\r\n\r\n"
    ));
    let told = format!("Your message to {account} was rejected by a rule of its recipient:\r\n\r\n{reason}\r\n");
    message.push_str(&format!("--{boundary}\r\n{}\r\n", text(&told)));
    message.push_str(&format!(
        "--{boundary}\r\nContent-Type: message/disposition-notification\r\n\r\n\
         Reporting-UA: {host}; Posthaste\r\n\
         Final-Recipient: rfc822; {account}\r\n\
         Disposition: automatic-action/MDN-sent-automatically; deleted\r\n\r\n\
         --{boundary}--\r\n"
    ));
    message
}

/// What the owner of a script that fails finds in the INBOX.
pub(super) fn failure(account: &Address, script: &ScriptName, why: &str, host: &str) -> String {
    let from = format!("Mail delivery <postmaster@{}>", account.domain());
    let mut message = head(&from, &written(account), "Your mail rules do not work", host);
    message.push_str("Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n");
    message.push_str(&text(&format!(
        "Your Sieve script \"{script}\" could not be run:\r\n\r\n    {why}\r\n\r\n\
         No mail is lost: what comes is kept in the INBOX as long as the script fails. Correct the script, or switch it off.\r\n\
         You are told this once for each version of the script.\r\n"
    )));
    message
}

/// The fields that every message has (RFC 5322 §3.6).
fn head(from: &str, to: &str, subject: &str, host: &str) -> String {
    format!(
        "From: {from}\r\nTo: {to}\r\n{}Date: {}\r\nMessage-ID: {}\r\n",
        field("Subject", subject),
        Timestamp::now().to_rfc5322(),
        trace::message_id(host)
    )
}

/// A text part: its fields, an empty line, the text.
fn text(text: &str) -> String {
    let text = crlf(text);
    let plain = text.is_ascii() && text.split("\r\n").all(|line| line.len() <= LONGEST_LINE) && !text.contains('\0');
    if plain {
        return format!("Content-Type: text/plain; charset=us-ascii\r\n\r\n{text}");
    }
    let mut part = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n".to_owned();
    let encoded = STANDARD.encode(text);
    for line in encoded.as_bytes().chunks(BASE64_LINE) {
        part.push_str(&String::from_utf8_lossy(line));
        part.push_str("\r\n");
    }
    part
}

/// An entity as a script gives it. Only fields that describe a body are taken from its header.
fn entity(source: &str) -> String {
    let source = crlf(source);
    let (header, body) = match source.split_once("\r\n\r\n") {
        Some((header, body)) => (header, body),
        None => ("", source.as_str()),
    };
    let block = format!("{header}\r\n");
    let mut entity = String::new();
    for field in crate::mail::header::fields(block.as_bytes()) {
        let name = field.name.to_ascii_lowercase();
        if name.starts_with(b"content-") && field.raw.is_ascii() {
            entity.push_str(&String::from_utf8_lossy(field.raw));
        }
    }
    entity + "\r\n" + body
}

/// With the line ends of mail, and without NUL.
fn crlf(text: &str) -> String {
    let mut lines = text
        .replace("\r\n", "\n")
        .replace(['\r', '\0'], " ")
        .replace('\n', "\r\n");
    if !lines.ends_with("\r\n") {
        lines.push_str("\r\n");
    }
    lines
}

/// With A-labels if it can be: then everybody can read it.
fn written(address: &Address) -> String {
    address.to_ascii().unwrap_or_else(|| address.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    fn reply(reason: &str, mime: bool) -> String {
        let away = Vacation {
            to: address("coyote@desert.example.org"),
            from: Some((Some("Road, \"Runner\"".to_owned()), address("rr@acme.example.com"))),
            subject: "Auto: h\u{fc}hu".to_owned(),
            reason: reason.to_owned(),
            mime,
            references: Some(("<a@b>".to_owned(), "<c@d> <a@b>".to_owned())),
        };
        vacation(&address("roadrunner@acme.example.com"), &away, "mx.acme.example.com")
    }

    #[test]
    fn vacation_replies() {
        let message = reply("I am away.\nReally.", false);
        for line in [
            "From: \"Road, \\\"Runner\\\"\" <rr@acme.example.com>\r\n",
            "To: coyote@desert.example.org\r\n",
            "Subject: =?utf-8?B?QXV0bzogaMO8aHU=?=\r\n",
            "In-Reply-To: <a@b>\r\nReferences: <c@d> <a@b>\r\n",
            "Auto-Submitted: auto-replied\r\n",
            "\r\n\r\nI am away.\r\nReally.\r\n",
        ] {
            assert!(message.contains(line), "{line}\n{message}");
        }
        assert!(reply("\u{fc}", false).ends_with("base64\r\n\r\nw7wNCg==\r\n"));
    }

    #[test]
    fn an_entity_of_a_script_describes_its_body_only() {
        let message = reply(
            "Content-Type: text/html\nBcc: everybody@example.org\n\n<p>x</p>\n",
            true,
        );
        assert!(
            message.ends_with("MIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n<p>x</p>\r\n"),
            "{message}"
        );
        assert!(!message.contains("Bcc"));
    }

    #[test]
    fn rejections() {
        let message = rejection(&address("a@x.test"), &address("b@y.test"), "go away", "mx.x.test");
        assert!(message.contains("report-type=disposition-notification") && message.contains("\r\n\r\ngo away\r\n"));
        assert!(message.contains("Final-Recipient: rfc822; a@x.test\r\n"));
    }
}
