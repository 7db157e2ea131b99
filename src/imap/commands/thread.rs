//! THREAD and UID THREAD (RFC 5256 §3): ORDEREDSUBJECT, REFERENCES and REFS.

use crate::imap::answer::{Answer, Failure, Outcome};
use crate::imap::command::{Search, ThreadAlgorithm};
use crate::imap::numbering::{Pieces, Positions};
use crate::imap::progress::Progress;
use crate::imap::search::matching::{Extent, find};
use crate::imap::search::orders::Orders;
use crate::imap::search::tell::Asked;
use crate::imap::session::{Selected, Session};
use crate::imap::sort;
use crate::imap::summaries::Summaries;
use crate::mail::header::fields;
use crate::mail::message_id::message_ids;
use crate::mail::summary::Summary;
use crate::mail::thread::{Threader, Threads};
use crate::mail::uidset::UidSet;
use crate::mailbox::Error;
use std::sync::Arc;

/// How many states are copied at a time.
const STATES: u32 = 4096;

/// Tells which messages match, as threads.
pub(crate) async fn thread(
    session: &mut Session,
    selected: &mut Selected,
    tag: &str,
    uid: bool,
    algorithm: ThreadAlgorithm,
    search: &Search,
) -> Outcome {
    let asked = Asked {
        response: "THREAD",
        tag,
        uid,
        names_mailbox: false,
        search,
    };
    // Boxed: a session that only idles must not carry the state of a THREAD.
    let progress = Progress::default();
    let orders = Arc::clone(&session.imap.orders);
    let threading = Box::pin(run(selected, algorithm, asked, &orders, &progress));
    let threads = Box::pin(progress.during(session, tag, threading)).await?;
    write(session, &threads, selected.view.uids(), uid).await?;
    Ok(Answer::ok("THREAD completed"))
}

async fn run(
    selected: &Selected,
    algorithm: ThreadAlgorithm,
    asked: Asked<'_>,
    orders: &Orders,
    progress: &Progress,
) -> Result<Arc<Threads>, Failure> {
    let query = asked.query(selected)?;
    let found = find(selected, &query, Extent::All, false, progress).await?;
    let mailbox = selected.view.mailbox();
    if let Some(threads) = orders.threads(mailbox, algorithm, &found.uids) {
        return Ok(threads);
    }
    let mut summaries = Summaries::new(&found.uids);
    let mut threader = Threader::default();
    let mut whole = true;
    for piece in Pieces::new(&found.uids, STATES) {
        for state in mailbox.states(&piece) {
            let Some(summary) = summaries.of(mailbox, state.uid).await? else {
                whole = false;
                continue;
            };
            let sent = sort::sent_date(&state, Some(&summary));
            let subject = sort::subject(&summary);
            let id = summary.envelope.message_id.as_deref().map(message_ids);
            let id = id.unwrap_or_default().into_iter().next();
            threader.add(state.uid.get(), sent, &subject, id.as_deref(), &references(&summary));
        }
        tokio::task::consume_budget().await;
    }
    // Not on a thread that serves others.
    let threads = tokio::task::spawn_blocking(move || match algorithm {
        ThreadAlgorithm::OrderedSubject => threader.ordered_subject(),
        ThreadAlgorithm::References => threader.references(),
        ThreadAlgorithm::Refs => threader.refs(),
    });
    let threads = Arc::new(threads.await.map_err(|error| Error::Storage(error.into()))?);
    if whole {
        orders.keep_threads(mailbox, algorithm, found.uids, &threads);
    }
    Ok(threads)
}

/// The identifiers of References; when there is none, the first of In-Reply-To (RFC 5256 §3).
fn references(summary: &Summary) -> Vec<Vec<u8>> {
    let field = fields(&summary.headers).find(|field| field.is("References"));
    let references = field.map(|field| message_ids(field.value)).unwrap_or_default();
    if !references.is_empty() {
        return references;
    }
    let parent = summary.envelope.in_reply_to.as_deref().map(message_ids);
    parent.unwrap_or_default().into_iter().take(1).collect()
}

/// What is still to be written.
enum Step {
    /// `(`, and what is in it.
    Thread(u32),
    /// `)`
    End,
}

/// `thread-data` (RFC 5256 §5). Nothing recurses: a thread can be as deep as the mailbox is large.
async fn write(session: &mut Session, threads: &Threads, picture: &UidSet, uid: bool) -> Result<(), Failure> {
    let positions = Positions::new(picture);
    session.output.raw(b"* THREAD");
    if !threads.roots().is_empty() {
        session.output.raw(b" ");
    }
    let mut steps: Vec<Step> = threads.roots().iter().rev().map(|root| Step::Thread(*root)).collect();
    while let Some(step) = steps.pop() {
        match step {
            Step::End => session.output.raw(b")"),
            Step::Thread(root) => {
                session.output.raw(b"(");
                steps.push(Step::End);
                let mut node = root;
                loop {
                    if let Some(message) = threads.uid(node) {
                        let number = if uid { Some(message) } else { positions.of(message) };
                        session.output.text(format_args!("{}", number.unwrap_or(message)));
                        if !threads.children(node).is_empty() {
                            session.output.raw(b" ");
                        }
                    }
                    match threads.children(node) {
                        [] => break,
                        [only] => node = *only,
                        several => {
                            steps.extend(several.iter().rev().map(|child| Step::Thread(*child)));
                            break;
                        }
                    }
                    session.relieve().await?;
                }
            }
        }
        session.relieve().await?;
    }
    session.output.raw(b"\r\n");
    Ok(())
}
