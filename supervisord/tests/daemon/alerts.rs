//! The alert rules that are shipped: they are rules, each fires and ends, and each looks at a figure that there is.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::support::promtool;

const OWN: [&str; 7] = [
    "up",
    "hotline_build_info",
    "hotline_event_lag_seconds",
    "hotline_module_up",
    "hotline_series_dropped_total",
    "hotline_store_commit_seconds",
    "hotline_store_ok",
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/prometheus")
}

#[test]
fn the_rules_are_rules_and_each_alert_fires_and_ends() {
    for arguments in [
        ["check", "rules", "hotline.rules.yml"],
        ["test", "rules", "hotline.test.yml"],
    ] {
        if let Some(output) = promtool::run(&arguments, &folder(), "") {
            let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "promtool {arguments:?}: {said}");
        }
    }
}

#[test]
fn every_alert_is_tested_and_every_figure_is_there() {
    let read = |name: &str| std::fs::read_to_string(folder().join(name)).unwrap();
    let (rules, tests) = (read("hotline.rules.yml"), read("hotline.test.yml"));
    let alerts: Vec<&str> = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
        .collect();
    assert!(alerts.len() >= 13);
    for alert in alerts {
        let tested = tests.matches(&format!("alertname: {alert}\n")).count();
        assert!(tested >= 3, "{alert} before, while and after: {tested}");
    }
    let golden = include_str!("golden/metrics.txt");
    let kinds = ["", "_bucket", "_sum", "_count"];
    let there: BTreeSet<String> = golden
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .flat_map(|name| kinds.map(|kind| format!("{name}{kind}")))
        .chain(OWN.map(str::to_owned))
        .collect();
    let code = rules.lines().filter(|line| !line.trim().starts_with('#'));
    let words =
        code.flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':'));
    for word in words.filter(|word| word.starts_with("hotline_")) {
        assert!(there.contains(word), "no figure is called {word}");
    }
}
