//! Why an operation on a mailbox failed.

use crate::mail::mailbox_name::InvalidMailboxName;
use crate::storage::database::StoreError;
use std::io;

/// Why an operation on a mailbox failed. No wire text: each protocol maps it in one place.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such mailbox.
    #[error("no such mailbox")]
    NotFound,
    /// There is one, and whoever asks may not do that with it.
    #[error("not permitted")]
    NotPermitted,
    /// There is one already.
    #[error("the mailbox exists already")]
    AlreadyExists,
    /// The name cannot be used (also: too long on disk).
    #[error(transparent)]
    InvalidName(#[from] InvalidMailboxName),
    /// It exists only as the parent of others, or never may be touched so: INBOX deleted, a mailbox renamed below itself.
    #[error("not possible for this mailbox")]
    NotPossible(&'static str),
    /// The mailbox has no room for a further keyword (26 fit).
    #[error("no room for a further keyword")]
    TooManyKeywords,
    /// The mailbox or the account has as many annotations as it may have.
    #[error("no room for a further annotation")]
    TooManyAnnotations,
    /// The mailbox has used all UIDs, or the account has too many mailboxes.
    #[error("limit reached: {0}")]
    Limit(&'static str),
    /// The disk is full or the quota of the file system is.
    #[error("no space left")]
    NoSpace(#[source] io::Error),
    /// The disk or index failed or does not answer in time; the cause goes to the log only.
    #[error("storage failed")]
    Storage(#[source] anyhow::Error),
}

/// What mailbox operations return.
pub type Result<T> = std::result::Result<T, Error>;

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::NoSpace(error),
            _ => Error::Storage(error.into()),
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Error {
        match error {
            StoreError::NoSpace => Error::NoSpace(io::Error::new(io::ErrorKind::StorageFull, error)),
            other => Error::Storage(other.into()),
        }
    }
}

/// Does file work on a blocking thread.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
