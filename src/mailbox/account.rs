//! The mailboxes of one account: which there are, what they are called, which are subscribed.
//!
//! The folders on disk are the truth; they are read when the account is first used and again when another program changed
//! them. Creating, deleting, renaming and opening happen one at a time for an account, under its tree lock; a mailbox's write
//! lock is taken within it, never the other way.

use super::error::{Error, Result, blocking};
use super::events::{AccountEvent, Common};
use super::mailbox::{Mailbox, Place, patience, to_the_end};
use super::mailboxes::Shared;
use super::names::{Known, Names, first_look, look, usual_name};
use super::scripts::Scripts;
use super::state::Step;
use super::status::{MailboxInfo, MailboxStatus, Usage};
use crate::mail::address::Address;
use crate::mail::ids::SessionId;
use crate::mail::mailbox_name::{MailboxName, SpecialUse};
use crate::mail::rights::{Acl, Rights, Who};
use crate::storage::maildir::acl;
use crate::storage::maildir::control::Control;
use crate::storage::maildir::folder::Folder;
use crate::storage::maildir::tree::Tree;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::broadcast;

mod annotations;
mod rights;

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

    /// Creates a mailbox and the missing levels above it (RFC 9051 §6.3.4).
    pub async fn create(&self, name: &MailboxName, special_use: Option<SpecialUse>) -> Result<Arc<Mailbox>> {
        let _changing = self.0.changing.write().await;
        if self.names().mailboxes.contains_key(name) {
            return Err(Error::AlreadyExists);
        }
        self.0.create_locked(name, special_use, self.1).await
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

    /// Deletes a mailbox and its messages; mailboxes below it stay (RFC 9051 §6.3.5). Sessions that have it selected see its
    /// messages expunged and [`super::View::is_deleted`].
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
            .ok_or(crate::mail::mailbox_name::InvalidMailboxName::TooLong)?;
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

    /// Puts a name on the subscription list, whether the mailbox exists or not.
    pub async fn subscribe(&self, name: &MailboxName) -> Result<()> {
        self.change_subscriptions(name, |list| list.insert(name.clone())).await
    }

    /// Takes it off.
    pub async fn unsubscribe(&self, name: &MailboxName) -> Result<()> {
        self.change_subscriptions(name, |list| list.remove(name)).await
    }

    async fn change_subscriptions(
        &self,
        name: &MailboxName,
        change: impl FnOnce(&mut BTreeSet<MailboxName>) -> bool,
    ) -> Result<()> {
        let _changing = self.0.changing.write().await;
        let mut list = self.names().subscribed.clone();
        if change(&mut list) {
            let (tree, written) = (self.0.tree.clone(), list.clone());
            blocking(move || tree.subscribe(&written)).await?;
            let now = list.contains(name);
            self.names().subscribed = list;
            self.0.common.tell(AccountEvent::Subscribed {
                name: name.clone(),
                now,
                origin: self.1,
            });
        }
        Ok(())
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

    async fn create_missing(self: &Arc<Self>, name: &MailboxName, origin: SessionId) -> Result<()> {
        let there = self.names().mailboxes.contains_key(name);
        match there {
            true => Ok(()),
            false => Box::pin(self.create_locked(name, None, origin)).await.map(|_| ()),
        }
    }

    async fn create_locked(
        self: &Arc<Self>,
        name: &MailboxName,
        special_use: Option<SpecialUse>,
        origin: SessionId,
    ) -> Result<Arc<Mailbox>> {
        let folder = self
            .tree
            .folder(name)
            .ok_or(crate::mail::mailbox_name::InvalidMailboxName::TooLong)?;
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

impl Mailbox {
    /// Ends it: for sessions all messages are gone. Returns how many there were. For the holder of the write lock.
    fn mark_deleted(&self) -> usize {
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
