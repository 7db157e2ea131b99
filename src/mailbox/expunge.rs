//! Removing messages.

use super::error::{Error, Result, blocking};
use super::mailbox::{Mailbox, Writing};
use super::state::Step;
use crate::mail::flags::Flags;
use crate::mail::ids::SessionId;
use crate::mail::uidset::UidSet;
use crate::storage::maildir::folder::Folder;
use crate::storage::maildir::name;
use std::sync::Arc;

impl Mailbox {
    /// Removes those of `uids` that have \Deleted set; `uids` is what the session knows (EXPUNGE) or names (UID EXPUNGE). Returns what was removed.
    pub async fn expunge(self: &Arc<Self>, session: SessionId, uids: &UidSet) -> Result<UidSet> {
        let (mailbox, uids) = (Arc::clone(self), uids.clone());
        self.to_the_end(async move {
            let mut writing = mailbox.write().await?;
            let marked: UidSet = {
                let state = mailbox.state();
                if state.deleted {
                    return Err(Error::NotFound);
                }
                let marked = state.select(&uids).filter(|entry| entry.flags.contains(Flags::DELETED));
                marked.map(|entry| entry.uid).collect()
            };
            mailbox.remove(&mut writing, session, &marked).await?;
            Ok(marked)
        })
        .await
    }

    /// Removes messages that exist: their rows first, then their files.
    pub(super) async fn remove(
        self: &Arc<Self>,
        writing: &mut Writing,
        session: SessionId,
        uids: &UidSet,
    ) -> Result<()> {
        if uids.is_empty() {
            return Ok(());
        }
        let folder = self.place().folder;
        let (mut commit, paths) = {
            let state = self.state();
            let paths: Vec<String> = state.select(uids).map(|entry| entry.path.to_string()).collect();
            (self.commit(&state, writing, 1), paths)
        };
        commit.remove = uids.iter().collect();
        commit.doom = paths.iter().map(|path| name::base(path).to_owned()).collect();
        let keywords = writing.control.keywords.clone();
        self.reach(writing, commit.uid_next.saturating_sub(1), commit.mod_seq, &keywords)
            .await?;
        if let Err(error) = self.shared.index.commit(vec![commit]).await {
            self.suspect_all();
            return Err(error.into());
        }
        self.state().apply(session, Step::Expunged(uids.clone()));
        remove_files(folder, paths).await;
        Ok(())
    }
}

/// Removes the files of messages that the index has already let go: what stays is doomed and goes later.
pub(super) async fn remove_files(folder: Folder, paths: Vec<String>) {
    let removed = blocking(move || {
        for path in &paths {
            // Another program may have renamed it.
            if !folder.remove(path)?
                && let Some((_, found)) = folder.open(path)?
            {
                folder.remove(&found)?;
            }
        }
        Ok(())
    });
    if let Err(error) = removed.await {
        tracing::warn!(%error, "files of expunged messages stay for now");
    }
}
