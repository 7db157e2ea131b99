//! SEARCH and UID SEARCH (RFC 3501 §6.4.4, RFC 4731, RFC 5182, RFC 7162 §3.1.5, RFC 9394).

use crate::imap::answer::{Answer, Failure, Outcome};
use crate::imap::command::{Search, SearchKey, SearchReturn, SequenceSet};
use crate::imap::numbering::Pieces;
use crate::imap::search::criterion::{Query, Terms};
use crate::imap::search::matching::{Extent, find};
use crate::imap::search::result::{Extended, Results, write_extended};
use crate::imap::session::{Selected, Session};
use crate::mail::date::Timestamp;
use crate::mail::ids::{ModSeq, Uid};
use crate::mail::uidset::UidSet;

/// How many states are copied at a time to find the highest MODSEQ.
const STATES: u32 = 4096;

/// Tells which messages match. `tag` is the command's, which ESEARCH repeats.
pub(crate) async fn search(
    session: &mut Session,
    selected: &mut Selected,
    tag: &str,
    uid: bool,
    search: &Search,
) -> Outcome {
    // Boxed: a session that only idles must not carry the state of a SEARCH.
    let answered = Box::pin(run(session, selected, tag, uid, search)).await;
    if answered.is_err() && search.returns.is_some_and(|returns| returns.save) {
        // RFC 5182 §2.1.
        selected.saved = UidSet::new();
    }
    answered.map(|()| Answer::ok("SEARCH completed"))
}

async fn run(
    session: &mut Session,
    selected: &mut Selected,
    tag: &str,
    uid: bool,
    search: &Search,
) -> Result<(), Failure> {
    let query = query(selected, &search.key)?;
    let scored = search.returns.is_some_and(|returns| returns.relevancy);
    let found = find(selected, &query, Extent::of(search.returns), scored).await?;
    let results = Results {
        uids: found.uids.iter().map(Uid::get).collect(),
        scores: found.scores.into_iter().map(|(_, score)| score).collect(),
    };
    match search.returns {
        Some(returns) => extended(session, selected, tag, uid, &query, returns, &results),
        None => plain(session, selected, uid, &query, &results).await?,
    }
    Ok(())
}

/// The key made ready for this client's picture.
fn query(selected: &Selected, key: &SearchKey) -> Result<Query, Failure> {
    let terms = Terms {
        keywords: &selected.view.mailbox().keywords(),
        now: Timestamp::now().seconds,
        resolve: |set: &SequenceSet, uid| selected.matching(set, uid),
    };
    Query::new(key, &terms)
}

/// ESEARCH, which SAVE alone does without (RFC 5182 §2.2).
fn extended(
    session: &mut Session,
    selected: &mut Selected,
    tag: &str,
    uid: bool,
    query: &Query,
    returns: SearchReturn,
    results: &Results,
) {
    let concerned = match returns.save || query.mod_seq {
        true => results.concerned(returns),
        false => UidSet::new(),
    };
    let asked = SearchReturn { save: false, ..returns };
    if asked != SearchReturn::default() {
        let extended = Extended {
            tag,
            uid,
            returns,
            mod_seq: query.mod_seq.then(|| highest_mod_seq(selected, &concerned)).flatten(),
            scores: &results.scores,
        };
        let numbers = results.numbers(selected.view.uids(), uid);
        write_extended(&mut session.output, &numbers, extended);
    }
    if returns.save {
        selected.saved = concerned;
    }
}

/// SEARCH, with the highest MODSEQ of what was found when the MODSEQ key was used (RFC 7162 §3.1.5).
async fn plain(
    session: &mut Session,
    selected: &Selected,
    uid: bool,
    query: &Query,
    results: &Results,
) -> Result<(), Failure> {
    session.output.raw(b"* SEARCH");
    for number in results.numbers(selected.view.uids(), uid).iter() {
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

/// The highest MODSEQ of these messages.
fn highest_mod_seq(selected: &Selected, uids: &UidSet) -> Option<ModSeq> {
    let mailbox = selected.view.mailbox();
    let states = Pieces::new(uids, STATES).flat_map(|piece| mailbox.states(&piece));
    states.map(|state| state.mod_seq).max()
}
