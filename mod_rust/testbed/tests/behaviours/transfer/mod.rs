//! The PBX's own features during the conversation: an agent passes the caller on with the keys of features.conf.

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_wire::event::CallOutcome;
use hotline_wire::snapshot::AgentState;

use crate::{EXTENSIONS, finished};

#[test]
fn a_blind_transfer_frees_the_agent_and_keeps_the_caller() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let (caller, next) = (bed.caller("gold"), bed.caller("gold"));
    let (agent, colleague) = (bed.phone("a1001"), bed.phone("free1"));
    caller.call("transfer")?;
    agent.expect_ring()?;
    agent.answer();
    caller.hears(&agent)?;
    agent.press("#701#");
    colleague.expect_ring()?;
    agent.expect_hangup()?;
    colleague.answer();
    caller.hears(&colleague)?;
    colleague.hears(&caller)?;
    let record = finished(&bed, &caller)?;
    assert_eq!(
        (record.outcome, record.agent.as_deref()),
        (CallOutcome::Answered, Some("1001"))
    );
    bed.node.agent_is("1001", AgentState::Ready)?;
    next.call("support")?;
    agent.expect_ring()?;
    agent.answer();
    next.hears(&agent)?;
    caller.hears(&colleague)?;
    caller.hang_up();
    colleague.expect_hangup()?;
    bed.finish()
}

#[test]
fn an_attended_transfer_frees_the_agent_while_the_caller_talks_on() -> Result<()> {
    let bed = Bed::boot_with(include_str!("hotline.toml"), EXTENSIONS, |setup| {
        setup.files.push((
            "features.conf".into(),
            "[general]\n[featuremap]\natxfer => *2\n".into(),
        ));
    })?;
    let (caller, next) = (bed.caller("gold"), bed.caller("gold"));
    let (agent, colleague) = (bed.phone("a1001"), bed.phone("free1"));
    caller.call("transfer")?;
    agent.expect_ring()?;
    agent.answer();
    caller.hears(&agent)?;
    agent.press("*2701");
    colleague.expect_ring()?;
    colleague.answer();
    agent.hears(&colleague)?;
    caller.hears_music()?;
    // The caller is on hold while the two talk.
    bed.node.agent_is("1001", AgentState::OnHold)?;
    agent.hang_up();
    caller.hears(&colleague)?;
    colleague.hears(&caller)?;
    bed.node.agent_is("1001", AgentState::Ready)?;
    next.call("support")?;
    agent.expect_ring()?;
    agent.answer();
    next.hears(&agent)?;
    caller.hears(&colleague)?;
    colleague.hang_up();
    caller.expect_hangup()?;
    let record = finished(&bed, &caller)?;
    assert_eq!(
        (record.outcome, record.agent.as_deref()),
        (CallOutcome::Answered, Some("1001"))
    );
    bed.finish()
}
