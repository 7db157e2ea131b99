//! Access tokens of one issuer (RFC 6750), as JSON Web Tokens that are verified here, with keys from the settings: the
//! issuer is never asked. Asking it (RFC 7662), which opaque tokens need, and fetching its keys are not there yet.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use super::sasl::bearer::Hint;
use crate::config::Oauth;

use jwt::{Rules, TokenError};
use keys::{Key, NoKeys};

mod jwt;
mod keys;

/// Whose tokens are taken.
pub(super) struct Issuer {
    rules: Rules,
    source: Source,
    hint: Hint,
}

/// Where its keys are.
enum Source {
    /// In the settings.
    Given(Arc<[Key]>),
    /// In a file, read again when it changes.
    File { path: PathBuf, read: Mutex<Read> },
}

/// What a file held when it was last looked at.
struct Read {
    /// Its time of change and its size.
    stamp: Option<(SystemTime, u64)>,
    keys: Arc<[Key]>,
}

/// Why no token can be verified.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeysError {
    #[error("oauth.public_key: {0}")]
    Given(#[source] NoKeys),
    #[error("oauth.keys: cannot read {}: {cause}", path.display())]
    Unreadable { path: PathBuf, cause: std::io::Error },
    #[error("oauth.keys: {} holds {cause}", path.display())]
    File { path: PathBuf, cause: NoKeys },
}

impl Issuer {
    /// As the settings say; `None` when they name none.
    pub(super) fn load(settings: &Oauth) -> Result<Option<Issuer>, KeysError> {
        let Some(issuer) = settings.issuer.clone() else {
            return Ok(None);
        };
        let source = match (&settings.public_key, &settings.keys) {
            (Some(pem), _) => Source::Given(Key::read_all(pem).map_err(KeysError::Given)?.into()),
            (None, Some(path)) => Source::File {
                path: path.clone(),
                read: Mutex::new(Read {
                    stamp: stamp(path),
                    keys: read(path)?,
                }),
            },
            // The settings are checked before anybody uses them.
            (None, None) => return Ok(None),
        };
        Ok(Some(Issuer {
            rules: Rules {
                issuer,
                audience: settings.audience.clone(),
                claim: settings.claim.clone(),
                scope: settings.scope.clone(),
                leeway: settings.leeway.get().as_secs_f64(),
            },
            source,
            hint: Hint {
                scope: settings.scope.clone(),
                discovery: settings.discovery.clone(),
            },
        }))
    }

    /// The address that a token is for. May read a small file.
    pub(super) fn verify(&self, token: &str) -> Result<String, TokenError> {
        let claims = jwt::verify(token, &self.keys())?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.rules.check(&claims, now.as_secs_f64()).map(str::to_owned)
    }

    /// What a client that was refused may want to know.
    pub(super) fn hint(&self) -> &Hint {
        &self.hint
    }

    /// Issuers change their keys: those of a file that cannot be used stay the old ones, which is told once.
    fn keys(&self) -> Arc<[Key]> {
        let (path, known) = match &self.source {
            Source::Given(keys) => return keys.clone(),
            Source::File { path, read } => (path, read),
        };
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        let now = stamp(path);
        if known.stamp != now {
            known.stamp = now;
            match read(path) {
                Ok(keys) => {
                    tracing::info!(file = %path.display(), keys = keys.len(), "the issuer's keys changed");
                    known.keys = keys;
                }
                Err(error) => tracing::error!(%error, "the issuer's keys changed: the old ones stay in use"),
            }
        }
        known.keys.clone()
    }
}

fn stamp(path: &PathBuf) -> Option<(SystemTime, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

fn read(path: &PathBuf) -> Result<Arc<[Key]>, KeysError> {
    let text = std::fs::read_to_string(path).map_err(|cause| KeysError::Unreadable {
        path: path.clone(),
        cause,
    })?;
    let keys = Key::read_all(&text).map_err(|cause| KeysError::File {
        path: path.clone(),
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
        let settings = Oauth {
            issuer: Some("https://id.example.org".to_owned()),
            keys: Some(path.clone()),
            ..Oauth::default()
        };
        let told = |settings: &Oauth| Issuer::load(settings).err().unwrap().to_string();
        assert!(told(&settings).contains("keys.json"));
        std::fs::write(&path, "nonsense").unwrap();
        assert!(told(&settings).contains("keys.json holds neither a JWK Set nor PEM"));
        std::fs::write(&path, set(&[ED25519])).unwrap();
        let issuer = Issuer::load(&settings).unwrap().unwrap();
        assert_eq!(issuer.keys().len(), 1);
        std::fs::write(&path, set(&[ED25519, P256])).unwrap();
        assert_eq!(issuer.keys().len(), 2);
        std::fs::write(&path, "{}").unwrap();
        assert_eq!(issuer.keys().len(), 2);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(issuer.keys().len(), 2);
        assert!(Issuer::load(&Oauth::default()).unwrap().is_none());
    }
}
