//! REPLACE and UID REPLACE (RFC 8508).

use super::append::append_uid;
use super::copy::target;
use crate::imap::answer::{Answer, Outcome};
use crate::imap::command::Replace;
use crate::imap::framer::Literal;
use crate::imap::namespaces::Opened;
use crate::imap::session::{Login, Selected, Session};
use crate::imap::updates;
use crate::imap::upload::{self, Terms};
use crate::mail::rights::Rights;
use crate::mailbox::Usage;
use std::sync::Arc;

/// Puts a message in the place of another one, which need not be in the same mailbox. All or nothing: nobody sees both of
/// them, or neither.
pub(crate) async fn replace(
    session: &mut Session,
    login: &Login,
    selected: &mut Selected,
    asked: Replace,
    literal: &mut Option<Literal>,
) -> Outcome {
    // RFC 8508 §4.1: those of STORE and EXPUNGE here, and of APPEND there.
    selected.standing.allows(Rights::MARK_DELETED.union(Rights::EXPUNGE))?;
    let source = Arc::clone(selected.view.mailbox());
    let uids = selected.resolve(&asked.message, asked.uid)?;
    let Some(old) = source.states(&uids).first().copied() else {
        return Ok(match asked.uid {
            true => Answer::no(Some("NONEXISTENT"), "There is no such message"),
            false => Answer::no(Some("EXPUNGEISSUED"), "The message is gone"),
        });
    };
    let Opened { place, mailbox } = target(login, &asked.mailbox).await?;
    let terms = Terms {
        place: &place,
        messages: 1,
        // RFC 8508 §3.4: what goes makes room for what comes.
        freed: match source.is_beside(&mailbox) {
            true => Usage {
                messages: 1,
                octets: old.size,
                mailboxes: 0,
            },
            false => Usage::default(),
        },
    };
    let messages = upload::receive(session, login, Some(selected), terms, asked.pieces, literal).await?;
    let Some(message) = messages.into_iter().next() else {
        return Ok(Answer::bad("REPLACE needs a message"));
    };
    let replaced = source.replace(session.id, old.uid, message, &mailbox).await?;
    // In front of the EXPUNGE (RFC 8508 §4.3).
    session.output.line(format_args!(
        "* OK [{}] Replacement message ready",
        append_uid(&replaced)
    ));
    updates::tell(session, selected, true).await?;
    let answer = Answer::ok("REPLACE completed");
    // As after UID EXPUNGE (RFC 8508 §4.5).
    Ok(match session.enabled.condstore {
        true => answer.with_code(format!("HIGHESTMODSEQ {}", selected.highest_mod_seq())),
        false => answer,
    })
}
