//! The one task that counts.

use std::sync::{Mutex, PoisonError};

use sqlx::sqlite::{SqliteConnection, SqlitePool};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::Seen;

/// Notes that wait to be counted; further ones are lost.
const WAITING: usize = 4096;
/// Notes counted in one transaction.
const BATCH: usize = 512;
/// Different rows of one report; further ones are lost.
const MAX_ROWS_OF_DOMAIN: i64 = 10_000;
/// Different rows of one day.
const MAX_ROWS_OF_DAY: i64 = 500_000;

/// Where notes go.
pub(super) struct Recorder {
    inbox: mpsc::Sender<Work>,
    task: Mutex<Option<JoinHandle<()>>>,
}

enum Work {
    Note(i64, Seen),
    /// Answered when all before it is counted.
    Tell(oneshot::Sender<()>),
    /// The last.
    Stop,
}

impl Recorder {
    pub(super) fn start(pool: SqlitePool) -> Recorder {
        let (inbox, work) = mpsc::channel(WAITING);
        Recorder {
            inbox,
            task: Mutex::new(Some(tokio::spawn(run(pool, work)))),
        }
    }

    pub(super) fn note(&self, day: i64, seen: Seen) {
        if self.inbox.try_send(Work::Note(day, seen)).is_err() {
            tracing::debug!("too much at once, or at the end: something is not counted for reports");
        }
    }

    pub(super) async fn counted(&self) {
        let (told, counted) = oneshot::channel();
        if self.inbox.send(Work::Tell(told)).await.is_ok() {
            let _ = counted.await;
        }
    }

    pub(super) async fn close(&self) {
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            let _ = self.inbox.send(Work::Stop).await;
            let _ = task.await;
        }
    }
}

async fn run(pool: SqlitePool, mut inbox: mpsc::Receiver<Work>) {
    let (mut batch, mut stopped) = (Vec::with_capacity(BATCH), false);
    while !stopped && inbox.recv_many(&mut batch, BATCH).await > 0 {
        let (mut notes, mut waiting) = (Vec::new(), Vec::new());
        for work in batch.drain(..) {
            match work {
                Work::Note(day, seen) => notes.push((day, seen)),
                Work::Tell(told) => waiting.push(told),
                Work::Stop => stopped = true,
            }
        }
        if let Err(error) = count(&pool, &notes).await {
            tracing::error!(%error, lost = notes.len(), "what reports are made of could not be written");
        }
        for told in waiting {
            let _ = told.send(());
        }
    }
}

async fn count(pool: &SqlitePool, notes: &[(i64, Seen)]) -> sqlx::Result<()> {
    if notes.is_empty() {
        return Ok(());
    }
    let mut changes = pool.begin_with("begin immediate").await?;
    for (day, seen) in notes {
        if !again(&mut changes, *day, seen).await? && has_room(&mut changes, *day, seen).await? {
            begin(&mut changes, *day, seen).await?;
        }
    }
    changes.commit().await
}

/// One more of a row that is there. Whether it is.
async fn again(connection: &mut SqliteConnection, day: i64, seen: &Seen) -> sqlx::Result<bool> {
    let done = sqlx::query(
        "update seen set count = count + 1 \
         where kind = $1 and day = $2 and domain = $3 and policy = $4 and record = $5",
    )
    .bind(seen.kind.as_str())
    .bind(day)
    .bind(&seen.domain)
    .bind(&seen.policy)
    .bind(&seen.record)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

async fn begin(connection: &mut SqliteConnection, day: i64, seen: &Seen) -> sqlx::Result<()> {
    sqlx::query("insert into seen values ($1, $2, $3, $4, $5, 1)")
        .bind(seen.kind.as_str())
        .bind(day)
        .bind(&seen.domain)
        .bind(&seen.policy)
        .bind(&seen.record)
        .execute(connection)
        .await?;
    Ok(())
}

async fn has_room(connection: &mut SqliteConnection, day: i64, seen: &Seen) -> sqlx::Result<bool> {
    let (of_domain, of_day): (i64, i64) = sqlx::query_as(
        "select (select count(*) from seen where kind = $1 and day = $2 and domain = $3), \
         (select count(*) from (select 1 from seen where kind = $1 and day = $2 limit $4))",
    )
    .bind(seen.kind.as_str())
    .bind(day)
    .bind(&seen.domain)
    .bind(MAX_ROWS_OF_DAY)
    .fetch_one(connection)
    .await?;
    Ok(of_domain < MAX_ROWS_OF_DOMAIN && of_day < MAX_ROWS_OF_DAY)
}
