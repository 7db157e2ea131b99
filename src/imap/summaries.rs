//! The summaries of many messages, one after the other, loaded some at a time.

use super::numbering::Pieces;
use crate::mail::ids::Uid;
use crate::mail::summary::Summary;
use crate::mail::uidset::UidSet;
use crate::mailbox::{Mailbox, Result};
use std::sync::Arc;

/// How many are held at a time. A summary can have thousands of parts, so this is what bounds the memory; and a query for
/// this many costs little more than for one.
const PIECE: u32 = 128;

/// A walk over the summaries of a set, in ascending order.
pub(crate) struct Summaries {
    pieces: Pieces,
    /// The highest UID that has been loaded or passed by.
    loaded: u32,
    current: std::iter::Peekable<std::vec::IntoIter<(Uid, Arc<Summary>)>>,
}

impl Summaries {
    /// The summaries of `uids`; none is loaded yet.
    pub(crate) fn new(uids: &UidSet) -> Summaries {
        Summaries {
            pieces: Pieces::new(uids, PIECE),
            loaded: 0,
            current: Vec::new().into_iter().peekable(),
        }
    }

    /// The summary of a message of the set; `None` when it is gone. To be asked for in ascending order; those between are
    /// passed by.
    pub(crate) async fn of(&mut self, mailbox: &Mailbox, uid: Uid) -> Result<Option<Arc<Summary>>> {
        while self.loaded < uid.get() {
            let Some(piece) = self.pieces.next() else { break };
            self.loaded = piece.last().map_or(self.loaded, Uid::get);
            if self.loaded >= uid.get() {
                self.current = mailbox.summaries(&piece).await?.into_iter().peekable();
            }
        }
        while self.current.next_if(|(other, _)| *other < uid).is_some() {}
        Ok(self
            .current
            .next_if(|(other, _)| *other == uid)
            .map(|(_, summary)| summary))
    }
}
