//! All mailboxes of a server: which are in memory, and what they share.

use super::account::AccountMailboxes;
use super::error::{Result, blocking};
use super::events::{self, AccountEvent};
use super::full_text::Filler;
use super::mailbox::Mailbox;
use super::shares::Shares;
use super::watch::Watch;
use crate::config;
use crate::mail::address::Address;
use crate::storage::index::Index;
use crate::storage::maildir::tree::Tree;
use crate::storage::spool::Spool;
use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OnceCell, broadcast};

/// The folder of all mail, in the data folder.
pub(super) const MAIL: &str = "mail";

/// Messages of mailboxes that nobody has open and that are kept in memory all the same, because they were used lately.
/// One message takes about 150 octets.
const KEPT_MESSAGES: usize = 200_000;
/// Such mailboxes.
const KEPT_MAILBOXES: usize = 1000;

/// All mailboxes of a server. Cheap to clone.
#[derive(Clone)]
pub struct Mailboxes(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    mail: PathBuf,
    spool: Spool,
    accounts: Mutex<HashMap<Address, Arc<OnceCell<AccountMailboxes>>>>,
}

/// What all mailboxes use.
pub(super) struct Shared {
    pub(super) index: Index,
    pub(super) settings: config::Storage,
    pub(super) watch: Watch,
    pub(super) filler: Filler,
    pub(super) shares: Shares,
    /// What happens in accounts that share something, each with the account.
    pub(super) shared_events: broadcast::Sender<(Address, AccountEvent)>,
    recent: Mutex<Recent>,
}

/// Mailboxes used lately, the latest first, each with its messages when it was last used.
#[derive(Default)]
struct Recent {
    mailboxes: VecDeque<(Arc<Mailbox>, usize)>,
    messages: usize,
}

impl Mailboxes {
    /// Opens the index and the mail folder below `data`.
    pub async fn open(data: &Path, settings: &config::Storage) -> anyhow::Result<Mailboxes> {
        let (mail, spool) = (data.join(MAIL), data.join("spool"));
        let mail_folder = mail.clone();
        let spool = blocking(move || {
            crate::storage::maildir::create(&mail_folder)?;
            Spool::open(&spool)
        })
        .await?;
        let index = Index::open(&data.join("index.db"), settings.index_timeout.get()).await?;
        Ok(Mailboxes(Arc::new(Inner {
            shared: Arc::new(Shared {
                index,
                settings: settings.clone(),
                watch: Watch::start(settings.watch),
                filler: Filler::start(data, settings).await?,
                shares: Shares::default(),
                shared_events: broadcast::Sender::new(events::CAPACITY),
                recent: Mutex::default(),
            }),
            mail,
            spool,
            accounts: Mutex::default(),
        })))
    }

    /// The spool on the same file system as the mail.
    pub fn spool(&self) -> &Spool {
        &self.0.spool
    }

    /// The mailboxes of an account. Its Maildir (`mail/example.org/alice`) with the usual
    /// folders (INBOX, Drafts, Sent, Trash, Junk, Archive) is made when it is not there.
    pub async fn account(&self, account: &Address) -> Result<AccountMailboxes> {
        let cell = {
            let mut accounts = self.0.accounts.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(accounts.entry(account.clone()).or_default())
        };
        let opened = cell.get_or_try_init(|| {
            let tree = Tree::of_account(&self.0.mail, account);
            AccountMailboxes::load(Arc::clone(&self.0.shared), account, tree)
        });
        Ok(opened.await?.clone())
    }

    /// The accounts that share something with this one, by address. Some may have been deleted, their mail left in its folder.
    pub async fn sharing_with(&self, account: &Address) -> Result<Vec<Address>> {
        self.0.shared.shares.givers(&self.0.mail, account).await
    }

    /// Whether an account that is open gives something to another one.
    pub fn shares(&self, owner: &Address, account: &Address) -> bool {
        self.0.shared.shares.gives(owner, account)
    }

    /// What happens from now on in accounts that share something with anybody, each event with whose account it is. A listener
    /// that lags is told so and misses events; nobody waits for it.
    pub fn shared_events(&self) -> broadcast::Receiver<(Address, AccountEvent)> {
        self.0.shared.shared_events.subscribe()
    }

    /// Waits for running changes and closes the index.
    pub async fn close(&self) {
        self.0.shared.watch.stop();
        self.0.shared.filler.stop().await;
        let accounts: Vec<AccountMailboxes> = {
            let accounts = self.0.accounts.lock().unwrap_or_else(PoisonError::into_inner);
            accounts.values().filter_map(|cell| cell.get().cloned()).collect()
        };
        for account in accounts {
            account.settle().await;
        }
        self.0.shared.index.close().await;
        // They hold what holds them.
        let recent = std::mem::take(&mut *self.0.shared.recent.lock().unwrap_or_else(PoisonError::into_inner));
        drop(recent);
    }
}

impl Shared {
    /// Keeps a mailbox in memory for a while, and lets go of those not used for longest.
    pub(super) fn keep(&self, mailbox: &Arc<Mailbox>) {
        let size = mailbox.len();
        // Dropped after the lock is: the end of a mailbox has work to do.
        let mut dropped = Vec::new();
        let mut guard = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = &mut *guard;
        let there = recent
            .mailboxes
            .iter()
            .position(|(other, _)| Arc::ptr_eq(other, mailbox));
        if let Some(index) = there
            && let Some((_, size)) = recent.mailboxes.remove(index)
        {
            recent.messages -= size;
        }
        recent.mailboxes.push_front((Arc::clone(mailbox), size));
        recent.messages += size;
        while recent.mailboxes.len() > KEPT_MAILBOXES || (recent.messages > KEPT_MESSAGES && recent.mailboxes.len() > 1)
        {
            let Some((oldest, size)) = recent.mailboxes.pop_back() else {
                break;
            };
            recent.messages -= size;
            dropped.push(oldest);
        }
        drop(guard);
    }
}
