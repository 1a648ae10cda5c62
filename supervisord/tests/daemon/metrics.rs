//! `/metrics` to the letter, and what must never be in it.

use std::path::Path;

use hotline_wire::Event;
use hotline_wire::blacklist::ScreenAction;
use hotline_wire::event::{CallOutcome, CallbackOutcome, Exit, Limit, Party};

use crate::support::daemon::{DaemonProcess, folded, value, write_settings};
use crate::support::node::FakeNode;
use crate::support::promtool;
use crate::support::story::{MORNING, SECOND, Story, agent, joined, queue, settings};

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
            for outcome in CallOutcome::ALL {
                let outcome = outcome.label();
                let series = format!(
                    "hotline_calls_finished_total{{node=\"pbx1\",outcome=\"{outcome}\",queue=\"{queue}\",tier=\"{tier}\"}}"
                );
                assert_eq!(value(&metrics, &series), 0.0);
            }
            for to in Exit::LABELS {
                let series = format!("hotline_calls_diverted_total{{{labels},tier=\"{tier}\",to=\"{to}\"}}");
                assert_eq!(value(&metrics, &series), 0.0);
            }
            let ends = CallbackOutcome::ALL.iter().map(|outcome| outcome.label());
            for outcome in ends.chain(["lost"]) {
                let series = format!(
                    "hotline_callbacks_ended_total{{node=\"pbx1\",outcome=\"{outcome}\",queue=\"{queue}\",tier=\"{tier}\"}}"
                );
                assert_eq!(value(&metrics, &series), 0.0);
            }
            let unknown = format!("hotline_estimated_wait_seconds{{{labels},quantile=\"0.9\"}}");
            assert!(value(&metrics, &unknown).is_nan());
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
    for limit in Limit::LABELS {
        for level in 1..=8 {
            let series =
                format!("hotline_limits_reached_total{{level=\"{level}\",limit=\"{limit}\",node=\"pbx1\"}}");
            assert_eq!(value(&metrics, &series), 0.0);
        }
    }
    for action in ScreenAction::ALL {
        let action = action.label();
        let series = format!("hotline_calls_blocked_total{{action=\"{action}\",node=\"pbx1\"}}");
        assert_eq!(value(&metrics, &series), 0.0);
    }
    for reason in ["boot", "overflow", "snapshot", "other"] {
        let series = format!("hotline_event_gaps_total{{node=\"pbx1\",reason=\"{reason}\"}}");
        assert_eq!(value(&metrics, &series), 0.0);
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

/// 1,000 answered, 860 of them within 20 s; 60 abandoned, 20 of them within 20 s; 15 others. The service levels by all
/// four definitions are known for these figures.
#[test]
fn service_levels_follow_from_the_metrics() {
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    let agents = vec![agent("1001", &["sales"])];
    node.tell_at(MORNING, settings(&["sales"], agents));
    let mut at = MORNING;
    let mut call_of = |number: u64, outcome: CallOutcome, wait: u64, talk: u64| {
        let call = format!("c{number}");
        let (queue, tier) = ("sales".to_owned(), "gold".to_owned());
        at += SECOND;
        node.tell_at(at, joined(&call, &queue, &tier, "13800138000"));
        at += wait;
        let answered = outcome == CallOutcome::Answered;
        if answered {
            node.tell_at(
                at,
                Event::CallConnected {
                    call: call.clone(),
                    agent: "1001".into(),
                    queue: queue.clone(),
                    tier: tier.clone(),
                    wait,
                },
            );
        }
        at += talk;
        node.tell_at(
            at,
            Event::CallFinished {
                call,
                queue,
                tier,
                outcome,
                agent: answered.then(|| "1001".into()),
                wait,
                talk,
                hold: 0,
                by: Party::Caller,
                to: Exit::Onward,
            },
        );
    };
    let mut number = 0;
    let mut calls = |count: u64, outcome, wait, talk| {
        for _ in 0..count {
            number += 1;
            call_of(number, outcome, wait, talk);
        }
    };
    calls(859, CallOutcome::Answered, 4 * SECOND, 90 * SECOND);
    // On the target is within it.
    calls(1, CallOutcome::Answered, 20 * SECOND, 90 * SECOND);
    calls(140, CallOutcome::Answered, 20 * SECOND + 1, 90 * SECOND);
    calls(20, CallOutcome::Abandoned, 20 * SECOND, 0);
    calls(40, CallOutcome::Abandoned, 50 * SECOND, 0);
    calls(10, CallOutcome::Timeout, 300 * SECOND, 0);
    calls(5, CallOutcome::Withdrawn, SECOND, 0);

    let daemon = DaemonProcess::start(&write_settings(dir.path(), &[&node.socket], "off", ""));
    node.wait_all_acked();
    let metrics = daemon.metrics();
    let of_tier = |name: &str| {
        value(
            &metrics,
            &format!("hotline_{name}{{node=\"pbx1\",queue=\"sales\",tier=\"gold\"}}"),
        )
    };
    let of_queue = |name: &str| {
        value(
            &metrics,
            &format!("hotline_{name}{{node=\"pbx1\",queue=\"sales\"}}"),
        )
    };
    let finished = |outcome: &str| {
        value(
            &metrics,
            &format!(
                "hotline_calls_finished_total{{node=\"pbx1\",outcome=\"{outcome}\",queue=\"sales\",tier=\"gold\"}}"
            ),
        )
    };
    let (ans, ab) = (finished("answered"), finished("abandoned"));
    let (ans_within, ab_within) = (
        of_tier("answered_within_target_total"),
        of_tier("abandoned_within_target_total"),
    );
    let percent = |part: f64, of: f64| (1_000.0 * part / of).round() / 10.0;
    assert_eq!(percent(ans_within, ans), 86.0, "A");
    assert_eq!(percent(ans_within + ab_within, ans + ab), 83.0, "B");
    assert_eq!(percent(ans_within, ans + ab), 81.1, "C");
    assert_eq!(percent(ans_within, ans + ab - ab_within), 82.7, "D");
    assert_eq!(
        of_tier("calls_offered_total"),
        ans + ab + finished("timeout") + finished("withdrawn")
    );
    // A histogram's bucket at the target says the same.
    let bucket = "hotline_answer_wait_seconds_bucket{node=\"pbx1\",queue=\"sales\",le=\"20\"}";
    assert_eq!(value(&metrics, bucket), ans_within);
    // Average speed of answer, ring time included: (859 x 4 + 20 + 140 x 20.000001) / 1000.
    let asa = of_queue("answer_wait_seconds_sum") / of_queue("answer_wait_seconds_count");
    assert!((asa - 6.256_000_14).abs() < 1e-9, "{asa}");
    assert_eq!(
        of_queue("talk_seconds_sum") / of_queue("talk_seconds_count"),
        90.0
    );
    assert_eq!(of_queue("abandon_wait_seconds_sum"), 20.0 * 20.0 + 40.0 * 50.0);
    // The agent was ready all the time, as nobody said otherwise.
    let ready = value(
        &metrics,
        "hotline_agent_state_seconds_total{node=\"pbx1\",state=\"ready\"}",
    );
    assert_eq!(ready, (at - MORNING) as f64 / 1e6);
}
