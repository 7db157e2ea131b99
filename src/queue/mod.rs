//! The queue: mail that was accepted and is not delivered yet. Durable, at least once, nothing lost.
//!
//! **In.** [`Queue::enqueue`] returns when message and rows are on disk. From then on the queue owes the message to each of
//! its recipients, or its sender a report.
//!
//! **Out.** A worker waits in [`Queue::due`] for the [`Turn`] of a destination (the domain of recipients, or this server)
//! that has something due, of a [`Group`] that may be served, and takes it by [`Queue::claim`]: one entry with all its
//! recipients for that destination, for as long as the [`Claim`] lives. What became of each recipient goes into
//! [`Claim::settle`], which returns when it is durable; then the worker may go on with the next turn of the same group, on
//! the same connection, until there is none. Claims are known in memory only: after a kill everything that was not settled is due again, so a
//! message may arrive twice (RFC 5321 §6.1), and never not at all. A claim dropped without an outcome is due again too.
//!
//! **Reports.** When an outcome is to be told (RFC 3461 §5.2), the report is made and put into the queue, for this server,
//! by the transaction that takes the recipient out of it: it cannot be forgotten, nor be made twice. `delivery` takes
//! it from there as it takes all mail for this server. Nothing is ever reported to the null reverse-path.
//!
//! **When.** In memory is only when each destination has something due next; which entry that is, SQL decides. So memory
//! grows with destinations, not with messages. Another process may change the queue (`posthaste queue`): a look at
//! SQLite's `data_version` every second tells.
//!
//! RFC 5321 §4.5.4 (retries), RFC 3461, RFC 3464, RFC 6533 (reports), RFC 4865 (mail that is to wait).

pub mod administration;
mod claim;
mod entry;
mod group;
mod outcome;
mod report;
mod schedule;
mod settle;
mod tell;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::Context;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use crate::config;
use crate::mail::ids::AccountId;
use crate::storage::database::StoreError;
use crate::storage::queue::{NewRows, QueueStore, Totals};

use group::Groups;
use schedule::Schedule;

pub use claim::{Claim, MessageReader};
pub use entry::{Destination, Entry, NewEntry, NewRecipient, Recipient, RecipientId};
pub use group::Group;
pub use outcome::{Answer, Failure, Outcome};
pub use schedule::Turn;

/// How often it is looked whether another process has changed the queue.
const LOOK: Duration = Duration::from_secs(1);

/// Failures that are kept for whoever takes note of them.
const FAILURES: usize = 256;

/// Claims at a time, for different destinations.
const CLAIMS: usize = 16;

/// The queue of a server. Cheap to clone.
#[derive(Clone)]
pub struct Queue(Arc<Inner>);

/// Makes the fields that sign a report, each with its line end: of the file that it is in, from this octet on. None if it
/// cannot be signed; a report goes in any case.
pub type Sign = Box<dyn Fn(PathBuf, u64) -> Pin<Box<dyn Future<Output = String> + Send>> + Send + Sync>;

struct Inner {
    store: QueueStore,
    settings: config::Queue,
    /// This server's name, as reports tell it.
    hostname: String,
    schedule: Schedule,
    /// Entries that are claimed, by destination.
    leases: Mutex<HashMap<Destination, Vec<i64>>>,
    /// One claim at a time for a destination, or two would take the same entry.
    claiming: [tokio::sync::Mutex<()>; CLAIMS],
    totals: Mutex<Totals>,
    /// Recipients of an account's mail that failed for good, for whoever takes note of it.
    failures: broadcast::Sender<Failure>,
    /// What signs reports: keys are on the layer of the queue, so it is given.
    sign: OnceLock<Sign>,
}

/// Why the queue did not take a message or give one out. Always temporary.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk is full, or there is as much in the queue as there may be.
    #[error("no space left in the queue")]
    NoSpace(#[source] io::Error),
    /// A disk or the database failed.
    #[error("the queue is unavailable")]
    Unavailable(#[source] anyhow::Error),
}

/// What the queue works with.
pub type Result<T> = std::result::Result<T, Error>;

impl Queue {
    /// Opens `queue.db` and the folder `queue` in the data folder, and removes messages that a crash left of no entry.
    /// `routes`: which destinations share connections. `timeout`: how long the database may take for an answer.
    pub async fn open(
        data: &Path,
        settings: &config::Queue,
        routes: &[config::Route],
        hostname: &str,
        timeout: Duration,
    ) -> anyhow::Result<Queue> {
        let store = QueueStore::open(data, timeout).await?;
        store
            .remove_left()
            .await
            .context("cannot clear the folder of the queue")?;
        let queue = Queue(Arc::new(Inner {
            settings: settings.clone(),
            hostname: hostname.to_owned(),
            schedule: Schedule::new(Groups::new(routes)),
            leases: Mutex::default(),
            claiming: Default::default(),
            totals: Mutex::default(),
            failures: broadcast::Sender::new(FAILURES),
            sign: OnceLock::new(),
            store,
        }));
        queue.load().await?;
        Ok(queue)
    }

    /// This server's name, as it stands in what it writes.
    pub fn hostname(&self) -> &str {
        &self.0.hostname
    }

    /// Reports are signed from now on. The first that is given stays.
    pub fn sign_reports(&self, sign: Sign) {
        let _ = self.0.sign.set(sign);
    }

    /// Takes a message. Durable when it returns: the file, then the rows. On an error nothing was taken.
    pub async fn enqueue(&self, entry: NewEntry) -> Result<()> {
        self.enqueue_all(vec![entry]).await
    }

    /// Takes several, all or none: one message for recipients with different reverse-paths.
    pub async fn enqueue_all(&self, entries: Vec<NewEntry>) -> Result<()> {
        let now = now();
        let expire = self.0.settings.expire.get().as_millis() as i64;
        self.check_room(&entries)?;
        let rows: Vec<NewRows> = entries.iter().map(|entry| entry.rows(now, expire)).collect();
        let files = self.0.store.files().clone();
        blocking(move || {
            entries
                .iter()
                .try_for_each(|entry| files.link(entry.message.path(), &[entry.id]))
        })
        .await?;
        // When it is not known whether it was written the file stays: the next start removes it if nobody wants it.
        self.0.store.put(rows.clone()).await?;
        self.arrived(&rows);
        Ok(())
    }

    /// What was just written is known.
    fn arrived(&self, rows: &[NewRows]) {
        let mut totals = lock(&self.0.totals);
        for row in rows {
            totals.entries += 1;
            totals.octets += row.entry.size as u64;
            totals.recipients += row.recipients.len() as u64;
            for recipient in &row.recipients {
                let destination = Destination::from_row(&recipient.destination);
                self.0.schedule.offer(&destination, recipient.due);
            }
        }
    }

    fn check_room(&self, entries: &[NewEntry]) -> Result<()> {
        let totals = *lock(&self.0.totals);
        let octets: u64 = entries.iter().map(|entry| entry.message.size()).sum();
        let full = totals.entries + entries.len() as u64 > self.0.settings.max_messages
            || totals.octets.saturating_add(octets) > self.0.settings.max_size.get();
        match full {
            true => Err(Error::NoSpace(io::Error::other(
                "the queue holds as much as it may (queue.max_messages, queue.max_size)",
            ))),
            false => Ok(()),
        }
    }

    /// Recipients that an account has waiting, counted up to `most`.
    pub async fn waiting_of(&self, account: AccountId, most: u64) -> Result<u64> {
        Ok(self.0.store.waiting_of(account.0, most).await?)
    }

    /// Who shares connections with a destination.
    pub fn group(&self, destination: &Destination) -> Group {
        self.0.schedule.group(destination)
    }

    /// Waits until something is due for a destination of a group for which `may` says yes. It stays due until it is
    /// claimed. Dropping the future loses nothing.
    pub async fn due(&self, may: impl Fn(&Group) -> bool) -> Turn {
        self.0.schedule.due(may).await
    }

    /// The same for one group.
    pub async fn due_of(&self, group: &Group) -> Turn {
        self.0.schedule.due_of(group).await
    }

    /// The same, unless there is nothing now.
    pub fn due_now(&self, group: &Group) -> Option<Turn> {
        self.0.schedule.due_now(group)
    }

    /// Looks from time to time whether another process has changed the queue, until `shutdown`.
    pub async fn follow(&self, shutdown: CancellationToken) {
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
            match self.0.store.changed_elsewhere().await {
                Ok(false) => {}
                Ok(true) => {
                    if let Err(error) = self.load().await {
                        tracing::error!(%error, "the queue cannot be read");
                    }
                }
                Err(error) => tracing::error!(%error, "the queue cannot be read"),
            }
        }
    }

    /// Learns when each destination is due and how much there is.
    async fn load(&self) -> Result<()> {
        *lock(&self.0.totals) = self.0.store.totals().await?;
        for (destination, due) in self.0.store.destinations().await? {
            self.0.schedule.offer(&Destination::from_row(&destination), due);
        }
        Ok(())
    }

    /// Recipients of accounts' mail that fail for good from now on. Whoever lags misses some.
    pub fn failures(&self) -> broadcast::Receiver<Failure> {
        self.0.failures.subscribe()
    }

    /// Waits for what is being written and closes the database.
    pub async fn close(&self) {
        self.0.store.close().await;
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Error {
        match error {
            StoreError::NoSpace => Error::NoSpace(io::ErrorKind::StorageFull.into()),
            other => Error::Unavailable(other.into()),
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        use io::ErrorKind::{QuotaExceeded, StorageFull};
        match error.kind() {
            StorageFull | QuotaExceeded => Error::NoSpace(error),
            _ => Error::Unavailable(error.into()),
        }
    }
}

/// Does file work off the async threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Milliseconds since 1970.
fn now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |since| since.as_millis() as i64)
}

#[cfg(test)]
mod tests;
