//! Which messages can hold a text: an index by trigrams (SQLite's FTS5), in a file of its own.
//!
//! It may only narrow down: of the messages that it knows it names all that hold a text, and some that do not. What it does
//! not know has to be read. Everything here can be made again from the messages, so a file that is damaged is begun anew, and
//! a commit need not survive a power cut.

mod runs;

use super::index::is_damaged;
use crate::mail::ids::{Uid, UidValidity};
use crate::mail::uidset::UidSet;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, Row};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/full_text");

/// Connections held for reading.
const READERS: u32 = 2;
/// Page cache of the writer and of each reader, in KiB.
const CACHE: &str = "-4096";
/// Characters that are looked for together.
const GRAM: usize = 3;
/// The most of them that one text is looked up by.
const MAX_GRAMS: usize = 32;

/// Why it did not do what was asked. The messages have to be read instead.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FullTextError {
    /// It did not answer in time.
    #[error("the full-text index does not answer in time")]
    TimedOut,
    /// It failed.
    #[error("the full-text index failed: {0}")]
    Failed(sqlx::Error),
}

type Result<T> = std::result::Result<T, FullTextError>;

/// The full-text index of a server. Cheap to clone.
#[derive(Clone)]
pub(crate) struct FullText {
    file: Arc<Path>,
    /// Of one connection.
    writer: SqlitePool,
    readers: SqlitePool,
    timeout: Duration,
}

/// What it knows of a mailbox.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// Its number here.
    pub(crate) id: i64,
    /// The messages whose text it has.
    pub(crate) indexed: UidSet,
    /// Those that were looked at and are not in it.
    pub(crate) passed: UidSet,
}

/// How much it has of a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FullTextCount {
    /// The account, as its address.
    pub account: String,
    /// Messages.
    pub messages: u64,
}

impl FullText {
    /// Opens or creates the file. One that is damaged is removed and begun anew, also when that was seen later than at its
    /// last start.
    pub(crate) async fn open(file: &Path, timeout: Duration) -> anyhow::Result<FullText> {
        if with(file, DAMAGED).exists() {
            tracing::error!(file = %file.display(), "the full-text index was damaged: it is begun anew");
            remove(file);
        }
        match FullText::open_as_is(file, timeout).await {
            Err(error) if is_damaged(&error) => {
                tracing::error!(%error, file = %file.display(), "the full-text index is damaged: it is begun anew");
                remove(file);
                Ok(FullText::open_as_is(file, timeout).await?)
            }
            opened => Ok(opened?),
        }
    }

    async fn open_as_is(file: &Path, timeout: Duration) -> std::result::Result<FullText, sqlx::Error> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(timeout)
            .pragma("cache_size", CACHE)
            .pragma("temp_store", "memory")
            .disable_statement_logging();
        let writer = pool(1, timeout).connect_with(options.clone()).await?;
        MIGRATIONS.run(&writer).await?;
        let options = options.read_only(true).create_if_missing(false);
        Ok(FullText {
            file: file.into(),
            writer,
            readers: pool(READERS, timeout).connect_lazy_with(options),
            timeout,
        })
    }

    /// What is known of a mailbox; `None` when it was never looked at.
    pub(crate) async fn known(&self, account: &str, uid_validity: UidValidity) -> Result<Option<Known>> {
        let row = sqlx::query("select id, indexed, passed from mailbox where account = $1 and uid_validity = $2")
            .bind(account)
            .bind(uid_validity.get())
            .fetch_optional(&self.readers);
        let read = |row: &SqliteRow| {
            Ok(Known {
                id: row.try_get(0)?,
                indexed: runs::read(row.try_get(1)?),
                passed: runs::read(row.try_get(2)?),
            })
        };
        let row = self.patient(row).await?;
        row.as_ref().map(read).transpose().map_err(FullTextError::Failed)
    }

    /// The messages of a mailbox that can hold a text, given as it is compared; `None` when the text is too short to say.
    pub(crate) async fn candidates(&self, mailbox: i64, text: &str) -> Result<Option<UidSet>> {
        let Some(grams) = grams(text) else {
            return Ok(None);
        };
        let rows = sqlx::query_scalar("select rowid from text where text match $1 and rowid between $2 and $3")
            .bind(grams)
            .bind(number(mailbox, 0))
            .bind(number(mailbox, u32::MAX))
            .fetch_all(&self.readers);
        let mut rows: Vec<i64> = self.patient(rows).await?;
        rows.sort_unstable();
        // The lower half of the number.
        Ok(Some(rows.into_iter().filter_map(|row| Uid::new(row as u32)).collect()))
    }

    /// Begins with a mailbox that was never looked at.
    pub(crate) async fn begin(&self, account: &str, uid_validity: UidValidity) -> Result<Known> {
        let id = sqlx::query_scalar(
            "insert into mailbox (account, uid_validity, indexed, passed) values ($1, $2, x'', x'')
             on conflict do update set account = account returning id",
        )
        .bind(account)
        .bind(uid_validity.get())
        .fetch_one(&self.writer)
        .await;
        Ok(Known {
            id: self.checked(id)?,
            ..Known::default()
        })
    }

    /// Takes in the texts of messages, as they are compared, and passes over those that have none here; `known` is what is
    /// known before, and then.
    pub(crate) async fn put(&self, known: &mut Known, texts: Vec<(Uid, Option<String>)>) -> Result<()> {
        let mut after = known.clone();
        for (uid, text) in &texts {
            match text {
                Some(_) => after.indexed.insert(*uid),
                None => after.passed.insert(*uid),
            }
        }
        let texts = texts.into_iter().filter_map(|(uid, text)| Some((uid, text?)));
        let written = commit(&self.writer, &after, &UidSet::new(), texts.collect()).await;
        *known = self.checked(written.map(|()| after))?;
        Ok(())
    }

    /// Forgets messages that are gone.
    pub(crate) async fn remove(&self, known: &mut Known, gone: &UidSet) -> Result<()> {
        let after = Known {
            id: known.id,
            indexed: known.indexed.difference(gone),
            passed: known.passed.difference(gone),
        };
        let gone = known.indexed.intersection(gone);
        let written = commit(&self.writer, &after, &gone, Vec::new()).await;
        *known = self.checked(written.map(|()| after))?;
        Ok(())
    }

    /// Forgets a mailbox.
    pub(crate) async fn forget(&self, account: &str, uid_validity: UidValidity) -> Result<()> {
        let Some(mut known) = self.known(account, uid_validity).await? else {
            return Ok(());
        };
        let all = known.indexed.union(&known.passed);
        self.remove(&mut known, &all).await?;
        let deleted = sqlx::query("delete from mailbox where id = $1")
            .bind(known.id)
            .execute(&self.writer)
            .await;
        self.checked(deleted).map(drop)
    }

    /// Finishes what is under way.
    pub(crate) async fn close(&self) {
        // In this order: the last one puts the log into the file.
        self.readers.close().await;
        self.writer.close().await;
    }

    async fn patient<T>(&self, query: impl Future<Output = std::result::Result<T, sqlx::Error>>) -> Result<T> {
        match tokio::time::timeout(self.timeout, query).await {
            Ok(answer) => self.checked(answer),
            Err(_) => Err(FullTextError::TimedOut),
        }
    }

    /// Where the file turns out to be damaged, the next start begins anew.
    fn checked<T>(&self, done: std::result::Result<T, sqlx::Error>) -> Result<T> {
        done.map_err(|error| {
            if is_damaged(&error) {
                let _ = std::fs::write(with(&self.file, DAMAGED), "");
            }
            FullTextError::Failed(error)
        })
    }
}

/// How much there is of each account in a file that a server may be using.
pub(crate) async fn counts(file: &Path, timeout: Duration) -> std::result::Result<Vec<FullTextCount>, sqlx::Error> {
    let options = SqliteConnectOptions::new().filename(file).read_only(true);
    let mut connection = options.busy_timeout(timeout).connect().await?;
    let rows = sqlx::query("select account, indexed from mailbox order by account");
    let rows = rows.fetch_all(&mut connection).await?;
    let mut counts: Vec<FullTextCount> = Vec::new();
    for row in rows {
        let account: String = row.try_get(0)?;
        let messages = runs::read(row.try_get(1)?).len() as u64;
        match counts.last_mut().filter(|last| last.account == account) {
            Some(last) => last.messages += messages,
            None => counts.push(FullTextCount { account, messages }),
        }
    }
    connection.close().await?;
    Ok(counts)
}

/// Connections that are kept for as long as the server runs.
fn pool(connections: u32, timeout: Duration) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(timeout)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
}

/// Behind the name of the file, of one that says that it is damaged.
const DAMAGED: &str = ".damaged";

fn with(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn remove(file: &Path) {
    for suffix in ["", "-wal", "-shm", DAMAGED] {
        let _ = std::fs::remove_file(with(file, suffix));
    }
}

/// Writes what is known of a mailbox from now on, with what changes in it.
async fn commit(
    writer: &SqlitePool,
    known: &Known,
    gone: &UidSet,
    texts: Vec<(Uid, String)>,
) -> std::result::Result<(), sqlx::Error> {
    let mut transaction = writer.begin().await?;
    for uid in gone.iter() {
        sqlx::query("delete from text where rowid = $1")
            .bind(number(known.id, uid.get()))
            .execute(&mut *transaction)
            .await?;
    }
    for (uid, text) in texts {
        sqlx::query("insert or replace into text (rowid, body) values ($1, $2)")
            .bind(number(known.id, uid.get()))
            .bind(text)
            .execute(&mut *transaction)
            .await?;
    }
    sqlx::query("update mailbox set indexed = $2, passed = $3 where id = $1")
        .bind(known.id)
        .bind(runs::written(&known.indexed))
        .bind(runs::written(&known.passed))
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await
}

/// The number of a row of `text`.
fn number(mailbox: i64, uid: u32) -> i64 {
    mailbox << 32 | i64::from(uid)
}

/// What the messages are looked up by: all of these must be in them. `None` for a text that has none.
fn grams(text: &str) -> Option<String> {
    let places: Vec<usize> = text
        .char_indices()
        .map(|(place, _)| place)
        .chain([text.len()])
        .collect();
    let grams: BTreeSet<&str> = places
        .windows(GRAM + 1)
        .map(|ends| &text[ends[0]..ends[GRAM]])
        .collect();
    // Of a long text some, from all over it.
    let step = grams.len().div_ceil(MAX_GRAMS).max(1);
    let quoted = grams
        .iter()
        .step_by(step)
        .map(|gram| format!("\"{}\"", gram.replace('"', "\"\"")));
    let all: Vec<String> = quoted.collect();
    (!all.is_empty()).then(|| all.join(" AND "))
}

#[cfg(test)]
mod tests;
