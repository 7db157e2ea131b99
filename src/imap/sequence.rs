//! Sequence sets and UID sets against one client's picture of a mailbox (RFC 9051 §9, `sequence-set`).
//!
//! A command may name 100,000 ranges in any order: they are sorted once and walked along the picture once.

use super::command::SequenceBound;
use crate::mail::ids::Uid;
use crate::mail::uidset::UidSet;

/// The UIDs of the sequence numbers that exist; whether the set names none that does not is the second value. In an empty
/// mailbox there is no number at all, not even `*`.
pub(crate) fn by_number(picture: &UidSet, ranges: &[(SequenceBound, SequenceBound)]) -> (UidSet, bool) {
    let messages = u32::try_from(picture.len()).unwrap_or(u32::MAX);
    let numbers = sorted(ranges, messages);
    let all_exist = messages > 0 && numbers.iter().all(|&(_, last)| last <= messages);
    let mut uids = UidSet::new();
    let mut wanted = numbers.iter().peekable();
    // Sequence numbers below the run that is looked at.
    let mut before = 0;
    for &(first_uid, last_uid) in picture.runs() {
        let length = last_uid - first_uid + 1;
        while let Some(&&(first, last)) = wanted.peek() {
            let (from, to) = (first.max(before + 1), last.min(before + length));
            if from <= to
                && let (Some(from), Some(to)) = (
                    Uid::new(first_uid + (from - before - 1)),
                    Uid::new(first_uid + (to - before - 1)),
                )
            {
                uids.insert_range(from, to);
            }
            if last > before + length {
                break;
            }
            wanted.next();
        }
        before += length;
    }
    (uids, all_exist)
}

/// The UIDs of the set that exist. `*` is the highest, so that `559:*` always names the last message
/// (RFC 9051 §6.4.9).
pub(crate) fn by_uid(picture: &UidSet, ranges: &[(SequenceBound, SequenceBound)]) -> UidSet {
    named(ranges, picture.last().map_or(0, Uid::get)).intersection(picture)
}

/// The UIDs of the set whether they exist or not, with `highest` for `*` (0: there is none).
pub(crate) fn named(ranges: &[(SequenceBound, SequenceBound)], highest: u32) -> UidSet {
    let mut named = UidSet::new();
    for (first, last) in sorted(ranges, highest) {
        if let (Some(first), Some(last)) = (Uid::new(first.max(1)), Uid::new(last)) {
            named.insert_range(first, last);
        }
    }
    named
}

/// The UIDs that ranges up to `*` will hold, whatever comes.
pub(crate) fn open_ended(ranges: &[(SequenceBound, SequenceBound)]) -> UidSet {
    let start = ranges.iter().filter_map(|range| match range {
        (SequenceBound::Number(start), SequenceBound::Last) | (SequenceBound::Last, SequenceBound::Number(start)) => {
            Some(*start)
        }
        _ => None,
    });
    match start.min().and_then(Uid::new) {
        Some(start) => UidSet::range(start, Uid::MAX),
        None => UidSet::new(),
    }
}

/// The ranges in numbers, the lower end first, ascending.
fn sorted(ranges: &[(SequenceBound, SequenceBound)], highest: u32) -> Vec<(u32, u32)> {
    let number = |bound| match bound {
        SequenceBound::Number(number) => number,
        SequenceBound::Last => highest,
    };
    let mut numbers: Vec<(u32, u32)> = ranges
        .iter()
        .map(|&(a, b)| (number(a).min(number(b)), number(a).max(number(b))))
        .collect();
    numbers.sort_unstable();
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const LAST: SequenceBound = SequenceBound::Last;

    fn n(number: u32) -> SequenceBound {
        SequenceBound::Number(number)
    }

    fn set(uids: &[u32]) -> UidSet {
        uids.iter().filter_map(|uid| Uid::new(*uid)).collect()
    }

    #[test]
    fn numbers_count_positions() {
        let picture = set(&[4, 5, 6, 9, 11, 12]);
        for (ranges, uids, all_exist) in [
            (vec![(n(1), LAST)], vec![4, 5, 6, 9, 11, 12], true),
            (vec![(LAST, n(5)), (n(2), n(2))], vec![5, 11, 12], true),
            (vec![(n(3), n(5)), (n(4), n(4)), (n(5), n(3))], vec![6, 9, 11], true),
            (vec![(LAST, LAST)], vec![12], true),
            (vec![(n(6), n(7))], vec![12], false),
            (vec![(n(7), LAST)], vec![12], false),
            (vec![(n(u32::MAX), n(u32::MAX))], vec![], false),
        ] {
            assert_eq!(by_number(&picture, &ranges), (set(&uids), all_exist), "{ranges:?}");
        }
        assert_eq!(by_number(&UidSet::new(), &[(n(1), LAST)]), (UidSet::new(), false));
    }

    #[test]
    fn uids_that_are_not_there_are_passed_over() {
        let picture = set(&[4, 5, 6, 9, 11]);
        for (ranges, uids) in [
            (vec![(n(1), LAST)], vec![4, 5, 6, 9, 11]),
            (vec![(n(559), LAST)], vec![11]),
            (vec![(n(5), n(9)), (n(10), n(10))], vec![5, 6, 9]),
            (vec![(n(7), n(8))], vec![]),
        ] {
            assert_eq!(by_uid(&picture, &ranges), set(&uids), "{ranges:?}");
        }
        assert_eq!(by_uid(&UidSet::new(), &[(n(1), LAST), (LAST, LAST)]), UidSet::new());
        assert_eq!(by_uid(&set(&[u32::MAX]), &[(n(1), LAST)]), set(&[u32::MAX]));
    }

    #[test]
    fn ranges_without_an_end_hold_what_will_come() {
        for (ranges, wanted) in [
            (vec![(n(1), n(5)), (LAST, LAST)], ""),
            (vec![(n(7), LAST), (LAST, n(9)), (n(1), n(2))], "7:4294967295"),
        ] {
            assert_eq!(open_ended(&ranges).to_string(), wanted);
        }
    }

    fn bound() -> impl Strategy<Value = SequenceBound> {
        prop_oneof![4 => (1u32..50).prop_map(n), 1 => Just(LAST)]
    }

    proptest! {
        #[test]
        fn both_agree_with_the_naive_reading(
            uids in prop::collection::btree_set(1u32..50, 0..30),
            ranges in prop::collection::vec((bound(), bound()), 1..12),
        ) {
            let picture: Vec<u32> = uids.iter().copied().collect();
            let named = |highest: u32| {
                let mut named = BTreeSet::new();
                for (a, b) in &ranges {
                    let number = |bound: &SequenceBound| match bound {
                        SequenceBound::Number(number) => *number,
                        SequenceBound::Last => highest,
                    };
                    named.extend(number(a).min(number(b))..=number(a).max(number(b)));
                }
                named
            };
            let numbers = named(picture.len() as u32);
            let (found, all_exist) = by_number(&set(&picture), &ranges);
            let expected = picture.iter().enumerate().filter(|(at, _)| numbers.contains(&(*at as u32 + 1)));
            prop_assert_eq!(found, expected.map(|(_, uid)| Uid::new(*uid).unwrap()).collect::<UidSet>());
            prop_assert_eq!(all_exist, numbers.iter().all(|number| (1..=picture.len()).contains(&(*number as usize))));
            let wanted = named(picture.last().copied().unwrap_or(0));
            let expected: Vec<u32> = uids.intersection(&wanted).copied().collect();
            prop_assert_eq!(by_uid(&set(&picture), &ranges), set(&expected));
        }
    }
}
