//! What was found, as header fields in front of the message: Authentication-Results (RFC 8601) for programs, and the verdict
//! for people.
//!
//! Much of it was chosen by strangers: nothing of that can end a line, open a comment or begin a further result. Fields by
//! these names that come from outside are removed while the message arrives, if they speak in our name (RFC 8601 §5).

use std::fmt::Write;

use super::findings::{Findings, Outcome};
use super::verdict::Verdict;
use crate::config::Action;

/// The field that says in words why a message is where it is.
pub const VERDICT: &str = "X-Posthaste-Verdict";
/// The longest value of a stranger that is told.
const MAX_VALUE: usize = 255;

/// Both fields, folded, each with its line end.
pub(super) fn fields(hostname: &str, findings: &Findings, verdict: &Verdict) -> String {
    let mut text = format!("Authentication-Results: {}\r\n", results(hostname, findings));
    if verdict.action > Action::Accept {
        let word = match verdict.action {
            Action::Accept => "accept",
            Action::Junk => "junk",
            Action::Tempfail => "tempfail",
            Action::Reject => "reject",
        };
        let _ = write!(text, "{VERDICT}: {word}");
        for (_, reason) in &verdict.reasons {
            let _ = write!(text, ";\r\n\t{reason}");
        }
        text.push_str("\r\n");
    }
    text
}

/// What Authentication-Results says, folded (RFC 8601 §2.2).
pub(super) fn results(hostname: &str, findings: &Findings) -> String {
    let client = &findings.client;
    let mut all: Vec<String> = Vec::new();
    if !client.hidden {
        let mut reverse = format!("iprev={}", client.reverse.outcome);
        if let Some(name) = &client.reverse.name {
            let _ = write!(reverse, " smtp.remote-name={}", value(name));
        }
        all.push(reverse);
        if !client.hello.domain.is_empty() {
            all.push(format!(
                "spf={} smtp.helo={}",
                client.hello.outcome,
                value(&client.hello.domain)
            ));
        }
        if client.mail_from.domain != client.hello.domain {
            all.push(format!(
                "spf={} smtp.mailfrom={}",
                client.mail_from.outcome,
                value(&client.mail_from.domain)
            ));
        }
    }
    if findings.dkim.is_empty() {
        all.push("dkim=none".to_owned());
    }
    for dkim in &findings.dkim {
        let mut result = format!("dkim={}", dkim.outcome);
        if let Some(reason) = &dkim.reason {
            let _ = write!(result, " reason=\"{}\"", plain(reason));
        }
        for (name, text) in [
            ("header.d", dkim.domain.as_str()),
            ("header.s", &dkim.selector),
            ("header.a", dkim.algorithm),
            ("header.b", &dkim.mark),
        ] {
            if !text.is_empty() {
                let _ = write!(result, " {name}={}", value(text));
            }
        }
        all.push(result);
    }
    if findings.arc.outcome != Outcome::None {
        all.push(format!("arc={}", findings.arc.outcome));
    }
    let dmarc = &findings.dmarc;
    let mut result = match client.hidden && dmarc.outcome != Outcome::Pass {
        // Half of it is not known.
        true => "dmarc=none reason=\"the sender's address is not known\"".to_owned(),
        false => format!("dmarc={}", dmarc.outcome),
    };
    if !dmarc.domain.is_empty() {
        let _ = write!(result, " header.from={}", value(&dmarc.domain));
    }
    if matches!(dmarc.outcome, Outcome::Pass | Outcome::Fail) {
        let _ = write!(result, " policy.dmarc={}", dmarc.policy.as_str());
    }
    all.push(result);
    format!("{hostname};\r\n\t{}", all.join(";\r\n\t"))
}

/// A `pvalue` (RFC 8601 §2.2): as it is if it can be, else in quotes.
fn value(text: &str) -> String {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b".-_+/@".contains(&byte);
    match !text.is_empty() && text.len() <= MAX_VALUE && text.bytes().all(token) {
        true => text.to_owned(),
        false => format!("\"{}\"", plain(text)),
    }
}

/// What may stand between quotes.
fn plain(text: &str) -> String {
    text.chars()
        .filter(|c| (c.is_ascii_graphic() || *c == ' ') && !matches!(c, '"' | '\\'))
        .take(MAX_VALUE)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::findings::{Client, Dkim, Dmarc, Policy, Reverse, Spf};
    use super::super::verdict::Reason;
    use super::*;

    #[test]
    fn as_they_stand_in_the_file() {
        let spf = |outcome, domain: &str| Spf {
            outcome,
            domain: domain.to_owned(),
        };
        let findings = Findings {
            client: Client {
                hello: spf(Outcome::None, "mail.example.net"),
                mail_from: spf(Outcome::Pass, "example.net"),
                reverse: Reverse {
                    outcome: Outcome::Pass,
                    name: Some("mail.example.net".to_owned()),
                },
                ..Client::default()
            },
            dkim: vec![Dkim {
                outcome: Outcome::Fail,
                reason: Some("a \"b\"\r\nc".to_owned()),
                domain: "x;\r\nspf=pass y".to_owned(),
                selector: "s".to_owned(),
                algorithm: "rsa-sha256",
                mark: "abc/+123".to_owned(),
            }],
            dmarc: Dmarc {
                outcome: Outcome::Fail,
                domain: "example.net".to_owned(),
                policy: Policy::Quarantine,
                ..Dmarc::default()
            },
            ..Findings::default()
        };
        let verdict = Verdict {
            action: Action::Junk,
            reasons: vec![
                (Action::Junk, Reason::Dmarc(Policy::Quarantine)),
                (Action::Junk, Reason::Listed("bl.example".to_owned())),
            ],
        };
        assert_eq!(
            fields("mx.example.org", &findings, &verdict),
            "Authentication-Results: mx.example.org;\r\n\
             \tiprev=pass smtp.remote-name=mail.example.net;\r\n\
             \tspf=none smtp.helo=mail.example.net;\r\n\
             \tspf=pass smtp.mailfrom=example.net;\r\n\
             \tdkim=fail reason=\"a bc\" header.d=\"x;spf=pass y\" header.s=s header.a=rsa-sha256 header.b=abc/+123;\r\n\
             \tdmarc=fail header.from=example.net policy.dmarc=quarantine\r\n\
             X-Posthaste-Verdict: junk;\r\n\
             \tnot proven to be from its author's domain, which wants it suspected (DMARC);\r\n\
             \tthe sending server is listed by bl.example\r\n"
        );
    }
}
