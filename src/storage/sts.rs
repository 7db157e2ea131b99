//! What domains have said of their servers (MTA-STS policies, RFC 8461), a file for each domain.
//!
//! Losing one costs a look; so they are not synced, but a file is whole or not there.

use std::io;
use std::path::{Path, PathBuf};

use super::durable;

/// The longest name of a domain that gets a file (RFC 5321 §4.5.3.1.2).
const MAX_DOMAIN: usize = 255;

/// The folder. Cheap to clone.
#[derive(Clone, Debug)]
pub struct PolicyFiles(PathBuf);

/// What a file holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stored {
    /// Which version of the policy it is, as its domain names it.
    pub id: String,
    /// Until when it holds, in seconds since 1970.
    pub until: u64,
    /// The policy.
    pub text: String,
}

impl PolicyFiles {
    /// Opens the folder `mta-sts` in the data folder, and makes it if need be. Blocking.
    pub fn open(data: &Path) -> io::Result<PolicyFiles> {
        let folder = data.join("mta-sts");
        durable::create_folders(&folder)?;
        Ok(PolicyFiles(folder))
    }

    /// What is kept of a domain (A-labels).
    pub async fn load(&self, domain: &str) -> Option<Stored> {
        let text = tokio::fs::read_to_string(self.file(domain)?).await.ok()?;
        let (id, rest) = text.split_once('\n')?;
        let (until, text) = rest.split_once('\n')?;
        Some(Stored {
            id: id.to_owned(),
            until: until.parse().ok()?,
            text: text.to_owned(),
        })
    }

    /// Keeps it, in place of what was.
    pub async fn store(&self, domain: &str, Stored { id, until, text }: Stored) -> io::Result<()> {
        let file = self.file(domain).ok_or(io::ErrorKind::InvalidInput)?;
        let new = file.with_extension("new");
        tokio::fs::write(&new, format!("{id}\n{until}\n{text}")).await?;
        tokio::fs::rename(new, file).await
    }

    /// Its file, if its name can be one.
    fn file(&self, domain: &str) -> Option<PathBuf> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        let valid = !domain.is_empty() && domain.len() <= MAX_DOMAIN && domain.bytes().all(plain);
        (valid && !domain.starts_with('.')).then(|| self.0.join(format!("{domain}.policy")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn kept_and_replaced_and_never_outside_of_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let files = PolicyFiles::open(folder.path()).unwrap();
        assert_eq!(files.load("example.test").await, None);
        for until in [1, 2] {
            let stored = Stored {
                id: "a1".to_owned(),
                until,
                text: "version: STSv1\r\nmode: none\r\n".to_owned(),
            };
            files.store("example.test", stored.clone()).await.unwrap();
            assert_eq!(files.load("example.test").await, Some(stored.clone()));
            for bad in ["", "../x", ".", "a/b", "\0"] {
                assert!(files.store(bad, stored.clone()).await.is_err(), "{bad:?}");
            }
        }
    }
}
