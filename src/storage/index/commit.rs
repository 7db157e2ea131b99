//! One change of one mailbox, as it is written.

use super::read::Entry;
use crate::mail::ids::{MailboxId, ModSeq, Uid};
use sqlx::SqliteConnection;
use std::sync::Arc;

/// All that changes in a mailbox at once.
#[derive(Clone, Debug)]
pub(crate) struct Commit {
    pub(crate) mailbox: MailboxId,
    pub(crate) uid_next: u32,
    pub(crate) mod_seq: ModSeq,
    pub(crate) first_recent: u32,
    /// Whether all messages of the folder are in the index now.
    pub(crate) complete: bool,
    /// New messages.
    pub(crate) put: Vec<(Entry, SummarySource)>,
    /// Messages whose flags or file name changed.
    pub(crate) update: Vec<Entry>,
    /// Messages gone.
    pub(crate) remove: Vec<Uid>,
    /// Base names of files that are to go.
    pub(crate) doom: Vec<String>,
    /// Base names that are not to go after all.
    pub(crate) absolve: Vec<String>,
}

/// Where a new message's summary comes from.
#[derive(Clone, Debug)]
pub(crate) enum SummarySource {
    /// It is made when it is asked for.
    Later,
    /// These bytes.
    Bytes(Arc<[u8]>),
    /// That of another message.
    Of(MailboxId, Uid),
}

impl Commit {
    /// Writes it, within the writer's transaction.
    pub(super) async fn write(&self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        let mailbox = self.mailbox.0;
        sqlx::query("update mailbox set uid_next = $2, mod_seq = $3, first_recent = $4, complete = $5 where id = $1")
            .bind(mailbox)
            .bind(self.uid_next)
            .bind(number(self.mod_seq))
            .bind(self.first_recent)
            .bind(self.complete)
            .execute(&mut *connection)
            .await?;
        if !self.remove.is_empty() {
            let uids = json(self.remove.iter().map(|uid| uid.get()));
            sqlx::query(
                "insert or ignore into vanished (mailbox_id, mod_seq, uid, time)
                 select $1, $2, value, unixepoch() from json_each($3)",
            )
            .bind(mailbox)
            .bind(number(self.mod_seq))
            .bind(&uids)
            .execute(&mut *connection)
            .await?;
            for statement in [
                "delete from message where mailbox_id = $1 and uid in (select value from json_each($2))",
                "delete from summary where mailbox_id = $1 and uid in (select value from json_each($2))",
                "delete from preview where mailbox_id = $1 and uid in (select value from json_each($2))",
            ] {
                sqlx::query(statement)
                    .bind(mailbox)
                    .bind(&uids)
                    .execute(&mut *connection)
                    .await?;
            }
        }
        if !self.absolve.is_empty() {
            sqlx::query("delete from doomed where mailbox_id = $1 and base in (select value from json_each($2))")
                .bind(mailbox)
                .bind(json(&self.absolve))
                .execute(&mut *connection)
                .await?;
        }
        if !self.doom.is_empty() {
            sqlx::query("insert or ignore into doomed (mailbox_id, base) select $1, value from json_each($2)")
                .bind(mailbox)
                .bind(json(&self.doom))
                .execute(&mut *connection)
                .await?;
        }
        if !self.update.is_empty() {
            update(mailbox, &self.update, connection).await?;
        }
        for (message, summary) in &self.put {
            put(mailbox, message, summary, connection).await?;
        }
        Ok(())
    }
}

async fn put(
    mailbox: i64,
    message: &Entry,
    summary: &SummarySource,
    connection: &mut SqliteConnection,
) -> Result<(), sqlx::Error> {
    // Its summary goes with it: two statements at once cost no more than one.
    let (sql, bytes) = match summary {
        SummarySource::Bytes(bytes) => (
            "insert or replace into message
                 (mailbox_id, uid, mod_seq, flags, keywords, size, date, date_offset, path)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9);
             insert or replace into summary (mailbox_id, uid, summary) values ($1, $2, $10)",
            Some(&**bytes),
        ),
        SummarySource::Later | SummarySource::Of(..) => (
            "insert or replace into message
                 (mailbox_id, uid, mod_seq, flags, keywords, size, date, date_offset, path)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            None,
        ),
    };
    sqlx::query(sql)
        .bind(mailbox)
        .bind(message.uid.get())
        .bind(number(message.mod_seq))
        .bind(message.flags.bits())
        .bind(message.keywords.0)
        .bind(i64::try_from(message.size).unwrap_or(i64::MAX))
        .bind(message.date.seconds)
        .bind(message.date.offset_minutes)
        .bind(&*message.path)
        .bind(bytes)
        .execute(&mut *connection)
        .await?;
    if let SummarySource::Of(source, uid) = summary {
        sqlx::query(
            "insert or replace into summary (mailbox_id, uid, summary)
                 select $1, $2, summary from summary where mailbox_id = $3 and uid = $4;
             insert or replace into preview (mailbox_id, uid, text)
                 select $1, $2, text from preview where mailbox_id = $3 and uid = $4",
        )
        .bind(mailbox)
        .bind(message.uid.get())
        .bind(source.0)
        .bind(uid.get())
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

pub(super) async fn put_summary(
    mailbox: i64,
    uid: Uid,
    bytes: &[u8],
    connection: &mut SqliteConnection,
) -> Result<(), sqlx::Error> {
    sqlx::query("insert or replace into summary (mailbox_id, uid, summary) values ($1, $2, $3)")
        .bind(mailbox)
        .bind(uid.get())
        .bind(bytes)
        .execute(connection)
        .await?;
    Ok(())
}

/// Many messages with one statement: their new states travel as one JSON value. Materialised, for the planner would read that
/// value again for every message of the mailbox.
async fn update(mailbox: i64, updates: &[Entry], connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let rows = updates.iter().map(|update| {
        (
            update.uid.get(),
            update.mod_seq.get(),
            update.flags.bits(),
            update.keywords.0,
            &update.path,
        )
    });
    sqlx::query(
        "with new (uid, mod_seq, flags, keywords, path) as materialized (
             select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 from json_each($2)
         )
         update message
         set mod_seq = new.mod_seq, flags = new.flags, keywords = new.keywords, path = new.path
         from new where message.mailbox_id = $1 and message.uid = new.uid",
    )
    .bind(mailbox)
    .bind(json(rows))
    .execute(connection)
    .await?;
    Ok(())
}

/// A list as one value for `json_each`.
pub(super) fn json(list: impl IntoIterator<Item = impl serde::Serialize>) -> String {
    let list: Vec<_> = list.into_iter().collect();
    // Numbers and strings always have a JSON form.
    serde_json::to_string(&list).unwrap_or_default()
}

fn number(mod_seq: ModSeq) -> i64 {
    mod_seq.get() as i64
}
