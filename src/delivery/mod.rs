//! Mail flow: where an accepted message goes.
//!
//! RFC 5321 §3.6, §4.2.5, §6.1. Invariants: whoever cannot be delivered to is known before a message is taken
//! ([`Delivery::resolve`]); [`Delivery::accept`] returns when every copy is durable or the message is refused, and runs to
//! its end when nobody waits for it any more; whoever watches reports delays no mail.
//!
//! Recipients here get their copy before [`Delivery::accept`] returns; for those elsewhere, and for mail that is to wait,
//! the queue has it by then. What the queue has for this server (reports, mail that waited) [`Delivery::deliver_queued`]
//! takes out.

use std::io::Read;

use tokio::io::AsyncReadExt;
use tokio::sync::broadcast;

use crate::accounts::{Account, Accounts, Forwarding};
use crate::config::Quota;
use crate::mail::address::Address;
use crate::mailbox::{self, Mailboxes, Usage};
use crate::queue::{self, Queue};
use crate::sieve::limits;
use crate::storage::reports::ReportStore;
use crate::storage::spool::{ConvertError, Incoming, Spooled};

use reading::Inbox;

pub use accept::{Letter, Report};
pub use forward::{Forwarder, Resolved};
pub use reading::Reading;

mod accept;
mod forward;
mod notice;
mod queued;
mod reading;
mod relay;
mod rules;
mod suppression;
pub mod trace;

/// Reports kept for a watcher that is slow.
const REPORTS: usize = 256;

/// The mail flow of a server. Cheap to clone.
#[derive(Clone)]
pub struct Delivery {
    accounts: Accounts,
    mailboxes: Mailboxes,
    queue: Queue,
    /// What an account may hold that has no quota of its own.
    quota: Quota,
    reports: broadcast::Sender<Report>,
    /// Where what tells of our domains is read besides.
    inbox: Option<Inbox>,
    forwarder: Forwarder,
}

/// Where a recipient is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// Here: the accounts that its address stands for.
    Local(Vec<Account>),
    /// An alias: accounts here, and addresses elsewhere to which it is forwarded.
    Forwarded(Forwarding),
    /// A sender that was rewritten when its mail was forwarded: this is the true one. Only for reports.
    Returned(Address),
    /// On another server. Only for mail of our own users: strangers' mail is never relayed.
    Remote(Address),
}

impl Route {
    /// The accounts here that get a copy.
    pub fn accounts(&self) -> &[Account] {
        match self {
            Route::Local(accounts) => accounts,
            Route::Forwarded(forwarding) => &forwarding.accounts,
            Route::Returned(_) | Route::Remote(_) => &[],
        }
    }
}

/// Why mail cannot be taken or routed. Mostly for the moment: what is so for good is known at RCPT, but for a message that
/// is not what it was said to be, or that a rule refuses.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk is full, or the quota of the file system is.
    #[error("no space left")]
    NoSpace(#[source] std::io::Error),
    /// The message is more than its recipients may hold.
    #[error("over quota")]
    OverQuota,
    /// Its binary parts cannot be encoded so that lines are left (RFC 3030 §3).
    #[error("malformed binary message")]
    Malformed,
    /// Encoded, it is more than can be kept.
    #[error("too large")]
    TooLarge,
    /// The rules of its recipients refuse it (RFC 5429 §2), with this reason, which may be any text.
    #[error("rejected by a rule")]
    Rejected(String),
    /// It was judged to be junk, and is for an alias that leads elsewhere only.
    #[error("junk is not forwarded")]
    Junk,
    /// It comes by an alias by which it has come before (RFC 5321 §6.3).
    #[error("forwarded in circles")]
    Loop,
    /// A disk or a database failed.
    #[error("delivery is unavailable")]
    Unavailable(#[source] anyhow::Error),
}

impl Delivery {
    /// The mail flow into these mailboxes and this queue.
    pub fn new(accounts: Accounts, mailboxes: Mailboxes, queue: Queue, quota: Quota, forwarder: Forwarder) -> Delivery {
        queue.sign_reports(notice::reports_of(queue.hostname(), forwarder.signers.clone()));
        Delivery {
            accounts,
            mailboxes,
            queue,
            quota,
            reports: broadcast::Sender::new(REPORTS),
            inbox: None,
            forwarder,
        }
    }

    /// With somebody who reads what comes to these local parts of our domains and tells of them.
    pub fn read_by(mut self, addresses: &[String], store: ReportStore) -> (Delivery, Reading) {
        let (inbox, reading) = Inbox::new(addresses, self.accounts.clone(), store);
        self.inbox = Some(inbox);
        (self, reading)
    }

    /// Whether an account has room for a message of so many octets. A message that is under way at the same time is not
    /// seen: a quota may be exceeded by what arrives at once, and no mail is lost for it.
    pub async fn has_room(&self, account: &Account, octets: u64) -> Result<bool, Error> {
        let quota = self.accounts.quota(account.id, &self.quota).await;
        let quota = quota.map_err(Error::Unavailable)?;
        if quota == Quota::default() {
            return Ok(true);
        }
        let message = Usage {
            messages: 1,
            octets,
            mailboxes: 0,
        };
        let mailboxes = self.mailboxes.account(&account.address).await?;
        Ok(mailboxes.usage().has_room(&message, &quota))
    }

    /// Recipients elsewhere to whom an account has mail waiting, counted up to `most`.
    pub async fn waiting_of(&self, account: &Account, most: u64) -> Result<u64, Error> {
        Ok(self.queue.waiting_of(account.id, most).await?)
    }

    /// A file for a message that arrives, to be given to [`Delivery::accept`] when it is complete.
    pub fn begin(&self) -> Incoming {
        self.mailboxes.spool().begin()
    }

    /// A submitted message with its binary parts encoded, as it will be sent, so that it can be signed.
    pub async fn as_text(&self, incoming: Incoming) -> Result<Incoming, Error> {
        let text = self.encoded(incoming.finish().await?).await?;
        let mut anew = self.begin();
        let mut file = tokio::fs::File::open(text.path()).await?;
        let mut piece = vec![0; queued::PIECE];
        loop {
            match file.read(&mut piece).await? {
                0 => return Ok(anew),
                length => anew.write(piece.get(..length).unwrap_or_default()).await?,
            }
        }
    }

    /// What is delivered from now on. A watcher that lags misses reports, never delays mail.
    pub fn reports(&self) -> broadcast::Receiver<Report> {
        self.reports.subscribe()
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Error {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        match error.kind() {
            StorageFull | QuotaExceeded => Error::NoSpace(error),
            _ => Error::Unavailable(error.into()),
        }
    }
}

impl From<ConvertError> for Error {
    fn from(error: ConvertError) -> Error {
        match error {
            ConvertError::Nul | ConvertError::LineEnd => Error::Malformed,
            ConvertError::TooLarge => Error::TooLarge,
            ConvertError::Io(cause) => Error::from(cause),
        }
    }
}

impl From<queue::Error> for Error {
    fn from(error: queue::Error) -> Error {
        match error {
            queue::Error::NoSpace(cause) => Error::NoSpace(cause),
            queue::Error::Unavailable(cause) => Error::Unavailable(cause),
        }
    }
}

impl From<mailbox::Error> for Error {
    fn from(error: mailbox::Error) -> Error {
        match error {
            mailbox::Error::NoSpace(cause) => Error::NoSpace(cause),
            mailbox::Error::Storage(cause) => Error::Unavailable(cause),
            other => Error::Unavailable(other.into()),
        }
    }
}

/// Looks at the header of a message, as much of it as scripts see, off the async threads.
async fn in_header<T: Send + 'static>(
    message: &Spooled,
    look: impl FnOnce(&[u8]) -> T + Send + 'static,
) -> std::io::Result<T> {
    let message = message.clone();
    let work = move || {
        let octets = message.summary().root.body_start.min(limits::HEADER as u64);
        let mut block = Vec::new();
        std::fs::File::open(message.path())?
            .take(octets)
            .read_to_end(&mut block)?;
        Ok(look(&block))
    };
    tokio::task::spawn_blocking(work).await.map_err(std::io::Error::other)?
}
