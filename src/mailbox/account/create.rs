//! Making mailboxes (RFC 9051 §6.3.4).

use super::super::error::{Error, Result, blocking};
use super::super::events::AccountEvent;
use super::super::mailbox::{Mailbox, Place};
use super::super::names::Known;
use super::{AccountMailboxes, Inner};
use crate::mail::ids::SessionId;
use crate::mail::mailbox_name::{InvalidMailboxName, MailboxName, SpecialUse};
use crate::mail::rights::Acl;
use crate::storage::maildir::acl;
use crate::storage::maildir::control::Control;
use std::sync::Arc;

impl AccountMailboxes {
    /// Creates a mailbox and the missing levels above it (RFC 9051 §6.3.4).
    pub async fn create(&self, name: &MailboxName, special_use: Option<SpecialUse>) -> Result<Arc<Mailbox>> {
        let _changing = self.0.changing.write().await;
        if self.names().mailboxes.contains_key(name) {
            return Err(Error::AlreadyExists);
        }
        self.0.create_locked(name, special_use, self.1).await
    }
}

impl Inner {
    /// Creates it unless it is there. For the holder of the tree lock.
    pub(super) async fn create_missing(self: &Arc<Self>, name: &MailboxName, origin: SessionId) -> Result<()> {
        let there = self.names().mailboxes.contains_key(name);
        match there {
            true => Ok(()),
            false => Box::pin(self.create_locked(name, None, origin)).await.map(|_| ()),
        }
    }

    /// Creates it. For the holder of the tree lock.
    pub(super) async fn create_locked(
        self: &Arc<Self>,
        name: &MailboxName,
        special_use: Option<SpecialUse>,
        origin: SessionId,
    ) -> Result<Arc<Mailbox>> {
        let folder = self.tree.folder(name).ok_or(InvalidMailboxName::TooLong)?;
        if let Some(parent) = name.parent() {
            self.create_missing(&parent, origin).await?;
        }
        let (taken, acl) = {
            let names = self.names();
            if names.mailboxes.len() >= self.shared.settings.max_mailboxes {
                return Err(Error::Limit("the account has as many mailboxes as it may have"));
            }
            let taken = names.mailboxes.values().map(|known| known.uid_validity).max();
            // RFC 4314 §4, CREATE.
            let parent = name.parent().and_then(|parent| names.mailboxes.get(&parent));
            (taken, parent.map(|parent| Arc::clone(&parent.acl)).unwrap_or_default())
        };
        let (tree, made, inherited) = (self.tree.clone(), folder.clone(), Arc::clone(&acl));
        let control = blocking(move || {
            let control = Control::new(tree.fresh_uid_validity(taken)?, special_use);
            made.create()?;
            if *inherited != Acl::default() {
                acl::store(made.path(), &inherited)?;
            }
            control.store(made.path())?;
            Ok(control)
        })
        .await?;
        let place = Place {
            name: name.clone(),
            folder: folder.clone(),
        };
        let known = Known::new(folder.clone(), &control, Arc::clone(&acl));
        self.names().mailboxes.insert(name.clone(), known);
        let mailbox = self.load_mailbox(place, control, acl).await?;
        self.common.tell(AccountEvent::Created {
            name: name.clone(),
            origin,
        });
        self.admit(name, &folder, mailbox).await
    }
}
