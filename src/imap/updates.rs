//! What a session tells its client of the selected mailbox without being asked: EXISTS, RECENT (to IMAP4rev1), EXPUNGE or
//! VANISHED, FETCH FLAGS, always with the UID (RFC 9051 §5.2, §7.3 to §7.5, RFC 7162 §3.2.10, RFC 9586).

use super::answer::Failure;
use super::commands::fetch;
use super::fetch::items;
use super::numbering::Numbering;
use super::output::Output;
use super::search::context;
use super::session::{Selected, Session};
use crate::mail::flags::KeywordTable;
use crate::mail::ids::Uid;
use crate::mail::rights::Rights;
use crate::mail::uidset::UidSet;
use crate::mailbox::MessageState;

/// As [`tell`], to a client that has not asked to be left alone (RFC 5465 §3.1).
pub(crate) async fn news(session: &mut Session, selected: &mut Selected, may_expunge: bool) -> Result<(), Failure> {
    match session.enabled.watch.as_ref().is_some_and(|watch| watch.is_deaf()) {
        true => Ok(()),
        false => tell(session, selected, may_expunge).await,
    }
}

/// Takes in what has happened and writes it to the output; EXPUNGEs only when the command allows them.
pub(crate) async fn tell(session: &mut Session, selected: &mut Selected, may_expunge: bool) -> Result<(), Failure> {
    rights(session, selected)?;
    let updates = selected.view.poll(may_expunge);
    if !updates.expunged.is_empty() && !selected.contexts.is_empty() {
        context::expunged(session, selected, &updates.expunged);
    }
    match session.enabled.qresync || session.enabled.uid_only {
        true => {
            let gone = updates.expunged.iter().rev().map(|(_, uid)| *uid).collect();
            Box::pin(vanished(session, "", &gone)).await?;
        }
        false => {
            for (position, _) in &updates.expunged {
                session.output.line(format_args!("* {} EXPUNGE", position + 1));
                session.relieve().await?;
            }
        }
    }
    if let Some(exists) = updates.exists {
        session.output.line(format_args!("* {exists} EXISTS"));
    }
    if let Some(recent) = updates.recent
        && !session.is_rev2()
    {
        session.output.line(format_args!("* {recent} RECENT"));
    }
    if updates.keywords_changed {
        flags(&mut session.output, selected);
    }
    session.notices.extend(updates.notices);
    // Boxed: most often there is nothing, and a session that idles must not carry it.
    let flags_wanted = session.enabled.watch.as_ref().is_none_or(|watch| watch.flags());
    if flags_wanted && updates.flags.iter().any(|update| !update.own) {
        // What only this session changed, the command that did so has answered, or was told to be silent about
        // (RFC 9051 §6.4.6).
        let others = updates.flags.iter().filter(|update| !update.own);
        let mut numbering = Numbering::default();
        Box::pin(flags_of(
            session,
            selected,
            &mut numbering,
            others.map(|update| &update.state),
        ))
        .await?;
    }
    let items = session.enabled.watch.as_ref().and_then(|watch| watch.items());
    if let Some(items) = items
        && !updates.arrived.is_empty()
    {
        Box::pin(fetch::announce(session, selected, &updates.arrived, &items)).await?;
    }
    if !selected.contexts.is_empty() {
        let changed = updates.flags.iter().map(|update| update.state.uid).collect();
        let following = context::follow(session, selected, changed, updates.keywords_changed);
        Box::pin(following).await?;
    }
    Ok(())
}

/// Takes note of what the client may do now, and tells which flags it can change when that is something else. Who may no longer
/// read the mailbox is sent away (RFC 4314 §5.1.1).
pub(crate) fn rights(session: &mut Session, selected: &mut Selected) -> Result<(), Failure> {
    if !selected.note_rights() {
        return Ok(());
    }
    if !selected.standing.is_readable() {
        return Err(Failure::Bye("The selected mailbox may no longer be read"));
    }
    flags(&mut session.output, selected);
    Ok(())
}

/// A client that resynchronizes must not take the MODSEQs it was just told for its place in the history while an expunge
/// before them is held back: it would never hear of that one if the connection broke now (RFC 7162 §3.2, §6).
pub(crate) fn hold_back(session: &mut Session, selected: &Selected) {
    let told = selected.highest_mod_seq();
    if session.enabled.qresync && told < selected.view.mod_seq() {
        session
            .output
            .line(format_args!("* OK [HIGHESTMODSEQ {told}] Expunges are held back"));
    }
}

/// How many runs of UIDs one VANISHED names. Clients read lines into buffers.
const RUNS: usize = 1000;

/// VANISHED, `earlier` or not (RFC 7162 §3.2.10); nothing for no UIDs.
pub(crate) async fn vanished(session: &mut Session, earlier: &str, uids: &UidSet) -> Result<(), Failure> {
    for runs in uids.runs().chunks(RUNS) {
        let mut piece = UidSet::new();
        for &(first, last) in runs {
            if let (Some(first), Some(last)) = (Uid::new(first), Uid::new(last)) {
                piece.insert_range(first, last);
            }
        }
        session.output.line(format_args!("* VANISHED {earlier}{piece}"));
        session.relieve().await?;
    }
    Ok(())
}

/// The flags of messages, ascending by UID and above those that `numbering` has been asked for.
pub(crate) async fn flags_of(
    session: &mut Session,
    selected: &Selected,
    numbering: &mut Numbering,
    states: impl Iterator<Item = &MessageState>,
) -> Result<(), Failure> {
    let keywords = selected.view.mailbox().keywords();
    for state in states {
        let Some(seq) = numbering.of(selected.view.uids(), state.uid) else {
            continue;
        };
        session.begin_fetch(seq, state.uid);
        let output = &mut session.output;
        if !session.enabled.uid_only {
            output.text(format_args!("UID {} ", state.uid));
        }
        items::flags(output, state, selected.view.is_recent(state.uid), &keywords);
        if session.enabled.condstore {
            output.raw(b" ");
            items::mod_seq(output, state.mod_seq);
        }
        output.raw(b")\r\n");
        session.relieve().await?;
    }
    Ok(())
}

/// FLAGS and PERMANENTFLAGS of the mailbox (RFC 9051 §7.3.5, §7.1).
pub(crate) fn flags(output: &mut Output, selected: &Selected) {
    let keywords = selected.view.mailbox().keywords();
    output.raw(b"* FLAGS (");
    names(output, Rights::ALL, &keywords);
    output.raw(b")\r\n* OK [PERMANENTFLAGS (");
    let rights = selected.standing.rights();
    if !rights.intersects(Rights::FLAGS) {
        output.raw(b")] Read-only: no flag can be changed\r\n");
        return;
    }
    names(output, rights, &keywords);
    output.raw(match keywords.has_room() && rights.contains(Rights::WRITE) {
        true => b" \\*)] Flags that can be changed, and new ones\r\n".as_slice(),
        false => b")] Flags that can be changed\r\n",
    });
}

/// Those that rights let somebody change (RFC 4314 §4).
fn names(output: &mut Output, rights: Rights, keywords: &KeywordTable) {
    let mut names: Vec<&str> = rights.flags().names().collect();
    if rights.contains(Rights::WRITE) {
        names.extend(keywords.iter().map(|(_, keyword)| keyword.as_str()));
    }
    for (index, name) in names.into_iter().enumerate() {
        if index > 0 {
            output.raw(b" ");
        }
        output.raw(name.as_bytes());
    }
}
