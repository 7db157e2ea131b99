//! How much mail an account may submit: a password that was stolen, or a program gone wild, is noticed here before the
//! world notices (RFC 6409 leaves such limits to each site).
//!
//! Counted in memory, by pieces of ten minutes since 1970, and written to disk every few seconds when something was submitted,
//! and at the end: so no message waits for it, a restart begins no day anew, and a crash forgets those seconds.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use tokio_util::sync::CancellationToken;

use crate::config;
use crate::mail::ids::AccountId;
use crate::storage::submissions::{SubmissionsFile, Submitted};

/// How long a piece is, in seconds.
const PIECE: u64 = 600;
/// How long what was submitted may be in memory alone.
const WRITTEN: Duration = Duration::from_secs(5);
/// An hour is so many of them.
const HOUR: u64 = 6;
/// A day is so many of them.
const DAY: u64 = 24 * HOUR;

/// What the accounts of a server have submitted lately. Memory grows with the accounts that submit.
pub struct Allowances {
    limits: [Limit; 4],
    used: Mutex<HashMap<AccountId, VecDeque<Piece>>>,
    file: SubmissionsFile,
    /// Whether something was submitted that is not written.
    changed: AtomicBool,
}

/// One limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Limit {
    counted: Counted,
    /// Within so many pieces.
    pieces: u64,
    /// 0 for none.
    most: u64,
}

/// What is limited.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Counted {
    Messages,
    Recipients,
}

/// What was submitted in one piece of time.
#[derive(Clone, Copy)]
struct Piece {
    number: u64,
    messages: u64,
    recipients: u64,
}

/// A limit that is reached. Its text is for the client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Reached(Limit);

impl fmt::Display for Reached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let span = if self.0.pieces == HOUR { "an hour" } else { "a day" };
        let most = self.0.most;
        match self.0.counted {
            Counted::Messages => write!(
                f,
                "No more than {most} messages may be sent within {span}, try again later"
            ),
            Counted::Recipients => {
                write!(
                    f,
                    "No more than {most} recipients may be written to within {span}, try again later"
                )
            }
        }
    }
}

impl Allowances {
    /// With these limits, and what was submitted before. A file that cannot be read is said in the log, and stops nobody.
    pub fn open(data: &Path, settings: &config::Smtp) -> Allowances {
        let file = SubmissionsFile::new(data);
        let limit = |counted, pieces, most| Limit { counted, pieces, most };
        Allowances {
            limits: [
                limit(Counted::Messages, HOUR, settings.messages_per_hour),
                limit(Counted::Messages, DAY, settings.messages_per_day),
                limit(Counted::Recipients, HOUR, settings.recipients_per_hour),
                limit(Counted::Recipients, DAY, settings.recipients_per_day),
            ],
            used: Mutex::new(remembered(&file)),
            file,
            changed: AtomicBool::new(false),
        }
    }

    /// Writes down what is submitted until `shutdown`, and what is left then.
    pub async fn follow(&self, shutdown: CancellationToken) {
        while shutdown
            .run_until_cancelled(tokio::time::sleep(WRITTEN))
            .await
            .is_some()
        {
            self.write().await;
        }
    }

    /// Writes down what was submitted.
    pub async fn write(&self) {
        if !self.changed.swap(false, Ordering::AcqRel) {
            return;
        }
        let (all, file) = (self.all(), self.file.clone());
        let written = tokio::task::spawn_blocking(move || file.write(&all)).await;
        if let Err(error) = written.map_err(std::io::Error::other).flatten() {
            tracing::warn!(%error, "how much accounts have submitted cannot be written down");
            self.changed.store(true, Ordering::Release);
        }
    }

    fn all(&self) -> Vec<Submitted> {
        let now = now();
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let pieces = used
            .iter()
            .flat_map(|(account, pieces)| pieces.iter().map(|piece| (*account, *piece)));
        pieces
            .filter(|(_, piece)| piece.number + DAY > now)
            .map(|(account, piece)| Submitted {
                account,
                piece: piece.number,
                messages: piece.messages,
                recipients: piece.recipients,
            })
            .collect()
    }

    /// Whether an account may submit so many more.
    pub(crate) fn check(&self, account: AccountId, messages: u64, recipients: u64) -> Result<(), Reached> {
        self.check_at(now(), account, messages, recipients)
    }

    /// It has submitted a message for so many recipients.
    pub(crate) fn submitted(&self, account: AccountId, recipients: u64) {
        self.count_at(now(), account, recipients);
        self.changed.store(true, Ordering::Release);
    }

    fn check_at(&self, now: u64, account: AccountId, messages: u64, recipients: u64) -> Result<(), Reached> {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(pieces) = used.get(&account) else {
            return Ok(());
        };
        for limit in self.limits.iter().filter(|limit| limit.most > 0) {
            let recent = pieces.iter().filter(|piece| piece.number + limit.pieces > now);
            let (used, more): (u64, u64) = match limit.counted {
                Counted::Messages => (recent.map(|piece| piece.messages).sum(), messages),
                Counted::Recipients => (recent.map(|piece| piece.recipients).sum(), recipients),
            };
            if more > 0 && used + more > limit.most {
                return Err(Reached(*limit));
            }
        }
        Ok(())
    }

    fn count_at(&self, now: u64, account: AccountId, recipients: u64) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let pieces = used.entry(account).or_default();
        pieces.retain(|piece| piece.number + DAY > now);
        match pieces.back_mut().filter(|piece| piece.number == now) {
            Some(piece) => {
                piece.messages += 1;
                piece.recipients += recipients;
            }
            None => pieces.push_back(Piece {
                number: now,
                messages: 1,
                recipients,
            }),
        }
    }
}

/// The number of this piece of time.
fn now() -> u64 {
    UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs()) / PIECE
}

/// What was written down and still counts. What is from the future was written by another clock.
fn remembered(file: &SubmissionsFile) -> HashMap<AccountId, VecDeque<Piece>> {
    let now = now();
    let mut all = file.read().unwrap_or_else(|error| {
        tracing::warn!(%error, "how much accounts have submitted cannot be read: they begin anew");
        Vec::new()
    });
    all.retain(|one| one.piece <= now && one.piece + DAY > now);
    all.sort_by_key(|one| one.piece);
    let mut used: HashMap<AccountId, VecDeque<Piece>> = HashMap::new();
    for one in all {
        used.entry(one.account).or_default().push_back(Piece {
            number: one.piece,
            messages: one.messages,
            recipients: one.recipients,
        });
    }
    used
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_and_a_day() {
        let settings = config::Smtp {
            messages_per_hour: 2,
            messages_per_day: 3,
            recipients_per_hour: 10,
            recipients_per_day: 0,
            ..config::Smtp::default()
        };
        let data = tempfile::tempdir().unwrap();
        let (allowances, account, other) = (Allowances::open(data.path(), &settings), AccountId(1), AccountId(2));
        let check = |now, messages, recipients| {
            let checked = allowances.check_at(now, account, messages, recipients);
            checked.map_err(|reached| (reached.0.counted, reached.0.pieces))
        };
        assert_eq!(check(0, 1, 0), Ok(()));
        allowances.count_at(0, account, 4);
        allowances.count_at(3, account, 5);
        assert_eq!(check(3, 1, 0), Err((Counted::Messages, HOUR)));
        assert_eq!(check(3, 0, 1), Ok(()));
        assert_eq!(check(3, 0, 2), Err((Counted::Recipients, HOUR)));
        assert_eq!(allowances.check_at(3, other, 1, 9), Ok(()));
        assert_eq!(check(6, 1, 5), Ok(()));
        allowances.count_at(6, account, 1);
        assert_eq!(check(50, 1, 1), Err((Counted::Messages, DAY)));
        assert_eq!(check(DAY, 1, 1), Ok(()));
    }

    #[tokio::test]
    async fn a_restart_begins_nothing_anew() {
        let settings = config::Smtp {
            messages_per_day: 2,
            ..config::Smtp::default()
        };
        let (data, account) = (tempfile::tempdir().unwrap(), AccountId(7));
        let before = Allowances::open(data.path(), &settings);
        before.count_at(now() - DAY, account, 5);
        before.submitted(account, 3);
        before.write().await;
        let after = Allowances::open(data.path(), &settings);
        assert_eq!(after.all(), before.all());
        assert!(after.check(account, 1, 0).is_ok());
        after.submitted(account, 1);
        assert!(after.check(account, 1, 0).is_err());
    }
}
