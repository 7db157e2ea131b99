//! SORT and UID SORT (RFC 5256 §3) with RETURN (RFC 5267 §3), by display names (RFC 5957) and by relevancy (RFC 6203 §6).

use crate::imap::answer::{Answer, Failure, Outcome};
use crate::imap::command::{Search, SortCriterion, SortKey};
use crate::imap::progress::Progress;
use crate::imap::search::context::Order;
use crate::imap::search::matching::{Extent, find};
use crate::imap::search::result::Results;
use crate::imap::search::tell::Asked;
use crate::imap::session::{Selected, Session};
use std::sync::Arc;

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
        names_mailbox: false,
        search,
    };
    if asked.reuses_tag(selected) {
        return Ok(Answer::bad("That tag is in use by a search that is kept up to date"));
    }
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
    let orders = Arc::clone(&session.imap.orders);
    let sorting = async {
        let found = find(selected, &query, Extent::All, scored, &progress).await?;
        orders.sorted(selected, criteria, &found).await
    };
    let rows = progress.during(session, asked.tag, sorting).await?;
    let results = Results {
        uids: rows.iter().map(|row| row.uid).collect(),
        scores: rows.iter().map(|row| row.score).filter(|_| told).collect(),
    };
    let order = Order::Sorted {
        criteria: criteria.to_vec(),
        rows,
    };
    asked.keep_up_to_date(session, selected, order)?;
    asked.tell(session, selected, &query, &results).await
}
