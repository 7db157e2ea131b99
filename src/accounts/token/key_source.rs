//! Where the issuer's public keys are: in the settings, in a file, or with the issuer.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime};

use super::fetched::Fetched;
use super::keys::{Key, NoKeys};

/// Where keys are.
pub(super) enum KeySource {
    /// In the settings.
    Given(Arc<[Key]>),
    /// In a file, read again when it changes.
    File(KeyFile),
    /// Fetched from the issuer.
    Fetched(Fetched),
}

/// A file with keys.
pub(super) struct KeyFile {
    path: PathBuf,
    read: Mutex<Read>,
}

/// What a file held when it was last looked at.
struct Read {
    /// Its time of change and its size.
    stamp: Option<(SystemTime, u64)>,
    keys: Arc<[Key]>,
}

/// Why no token can be verified.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeysError {
    #[error("oauth.public_key: {0}")]
    Given(#[source] NoKeys),
    #[error("oauth.keys: cannot read {}: {cause}", path.display())]
    Unreadable { path: PathBuf, cause: std::io::Error },
    #[error("oauth.keys: {} holds {cause}", path.display())]
    File { path: PathBuf, cause: NoKeys },
}

impl KeySource {
    /// From the settings.
    pub(super) fn given(pem: &str) -> Result<KeySource, KeysError> {
        let keys = Key::read_all(pem).map_err(KeysError::Given)?;
        Ok(KeySource::Given(keys.into()))
    }

    /// From a file, which must hold keys now.
    pub(super) fn file(path: &Path) -> Result<KeySource, KeysError> {
        Ok(KeySource::File(KeyFile {
            path: path.to_owned(),
            read: Mutex::new(Read {
                stamp: stamp(path),
                keys: read(path)?,
            }),
        }))
    }

    /// The keys, as far as they are known; of the issuer, as old as they may be. May read a small file.
    pub(super) async fn keys(&self, now: Instant) -> Option<Arc<[Key]>> {
        match self {
            KeySource::Given(keys) => Some(keys.clone()),
            KeySource::File(file) => Some(file.keys()),
            KeySource::Fetched(fetched) => fetched.keys(now).await,
        }
    }

    /// The keys after a token came with one that is not known: those of an issuer may have changed.
    pub(super) async fn newer(&self, now: Instant) -> Option<Arc<[Key]>> {
        match self {
            KeySource::Given(_) | KeySource::File(_) => None,
            KeySource::Fetched(fetched) => fetched.fetch(now).await,
        }
    }
}

impl KeyFile {
    /// Issuers change their keys: those of a file that cannot be used stay the old ones, which is told once.
    fn keys(&self) -> Arc<[Key]> {
        let mut known = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let now = stamp(&self.path);
        if known.stamp != now {
            known.stamp = now;
            match read(&self.path) {
                Ok(keys) => {
                    tracing::info!(file = %self.path.display(), keys = keys.len(), "the issuer's keys changed");
                    known.keys = keys;
                }
                Err(error) => tracing::error!(%error, "the issuer's keys changed: the old ones stay in use"),
            }
        }
        known.keys.clone()
    }
}

fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

fn read(path: &Path) -> Result<Arc<[Key]>, KeysError> {
    let text = std::fs::read_to_string(path).map_err(|cause| KeysError::Unreadable {
        path: path.to_owned(),
        cause,
    })?;
    let keys = Key::read_all(&text).map_err(|cause| KeysError::File {
        path: path.to_owned(),
        cause,
    })?;
    Ok(keys.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::token::keys::tests::{ED25519, P256, set};

    #[test]
    fn keys_that_change_are_read_again_and_broken_ones_are_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        let told = || KeySource::file(&path).err().unwrap().to_string();
        assert!(told().contains("keys.json"));
        std::fs::write(&path, "nonsense").unwrap();
        assert!(told().contains("keys.json holds neither a JWK Set nor PEM"));
        std::fs::write(&path, set(&[ED25519])).unwrap();
        let Ok(KeySource::File(file)) = KeySource::file(&path) else {
            panic!("there are keys");
        };
        assert_eq!(file.keys().len(), 1);
        std::fs::write(&path, set(&[ED25519, P256])).unwrap();
        assert_eq!(file.keys().len(), 2);
        std::fs::write(&path, "{}").unwrap();
        assert_eq!(file.keys().len(), 2);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(file.keys().len(), 2);
    }
}
