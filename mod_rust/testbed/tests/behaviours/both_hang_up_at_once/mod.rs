//! Caller and agent hang up in the same moment: one end, one record, and the agent is free.

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_wire::Event;
use hotline_wire::event::CallOutcome;
use hotline_wire::snapshot::AgentState;

use crate::{EXTENSIONS, call_of, finished};

#[test]
fn the_call_ends_once_and_the_agent_is_free() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let agent = bed.phone("a1001");
    for round in 0..5 {
        let caller = bed.caller("gold");
        caller.call("support")?;
        agent.expect_ring()?;
        agent.answer();
        caller.hears(&agent)?;
        let (first, second) = if round % 2 == 0 {
            (&caller, &agent)
        } else {
            (&agent, &caller)
        };
        first.hang_up();
        second.hang_up();
        caller.expect_hangup()?;
        agent.expect_hangup()?;
        assert_eq!(finished(&bed, &caller)?.outcome, CallOutcome::Answered);
        bed.node.agent_is("1001", AgentState::Ready)?;
        let wanted = call_of(&bed, &caller)?;
        let ends = bed
            .node
            .events()
            .into_iter()
            .filter(|frame| matches!(&frame.event, Event::CallFinished { call, .. } if *call == wanted));
        assert_eq!(ends.count(), 1);
    }
    bed.finish()
}
