//! All deadlines in one ordered set: the next one is at its front, and thousands cost nothing while they wait.

use std::collections::BTreeSet;

use crate::ids::{AgentId, CallId, OfferId};
use crate::time::Time;

/// What becomes due.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Timer {
    /// A caller has waited as long as the queue allows.
    MaxWait(CallId),
    /// A phone has rung long enough.
    Ring(OfferId),
    /// After-call work is over.
    WrapUp(AgentId),
    /// The cool-down after a miss is over.
    CoolDown(AgentId),
    /// A supervisor's lock expires.
    Lock(AgentId),
}

/// The deadlines. Whoever sets one remembers its time, and cancels it by that.
#[derive(Default, Debug)]
pub(crate) struct Timers(BTreeSet<(Time, Timer)>);

impl Timers {
    pub(crate) fn set(&mut self, at: Time, timer: Timer) {
        self.0.insert((at, timer));
    }

    /// Whether it was still set.
    pub(crate) fn cancel(&mut self, at: Time, timer: Timer) -> bool {
        self.0.remove(&(at, timer))
    }

    pub(crate) fn next(&self) -> Option<Time> {
        self.0.first().map(|&(at, _)| at)
    }

    /// What is due at `now`, earliest first; each stays set until cancelled.
    pub(crate) fn due(&self, now: Time) -> Vec<(Time, Timer)> {
        self.0.iter().take_while(|&&(at, _)| at <= now).copied().collect()
    }

    pub(crate) fn all(&self) -> &BTreeSet<(Time, Timer)> {
        &self.0
    }
}
