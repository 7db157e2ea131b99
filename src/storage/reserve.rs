//! A file that holds back some space, so that mail can still be removed when the disk is full: a database must write to
//! delete. Blocking.

use rustix::fs::{FallocateFlags, fallocate};
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How much is held back: many times what a commit without new messages writes.
const SIZE: u64 = 2 * 1024 * 1024;
/// How long after it was given up, or could not be taken, it is tried for again.
const PAUSE: Duration = Duration::from_secs(30);

/// Space held back.
pub(crate) struct Reserve {
    file: PathBuf,
    /// When to try to take it again; `None` while it is held.
    missing: Mutex<Option<Instant>>,
}

impl Reserve {
    /// Takes it, if there is space.
    pub(crate) fn new(file: PathBuf) -> Reserve {
        let reserve = Reserve {
            file,
            missing: Mutex::new(Some(Instant::now())),
        };
        reserve.restore();
        reserve
    }

    /// Gives the space up for something that must be written now; whether there was any.
    pub(crate) fn give_up(&self) -> bool {
        let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        if missing.is_some() {
            return false;
        }
        *missing = Some(Instant::now() + PAUSE);
        std::fs::remove_file(&self.file).is_ok()
    }

    /// Whether it is time to take it again.
    pub(crate) fn is_due(&self) -> bool {
        let missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        missing.is_some_and(|when| when <= Instant::now())
    }

    /// Takes it again, if it is time to.
    pub(crate) fn restore(&self) {
        if !self.is_due() {
            return;
        }
        let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = File::create(&self.file)
            .and_then(|file| Ok(fallocate(&file, FallocateFlags::empty(), 0, SIZE)?))
            .is_ok();
        if !taken {
            let _ = std::fs::remove_file(&self.file);
        }
        *missing = (!taken).then(|| Instant::now() + PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_up_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("reserve");
        let reserve = Reserve::new(file.clone());
        assert_eq!(std::fs::metadata(&file).unwrap().len(), SIZE);
        assert!(reserve.give_up() && !file.exists());
        assert!(!reserve.give_up());
        reserve.restore();
        assert!(!file.exists(), "not at once, or what was freed is gone again");
    }
}
