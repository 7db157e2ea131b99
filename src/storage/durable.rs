//! Making changes of the file system survive a power cut. Blocking: to be called off the async threads.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// Makes the entries of a folder durable: files created, renamed or removed in it.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Puts new contents in place of a small file, whole or not at all, and makes that durable.
pub(crate) fn replace(file: &Path, contents: &[u8]) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    let temporary = folder.join(name);
    let mut written = File::create(&temporary)?;
    written.write_all(contents)?;
    written.sync_all()?;
    std::fs::rename(&temporary, file)?;
    sync_folder(folder)
}

/// Creates a folder, and makes its name in its parent durable. One that exists is fine.
pub(crate) fn create_folder(folder: &Path) -> io::Result<()> {
    match std::fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        Err(error) => Err(error),
        Ok(()) => folder.parent().map_or(Ok(()), sync_folder),
    }
}

/// Creates a folder and those above it that are missing, each durable.
pub(crate) fn create_folders(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        create_folders(parent)?;
    }
    create_folder(folder)
}
