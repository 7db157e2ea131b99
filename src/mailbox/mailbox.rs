//! One mailbox, shared by all sessions that have it open.

use super::append::Waiting;
use super::error::{Error, Result, blocking};
use super::events::Common;
use super::mailboxes::Shared;
use super::message::{MessageFile, MessageState};
use super::state::{Entry, State};
use super::status::MailboxStatus;
use super::view::View;
use super::watch::Suspects;
use crate::config;
use crate::mail::flags::KeywordTable;
use crate::mail::ids::{MailboxId, ModSeq, SessionId, Uid, UidValidity};
use crate::mail::mailbox_name::{MailboxName, SpecialUse};
use crate::mail::mime::{MimeLimits, Scanner};
use crate::mail::rights::Acl;
use crate::mail::summary::Summary;
use crate::mail::uidset::UidSet;
use crate::storage::index::{Commit, MailboxRow};
use crate::storage::maildir::control::Control;
use crate::storage::maildir::folder::Folder;
use std::io::Read;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How much of a file is read at a time when its summary is made.
const PIECE: usize = 64 * 1024;

/// One mailbox, shared by all sessions that have it open.
pub struct Mailbox {
    pub(super) shared: Arc<Shared>,
    pub(super) id: MailboxId,
    /// Whose it is, as the index knows it.
    account: Box<str>,
    uid_validity: UidValidity,
    object_id: u64,
    special_use: Option<SpecialUse>,
    /// Under which name and where; changed by renaming, under the write lock.
    place: Mutex<Place>,
    /// The write lock, and what only its holder may touch.
    pub(super) writing: tokio::sync::Mutex<Writing>,
    state: Mutex<State>,
    /// Messages to be appended by whoever gets the write lock next.
    pub(super) arrivals: Mutex<Vec<Waiting>>,
    /// What the watch has seen in the folder and nobody has explained yet.
    pub(super) suspects: Mutex<Suspects>,
}

/// Where a mailbox is.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) name: MailboxName,
    pub(super) folder: Folder,
}

/// What is written only under the write lock.
pub(super) struct Writing {
    /// The control file as it is on disk.
    pub(super) control: Control,
    /// Whether the index has all messages of the folder.
    pub(super) complete: bool,
}

impl Mailbox {
    /// Loads what the index knows. [`Mailbox::reconcile`] is to follow before anybody sees it.
    pub(super) async fn load(
        shared: Arc<Shared>,
        account: &str,
        place: Place,
        control: Control,
        acl: Arc<Acl>,
        common: Arc<Common>,
    ) -> Result<Arc<Mailbox>> {
        // A rebuild goes on above everything that was ever given out, and shows nothing as recent again.
        let rebuilt = MailboxRow {
            id: MailboxId(0),
            uid_next: control.uid_ceiling.saturating_add(1),
            mod_seq: ModSeq::new(control.mod_seq_ceiling).map_or(ModSeq::MIN, ModSeq::next),
            first_recent: control.uid_ceiling.saturating_add(1),
            complete: false,
        };
        let mut row = shared.index.mailbox(account, control.uid_validity, rebuilt).await?;
        if control.is_ahead_of(row.mod_seq.get()) {
            tracing::warn!(mailbox = %place.name, "the index is older than the mailbox: it is made again");
            shared.index.forget(row.id).await?;
            row = shared.index.mailbox(account, control.uid_validity, rebuilt).await?;
        }
        let filler = &shared.filler;
        filler
            .check(account, control.uid_validity, row.uid_next, !row.complete)
            .await;
        let age = shared.settings.remember_expunged.get();
        shared.index.forget_vanished(row.id, age).await?;
        let messages = shared.index.messages(row.id).await?;
        let mut state = State::new(messages, row.uid_next, row.mod_seq, control.keywords.clone(), common);
        if let (Some(first), Some(last)) = (Uid::new(row.first_recent), state.messages.last()) {
            state.unclaimed = state.uids().intersection(&UidSet::range(first, last.uid));
        }
        let mailbox = Arc::new(Mailbox {
            shared,
            id: row.id,
            account: account.into(),
            uid_validity: control.uid_validity,
            object_id: control.id,
            special_use: control.special_use,
            place: Mutex::new(place),
            writing: tokio::sync::Mutex::new(Writing {
                control,
                complete: row.complete,
            }),
            state: Mutex::new(state),
            arrivals: Mutex::default(),
            suspects: Mutex::default(),
        });
        let filler = mailbox.shared.filler.clone();
        {
            let mut state = mailbox.state();
            state.acl = acl;
            state.owner = Arc::downgrade(&mailbox);
            state.filler = filler.clone();
        }
        filler.wake(&Arc::downgrade(&mailbox));
        Ok(mailbox)
    }

    /// The name it has now.
    pub fn name(&self) -> MailboxName {
        self.place().name
    }

    /// Its number in the index.
    pub fn id(&self) -> MailboxId {
        self.id
    }

    /// Whose it is, as the index knows it.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Whether both are of one account.
    pub fn is_beside(&self, other: &Mailbox) -> bool {
        self.account == other.account
    }

    /// Its UIDVALIDITY.
    pub fn uid_validity(&self) -> UidValidity {
        self.uid_validity
    }

    /// What no other mailbox of this or another server is called (RFC 8474 §4). Stays when it is renamed and when the index
    /// is made again.
    pub fn object_id(&self) -> u64 {
        self.object_id
    }

    /// What it is for (RFC 6154).
    pub fn special_use(&self) -> Option<SpecialUse> {
        self.special_use
    }

    /// STATUS, from memory.
    pub fn status(&self) -> MailboxStatus {
        self.state().status(self.uid_validity, self.object_id)
    }

    /// The keyword table as it is now.
    pub fn keywords(&self) -> KeywordTable {
        self.state().keywords.clone()
    }

    /// Subscribes, then takes the picture. `read_only` (EXAMINE) leaves \Recent to others.
    pub fn view(self: &Arc<Self>, session: SessionId, read_only: bool) -> View {
        View::new(Arc::clone(self), session, read_only)
    }

    /// The state of those of `uids` that exist, ascending. From memory; copies at most as many as asked for.
    pub fn states(&self, uids: &UidSet) -> Vec<MessageState> {
        self.state().select(uids).map(Entry::state).collect()
    }

    /// The summaries of those of `uids` that exist, ascending. One query; ask in pieces of some hundreds.
    pub async fn summaries(&self, uids: &UidSet) -> Result<Vec<(Uid, Arc<Summary>)>> {
        let stored = self.shared.index.summaries(self.id, uids).await?;
        let mut stored = stored.iter().peekable();
        let existing: Vec<(Uid, Box<str>)> = {
            let state = self.state();
            state
                .select(uids)
                .map(|entry| (entry.uid, entry.path.clone()))
                .collect()
        };
        let mut summaries = Vec::with_capacity(existing.len());
        let mut made = Vec::new();
        for (uid, path) in existing {
            while stored.next_if(|(other, _)| *other < uid).is_some() {}
            let known = stored.next_if(|(other, _)| *other == uid);
            let summary = match known.and_then(|(_, bytes)| Summary::decode(bytes)) {
                Some(summary) => summary,
                None => match self.scan(path).await? {
                    Some(summary) => {
                        made.push((uid, summary.encode()));
                        summary
                    }
                    None => continue,
                },
            };
            summaries.push((uid, Arc::new(summary)));
        }
        if !made.is_empty()
            && let Err(error) = self.shared.index.put_summaries(self.id, made).await
        {
            tracing::warn!(%error, "summaries are not kept");
        }
        Ok(summaries)
    }

    /// The previews of those of `uids` for which some were kept, ascending. One query; ask in pieces of some hundreds.
    pub async fn previews(&self, uids: &UidSet) -> Result<Vec<(Uid, String)>> {
        Ok(self.shared.index.previews(self.id, uids).await?)
    }

    /// Keeps previews that were made, where that is possible.
    pub async fn keep_previews(&self, made: Vec<(Uid, String)>) {
        if let Err(error) = self.shared.index.put_previews(self.id, made).await {
            tracing::warn!(%error, "previews are not kept");
        }
    }

    /// The messages expunged after a MODSEQ (RFC 7162 §3.2.5.2); `None` when it is not remembered that far back, and then
    /// whatever does not exist counts as expunged.
    pub async fn vanished_since(&self, mod_seq: u64) -> Result<Option<UidSet>> {
        Ok(self.shared.index.vanished(self.id, mod_seq).await?)
    }

    /// Makes a summary from the file; `None` when it is gone.
    async fn scan(&self, path: Box<str>) -> Result<Option<Summary>> {
        let folder = self.place().folder;
        let scanned = blocking(move || {
            let Some((mut file, _)) = folder.open(&path)? else {
                return Ok(None);
            };
            let mut scanner = Scanner::new(MimeLimits::default());
            let mut piece = vec![0; PIECE];
            loop {
                match file.read(&mut piece)? {
                    0 => return Ok(Some(scanner.finish())),
                    read => scanner.feed(&piece[..read]),
                }
            }
        });
        Ok(scanned.await?)
    }

    /// Opens a message's file: one `open` by the path the index knows, else its base name, else one scan. `None` when it is gone.
    pub async fn open_message(self: &Arc<Self>, uid: Uid) -> Result<Option<MessageFile>> {
        let Some(path) = self.state().find(uid).map(|entry| entry.path.clone()) else {
            return Ok(None);
        };
        let folder = self.place().folder;
        let asked = path.clone();
        let opened = blocking(move || match folder.open(&asked)? {
            Some((file, found)) => Ok(Some((MessageFile::new(file)?, found))),
            None => Ok(None),
        });
        let opened = opened.await?;
        if opened.as_ref().is_none_or(|(_, found)| **found != *path) {
            // Another program was here: have the index repaired, by all that there is to see.
            self.suspect_all();
        }
        Ok(opened.map(|(file, _)| file))
    }

    /// Its state. Held for moments only, never across an await.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // A panic while it was held could only have been one of memory running out; the state is whole all the same.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where it is now.
    pub(super) fn place(&self) -> Place {
        self.place.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells it where it is from now on. For the holder of the write lock.
    pub(super) fn set_place(&self, place: Place) {
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }

    /// From now on this decides who may do what; sessions that have it open take note. For the holder of the tree lock.
    pub(super) fn set_acl(&self, acl: Arc<Acl>) {
        let mut state = self.state();
        state.acl = acl;
        state.tracker.wake();
    }

    /// How many messages it has.
    pub(super) fn len(&self) -> usize {
        self.state().messages.len()
    }

    /// Writes down exactly what was given out, so that a rebuild would go on without a gap.
    pub(super) async fn settle(&self) {
        let Ok(mut writing) = self.write().await else { return };
        let (uid_next, mod_seq, deleted) = {
            let state = self.state();
            (state.uid_next, state.mod_seq, state.deleted)
        };
        if deleted || !writing.complete {
            return;
        }
        // What was shown as \Recent is written with the next change, which does not come any more.
        let commit = self.commit(&self.state(), &writing, 0);
        if let Err(error) = self.shared.index.commit(vec![commit]).await {
            tracing::warn!(%error, "messages may be \\Recent again");
        }
        let mut control = writing.control.clone();
        if !control.settle(uid_next, mod_seq.get()) {
            return;
        }
        let folder = self.place().folder;
        let written = control.clone();
        match blocking(move || written.store(folder.path())).await {
            Ok(()) => writing.control = control,
            Err(error) => tracing::warn!(%error, "control file not written"),
        }
    }

    /// A commit that changes nothing yet but the counters, which are those of the state `changes` changes later.
    pub(super) fn commit(&self, state: &State, writing: &Writing, changes: u64) -> Commit {
        Commit {
            mailbox: self.id,
            uid_next: state.uid_next,
            mod_seq: later(state.mod_seq, changes),
            first_recent: state.first_recent(),
            complete: writing.complete,
            put: Vec::new(),
            update: Vec::new(),
            remove: Vec::new(),
            doom: Vec::new(),
            absolve: Vec::new(),
        }
    }

    /// Does what must not be cancelled.
    pub(super) async fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        to_the_end(self.patience(), work).await
    }

    /// How long an operation on it may take in all.
    pub(super) fn patience(&self) -> Duration {
        patience(&self.shared.settings)
    }

    /// Takes the write lock, unless that takes so long that nobody waits for the result any more.
    pub(super) async fn write(&self) -> Result<WriteLock<'_>> {
        let deadline = Instant::now() + self.patience();
        tokio::time::timeout_at(deadline, self.writing.lock())
            .await
            .map_err(|_| slow())
    }
}

impl std::fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Mailbox").field(&self.name().as_str()).finish()
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        self.shared.watch.forget_dead(&self.place().folder);
    }
}

impl Mailbox {
    /// Makes sure that a UID and a MODSEQ may be given out and that these keywords are on disk, before they are used.
    pub(super) async fn reach(
        &self,
        writing: &mut Writing,
        uid: u32,
        mod_seq: ModSeq,
        keywords: &KeywordTable,
    ) -> Result<()> {
        let mut control = writing.control.clone();
        let raised = control.reach(uid, mod_seq.get());
        if !raised && control.keywords == *keywords {
            return Ok(());
        }
        control.keywords = keywords.clone();
        control.committed = self.state().mod_seq.get();
        let folder = self.place().folder;
        writing.control = blocking(move || {
            control.store(folder.path())?;
            Ok(control)
        })
        .await?;
        Ok(())
    }
}

/// The write locks of the two ends of a transfer, always taken in the same order, so that two transfers cannot wait for each
/// other. The source's is missing when the target's is the same.
pub(super) async fn write_both<'a>(
    source: &'a Mailbox,
    target: &'a Mailbox,
) -> Result<(Option<WriteLock<'a>>, WriteLock<'a>)> {
    if source.id == target.id {
        return Ok((None, target.write().await?));
    }
    if source.id < target.id {
        let from = source.write().await?;
        return Ok((Some(from), target.write().await?));
    }
    let to = target.write().await?;
    Ok((Some(source.write().await?), to))
}

/// A write lock that is held.
pub(super) type WriteLock<'a> = tokio::sync::MutexGuard<'a, Writing>;

/// How long an operation may take in all: twice what the index may take, for it may have to wait for another one.
pub(super) fn patience(settings: &config::Storage) -> Duration {
    settings.index_timeout.get() * 2
}

/// Does what must not be cancelled in a task of its own, and waits for it within the limit for slow storage. After that the
/// caller is told so, and the task goes on to its end.
pub(super) async fn to_the_end<T: Send + 'static>(
    patience: Duration,
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    match tokio::time::timeout(patience, tokio::spawn(work)).await {
        Ok(Ok(done)) => done,
        Ok(Err(error)) => Err(Error::Storage(error.into())),
        Err(_) => Err(slow()),
    }
}

fn slow() -> Error {
    Error::Storage(anyhow::anyhow!("storage does not answer in time"))
}

/// The MODSEQ so many changes later.
pub(super) fn later(mod_seq: ModSeq, changes: u64) -> ModSeq {
    (0..changes).fold(mod_seq, |mod_seq, _| mod_seq.next())
}
