//! What reports are made of, in `reports.db`: rows seen by day, what became of each report, and reports that came.
//!
//! Whoever has something to count never waits: it goes by a bounded channel to one task, which counts all that has come in
//! one transaction. When the channel or a day is full, what is too much is not counted. A power cut may take the last
//! seconds, a crash of the program what is in the channel; statistics bear that, and mail is not kept waiting for them.
//! A file that cannot be used is put aside.

mod read;
mod received;
mod recorder;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};

use super::database::StoreError;

pub use read::{Overview, Row};
pub use received::{Received, ReceivedReport, ReceivedRow};

use recorder::Recorder;

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/reports");

/// The file in the data folder.
const FILE: &str = "reports.db";
/// Connections: one counts, the others read and settle.
const CONNECTIONS: u32 = 3;
/// How long an operation may wait for another.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Seconds of a day; days begin at midnight UTC (RFC 7489 §7.2, RFC 8460 §4.1).
pub const DAY: i64 = 86_400;

/// What a report is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// Mail that says it is from a domain (RFC 7489).
    Dmarc,
    /// Encryption to a domain's servers (RFC 8460).
    Tls,
}

/// What is counted together. The texts are compared, and read by whoever makes reports of them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Seen {
    /// What it is about.
    pub kind: Kind,
    /// Who is told.
    pub domain: String,
    /// What the domain publishes.
    pub policy: String,
    /// What was seen.
    pub record: String,
}

/// The open file. Cheap to clone.
#[derive(Clone)]
pub struct ReportStore {
    pool: SqlitePool,
    recorder: Arc<Recorder>,
}

/// Why the file did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct ReportsError(#[from] StoreError);

impl From<sqlx::Error> for ReportsError {
    fn from(error: sqlx::Error) -> ReportsError {
        ReportsError(StoreError::from(error))
    }
}

/// What the file answers.
pub type Result<T> = std::result::Result<T, ReportsError>;

impl Kind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Dmarc => "dmarc",
            Kind::Tls => "tls",
        }
    }

    fn from_row(text: &str) -> Kind {
        match text {
            "tls" => Kind::Tls,
            _ => Kind::Dmarc,
        }
    }
}

impl ReportStore {
    /// Opens or makes the file.
    pub async fn open(data: &Path) -> anyhow::Result<ReportStore> {
        let file = data.join(FILE);
        let pool = match connect(&file).await {
            Ok(pool) => pool,
            Err(error) if is_damaged(&error) => {
                let aside = put_aside(&file)?;
                tracing::error!(%error, aside = %aside.display(), "what reports are made of cannot be read: begun anew");
                connect(&file).await?
            }
            Err(error) => return Err(error.into()),
        };
        Ok(ReportStore {
            recorder: Arc::new(Recorder::start(pool.clone())),
            pool,
        })
    }

    /// Counts one more of it, today. Never waits.
    pub fn note(&self, seen: Seen) {
        self.note_on(today(), seen);
    }

    /// Counts one more of it on a day (days since 1970).
    pub fn note_on(&self, day: i64, seen: Seen) {
        self.recorder.note(day, seen);
    }

    /// Waits until all that was noted before is counted.
    pub async fn counted(&self) {
        self.recorder.counted().await;
    }

    /// Counts what was noted and closes the file.
    pub async fn close(&self) {
        self.recorder.close().await;
        self.pool.close().await;
    }
}

/// Days since 1970.
pub fn today() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |since| since.as_secs() as i64) / DAY
}

async fn connect(file: &Path) -> sqlx::Result<SqlitePool> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(BUSY_TIMEOUT)
        .foreign_keys(true)
        .disable_statement_logging();
    // `run` does the same, but as a future that the compiler cannot prove to be `Send` when it is part of another one.
    let mut connection = options.connect().await?;
    MIGRATIONS.run_direct(None, &mut connection, false).await?;
    SqlitePoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(BUSY_TIMEOUT)
        .connect_with(options)
        .await
}

/// Whether the file is no database any more: SQLITE_CORRUPT and SQLITE_NOTADB.
fn is_damaged(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(cause) => matches!(cause.code().as_deref(), Some("11" | "26" | "267" | "523" | "779")),
        _ => false,
    }
}

/// Out of the way, but not gone.
fn put_aside(file: &Path) -> std::io::Result<PathBuf> {
    let name = |suffix: &str| file.with_file_name(format!("{FILE}{suffix}"));
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(name(suffix));
    }
    let aside = name(".damaged");
    std::fs::rename(file, &aside)?;
    Ok(aside)
}

#[cfg(test)]
mod tests;
