//! What other programs do in folders, as the system tells it (inotify on Linux). One instance for the whole server: the
//! kernel allows few for a user.

use notify::event::{AccessKind, AccessMode, CreateKind, EventKind, ModifyKind, RenameMode};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;

/// Events that may wait to be looked at. Beyond that they are lost, and everything is looked through.
const QUEUE: usize = 16 * 1024;

/// Something happened to an entry of a watched folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) folder: PathBuf,
    pub(crate) name: String,
    pub(crate) what: What,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// Made here; whoever does so may still be writing to it.
    Created,
    /// Renamed to this name.
    Arrived,
    /// A program that had it open for writing has closed it.
    Written,
    /// Removed, or renamed to another name.
    Vanished,
}

/// Watches folders.
pub(crate) struct Events {
    watcher: Mutex<RecommendedWatcher>,
    lost: Arc<AtomicBool>,
}

impl Events {
    /// Begins with no folder. Events come out of the receiver.
    pub(crate) fn start() -> notify::Result<(Events, mpsc::Receiver<Event>)> {
        let (queue, events) = mpsc::channel(QUEUE);
        let lost = Arc::new(AtomicBool::new(false));
        let losing = Arc::clone(&lost);
        let watcher = notify::recommended_watcher(move |heard: notify::Result<notify::Event>| {
            let Ok(heard) = heard else {
                return losing.store(true, Ordering::Release);
            };
            if heard.need_rescan() {
                losing.store(true, Ordering::Release);
            }
            let Some(what) = what(&heard.kind) else { return };
            for event in heard.paths.iter().filter_map(|path| event(path, what)) {
                if queue.try_send(event).is_err() {
                    losing.store(true, Ordering::Release);
                }
            }
        })?;
        let events_of = Events {
            watcher: Mutex::new(watcher),
            lost,
        };
        Ok((events_of, events))
    }

    /// Watches a folder, not what is below its subfolders.
    pub(crate) fn watch(&self, folder: &Path) -> notify::Result<()> {
        let mut watcher = self.watcher.lock().unwrap_or_else(PoisonError::into_inner);
        watcher.watch(folder, RecursiveMode::NonRecursive)
    }

    /// No longer watches it. One that is gone is fine.
    pub(crate) fn unwatch(&self, folder: &Path) {
        let mut watcher = self.watcher.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = watcher.unwatch(folder);
    }

    /// Whether events were lost since this was last asked.
    pub(crate) fn take_lost(&self) -> bool {
        self.lost.swap(false, Ordering::AcqRel)
    }
}

fn what(kind: &EventKind) -> Option<What> {
    match kind {
        EventKind::Create(CreateKind::File | CreateKind::Folder | CreateKind::Any) => Some(What::Created),
        EventKind::Modify(ModifyKind::Name(RenameMode::To)) => Some(What::Arrived),
        EventKind::Modify(ModifyKind::Name(RenameMode::From)) | EventKind::Remove(_) => Some(What::Vanished),
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => Some(What::Written),
        _ => None,
    }
}

fn event(path: &Path, what: What) -> Option<Event> {
    Some(Event {
        folder: path.parent()?.to_owned(),
        name: path.file_name()?.to_str()?.to_owned(),
        what,
    })
}
