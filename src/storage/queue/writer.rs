//! The one writer: a task that owns the only writing connection and puts the work of many callers into one transaction, so
//! that a burst of messages costs one sync.
//!
//! Each piece of work has a savepoint of its own, so that one that fails does not undo the others. Callers are answered
//! after the commit. Work that was not begun within the time limit is given back undone.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::administer::Change;
use super::rows::remove_finished;
use super::{NewRows, QueueStoreError, RecipientChange, Settled, sorted};

/// Pieces of work that may wait. More make their callers wait for room.
const INBOX: usize = 1024;
/// Pieces of work in one transaction.
const BATCH: usize = 256;
/// How long one attempt waits for a lock that another process holds, before expired work is given back.
const ATTEMPT: Duration = Duration::from_millis(200);

/// What is to be done.
pub(super) enum Work {
    Put(Vec<NewRows>),
    Settle(i64, Vec<RecipientChange>, Vec<NewRows>),
    Change(Change),
    /// Look whether another process has written.
    Version,
    /// Nothing more after what is in the inbox now.
    Stop,
}

/// What came of it.
pub(super) enum Done {
    Nothing,
    Settled(Settled),
    /// Recipients that were changed.
    Recipients(u64),
    /// Whether another process has written.
    Changed(bool),
}

type Answer = Result<Done, QueueStoreError>;

struct Job {
    work: Work,
    deadline: Instant,
    answer: oneshot::Sender<Answer>,
}

/// The way to the writer. Cheap to clone.
#[derive(Clone)]
pub(super) struct Writer {
    inbox: mpsc::Sender<Job>,
    timeout: Duration,
    task: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Writer {
    pub(super) fn start(connection: SqliteConnection, options: SqliteConnectOptions, timeout: Duration) -> Writer {
        let (inbox, jobs) = mpsc::channel(INBOX);
        let options = options.busy_timeout(ATTEMPT);
        let task = tokio::spawn(run(connection, options, jobs));
        Writer {
            inbox,
            timeout,
            task: Arc::new(Mutex::new(Some(task))),
        }
    }

    /// Has work done.
    pub(super) async fn work(&self, work: Work) -> Answer {
        let deadline = Instant::now() + self.timeout;
        let (answer, answered) = oneshot::channel();
        let job = Job { work, deadline, answer };
        match tokio::time::timeout_at(deadline, self.inbox.send(job)).await {
            Err(_) => return Err(QueueStoreError::TimedOut),
            Ok(Err(_)) => return Err(QueueStoreError::Closed),
            Ok(Ok(())) => {}
        }
        answered.await.unwrap_or(Err(QueueStoreError::Closed))
    }

    /// Ends the task after the work that waits is done.
    pub(super) async fn close(&self) {
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (answer, _) = oneshot::channel();
        let stop = Job {
            work: Work::Stop,
            deadline: Instant::now(),
            answer,
        };
        if let Some(task) = task {
            let _ = self.inbox.send(stop).await;
            let _ = task.await;
        }
    }
}

async fn run(mut connection: SqliteConnection, options: SqliteConnectOptions, mut inbox: mpsc::Receiver<Job>) {
    let mut jobs = Vec::new();
    let mut usable = sqlx::query("pragma busy_timeout = 200")
        .execute(&mut connection)
        .await
        .is_ok();
    let mut version = None;
    loop {
        if inbox.recv_many(&mut jobs, BATCH).await == 0 {
            break;
        }
        if !usable {
            match options.connect().await {
                Ok(fresh) => {
                    connection = fresh;
                    version = None;
                }
                Err(error) => tracing::error!(%error, "the queue cannot be opened again"),
            }
        }
        let stop = jobs.extract_if(.., |job| matches!(job.work, Work::Stop)).count() > 0;
        for job in jobs.extract_if(.., |job| matches!(job.work, Work::Version)) {
            let _ = job.answer.send(look(&mut connection, &mut version).await);
        }
        usable = match transaction(&mut connection, &mut jobs).await {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(%error, "the queue could not be written");
                false
            }
        };
        if stop {
            inbox.close();
        }
    }
    let _ = connection.close().await;
}

/// `data_version` changes when any connection but this one has written, and this is the only one of its process that does.
async fn look(connection: &mut SqliteConnection, known: &mut Option<i64>) -> Answer {
    let version: i64 = sqlx::query_scalar("pragma data_version")
        .fetch_one(connection)
        .await
        .map_err(sorted)?;
    let changed = known.replace(version).is_none_or(|known| known != version);
    Ok(Done::Changed(changed))
}

/// Does all jobs in one transaction and answers them. An error means that the connection is not to be trusted.
async fn transaction(connection: &mut SqliteConnection, jobs: &mut Vec<Job>) -> Result<(), sqlx::Error> {
    loop {
        let now = Instant::now();
        for job in jobs.extract_if(.., |job| job.deadline <= now) {
            let _ = job.answer.send(Err(QueueStoreError::TimedOut));
        }
        if jobs.is_empty() {
            return Ok(());
        }
        match sqlx::query("begin immediate").execute(&mut *connection).await {
            Ok(_) => break,
            Err(error) => match sorted(error) {
                QueueStoreError::TimedOut => {}
                QueueStoreError::NoSpace => {
                    give_up(jobs, || QueueStoreError::NoSpace);
                    return Ok(());
                }
                error => {
                    let text = error.to_string();
                    give_up(jobs, || QueueStoreError::Failed(text.clone()));
                    return Err(sqlx::Error::Protocol(text));
                }
            },
        }
    }
    let mut answers = Vec::with_capacity(jobs.len());
    for job in jobs.drain(..) {
        answers.push((job.answer, one(connection, job.work).await));
    }
    let Err(error) = sqlx::query("commit").execute(&mut *connection).await else {
        for (answer, done) in answers {
            let _ = answer.send(done);
        }
        return Ok(());
    };
    let _ = sqlx::query("rollback").execute(&mut *connection).await;
    let text = error.to_string();
    let no_space = matches!(sorted(error), QueueStoreError::NoSpace);
    for (answer, _) in answers {
        let _ = answer.send(Err(match no_space {
            true => QueueStoreError::NoSpace,
            false => QueueStoreError::Failed(text.clone()),
        }));
    }
    // A failed sync is final for what was written: begin again from what is on disk.
    Err(sqlx::Error::Protocol(text))
}

fn give_up(jobs: &mut Vec<Job>, error: impl Fn() -> QueueStoreError) {
    for job in jobs.drain(..) {
        let _ = job.answer.send(Err(error()));
    }
}

async fn one(connection: &mut SqliteConnection, work: Work) -> Answer {
    sqlx::query("savepoint job")
        .execute(&mut *connection)
        .await
        .map_err(sorted)?;
    let done = perform(connection, work).await;
    if done.is_err() {
        sqlx::query("rollback to job")
            .execute(&mut *connection)
            .await
            .map_err(sorted)?;
    }
    sqlx::query("release job")
        .execute(&mut *connection)
        .await
        .map_err(sorted)?;
    done.map_err(sorted)
}

async fn perform(connection: &mut SqliteConnection, work: Work) -> Result<Done, sqlx::Error> {
    match work {
        Work::Put(entries) => {
            for entry in entries {
                entry.insert(connection).await?;
            }
        }
        Work::Settle(entry, changes, reports) => {
            let mut there = true;
            for change in changes {
                there &= change.write(connection).await?;
            }
            for report in reports.iter().filter(|_| there) {
                report.insert(connection).await?;
            }
            let finished = remove_finished(entry, connection).await?;
            return Ok(Done::Settled(Settled {
                finished,
                reported: there,
            }));
        }
        Work::Change(change) => return change.write(connection).await.map(Done::Recipients),
        Work::Version | Work::Stop => {}
    }
    Ok(Done::Nothing)
}
