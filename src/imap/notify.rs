//! What a client is told all the time because it asked for it by NOTIFY (RFC 5465): between commands, and in IDLE (§4).
//!
//! An event only says where to look: what is told is the state at that moment. A session that lagged behind the events
//! looks at everything it watches, and tells what it would have told before: NOTIFICATIONOVERFLOW (§5.8) is never needed.

use super::command::{EventGroup, Events, FetchItem, MailboxFilter, Notify};
use super::namespaces::Namespaces;
use super::session::Selected;
use crate::mail::address::Address;
use crate::mail::mailbox_name::MailboxName;
use crate::mail::rights::Rights;
use crate::mailbox::{AccountEvent, AccountMailboxes, MailboxInfo};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

mod news;
mod tell;

pub(crate) use tell::{changed, tell, tell_annotations, tell_inaccessible, tell_watched, until_command};

/// What a session watches.
pub(crate) struct Watch {
    /// Of the selected mailbox; `None` is nothing.
    selected: Option<Immediate>,
    groups: Vec<EventGroup>,
    /// What happens in the account; `None` when nothing of it is watched.
    events: Option<Receiver<AccountEvent>>,
    /// What happens in accounts that share something, likewise.
    shared_events: Option<Receiver<(Address, AccountEvent)>>,
    /// What was heard and not yet looked at, each with the account when it is another one.
    heard: Vec<(Option<Address>, AccountEvent)>,
    /// Whether events were missed.
    lost: bool,
    /// The names as they were when the client was last told of them, to find out what was missed.
    names: Names,
}

/// What is told of the selected mailbox.
struct Immediate {
    delayed: bool,
    flags: bool,
    items: Arc<[FetchItem]>,
}

/// Whether each name exists, and whether it is subscribed.
type Names = BTreeMap<MailboxName, (bool, bool)>;

impl Watch {
    /// NOTIFY NONE: nothing is told.
    pub(crate) fn nothing() -> Watch {
        Watch {
            selected: None,
            groups: Vec::new(),
            events: None,
            shared_events: None,
            heard: Vec::new(),
            lost: false,
            names: Names::new(),
        }
    }

    /// NOTIFY SET: from now on.
    pub(crate) async fn new(asked: Notify, mailboxes: &Namespaces) -> Watch {
        let listens = !asked.groups.is_empty();
        let events = listens.then(|| mailboxes.own().events());
        let shared_events = mailboxes.shared_events().filter(|_| listens);
        Watch {
            selected: asked.selected.map(|selected| Immediate {
                delayed: selected.delayed,
                flags: selected.flags,
                items: selected.items.into(),
            }),
            groups: asked.groups,
            events,
            shared_events,
            names: names(&mailboxes.list().await),
            ..Watch::nothing()
        }
    }

    /// ENABLE METADATA: annotations of the server, and with `of_mailboxes` of all mailboxes, too (RFC 5464 §4.1).
    pub(crate) fn annotations(mailboxes: &AccountMailboxes, of_mailboxes: bool) -> Watch {
        let events = Events {
            metadata: of_mailboxes,
            server_metadata: true,
            ..Events::default()
        };
        let group = EventGroup {
            mailboxes: MailboxFilter::Personal,
            events,
        };
        Watch {
            groups: vec![group],
            events: Some(mailboxes.events()),
            ..Watch::nothing()
        }
    }

    /// Whether nothing of the selected mailbox is told but what commands answer.
    pub(crate) fn is_deaf(&self) -> bool {
        self.selected.is_none()
    }

    /// Whether EXPUNGE is told between commands.
    fn expunges(&self) -> bool {
        self.selected.as_ref().is_some_and(|selected| !selected.delayed)
    }

    /// Whether flags that others change are told.
    pub(crate) fn flags(&self) -> bool {
        self.selected.as_ref().is_some_and(|selected| selected.flags)
    }

    /// What new messages are told with, if anything.
    pub(crate) fn items(&self) -> Option<Arc<[FetchItem]>> {
        let items = &self.selected.as_ref()?.items;
        (!items.is_empty()).then(|| Arc::clone(items))
    }

    /// All that is wanted of a mailbox that is not selected.
    fn wanted(&self, name: &MailboxName, subscribed: bool) -> Events {
        let groups = self
            .groups
            .iter()
            .filter(|group| group.mailboxes.covers(name, subscribed));
        groups.fold(Events::default(), |all, group| all.and(group.events))
    }

    /// Whether annotations of a mailbox or of the server are watched.
    fn wants_metadata(&self, mailbox: Option<&MailboxName>, subscribed: impl Fn(&MailboxName) -> bool) -> bool {
        match mailbox {
            Some(name) => self.wanted(name, subscribed(name)).metadata,
            None => self.groups.iter().any(|group| group.events.server_metadata),
        }
    }

    /// Waits until there may be something to tell. Cancellation-safe.
    async fn changed(&mut self) {
        tokio::select! {
            heard = heard(&mut self.events) => match heard {
                Ok(event) => self.heard.push((None, event)),
                Err(RecvError::Lagged(_)) => self.lost = true,
                Err(RecvError::Closed) => self.events = None,
            },
            heard = heard(&mut self.shared_events) => match heard {
                Ok((owner, event)) => self.heard.push((Some(owner), event)),
                Err(RecvError::Lagged(_)) => self.lost = true,
                Err(RecvError::Closed) => self.shared_events = None,
            },
        }
    }

    /// Takes in all that has happened.
    fn listen(&mut self) {
        while let Some(events) = &mut self.events {
            match events.try_recv() {
                Ok(event) => self.heard.push((None, event)),
                Err(TryRecvError::Lagged(_)) => self.lost = true,
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Closed) => self.events = None,
            }
        }
        while let Some(events) = &mut self.shared_events {
            match events.try_recv() {
                Ok((owner, event)) => self.heard.push((Some(owner), event)),
                Err(TryRecvError::Lagged(_)) => self.lost = true,
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Closed) => self.shared_events = None,
            }
        }
    }

    /// Leaves out what has happened in accounts of which the client sees nothing and has seen nothing.
    fn forget_strangers(&mut self, mailboxes: &Namespaces) {
        let (heard, names) = (&mut self.heard, &self.names);
        let is_known = |owner: &Address| {
            let owner = owner.to_string();
            let mut owners = names.keys().filter_map(MailboxName::in_other_users);
            owners.any(|(known, _)| known == owner)
        };
        heard.retain(|(owner, _)| match owner {
            Some(owner) => mailboxes.sees_some_of(owner) || is_known(owner),
            None => true,
        });
    }

    /// The mailboxes whose messages are watched, the selected one left out.
    fn watched(&self, selected: Option<&Selected>, list: &[MailboxInfo]) -> Vec<MailboxName> {
        let selected = selected.map(|selected| selected.view.mailbox().name());
        let there = list
            .iter()
            .filter(|info| info.exists && Some(&info.name) != selected.as_ref());
        let readable = there.filter(|info| info.rights.contains(Rights::READ));
        let watched = readable.filter(|info| self.wanted(&info.name, info.subscribed).messages);
        watched.map(|info| info.name.clone()).collect()
    }
}

impl MailboxFilter {
    /// Whether a mailbox is one of those meant.
    pub(crate) fn covers(&self, name: &MailboxName, subscribed: bool) -> bool {
        match self {
            // All mail is delivered there.
            MailboxFilter::Inboxes => name.is_inbox(),
            MailboxFilter::Personal => name.in_other_users().is_none(),
            MailboxFilter::Subscribed => subscribed,
            MailboxFilter::Subtree(roots) => roots.iter().any(|root| name == root || name.is_below(root)),
            MailboxFilter::Mailboxes(names) => names.contains(name),
        }
    }
}

impl Events {
    fn and(self, other: Events) -> Events {
        Events {
            messages: self.messages || other.messages,
            flags: self.flags || other.flags,
            names: self.names || other.names,
            subscriptions: self.subscriptions || other.subscriptions,
            metadata: self.metadata || other.metadata,
            server_metadata: self.server_metadata || other.server_metadata,
        }
    }
}

/// The next event; none where nobody listens. Cancellation-safe.
async fn heard<T: Clone>(events: &mut Option<Receiver<T>>) -> Result<T, RecvError> {
    match events {
        Some(events) => events.recv().await,
        None => std::future::pending().await,
    }
}

fn names(list: &[MailboxInfo]) -> Names {
    let name = |info: &MailboxInfo| (info.name.clone(), (info.exists, info.subscribed));
    list.iter().map(name).collect()
}

#[cfg(test)]
mod tests;
