//! Histograms as plain data: they are part of the fold, so they can be stored, restored and compared.

use serde::{Deserialize, Serialize};

/// Upper bounds of the buckets in microseconds, ascending. The last, infinite one is implied.
pub type Bounds = &'static [u64];

const fn seconds<const N: usize>(bounds: [u64; N]) -> [u64; N] {
    let mut out = bounds;
    let mut i = 0;
    while i < N {
        out[i] *= 1_000_000;
        i += 1;
    }
    out
}

/// Waits: every usual target of a service level is a bound.
pub const WAIT: Bounds = &seconds([5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600]);
/// Conversations: from a wrong number to the longest that anybody plans for.
pub const TALK: Bounds = &seconds([15, 30, 60, 120, 180, 240, 300, 600, 900, 1_800, 3_600]);
/// Holds: an operator's patience ends after a minute or two.
pub const HOLD: Bounds = &seconds([5, 10, 15, 30, 45, 60, 90, 120, 180, 300, 600]);
/// After-call work.
pub const WRAP_UP: Bounds = &seconds([5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600]);
/// Ringing at an agent's phone: usual ring times are 10 to 30 s.
pub const RING: Bounds = &seconds([1, 2, 3, 5, 10, 15, 20, 30, 45, 60]);
/// From "a caller waits and the agent is free" until the offer: milliseconds, or something is wrong.
pub const DISPATCH: Bounds = &[
    1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
];

/// Counts by bucket and an exact sum, in microseconds. Bounds are not kept with it: each use has one constant.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Histogram {
    /// Observations by bucket, not cumulated; empty until the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    counts: Vec<u64>,
    /// Sum of the observations; microseconds.
    #[serde(default)]
    sum: u64,
}

impl Histogram {
    /// Adds an observation of so many microseconds.
    pub fn observe(&mut self, bounds: Bounds, value: u64) {
        if self.counts.len() <= bounds.len() {
            self.counts.resize(bounds.len() + 1, 0);
        }
        let bucket = bounds.partition_point(|bound| *bound < value);
        self.counts[bucket] += 1;
        self.sum = self.sum.saturating_add(value);
    }

    /// Number of observations.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Sum of the observations in microseconds.
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// For each bound, the observations at or below it.
    pub fn cumulative(&self, bounds: Bounds) -> impl Iterator<Item = (u64, u64)> + '_ {
        let mut total = 0;
        bounds.iter().enumerate().map(move |(i, bound)| {
            total += self.counts.get(i).copied().unwrap_or(0);
            (*bound, total)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_on_a_bound_belongs_to_it() {
        let mut histogram = Histogram::default();
        for value in [4_999_999, 5_000_000, 5_000_001, 600_000_000, 600_000_001] {
            histogram.observe(WAIT, value);
        }
        let cumulative: Vec<u64> = histogram.cumulative(WAIT).map(|(_, n)| n).collect();
        assert_eq!(cumulative, [2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 4]);
        assert_eq!(histogram.count(), 5);
        assert_eq!(
            histogram.sum(),
            4_999_999 + 5_000_000 + 5_000_001 + 600_000_000 + 600_000_001
        );
    }

    #[test]
    fn bounds_ascend() {
        for bounds in [WAIT, TALK, HOLD, WRAP_UP, RING, DISPATCH] {
            assert!(bounds.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }
}
