//! The daemon may come late, be killed and come back: no call is touched, and its counters are exact to the call.

use std::time::Duration;

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_testbed::daemon::{Daemon, Metrics};
use hotline_testbed::phone::{Auto, Flow, Phone, Tone};
use hotline_wire::Event;
use hotline_wire::event::{CallOutcome, OfferResult};
use hotline_wire::frame::EventFrame;

use crate::{EXTENSIONS, finished};

fn offered(metrics: &Metrics) -> f64 {
    metrics.sum("hotline_calls_offered_total", &[("queue", "support")])
}

fn ended(metrics: &Metrics, outcome: &str) -> f64 {
    metrics.sum(
        "hotline_calls_finished_total",
        &[("queue", "support"), ("outcome", outcome)],
    )
}

/// One whole call, answered by that agent.
fn whole_call(bed: &Bed, agent: &Phone) -> Result<()> {
    let caller = bed.caller("gold");
    caller.call("support")?;
    agent.expect_ring()?;
    agent.answer();
    caller.hears(agent)?;
    caller.hang_up();
    agent.expect_hangup()?;
    assert_eq!(finished(bed, &caller)?.outcome, CallOutcome::Answered);
    Ok(())
}

fn expect_exactly(daemon: &Daemon, calls: f64, answered: f64, abandoned: f64) -> Result<()> {
    let awaited = format!("{calls} offered, {answered} answered, {abandoned} abandoned");
    let metrics = daemon.metrics_when(&awaited, |metrics| {
        offered(metrics) >= calls
            && ended(metrics, "answered") + ended(metrics, "abandoned") >= answered + abandoned
    })?;
    assert_eq!(
        (
            offered(&metrics),
            ended(&metrics, "answered"),
            ended(&metrics, "abandoned")
        ),
        (calls, answered, abandoned),
        "{metrics:?}"
    );
    assert_eq!(metrics.sum("hotline_events_lost_total", &[]), 0.0);
    Ok(())
}

#[test]
fn killed_in_mid_call_it_touches_no_call_and_counts_exactly() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let (first, second) = (bed.phone("a1001"), bed.phone("a1002"));
    let mut daemon = bed.daemon()?;
    let (talking, waiting) = (bed.caller("gold"), bed.caller("gold"));
    talking.call("support")?;
    first.expect_ring()?;
    first.answer();
    talking.hears(&first)?;
    daemon.metrics_when("one call offered", |metrics| offered(metrics) == 1.0)?;

    daemon.kill()?;
    talking.hears(&first)?;
    first.hears(&talking)?;
    whole_call(&bed, &second)?;
    waiting.call("support")?;
    second.expect_ring()?;
    waiting.hang_up();
    second.expect_hangup()?;
    assert_eq!(finished(&bed, &waiting)?.outcome, CallOutcome::Abandoned);

    daemon.restart()?;
    talking.hears(&first)?;
    talking.hang_up();
    first.expect_hangup()?;
    expect_exactly(&daemon, 3.0, 2.0, 1.0)?;
    daemon.kill()?;
    daemon.restart()?;
    expect_exactly(&daemon, 3.0, 2.0, 1.0)?;
    drop(daemon);
    bed.finish()
}

#[test]
fn absent_from_the_start_it_misses_nothing() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let agent = bed.phone("a1001");
    let other = bed.phone("a1002");
    // Longest idle: the two take turns.
    whole_call(&bed, &agent)?;
    whole_call(&bed, &other)?;
    let daemon = bed.daemon()?;
    expect_exactly(&daemon, 2.0, 2.0, 0.0)?;
    whole_call(&bed, &agent)?;
    expect_exactly(&daemon, 3.0, 3.0, 0.0)?;
    let metrics = daemon.metrics()?;
    assert_eq!(metrics.sum("hotline_module_up", &[]), 1.0);
    assert_eq!(
        metrics.sum("hotline_agents", &[("state", "ready")]),
        2.0,
        "{metrics:?}"
    );
    drop(daemon);
    bed.finish()
}

#[test]
fn killed_again_and_again_under_load_it_counts_what_the_node_told() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let (agents_speak, callers_speak) = (Tone::nth(10), Tone::nth(20));
    let millis = |from, to| Duration::from_millis(from)..Duration::from_millis(to);
    for agent in ["a1001", "a1002"] {
        let auto = Auto {
            ring: millis(0, 100),
            talk: Some(millis(10, 200)),
            tone: agents_speak,
            listen_for: callers_speak,
        };
        bed.bank.auto_phone(agent, auto);
    }
    let mut daemon = bed.daemon()?;
    let flow = bed.bank.flow(Flow {
        dial: "support".into(),
        lines: vec![("gold".into(), 1)],
        per_second: 20.0,
        total: Some(80),
        at_once: 200,
        patience: Some(millis(100, 3_000)),
        tone: callers_speak,
        listen_for: agents_speak,
        first_number: 13_900_000_000,
        seed: 3,
    })?;
    let mut kills = 0;
    while !flow.done() {
        daemon.metrics_when("the node to be followed", |metrics| {
            metrics.sum("hotline_module_up", &[]) == 1.0
        })?;
        daemon.kill()?;
        kills += 1;
        daemon.restart()?;
    }
    assert_eq!(bed.bank.drain(Duration::from_secs(60)), 0);
    assert!(kills > 3, "killed only {kills} times");

    // What the node told a client that was there all the time.
    let joined = |events: &[EventFrame]| count(events, |event| matches!(event, Event::CallJoined { .. }));
    let over = |events: &[EventFrame]| count(events, |event| matches!(event, Event::CallFinished { .. }));
    let events = bed.node.story("every call to be finished", |events| {
        (joined(events) == 80 && over(events) == 80).then(|| events.to_vec())
    })?;
    let metrics = daemon.metrics_when("all calls counted", |metrics| {
        metrics.sum("hotline_calls_finished_total", &[]) >= 80.0
    })?;
    assert_eq!(offered(&metrics), 80.0, "{metrics:?}");
    for outcome in CallOutcome::ALL {
        let told = count(
            &events,
            |event| matches!(event, Event::CallFinished { outcome: o, .. } if o == outcome),
        );
        assert_eq!(
            ended(&metrics, outcome.label()),
            told as f64,
            "{outcome:?} {metrics:?}"
        );
    }
    for result in OfferResult::ALL {
        let told = count(
            &events,
            |event| matches!(event, Event::OfferEnded { result: r, .. } if r == result),
        );
        let counted = metrics.sum("hotline_offers_total", &[("result", result.label())]);
        assert_eq!(counted, told as f64, "{result:?} {metrics:?}");
    }
    assert_eq!(metrics.sum("hotline_events_lost_total", &[]), 0.0);

    // And so do reports, also from records that are made anew.
    let reported = report(&daemon)?;
    let told = |outcome| {
        let is = |event: &Event| matches!(event, Event::CallFinished { outcome: o, .. } if *o == outcome);
        Some(count(&events, is) as f64)
    };
    let figure = |name: &str| reported["rows"][0]["figures"][name]["value"].as_f64();
    assert_eq!(figure("arrivals"), Some(80.0), "{reported}");
    assert_eq!(figure("answered"), told(CallOutcome::Answered), "{reported}");
    assert_eq!(figure("abandoned"), told(CallOutcome::Abandoned), "{reported}");
    let talk: u64 = events
        .iter()
        .map(|frame| match &frame.event {
            Event::CallFinished { talk, .. } => *talk,
            _ => 0,
        })
        .sum();
    let handled = figure("handled").unwrap_or_default();
    let reported_talk = figure("talk_time").unwrap_or_default() * handled;
    assert!((reported_talk - talk as f64 / 1e6).abs() < 1e-6, "{reported}");
    daemon.kill()?;
    let rebuilt = daemon.ctl(&["store", "rebuild", "--config", &daemon.settings()])?;
    assert!(rebuilt.success, "{rebuilt:?}");
    assert_eq!(report(&daemon)?["rows"], reported["rows"]);
    drop(daemon);
    bed.finish()
}

fn report(daemon: &Daemon) -> Result<serde_json::Value> {
    let all = [
        "report",
        "2020-01-01..2099-12-31",
        "--by",
        "queue",
        "--json",
        "--config",
    ];
    let said = daemon.ctl(&[&all[..], &[&daemon.settings()]].concat())?;
    assert!(said.success, "{said:?}");
    Ok(serde_json::from_str(&said.output)?)
}

fn count(events: &[EventFrame], is_it: impl Fn(&Event) -> bool) -> usize {
    events.iter().filter(|frame| is_it(&frame.event)).count()
}
