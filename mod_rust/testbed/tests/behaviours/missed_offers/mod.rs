//! An agent who does not answer, declines, or is busy: the other agent is offered the call, and the first one pauses.

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_testbed::phone::Phone;
use hotline_wire::event::OfferResult;
use hotline_wire::snapshot::AgentState;

use crate::{EXTENSIONS, offer_result};

#[test]
fn an_agent_who_does_not_answer_loses_the_call_to_another() -> Result<()> {
    missed(OfferResult::NoAnswer, |_| ())
}

#[test]
fn an_agent_who_declines_loses_the_call_to_another() -> Result<()> {
    missed(OfferResult::Rejected, Phone::decline)
}

#[test]
fn a_busy_phone_loses_the_call_to_another() -> Result<()> {
    missed(OfferResult::Busy, Phone::say_busy)
}

fn missed(result: OfferResult, how: fn(&Phone)) -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let (caller, first, second) = (bed.caller("gold"), bed.phone("a1001"), bed.phone("a1002"));
    caller.call("support")?;
    // Both have been idle equally long; the first of them is the first in the settings.
    first.expect_ring()?;
    how(&first);
    first.expect_hangup()?;
    assert_eq!(offer_result(&bed, 0, "1001")?, result);
    bed.node.agent_is("1001", AgentState::Unavailable)?;
    second.expect_ring()?;
    second.answer();
    caller.hears(&second)?;
    assert_eq!((first.offered(), second.offered()), (1, 1));
    bed.finish()
}

#[test]
fn after_some_misses_an_agent_is_not_ready() -> Result<()> {
    let bed = Bed::boot(include_str!("strict.toml"), EXTENSIONS)?;
    let (caller, agent) = (bed.caller("gold"), bed.phone("a1001"));
    caller.call("support")?;
    agent.expect_ring()?;
    agent.decline();
    agent.expect_ring()?;
    agent.decline();
    bed.node.agent_is("1001", AgentState::NotReady)?;
    assert_eq!(agent.offered(), 2);
    let snapshot = bed.snapshot()?;
    assert_ne!(snapshot.agents[0].reason, "", "the reason is visible");
    caller.hears_music()?;
    bed.finish()
}
