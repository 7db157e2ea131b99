//! The queue on disk: rows in `queue.db`, and the messages as files in the folder `queue`.
//!
//! Unlike the index this cannot be made again: a damaged file is an error at start, never put aside, and when the database
//! is missing the messages are kept, out of the way. Invariants: no row
//! without its file (file first, then row; row gone first, then file); what was written is durable when it is
//! acknowledged. Other processes (the command line) may write too: [`QueueStore::changed_elsewhere`] tells.

mod administer;
mod files;
mod read;
mod rows;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};

use super::database::StoreError;
use super::database::writer::Writer;

pub(crate) use administer::{Change, ChangeKind};
pub(crate) use files::Files;
pub(crate) use read::{Due, Totals};
pub(crate) use rows::{EntryRow, NewRows, RecipientChange, RecipientRow};

use writer::{Done, Work};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/queue");

/// The database in the data folder.
const DATABASE: &str = "queue.db";
/// The folder of the messages.
const FOLDER: &str = "queue";
/// Connections held for reading.
const READERS: u32 = 4;
/// Page cache of the writer and of each reader, in KiB.
const CACHE: &str = "-4096";
/// In place of a `data_version`, which is never negative.
const UNKNOWN: i64 = -1;

/// What came of writing outcomes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Settled {
    /// The entry has no recipients any more: its row is gone, and its file is to go.
    pub(crate) finished: bool,
    /// The reports were added. They are not when one of the recipients is gone: somebody dropped it, or the same was written
    /// before, by an attempt that did not get to know it.
    pub(crate) reported: bool,
}

/// The queue of a data folder. Cheap to clone.
#[derive(Clone)]
pub(crate) struct QueueStore {
    writer: Writer<Work>,
    /// `data_version` when it was last asked for.
    version: Arc<AtomicI64>,
    readers: SqlitePool,
    timeout: Duration,
    files: Files,
}

impl QueueStore {
    /// Opens the queue, or makes it.
    pub(crate) async fn open(data: &Path, timeout: Duration) -> anyhow::Result<QueueStore> {
        let (folder, known) = (data.join(FOLDER), data.join(DATABASE).exists());
        let files = tokio::task::spawn_blocking(move || Files::open(&folder, known)).await??;
        // What is acknowledged must survive a power cut: FULL syncs the log at each commit, which NORMAL does not.
        let options = SqliteConnectOptions::new()
            .filename(data.join(DATABASE))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(timeout)
            .foreign_keys(true)
            .pragma("cache_size", CACHE)
            .pragma("temp_store", "memory")
            .disable_statement_logging();
        let mut connection = options.connect().await?;
        // `run` does the same, but as a future that the compiler cannot prove to be `Send` when it is part of another one.
        MIGRATIONS.run_direct(None, &mut connection, false).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(timeout)
            .test_before_acquire(false)
            .connect_lazy_with(options.clone().read_only(true).create_if_missing(false));
        Ok(QueueStore {
            writer: Writer::start(connection, options, timeout),
            version: Arc::new(AtomicI64::new(UNKNOWN)),
            readers,
            timeout,
            files,
        })
    }

    /// Removes what a crash left: files of no entry.
    pub(crate) async fn remove_left(&self) -> anyhow::Result<()> {
        let files = self.files.clone();
        let ids = tokio::task::spawn_blocking(move || files.ids()).await??;
        let (files, left) = (self.files.clone(), self.strangers(ids).await?);
        tokio::task::spawn_blocking(move || left.into_iter().for_each(|id| files.remove(id))).await?;
        Ok(())
    }

    /// The messages.
    pub(crate) fn files(&self) -> &Files {
        &self.files
    }

    /// Adds entries, all or none. Their files are there.
    pub(crate) async fn put(&self, rows: Vec<NewRows>) -> Result<(), StoreError> {
        self.work(Work::Put(rows)).await.map(drop)
    }

    /// Writes what became of recipients of an entry, and adds entries (reports of it), all or nothing.
    pub(crate) async fn settle(
        &self,
        entry: i64,
        changes: Vec<RecipientChange>,
        reports: Vec<NewRows>,
    ) -> Result<Settled, StoreError> {
        match self.work(Work::Settle(entry, changes, reports)).await? {
            Done::Settled(settled) => Ok(settled),
            _ => Ok(Settled::default()),
        }
    }

    /// Whether another process has written since the last call.
    pub(crate) async fn changed_elsewhere(&self) -> Result<bool, StoreError> {
        match self.work(Work::Version).await? {
            Done::Version(version) => Ok(self.version.swap(version, Ordering::Relaxed) != version),
            _ => Ok(false),
        }
    }

    async fn work(&self, work: Work) -> Result<Done, StoreError> {
        let done = self.writer.work(work).await;
        if let Err(StoreError::Failed(_)) = &done {
            // Each connection counts for itself, and the writer may take another one now.
            self.version.store(UNKNOWN, Ordering::Relaxed);
        }
        done
    }

    /// Finishes what is under way and closes the file.
    pub(crate) async fn close(&self) {
        // In this order: the last one puts the log into the file.
        self.readers.close().await;
        self.writer.close().await;
    }
}
