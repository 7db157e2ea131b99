//! The one writer of a database: a task that owns the only writing connection and puts the work of many callers into one
//! transaction, so that a burst costs one sync.
//!
//! A piece that fails does not undo the others: as a rule none does, and when one does all are undone and done again with a
//! savepoint each. Every statement costs two switches between threads, so there are no more than it takes. Callers are answered
//! after the commit. Work that was not begun within the time limit is given back undone, so a database that something else
//! keeps locked delays a caller by the limit and no longer.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::StoreError;

/// Pieces of work that may wait. More make their callers wait for room.
const INBOX: usize = 1024;
/// Pieces of work in one transaction.
const BATCH: usize = 512;
/// How long one attempt waits for a lock that something else holds, before expired work is given back.
const ATTEMPT: Duration = Duration::from_millis(200);

/// What a database can be asked to write.
pub(in crate::storage) trait Work: Send + Sync + 'static {
    /// What comes of it.
    type Done: Send + 'static;

    /// Does it, within the writer's transaction. Done again when the transaction had to be undone.
    fn perform(
        &self,
        connection: &mut SqliteConnection,
    ) -> impl Future<Output = Result<Self::Done, sqlx::Error>> + Send;
}

/// The way to the writer.
pub(in crate::storage) struct Writer<W: Work> {
    inbox: mpsc::Sender<Job<W>>,
    timeout: Duration,
    closing: CancellationToken,
    task: Arc<Mutex<Option<JoinHandle<()>>>>,
}

struct Job<W: Work> {
    work: W,
    deadline: Instant,
    answer: oneshot::Sender<Result<W::Done, StoreError>>,
}

/// Cheap.
impl<W: Work> Clone for Writer<W> {
    fn clone(&self) -> Writer<W> {
        Writer {
            inbox: self.inbox.clone(),
            timeout: self.timeout,
            closing: self.closing.clone(),
            task: self.task.clone(),
        }
    }
}

impl<W: Work> Writer<W> {
    /// Begins with this connection, and makes others as it was made when it cannot be trusted any more.
    pub(in crate::storage) fn start(
        connection: SqliteConnection,
        options: SqliteConnectOptions,
        timeout: Duration,
    ) -> Writer<W> {
        let (inbox, jobs) = mpsc::channel(INBOX);
        let closing = CancellationToken::new();
        let task = tokio::spawn(run(connection, options.busy_timeout(ATTEMPT), jobs, closing.clone()));
        Writer {
            inbox,
            timeout,
            closing,
            task: Arc::new(Mutex::new(Some(task))),
        }
    }

    /// Has work done. An answer of `TimedOut` may also come when the work was begun and takes too long: then it may still
    /// happen, which callers must be ready for.
    pub(in crate::storage) async fn work(&self, work: W) -> Result<W::Done, StoreError> {
        let deadline = Instant::now() + self.timeout;
        let (answer, answered) = oneshot::channel();
        let job = Job { work, deadline, answer };
        match tokio::time::timeout_at(deadline, self.inbox.send(job)).await {
            Err(_) => return Err(StoreError::TimedOut),
            Ok(Err(_)) => return Err(StoreError::Closed),
            Ok(Ok(())) => {}
        }
        answered.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Ends the task after the work that waits is done.
    pub(in crate::storage) async fn close(&self) {
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.closing.cancel();
        if let Some(task) = task {
            let _ = task.await;
        }
    }
}

async fn run<W: Work>(
    mut connection: SqliteConnection,
    options: SqliteConnectOptions,
    mut inbox: mpsc::Receiver<Job<W>>,
    closing: CancellationToken,
) {
    let file = options.get_filename().display().to_string();
    let mut jobs = Vec::new();
    let mut usable = sqlx::query("pragma busy_timeout = 200")
        .execute(&mut connection)
        .await
        .is_ok();
    loop {
        let received = tokio::select! {
            received = inbox.recv_many(&mut jobs, BATCH) => received,
            () = closing.cancelled(), if !inbox.is_closed() => {
                // What is in it is still done.
                inbox.close();
                continue;
            }
        };
        if received == 0 {
            break;
        }
        if !usable {
            match options.connect().await {
                Ok(fresh) => connection = fresh,
                Err(error) => tracing::error!(%error, file, "the database cannot be opened again"),
            }
        }
        usable = match transaction(&mut connection, &mut jobs).await {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(error, file, "the database could not be written");
                false
            }
        };
    }
    let _ = connection.close().await;
}

/// Does all jobs in one transaction and answers them. An error means that the connection is not to be trusted.
async fn transaction<W: Work>(connection: &mut SqliteConnection, jobs: &mut Vec<Job<W>>) -> Result<(), String> {
    loop {
        let now = Instant::now();
        for job in jobs.extract_if(.., |job| job.deadline <= now) {
            let _ = job.answer.send(Err(StoreError::TimedOut));
        }
        if jobs.is_empty() {
            return Ok(());
        }
        match sqlx::query("begin immediate").execute(&mut *connection).await {
            Ok(_) => break,
            Err(error) => match StoreError::from(error) {
                StoreError::TimedOut => {}
                error => return give_up(jobs, error),
            },
        }
    }
    let done = match together(connection, jobs).await {
        Some(done) => done.into_iter().map(Ok).collect(),
        None => match one_by_one(connection, jobs).await {
            Ok(done) => done,
            Err(error) => return give_up(jobs, error.into()),
        },
    };
    let Err(error) = sqlx::query("commit").execute(&mut *connection).await else {
        for (job, done) in jobs.drain(..).zip(done) {
            let _ = job.answer.send(done);
        }
        return Ok(());
    };
    // A failed sync is final for what was written: begin again from what is on disk.
    let _ = sqlx::query("rollback").execute(&mut *connection).await;
    let text = error.to_string();
    let _ = give_up(jobs, error.into());
    Err(text)
}

/// Does all jobs as one; `None` when one fails.
async fn together<W: Work>(connection: &mut SqliteConnection, jobs: &[Job<W>]) -> Option<Vec<W::Done>> {
    let mut done = Vec::with_capacity(jobs.len());
    for job in jobs {
        done.push(job.work.perform(connection).await.ok()?);
    }
    Some(done)
}

/// Undoes what was done, and does each of the jobs so that it can be undone alone.
async fn one_by_one<W: Work>(
    connection: &mut SqliteConnection,
    jobs: &[Job<W>],
) -> Result<Vec<Result<W::Done, StoreError>>, sqlx::Error> {
    // A full disk may have ended the transaction already.
    let _ = sqlx::query("rollback").execute(&mut *connection).await;
    sqlx::query("begin immediate").execute(&mut *connection).await?;
    let mut all = Vec::with_capacity(jobs.len());
    for job in jobs {
        sqlx::query("savepoint job").execute(&mut *connection).await?;
        let done = job.work.perform(connection).await;
        if done.is_err() {
            sqlx::query("rollback to job").execute(&mut *connection).await?;
        }
        sqlx::query("release job").execute(&mut *connection).await?;
        all.push(done.map_err(StoreError::from));
    }
    Ok(all)
}

/// Gives all of them the same error. A full disk is no reason to distrust the connection.
fn give_up<W: Work>(jobs: &mut Vec<Job<W>>, error: StoreError) -> Result<(), String> {
    let text = match error {
        StoreError::NoSpace => None,
        StoreError::Failed(text) => Some(text),
        other => Some(other.to_string()),
    };
    for job in jobs.drain(..) {
        let error = text.clone().map_or(StoreError::NoSpace, StoreError::Failed);
        let _ = job.answer.send(Err(error));
    }
    text.map_or(Ok(()), Err)
}
