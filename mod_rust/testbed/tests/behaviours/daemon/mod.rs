//! The daemon may come late, be killed and come back: no call is touched, and its counters are exact to the call.

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_testbed::daemon::{Daemon, Metrics};
use hotline_testbed::phone::Phone;
use hotline_wire::event::CallOutcome;

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
