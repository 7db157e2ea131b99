//! What the index is asked to write.

use super::commit::{Commit, json, put_summary};
use super::read::{MailboxRow, mailbox};
use crate::mail::ids::{MailboxId, Uid, UidValidity};
use crate::storage::database::writer;
use sqlx::SqliteConnection;

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
}

/// What came of it.
pub(super) enum Done {
    Nothing,
    Mailbox(MailboxRow),
}

impl writer::Work for Work {
    type Done = Done;

    async fn perform(&self, connection: &mut SqliteConnection) -> Result<Done, sqlx::Error> {
        match self {
            Work::Commit(commits) => {
                for commit in commits {
                    commit.write(connection).await?;
                }
            }
            Work::Mailbox {
                account,
                uid_validity,
                fresh,
            } => return find_or_make(connection, account, *uid_validity, *fresh).await,
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
                let seconds = i64::try_from(*seconds).unwrap_or(i64::MAX);
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
                    put_summary(id.0, *uid, bytes, connection).await?;
                }
            }
        }
        Ok(Done::Nothing)
    }
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
