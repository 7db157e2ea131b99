//! The table `secrets`.

use super::{Database, Result};

impl Database {
    /// The secret of this name: `fresh` from now on, if there is none yet.
    pub async fn secret(&self, name: &str, fresh: &[u8]) -> Result<Vec<u8>> {
        let inserted = sqlx::query("insert into secrets (name, value) values ($1, $2) on conflict do nothing")
            .bind(name)
            .bind(fresh)
            .execute(&self.pool)
            .await;
        inserted.map_err(|cause| self.failed(cause))?;
        let value = sqlx::query_scalar("select value from secrets where name = $1")
            .bind(name)
            .fetch_one(&self.pool)
            .await;
        value.map_err(|cause| self.failed(cause))
    }
}
