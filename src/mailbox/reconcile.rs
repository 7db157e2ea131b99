//! Following what other programs do in a mailbox's folder, and rebuilding what the index has lost. One walk does both: the
//! folder is listed and compared with the state.
//!
//! A rebuild differs in one thing: the index does not have all messages yet, so a UID in a file name is that of a message
//! that clients know, and is kept. Otherwise a file that the index does not know is a new message, whatever its name says.

use super::error::{Result, blocking};
use super::mailbox::{Mailbox, Writing};
use super::state::{Entry, Step};
use crate::mail::date::Timestamp;
use crate::mail::flags::Keywords;
use crate::mail::ids::{ModSeq, SessionId, Uid};
use crate::mail::uidset::UidSet;
use crate::storage::index::{Commit, SummarySource};
use crate::storage::maildir::folder::Folder;
use crate::storage::maildir::name::{self, Told};
use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;

/// Messages taken in by one commit.
const CHUNK: usize = 1000;

/// How the folder differs from the state.
#[derive(Debug, Default)]
struct Difference {
    /// Paths of files that no message has.
    unknown: Vec<String>,
    /// Messages whose file has another path now.
    moved: Vec<(Uid, String)>,
    /// Messages without a file.
    gone: UidSet,
}

/// A file about to become a message.
struct Adopted {
    path: String,
    uid: Uid,
    told: Told,
    size: u64,
    seconds: i64,
}

impl Mailbox {
    /// Makes state and index agree with the folder, and tells sessions. Under the write lock.
    pub(super) async fn reconcile(self: &Arc<Self>, writing: &mut Writing) -> Result<()> {
        if self.state().deleted {
            return Ok(());
        }
        let folder = self.place().folder;
        let mut difference = self.compare(&folder).await?;
        if !difference.unknown.is_empty() || !writing.complete {
            self.remove_doomed(writing, &folder, &mut difference).await?;
        }
        if !difference.gone.is_empty() {
            let mut commit = self.commit(&self.state(), writing, 1);
            commit.remove = difference.gone.iter().collect();
            self.reach_and_commit(writing, commit).await?;
            self.state().apply(SessionId::NONE, Step::Expunged(difference.gone));
        }
        self.follow_renames(writing, difference.moved).await?;
        self.adopt(writing, &folder, difference.unknown).await?;
        if !writing.complete {
            writing.complete = true;
            let commit = self.commit(&self.state(), writing, 0);
            self.shared.index.commit(vec![commit]).await?;
        }
        Ok(())
    }

    async fn compare(&self, folder: &Folder) -> Result<Difference> {
        let mut known: HashMap<String, (Uid, Box<str>)> = {
            let state = self.state();
            let entries = state.messages.iter();
            entries
                .map(|entry| (name::base(&entry.path).to_owned(), (entry.uid, entry.path.clone())))
                .collect()
        };
        let folder = folder.clone();
        let difference = blocking(move || {
            let paths = folder.list_settled(|paths| {
                let there: HashSet<&str> = paths.iter().map(|path| name::base(path)).collect();
                known.keys().any(|base| !there.contains(base.as_str()))
            })?;
            let mut difference = Difference::default();
            let mut seen = HashSet::new();
            for path in paths {
                let base = name::base(&path);
                match known.remove(base) {
                    Some((uid, old)) => {
                        seen.insert(base.to_owned());
                        if *old != path {
                            difference.moved.push((uid, path));
                        }
                    }
                    // A file that has two names, in new/ and in cur/, is one message.
                    None if seen.contains(base) => {}
                    None => {
                        seen.insert(base.to_owned());
                        difference.unknown.push(path);
                    }
                }
            }
            difference.gone = known.into_values().map(|(uid, _)| uid).collect();
            Ok(difference)
        });
        Ok(difference.await?)
    }

    /// Removes the unknown files whose names are doomed, and forgets doomed names when none can be there any more.
    async fn remove_doomed(&self, writing: &Writing, folder: &Folder, difference: &mut Difference) -> Result<()> {
        let doomed: HashSet<String> = self.shared.index.doomed(self.id).await?.into_iter().collect();
        if doomed.is_empty() {
            return Ok(());
        }
        let (going, unknown) = std::mem::take(&mut difference.unknown)
            .into_iter()
            .partition::<Vec<_>, _>(|path| doomed.contains(name::base(path)));
        difference.unknown = unknown;
        let folder = folder.clone();
        blocking(move || {
            going.iter().try_for_each(|path| folder.remove(path).map(|_| ()))?;
            folder.sync(["new/", "cur/"])
        })
        .await?;
        let mut commit = self.commit(&self.state(), writing, 0);
        commit.absolve = doomed.into_iter().collect();
        self.shared.index.commit(vec![commit]).await?;
        Ok(())
    }

    /// Takes over the flags that file names tell now.
    async fn follow_renames(self: &Arc<Self>, writing: &mut Writing, moved: Vec<(Uid, String)>) -> Result<()> {
        let letters = letters(writing);
        let mut changed = Vec::new();
        let mut relocated = Vec::new();
        let mut commit = {
            let state = self.state();
            for (uid, path) in moved {
                let Some(entry) = state.find(uid) else { continue };
                let told = name::read(&path);
                let mut entry = Entry {
                    path: path.into(),
                    ..entry.clone()
                };
                let keywords = Keywords(told.keywords.0 & letters.0);
                if (told.flags, keywords) == (entry.flags, entry.keywords) {
                    relocated.push(entry);
                } else {
                    (entry.flags, entry.keywords) = (told.flags, keywords);
                    entry.mod_seq = state.mod_seq.next();
                    changed.push(entry);
                }
            }
            self.commit(&state, writing, u64::from(!changed.is_empty()))
        };
        if changed.is_empty() && relocated.is_empty() {
            return Ok(());
        }
        commit.update = changed.iter().chain(&relocated).cloned().collect();
        self.reach_and_commit(writing, commit).await?;
        let mut state = self.state();
        state.relocate(relocated);
        if !changed.is_empty() {
            state.apply(SessionId::NONE, Step::Flags(changed));
        }
        Ok(())
    }

    /// Makes unknown files messages, the oldest first.
    async fn adopt(self: &Arc<Self>, writing: &mut Writing, folder: &Folder, mut unknown: Vec<String>) -> Result<()> {
        unknown.sort_by_cached_key(|path| (name::made(path).unwrap_or(i64::MAX), path.clone()));
        let mut kept = Vec::new();
        if !writing.complete {
            let known = self.state().uids();
            (kept, unknown) = keep_uids(unknown, &known, writing.control.uid_ceiling);
        }
        // What keeps its UID comes first and ascending: new UIDs are above all that were ever given out.
        for chunk in kept.chunks(CHUNK) {
            let (chunk, folder_there) = (chunk.to_vec(), folder.clone());
            let adopted = blocking(move || {
                let keep = |(uid, path): (Uid, String)| stat(&folder_there, uid, path).transpose();
                chunk.into_iter().filter_map(keep).collect::<io::Result<Vec<_>>>()
            });
            self.take_in(writing, adopted.await?).await?;
        }
        for chunk in unknown.chunks(CHUNK) {
            let Some(first) = Uid::new(self.state().uid_next) else {
                tracing::error!(mailbox = %self.name(), "the mailbox has used all UIDs: files are left out");
                return Ok(());
            };
            let (chunk, folder_there) = (chunk.to_vec(), folder.clone());
            let adopted = blocking(move || rename_in(&folder_there, first, chunk)).await?;
            self.take_in(writing, adopted).await?;
        }
        Ok(())
    }

    /// Commits one chunk and publishes it.
    async fn take_in(self: &Arc<Self>, writing: &mut Writing, adopted: Vec<Adopted>) -> Result<()> {
        let Some(last) = adopted.iter().map(|file| file.uid).max() else {
            return Ok(());
        };
        let letters = letters(writing);
        let mut commit = self.commit(&self.state(), writing, 1);
        let entries: Vec<Entry> = adopted
            .into_iter()
            .map(|file| entry(file, letters, commit.mod_seq))
            .collect();
        commit.put = entries
            .iter()
            .map(|entry| (entry.clone(), SummarySource::Later))
            .collect();
        commit.uid_next = match commit.uid_next {
            0 => 0,
            next => next.max(last.next().map_or(0, Uid::get)),
        };
        let next = commit.uid_next;
        self.reach_and_commit(writing, commit).await?;
        let mut state = self.state();
        let rebuilding = !writing.complete;
        state.apply(SessionId::NONE, Step::Arrived(entries));
        state.uid_next = next;
        if rebuilding {
            state.messages.sort_by_key(|entry| entry.uid);
            state.unclaimed = UidSet::new();
        }
        Ok(())
    }

    async fn reach_and_commit(&self, writing: &mut Writing, commit: Commit) -> Result<()> {
        let keywords = writing.control.keywords.clone();
        self.reach(writing, commit.uid_next.saturating_sub(1), commit.mod_seq, &keywords)
            .await?;
        self.shared.index.commit(vec![commit]).await?;
        Ok(())
    }
}

/// The letters that mean something in the mailbox.
fn letters(writing: &Writing) -> Keywords {
    let table = writing.control.keywords.iter();
    table.fold(Keywords::NONE, |all, (index, _)| all.union(Keywords(1 << index)))
}

/// Parts those that keep the UID in their name, ascending, from those that get a new one: where there is none, where it
/// was never given out here, or where two have the same.
fn keep_uids(paths: Vec<String>, known: &UidSet, ceiling: u32) -> (Vec<(Uid, String)>, Vec<String>) {
    let mut kept: HashMap<Uid, String> = HashMap::new();
    let mut others = Vec::new();
    for path in paths {
        match name::read(&path).uid {
            Some(uid) if uid.get() <= ceiling && !known.contains(uid) && !kept.contains_key(&uid) => {
                kept.insert(uid, path);
            }
            _ => others.push(path),
        }
    }
    let mut kept: Vec<(Uid, String)> = kept.into_iter().collect();
    kept.sort_by_key(|(uid, _)| *uid);
    (kept, others)
}

/// Gives files of other programs the line ends of mail and names with their new UIDs. Those that vanish meanwhile are
/// passed over.
fn rename_in(folder: &Folder, first: Uid, paths: Vec<String>) -> io::Result<Vec<Adopted>> {
    let mut adopted = Vec::with_capacity(paths.len());
    let mut next = Some(first);
    for path in paths {
        let Some(uid) = next else { break };
        match folder.make_crlf(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            converted => converted?,
        };
        let Some((size, _)) = folder.stat(&path)? else { continue };
        let base = name::base(&path);
        let renamed = path.replacen(base, &name::adopted_base(base, size, uid), 1);
        if !folder.rename(&path, &renamed)? {
            continue;
        }
        if let Some(file) = stat(folder, uid, renamed)? {
            adopted.push(file);
            next = uid.next();
        }
    }
    folder.sync(adopted.iter().map(|file| file.path.as_str()))?;
    Ok(adopted)
}

fn stat(folder: &Folder, uid: Uid, path: String) -> io::Result<Option<Adopted>> {
    Ok(folder.stat(&path)?.map(|(size, seconds)| Adopted {
        told: name::read(&path),
        uid,
        size,
        seconds,
        path,
    }))
}

fn entry(file: Adopted, letters: Keywords, mod_seq: ModSeq) -> Entry {
    let date = match file.told.offset_minutes {
        Some(offset_minutes) => Timestamp {
            seconds: file.seconds,
            offset_minutes,
        },
        None => Timestamp::in_local_zone(file.seconds),
    };
    Entry {
        uid: file.uid,
        flags: file.told.flags,
        keywords: Keywords(file.told.keywords.0 & letters.0),
        mod_seq,
        size: file.size,
        date,
        path: file.path.into(),
    }
}
