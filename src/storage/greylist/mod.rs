//! Who has tried before: triplets of network, sender and recipient in `greylist.db`.
//!
//! Nothing is lost with it but that strangers are put off once more, so it is written without waiting for the disk, and a
//! file that cannot be read is made anew.

use std::path::Path;
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};

/// The file in the data folder.
const FILE: &str = "greylist.db";
/// Triplets remembered; beyond that the oldest go that nobody has come back for.
const MAX_TRIPLETS: i64 = 500_000;
/// How long a write may wait for another.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The open file. Cheap to clone.
#[derive(Clone)]
pub struct Greylist(SqlitePool);

/// A try to deliver.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Triplet {
    /// The client's network.
    pub network: String,
    /// The reverse-path.
    pub sender: String,
    /// A forward-path.
    pub recipient: String,
}

/// How long what lasts, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Before the next try counts.
    pub delay: i64,
    /// Until the next try comes too late.
    pub window: i64,
    /// From the last message on, until it begins anew.
    pub memory: i64,
}

impl Greylist {
    /// Opens or makes the file.
    pub async fn open(data: &Path) -> sqlx::Result<Greylist> {
        let file = data.join(FILE);
        let options = SqliteConnectOptions::new()
            .filename(&file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Off)
            .busy_timeout(BUSY_TIMEOUT)
            .disable_statement_logging();
        match Greylist::connect(options.clone()).await {
            Ok(list) => Ok(list),
            Err(error) => {
                tracing::warn!(%error, file = %file.display(), "the greylist is made anew");
                for suffix in ["", "-wal", "-shm"] {
                    let _ = std::fs::remove_file(data.join(format!("{FILE}{suffix}")));
                }
                Greylist::connect(options).await
            }
        }
    }

    async fn connect(options: SqliteConnectOptions) -> sqlx::Result<Greylist> {
        // One connection: each try is one short change.
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(BUSY_TIMEOUT)
            .connect_with(options)
            .await?;
        sqlx::query(
            "create table if not exists triplet (network text not null, sender text not null, recipient text not null, \
             first integer not null, last integer not null, passed integer not null, \
             primary key (network, sender, recipient)) without rowid",
        )
        .execute(&pool)
        .await?;
        Ok(Greylist(pool))
    }

    /// Notes a try at this time, in seconds since 1970. True if it has waited long enough, now or earlier.
    pub async fn passes(&self, now: i64, triplet: &Triplet, terms: Terms) -> sqlx::Result<bool> {
        // What is over begins anew; what is in time passes and stays so.
        let (passed,): (bool,) = sqlx::query_as(
            "insert into triplet values ($1, $2, $3, $4, $4, 0) on conflict do update set \
             first = case when (passed and last + $7 < $4) or (not passed and first + $6 < $4) then $4 else first end, \
             passed = case when passed then last + $7 >= $4 else first + $5 <= $4 and first + $6 >= $4 end, \
             last = $4 returning passed",
        )
        .bind(&triplet.network)
        .bind(&triplet.sender)
        .bind(&triplet.recipient)
        .bind(now)
        .bind(terms.delay)
        .bind(terms.window)
        .bind(terms.memory)
        .fetch_one(&self.0)
        .await?;
        Ok(passed)
    }

    /// Forgets what is over, and what is too much.
    pub async fn tidy(&self, now: i64, terms: Terms) -> sqlx::Result<()> {
        sqlx::query("delete from triplet where (passed and last + $2 < $1) or (not passed and first + $3 < $1)")
            .bind(now)
            .bind(terms.memory)
            .bind(terms.window)
            .execute(&self.0)
            .await?;
        sqlx::query(
            "delete from triplet where (network, sender, recipient) in (select network, sender, recipient from triplet \
             order by passed, last limit max(0, (select count(*) from triplet) - $1))",
        )
        .bind(MAX_TRIPLETS)
        .execute(&self.0)
        .await?;
        Ok(())
    }

    /// Closes the file.
    pub async fn close(&self) {
        self.0.close().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms = Terms {
        delay: 60,
        window: 1000,
        memory: 5000,
    };

    fn triplet(sender: &str) -> Triplet {
        Triplet {
            network: "192.0.2.0".to_owned(),
            sender: sender.to_owned(),
            recipient: "b@example.org".to_owned(),
        }
    }

    #[tokio::test]
    async fn who_comes_back_in_time_passes_and_is_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let list = Greylist::open(folder.path()).await.unwrap();
        let one = triplet("a@example.net");
        for (now, passes) in [
            (0, false),
            (59, false),
            (60, true),
            (61, true),
            (5061, true),
            // Too long ago: anew.
            (10_062, false),
            (10_121, false),
            (10_122, true),
        ] {
            assert_eq!(list.passes(now, &one, TERMS).await.unwrap(), passes, "{now}");
        }
        let late = triplet("late@example.net");
        for (now, passes) in [(0, false), (1001, false), (1060, false), (1061, true)] {
            assert_eq!(list.passes(now, &late, TERMS).await.unwrap(), passes, "{now}");
        }
    }

    #[tokio::test]
    async fn what_is_over_goes_and_a_spoilt_file_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(
            folder.path().join(FILE),
            "no database at all, but long enough to be read as one",
        )
        .unwrap();
        let list = Greylist::open(folder.path()).await.unwrap();
        list.passes(0, &triplet("a@example.net"), TERMS).await.unwrap();
        list.tidy(1000, TERMS).await.unwrap();
        assert!(list.passes(1000, &triplet("a@example.net"), TERMS).await.unwrap());
        list.passes(0, &triplet("b@example.net"), TERMS).await.unwrap();
        list.tidy(1001, TERMS).await.unwrap();
        let (left,): (i64,) = sqlx::query_as("select count(*) from triplet")
            .fetch_one(&list.0)
            .await
            .unwrap();
        assert_eq!(left, 1);
    }
}
