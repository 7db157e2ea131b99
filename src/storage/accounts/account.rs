//! The table `accounts`.

use super::{Changes, Database, Result};

/// An account as stored.
#[derive(Clone, sqlx::FromRow)]
pub struct AccountRow {
    /// Its number.
    pub id: i64,
    /// The local part of its address, in lower case.
    pub local: String,
    /// The domain of its address, normalised.
    pub domain: String,
    /// The PHC string of its password.
    pub password: String,
    /// Whether it may log in.
    pub enabled: bool,
    /// SCRAM's StoredKey of its password, unless the password is older than these keys.
    pub stored_key: Option<Vec<u8>>,
    /// SCRAM's ServerKey, likewise.
    pub server_key: Option<Vec<u8>>,
}

/// A password as stored.
#[derive(Clone)]
pub struct PasswordRow {
    /// The PHC string.
    pub hash: String,
    /// SCRAM's StoredKey.
    pub stored_key: Vec<u8>,
    /// SCRAM's ServerKey.
    pub server_key: Vec<u8>,
}

/// What every select of accounts begins with.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select accounts.id, local, domains.name as domain, password, enabled, \
    stored_key, server_key \
    from accounts join domains on domains.id = accounts.domain ",
            $rest
        )
    };
}

impl Database {
    /// All accounts, by domain and local part.
    pub async fn accounts(&self) -> Result<Vec<AccountRow>> {
        let sql = select!("order by domains.name, local");
        let rows = sqlx::query_as(sql).fetch_all(&self.pool).await;
        rows.map_err(|cause| self.failed(cause))
    }

    /// An account by its address.
    pub async fn account(&self, local: &str, domain: &str) -> Result<Option<AccountRow>> {
        let sql = select!("where domains.name = $2 and local = $1");
        let row = sqlx::query_as(sql)
            .bind(local)
            .bind(domain)
            .fetch_optional(&self.pool)
            .await;
        row.map_err(|cause| self.failed(cause))
    }

    /// The oldest account of a domain, or else the oldest of all.
    pub async fn first_account(&self, domain: &str) -> Result<Option<AccountRow>> {
        let sql = select!("order by domains.name = $1 desc, accounts.id limit 1");
        let row = sqlx::query_as(sql).bind(domain).fetch_optional(&self.pool).await;
        row.map_err(|cause| self.failed(cause))
    }

    /// Adds the keys of SCRAM to a password that has none, if it is still this one.
    pub async fn complete_password(&self, id: i64, password: &PasswordRow) -> Result<()> {
        let sql = "update accounts set stored_key = $3, server_key = $4 where id = $1 and password = $2";
        let done = sqlx::query(sql)
            .bind(id)
            .bind(&password.hash)
            .bind(&password.stored_key)
            .bind(&password.server_key)
            .execute(&self.pool)
            .await;
        done.map(drop).map_err(|cause| self.failed(cause))
    }
}

impl Changes {
    /// An account by its address.
    pub async fn account(&mut self, local: &str, domain: &str) -> Result<Option<AccountRow>> {
        let sql = select!("where domains.name = $2 and local = $1");
        let row = sqlx::query_as(sql)
            .bind(local)
            .bind(domain)
            .fetch_optional(&mut *self.transaction)
            .await;
        row.map_err(|cause| self.failed(cause))
    }

    /// Adds an account that is not there. Returns its number.
    pub async fn insert_account(&mut self, local: &str, domain: i64, password: &PasswordRow) -> Result<i64> {
        let sql = "insert into accounts (local, domain, password, stored_key, server_key) values ($1, $2, $3, $4, $5)";
        let done = sqlx::query(sql)
            .bind(local)
            .bind(domain)
            .bind(&password.hash)
            .bind(&password.stored_key)
            .bind(&password.server_key)
            .execute(&mut *self.transaction)
            .await;
        done.map(|done| done.last_insert_rowid())
            .map_err(|cause| self.failed(cause))
    }

    /// Gives an account another password.
    pub async fn update_password(&mut self, id: i64, password: &PasswordRow) -> Result<()> {
        let sql = "update accounts set password = $2, stored_key = $3, server_key = $4 where id = $1";
        let done = sqlx::query(sql)
            .bind(id)
            .bind(&password.hash)
            .bind(&password.stored_key)
            .bind(&password.server_key)
            .execute(&mut *self.transaction)
            .await;
        done.map(drop).map_err(|cause| self.failed(cause))
    }

    /// Lets an account log in, or not.
    pub async fn update_enabled(&mut self, id: i64, enabled: bool) -> Result<()> {
        let done = sqlx::query("update accounts set enabled = $2 where id = $1")
            .bind(id)
            .bind(enabled)
            .execute(&mut *self.transaction)
            .await;
        done.map(drop).map_err(|cause| self.failed(cause))
    }

    /// Removes an account that no alias leads to.
    pub async fn delete_account(&mut self, id: i64) -> Result<()> {
        let done = sqlx::query("delete from accounts where id = $1")
            .bind(id)
            .execute(&mut *self.transaction)
            .await;
        done.map(drop).map_err(|cause| self.failed(cause))
    }
}
