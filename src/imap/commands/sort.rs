//! SORT and UID SORT (RFC 5256 §3) with RETURN (RFC 5267 §3), by display names (RFC 5957) and by relevancy (RFC 6203 §6).
//!
//! Summaries are read some at a time; of each message only what it is sorted by is kept.

use crate::imap::answer::{Answer, Failure, Outcome};
use crate::imap::command::{Search, SortCriterion, SortKey};
use crate::imap::numbering::Pieces;
use crate::imap::progress::Progress;
use crate::imap::search::matching::{Extent, Found, find};
use crate::imap::search::result::Results;
use crate::imap::search::tell::Asked;
use crate::imap::session::{Selected, Session};
use crate::imap::sort::{self, Sorted};
use crate::imap::summaries::Summaries;
use crate::mail::uidset::UidSet;
use crate::mailbox::Error;

/// How many states are copied at a time.
const STATES: u32 = 4096;

/// The relevancy where none was asked for.
const FULL: u8 = 100;

/// A message with what it is sorted by, its UID, and its relevancy.
type Row = (Box<[u8]>, u32, u8);

/// Tells which messages match, in the order asked for. `tag` is the command's, which ESEARCH repeats.
pub(crate) async fn sort(
    session: &mut Session,
    selected: &mut Selected,
    tag: &str,
    uid: bool,
    criteria: &[SortCriterion],
    search: &Search,
) -> Outcome {
    let asked = Asked {
        response: "SORT",
        tag,
        uid,
        search,
    };
    // Boxed: a session that only idles must not carry the state of a SORT.
    let answered = Box::pin(run(session, selected, criteria, asked)).await;
    if answered.is_err() {
        asked.failed(selected);
    }
    answered.map(|()| Answer::ok("SORT completed"))
}

async fn run(
    session: &mut Session,
    selected: &mut Selected,
    criteria: &[SortCriterion],
    asked: Asked<'_>,
) -> Result<(), Failure> {
    let query = asked.query(selected)?;
    let told = asked.search.returns.is_some_and(|returns| returns.relevancy);
    let scored = told || criteria.iter().any(|criterion| criterion.key == SortKey::Relevancy);
    let progress = Progress::default();
    let sorting = async {
        let found = find(selected, &query, Extent::All, scored, &progress).await?;
        sorted(selected, criteria, &found).await
    };
    let rows = progress.during(session, asked.tag, sorting).await?;
    let results = Results {
        uids: rows.iter().map(|(_, uid, _)| *uid).collect(),
        scores: rows.iter().map(|(_, _, score)| *score).filter(|_| told).collect(),
    };
    drop(rows);
    asked.tell(session, selected, &query, &results).await
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
            rows.push((sort::key(criteria, message), state.uid.get(), score));
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
