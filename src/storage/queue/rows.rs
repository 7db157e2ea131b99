//! What stands in the tables, and the statements that write it.

use serde_json::{Value, json};
use sqlx::SqliteConnection;

/// A row of `entry`. Times in milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct EntryRow {
    /// It stands in its recipients, with which it is read.
    #[sqlx(rename = "entry")]
    pub(crate) id: i64,
    pub(crate) arrived: i64,
    pub(crate) expires: i64,
    pub(crate) reverse_path: String,
    pub(crate) account: Option<i64>,
    pub(crate) size: i64,
    pub(crate) skip: i64,
    pub(crate) header: Vec<u8>,
    pub(crate) body: String,
    pub(crate) smtputf8: bool,
    pub(crate) ret: Option<String>,
    pub(crate) envelope_id: Option<String>,
    /// It stands in its recipients, too.
    pub(crate) priority: i64,
    pub(crate) tls: String,
    pub(crate) deliver_by: Option<i64>,
    pub(crate) by_mode: Option<String>,
}

/// A row of `recipient`.
#[derive(Clone, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct RecipientRow {
    /// 0 in one that is to be added.
    pub(crate) id: i64,
    pub(crate) address: String,
    pub(crate) destination: String,
    pub(crate) notify: Option<String>,
    pub(crate) original: Option<String>,
    pub(crate) due: i64,
    pub(crate) held: bool,
    pub(crate) attempts: i64,
    pub(crate) delay_told: bool,
    pub(crate) tried: Option<i64>,
    pub(crate) host: String,
    pub(crate) status: String,
    pub(crate) reply: String,
}

/// An entry that is to be added.
#[derive(Clone, Debug)]
pub(crate) struct NewRows {
    pub(crate) entry: EntryRow,
    pub(crate) recipients: Vec<RecipientRow>,
}

/// What becomes of a recipient.
#[derive(Clone, Debug)]
pub(crate) enum RecipientChange {
    /// Nothing more is to be done.
    Done(i64),
    /// It is tried again: this row replaces it, but for `held`, which is not ours to change.
    Tried(Box<RecipientRow>),
}

impl NewRows {
    pub(super) async fn insert(&self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        let entry = &self.entry;
        let recipient = |new: &RecipientRow| json!([new.address, new.destination, new.notify, new.original, new.due]);
        // Both at once: every question costs two switches between threads.
        sqlx::query(
            "insert into entry (id, arrived, expires, reverse_path, account, size, skip, header, body, smtputf8, ret,
                 envelope_id, tls, deliver_by, by_mode)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15);
             insert into recipient (entry, priority, address, destination, notify, original, due)
             select $1, $16, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 from json_each($17)",
        )
        .bind(entry.id)
        .bind(entry.arrived)
        .bind(entry.expires)
        .bind(&entry.reverse_path)
        .bind(entry.account)
        .bind(entry.size)
        .bind(entry.skip)
        .bind(&entry.header)
        .bind(&entry.body)
        .bind(entry.smtputf8)
        .bind(&entry.ret)
        .bind(&entry.envelope_id)
        .bind(&entry.tls)
        .bind(entry.deliver_by)
        .bind(&entry.by_mode)
        .bind(entry.priority)
        .bind(Value::from_iter(self.recipients.iter().map(recipient)).to_string())
        .execute(connection)
        .await?;
        Ok(())
    }
}

impl RecipientChange {
    /// Writes changes to recipients of an entry, and removes the entry with the last of them. Whether all of them were
    /// there, and whether the entry has none any more.
    ///
    /// A recipient is named together with its entry: the number of one that was dropped may be another's by now.
    pub(super) async fn write_all(
        changes: &[RecipientChange],
        entry: i64,
        connection: &mut SqliteConnection,
    ) -> Result<(bool, bool), sqlx::Error> {
        let (mut found, mut done) = (0, Vec::new());
        for change in changes {
            match change {
                RecipientChange::Done(id) => done.push(*id),
                RecipientChange::Tried(row) => found += tried(row, entry, connection).await?,
            }
        }
        let mut finished = false;
        if !done.is_empty() {
            let sql =
                "delete from recipient where entry = $1 and id in (select value from json_each($2)) returning false;
                 delete from entry where id = $1 and not exists (select 1 from recipient where entry = $1);
                 select true where not exists (select 1 from recipient where entry = $1)";
            let rows = sqlx::query_scalar(sql).bind(entry).bind(json!(done).to_string());
            let rows: Vec<bool> = rows.fetch_all(connection).await?;
            finished = rows.contains(&true);
            found += rows.iter().filter(|finished| !**finished).count();
        }
        Ok((found == changes.len(), finished))
    }
}

/// One that is tried again. How many there were of it.
async fn tried(row: &RecipientRow, entry: i64, connection: &mut SqliteConnection) -> Result<usize, sqlx::Error> {
    let done = sqlx::query(
        "update recipient set destination = $3, due = $4, attempts = $5, delay_told = $6, tried = $7, host = $8,
             status = $9, reply = $10
         where id = $1 and entry = $2",
    )
    .bind(row.id)
    .bind(entry)
    .bind(&row.destination)
    .bind(row.due)
    .bind(row.attempts)
    .bind(row.delay_told)
    .bind(row.tried)
    .bind(&row.host)
    .bind(&row.status)
    .bind(&row.reply)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() as usize)
}

/// Removes an entry that has no recipients any more.
pub(super) async fn remove_finished(entry: i64, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    sqlx::query("delete from entry where id = $1 and not exists (select 1 from recipient where entry = $1)")
        .bind(entry)
        .execute(connection)
        .await?;
    Ok(())
}

/// Removes every entry that has no recipients any more.
pub(super) async fn remove_all_finished(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    sqlx::query("delete from entry where id not in (select entry from recipient)")
        .execute(connection)
        .await?;
    Ok(())
}
