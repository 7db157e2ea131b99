//! Password hashes: Argon2id (RFC 9106) as PHC strings.
//!
//! A hash takes about 30 ms of a core and 19 MiB: they run off the async threads, few at a time, and those who wait are
//! bounded in number and time, so that a flood of logins costs others patience and not the server its memory.

use std::sync::Arc;
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{self, PasswordHasher, PasswordVerifier};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::sasl::scram::{ITERATIONS, Keys, Salt};
use crate::storage::accounts::PasswordRow;

/// Verifications that run or wait their turn.
const MAX_WAITING: usize = 1000;
/// How long one waits its turn.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// What the password of a user who does not exist is compared with: as costly as any, and nobody's.
pub(super) const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5J3Mgc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Computes hashes, a few at a time.
pub(super) struct Hasher {
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

/// Too many want a hash: try again later.
#[derive(Debug, thiserror::Error)]
#[error("too many logins at the same time")]
pub(super) struct TooBusy;

impl Hasher {
    /// At most so many at the same time.
    pub(super) fn new(concurrent: usize) -> Hasher {
        Hasher {
            running: Arc::new(Semaphore::new(concurrent)),
            waiting: Arc::new(Semaphore::new(MAX_WAITING)),
        }
    }

    /// Whether the password is the one that was stored as `stored`.
    pub(super) async fn verify(&self, stored: &str, password: &str) -> Result<bool, TooBusy> {
        let turn = self.turn().await?;
        let (stored, password) = (stored.to_owned(), Zeroizing::new(password.to_owned()));
        let verified = tokio::task::spawn_blocking(move || {
            // Held until the work is done, also when nobody waits for it any more.
            let _turn = turn;
            let Ok(stored) = PasswordHash::new(&stored) else {
                return false;
            };
            Argon2::default().verify_password(password.as_bytes(), &stored).is_ok()
        });
        verified.await.map_err(|_| TooBusy)
    }

    /// What is stored of a new password in its prepared form.
    pub(super) async fn hash(&self, password: Zeroizing<String>, salt: Salt) -> Result<PasswordRow, TooBusy> {
        let turn = self.turn().await?;
        let hashed = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let keys = Keys::derive(&password, &salt, ITERATIONS);
            hash(&password).map(|hash| PasswordRow {
                hash,
                stored_key: keys.stored.to_vec(),
                server_key: keys.server.to_vec(),
            })
        });
        hashed.await.ok().and_then(Result::ok).ok_or(TooBusy)
    }

    async fn turn(&self) -> Result<Turn, TooBusy> {
        let waiting = self.waiting.clone().try_acquire_owned().map_err(|_| TooBusy)?;
        match timeout(MAX_WAIT, self.running.clone().acquire_owned()).await {
            Ok(Ok(running)) => Ok(Turn {
                _running: running,
                _waiting: waiting,
            }),
            _ => Err(TooBusy),
        }
    }
}

/// The right to compute one hash.
struct Turn {
    _running: OwnedSemaphorePermit,
    _waiting: OwnedSemaphorePermit,
}

fn hash(password: &str) -> password_hash::Result<String> {
    let hash: PasswordHash = Argon2::default().hash_password(password.as_bytes())?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Zeroizing<String> {
        Zeroizing::new(text.to_owned())
    }

    #[tokio::test]
    async fn only_the_right_password_is_right() {
        let hasher = Hasher::new(1);
        let stored = hasher
            .hash(secret("correct horse"), Salt::default())
            .await
            .unwrap()
            .hash;
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(hasher.verify(&stored, "correct horse").await.unwrap());
        assert!(!hasher.verify(&stored, "Correct horse").await.unwrap());
        assert!(!hasher.verify(&stored, "").await.unwrap());
        assert!(!hasher.verify("not a hash", "x").await.unwrap());
    }

    /// Else an unknown user would be told from a wrong password by the time it takes.
    #[test]
    fn nobody_costs_as_much_as_anybody() {
        let (nobody, anybody) = (PasswordHash::new(NOBODY).unwrap(), hash("x").unwrap());
        let anybody = PasswordHash::new(&anybody).unwrap();
        assert_eq!(nobody.algorithm, anybody.algorithm);
        assert_eq!(nobody.version, anybody.version);
        assert_eq!(nobody.params, anybody.params);
        assert_eq!(nobody.hash.unwrap().len(), anybody.hash.unwrap().len());
    }

    #[tokio::test]
    async fn a_flood_is_turned_away() {
        let hasher = Hasher::new(1);
        let _running = hasher.running.acquire().await.unwrap();
        let _waiting = hasher.waiting.acquire_many(MAX_WAITING as u32).await.unwrap();
        assert!(hasher.verify(NOBODY, "x").await.is_err());
    }
}
