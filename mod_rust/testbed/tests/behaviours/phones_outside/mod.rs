//! Phones that are busy with somebody else, or cannot be reached, are not offered calls.

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_wire::snapshot::{AgentState, PhoneState};

use crate::EXTENSIONS;

#[test]
fn a_phone_that_somebody_else_called_is_not_rung() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let (first, second, colleague) = (bed.phone("a1001"), bed.phone("a1002"), bed.phone("free1"));
    first.set_lines(2);
    colleague.dial("a1001")?;
    first.expect_ring()?;
    first.answer();
    colleague.hears(&first)?;
    bed.node.agent_is("1001", AgentState::Unavailable)?;
    for _ in 0..2 {
        let caller = bed.caller("gold");
        caller.call("support")?;
        second.expect_ring()?;
        second.answer();
        caller.hears(&second)?;
        caller.hang_up();
        second.expect_hangup()?;
        bed.node.agent_is("1002", AgentState::Ready)?;
    }
    assert_eq!(first.offered(), 1, "only the colleague rang it");
    colleague.hang_up();
    bed.node.agent_is("1001", AgentState::Ready)?;
    bed.finish()
}

#[test]
fn a_phone_that_calls_out_is_not_rung() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let (first, second, colleague) = (bed.phone("a1001"), bed.phone("a1002"), bed.phone("free1"));
    first.set_lines(2);
    first.dial("free1")?;
    colleague.expect_ring()?;
    colleague.answer();
    first.hears(&colleague)?;
    bed.node.agent_is("1001", AgentState::Unavailable)?;
    let caller = bed.caller("gold");
    caller.call("support")?;
    second.expect_ring()?;
    assert_eq!(first.offered(), 0);
    bed.finish()
}

#[test]
fn a_phone_that_does_not_answer_to_keep_alives_is_not_rung() -> Result<()> {
    let bed = Bed::boot_with(include_str!("hotline.toml"), EXTENSIONS, |setup| {
        setup.watched_phones.push("a1001".into());
    })?;
    let (first, second, caller) = (bed.phone("a1001"), bed.phone("a1002"), bed.caller("gold"));
    first.plug(true);
    bed.node.agent_is("1001", AgentState::Ready)?;
    first.plug(false);
    bed.node.agent_is("1001", AgentState::Unavailable)?;
    assert_eq!(bed.snapshot()?.agents[0].phone_state, PhoneState::Unreachable);
    caller.call("support")?;
    second.expect_ring()?;
    second.answer();
    caller.hears(&second)?;
    assert_eq!(first.offered(), 0);
    first.plug(true);
    bed.node.agent_is("1001", AgentState::Ready)?;
    bed.finish()
}

#[test]
fn an_agent_who_calls_out_during_a_queues_call_is_busy_after_it() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let (caller, agent, colleague) = (bed.caller("gold"), bed.phone("a1001"), bed.phone("free1"));
    agent.set_lines(2);
    caller.call("support")?;
    agent.expect_ring()?;
    agent.answer();
    caller.hears(&agent)?;
    agent.dial("free1")?;
    colleague.expect_ring()?;
    colleague.answer();
    colleague.hears(&agent)?;
    caller.hang_up();
    bed.node.agent_is("1001", AgentState::Unavailable)?;
    colleague.hang_up();
    bed.node.agent_is("1001", AgentState::Ready)?;
    bed.finish()
}
