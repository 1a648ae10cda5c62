//! Places and waits to expect, and what they are reckoned from.

use hotline_engine::estimate::estimate;
use hotline_engine::event::Estimate;
use hotline_engine::ids::CallId;
use hotline_engine::{Span, Time};

use super::Model;
use super::call::{Call, Rank, Stage};

/// Arrivals are counted by windows of this length, in microseconds.
const WINDOW: u64 = 300_000_000;

/// What a queue has seen so far.
#[derive(Clone, Debug)]
pub(super) struct Measured {
    /// Averages in microseconds.
    talk: i64,
    wrap: i64,
    pub(super) samples: u32,
    window: u64,
    arrivals: u64,
    arrivals_before: u64,
    /// Predictions compared with what came, and how wrong they were on average, in thousandths.
    checked: u32,
    error: i64,
}

impl Measured {
    pub(super) fn new(handle_time: Span, now: Time) -> Measured {
        Measured {
            talk: handle_time.0 as i64,
            wrap: 0,
            samples: 0,
            window: now.0 / WINDOW,
            arrivals: 0,
            arrivals_before: 0,
            checked: 0,
            error: 0,
        }
    }

    /// New settings count until there is something measured.
    pub(super) fn expect(&mut self, handle_time: Span) {
        if self.samples == 0 {
            self.talk = handle_time.0 as i64;
        }
    }

    pub(super) fn talked(&mut self, sample: Span) {
        let count = (i64::from(self.samples) + 2).min(16);
        self.talk += (sample.0 as i64 - self.talk) / count;
        self.samples = self.samples.saturating_add(1);
    }

    pub(super) fn wrapped_up(&mut self, sample: Span) {
        self.wrap += (sample.0 as i64 - self.wrap) / 8;
    }

    fn handle(&self) -> Span {
        Span((self.talk + self.wrap) as u64)
    }

    fn roll(&mut self, now: Time) {
        let window = now.0 / WINDOW;
        if window == self.window + 1 {
            (self.arrivals_before, self.arrivals) = (self.arrivals, 0);
        } else if window != self.window {
            (self.arrivals_before, self.arrivals) = (0, 0);
        }
        self.window = window;
    }

    fn demand(&self, now: Time) -> u128 {
        let mut rolled = self.clone();
        rolled.roll(now);
        u128::from(rolled.arrivals_before + rolled.arrivals + 1) * u128::from(self.handle().0)
    }

    pub(super) fn reliable(&self) -> bool {
        self.samples >= 3 && (self.checked < 5 || self.error <= 500)
    }

    pub(super) fn check(&mut self, predicted: Span, wait: Span) {
        let base = wait.max(predicted).max(Span::seconds(10));
        let sample = (wait.0.abs_diff(predicted.0) * 1_000 / base.0) as i64;
        let count = (i64::from(self.checked) + 1).min(16);
        self.error += (sample - self.error) / count;
        self.checked = self.checked.saturating_add(1);
    }
}

impl Model {
    pub(super) fn count_arrival(&mut self, queue: usize) {
        let measured = &mut self.queues[queue].measured;
        measured.roll(self.now);
        measured.arrivals += 1;
    }

    /// Divides an agent among its queues, by what each of them has to do.
    pub(super) fn weigh(&mut self, at: usize) {
        let served = self.agents[at].settings.queues.iter();
        let served: Vec<usize> = served
            .filter_map(|member| self.queue_named(&member.queue))
            .collect();
        let demand = |queue: &usize| self.queues[*queue].measured.demand(self.now);
        let all: u128 = served.iter().map(demand).sum();
        let share = |queue: usize| (queue, (demand(&queue) * 1_000_000 / all.max(1)) as u64);
        self.agents[at].shares = if self.agents[at].at_work() {
            served.iter().map(|queue| share(*queue)).collect()
        } else {
            vec![]
        };
    }

    fn staff(&self, queue: usize) -> u64 {
        let shares = self.agents.iter().flat_map(|agent| &agent.shares);
        shares
            .filter(|(served, _)| *served == queue)
            .map(|(_, share)| share)
            .sum()
    }

    fn expect(&self, queue: usize, ahead: usize, free: bool) -> Option<Estimate> {
        let known = &self.queues[queue];
        if ahead == 0 && free {
            return Some(Estimate {
                p50: Span::ZERO,
                p90: Span::ZERO,
            });
        }
        estimate(ahead as u64, known.measured.handle(), self.staff(queue))
    }

    /// Callers of a queue who wait, without those who are about to be connected.
    fn waiters(&self, queue: usize) -> impl Iterator<Item = &Call> {
        let waits = move |call: &&Call| call.queue == queue && call.stage == Stage::Waiting;
        self.calls.iter().filter(waits)
    }

    /// How many are served before that rank.
    pub(super) fn ahead_of(&self, queue: usize, rank: Rank) -> usize {
        let callers = self.waiters(queue).filter(|call| call.rank() < rank).count();
        let owed = self.callbacks.iter();
        let owed = owed.filter(|owed| owed.queue == queue && owed.counts() && owed.rank < rank);
        callers + owed.count()
    }

    /// The place in the order of service; 1 is next.
    pub(super) fn position(&self, id: CallId) -> u32 {
        let call = self.call(id);
        call.map_or(0, |call| self.ahead_of(call.queue, call.rank()) as u32 + 1)
    }

    pub(super) fn position_of_callback(&self, id: CallId) -> u32 {
        let callback = self.callbacks.iter().find(|callback| callback.id == id);
        callback.map_or(0, |callback| {
            self.ahead_of(callback.queue, callback.rank) as u32 + 1
        })
    }

    /// The wait that a caller in the queue has to expect.
    pub(super) fn estimate(&self, id: CallId) -> Option<Estimate> {
        let call = self.call(id)?;
        let free = self.best_agent(call).is_some();
        self.expect(call.queue, self.ahead_of(call.queue, call.rank()), free)
    }

    /// The wait that one more caller would have to expect, in the eyes of one who perhaps waits already.
    pub(super) fn tail(&self, queue: usize, asking: Option<CallId>) -> Option<Estimate> {
        let others = self.waiters(queue).filter(|call| Some(call.id) != asking).count();
        let owed = self.callbacks.iter();
        let owed = owed.filter(|owed| owed.queue == queue && owed.counts());
        let name = &self.queues[queue].settings.name;
        let mut members = self.agents.iter().filter(|agent| agent.serves(name));
        let free = members.any(|agent| agent.available());
        self.expect(queue, others + owed.count(), free)
    }
}
