//! SEARCH and UID SEARCH (RFC 3501 §6.4.4, RFC 4731, RFC 7162 §3.1.5).
//!
//! Each message is settled with as little as possible: a piece of the mailbox by state, what stays open by summary, what
//! still stays open by its file. Memory is one piece and the answer, kept as runs.

use crate::imap::answer::{Answer, Failure, Outcome};
use crate::imap::command::{Search, SearchReturn};
use crate::imap::numbering::{Numbering, Pieces};
use crate::imap::search::contents;
use crate::imap::search::criterion::{Known, Query};
use crate::imap::search::result::{Extended, Found, write_extended};
use crate::imap::session::{Selected, Session};
use crate::imap::summaries::Summaries;
use crate::mail::uidset::UidSet;
use crate::mailbox::{Mailbox, MessageState};
use std::sync::Arc;

/// How many states are copied at a time.
const STATES: u32 = 4096;

/// Tells which messages match. `tag` is the command's, which ESEARCH repeats. Messages gone, told or not, never match.
pub(crate) async fn search(
    session: &mut Session,
    selected: &mut Selected,
    tag: &str,
    uid: bool,
    search: &Search,
) -> Outcome {
    let mailbox = Arc::clone(selected.view.mailbox());
    let query = Query::new(&search.key, &mailbox.keywords(), &mut |set, uid| {
        selected.matching(set, uid)
    })?;
    // Boxed: a session that only idles must not carry the state of a SEARCH.
    let found = Box::pin(run(selected, &mailbox, &query, uid, search.returns)).await?;
    match search.returns {
        Some(returns) => {
            let extended = Extended {
                tag,
                uid,
                returns,
                mod_seq: query.mod_seq,
            };
            write_extended(&mut session.output, &found, extended);
        }
        None => {
            session.output.raw(b"* SEARCH");
            for number in found.numbers() {
                session.output.text(format_args!(" {number}"));
                session
                    .output
                    .relieve(&mut session.connection, session.write_timeout)
                    .await?;
            }
            if query.mod_seq
                && let Some(mod_seq) = found.highest_mod_seq()
            {
                session.output.text(format_args!(" (MODSEQ {mod_seq})"));
            }
            session.output.raw(b"\r\n");
        }
    }
    Ok(Answer::ok("SEARCH completed"))
}

async fn run(
    selected: &Selected,
    mailbox: &Arc<Mailbox>,
    query: &Query,
    uid: bool,
    returns: Option<SearchReturn>,
) -> Result<Found, Failure> {
    let picture = selected.view.uids();
    let candidates = match query.within() {
        Some(within) => within.intersection(picture),
        None => picture.clone(),
    };
    let first_suffices = returns.is_some_and(|returns| returns.min && !(returns.max || returns.all || returns.count));
    let mut numbering = Numbering::default();
    let mut found = Found::default();
    for piece in Pieces::new(&candidates, STATES) {
        let states = mailbox.states(&piece);
        let mut trial = Trial::new(selected, mailbox, query, &states);
        for state in &states {
            if trial.matches(state).await?
                && let Some(seq) = numbering.of(picture, state.uid)
            {
                found.push(if uid { state.uid.get() } else { seq.0 }, state.mod_seq);
                if first_suffices {
                    return Ok(found);
                }
            }
        }
        tokio::task::consume_budget().await;
    }
    Ok(found)
}

/// A query put to the messages of one piece, ascending.
struct Trial<'a> {
    selected: &'a Selected,
    mailbox: &'a Arc<Mailbox>,
    query: &'a Query,
    summaries: Summaries,
}

impl<'a> Trial<'a> {
    fn new(selected: &'a Selected, mailbox: &'a Arc<Mailbox>, query: &'a Query, states: &[MessageState]) -> Trial<'a> {
        let mut trial = Trial {
            selected,
            mailbox,
            query,
            summaries: Summaries::new(&UidSet::new()),
        };
        let open = states.iter().filter(|state| trial.by_state(state).is_none());
        trial.summaries = Summaries::new(&open.map(|state| state.uid).collect());
        trial
    }

    fn known<'k>(&self, state: &'k MessageState) -> Known<'k> {
        Known {
            state,
            recent: self.selected.view.is_recent(state.uid),
            summary: None,
            file: None,
        }
    }

    fn by_state(&self, state: &MessageState) -> Option<bool> {
        self.query.criterion.holds(self.known(state))
    }

    /// A message that vanishes while it is looked at does not match.
    async fn matches(&mut self, state: &MessageState) -> Result<bool, Failure> {
        if let Some(held) = self.by_state(state) {
            return Ok(held);
        }
        let Some(summary) = self.summaries.of(self.mailbox, state.uid).await? else {
            return Ok(false);
        };
        let known = Known {
            summary: Some(&summary),
            ..self.known(state)
        };
        if let Some(held) = self.query.criterion.holds(known) {
            return Ok(held);
        }
        let Some(file) = self.mailbox.open_message(state.uid).await? else {
            return Ok(false);
        };
        let contents = contents::read(&file, &summary, self.query).await?;
        let known = Known {
            file: Some(&contents),
            ..known
        };
        Ok(self.query.criterion.holds(known) == Some(true))
    }
}
