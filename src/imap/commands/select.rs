//! SELECT and EXAMINE (RFC 3501 §6.3.1 and §6.3.2, RFC 9051 §6.3.2 and §6.3.3, RFC 7162 §3.1.2, §3.2.5, RFC 8474 §4.2).

use super::{enable, list};
use crate::imap::answer::{Answer, Outcome};
use crate::imap::command::{MailboxArgument, SelectParameters};
use crate::imap::hierarchy::Hierarchy;
use crate::imap::namespaces::Opened;
use crate::imap::numbering::{Pieces, SeqNum};
use crate::imap::object_id::ObjectId;
use crate::imap::resync;
use crate::imap::session::{Selected, Session, State};
use crate::imap::updates;
use crate::mail::flags::Flags;
use crate::mail::rights::Rights;
use crate::mailbox::{Error, MailboxInfo};

/// How many states are copied at a time to find the first unseen message.
const STATES: u32 = 4096;

/// Opens a mailbox. The one that was selected is left in any case: after a SELECT that fails none is selected
/// (RFC 3501 §6.3.1).
pub(crate) async fn select(
    session: &mut Session,
    state: &mut State,
    mailbox: MailboxArgument,
    parameters: &SelectParameters,
    read_only: bool,
) -> Outcome {
    if parameters.resync.is_some() && !session.enabled.qresync {
        return Ok(Answer::bad("QRESYNC has to be enabled first"));
    }
    if state.unselect() {
        // RFC 7162 §3.2.11: what follows is about the new one.
        session
            .output
            .line(format_args!("* OK [CLOSED] Previous mailbox closed"));
    }
    let State::Authenticated(login) = state else {
        return Ok(Answer::bad("Log in first"));
    };
    let name = mailbox.map_err(Error::from)?;
    let Opened { place, mailbox } = login.mailboxes.open(&name, Rights::READ).await?;
    // In this order, so that a message that comes in between is not told as new and yet below UIDNEXT.
    let status = mailbox.status();
    // Who can change nothing leaves \Recent to others, as EXAMINE does.
    let rights = place.rights();
    let only_reads = read_only || !rights.intersects(Rights::CHANGES);
    let selected = Selected::new(mailbox.view(session.id, only_reads), place.access, read_only);
    updates::flags(&mut session.output, &selected);
    let picture = selected.view.uids();
    let next = picture
        .last()
        .map_or(1, |last| last.get().saturating_add(1))
        .max(status.uid_next);
    session.output.line(format_args!("* {} EXISTS", picture.len()));
    match session.is_rev2() {
        // RFC 9051 appendix E, 10 to 12: a LIST instead of RECENT and UNSEEN.
        true => {
            let mut listed = login.mailboxes.list().await;
            if !rights.contains(Rights::LOOKUP) {
                // It was named, so it may be told.
                listed.push(MailboxInfo::of(name.clone(), rights));
            }
            let hierarchy = Hierarchy::new(listed);
            list::write(session, &hierarchy.line(name, parameters.supplied.clone()));
        }
        false => recent_and_unseen(session, &selected, status.unseen),
    }
    let output = &mut session.output;
    if !session.off.has("OBJECTID") {
        output.line(format_args!(
            "* OK [MAILBOXID ({})] Of this mailbox",
            ObjectId::Mailbox(status.object_id)
        ));
    }
    output.line(format_args!("* OK [UIDVALIDITY {}] UIDs valid", status.uid_validity));
    output.line(format_args!("* OK [UIDNEXT {next}] Predicted next UID"));
    if !session.off.has(enable::CONDSTORE) {
        output.line(format_args!(
            "* OK [HIGHESTMODSEQ {}] Highest",
            selected.highest_mod_seq()
        ));
    }
    if let Some(known) = &parameters.resync {
        Box::pin(resync::tell(session, &selected, known)).await?;
    }
    // RFC 4314 §5.2.
    let code = if selected.standing.is_read_only() {
        "READ-ONLY"
    } else {
        "READ-WRITE"
    };
    state.select(selected);
    let text = if read_only {
        "EXAMINE completed"
    } else {
        "SELECT completed"
    };
    Ok(Answer::ok(text).with_code(code.to_owned()))
}

/// What RFC 3501 §6.3.1 wants besides.
fn recent_and_unseen(session: &mut Session, selected: &Selected, unseen: u32) {
    let output = &mut session.output;
    output.line(format_args!("* {} RECENT", selected.view.recent()));
    // A number, for one that does not count (RFC 9586 §3.6).
    if unseen > 0
        && !session.enabled.uid_only
        && let Some(SeqNum(seq)) = first_unseen(selected)
    {
        output.line(format_args!("* OK [UNSEEN {seq}] First unseen"));
    }
}

fn first_unseen(selected: &Selected) -> Option<SeqNum> {
    let unseen = Pieces::new(selected.view.uids(), STATES).find_map(|piece| {
        let states = selected.view.mailbox().states(&piece);
        let state = states.iter().find(|state| !state.flags.contains(Flags::SEEN));
        state.map(|state| state.uid)
    })?;
    selected.seq(unseen)
}
