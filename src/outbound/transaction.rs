//! One message to one server (RFC 5321 §3.3): MAIL, RCPT, DATA, and what becomes of each recipient.
//!
//! Parameters go to a server that offers their extensions only. DATA carries the message, never BDAT: nothing that we
//! accept needs it, and every server knows DATA. It is sent when a recipient was accepted, so that no message is ever sent
//! to nobody.
//!
//! What a server says decides: 2yz has the message, 5yz never will, and everything else, silence included, is for later.
//! Behind the final dot silence may also mean that it was taken: then it arrives twice rather than not (RFC 1047).

use std::time::Duration;

use tokio::io::AsyncReadExt;

use super::client::{Client, Stage, Trouble};
use super::reply::{NoReply, Reply};
use super::stuffing::Stuffing;
use crate::mail::address::Address;
use crate::mail::date::Timestamp;
use crate::mail::dsn::Status;
use crate::mail::envelope::BodyType;
use crate::mail::handling::{ByMode, Handling, Priority, TlsWish};
use crate::queue::{Answer, Claim, Entry, Outcome, Recipient, RecipientId};

/// Octets of a message read and sent at a time.
const PIECE: usize = 64 * 1024;
/// Recipients of one transaction, unless the server wants fewer (RFC 5321 §4.5.3.1.8: it must take so many).
const MAX_RECIPIENTS: usize = 100;
/// How long a server that closes while a message is sent may take to say why.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// What became of recipients.
#[derive(Default)]
pub(super) struct Report {
    /// Of those that are decided for this attempt.
    pub(super) outcomes: Vec<(RecipientId, Outcome)>,
    /// Why there is nothing to say of the others. Another server of the same domain may do better.
    pub(super) trouble: Option<Trouble>,
}

/// How the envelope is written for this server.
struct Written {
    mail: String,
    recipients: Vec<(RecipientId, String)>,
}

impl Client {
    /// Sends the message of a claim to these of its recipients.
    pub(super) async fn deliver(&mut self, claim: &Claim, recipients: &[Recipient]) -> Report {
        let mut report = Report::default();
        let written = match self.write_envelope(claim, recipients).await {
            Ok(written) => written,
            Err(answer) => {
                report.decide(recipients.iter().map(|one| one.id), |_| answer.outcome());
                return report;
            }
        };
        let most = self
            .offered
            .max_recipients
            .unwrap_or(MAX_RECIPIENTS)
            .min(MAX_RECIPIENTS);
        let mut left = written.recipients;
        while !left.is_empty() && report.trouble.is_none() {
            let batch: Vec<_> = left.drain(..left.len().min(most)).collect();
            let refused = self.transact(claim, &written.mail, &batch, &mut report).await;
            // Too many at once: the rest by a transaction of its own, as long as one of them gets through.
            match refused.len() < batch.len() && self.is_reusable() {
                true => left
                    .splice(0..0, refused.into_iter().map(|(recipient, _)| recipient))
                    .for_each(drop),
                false => report
                    .outcomes
                    .extend(refused.into_iter().map(|((id, _), reply)| (id, self.deferred(&reply)))),
            }
            if !self.is_reusable() && !left.is_empty() && report.trouble.is_none() {
                report.trouble = Some(Trouble::NoReply(Stage::Mail, NoReply::Closed));
            }
        }
        report
    }

    /// One transaction. Returns those that were too many for it.
    async fn transact(
        &mut self,
        claim: &Claim,
        mail: &str,
        batch: &[(RecipientId, String)],
        report: &mut Report,
    ) -> Vec<((RecipientId, String), Reply)> {
        self.transactions += 1;
        let (accepted, too_many) = match self.envelope(mail, batch, report).await {
            Ok(taken) => taken,
            Err(Trouble::Refused(Stage::Mail, reply)) if reply.is_permanent() => {
                report.decide(batch.iter().map(|one| one.0), |_| Outcome::Failed(self.answer(&reply)));
                return Vec::new();
            }
            Err(trouble) => {
                report.trouble = Some(trouble);
                return Vec::new();
            }
        };
        if !accepted.is_empty() {
            match self.data(claim).await {
                Ok(outcome) => report.decide(accepted.into_iter(), |_| outcome.clone()),
                Err(trouble) => report.trouble = Some(trouble),
            }
        }
        too_many
    }

    /// MAIL and RCPT, all at once if the server lets us (RFC 2920). Decides on recipients that were refused; returns those
    /// that were accepted, and those that were too many.
    async fn envelope(
        &mut self,
        mail: &str,
        batch: &[(RecipientId, String)],
        report: &mut Report,
    ) -> Result<(Vec<RecipientId>, Vec<((RecipientId, String), Reply)>), Trouble> {
        self.reset().await?;
        let pipelined = self.offered.pipelining;
        if pipelined {
            let group: String = batch.iter().fold(mail.to_owned(), |group, (_, rcpt)| group + rcpt);
            self.say(Stage::Mail, group.as_bytes()).await?;
        } else {
            self.say(Stage::Mail, mail.as_bytes()).await?;
        }
        let reply = self.reply(Stage::Mail).await?;
        self.open = reply.is_positive();
        if !reply.is_positive() {
            let mut unanswered = if pipelined { batch.len() } else { 0 };
            while unanswered > 0 && !self.broken {
                match self.reply(Stage::Rcpt).await {
                    // It need not stay to say it of each recipient, too.
                    Ok(_) | Err(Trouble::NoReply(_, NoReply::Closed | NoReply::Broken(_))) => unanswered -= 1,
                    // Perhaps it was the answer to something else.
                    Err(trouble) => return Err(trouble),
                }
            }
            return Err(Trouble::Refused(Stage::Mail, reply));
        }
        let (mut accepted, mut too_many) = (Vec::new(), Vec::new());
        for recipient in batch {
            if !pipelined {
                self.say(Stage::Rcpt, recipient.1.as_bytes()).await?;
            }
            let reply = self.reply(Stage::Rcpt).await?;
            match &reply {
                // About the session, and so about all that are left (RFC 5321 §3.8).
                _ if reply.is_closing() => return Err(Trouble::Refused(Stage::Rcpt, reply)),
                _ if reply.is_positive() => accepted.push(recipient.0),
                _ if is_too_many(&reply) => too_many.push((recipient.clone(), reply)),
                _ if reply.is_permanent() => report
                    .outcomes
                    .push((recipient.0, Outcome::Failed(self.answer(&reply)))),
                _ => report.outcomes.push((recipient.0, self.deferred(&reply))),
            }
        }
        Ok((accepted, too_many))
    }

    /// DATA, the message, and what the server says of it.
    async fn data(&mut self, claim: &Claim) -> Result<Outcome, Trouble> {
        // Before anything is promised.
        let mut message = match claim.message().await {
            Ok(message) => message,
            Err(error) => return Ok(self.unreadable(&error)),
        };
        let reply = self.ask(Stage::Data, "DATA").await?;
        match reply.code {
            354 => {}
            // Whatever it takes for done, it is not the message.
            200..400 => {
                self.broken = true;
                return Err(Trouble::NoReply(Stage::Data, NoReply::Rubbish));
            }
            _ => return Ok(self.outcome(&reply)),
        }
        let mut stuffing = Stuffing::default();
        let (mut piece, mut out) = (vec![0; PIECE], Vec::with_capacity(PIECE + PIECE / 8));
        let mut sent = 0;
        loop {
            let read = match message.read(&mut piece).await {
                Ok(0) if sent == claim.entry.size => break,
                // Ending it here would make a part pass for the whole.
                Ok(0) => return Ok(self.unreadable(&"shorter than it was")),
                Ok(read) => read,
                Err(error) => return Ok(self.unreadable(&error)),
            };
            sent += read as u64;
            if let Some(early) = self.unasked(Stage::Message).await {
                return Ok(self.interrupted(early));
            }
            out.clear();
            stuffing.put(&piece[..read], &mut out);
            if let Err(trouble) = self.say(Stage::Message, &out).await {
                return Ok(self.last_words(trouble).await);
            }
        }
        // Nobody can have taken what has not ended.
        if let Some(early) = self.unasked(Stage::Message).await {
            return Ok(self.interrupted(early));
        }
        out.clear();
        stuffing.finish(&mut out);
        if let Err(trouble) = self.say(Stage::Message, &out).await {
            return Ok(self.last_words(trouble).await);
        }
        Ok(match self.reply(Stage::End).await {
            Ok(reply) => {
                self.open = false;
                self.outcome(&reply)
            }
            Err(trouble) => self.lost(&trouble),
        })
    }

    /// What a server says while the message is sent may be that it does not want it, and nothing else. It does not get the
    /// rest, so the connection is of no more use.
    fn interrupted(&mut self, said: Result<Reply, Trouble>) -> Outcome {
        self.broken = true;
        match said {
            Ok(reply) if reply.is_positive() => self.lost(&Trouble::NoReply(Stage::Message, NoReply::Rubbish)),
            Ok(reply) => self.outcome(&reply),
            Err(trouble) => self.lost(&trouble),
        }
    }

    /// A server that closes in the middle of a message may have said why.
    async fn last_words(&mut self, trouble: Trouble) -> Outcome {
        match Reply::read(&mut self.connection, LAST_WORDS).await {
            Ok(reply) if !reply.is_positive() => self.outcome(&reply),
            _ => self.lost(&trouble),
        }
    }

    fn outcome(&self, reply: &Reply) -> Outcome {
        let answer = self.answer(reply);
        match reply.code / 100 {
            2 => Outcome::Relayed {
                answer,
                dsn: self.offered.dsn,
                deliver_by: self.offered.deliver_by.is_some(),
            },
            5 => Outcome::Failed(answer),
            _ => Outcome::Deferred { answer, retry: None },
        }
    }

    fn deferred(&self, reply: &Reply) -> Outcome {
        let mut answer = self.answer(reply);
        if is_too_many(reply) {
            answer.status = Status::new(4, 5, 3);
        }
        Outcome::Deferred { answer, retry: None }
    }

    /// Of what was sent, and nothing came back (RFC 3463 §3.5: bad connection).
    fn lost(&self, trouble: &Trouble) -> Outcome {
        Outcome::Deferred {
            answer: Answer::new(Some(self.host().to_owned()), Status::new(4, 4, 2), &trouble.to_string()),
            retry: None,
        }
    }

    /// The connection is in the middle of something, and must not be used again.
    fn unreadable(&mut self, cause: &dyn std::fmt::Display) -> Outcome {
        self.broken = true;
        tracing::error!(%cause, "a message in the queue cannot be read");
        Outcome::Deferred {
            answer: Answer::new(None, Status::new(4, 3, 0), "the message cannot be read here"),
            retry: None,
        }
    }

    /// A reply as the queue keeps it.
    pub(super) fn answer(&self, reply: &Reply) -> Answer {
        answer(self.host(), reply)
    }

    /// MAIL and RCPT for what this server offers; or why it cannot have this message at all.
    async fn write_envelope(&self, claim: &Claim, recipients: &[Recipient]) -> Result<Written, Refusal> {
        let (entry, offered) = (&claim.entry, &self.offered);
        if let Some(Some(limit)) = offered.size
            && entry.size > limit
        {
            return Err(Refusal(
                self.host().to_owned(),
                Status::new(5, 3, 4),
                "the message is too large for it",
            ));
        }
        self.keeps_time(entry)?;
        let eight_bit = entry.body == BodyType::EightBitMime;
        let mut utf8 = entry.smtputf8 && offered.smtputf8;
        let is_ascii = |address: &Address| address.to_ascii().is_some();
        // RFC 6531 §3.6: only what needs it is marked, for else servers behind this one would refuse it.
        if utf8
            && entry.reverse_path.address().is_none_or(is_ascii)
            && recipients.iter().all(|recipient| is_ascii(&recipient.address))
        {
            utf8 = scan(claim).await.is_ok_and(|found| found.header);
        }
        if eight_bit && !offered.eight_bit_mime || entry.smtputf8 && !offered.smtputf8 {
            let found = scan(claim).await.unwrap_or(Scan {
                header: true,
                body: true,
            });
            if found.header && entry.smtputf8 && !offered.smtputf8 {
                return Err(self.no_smtputf8());
            }
            // RFC 6152 §3: to convert it would break its signature.
            if (found.header || found.body) && !offered.eight_bit_mime {
                return Err(Refusal(
                    self.host().to_owned(),
                    Status::new(5, 6, 3),
                    "it takes no 8-bit messages",
                ));
            }
        }
        let path = |address: &Address| match utf8 {
            true => Some(address.to_string()),
            false => address.to_ascii(),
        };
        let sender = match entry.reverse_path.address() {
            None => String::new(),
            Some(address) => path(address).ok_or_else(|| self.no_smtputf8())?,
        };
        let mail = self.mail_command(entry, &sender, utf8);
        let recipients = recipients
            .iter()
            .map(|recipient| {
                let path = path(&recipient.address).ok_or_else(|| self.no_smtputf8())?;
                Ok((recipient.id, self.rcpt_command(recipient, &path)))
            })
            .collect::<Result<_, Refusal>>()?;
        Ok(Written { mail, recipients })
    }

    /// RFC 2852 §4.1.4: what is to be returned when its time is over goes to servers that do so.
    fn keeps_time(&self, entry: &Entry) -> Result<(), Refusal> {
        let Some(by) = entry.handling.by.filter(|by| by.mode == ByMode::Return) else {
            return Ok(());
        };
        let (status, why) = match self.offered.deliver_by {
            None => (Status::new(5, 3, 3), "it does not return mail that is late (DELIVERBY)"),
            Some(shortest) if by.seconds_left(now()) < shortest => {
                (Status::new(5, 4, 7), "it promises nothing in the time that is left")
            }
            Some(_) => return Ok(()),
        };
        Err(Refusal(self.host().to_owned(), status, why))
    }

    fn mail_command(&self, entry: &Entry, sender: &str, utf8: bool) -> String {
        let offered = &self.offered;
        let mut line = format!("MAIL FROM:<{sender}>");
        if offered.size.is_some() {
            line += &format!(" SIZE={}", entry.size);
        }
        if offered.eight_bit_mime && entry.body == BodyType::EightBitMime {
            line += " BODY=8BITMIME";
        }
        if utf8 {
            line += " SMTPUTF8";
        }
        let Handling { tls, priority, by } = entry.handling;
        if offered.requiretls && tls == TlsWish::Required && self.tls().is_some() {
            line += " REQUIRETLS";
        }
        if offered.mt_priority && priority != Priority::default() {
            line += &format!(" MT-PRIORITY={priority}");
        }
        if let Some(by) = by.filter(|_| offered.deliver_by.is_some()) {
            line += &format!(" BY={}", by.left(now()));
        }
        if offered.dsn {
            if let Some(ret) = entry.ret {
                line += &format!(" RET={ret}");
            }
            if let Some(id) = &entry.envelope_id {
                line += &format!(" ENVID={id}");
            }
        }
        line + "\r\n"
    }

    fn rcpt_command(&self, recipient: &Recipient, path: &str) -> String {
        let mut line = format!("RCPT TO:<{path}>");
        if self.offered.dsn {
            if let Some(notify) = recipient.notify {
                line += &format!(" NOTIFY={notify}");
            }
            if let Some(original) = &recipient.original {
                line += &format!(" ORCPT={original}");
            }
        }
        line + "\r\n"
    }

    fn no_smtputf8(&self) -> Refusal {
        Refusal(
            self.host().to_owned(),
            Status::new(5, 6, 7),
            "it takes no internationalised addresses (SMTPUTF8)",
        )
    }
}

impl Report {
    fn decide(&mut self, recipients: impl Iterator<Item = RecipientId>, outcome: impl Fn(RecipientId) -> Outcome) {
        self.outcomes.extend(recipients.map(|id| (id, outcome(id))));
    }
}

/// A server's reply as the queue keeps it.
pub(super) fn answer(host: &str, reply: &Reply) -> Answer {
    let status = reply.status.unwrap_or(Status::of_reply(reply.code));
    Answer::new(Some(host.to_owned()), status, &reply.to_string())
}

/// Host, status, and why it cannot have the message, which it was not asked.
struct Refusal(String, Status, &'static str);

impl Refusal {
    fn outcome(&self) -> Outcome {
        Outcome::Failed(Answer::new(None, self.1, &format!("{}: {}", self.0, self.2)))
    }
}

/// Whether a reply to RCPT says that the transaction has its recipients: 452, or as RFC 5321 §4.5.3.1.10 has it 552, which
/// is then not for ever. Other things that 552 says have a status of their own.
fn is_too_many(reply: &Reply) -> bool {
    let status = reply.status.map(|status| (status.subject, status.detail));
    match reply.code {
        452 => status == Some((5, 3)),
        552 => status.is_none_or(|status| status == (5, 3)),
        _ => false,
    }
}

/// Milliseconds since 1970.
fn now() -> i64 {
    Timestamp::now().seconds.saturating_mul(1000)
}

/// Where a message has octets beyond ASCII.
struct Scan {
    header: bool,
    body: bool,
}

async fn scan(claim: &Claim) -> crate::queue::Result<Scan> {
    let mut message = claim.message().await?;
    let (mut piece, mut found) = (
        vec![0; PIECE],
        Scan {
            header: false,
            body: false,
        },
    );
    // Line ends without anything between them: two end the header.
    // The header may be empty.
    let (mut ends, mut in_body) = (1, false);
    loop {
        let read = message.read(&mut piece).await?;
        if read == 0 {
            return Ok(found);
        }
        for byte in &piece[..read] {
            match byte {
                b'\n' => ends += 1,
                b'\r' => {}
                _ => ends = 0,
            }
            in_body |= ends == 2;
            match in_body {
                true => found.body |= !byte.is_ascii(),
                false => found.header |= !byte.is_ascii(),
            }
        }
        if found.body {
            return Ok(found);
        }
    }
}
