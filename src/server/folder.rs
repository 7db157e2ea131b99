//! The data folder: made when it is not there, and held by one server at a time.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use rustix::fs::{Access, FlockOperation, access, flock};

/// The file whose lock says that a server works in the folder. The lock ends with the process, however it ends; the
/// file stays and means nothing by itself.
const LOCK: &str = "lock";

/// A data folder that belongs to this server for as long as this lives.
pub struct DataFolder {
    _lock: File,
}

/// Another server works in the folder.
#[derive(Debug, thiserror::Error)]
#[error("the data folder {} (setting data) is in use by another server, process {process}", folder.display())]
pub struct InUse {
    /// Which folder.
    pub folder: PathBuf,
    /// The other server's process number, as it says.
    pub process: String,
}

impl DataFolder {
    /// Makes the folder if need be, and takes it.
    pub fn lock(folder: &Path) -> anyhow::Result<DataFolder> {
        prepare(folder)?;
        let name = folder.join(LOCK);
        let unwritable = || format!("cannot write to {} in the data folder (setting data)", name.display());
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&name)
            .with_context(unwritable)?;
        if let Err(error) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
            if error != rustix::io::Errno::WOULDBLOCK {
                return Err(error).with_context(|| format!("cannot lock {}", name.display()));
            }
            let mut process = String::new();
            let _ = file.take(20).read_to_string(&mut process);
            return Err(InUse {
                folder: folder.to_owned(),
                process: process.trim().to_owned(),
            }
            .into());
        }
        file.set_len(0)
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .with_context(unwritable)?;
        Ok(DataFolder { _lock: file })
    }
}

/// Makes the data folder if need be, and makes sure that it can be written to.
pub fn prepare(folder: &Path) -> anyhow::Result<()> {
    check(folder)?;
    create(folder).with_context(|| format!("cannot make the data folder {} (setting data)", folder.display()))
}

/// Whether [`prepare`] would do, without doing it.
pub fn check(folder: &Path) -> anyhow::Result<()> {
    // What is not there would be made in the nearest folder above that is.
    let there = folder
        .ancestors()
        .find(|folder| folder.exists())
        .unwrap_or(Path::new("."));
    ensure!(
        there.is_dir(),
        "the data folder {} (setting data) cannot be: {} is no folder",
        folder.display(),
        there.display()
    );
    access(there, Access::WRITE_OK | Access::EXEC_OK)
        .with_context(|| format!("cannot write to the data folder {} (setting data)", folder.display()))
}

/// Makes a folder that only its owner can enter, and what is missing above it, so that none of it is lost in a power
/// cut: mail that was accepted lives in it.
pub fn create(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    create(parent)?;
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => {}
        made => made?,
    }
    File::open(parent)?.sync_all()
}
