//! Listening leaves a call as it was: native bridging comes back, hanging up takes no longer, and a supervisor's phone that dies in
//! any mode changes nothing.

use anyhow::{Context, Result};
use hotline_testbed::bed::{Bed, SOCKET};
use hotline_testbed::node::Node;
use hotline_wire::event::{Follow, MonitorMode};
use hotline_wire::snapshot::AgentState;
use hotline_wire::{Command, Outcome};

use crate::supervision::{Trio, leaves, listens, sign_in};
use crate::{EXTENSIONS, finished};

/// How the PBX connects the two.
fn technology(bed: &Bed) -> Result<String> {
    let shown = bed.asterisk.cli("bridge show all")?;
    let mut words = shown.split_whitespace();
    let known = words.find(|word| ["native_rtp", "simple_bridge"].contains(word));
    known
        .map(str::to_owned)
        .with_context(|| format!("no technology in {shown}"))
}

#[test]
fn native_bridging_comes_back_and_the_call_ends_like_any_other() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let trio = Trio::talking(&bed)?;
    let native = technology(&bed)?;
    assert_eq!(native, "native_rtp");
    sign_in(&bed, &trio.supervisor, "9001")?;
    for follow in [Follow::Agent, Follow::Call] {
        listens(&bed, &trio.supervisor, "9001", MonitorMode::Barge, follow)?;
        trio.caller.hears_just(&[&trio.agent, &trio.supervisor], &[])?;
        assert_eq!(technology(&bed)?, "simple_bridge");
        leaves(&bed, &trio.supervisor, "9001")?;
        trio.goes_on()?;
        assert_eq!(technology(&bed)?, native);
    }
    listens(&bed, &trio.supervisor, "9001", MonitorMode::Barge, Follow::Agent)?;
    trio.caller.hang_up();
    trio.agent.expect_hangup()?;
    bed.node.agent_is("1001", AgentState::WrapUp)?;
    assert_eq!(finished(&bed, &trio.caller)?.agent.as_deref(), Some("1001"));
    bed.finish()
}

#[test]
fn a_phone_that_dies_in_any_mode_leaves_the_call_untouched() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let trio = Trio::talking(&bed)?;
    sign_in(&bed, &trio.supervisor, "9001")?;
    for mode in [MonitorMode::Listen, MonitorMode::Whisper, MonitorMode::Barge] {
        for follow in [Follow::Agent, Follow::Call] {
            listens(&bed, &trio.supervisor, "9001", mode, follow)?;
            trio.supervisor.hears_just(&[&trio.caller, &trio.agent], &[])?;
            leaves(&bed, &trio.supervisor, "9001")?;
            trio.goes_on()?;
        }
    }
    // Without a word: nothing of it arrives any more.
    listens(&bed, &trio.supervisor, "9001", MonitorMode::Barge, Follow::Agent)?;
    trio.caller.hears_just(&[&trio.agent, &trio.supervisor], &[])?;
    trio.supervisor.plug(false);
    trio.caller.hears(&trio.agent)?;
    trio.agent.hears(&trio.caller)?;
    trio.supervisor.plug(true);
    let stop = Command::StopMonitor {
        supervisor: "9001".into(),
    };
    assert_eq!(bed.node.command("boss", stop)?, Outcome::Done);
    trio.supervisor.expect_hangup()?;
    trio.goes_on()?;
    trio.agent.hang_up();
    bed.expect_left(&trio.caller, "ANSWERED")?;
    bed.finish()
}

#[test]
fn a_callers_local_channel_that_is_taken_out_of_the_way_is_listened_to() -> Result<()> {
    let extensions = format!("{EXTENSIONS}\n[callers](+)\nexten => 900,1,Dial(Local/support@callers)\n");
    let bed = Bed::boot(include_str!("hotline.toml"), &extensions)?;
    let trio = Trio::of(&bed);
    trio.talk(&bed, "900")?;
    bed.manager
        .user_event("Gone", &[("Number", trio.caller.user())])?;
    sign_in(&bed, &trio.supervisor, "9001")?;
    for follow in [Follow::Agent, Follow::Call] {
        listens(&bed, &trio.supervisor, "9001", MonitorMode::Whisper, follow)?;
        trio.agent.hears_just(&[&trio.caller, &trio.supervisor], &[])?;
        trio.caller.hears_just(&[&trio.agent], &[&trio.supervisor])?;
        leaves(&bed, &trio.supervisor, "9001")?;
        trio.goes_on()?;
    }
    bed.asterisk.cli("hotline disconnect 1001 caller")?;
    trio.caller.expect_hangup()?;
    trio.agent.expect_hangup()?;
    bed.finish()
}

#[test]
fn the_module_stays_while_somebody_listens_and_goes_afterwards() -> Result<()> {
    let mut bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let trio = Trio::of(&bed);
    sign_in(&bed, &trio.supervisor, "9001")?;
    let loaded = |bed: &Bed| -> Result<bool> {
        let shown = bed.asterisk.cli("module show like app_hotline")?;
        Ok(shown.contains("1 modules loaded"))
    };
    // Nobody talks: there is a supervisor on the line, and no call.
    listens(
        &bed,
        &trio.supervisor,
        "9001",
        MonitorMode::Whisper,
        Follow::Agent,
    )?;
    let said = bed.asterisk.cli("module unload app_hotline.so")?;
    assert!(loaded(&bed)?, "{said}");
    trio.talk(&bed, "support")?;
    trio.agent.hears_just(&[&trio.caller, &trio.supervisor], &[])?;
    leaves(&bed, &trio.supervisor, "9001")?;
    trio.caller.hang_up();
    trio.agent.expect_hangup()?;
    // No hook of ours is left on any channel, and nothing attached.
    bed.asterisk.expect_no_leak(bed.before())?;
    let said = bed.asterisk.cli("module unload app_hotline.so")?;
    assert!(!loaded(&bed)?, "{said}");
    bed.asterisk.cli("module load app_hotline.so")?;
    bed.node = Node::connect(&bed.asterisk.path(SOCKET))?;
    bed.finish()
}
