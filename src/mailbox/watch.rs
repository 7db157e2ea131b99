//! Which mailbox an event in a folder concerns, and what is to be looked at for it.
//!
//! Our own work in a folder makes the same events as that of others. An event is explained when the state already says what
//! the folder shows; only what stays unexplained once the write lock is held, when no work of ours is under way, has the
//! mailbox looked through.

use super::account;
use super::error::{Result, blocking};
use super::mailbox::{Mailbox, Writing};
use super::state::{State, Step};
use crate::mail::ids::{SessionId, Uid};
use crate::mail::uidset::UidSet;
use crate::storage::maildir::events::{Event, Events, What};
use crate::storage::maildir::folder::Folder;
use crate::storage::maildir::name;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// How long a file that was made in place, against the rules of Maildir, may be written to before it is taken in. One that is
/// closed or renamed into place is taken in at once.
const SETTLING: Duration = Duration::from_millis(250);
/// How often mailboxes that cannot be watched are looked through.
const POLL: Duration = Duration::from_secs(30);
/// Events of one mailbox that wait to be explained. With more, all of it is looked through.
const SUSPECTS: usize = 16 * 1024;

/// The watch of a server. Cheap to clone.
#[derive(Clone)]
pub(super) struct Watch(Arc<Inner>);

struct Inner {
    /// `None` when watching is switched off or impossible.
    events: Option<Events>,
    watched: Mutex<HashMap<PathBuf, Watched>>,
    /// Mailboxes that should be watched and cannot.
    unwatched: Mutex<Vec<Weak<Mailbox>>>,
    stop: CancellationToken,
}

enum Watched {
    /// `new/` or `cur/` of a mailbox.
    Mailbox(Weak<Mailbox>),
    /// The folder of an account.
    Account(Weak<account::Inner>),
}

/// Whom an event concerns. Never dropped while the map is locked: the end of a mailbox takes it out of the map.
enum Concerned {
    Mailbox(Arc<Mailbox>),
    Account(Arc<account::Inner>),
}

impl Watched {
    fn upgrade(&self) -> Option<Concerned> {
        match self {
            Watched::Mailbox(mailbox) => mailbox.upgrade().map(Concerned::Mailbox),
            Watched::Account(account) => account.upgrade().map(Concerned::Account),
        }
    }
}

/// What has been seen in a mailbox's folder and is not explained yet.
#[derive(Default)]
pub(super) struct Suspects {
    paths: Vec<(String, What)>,
    all: bool,
    /// Somebody is on the way to look, at once or after the settling time.
    soon: bool,
    later: bool,
}

impl Watch {
    /// Begins with nothing watched.
    pub(super) fn start(wanted: bool) -> Watch {
        let started = wanted.then(Events::start);
        let (events, queue) = match started {
            Some(Ok((events, queue))) => (Some(events), Some(queue)),
            Some(Err(error)) => {
                tracing::warn!(%error, "folders cannot be watched: what other programs do is seen late");
                (None, None)
            }
            None => (None, None),
        };
        let inner = Arc::new(Inner {
            events,
            watched: Mutex::default(),
            unwatched: Mutex::default(),
            stop: CancellationToken::new(),
        });
        if wanted {
            tokio::spawn(follow(Arc::clone(&inner), queue));
        }
        Watch(inner)
    }

    /// Ends it.
    pub(super) fn stop(&self) {
        self.0.stop.cancel();
    }

    /// Watches a mailbox's folder.
    pub(super) fn mailbox(&self, folder: &Folder, mailbox: &Arc<Mailbox>) {
        for place in folder.places() {
            if !self.0.watch(place, Watched::Mailbox(Arc::downgrade(mailbox))) {
                self.0.unwatched().push(Arc::downgrade(mailbox));
                return;
            }
        }
    }

    /// Watches the folder of an account for mailboxes that come and go.
    pub(super) fn account(&self, root: &Path, account: &Arc<account::Inner>) {
        self.0.watch(root.to_owned(), Watched::Account(Arc::downgrade(account)));
    }

    /// Whether events of the folder are heard of.
    pub(super) fn watches(&self, folder: &Folder) -> bool {
        let watched = self.0.watched();
        folder.places().iter().all(|place| watched.contains_key(place))
    }

    /// No longer watches a mailbox's folder.
    pub(super) fn forget(&self, folder: &Folder) {
        self.0.forget(folder, |_| true);
    }

    /// The same, unless another mailbox object is there by now.
    pub(super) fn forget_dead(&self, folder: &Folder) {
        let dead = |watched: &Watched| matches!(watched, Watched::Mailbox(mailbox) if mailbox.strong_count() == 0);
        self.0.forget(folder, dead);
    }
}

impl Inner {
    fn watched(&self) -> MutexGuard<'_, HashMap<PathBuf, Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unwatched(&self) -> MutexGuard<'_, Vec<Weak<Mailbox>>> {
        self.unwatched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The map is locked meanwhile, so that it and the system's watches agree.
    fn watch(&self, folder: PathBuf, watched: Watched) -> bool {
        let Some(events) = &self.events else { return false };
        let mut map = self.watched();
        match events.watch(&folder) {
            Ok(()) => {
                map.insert(folder, watched);
                true
            }
            Err(error) => {
                tracing::warn!(
                    %error,
                    folder = %folder.display(),
                    "a folder cannot be watched and is looked through every 30 s instead; on Linux, \
                     fs.inotify.max_user_watches may be too low"
                );
                false
            }
        }
    }

    fn forget(&self, folder: &Folder, which: impl Fn(&Watched) -> bool) {
        let Some(events) = &self.events else { return };
        let mut map = self.watched();
        for place in folder.places() {
            if map.get(&place).is_some_and(&which) {
                map.remove(&place);
                events.unwatch(&place);
            }
        }
    }

    /// Passes an event on to whom it concerns.
    fn pass_on(&self, event: &Event) {
        let concerned = self.watched().get(&event.folder).and_then(Watched::upgrade);
        match concerned {
            Some(Concerned::Mailbox(mailbox)) => {
                if let Some(place) = event.folder.file_name() {
                    mailbox.heard(format!("{}/{}", place.to_string_lossy(), event.name), event.what);
                }
            }
            Some(Concerned::Account(account)) if event.name.starts_with('.') && event.what != What::Written => {
                account.heard();
            }
            Some(Concerned::Account(_)) | None => {}
        }
    }

    fn look_through_all(&self) {
        let all: Vec<Concerned> = self.watched().values().filter_map(Watched::upgrade).collect();
        for concerned in all {
            match concerned {
                Concerned::Mailbox(mailbox) => mailbox.suspect_all(),
                Concerned::Account(account) => account.heard(),
            }
        }
    }

    fn look_through_unwatched(&self) {
        self.unwatched().retain(|mailbox| {
            let mailbox = mailbox.upgrade();
            if let Some(mailbox) = &mailbox {
                mailbox.suspect_all();
            }
            mailbox.is_some()
        });
    }
}

async fn follow(inner: Arc<Inner>, queue: Option<mpsc::Receiver<Event>>) {
    let mut poll = tokio::time::interval(POLL);
    let mut queue = queue;
    loop {
        let event = async {
            match &mut queue {
                Some(queue) => queue.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = inner.stop.cancelled() => return,
            Some(event) = event => inner.pass_on(&event),
            _ = poll.tick() => inner.look_through_unwatched(),
        }
        if inner.events.as_ref().is_some_and(Events::take_lost) {
            tracing::warn!("events of watched folders were lost: all open mailboxes are looked through");
            inner.look_through_all();
        }
    }
}

impl Mailbox {
    /// An event in its folder.
    fn heard(self: &Arc<Self>, path: String, what: What) {
        if what != What::Written && is_explained(&self.state(), &path, what) {
            return;
        }
        let mut suspects = self.suspects();
        if suspects.paths.len() < SUSPECTS {
            suspects.paths.push((path, what));
        } else {
            suspects.all = true;
        }
        self.send_somebody(suspects, what == What::Created);
    }

    /// Something is not as it should be: all of the folder is to be looked through.
    pub(super) fn suspect_all(self: &Arc<Self>) {
        let mut suspects = self.suspects();
        suspects.all = true;
        self.send_somebody(suspects, false);
    }

    fn send_somebody(self: &Arc<Self>, mut suspects: MutexGuard<'_, Suspects>, later: bool) {
        let on_the_way = match later {
            true => &mut suspects.later,
            false => &mut suspects.soon,
        };
        if std::mem::replace(on_the_way, true) {
            return;
        }
        let mailbox = Arc::clone(self);
        tokio::spawn(async move {
            if later {
                tokio::time::sleep(SETTLING).await;
            }
            let mut writing = mailbox.writing.lock().await;
            if let Err(error) = mailbox.look_at_suspects(&mut writing).await {
                tracing::warn!(%error, cause = ?error, mailbox = %mailbox.name(), "folder not looked through");
            }
        });
    }

    /// Looks the whole folder through.
    pub(super) async fn look(self: &Arc<Self>) -> Result<()> {
        let mut writing = self.write().await?;
        self.reconcile(&mut writing).await
    }

    async fn look_at_suspects(self: &Arc<Self>, writing: &mut Writing) -> Result<()> {
        let suspects = std::mem::take(&mut *self.suspects());
        let rewritten = self.rewritten(&suspects.paths).await?;
        if !rewritten.is_empty() {
            self.let_go(writing, &rewritten).await?;
        }
        let explained = {
            let state = self.state();
            let mut paths = suspects.paths.iter();
            paths.all(|(path, what)| is_explained(&state, path, *what))
        };
        if suspects.all || !explained || !rewritten.is_empty() {
            self.reconcile(writing).await?;
        }
        Ok(())
    }

    /// The messages whose files another program has written to after they were taken in.
    async fn rewritten(&self, paths: &[(String, What)]) -> Result<UidSet> {
        let mut written: Vec<(Uid, String, u64)> = Vec::new();
        {
            let state = self.state();
            for (path, _) in paths.iter().filter(|(_, what)| *what == What::Written) {
                let entry = name::read(path).uid.and_then(|uid| state.find(uid));
                if let Some(entry) = entry.filter(|entry| *entry.path == **path) {
                    written.push((entry.uid, path.clone(), entry.size));
                }
            }
        }
        let folder = self.place().folder;
        let rewritten = blocking(move || {
            let mut rewritten = UidSet::new();
            for (uid, path, size) in written {
                if folder.stat(&path)?.is_some_and(|(now, _)| now != size) {
                    rewritten.insert(uid);
                }
            }
            Ok(rewritten)
        });
        Ok(rewritten.await?)
    }

    /// Ends messages whose files stay: what is in the files now are other messages.
    async fn let_go(self: &Arc<Self>, writing: &mut Writing, uids: &UidSet) -> Result<()> {
        let mut commit = self.commit(&self.state(), writing, 1);
        commit.remove = uids.iter().collect();
        self.shared.index.commit(vec![commit]).await?;
        self.state().apply(SessionId::NONE, Step::Expunged(uids.clone()));
        Ok(())
    }

    fn suspects(&self) -> MutexGuard<'_, Suspects> {
        self.suspects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the state says already what an event tells. Found by the UID in the name, which every file of a message has.
fn is_explained(state: &State, path: &str, what: What) -> bool {
    let entry = name::read(path).uid.and_then(|uid| state.find(uid));
    let there = entry.is_some_and(|entry| *entry.path == *path);
    there == (what != What::Vanished)
}

impl account::Inner {
    /// Something happened among its folders.
    fn heard(self: &Arc<Self>) {
        if self.looking.swap(true, std::sync::atomic::Ordering::AcqRel) {
            return;
        }
        let account = Arc::clone(self);
        tokio::spawn(async move {
            tokio::time::sleep(SETTLING).await;
            account.looking.store(false, std::sync::atomic::Ordering::Release);
            if let Err(error) = account.look_again().await {
                tracing::warn!(%error, cause = ?error, "folders of an account not read again");
            }
        });
    }
}
