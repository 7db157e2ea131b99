//! The actions: noted while the script runs, each target once (RFC 5228 §2.10.3).

use super::Run;
use crate::mail::flags::FlagList;
use crate::mail::mailbox_name::{MailboxName, SpecialUse};
use crate::sieve::limits;
use crate::sieve::outcome::{Action, Why};
use crate::sieve::program::{self, Text};

/// Where `fileinto` wants a message to go.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) mailbox: &'a Text,
    pub(super) create: bool,
    pub(super) special_use: Option<&'a Text>,
}

impl Run<'_> {
    /// `keep` (RFC 5228 §4.3).
    pub(super) fn keep(&mut self, flags: Option<&[Text]>) -> Result<(), Why> {
        let flags = self.flags_of(flags)?;
        let header = self.header.changed();
        self.implicit_keep = false;
        self.add(Action::Keep { flags, header })
    }

    /// What is done when nothing was done (RFC 5228 §2.10.2).
    pub(super) fn implicit_keep(&mut self) -> Result<(), Why> {
        match self.implicit_keep {
            true => self.keep(None),
            false => Ok(()),
        }
    }

    /// `fileinto` (RFC 5228 §4.1). With `:specialuse`, the mailbox of that use if there is one (RFC 8579 §4).
    pub(super) fn file_into(&mut self, target: Target<'_>, flags: Option<&[Text]>) -> Result<(), Why> {
        let name = self.expand(target.mailbox)?;
        let flags = self.flags_of(flags)?;
        let header = self.header.changed();
        let special_use = match target.special_use {
            Some(text) => SpecialUse::from_attribute(&self.expand(text)?),
            None => None,
        };
        let with_use = special_use.and_then(|wanted| {
            let mut mailboxes = self.input.mailboxes.iter();
            mailboxes.find(|mailbox| mailbox.special_use == Some(wanted))
        });
        let mailbox = match with_use {
            Some(mailbox) => mailbox.name.clone(),
            None => MailboxName::new(&name).map_err(|_| Why::MailboxName)?,
        };
        if mailbox.is_inbox() {
            return self.add(Action::Keep { flags, header });
        }
        if !target.create && !self.exists(&mailbox) {
            return Err(Why::NoMailbox(mailbox));
        }
        self.add(Action::FileInto {
            mailbox,
            create: target.create,
            special_use,
            flags,
            header,
        })
    }

    /// `redirect` (RFC 5228 §4.2).
    pub(super) fn redirect(&mut self, address: &Text) -> Result<(), Why> {
        let address = program::address(&self.expand(address)?).ok_or(Why::Address)?;
        let header = self.header.changed();
        self.add(Action::Redirect { address, header })
    }

    /// `reject` and `ereject` (RFC 5429 §2.1, §2.2). Both refuse the message: in the protocol where that is possible.
    pub(super) fn reject(&mut self, reason: &Text) -> Result<(), Why> {
        let reason = self.expand(reason)?;
        self.implicit_keep = false;
        self.add(Action::Reject { reason })
    }

    /// Whether the account has that mailbox.
    pub(super) fn exists(&self, name: &MailboxName) -> bool {
        name.is_inbox() || self.input.mailboxes.iter().any(|mailbox| mailbox.name == *name)
    }

    /// Notes an action. The same target again only adds flags, and what is done with the header last counts.
    pub(super) fn add(&mut self, action: Action) -> Result<(), Why> {
        let rejects = |action: &Action| matches!(action, Action::Reject { .. });
        let goes_with_reject = |action: &Action| matches!(action, Action::Redirect { .. });
        let conflict = match rejects(&action) {
            true => !self.actions.iter().all(goes_with_reject),
            false => !goes_with_reject(&action) && self.actions.iter().any(rejects),
        };
        if conflict {
            return Err(Why::Reject);
        }
        if let Some(same) = self.actions.iter_mut().find(|other| same_target(other, &action)) {
            merge(same, action);
            return Ok(());
        }
        let redirects = self.actions.iter().filter(|action| goes_with_reject(action)).count();
        let too_many = goes_with_reject(&action) && redirects >= limits::REDIRECTS;
        if too_many || self.actions.len() >= limits::ACTIONS {
            return Err(Why::Actions);
        }
        self.actions.push(action);
        Ok(())
    }
}

fn same_target(one: &Action, other: &Action) -> bool {
    match (one, other) {
        (Action::Keep { .. }, Action::Keep { .. }) => true,
        (Action::FileInto { mailbox: one, .. }, Action::FileInto { mailbox: other, .. }) => one == other,
        (Action::Redirect { address: one, .. }, Action::Redirect { address: other, .. }) => one == other,
        _ => false,
    }
}

fn merge(into: &mut Action, from: Action) {
    match (into, from) {
        (
            Action::Keep { flags, header },
            Action::Keep {
                flags: more,
                header: newer,
            },
        )
        | (
            Action::FileInto { flags, header, .. },
            Action::FileInto {
                flags: more,
                header: newer,
                ..
            },
        ) => {
            add_flags(flags, more);
            *header = newer;
        }
        (Action::Redirect { header, .. }, Action::Redirect { header: newer, .. }) => *header = newer,
        _ => {}
    }
}

fn add_flags(flags: &mut FlagList, more: FlagList) {
    flags.flags = flags.flags.union(more.flags);
    for keyword in more.keywords {
        if !flags.keywords.contains(&keyword) {
            flags.keywords.push(keyword);
        }
    }
}
