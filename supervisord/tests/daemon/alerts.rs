//! The alert rules that are shipped: they are rules, each fires and ends, and each looks at a figure that there is.

use std::path::{Path, PathBuf};

use crate::support::daemon::{DaemonProcess, value, write_settings};
use crate::support::golden;
use crate::support::node::FakeNode;
use crate::support::prometheus::Prometheus;
use crate::support::promtool;
use crate::support::story::{Story, joined};

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
    let there = golden::figures();
    let code = rules.lines().filter(|line| !line.trim().starts_with('#'));
    let words =
        code.flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':'));
    for word in words.filter(|word| word.starts_with("hotline_")) {
        assert!(there.contains_key(word), "no figure is called {word}");
    }
}

#[test]
fn a_prometheus_scrapes_the_daemon_and_its_alerts_fire_and_end() {
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    let mut story = Story::new(40, "b1");
    story.begin(&node);
    (0..200).for_each(|_| story.step(&node));
    let settings = write_settings(dir.path(), &[&node.socket], "off", "");
    let daemon = DaemonProcess::start(&settings);
    node.wait_all_acked();
    let rules = std::fs::read_to_string(folder().join("hotline.rules.yml")).unwrap();
    let Some(prometheus) = Prometheus::start(dir.path(), daemon.http, &rules) else {
        return;
    };
    // What it has is what the page says.
    let series =
        "hotline_calls_finished_total{node=\"pbx1\",outcome=\"answered\",queue=\"sales\",tier=\"gold\"}";
    let told = value(&daemon.metrics(), series);
    assert!(told > 0.0);
    prometheus.until("the daemon is scraped", |prometheus| {
        prometheus.query(series) == [told]
    });
    let fires = |alert: &str| prometheus.until(alert, |it| it.firing().iter().any(|firing| firing == alert));
    let ends = |alert: &str| prometheus.until(alert, |it| it.firing().iter().all(|firing| firing != alert));
    ends("HotlineNodeDown");

    node.set_down(true);
    node.hang_up();
    fires("HotlineNodeDown");
    node.set_down(false);
    ends("HotlineNodeDown");

    // The story is of some day: who waits has waited for long.
    node.tell_at(1_000_000, joined("late", "support", "gold", "13800138000"));
    fires("HotlineCallerWaitsTooLong");

    let address = daemon.http;
    daemon.kill();
    fires("HotlineDaemonDown");
    let text = std::fs::read_to_string(&settings).unwrap();
    std::fs::write(&settings, text.replace("127.0.0.1:0", &address.to_string())).unwrap();
    let _again = DaemonProcess::start(&settings);
    ends("HotlineDaemonDown");
}
