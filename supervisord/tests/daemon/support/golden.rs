//! The figures that there are: of the golden page, and those that are the daemon's own or follow from rules.

use std::collections::{BTreeMap, BTreeSet};

/// Not of the events, and so not of the golden page; with their labels.
const OWN: [(&str, &[&str]); 11] = [
    ("up", &["instance", "job"]),
    ("ALERTS", &["alertname", "alertstate"]),
    ("hotline_build_info", &["version"]),
    ("hotline_event_lag_seconds", &["node"]),
    ("hotline_module_up", &["node"]),
    ("hotline_series_dropped_total", &[]),
    ("hotline_spool_bytes", &["node"]),
    ("hotline_spool_max_bytes", &["node"]),
    ("hotline_spool_ok", &["node"]),
    ("hotline_store_commit_seconds", &["le"]),
    ("hotline_store_ok", &[]),
];

/// The series that there are, and the labels of each.
pub fn figures() -> BTreeMap<String, BTreeSet<String>> {
    let mut figures: BTreeMap<String, BTreeSet<String>> = OWN
        .iter()
        .map(|(name, labels)| {
            (
                name.to_string(),
                labels.iter().map(|label| label.to_string()).collect(),
            )
        })
        .collect();
    let golden = include_str!("../golden/metrics.txt");
    for line in golden.lines().filter(|line| !line.starts_with('#')) {
        let (name, labels) = match line.split_once('{') {
            Some((name, rest)) => (name, rest.rsplit_once('}').unwrap().0),
            None => (line.split(' ').next().unwrap(), ""),
        };
        let known = figures.entry(name.to_owned()).or_default();
        known.extend(
            labels
                .split("\",")
                .filter_map(|label| label.split_once("=\""))
                .map(|(label, _)| label.to_owned()),
        );
    }
    figures
}
