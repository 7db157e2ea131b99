//! From a search program to what the client hears of its results: what SEARCH and SORT have in common.

use super::context::{self, Order};
use super::query::{Query, Terms};
use super::result::{Extended, Results, write_extended};
use crate::imap::answer::Failure;
use crate::imap::command::{Search, SearchReturn, SequenceSet};
use crate::imap::numbering::Pieces;
use crate::imap::session::{Selected, Session};
use crate::mail::date::Timestamp;
use crate::mail::ids::ModSeq;
use crate::mail::uidset::UidSet;

/// How many states are copied at a time to find the highest MODSEQ.
const STATES: u32 = 4096;

/// The command that is being answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    /// How its response is called when it has no RETURN.
    pub(crate) response: &'static str,
    /// Its tag, which ESEARCH repeats.
    pub(crate) tag: &'a str,
    /// Whether UIDs are told.
    pub(crate) uid: bool,
    /// Whether the response says which mailbox it is about. Then one without results is left out (RFC 7377 §2.1).
    pub(crate) names_mailbox: bool,
    /// What is looked for, and how it is told.
    pub(crate) search: &'a Search,
}

impl Asked<'_> {
    /// The key made ready for this client's picture.
    pub(crate) fn query(&self, selected: &Selected) -> Result<Query, Failure> {
        let terms = Terms {
            keywords: &selected.view.mailbox().keywords(),
            now: Timestamp::now().seconds,
            resolve: |set: &SequenceSet, uid| selected.matching(set, uid),
        };
        Query::new(&self.search.key, &terms)
    }

    /// Whether the results are to be kept up to date under a tag that another search has (RFC 5267 §4.3).
    pub(crate) fn reuses_tag(&self, selected: &Selected) -> bool {
        self.search.returns.is_some_and(|returns| returns.update) && selected.contexts.has(self.tag)
    }

    /// Keeps the results up to date from now on where that was asked for, and is possible.
    pub(crate) fn keep_up_to_date(
        &self,
        session: &mut Session,
        selected: &mut Selected,
        order: Order,
    ) -> Result<(), Failure> {
        if !self.search.returns.is_some_and(|returns| returns.update) {
            return Ok(());
        }
        if !selected.contexts.has_room(&order) {
            context::refuse(&mut session.output, self.tag);
            return Ok(());
        }
        context::begin(selected, self, order)
    }

    /// Writes the response, and saves the result where that was asked for.
    pub(crate) async fn tell(
        &self,
        session: &mut Session,
        selected: &mut Selected,
        query: &Query,
        results: &Results,
    ) -> Result<(), Failure> {
        match self.returns(session) {
            Some(returns) => self.extended(session, selected, query, returns, results),
            None => self.plain(session, selected, query, results).await?,
        }
        Ok(())
    }

    /// How ESEARCH tells the results; `None` when the response is SEARCH or SORT. IMAP4rev2 knows no SEARCH: without RETURN
    /// it is told ALL (RFC 9051 §6.4.4).
    fn returns(&self, session: &Session) -> Option<SearchReturn> {
        let all = SearchReturn {
            all: true,
            ..SearchReturn::default()
        };
        let rev2 = session.is_rev2() && self.response == "SEARCH";
        self.search.returns.or_else(|| rev2.then_some(all))
    }

    /// What becomes of the saved result when the command fails (RFC 5182 §2.1).
    pub(crate) fn failed(&self, selected: &mut Selected) {
        if self.search.returns.is_some_and(|returns| returns.save) {
            selected.saved = UidSet::new();
        }
    }

    /// ESEARCH, which SAVE alone does without (RFC 5182 §2.2).
    fn extended(
        &self,
        session: &mut Session,
        selected: &mut Selected,
        query: &Query,
        returns: SearchReturn,
        results: &Results,
    ) {
        let concerned = match returns.save || query.mod_seq {
            true => results.concerned(returns),
            false => UidSet::new(),
        };
        let nothing = SearchReturn {
            save: true,
            update: returns.update,
            context: returns.context,
            ..SearchReturn::default()
        };
        if returns != nothing && !(self.names_mailbox && results.uids.is_empty()) {
            let mod_seq = query.mod_seq.then(|| highest_mod_seq(selected, &concerned));
            let named = selected.about();
            let extended = Extended {
                tag: self.tag,
                mailbox: self.names_mailbox.then_some(&named),
                uid: self.uid,
                returns,
                mod_seq: mod_seq.flatten(),
                scores: &results.scores,
            };
            let numbers = results.numbers(selected.view.uids(), self.uid);
            write_extended(&mut session.output, &numbers, extended);
        }
        if returns.save {
            selected.saved = concerned;
        }
    }

    /// SEARCH or SORT, with the highest MODSEQ of what was found when the MODSEQ key was used (RFC 7162 §3.1.5, §3.1.6).
    async fn plain(
        &self,
        session: &mut Session,
        selected: &Selected,
        query: &Query,
        results: &Results,
    ) -> Result<(), Failure> {
        session.output.text(format_args!("* {}", self.response));
        for number in results.numbers(selected.view.uids(), self.uid).iter() {
            session.output.text(format_args!(" {number}"));
            session.relieve().await?;
        }
        if query.mod_seq {
            let all = results.concerned(SearchReturn::default());
            if let Some(mod_seq) = highest_mod_seq(selected, &all) {
                session.output.text(format_args!(" (MODSEQ {mod_seq})"));
            }
        }
        session.output.raw(b"\r\n");
        Ok(())
    }
}

/// The highest MODSEQ of these messages.
fn highest_mod_seq(selected: &Selected, uids: &UidSet) -> Option<ModSeq> {
    let mailbox = selected.view.mailbox();
    let states = Pieces::new(uids, STATES).flat_map(|piece| mailbox.states(&piece));
    states.map(|state| state.mod_seq).max()
}
