//! Opening the files of the next messages while one is sent.

use crate::mail::ids::Uid;
use crate::mailbox::{Error, Mailbox, MessageFile, MessageState, Result};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// How many files are open ahead. Each holds the beginning of its message in memory.
const AHEAD: usize = 4;

/// The files of messages, opened in their order.
pub(crate) struct Ahead<'a> {
    mailbox: Arc<Mailbox>,
    coming: std::slice::Iter<'a, MessageState>,
    opening: VecDeque<(Uid, JoinHandle<Result<Option<MessageFile>>>)>,
}

impl<'a> Ahead<'a> {
    /// For these messages; nothing is opened yet.
    pub(crate) fn new(mailbox: &Arc<Mailbox>, messages: &'a [MessageState]) -> Ahead<'a> {
        Ahead {
            mailbox: Arc::clone(mailbox),
            coming: messages.iter(),
            opening: VecDeque::new(),
        }
    }

    /// Where the messages are.
    pub(crate) fn mailbox(&self) -> &Arc<Mailbox> {
        &self.mailbox
    }

    /// The file of one of the messages, asked for in their order; `None` when it is gone.
    pub(crate) async fn open(&mut self, uid: Uid) -> Result<Option<MessageFile>> {
        loop {
            while self.opening.len() < AHEAD
                && let Some(next) = self.coming.next()
            {
                // Not worth a task when there is only one.
                if self.opening.is_empty() && self.coming.len() == 0 {
                    return self.mailbox.open_message(uid).await;
                }
                let (mailbox, next) = (Arc::clone(&self.mailbox), next.uid);
                let opening = tokio::spawn(async move { mailbox.open_message(next).await });
                self.opening.push_back((next, opening));
            }
            match self.opening.pop_front() {
                Some((next, opening)) if next == uid => {
                    return opening.await.map_err(|error| Error::Storage(error.into()))?;
                }
                // One that was passed over.
                Some((_, opening)) => opening.abort(),
                None => return self.mailbox.open_message(uid).await,
            }
        }
    }
}

impl Drop for Ahead<'_> {
    fn drop(&mut self) {
        self.opening.iter().for_each(|(_, opening)| opening.abort());
    }
}
