//! So many at a time for each of many: places that are counted, waited for in order, and given back when they are dropped.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Places of each key. Memory is held for keys that have one taken or waited for. Cheap to clone.
pub(super) struct Slots<K> {
    /// Places of a key.
    each: usize,
    /// How many may wait for one of a key.
    queue: usize,
    taken: Arc<Mutex<HashMap<K, Arc<Semaphore>>>>,
}

impl<K: Hash + Eq + Clone> Slots<K> {
    /// So many places for each key, and so many that may wait for one.
    pub(super) fn new(each: usize, queue: usize) -> Slots<K> {
        Slots {
            each: each.min(Semaphore::MAX_PERMITS),
            queue,
            taken: Arc::default(),
        }
    }

    /// A place, waited for if need be. `None`: there was none in time, or too many wait already.
    pub(super) async fn take(&self, key: K, wait: Duration) -> Option<Slot<K>> {
        // Dropped last, when it is the last to know of the key.
        let mut slot = Slot {
            slots: self.clone(),
            key: key.clone(),
            permit: None,
        };
        let place = {
            let mut taken = self.lock();
            let place = taken.entry(key).or_insert_with(|| Arc::new(Semaphore::new(self.each)));
            // The map holds one, each taken place one, and each who waits.
            if Arc::strong_count(place) > self.each.saturating_add(self.queue) {
                return None;
            }
            place.clone()
        };
        // First without the clock: no wait means no wait, not none at all.
        slot.permit = match place.clone().try_acquire_owned() {
            Ok(permit) => Some(permit),
            Err(_) => timeout(wait, place.acquire_owned()).await.ok()?.ok(),
        };
        slot.permit.is_some().then_some(slot)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Arc<Semaphore>>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many keys are remembered.
    #[cfg(test)]
    fn keys(&self) -> usize {
        self.lock().len()
    }
}

impl<K> Clone for Slots<K> {
    fn clone(&self) -> Slots<K> {
        Slots {
            each: self.each,
            queue: self.queue,
            taken: self.taken.clone(),
        }
    }
}

/// A place, for as long as this lives.
pub(super) struct Slot<K: Hash + Eq + Clone> {
    slots: Slots<K>,
    key: K,
    permit: Option<OwnedSemaphorePermit>,
}

impl<K: Hash + Eq + Clone> Drop for Slot<K> {
    fn drop(&mut self) {
        drop(self.permit.take());
        let mut taken = self.slots.lock();
        // Nobody else can get hold of it meanwhile: that takes the lock.
        if taken.get(&self.key).is_some_and(|place| Arc::strong_count(place) == 1) {
            taken.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn as_many_as_there_are_and_the_rest_when_one_is_free() {
        let slots = Slots::new(2, 10);
        let one = slots.take("a", Duration::ZERO).await.unwrap();
        let _two = slots.take("a", Duration::ZERO).await.unwrap();
        assert!(slots.take("a", Duration::ZERO).await.is_none());
        let other = slots.take("b", Duration::ZERO).await.unwrap();
        let (third, ()) = tokio::join!(slots.take("a", SOON), async {
            tokio::task::yield_now().await;
            drop(one);
        });
        assert!(third.is_some());
        assert!(slots.take("a", Duration::ZERO).await.is_none());
        drop(other);
        assert_eq!(slots.keys(), 1);
    }

    #[tokio::test]
    async fn nothing_is_left_of_who_gave_up() {
        let slots = Slots::new(1, 10);
        let held = slots.take("a", Duration::ZERO).await.unwrap();
        {
            let mut waiting = Box::pin(slots.take("a", SOON));
            tokio::select! {
                biased;
                _ = &mut waiting => unreachable!("it is taken"),
                () = tokio::task::yield_now() => {}
            }
            drop(held);
            // What waits may have got it already: it must come back.
        }
        assert_eq!(slots.keys(), 0);
        assert!(slots.take("a", Duration::ZERO).await.is_some());
        assert_eq!(slots.keys(), 0);
    }

    #[tokio::test]
    async fn few_may_wait() {
        let slots = Slots::new(1, 1);
        let _held = slots.take("a", Duration::ZERO).await.unwrap();
        let mut waiting = Box::pin(slots.take("a", SOON));
        tokio::select! {
            biased;
            _ = &mut waiting => unreachable!("it is taken"),
            none = slots.take("a", SOON) => assert!(none.is_none()),
        }
    }
}
