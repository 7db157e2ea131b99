//! The mailboxes of one account: which there are, what they are called, which are subscribed.
//!
//! The folders on disk are the truth; they are read when the account is first used and again when another program changed
//! them. Creating, deleting, renaming and opening happen one at a time for an account, under its tree lock; a mailbox's write
//! lock is taken within it, never the other way.

use super::error::{Error, Result, blocking};
use super::events::{AccountEvent, Common};
use super::mailbox::{Mailbox, Place, patience, to_the_end};
use super::mailboxes::Shared;
use super::names::{Names, first_look, look, usual_name};
use super::scripts::Scripts;
use super::status::{MailboxInfo, MailboxStatus, Usage};
use crate::mail::address::Address;
use crate::mail::ids::SessionId;
use crate::mail::mailbox_name::{MailboxName, SpecialUse};
use crate::mail::rights::{Acl, Rights, Who};
use crate::storage::maildir::control::Control;
use crate::storage::maildir::folder::Folder;
use crate::storage::maildir::tree::Tree;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::broadcast;

mod annotations;
mod create;
mod delete;
mod rename;
mod rights;
mod subscriptions;

pub use annotations::seen_as;

/// The mailboxes of one account, in the hands of one session or of none. Cheap to clone.
#[derive(Clone)]
pub struct AccountMailboxes(Arc<Inner>, SessionId);

pub(super) struct Inner {
    shared: Arc<Shared>,
    owner: Address,
    /// By which the index knows the account.
    key: String,
    tree: Tree,
    /// The tree lock: shared by those who open mailboxes, exclusive for those who change which there are.
    changing: tokio::sync::RwLock<()>,
    /// Whether somebody is on the way to read the folders again.
    pub(super) looking: AtomicBool,
    names: Mutex<Names>,
    scripts: Scripts,
    common: Arc<Common>,
}

impl AccountMailboxes {
    pub(super) async fn load(shared: Arc<Shared>, account: &Address, tree: Tree) -> Result<AccountMailboxes> {
        let there = tree.clone();
        let names = blocking(move || {
            there.clean()?;
            first_look(&there)
        })
        .await?;
        let key = account.to_string();
        let (messages, octets) = shared.index.usage(&key).await?;
        let common = Common::new(account.clone(), shared.shared_events.clone(), messages, octets);
        let inner = Arc::new(Inner {
            shared,
            owner: account.clone(),
            key,
            common: Arc::new(common),
            scripts: Scripts::of_tree(&tree),
            tree,
            changing: tokio::sync::RwLock::new(()),
            looking: AtomicBool::new(false),
            names: Mutex::new(names),
        });
        inner.note_shares();
        inner.shared.watch.account(inner.tree.root(), &inner);
        Ok(AccountMailboxes(inner, SessionId::NONE))
    }

    /// The same mailboxes in the hands of a session: what it does to them is marked as its own.
    pub fn of_session(&self, session: SessionId) -> AccountMailboxes {
        AccountMailboxes(Arc::clone(&self.0), session)
    }

    /// All mailboxes and all subscriptions, sorted by name with INBOX first.
    pub fn list(&self) -> Vec<MailboxInfo> {
        let names = self.names();
        let mut all: BTreeMap<&MailboxName, MailboxInfo> = BTreeMap::new();
        let info = |name: &MailboxName| MailboxInfo {
            name: name.clone(),
            special_use: None,
            subscribed: names.subscribed.contains(name),
            exists: false,
            rights: Rights::NONE,
        };
        let mut parents = BTreeSet::new();
        for (name, known) in &names.mailboxes {
            let there = MailboxInfo {
                special_use: known.special_use,
                exists: true,
                rights: known.acl.rights(&Who::Owner),
                ..info(name)
            };
            all.insert(name, there);
            let mut above = name.parent();
            while let Some(parent) = above {
                above = parent.parent();
                parents.insert(parent);
            }
        }
        for name in names.subscribed.iter().chain(&parents) {
            all.entry(name).or_insert_with(|| info(name));
        }
        let (inbox, others): (Vec<_>, Vec<_>) = all.into_values().partition(|info| info.name.is_inbox());
        inbox.into_iter().chain(others).collect()
    }

    /// What happens in the account from now on. A listener that lags is told so and misses events; nobody waits for it.
    pub fn events(&self) -> broadcast::Receiver<AccountEvent> {
        self.0.common.listen()
    }

    /// The account's Sieve scripts.
    pub fn scripts(&self) -> &Scripts {
        &self.0.scripts
    }

    /// How much it holds.
    pub fn usage(&self) -> Usage {
        let (messages, octets) = self.0.common.usage();
        Usage {
            messages,
            octets,
            mailboxes: self.names().mailboxes.len() as u64,
        }
    }

    /// STATUS of a mailbox, opening it if need be.
    pub async fn status(&self, name: &MailboxName) -> Result<MailboxStatus> {
        Ok(self.open(name).await?.status())
    }

    /// Opens a mailbox: the one shared object for all sessions. Looks for what other programs changed, if that is due.
    pub async fn open(&self, name: &MailboxName) -> Result<Arc<Mailbox>> {
        if let Some(mailbox) = self.0.opened(name) {
            return Ok(mailbox);
        }
        let (inner, name) = (Arc::clone(&self.0), name.clone());
        let opening = async move {
            let _there = inner.changing.read().await;
            inner.open_locked(&name).await
        };
        to_the_end(patience(&self.0.shared.settings), opening).await
    }

    /// The mailbox of a special use (RFC 6154). An account without one gets it under its usual name, and
    /// what has that name already serves.
    pub async fn open_special(&self, special_use: SpecialUse) -> Result<Arc<Mailbox>> {
        let named = |names: &Names| {
            let mut mailboxes = names.mailboxes.iter();
            let found = mailboxes.find(|(_, known)| known.special_use == Some(special_use));
            found.map(|(name, _)| name.clone())
        };
        let known = named(&self.names());
        if let Some(name) = known {
            return self.open(&name).await;
        }
        let _changing = self.0.changing.write().await;
        let known = named(&self.names());
        if let Some(name) = known {
            return self.0.open_locked(&name).await;
        }
        let name = MailboxName::new(usual_name(special_use))?;
        if self.names().mailboxes.contains_key(&name) {
            return self.0.open_locked(&name).await;
        }
        self.0.create_locked(&name, Some(special_use), self.1).await
    }

    /// Writes down what was given out, for a server that ends.
    pub(super) async fn settle(&self) {
        let open: Vec<Arc<Mailbox>> = {
            let names = self.names();
            names
                .mailboxes
                .values()
                .filter_map(|known| known.open.upgrade())
                .collect()
        };
        for mailbox in open {
            mailbox.settle().await;
        }
    }

    fn names(&self) -> MutexGuard<'_, Names> {
        self.0.names()
    }
}

impl Inner {
    fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A mailbox that is in memory and up to date without being looked at.
    fn opened(&self, name: &MailboxName) -> Option<Arc<Mailbox>> {
        let mailbox = self.names().mailboxes.get(name)?.open.upgrade()?;
        self.shared.keep(&mailbox);
        self.shared.watch.watches(&mailbox.place().folder).then_some(mailbox)
    }

    async fn open_locked(self: &Arc<Self>, name: &MailboxName) -> Result<Arc<Mailbox>> {
        let (folder, loading, uid_validity, special_use, acl) = {
            let names = self.names();
            let known = names.mailboxes.get(name).ok_or(Error::NotFound)?;
            let (loading, acl) = (Arc::clone(&known.loading), Arc::clone(&known.acl));
            (
                known.folder.clone(),
                loading,
                known.uid_validity,
                known.special_use,
                acl,
            )
        };
        let _loading = loading.lock().await;
        let open = self.names().mailboxes.get(name).and_then(|known| known.open.upgrade());
        if let Some(mailbox) = open {
            self.shared.keep(&mailbox);
            if !self.shared.watch.watches(&folder) {
                mailbox.look().await?;
            }
            return Ok(mailbox);
        }
        let place = Place {
            name: name.clone(),
            folder: folder.clone(),
        };
        let there = folder.clone();
        let control = blocking(move || match Control::load(there.path())? {
            Some(control) => Ok(control),
            None => {
                // Another program has removed or spoilt it. What clients must not lose is known.
                let control = Control::new(uid_validity, special_use);
                control.store(there.path())?;
                Ok(control)
            }
        });
        let mailbox = self.load_mailbox(place, control.await?, acl).await?;
        self.admit(name, &folder, mailbox).await
    }

    async fn load_mailbox(&self, place: Place, control: Control, acl: Arc<Acl>) -> Result<Arc<Mailbox>> {
        let common = Arc::clone(&self.common);
        Mailbox::load(Arc::clone(&self.shared), &self.key, place, control, acl, common).await
    }

    /// Makes a loaded mailbox the one that sessions share. The watch begins before the folder is looked through.
    async fn admit(
        self: &Arc<Self>,
        name: &MailboxName,
        folder: &Folder,
        mailbox: Arc<Mailbox>,
    ) -> Result<Arc<Mailbox>> {
        self.shared.watch.mailbox(folder, &mailbox);
        mailbox.look().await?;
        if let Some(known) = self.names().mailboxes.get_mut(name) {
            known.open = Arc::downgrade(&mailbox);
        }
        self.shared.keep(&mailbox);
        Ok(mailbox)
    }

    /// Reads again which folders there are, after another program changed them.
    pub(super) async fn look_again(self: &Arc<Self>) -> Result<()> {
        let _changing = self.changing.write().await;
        let tree = self.tree.clone();
        let mut read = blocking(move || look(&tree)).await?;
        let gone = {
            let mut names = self.names();
            for (name, known) in &mut read.mailboxes {
                if let Some(before) = names.mailboxes.get(name)
                    && before.uid_validity == known.uid_validity
                {
                    known.open = before.open.clone();
                    if let Some(mailbox) = known.open.upgrade()
                        && known.acl != before.acl
                    {
                        mailbox.set_acl(Arc::clone(&known.acl));
                    }
                }
            }
            for name in read.mailboxes.keys().filter(|name| !names.mailboxes.contains_key(name)) {
                self.common.tell(AccountEvent::Created {
                    name: name.clone(),
                    origin: SessionId::NONE,
                });
            }
            std::mem::replace(&mut *names, read)
        };
        self.note_shares();
        for (name, known) in gone.mailboxes {
            if self.names().mailboxes.contains_key(&name) {
                continue;
            }
            self.common.tell(AccountEvent::Deleted {
                name,
                origin: SessionId::NONE,
            });
            if let Some(mailbox) = known.open.upgrade() {
                let _writing = mailbox.write().await?;
                mailbox.mark_deleted();
            }
        }
        Ok(())
    }
}
