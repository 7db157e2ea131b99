//! Filling the full-text index, and asking it.
//!
//! One task follows what changes: it compares the messages of a mailbox with those that the index has, takes in the latest
//! first, and forgets those that are gone. So nothing has to be told right: a crash, a rebuild and another program's work
//! come to the same. It begins a while after the last change, rests longer than it works, and nobody waits for it, for what is
//! not in the index is read.

use super::error::{Error, Result};
use super::mailbox::Mailbox;
use super::texts::Text;
use crate::config;
use crate::mail::collation::casemap;
use crate::mail::ids::{Uid, UidValidity};
use crate::mail::summary::Summary;
use crate::mail::uidset::UidSet;
use crate::storage::full_text::{FullText, FullTextCount, FullTextError, counts};
use std::collections::VecDeque;
use std::fmt;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Messages taken in with one commit.
const BATCH: usize = 32;
/// Messages forgotten with one commit.
const REMOVED: usize = 1000;
/// Octets of a message's text, as it is compared, that are taken in. One with more is read when it is searched.
const MAX_TEXT: usize = 1024 * 1024;
/// How long a mailbox has changed no more when its turn comes.
const DELAY: Duration = Duration::from_secs(10);
/// How many times as long as it has worked the task rests.
const REST: u32 = 3;
/// As good as for ever.
const LONG: Duration = Duration::from_secs(24 * 3600);
/// How long it rests after a failure.
const REST_AFTER_FAILURE: Duration = Duration::from_secs(60);

/// The full-text index and the task that fills it; nothing when it is switched off. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Filler(Option<Arc<Inner>>);

struct Inner {
    index: FullText,
    /// Mailboxes that have changed, those that wait for longest first, each with when it changed last.
    changed: Mutex<VecDeque<(Weak<Mailbox>, Instant)>>,
    news: Notify,
    stop: CancellationToken,
    task: Mutex<Option<JoinHandle<()>>>,
    /// Whether to wait for nothing.
    hurry: AtomicBool,
}

impl fmt::Debug for Filler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Filler").field(&self.0.is_some()).finish()
    }
}

impl Filler {
    /// Opens the index in the data folder, unless it is switched off.
    pub(super) async fn start(data: &Path, settings: &config::Storage) -> anyhow::Result<Filler> {
        if !settings.full_text {
            return Ok(Filler::default());
        }
        let inner = Arc::new(Inner {
            index: FullText::open(&data.join(FILE), settings.index_timeout.get()).await?,
            changed: Mutex::default(),
            news: Notify::new(),
            stop: CancellationToken::new(),
            task: Mutex::default(),
            hurry: AtomicBool::new(false),
        });
        let task = tokio::spawn(fill(Arc::clone(&inner)));
        *inner.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
        Ok(Filler(Some(inner)))
    }

    /// A mailbox has changed.
    pub(super) fn wake(&self, mailbox: &Weak<Mailbox>) {
        let Some(inner) = &self.0 else { return };
        let now = Instant::now();
        let mut changed = inner.changed.lock().unwrap_or_else(PoisonError::into_inner);
        match changed.iter_mut().find(|(other, _)| other.ptr_eq(mailbox)) {
            Some((_, last)) => *last = now,
            None => changed.push_back((mailbox.clone(), now)),
        }
        drop(changed);
        inner.news.notify_one();
    }

    /// What is known of a mailbox that is loaded must be of its messages: forgets it when its UIDs are counted anew, or from
    /// further below, as after a backup was put back.
    pub(super) async fn check(&self, account: &str, uid_validity: UidValidity, uid_next: u32, rebuilt: bool) {
        let Some(inner) = &self.0 else { return };
        let checked = async {
            let Some(known) = inner.index.known(account, uid_validity).await? else {
                return Ok::<(), FullTextError>(());
            };
            let last = known.indexed.last().max(known.passed.last());
            if rebuilt || last.is_some_and(|last| uid_next != 0 && last.get() >= uid_next) {
                inner.index.forget(account, uid_validity).await?;
            }
            Ok(())
        };
        if let Err(error) = checked.await {
            tracing::warn!(%error, "the full-text index was not compared with a mailbox");
        }
    }

    /// Forgets a mailbox that is deleted.
    pub(super) async fn forget(&self, account: &str, uid_validity: UidValidity) {
        let Some(inner) = &self.0 else { return };
        if let Err(error) = inner.index.forget(account, uid_validity).await {
            // Nobody finds it, and its UIDVALIDITY is not given again.
            tracing::warn!(%error, "a deleted mailbox stays in the full-text index");
        }
    }

    /// Ends the task and closes the index.
    pub(super) async fn stop(&self) {
        let Some(inner) = &self.0 else { return };
        inner.stop.cancel();
        let task = inner.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            let _ = task.await;
        }
        inner.index.close().await;
    }

    /// Waits for nothing from now on, and returns when the index has everything.
    #[cfg(test)]
    pub(super) async fn settle(&self, mailbox: &Arc<Mailbox>) {
        let Some(inner) = &self.0 else { return };
        inner.hurry.store(true, Ordering::Relaxed);
        loop {
            self.wake(&Arc::downgrade(mailbox));
            let known = inner
                .index
                .known(mailbox.account(), mailbox.uid_validity())
                .await
                .unwrap();
            let known = known.unwrap_or_default();
            let uids = mailbox.state().uids();
            if known.indexed.union(&known.passed) == uids {
                return;
            }
            tokio::task::yield_now().await;
        }
    }
}

/// The file of the index in the data folder.
const FILE: &str = "fts.db";

/// How much the full-text index of a data folder holds, also while a server runs on it.
pub async fn full_text_report(data: &Path, timeout: Duration) -> anyhow::Result<FullTextReport> {
    let file = data.join(FILE);
    let mut octets = 0;
    for suffix in ["", "-wal"] {
        let mut name = file.as_os_str().to_owned();
        name.push(suffix);
        octets += std::fs::metadata(Path::new(&name)).map_or(0, |found| found.len());
    }
    let accounts = match file.exists() {
        true => counts(&file, timeout).await?,
        false => Vec::new(),
    };
    Ok(FullTextReport { octets, accounts })
}

/// How much the full-text index holds.
#[derive(Clone, Debug)]
pub struct FullTextReport {
    /// Octets on disk.
    pub octets: u64,
    /// Messages of each account.
    pub accounts: Vec<FullTextCount>,
}

async fn fill(inner: Arc<Inner>) {
    loop {
        let worked = match inner.next() {
            Err(wait) => {
                tokio::select! {
                    () = inner.stop.cancelled() => return,
                    () = inner.news.notified() => {}
                    () = tokio::time::sleep(wait) => {}
                }
                continue;
            }
            Ok(mailbox) => {
                let start = Instant::now();
                let work = tokio::select! {
                    () = inner.stop.cancelled() => return,
                    work = inner.take_in(&mailbox) => work,
                };
                match work {
                    Ok(false) => {}
                    Ok(true) => inner.again(&mailbox, start),
                    Err(error) => {
                        tracing::warn!(%error, cause = ?error, "the full-text index is not filled");
                        inner.again(&mailbox, start + REST_AFTER_FAILURE);
                    }
                }
                start.elapsed()
            }
        };
        let rest = if inner.hurry.load(Ordering::Relaxed) {
            Duration::ZERO
        } else {
            worked * REST
        };
        tokio::select! {
            () = inner.stop.cancelled() => return,
            () = tokio::time::sleep(rest) => {}
        }
    }
}

impl Inner {
    /// The mailbox whose turn it is; else how long there is none if nothing changes.
    fn next(&self) -> std::result::Result<Arc<Mailbox>, Duration> {
        let mut changed = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
        changed.retain(|(mailbox, _)| mailbox.strong_count() > 0);
        let delay = if self.hurry.load(Ordering::Relaxed) {
            Duration::ZERO
        } else {
            DELAY
        };
        let now = Instant::now();
        let due = changed.iter().position(|(_, last)| *last + delay <= now);
        match due.and_then(|index| changed.remove(index)) {
            Some((mailbox, _)) => mailbox.upgrade().ok_or(Duration::ZERO),
            None => Err(changed
                .iter()
                .map(|(_, last)| *last + delay - now)
                .min()
                .unwrap_or(LONG)),
        }
    }

    /// There is more to do in a mailbox, not before that moment.
    fn again(&self, mailbox: &Arc<Mailbox>, since: Instant) {
        let mailbox = Arc::downgrade(mailbox);
        let mut changed = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
        if !changed.iter().any(|(other, _)| other.ptr_eq(&mailbox)) {
            // What has begun need not wait any longer.
            changed.push_back((mailbox, since.checked_sub(DELAY).unwrap_or(since)));
        }
    }

    /// Takes in some messages of a mailbox and forgets some; whether there are more.
    async fn take_in(&self, mailbox: &Arc<Mailbox>) -> Result<bool> {
        let (uids, deleted) = {
            let state = mailbox.state();
            (state.uids(), state.deleted)
        };
        if deleted {
            return Ok(false);
        }
        let (account, uid_validity) = (mailbox.account(), mailbox.uid_validity());
        let mut known = match self.index.known(account, uid_validity).await? {
            Some(known) => known,
            None if uids.is_empty() => return Ok(false),
            None => self.index.begin(account, uid_validity).await?,
        };
        let seen = known.indexed.union(&known.passed);
        let gone = seen.difference(&uids);
        if !gone.is_empty() {
            self.index.remove(&mut known, &gone.slice(0..REMOVED)).await?;
        }
        let new = uids.difference(&seen);
        let piece = new.slice(new.len().saturating_sub(BATCH)..new.len());
        if !piece.is_empty() {
            let texts = texts(mailbox, &piece).await?;
            self.index.put(&mut known, texts).await?;
        }
        Ok(new.len() > BATCH || gone.len() > REMOVED)
    }
}

/// The texts of messages; none for those that are too long, cannot be read or are gone.
async fn texts(mailbox: &Arc<Mailbox>, uids: &UidSet) -> Result<Vec<(Uid, Option<String>)>> {
    let summaries = mailbox.summaries(uids).await?;
    let mut texts: Vec<(Uid, Option<String>)> = uids.iter().map(|uid| (uid, None)).collect();
    for (uid, summary) in summaries {
        let text = match text(mailbox, uid, &summary).await {
            Ok(text) => text,
            Err(error) => {
                tracing::warn!(%error, cause = ?error, "a message is not in the full-text index");
                None
            }
        };
        if let Ok(index) = texts.binary_search_by_key(&uid, |(uid, _)| *uid) {
            texts[index].1 = text;
        }
    }
    Ok(texts)
}

/// All that SEARCH looks at in a message, as it compares it.
async fn text(mailbox: &Arc<Mailbox>, uid: Uid, summary: &Summary) -> Result<Option<String>> {
    let Some(file) = mailbox.open_message(uid).await? else {
        return Ok(None);
    };
    let mut mapped = Vec::new();
    let reading = file.texts(summary, |text| {
        match text {
            Text::Begin { .. } => mapped.push(b'\n'),
            Text::Piece(text) => casemap(text, &mut mapped),
        }
        match mapped.len() > MAX_TEXT {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    });
    reading.await?;
    if mapped.len() > MAX_TEXT {
        return Ok(None);
    }
    // SQLite ends a text at a NUL; nobody can look for one.
    mapped
        .iter_mut()
        .filter(|octet| **octet == 0)
        .for_each(|octet| *octet = b'\n');
    Ok(String::from_utf8(mapped).ok())
}

/// Which messages cannot hold which texts.
#[derive(Clone, Debug, Default)]
pub struct Narrowed(Vec<UidSet>);

impl Narrowed {
    /// From the messages that do not hold each text.
    pub fn new(excluded: Vec<UidSet>) -> Narrowed {
        Narrowed(excluded)
    }

    /// Whether a message does not hold the text of that number. `false` says nothing.
    pub fn excludes(&self, text: usize, uid: Uid) -> bool {
        self.0.get(text).is_some_and(|excluded| excluded.contains(uid))
    }
}

impl Mailbox {
    /// Asks the full-text index about texts, as they are compared.
    pub async fn narrow(&self, texts: &[&str]) -> Narrowed {
        let Some(inner) = self.shared.filler.0.as_ref().filter(|_| !texts.is_empty()) else {
            return Narrowed::default();
        };
        let asked = async {
            // In this order: what was known when the candidates are read is in them.
            let Some(known) = inner.index.known(self.account(), self.uid_validity()).await? else {
                return Ok::<_, FullTextError>(Narrowed::default());
            };
            let mut excluded = Vec::with_capacity(texts.len());
            for text in texts {
                let candidates = inner.index.candidates(known.id, text).await?;
                excluded.push(match candidates {
                    Some(candidates) => known.indexed.difference(&candidates),
                    None => UidSet::new(),
                });
            }
            Ok(Narrowed::new(excluded))
        };
        asked.await.unwrap_or_else(|error| {
            tracing::warn!(%error, "a search goes without the full-text index");
            Narrowed::default()
        })
    }
}

impl From<FullTextError> for Error {
    fn from(error: FullTextError) -> Error {
        Error::Storage(error.into())
    }
}

#[cfg(test)]
mod tests;
