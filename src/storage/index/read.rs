//! What is read from the index.

use super::Index;
use super::packed::Packed;
use crate::mail::date::Timestamp;
use crate::mail::flags::{Flags, Keywords};
use crate::mail::ids::{MailboxId, ModSeq, Uid};
use crate::mail::uidset::UidSet;
use crate::storage::database::{StoreError, in_time};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

/// Messages that are read at a time when a mailbox is opened.
const PAGE: u32 = 1024;

/// A mailbox.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MailboxRow {
    pub(crate) id: MailboxId,
    /// 0 when all UIDs are used up.
    pub(crate) uid_next: u32,
    pub(crate) mod_seq: ModSeq,
    /// UIDs from here on have not been shown as \Recent.
    pub(crate) first_recent: u32,
    /// Whether all messages of the folder are in the index. If not, the UIDs in file names are to be believed.
    pub(crate) complete: bool,
}

/// A message, as the index has it and as an open mailbox keeps it in memory.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) uid: Uid,
    pub(crate) mod_seq: ModSeq,
    pub(crate) flags: Flags,
    pub(crate) keywords: Keywords,
    pub(crate) size: u64,
    pub(crate) date: Timestamp,
    /// Below the mailbox's folder.
    pub(crate) path: Box<str>,
}

impl Index {
    /// All messages of a mailbox, ascending. A row that makes no sense is left out: its file is then taken in anew.
    ///
    /// Page by page, each one value with a line of JSON for every message: in rows, 100,000 messages took 100 MiB on their way.
    pub(crate) async fn messages(&self, mailbox: MailboxId) -> Result<Vec<Entry>, StoreError> {
        let mut messages = Vec::new();
        let mut after = 0;
        // One for all pages: it is back in the pool only a moment after it is dropped, and meanwhile another would be opened.
        let mut reader = self.patient(self.readers.acquire()).await?;
        loop {
            let page = sqlx::query_as(
                "select max(uid), group_concat(
                     json_array(uid, mod_seq, flags, keywords, size, date, date_offset, path), char(10))
                 from (select * from message where mailbox_id = $1 and uid > $2 order by uid limit $3)",
            );
            let page = page.bind(mailbox.0).bind(after).bind(PAGE);
            let (Some(last), Some(lines)) = self.patient(page.fetch_one(&mut *reader)).await? else {
                return Ok(messages);
            };
            let lines: String = lines;
            messages.extend(lines.lines().filter_map(message));
            after = last;
        }
    }

    /// The messages expunged after a MODSEQ; `None` when it is not remembered that far back.
    pub(crate) async fn vanished(&self, mailbox: MailboxId, since: u64) -> Result<Option<UidSet>, StoreError> {
        let since = i64::try_from(since).unwrap_or(i64::MAX);
        let history = sqlx::query_scalar("select history from mailbox where id = $1").bind(mailbox.0);
        let history: i64 = self.patient(history.fetch_one(&self.readers)).await?;
        if since < history {
            return Ok(None);
        }
        let uids = sqlx::query_scalar("select uid from vanished where mailbox_id = $1 and mod_seq > $2 order by uid");
        let uids = self
            .patient(uids.bind(mailbox.0).bind(since).fetch_all(&self.readers))
            .await?;
        Ok(Some(uids.into_iter().filter_map(Uid::new).collect()))
    }

    /// How many messages an account has, and their octets.
    pub(crate) async fn usage(&self, account: &str) -> Result<(u64, u64), StoreError> {
        let row = sqlx::query(
            "select count(*), coalesce(sum(size), 0) from message
             where mailbox_id in (select id from mailbox where account = $1)",
        )
        .bind(account);
        let row = self.patient(row.fetch_one(&self.readers)).await?;
        let number = |column: usize| {
            row.try_get::<i64, _>(column)
                .ok()
                .and_then(|value| value.try_into().ok())
        };
        Ok((number(0).unwrap_or(0), number(1).unwrap_or(0)))
    }

    /// The file names doomed in a mailbox.
    pub(crate) async fn doomed(&self, mailbox: MailboxId) -> Result<Vec<String>, StoreError> {
        let names = sqlx::query_scalar("select base from doomed where mailbox_id = $1").bind(mailbox.0);
        self.patient(names.fetch_all(&self.readers)).await
    }

    /// The stored summaries of those of `uids` that have one, ascending.
    pub(crate) async fn summaries(&self, mailbox: MailboxId, uids: &UidSet) -> Result<Packed, StoreError> {
        let one_run = "select cast(group_concat(uid || ':' || length(summary) || ':' || summary, '') as blob)
             from (select uid, summary from summary where mailbox_id = $1 and uid between $2 and $3 order by uid)";
        let several = "select cast(group_concat(uid || ':' || length(summary) || ':' || summary, '') as blob)
             from (select uid, summary from summary
                   where mailbox_id = $1 and uid in (select value from json_each($2)) order by uid)";
        let packed = match uids.runs() {
            [] => return Ok(Packed::default()),
            [(first, last)] => sqlx::query_scalar(one_run).bind(mailbox.0).bind(first).bind(last),
            _ => {
                let uids = super::commit::json(uids.iter().map(Uid::get));
                sqlx::query_scalar(several).bind(mailbox.0).bind(uids)
            }
        };
        let packed: Option<Vec<u8>> = self.patient(packed.fetch_one(&self.readers)).await?;
        Ok(packed.map(Packed::new).unwrap_or_default())
    }

    /// The stored previews of those of `uids` that have one, ascending.
    pub(crate) async fn previews(&self, mailbox: MailboxId, uids: &UidSet) -> Result<Vec<(Uid, String)>, StoreError> {
        let rows = sqlx::query(
            "select uid, text from preview
             where mailbox_id = $1 and uid in (select value from json_each($2)) order by uid",
        );
        let rows = rows
            .bind(mailbox.0)
            .bind(super::commit::json(uids.iter().map(Uid::get)));
        let rows = self.patient(rows.fetch_all(&self.readers)).await?;
        let read = |row: &SqliteRow| Some((Uid::new(row.try_get(0).ok()?)?, row.try_get(1).ok()?));
        Ok(rows.iter().filter_map(read).collect())
    }

    async fn patient<T>(&self, query: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, StoreError> {
        in_time(self.timeout, query).await
    }
}

/// A message from its line.
fn message(line: &str) -> Option<Entry> {
    let (uid, mod_seq, flags, keywords, size, seconds, offset_minutes, path) = serde_json::from_str(line).ok()?;
    Some(Entry {
        uid: Uid::new(uid)?,
        mod_seq: ModSeq::new(mod_seq)?,
        flags: Flags::from_bits(flags),
        keywords: Keywords(keywords),
        size,
        date: Timestamp {
            seconds,
            offset_minutes,
        },
        path,
    })
}

/// A mailbox's row, as the writer reads it.
pub(super) fn mailbox(row: &SqliteRow) -> Option<MailboxRow> {
    Some(MailboxRow {
        id: MailboxId(row.try_get(0).ok()?),
        uid_next: row.try_get(1).ok()?,
        mod_seq: ModSeq::new(row.try_get::<i64, _>(2).ok()?.try_into().ok()?)?,
        first_recent: row.try_get(3).ok()?,
        complete: row.try_get(4).ok()?,
    })
}
