//! Changing flags.

use super::error::{Error, Result, blocking};
use super::mailbox::{Mailbox, Writing};
use super::message::MessageState;
use super::state::{Entry, Step, learn};
use crate::mail::flags::{FlagList, Keywords};
use crate::mail::ids::{ModSeq, SessionId, Uid};
use crate::mail::rights::Rights;
use crate::mail::uidset::UidSet;
use crate::storage::database::StoreError;
use crate::storage::maildir::folder::Folder;
use crate::storage::maildir::name;
use std::collections::HashMap;
use std::io;
use std::sync::Arc;

/// How STORE changes flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagAction {
    /// FLAGS
    Replace,
    /// FLAGS by somebody whose rights let them change some flags only: the others stay as they are (RFC 4314 §4). Those to be
    /// set are among those that may be.
    ReplaceWithin(Rights),
    /// +FLAGS
    Add,
    /// -FLAGS
    Remove,
}

/// What STORE did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// The messages asked for that exist and passed the UNCHANGEDSINCE test, with the state they have now.
    pub messages: Vec<MessageState>,
    /// The messages whose state did change.
    pub changed: UidSet,
    /// The messages that failed UNCHANGEDSINCE (RFC 7162 §3.1.3).
    pub modified: UidSet,
}

/// A file to be renamed.
#[derive(Clone)]
struct Renaming {
    uid: Uid,
    from: String,
    to: String,
}

impl Mailbox {
    /// STORE. Messages that no longer exist are passed over in silence.
    pub async fn store(
        self: &Arc<Self>,
        session: SessionId,
        uids: &UidSet,
        action: FlagAction,
        flags: FlagList,
        unchanged_since: Option<ModSeq>,
    ) -> Result<Stored> {
        let (mailbox, uids) = (Arc::clone(self), uids.clone());
        self.to_the_end(async move {
            let mut writing = mailbox.write().await?;
            mailbox
                .store_locked(&mut writing, session, &uids, action, &flags, unchanged_since)
                .await
        })
        .await
    }

    async fn store_locked(
        self: &Arc<Self>,
        writing: &mut Writing,
        session: SessionId,
        uids: &UidSet,
        action: FlagAction,
        flags: &FlagList,
        unchanged_since: Option<ModSeq>,
    ) -> Result<Stored> {
        let folder = self.place().folder;
        let mut keywords = writing.control.keywords.clone();
        let mut stored = Stored::default();
        let mut passed = UidSet::new();
        let mut changes: Vec<(Entry, String)> = Vec::new();
        let mut commit = {
            let state = self.state();
            if state.deleted {
                return Err(Error::NotFound);
            }
            let bits = match action {
                FlagAction::Remove => flags
                    .keywords
                    .iter()
                    .filter_map(|keyword| keywords.find(keyword))
                    .fold(Keywords::NONE, Keywords::union),
                FlagAction::Add | FlagAction::Replace | FlagAction::ReplaceWithin(_) => {
                    let (bits, full) = learn(&mut keywords, flags, || state.used_keywords());
                    if full {
                        return Err(Error::TooManyKeywords);
                    }
                    bits
                }
            };
            let mod_seq = state.mod_seq.next();
            for entry in state.select(uids) {
                if unchanged_since.is_some_and(|since| entry.mod_seq > since) {
                    stored.modified.insert(entry.uid);
                    continue;
                }
                passed.insert(entry.uid);
                let (new_flags, new_keywords) = match action {
                    FlagAction::Replace => (flags.flags, bits),
                    FlagAction::ReplaceWithin(rights) => (
                        entry.flags.without(rights.flags()).union(flags.flags),
                        match rights.contains(Rights::WRITE) {
                            true => bits,
                            false => entry.keywords,
                        },
                    ),
                    FlagAction::Add => (entry.flags.union(flags.flags), entry.keywords.union(bits)),
                    FlagAction::Remove => (entry.flags.without(flags.flags), entry.keywords.without(bits)),
                };
                if (new_flags, new_keywords) == (entry.flags, entry.keywords) {
                    continue;
                }
                let path = name::path(name::base(&entry.path), new_flags, new_keywords, false);
                let changed = Entry {
                    flags: new_flags,
                    keywords: new_keywords,
                    mod_seq,
                    path: path.into(),
                    ..entry.clone()
                };
                changes.push((changed, entry.path.to_string()));
            }
            self.commit(&state, writing, 1)
        };
        if !changes.is_empty() {
            self.reach(writing, commit.uid_next.saturating_sub(1), commit.mod_seq, &keywords)
                .await?;
            let renamings = changes.iter().map(|(entry, from)| Renaming {
                uid: entry.uid,
                from: from.clone(),
                to: entry.path.to_string(),
            });
            let renamings: Vec<Renaming> = renamings.collect();
            let renamed_in = folder.clone();
            let (done, missing) = blocking(move || rename_all(&renamed_in, renamings)).await?;
            if !missing.is_empty() {
                changes.retain(|(entry, _)| !missing.contains(entry.uid));
                self.suspect_all();
            }
            commit.update = changes.iter().map(|(entry, _)| entry.clone()).collect();
            if !changes.is_empty()
                && let Err(error) = self.shared.index.commit(vec![commit]).await
            {
                if !matches!(error, StoreError::Failed(_)) {
                    let _ = blocking(move || rename_back(&folder, &done)).await;
                }
                self.suspect_all();
                return Err(error.into());
            }
        }
        let mut state = self.state();
        if !changes.is_empty() {
            state.set_keywords(&writing.control.keywords);
            stored.changed = changes.iter().map(|(entry, _)| entry.uid).collect();
            state.apply(
                session,
                Step::Flags(changes.into_iter().map(|(entry, _)| entry).collect()),
            );
        }
        stored.messages = state.select(&passed).map(Entry::state).collect();
        Ok(stored)
    }
}

/// Renames all, durable, or none. One that another program has renamed is looked for once; one that is gone is told.
fn rename_all(folder: &Folder, renamings: Vec<Renaming>) -> io::Result<(Vec<Renaming>, UidSet)> {
    let mut done = Vec::with_capacity(renamings.len());
    let mut missing = UidSet::new();
    let renamed = try_rename(folder, renamings, &mut done, &mut missing);
    let touched = || {
        done.iter()
            .flat_map(|renaming| [renaming.from.as_str(), renaming.to.as_str()])
    };
    match renamed.and_then(|()| folder.sync(touched())) {
        Ok(()) => Ok((done, missing)),
        Err(error) => {
            let _ = rename_back(folder, &done);
            Err(error)
        }
    }
}

fn try_rename(
    folder: &Folder,
    renamings: Vec<Renaming>,
    done: &mut Vec<Renaming>,
    missing: &mut UidSet,
) -> io::Result<()> {
    let mut listing: Option<HashMap<String, String>> = None;
    for mut renaming in renamings {
        if folder.rename(&renaming.from, &renaming.to)? {
            done.push(renaming);
            continue;
        }
        let there = match &mut listing {
            Some(there) => there,
            None => {
                let paths = folder.list()?.into_iter();
                listing.insert(paths.map(|path| (name::base(&path).to_owned(), path)).collect())
            }
        };
        match there.remove(name::base(&renaming.from)) {
            Some(found) if folder.rename(&found, &renaming.to)? => {
                renaming.from = found;
                done.push(renaming);
            }
            _ => missing.insert(renaming.uid),
        }
    }
    Ok(())
}

fn rename_back(folder: &Folder, done: &[Renaming]) -> io::Result<()> {
    for renaming in done {
        folder.rename(&renaming.to, &renaming.from)?;
    }
    Ok(())
}
