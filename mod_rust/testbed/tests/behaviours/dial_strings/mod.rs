//! An agent's phone is any dial string of the PBX: one that leads through the dialplan, and some that lead nowhere.

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_wire::event::CallOutcome;
use hotline_wire::snapshot::AgentState;

use crate::{EXTENSIONS, finished};

#[test]
fn a_phone_behind_the_dialplan() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let phone = bed.phone("free1");
    for (round, hang_up_first) in [(1, true), (2, false)] {
        let caller = bed.caller("gold");
        caller.call("indirect")?;
        phone.expect_ring()?;
        phone.answer();
        caller.hears(&phone)?;
        phone.hears(&caller)?;
        bed.node.agent_is("1001", AgentState::OnCall)?;
        // The PBX has taken the agent's own channel out of the way. A second of another caller's waiting later the
        // conversation still goes on, and its agent is not offered that caller.
        let hasty = bed.caller("gold");
        hasty.call("hasty")?;
        bed.expect_left(&hasty, "TIMEOUT")?;
        bed.node.agent_is("1001", AgentState::OnCall)?;
        caller.hears(&phone)?;
        assert_eq!(phone.offered(), round);
        if hang_up_first {
            phone.hang_up();
            bed.expect_left(&caller, "ANSWERED")?;
        } else {
            caller.hang_up();
            phone.expect_hangup()?;
        }
        assert_eq!(finished(&bed, &caller)?.outcome, CallOutcome::Answered);
        bed.node.agent_is("1001", AgentState::Ready)?;
    }
    bed.finish()
}

#[test]
fn phones_that_do_not_exist_leave_the_caller_with_music() -> Result<()> {
    let bed = Bed::boot_with(include_str!("hotline.toml"), EXTENSIONS, |setup| {
        setup.phones.retain(|phone| phone != "nosuchphone");
    })?;
    let caller = bed.caller("gold");
    caller.call("nobody")?;
    bed.node.agent_is("1003", AgentState::Unavailable)?;
    bed.node.agent_is("1004", AgentState::Unavailable)?;
    caller.hears_music()?;
    bed.finish()
}

#[test]
fn a_technology_in_small_letters() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let (phone, colleague, caller) = (bed.phone("free2"), bed.phone("free1"), bed.caller("gold"));
    bed.node.agent_is("1005", AgentState::Ready)?;
    phone.dial("701")?;
    colleague.expect_ring()?;
    bed.node.agent_is("1005", AgentState::Unavailable)?;
    phone.hang_up();
    bed.node.agent_is("1005", AgentState::Ready)?;
    caller.call("lower")?;
    phone.expect_ring()?;
    phone.answer();
    caller.hears(&phone)?;
    phone.hang_up();
    bed.expect_left(&caller, "ANSWERED")?;
    bed.node.agent_is("1005", AgentState::Ready)?;
    bed.finish()
}
