//! STORE and UID STORE (RFC 3501 §6.4.6, RFC 7162 §3.1.3).

use crate::imap::answer::{Answer, Failure, Outcome};
use crate::imap::command::Store;
use crate::imap::fetch::items;
use crate::imap::numbering::{Numbering, Numbers};
use crate::imap::session::{Selected, Session};
use crate::imap::updates;
use crate::mail::flags::FlagList;
use crate::mail::ids::ModSeq;
use crate::mail::rights::Rights;
use crate::mail::uidset::UidSet;
use crate::mailbox::{Error, FlagAction, Stored};
use std::sync::Arc;

/// Changes flags. Every message named that exists is answered, changed or not, unless `.SILENT` was asked for; then only
/// its MODSEQ is, when the client wants these. Messages gone meanwhile are passed over.
pub(crate) async fn store(session: &mut Session, selected: &mut Selected, store: &Store) -> Outcome {
    selected.standing.allows_flags()?;
    let rights = selected.standing.rights();
    let flags = rights.permitted(store.flags.clone());
    // RFC 4314 §4: what may not be changed is left out, unless nothing else was asked for. The client is told then what
    // has become of the message, also when it had not wanted to hear of it.
    let partial = flags != store.flags;
    if partial && flags == FlagList::default() {
        return Err(Error::NotPermitted.into());
    }
    let action = match store.action {
        FlagAction::Replace if !rights.contains(Rights::FLAGS) => FlagAction::ReplaceWithin(rights),
        action => action,
    };
    let silent = store.silent && !partial;
    let uids = selected.resolve(&store.set, store.uid)?;
    let mailbox = Arc::clone(selected.view.mailbox());
    let stored = match store.unchanged_since {
        // 0 "always fails if the metadata item exists", and flags always do: no message has a MODSEQ that low.
        Some(0) => Stored {
            modified: mailbox.states(&uids).iter().map(|state| state.uid).collect(),
            ..Stored::default()
        },
        // One that needs more than 63 bits is above every MODSEQ there is: no condition.
        since => {
            let since = since.and_then(ModSeq::new);
            Box::pin(mailbox.store(session.id, &uids, action, flags, since)).await?
        }
    };
    // A keyword that is new to the mailbox is told in front of the messages that have it.
    if selected.view.keywords_changed() {
        updates::flags(&mut session.output, selected);
    }
    // A conditional STORE is answered with MODSEQ in any case (RFC 7162 §3.1.3), and with MODSEQ comes the UID (§3.2.4).
    let mod_seq = session.enabled.condstore || store.unchanged_since.is_some();
    if !silent || mod_seq {
        let told = Told {
            uid: store.uid,
            flags: !silent,
            mod_seq,
        };
        Box::pin(answer(session, selected, told, &stored)).await?;
    }
    if stored.modified.is_empty() {
        // RFC 2180 §4.2, RFC 5530 §3, as FETCH does: what the client named by number and may not yet be told of is gone.
        let answer = Answer::ok("STORE completed");
        return Ok(match !store.uid && stored.messages.len() < uids.len() {
            true => answer.with_code("EXPUNGEISSUED".to_owned()),
            false => answer,
        });
    }
    let modified = numbers(selected.view.uids(), &stored.modified, store.uid);
    Ok(Answer::ok("Some messages have changed since").with_code(format!("MODIFIED {modified}")))
}

/// What the answer tells of each message.
struct Told {
    uid: bool,
    flags: bool,
    mod_seq: bool,
}

async fn answer(session: &mut Session, selected: &Selected, told: Told, stored: &Stored) -> Result<(), Failure> {
    let keywords = selected.view.mailbox().keywords();
    let mut numbering = Numbering::default();
    for state in &stored.messages {
        let Some(seq) = numbering.of(selected.view.uids(), state.uid) else {
            continue;
        };
        session.begin_fetch(seq, state.uid);
        let output = &mut session.output;
        let mut separator = "";
        if (told.uid || told.mod_seq) && !session.enabled.uid_only {
            output.text(format_args!("UID {}", state.uid));
            separator = " ";
        }
        if told.flags {
            output.raw(separator.as_bytes());
            items::flags(output, state, selected.view.is_recent(state.uid), &keywords);
            separator = " ";
        }
        if told.mod_seq {
            output.raw(separator.as_bytes());
            items::mod_seq(output, state.mod_seq);
        }
        output.raw(b")\r\n");
        output.relieve(&mut session.connection, session.write_timeout).await?;
    }
    Ok(())
}

/// The messages of MODIFIED as the command counts: by UID or by sequence number.
fn numbers(picture: &UidSet, uids: &UidSet, uid: bool) -> Numbers {
    let mut numbering = Numbering::default();
    let mut numbers = Numbers::default();
    for message in uids.iter() {
        if let Some(seq) = numbering.of(picture, message) {
            numbers.push(if uid { message.get() } else { seq.0 });
        }
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::ids::Uid;

    #[test]
    fn modified_counts_as_the_command_does() {
        let set = |uids: &[u32]| uids.iter().filter_map(|uid| Uid::new(*uid)).collect::<UidSet>();
        let (picture, modified) = (set(&[4, 6, 8, 9]), set(&[6, 8, 9]));
        assert_eq!(numbers(&picture, &modified, true).to_string(), "6,8:9");
        assert_eq!(numbers(&picture, &modified, false).to_string(), "2:4");
    }
}
