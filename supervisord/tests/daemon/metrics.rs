//! `/metrics` to the letter, and what must never be in it.

use std::path::Path;

use crate::support::daemon::{DaemonProcess, folded, value, write_settings};
use crate::support::node::FakeNode;
use crate::support::promtool;
use crate::support::story::{Story, queue, settings};

/// `HOTLINE_UPDATE_GOLDEN=1` writes the golden file anew; read the difference before committing it.
#[test]
fn a_fixed_story_gives_the_golden_metrics() {
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    let mut story = Story::new(2026, "b1");
    story.begin(&node);
    (0..600).for_each(|_| story.step(&node));
    let daemon = DaemonProcess::start(&write_settings(dir.path(), &[&node.socket], "off", ""));
    node.wait_all_acked();
    let metrics = daemon.metrics();
    promtool::check(&metrics);
    assert_eq!(value(&metrics, "hotline_module_up{node=\"pbx1\"}"), 1.0);
    assert_eq!(value(&metrics, "hotline_store_ok"), 1.0);
    for secret in ["1380013", "pbx1-b1-", "PJSIP", "1001"] {
        assert!(!metrics.contains(secret), "{secret} is in the metrics");
    }

    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/daemon/golden/metrics.txt");
    let now = folded(&metrics);
    if std::env::var_os("HOTLINE_UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(golden.parent().unwrap()).unwrap();
        std::fs::write(&golden, &now).unwrap();
    }
    let golden = std::fs::read_to_string(&golden).unwrap();
    for (line, (now, golden)) in now.lines().zip(golden.lines()).enumerate() {
        assert_eq!(now, golden, "line {}", line + 1);
    }
    assert_eq!(now.lines().count(), golden.lines().count());
}

#[test]
fn every_series_is_there_from_the_start_at_zero() {
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    Story::new(1, "b1").begin(&node);
    let daemon = DaemonProcess::start(&write_settings(dir.path(), &[&node.socket], "off", ""));
    node.wait_all_acked();
    let metrics = daemon.metrics();
    for queue in ["sales", "support"] {
        for tier in ["standard", "gold"] {
            let labels = format!("node=\"pbx1\",queue=\"{queue}\"");
            for outcome in [
                "answered",
                "abandoned",
                "timeout",
                "full",
                "no_agents",
                "removed",
                "withdrawn",
                "error",
            ] {
                let series = format!(
                    "hotline_calls_finished_total{{node=\"pbx1\",outcome=\"{outcome}\",queue=\"{queue}\",tier=\"{tier}\"}}"
                );
                assert_eq!(value(&metrics, &series), 0.0);
            }
            assert_eq!(
                value(
                    &metrics,
                    &format!("hotline_calls_offered_total{{{labels},tier=\"{tier}\"}}")
                ),
                0.0
            );
            assert_eq!(
                value(
                    &metrics,
                    &format!("hotline_answer_wait_seconds_count{{{labels}}}")
                ),
                0.0
            );
            assert_eq!(
                value(&metrics, &format!("hotline_callers_waiting{{{labels}}}")),
                0.0
            );
        }
    }
    promtool::check(&metrics);
}

#[test]
fn series_have_a_ceiling_and_say_so() {
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    let names: Vec<String> = (0..50).map(|i| format!("queue-{i:02}")).collect();
    let mut event = settings(&[], Vec::new());
    if let hotline_wire::Event::ConfigApplied { queues, .. } = &mut event {
        *queues = names.iter().map(|name| queue(name)).collect();
    }
    node.tell_at(1, event);
    let settings = write_settings(
        dir.path(),
        &[&node.socket],
        "off",
        "[metrics]\nmax_series = 1000\n",
    );
    let daemon = DaemonProcess::start(&settings);
    node.wait_all_acked();
    let metrics = daemon.metrics();
    let of_queues = metrics.lines().filter(|line| line.contains("queue=\"")).count();
    assert!(of_queues > 500 && of_queues <= 1_000, "{of_queues}");
    // Counted at the scrape, seen in the next.
    assert!(value(&daemon.metrics(), "hotline_series_dropped_total") > 1_000.0);
}
