//! A defect in the module: a panic in a call's own callback harms that call alone, which goes on in the dialplan.

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_wire::snapshot::AgentState;

use crate::EXTENSIONS;

#[test]
fn a_panic_leaves_the_pbx_up_and_the_caller_goes_on() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let (talking, unlucky, agent) = (bed.caller("gold"), bed.caller("gold"), bed.phone("a1001"));
    talking.call("support")?;
    agent.expect_ring()?;
    agent.answer();
    talking.hears(&agent)?;

    unlucky.dial("panic")?;
    bed.expect_left(&unlucky, "ERROR")?;
    talking.hears(&agent)?;
    agent.hears(&talking)?;
    talking.hang_up();
    bed.node.agent_is("1001", AgentState::Ready)?;

    let lucky = bed.caller("gold");
    lucky.call("support")?;
    agent.expect_ring()?;
    agent.answer();
    lucky.hears(&agent)?;
    let log = bed.asterisk.log();
    assert!(log.contains("panic"), "the log says what happened");
    bed.finish()
}
