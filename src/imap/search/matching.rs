//! Which messages of a mailbox match a query. Each is settled with as little as possible: a piece of the mailbox by state,
//! what stays open by summary, what still stays open by its file. Memory is one piece and the answer, kept as runs.

use super::contents;
use super::known::{Known, Unseen};
use super::phrase::Phrase;
use super::query::Query;
use crate::imap::answer::Failure;
use crate::imap::command::SearchReturn;
use crate::imap::numbering::Pieces;
use crate::imap::progress::Progress;
use crate::imap::session::Selected;
use crate::imap::summaries::Summaries;
use crate::mail::ids::Uid;
use crate::mail::uidset::UidSet;
use crate::mailbox::{Mailbox, MessageState};
use std::sync::Arc;

/// How many states are copied at a time.
const STATES: u32 = 4096;

/// The same when only some matches at one end of the mailbox are wanted.
const FEW: u32 = 64;

/// With fewer messages than this the full-text index is not asked.
const NARROWED: usize = 8;

/// The relevancy of a message that matches when nothing fuzzy was asked (RFC 6203 §4).
const FULL: u8 = 100;

/// How many of the messages that match have to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All of them.
    All,
    /// So many of the first.
    First(usize),
    /// So many of the last.
    Last(usize),
}

impl Extent {
    /// What these options need, the result being in ascending order.
    pub(crate) fn of(returns: Option<SearchReturn>) -> Extent {
        let Some(returns) = returns else { return Extent::All };
        if returns.all || returns.count || returns.relevancy || returns.update {
            return Extent::All;
        }
        let first = returns.min.then_some(1);
        let last = returns.max.then_some(1);
        let (first, last) = match returns.partial {
            None => (first, last),
            Some(range) if range.from_end => (first, Some(range.reach())),
            Some(range) => (Some(range.reach()), last),
        };
        match (first, last) {
            (Some(count), None) => Extent::First(count),
            (None, Some(count)) => Extent::Last(count),
            _ => Extent::All,
        }
    }
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// The messages.
    pub(crate) uids: UidSet,
    /// How relevant each of them is, when that was asked for.
    pub(crate) scores: Vec<(Uid, u8)>,
}

/// Puts the query to the messages of this client's picture. Messages gone, told or not, never match.
pub(crate) async fn find(
    selected: &Selected,
    query: &Query,
    extent: Extent,
    scored: bool,
    progress: &Progress,
) -> Result<Found, Failure> {
    search(selected, query, selected.view.uids(), extent, scored, progress).await
}

/// Puts the query to some of the messages.
pub(crate) async fn find_among(
    selected: &Selected,
    query: &Query,
    among: &UidSet,
    scored: bool,
    progress: &Progress,
) -> Result<Found, Failure> {
    search(selected, query, among, Extent::All, scored, progress).await
}

async fn search(
    selected: &Selected,
    query: &Query,
    among: &UidSet,
    extent: Extent,
    scored: bool,
    progress: &Progress,
) -> Result<Found, Failure> {
    let mailbox = selected.view.mailbox();
    let candidates = match query.within() {
        Some(within) => within.intersection(among),
        None => among.clone(),
    };
    progress.expect(candidates.len());
    let size = if extent == Extent::All { STATES } else { FEW };
    let mut pieces: Vec<UidSet> = Pieces::new(&candidates, size).collect();
    if matches!(extent, Extent::Last(_)) {
        pieces.reverse();
    }
    let unseen = match candidates.len() < NARROWED {
        true => Unseen::default(),
        false => unseen(mailbox, query).await,
    };
    let mut found = Found::default();
    for piece in pieces {
        let states = mailbox.states(&piece);
        let mut trial = Trial::new(selected, mailbox, query, &unseen, &states);
        for state in &states {
            progress.advance();
            let Some(score) = trial.score(state).await? else {
                continue;
            };
            found.uids.insert(state.uid);
            if scored {
                found.scores.push((state.uid, score));
            }
            if matches!(extent, Extent::First(count) if found.uids.len() >= count) {
                return Ok(found);
            }
        }
        if matches!(extent, Extent::Last(count) if found.uids.len() >= count) {
            return Ok(found);
        }
        tokio::task::consume_budget().await;
    }
    Ok(found)
}

/// Asks the full-text index about the phrases of a query.
async fn unseen(mailbox: &Mailbox, query: &Query) -> Unseen {
    let phrases: Vec<&str> = query.phrases.iter().map(Phrase::mapped).collect();
    let in_fields: Vec<&str> = query.in_fields.iter().map(String::as_str).collect();
    Unseen {
        phrases: mailbox.narrow(&phrases).await,
        in_fields: mailbox.narrow(&in_fields).await,
    }
}

/// A query put to the messages of one piece, ascending.
struct Trial<'a> {
    selected: &'a Selected,
    mailbox: &'a Arc<Mailbox>,
    query: &'a Query,
    unseen: &'a Unseen,
    summaries: Summaries,
}

impl<'a> Trial<'a> {
    fn new(
        selected: &'a Selected,
        mailbox: &'a Arc<Mailbox>,
        query: &'a Query,
        unseen: &'a Unseen,
        states: &[MessageState],
    ) -> Trial<'a> {
        let mut trial = Trial {
            selected,
            mailbox,
            query,
            unseen,
            summaries: Summaries::new(&UidSet::new()),
        };
        let open = states.iter().filter(|state| trial.by_state(state).is_none());
        trial.summaries = Summaries::new(&open.map(|state| state.uid).collect());
        trial
    }

    fn known<'k>(&self, state: &'k MessageState) -> Known<'k>
    where
        'a: 'k,
    {
        Known {
            state,
            recent: self.selected.view.is_recent(state.uid),
            unseen: Some(self.unseen),
            summary: None,
            file: None,
        }
    }

    fn by_state(&self, state: &MessageState) -> Option<bool> {
        self.query.criterion.holds(self.known(state))
    }

    /// How relevant the message is; `None` when it does not match. One that vanishes while it is looked at does not.
    async fn score(&mut self, state: &MessageState) -> Result<Option<u8>, Failure> {
        let score = |known, held: bool| held.then(|| self.query.criterion.score(known).unwrap_or(FULL));
        let known = self.known(state);
        if let Some(held) = self.query.criterion.holds(known) {
            return Ok(score(known, held));
        }
        let Some(summary) = self.summaries.of(self.mailbox, state.uid).await? else {
            return Ok(None);
        };
        let known = Known {
            summary: Some(&summary),
            ..known
        };
        if let Some(held) = self.query.criterion.holds(known) {
            return Ok(score(known, held));
        }
        let Some(file) = self.mailbox.open_message(state.uid).await? else {
            return Ok(None);
        };
        let contents = contents::read(&file, &summary, self.query).await?;
        let known = Known {
            file: Some(&contents),
            ..known
        };
        Ok(score(known, self.query.criterion.holds(known) == Some(true)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::command::PartialRange;

    #[test]
    fn no_more_is_looked_at_than_the_options_need() {
        let none = SearchReturn::default();
        let (min, max) = (SearchReturn { min: true, ..none }, SearchReturn { max: true, ..none });
        let partial = |of: SearchReturn, from_end| SearchReturn {
            partial: Some(PartialRange {
                first: 9,
                last: 5,
                from_end,
            }),
            ..of
        };
        for (returns, extent) in [
            (None, Extent::All),
            (Some(SearchReturn { save: true, ..none }), Extent::All),
            (Some(min), Extent::First(1)),
            (Some(max), Extent::Last(1)),
            (Some(SearchReturn { max: true, ..min }), Extent::All),
            (Some(SearchReturn { count: true, ..min }), Extent::All),
            (Some(SearchReturn { update: true, ..min }), Extent::All),
            (Some(partial(none, false)), Extent::First(9)),
            (Some(partial(none, true)), Extent::Last(9)),
            (Some(partial(min, false)), Extent::First(9)),
            (Some(partial(max, true)), Extent::Last(9)),
            (Some(partial(max, false)), Extent::All),
            (Some(partial(min, true)), Extent::All),
            (
                Some(SearchReturn {
                    relevancy: true,
                    ..partial(none, true)
                }),
                Extent::All,
            ),
        ] {
            assert_eq!(Extent::of(returns), extent, "{returns:?}");
        }
    }
}
