//! The one writer: a task that owns the only writing connection and puts the work of many callers into one transaction.
//!
//! Each piece of work has a savepoint of its own, so that one that fails does not undo the others. Callers are answered
//! after the commit. Work that was not begun within the time limit is given back undone, so a database that something else
//! keeps locked delays a caller by the limit and no longer.

use super::commit::{Commit, json, put_summary};
use super::read::{MailboxRow, mailbox};
use super::{IndexError, sorted};
use crate::mail::ids::{MailboxId, Uid, UidValidity};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Pieces of work that may wait. More make their callers wait for room.
const INBOX: usize = 1024;
/// Pieces of work in one transaction.
const BATCH: usize = 512;
/// How long one attempt waits for a lock that something else holds, before expired work is given back.
const ATTEMPT: Duration = Duration::from_millis(200);

/// What is to be done.
pub(super) enum Work {
    Commit(Vec<Commit>),
    Mailbox {
        account: String,
        uid_validity: UidValidity,
        fresh: MailboxRow,
    },
    Forget(MailboxId),
    /// Expunges older than so many seconds need not be remembered any more.
    ForgetVanished(MailboxId, u64),
    Summaries(MailboxId, Vec<(Uid, Vec<u8>)>),
    Previews(MailboxId, Vec<(Uid, String)>),
    /// Nothing more after what is in the inbox now.
    Stop,
}

/// What came of it.
pub(super) enum Done {
    Nothing,
    Mailbox(MailboxRow),
}

type Answer = Result<Done, IndexError>;

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

    /// Has work done. An answer of `TimedOut` may also come when the work was begun and takes too long: then it may still
    /// happen, which callers must be ready for.
    pub(super) async fn work(&self, work: Work) -> Answer {
        let deadline = Instant::now() + self.timeout;
        let (answer, answered) = oneshot::channel();
        let job = Job { work, deadline, answer };
        match tokio::time::timeout_at(deadline, self.inbox.send(job)).await {
            Err(_) => return Err(IndexError::TimedOut),
            Ok(Err(_)) => return Err(IndexError::Closed),
            Ok(Ok(())) => {}
        }
        answered.await.unwrap_or(Err(IndexError::Closed))
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
    loop {
        if inbox.recv_many(&mut jobs, BATCH).await == 0 {
            break;
        }
        let stop = jobs.iter().any(|job| matches!(job.work, Work::Stop));
        if !usable {
            match options.connect().await {
                Ok(fresh) => connection = fresh,
                Err(error) => tracing::error!(%error, "the index cannot be opened again"),
            }
        }
        usable = match transaction(&mut connection, &mut jobs).await {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(%error, "the index could not be written");
                false
            }
        };
        if stop {
            inbox.close();
        }
    }
    let _ = connection.close().await;
}

/// Does all jobs in one transaction and answers them. An error means that the connection is not to be trusted.
async fn transaction(connection: &mut SqliteConnection, jobs: &mut Vec<Job>) -> Result<(), sqlx::Error> {
    loop {
        jobs.retain(|job| !matches!(job.work, Work::Stop));
        let now = Instant::now();
        for job in jobs.extract_if(.., |job| job.deadline <= now) {
            let _ = job.answer.send(Err(IndexError::TimedOut));
        }
        if jobs.is_empty() {
            return Ok(());
        }
        match sqlx::query("begin immediate").execute(&mut *connection).await {
            Ok(_) => break,
            Err(error) => match sorted(error) {
                IndexError::TimedOut => {}
                IndexError::Full => return give_up(jobs, || IndexError::Full),
                error => {
                    let text = error.to_string();
                    give_up(jobs, || IndexError::Failed(text.clone()))?;
                    return Err(sqlx::Error::Protocol(text));
                }
            },
        }
    }
    let mut answers = Vec::with_capacity(jobs.len());
    for job in jobs.drain(..) {
        answers.push((job.answer, one(connection, job.work).await));
    }
    let committed = sqlx::query("commit").execute(&mut *connection).await;
    let Err(error) = committed else {
        for (answer, done) in answers {
            let _ = answer.send(done);
        }
        return Ok(());
    };
    let _ = sqlx::query("rollback").execute(&mut *connection).await;
    let text = error.to_string();
    let full = matches!(sorted(error), IndexError::Full);
    for (answer, _) in answers {
        let _ = answer.send(Err(match full {
            true => IndexError::Full,
            false => IndexError::Failed(text.clone()),
        }));
    }
    // A failed sync is final for what was written: begin again from what is on disk.
    Err(sqlx::Error::Protocol(text))
}

fn give_up(jobs: &mut Vec<Job>, error: impl Fn() -> IndexError) -> Result<(), sqlx::Error> {
    for job in jobs.drain(..) {
        let _ = job.answer.send(Err(error()));
    }
    Ok(())
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
        Work::Commit(commits) => {
            for commit in commits {
                commit.write(connection).await?;
            }
        }
        Work::Mailbox {
            account,
            uid_validity,
            fresh,
        } => return find_or_make(connection, &account, uid_validity, fresh).await,
        Work::Stop => {}
        Work::Forget(id) => {
            for statement in [
                "delete from message where mailbox_id = $1",
                "delete from summary where mailbox_id = $1",
                "delete from preview where mailbox_id = $1",
                "delete from doomed where mailbox_id = $1",
                "delete from vanished where mailbox_id = $1",
                "delete from mailbox where id = $1",
            ] {
                sqlx::query(statement).bind(id.0).execute(&mut *connection).await?;
            }
        }
        Work::ForgetVanished(id, seconds) => {
            let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
            for statement in [
                "update mailbox set history = max(history, (select coalesce(max(mod_seq), 0) from vanished
                     where mailbox_id = $1 and time < unixepoch() - $2))
                 where id = $1 and exists
                     (select 1 from vanished where mailbox_id = $1 and time < unixepoch() - $2)",
                "delete from vanished where mailbox_id = $1 and time < unixepoch() - $2",
            ] {
                sqlx::query(statement)
                    .bind(id.0)
                    .bind(seconds)
                    .execute(&mut *connection)
                    .await?;
            }
        }
        // Only of messages that are still there: nobody would take the others away again.
        Work::Previews(id, made) => {
            let made = json(made.iter().map(|(uid, text)| (uid.get(), text)));
            sqlx::query(
                "insert or replace into preview (mailbox_id, uid, text)
                 select $1, value ->> 0, value ->> 1 from json_each($2)
                 where exists (select 1 from message where mailbox_id = $1 and uid = value ->> 0)",
            )
            .bind(id.0)
            .bind(made)
            .execute(connection)
            .await?;
        }
        Work::Summaries(id, made) => {
            for (uid, bytes) in made {
                put_summary(id.0, uid, &bytes, connection).await?;
            }
        }
    }
    Ok(Done::Nothing)
}

async fn find_or_make(
    connection: &mut SqliteConnection,
    account: &str,
    uid_validity: UidValidity,
    fresh: MailboxRow,
) -> Result<Done, sqlx::Error> {
    sqlx::query(
        "insert or ignore into mailbox (account, uid_validity, uid_next, mod_seq, first_recent, complete, history)
         values ($1, $2, $3, $4, $5, $6, $4)",
    )
    .bind(account)
    .bind(uid_validity.get())
    .bind(fresh.uid_next)
    .bind(fresh.mod_seq.get() as i64)
    .bind(fresh.first_recent)
    .bind(fresh.complete)
    .execute(&mut *connection)
    .await?;
    let row = sqlx::query(
        "select id, uid_next, mod_seq, first_recent, complete from mailbox
         where account = $1 and uid_validity = $2",
    )
    .bind(account)
    .bind(uid_validity.get())
    .fetch_one(connection)
    .await?;
    mailbox(&row).map(Done::Mailbox).ok_or(sqlx::Error::RowNotFound)
}
