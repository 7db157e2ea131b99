//! The table `disabled_capabilities`.

use super::{Changes, Database, Result};

impl Database {
    /// The capabilities that are switched off for an account, by name.
    pub async fn disabled_capabilities(&self, account: i64) -> Result<Vec<String>> {
        let names = sqlx::query_scalar("select name from disabled_capabilities where account = $1 order by name")
            .bind(account)
            .fetch_all(&self.pool)
            .await;
        names.map_err(|cause| self.failed(cause))
    }
}

impl Changes {
    /// Switches a capability off for an account; nothing changes when it is.
    pub async fn disable_capability(&mut self, account: i64, name: &str) -> Result<()> {
        let done =
            sqlx::query("insert into disabled_capabilities (account, name) values ($1, $2) on conflict do nothing")
                .bind(account)
                .bind(name)
                .execute(&mut *self.transaction)
                .await;
        done.map(drop).map_err(|cause| self.failed(cause))
    }

    /// Switches a capability on again; nothing changes when it is.
    pub async fn enable_capability(&mut self, account: i64, name: &str) -> Result<()> {
        let done = sqlx::query("delete from disabled_capabilities where account = $1 and name = $2")
            .bind(account)
            .bind(name)
            .execute(&mut *self.transaction)
            .await;
        done.map(drop).map_err(|cause| self.failed(cause))
    }
}
