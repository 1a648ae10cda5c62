//! What `/metrics` shows: the state's counts as Prometheus has them, and figures of the daemon's own health.
//!
//! The counts live in the state, which is stored and restored, so they are read at each scrape and not kept in the
//! library's own counters. Every label set is there from the start, at zero. No number and no call reference is ever
//! in a label.

use std::collections::BTreeSet;
use std::sync::Arc;

use hotline_wire::event::{CallOutcome, OfferResult};
use hotline_wire::snapshot::AgentState;
use prometheus::core::{Collector, Desc};
use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram as ProtoHistogram, LabelPair, Metric, MetricFamily, MetricType,
};
use prometheus::{GaugeVec, Histogram, HistogramOpts, IntCounter, IntGauge, IntGaugeVec, Opts, Registry};

use crate::settings::MetricsSettings;
use crate::shared::Shared;
use crate::state::counts::{ACTIONS, GAPS, QueueCounts, REFUSALS, RESULTS, TierCounts};
use crate::state::histogram::{self, Bounds};
use crate::state::{Node, Queue};

/// Figures of the daemon itself. They begin anew with each start.
#[derive(Clone, Debug)]
pub struct OwnMetrics {
    /// Whether events can be stored.
    pub store_ok: IntGauge,
    /// How long a transaction of the store takes.
    pub store_commit: Histogram,
    /// By node: how long the last event took from happening to being stored and applied.
    pub event_lag: GaugeVec,
    /// Series left out for the ceiling, summed over scrapes.
    pub series_dropped: IntCounter,
}

impl OwnMetrics {
    /// Registers them.
    ///
    /// # Errors
    /// If a name is taken in the registry.
    pub fn register(registry: &Registry) -> prometheus::Result<OwnMetrics> {
        let commits = HistogramOpts::new(
            "hotline_store_commit_seconds",
            "Time to store one batch of events for good.",
        )
        .buckets(vec![
            0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
        ]);
        let own = OwnMetrics {
            store_ok: IntGauge::new("hotline_store_ok", "1 while events can be stored, 0 otherwise.")?,
            store_commit: Histogram::with_opts(commits)?,
            event_lag: GaugeVec::new(
                Opts::new(
                    "hotline_event_lag_seconds",
                    "Time from the last event's happening until it was stored and shown.",
                ),
                &["node"],
            )?,
            series_dropped: IntCounter::new(
                "hotline_series_dropped_total",
                "Series left out because [metrics] max_series was reached, summed over scrapes.",
            )?,
        };
        registry.register(Box::new(own.store_ok.clone()))?;
        registry.register(Box::new(own.store_commit.clone()))?;
        registry.register(Box::new(own.event_lag.clone()))?;
        registry.register(Box::new(own.series_dropped.clone()))?;
        let build = IntGaugeVec::new(
            Opts::new("hotline_build_info", "1; the label says which build."),
            &["version"],
        )?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        registry.register(Box::new(build))?;
        Ok(own)
    }
}

/// Reads the shared state at each scrape.
#[derive(Debug)]
pub struct StateCollector {
    shared: Arc<Shared>,
    settings: MetricsSettings,
    series_dropped: IntCounter,
}

impl StateCollector {
    /// A collector to be registered.
    pub fn new(shared: Arc<Shared>, settings: MetricsSettings, own: &OwnMetrics) -> StateCollector {
        StateCollector {
            shared,
            settings,
            series_dropped: own.series_dropped.clone(),
        }
    }
}

impl Collector for StateCollector {
    /// None: which series there are depends on the state.
    fn desc(&self) -> Vec<&Desc> {
        Vec::new()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut families = Families::default();
        for link in self.shared.links().iter() {
            families.module_up.add(gauge(
                &[("node", &link.node)],
                f64::from(u8::from(link.commands.is_some())),
            ));
        }
        let mut room = self.settings.max_series;
        let mut dropped = 0;
        let state = self.shared.state();
        for (name, node) in &state.nodes {
            families.node(name, node);
            let names: BTreeSet<&String> = node.queues.keys().chain(node.counts.queues.keys()).collect();
            for queue in names {
                let counts = node.counts.queues.get(queue);
                let tiers = tiers(node, counts);
                let series = series_of_queue(tiers.len());
                if series > room {
                    dropped += series;
                    continue;
                }
                room -= series;
                families.queue(name, queue, node.queues.get(queue), counts, &tiers);
            }
        }
        drop(state);
        self.series_dropped.inc_by(dropped as u64);
        families.into_families()
    }
}

/// The tiers there are and those that were.
fn tiers<'a>(node: &'a Node, counts: Option<&'a QueueCounts>) -> BTreeSet<&'a str> {
    let counted = counts.into_iter().flat_map(|counts| counts.tiers.keys());
    node.tiers.iter().chain(counted).map(String::as_str).collect()
}

/// Series that [`Families::queue`] makes.
fn series_of_queue(tiers: usize) -> usize {
    let histograms = [
        histogram::WAIT,
        histogram::WAIT,
        histogram::TALK,
        histogram::WRAP_UP,
        histogram::RING,
        histogram::DISPATCH,
    ];
    2 + AgentState::ALL.len()
        + OfferResult::ALL.len()
        + tiers * (3 + CallOutcome::ALL.len())
        + histograms.iter().map(|bounds| bounds.len() + 3).sum::<usize>()
}

#[derive(Default)]
struct Family(Vec<Metric>);

impl Family {
    fn add(&mut self, metric: Metric) {
        self.0.push(metric);
    }
}

macro_rules! families {
    ($($field:ident: $kind:ident $name:literal $help:literal,)*) => {
        #[derive(Default)]
        struct Families { $($field: Family,)* }

        impl Families {
            fn into_families(self) -> Vec<MetricFamily> {
                let mut families = Vec::new();
                $(if !self.$field.0.is_empty() {
                    let mut family = MetricFamily::default();
                    family.set_name(concat!("hotline_", $name).to_owned());
                    family.set_help($help.to_owned());
                    family.set_field_type(MetricType::$kind);
                    family.set_metric(self.$field.0);
                    families.push(family);
                })*
                families
            }
        }
    };
}

families! {
    module_up: GAUGE "module_up" "1 while the node's module is connected, 0 otherwise.",
    calls_offered: COUNTER "calls_offered_total" "Calls that joined a queue.",
    calls_finished: COUNTER "calls_finished_total"
        "Calls that are over, by outcome; a call lost with its node or in a gap has outcome error.",
    calls_refused: COUNTER "calls_refused_total" "Calls that were not let in, by reason.",
    answered_within: COUNTER "answered_within_target_total"
        "Calls connected to an agent within the queue's service target, counted when connected.",
    abandoned_within: COUNTER "abandoned_within_target_total"
        "Callers who hung up waiting within the queue's service target.",
    offers: COUNTER "offers_total" "Attempts to reach an agent that are over, by result.",
    state_seconds: COUNTER "agent_state_seconds_total"
        "Time of all agents by state, up to the node's last event.",
    actions: COUNTER "supervisor_actions_total"
        "Commands answered, agents' own excepted; pending ones are counted again when they are done or refused.",
    waiting: GAUGE "callers_waiting" "Callers waiting for an agent.",
    oldest_wait: GAUGE "oldest_wait_start_timestamp_seconds"
        "When the longest waiting caller joined, as a Unix time; 0 while nobody waits.",
    agents: GAUGE "agents" "Agents by queue and state; an agent counts in each of its queues.",
    answer_wait: HISTOGRAM "answer_wait_seconds"
        "From joining until connected to an agent, ring time included; counted when connected.",
    abandon_wait: HISTOGRAM "abandon_wait_seconds" "From joining until the caller hung up waiting.",
    talk: HISTOGRAM "talk_seconds" "Conversation of answered calls.",
    wrap_up: HISTOGRAM "wrapup_seconds" "After-call work, by the queue of the call before.",
    offer_ring: HISTOGRAM "offer_ring_seconds" "From an offer until it ended, however it ended.",
    dispatch: HISTOGRAM "dispatch_seconds"
        "From the moment that a caller waited and the agent was free until the agent was offered the call.",
    events: COUNTER "events_applied_total" "Events stored and applied.",
    gaps: COUNTER "event_gaps_total" "Gaps in a node's events, by reason; a new boot of a known node is one.",
    lost: COUNTER "events_lost_total" "Events known to be lost in gaps.",
    faults: COUNTER "engine_faults_total" "Defects that a node's engine met and reported; each is in the log.",
}

impl Families {
    fn node(&mut self, name: &str, node: &Node) {
        let counts = &node.counts;
        let of =
            |map: &std::collections::BTreeMap<String, u64>, key: &str| map.get(key).copied().unwrap_or(0);
        for reason in REFUSALS {
            let labels = [("node", name), ("reason", reason)];
            self.calls_refused
                .add(counter(&labels, of(&counts.refused, reason)));
        }
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

    fn queue(
        &mut self,
        node: &str,
        name: &str,
        queue: Option<&Queue>,
        counts: Option<&QueueCounts>,
        tiers: &BTreeSet<&str>,
    ) {
        let base = [("node", node), ("queue", name)];
        let none = QueueCounts::default();
        let counts = counts.unwrap_or(&none);
        self.waiting
            .add(gauge(&base, queue.map_or(0, |queue| queue.waiting.len()) as f64));
        let oldest = queue
            .and_then(|queue| queue.waiting.first())
            .map_or(0, |(joined, _)| *joined);
        self.oldest_wait.add(gauge(&base, oldest as f64 / 1e6));
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
        let none = TierCounts::default();
        for tier in tiers {
            let counts = counts.tiers.get(*tier).unwrap_or(&none);
            let labels = [base[0], base[1], ("tier", *tier)];
            self.calls_offered.add(counter(&labels, counts.offered));
            self.answered_within.add(counter(&labels, counts.answered_within));
            self.abandoned_within
                .add(counter(&labels, counts.abandoned_within));
            for outcome in CallOutcome::ALL {
                let n = counts.finished.get(outcome).copied().unwrap_or(0);
                let labels = [labels[0], labels[1], labels[2], ("outcome", outcome.label())];
                self.calls_finished.add(counter(&labels, n));
            }
        }
        self.answer_wait
            .add(histogram(&base, histogram::WAIT, &counts.answer_wait));
        self.abandon_wait
            .add(histogram(&base, histogram::WAIT, &counts.abandon_wait));
        self.talk.add(histogram(&base, histogram::TALK, &counts.talk));
        self.wrap_up
            .add(histogram(&base, histogram::WRAP_UP, &counts.wrap_up));
        self.offer_ring
            .add(histogram(&base, histogram::RING, &counts.ring));
        self.dispatch
            .add(histogram(&base, histogram::DISPATCH, &counts.dispatch));
    }
}

fn labelled(labels: &[(&str, &str)]) -> Metric {
    let pair = |(name, value): &(&str, &str)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value((*value).to_owned());
        pair
    };
    let mut pairs: Vec<LabelPair> = labels.iter().map(pair).collect();
    pairs.sort();
    Metric::from_label(pairs)
}

fn counter(labels: &[(&str, &str)], value: u64) -> Metric {
    let mut counter = Counter::default();
    counter.set_value(value as f64);
    let mut metric = labelled(labels);
    metric.set_counter(counter);
    metric
}

fn counter_seconds(labels: &[(&str, &str)], micros: u64) -> Metric {
    let mut counter = Counter::default();
    counter.set_value(micros as f64 / 1e6);
    let mut metric = labelled(labels);
    metric.set_counter(counter);
    metric
}

fn gauge(labels: &[(&str, &str)], value: f64) -> Metric {
    let mut gauge = Gauge::default();
    gauge.set_value(value);
    let mut metric = labelled(labels);
    metric.set_gauge(gauge);
    metric
}

fn histogram(labels: &[(&str, &str)], bounds: Bounds, counts: &histogram::Histogram) -> Metric {
    let buckets = counts.cumulative(bounds).map(|(bound, count)| {
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(bound as f64 / 1e6);
        bucket.set_cumulative_count(count);
        bucket
    });
    let mut histogram = ProtoHistogram::default();
    histogram.set_bucket(buckets.collect());
    histogram.set_sample_count(counts.count());
    histogram.set_sample_sum(counts.sum() as f64 / 1e6);
    let mut metric = labelled(labels);
    metric.set_histogram(histogram);
    metric
}
