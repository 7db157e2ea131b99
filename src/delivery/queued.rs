//! What the queue has for this server: reports, and mail that waited for its time.
//!
//! At least once by the queue, and once in the mailbox: the file of a message is named after entry, recipient and account,
//! so one that is there after a crash is not delivered again.

use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::{Delivery, Error, Letter, Resolved, Route, trace};
use crate::mail::dsn::Status;
use crate::mail::envelope::{self, Envelope, ForwardPath, ReversePath};
use crate::queue::{Answer, Claim, Destination, Group, Outcome, Recipient};
use crate::storage::spool::Spooled;

/// Octets of a message that are copied at once.
pub(super) const PIECE: usize = 64 * 1024;

impl Delivery {
    /// Delivers what the queue has for this server whenever it has something, until `shutdown`.
    pub async fn deliver_queued(&self, shutdown: CancellationToken) {
        while let Some(turn) = shutdown.run_until_cancelled(self.queue.due_of(&Group::Local)).await {
            let claim = self.queue.claim(&turn).await;
            drop(turn);
            let done = match claim {
                Ok(Some(claim)) => self.deliver_claim(claim).await,
                Ok(None) => Ok(()),
                Err(error) => Err(error.into()),
            };
            if let Err(cause) = done {
                tracing::error!(
                    cause = format!("{cause:#}"),
                    "mail of the queue cannot be delivered at the moment"
                );
            }
        }
    }

    async fn deliver_claim(&self, claim: Claim) -> anyhow::Result<()> {
        let message = self.spooled(&claim).await;
        let mut outcomes = Vec::with_capacity(claim.recipients.len());
        for recipient in &claim.recipients {
            let outcome = match &message {
                Ok(message) => self.deliver_one(&claim, recipient, message).await,
                Err(_) => Err(Error::Unavailable(anyhow::anyhow!("the message cannot be read"))),
            };
            outcomes.push((recipient.id, outcome.unwrap_or_else(deferred)));
        }
        claim.settle(outcomes).await?;
        message.map(drop).map_err(anyhow::Error::from)
    }

    /// The message as mailboxes have it, with Return-Path.
    async fn spooled(&self, claim: &Claim) -> Result<Spooled, Error> {
        use tokio::io::AsyncReadExt;
        let mut incoming = self.begin();
        incoming
            .write(trace::return_path(&claim.entry.reverse_path).as_bytes())
            .await?;
        let mut message = claim.message().await?;
        let mut piece = vec![0; PIECE];
        loop {
            let length = message.read(&mut piece).await?;
            if length == 0 {
                return Ok(incoming.finish().await?);
            }
            incoming.write(piece.get(..length).unwrap_or_default()).await?;
        }
    }

    async fn deliver_one(&self, claim: &Claim, recipient: &Recipient, message: &Spooled) -> Result<Outcome, Error> {
        if let Some(answer) = claim.entry.too_late() {
            return Ok(Outcome::Failed(answer));
        }
        let path = ForwardPath::Address(recipient.address.clone());
        let route = match self.resolve(&path).await? {
            Resolved::To(Route::Returned(_)) if claim.entry.reverse_path != ReversePath::Null => {
                return Ok(Outcome::Failed(ours(
                    Status::new(5, 7, 1),
                    "it takes nothing but reports",
                )));
            }
            Resolved::To(route) => route,
            Resolved::Remote => return Ok(Outcome::Rerouted(Destination::of(&recipient.address))),
            Resolved::Circular => {
                return Ok(Outcome::Failed(ours(
                    Status::new(5, 4, 6),
                    "the alias leads back to itself",
                )));
            }
            Resolved::Suppressed => {
                return Ok(Outcome::Failed(ours(
                    Status::new(5, 7, 1),
                    "it sends its mail to nobody",
                )));
            }
            Resolved::Unknown | Resolved::Forged => {
                return Ok(Outcome::Failed(ours(
                    Status::new(5, 1, 1),
                    "there is no such mailbox here",
                )));
            }
        };
        let accounts = route.accounts().to_vec();
        for account in &accounts {
            if !self.has_room(account, message.size()).await? {
                return Err(Error::OverQuota);
            }
        }
        let letter = letter(claim, recipient, route);
        match self.may_forward(&letter, message).await {
            Err(Error::Loop) => {
                return Ok(Outcome::Failed(ours(Status::new(5, 4, 6), "it runs in circles")));
            }
            other => other?,
        }
        for account in &accounts {
            let mut plan = self.plan(&letter, account, message).await?;
            plan.keep_if_nobody_can_be_told(&letter, message).await?;
            let name = format!("{}R{}A{}", claim.entry.id, recipient.id, account.id);
            plan.take_copies()
                .append_once(claim.entry.arrived / 1000, &name)
                .await?;
            self.carry_out(&letter, plan).await?;
        }
        self.to_be_read(&letter, message);
        if letter.goes_on() {
            let skip = trace::return_path(&letter.envelope.reverse_path).len() as u64;
            self.send_on(&letter, message, skip).await?;
            return Ok(Outcome::Forwarded(ours(Status::new(2, 1, 5), "")));
        }
        Ok(Outcome::Delivered(ours(Status::new(2, 1, 5), "")))
    }
}

/// As if it had just come, for the rules of these accounts.
fn letter(claim: &Claim, recipient: &Recipient, route: Route) -> Letter {
    let mut envelope = Envelope::new(claim.entry.reverse_path.clone());
    envelope.body = claim.entry.body;
    envelope.smtputf8 = claim.entry.smtputf8;
    envelope.handling = claim.entry.handling;
    envelope.ret = claim.entry.ret;
    envelope.envelope_id = claim.entry.envelope_id.clone();
    envelope.recipients = vec![envelope::Recipient {
        path: ForwardPath::Address(recipient.address.clone()),
        notify: recipient.notify,
        original: recipient.original.clone(),
    }];
    Letter {
        id: claim.entry.id,
        envelope,
        routes: vec![route],
        account: claim.entry.account,
        judged: None,
        front: Vec::new(),
        binary: false,
        junk: false,
        ended: Instant::now(),
    }
}

/// What stands in the way for the time being, as the sender may read it.
fn deferred(error: Error) -> Outcome {
    let answer = match &error {
        Error::OverQuota => ours(Status::new(4, 2, 2), "the mailbox is full"),
        Error::NoSpace(_) => ours(Status::new(4, 3, 1), "no space left"),
        // What the queue has was looked at when it came in.
        Error::Unavailable(_) | Error::Malformed | Error::TooLarge | Error::Rejected(_) | Error::Junk | Error::Loop => {
            ours(Status::new(4, 3, 0), "storage failed")
        }
    };
    tracing::warn!(cause = format!("{:#}", anyhow::Error::from(error)), "not delivered yet");
    Outcome::Deferred { answer, retry: None }
}

fn ours(status: Status, text: &str) -> Answer {
    Answer::new(None, status, text)
}
