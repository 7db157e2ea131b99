//! What NOTIFY asks for (RFC 5465).

use super::FetchItem;
use crate::mail::mailbox_name::MailboxName;

/// NOTIFY SET (RFC 5465 §8).
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Notify {
    /// Whether the STATUS of the mailboxes watched is wanted first.
    pub status: bool,
    /// What is wanted of the mailbox that is selected; `None` is nothing.
    pub selected: Option<SelectedEvents>,
    /// What is wanted of other mailboxes.
    pub groups: Vec<EventGroup>,
    /// Whether an event was named that we do not have.
    pub unsupported: bool,
}

/// What is wanted of the selected mailbox: MessageNew and MessageExpunge, which come together, and more.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct SelectedEvents {
    /// SELECTED-DELAYED: EXPUNGEs wait for a command that allows them.
    pub delayed: bool,
    /// FlagChange.
    pub flags: bool,
    /// What new messages are told with; empty is nothing.
    pub items: Vec<FetchItem>,
}

/// An `event-group` about mailboxes that are not selected.
#[derive(Clone, Debug, PartialEq)]
pub struct EventGroup {
    /// Which mailboxes.
    pub mailboxes: MailboxFilter,
    /// Which events.
    pub events: Events,
}

/// `filter-mailboxes-other`. Names that cannot be are left out: such mailboxes are ignored as those are that do not exist.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum MailboxFilter {
    Inboxes,
    Personal,
    Subscribed,
    Subtree(Vec<MailboxName>),
    Mailboxes(Vec<MailboxName>),
}

/// Events of mailboxes that are not selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Events {
    /// MessageNew and MessageExpunge, which come together.
    pub messages: bool,
    /// FlagChange.
    pub flags: bool,
    /// MailboxName.
    pub names: bool,
    /// SubscriptionChange.
    pub subscriptions: bool,
    /// MailboxMetadataChange.
    pub metadata: bool,
    /// ServerMetadataChange, which is of no mailbox.
    pub server_metadata: bool,
}
