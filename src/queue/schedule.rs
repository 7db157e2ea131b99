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
    /// How many offers there were.
    offers: u64,
    by_time: BTreeSet<(i64, Destination)>,
    by_destination: HashMap<Destination, i64>,
}

impl Schedule {
    /// A destination has something due then, or earlier.
    pub(super) fn offer(&self, destination: &Destination, due: i64) {
        let mut times = lock(&self.times);
        times.offers += 1;
        if times.by_destination.get(destination).is_none_or(|known| due < *known) {
            times.set(destination, Some(due));
            drop(times);
            self.changed.notify_waiters();
        }
    }

    /// How many offers there were, to be taken before SQL is asked what [`Schedule::set`] is to know.
    pub(super) fn offers(&self) -> u64 {
        lock(&self.times).offers
    }

    /// A destination has something due then and not earlier, `None` for never, as SQL said after so many offers. What was
    /// offered since may not have been seen by SQL, so then nothing becomes later.
    pub(super) fn set(&self, destination: &Destination, due: Option<i64>, offers: u64) {
        let mut times = lock(&self.times);
        let known = times.by_destination.get(destination).copied();
        let due = match times.offers == offers {
            true => due,
            false => [known, due].into_iter().flatten().min(),
        };
        times.set(destination, due);
        drop(times);
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
        schedule.set(&one, None, schedule.offers());
        schedule.set(&two, None, schedule.offers());
        let waiting = schedule.due(|_| true);
        let mut waiting = std::pin::pin!(waiting);
        assert!(futures_poll(waiting.as_mut()).await.is_none());
        schedule.offer(&one, now() - 1);
        assert_eq!(waiting.await, one);
    }

    #[tokio::test]
    async fn what_is_offered_while_sql_is_asked_is_not_forgotten() {
        let schedule = Schedule::default();
        let destination = Destination::Domain("example.org".into());
        let offers = schedule.offers();
        // SQL said that there is nothing, and then something came.
        schedule.offer(&destination, now() - 1);
        schedule.set(&destination, None, offers);
        assert_eq!(schedule.due(|_| true).await, destination);
        schedule.set(&destination, None, schedule.offers());
        let waiting = schedule.due(|_| true);
        assert!(futures_poll(std::pin::pin!(waiting)).await.is_none());
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
