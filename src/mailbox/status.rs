//! What is told of a mailbox as a whole.

use crate::mail::ids::{ModSeq, UidValidity};
use crate::mail::mailbox_name::{MailboxName, SpecialUse};

/// One line of LIST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailboxInfo {
    /// Its name.
    pub name: MailboxName,
    /// What it is for.
    pub special_use: Option<SpecialUse>,
    /// Whether it is on the subscription list. A name may be subscribed that does not exist.
    pub subscribed: bool,
    /// Whether it exists and can be selected. `false`: it is only on the subscription list, or only the parent of others.
    pub exists: bool,
}

/// How much an account holds, as far as its mailboxes have been looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Messages.
    pub messages: u64,
    /// Their octets.
    pub octets: u64,
    /// Mailboxes.
    pub mailboxes: u64,
}

/// The answers of STATUS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct MailboxStatus {
    pub messages: u32,
    pub recent: u32,
    pub unseen: u32,
    pub deleted: u32,
    pub uid_next: u32,
    pub uid_validity: UidValidity,
    pub highest_mod_seq: ModSeq,
    /// Octets of all messages.
    pub size: u64,
}
