//! The summaries of many messages, one after the other, loaded some at a time.

use super::numbering::Pieces;
use crate::mail::ids::Uid;
use crate::mail::summary::Summary;
use crate::mail::uidset::UidSet;
use crate::mailbox::{Error, Mailbox, Result};
use std::sync::Arc;
use tokio_util::task::AbortOnDropHandle;

/// How many are loaded at a time, and held at most twice. A summary can have thousands of parts, so this is what bounds the
/// memory; and a query for this many costs little more than for one.
const PIECE: u32 = 128;

type Loaded = Vec<(Uid, Arc<Summary>)>;

/// A walk over the summaries of a set, in ascending order. While one piece is used the next is loaded.
pub(crate) struct Summaries {
    pieces: Pieces,
    /// The highest UID that has been loaded or passed by.
    loaded: u32,
    current: std::iter::Peekable<std::vec::IntoIter<(Uid, Arc<Summary>)>>,
    next: Option<(UidSet, AbortOnDropHandle<Result<Loaded>>)>,
}

impl Summaries {
    /// The summaries of `uids`; none is loaded yet.
    pub(crate) fn new(uids: &UidSet) -> Summaries {
        Summaries {
            pieces: Pieces::new(uids, PIECE),
            loaded: 0,
            current: Vec::new().into_iter().peekable(),
            next: None,
        }
    }

    /// The summary of a message of the set; `None` when it is gone. To be asked for in ascending order; those between are
    /// passed by.
    pub(crate) async fn of(&mut self, mailbox: &Arc<Mailbox>, uid: Uid) -> Result<Option<Arc<Summary>>> {
        while self.loaded < uid.get() {
            let (piece, loading) = match self.next.take() {
                Some((piece, loading)) => (piece, Some(loading)),
                None => match self.pieces.next() {
                    Some(piece) => (piece, None),
                    None => break,
                },
            };
            self.loaded = piece.last().map_or(self.loaded, Uid::get);
            if self.loaded < uid.get() {
                continue;
            }
            self.load_next(mailbox);
            let loaded = match loading {
                Some(loading) => loading.await.map_err(|error| Error::Storage(error.into()))??,
                None => mailbox.summaries(&piece).await?,
            };
            self.current = loaded.into_iter().peekable();
        }
        while self.current.next_if(|(other, _)| *other < uid).is_some() {}
        Ok(self
            .current
            .next_if(|(other, _)| *other == uid)
            .map(|(_, summary)| summary))
    }

    fn load_next(&mut self, mailbox: &Arc<Mailbox>) {
        self.next = self.pieces.next().map(|piece| {
            let (mailbox, uids) = (Arc::clone(mailbox), piece.clone());
            let loading = tokio::spawn(async move { mailbox.summaries(&uids).await });
            (piece, AbortOnDropHandle::new(loading))
        });
    }
}
