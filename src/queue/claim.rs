//! An entry in the hands of a worker.

use std::hash::{Hash, Hasher};
use std::io::{Cursor, SeekFrom};
use std::sync::Arc;

use tokio::fs::File;
use tokio::io::{AsyncReadExt, Chain, Take};

use super::entry::Unreadable;
use super::{Destination, Entry, Queue, Recipient, Result, blocking, lock, now};
use crate::storage::queue::Due;

/// Recipients that are claimed together, as many as one transaction of SMTP carries for sure (RFC 5321 §4.5.3.1.8).
const MAX_RECIPIENTS: usize = 100;
/// Octets of a message that are read when it is opened.
const BEGINNING: u64 = 64 * 1024;

/// An entry with its recipients for one destination, for as long as this lives.
pub struct Claim {
    /// The message.
    pub entry: Arc<Entry>,
    /// Where it goes.
    pub destination: Destination,
    /// Its recipients there, at least one and at most 100.
    pub recipients: Vec<Recipient>,
    pub(super) lease: Lease,
}

/// The bytes of a message, as they are sent (without dots that SMTP adds).
pub type MessageReader = Chain<Cursor<Vec<u8>>, Take<File>>;

/// Keeps others off an entry.
pub(super) struct Lease {
    pub(super) queue: Queue,
    destination: Destination,
    entry: i64,
    /// Dropping it changes nothing any more.
    over: bool,
}

impl Queue {
    /// Takes what is due first for a destination; `None` when nothing is, or others have it.
    pub async fn claim(&self, destination: &Destination) -> Result<Option<Claim>> {
        let _one_at_a_time = self.claiming(destination).lock().await;
        loop {
            let offers = self.0.schedule.offers();
            let leased = self.leased(destination);
            let row = destination.as_row();
            let due = match self.0.store.due(row, now(), &leased, MAX_RECIPIENTS).await {
                Ok(Some(due)) => due,
                Ok(None) => {
                    self.look_again(destination).await;
                    return Ok(None);
                }
                Err(error) => {
                    self.look_later(destination);
                    return Err(error.into());
                }
            };
            let lease = self.lease(destination, due.entry.id);
            self.0.schedule.set(destination, due.next, offers);
            match Claim::new(due, destination, lease) {
                Ok(claim) => return Ok(Some(claim)),
                Err((error, lease)) => {
                    tracing::error!(%error, "passed over until the next start");
                    lease.keep();
                }
            }
        }
    }

    fn claiming(&self, destination: &Destination) -> &tokio::sync::Mutex<()> {
        let mut hasher = std::hash::DefaultHasher::new();
        destination.hash(&mut hasher);
        let [first, ..] = &self.0.claiming;
        let number = hasher.finish() as usize % self.0.claiming.len();
        self.0.claiming.get(number).unwrap_or(first)
    }

    /// Learns when a destination has something due next.
    async fn look_again(&self, destination: &Destination) {
        let offers = self.0.schedule.offers();
        let leased = self.leased(destination);
        match self.0.store.next_due(destination.as_row(), &leased).await {
            Ok(due) => self.0.schedule.set(destination, due, offers),
            Err(error) => {
                tracing::error!(%error, "the queue cannot be read");
                self.look_later(destination);
            }
        }
    }

    /// What could not be asked now is asked in a while.
    fn look_later(&self, destination: &Destination) {
        const PAUSE: i64 = 10_000;
        self.0
            .schedule
            .set(destination, Some(now() + PAUSE), self.0.schedule.offers());
    }

    fn leased(&self, destination: &Destination) -> Vec<i64> {
        lock(&self.0.leases).get(destination).cloned().unwrap_or_default()
    }

    fn lease(&self, destination: &Destination, entry: i64) -> Lease {
        lock(&self.0.leases).entry(destination.clone()).or_default().push(entry);
        Lease {
            queue: self.clone(),
            destination: destination.clone(),
            entry,
            over: false,
        }
    }
}

impl Claim {
    fn new(due: Due, destination: &Destination, lease: Lease) -> std::result::Result<Claim, (Unreadable, Lease)> {
        let read = Entry::from_row(due.entry).and_then(|entry| {
            let recipients = due.recipients.into_iter().map(|row| Recipient::from_row(entry.id, row));
            Ok((recipients.collect::<std::result::Result<_, _>>()?, entry))
        });
        match read {
            Ok((recipients, entry)) => Ok(Claim {
                entry: Arc::new(entry),
                destination: destination.clone(),
                recipients,
                lease,
            }),
            Err(error) => Err((error, lease)),
        }
    }

    /// Opens the message: the fields in front, then the file. Each call begins anew.
    pub async fn message(&self) -> Result<MessageReader> {
        let files = self.lease.queue.0.store.files().clone();
        let entry = self.entry.clone();
        // A small message is read here as a whole, and its reader waits for no other thread any more.
        let (file, beginning) = blocking(move || {
            use std::io::{Read, Seek};
            let mut file = files.read(entry.id)?;
            file.seek(SeekFrom::Start(entry.skip))?;
            let length = BEGINNING.min(entry.stored.saturating_sub(entry.skip)) as usize;
            let mut beginning = entry.header.clone();
            beginning.resize(entry.header.len() + length, 0);
            file.read_exact(beginning.get_mut(entry.header.len()..).unwrap_or_default())?;
            Ok((file, beginning))
        })
        .await?;
        let left = self.entry.size.saturating_sub(beginning.len() as u64);
        Ok(Cursor::new(beginning).chain(File::from_std(file).take(left)))
    }
}

impl Lease {
    /// What became of the entry is written. When it is `finished` there is nothing more to know of it.
    pub(super) async fn end(mut self, finished: bool) {
        self.give_back();
        self.over = true;
        if !finished {
            self.queue.look_again(&self.destination).await;
        }
    }

    fn give_back(&self) {
        let mut leases = lock(&self.queue.0.leases);
        if let Some(entries) = leases.get_mut(&self.destination) {
            entries.retain(|entry| *entry != self.entry);
            if entries.is_empty() {
                leases.remove(&self.destination);
            }
        }
    }

    /// Nobody gets the entry any more.
    fn keep(mut self) {
        self.over = true;
    }
}

impl Drop for Lease {
    /// What was not settled is due again.
    fn drop(&mut self) {
        if !self.over {
            self.give_back();
            self.queue.0.schedule.offer(&self.destination, now());
        }
    }
}
