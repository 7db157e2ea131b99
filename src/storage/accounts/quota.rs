//! The table `quotas`.

use super::{Changes, Database, Result};

/// What an account may hold; `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct QuotaRow {
    /// Octets of mail.
    pub storage: Option<i64>,
    /// Messages.
    pub messages: Option<i64>,
    /// Mailboxes.
    pub mailboxes: Option<i64>,
}

impl Database {
    /// An account's own quota, if it has one.
    pub async fn quota(&self, account: i64) -> Result<Option<QuotaRow>> {
        let row = sqlx::query_as("select storage, messages, mailboxes from quotas where account = $1")
            .bind(account)
            .fetch_optional(&self.pool)
            .await;
        row.map_err(|cause| self.failed(cause))
    }
}

impl Changes {
    /// Gives an account a quota of its own.
    pub async fn put_quota(&mut self, account: i64, row: QuotaRow) -> Result<()> {
        let done = sqlx::query(
            "insert or replace into quotas (account, storage, messages, mailboxes) values ($1, $2, $3, $4)",
        )
        .bind(account)
        .bind(row.storage)
        .bind(row.messages)
        .bind(row.mailboxes)
        .execute(&mut *self.transaction)
        .await;
        done.map(drop).map_err(|cause| self.failed(cause))
    }

    /// Takes an account's own quota away.
    pub async fn delete_quota(&mut self, account: i64) -> Result<()> {
        let done = sqlx::query("delete from quotas where account = $1")
            .bind(account)
            .execute(&mut *self.transaction)
            .await;
        done.map(drop).map_err(|cause| self.failed(cause))
    }
}
