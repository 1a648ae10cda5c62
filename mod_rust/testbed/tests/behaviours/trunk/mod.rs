//! An agent behind a trunk: whoever else talks over it does not make the agent busy.

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_wire::snapshot::AgentState;

use crate::EXTENSIONS;

#[test]
fn others_on_the_trunk_do_not_make_its_agents_busy() -> Result<()> {
    let bed = Bed::boot_with(include_str!("hotline.toml"), EXTENSIONS, |setup| {
        setup.phones.retain(|phone| phone != "555@free3");
    })?;
    let (other, colleague) = (bed.phone("free3"), bed.phone("free1"));
    let (caller, agent) = (bed.caller("gold"), bed.phone("555"));
    other.dial("701")?;
    colleague.expect_ring()?;
    colleague.answer();
    colleague.hears(&other)?;
    for _ in 0..2 {
        caller.call("support")?;
        agent.expect_ring()?;
        agent.answer();
        caller.hears(&agent)?;
        caller.hang_up();
        agent.expect_hangup()?;
        bed.node.agent_is("1001", AgentState::Ready)?;
    }
    colleague.hears(&other)?;
    bed.finish()
}
