//! Every way out of `Hotline()` without an agent: the dialplan goes on and knows why.

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_wire::Event;
use hotline_wire::event::{CallOutcome, RefusedCall};

use crate::{EXTENSIONS, finished};

#[test]
fn a_full_queue_lets_the_caller_go_on() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let (waiting, turned_away) = (bed.caller("gold"), bed.caller("gold"));
    waiting.call("small")?;
    waiting.hears_music()?;
    turned_away.dial("small")?;
    bed.expect_left(&turned_away, "FULL")?;
    assert_eq!(finished(&bed, &turned_away)?.outcome, CallOutcome::Full);
    assert!(!turned_away.expect_hangup()?.by_us);
    waiting.hears_music()?;
    bed.finish()
}

#[test]
fn the_longest_wait_ends_waiting() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let caller = bed.caller("gold");
    caller.call("hasty")?;
    caller.hears_music()?;
    bed.expect_left(&caller, "TIMEOUT")?;
    assert_eq!(finished(&bed, &caller)?.outcome, CallOutcome::Timeout);
    bed.finish()
}

#[test]
fn a_queue_that_needs_agents_turns_callers_away_while_none_is_signed_in() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let caller = bed.caller("gold");
    caller.dial("staffed")?;
    bed.expect_left(&caller, "NOAGENTS")?;
    assert_eq!(finished(&bed, &caller)?.outcome, CallOutcome::NoAgents);
    bed.finish()
}

#[test]
fn an_unknown_queue_is_said_to_be_unknown() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let caller = bed.caller("gold");
    caller.dial("nonesuch")?;
    bed.expect_left(&caller, "UNKNOWNQUEUE")?;
    let refused = bed.node.event("the refusal", |event| match event {
        Event::CallRefused { queue, reason, .. } => Some((queue.clone(), *reason)),
        _ => None,
    })?;
    assert_eq!(refused, ("nonesuch".to_owned(), RefusedCall::UnknownQueue));
    bed.finish()
}
