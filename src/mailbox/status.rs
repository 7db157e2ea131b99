//! What is told of a mailbox as a whole.

use crate::config::{Quota, Size};
use crate::mail::ids::{ModSeq, UidValidity};
use crate::mail::mailbox_name::{MailboxName, SpecialUse};
use crate::mail::rights::Rights;

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
    /// What whoever asks may do with it; nothing with one that does not exist.
    pub rights: Rights,
}

impl MailboxInfo {
    /// A mailbox of somebody else: what it is for, it is for its owner.
    pub fn of(name: MailboxName, rights: Rights) -> MailboxInfo {
        MailboxInfo {
            name,
            special_use: None,
            subscribed: false,
            exists: true,
            rights,
        }
    }
}

/// How much an account holds, as far as its mailboxes have been looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Messages.
    pub messages: u64,
    /// Their octets.
    pub octets: u64,
    /// Mailboxes.
    pub mailboxes: u64,
}

impl Usage {
    /// Whether a quota has room for so much more. What does not grow is not asked for: an account that is over one limit
    /// can still do what has nothing to do with it.
    pub fn has_room(&self, more: &Usage, quota: &Quota) -> bool {
        let fits = |used: u64, more: u64, limit: Option<u64>| {
            more == 0 || limit.is_none_or(|limit| used.saturating_add(more) <= limit)
        };
        fits(self.octets, more.octets, quota.storage.map(Size::get))
            && fits(self.messages, more.messages, quota.messages)
            && fits(self.mailboxes, more.mailboxes, quota.mailboxes)
    }
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
    /// Octets of those that are \Deleted.
    pub deleted_size: u64,
    /// [`super::Mailbox::object_id`].
    pub object_id: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_concerns_what_grows() {
        let usage = |messages, octets, mailboxes| Usage {
            messages,
            octets,
            mailboxes,
        };
        let quota = Quota {
            storage: Some(Size::octets(100)),
            messages: Some(10),
            mailboxes: None,
        };
        let used = usage(9, 90, 5000);
        for (more, fits) in [
            (usage(1, 10, 0), true),
            (usage(1, 11, 0), false),
            (usage(2, 10, 0), false),
            (usage(1, u64::MAX, 0), false),
            (usage(0, 0, 1), true),
        ] {
            assert_eq!(used.has_room(&more, &quota), fits, "{more:?}");
            assert!(used.has_room(&more, &Quota::default()));
        }
        assert!(usage(20, 200, 1).has_room(&usage(0, 0, 1), &quota));
    }
}
