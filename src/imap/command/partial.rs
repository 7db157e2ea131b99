//! A stretch of a list of results (RFC 9394).

use std::fmt;
use std::ops::Range;

/// A stretch of a list of results as written (RFC 9394 §3.1): `1:100`, or `-1:-100` from the end. Neither number is 0, and
/// they may be in any order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct PartialRange {
    pub first: u32,
    pub last: u32,
    /// Whether they count from the last result.
    pub from_end: bool,
}

impl PartialRange {
    /// The places, from 0, of the results in a list of `count`; none where the list does not reach.
    pub(crate) fn of(self, count: usize) -> Range<usize> {
        let [near, far] = [self.first.min(self.last), self.first.max(self.last)].map(|number| number as usize);
        let (start, end) = (near.saturating_sub(1).min(count), far.min(count));
        match self.from_end {
            false => start..end,
            true => count - end..count - start,
        }
    }

    /// How many results have to be known, from that end of the list, to tell which these are.
    pub(crate) fn reach(self) -> usize {
        self.first.max(self.last) as usize
    }
}

/// The near end first: `5:2` is the same as `2:5`.
impl fmt::Display for PartialRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.from_end { "-" } else { "" };
        let (near, far) = (self.first.min(self.last), self.first.max(self.last));
        write!(f, "{sign}{near}:{sign}{far}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partial_ranges() {
        let range = |first, last, from_end| PartialRange { first, last, from_end };
        for (range, count, places, written) in [
            (range(1, 5, false), 10, 0..5, "1:5"),
            (range(5, 1, false), 10, 0..5, "1:5"),
            (range(8, 20, false), 10, 7..10, "8:20"),
            (range(11, 20, false), 10, 10..10, "11:20"),
            (range(1, 1, true), 10, 9..10, "-1:-1"),
            (range(1, 3, true), 10, 7..10, "-1:-3"),
            (range(100, 9, true), 10, 0..2, "-9:-100"),
            (range(11, 20, true), 10, 0..0, "-11:-20"),
            (range(1, u32::MAX, true), 0, 0..0, "-1:-4294967295"),
        ] {
            assert_eq!(range.of(count), places, "{range}");
            assert_eq!(range.to_string(), written);
        }
        assert_eq!(range(7, 3, true).reach(), 7);
    }
}
