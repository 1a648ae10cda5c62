//! What is counted per quarter of an hour: of each queue's tier, and of each agent. All figures add up.

use hotline_wire::event::{CallOutcome, OfferResult};
use hotline_wire::snapshot::AgentState;

use super::rows::{Interval, Offer, Visit};

/// Length of an interval of the statistics, in microseconds: 15 minutes.
pub const SLOT: u64 = 900_000_000;

/// Bounds of waits by which they are counted, in seconds: every usual target, and what a short abandon may be.
pub const BOUNDS: [u64; 12] = [5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600];

/// Figures that came later than the tables they are in: what agents said that calls were about.
pub(in crate::store) const DISPOSED: [&str; 4] = ["disposed", "complaints", "resolved", "follow_ups"];

/// When the interval began that a moment lies in.
pub fn slot_of(at: u64) -> u64 {
    at - at % SLOT
}

/// Figures that add up, and the columns they are stored in.
macro_rules! figures {
    ($(#[$doc:meta])* $name:ident { $($(#[$what:meta])* $field:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
        #[allow(missing_docs, reason = "the names say it; docs/store.md has them all")]
        pub struct $name { $($(#[$what])* pub $field: i64,)* }

        impl $name {
            /// The columns, in order.
            pub const COLUMNS: &'static [&'static str] = &[$(stringify!($field)),*];

            /// The values, in the order of the columns.
            pub fn values(&self) -> [i64; Self::COLUMNS.len()] {
                [$(self.$field),*]
            }

            /// Back from the values.
            pub fn of(values: [i64; Self::COLUMNS.len()]) -> Self {
                let [$($field),*] = values;
                $name { $($field),* }
            }

            /// Adds others, so many times.
            pub fn add(&mut self, other: &Self, times: i64) {
                $(self.$field = self.$field.saturating_add(other.$field.saturating_mul(times));)*
            }

            /// Whether all are 0.
            pub fn is_zero(&self) -> bool {
                *self == Self::default()
            }
        }
    };
}

figures! {
    /// Of the visits that joined in the interval: what became of them. Times are in microseconds.
    QueueFigures {
        arrivals,
        answered,
        abandoned,
        withdrawn, timeout, full_queue, no_agents, removed, closed, emergency, diverted, left_by_key, callback, overflowed, moved, error,
        answered_within, abandoned_within,
        answered_5, answered_10, answered_15, answered_20, answered_30, answered_45, answered_60, answered_90,
        answered_120, answered_180, answered_300, answered_600,
        abandoned_5, abandoned_10, abandoned_15, abandoned_20, abandoned_30, abandoned_45, abandoned_60, abandoned_90,
        abandoned_120, abandoned_180, abandoned_300, abandoned_600,
        answer_wait, answer_ring, abandon_wait,
        handled, talk, hold, held, wrap_up,
        consulted, conferenced, cut_off,
        disposed, complaints, resolved, follow_ups,
    }
}

figures! {
    /// Of an agent: time in each state, split at the interval's bounds; offers that were made in it; calls connected in it.
    AgentFigures {
        ready, not_ready, forced_busy, unavailable, offered, on_call, on_hold, consulting, conferencing, reserved, after_call, unknown,
        offers, offers_answered, no_answer, rejected, busy, unreachable, cancelled, ring,
        answered, handled, talk, hold, held, wrap_up, consulted, conferenced,
        disposed, complaints, resolved, follow_ups,
    }
}

/// Answers, or abandons, by their wait: each counted at the lowest bound that holds it.
fn at_bound(counts: [&mut i64; BOUNDS.len()], wait: u64) {
    let bounds = BOUNDS.iter().map(|seconds| seconds * 1_000_000);
    if let Some((count, _)) = counts.into_iter().zip(bounds).find(|(_, bound)| wait <= *bound) {
        *count += 1;
    }
}

impl QueueFigures {
    /// What a visit counts for, as it is now.
    pub fn of_visit(visit: &Visit) -> QueueFigures {
        let mut of = QueueFigures {
            arrivals: 1,
            ..QueueFigures::default()
        };
        let count = |is: bool| i64::from(is);
        let time = |time: u64| i64::try_from(time).unwrap_or(i64::MAX);
        let within = visit.target.is_some_and(|target| visit.wait <= target);
        if visit.connected.is_some() {
            of.answered = 1;
            of.answered_within = count(within);
            of.answer_wait = time(visit.wait);
            of.answer_ring = time(visit.ring);
            of.cut_off = count(
                visit
                    .outcome
                    .is_some_and(|outcome| outcome != CallOutcome::Answered),
            );
            of.handled = count(visit.ended.is_some()) - of.cut_off;
            of.talk = time(visit.talk);
            of.hold = time(visit.hold);
            of.held = count(visit.hold > 0);
            of.wrap_up = time(visit.wrap_up);
            of.consulted = count(visit.consults > 0);
            of.conferenced = count(visit.conferences > 0);
            if let Some(said) = &visit.disposition {
                of.disposed = 1;
                of.complaints = count(said.complaint);
                of.resolved = count(said.resolved);
                of.follow_ups = count(said.follow_up);
            }
            at_bound(
                [
                    &mut of.answered_5,
                    &mut of.answered_10,
                    &mut of.answered_15,
                    &mut of.answered_20,
                    &mut of.answered_30,
                    &mut of.answered_45,
                    &mut of.answered_60,
                    &mut of.answered_90,
                    &mut of.answered_120,
                    &mut of.answered_180,
                    &mut of.answered_300,
                    &mut of.answered_600,
                ],
                visit.wait,
            );
            return of;
        }
        match visit.outcome {
            // Waiting; or connected in a gap and told of by its end alone, which is completed before it is counted.
            None | Some(CallOutcome::Answered) => {}
            Some(CallOutcome::Abandoned) => {
                of.abandoned = 1;
                of.abandoned_within = count(within);
                of.abandon_wait = time(visit.wait);
                at_bound(
                    [
                        &mut of.abandoned_5,
                        &mut of.abandoned_10,
                        &mut of.abandoned_15,
                        &mut of.abandoned_20,
                        &mut of.abandoned_30,
                        &mut of.abandoned_45,
                        &mut of.abandoned_60,
                        &mut of.abandoned_90,
                        &mut of.abandoned_120,
                        &mut of.abandoned_180,
                        &mut of.abandoned_300,
                        &mut of.abandoned_600,
                    ],
                    visit.wait,
                );
            }
            Some(CallOutcome::Withdrawn) => of.withdrawn = 1,
            Some(CallOutcome::Timeout) => of.timeout = 1,
            Some(CallOutcome::Full) => of.full_queue = 1,
            Some(CallOutcome::NoAgents) => of.no_agents = 1,
            Some(CallOutcome::Removed) => of.removed = 1,
            Some(CallOutcome::Closed) => of.closed = 1,
            Some(CallOutcome::Emergency) => of.emergency = 1,
            Some(CallOutcome::Diverted) => of.diverted = 1,
            Some(CallOutcome::Left) => of.left_by_key = 1,
            Some(CallOutcome::Callback) => of.callback = 1,
            Some(CallOutcome::Overflowed) => of.overflowed = 1,
            Some(CallOutcome::Moved) => of.moved = 1,
            Some(CallOutcome::Error) => of.error = 1,
        }
        of
    }

    /// Visits that ended neither with an agent nor by the caller hanging up.
    pub fn flowed_out(&self) -> i64 {
        self.withdrawn
            + self.timeout
            + self.full_queue
            + self.no_agents
            + self.removed
            + self.closed
            + self.emergency
            + self.diverted
            + self.left_by_key
            + self.callback
            + self.overflowed
            + self.moved
            + self.error
    }

    /// Answers with a wait up to each of [`BOUNDS`], from the lowest on.
    pub fn answered_up_to(&self) -> [i64; BOUNDS.len()] {
        sums([
            self.answered_5,
            self.answered_10,
            self.answered_15,
            self.answered_20,
            self.answered_30,
            self.answered_45,
            self.answered_60,
            self.answered_90,
            self.answered_120,
            self.answered_180,
            self.answered_300,
            self.answered_600,
        ])
    }

    /// Abandons with a wait up to each of [`BOUNDS`].
    pub fn abandoned_up_to(&self) -> [i64; BOUNDS.len()] {
        sums([
            self.abandoned_5,
            self.abandoned_10,
            self.abandoned_15,
            self.abandoned_20,
            self.abandoned_30,
            self.abandoned_45,
            self.abandoned_60,
            self.abandoned_90,
            self.abandoned_120,
            self.abandoned_180,
            self.abandoned_300,
            self.abandoned_600,
        ])
    }
}

fn sums(mut counts: [i64; BOUNDS.len()]) -> [i64; BOUNDS.len()] {
    let mut sum = 0;
    for count in &mut counts {
        sum += *count;
        *count = sum;
    }
    counts
}

impl AgentFigures {
    /// What a visit counts for, of the agent who had it.
    pub fn of_visit(visit: &Visit) -> AgentFigures {
        let of = QueueFigures::of_visit(visit);
        AgentFigures {
            answered: of.answered,
            handled: of.handled,
            talk: of.talk,
            hold: of.hold,
            held: of.held,
            wrap_up: of.wrap_up,
            consulted: of.consulted,
            conferenced: of.conferenced,
            disposed: of.disposed,
            complaints: of.complaints,
            resolved: of.resolved,
            follow_ups: of.follow_ups,
            ..AgentFigures::default()
        }
    }

    /// What an offer counts for.
    pub fn of_offer(offer: &Offer) -> AgentFigures {
        let mut of = AgentFigures {
            offers: 1,
            ring: i64::try_from(offer.ring).unwrap_or(i64::MAX),
            ..AgentFigures::default()
        };
        *match offer.result {
            OfferResult::Answered => &mut of.offers_answered,
            OfferResult::NoAnswer => &mut of.no_answer,
            OfferResult::Rejected => &mut of.rejected,
            OfferResult::Busy => &mut of.busy,
            OfferResult::Unreachable => &mut of.unreachable,
            OfferResult::Cancelled => &mut of.cancelled,
        } = 1;
        of
    }

    /// Time in a state; `None` for one that is not known.
    pub fn of_time(state: Option<AgentState>, time: u64) -> AgentFigures {
        let mut of = AgentFigures::default();
        let column = match state {
            None => &mut of.unknown,
            Some(AgentState::Ready) => &mut of.ready,
            Some(AgentState::NotReady) => &mut of.not_ready,
            Some(AgentState::ForcedBusy) => &mut of.forced_busy,
            Some(AgentState::Unavailable) => &mut of.unavailable,
            Some(AgentState::Offered) => &mut of.offered,
            Some(AgentState::OnCall) => &mut of.on_call,
            Some(AgentState::OnHold) => &mut of.on_hold,
            Some(AgentState::Consulting) => &mut of.consulting,
            Some(AgentState::Conferencing) => &mut of.conferencing,
            Some(AgentState::Reserved) => &mut of.reserved,
            Some(AgentState::WrapUp) => &mut of.after_call,
            // Such time is in no interval.
            Some(AgentState::SignedOut) => return of,
        };
        *column = i64::try_from(time).unwrap_or(i64::MAX);
        of
    }

    /// Time with calls: talking, holding, consulting, conferencing, reserved, and after-call work.
    pub fn handling(&self) -> i64 {
        self.on_call + self.on_hold + self.consulting + self.conferencing + self.reserved + self.after_call
    }

    /// Time signed in, in states that are known.
    pub fn signed_in(&self) -> i64 {
        self.ready + self.not_ready + self.forced_busy + self.unavailable + self.offered + self.handling()
    }
}

/// Most parts of a span, a quarter of a year: nobody is in one state, or talks, for longer.
const MOST_PARTS: u64 = 92 * 96;

/// The parts of a span of time that lie in one interval each: when the interval began, and how long the part is. A longer span than there can be
/// is that of a clock that leapt, when it was set right perhaps, with every agent of a floor at once: it is one part, in the interval in which it ended.
pub fn split(from: u64, until: u64) -> impl Iterator<Item = (u64, u64)> {
    let parts = until.saturating_sub(slot_of(from)).div_ceil(SLOT);
    let parts = if from < until { parts } else { 0 };
    let (first, parts) = match parts {
        0..=MOST_PARTS => (slot_of(from), parts),
        _ => (slot_of(until - 1), 1),
    };
    (0..parts).map(move |n| {
        let slot = first + n * SLOT;
        let (begin, end) = if parts == 1 {
            (from, until)
        } else {
            (from.max(slot), until.min(slot + SLOT))
        };
        (slot, end - begin)
    })
}

impl Interval {
    /// What the interval counts for once it is over, by interval of the statistics.
    pub fn figures(&self) -> impl Iterator<Item = (u64, AgentFigures)> + '_ {
        let until = self.until.unwrap_or(self.from);
        split(self.from, until).map(|(slot, time)| (slot, AgentFigures::of_time(self.state, time)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_split_at_the_bounds_and_none_is_lost() {
        let parts: Vec<_> = split(SLOT - 10, 3 * SLOT + 5).collect();
        assert_eq!(parts, [(0, 10), (SLOT, SLOT), (2 * SLOT, SLOT), (3 * SLOT, 5)]);
        assert_eq!(split(7, 7).count(), 0);
        assert_eq!(split(SLOT, 2 * SLOT).collect::<Vec<_>>(), [(SLOT, SLOT)]);
        let leap: Vec<_> = split(5, 40_000 * SLOT + 7).collect();
        assert_eq!(leap, [(40_000 * SLOT, 40_000 * SLOT + 2)]);
        let longest = split(0, MOST_PARTS * SLOT);
        assert_eq!(longest.count() as u64, MOST_PARTS);
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..1_000 {
            let from = random.u64(0..10 * SLOT);
            let until = from + random.u64(0..5 * SLOT);
            assert_eq!(
                split(from, until).map(|(_, part)| part).sum::<u64>(),
                until - from
            );
            assert!(split(from, until).all(|(slot, part)| slot % SLOT == 0 && part <= SLOT && part > 0));
        }
    }

    #[test]
    fn figures_are_the_sum_of_their_parts() {
        let mut one = QueueFigures {
            arrivals: 2,
            answered_5: 1,
            answered_20: 4,
            ..QueueFigures::default()
        };
        assert_eq!(QueueFigures::of(one.values()), one);
        assert_eq!(one.answered_up_to()[..5], [1, 1, 1, 5, 5]);
        let copy = one;
        one.add(&copy, -1);
        assert!(one.is_zero());
        assert_eq!(QueueFigures::COLUMNS[0], "arrivals");
    }
}
