//! A set of UIDs kept as runs: 100,000 consecutive UIDs cost eight bytes.

use super::ids::Uid;
use std::fmt;

/// UIDs in ascending order, as runs that neither overlap nor touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UidSet {
    runs: Vec<(u32, u32)>,
}

impl UidSet {
    /// The empty set.
    pub fn new() -> UidSet {
        UidSet::default()
    }

    /// The UIDs from `first` to `last`, both included; empty when `last` is before `first`.
    pub fn range(first: Uid, last: Uid) -> UidSet {
        let runs = if first <= last {
            vec![(first.get(), last.get())]
        } else {
            Vec::new()
        };
        UidSet { runs }
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// How many UIDs it holds. Walks the runs.
    pub fn len(&self) -> usize {
        self.runs.iter().map(|(first, last)| (last - first) as usize + 1).sum()
    }

    /// The lowest UID.
    pub fn first(&self) -> Option<Uid> {
        self.runs.first().and_then(|run| Uid::new(run.0))
    }

    /// The highest UID.
    pub fn last(&self) -> Option<Uid> {
        self.runs.last().and_then(|run| Uid::new(run.1))
    }

    /// The runs, each as its first and last UID.
    pub fn runs(&self) -> &[(u32, u32)] {
        &self.runs
    }

    /// Whether `uid` is in it.
    pub fn contains(&self, uid: Uid) -> bool {
        self.run_at(uid.get()).is_ok()
    }

    /// How many UIDs in the set are below `uid`, when `uid` is in the set.
    pub fn position(&self, uid: Uid) -> Option<usize> {
        let index = self.run_at(uid.get()).ok()?;
        let before: usize = self.runs[..index]
            .iter()
            .map(|(first, last)| (last - first) as usize + 1)
            .sum();
        Some(before + (uid.get() - self.runs[index].0) as usize)
    }

    /// The UID that has `position` UIDs below it.
    pub fn nth(&self, position: usize) -> Option<Uid> {
        let mut left = position;
        for &(first, last) in &self.runs {
            let length = (last - first) as usize + 1;
            if left < length {
                return Uid::new(first + left as u32);
            }
            left -= length;
        }
        None
    }

    /// Those at these positions, as far as there are so many.
    pub fn slice(&self, positions: std::ops::Range<usize>) -> UidSet {
        let mut runs = Vec::new();
        let mut before = 0;
        for &(first, last) in &self.runs {
            let length = (last - first) as usize + 1;
            let from = positions.start.saturating_sub(before).min(length);
            let to = positions.end.saturating_sub(before).min(length);
            if from < to {
                runs.push((first + from as u32, first + (to - 1) as u32));
            }
            before += length;
        }
        UidSet { runs }
    }

    /// Adds one UID. Cheap at the end, where new mail arrives.
    pub fn insert(&mut self, uid: Uid) {
        self.insert_run(uid.get(), uid.get());
    }

    /// Adds the UIDs from `first` to `last`, both included.
    pub fn insert_range(&mut self, first: Uid, last: Uid) {
        if first <= last {
            self.insert_run(first.get(), last.get());
        }
    }

    /// Adds all that `other` holds. Cheap when that is above all there is, where new mail arrives.
    pub fn extend(&mut self, other: &UidSet) {
        for &(first, last) in &other.runs {
            self.insert_run(first, last);
        }
    }

    /// Removes one UID; whether it was there.
    pub fn remove(&mut self, uid: Uid) -> bool {
        let value = uid.get();
        let Ok(index) = self.run_at(value) else { return false };
        let (first, last) = self.runs[index];
        match (value == first, value == last) {
            (true, true) => {
                self.runs.remove(index);
            }
            (true, false) => self.runs[index].0 = value + 1,
            (false, true) => self.runs[index].1 = value - 1,
            (false, false) => {
                self.runs[index].1 = value - 1;
                self.runs.insert(index + 1, (value + 1, last));
            }
        }
        true
    }

    /// Both sets together.
    pub fn union(&self, other: &UidSet) -> UidSet {
        let mut all: Vec<(u32, u32)> = self.runs.iter().chain(&other.runs).copied().collect();
        all.sort_unstable();
        let mut runs: Vec<(u32, u32)> = Vec::with_capacity(all.len());
        for (first, last) in all {
            match runs.last_mut() {
                Some(run) if first <= run.1.saturating_add(1) => run.1 = run.1.max(last),
                _ => runs.push((first, last)),
            }
        }
        UidSet { runs }
    }

    /// What both sets hold.
    pub fn intersection(&self, other: &UidSet) -> UidSet {
        let (mut a, mut b) = (self.runs.iter().peekable(), other.runs.iter().peekable());
        let mut runs = Vec::new();
        while let (Some(&&x), Some(&&y)) = (a.peek(), b.peek()) {
            let (first, last) = (x.0.max(y.0), x.1.min(y.1));
            if first <= last {
                runs.push((first, last));
            }
            if x.1 < y.1 {
                a.next()
            } else {
                b.next()
            };
        }
        UidSet { runs }
    }

    /// This set without what `other` holds.
    pub fn difference(&self, other: &UidSet) -> UidSet {
        let mut runs = Vec::new();
        let mut holes = other.runs.iter().peekable();
        for &(first, last) in &self.runs {
            let mut start = Some(first);
            while let Some(&&(hole_first, hole_last)) = holes.peek() {
                let Some(from) = start else { break };
                if hole_last < from {
                    holes.next();
                    continue;
                }
                if hole_first > last {
                    break;
                }
                if hole_first > from {
                    runs.push((from, hole_first - 1));
                }
                start = hole_last.checked_add(1).filter(|next| *next <= last);
                if hole_last > last {
                    break;
                }
                holes.next();
            }
            if let Some(from) = start {
                runs.push((from, last));
            }
        }
        UidSet { runs }
    }

    /// The UIDs in ascending order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Uid> + '_ {
        self.runs
            .iter()
            .flat_map(|&(first, last)| (first..=last).filter_map(Uid::new))
    }

    fn run_at(&self, value: u32) -> Result<usize, usize> {
        self.runs.binary_search_by(|&(first, last)| {
            if last < value {
                std::cmp::Ordering::Less
            } else if first > value {
                std::cmp::Ordering::Greater
            } else {
                std::cmp::Ordering::Equal
            }
        })
    }

    fn insert_run(&mut self, first: u32, last: u32) {
        match self.runs.last_mut() {
            None => return self.runs.push((first, last)),
            Some(run) if first > run.1 => {
                if first == run.1 + 1 {
                    run.1 = last;
                } else {
                    self.runs.push((first, last));
                }
                return;
            }
            Some(_) => {}
        }
        // All runs that overlap or touch the new one become one with it.
        let from = self.runs.partition_point(|run| run.1.saturating_add(1) < first);
        let to = self.runs.partition_point(|run| run.0 <= last.saturating_add(1));
        let merged = if from < to {
            (first.min(self.runs[from].0), last.max(self.runs[to - 1].1))
        } else {
            (first, last)
        };
        self.runs.splice(from..to, [merged]);
    }
}

impl FromIterator<Uid> for UidSet {
    fn from_iter<I: IntoIterator<Item = Uid>>(uids: I) -> UidSet {
        let mut set = UidSet::new();
        for uid in uids {
            set.insert(uid);
        }
        set
    }
}

/// As IMAP writes a sequence set: `1:3,5`. An empty set prints nothing, which is no valid sequence set.
impl fmt::Display for UidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (first, last)) in self.runs.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            if first == last {
                write!(f, "{first}")?
            } else {
                write!(f, "{first}:{last}")?
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn set(uids: &[u32]) -> UidSet {
        uids.iter().map(|uid| Uid::new(*uid).unwrap()).collect()
    }

    #[test]
    fn prints_as_a_sequence_set() {
        assert_eq!(set(&[5, 1, 2, 3]).to_string(), "1:3,5");
        assert_eq!(UidSet::range(Uid::MIN, Uid::MAX).to_string(), "1:4294967295");
    }

    proptest! {
        #[test]
        fn behaves_like_a_set_of_numbers(
            ops in proptest::collection::vec((any::<bool>(), 1u32..60), 0..120),
            other in proptest::collection::btree_set(1u32..60, 0..40),
        ) {
            let (mut ours, mut model) = (UidSet::new(), BTreeSet::new());
            for (add, value) in ops {
                let uid = Uid::new(value).unwrap();
                if add {
                    ours.insert(uid);
                    model.insert(value);
                } else {
                    prop_assert_eq!(ours.remove(uid), model.remove(&value));
                }
            }
            prop_assert!(ours.runs.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0));
            prop_assert_eq!(ours.iter().map(Uid::get).collect::<Vec<_>>(), model.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(ours.len(), model.len());
            for (position, value) in model.iter().enumerate() {
                let uid = Uid::new(*value).unwrap();
                prop_assert_eq!(ours.position(uid), Some(position));
                prop_assert_eq!(ours.nth(position), Some(uid));
            }
            let second = set(&other.iter().copied().collect::<Vec<_>>());
            let numbers = |s: UidSet| s.iter().map(Uid::get).collect::<BTreeSet<_>>();
            prop_assert_eq!(numbers(ours.union(&second)), &model | &other);
            let mut extended = ours.clone();
            extended.extend(&second);
            prop_assert_eq!(extended, ours.union(&second));
            prop_assert_eq!(numbers(ours.intersection(&second)), &model & &other);
            prop_assert_eq!(numbers(ours.difference(&second)), &model - &other);
            for positions in [0..0, 0..3, 2..9, 5..200, 100..200] {
                let model = model.iter().copied().skip(positions.start).take(positions.len()).collect::<BTreeSet<_>>();
                prop_assert_eq!(numbers(ours.slice(positions)), model);
            }
        }
    }
}
