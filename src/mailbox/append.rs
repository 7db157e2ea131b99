//! Adding messages: by delivery, by APPEND.
//!
//! Whoever gets the write lock appends for all who wait at that moment: one sync of the folder and one commit for a burst of
//! deliveries, and a Change for each.

use super::error::{Error, Result, blocking};
use super::mailbox::{Mailbox, Writing, later};
use super::message::NewMessage;
use super::state::{Entry, Step, learn};
use super::tracker::Notice;
use crate::mail::date::Timestamp;
use crate::mail::flags::Keywords;
use crate::mail::ids::{ModSeq, SessionId, Uid, UidValidity};
use crate::storage::database::StoreError;
use crate::storage::index::SummarySource;
use crate::storage::maildir::folder::Folder;
use crate::storage::maildir::name;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use tokio::sync::oneshot;

/// Messages appended by one commit, unless a single caller brings more.
const BATCH: usize = 256;

/// Why nothing more can be appended.
pub(super) const NO_UIDS: &str = "the mailbox has used all UIDs";

/// Where messages went (APPENDUID; RFC 4315 §3).
#[derive(Clone, Debug)]
pub struct Appended {
    /// The mailbox's UIDVALIDITY.
    pub uid_validity: UidValidity,
    /// The new UIDs in the order of the messages.
    pub uids: Vec<Uid>,
    /// Who is being told.
    pub notice: Arc<Notice>,
}

/// Somebody who waits for messages to be appended.
pub(super) struct Waiting {
    session: SessionId,
    messages: Vec<NewMessage>,
    /// What the file of the only one is called ([`Mailbox::append_once`]).
    unique: Option<String>,
    answer: oneshot::Sender<Result<Appended>>,
}

/// A file to be made: from where, under which path, with which date.
pub(super) struct Filing {
    from: PathBuf,
    path: String,
    date: Option<i64>,
}

impl Filing {
    pub(super) fn new(message: &NewMessage, entry: &Entry) -> Filing {
        Filing {
            from: message.spooled.path().clone(),
            path: entry.path.to_string(),
            date: message.internal_date.map(|date| date.seconds),
        }
    }
}

impl Mailbox {
    /// Adds messages, durable when it returns, and publishes. Runs to its end even when the caller is dropped, unless it had
    /// not begun yet.
    pub async fn append(self: &Arc<Self>, session: SessionId, messages: Vec<NewMessage>) -> Result<Appended> {
        self.arrive(session, messages, None).await
    }

    /// Delivers a message that may have been delivered before, by somebody who does not know it any more after a crash:
    /// nothing happens when it is there. `seconds` and `name` are the same at each try, and no other message has both.
    pub async fn append_once(
        self: &Arc<Self>,
        message: NewMessage,
        seconds: i64,
        name: &str,
    ) -> Result<Option<Appended>> {
        let unique = name::repeatable(seconds, name);
        let there = |entry: &Entry| name::base(&entry.path).split(',').next() == Some(unique.as_str());
        if self.state().messages.iter().any(there) {
            return Ok(None);
        }
        let appended = self.arrive(SessionId::NONE, vec![message], Some(unique)).await?;
        Ok(Some(appended))
    }

    async fn arrive(
        self: &Arc<Self>,
        session: SessionId,
        messages: Vec<NewMessage>,
        unique: Option<String>,
    ) -> Result<Appended> {
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting {
            session,
            messages,
            unique,
            answer,
        };
        self.arrivals
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(waiting);
        let mailbox = Arc::clone(self);
        tokio::spawn(async move {
            let mut writing = mailbox.writing.lock().await;
            loop {
                let batch = mailbox.next_batch();
                if batch.is_empty() {
                    break;
                }
                mailbox.append_all(&mut writing, batch).await;
            }
        });
        match tokio::time::timeout(self.patience(), answered).await {
            Ok(Ok(appended)) => appended,
            Ok(Err(_)) => Err(Error::Storage(anyhow::anyhow!("the append was lost"))),
            Err(_) => Err(Error::Storage(anyhow::anyhow!("storage does not answer in time"))),
        }
    }

    /// Those who wait now, up to a limit. Who has given up gets nothing appended.
    fn next_batch(&self) -> Vec<Waiting> {
        let mut arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        arrivals.retain(|waiting| !waiting.answer.is_closed());
        let mut messages = 0;
        let batch = arrivals
            .iter()
            .take_while(|waiting| {
                let room = messages == 0 || messages + waiting.messages.len() <= BATCH;
                messages += waiting.messages.len();
                room
            })
            .count();
        arrivals.drain(..batch).collect()
    }

    async fn append_all(self: &Arc<Self>, writing: &mut Writing, batch: Vec<Waiting>) {
        let entries = match self.put_all(writing, &batch).await {
            Ok(entries) => entries,
            Err(error) => return refuse(batch, error),
        };
        let mut answers = Vec::with_capacity(batch.len());
        {
            let mut state = self.state();
            state.set_keywords(&writing.control.keywords);
            for (waiting, entries) in batch.iter().zip(entries) {
                let uids = entries.iter().map(|entry| entry.uid).collect();
                if let Some(notice) = state.apply(waiting.session, Step::Arrived(entries)) {
                    answers.push(Appended {
                        uid_validity: self.uid_validity(),
                        uids,
                        notice,
                    });
                }
            }
        }
        for (waiting, appended) in batch.into_iter().zip(answers) {
            let _ = waiting.answer.send(Ok(appended));
        }
    }

    /// Files and commits; returns what each one's messages became.
    async fn put_all(self: &Arc<Self>, writing: &mut Writing, batch: &[Waiting]) -> Result<Vec<Vec<Entry>>> {
        let folder = self.place().folder;
        let mut keywords = writing.control.keywords.clone();
        let (mut commit, mut next) = {
            let state = self.state();
            if state.deleted {
                return Err(Error::NotFound);
            }
            let used = || state.used_keywords();
            for message in batch.iter().flat_map(|waiting| &waiting.messages) {
                // A message is worth more than a keyword that finds no room (RFC 9051 §6.3.12 asks for no more).
                learn(&mut keywords, &message.flags, used);
            }
            (
                self.commit(&state, writing, batch.len() as u64),
                Uid::new(state.uid_next),
            )
        };
        let first = self.state().mod_seq;
        let mut all = Vec::with_capacity(batch.len());
        let mut filings = Vec::new();
        for (index, waiting) in batch.iter().enumerate() {
            let mut entries = Vec::with_capacity(waiting.messages.len());
            for message in &waiting.messages {
                let uid = next.ok_or(Error::Limit(NO_UIDS))?;
                next = uid.next();
                let (bits, _) = learn(&mut keywords, &message.flags, || Keywords::NONE);
                let entry = entry_of(
                    message,
                    uid,
                    bits,
                    later(first, index as u64 + 1),
                    waiting.session,
                    waiting.unique.as_deref(),
                );
                filings.push(Filing::new(message, &entry));
                let summary = message.spooled.summary().encode();
                commit.put.push((entry.clone(), SummarySource::Bytes(summary.into())));
                entries.push(entry);
            }
            all.push(entries);
        }
        commit.uid_next = next.map_or(0, Uid::get);
        let last = next.map_or(u32::MAX, |next| next.get() - 1);
        self.reach(writing, last, commit.mod_seq, &keywords).await?;
        let filed = folder.clone();
        let paths = blocking(move || file(&filed, filings)).await?;
        // A UID that is in the name of a file, however short its life, is not given again.
        self.state().uid_next = commit.uid_next;
        if let Err(error) = self.shared.index.commit(vec![commit]).await {
            // When it is not known what was written, the files stay: rather twice than lost.
            if !matches!(error, StoreError::Failed(_)) {
                let removed = blocking(move || paths.iter().try_for_each(|path| folder.remove(path).map(|_| ()))).await;
                if let Err(error) = removed {
                    tracing::warn!(%error, "files of messages that were not committed stay");
                }
            }
            self.suspect_all();
            return Err(error.into());
        }
        Ok(all)
    }
}

/// What a message becomes. One delivered without flags is new in the sense of Maildir; one that a client put there is not.
pub(super) fn entry_of(
    message: &NewMessage,
    uid: Uid,
    keywords: Keywords,
    mod_seq: ModSeq,
    session: SessionId,
    unique: Option<&str>,
) -> Entry {
    let date = message
        .internal_date
        .unwrap_or_else(|| Timestamp::in_local_zone(message.spooled.written()));
    let size = message.spooled.size();
    let base = match unique {
        Some(unique) => name::named_base(unique, size, uid, date.offset_minutes),
        None => name::new_base(size, uid, date.offset_minutes),
    };
    let new = session == SessionId::NONE;
    Entry {
        uid,
        flags: message.flags.flags,
        keywords,
        mod_seq,
        size,
        date,
        path: name::path(&base, message.flags.flags, keywords, new).into(),
    }
}

/// Links all or none, durable. Returns their paths.
pub(super) fn file(folder: &Folder, filings: Vec<Filing>) -> std::io::Result<Vec<String>> {
    let mut paths = Vec::with_capacity(filings.len());
    let filed = filings.iter().try_for_each(|filing| {
        if let Some(seconds) = filing.date {
            Folder::date(&filing.from, seconds)?;
        }
        folder.link(&filing.from, &filing.path)?;
        paths.push(filing.path.clone());
        Ok(())
    });
    let synced = filed.and_then(|()| folder.sync(paths.iter().map(String::as_str)));
    match synced {
        Ok(()) => Ok(paths),
        Err(error) => {
            for path in &paths {
                let _ = folder.remove(path);
            }
            Err(error)
        }
    }
}

/// Tells all who wait.
fn refuse(batch: Vec<Waiting>, error: Error) {
    for waiting in batch {
        let same = match &error {
            Error::NotFound => Error::NotFound,
            Error::Limit(what) => Error::Limit(what),
            Error::NoSpace(cause) => Error::NoSpace(std::io::Error::new(cause.kind(), cause.to_string())),
            other => Error::Storage(anyhow::anyhow!("{other:?}")),
        };
        let _ = waiting.answer.send(Err(same));
    }
}
