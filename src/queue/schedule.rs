//! When each destination has something due. Held in memory, one entry for each destination; what is due, SQL knows.

use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::Notify;

use super::{Destination, lock, now};

/// The longest wait, so that a clock that is set is noticed.
const LONGEST: Duration = Duration::from_secs(60);

/// When each destination has something due next.
#[derive(Default)]
pub(super) struct Schedule {
    times: Mutex<Times>,
    changed: Notify,
}

#[derive(Default)]
struct Times {
    by_time: BTreeSet<(i64, Destination)>,
    by_destination: HashMap<Destination, i64>,
}

impl Schedule {
    /// A destination has something due then, or earlier.
    pub(super) fn offer(&self, destination: &Destination, due: i64) {
        let mut times = lock(&self.times);
        if times.by_destination.get(destination).is_none_or(|known| due < *known) {
            times.set(destination, Some(due));
            drop(times);
            self.changed.notify_waiters();
        }
    }

    /// A destination has something due then and not earlier; `None` for never.
    pub(super) fn set(&self, destination: &Destination, due: Option<i64>) {
        lock(&self.times).set(destination, due);
        self.changed.notify_waiters();
    }

    /// Waits until one of those for which `may` says yes is due.
    pub(super) async fn due(&self, may: impl Fn(&Destination) -> bool) -> Destination {
        loop {
            let changed = self.changed.notified();
            let mut changed = std::pin::pin!(changed);
            changed.as_mut().enable();
            let wait = match self.first(&may) {
                Ok(destination) => return destination,
                Err(wait) => wait,
            };
            let _ = tokio::time::timeout(wait, changed).await;
        }
    }

    /// The first that is due, or how long to wait.
    fn first(&self, may: impl Fn(&Destination) -> bool) -> Result<Destination, Duration> {
        let now = now();
        let times = lock(&self.times);
        for (due, destination) in &times.by_time {
            if *due > now {
                return Err(Duration::from_millis((due - now) as u64).min(LONGEST));
            }
            if may(destination) {
                return Ok(destination.clone());
            }
        }
        Err(LONGEST)
    }
}

impl Times {
    fn set(&mut self, destination: &Destination, due: Option<i64>) {
        let known = match due {
            Some(due) => self.by_destination.insert(destination.clone(), due),
            None => self.by_destination.remove(destination),
        };
        if let Some(known) = known {
            self.by_time.remove(&(known, destination.clone()));
        }
        if let Some(due) = due {
            self.by_time.insert((due, destination.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_earliest_that_may_and_whoever_waits_is_woken() {
        let schedule = Schedule::default();
        let (one, two) = (Destination::Local, Destination::Domain("example.org".into()));
        schedule.offer(&one, now());
        schedule.offer(&two, now() - 10);
        assert_eq!(schedule.due(|_| true).await, two);
        assert_eq!(schedule.due(|destination| *destination != two).await, one);
        schedule.set(&one, None);
        schedule.set(&two, None);
        let waiting = schedule.due(|_| true);
        let mut waiting = std::pin::pin!(waiting);
        assert!(futures_poll(waiting.as_mut()).await.is_none());
        schedule.offer(&one, now() - 1);
        assert_eq!(waiting.await, one);
    }

    /// What the future is worth now.
    async fn futures_poll<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
        tokio::select! {
            biased;
            done = future.as_mut() => Some(done),
            () = std::future::ready(()) => None,
        }
    }
}
