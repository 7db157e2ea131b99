//! When each destination has something due. Held in memory, one entry for each destination; what is due, SQL knows.
//!
//! Destinations stand in line by group, so that a group that may have no more connections is passed over as one, whatever
//! the number of its destinations.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Deref;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;

use super::group::{Group, Groups};
use super::{Destination, lock, now};

/// The longest wait, so that a clock that is set is noticed.
const LONGEST: Duration = Duration::from_secs(60);

/// When each destination has something due next. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Schedule(Arc<Inner>);

#[derive(Default)]
struct Inner {
    groups: Groups,
    times: Mutex<Times>,
    changed: Notify,
}

/// A destination that has something due: it is given to nobody else for as long as this lives.
pub struct Turn {
    schedule: Schedule,
    destination: Destination,
}

#[derive(Default)]
struct Times {
    /// How many offers there were.
    offers: u64,
    by_destination: HashMap<Destination, i64>,
    /// Those that somebody has in hand, which stand in no line.
    in_hand: HashSet<Destination>,
    lines: HashMap<Group, BTreeSet<(i64, Destination)>>,
    /// The first of each line.
    first: BTreeSet<(i64, Group)>,
}

impl Schedule {
    pub(super) fn new(groups: Groups) -> Schedule {
        Schedule(Arc::new(Inner {
            groups,
            ..Inner::default()
        }))
    }

    /// Who shares connections with a destination.
    pub(super) fn group(&self, destination: &Destination) -> Group {
        self.0.groups.of(destination)
    }

    /// A destination has something due then, or earlier.
    pub(super) fn offer(&self, destination: &Destination, due: i64) {
        let mut times = lock(&self.0.times);
        times.offers += 1;
        if times.by_destination.get(destination).is_none_or(|known| due < *known) {
            times.set(destination, &self.group(destination), Some(due));
            drop(times);
            self.0.changed.notify_waiters();
        }
    }

    /// How many offers there were, to be taken before SQL is asked what [`Schedule::set`] is to know.
    pub(super) fn offers(&self) -> u64 {
        lock(&self.0.times).offers
    }

    /// A destination has something due then and not earlier, `None` for never, as SQL said after so many offers. What was
    /// offered since may not have been seen by SQL, so then nothing becomes later.
    pub(super) fn set(&self, destination: &Destination, due: Option<i64>, offers: u64) {
        let mut times = lock(&self.0.times);
        let known = times.by_destination.get(destination).copied();
        let due = match times.offers == offers {
            true => due,
            false => [known, due].into_iter().flatten().min(),
        };
        times.set(destination, &self.group(destination), due);
        drop(times);
        self.0.changed.notify_waiters();
    }

    /// Waits until a destination is due of a group for which `may` says yes.
    pub(super) async fn due(&self, may: impl Fn(&Group) -> bool) -> Turn {
        self.wait(|times, now| times.first_of_those(now, &may)).await
    }

    /// A destination of this group that is due now.
    pub(super) fn due_now(&self, group: &Group) -> Option<Turn> {
        self.take(|times, now| times.first_of(now, group)).ok()
    }

    /// Waits until a destination of this group is due.
    pub(super) async fn due_of(&self, group: &Group) -> Turn {
        self.wait(|times, now| times.first_of(now, group)).await
    }

    /// `find`: what is due now, or when to look again.
    async fn wait(&self, find: impl Fn(&Times, i64) -> Result<Destination, Option<i64>>) -> Turn {
        loop {
            let changed = self.0.changed.notified();
            let mut changed = std::pin::pin!(changed);
            changed.as_mut().enable();
            let due = match self.take(&find) {
                Ok(turn) => return turn,
                Err(due) => due,
            };
            let wait = due.map_or(LONGEST, |due| Duration::from_millis((due - now()).max(0) as u64));
            let _ = tokio::time::timeout(wait.min(LONGEST), changed).await;
        }
    }

    fn take(&self, find: impl Fn(&Times, i64) -> Result<Destination, Option<i64>>) -> Result<Turn, Option<i64>> {
        let mut times = lock(&self.0.times);
        let destination = find(&times, now())?;
        times.take(&destination, &self.group(&destination));
        Ok(Turn {
            schedule: self.clone(),
            destination,
        })
    }
}

impl Deref for Turn {
    type Target = Destination;

    fn deref(&self) -> &Destination {
        &self.destination
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut times = lock(&self.schedule.0.times);
        times.in_hand.remove(&self.destination);
        let due = times.by_destination.get(&self.destination).copied();
        if due.is_some() {
            times.set(&self.destination, &self.schedule.group(&self.destination), due);
            drop(times);
            self.schedule.0.changed.notify_waiters();
        }
    }
}

impl Times {
    fn set(&mut self, destination: &Destination, group: &Group, due: Option<i64>) {
        self.leave_line(destination, group);
        match due {
            None => {
                self.by_destination.remove(destination);
            }
            Some(due) => {
                self.by_destination.insert(destination.clone(), due);
                if !self.in_hand.contains(destination) {
                    self.change_line(group, |line| line.insert((due, destination.clone())));
                }
            }
        }
    }

    fn take(&mut self, destination: &Destination, group: &Group) {
        self.leave_line(destination, group);
        self.in_hand.insert(destination.clone());
    }

    fn leave_line(&mut self, destination: &Destination, group: &Group) {
        if let Some(due) = self.by_destination.get(destination) {
            let place = (*due, destination.clone());
            self.change_line(group, |line| line.remove(&place));
        }
    }

    fn change_line(&mut self, group: &Group, change: impl FnOnce(&mut BTreeSet<(i64, Destination)>) -> bool) {
        let line = self.lines.entry(group.clone()).or_default();
        let before = line.first().map(|(due, _)| *due);
        change(line);
        let after = line.first().map(|(due, _)| *due);
        if after.is_none() {
            self.lines.remove(group);
        }
        if before != after {
            if let Some(due) = before {
                self.first.remove(&(due, group.clone()));
            }
            if let Some(due) = after {
                self.first.insert((due, group.clone()));
            }
        }
    }

    fn first_of_those(&self, now: i64, may: impl Fn(&Group) -> bool) -> Result<Destination, Option<i64>> {
        for (due, group) in &self.first {
            if *due > now {
                return Err(Some(*due));
            }
            if may(group) {
                return self.first_of(now, group);
            }
        }
        Err(None)
    }

    fn first_of(&self, now: i64, group: &Group) -> Result<Destination, Option<i64>> {
        match self.lines.get(group).and_then(BTreeSet::first) {
            None => Err(None),
            Some((due, _)) if *due > now => Err(Some(*due)),
            Some((_, destination)) => Ok(destination.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Route, RouteTls};

    fn domain(name: &str) -> Destination {
        Destination::Domain(name.into())
    }

    #[tokio::test]
    async fn the_earliest_that_may_and_whoever_waits_is_woken() {
        let schedule = Schedule::default();
        let (one, two) = (Destination::Local, domain("example.org"));
        schedule.offer(&one, now());
        schedule.offer(&two, now() - 10);
        assert_eq!(*schedule.due(|_| true).await, two);
        assert_eq!(*schedule.due(|group| *group == Group::Local).await, one);
        assert_eq!(*schedule.due_of(&Group::Local).await, one);
        schedule.set(&one, None, schedule.offers());
        schedule.set(&two, None, schedule.offers());
        let waiting = schedule.due(|_| true);
        let mut waiting = std::pin::pin!(waiting);
        assert!(futures_poll(waiting.as_mut()).await.is_none());
        schedule.offer(&one, now() - 1);
        assert_eq!(*waiting.await, one);
    }

    #[tokio::test]
    async fn what_is_offered_while_sql_is_asked_is_not_forgotten() {
        let schedule = Schedule::default();
        let destination = domain("example.org");
        let offers = schedule.offers();
        // SQL said that there is nothing, and then something came.
        schedule.offer(&destination, now() - 1);
        schedule.set(&destination, None, offers);
        assert_eq!(*schedule.due(|_| true).await, destination);
        schedule.set(&destination, None, schedule.offers());
        let waiting = schedule.due(|_| true);
        assert!(futures_poll(std::pin::pin!(waiting)).await.is_none());
    }

    #[tokio::test]
    async fn each_is_in_one_hand_and_those_of_a_route_stand_in_one_line() {
        let route = Route {
            domain: ".test".to_owned(),
            host: "mx.example.org".to_owned(),
            port: 25,
            tls: RouteTls::Off,
            user: None,
            password: None,
            password_file: None,
        };
        let schedule = Schedule::new(Groups::new(&[route]));
        let (a, b, other) = (domain("a.test"), domain("b.test"), domain("example.org"));
        for (destination, age) in [(&a, 3), (&b, 2), (&other, 1)] {
            schedule.offer(destination, now() - age);
        }
        let first = schedule.due(|_| true).await;
        let second = schedule.due_of(&Group::Route(0)).await;
        assert_eq!((&*first, &*second), (&a, &b));
        // Not given away again, but for what comes meanwhile, once it is put back.
        schedule.offer(&a, now() - 100);
        assert_eq!(*schedule.due(|_| true).await, other);
        let waiting = schedule.due_of(&Group::Route(0));
        let mut waiting = std::pin::pin!(waiting);
        assert!(futures_poll(waiting.as_mut()).await.is_none());
        drop(first);
        assert_eq!(*waiting.await, a);
        schedule.set(&b, None, schedule.offers());
        drop(second);
        schedule.set(&a, None, schedule.offers());
        assert_eq!(*schedule.due(|_| true).await, other);
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
