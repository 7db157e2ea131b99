//! Messages as they enter a mailbox and as they are in it.

use super::error::{Result, blocking};
use crate::mail::date::Timestamp;
use crate::mail::flags::{FlagList, Flags, Keywords};
use crate::mail::ids::{ModSeq, Uid};
use crate::storage::spool::Spooled;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// A message's state as last committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct MessageState {
    pub uid: Uid,
    pub flags: Flags,
    pub keywords: Keywords,
    pub mod_seq: ModSeq,
    pub size: u64,
    /// INTERNALDATE.
    pub internal_date: Timestamp,
    /// When it came into this mailbox (SAVEDATE, RFC 8514).
    pub save_date: Timestamp,
}

/// A message to be appended.
pub struct NewMessage {
    /// Its bytes.
    pub spooled: Spooled,
    /// Flags it starts with.
    pub flags: FlagList,
    /// INTERNALDATE; now when absent.
    pub internal_date: Option<Timestamp>,
}

/// How much of a file is read when it is opened: most messages are not longer.
const HEAD: u64 = 64 * 1024;

/// A message's open file, with its beginning in memory.
pub struct MessageFile {
    file: Arc<File>,
    size: u64,
    head: Vec<u8>,
}

impl MessageFile {
    /// Of a file just opened. Blocking.
    pub(super) fn new(file: File) -> io::Result<MessageFile> {
        let size = file.metadata()?.len();
        Ok(MessageFile {
            head: read_at(&file, 0, size.min(HEAD) as usize)?,
            file: Arc::new(file),
            size,
        })
    }

    /// Octets.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The bytes from `start`, at most `length` of them; fewer at the end of the file. Off the async threads.
    pub async fn read(&self, start: u64, length: usize) -> Result<Vec<u8>> {
        let length = length.min(usize::try_from(self.size.saturating_sub(start)).unwrap_or(usize::MAX));
        let from = usize::try_from(start).unwrap_or(usize::MAX);
        if let Some(held) = self.head.get(from..from.saturating_add(length)) {
            return Ok(held.to_vec());
        }
        let file = Arc::clone(&self.file);
        Ok(blocking(move || read_at(&file, start, length)).await?)
    }
}

/// The bytes from an offset; fewer at the end of the file.
fn read_at(file: &File, start: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while filled < length {
        match file.read_at(&mut bytes[filled..], start + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}
