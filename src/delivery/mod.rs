//! Mail flow: where an accepted message goes.

use crate::accounts::Accounts;
use crate::mailbox::{Mailboxes, Notice};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast;

/// The mail flow of a server. Cheap to clone.
#[derive(Clone)]
pub struct Delivery {}

/// One message delivered, for whoever watches (the demo, the log).
#[derive(Clone, Debug)]
pub struct Report {
    /// Reverse-path; empty for the null path.
    pub from: String,
    /// Recipients.
    pub to: Vec<String>,
    /// Octets.
    pub size: u64,
    /// From the final dot until the last copy was durable.
    pub durable: Duration,
    /// One for each mailbox.
    pub notices: Vec<Arc<Notice>>,
}

impl Delivery {
    /// The mail flow into these mailboxes.
    pub fn new(_accounts: Accounts, _mailboxes: Mailboxes) -> Delivery {
        todo!()
    }

    /// What is delivered from now on. A watcher that lags misses reports, never delays mail.
    pub fn reports(&self) -> broadcast::Receiver<Report> {
        todo!()
    }
}
