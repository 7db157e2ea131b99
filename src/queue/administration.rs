//! The queue for whoever looks after the server, also beside a running one: what waits and why, and a hand in it.

use std::path::Path;
use std::time::Duration;

use super::entry::Unreadable;
use super::{Entry, Recipient, Result, blocking, now};
use crate::mail::ids::QueueId;
use crate::storage::queue::{Change, ChangeKind, QueueStore};

/// Entries read at once.
const PIECE: usize = 256;

/// The queue of a data folder, of which another process may be the server.
pub struct Administration(QueueStore);

/// An entry with all its recipients.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The message.
    pub entry: Entry,
    /// Its recipients that wait.
    pub recipients: Vec<Recipient>,
}

/// What is done with an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// No attempts until it is released.
    Hold,
    /// Attempts again.
    Release,
    /// The next attempt is at once.
    Retry,
    /// It is forgotten, and nobody is told.
    Drop,
}

impl Administration {
    /// Opens the queue, or makes it. `timeout`: how long the database may take for an answer.
    pub async fn open(data: &Path, timeout: Duration) -> anyhow::Result<Administration> {
        Ok(Administration(QueueStore::open(data, timeout).await?))
    }

    /// Entries in the order in which they arrived, those after this one; as many as fit in memory with ease. Nothing: that
    /// was all.
    pub async fn list(&self, after: Option<QueueId>) -> anyhow::Result<Vec<Listed>> {
        let rows = self.0.list(after, PIECE).await?;
        let listed = rows
            .into_iter()
            .map(|(entry, recipients)| Listed::from_rows(entry, recipients));
        Ok(listed.collect::<std::result::Result<_, _>>()?)
    }

    /// One entry.
    pub async fn find(&self, id: QueueId) -> anyhow::Result<Option<Listed>> {
        let found = self.0.entry(id).await?;
        Ok(found
            .map(|(entry, recipients)| Listed::from_rows(entry, recipients))
            .transpose()?)
    }

    /// Does it with an entry, or with all of them. Returns how many recipients that concerned. A running server notices
    /// within a second or two.
    pub async fn act(&self, action: Action, entry: Option<QueueId>) -> Result<u64> {
        let kind = match action {
            Action::Hold => ChangeKind::Hold,
            Action::Release => ChangeKind::Release,
            Action::Retry => ChangeKind::Retry(now()),
            Action::Drop => ChangeKind::Drop,
        };
        let changed = self.0.change(Change { entry, kind }).await?;
        if let (Action::Drop, Some(id)) = (action, entry) {
            let files = self.0.files().clone();
            let removed = move || {
                files.remove(id);
                Ok(())
            };
            blocking(removed).await?;
        }
        Ok(changed)
    }

    /// Closes the database.
    pub async fn close(self) {
        self.0.close().await;
    }
}

impl Listed {
    fn from_rows(
        entry: crate::storage::queue::EntryRow,
        recipients: Vec<crate::storage::queue::RecipientRow>,
    ) -> std::result::Result<Listed, Unreadable> {
        let entry = Entry::from_row(entry)?;
        let recipients = recipients.into_iter().map(|row| Recipient::from_row(entry.id, row));
        Ok(Listed {
            recipients: recipients.collect::<std::result::Result<_, _>>()?,
            entry,
        })
    }
}
