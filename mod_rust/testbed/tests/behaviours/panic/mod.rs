//! A defect in the module: a panic in a call's own callback harms that call alone, which goes on in the dialplan.

use anyhow::{Context, Result};
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

#[test]
fn a_defect_of_the_engine_lets_everybody_waiting_go_on_and_touches_no_conversation() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let (talking, waiting, unlucky, late) = (
        bed.caller("gold"),
        bed.caller("gold"),
        bed.caller("gold"),
        bed.caller("gold"),
    );
    let agent = bed.phone("a1001");
    talking.call("support")?;
    agent.expect_ring()?;
    agent.answer();
    talking.hears(&agent)?;
    waiting.call("support")?;
    waiting.hears_music()?;

    unlucky.dial("defect")?;
    bed.expect_left(&unlucky, "ERROR")?;
    bed.expect_left(&waiting, "ERROR")?;
    late.dial("support")?;
    bed.expect_left(&late, "ERROR")?;
    talking.hears(&agent)?;
    agent.hears(&talking)?;
    agent.hang_up();
    bed.expect_left(&talking, "ANSWERED")?;
    for caller in [&waiting, &unlucky, &late, &talking] {
        caller.expect_hangup()?;
    }
    assert_eq!(bed.asterisk.channels()?, 0);
    // The module can be taken out and put back, and serves again.
    let said = bed.asterisk.cli("module unload app_hotline.so")?;
    let said = said + &bed.asterisk.cli("module load app_hotline.so")?;
    let caller = bed.caller("gold");
    caller.dial("support")?;
    agent.expect_ring().with_context(|| said)?;
    agent.answer();
    caller.hears(&agent)?;
    bed.finish()
}
