//! What the databases that mail depends on have in common: why they do not do what was asked, and their one [`writer`].

pub(super) mod writer;

use std::time::Duration;

/// Why a database did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// It did not answer in time; nothing was done.
    #[error("the database does not answer in time")]
    TimedOut,
    /// There is no space to write.
    #[error("no space left for the database")]
    NoSpace,
    /// It failed.
    #[error("the database failed: {0}")]
    Failed(String),
    /// The server shuts down.
    #[error("the database is closed")]
    Closed,
}

impl From<sqlx::Error> for StoreError {
    /// Sorts what SQLite says by what can be done about it.
    fn from(error: sqlx::Error) -> StoreError {
        if let sqlx::Error::Database(cause) = &error {
            // Primary result code: SQLITE_BUSY 5, SQLITE_LOCKED 6, SQLITE_FULL 13.
            let code = cause.code().and_then(|code| code.parse::<u32>().ok());
            match code.map(|code| code & 0xff) {
                Some(5 | 6) => return StoreError::TimedOut,
                Some(13) => return StoreError::NoSpace,
                _ => {}
            }
        }
        match error {
            sqlx::Error::PoolTimedOut => StoreError::TimedOut,
            other => StoreError::Failed(other.to_string()),
        }
    }
}

/// The answer to a question, unless it takes too long.
pub(super) async fn in_time<T>(
    limit: Duration,
    query: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(limit, query).await {
        Ok(answer) => answer.map_err(StoreError::from),
        Err(_) => Err(StoreError::TimedOut),
    }
}

#[cfg(test)]
mod tests;
