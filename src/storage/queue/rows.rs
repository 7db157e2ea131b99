//! What stands in the tables, and the statements that write it.

use sqlx::SqliteConnection;

/// A row of `entry`. Times in milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct EntryRow {
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
        sqlx::query(
            "insert into entry (id, arrived, expires, reverse_path, account, size, skip, header, body, smtputf8, ret,
                 envelope_id)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
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
        .execute(&mut *connection)
        .await?;
        for recipient in &self.recipients {
            sqlx::query(
                "insert into recipient (entry, address, destination, notify, original, due)
                 values ($1, $2, $3, $4, $5, $6)",
            )
            .bind(entry.id)
            .bind(&recipient.address)
            .bind(&recipient.destination)
            .bind(&recipient.notify)
            .bind(&recipient.original)
            .bind(recipient.due)
            .execute(&mut *connection)
            .await?;
        }
        Ok(())
    }
}

impl RecipientChange {
    /// Whether the recipient was there.
    pub(super) async fn write(&self, connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
        let done = match self {
            RecipientChange::Done(id) => {
                sqlx::query("delete from recipient where id = $1")
                    .bind(id)
                    .execute(connection)
                    .await?
            }
            RecipientChange::Tried(row) => {
                sqlx::query(
                    "update recipient set destination = $2, due = $3, attempts = $4, delay_told = $5, tried = $6,
                         host = $7, status = $8, reply = $9
                     where id = $1",
                )
                .bind(row.id)
                .bind(&row.destination)
                .bind(row.due)
                .bind(row.attempts)
                .bind(row.delay_told)
                .bind(row.tried)
                .bind(&row.host)
                .bind(&row.status)
                .bind(&row.reply)
                .execute(connection)
                .await?
            }
        };
        Ok(done.rows_affected() > 0)
    }
}

/// Removes an entry that has no recipients any more. Whether it is gone.
pub(super) async fn remove_finished(entry: i64, connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    let left: i64 = sqlx::query_scalar("select count(*) from recipient where entry = $1")
        .bind(entry)
        .fetch_one(&mut *connection)
        .await?;
    if left > 0 {
        return Ok(false);
    }
    sqlx::query("delete from entry where id = $1")
        .bind(entry)
        .execute(connection)
        .await?;
    Ok(true)
}

/// Removes every entry that has no recipients any more.
pub(super) async fn remove_all_finished(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    sqlx::query("delete from entry where id not in (select entry from recipient)")
        .execute(connection)
        .await?;
    Ok(())
}
