//! The figures that alarms are about, and what they are at a moment.

use std::collections::{BTreeMap, VecDeque};

use hotline_wire::event::{CallOutcome, OfferResult};
use hotline_wire::snapshot::AgentState;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::state::{Node, Queue, counts::QueueCounts};

/// A figure. Rates are over the rule's window; `docs/alarms.md` has the definitions.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// Callers waiting.
    Waiting,
    /// How long the longest waiting caller waits; seconds.
    LongestWait,
    /// The median wait predicted to the last caller who joined; seconds.
    EstimatedWait,
    /// Agents of the queue who are ready.
    AgentsReady,
    /// Agents of the queue who are signed in.
    AgentsSignedIn,
    /// Of the agents who are signed in, the share that is not ready or forced busy; 0 to 1.
    NotReadyShare,
    /// Callers who are owed a call.
    CallbacksOwed,
    /// Calls that joined within the window.
    Offered,
    /// Service level A: answered within the target, of the answered.
    ServiceLevelA,
    /// Service level B: answered or abandoned within the target, of both.
    ServiceLevelB,
    /// Service level C: answered within the target, of answered and abandoned.
    ServiceLevelC,
    /// Service level D: answered within the target, of the answered and those abandoned beyond it.
    ServiceLevelD,
    /// Abandoned, of all that are done.
    AbandonRate,
    /// Answered, of all that are done.
    AnswerRate,
    /// Offers that nobody answered, of all.
    RonaRate,
    /// How long the node has been away; seconds.
    NodeAway,
    /// Events of the node known to be lost, within the window.
    EventsLost,
    /// How long no event could be stored; seconds.
    StoreFailing,
}

impl Figure {
    /// As settings name it.
    pub fn label(self) -> &'static str {
        match self {
            Figure::Waiting => "waiting",
            Figure::LongestWait => "longest_wait",
            Figure::EstimatedWait => "estimated_wait",
            Figure::AgentsReady => "agents_ready",
            Figure::AgentsSignedIn => "agents_signed_in",
            Figure::NotReadyShare => "not_ready_share",
            Figure::CallbacksOwed => "callbacks_owed",
            Figure::Offered => "offered",
            Figure::ServiceLevelA => "service_level_a",
            Figure::ServiceLevelB => "service_level_b",
            Figure::ServiceLevelC => "service_level_c",
            Figure::ServiceLevelD => "service_level_d",
            Figure::AbandonRate => "abandon_rate",
            Figure::AnswerRate => "answer_rate",
            Figure::RonaRate => "rona_rate",
            Figure::NodeAway => "node_away",
            Figure::EventsLost => "events_lost",
            Figure::StoreFailing => "store_failing",
        }
    }

    /// Whether each queue has one.
    pub fn is_of_queues(self) -> bool {
        !matches!(self, Figure::NodeAway | Figure::EventsLost | Figure::StoreFailing)
    }

    /// Whether it is about a stretch of time.
    pub(super) fn has_window(self) -> bool {
        match self {
            Figure::Offered
            | Figure::ServiceLevelA
            | Figure::ServiceLevelB
            | Figure::ServiceLevelC
            | Figure::ServiceLevelD
            | Figure::AbandonRate
            | Figure::AnswerRate
            | Figure::RonaRate
            | Figure::EventsLost => true,
            Figure::Waiting
            | Figure::LongestWait
            | Figure::EstimatedWait
            | Figure::AgentsReady
            | Figure::AgentsSignedIn
            | Figure::NotReadyShare
            | Figure::CallbacksOwed
            | Figure::NodeAway
            | Figure::StoreFailing => false,
        }
    }

    /// As people read it.
    pub fn shown(self, value: f64) -> String {
        match self {
            Figure::LongestWait | Figure::EstimatedWait | Figure::NodeAway | Figure::StoreFailing => {
                format!("{value:.0} s")
            }
            Figure::NotReadyShare
            | Figure::ServiceLevelA
            | Figure::ServiceLevelB
            | Figure::ServiceLevelC
            | Figure::ServiceLevelD
            | Figure::AbandonRate
            | Figure::AnswerRate
            | Figure::RonaRate => format!("{:.1} %", value * 100.0),
            Figure::Waiting
            | Figure::AgentsReady
            | Figure::AgentsSignedIn
            | Figure::CallbacksOwed
            | Figure::Offered
            | Figure::EventsLost => format!("{value:.0}"),
        }
    }
}

/// What a figure is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Value {
    /// So much.
    Known(f64),
    /// There is nothing to be measured, which is no reason for an alarm.
    Quiet,
    /// Nobody knows: what was, holds.
    Unknown,
}

/// What was counted of a queue, or of a node, up to a moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Totals {
    offered: u64,
    done: u64,
    answered: u64,
    answered_within: u64,
    abandoned: u64,
    abandoned_within: u64,
    offers: u64,
    unanswered: u64,
    lost: u64,
}

impl Totals {
    pub(super) fn of_queue(counts: Option<&QueueCounts>) -> Totals {
        let mut totals = Totals::default();
        let Some(counts) = counts else { return totals };
        for tier in counts.tiers.values() {
            let finished = |outcome| tier.finished.get(&outcome).copied().unwrap_or_default();
            totals.offered += tier.offered;
            // Answered calls count when they are connected, as those within the target do.
            totals.done += tier.finished.values().sum::<u64>() - finished(CallOutcome::Answered);
            totals.abandoned += finished(CallOutcome::Abandoned);
            totals.answered_within += tier.answered_within;
            totals.abandoned_within += tier.abandoned_within;
        }
        totals.offers = counts.offers.values().sum();
        totals.unanswered = counts
            .offers
            .get(&OfferResult::NoAnswer)
            .copied()
            .unwrap_or_default();
        totals.answered = counts.answer_wait.count();
        totals.done += totals.answered;
        totals
    }

    pub(super) fn of_node(node: &Node) -> Totals {
        Totals {
            lost: node.counts.lost,
            ..Totals::default()
        }
    }

    fn since(self, before: Totals) -> Totals {
        Totals {
            offered: self.offered.saturating_sub(before.offered),
            done: self.done.saturating_sub(before.done),
            answered: self.answered.saturating_sub(before.answered),
            answered_within: self.answered_within.saturating_sub(before.answered_within),
            abandoned: self.abandoned.saturating_sub(before.abandoned),
            abandoned_within: self.abandoned_within.saturating_sub(before.abandoned_within),
            offers: self.offers.saturating_sub(before.offers),
            unanswered: self.unanswered.saturating_sub(before.unanswered),
            lost: self.lost.saturating_sub(before.lost),
        }
    }

    /// A rate of what these count, or a number; `least` is from how many calls on a rate counts.
    fn figure(self, figure: Figure, least: u64) -> Value {
        let share = |part: u64, whole: u64| {
            if whole < least.max(1) {
                Value::Quiet
            } else {
                Value::Known(part as f64 / whole as f64)
            }
        };
        let late = self.abandoned.saturating_sub(self.abandoned_within);
        match figure {
            Figure::Offered => Value::Known(self.offered as f64),
            Figure::EventsLost => Value::Known(self.lost as f64),
            Figure::ServiceLevelA => share(self.answered_within, self.answered),
            Figure::ServiceLevelB => share(
                self.answered_within + self.abandoned_within,
                self.answered + self.abandoned,
            ),
            Figure::ServiceLevelC => share(self.answered_within, self.answered + self.abandoned),
            Figure::ServiceLevelD => share(self.answered_within, self.answered + late),
            Figure::AbandonRate => share(self.abandoned, self.done),
            Figure::AnswerRate => share(self.answered, self.done),
            Figure::RonaRate => share(self.unanswered, self.offers),
            Figure::Waiting
            | Figure::LongestWait
            | Figure::EstimatedWait
            | Figure::AgentsReady
            | Figure::AgentsSignedIn
            | Figure::NotReadyShare
            | Figure::CallbacksOwed
            | Figure::NodeAway
            | Figure::StoreFailing => Value::Unknown,
        }
    }
}

/// What was counted at moments of the last while, oldest first.
#[derive(Debug, Default)]
pub(super) struct Window(VecDeque<(u64, Totals)>);

/// Parts of a window: it is exact to one of them.
const PARTS: u64 = 30;

impl Window {
    /// What a figure is over the last `length`, up to `now`. Shorter as long as that is all that is known.
    pub(super) fn figure(
        &mut self,
        figure: Figure,
        totals: Totals,
        now: u64,
        length: u64,
        least: u64,
    ) -> Value {
        if self
            .0
            .back()
            .is_none_or(|(at, _)| now.saturating_sub(*at) >= length / PARTS)
        {
            self.0.push_back((now, totals));
        }
        while self
            .0
            .get(1)
            .is_some_and(|(at, _)| now.saturating_sub(*at) >= length)
        {
            self.0.pop_front();
        }
        let before = self.0.front().map_or(totals, |(_, totals)| *totals);
        totals.since(before).figure(figure, least)
    }
}

/// A figure of a queue that is so at this moment.
pub(super) fn at_once(figure: Figure, queue: &Queue, now: u64) -> Value {
    let agents = |states: &[AgentState]| states.iter().map(|state| queue.agents(*state)).sum::<u32>();
    let signed_in = || agents(AgentState::ALL) - agents(&[AgentState::SignedOut]);
    let known = |value: u32| Value::Known(f64::from(value));
    match figure {
        Figure::Waiting => known(u32::try_from(queue.waiting.len()).unwrap_or(u32::MAX)),
        Figure::LongestWait => {
            let oldest = queue.waiting.first();
            Value::Known(oldest.map_or(0.0, |(joined, _)| seconds(now.saturating_sub(*joined))))
        }
        Figure::EstimatedWait => match queue.predicted {
            Some(predicted) if !queue.waiting.is_empty() => Value::Known(seconds(predicted.p50)),
            Some(_) | None => Value::Quiet,
        },
        Figure::AgentsReady => known(agents(&[AgentState::Ready])),
        Figure::AgentsSignedIn => known(signed_in()),
        Figure::NotReadyShare => match signed_in() {
            0 => Value::Quiet,
            all => {
                let away = agents(&[AgentState::NotReady, AgentState::ForcedBusy]);
                Value::Known(f64::from(away) / f64::from(all))
            }
        },
        Figure::CallbacksOwed => known(queue.owed),
        Figure::Offered
        | Figure::ServiceLevelA
        | Figure::ServiceLevelB
        | Figure::ServiceLevelC
        | Figure::ServiceLevelD
        | Figure::AbandonRate
        | Figure::AnswerRate
        | Figure::RonaRate
        | Figure::NodeAway
        | Figure::EventsLost
        | Figure::StoreFailing => Value::Unknown,
    }
}

pub(super) fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

/// By node, or by node and queue.
pub(super) type Windows = BTreeMap<(String, String), Window>;

#[cfg(test)]
mod tests {
    use super::*;

    /// The customer's example: 1,000 answered, 60 abandoned, within the target 860 and 20.
    #[test]
    fn service_levels_are_as_defined() {
        let totals = Totals {
            offered: 1_060,
            done: 1_060,
            answered: 1_000,
            answered_within: 860,
            abandoned: 60,
            abandoned_within: 20,
            ..Totals::default()
        };
        for (figure, wanted) in [
            (Figure::ServiceLevelA, 0.86),
            (Figure::ServiceLevelB, 0.830_188_679),
            (Figure::ServiceLevelC, 0.811_320_755),
            (Figure::ServiceLevelD, 0.826_923_077),
            (Figure::AbandonRate, 0.056_603_774),
            (Figure::AnswerRate, 0.943_396_226),
        ] {
            match totals.figure(figure, 10) {
                Value::Known(value) => assert!((value - wanted).abs() < 1e-6, "{figure:?}: {value}"),
                other => panic!("{figure:?}: {other:?}"),
            }
        }
        assert_eq!(totals.figure(Figure::ServiceLevelA, 1_001), Value::Quiet);
    }

    #[test]
    fn a_window_forgets_what_is_older() {
        let mut window = Window::default();
        let minute = 60_000_000;
        let at = |offered| Totals {
            offered,
            ..Totals::default()
        };
        let mut figure = |offered, minutes: u64| {
            window.figure(Figure::Offered, at(offered), minutes * minute, 15 * minute, 1)
        };
        // What was before the first look counts for nothing.
        assert_eq!(figure(100, 0), Value::Known(0.0));
        assert_eq!(figure(110, 10), Value::Known(10.0));
        assert_eq!(figure(130, 16), Value::Known(30.0));
        assert_eq!(figure(130, 26), Value::Known(20.0));
        assert_eq!(figure(130, 60), Value::Known(0.0));
    }
}
