//! Callers whom one queue cannot serve in time: they go on in another at their old place, or agents of another may take
//! them too.

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_wire::Event;
use hotline_wire::event::{CallOutcome, Operation};

use crate::EXTENSIONS;
use crate::steps::{Agents, connected, join, sign_in, visits};

fn boot() -> Result<(Bed, Agents)> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let agents = Agents::of(&bed, &["1001", "1002"]);
    Ok((bed, agents))
}

/// Waits until a call has joined a queue: the place there.
fn joined(bed: &Bed, call: &str, queue: &str) -> Result<u32> {
    bed.node
        .event(&format!("call {call} to join {queue}"), |event| match event {
            Event::CallJoined {
                call: of,
                queue: at,
                position,
                ..
            } if of == call && at == queue => Some(*position),
            _ => None,
        })
}

fn visit(queue: &str, outcome: CallOutcome, whither: &str) -> (String, CallOutcome, String) {
    (queue.into(), outcome, whither.into())
}

#[test]
fn who_waited_too_long_goes_on_in_another_queue_at_the_old_place() -> Result<()> {
    let (bed, agents) = boot()?;
    let (early, late) = (bed.caller("gold"), bed.caller("gold"));
    let early_call = join(&bed, &early, "first")?;
    let late_call = join(&bed, &late, "second")?;
    assert_eq!(joined(&bed, &late_call, "second")?, 1);
    // Comes to the second queue after the other, and goes first there.
    assert_eq!(joined(&bed, &early_call, "second")?, 1);
    early.hears_music()?;
    sign_in(&bed, "1001")?;
    assert_eq!(agents.phone("1001")?.expect_ring()?.from, early.user());
    assert_eq!(agents.answer(&bed, &early_call)?, "1001");
    early.hears(agents.phone("1001")?)?;
    agents.phone("1001")?.hang_up();
    bed.expect_left(&early, "ANSWERED")?;
    let expected = [
        visit("first", CallOutcome::Timeout, "Queue(\"second\")"),
        visit("second", CallOutcome::Answered, "1001"),
    ];
    assert_eq!(visits(&bed, &early_call, 2)?, expected);
    assert_eq!(agents.answer(&bed, &late_call)?, "1001");
    bed.finish()
}

#[test]
fn the_other_queue_may_be_full() -> Result<()> {
    let (bed, _) = boot()?;
    let (caller, others) = (bed.caller("gold"), ["gold", "gold"].map(|tier| bed.caller(tier)));
    for other in &others {
        join(&bed, other, "second")?;
    }
    let call = join(&bed, &caller, "first")?;
    bed.expect_left(&caller, "FULL")?;
    let expected = [
        visit("first", CallOutcome::Timeout, "Queue(\"second\")"),
        visit("second", CallOutcome::Full, "Onward"),
    ];
    assert_eq!(visits(&bed, &call, 2)?, expected);
    bed.finish()
}

#[test]
fn a_rule_sends_callers_to_another_queue() -> Result<()> {
    let (bed, agents) = boot()?;
    let (stays, goes) = (bed.caller("gold"), bed.caller("gold"));
    let first = join(&bed, &stays, "popular")?;
    let second = join(&bed, &goes, "popular")?;
    assert_eq!(joined(&bed, &second, "second")?, 1);
    sign_in(&bed, "1001")?;
    assert_eq!(agents.answer(&bed, &first)?, "1001");
    agents.phone("1001")?.hang_up();
    bed.expect_left(&stays, "ANSWERED")?;
    assert_eq!(agents.answer(&bed, &second)?, "1001");
    agents.phone("1001")?.hang_up();
    bed.expect_left(&goes, "ANSWERED")?;
    let expected = [
        visit("popular", CallOutcome::Overflowed, "Queue(\"second\")"),
        visit("second", CallOutcome::Answered, "1001"),
    ];
    assert_eq!(visits(&bed, &second, 2)?, expected);
    assert_eq!(
        visits(&bed, &first, 1)?,
        [visit("popular", CallOutcome::Answered, "1001")]
    );
    bed.finish()
}

#[test]
fn experts_may_take_the_call_later() -> Result<()> {
    let (bed, agents) = boot()?;
    let caller = bed.caller("gold");
    let call = join(&bed, &caller, "support")?;
    // Ready all the time, but only from the rule on.
    assert_eq!(agents.answer(&bed, &call)?, "1002");
    assert!(connected(&bed, &call)? >= 600_000);
    let told = |event: Event| match event {
        Event::RuleApplied { queue, operation, .. } => Some(format!(
            "{queue}: {}",
            if operation == Operation::AddQueue("experts".into()) {
                "experts too"
            } else {
                "?"
            }
        )),
        Event::OfferMade { queue, agent, .. } => Some(format!("{agent} by {queue}")),
        Event::CallConnected { queue, agent, .. } => Some(format!("{queue}: with {agent}")),
        _ => None,
    };
    let events = bed.node.events().into_iter();
    let story: Vec<String> = events.filter_map(|frame| told(frame.event)).collect();
    // The call stays one of its own queue.
    assert_eq!(
        story,
        ["support: experts too", "1002 by experts", "support: with 1002"]
    );
    caller.hang_up();
    assert_eq!(
        visits(&bed, &call, 1)?,
        [visit("support", CallOutcome::Answered, "1002")]
    );
    bed.finish()
}
