//! Renaming mailboxes (RFC 9051 §6.3.6).

use super::super::error::{Error, Result, blocking};
use super::super::events::AccountEvent;
use super::super::mailbox::Place;
use super::super::names::Known;
use super::{AccountMailboxes, Inner};
use crate::mail::ids::SessionId;
use crate::mail::mailbox_name::{InvalidMailboxName, MailboxName};
use crate::mail::rights::Rights;
use crate::storage::maildir::folder::Folder;
use std::sync::Arc;

impl AccountMailboxes {
    /// Renames a mailbox and all below it; renaming INBOX moves its messages (RFC 9051 §6.3.6).
    pub async fn rename(&self, session: SessionId, from: &MailboxName, to: &MailboxName) -> Result<()> {
        let _changing = self.0.changing.write().await;
        let below: Vec<MailboxName> = {
            let names = self.names();
            let below = names.mailboxes.keys().filter(|name| name.is_below(from));
            let below = below.cloned().collect::<Vec<_>>();
            if !names.mailboxes.contains_key(from) && below.is_empty() {
                return Err(Error::NotFound);
            }
            if names.mailboxes.contains_key(to) {
                return Err(Error::AlreadyExists);
            }
            below
        };
        if from.is_inbox() {
            self.0.create_locked(to, None, session).await?;
            let (inbox, target) = (self.0.open_locked(from).await?, self.0.open_locked(to).await?);
            self.copy_annotations(from, to).await?;
            let all = inbox.state().uids();
            inbox.move_to(session, &all, &target, Rights::ALL).await?;
            return Ok(());
        }
        if to.is_below(from) {
            return Err(Error::NotPossible("a mailbox cannot be renamed below itself"));
        }
        let mut moves = Vec::new();
        if self.names().mailboxes.contains_key(from) {
            moves.push((from.clone(), to.clone()));
        }
        for name in below {
            let renamed = name.rebased(from, to)?;
            if self.names().mailboxes.contains_key(&renamed) {
                return Err(Error::AlreadyExists);
            }
            moves.push((name, renamed));
        }
        let folders = moves
            .iter()
            .map(|(_, to)| self.0.tree.folder(to))
            .collect::<Option<Vec<Folder>>>()
            .ok_or(InvalidMailboxName::TooLong)?;
        if let Some(parent) = to.parent() {
            self.0.create_missing(&parent, session).await?;
        }
        for ((from, to), folder) in moves.into_iter().zip(folders) {
            self.0.rename_one(&from, &to, folder).await?;
        }
        self.0.common.tell(AccountEvent::Renamed {
            from: from.clone(),
            to: to.clone(),
            origin: session,
        });
        Ok(())
    }
}

impl Inner {
    /// Renames one folder, with the mailbox that may be open.
    async fn rename_one(self: &Arc<Self>, from: &MailboxName, to: &MailboxName, folder: Folder) -> Result<()> {
        let mailbox = self.open_locked(from).await?;
        let _writing = mailbox.write().await?;
        let old = mailbox.place().folder;
        self.shared.watch.forget(&old);
        let (tree, target) = (self.tree.clone(), folder.clone());
        blocking(move || tree.rename(&old, &target)).await?;
        mailbox.set_place(Place {
            name: to.clone(),
            folder: folder.clone(),
        });
        self.shared.watch.mailbox(&folder, &mailbox);
        let mut names = self.names();
        if let Some(known) = names.mailboxes.remove(from) {
            names.mailboxes.insert(to.clone(), Known { folder, ..known });
        }
        Ok(())
    }
}
