//! A supervisor's lock: during ringing, during a call, and out of the agent's own reach.

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_wire::event::OfferResult;
use hotline_wire::snapshot::AgentState;
use hotline_wire::{Command, Outcome, Refusal};

use crate::{EXTENSIONS, offer_result};

fn force_busy(bed: &Bed, seconds: u64) -> Result<Outcome> {
    let command = Command::ForceBusy {
        agent: "1001".into(),
        reason: "training".into(),
        seconds,
    };
    bed.node.command("supervisor", command)
}

fn force_idle(bed: &Bed) -> Result<Outcome> {
    bed.node
        .command("supervisor", Command::ForceIdle { agent: "1001".into() })
}

#[test]
fn during_ringing_the_phone_stops_and_the_caller_waits_on() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let (caller, agent) = (bed.caller("gold"), bed.phone("a1001"));
    caller.call("support")?;
    agent.expect_ring()?;
    assert_eq!(force_busy(&bed, 0)?, Outcome::Done);
    agent.expect_hangup()?;
    assert_eq!(offer_result(&bed, 0, "1001")?, OfferResult::Cancelled);
    bed.node.agent_is("1001", AgentState::ForcedBusy)?;
    caller.hears_music()?;
    assert_eq!(force_idle(&bed)?, Outcome::Done);
    agent.expect_ring()?;
    agent.answer();
    caller.hears(&agent)?;
    bed.finish()
}

#[test]
fn during_a_call_it_takes_effect_after_it() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let (caller, next, agent) = (bed.caller("gold"), bed.caller("gold"), bed.phone("a1001"));
    caller.call("support")?;
    agent.expect_ring()?;
    agent.answer();
    caller.hears(&agent)?;
    let outcome = force_busy(&bed, 0)?;
    assert!(matches!(outcome, Outcome::Done | Outcome::Pending), "{outcome:?}");
    caller.hears(&agent)?;
    next.call("support")?;
    agent.hang_up();
    bed.expect_left(&caller, "ANSWERED")?;
    bed.node.agent_is("1001", AgentState::ForcedBusy)?;
    next.hears_music()?;
    assert_eq!(agent.offered(), 1);
    force_idle(&bed)?;
    agent.expect_ring()?;
    bed.finish()
}

#[test]
fn a_lock_expires() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let (caller, agent) = (bed.caller("gold"), bed.phone("a1001"));
    assert_eq!(force_busy(&bed, 1)?, Outcome::Done);
    caller.call("support")?;
    caller.hears_music()?;
    assert_eq!(agent.offered(), 0);
    agent.expect_ring()?;
    bed.finish()
}

#[test]
fn the_agent_cannot_free_itself() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    assert_eq!(force_busy(&bed, 0)?, Outcome::Done);
    for command in [
        Command::SetReady { agent: "1001".into() },
        Command::SetNotReady {
            agent: "1001".into(),
            reason: "lunch".into(),
        },
        Command::SignIn {
            agent: "1001".into(),
            phone: String::new(),
        },
        Command::SignOut { agent: "1001".into() },
    ] {
        let outcome = bed.node.command("agent:1001", command.clone())?;
        if matches!(command, Command::SetReady { .. }) {
            assert!(
                matches!(
                    outcome,
                    Outcome::Refused {
                        reason: Refusal::ForcedBusy,
                        ..
                    }
                ),
                "{outcome:?}"
            );
        }
        let agent = bed.snapshot()?.agents.swap_remove(0);
        assert!(
            agent.forced.is_some(),
            "after {command:?} ({outcome:?}) the agent is {agent:?}"
        );
        assert_ne!(agent.state, AgentState::Ready, "after {command:?}");
    }
    bed.finish()
}

#[test]
fn a_lock_survives_a_restart_of_the_pbx() -> Result<()> {
    let state = tempfile::tempdir()?;
    let settings = format!(
        "{}\n[state]\ndirectory = {:?}\n",
        include_str!("hotline.toml"),
        state.path()
    );
    let bed = Bed::boot(&settings, EXTENSIONS)?;
    assert_eq!(force_busy(&bed, 3_600)?, Outcome::Done);
    bed.finish()?;

    let bed = Bed::boot(&settings, EXTENSIONS)?;
    bed.node.agent_is("1001", AgentState::ForcedBusy)?;
    let (caller, agent) = (bed.caller("gold"), bed.phone("a1001"));
    caller.call("support")?;
    caller.hears_music()?;
    assert_eq!(agent.offered(), 0);
    assert_eq!(force_idle(&bed)?, Outcome::Done);
    agent.expect_ring()?;
    agent.answer();
    caller.hears(&agent)?;
    bed.finish()
}

#[test]
fn a_lock_outlives_a_typo_in_the_settings_and_an_operator_may_drop_it() -> Result<()> {
    let state = tempfile::tempdir()?;
    let right = format!(
        "{}\n[state]\ndirectory = {:?}\n",
        include_str!("hotline.toml"),
        state.path()
    );
    let wrong = right.replace("\"1001\"", "\"1010\"");
    let bed = Bed::boot(&right, EXTENSIONS)?;
    assert_eq!(force_busy(&bed, 0)?, Outcome::Done);
    bed.finish()?;

    let waits = "not applied: agent 1001: lock (training): there is no agent of that number\n";
    let bed = Bed::boot(&wrong, EXTENSIONS)?;
    assert_eq!(bed.asterisk.cli("hotline config diff")?, waits);
    bed.kill()?;
    let bed = Bed::boot(&right, EXTENSIONS)?;
    bed.node.agent_is("1001", AgentState::ForcedBusy)?;
    bed.finish()?;

    let bed = Bed::boot(&wrong, EXTENSIONS)?;
    assert_eq!(bed.asterisk.cli("hotline config diff")?, waits);
    assert_eq!(
        bed.asterisk.cli("hotline config forget 1001")?,
        "forgotten: agent 1001: lock (training)\n"
    );
    assert_eq!(
        bed.asterisk.cli("hotline config diff")?,
        "Nothing differs from the settings.\n"
    );
    bed.finish()?;
    let bed = Bed::boot(&right, EXTENSIONS)?;
    bed.node.agent_is("1001", AgentState::Ready)?;
    bed.finish()
}
