//! The table `app_passwords`.

use super::{Changes, Database, Result};

/// An app password as stored.
#[derive(Clone, sqlx::FromRow)]
pub struct AppPasswordRow {
    /// Its number.
    pub id: i64,
    /// What its owner calls it.
    pub name: String,
    /// `imap`, `smtp` or `both`.
    pub scope: String,
    /// A keyed hash of the password.
    pub digest: Vec<u8>,
    /// SCRAM's StoredKey.
    pub stored_key: Vec<u8>,
    /// SCRAM's ServerKey.
    pub server_key: Vec<u8>,
    /// When it was made, in seconds since 1970.
    pub created: i64,
    /// When it last logged in.
    pub used: Option<i64>,
    /// From where it last logged in.
    pub used_from: Option<String>,
}

/// What every select of app passwords begins with.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select id, name, scope, digest, stored_key, server_key, created, used, used_from from app_passwords ",
            $rest
        )
    };
}

impl Database {
    /// All app passwords of an account, by name.
    pub async fn app_passwords(&self, account: i64) -> Result<Vec<AppPasswordRow>> {
        let sql = select!("where account = $1 order by name");
        let rows = sqlx::query_as(sql).bind(account).fetch_all(&self.pool).await;
        rows.map_err(|cause| self.failed(cause))
    }

    /// The app password of an account that has this keyed hash.
    pub async fn app_password(&self, account: i64, digest: &[u8]) -> Result<Option<AppPasswordRow>> {
        let sql = select!("where account = $1 and digest = $2");
        let row = sqlx::query_as(sql)
            .bind(account)
            .bind(digest)
            .fetch_optional(&self.pool)
            .await;
        row.map_err(|cause| self.failed(cause))
    }

    /// Notes that an app password has just logged in.
    pub async fn touch_app_password(&self, id: i64, from: &str) -> Result<()> {
        let done = sqlx::query("update app_passwords set used = unixepoch(), used_from = $2 where id = $1")
            .bind(id)
            .bind(from)
            .execute(&self.pool)
            .await;
        done.map(drop).map_err(|cause| self.failed(cause))
    }
}

/// An app password that is to be.
pub struct NewAppPassword<'a> {
    /// What its owner calls it.
    pub name: &'a str,
    /// `imap`, `smtp` or `both`.
    pub scope: &'a str,
    /// A keyed hash of the password.
    pub digest: &'a [u8],
    /// SCRAM's StoredKey.
    pub stored_key: &'a [u8],
    /// SCRAM's ServerKey.
    pub server_key: &'a [u8],
}

impl Changes {
    /// How many app passwords an account has, and whether one of them has this name.
    pub async fn count_app_passwords(&mut self, account: i64, name: &str) -> Result<(i64, bool)> {
        let counted =
            sqlx::query_as("select count(*), coalesce(max(name = $2), 0) from app_passwords where account = $1")
                .bind(account)
                .bind(name)
                .fetch_one(&mut *self.transaction)
                .await;
        counted.map_err(|cause| self.failed(cause))
    }

    /// Adds an app password whose name is not there.
    pub async fn insert_app_password(&mut self, account: i64, new: NewAppPassword<'_>) -> Result<()> {
        let done = sqlx::query(
            "insert into app_passwords (account, name, scope, digest, stored_key, server_key) \
             values ($1, $2, $3, $4, $5, $6)",
        )
        .bind(account)
        .bind(new.name)
        .bind(new.scope)
        .bind(new.digest)
        .bind(new.stored_key)
        .bind(new.server_key)
        .execute(&mut *self.transaction)
        .await;
        done.map(drop).map_err(|cause| self.failed(cause))
    }

    /// Removes the app password of this name; whether there was one.
    pub async fn delete_app_password(&mut self, account: i64, name: &str) -> Result<bool> {
        let done = sqlx::query("delete from app_passwords where account = $1 and name = $2")
            .bind(account)
            .bind(name)
            .execute(&mut *self.transaction)
            .await;
        done.map(|done| done.rows_affected() > 0)
            .map_err(|cause| self.failed(cause))
    }
}
