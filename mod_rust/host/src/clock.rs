//! The node's clock: wall time taken once, monotonic time added to it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hotline_engine::Time;

/// Reads like wall time and never jumps: a stepped system clock changes nothing until the next boot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    wall: u64,
    start: Instant,
}

impl Clock {
    pub(crate) fn start() -> Clock {
        // Before 1970 only on a machine with no clock at all; zero is as good as anything there.
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Clock {
            wall: micros(wall),
            start: Instant::now(),
        }
    }

    pub(crate) fn now(&self) -> Time {
        Time(self.wall.saturating_add(micros(self.start.elapsed())))
    }

    /// How long until `deadline`; zero if it is past.
    pub(crate) fn until(&self, deadline: Time) -> Duration {
        Duration::from_micros(deadline.since(self.now()).0)
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
