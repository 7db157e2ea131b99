//! A message while it arrives, by DATA or by BDAT: streamed to disk behind its trace, and delivered when it is complete.
//!
//! Whatever goes wrong on the way, the message is read to its end and the client answered there: SMTP has no other place
//! for it. What of a refused message was on disk already is gone by then.

use std::fmt;
use std::time::Instant;

use super::Role;
use super::author;
use super::filters;
use super::header::{HeaderReader, Missing};
use super::judgement::{self, Judged};
use super::reply::Reply;
use super::session::{Session, State, Transaction};
use super::signature;
use super::tls_required;
use crate::delivery::trace::{self, Trace};
use crate::delivery::{self, Letter};
use crate::mail::date::Timestamp;
use crate::mail::handling::TlsWish;
use crate::mail::ids::QueueId;
use crate::storage::spool::Incoming;

/// Received fields behind which a message is taken to run in circles (RFC 5321 §6.3 wants at least 100).
const MAX_HOPS: usize = 100;

/// A message that is arriving.
pub(crate) struct Arrival {
    /// As Received and the log name it.
    id: QueueId,
    header: HeaderReader,
    /// Where its bytes go, or why it will be refused at its end.
    file: Result<Incoming, Reply>,
    /// Octets of our trace in front of it.
    trace: u64,
    /// Octets so far, as RFC 1870 §5 counts them: without our trace, and without dots that were stuffed.
    size: u64,
    max_size: u64,
    edited: Vec<u8>,
}

impl Arrival {
    /// Begins with the trace (RFC 5321 §4.4).
    pub(crate) async fn new(session: &Session, tx: &Transaction) -> Arrival {
        let config = &session.smtp.config;
        let now = Timestamp::now();
        let header = match session.state.role {
            Role::Lmtp => HeaderReader::of_received(None),
            Role::Receive => HeaderReader::of_received(Some(&config.hostname)),
            Role::Submission => {
                let missing = Missing {
                    date: Some(now.to_rfc5322()),
                    message_id: Some(trace::message_id(&config.hostname)),
                };
                HeaderReader::of_submitted(&config.hostname, missing, config.smtp.hide_client)
            }
        };
        let mut arrival = Arrival {
            id: QueueId::fresh(),
            header,
            file: Ok(session.smtp.delivery.begin()),
            trace: 0,
            size: 0,
            max_size: config.smtp.max_message_size.get(),
            edited: Vec::new(),
        };
        let hello = session.state.hello.as_ref();
        // Where somebody is at home is nobody's business who gets their mail; our log has it, by this id.
        let told = session.state.role != Role::Submission || !config.smtp.hide_client;
        let fields = Trace {
            client: told.then(|| {
                let name = hello.map_or("unknown", |hello| &hello.name);
                (name, session.connection.peer().ip())
            }),
            server: &config.hostname,
            protocol: protocol(&session.state, tx.envelope.smtputf8),
            tls: session.connection.tls(),
            id: arrival.id,
            recipient: match tx.envelope.recipients.as_slice() {
                [only] => Some(&only.path),
                _ => None,
            },
            priority: tx.envelope.handling.priority,
            at: now,
        }
        .to_string();
        arrival.trace = fields.len() as u64;
        arrival.write(fields.as_bytes()).await;
        arrival
    }

    /// The next bytes of the message.
    pub(crate) async fn take(&mut self, text: &[u8]) {
        self.size = self.size.saturating_add(text.len() as u64);
        if self.file.is_err() {
            return;
        }
        let mut edited = std::mem::take(&mut self.edited);
        let kept = match self.header.in_body() {
            true => text,
            false => {
                self.header.read(text, &mut edited);
                edited.as_slice()
            }
        };
        if self.size > self.max_size {
            self.refuse(Reply::TOO_LARGE);
        } else if self.header.hops() > MAX_HOPS {
            self.refuse(Reply::new(554, "5.4.6", "Too many hops, the message runs in circles"));
        }
        self.write(kept).await;
        edited.clear();
        self.edited = edited;
    }

    /// The message cannot be accepted. The first reason stands, and what is on disk goes.
    pub(crate) fn refuse(&mut self, reply: Reply) {
        if self.file.is_ok() {
            self.file = Err(reply);
        }
    }

    /// Why it cannot be accepted, as far as it has been seen.
    pub(crate) fn refusal(&self) -> Option<&Reply> {
        self.file.as_ref().err()
    }

    /// The message is complete: delivers it. The reply is the last; by LMTP, those of the other recipients are in front
    /// (RFC 2033 §4.2).
    pub(crate) async fn deliver(mut self, session: &mut Session, mut tx: Transaction) -> Reply {
        let ended = Instant::now();
        let mut last = Vec::new();
        self.header.end(&mut last);
        self.write(&last).await;
        if let Ok(message) = &self.file
            && let Err(refusal) = author::check(session, message).await
        {
            self.file = Err(refusal);
        }
        let mut judged = Judged::default();
        if let Ok(message) = self.file {
            self.file = match judgement::pass(&session.smtp.reports, &mut tx, &message).await {
                Ok(passed) => {
                    judged = passed;
                    filters::pass(session, &mut tx, &mut judged, self.id, message, self.trace).await
                }
                Err(refusal) => Err(refusal),
            };
        }
        if let Ok(message) = &self.file
            && self.header.has_tls_required()
            && tx.envelope.handling.tls == TlsWish::Usual
        {
            match message.beginning(tls_required::MAX_HEADER).await {
                Ok(beginning) if tls_required::is_no(&beginning) => tx.envelope.handling.tls = TlsWish::Optional,
                Ok(_) => {}
                Err(error) => self.file = Err(Reply::from(error)),
            }
        }
        // Binary parts are written otherwise before anybody has them, which no signature survives: so they are first.
        if session.state.role == Role::Submission && tx.binary {
            self.file = match self.file {
                Ok(message) => session.smtp.delivery.as_text(message).await.map_err(Reply::from),
                refused => refused,
            };
            tx.binary = false;
        }
        // Signed is what filters have made of it.
        if session.state.role == Role::Submission
            && let Ok(message) = &self.file
        {
            match signature::of(session, &tx, message).await {
                Ok(fields) => judged.fields.insert_str(0, &fields),
                Err(refusal) => self.file = Err(refusal),
            }
        }
        let letter = Letter {
            id: self.id,
            envelope: tx.envelope,
            routes: tx.routes,
            account: session.state.account.as_ref().map(|account| account.id),
            front: judged.fields.into_bytes(),
            junk: judged.junk,
            judged: judged.found,
            binary: tx.binary,
            ended,
        };
        let stands_for = letter.stands_for();
        let delivery = &session.smtp.delivery;
        let submitted = (letter.account, letter.routes.len() as u64);
        let relayed = letter.waits() || letter.routes.iter().any(|route| route.accounts().is_empty());
        let word = if relayed { "Queued" } else { "Delivered" };
        let delivered = || Reply::made(250, "2.0.0", format!("{word} as {}", self.id));
        let mut replies = match (self.file, session.state.role) {
            (Err(refusal), Role::Lmtp) => vec![refusal; stands_for.len()],
            (Err(refusal), _) => vec![refusal],
            (Ok(incoming), Role::Lmtp) => match delivery.accept_each(letter, incoming).await {
                Ok(outcomes) => of_each_path(&stands_for, outcomes, delivered()),
                Err(error) => vec![Reply::from(error); stands_for.len()],
            },
            (Ok(incoming), _) => match delivery.accept(letter, incoming).await {
                Ok(()) => {
                    if let (Some(account), recipients) = submitted {
                        session.smtp.allowances.submitted(account, recipients);
                    }
                    vec![delivered()]
                }
                Err(error) => vec![Reply::from(error)],
            },
        };
        for reply in &replies {
            match reply.code() {
                250 => session.forgive(),
                code => tracing::info!(id = %self.id, code, "message refused"),
            }
        }
        // Nobody is without a recipient here.
        let last = replies.pop().unwrap_or(Reply::NO_RECIPIENTS);
        for reply in &replies {
            session.answer_later(reply);
        }
        last
    }

    async fn write(&mut self, bytes: &[u8]) {
        if let Ok(file) = &mut self.file
            && let Err(error) = file.write(bytes).await
        {
            self.file = Err(Reply::from(error));
        }
    }
}

impl fmt::Debug for Arrival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arrival")
            .field("id", &self.id)
            .field("size", &self.size)
            .field("refusal", &self.refusal())
            .finish_non_exhaustive()
    }
}

/// What is said of each forward-path: that it was delivered to all accounts for which it stands, or why not to one of them.
/// Then the client will try it again, and of losing and doubling a message, doubling is the smaller harm.
fn of_each_path(stands_for: &[Vec<usize>], outcomes: Vec<Result<(), delivery::Error>>, delivered: Reply) -> Vec<Reply> {
    let failures: Vec<_> = outcomes
        .into_iter()
        .map(|outcome| outcome.err().map(Reply::from))
        .collect();
    let of = |accounts: &Vec<usize>| accounts.iter().find_map(|at| failures.get(*at).cloned().flatten());
    let replies = stands_for
        .iter()
        .map(|accounts| of(accounts).unwrap_or_else(|| delivered.clone()));
    replies.collect()
}

/// The protocol as Received names it (RFC 3848, RFC 6531 §4.3).
fn protocol(state: &State, smtputf8: bool) -> &'static str {
    if state.role == Role::Lmtp {
        return if smtputf8 { "UTF8LMTP" } else { "LMTP" };
    }
    let extended = state.hello.as_ref().is_some_and(|hello| hello.extended);
    match (smtputf8, extended, state.tls, state.account.is_some()) {
        (false, false, false, false) => "SMTP",
        (false, _, false, false) => "ESMTP",
        (false, _, true, false) => "ESMTPS",
        (false, _, false, true) => "ESMTPA",
        (false, _, true, true) => "ESMTPSA",
        (true, _, false, false) => "UTF8SMTP",
        (true, _, true, false) => "UTF8SMTPS",
        (true, _, false, true) => "UTF8SMTPA",
        (true, _, true, true) => "UTF8SMTPSA",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::Account;
    use crate::mail::address::Address;
    use crate::mail::ids::AccountId;
    use crate::smtp::session::Hello;

    #[test]
    fn the_protocol_as_received_names_it() {
        let account = Account {
            id: AccountId(1),
            address: Address::parse("a@example.org").unwrap(),
        };
        for (extended, tls, login, utf8, name) in [
            (false, false, false, false, "SMTP"),
            (true, false, false, false, "ESMTP"),
            (true, true, false, false, "ESMTPS"),
            (true, false, true, false, "ESMTPA"),
            (true, true, true, false, "ESMTPSA"),
            (true, false, false, true, "UTF8SMTP"),
            (true, true, true, true, "UTF8SMTPSA"),
        ] {
            let state = State {
                tls,
                account: login.then(|| account.clone()),
                hello: Some(Hello {
                    name: "x".to_owned(),
                    extended,
                }),
                ..State::new(Role::Submission)
            };
            assert_eq!(protocol(&state, utf8), name);
        }
    }
}
