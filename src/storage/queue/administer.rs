//! What people change in the queue by the command line.

use sqlx::SqliteConnection;

use super::QueueStore;
use super::rows::{remove_all_finished, remove_finished};
use super::writer::{Done, Work};
use crate::mail::ids::QueueId;
use crate::storage::database::StoreError;

/// A change to all recipients of an entry, or of all entries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    pub(crate) entry: Option<QueueId>,
    pub(crate) kind: ChangeKind,
}

/// What is changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ChangeKind {
    /// No attempts until it is released.
    Hold,
    /// Attempts again.
    Release,
    /// The next attempt is at once.
    Retry(i64),
    /// It is forgotten, and nobody is told.
    Drop,
}

impl QueueStore {
    /// Changes entries. Returns how many recipients that concerned.
    pub(crate) async fn change(&self, change: Change) -> Result<u64, StoreError> {
        match self.work(Work::Change(change)).await? {
            Done::Recipients(number) => Ok(number),
            _ => Ok(0),
        }
    }
}

impl Change {
    pub(super) async fn write(&self, connection: &mut SqliteConnection) -> Result<u64, sqlx::Error> {
        // Each in two forms: with one of both SQLite would read all recipients for one entry.
        let [one, all] = match self.kind {
            ChangeKind::Hold => [
                "update recipient set held = 1 where held = 0 and entry = $1",
                "update recipient set held = 1 where held = 0",
            ],
            ChangeKind::Release => [
                "update recipient set held = 0 where held = 1 and entry = $1",
                "update recipient set held = 0 where held = 1",
            ],
            ChangeKind::Retry(_) => [
                "update recipient set due = min(due, $2) where held = 0 and entry = $1",
                "update recipient set due = min(due, $2) where held = 0",
            ],
            ChangeKind::Drop => ["delete from recipient where entry = $1", "delete from recipient"],
        };
        let entry = self.entry.map(|id| id.0 as i64);
        let mut statement = sqlx::query(if entry.is_some() { one } else { all }).bind(entry);
        if let ChangeKind::Retry(now) = self.kind {
            statement = statement.bind(now);
        }
        let changed = statement.execute(&mut *connection).await?.rows_affected();
        match (self.kind, entry) {
            (ChangeKind::Drop, Some(entry)) => remove_finished(entry, connection).await?,
            (ChangeKind::Drop, None) => remove_all_finished(connection).await?,
            _ => {}
        }
        Ok(changed)
    }
}
