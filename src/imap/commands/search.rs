//! SEARCH and UID SEARCH (RFC 3501 §6.4.4, RFC 4731, RFC 5182, RFC 7162 §3.1.5, RFC 9394).

use crate::imap::answer::{Answer, Failure, Outcome};
use crate::imap::command::Search;
use crate::imap::progress::Progress;
use crate::imap::search::context::Order;
use crate::imap::search::matching::{Extent, find};
use crate::imap::search::result::Results;
use crate::imap::search::tell::Asked;
use crate::imap::session::{Selected, Session};
use crate::mail::ids::Uid;

/// Tells which messages match. `tag` is the command's, which ESEARCH repeats.
pub(crate) async fn search(
    session: &mut Session,
    selected: &mut Selected,
    tag: &str,
    uid: bool,
    search: &Search,
) -> Outcome {
    let asked = Asked {
        response: "SEARCH",
        tag,
        uid,
        names_mailbox: false,
        search,
    };
    if asked.reuses_tag(selected) {
        return Ok(Answer::bad("That tag is in use by a search that is kept up to date"));
    }
    // Boxed: a session that only idles must not carry the state of a SEARCH.
    let answered = Box::pin(one(session, selected, asked, true)).await;
    if answered.is_err() {
        asked.failed(selected);
    }
    answered.map(|()| Answer::ok("SEARCH completed"))
}

/// Searches one mailbox and tells. `may_update`: whether its results may be kept up to date, which are those of the selected
/// mailbox only (RFC 7377 §2.2).
pub(super) async fn one(
    session: &mut Session,
    selected: &mut Selected,
    asked: Asked<'_>,
    may_update: bool,
) -> Result<(), Failure> {
    let query = asked.query(selected)?;
    let returns = asked.search.returns;
    let scored = returns.is_some_and(|returns| returns.relevancy);
    let progress = Progress::default();
    let finding = find(selected, &query, Extent::of(returns), scored, &progress);
    let found = progress.during(session, asked.tag, finding).await?;
    let results = Results {
        uids: found.uids.iter().map(Uid::get).collect(),
        scores: found.scores.into_iter().map(|(_, score)| score).collect(),
    };
    if may_update {
        asked.keep_up_to_date(session, selected, Order::Mailbox(found.uids))?;
    }
    asked.tell(session, selected, &query, &results).await
}
