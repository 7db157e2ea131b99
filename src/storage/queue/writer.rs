//! What the queue is asked to write.

use sqlx::SqliteConnection;

use super::administer::Change;
use super::{NewRows, RecipientChange, Settled};
use crate::storage::database::writer;

/// What is to be done.
pub(super) enum Work {
    Put(Vec<NewRows>),
    Settle(i64, Vec<RecipientChange>, Vec<NewRows>),
    Change(Change),
    /// Tell SQLite's `data_version`.
    Version,
}

/// What came of it.
pub(super) enum Done {
    Nothing,
    Settled(Settled),
    /// Recipients that were changed.
    Recipients(u64),
    Version(i64),
}

impl writer::Work for Work {
    type Done = Done;

    async fn perform(&self, connection: &mut SqliteConnection) -> Result<Done, sqlx::Error> {
        match self {
            Work::Put(entries) => {
                for entry in entries {
                    entry.insert(connection).await?;
                }
            }
            Work::Settle(entry, changes, reports) => {
                let (there, finished) = RecipientChange::write_all(changes, *entry, connection).await?;
                for report in reports.iter().filter(|_| there) {
                    report.insert(connection).await?;
                }
                return Ok(Done::Settled(Settled {
                    finished,
                    reported: there,
                }));
            }
            Work::Change(change) => return change.write(connection).await.map(Done::Recipients),
            // It changes when any connection but this one has written, and this is the only one of its process that does.
            Work::Version => {
                let version = sqlx::query_scalar("pragma data_version").fetch_one(connection).await?;
                return Ok(Done::Version(version));
            }
        }
        Ok(Done::Nothing)
    }
}
