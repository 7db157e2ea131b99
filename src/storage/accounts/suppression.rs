//! The table `suppressions`.

use super::{Changes, Database, Result};

/// An address that mail of somebody is not sent to.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct SuppressionRow {
    /// The account or alias.
    pub owner: String,
    /// An address, or `@` and a domain.
    pub address: String,
    /// Whether it was put here because mail to it failed.
    pub failed: bool,
    /// Why, in words.
    pub reason: String,
    /// When it was put here, in seconds since 1970.
    pub added: i64,
    /// When it is forgotten, if it is.
    pub expires: Option<i64>,
}

impl Changes {
    /// Takes all of an owner away, who goes too.
    pub async fn forget_suppressions(&mut self, owner: &str) -> Result<()> {
        let done = sqlx::query("delete from suppressions where owner = $1")
            .bind(owner)
            .execute(&mut *self.transaction)
            .await;
        done.map(drop).map_err(|cause| self.failed(cause))
    }
}

impl Database {
    /// Whether mail of one of these owners is not sent to an address, or to its domain, written `@domain`.
    pub async fn suppression(&self, owners: [&str; 3], address: &str, domain: &str) -> Result<Option<SuppressionRow>> {
        let [first, second, third] = owners;
        let row = sqlx::query_as(
            "select owner, address, failed, reason, added, expires from suppressions \
             where owner in ($1, $2, $3) and address in ($4, $5) and (expires is null or expires > unixepoch()) \
             order by failed limit 1",
        )
        .bind(first)
        .bind(second)
        .bind(third)
        .bind(address)
        .bind(domain)
        .fetch_optional(&self.pool)
        .await;
        row.map_err(|cause| self.failed(cause))
    }

    /// The address of an account, as an owner is written.
    pub async fn owner(&self, account: i64) -> Result<Option<String>> {
        let owner = sqlx::query_scalar(
            "select accounts.local || '@' || domains.name from accounts \
             join domains on domains.id = accounts.domain where accounts.id = $1",
        )
        .bind(account)
        .fetch_optional(&self.pool)
        .await;
        owner.map_err(|cause| self.failed(cause))
    }

    /// All of an owner that have not expired, by address.
    pub async fn suppressions(&self, owner: &str) -> Result<Vec<SuppressionRow>> {
        let rows = sqlx::query_as(
            "select owner, address, failed, reason, added, expires from suppressions \
             where owner = $1 and (expires is null or expires > unixepoch()) order by address",
        )
        .bind(owner)
        .fetch_all(&self.pool)
        .await;
        rows.map_err(|cause| self.failed(cause))
    }

    /// Puts one there, in the place of an older one; what has expired goes. What was put there by hand is not changed by a
    /// failure.
    pub async fn suppress(&self, row: &SuppressionRow) -> Result<()> {
        let gone = sqlx::query("delete from suppressions where expires <= unixepoch()")
            .execute(&self.pool)
            .await;
        gone.map_err(|cause| self.failed(cause))?;
        let done = sqlx::query(
            "insert into suppressions (owner, address, failed, reason, added, expires) values ($1, $2, $3, $4, $5, $6) \
             on conflict do update set failed = $3, reason = $4, added = $5, expires = $6 where $3 = 0 or failed = 1",
        )
        .bind(&row.owner)
        .bind(&row.address)
        .bind(row.failed)
        .bind(&row.reason)
        .bind(row.added)
        .bind(row.expires)
        .execute(&self.pool)
        .await;
        done.map(drop).map_err(|cause| self.failed(cause))
    }

    /// Takes one away, or all of an owner. How many there were.
    pub async fn unsuppress(&self, owner: &str, address: Option<&str>) -> Result<u64> {
        let done = sqlx::query("delete from suppressions where owner = $1 and ($2 is null or address = $2)")
            .bind(owner)
            .bind(address)
            .execute(&self.pool)
            .await;
        done.map(|done| done.rows_affected())
            .map_err(|cause| self.failed(cause))
    }
}
