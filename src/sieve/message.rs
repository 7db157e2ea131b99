//! What a run may know: the message, its envelope, and the answers to what tests ask.

use super::outcome::Memory;
use crate::mail::address::Address;
use crate::mail::date::Timestamp;
use crate::mail::envelope::ReversePath;
use crate::mail::mailbox_name::{MailboxName, SpecialUse};
use crate::mail::summary::Summary;

/// All that a script can ask about.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The message.
    pub message: Message<'a>,
    /// Who sent it.
    pub reverse_path: &'a ReversePath,
    /// The paths by which it came to this account, as MAIL's client wrote them.
    pub forward_paths: &'a [Address],
    /// The account's addresses: its own, and aliases.
    pub addresses: &'a [Address],
    /// The account's mailboxes.
    pub mailboxes: &'a [KnownMailbox],
    /// Now, in the server's zone.
    pub now: Timestamp,
    /// What earlier runs of this account's scripts remembered.
    pub memory: &'a Memory,
}

/// A message as far as it was read.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// From its first octet: the header, and of the body as much as tests may look at.
    pub bytes: &'a [u8],
    /// Octets of all of it.
    pub size: u64,
    /// Its structure.
    pub summary: &'a Summary,
}

/// A mailbox that exists.
#[derive(Clone, Debug)]
pub struct KnownMailbox {
    /// Its name.
    pub name: MailboxName,
    /// What it is for.
    pub special_use: Option<SpecialUse>,
}

impl<'a> Message<'a> {
    /// The header block without the empty line behind it.
    pub(super) fn header(&self) -> &'a [u8] {
        let end = usize::try_from(self.summary.root.body_start).unwrap_or(usize::MAX);
        self.bytes.get(..end).unwrap_or(self.bytes)
    }

    /// What lies in that range, as far as it was read.
    pub(super) fn range(&self, start: u64, end: u64) -> &'a [u8] {
        let place = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX).min(self.bytes.len());
        self.bytes.get(place(start)..place(end)).unwrap_or_default()
    }
}
