//! What a session tells its client of the selected mailbox without being asked: EXISTS, RECENT, EXPUNGE, FETCH FLAGS
//! (RFC 9051 §5.2, §7.3 to §7.5).

use super::answer::Failure;
use super::fetch::items;
use super::numbering::Numbering;
use super::output::Output;
use super::session::{Selected, Session};
use crate::mail::flags::{Flags, KeywordTable};
use crate::mailbox::FlagUpdate;

/// Takes in what has happened and writes it to the output; EXPUNGEs only when the command allows them.
pub(crate) async fn tell(session: &mut Session, selected: &mut Selected, may_expunge: bool) -> Result<(), Failure> {
    let updates = selected.view.poll(may_expunge);
    for (position, _) in &updates.expunged {
        session.output.line(format_args!("* {} EXPUNGE", position + 1));
        session.relieve().await?;
    }
    if let Some(exists) = updates.exists {
        session.output.line(format_args!("* {exists} EXISTS"));
    }
    if let Some(recent) = updates.recent {
        session.output.line(format_args!("* {recent} RECENT"));
    }
    if updates.keywords_changed {
        flags(&mut session.output, selected);
    }
    session.notices.extend(updates.notices);
    // Boxed: most often there is nothing, and a session that idles must not carry it.
    if updates.flags.iter().any(|update| !update.own) {
        Box::pin(fetch(session, selected, &updates.flags)).await?;
    }
    Ok(())
}

/// Flags that others changed. What only this session changed, the command that did so has answered, or was told to be
/// silent about (RFC 9051 §6.4.6).
async fn fetch(session: &mut Session, selected: &Selected, updates: &[FlagUpdate]) -> Result<(), Failure> {
    let keywords = selected.view.mailbox().keywords();
    let mut numbering = Numbering::default();
    for state in updates.iter().filter(|update| !update.own).map(|update| &update.state) {
        let Some(seq) = numbering.of(selected.view.uids(), state.uid) else {
            continue;
        };
        let output = &mut session.output;
        output.text(format_args!("* {} FETCH (UID {} ", seq.0, state.uid));
        items::flags(output, state, selected.view.is_recent(state.uid), &keywords);
        if session.condstore {
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
    names(output, &keywords);
    output.raw(b")\r\n* OK [PERMANENTFLAGS (");
    if selected.view.read_only() {
        output.raw(b")] Read-only: no flag can be changed\r\n");
        return;
    }
    names(output, &keywords);
    output.raw(match keywords.has_room() {
        true => b" \\*)] Flags that can be changed, and new ones\r\n".as_slice(),
        false => b")] Flags that can be changed\r\n",
    });
}

fn names(output: &mut Output, keywords: &KeywordTable) {
    let system = Flags::NAMES.iter().map(|(_, name)| *name);
    for (index, name) in system
        .chain(keywords.iter().map(|(_, keyword)| keyword.as_str()))
        .enumerate()
    {
        if index > 0 {
            output.raw(b" ");
        }
        output.raw(name.as_bytes());
    }
}
