//! The table `domains`.

use super::{Changes, Database, Result};

/// A domain, with how much is in it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct DomainRow {
    /// Its number.
    pub id: i64,
    /// Its name, normalised.
    pub name: String,
    /// Accounts in it.
    pub accounts: i64,
    /// Aliases in it, the catch-all included.
    pub aliases: i64,
}

/// What every select of domains begins with.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select id, name, \
    (select count(*) from accounts where domain = domains.id) as accounts, \
    (select count(*) from aliases where domain = domains.id) as aliases \
    from domains ",
            $rest
        )
    };
}

impl Database {
    /// All domains, by name.
    pub async fn domains(&self) -> Result<Vec<DomainRow>> {
        let sql = select!("order by name");
        let rows = sqlx::query_as(sql).fetch_all(&self.pool).await;
        rows.map_err(|cause| self.failed(cause))
    }

    /// The one domain, if there is exactly one.
    pub async fn only_domain(&self) -> Result<Option<String>> {
        let names = sqlx::query_scalar("select name from domains limit 2")
            .fetch_all(&self.pool)
            .await;
        let mut names: Vec<String> = names.map_err(|cause| self.failed(cause))?;
        Ok(if names.len() == 1 { names.pop() } else { None })
    }

    /// Whether a domain is ours.
    pub async fn has_domain(&self, name: &str) -> Result<bool> {
        let found = sqlx::query_scalar("select exists (select 1 from domains where name = $1)")
            .bind(name)
            .fetch_one(&self.pool)
            .await;
        found.map_err(|cause| self.failed(cause))
    }
}

impl Changes {
    /// A domain by name.
    pub async fn domain(&mut self, name: &str) -> Result<Option<DomainRow>> {
        let sql = select!("where name = $1");
        let row = sqlx::query_as(sql)
            .bind(name)
            .fetch_optional(&mut *self.transaction)
            .await;
        row.map_err(|cause| self.failed(cause))
    }

    /// Adds a domain that is not there.
    pub async fn insert_domain(&mut self, name: &str) -> Result<()> {
        let done = sqlx::query("insert into domains (name) values ($1)")
            .bind(name)
            .execute(&mut *self.transaction)
            .await;
        done.map(drop).map_err(|cause| self.failed(cause))
    }

    /// Removes a domain that has neither accounts nor aliases.
    pub async fn delete_domain(&mut self, id: i64) -> Result<()> {
        let done = sqlx::query("delete from domains where id = $1")
            .bind(id)
            .execute(&mut *self.transaction)
            .await;
        done.map(drop).map_err(|cause| self.failed(cause))
    }
}
