//! The table `administrators`.

use super::{Changes, Database, Result};

impl Database {
    /// Whether an account is one of them.
    pub async fn is_administrator(&self, account: i64) -> Result<bool> {
        let found = sqlx::query_scalar("select exists (select 1 from administrators where account = $1)")
            .bind(account)
            .fetch_one(&self.pool)
            .await;
        found.map_err(|cause| self.failed(cause))
    }
}

impl Changes {
    /// Makes an account one of them, or no longer; nothing changes when it is so.
    pub async fn put_administrator(&mut self, account: i64, on: bool) -> Result<()> {
        let change = match on {
            true => sqlx::query("insert into administrators (account) values ($1) on conflict do nothing"),
            false => sqlx::query("delete from administrators where account = $1"),
        };
        let done = change.bind(account).execute(&mut *self.transaction).await;
        done.map(drop).map_err(|cause| self.failed(cause))
    }
}
