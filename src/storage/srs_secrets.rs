//! The secrets that rewritten senders are signed with: `srs-secrets` in the data folder, readable by its owner alone. A secret
//! a line, the newest first, as postsrsd has them too. Blocking: to be called off the async threads.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, chown};
use std::path::{Path, PathBuf};

use super::durable;

/// The file in the data folder.
const FILE: &str = "srs-secrets";

/// The secrets of one data folder.
#[derive(Clone, Debug)]
pub struct SecretFile {
    data: PathBuf,
}

impl SecretFile {
    /// Touches nothing yet.
    pub fn new(data: &Path) -> SecretFile {
        SecretFile { data: data.to_owned() }
    }

    /// All secrets, the newest first; none if there are none yet.
    pub fn read(&self) -> io::Result<Vec<String>> {
        match std::fs::read_to_string(self.data.join(FILE)) {
            Ok(text) => Ok(text
                .lines()
                .filter(|line| !line.is_empty())
                .map(str::to_owned)
                .collect()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Writes all of them, durable; whoever reads sees the old ones or these.
    pub fn write(&self, secrets: &[String]) -> io::Result<()> {
        let hidden = self.data.join(format!(".{FILE}.new"));
        let _ = std::fs::remove_file(&hidden);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&hidden)?;
        for secret in secrets {
            writeln!(file, "{secret}")?;
        }
        file.sync_all()?;
        // What root makes in a folder of the server's user is that user's.
        let owner = self.data.metadata()?;
        if file.metadata()?.uid() != owner.uid() {
            chown(&hidden, Some(owner.uid()), Some(owner.gid()))?;
        }
        std::fs::rename(&hidden, self.data.join(FILE))?;
        durable::sync_folder(&self.data)
    }
}
