//! The messages of the queue: one file for each entry, named after it. Blocking: to be called off the async threads.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::mail::ids::QueueId;
use crate::storage::durable;

/// The folder of the messages. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Files(Arc<Path>);

impl Files {
    /// Opens the folder, or makes it. Without a database (`known`) nobody can tell whose the messages are that are there, nor
    /// may they be lost: the folder is put aside for people to look at.
    pub(super) fn open(folder: &Path, known: bool) -> io::Result<Files> {
        durable::create_folders(folder)?;
        let messages = if known { 0 } else { std::fs::read_dir(folder)?.count() };
        if messages > 0 {
            let aside = aside(folder);
            std::fs::rename(folder, &aside)?;
            tracing::error!(messages, kept = %aside.display(), "the database of the queue is missing: its messages are kept");
            durable::create_folders(folder)?;
        }
        Ok(Files(folder.into()))
    }

    /// Where the message of an entry is.
    pub(crate) fn path(&self, id: QueueId) -> PathBuf {
        self.0.join(id.to_string())
    }

    /// Opens the message of an entry.
    pub(crate) fn read(&self, id: QueueId) -> io::Result<File> {
        File::open(self.path(id))
    }

    /// Takes a whole, synced file in as the messages of these entries; where the file system cannot link, as copies.
    pub(crate) fn link(&self, from: &Path, ids: &[QueueId]) -> io::Result<()> {
        for id in ids {
            let to = self.path(*id);
            if std::fs::hard_link(from, &to).is_err() {
                let mut copy = self.create(*id)?;
                io::copy(&mut File::open(from)?, &mut copy)?;
                copy.sync_all()?;
            }
        }
        durable::sync_folder(&self.0)
    }

    /// Writes a message of our own, durable. Returns its size.
    pub(crate) fn write(&self, id: QueueId, mut message: impl Read) -> io::Result<u64> {
        let mut file = self.create(id)?;
        let written = io::copy(&mut message, &mut file).and_then(|size| {
            file.flush()?;
            file.sync_all()?;
            durable::sync_folder(&self.0)?;
            Ok(size)
        });
        if written.is_err() {
            self.remove(id);
        }
        written
    }

    fn create(&self, id: QueueId) -> io::Result<File> {
        let mut options = File::options();
        options.write(true).create_new(true).mode(0o600).open(self.path(id))
    }

    /// Removes the message of an entry that is gone. A file that stays is removed at the next start.
    pub(crate) fn remove(&self, id: QueueId) {
        if let Err(error) = std::fs::remove_file(self.path(id))
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, %id, "message of the queue not removed");
        }
    }

    /// The entries of which there is a file, in order. What is none is removed.
    pub(super) fn ids(&self) -> io::Result<Vec<QueueId>> {
        let mut ids = Vec::new();
        for file in std::fs::read_dir(&self.0)? {
            let file = file?;
            match file.file_name().to_str().and_then(QueueId::parse) {
                Some(id) => ids.push(id),
                None => std::fs::remove_file(file.path())?,
            }
        }
        ids.sort_unstable();
        Ok(ids)
    }
}

/// A name beside the folder that nothing has.
fn aside(folder: &Path) -> PathBuf {
    let name = |number| folder.with_file_name(format!("queue-without-database-{number}"));
    (1u32..)
        .map(name)
        .find(|name| !name.exists())
        .unwrap_or_else(|| name(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_without_a_database_are_kept() {
        let data = tempfile::tempdir().unwrap();
        let folder = data.path().join("queue");
        let files = Files::open(&folder, false).unwrap();
        files.write(QueueId(1), &b"text"[..]).unwrap();
        Files::open(&folder, true).unwrap();
        assert!(files.path(QueueId(1)).exists());
        for number in 1..3 {
            let files = Files::open(&folder, false).unwrap();
            assert!(!files.path(QueueId(1)).exists());
            let kept = data.path().join(format!("queue-without-database-{number}"));
            assert_eq!(std::fs::read_dir(kept).unwrap().count(), 1);
            files.write(QueueId(1), &b"text"[..]).unwrap();
        }
    }

    #[test]
    fn messages_are_files_and_what_is_none_is_removed() {
        let data = tempfile::tempdir().unwrap();
        let files = Files::open(&data.path().join("queue"), true).unwrap();
        let (one, two) = (QueueId(1), QueueId(2));
        assert_eq!(files.write(one, &b"text"[..]).unwrap(), 4);
        files.link(&files.path(one), &[two]).unwrap();
        std::fs::write(data.path().join("queue/other"), "").unwrap();
        assert_eq!(files.ids().unwrap(), [one, two]);
        files.remove(one);
        let left: Vec<_> = std::fs::read_dir(data.path().join("queue")).unwrap().collect();
        assert_eq!(left.len(), 1);
        assert_eq!(std::fs::read(files.path(two)).unwrap(), b"text");
        assert!(files.write(two, &b"again"[..]).is_err());
    }
}
