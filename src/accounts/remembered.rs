//! Logins that were right a moment ago, or are being checked right now.
//!
//! A mail client opens several connections at once and often: one hash serves them all. What is kept is a keyed digest
//! of name, stored hash and password, under a key that dies with the process. The stored hash is part of it, so a
//! changed password needs no invalidation.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use blake2::Blake2bMac512;
use blake2::digest::{FixedOutput, KeyInit, Update};
use tokio::sync::OnceCell;
use tokio::time::Instant;

/// Digests kept; beyond that, logins are checked and not remembered.
const MAX_REMEMBERED: usize = 10_000;

pub(super) struct Remembered {
    key: [u8; 64],
    period: Duration,
    attempts: Mutex<HashMap<Digest, Attempt>>,
}

type Digest = [u8; 64];

/// Empty while it is being checked; then whether it was right.
type Outcome = Arc<OnceCell<bool>>;

struct Attempt {
    outcome: Outcome,
    /// Counts once there is an outcome.
    until: Instant,
}

impl Remembered {
    /// What was right is remembered for `period`.
    pub(super) fn new(period: Duration) -> Remembered {
        Remembered {
            key: rand::random(),
            period,
            attempts: Mutex::default(),
        }
    }

    /// What `verify` says of these words, or what it said to another who asked the same. When the one who runs it goes
    /// away, one of those who wait runs theirs.
    pub(super) async fn check<E>(
        &self,
        words: &[&str],
        verify: impl Future<Output = Result<bool, E>>,
    ) -> Result<bool, E> {
        let digest = self.digest(words);
        let outcome = self.outcome(digest);
        let right = *outcome.get_or_try_init(|| verify).await?;
        if !right {
            self.forget(digest, &outcome);
        }
        Ok(right)
    }

    /// Whether these words were right a moment ago.
    pub(super) fn knows(&self, words: &[&str]) -> bool {
        let digest = self.digest(words);
        let now = Instant::now();
        let attempts = self.lock();
        let known = attempts.get(&digest).filter(|attempt| attempt.until > now);
        known.is_some_and(|attempt| attempt.outcome.get() == Some(&true))
    }

    fn outcome(&self, digest: Digest) -> Outcome {
        let mut attempts = self.lock();
        let now = Instant::now();
        if let Some(attempt) = attempts.get(&digest)
            && (!attempt.outcome.initialized() || attempt.until > now)
        {
            return attempt.outcome.clone();
        }
        // Left are those that are being checked (others hold them too) and those that count still.
        attempts.retain(|_, attempt| match attempt.outcome.initialized() {
            true => attempt.until > now,
            false => Arc::strong_count(&attempt.outcome) > 1,
        });
        let outcome = Outcome::default();
        if attempts.len() < MAX_REMEMBERED {
            let attempt = Attempt {
                outcome: outcome.clone(),
                until: now + self.period,
            };
            attempts.insert(digest, attempt);
        }
        outcome
    }

    /// What was wrong is no longer shared: the next one pays for its own hash.
    fn forget(&self, digest: Digest, outcome: &Outcome) {
        let mut attempts = self.lock();
        if attempts
            .get(&digest)
            .is_some_and(|attempt| Arc::ptr_eq(&attempt.outcome, outcome))
        {
            attempts.remove(&digest);
        }
    }

    fn digest(&self, words: &[&str]) -> Digest {
        let mut mac = Blake2bMac512::new(&self.key.into());
        for word in words {
            mac.update(&(word.len() as u64).to_le_bytes());
            mac.update(word.as_bytes());
        }
        mac.finalize_fixed().into()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Digest, Attempt>> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    /// Counts how often it is asked.
    struct Oracle(AtomicUsize, bool);

    impl Oracle {
        async fn ask(&self, remembered: &Remembered, words: &[&str]) -> bool {
            let verify = async {
                tokio::task::yield_now().await;
                self.0.fetch_add(1, Ordering::Relaxed);
                Ok::<_, Infallible>(self.1)
            };
            remembered.check(words, verify).await.unwrap()
        }

        fn asked(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    #[tokio::test]
    async fn ten_at_once_and_one_later_cost_one_hash() {
        let (remembered, oracle) = (Remembered::new(MINUTE), Oracle(AtomicUsize::new(0), true));
        let words = ["alice", "hash", "secret"];
        let ask = || oracle.ask(&remembered, &words);
        let (a, b, c, d, e) = tokio::join!(ask(), ask(), ask(), ask(), ask());
        assert!(a && b && c && d && e && ask().await);
        assert!(remembered.knows(&words) && !remembered.knows(&["alice", "hash", "Secret"]));
        assert_eq!(oracle.asked(), 1);
        // Another password, another stored hash, the same letters cut differently: another matter.
        for words in [
            ["alice", "hash", "Secret"],
            ["alice", "hash2", "secret"],
            ["alic", "ehash", "secret"],
        ] {
            assert!(oracle.ask(&remembered, &words).await);
        }
        assert_eq!(oracle.asked(), 4);
    }

    #[tokio::test]
    async fn what_was_wrong_is_not_remembered() {
        let (remembered, oracle) = (Remembered::new(MINUTE), Oracle(AtomicUsize::new(0), false));
        assert!(!oracle.ask(&remembered, &["x"]).await);
        assert!(!oracle.ask(&remembered, &["x"]).await);
        assert_eq!(oracle.asked(), 2);
        assert!(remembered.lock().is_empty() && !remembered.knows(&["x"]));
    }

    #[tokio::test]
    async fn nothing_is_remembered_for_no_time() {
        let (remembered, oracle) = (Remembered::new(Duration::ZERO), Oracle(AtomicUsize::new(0), true));
        assert!(oracle.ask(&remembered, &["x"]).await);
        assert!(oracle.ask(&remembered, &["x"]).await);
        assert_eq!(oracle.asked(), 2);
    }

    #[tokio::test]
    async fn one_who_goes_away_does_not_take_the_others_along() {
        let (remembered, oracle) = (Remembered::new(MINUTE), Oracle(AtomicUsize::new(0), true));
        let never = remembered.check(&["x"], std::future::pending::<Result<bool, Infallible>>());
        let mut never = Box::pin(never);
        let mut other = Box::pin(oracle.ask(&remembered, &["x"]));
        tokio::select! {
            biased;
            _ = &mut never => unreachable!(),
            _ = &mut other => unreachable!("the first one runs the check"),
            () = tokio::task::yield_now() => drop(never),
        }
        assert!(other.await);
        assert_eq!(oracle.asked(), 1);
    }
}
