//! From what was heard to what is to be told: the news of a watch.

use super::{Names, Watch, names};
use crate::imap::namespaces::{Access, Namespaces};
use crate::imap::session::{Selected, Session};
use crate::mail::mailbox_name::MailboxName;
use crate::mail::rights::{Rights, Who};
use crate::mailbox::{AccountEvent, MailboxInfo, MessageEvent, seen_as};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What is to be told.
#[derive(Default)]
pub(super) struct News {
    /// By LIST, in this order, with the old name of what was renamed.
    pub(super) names: Vec<(MailboxName, Option<MailboxName>)>,
    /// By STATUS.
    pub(super) statuses: BTreeSet<MailboxName>,
    /// By METADATA: which entries have changed, of which mailbox or of the server.
    pub(super) metadata: BTreeMap<Option<MailboxName>, BTreeSet<String>>,
    /// Whether events were missed.
    pub(super) lost: bool,
}

impl News {
    /// A name is told as it is now, so once is enough.
    fn name(&mut self, name: MailboxName, old_name: Option<MailboxName>) {
        if old_name.is_some() || !self.names.iter().any(|(known, _)| *known == name) {
            self.names.push((name, old_name));
        }
    }
}

impl Watch {
    /// What there is to tell of what was heard.
    pub(super) fn news(
        &mut self,
        session: &Session,
        mailboxes: &Namespaces,
        selected: Option<&Selected>,
        list: &[MailboxInfo],
    ) -> News {
        let mut news = News::default();
        let subscribed = |name: &MailboxName| list.iter().any(|info| info.name == *name && info.subscribed);
        let readable = |name: &MailboxName| {
            let mut found = list.iter().filter(|info| info.name == *name);
            found.any(|info| info.rights.contains(Rights::READ))
        };
        let heard = std::mem::take(&mut self.heard);
        for (owner, event) in heard {
            if event.origin() == session.id {
                if owner.is_some() && event.is_about_names() {
                    self.remember(list, in_others);
                }
                continue;
            }
            let access = match owner.map(|owner| mailboxes.access(&owner)) {
                // What happens in the session's own account is heard in two ways when something of it is shared.
                Some(Access::Unlimited | Access::Owner) => continue,
                Some(access) => Some(access),
                None => None,
            };
            let called = |name: MailboxName| {
                access
                    .as_ref()
                    .map_or_else(|| name.clone(), |access| access.name(&name))
            };
            match event {
                AccountEvent::Messages { mailbox, what, .. } => {
                    let Some(mailbox) = mailbox.upgrade() else { continue };
                    if selected.is_some_and(|selected| Arc::ptr_eq(selected.view.mailbox(), &mailbox)) {
                        continue;
                    }
                    let name = called(mailbox.name());
                    if access.is_some() && !self.knows(&name) {
                        self.look_at_others(&mut news, list);
                        continue;
                    }
                    let wanted = self.wanted(&name, subscribed(&name));
                    if wanted.messages && (wanted.flags || what != MessageEvent::Flags) && readable(&name) {
                        news.statuses.insert(name);
                    }
                }
                AccountEvent::Annotated { mailbox, entries, .. } => {
                    let mailbox = mailbox.map(called);
                    let who = access.as_ref().and_then(Access::who).unwrap_or(Who::Owner);
                    let entries = entries.iter().filter_map(|key| seen_as(key, &who).map(str::to_owned));
                    let entries: Vec<String> = entries.collect();
                    if access.is_some() && mailbox.as_ref().is_some_and(|name| !self.knows(name)) {
                        self.look_at_others(&mut news, list);
                        continue;
                    }
                    let own = access.is_none();
                    let seen = own || mailbox.as_ref().is_some_and(readable);
                    if seen && !entries.is_empty() && self.wants_metadata(mailbox.as_ref(), subscribed) {
                        news.metadata.entry(mailbox).or_default().extend(entries);
                    }
                }
                // Of others' names only the difference is told: what has happened may have been to some that are not seen.
                AccountEvent::Renamed { from, to, .. } if access.is_some() => {
                    let (from, to) = (called(from), called(to));
                    if self.wanted(&to, subscribed(&to)).names
                        && list.iter().any(|info| info.name == to && info.exists)
                        && self.names.contains_key(&from)
                    {
                        // With it go those below it.
                        let known = std::mem::take(&mut self.names);
                        let renamed =
                            known
                                .into_iter()
                                .map(|(name, known)| match name == from || name.is_below(&from) {
                                    true => (name.rebased(&from, &to).unwrap_or(name), known),
                                    false => (name, known),
                                });
                        self.names = renamed.collect();
                        news.name(to, Some(from));
                    }
                    self.look_at_others(&mut news, list);
                }
                _ if access.is_some() => self.look_at_others(&mut news, list),
                // Who has an account sees all of it.
                AccountEvent::Rights { .. } => {}
                // The level above may have got its first child, or lost its last one.
                AccountEvent::Created { name, .. } | AccountEvent::Deleted { name, .. } => {
                    let parent = name.parent();
                    for name in std::iter::once(name).chain(parent) {
                        if self.wanted(&name, subscribed(&name)).names {
                            news.name(name, None);
                        }
                    }
                }
                AccountEvent::Renamed { from, to, .. } => {
                    let wanted = self
                        .wanted(&from, subscribed(&from))
                        .and(self.wanted(&to, subscribed(&to)));
                    if wanted.names {
                        news.name(to, Some(from));
                    }
                }
                // Also when it just left the subscribed ones.
                AccountEvent::Subscribed { name, .. } => {
                    if self.wanted(&name, true).subscriptions {
                        news.name(name, None);
                    }
                }
            }
        }
        news.lost = std::mem::take(&mut self.lost);
        if news.lost {
            self.look_everywhere(&mut news, selected, list);
            self.remember(list, in_others);
        }
        self.remember(list, |name| !in_others(name));
        // Subscriptions are the account's own, also to what others share.
        for info in list {
            if let Some((_, subscribed)) = self.names.get_mut(&info.name) {
                *subscribed = info.subscribed;
            }
        }
        news
    }

    /// Whether a mailbox is there as far as the client was told. What happened in one of others before is not told, but
    /// that it is there now: the right to see it may be there before the event that says so (RFC 5465 §5.4).
    pub(super) fn knows(&self, name: &MailboxName) -> bool {
        self.names.get(name).is_some_and(|(exists, _)| *exists)
    }

    /// Which mailboxes of others have come or gone.
    pub(super) fn look_at_others(&mut self, news: &mut News, list: &[MailboxInfo]) {
        self.compare_names(news, list, in_others);
        self.remember(list, in_others);
    }

    /// The client knows these names as they are now.
    fn remember(&mut self, list: &[MailboxInfo], these: fn(&MailboxName) -> bool) {
        self.names.retain(|name, _| !these(name));
        self.names
            .extend(names(list).into_iter().filter(|(name, _)| these(name)));
    }

    /// After events were missed: what has become of all that is watched.
    pub(super) fn look_everywhere(&self, news: &mut News, selected: Option<&Selected>, list: &[MailboxInfo]) {
        news.statuses.extend(self.watched(selected, list));
        self.compare_names(news, list, |_| true);
    }

    /// Which of these names have come or gone, or are subscribed or no longer so, since the client was last told of them.
    fn compare_names(&self, news: &mut News, list: &[MailboxInfo], these: fn(&MailboxName) -> bool) {
        let now = names(list);
        let all: BTreeSet<&MailboxName> = self.names.keys().chain(now.keys()).collect();
        for name in all.into_iter().filter(|name| these(name)) {
            let get = |names: &Names| names.get(name).copied().unwrap_or_default();
            let ((existed, was_subscribed), (exists, subscribed)) = (get(&self.names), get(&now));
            let wanted = self.wanted(name, subscribed || was_subscribed);
            if (wanted.names && existed != exists) || (wanted.subscriptions && was_subscribed != subscribed) {
                news.name(name.clone(), None);
            }
        }
    }
}

fn in_others(name: &MailboxName) -> bool {
    name.in_other_users().is_some()
}
