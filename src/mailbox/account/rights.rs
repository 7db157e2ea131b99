//! Who may do what with the mailboxes of an account (RFC 4314). The lists lie beside the control files: an index that is made
//! again has nothing to do with them, they stay when their mailbox is renamed and go with it.

use super::super::error::{Error, Result, blocking};
use super::super::events::AccountEvent;
use super::super::status::MailboxInfo;
use super::{AccountMailboxes, Inner};
use crate::mail::address::Address;
use crate::mail::mailbox_name::{MailboxName, SpecialUse};
use crate::mail::rights::{Acl, Identifier, Rights, RightsChange, Who};
use crate::storage::maildir::acl;
use std::sync::Arc;

impl AccountMailboxes {
    /// Whose they are.
    pub fn owner(&self) -> &Address {
        &self.0.owner
    }

    /// What somebody may do with a mailbox; `None` when there is no such mailbox.
    pub fn rights(&self, name: &MailboxName, who: &Who) -> Option<Rights> {
        let names = self.names();
        names.mailboxes.get(name).map(|known| known.acl.rights(who))
    }

    /// The mailboxes with which somebody else may do anything, sorted by name.
    pub fn list_for(&self, who: &Who) -> Vec<MailboxInfo> {
        let names = self.names();
        let all = names.mailboxes.iter();
        let all = all.map(|(name, known)| MailboxInfo::of(name.clone(), known.acl.rights(who)));
        all.filter(|info| !info.rights.is_empty()).collect()
    }

    /// What a mailbox is for.
    pub fn special_use(&self, name: &MailboxName) -> Option<SpecialUse> {
        self.names().mailboxes.get(name)?.special_use
    }

    /// The list of a mailbox.
    pub fn acl(&self, name: &MailboxName) -> Result<Arc<Acl>> {
        let names = self.names();
        let known = names.mailboxes.get(name).ok_or(Error::NotFound)?;
        Ok(Arc::clone(&known.acl))
    }

    /// Changes the rights of an identifier, or takes it off the list (`None`); durable when it returns. Sessions that have the
    /// mailbox open take note at once.
    pub async fn change_acl(
        &self,
        name: &MailboxName,
        identifier: Identifier,
        change: Option<RightsChange>,
    ) -> Result<()> {
        let _changing = self.0.changing.write().await;
        let (folder, mut list) = {
            let names = self.names();
            let known = names.mailboxes.get(name).ok_or(Error::NotFound)?;
            (known.folder.clone(), Acl::clone(&known.acl))
        };
        let fits = match change {
            Some(change) => list.change(identifier, change),
            None => {
                list.remove(&identifier);
                true
            }
        };
        if !fits {
            return Err(Error::Limit("the list has as many identifiers as it may have"));
        }
        let list = Arc::new(list);
        let written = Arc::clone(&list);
        blocking(move || acl::store(folder.path(), &written)).await?;
        let open = self.names().mailboxes.get_mut(name).and_then(|known| {
            known.acl = Arc::clone(&list);
            known.open.upgrade()
        });
        if let Some(mailbox) = open {
            mailbox.set_acl(list);
        }
        self.0.note_shares();
        self.0.common.tell_all(AccountEvent::Rights {
            name: name.clone(),
            origin: self.1,
        });
        Ok(())
    }
}

impl Inner {
    /// Has it known to whom the account gives something. For whoever changed which mailboxes there are or who may use them.
    pub(super) fn note_shares(&self) {
        let to = self.names().shared_with();
        self.common.set_shares(!to.is_empty());
        self.shared.shares.set(&self.owner, to);
    }
}
