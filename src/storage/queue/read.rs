//! What is asked of the queue.

use std::collections::HashSet;

use super::{EntryRow, QueueStore, RecipientRow};
use crate::mail::ids::QueueId;
use crate::storage::database::{StoreError, in_time};

/// How much is in the queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) entries: u64,
    pub(crate) octets: u64,
    pub(crate) recipients: u64,
}

/// An entry with those of its recipients for one destination that are due.
#[derive(Debug)]
pub(crate) struct Due {
    pub(crate) entry: EntryRow,
    pub(crate) recipients: Vec<RecipientRow>,
}

impl QueueStore {
    /// How much there is.
    pub(crate) async fn totals(&self) -> Result<Totals, StoreError> {
        let sql = "select (select count(*) from entry), (select coalesce(sum(size), 0) from entry),
                 (select count(*) from recipient)";
        let row: (i64, i64, i64) = self.patient(sqlx::query_as(sql).fetch_one(&self.readers)).await?;
        Ok(Totals {
            entries: row.0 as u64,
            octets: row.1 as u64,
            recipients: row.2 as u64,
        })
    }

    /// All entries.
    pub(crate) async fn ids(&self) -> Result<HashSet<QueueId>, StoreError> {
        let ids = sqlx::query_scalar("select id from entry").fetch_all(&self.readers);
        let ids: Vec<i64> = self.patient(ids).await?;
        Ok(ids.into_iter().map(|id| QueueId(id as u64)).collect())
    }

    /// When each destination has something due.
    pub(crate) async fn destinations(&self) -> Result<Vec<(String, i64)>, StoreError> {
        let sql = "select destination, min(due) from recipient where held = 0 group by destination";
        self.patient(sqlx::query_as(sql).fetch_all(&self.readers)).await
    }

    /// When a destination has something due that is of none of these entries.
    pub(crate) async fn next_due(&self, destination: &str, but: &[i64]) -> Result<Option<i64>, StoreError> {
        let due = sqlx::query_scalar(
            "select due from recipient
             where held = 0 and destination = $1 and entry not in (select value from json_each($2))
             order by due limit 1",
        )
        .bind(destination)
        .bind(json(but))
        .fetch_optional(&self.readers);
        self.patient(due).await
    }

    /// What is due first for a destination, of none of these entries.
    pub(crate) async fn due(
        &self,
        destination: &str,
        now: i64,
        but: &[i64],
        limit: usize,
    ) -> Result<Option<Due>, StoreError> {
        let entry = sqlx::query_as(
            "select entry.* from recipient join entry on entry.id = recipient.entry
             where held = 0 and destination = $1 and due <= $2 and entry not in (select value from json_each($3))
             order by due limit 1",
        )
        .bind(destination)
        .bind(now)
        .bind(json(but))
        .fetch_optional(&self.readers);
        let Some(entry): Option<EntryRow> = self.patient(entry).await? else {
            return Ok(None);
        };
        let recipients = sqlx::query_as(
            "select * from recipient where entry = $1 and destination = $2 and held = 0 and due <= $3
             order by id limit $4",
        )
        .bind(entry.id)
        .bind(destination)
        .bind(now)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(&self.readers);
        let recipients = self.patient(recipients).await?;
        Ok(Some(Due { entry, recipients }))
    }

    /// One entry with all its recipients.
    pub(crate) async fn entry(&self, id: QueueId) -> Result<Option<(EntryRow, Vec<RecipientRow>)>, StoreError> {
        let id = id.0 as i64;
        let entry = sqlx::query_as("select * from entry where id = $1")
            .bind(id)
            .fetch_optional(&self.readers);
        let Some(entry) = self.patient(entry).await? else {
            return Ok(None);
        };
        let recipients = sqlx::query_as("select * from recipient where entry = $1 order by id")
            .bind(id)
            .fetch_all(&self.readers);
        Ok(Some((entry, self.patient(recipients).await?)))
    }

    /// Entries behind this one with all their recipients, in the order of their numbers.
    pub(crate) async fn list(
        &self,
        after: Option<QueueId>,
        limit: usize,
    ) -> Result<Vec<(EntryRow, Vec<RecipientRow>)>, StoreError> {
        let entries = sqlx::query_as("select * from entry where id > $1 order by id limit $2")
            .bind(after.map_or(i64::MIN, |id| id.0 as i64))
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(&self.readers);
        let entries: Vec<EntryRow> = self.patient(entries).await?;
        let mut listed = Vec::with_capacity(entries.len());
        for entry in entries {
            let recipients = sqlx::query_as("select * from recipient where entry = $1 order by id")
                .bind(entry.id)
                .fetch_all(&self.readers);
            let recipients = self.patient(recipients).await?;
            listed.push((entry, recipients));
        }
        Ok(listed)
    }

    async fn patient<T>(&self, query: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, StoreError> {
        in_time(self.timeout, query).await
    }
}

fn json(numbers: &[i64]) -> String {
    let numbers: Vec<String> = numbers.iter().map(i64::to_string).collect();
    format!("[{}]", numbers.join(","))
}
