//! All mailboxes of a server: which are in memory, and what they share.

use super::account::AccountMailboxes;
use super::error::{Result, blocking};
use super::mailbox::Mailbox;
use super::watch::Watch;
use crate::config;
use crate::mail::address::Address;
use crate::storage::index::Index;
use crate::storage::maildir::tree::Tree;
use crate::storage::spool::Spool;
use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;

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
    /// Mailboxes used lately, the latest first.
    recent: Mutex<VecDeque<Arc<Mailbox>>>,
}

impl Mailboxes {
    /// Opens the index and the mail folder below `data`.
    pub async fn open(data: &Path, settings: &config::Storage) -> anyhow::Result<Mailboxes> {
        let (mail, spool) = (data.join("mail"), data.join("spool"));
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

    /// Waits for running changes and closes the index.
    pub async fn close(&self) {
        self.0.shared.watch.stop();
        let accounts: Vec<AccountMailboxes> = {
            let accounts = self.0.accounts.lock().unwrap_or_else(PoisonError::into_inner);
            accounts.values().filter_map(|cell| cell.get().cloned()).collect()
        };
        for account in accounts {
            account.settle().await;
        }
        self.0.shared.index.close().await;
    }
}

impl Shared {
    /// Keeps a mailbox in memory for a while, and lets go of those not used for longest.
    pub(super) fn keep(&self, mailbox: &Arc<Mailbox>) {
        let mut dropped = Vec::new();
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.retain(|other| !Arc::ptr_eq(other, mailbox));
        recent.push_front(Arc::clone(mailbox));
        let sizes = recent.iter().map(|mailbox| mailbox.len());
        let mut messages: usize = sizes.sum();
        while recent.len() > KEPT_MAILBOXES || (messages > KEPT_MESSAGES && recent.len() > 1) {
            let Some(oldest) = recent.pop_back() else { break };
            messages -= messages.min(oldest.len());
            dropped.push(oldest);
        }
    }
}
