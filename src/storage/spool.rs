//! The spool: message bytes that no mailbox owns yet. Streamed to disk while they arrive, durable when finished,
//! removed when dropped.
//!
//! A small message stays in memory until it is complete and then goes to disk in one visit to a blocking thread; a larger
//! one goes piece by piece. Writing, scanning and syncing all happen there, never on an async thread.

use super::durable;
use crate::mail::mime::{MimeLimits, Scanner};
use crate::mail::summary::Summary;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;
use tokio::io::AsyncReadExt;
use tokio::sync::Semaphore;

pub use convert::ConvertError;

mod convert;

/// Bytes of one message held in memory before they go to disk.
const PIECE: usize = 128 * 1024;

/// Messages written or synced at the same time. Syncs of several files overlap on the disk, so some in parallel are much
/// faster than one after the other; each holds a blocking thread.
const WRITERS: usize = 32;

/// The spool folder. Cheap to clone.
#[derive(Clone)]
pub struct Spool(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    next: AtomicU64,
    writers: Semaphore,
}

/// A message that is arriving. Dropping it removes what was written.
pub struct Incoming {
    spool: Spool,
    size: u64,
    pending: Vec<u8>,
    /// What was written so far; `None` before the first piece.
    open: Option<Open>,
    /// A piece was lost, by an error or because a write was dropped: the message cannot be finished.
    broken: bool,
}

struct Open {
    file: File,
    scanner: Scanner,
    name: Name,
}

/// A file in the spool, removed when this is dropped.
struct Name(PathBuf);

impl Drop for Name {
    /// Off the async threads, for removing a name can wait for the disk, and whoever drops the last owner has an answer to
    /// send. What is left when the process ends is removed at the next start.
    fn drop(&mut self) {
        let file = std::mem::take(&mut self.0);
        let remove = move || {
            if let Err(error) = std::fs::remove_file(&file)
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(%error, file = %file.display(), "spool file not removed");
            }
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(remove)),
            Err(_) => remove(),
        }
    }
}

/// A whole message on disk, synced. Mailboxes link it; when the last clone is dropped its name in the spool goes.
#[derive(Clone)]
pub struct Spooled(Arc<Whole>);

struct Whole {
    name: Name,
    size: u64,
    written: i64,
    summary: Arc<Summary>,
}

impl Spool {
    /// Opens the folder, creating it if need be, and removes what a crash left. Blocking.
    pub fn open(folder: &Path) -> io::Result<Spool> {
        durable::create_folders(folder)?;
        for entry in std::fs::read_dir(folder)? {
            std::fs::remove_file(entry?.path())?;
        }
        Ok(Spool(Arc::new(Inner {
            folder: folder.to_owned(),
            next: AtomicU64::new(0),
            writers: Semaphore::new(WRITERS),
        })))
    }

    /// Begins a message. Nothing touches the disk until there is something to write.
    pub fn begin(&self) -> Incoming {
        Incoming {
            spool: self.clone(),
            size: 0,
            pending: Vec::new(),
            open: None,
            broken: false,
        }
    }

    fn create(&self) -> io::Result<Open> {
        let number = self.0.next.fetch_add(1, Ordering::Relaxed);
        let path = self.0.folder.join(number.to_string());
        let file = File::options().write(true).create_new(true).open(&path)?;
        Ok(Open {
            file,
            scanner: Scanner::new(MimeLimits::default()),
            name: Name(path),
        })
    }
}

impl Open {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.scanner.feed(bytes);
        Ok(())
    }

    /// All of it is there, and synced.
    fn finish(self, size: u64) -> io::Result<Spooled> {
        let modified = self.file.metadata()?.modified()?;
        let written = modified
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs() as i64);
        Ok(Spooled(Arc::new(Whole {
            size,
            written,
            summary: Arc::new(self.scanner.finish()),
            name: self.name,
        })))
    }
}

impl Incoming {
    /// The next bytes of the message. Memory stays bounded: full pieces go to disk off the async threads. An error
    /// (disk full) is final for this message, and so is dropping the future before it is done.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.size += bytes.len() as u64;
        self.pending.extend_from_slice(bytes);
        if self.pending.len() < PIECE {
            return Ok(());
        }
        let piece = std::mem::take(&mut self.pending);
        let open = self.on_disk(move |open| open.put(&piece)).await?;
        self.open = Some(open);
        self.broken = false;
        Ok(())
    }

    /// Puts bytes in front of all that was written. Costs nothing while the message is small; a larger one is written anew.
    pub async fn prepend(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.size += bytes.len() as u64;
        if self.open.is_none() && !self.broken {
            self.pending.splice(..0, bytes.iter().copied());
            return Ok(());
        }
        let (spool, front) = (self.spool.clone(), bytes.to_vec());
        let open = self
            .on_disk(move |open| {
                let mut anew = spool.create()?;
                anew.put(&front)?;
                let mut written = File::open(&open.name.0)?;
                let mut piece = vec![0; PIECE];
                loop {
                    match written.read(&mut piece)? {
                        0 => break,
                        length => anew.put(piece.get(..length).unwrap_or_default())?,
                    }
                }
                *open = anew;
                Ok(())
            })
            .await?;
        self.open = Some(open);
        self.broken = false;
        Ok(())
    }

    /// The first bytes of what was written so far, at most so many.
    pub async fn beginning(&self, length: usize) -> io::Result<Vec<u8>> {
        let written = self.open.as_ref().map(|open| open.name.0.clone());
        let mut content = Vec::new();
        if let Some(file) = written {
            let file = tokio::fs::File::open(file).await?;
            file.take(length as u64).read_to_end(&mut content).await?;
        }
        content.extend(self.pending.iter().take(length.saturating_sub(content.len())));
        Ok(content)
    }

    /// All that was written so far.
    pub async fn content(&self) -> io::Result<Vec<u8>> {
        let written = self.open.as_ref().map(|open| open.name.0.clone());
        let mut content = match written {
            Some(file) => tokio::fs::read(file).await?,
            None => Vec::new(),
        };
        content.extend_from_slice(&self.pending);
        Ok(content)
    }

    /// What stands from this octet on, as much as is held in memory at a time; empty at the end.
    pub async fn piece(&self, from: u64) -> io::Result<Vec<u8>> {
        let on_disk = self.size - self.pending.len() as u64;
        if from >= on_disk {
            let at = usize::try_from(from - on_disk).unwrap_or(usize::MAX);
            let rest = self.pending.get(at..).unwrap_or_default();
            return Ok(rest.get(..PIECE).unwrap_or(rest).to_vec());
        }
        let Some(open) = &self.open else {
            return Err(lost());
        };
        let file = open.name.0.clone();
        let wanted = (on_disk - from).min(PIECE as u64);
        let read = tokio::task::spawn_blocking(move || {
            let mut file = File::open(file)?;
            file.seek(SeekFrom::Start(from))?;
            let mut piece = Vec::new();
            file.take(wanted).read_to_end(&mut piece)?;
            match piece.len() as u64 == wanted {
                true => Ok(piece),
                false => Err(io::ErrorKind::UnexpectedEof.into()),
            }
        });
        read.await.map_err(io::Error::other)?
    }

    /// Another message that begins: for this one in a changed form.
    pub fn beside(&self) -> Incoming {
        self.spool.begin()
    }

    /// Bytes so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The message is complete: syncs the file and derives its summary.
    pub async fn finish(mut self) -> io::Result<Spooled> {
        let rest = std::mem::take(&mut self.pending);
        let size = self.size;
        let open = self
            .on_disk(move |open| {
                open.put(&rest)?;
                open.file.sync_all()
            })
            .await?;
        open.finish(size)
    }

    /// Does file work on a blocking thread. `broken` is set until the caller has the result.
    async fn on_disk(&mut self, work: impl FnOnce(&mut Open) -> io::Result<()> + Send + 'static) -> io::Result<Open> {
        if std::mem::replace(&mut self.broken, true) {
            return Err(lost());
        }
        let spool = self.spool.clone();
        let open = self.open.take();
        let _permit = self.spool.0.writers.acquire().await.map_err(io::Error::other)?;
        tokio::task::spawn_blocking(move || {
            let mut open = open.map_or_else(|| spool.create(), Ok)?;
            work(&mut open)?;
            Ok(open)
        })
        .await
        .map_err(io::Error::other)?
    }
}

fn lost() -> io::Error {
    io::Error::other("an earlier piece of the message was lost")
}

impl Spooled {
    /// Octets.
    pub fn size(&self) -> u64 {
        self.0.size
    }

    /// What the scanner saw.
    pub fn summary(&self) -> &Arc<Summary> {
        &self.0.summary
    }

    /// The file in the spool.
    pub fn path(&self) -> &PathBuf {
        &self.0.name.0
    }

    /// All of it from this octet on.
    pub async fn content(&self, from: u64) -> io::Result<Vec<u8>> {
        let mut content = tokio::fs::read(self.path()).await?;
        content.drain(..content.len().min(usize::try_from(from).unwrap_or(usize::MAX)));
        Ok(content)
    }

    /// When it was written, in seconds since 1970: what the file's own date says.
    pub fn written(&self) -> i64 {
        self.0.written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: &Path) -> usize {
        std::fs::read_dir(folder).unwrap().count()
    }

    async fn emptied(folder: &Path) {
        while files(folder) > 0 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_message_is_whole_and_goes_with_its_last_owner() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path()).unwrap();
        let mut incoming = spool.begin();
        let line = b"Subject: long\r\n\r\n0123456789\r\n";
        for _ in 0..20_000 {
            incoming.write(line).await.unwrap();
        }
        let spooled = incoming.finish().await.unwrap();
        assert_eq!(spooled.size(), 20_000 * line.len() as u64);
        assert_eq!(std::fs::metadata(spooled.path()).unwrap().len(), spooled.size());
        assert_eq!(spooled.summary().size, spooled.size());
        let other = spooled.clone();
        drop(spooled);
        assert_eq!(files(folder.path()), 1);
        drop(other);
        emptied(folder.path()).await;
    }

    #[tokio::test]
    async fn what_is_put_in_front_stands_in_front() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path()).unwrap();
        for length in [10, PIECE, 3 * PIECE + 7] {
            let mut incoming = spool.begin();
            let text = [b"Subject: x\r\n\r\n".as_slice(), &vec![b'x'; length]].concat();
            incoming.write(&text).await.unwrap();
            incoming.write(b"\r\n").await.unwrap();
            incoming.prepend(b"B: b\r\n").await.unwrap();
            incoming.prepend(b"A: a\r\n").await.unwrap();
            let wanted = [b"A: a\r\nB: b\r\n".as_slice(), &text, b"\r\n"].concat();
            assert_eq!(incoming.content().await.unwrap(), wanted);
            assert_eq!(incoming.beginning(18).await.unwrap(), &wanted[..18]);
            let spooled = incoming.finish().await.unwrap();
            assert_eq!(std::fs::read(spooled.path()).unwrap(), wanted);
            assert_eq!(
                (spooled.size(), spooled.summary().size),
                (wanted.len() as u64, wanted.len() as u64)
            );
        }
        emptied(folder.path()).await;
    }

    #[tokio::test]
    async fn it_can_be_read_piece_by_piece_while_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path()).unwrap();
        for length in [10, PIECE, 3 * PIECE + 7] {
            let mut incoming = spool.begin();
            let text: Vec<u8> = (0..length).map(|at| at as u8).collect();
            incoming.write(&text).await.unwrap();
            incoming.write(b"end").await.unwrap();
            let mut read = Vec::new();
            loop {
                match incoming.piece(read.len() as u64).await.unwrap() {
                    piece if piece.is_empty() => break,
                    piece => read.extend_from_slice(&piece),
                }
            }
            assert_eq!(read, [text.as_slice(), b"end"].concat());
        }
        emptied(folder.path()).await;
    }

    #[tokio::test]
    async fn half_a_message_leaves_nothing_and_neither_does_a_crash() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("7"), "left by a crash").unwrap();
        let spool = Spool::open(folder.path()).unwrap();
        assert_eq!(files(folder.path()), 0);
        let mut incoming = spool.begin();
        incoming.write(&vec![b'x'; PIECE]).await.unwrap();
        assert_eq!(files(folder.path()), 1);
        drop(incoming);
        emptied(folder.path()).await;
    }
}
