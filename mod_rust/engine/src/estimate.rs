//! How long a caller will wait: what a queue has measured, and what follows from it.
//!
//! While all agents of a queue are busy, they get free as a Poisson process: `n` agents with a mean handle time of `h` at a
//! rate of `n / h`. A caller with `a` others ahead is served at the `a + 1`-th, after a time with a Gamma distribution. An
//! agent who serves several queues counts in each by share: in proportion to the work that has lately come to them.

use crate::event::Estimate;
use crate::time::{Span, Time};

/// No estimate is longer: beyond it, nobody can tell.
pub const MAX_ESTIMATE: Span = Span::seconds(4 * 3600);
/// Arrivals are counted in windows of this length.
pub const ARRIVALS_WINDOW: Span = Span::seconds(300);
/// Estimates are told once so many calls were measured.
pub const ENOUGH_SAMPLES: u32 = 3;
/// Estimates are told unless they were off by more than this, in thousandths of the wait.
pub const WORST_ERROR: i64 = 500;
/// Errors are believed from so many on.
pub const ENOUGH_CHECKED: u32 = 5;
/// A whole agent, in the unit of shares.
pub const WHOLE_AGENT: u64 = 1_000_000;

/// How far off the rate is at which agents get free, as a standard deviation relative to it: both handle times and shares are
/// moving averages. Without it, estimates for a long line would claim to be nearly exact.
const RATE_DEVIATION: f64 = 0.2;

/// The wait to expect with so many callers ahead, given the mean handle time and the agents at work in millionths of one;
/// `None` without agents.
///
/// The median of a Gamma distribution of shape `k` is about `1 - 1/3k` of its mean; its 90th percentile is by Wilson and Hilferty
/// (1931) `(1 - 1/9k + z / 3√k)³` of it, with `z` = 1.2816. For the latter the variance of the rate is added to that of the distribution.
pub fn estimate(ahead: u64, handle: Span, staff_ppm: u64) -> Option<Estimate> {
    if staff_ppm == 0 {
        return None;
    }
    let between = handle.0 as f64 * WHOLE_AGENT as f64 / staff_ppm as f64;
    let served = ahead as f64 + 1.0;
    let mean = between * served;
    let k = 1.0 / (1.0 / served + RATE_DEVIATION * RATE_DEVIATION);
    let root = 1.0 - 1.0 / (9.0 * k) + 1.2816 / (3.0 * k.sqrt());
    // Conversions from floating point saturate.
    let clamped = |micros: f64| Span(micros as u64).min(MAX_ESTIMATE);
    Some(Estimate {
        p50: clamped(between * (served - 1.0 / 3.0)),
        p90: clamped(mean * root * root * root),
    })
}

impl Estimate {
    /// No wait at all.
    pub(crate) const NONE: Estimate = Estimate {
        p50: Span::ZERO,
        p90: Span::ZERO,
    };
}

/// What a queue has measured.
#[derive(Clone, Debug)]
pub(crate) struct Pulse {
    /// Mean conversation, in microseconds.
    talk: i64,
    /// Mean after-call work, in microseconds.
    wrap_up: i64,
    samples: u32,
    /// Arrivals in the present window and the one before.
    window: u64,
    arrivals: u32,
    arrivals_before: u32,
    /// Agents at work, by share.
    pub(crate) staff: u64,
    /// How far estimates were off, in thousandths, and of how many that is known.
    error: i64,
    checked: u32,
}

impl Pulse {
    pub(crate) fn new(handle_time: Span) -> Pulse {
        Pulse {
            talk: signed(handle_time),
            wrap_up: 0,
            samples: 0,
            window: 0,
            arrivals: 0,
            arrivals_before: 0,
            staff: 0,
            error: 0,
            checked: 0,
        }
    }

    /// The settings expect another handle time.
    pub(crate) fn expect(&mut self, handle_time: Span) {
        if self.samples == 0 {
            self.talk = signed(handle_time);
        }
    }

    pub(crate) fn talked(&mut self, talk: Span) {
        self.talk += (signed(talk) - self.talk) / i64::from(self.samples.saturating_add(2).min(16));
        self.samples = self.samples.saturating_add(1);
    }

    pub(crate) fn wrapped_up(&mut self, wrap_up: Span) {
        self.wrap_up += (signed(wrap_up) - self.wrap_up) / 8;
    }

    /// Mean handle time.
    pub(crate) fn handle(&self) -> Span {
        Span(self.talk.max(0) as u64 + self.wrap_up.max(0) as u64)
    }

    pub(crate) fn arrived(&mut self, now: Time) {
        let present = window(now);
        (self.arrivals_before, self.arrivals) = self.arrivals_in(present);
        self.window = present;
        self.arrivals = self.arrivals.saturating_add(1);
    }

    /// Arrivals in the window before the present one, and in it.
    fn arrivals_in(&self, present: u64) -> (u32, u32) {
        match present.saturating_sub(self.window) {
            0 => (self.arrivals_before, self.arrivals),
            1 => (self.arrivals, 0),
            _ => (0, 0),
        }
    }

    /// The work that has lately come. Never zero, so that shares are never undefined.
    pub(crate) fn demand(&self, present: u64) -> u64 {
        let (before, present) = self.arrivals_in(present);
        (u64::from(before) + u64::from(present) + 1).saturating_mul(self.handle().0.max(1))
    }

    /// A call was connected that was told this wait at joining.
    pub(crate) fn check(&mut self, wait: Span, told: Estimate) {
        let base = wait.max(told.p50).max(Span::seconds(10));
        let off = wait.0.abs_diff(told.p50.0);
        let sample = (u128::from(off) * 1000 / u128::from(base.0)) as i64;
        self.error += (sample - self.error) / i64::from(self.checked.saturating_add(1).min(16));
        self.checked = self.checked.saturating_add(1);
    }

    /// Whether callers may be told.
    pub(crate) fn is_reliable(&self) -> bool {
        self.samples >= ENOUGH_SAMPLES && (self.checked < ENOUGH_CHECKED || self.error <= WORST_ERROR)
    }

    pub(crate) fn estimate(&self, ahead: usize) -> Option<Estimate> {
        estimate(ahead as u64, self.handle(), self.staff)
    }
}

/// The window of arrivals that a time is in.
pub(crate) fn window(now: Time) -> u64 {
    now.0 / ARRIVALS_WINDOW.0
}

/// Spans beyond 292,000 years count as that.
fn signed(span: Span) -> i64 {
    i64::try_from(span.0).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_a_gamma_distribution() {
        // Two agents, 100 s: one gets free every 50 s. Median and 90th percentile of the Gamma distribution with that mean, and
        // the variance of one with a rate known exactly plus that of the rate.
        for (ahead, p50, p90) in [(0, 34.7, 115.7), (1, 83.9, 195.9), (9, 483.4, 747.8)] {
            let told = estimate(ahead, Span::seconds(100), 2 * WHOLE_AGENT).unwrap();
            let near = |span: Span, exact: f64| (span.0 as f64 / 1e6 - exact).abs() / exact < 0.04;
            assert!(near(told.p50, p50), "{told:?} for {ahead}");
            assert!(near(told.p90, p90), "{told:?} for {ahead}");
        }
        assert_eq!(estimate(3, Span::seconds(100), 0), None);
        assert_eq!(
            estimate(u64::MAX, Span::seconds(100), 1).unwrap().p50,
            MAX_ESTIMATE
        );
    }
}
