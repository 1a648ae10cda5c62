//! What `/metrics` shows: the state's counts as Prometheus has them, and figures of the daemon's own health.
//!
//! The counts live in the state, which is stored and restored, so they are read at each scrape and not kept in the
//! library's own counters. Every label set is there from the start, at zero. No number and no call reference is ever
//! in a label.

mod families;
mod text;

use std::collections::BTreeSet;
use std::sync::Arc;

use prometheus::{
    GaugeVec, Histogram, HistogramOpts, IntCounter, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};

use crate::settings::MetricsSettings;
use crate::shared::Shared;
use families::{Families, codes, series_of_queue, tiers};
use text::Family;

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

/// All that `/metrics` shows.
#[derive(Debug)]
pub struct Metrics {
    /// Figures that are kept as they change: the daemon's own, and those of its process.
    pub registry: Registry,
    /// The state's.
    pub state: StateMetrics,
}

impl Metrics {
    /// As it is now, in Prometheus' text format: a piece for each family of the state, since all of them may be many megabytes, and one for the rest.
    ///
    /// # Errors
    /// If the library cannot write its own.
    pub fn text(&self) -> prometheus::Result<Vec<String>> {
        let mut text = self.state.text();
        text.push(TextEncoder::new().encode_to_string(&self.registry.gather())?);
        Ok(text)
    }
}

/// Reads the shared state at each scrape.
#[derive(Debug)]
pub struct StateMetrics {
    shared: Arc<Shared>,
    settings: MetricsSettings,
    series_dropped: IntCounter,
}

impl StateMetrics {
    /// What it leaves out for the ceiling is counted among the daemon's own figures.
    pub fn new(shared: Arc<Shared>, settings: MetricsSettings, own: &OwnMetrics) -> StateMetrics {
        StateMetrics {
            shared,
            settings,
            series_dropped: own.series_dropped.clone(),
        }
    }

    /// All of it, a piece for each family.
    fn text(&self) -> Vec<String> {
        let mut families = Families::new();
        for link in self.shared.links().iter() {
            families.link(&link.node, link.commands.is_some(), &link.pipe);
        }
        for (rule, on, steps) in self.shared.alarms.counts() {
            families.alarm(&rule, &on, &steps);
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
                let codes = codes(node, queue, counts);
                let series = series_of_queue(tiers.len(), codes.len());
                if series > room {
                    dropped += series;
                    continue;
                }
                room -= series;
                families.queue(name, queue, node.queues.get(queue), counts, &tiers, &codes);
            }
        }
        drop(state);
        self.series_dropped.inc_by(dropped as u64);
        families.into_families().map(Family::into_text).collect()
    }
}
