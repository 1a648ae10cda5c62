//! The state's figures as families of series.

use std::collections::{BTreeMap, BTreeSet};

use hotline_wire::blacklist::ScreenAction;
use hotline_wire::event::{
    CallOutcome, CallbackOutcome, Exit, Limit, OfferResult, RecordingFailure, RetrieveResult,
};
use hotline_wire::frame::{GapReason, PipeInfo};
use hotline_wire::snapshot::{AgentState, Door};

use super::text::{Family, Kind, counter, counter_seconds, gauge, histogram, summary};
use crate::alarms::Step;
use crate::state::counts::{
    ACTIONS, GAPS, LEVELS, QueueCounts, REFUSALS, RESULTS, SCORES, SurveyCounts, TierCounts, USUAL_SCORES,
};
use crate::state::histogram;
use crate::state::{Node, Queue};

/// The tiers there are and those that were.
pub(super) fn tiers<'a>(node: &'a Node, counts: Option<&'a QueueCounts>) -> BTreeSet<&'a str> {
    let counted = counts.into_iter().flat_map(|counts| counts.tiers.keys());
    node.tiers.iter().chain(counted).map(String::as_str).collect()
}

/// Codes of the dispositions that calls of a queue can have, and of those that they had.
pub(super) fn codes<'a>(node: &'a Node, queue: &str, counts: Option<&'a QueueCounts>) -> BTreeSet<&'a str> {
    let known = node.dispositions.iter().filter(|known| known.suits(queue));
    let counted = counts.into_iter().flat_map(|counts| counts.dispositions.keys());
    let known = known.map(|known| known.code.as_str());
    known.chain(counted.map(String::as_str)).collect()
}

/// Series that [`Families::queue`] makes.
pub(super) fn series_of_queue(tiers: usize, dispositions: usize) -> usize {
    let histograms = [
        histogram::WAIT,
        histogram::WAIT,
        histogram::TALK,
        histogram::HOLD,
        histogram::WRAP_UP,
        histogram::RING,
        histogram::DISPATCH,
    ];
    // Of surveys: how many were offered, and answers by score, or none; unusual scales have more.
    let surveys = 2 + usize::from(USUAL_SCORES);
    8 + AgentState::ALL.len()
        + surveys
        + RecordingFailure::RESULTS.len()
        + OfferResult::ALL.len()
        + dispositions
        + tiers * (6 + CallOutcome::ALL.len() + Exit::LABELS.len() + CallbackOutcome::ALL.len())
        + histograms.iter().map(|bounds| bounds.len() + 3).sum::<usize>()
}

macro_rules! families {
    ($($field:ident: $kind:ident $name:literal $help:literal,)*) => {
        /// Everything to show, by family.
        pub(super) struct Families { $($field: Family,)* }

        impl Families {
            /// None has a sample.
            pub(super) fn new() -> Families {
                Families { $($field: Family::new(concat!("hotline_", $name), Kind::$kind, $help),)* }
            }

            /// All that have samples.
            pub(super) fn into_families(self) -> impl Iterator<Item = Family> {
                [$(self.$field),*].into_iter().filter(|family| !family.is_empty())
            }
        }
    };
}

families! {
    module_up: Gauge "module_up" "1 while the node's module is connected, 0 otherwise.",
    spool_ok: Gauge "spool_ok" "1 while the node can write its events to its spool, 0 while it cannot, or has none.",
    spool_bytes: Gauge "spool_bytes" "Bytes of the node's spool, as it said last.",
    spool_max_bytes: Gauge "spool_max_bytes" "Bytes that the node's spool may have; the oldest events go then.",
    spool_earlier: Gauge "spool_earlier_boots" "Starts before the present one of which the spool still holds events.",
    node_events: Counter "node_events_total" "Events of the node since its start, as it said last.",
    node_spooled: Counter "node_events_spooled_total" "Of those, how many are or were in the spool.",
    node_acknowledged: Counter "node_events_acknowledged_total" "Of those, how many this daemon has stored, to the node's knowledge.",
    node_lost: Counter "node_events_dropped_total"
        "Events that the node dropped since its start before they were stored, by reason.",
    journal_bytes: Gauge "journal_bytes" "Bytes of the node's journal of inputs; 0 without one.",
    calls_offered: Counter "calls_offered_total"
        "Calls that joined a queue; one that goes on to another queue joins there as well.",
    calls_finished: Counter "calls_finished_total"
        "Calls that a queue is done with, by outcome; one lost with its node or in a gap has outcome error.",
    calls_diverted: Counter "calls_diverted_total"
        "Callers whom a rule of the queue sent elsewhere, by where to.",
    calls_refused: Counter "calls_refused_total" "Calls that were not let in, by reason.",
    calls_blocked: Counter "calls_blocked_total"
        "Callers who were on the blacklist, by what happened to them; flag let them go on, and warned the agent.",
    blacklist_entries: Gauge "blacklist_entries" "Entries of the node's blacklist, its index included; 0 without one.",
    answered_within: Counter "answered_within_target_total"
        "Calls connected to an agent within the queue's service target, counted when connected.",
    abandoned_within: Counter "abandoned_within_target_total"
        "Callers who hung up waiting within the queue's service target.",
    callbacks_placed: Counter "callbacks_placed_total" "Callers who left and were owed a call.",
    callbacks_restored: Counter "callbacks_restored_total"
        "Callbacks that a node kept over its restart: lost with its last boot, and owed again; no new callers.",
    callbacks_ended: Counter "callbacks_ended_total"
        "Callbacks that are over, by outcome; one lost with its node or in a gap has outcome lost, and may be restored.",
    callbacks_owed: Gauge "callbacks_owed" "Callers who are owed a call.",
    surveys_offered: Counter "surveys_offered_total" "Callers who were asked what it was like, or went to be.",
    survey_answers: Counter "survey_answers_total"
        "What came of asking callers what it was like, by score; none is who did not answer.",
    offers: Counter "offers_total" "Attempts to reach an agent that are over, by result.",
    dispositions: Counter "dispositions_total"
        "What agents said that calls were about, by code; one that they thought better of counts again.",
    state_seconds: Counter "agent_state_seconds_total"
        "Time of all agents by state, up to the node's last event.",
    actions: Counter "supervisor_actions_total"
        "Commands answered, agents' own excepted; pending ones are counted again when they are done or refused.",
    warnings: Counter "limits_reached_total"
        "Limits that something lasted beyond, by what they are on and level; repeats of the last level count again.",
    retrieves: Counter "hold_retrieves_total"
        "Phones that were to retrieve a caller from hold, by how far it came: asked, then retrieved or failed.",
    recordings: Counter "recordings_total"
        "Recordings of conversations that are over, by result: finished, or why they failed.",
    open: Gauge "queue_open" "1 while callers may join the queue, 0 while it is closed or there is an emergency.",
    estimated_wait: Summary "estimated_wait_seconds"
        "Waits predicted to callers who joined: quantiles of the last one (NaN while there is nothing to go by), sum of the medians.",
    waiting: Gauge "callers_waiting" "Callers waiting for an agent.",
    oldest_wait: Gauge "oldest_wait_start_timestamp_seconds"
        "When the longest waiting caller joined, as a Unix time; 0 while nobody waits.",
    agents: Gauge "agents" "Agents by queue and state; an agent counts in each of its queues.",
    answer_wait: Histogram "answer_wait_seconds"
        "From joining until connected to an agent, ring time included; counted when connected.",
    abandon_wait: Histogram "abandon_wait_seconds" "From joining until the caller hung up waiting.",
    talk: Histogram "talk_seconds" "Conversation of answered calls, holds included.",
    hold: Histogram "hold_seconds" "Time on hold of answered calls that were put on hold, consulting included.",
    wrap_up: Histogram "wrapup_seconds" "After-call work, by the queue of the call before.",
    offer_ring: Histogram "offer_ring_seconds" "From an offer until it ended, however it ended.",
    dispatch: Histogram "dispatch_seconds"
        "From the moment that a caller waited and the agent was free until the agent was offered the call.",
    alarms: Counter "alarms_total" "Steps of alarms since the daemon's start, by rule and step.",
    alarms_on: Gauge "alarms_on" "Alarms that are on, by rule and level.",
    events: Counter "events_applied_total" "Events stored and applied.",
    gaps: Counter "event_gaps_total" "Gaps in a node's events, by reason; boot is one of unknown size, behind the last event of a boot that did not end in order.",
    lost: Counter "events_lost_total" "Events known to be lost in gaps.",
    faults: Counter "engine_faults_total" "Defects that a node's engine met and reported; each is in the log.",
}

impl Families {
    pub(super) fn link(&mut self, node: &str, connected: bool, pipe: &PipeInfo) {
        let labels = [("node", node)];
        self.module_up.add(gauge(&labels, f64::from(u8::from(connected))));
        let spool = pipe.spool.clone().unwrap_or_default();
        let ok = pipe.spool.is_some() && spool.trouble.is_empty();
        self.spool_ok.add(gauge(&labels, f64::from(u8::from(ok))));
        self.spool_bytes.add(gauge(&labels, spool.bytes as f64));
        self.spool_max_bytes.add(gauge(&labels, spool.max_bytes as f64));
        self.spool_earlier.add(gauge(&labels, spool.earlier as f64));
        self.node_events.add(counter(&labels, pipe.newest));
        self.node_spooled.add(counter(&labels, spool.written));
        self.node_acknowledged.add(counter(&labels, pipe.acknowledged));
        for reason in GapReason::ALL {
            let lost = pipe.lost.get(reason).copied().unwrap_or(0);
            self.node_lost
                .add(counter(&[("node", node), ("reason", reason.label())], lost));
        }
        self.journal_bytes.add(gauge(&labels, pipe.journal_bytes as f64));
    }

    /// A rule for alarms: how many are on by level, and how often each step was taken.
    pub(super) fn alarm(&mut self, rule: &str, on: &[u64], steps: &BTreeMap<Step, u64>) {
        for (count, level) in on.iter().zip(1_u8..) {
            let labels = [("alarm", rule), ("level", &*level.to_string())];
            self.alarms_on.add(gauge(&labels, *count as f64));
        }
        for (step, count) in steps {
            self.alarms
                .add(counter(&[("alarm", rule), ("step", step.label())], *count));
        }
    }

    pub(super) fn node(&mut self, name: &str, node: &Node) {
        let counts = &node.counts;
        let of =
            |map: &std::collections::BTreeMap<String, u64>, key: &str| map.get(key).copied().unwrap_or(0);
        for reason in REFUSALS {
            let labels = [("node", name), ("reason", reason)];
            self.calls_refused
                .add(counter(&labels, of(&counts.refused, reason)));
        }
        for action in ScreenAction::ALL {
            let n = counts.blocked.get(action).copied().unwrap_or(0);
            self.calls_blocked
                .add(counter(&[("node", name), ("action", action.label())], n));
        }
        self.blacklist_entries
            .add(gauge(&[("node", name)], node.listed as f64));
        for state in AgentState::ALL {
            let time = counts.state_time.get(state).copied().unwrap_or(0);
            self.state_seconds
                .add(counter_seconds(&[("node", name), ("state", state.label())], time));
        }
        for action in ACTIONS {
            for result in RESULTS {
                let n = counts
                    .actions
                    .get(*action)
                    .map_or(0, |results| of(results, result));
                self.actions.add(counter(
                    &[("node", name), ("action", action), ("result", result)],
                    n,
                ));
            }
        }
        for limit in Limit::LABELS {
            for level in 1..=LEVELS {
                let n = counts.warnings.get(*limit).and_then(|levels| levels.get(&level));
                let level = level.to_string();
                let labels = [("node", name), ("limit", limit), ("level", level.as_str())];
                self.warnings.add(counter(&labels, n.copied().unwrap_or(0)));
            }
        }
        for result in RetrieveResult::ALL {
            let n = counts.retrieves.get(result).copied().unwrap_or(0);
            self.retrieves
                .add(counter(&[("node", name), ("result", result.label())], n));
        }
        for reason in GAPS {
            self.gaps.add(counter(
                &[("node", name), ("reason", reason)],
                of(&counts.gaps, reason),
            ));
        }
        self.events.add(counter(&[("node", name)], counts.events));
        self.lost.add(counter(&[("node", name)], counts.lost));
        self.faults.add(counter(&[("node", name)], counts.faults));
    }

    pub(super) fn queue(
        &mut self,
        node: &str,
        name: &str,
        queue: Option<&Queue>,
        counts: Option<&QueueCounts>,
        tiers: &BTreeSet<&str>,
        codes: &BTreeSet<&str>,
    ) {
        let base = [("node", node), ("queue", name)];
        let none = QueueCounts::default();
        let counts = counts.unwrap_or(&none);
        self.live(&base, queue, counts);
        for state in AgentState::ALL {
            let agents = queue.map_or(0, |queue| queue.agents(*state));
            self.agents.add(gauge(
                &[base[0], base[1], ("state", state.label())],
                f64::from(agents),
            ));
        }
        for result in OfferResult::ALL {
            let n = counts.offers.get(result).copied().unwrap_or(0);
            self.offers
                .add(counter(&[base[0], base[1], ("result", result.label())], n));
        }
        for code in codes {
            let n = counts.dispositions.get(*code).copied().unwrap_or(0);
            self.dispositions
                .add(counter(&[base[0], base[1], ("code", *code)], n));
        }
        self.surveys(&base, &counts.surveys);
        for result in RecordingFailure::RESULTS {
            let n = counts.recordings.get(result).copied().unwrap_or(0);
            self.recordings
                .add(counter(&[base[0], base[1], ("result", result)], n));
        }
        let none = TierCounts::default();
        for tier in tiers {
            let counts = counts.tiers.get(*tier).unwrap_or(&none);
            self.tier([base[0], base[1], ("tier", *tier)], counts);
        }
        self.answer_wait
            .add(histogram(&base, histogram::WAIT, &counts.answer_wait));
        self.abandon_wait
            .add(histogram(&base, histogram::WAIT, &counts.abandon_wait));
        self.talk.add(histogram(&base, histogram::TALK, &counts.talk));
        self.hold.add(histogram(&base, histogram::HOLD, &counts.hold));
        self.wrap_up
            .add(histogram(&base, histogram::WRAP_UP, &counts.wrap_up));
        self.offer_ring
            .add(histogram(&base, histogram::RING, &counts.ring));
        self.dispatch
            .add(histogram(&base, histogram::DISPATCH, &counts.dispatch));
    }
}

impl Families {
    /// What a queue is like now; a removed one is empty.
    fn live(&mut self, base: &[(&str, &str); 2], queue: Option<&Queue>, counts: &QueueCounts) {
        let waiting = queue.map_or(0, |queue| queue.waiting.len());
        self.waiting.add(gauge(base, waiting as f64));
        let oldest = queue.and_then(|queue| queue.waiting.first());
        let oldest = oldest.map_or(0, |(joined, _)| *joined);
        self.oldest_wait.add(gauge(base, oldest as f64 / 1e6));
        let open = queue.is_some_and(|queue| queue.info.door == Door::Open);
        self.open.add(gauge(base, f64::from(u8::from(open))));
        let owed = queue.map_or(0, |queue| queue.owed);
        self.callbacks_owed.add(gauge(base, f64::from(owed)));
        let last = queue.and_then(|queue| queue.predicted);
        let quantiles = [
            ("0.5", last.map(|estimate| estimate.p50)),
            ("0.9", last.map(|estimate| estimate.p90)),
        ];
        self.estimated_wait
            .add(summary(base, quantiles, counts.predictions, counts.predicted));
    }

    /// All scores of the usual scale, and others that were given.
    fn surveys(&mut self, base: &[(&str, &str); 2], counts: &SurveyCounts) {
        self.surveys_offered.add(counter(base, counts.offered));
        let mut add = |score: &str, n: u64| {
            let labels = [base[0], base[1], ("score", score)];
            self.survey_answers.add(counter(&labels, n));
        };
        add("none", counts.unanswered);
        for score in 1..=SCORES {
            let n = counts.scores.get(&score).copied();
            if score <= USUAL_SCORES || n.is_some() {
                add(&score.to_string(), n.unwrap_or(0));
            }
        }
    }

    fn tier(&mut self, labels: [(&str, &str); 3], counts: &TierCounts) {
        let and = |name, value| [labels[0], labels[1], labels[2], (name, value)];
        self.calls_offered.add(counter(&labels, counts.offered));
        self.answered_within.add(counter(&labels, counts.answered_within));
        self.abandoned_within
            .add(counter(&labels, counts.abandoned_within));
        for outcome in CallOutcome::ALL {
            let n = counts.finished.get(outcome).copied().unwrap_or(0);
            self.calls_finished
                .add(counter(&and("outcome", outcome.label()), n));
        }
        for to in Exit::LABELS {
            let n = counts.diverted.get(*to).copied().unwrap_or(0);
            self.calls_diverted.add(counter(&and("to", to), n));
        }
        self.callbacks_placed
            .add(counter(&labels, counts.callbacks_placed));
        self.callbacks_restored
            .add(counter(&labels, counts.callbacks_restored));
        for outcome in CallbackOutcome::ALL {
            let n = counts.callbacks_ended.get(outcome).copied().unwrap_or(0);
            self.callbacks_ended
                .add(counter(&and("outcome", outcome.label()), n));
        }
        self.callbacks_ended
            .add(counter(&and("outcome", "lost"), counts.callbacks_lost));
    }
}
