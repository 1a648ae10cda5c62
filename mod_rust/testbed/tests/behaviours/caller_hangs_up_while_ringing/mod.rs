//! A caller who hangs up while an agent's phone rings: it stops, and the agent is not blamed.

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_wire::event::{CallOutcome, OfferResult, Party};
use hotline_wire::snapshot::AgentState;

use crate::{EXTENSIONS, Finished, finished, offer_result};

#[test]
fn the_phone_stops_ringing_and_the_next_caller_is_offered() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let (caller, next, agent) = (bed.caller("gold"), bed.caller("gold"), bed.phone("a1001"));
    caller.call("support")?;
    agent.expect_ring()?;
    caller.hang_up();
    assert_eq!(agent.expect_hangup()?.status, 487);
    let expected = Finished {
        outcome: CallOutcome::Abandoned,
        agent: None,
        by: Party::Caller,
    };
    assert_eq!(finished(&bed, &caller)?, expected);
    assert_eq!(offer_result(&bed, 0, "1001")?, OfferResult::Cancelled);
    bed.node.agent_is("1001", AgentState::Ready)?;
    next.call("support")?;
    agent.expect_ring()?;
    agent.answer();
    next.hears(&agent)?;
    bed.finish()
}
