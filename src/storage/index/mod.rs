//! The index: what makes the Maildirs fast. One SQLite file, one writer, a few readers.
//!
//! Everything here can be made again from the Maildirs, so a damaged file is put aside and a new one begun. Mailboxes are
//! known by account and UIDVALIDITY, never by name. What is written is a [`Commit`]: all of one change of one mailbox; several
//! travel in one transaction, and the writer puts the transactions of many callers into one.

mod commit;
mod packed;
mod read;
mod writer;

pub(crate) use commit::{Commit, SummarySource};
pub(crate) use read::{Entry, MailboxRow};

use super::database::StoreError;
use super::database::writer::Writer;
use super::reserve::Reserve;
use crate::mail::ids::{MailboxId, Uid, UidValidity};
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use writer::{Done, Work};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/index");

/// Connections held for reading.
const READERS: u32 = 4;
/// Page cache of the writer, in KiB.
const CACHE: &str = "-8192";
/// The same of each reader: enough for the upper pages of all tables. A large mailbox fits into neither, and what was read
/// lately the system has in memory anyway.
const READER_CACHE: &str = "-2048";
/// Rows that the thread of a connection reads ahead of us: each time it waits costs two switches between threads.
const ROWS_AHEAD: usize = 1024;
/// Pages of the write-ahead log before it is moved into the database.
const CHECKPOINT: &str = "4000";

/// The index of a server. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Index {
    writer: Writer<Work>,
    readers: SqlitePool,
    timeout: Duration,
    reserve: Arc<Reserve>,
}

impl Index {
    /// Opens or creates the file. One that is damaged is put aside as `index.db.damaged` and begun anew.
    pub(crate) async fn open(file: &Path, timeout: Duration) -> anyhow::Result<Index> {
        match Index::open_as_is(file, timeout).await {
            Err(error) if is_damaged(&error) => {
                tracing::error!(%error, file = %file.display(), "the index is damaged: it is made again from the Maildirs");
                for suffix in ["", "-wal", "-shm"] {
                    let name = |end: &str| {
                        let mut name = file.as_os_str().to_owned();
                        name.push(end);
                        name
                    };
                    let _ = std::fs::rename(name(suffix), name(&format!(".damaged{suffix}")));
                }
                Ok(Index::open_as_is(file, timeout).await?)
            }
            opened => Ok(opened?),
        }
    }

    async fn open_as_is(file: &Path, timeout: Duration) -> Result<Index, sqlx::Error> {
        // An acknowledged change must survive a power cut: FULL syncs the log at each commit, which NORMAL does not.
        let options = SqliteConnectOptions::new()
            .filename(file)
            .row_buffer_size(ROWS_AHEAD)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(timeout)
            .pragma("cache_size", CACHE)
            .pragma("temp_store", "memory")
            .pragma("wal_autocheckpoint", CHECKPOINT)
            .disable_statement_logging();
        let mut connection = options.connect().await?;
        let found: String = sqlx::query_scalar("pragma quick_check(1)")
            .fetch_one(&mut connection)
            .await?;
        if found != "ok" {
            connection.close().await?;
            return Err(sqlx::Error::Protocol(format!("{DAMAGED}: {found}")));
        }
        // `run` does the same, but as a future that the compiler cannot prove to be `Send` when it is part of another one.
        MIGRATIONS.run_direct(None, &mut connection, false).await?;
        let writer = Writer::start(connection, options.clone(), timeout);
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(timeout)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(
                options
                    .read_only(true)
                    .create_if_missing(false)
                    .pragma("cache_size", READER_CACHE),
            );
        Ok(Index {
            writer,
            readers,
            timeout,
            reserve: Arc::new(Reserve::new(file.with_file_name("reserve"))),
        })
    }

    /// Writes all of these or nothing. Durable when it returns; then, and only then, it has happened.
    ///
    /// On a full disk, what adds no message may use the space that is held back.
    pub(crate) async fn commit(&self, commits: Vec<Commit>) -> Result<(), StoreError> {
        let frees = commits
            .iter()
            .all(|commit| commit.put.is_empty())
            .then(|| commits.clone());
        let mut done = self.writer.work(Work::Commit(commits)).await;
        if let (Err(StoreError::NoSpace), Some(commits)) = (&done, frees)
            && self.with_reserve(Reserve::give_up).await
        {
            tracing::warn!("the disk is full: space that was held back is used");
            done = self.writer.work(Work::Commit(commits)).await;
        }
        if self.reserve.is_due() {
            self.with_reserve(|reserve| {
                reserve.restore();
                true
            })
            .await;
        }
        done.map(|_| ())
    }

    async fn with_reserve(&self, work: fn(&Reserve) -> bool) -> bool {
        let reserve = Arc::clone(&self.reserve);
        tokio::task::spawn_blocking(move || work(&reserve))
            .await
            .unwrap_or(false)
    }

    /// The row of a mailbox, made with these numbers if there is none.
    pub(crate) async fn mailbox(
        &self,
        account: &str,
        uid_validity: UidValidity,
        fresh: MailboxRow,
    ) -> Result<MailboxRow, StoreError> {
        let work = Work::Mailbox {
            account: account.to_owned(),
            uid_validity,
            fresh,
        };
        match self.writer.work(work).await? {
            Done::Mailbox(row) => Ok(row),
            Done::Nothing => Err(StoreError::Failed("no mailbox row".to_owned())),
        }
    }

    /// Forgets a mailbox with all its messages.
    pub(crate) async fn forget(&self, mailbox: MailboxId) -> Result<(), StoreError> {
        self.writer.work(Work::Forget(mailbox)).await.map(|_| ())
    }

    /// Forgets the expunges of a mailbox that are older than that.
    pub(crate) async fn forget_vanished(&self, mailbox: MailboxId, age: Duration) -> Result<(), StoreError> {
        let work = Work::ForgetVanished(mailbox, age.as_secs());
        self.writer.work(work).await.map(|_| ())
    }

    /// Keeps summaries that were made later than their messages.
    pub(crate) async fn put_summaries(&self, mailbox: MailboxId, made: Vec<(Uid, Vec<u8>)>) -> Result<(), StoreError> {
        self.writer.work(Work::Summaries(mailbox, made)).await.map(|_| ())
    }

    /// Keeps previews. Those of messages that are gone are not kept.
    pub(crate) async fn put_previews(&self, mailbox: MailboxId, made: Vec<(Uid, String)>) -> Result<(), StoreError> {
        self.writer.work(Work::Previews(mailbox, made)).await.map(|_| ())
    }

    /// Finishes what is under way and closes the file.
    pub(crate) async fn close(&self) {
        self.writer.close().await;
        self.readers.close().await;
    }
}

/// In front of what the check of a damaged file says.
const DAMAGED: &str = "damaged";

/// Whether the file is no database any more. A migration that does not fit (an index of a later version) counts too: it is
/// as easily made again.
pub(super) fn is_damaged(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(cause) => matches!(cause.code().as_deref(), Some("11" | "26" | "267" | "523" | "779")),
        sqlx::Error::Protocol(text) => text.starts_with(DAMAGED),
        sqlx::Error::Migrate(_) => true,
        _ => false,
    }
}
