//! Deleting mailboxes (RFC 9051 §6.3.5).

use super::super::error::{Error, Result, blocking};
use super::super::events::AccountEvent;
use super::super::mailbox::Mailbox;
use super::super::state::Step;
use super::AccountMailboxes;
use crate::mail::ids::SessionId;
use crate::mail::mailbox_name::MailboxName;

impl AccountMailboxes {
    /// Deletes a mailbox and its messages; mailboxes below it stay (RFC 9051 §6.3.5). Sessions that have it selected see its
    /// messages expunged and [`View::is_deleted`](super::super::View::is_deleted).
    pub async fn delete(&self, name: &MailboxName) -> Result<()> {
        if name.is_inbox() {
            return Err(Error::NotPossible("INBOX cannot be deleted"));
        }
        let _changing = self.0.changing.write().await;
        let mailbox = self.0.open_locked(name).await?;
        let _writing = mailbox.write().await?;
        let folder = mailbox.place().folder;
        let tree = self.0.tree.clone();
        let doomed = blocking(move || tree.doom(&folder)).await?;
        self.names().mailboxes.remove(name);
        let uids = mailbox.mark_deleted();
        self.0.common.tell(AccountEvent::Deleted {
            name: name.clone(),
            origin: self.1,
        });
        self.0.note_shares();
        self.0.shared.watch.forget(&mailbox.place().folder);
        if let Err(error) = self.0.shared.index.forget(mailbox.id).await {
            // Rows without a mailbox: nobody finds them, and its UIDVALIDITY is not given again.
            tracing::warn!(%error, messages = uids, "a deleted mailbox stays in the index");
        }
        self.0
            .shared
            .filler
            .forget(mailbox.account(), mailbox.uid_validity())
            .await;
        // It is gone for everybody. Its files may be many and need not be waited for; what a crash leaves of them goes when
        // the account is next loaded.
        let tree = self.0.tree.clone();
        tokio::spawn(async move {
            if let Err(error) = blocking(move || tree.remove(&doomed)).await {
                tracing::warn!(%error, "files of a deleted mailbox stay for now");
            }
        });
        Ok(())
    }
}

impl Mailbox {
    /// Ends it: for sessions all messages are gone. Returns how many there were. For the holder of the write lock.
    pub(super) fn mark_deleted(&self) -> usize {
        let mut state = self.state();
        let uids = state.uids();
        state.deleted = true;
        if uids.is_empty() {
            state.tracker.wake();
        } else {
            state.apply(SessionId::NONE, Step::Expunged(uids.clone()));
        }
        uids.len()
    }
}
