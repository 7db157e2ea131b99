//! Mailboxes: what is in them, what changes, and who is told.
//!
//! [`Mailboxes`] are all of a server; [`AccountMailboxes`] those of one account; [`Mailbox`] is one, shared by all its
//! sessions; [`View`] is one session's picture of it. Every change of a mailbox happens under its write lock in the order
//! file → commit → publish → unlock, in a task that no disconnecting client can cancel, and every operation returns owned
//! values: no lock outlives a call.

mod account;
mod append;
mod copy;
mod error;
mod events;
mod expunge;
mod full_text;
#[expect(
    clippy::module_inception,
    reason = "one mailbox, in the folder of all that concerns mailboxes"
)]
mod mailbox;
mod mailboxes;
mod message;
mod names;
mod reconcile;
mod replace;
mod scripts;
mod shares;
mod state;
mod status;
mod store;
mod texts;
mod tracker;
mod view;
mod watch;

pub use account::{AccountMailboxes, seen_as};
pub use append::Appended;
pub use copy::Copied;
pub use error::{Error, Result};
pub use events::{AccountEvent, MessageEvent};
pub use full_text::{FullTextReport, Narrowed, full_text_report};
pub use mailbox::Mailbox;
pub use mailboxes::Mailboxes;
pub use message::{MessageFile, MessageState, NewMessage};
pub use scripts::{ListedScript, ScriptError, ScriptQuota, Scripts};
pub use status::{MailboxInfo, MailboxStatus, Usage};
pub use store::{FlagAction, Stored};
pub use texts::Text;
pub use tracker::Notice;
pub use view::{FlagUpdate, Updates, View};

#[cfg(test)]
mod tests;
