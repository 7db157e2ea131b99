//! Whether a message is answered by a vacation reply, and how (RFC 5230).

use super::Run;
use super::duplicate::key;
use crate::mail::address::Address;
use crate::mail::encoded_word::plain;
use crate::mail::mime;
use crate::sieve::outcome::{Action, Vacation, Why};
use crate::sieve::program;

/// Where an address of ours must stand for a message to be meant for us (RFC 5230 §4.5).
const RECIPIENTS: [&str; 6] = ["To", "Cc", "Bcc", "Resent-To", "Resent-Cc", "Resent-Bcc"];
/// Fields of mailing lists (RFC 2369 §3, RFC 2919 §2).
const LISTS: [&str; 7] = [
    "List-Id",
    "List-Help",
    "List-Subscribe",
    "List-Unsubscribe",
    "List-Post",
    "List-Owner",
    "List-Archive",
];
/// Octets of References that a reply has at most.
const REFERENCES: usize = 4096;

impl Run<'_> {
    /// `vacation`. Where an answer would be wrong, nothing is done.
    pub(super) fn vacation(&mut self, vacation: &program::Vacation) -> Result<(), Why> {
        if self.actions.iter().any(|action| matches!(action, Action::Vacation(_))) {
            return Err(Why::Vacations);
        }
        let reason = self.expand(&vacation.reason)?;
        let subject = vacation.subject.as_ref().map(|text| self.expand(text)).transpose()?;
        let from = vacation.from.as_ref().map(|text| self.expand(text)).transpose()?;
        let handle = vacation.handle.as_ref().map(|text| self.expand(text)).transpose()?;
        let sender = match &from {
            Some(text) => Some(program::named_address(text).ok_or(Why::Address)?),
            None => None,
        };
        let mut ours = self.expand_all(&vacation.addresses)?;
        ours.extend(
            self.input
                .addresses
                .iter()
                .chain(self.input.forward_paths)
                .map(Address::to_string),
        );
        let Some(to) = self.input.reverse_path.address() else {
            return Ok(());
        };
        let own = ours.iter().any(|address| address.eq_ignore_ascii_case(&to.to_string()));
        if own || is_robot(to.local()) || self.is_automatic()? || !self.is_for(&ours)? {
            return Ok(());
        }
        // RFC 5230 §4.2: replies that differ are different replies.
        let mime = if vacation.mime { "mime" } else { "" };
        let which = match &handle {
            Some(handle) => vec!["handle", handle],
            None => vec![
                "",
                &reason,
                subject.as_deref().unwrap_or(""),
                from.as_deref().unwrap_or(""),
                mime,
            ],
        };
        let peer = to.to_string().to_lowercase();
        let key = key("vacation", &[which.as_slice(), &[peer.as_str()]].concat());
        if self.remembers(&key) {
            return Ok(());
        }
        let reply = Vacation {
            to: to.clone(),
            from: sender,
            subject: match subject {
                Some(subject) => subject,
                None => self.automatic_subject()?,
            },
            reason,
            mime: vacation.mime,
            references: self.references()?,
        };
        self.remember(key, vacation.seconds);
        self.add(Action::Vacation(reply))
    }

    /// RFC 5230 §4.6, RFC 3834 §2: mail by programs, or for many.
    fn is_automatic(&mut self) -> Result<bool, Why> {
        for name in LISTS {
            if !self.raw_values(name, None)?.is_empty() {
                return Ok(true);
            }
        }
        let automatic = self.raw_values("Auto-Submitted", None)?.iter().any(|value| {
            let keyword = value.split(|byte| *byte == b';').next().unwrap_or_default();
            !keyword.trim_ascii().eq_ignore_ascii_case(b"no")
        });
        let bulk = self.raw_values("Precedence", None)?.iter().any(|value| {
            let known: [&[u8]; 3] = [b"bulk", b"list", b"junk"];
            known.iter().any(|known| value.eq_ignore_ascii_case(known))
        });
        // What Exchange and others write to say so.
        let suppressed = self.raw_values("X-Auto-Response-Suppress", None)?.iter().any(|value| {
            let value = plain(value).to_ascii_lowercase();
            value
                .split(',')
                .any(|word| matches!(word.trim(), "all" | "oof" | "autoreply"))
        });
        Ok(automatic || bulk || suppressed)
    }

    /// RFC 5230 §4.5: one of these addresses is among the recipients that the message names.
    fn is_for(&mut self, ours: &[String]) -> Result<bool, Why> {
        for name in RECIPIENTS {
            for value in self.raw_values(name, None)? {
                for address in mime::addresses(&value) {
                    let local = plain(&address.mailbox.unwrap_or_default());
                    let domain = plain(&address.host.unwrap_or_default());
                    let written = match Address::new(&local, &domain) {
                        Ok(address) => address.to_string(),
                        Err(_) => continue,
                    };
                    self.work(ours.len())?;
                    if ours.iter().any(|ours| ours.eq_ignore_ascii_case(&written)) {
                        return Ok(true);
                    }
                }
            }
        }
        Ok(false)
    }

    /// RFC 5230 §4.3: "Auto: " and the subject of the message.
    fn automatic_subject(&mut self) -> Result<String, Why> {
        let subject = self.values("Subject", None)?.into_iter().next().unwrap_or_default();
        Ok(match subject.trim() {
            "" => "Auto: your message".to_owned(),
            subject => format!("Auto: {subject}"),
        })
    }

    /// RFC 5230 §5.8, RFC 5322 §3.6.4.
    fn references(&mut self) -> Result<Option<(String, String)>, Why> {
        let first = |values: Vec<Vec<u8>>| {
            let value = plain(values.first().map_or(&[][..], Vec::as_slice));
            value.is_ascii().then_some(value).filter(|value| !value.is_empty())
        };
        let Some(id) = first(self.raw_values("Message-ID", None)?) else {
            return Ok(None);
        };
        let earlier = match first(self.raw_values("References", None)?) {
            Some(references) => Some(references),
            None => first(self.raw_values("In-Reply-To", None)?).filter(|ids| ids.matches('<').count() == 1),
        };
        let references = match earlier.filter(|ids| ids.len() <= REFERENCES) {
            Some(earlier) => format!("{earlier} {id}"),
            None => id.clone(),
        };
        Ok((id.len() <= REFERENCES).then_some((id, references)))
    }
}

/// RFC 5230 §4.6: names that programs and lists send from.
fn is_robot(local: &str) -> bool {
    let local = local.to_ascii_lowercase();
    let names = ["mailer-daemon", "listserv", "majordomo", "noreply", "no-reply"];
    names.contains(&local.as_str())
        || local.starts_with("owner-")
        || local.ends_with("-request")
        || local.ends_with("-owner")
        || local.ends_with("-bounces")
}
