//! The tables `aliases`, `alias_targets` and `alias_forwards`.

use super::{AccountRow, Changes, Database, Result};

/// An alias and one account it leads to.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct AliasRow {
    /// Its number.
    pub id: i64,
    /// The local part, in lower case; empty for the catch-all.
    pub local: String,
    /// The domain, normalised.
    pub domain: String,
    /// The local part of the account's address.
    pub target_local: String,
    /// The domain of the account's address.
    pub target_domain: String,
}

/// An alias and one address that it leads to, which is no account's.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ForwardRow {
    /// The local part of the alias; empty for the catch-all.
    pub local: String,
    /// The domain of the alias.
    pub domain: String,
    /// Where its mail goes.
    pub address: String,
}

/// What every select of aliases begins with.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select aliases.id, aliases.local, domains.name as domain, \
    accounts.local as target_local, homes.name as target_domain \
    from aliases \
    join domains on domains.id = aliases.domain \
    join alias_targets on alias_targets.alias = aliases.id \
    join accounts on accounts.id = alias_targets.account \
    join domains as homes on homes.id = accounts.domain ",
            $rest
        )
    };
}

impl Database {
    /// All aliases, a row for each account they lead to, by domain, local part and account.
    pub async fn aliases(&self) -> Result<Vec<AliasRow>> {
        let sql = select!("order by domains.name, aliases.local, homes.name, accounts.local");
        let rows = sqlx::query_as(sql).fetch_all(&self.pool).await;
        rows.map_err(|cause| self.failed(cause))
    }

    /// All addresses that aliases lead to besides accounts, by domain and local part.
    pub async fn forwards(&self) -> Result<Vec<ForwardRow>> {
        let rows = sqlx::query_as(
            "select aliases.local, domains.name as domain, address from alias_forwards \
             join aliases on aliases.id = alias_forwards.alias \
             join domains on domains.id = aliases.domain \
             order by domains.name, aliases.local, address",
        )
        .fetch_all(&self.pool)
        .await;
        rows.map_err(|cause| self.failed(cause))
    }

    /// The addresses that an alias leads to besides accounts.
    pub async fn alias_forwards(&self, local: &str, domain: &str) -> Result<Vec<String>> {
        let addresses = sqlx::query_scalar(
            "select address from alias_forwards \
             join aliases on aliases.id = alias_forwards.alias \
             join domains on domains.id = aliases.domain \
             where domains.name = $2 and aliases.local = $1 order by address",
        )
        .bind(local)
        .bind(domain)
        .fetch_all(&self.pool)
        .await;
        addresses.map_err(|cause| self.failed(cause))
    }

    /// The accounts that an alias leads to; none when there is no such alias.
    pub async fn alias_targets(&self, local: &str, domain: &str) -> Result<Vec<AccountRow>> {
        let rows = sqlx::query_as(
            "select accounts.id, accounts.local, homes.name as domain, password, enabled, \
             stored_key, server_key \
             from aliases \
             join domains on domains.id = aliases.domain \
             join alias_targets on alias_targets.alias = aliases.id \
             join accounts on accounts.id = alias_targets.account \
             join domains as homes on homes.id = accounts.domain \
             where domains.name = $2 and aliases.local = $1 \
             order by accounts.id",
        )
        .bind(local)
        .bind(domain)
        .fetch_all(&self.pool)
        .await;
        rows.map_err(|cause| self.failed(cause))
    }
}

impl Changes {
    /// An alias's number, by its address.
    pub async fn alias(&mut self, local: &str, domain: &str) -> Result<Option<i64>> {
        let id = sqlx::query_scalar(
            "select aliases.id from aliases join domains on domains.id = aliases.domain \
             where domains.name = $2 and local = $1",
        )
        .bind(local)
        .bind(domain)
        .fetch_optional(&mut *self.transaction)
        .await;
        id.map_err(|cause| self.failed(cause))
    }

    /// The aliases that lead to an account.
    pub async fn aliases_of(&mut self, account: i64) -> Result<Vec<AliasRow>> {
        let sql = select!("where accounts.id = $1 order by domains.name, aliases.local");
        let rows = sqlx::query_as(sql)
            .bind(account)
            .fetch_all(&mut *self.transaction)
            .await;
        rows.map_err(|cause| self.failed(cause))
    }

    /// Adds an alias that is not there. Returns its number.
    pub async fn insert_alias(&mut self, local: &str, domain: i64) -> Result<i64> {
        let done = sqlx::query("insert into aliases (local, domain) values ($1, $2)")
            .bind(local)
            .bind(domain)
            .execute(&mut *self.transaction)
            .await;
        done.map(|done| done.last_insert_rowid())
            .map_err(|cause| self.failed(cause))
    }

    /// Lets an alias lead to an account (too).
    pub async fn insert_target(&mut self, alias: i64, account: i64) -> Result<()> {
        let done = sqlx::query("insert into alias_targets (alias, account) values ($1, $2) on conflict do nothing")
            .bind(alias)
            .bind(account)
            .execute(&mut *self.transaction)
            .await;
        done.map(drop).map_err(|cause| self.failed(cause))
    }

    /// Lets an alias lead to an address that is no account's (too).
    pub async fn insert_forward(&mut self, alias: i64, address: &str) -> Result<()> {
        let done = sqlx::query("insert into alias_forwards (alias, address) values ($1, $2) on conflict do nothing")
            .bind(alias)
            .bind(address)
            .execute(&mut *self.transaction)
            .await;
        done.map(drop).map_err(|cause| self.failed(cause))
    }

    /// The aliases that lead to an address which is no account's.
    pub async fn aliases_to(&mut self, address: &str) -> Result<Vec<ForwardRow>> {
        let rows = sqlx::query_as(
            "select aliases.local, domains.name as domain, address from alias_forwards \
             join aliases on aliases.id = alias_forwards.alias \
             join domains on domains.id = aliases.domain \
             where address = $1 order by domains.name, aliases.local",
        )
        .bind(address)
        .fetch_all(&mut *self.transaction)
        .await;
        rows.map_err(|cause| self.failed(cause))
    }

    /// Removes an alias with all its targets.
    pub async fn delete_alias(&mut self, id: i64) -> Result<()> {
        let done = sqlx::query("delete from aliases where id = $1")
            .bind(id)
            .execute(&mut *self.transaction)
            .await;
        done.map(drop).map_err(|cause| self.failed(cause))
    }
}
