//! After-call work: for a time, for longer on demand, until the agent is done, or not at all.

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_testbed::phone::Phone;
use hotline_wire::snapshot::AgentState;
use hotline_wire::{Command, Event, Outcome, Refusal};

use crate::EXTENSIONS;
use crate::steps::{Agents, changed, join, offered, order};

/// A call of this queue has just ended, and another caller waits: that call.
fn after_a_call(queue: &str) -> Result<(Bed, Agents, Phone, String)> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let agents = Agents::of(&bed, &["1001"]);
    let (first, next) = (bed.caller("gold"), bed.caller("gold"));
    let call = join(&bed, &first, queue)?;
    agents.answer(&bed, &call)?;
    let call = join(&bed, &next, queue)?;
    first.hang_up();
    bed.node.agent_is("1001", AgentState::WrapUp)?;
    Ok((bed, agents, next, call))
}

fn extend(bed: &Bed, seconds: u64) -> Result<Outcome> {
    let agent = "1001".into();
    bed.node
        .command("agent:1001", Command::ExtendWrapUp { agent, seconds })
}

fn refused(outcome: Outcome) -> Option<Refusal> {
    match outcome {
        Outcome::Refused { reason, .. } => Some(reason),
        Outcome::Done | Outcome::Pending | Outcome::Told { .. } | Outcome::Listed { .. } => None,
    }
}

/// How long the agent was in after-call work, in microseconds, once a call was offered again.
fn lasted(bed: &Bed, call: &str) -> Result<u64> {
    offered(bed, call)?;
    bed.node.story("the end of after-call work", |events| {
        let at = |is_it: fn(AgentState, AgentState) -> bool| {
            events.iter().find_map(|frame| match &frame.event {
                Event::AgentChanged { from, agent } if is_it(*from, agent.state) => Some(frame.at),
                _ => None,
            })
        };
        let began = at(|from, to| from == AgentState::OnCall && to == AgentState::WrapUp)?;
        let ended = at(|from, to| from == AgentState::WrapUp && to != AgentState::WrapUp)?;
        Some(ended - began)
    })
}

#[test]
fn it_ends_by_itself() -> Result<()> {
    let (bed, agents, _, call) = after_a_call("timed")?;
    assert_eq!(agents.answer(&bed, &call)?, "1001");
    assert!(lasted(&bed, &call)? >= 1_000_000);
    bed.finish()
}

#[test]
fn it_is_extended_up_to_the_most() -> Result<()> {
    let (bed, agents, _, call) = after_a_call("timed")?;
    // To 2 s, of which 1.7 s are allowed.
    assert_eq!(extend(&bed, 1)?, Outcome::Done);
    assert_eq!(refused(extend(&bed, 1)?), Some(Refusal::AtLimit));
    assert_eq!(agents.phone("1001")?.offered(), 1);
    assert_eq!(agents.answer(&bed, &call)?, "1001");
    assert!(lasted(&bed, &call)? >= 1_700_000);
    assert_eq!(refused(extend(&bed, 1)?), Some(Refusal::NotInWrapUp));
    bed.finish()
}

#[test]
fn manual_lasts_until_the_agent_is_ready() -> Result<()> {
    let (bed, agents, caller, call) = after_a_call("manual")?;
    caller.hears_music()?;
    assert_eq!(agents.phone("1001")?.offered(), 1);
    assert_eq!(refused(extend(&bed, 1)?), Some(Refusal::NothingToDo));
    bed.node.agent_is("1001", AgentState::WrapUp)?;
    order(&bed, Command::SetReady { agent: "1001".into() })?;
    assert_eq!(agents.answer(&bed, &call)?, "1001");
    bed.finish()
}

#[test]
fn the_agent_may_end_it_early() -> Result<()> {
    let (bed, agents, _, call) = after_a_call("timed")?;
    let said = bed.asterisk.cli("hotline agent wrapup 1001 1")?;
    assert!(said.contains("Done"), "{said}");
    order(&bed, Command::SetReady { agent: "1001".into() })?;
    assert_eq!(agents.answer(&bed, &call)?, "1001");
    assert!(lasted(&bed, &call)? < 1_700_000);
    bed.finish()
}

#[test]
fn a_state_asked_for_during_the_call_comes_in_its_place() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let agents = Agents::of(&bed, &["1001"]);
    for (command, state) in [
        (
            Command::SetNotReady {
                agent: "1001".into(),
                reason: "lunch".into(),
            },
            AgentState::NotReady,
        ),
        (Command::SignOut { agent: "1001".into() }, AgentState::SignedOut),
    ] {
        let caller = bed.caller("gold");
        let call = join(&bed, &caller, "manual")?;
        agents.answer(&bed, &call)?;
        assert_eq!(bed.node.command("agent:1001", command)?, Outcome::Pending);
        let place = bed.node.now();
        caller.hang_up();
        changed(&bed, place, "1001", state)?;
        agents.phone("1001")?.expect_hangup()?;
        if state == AgentState::NotReady {
            order(&bed, Command::SetReady { agent: "1001".into() })?;
        }
    }
    let wrapped_up = bed.node.events().into_iter().any(
        |frame| matches!(frame.event, Event::AgentChanged { agent, .. } if agent.state == AgentState::WrapUp),
    );
    assert!(!wrapped_up);
    bed.finish()
}
