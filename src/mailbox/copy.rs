//! Copying and moving messages between mailboxes of an account: links, one index transaction, no message twice.
//!
//! The names of the new files are doomed before the files are made, and absolved by the transaction that makes them
//! messages. So whatever a crash cuts off is removed, and a move never leaves a message in two mailboxes.

use super::append::NO_UIDS;
use super::error::{Error, Result, blocking};
use super::expunge::remove_files;
use super::mailbox::{Mailbox, Writing, later, write_both};
use super::state::{Entry, Step, learn};
use crate::mail::flags::{FlagList, Keyword, KeywordTable};
use crate::mail::ids::{SessionId, Uid, UidValidity};
use crate::mail::rights::Rights;
use crate::mail::uidset::UidSet;
use crate::storage::database::StoreError;
use crate::storage::index::SummarySource;
use crate::storage::maildir::folder::Folder;
use crate::storage::maildir::name;
use std::io;
use std::sync::Arc;

/// What COPY or MOVE did (COPYUID; RFC 4315 §3). Both lists are empty when no message was there any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// The target's UIDVALIDITY.
    pub uid_validity: UidValidity,
    /// The messages copied, ascending; those gone meanwhile are left out.
    pub source: UidSet,
    /// Their UIDs in the target, ascending, in the same order.
    pub target: UidSet,
}

/// A message with what it is to become.
struct Pair {
    from: Entry,
    to: Entry,
}

impl Mailbox {
    /// COPY: flags, keywords and INTERNALDATE go along (RFC 9051 §6.4.7); of the flags, those that may be set in the target
    /// (RFC 4314 §4). All or nothing.
    pub async fn copy_to(
        self: &Arc<Self>,
        session: SessionId,
        uids: &UidSet,
        target: &Arc<Mailbox>,
        rights: Rights,
    ) -> Result<Copied> {
        self.transfer(session, uids, target, rights, false).await
    }

    /// MOVE, in one transaction (RFC 6851).
    pub async fn move_to(
        self: &Arc<Self>,
        session: SessionId,
        uids: &UidSet,
        target: &Arc<Mailbox>,
        rights: Rights,
    ) -> Result<Copied> {
        self.transfer(session, uids, target, rights, true).await
    }

    async fn transfer(
        self: &Arc<Self>,
        session: SessionId,
        uids: &UidSet,
        target: &Arc<Mailbox>,
        rights: Rights,
        remove: bool,
    ) -> Result<Copied> {
        let (source, target, uids) = (Arc::clone(self), Arc::clone(target), uids.clone());
        self.to_the_end(async move {
            let (mut from, mut to) = write_both(&source, &target).await?;
            let pairs = |keywords: &mut KeywordTable| pairs(&source, &target, rights, keywords, &uids);
            transfer(&source, from.as_deref_mut(), &target, &mut to, session, pairs, remove).await
        })
        .await
    }
}

/// `from` is what the source's write lock guards, when that is not the target's own. `pairs` tells what is to be copied; it
/// learns keywords that are new to the target.
async fn transfer(
    source: &Arc<Mailbox>,
    from: Option<&mut Writing>,
    target: &Arc<Mailbox>,
    to: &mut Writing,
    session: SessionId,
    pairs: impl Fn(&mut KeywordTable) -> Result<Vec<Pair>>,
    remove: bool,
) -> Result<Copied> {
    let (source_folder, target_folder) = (source.place().folder, target.place().folder);
    let mut keywords = to.control.keywords.clone();
    let pairs = pairs(&mut keywords)?;
    let copied = Copied {
        uid_validity: target.uid_validity(),
        source: pairs.iter().map(|pair| pair.from.uid).collect(),
        target: pairs.iter().map(|pair| pair.to.uid).collect(),
    };
    let Some(last) = copied.target.last() else {
        return Ok(copied);
    };
    let (mut announce, mut arrive) = {
        let state = target.state();
        (target.commit(&state, to, 0), target.commit(&state, to, 1))
    };
    let bases = pairs.iter().map(|pair| name::base(&pair.to.path).to_owned());
    announce.doom = bases.collect();
    arrive.absolve = announce.doom.clone();
    arrive.uid_next = last.next().map_or(0, Uid::get);
    let same = source.id == target.id;
    let highest = later(arrive.mod_seq, u64::from(same && remove));
    target.reach(to, last.get(), highest, &keywords).await?;
    arrive.put = pairs
        .iter()
        .map(|pair| (pair.to.clone(), SummarySource::Of(source.id, pair.from.uid)))
        .collect();
    let mut commits = vec![arrive];
    if remove {
        let mut depart = {
            let state = source.state();
            match &from {
                Some(writing) => source.commit(&state, writing, 1),
                None => source.commit(&state, to, 2),
            }
        };
        if same {
            depart.uid_next = commits[0].uid_next;
        }
        depart.remove = copied.source.iter().collect();
        let bases = pairs.iter().map(|pair| name::base(&pair.from.path).to_owned());
        depart.doom = bases.collect();
        if let Some(writing) = from {
            let table = writing.control.keywords.clone();
            let uid = depart.uid_next.saturating_sub(1);
            source.reach(writing, uid, depart.mod_seq, &table).await?;
        }
        commits.push(depart);
    }

    source.shared.index.commit(vec![announce]).await?;
    let links: Vec<(String, String)> = pairs
        .iter()
        .map(|pair| (pair.from.path.to_string(), pair.to.path.to_string()))
        .collect();
    let (linked_from, linked_to) = (source_folder.clone(), target_folder.clone());
    let linked = blocking(move || link_all(&linked_from, &linked_to, &links)).await;
    target.state().uid_next = commits[0].uid_next;
    match linked {
        Ok(true) => {}
        // Another program took a message away at this moment: for the client it is as if that had been before.
        Ok(false) => {
            source.suspect_all();
            return Err(Error::Storage(anyhow::anyhow!(
                "a message vanished while it was copied"
            )));
        }
        Err(error) => return Err(error.into()),
    }
    if let Err(error) = source.shared.index.commit(commits).await {
        if !matches!(error, StoreError::Failed(_)) {
            let paths = pairs.iter().map(|pair| pair.to.path.to_string()).collect();
            remove_files(target_folder, paths).await;
        }
        source.suspect_all();
        target.suspect_all();
        return Err(error.into());
    }

    let gone = pairs.iter().map(|pair| pair.from.path.to_string()).collect();
    {
        let mut state = target.state();
        state.set_keywords(&keywords);
        state.apply(session, Step::Arrived(pairs.into_iter().map(|pair| pair.to).collect()));
        if remove {
            let expunged = Step::Expunged(copied.source.clone());
            // Within one mailbox nobody sees a message twice: the state is not unlocked in between.
            if source.id == target.id {
                state.apply(session, expunged);
            } else {
                drop(state);
                source.state().apply(session, expunged);
            }
        }
    }
    if remove {
        remove_files(source_folder, gone).await;
    }
    Ok(copied)
}

/// What is to be copied, and what it becomes.
fn pairs(
    source: &Arc<Mailbox>,
    target: &Arc<Mailbox>,
    rights: Rights,
    keywords: &mut KeywordTable,
    uids: &UidSet,
) -> Result<Vec<Pair>> {
    let (entries, names) = {
        let state = source.state();
        if state.deleted {
            return Err(Error::NotFound);
        }
        (state.select(uids).cloned().collect::<Vec<_>>(), state.keywords.clone())
    };
    let state = target.state();
    if state.deleted {
        return Err(Error::NotFound);
    }
    let mod_seq = state.mod_seq.next();
    let mut next = Uid::new(state.uid_next);
    let mut pairs = Vec::with_capacity(entries.len());
    for from in entries {
        let uid = next.ok_or(Error::Limit(NO_UIDS))?;
        next = uid.next();
        let list = rights.permitted(FlagList {
            flags: from.flags,
            keywords: names.names(from.keywords).filter_map(Keyword::new).collect(),
        });
        // A keyword that finds no room in the target stays behind.
        let (bits, _) = learn(keywords, &list, || state.used_keywords());
        let base = name::new_base(from.size, uid, from.date.offset_minutes);
        let to = Entry {
            uid,
            flags: list.flags,
            keywords: bits,
            mod_seq,
            path: name::path(&base, list.flags, bits, false).into(),
            ..from.clone()
        };
        pairs.push(Pair { from, to });
    }
    Ok(pairs)
}

/// Links all or none, durable. `false`: one of them is gone.
fn link_all(from: &Folder, to: &Folder, links: &[(String, String)]) -> io::Result<bool> {
    let mut done = Vec::with_capacity(links.len());
    let linked = links.iter().try_for_each(|(source, target)| {
        let absolute = from.path().join(source);
        match to.link(&absolute, target) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let (_, found) = from.open(source)?.ok_or(error)?;
                to.link(&from.path().join(found), target)?;
            }
            linked => linked?,
        }
        done.push(target.as_str());
        Ok(())
    });
    let synced = linked.and_then(|()| to.sync(done.iter().copied()));
    let Err(error) = synced else { return Ok(true) };
    for path in done {
        let _ = to.remove(path);
    }
    match error.kind() {
        io::ErrorKind::NotFound => Ok(false),
        _ => Err(error),
    }
}
