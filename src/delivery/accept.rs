//! Taking a complete message: spooled, appended to the INBOX of each recipient, reported.
//!
//! All or not yet: when one recipient's copy fails, the whole message is refused for the time being, although others may
//! have theirs by then and will get a second one when the client tries again. SMTP has one reply for all recipients behind
//! DATA (RFC 5321 §4.2.5), and of losing a message and doubling one, doubling is the smaller harm (RFC 5321 §6.1, RFC 1047).
//! To make it rare, every INBOX is opened before anything is appended to the first.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use tokio::task::JoinSet;
use tracing::Instrument;

use super::{Delivery, Error};
use crate::accounts::Account;
use crate::mail::envelope::Envelope;
use crate::mail::flags::FlagList;
use crate::mail::ids::SessionId;
use crate::mail::mailbox_name::MailboxName;
use crate::mailbox::{Mailbox, NewMessage, Notice};
use crate::storage::spool::{Incoming, Spooled};

/// Copies of one message that are made durable at the same time.
const CONCURRENT_COPIES: usize = 16;

/// Recipients that the log line of a delivery names; more are only counted.
const LOGGED_RECIPIENTS: usize = 10;

/// A message that is complete, but for its bytes.
#[derive(Clone, Debug)]
pub struct Letter {
    /// As Received names it.
    pub id: String,
    /// From whom and to whom.
    pub envelope: Envelope,
    /// The accounts that the forward-paths stand for, each once.
    pub recipients: Vec<Account>,
    /// When its last byte arrived.
    pub ended: Instant,
}

/// One message delivered, for whoever watches (the demo, the log).
#[derive(Clone, Debug)]
pub struct Report {
    /// Reverse-path; empty for the null path.
    pub from: String,
    /// Recipients.
    pub to: Vec<String>,
    /// Octets.
    pub size: u64,
    /// From the final dot until the last copy was durable.
    pub durable: Duration,
    /// One for each mailbox.
    pub notices: Vec<Arc<Notice>>,
}

impl Delivery {
    /// Delivers to every recipient. Returns when every copy is durable; runs to its end even when the caller is dropped.
    pub async fn accept(&self, letter: Letter, incoming: Incoming) -> Result<(), Error> {
        let delivery = self.clone();
        let work = async move { delivery.deliver(letter, incoming).await };
        tokio::spawn(work.in_current_span()).await.map_err(crashed)?
    }

    async fn deliver(&self, letter: Letter, incoming: Incoming) -> Result<(), Error> {
        let message = incoming.finish().await?;
        let mut inboxes = Vec::with_capacity(letter.recipients.len());
        for account in &letter.recipients {
            let mailboxes = self.mailboxes.account(&account.address).await?;
            inboxes.push(mailboxes.open(&MailboxName::inbox()).await?);
        }
        let notices = append_to_all(inboxes, &message).await?;
        let report = Report {
            from: letter.envelope.reverse_path.to_string(),
            to: letter.envelope.forward_paths.iter().map(ToString::to_string).collect(),
            size: message.size(),
            durable: letter.ended.elapsed(),
            notices,
        };
        tracing::info!(
            id = letter.id,
            from = report.from,
            to = report.to.get(..LOGGED_RECIPIENTS).unwrap_or(&report.to).join(","),
            recipients = report.to.len(),
            size = report.size,
            durable_ms = report.durable.as_secs_f64() * 1000.0,
            waiting = report.notices.iter().map(|notice| notice.waiting()).sum::<usize>(),
            "delivered"
        );
        // Nobody may be watching.
        let _ = self.reports.send(report);
        Ok(())
    }
}

/// Every copy is tried, whatever becomes of the others; the first failure is returned.
async fn append_to_all(inboxes: Vec<Arc<Mailbox>>, message: &Spooled) -> Result<Vec<Arc<Notice>>, Error> {
    let mut waiting = inboxes.into_iter();
    let mut running = JoinSet::new();
    let mut notices = Vec::new();
    let mut failure = None;
    loop {
        while running.len() < CONCURRENT_COPIES
            && let Some(inbox) = waiting.next()
        {
            running.spawn(append(inbox, message.clone()).in_current_span());
        }
        match running.join_next().await {
            None => break,
            Some(Ok(Ok(notice))) => notices.push(notice),
            Some(Ok(Err(error))) => failure = failure.or(Some(error)),
            Some(Err(error)) => failure = failure.or(Some(crashed(error))),
        }
    }
    failure.map_or(Ok(notices), Err)
}

async fn append(inbox: Arc<Mailbox>, spooled: Spooled) -> Result<Arc<Notice>, Error> {
    let message = NewMessage {
        spooled,
        flags: FlagList::default(),
        internal_date: None,
    };
    Ok(inbox.append(SessionId::NONE, vec![message]).await?.notice)
}

/// The task of a delivery was ended from outside or had a bug.
fn crashed(error: tokio::task::JoinError) -> Error {
    Error::Unavailable(anyhow!(error))
}
