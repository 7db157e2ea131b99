//! The private keys that mail is signed with: `dkim/DOMAIN/SELECTOR.STATE.pem` in the data folder, readable by their owner
//! alone. The state is in the name, so that changing it is one rename. Blocking: to be called off the async threads.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::durable;

/// The folder of all keys in the data folder.
const FOLDER: &str = "dkim";

/// The keys of one data folder.
#[derive(Clone, Debug)]
pub struct KeyFolder {
    data: PathBuf,
}

/// A key on disk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyFile {
    /// Its name in the DNS.
    pub selector: String,
    /// A word for what it is used for.
    pub state: String,
    /// The key as PEM text.
    pub pem: String,
}

impl KeyFolder {
    /// Touches nothing yet.
    pub fn new(data: &Path) -> KeyFolder {
        KeyFolder { data: data.to_owned() }
    }

    /// The domains that have keys, as they were given, sorted.
    pub fn domains(&self) -> io::Result<Vec<String>> {
        let mut names = names(&self.data.join(FOLDER))?;
        names.sort_unstable();
        Ok(names)
    }

    /// When the keys of a domain last changed; `None` if it has none.
    pub fn changed(&self, domain: &str) -> io::Result<Option<SystemTime>> {
        match std::fs::metadata(self.folder(domain)) {
            Ok(found) => found.modified().map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The keys of a domain, by selector.
    pub fn keys(&self, domain: &str) -> io::Result<Vec<KeyFile>> {
        let folder = self.folder(domain);
        let mut keys = Vec::new();
        for name in names(&folder)? {
            let Some((selector, state)) = name.strip_suffix(".pem").and_then(|name| name.split_once('.')) else {
                continue;
            };
            keys.push(KeyFile {
                selector: selector.to_owned(),
                state: state.to_owned(),
                pem: std::fs::read_to_string(folder.join(&name))?,
            });
        }
        keys.sort_by(|one, other| one.selector.cmp(&other.selector));
        Ok(keys)
    }

    /// Writes a new key, durable.
    pub fn add(&self, domain: &str, key: &KeyFile) -> io::Result<()> {
        let (top, folder) = (self.data.join(FOLDER), self.folder(domain));
        for folder in [&top, &folder] {
            match DirBuilder::new().mode(0o700).create(folder) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => {
                    made?;
                    self.give(folder)?;
                }
            }
        }
        // Not seen before it is whole.
        let (hidden, file) = (folder.join(".new"), self.file(domain, &key.selector, &key.state));
        let _ = std::fs::remove_file(&hidden);
        let mut written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&hidden)?;
        written.write_all(key.pem.as_bytes())?;
        written.sync_all()?;
        self.give(&hidden)?;
        std::fs::rename(&hidden, &file)?;
        durable::sync_folder(&folder)?;
        durable::sync_folder(&top)
    }

    /// Puts a key into another state.
    pub fn change(&self, domain: &str, key: &KeyFile, state: &str) -> io::Result<()> {
        let file = |state: &str| self.file(domain, &key.selector, state);
        std::fs::rename(file(&key.state), file(state))?;
        durable::sync_folder(&self.folder(domain))
    }

    /// Deletes a key.
    pub fn remove(&self, domain: &str, key: &KeyFile) -> io::Result<()> {
        std::fs::remove_file(self.file(domain, &key.selector, &key.state))?;
        durable::sync_folder(&self.folder(domain))
    }

    fn folder(&self, domain: &str) -> PathBuf {
        // A domain has no slash, but this must never lead out of the folder.
        self.data.join(FOLDER).join(domain.replace(['/', '\0'], "_"))
    }

    fn file(&self, domain: &str, selector: &str, state: &str) -> PathBuf {
        self.folder(domain).join(format!("{selector}.{state}.pem"))
    }

    /// What root makes in a folder of the server's user is that user's.
    fn give(&self, made: &Path) -> io::Result<()> {
        let owner = self.data.metadata()?;
        match made.metadata()?.uid() == owner.uid() {
            true => Ok(()),
            false => chown(made, Some(owner.uid()), Some(owner.gid())),
        }
    }
}

/// Names in a folder that are not hidden; none if it is not there.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        if let Ok(name) = entry?.file_name().into_string()
            && !name.starts_with('.')
        {
            names.push(name);
        }
    }
    Ok(names)
}
