//! The figures of a measurement: every round, their medians, and the ratios that the product is held to.

use super::measure::median;
use super::{Args, Way};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What is measured, in the order of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Metric {
    CpuPerCallMs,
    JoinedToInviteP50Ms,
    JoinedToInviteP99Ms,
    FreedToInviteP50Ms,
    FreedToInviteP99Ms,
    WaitingCpuPercentPer100,
    WaitingMemoryMibPer100,
    CallsNotAnswered,
    OffersToBusyAgents,
}

impl Metric {
    const ALL: &[(Self, &str)] = &[
        (Self::CpuPerCallMs, "CPU per call, ms"),
        (Self::JoinedToInviteP50Ms, "joined to agent's INVITE, p50, ms"),
        (Self::JoinedToInviteP99Ms, "joined to agent's INVITE, p99, ms"),
        (Self::FreedToInviteP50Ms, "agent freed to next INVITE, p50, ms"),
        (Self::FreedToInviteP99Ms, "agent freed to next INVITE, p99, ms"),
        (
            Self::WaitingCpuPercentPer100,
            "100 waiting callers, % of a core *",
        ),
        (Self::WaitingMemoryMibPer100, "100 waiting callers, MiB *"),
        (Self::CallsNotAnswered, "calls not answered"),
        (Self::OffersToBusyAgents, "offers to agents with a call"),
    ];
}

/// What one way showed in one round.
pub(super) type Figures = BTreeMap<Metric, f64>;

/// One round of all ways.
pub(super) type Round = BTreeMap<Way, Figures>;

/// All of it, as `--json` prints it.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    asterisk: String,
    agents: usize,
    queues: usize,
    calls: usize,
    calls_per_second: f64,
    cores: usize,
    rounds: Vec<Round>,
    median: Round,
    /// Of the medians, to the first way: Dial(), or music on hold for waiting callers.
    ratio: Round,
}

impl Report {
    pub(super) fn new(asterisk: String, args: &Args, rounds: Vec<Round>) -> Self {
        let mut median_of = Round::new();
        for way in rounds.iter().flat_map(BTreeMap::keys) {
            let figures = Metric::ALL.iter().filter_map(|(metric, _)| {
                let samples: Vec<f64> = rounds
                    .iter()
                    .filter_map(|round| round.get(way)?.get(metric).copied())
                    .collect();
                Some((*metric, median(&samples)?))
            });
            median_of.insert(*way, figures.collect());
        }
        let base = median_of.get(&Way::Dial).cloned().unwrap_or_default();
        let ratio = median_of
            .iter()
            .filter(|(way, _)| **way != Way::Dial)
            .map(|(way, figures)| {
                let ratios = figures.iter().filter_map(|(metric, value)| {
                    Some((*metric, value / base.get(metric).filter(|base| **base > 0.0)?))
                });
                (*way, ratios.collect())
            })
            .collect();
        Self {
            asterisk,
            agents: args.agents,
            queues: args.queues,
            calls: args.calls,
            calls_per_second: args.cps,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            rounds,
            median: median_of,
            ratio,
        }
    }

    /// For people.
    pub(super) fn table(&self) -> String {
        let ways: Vec<Way> = self.median.keys().copied().collect();
        let mut text = format!(
            "Asterisk {}, {} agents in {} queues each, {} rounds of {} calls at {} a second, {} cores; medians\n\n{:<36}",
            self.asterisk,
            self.agents,
            self.queues,
            self.rounds.len(),
            self.calls,
            self.calls_per_second,
            self.cores,
            ""
        );
        for way in &ways {
            let _ = write!(text, "{:>20}", way.title());
        }
        text.push('\n');
        for (metric, title) in Metric::ALL {
            let _ = write!(text, "{title:<36}");
            for way in &ways {
                let cell = match (
                    self.figure(&self.median, *way, *metric),
                    self.figure(&self.ratio, *way, *metric),
                ) {
                    (Some(value), Some(ratio)) => format!("{value:.2} ({ratio:.2} x)"),
                    (Some(value), None) => format!("{value:.2}"),
                    (None, _) => "-".into(),
                };
                let _ = write!(text, "{cell:>20}");
            }
            text.push('\n');
        }
        text.push_str("\n(... x) is the ratio to Dial(); * in the rows of waiting callers the first column is MusicOnHold().\n");
        text
    }

    fn figure(&self, of: &Round, way: Way, metric: Metric) -> Option<f64> {
        of.get(&way)?.get(&metric).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_ratios() {
        let round = |dial: f64, queue: f64| {
            Round::from([
                (Way::Dial, Figures::from([(Metric::CpuPerCallMs, dial)])),
                (
                    Way::Queue,
                    Figures::from([(Metric::CpuPerCallMs, queue), (Metric::FreedToInviteP50Ms, 400.0)]),
                ),
            ])
        };
        let args = Args {
            agents: 3,
            queues: 1,
            ..Args::small()
        };
        let report = Report::new(
            "22".into(),
            &args,
            vec![round(5.0, 10.0), round(4.0, 9.0), round(9.0, 30.0)],
        );
        assert_eq!(report.median[&Way::Dial][&Metric::CpuPerCallMs], 5.0);
        assert_eq!(report.ratio[&Way::Queue][&Metric::CpuPerCallMs], 2.0);
        assert_eq!(report.ratio[&Way::Queue].get(&Metric::FreedToInviteP50Ms), None);
        let table = report.table();
        assert!(
            table.contains("10.00 (2.00 x)") && table.contains("400.00"),
            "{table}"
        );
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["median"]["queue"]["cpu_per_call_ms"], 10.0);
        assert_eq!(json["rounds"][2]["dial"]["cpu_per_call_ms"], 9.0);
    }
}
