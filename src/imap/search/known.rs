//! What is known of a message when a key is asked: its state always, the rest as far as it was fetched.

use super::contents::Contents;
use crate::mail::summary::Summary;
use crate::mailbox::{MessageState, Narrowed};

/// What is known of a message when a key is asked.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    /// Always known.
    pub(crate) state: &'a MessageState,
    /// Whether it is recent for this session.
    pub(crate) recent: bool,
    /// What the full-text index has not seen in it.
    pub(crate) unseen: Option<&'a Unseen>,
    /// From the index.
    pub(crate) summary: Option<&'a Summary>,
    /// From the file.
    pub(crate) file: Option<&'a Contents>,
}

/// Which messages cannot hold which phrases of a query, by the full-text index.
#[derive(Debug, Default)]
pub(crate) struct Unseen {
    pub(crate) phrases: Narrowed,
    pub(crate) in_fields: Narrowed,
}

impl Known<'_> {
    /// Whether a phrase was found; `None` while the file was not read and the full-text index does not exclude it.
    pub(super) fn phrase(&self, number: usize, found: impl FnOnce(&Contents) -> bool) -> Option<bool> {
        match (self.file, self.unseen) {
            (Some(file), _) => Some(found(file)),
            (None, Some(unseen)) if unseen.phrases.excludes(number, self.state.uid) => Some(false),
            (None, _) => None,
        }
    }
}
