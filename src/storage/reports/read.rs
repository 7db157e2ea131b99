//! What was seen, and what became of the reports of it.

use super::{Kind, ReportStore, Result};

/// What was counted together on one day.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// What the domain publishes.
    pub policy: String,
    /// What was seen.
    pub record: String,
    /// How often.
    pub count: u64,
}

/// What there is of one day for one domain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Overview {
    /// What it is about.
    pub kind: Kind,
    /// Days since 1970.
    pub day: i64,
    /// Who is told.
    pub domain: String,
    /// What was counted.
    pub count: u64,
    /// What became of the report, in words; none before.
    pub outcome: Option<String>,
}

impl ReportStore {
    /// All that is remembered, the last days first.
    pub async fn overview(&self) -> Result<Vec<Overview>> {
        let rows: Vec<(String, i64, String, i64, Option<String>)> = sqlx::query_as(
            "select kind, day, domain, sum(count), (select outcome from told where told.kind = seen.kind \
             and told.day = seen.day and told.domain = seen.domain) \
             from seen group by kind, day, domain order by day desc, kind, domain",
        )
        .fetch_all(&self.pool)
        .await?;
        let read = |(kind, day, domain, count, outcome): (String, i64, String, i64, Option<String>)| Overview {
            kind: Kind::from_row(&kind),
            day,
            domain,
            count: count as u64,
            outcome,
        };
        Ok(rows.into_iter().map(read).collect())
    }

    /// What is not settled of the days from `first` to before `end`.
    pub async fn unsettled(&self, first: i64, end: i64) -> Result<Vec<(Kind, i64, String)>> {
        let rows: Vec<(String, i64, String)> = sqlx::query_as(
            "select distinct kind, day, domain from seen where day >= $1 and day < $2 and not exists \
             (select 1 from told where told.kind = seen.kind and told.day = seen.day and told.domain = seen.domain) \
             order by day, kind, domain",
        )
        .bind(first)
        .bind(end)
        .fetch_all(&self.pool)
        .await?;
        let read = |(kind, day, domain): (String, i64, String)| (Kind::from_row(&kind), day, domain);
        Ok(rows.into_iter().map(read).collect())
    }

    /// What was seen of a domain on a day, the most frequent first.
    pub async fn seen(&self, kind: Kind, day: i64, domain: &str) -> Result<Vec<Row>> {
        let rows: Vec<(String, String, i64)> = sqlx::query_as(
            "select policy, record, count from seen where kind = $1 and day = $2 and domain = $3 \
             order by count desc, policy, record",
        )
        .bind(kind.as_str())
        .bind(day)
        .bind(domain)
        .fetch_all(&self.pool)
        .await?;
        let read = |(policy, record, count): (String, String, i64)| Row {
            policy,
            record,
            count: count as u64,
        };
        Ok(rows.into_iter().map(read).collect())
    }

    /// The report of a day is settled, with an outcome in words: it is not sent again.
    pub async fn settle(&self, kind: Kind, day: i64, domain: &str, outcome: &str) -> Result<()> {
        sqlx::query("insert or replace into told values ($1, $2, $3, $4)")
            .bind(kind.as_str())
            .bind(day)
            .bind(domain)
            .bind(outcome)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// The next reports need not wait for their time.
    pub async fn wish(&self) -> Result<()> {
        sqlx::query("insert or ignore into wish values (1)")
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Whether somebody wished so. The wish is then fulfilled.
    pub async fn take_wish(&self) -> Result<bool> {
        let there: Option<i64> = sqlx::query_scalar("select only from wish")
            .fetch_optional(&self.pool)
            .await?;
        if there.is_some() {
            sqlx::query("delete from wish").execute(&self.pool).await?;
        }
        Ok(there.is_some())
    }

    /// Forgets what is from before a day.
    pub async fn forget_before(&self, day: i64) -> Result<()> {
        for forget in [
            "delete from seen where day < $1",
            "delete from told where day < $1",
            "delete from received where day < $1",
        ] {
            sqlx::query(forget).bind(day).execute(&self.pool).await?;
        }
        Ok(())
    }
}
