//! The agent answers in the very moment in which the caller hangs up, or a supervisor takes the agent away.

use std::time::Duration;

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_wire::event::CallOutcome;
use hotline_wire::snapshot::AgentState;
use hotline_wire::{Command, Event};

use crate::{EXTENSIONS, call_of, finished};

/// The two events come closer to each other and further apart by so much, to hit every order.
const STEP: Duration = Duration::from_micros(300);

#[test]
fn the_caller_hangs_up_as_the_agent_answers() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let agent = bed.phone("a1001");
    for round in 0..10 {
        let caller = bed.caller("gold");
        caller.call("support")?;
        agent.expect_ring()?;
        if round % 2 == 0 {
            agent.answer();
            std::thread::sleep(STEP * round);
            caller.hang_up();
        } else {
            caller.hang_up();
            std::thread::sleep(STEP * round);
            agent.answer();
        }
        agent.expect_hangup()?;
        let outcome = finished(&bed, &caller)?.outcome;
        assert!(
            matches!(outcome, CallOutcome::Answered | CallOutcome::Abandoned),
            "{outcome:?}"
        );
        bed.node.agent_is("1001", AgentState::Ready)?;
    }
    bed.finish()
}

#[test]
fn a_supervisor_locks_the_agent_as_it_answers() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let agent = bed.phone("a1001");
    for round in 0..10 {
        let caller = bed.caller("gold");
        caller.call("support")?;
        agent.expect_ring()?;
        let call = call_of(&bed, &caller)?;
        let place = bed.node.now();
        agent.answer();
        std::thread::sleep(STEP * round);
        bed.node.command(
            "supervisor",
            Command::ForceBusy {
                agent: "1001".into(),
                reason: "race".into(),
                seconds: 0,
            },
        )?;
        let connected = |event: &Event| match event {
            Event::CallConnected { call: other, .. } if *other == call => Some(true),
            Event::AgentChanged { agent, .. } if agent.state == AgentState::ForcedBusy => Some(false),
            _ => None,
        };
        // Either the answer was first, and they talk; or the lock was, and the caller waits on.
        if bed.node.event_after(place, "answer or lock", connected)? {
            caller.hears(&agent)?;
            caller.hang_up();
        } else {
            caller.hears_music()?;
            caller.hang_up();
        }
        agent.expect_hangup()?;
        finished(&bed, &caller)?;
        bed.node.agent_is("1001", AgentState::ForcedBusy)?;
        bed.node
            .command("supervisor", Command::ForceIdle { agent: "1001".into() })?;
        bed.node.agent_is("1001", AgentState::Ready)?;
    }
    bed.finish()
}
