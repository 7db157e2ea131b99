//! Reports that came: each once, however often it is sent.

use super::{Kind, ReportStore, Result};

/// Reports that are kept; beyond that the oldest go.
const MAX_RECEIVED: i64 = 20_000;

/// A report that came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Received {
    /// What it is about.
    pub kind: Kind,
    /// Our domain.
    pub domain: String,
    /// Who tells.
    pub reporter: String,
    /// What the reporter calls it.
    pub report: String,
    /// The time it is about, in seconds since 1970.
    pub begins: i64,
    /// Its end.
    pub ends: i64,
    /// What it says.
    pub rows: Vec<ReceivedRow>,
}

/// One line of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReceivedRow {
    /// An address that sent mail, or a server that was spoken with.
    pub source: String,
    /// How often.
    pub count: u64,
    /// Whether what was to be proven was.
    pub passed: bool,
    /// In words for people.
    pub detail: String,
}

/// A report in a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReceivedReport {
    /// Its number here.
    pub id: i64,
    /// What it is about.
    pub kind: Kind,
    /// Our domain.
    pub domain: String,
    /// Who tells.
    pub reporter: String,
    /// What the reporter calls it.
    pub report: String,
    /// The time it is about, in seconds since 1970.
    pub begins: i64,
    /// Its end.
    pub ends: i64,
    /// How often it was right.
    pub passed: u64,
    /// How often it was not.
    pub failed: u64,
}

impl ReportStore {
    /// Keeps a report that came on a day. Whether it is new.
    pub async fn receive(&self, day: i64, received: &Received) -> Result<bool> {
        let mut changes = self.pool.begin_with("begin immediate").await?;
        let new: Option<i64> = sqlx::query_scalar(
            "insert into received (kind, domain, reporter, report, begins, ends, day) \
             values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing returning id",
        )
        .bind(received.kind.as_str())
        .bind(&received.domain)
        .bind(&received.reporter)
        .bind(&received.report)
        .bind(received.begins)
        .bind(received.ends)
        .bind(day)
        .fetch_optional(&mut *changes)
        .await?;
        let Some(id) = new else {
            return Ok(false);
        };
        for row in &received.rows {
            sqlx::query("insert into received_row values ($1, $2, $3, $4, $5)")
                .bind(id)
                .bind(&row.source)
                .bind(i64::try_from(row.count).unwrap_or(i64::MAX))
                .bind(row.passed)
                .bind(&row.detail)
                .execute(&mut *changes)
                .await?;
        }
        sqlx::query("delete from received where id <= $1 - $2")
            .bind(id)
            .bind(MAX_RECEIVED)
            .execute(&mut *changes)
            .await?;
        changes.commit().await?;
        Ok(true)
    }

    /// The reports that came, of one domain or all, the latest first.
    pub async fn received(&self, domain: Option<&str>) -> Result<Vec<ReceivedReport>> {
        type Columns = (i64, String, String, String, String, i64, i64, i64, i64);
        let rows: Vec<Columns> = sqlx::query_as(
            "select id, kind, domain, reporter, report, begins, ends, \
             coalesce(sum(count) filter (where passed), 0), coalesce(sum(count) filter (where not passed), 0) \
             from received left join received_row on received = id where $1 is null or domain = $1 \
             group by id order by begins desc, id desc",
        )
        .bind(domain)
        .fetch_all(&self.pool)
        .await?;
        let read = |(id, kind, domain, reporter, report, begins, ends, passed, failed): Columns| ReceivedReport {
            id,
            kind: Kind::from_row(&kind),
            domain,
            reporter,
            report,
            begins,
            ends,
            passed: passed as u64,
            failed: failed as u64,
        };
        Ok(rows.into_iter().map(read).collect())
    }

    /// What a report says, the most frequent first.
    pub async fn received_rows(&self, id: i64) -> Result<Vec<ReceivedRow>> {
        let rows: Vec<(String, i64, bool, String)> = sqlx::query_as(
            "select source, count, passed, detail from received_row where received = $1 order by count desc, source",
        )
        .bind(id)
        .fetch_all(&self.pool)
        .await?;
        let read = |(source, count, passed, detail): (String, i64, bool, String)| ReceivedRow {
            source,
            count: count as u64,
            passed,
            detail,
        };
        Ok(rows.into_iter().map(read).collect())
    }
}
