//! Reports of other servers about our domains that come by mail are delivered like all mail, and read besides, so that
//! somebody can look at them (RFC 7489 §7.2, RFC 8460 §5).
//!
//! Read is what comes to an address that the settings name, is not junk, and is about a domain of ours. One message is read
//! at a time, behind those that wait, and if too many wait, one is only delivered.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Delivery, Letter, Route};
use crate::accounts::{Accounts, Resolution};
use crate::mail::address::Address;
use crate::mail::envelope::ForwardPath;
use crate::mail::summary::{Content, Part};
use crate::mail::transfer::Transfer;
use crate::reports::received::{MAX_ATTACHMENT, read};
use crate::storage::reports::{Received, ReportStore, today};
use crate::storage::spool::Spooled;

/// Messages that wait to be read.
const WAITING: usize = 32;
/// Parts of a message that are looked at.
const MAX_PARTS: usize = 10;

/// Where what is to be read waits. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Inbox {
    /// Local parts, in lower case.
    addresses: std::sync::Arc<[String]>,
    waiting: mpsc::Sender<Spooled>,
}

/// Reads what waits.
pub struct Reading {
    waiting: mpsc::Receiver<Spooled>,
    accounts: Accounts,
    store: ReportStore,
}

impl Inbox {
    /// For these local parts.
    pub(super) fn new(addresses: &[String], accounts: Accounts, store: ReportStore) -> (Inbox, Reading) {
        let (sender, waiting) = mpsc::channel(WAITING);
        let inbox = Inbox {
            addresses: addresses.iter().map(|local| local.to_lowercase()).collect(),
            waiting: sender,
        };
        let reading = Reading {
            waiting,
            accounts,
            store,
        };
        (inbox, reading)
    }

    /// Whether somebody is to read a letter besides those who get it.
    fn is_for(&self, letter: &Letter) -> bool {
        let named = |address: &Address| {
            let local = address.local().to_lowercase();
            let base = local.split_once('+').map_or(&*local, |(base, _)| base);
            self.addresses.iter().any(|known| *known == local || known == base)
        };
        let mut routed = letter.envelope.recipients.iter().zip(&letter.routes);
        !letter.junk
            && routed.any(|(recipient, route)| match (&recipient.path, route) {
                (ForwardPath::Address(address), Route::Local(_) | Route::Forwarded(_)) => named(address),
                _ => false,
            })
    }
}

impl Delivery {
    /// A message was delivered.
    pub(super) fn to_be_read(&self, letter: &Letter, message: &Spooled) {
        if let Some(inbox) = &self.inbox
            && inbox.is_for(letter)
            && inbox.waiting.try_send(message.clone()).is_err()
        {
            tracing::warn!(id = %letter.id, "too many reports at once: one is delivered, and not read");
        }
    }
}

impl Reading {
    /// Reads until `shutdown`, and then what still waits.
    pub async fn run(mut self, shutdown: CancellationToken) {
        while let Some(Some(message)) = shutdown.run_until_cancelled(self.waiting.recv()).await {
            self.look_at(message).await;
        }
        while let Ok(message) = self.waiting.try_recv() {
            self.look_at(message).await;
        }
    }

    async fn look_at(&self, message: Spooled) {
        let found = tokio::task::spawn_blocking(move || report_in(&message)).await;
        match found.unwrap_or_else(|error| Err(io::Error::other(error))) {
            Ok(Some(report)) => {
                if let Err(error) = self.keep(&report).await {
                    tracing::error!(%error, "a report that came cannot be kept");
                }
            }
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "a report that came cannot be read"),
        }
    }

    async fn keep(&self, report: &Received) -> anyhow::Result<()> {
        let ours = match Address::new("postmaster", &report.domain) {
            Ok(address) => self.accounts.resolve(&address).await? != Resolution::Remote,
            Err(_) => false,
        };
        let (kind, domain, reporter) = (report.kind.as_str(), &report.domain, &report.reporter);
        if !ours {
            tracing::info!(
                kind,
                domain,
                reporter,
                "a report about a domain that is not ours is not kept"
            );
        } else if self.store.receive(today(), report).await? {
            tracing::info!(kind, domain, reporter, rows = report.rows.len(), "a report came");
        }
        Ok(())
    }
}

/// The first attachment that is a report. Blocking.
fn report_in(message: &Spooled) -> io::Result<Option<Received>> {
    let mut leaves = Vec::new();
    collect(&message.summary().root, &mut leaves);
    let mut file = File::open(message.path())?;
    for part in leaves {
        let length = part.body_end.saturating_sub(part.body_start);
        // base64 makes four octets of three, and line ends of some.
        if length > MAX_ATTACHMENT / 2 * 3 {
            continue;
        }
        file.seek(SeekFrom::Start(part.body_start))?;
        let mut encoded = Vec::new();
        (&mut file).take(length).read_to_end(&mut encoded)?;
        let (mut transfer, mut attachment) = (Transfer::new(&part.encoding), Vec::new());
        transfer.feed(&encoded, &mut attachment);
        transfer.finish(&mut attachment);
        if attachment.len() as u64 <= MAX_ATTACHMENT
            && let Some(report) = read(&attachment)
        {
            return Ok(Some(report));
        }
    }
    Ok(None)
}

/// What can hold a report: `application/gzip`, `application/zip`, `application/tlsrpt+json`, `text/xml`, and what else
/// reporters call them.
fn collect<'a>(part: &'a Part, leaves: &mut Vec<&'a Part>) {
    match &part.content {
        Content::Multipart(parts) => parts.iter().for_each(|part| collect(part, leaves)),
        Content::Leaf if leaves.len() < MAX_PARTS => {
            let is_candidate = part.media_type == b"APPLICATION" || part.subtype == b"XML";
            leaves.extend(is_candidate.then_some(part));
        }
        Content::Leaf | Content::Message(_) => {}
    }
}
