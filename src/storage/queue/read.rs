//! What is asked of the queue.

use super::{EntryRow, QueueStore, RecipientRow};
use crate::mail::ids::QueueId;
use crate::storage::database::{StoreError, in_time};

/// Entries asked for at once.
const PIECE: usize = 4096;

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
    /// When there is something due of another one.
    pub(crate) next: Option<i64>,
}

/// A recipient beside its entry. Together they are one question; two cost four switches between threads.
#[derive(sqlx::FromRow)]
struct Joined {
    #[sqlx(flatten)]
    entry: EntryRow,
    #[sqlx(flatten)]
    recipient: RecipientRow,
}

/// Selects the columns of [`Joined`], of which no two have the same name.
macro_rules! joined {
    ($rest:literal) => {
        concat!(
            "select recipient.*, arrived, expires, reverse_path, account, size, skip, header, body, smtputf8, ret,
                 envelope_id, tls, deliver_by, by_mode ",
            $rest
        )
    };
}

/// All priorities, the most urgent first (RFC 6710 §3): each has its own place in the index.
macro_rules! levels {
    () => {
        "json_each('[9,8,7,6,5,4,3,2,1,0,-1,-2,-3,-4,-5,-6,-7,-8,-9]') as level"
    };
}

/// What goes first of all that is due of a destination, and when the next is due. Its recipients are looked up by their
/// entry: by what is due there may be a hundred thousand.
const DUE: &str = concat!(
    "with first as (
         select entry from (
             select (
                 select entry from recipient
                 where held = 0 and destination = $1 and priority = level.value and due <= $2
                     and entry not in (select value from json_each($3))
                 order by due limit 1) as entry
             from ",
    levels!(),
    ") where entry is not null limit 1) ",
    joined!(
        ", (select min((
                select due from recipient
                where held = 0 and destination = $1 and priority = level.value
                    and entry not in (select value from json_each($3)) and entry <> (select entry from first)
                order by due limit 1))
            from "
    ),
    levels!(),
    ") as next
        from first join entry on entry.id = first.entry
        join recipient indexed by recipient_of_entry on recipient.entry = first.entry
        where held = 0 and destination = $1 and due <= $2
        order by recipient.id limit $4"
);
const NEXT_DUE: &str = concat!(
    "select min((
         select due from recipient
         where held = 0 and destination = $1 and priority = level.value
             and entry not in (select value from json_each($2))
         order by due limit 1))
     from ",
    levels!()
);
const ENTRY: &str = joined!(
    "from entry join recipient on recipient.entry = entry.id
     where entry.id = $1 order by recipient.id"
);
const LIST: &str = joined!(
    "from entry join recipient on recipient.entry = entry.id
     where entry.id in (select id from entry where id > $1 order by id limit $2) order by entry.id, recipient.id"
);
const STRANGERS: &str = "select value from json_each($1) where not exists (select 1 from entry where id = value)";

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

    /// Recipients that an account has waiting, counted up to `most`.
    pub(crate) async fn waiting_of(&self, account: i64, most: u64) -> Result<u64, StoreError> {
        let sql = "select count(*) from (select 1 from entry join recipient on recipient.entry = entry.id
                 where entry.account = $1 limit $2)";
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let found = sqlx::query_scalar(sql).bind(account).bind(most);
        let found: i64 = self.patient(found.fetch_one(&self.readers)).await?;
        Ok(found as u64)
    }

    /// Those of these that are no entries.
    pub(super) async fn strangers(&self, ids: Vec<QueueId>) -> Result<Vec<QueueId>, StoreError> {
        let mut strangers = Vec::new();
        for piece in ids.chunks(PIECE) {
            let ids: Vec<i64> = piece.iter().map(|id| id.0 as i64).collect();
            let found = sqlx::query_scalar(STRANGERS).bind(json(&ids)).fetch_all(&self.readers);
            let found: Vec<i64> = self.patient(found).await?;
            strangers.extend(found.into_iter().map(|id| QueueId(id as u64)));
        }
        Ok(strangers)
    }

    /// When each destination has something due.
    pub(crate) async fn destinations(&self) -> Result<Vec<(String, i64)>, StoreError> {
        let sql = "select destination, min(due) from recipient where held = 0 group by destination";
        self.patient(sqlx::query_as(sql).fetch_all(&self.readers)).await
    }

    /// When a destination has something due that is of none of these entries.
    pub(crate) async fn next_due(&self, destination: &str, but: &[i64]) -> Result<Option<i64>, StoreError> {
        let due = sqlx::query_scalar(NEXT_DUE)
            .bind(destination)
            .bind(json(but))
            .fetch_one(&self.readers);
        self.patient(due).await
    }

    /// What is to go first for a destination of what is due, of none of these entries: the most urgent (RFC 6710), and of
    /// those what has been due longest.
    pub(crate) async fn due(
        &self,
        destination: &str,
        now: i64,
        but: &[i64],
        limit: usize,
    ) -> Result<Option<Due>, StoreError> {
        #[derive(sqlx::FromRow)]
        struct Row {
            #[sqlx(flatten)]
            joined: Joined,
            next: Option<i64>,
        }
        let rows = sqlx::query_as(DUE)
            .bind(destination)
            .bind(now)
            .bind(json(but))
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(&self.readers);
        let rows: Vec<Row> = self.patient(rows).await?;
        let next = rows.first().and_then(|row| row.next);
        let mut entries = gathered(rows.into_iter().map(|row| row.joined));
        Ok(entries.pop().map(|(entry, recipients)| Due {
            entry,
            recipients,
            next,
        }))
    }

    /// One entry with all its recipients.
    pub(crate) async fn entry(&self, id: QueueId) -> Result<Option<(EntryRow, Vec<RecipientRow>)>, StoreError> {
        let rows = sqlx::query_as(ENTRY).bind(id.0 as i64).fetch_all(&self.readers);
        Ok(gathered(self.patient(rows).await?).pop())
    }

    /// Entries behind this one with all their recipients, in the order of their numbers.
    pub(crate) async fn list(
        &self,
        after: Option<QueueId>,
        limit: usize,
    ) -> Result<Vec<(EntryRow, Vec<RecipientRow>)>, StoreError> {
        let rows = sqlx::query_as(LIST)
            .bind(after.map_or(i64::MIN, |id| id.0 as i64))
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(&self.readers);
        Ok(gathered(self.patient(rows).await?))
    }

    async fn patient<T>(&self, query: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, StoreError> {
        in_time(self.timeout, query).await
    }
}

/// The recipients of each entry, of rows in the order of entries.
fn gathered(rows: impl IntoIterator<Item = Joined>) -> Vec<(EntryRow, Vec<RecipientRow>)> {
    let mut entries: Vec<(EntryRow, Vec<RecipientRow>)> = Vec::new();
    for Joined { entry, recipient } in rows {
        match entries.last_mut() {
            Some((last, recipients)) if last.id == entry.id => recipients.push(recipient),
            _ => entries.push((entry, vec![recipient])),
        }
    }
    entries
}

fn json(numbers: &[i64]) -> String {
    let numbers: Vec<String> = numbers.iter().map(i64::to_string).collect();
    format!("[{}]", numbers.join(","))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn nothing_is_asked_that_reads_all_of_the_queue() {
        let folder = tempfile::tempdir().unwrap();
        let store = QueueStore::open(folder.path(), Duration::from_secs(20)).await.unwrap();
        for sql in [DUE, NEXT_DUE, ENTRY, LIST, STRANGERS] {
            let plan = sqlx::query_as(sqlx::AssertSqlSafe(format!("explain query plan {sql}")));
            let plan: Vec<(i64, i64, i64, String)> = plan.fetch_all(&store.readers).await.unwrap();
            let scans = |step: &str| step.starts_with("SCAN entry") || step.starts_with("SCAN recipient");
            let steps: Vec<String> = plan.into_iter().map(|(.., step)| step).collect();
            assert!(
                !steps.is_empty() && !steps.iter().any(|step| scans(step)),
                "{sql}: {steps:?}"
            );
        }
        store.close().await;
    }
}
