//! The messages found in the order asked for. Summaries are read some at a time; of each message only what it is sorted by is
//! kept.

use super::matching::Found;
use crate::imap::answer::Failure;
use crate::imap::command::SortCriterion;
use crate::imap::numbering::Pieces;
use crate::imap::session::Selected;
use crate::imap::sort::{self, Sorted};
use crate::imap::summaries::Summaries;
use crate::mail::uidset::UidSet;
use crate::mailbox::Error;
use std::sync::Arc;

/// How many states are copied at a time.
const STATES: u32 = 4096;

/// The relevancy where none was asked for.
const FULL: u8 = 100;

/// A message in its place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Row {
    /// What it is sorted by.
    pub(crate) key: Arc<[u8]>,
    /// Which one it is; decides where the key does not.
    pub(crate) uid: u32,
    /// How relevant it is.
    pub(crate) score: u8,
}

/// The messages found that are still there, in order.
pub(crate) async fn sorted(
    selected: &Selected,
    criteria: &[SortCriterion],
    found: &Found,
) -> Result<Vec<Row>, Failure> {
    let mailbox = selected.view.mailbox();
    let needs_summary = sort::needs_summary(criteria);
    let mut summaries = match needs_summary {
        true => Summaries::new(&found.uids),
        false => Summaries::new(&UidSet::new()),
    };
    let mut scores = found.scores.iter().peekable();
    let mut rows: Vec<Row> = Vec::new();
    for piece in Pieces::new(&found.uids, STATES) {
        for state in mailbox.states(&piece) {
            let summary = summaries.of(mailbox, state.uid).await?;
            if needs_summary && summary.is_none() {
                continue;
            }
            while scores.next_if(|(uid, _)| *uid < state.uid).is_some() {}
            let score = scores
                .next_if(|(uid, _)| *uid == state.uid)
                .map_or(FULL, |(_, score)| *score);
            let message = Sorted {
                state: &state,
                summary: summary.as_deref(),
                score,
            };
            rows.push(Row {
                key: sort::key(criteria, message),
                uid: state.uid.get(),
                score,
            });
        }
        tokio::task::consume_budget().await;
    }
    // Some hundred thousand texts are compared for a while: not on a thread that serves others.
    let ordered = tokio::task::spawn_blocking(move || {
        rows.sort_unstable();
        rows
    });
    ordered.await.map_err(|error| Error::Storage(error.into()).into())
}
