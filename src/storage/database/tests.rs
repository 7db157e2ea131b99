//! The writer, with a table of numbers that are to be written.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{ConnectOptions, SqliteConnection};

use super::StoreError;
use super::writer::{Work, Writer};

/// A number, once.
struct Number(i64);

impl Work for Number {
    type Done = i64;

    async fn perform(&self, connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
        sqlx::query("insert into number values ($1)")
            .bind(self.0)
            .execute(connection)
            .await?;
        Ok(self.0)
    }
}

async fn open(folder: &Path, timeout: Duration) -> (Writer<Number>, SqliteConnection) {
    let options = SqliteConnectOptions::new()
        .filename(folder.join("test.db"))
        .journal_mode(SqliteJournalMode::Wal)
        .create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    let table = sqlx::query("create table number (value integer primary key)");
    table.execute(&mut connection).await.unwrap();
    let reader = options.connect().await.unwrap();
    (Writer::start(connection, options, timeout), reader)
}

async fn numbers(reader: &mut SqliteConnection) -> Vec<i64> {
    let numbers = sqlx::query_scalar("select value from number order by value");
    numbers.fetch_all(reader).await.unwrap()
}

#[tokio::test]
async fn what_fails_undoes_nothing_of_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let (writer, mut reader) = open(folder.path(), Duration::from_secs(20)).await;
    writer.work(Number(3)).await.unwrap();
    // All of them wait when the writer comes to look, so they share a transaction.
    let work = [1, 2, 3, 4, 5].map(|number| writer.work(Number(number)));
    let [one, two, three, four, five] = work;
    let done = tokio::join!(one, two, three, four, five);
    assert!(matches!(done.2, Err(StoreError::Failed(_))));
    assert_eq!([done.0, done.1, done.3, done.4].map(Result::unwrap), [1, 2, 4, 5]);
    assert_eq!(numbers(&mut reader).await, [1, 2, 3, 4, 5]);
    assert!(matches!(writer.work(Number(5)).await, Err(StoreError::Failed(_))));
    assert_eq!(writer.work(Number(6)).await.unwrap(), 6);
}

#[tokio::test]
async fn what_another_process_keeps_locked_is_given_back_undone() {
    let folder = tempfile::tempdir().unwrap();
    let (writer, mut other) = open(folder.path(), Duration::from_millis(300)).await;
    sqlx::query("begin immediate").execute(&mut other).await.unwrap();
    assert!(matches!(writer.work(Number(1)).await, Err(StoreError::TimedOut)));
    sqlx::query("rollback").execute(&mut other).await.unwrap();
    assert_eq!(writer.work(Number(2)).await.unwrap(), 2);
    assert_eq!(numbers(&mut other).await, [2]);
}

#[tokio::test]
async fn what_waits_at_the_end_is_done_and_what_comes_later_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let (writer, mut reader) = open(folder.path(), Duration::from_secs(20)).await;
    let (done, ()) = tokio::join!(writer.work(Number(1)), writer.close());
    assert_eq!(done.unwrap(), 1);
    assert!(matches!(writer.work(Number(2)).await, Err(StoreError::Closed)));
    assert_eq!(numbers(&mut reader).await, [1]);
}
