//! The SQL of the accounts database: domains, accounts, app passwords, aliases. One file, `accounts.db`, apart from the
//! index, so that neither delays the other; its schema is `migrations/accounts/`.
//!
//! Several processes may have it open (the server and the command line): nothing is kept in memory, every answer comes
//! from the file. Names are compared as they are given: the domain layer normalises them.

mod account;
mod administrator;
mod alias;
mod app_password;
mod capability;
mod domain;
mod quota;
mod secret;
mod suppression;

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Sqlite, Transaction};

pub use account::{AccountRow, PasswordRow};
pub use alias::{AliasRow, ForwardRow};
pub use app_password::{AppPasswordRow, NewAppPassword};
pub use domain::DomainRow;
pub use quota::QuotaRow;
pub use suppression::SuppressionRow;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations/accounts");

/// The file in the data folder.
const FILE: &str = "accounts.db";
/// Connections at the same time. A query takes microseconds; what is more than this waits for its turn.
const CONNECTIONS: u32 = 4;
/// How long another process's write, and the wait for a connection, may take.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The open accounts database. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    pool: SqlitePool,
    file: Arc<PathBuf>,
}

/// The accounts database did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[error("{}: {cause}", file.display())]
pub struct DatabaseError {
    /// Which file.
    file: PathBuf,
    /// Why.
    cause: Cause,
}

#[derive(Debug, thiserror::Error)]
enum Cause {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
    #[error("it was written by a newer version of this program")]
    Newer,
    #[error(transparent)]
    Migration(MigrateError),
}

/// What queries return.
type Result<T> = std::result::Result<T, DatabaseError>;

/// Changes that happen together or not at all. Dropping it undoes them.
pub struct Changes {
    transaction: Transaction<'static, Sqlite>,
    file: Arc<PathBuf>,
}

impl Database {
    /// Opens the database in a data folder, making it or bringing its schema up to date if need be.
    pub async fn open(data: &Path) -> Result<Database> {
        let file = Arc::new(data.join(FILE));
        let failed = |cause: Cause| DatabaseError {
            file: file.as_ref().clone(),
            cause,
        };
        prepare(&file, data).map_err(|cause| failed(cause.into()))?;
        let turn = turn(data.to_owned()).await.map_err(|cause| failed(cause.into()))?;
        let options = SqliteConnectOptions::new()
            .filename(file.as_ref())
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(true)
            .disable_statement_logging();
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(BUSY_TIMEOUT)
            .test_before_acquire(false)
            .connect_with(options)
            .await
            .map_err(|cause| failed(cause.into()))?;
        migrate(&pool).await.map_err(|cause| {
            failed(match cause {
                MigrateError::VersionMissing(_) => Cause::Newer,
                other => Cause::Migration(other),
            })
        })?;
        drop(turn);
        Ok(Database { pool, file })
    }

    /// Begins changes. Others' changes wait until these are committed or dropped, so what was read stays true.
    pub async fn change(&self) -> Result<Changes> {
        let transaction = self
            .pool
            .begin_with("begin immediate")
            .await
            .map_err(|cause| self.failed(cause))?;
        Ok(Changes {
            transaction,
            file: self.file.clone(),
        })
    }

    /// Closes the connections, after their queries have ended.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    fn failed(&self, cause: sqlx::Error) -> DatabaseError {
        DatabaseError {
            file: self.file.as_ref().clone(),
            cause: cause.into(),
        }
    }
}

impl Changes {
    /// Makes them durable.
    pub async fn commit(self) -> Result<()> {
        let file = self.file;
        self.transaction.commit().await.map_err(|cause| DatabaseError {
            file: file.as_ref().clone(),
            cause: cause.into(),
        })
    }

    fn failed(&self, cause: sqlx::Error) -> DatabaseError {
        DatabaseError {
            file: self.file.as_ref().clone(),
            cause: cause.into(),
        }
    }
}

/// Waits until no other process opens the database: two that find its schema out of date would both change it. The turn is
/// over when the folder is dropped.
async fn turn(data: PathBuf) -> io::Result<File> {
    let waiting = tokio::task::spawn_blocking(move || {
        let folder = File::open(data)?;
        rustix::fs::flock(&folder, rustix::fs::FlockOperation::LockExclusive)?;
        Ok(folder)
    });
    waiting.await.map_err(io::Error::other)?
}

/// Brings the schema up to date.
async fn migrate(pool: &SqlitePool) -> std::result::Result<(), MigrateError> {
    let mut connection = pool.acquire().await?;
    // `run` does the same, but as a future that the compiler cannot prove to be `Send` when it is part of another one.
    MIGRATIONS.run_direct(None, &mut *connection, false).await
}

/// Makes the empty file, if it is not there, readable by its owner alone: it holds password hashes. SQLite gives the
/// files beside it the same mode and owner. When root makes it in a folder of the server's user, it is that user's.
fn prepare(file: &Path, data: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(file) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        made => drop(made?),
    }
    let owner = data.metadata()?;
    if file.metadata()?.uid() != owner.uid() {
        chown(file, Some(owner.uid()), Some(owner.gid()))?;
    }
    Ok(())
}
