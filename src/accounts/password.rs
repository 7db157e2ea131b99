//! Password hashes: Argon2id (RFC 9106) as PHC strings.
//!
//! A hash takes about 30 ms of a core and 19 MiB: they run off the async threads, few at a time, and those who wait are
//! bounded in number and time, so that a flood of logins does not cost the server its memory. Nor others their patience: who
//! has logged in before does not wait behind strangers, and of strangers each network waits in a lane of its own.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{self, PasswordHasher, PasswordVerifier};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::sasl::scram::{ITERATIONS, Keys, Salt};
use super::slots::{Slot, Slots};
use crate::net::network::{is_private, network};
use crate::storage::accounts::PasswordRow;

/// Strangers that wait their turn, or else others; and those that have theirs.
const MAX_WAITING: usize = 1000;
/// Strangers that wait in one lane.
const MAX_IN_LANE: usize = 100;
/// Lanes of a private address, which may be that of many: their names are spread over these.
const PRIVATE_LANES: usize = 8;
/// How long one waits its turn.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// What the password of a user who does not exist is compared with: as costly as any, and nobody's.
pub(super) const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5J3Mgc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Computes hashes, a few at a time.
pub(super) struct Hasher {
    running: Arc<Semaphore>,
    /// As many as may run: so a stranger is never behind another one when others want to run, too.
    strangers: Arc<Semaphore>,
    lanes: Slots<Lane>,
    waiting: [Arc<Semaphore>; 2],
}

/// A network, and which of its lanes.
type Lane = (IpAddr, usize);

/// Where somebody waits for a hash.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Queue {
    /// Among those that have logged in before.
    Acquainted,
    /// Among the others.
    Stranger(Lane),
}

impl Queue {
    /// That of a name that comes from this address.
    pub(super) fn of(acquainted: bool, address: IpAddr, name: &str) -> Queue {
        let lane = match is_private(address) {
            true => name.bytes().map(usize::from).sum::<usize>() % PRIVATE_LANES,
            false => 0,
        };
        match acquainted {
            true => Queue::Acquainted,
            false => Queue::Stranger((network(address), lane)),
        }
    }
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
            strangers: Arc::new(Semaphore::new(concurrent)),
            lanes: Slots::new(1, MAX_IN_LANE),
            waiting: [(); 2].map(|()| Arc::new(Semaphore::new(MAX_WAITING))),
        }
    }

    /// Whether the password is the one that was stored as `stored`.
    pub(super) async fn verify(&self, turn: Turn, stored: &str, password: &str) -> Result<bool, TooBusy> {
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
        let turn = self.turn(Queue::Acquainted).await?;
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

    /// The right to compute one hash, waited for.
    pub(super) async fn turn(&self, queue: Queue) -> Result<Turn, TooBusy> {
        let waiting = &self.waiting[usize::from(queue == Queue::Acquainted)];
        let waiting = waiting.clone().try_acquire_owned().map_err(|_| TooBusy)?;
        let running = async {
            let stranger = match queue {
                Queue::Acquainted => None,
                Queue::Stranger(lane) => {
                    let lane = self.lanes.take(lane, MAX_WAIT).await?;
                    Some((self.strangers.clone().acquire_owned().await.ok()?, lane))
                }
            };
            Some((self.running.clone().acquire_owned().await.ok()?, stranger))
        };
        match timeout(MAX_WAIT, running).await {
            Ok(Some((running, stranger))) => Ok(Turn {
                _running: running,
                _stranger: stranger,
                _waiting: waiting,
            }),
            _ => Err(TooBusy),
        }
    }
}

/// The right to compute one hash.
pub(super) struct Turn {
    _running: OwnedSemaphorePermit,
    _stranger: Option<(OwnedSemaphorePermit, Slot<Lane>)>,
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
        for (against, password, right) in [
            (&*stored, "correct horse", true),
            (&stored, "Correct horse", false),
            (&stored, "", false),
            ("not a hash", "x", false),
        ] {
            let turn = hasher.turn(Queue::Acquainted).await.unwrap();
            assert_eq!(
                hasher.verify(turn, against, password).await.unwrap(),
                right,
                "{password}"
            );
        }
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

    fn stranger(address: &str, name: &str) -> Queue {
        Queue::of(false, address.parse().unwrap(), name)
    }

    #[tokio::test]
    async fn a_flood_is_turned_away() {
        let hasher = Hasher::new(1);
        let _running = hasher.running.acquire().await.unwrap();
        let _waiting = hasher.waiting[0].acquire_many(MAX_WAITING as u32).await.unwrap();
        let queue = stranger("192.0.2.1", "x");
        assert!(hasher.turn(queue).await.is_err());
    }

    #[tokio::test]
    async fn a_flood_of_strangers_delays_no_acquaintance_and_no_other_network() {
        let hasher = Arc::new(Hasher::new(2));
        let flood: Vec<_> = (0..=MAX_IN_LANE)
            .map(|_| {
                let hasher = hasher.clone();
                tokio::spawn(async move {
                    let _turn = hasher.turn(stranger("192.0.2.1", "x")).await;
                    std::future::pending::<()>().await;
                })
            })
            .collect();
        // Until each has had its say.
        for _ in 0..=MAX_IN_LANE {
            tokio::task::yield_now().await;
        }
        assert!(
            hasher.turn(stranger("192.0.2.1", "y")).await.is_err(),
            "the lane is full"
        );
        // These have their turn at once, or the test takes as long as the longest wait and fails.
        assert!(hasher.turn(stranger("192.0.2.2", "x")).await.is_ok());
        assert!(hasher.turn(Queue::Acquainted).await.is_ok());
        flood.iter().for_each(tokio::task::JoinHandle::abort);
    }

    #[test]
    fn names_behind_a_gateway_have_several_lanes() {
        assert_eq!(stranger("192.0.2.1", "alice"), stranger("192.0.2.1", "bob"));
        assert_ne!(stranger("172.17.0.1", "alice"), stranger("172.17.0.1", "bob"));
        assert_eq!(Queue::of(true, "192.0.2.1".parse().unwrap(), "x"), Queue::Acquainted);
    }
}
