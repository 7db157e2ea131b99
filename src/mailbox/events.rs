//! What happens in the mailboxes of an account, for sessions that want to know of more than the one they have selected, and
//! how much there is in them.
//!
//! An event says only where to look: whoever hears of it reads the state at that moment, so that what is told is never
//! older than what is true. A listener that lags is told how many it has missed and looks everywhere.

use super::mailbox::Mailbox;
use crate::mail::address::Address;
use crate::mail::ids::SessionId;
use crate::mail::mailbox_name::MailboxName;
use std::sync::Weak;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::sync::broadcast;

/// Events that a listener may lag behind.
pub(super) const CAPACITY: usize = 1024;

/// Something happened in an account.
#[derive(Clone, Debug)]
pub enum AccountEvent {
    /// Messages came, went or got other flags in a mailbox.
    Messages {
        /// Which mailbox; it may be gone by now.
        mailbox: Weak<Mailbox>,
        /// What happened.
        what: MessageEvent,
        /// Who did it.
        origin: SessionId,
    },
    /// A mailbox was made.
    Created {
        /// Its name.
        name: MailboxName,
        /// Who did it.
        origin: SessionId,
    },
    /// A mailbox was deleted.
    Deleted {
        /// Its name.
        name: MailboxName,
        /// Who did it.
        origin: SessionId,
    },
    /// A mailbox has another name, and so have those below it.
    Renamed {
        /// The old one.
        from: MailboxName,
        /// The new one.
        to: MailboxName,
        /// Who did it.
        origin: SessionId,
    },
    /// A name was put on the subscription list or taken off it.
    Subscribed {
        /// The name, of a mailbox or not.
        name: MailboxName,
        /// Whether it is on the list now.
        now: bool,
        /// Who did it.
        origin: SessionId,
    },
    /// It was changed who may do what with a mailbox.
    Rights {
        /// Its name.
        name: MailboxName,
        /// Who did it.
        origin: SessionId,
    },
    /// Annotations were set or removed.
    Annotated {
        /// Of which mailbox, or of the account itself.
        mailbox: Option<MailboxName>,
        /// The names of their entries, as [`super::seen_as`] takes them.
        entries: Vec<String>,
        /// Who did it.
        origin: SessionId,
    },
}

impl AccountEvent {
    /// Who did it; [`SessionId::NONE`] when it was no session.
    pub fn origin(&self) -> SessionId {
        match self {
            AccountEvent::Messages { origin, .. }
            | AccountEvent::Created { origin, .. }
            | AccountEvent::Deleted { origin, .. }
            | AccountEvent::Renamed { origin, .. }
            | AccountEvent::Subscribed { origin, .. }
            | AccountEvent::Rights { origin, .. }
            | AccountEvent::Annotated { origin, .. } => *origin,
        }
    }

    /// Whether by it other names may be there than before, for somebody.
    pub fn is_about_names(&self) -> bool {
        !matches!(self, AccountEvent::Messages { .. } | AccountEvent::Annotated { .. })
    }
}

/// What happened to messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum MessageEvent {
    Arrived,
    Expunged,
    Flags,
}

/// What all mailboxes of an account share: where its events go, and how much it holds.
#[derive(Debug)]
pub(super) struct Common {
    owner: Address,
    events: broadcast::Sender<AccountEvent>,
    /// Where they go too while something of the account is shared.
    shared_events: broadcast::Sender<(Address, AccountEvent)>,
    shares: AtomicBool,
    messages: AtomicU64,
    octets: AtomicU64,
}

impl Common {
    /// Of an account that holds so much.
    pub(super) fn new(
        owner: Address,
        shared_events: broadcast::Sender<(Address, AccountEvent)>,
        messages: u64,
        octets: u64,
    ) -> Common {
        Common {
            owner,
            shared_events,
            shares: AtomicBool::new(false),
            events: broadcast::Sender::new(CAPACITY),
            messages: AtomicU64::new(messages),
            octets: AtomicU64::new(octets),
        }
    }

    /// Tells whoever listens; nobody is waited for.
    pub(super) fn tell(&self, event: AccountEvent) {
        match self.shares.load(Ordering::Relaxed) {
            true => self.tell_all(event),
            false => self.tell_own(event),
        }
    }

    /// The same, also when nothing is shared: whoever has just lost what was shared hears of that.
    pub(super) fn tell_all(&self, event: AccountEvent) {
        if self.shared_events.receiver_count() > 0 {
            let _ = self.shared_events.send((self.owner.clone(), event.clone()));
        }
        self.tell_own(event);
    }

    fn tell_own(&self, event: AccountEvent) {
        if self.events.receiver_count() > 0 {
            let _ = self.events.send(event);
        }
    }

    /// Whether something of the account is shared from now on.
    pub(super) fn set_shares(&self, shares: bool) {
        self.shares.store(shares, Ordering::Relaxed);
    }

    /// What happens from now on.
    pub(super) fn listen(&self) -> broadcast::Receiver<AccountEvent> {
        self.events.subscribe()
    }

    /// Counts messages that came.
    pub(super) fn add(&self, messages: u64, octets: u64) {
        self.messages.fetch_add(messages, Ordering::Relaxed);
        self.octets.fetch_add(octets, Ordering::Relaxed);
    }

    /// Counts messages that went.
    pub(super) fn subtract(&self, messages: u64, octets: u64) {
        let less = |count: &AtomicU64, by: u64| {
            let _ = count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| Some(now.saturating_sub(by)));
        };
        less(&self.messages, messages);
        less(&self.octets, octets);
    }

    /// Messages and their octets.
    pub(super) fn usage(&self) -> (u64, u64) {
        (
            self.messages.load(Ordering::Relaxed),
            self.octets.load(Ordering::Relaxed),
        )
    }
}
