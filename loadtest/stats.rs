//! Latencies and what is told of them.

use std::time::{Duration, Instant};

/// Latencies, in nanoseconds; negative when the effect was seen before its cause was.
#[derive(Default)]
pub(crate) struct Latencies(Vec<i64>);

impl Latencies {
    /// Adds one.
    pub(crate) fn add(&mut self, from: Instant, to: Instant) {
        let nanoseconds = |span: Duration| i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
        self.0.push(match to.checked_duration_since(from) {
            Some(span) => nanoseconds(span),
            None => -nanoseconds(from.duration_since(to)),
        });
    }

    /// Sorted, ready to be asked.
    pub(crate) fn sorted(mut self) -> Sorted {
        self.0.sort_unstable();
        Sorted(self.0)
    }
}

/// Latencies in order.
pub(crate) struct Sorted(Vec<i64>);

impl Sorted {
    /// How many.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The value that this share (0 to 1) of all does not exceed (nearest rank), in milliseconds.
    pub(crate) fn quantile(&self, share: f64) -> Option<f64> {
        let rank = (share * self.0.len() as f64).ceil() as usize;
        let value = self.0.get(rank.saturating_sub(1).min(self.0.len().checked_sub(1)?))?;
        Some(*value as f64 / 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_nearest_rank() {
        let start = Instant::now();
        let mut latencies = Latencies::default();
        for milliseconds in (1..=100).rev() {
            latencies.add(start, start + Duration::from_millis(milliseconds));
        }
        let sorted = latencies.sorted();
        let told = [0.0, 0.5, 0.95, 0.99, 1.0].map(|share| sorted.quantile(share).unwrap());
        assert_eq!(told, [1.0, 50.0, 95.0, 99.0, 100.0]);
        assert_eq!(Latencies::default().sorted().quantile(0.5), None);
        let mut early = Latencies::default();
        early.add(start + Duration::from_millis(3), start);
        assert_eq!(early.sorted().quantile(0.5), Some(-3.0));
    }
}
