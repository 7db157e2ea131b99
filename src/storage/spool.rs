//! The spool: message bytes that no mailbox owns yet. Streamed to disk while they arrive, durable when finished,
//! removed when dropped.

use crate::mail::summary::Summary;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The spool folder. Cheap to clone.
#[derive(Clone)]
pub struct Spool {}

/// A message that is arriving. Dropping it removes what was written.
pub struct Incoming {}

/// A whole message on disk, synced. Mailboxes link it; when the last clone is dropped its name in the spool goes.
#[derive(Clone)]
pub struct Spooled(Arc<()>);

impl Spool {
    /// Opens the folder, creating it if need be, and removes what a crash left.
    pub fn open(_folder: &Path) -> std::io::Result<Spool> {
        todo!()
    }

    /// Begins a message. Nothing touches the disk until there is something to write.
    pub fn begin(&self) -> Incoming {
        todo!()
    }
}

impl Incoming {
    /// The next bytes of the message. Memory stays bounded: full pieces go to disk off the async threads. An error
    /// (disk full) is final for this message.
    pub async fn write(&mut self, _bytes: &[u8]) -> std::io::Result<()> {
        todo!()
    }

    /// Bytes so far.
    pub fn size(&self) -> u64 {
        todo!()
    }

    /// The message is complete: syncs the file and derives its summary.
    pub async fn finish(self) -> std::io::Result<Spooled> {
        todo!()
    }
}

impl Spooled {
    /// Octets.
    pub fn size(&self) -> u64 {
        todo!()
    }

    /// What the scanner saw.
    pub fn summary(&self) -> &Arc<Summary> {
        todo!()
    }

    /// The file in the spool.
    pub fn path(&self) -> &PathBuf {
        todo!()
    }
}
