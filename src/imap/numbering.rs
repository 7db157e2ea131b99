//! Walking a picture of a mailbox in ascending order: sequence numbers without a search per message, and large sets in
//! pieces, so that no command copies or locks more than a piece at a time.

use crate::mail::ids::Uid;
use crate::mail::uidset::UidSet;
use std::fmt;

/// A position in the selected mailbox as the client counts, from 1. Exists only under `imap/`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct SeqNum(pub(crate) u32);

/// Sequence numbers for UIDs asked for in ascending order: one walk over the runs for a whole command. The picture must
/// not change in between, and it does not: only the poll before the tagged answer changes it (RFC 9051 §7.5.1).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Numbering {
    run: usize,
    before: u32,
}

impl Numbering {
    /// The sequence number of `uid` in `picture`; `None` when it is not there or lies before one already asked for.
    pub(crate) fn of(&mut self, picture: &UidSet, uid: Uid) -> Option<SeqNum> {
        let uid = uid.get();
        while let Some(&(first, last)) = picture.runs().get(self.run) {
            if uid < first {
                return None;
            }
            if uid <= last {
                return Some(SeqNum(self.before + (uid - first) + 1));
            }
            self.before += last - first + 1;
            self.run += 1;
        }
        None
    }
}

/// Sequence numbers for UIDs asked for in any order.
#[derive(Clone, Debug)]
pub(crate) struct Positions {
    /// The runs of the picture, each with how many UIDs lie before it.
    runs: Vec<(u32, u32, u32)>,
}

impl Positions {
    /// Of this picture.
    pub(crate) fn new(picture: &UidSet) -> Positions {
        let mut before = 0;
        let runs = picture.runs().iter().map(|&(first, last)| {
            let run = (first, last, before);
            before += last - first + 1;
            run
        });
        Positions { runs: runs.collect() }
    }

    /// The sequence number of `uid`.
    pub(crate) fn of(&self, uid: u32) -> Option<u32> {
        let next = self.runs.partition_point(|run| run.0 <= uid);
        let &(first, last, before) = self.runs.get(next.checked_sub(1)?)?;
        (uid <= last).then(|| before + (uid - first) + 1)
    }
}

/// Cuts a set into pieces of at most `size` UIDs, ascending.
pub(crate) struct Pieces {
    runs: std::vec::IntoIter<(u32, u32)>,
    rest: Option<(u32, u32)>,
    size: u32,
}

impl Pieces {
    /// Pieces of `set`, each of at most `size` UIDs (at least one).
    pub(crate) fn new(set: &UidSet, size: u32) -> Pieces {
        let mut runs = set.runs().to_vec().into_iter();
        Pieces {
            rest: runs.next(),
            runs,
            size: size.max(1),
        }
    }
}

impl Iterator for Pieces {
    type Item = UidSet;

    fn next(&mut self) -> Option<UidSet> {
        let mut piece = UidSet::new();
        let mut room = self.size;
        while let Some((first, last)) = self.rest {
            if room == 0 {
                break;
            }
            let end = last.min(first.saturating_add(room - 1));
            room -= end - first + 1;
            if let (Some(first), Some(end)) = (Uid::new(first), Uid::new(end)) {
                piece.insert_range(first, end);
            }
            self.rest = if end < last {
                Some((end + 1, last))
            } else {
                self.runs.next()
            };
        }
        (!piece.is_empty()).then_some(piece)
    }
}

/// Message numbers, sequence numbers or UIDs, in the order of an answer: ascending, or sorted by something else (RFC 5267
/// §3). Written as a `sequence-set`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Numbers {
    /// Each ascending.
    runs: Vec<(u32, u32)>,
}

impl Numbers {
    /// One more, behind all before it.
    pub(crate) fn push(&mut self, number: u32) {
        match self.runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(number) => *last = number,
            _ => self.runs.push((number, number)),
        }
    }

    /// Those from one number to another, above all before them; whether they are.
    pub(crate) fn push_run(&mut self, first: u32, last: u32) -> bool {
        match self.runs.last_mut() {
            _ if first > last => return false,
            Some((_, before)) if *before >= first => return false,
            Some((_, before)) if *before + 1 == first => *before = last,
            _ => self.runs.push((first, last)),
        }
        true
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.runs.iter().map(|(first, last)| (last - first) as usize + 1).sum()
    }

    /// Those at these places.
    pub(crate) fn slice(&self, places: std::ops::Range<usize>) -> Numbers {
        self.iter().skip(places.start).take(places.len()).collect()
    }

    /// The first of the answer.
    pub(crate) fn first(&self) -> Option<u32> {
        self.runs.first().map(|run| run.0)
    }

    /// The last of the answer.
    pub(crate) fn last(&self) -> Option<u32> {
        self.runs.last().map(|run| run.1)
    }

    /// Each of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.runs.iter().flat_map(|&(first, last)| first..=last)
    }
}

impl FromIterator<u32> for Numbers {
    fn from_iter<I: IntoIterator<Item = u32>>(all: I) -> Numbers {
        let mut numbers = Numbers::default();
        all.into_iter().for_each(|number| numbers.push(number));
        numbers
    }
}

impl fmt::Display for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (first, last)) in self.runs.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            if first == last {
                write!(f, "{first}")?;
            } else {
                write!(f, "{first}:{last}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn set(uids: &[u32]) -> UidSet {
        let mut set = UidSet::new();
        uids.iter()
            .filter_map(|uid| Uid::new(*uid))
            .for_each(|uid| set.insert(uid));
        set
    }

    #[test]
    fn the_last_uid_of_all_is_cut_and_numbered() {
        let all = set(&[1, u32::MAX - 1, u32::MAX]);
        let pieces: Vec<UidSet> = Pieces::new(&all, 2).collect();
        assert_eq!(pieces, [set(&[1, u32::MAX - 1]), set(&[u32::MAX])]);
        let mut numbering = Numbering::default();
        assert_eq!(numbering.of(&all, Uid::new(2).unwrap()), None);
        assert_eq!(numbering.of(&all, Uid::MAX), Some(SeqNum(3)));
    }

    #[test]
    fn numbers_are_written_as_runs() {
        for (list, written) in [
            (&[][..], ""),
            (&[1, 2, 3, 7, 9, 10], "1:3,7,9:10"),
            (&[5, 10, 1, 2, 4, 3], "5,10,1:2,4,3"),
        ] {
            let numbers: Numbers = list.iter().copied().collect();
            assert_eq!(
                (numbers.to_string().as_str(), numbers.is_empty()),
                (written, list.is_empty())
            );
            let ends = (list.first().copied(), list.last().copied());
            assert_eq!(
                (numbers.first(), numbers.last(), numbers.len()),
                (ends.0, ends.1, list.len())
            );
            assert_eq!(numbers.iter().collect::<Vec<_>>(), list);
            if list.len() > 4 {
                assert_eq!(numbers.slice(1..4).iter().collect::<Vec<_>>(), list[1..4]);
            }
        }
    }

    proptest! {
        #[test]
        fn pieces_are_the_whole_and_numbers_are_positions(
            uids in prop::collection::btree_set(1u32..200, 0..80),
            size in 1u32..50,
        ) {
            let all = set(&uids.iter().copied().collect::<Vec<_>>());
            let pieces: Vec<UidSet> = Pieces::new(&all, size).collect();
            prop_assert!(pieces.iter().all(|piece| piece.len() <= size as usize));
            prop_assert_eq!(pieces.len(), uids.len().div_ceil(size as usize));
            let mut numbering = Numbering::default();
            let positions = Positions::new(&all);
            for uid in 1..200 {
                let place = uids.iter().position(|other| *other == uid).map(|place| place as u32 + 1);
                prop_assert_eq!(positions.of(uid), place);
            }
            let mut position = 0;
            for uid in pieces.iter().flat_map(UidSet::iter) {
                position += 1;
                prop_assert_eq!(numbering.of(&all, uid), Some(SeqNum(position)));
            }
            prop_assert_eq!(position as usize, uids.len());
        }
    }
}
