//! An agent's caller is put on hold, retrieved, and kept from hearing the agent by command: the phone keeps its line, and what is told
//! and counted of a hold is the same as of the phone's own.

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_testbed::node::Node;
use hotline_testbed::phone::Phone;
use hotline_wire::event::TalkState;
use hotline_wire::snapshot::AgentState;
use hotline_wire::{Command, Event, Refusal};

use crate::steps::{ask, refused};
use crate::{EXTENSIONS, call_of};

fn talk(bed: &Bed) -> Result<(Phone, Phone)> {
    let (caller, agent) = (bed.caller("gold"), bed.phone("a1001"));
    caller.call("support")?;
    agent.expect_ring()?;
    agent.answer();
    caller.hears(&agent)?;
    agent.hears(&caller)?;
    Ok((caller, agent))
}

fn hold(on: bool) -> Command {
    let agent = "1001".into();
    if on {
        Command::Hold { agent }
    } else {
        Command::Retrieve { agent }
    }
}

fn mute(on: bool) -> Command {
    let agent = "1001".into();
    if on {
        Command::Mute { agent }
    } else {
        Command::Unmute { agent }
    }
}

fn hear_each_other(caller: &Phone, agent: &Phone) -> Result<()> {
    caller.hears_just(&[agent], &[])?;
    agent.hears_just(&[caller], &[])
}

fn held(bed: &Bed, caller: &Phone, agent: &Phone) -> Result<()> {
    bed.node.agent_is("1001", AgentState::OnHold)?;
    caller.hears_music()?;
    caller.misses(agent)?;
    agent.misses(caller)?;
    assert!(agent.is_up() && caller.is_up());
    Ok(())
}

#[test]
fn the_caller_hears_music_and_the_phone_keeps_its_line() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let (caller, agent) = talk(&bed)?;
    refused(&bed, hold(false), Refusal::NothingToDo)?;
    for _ in 0..2 {
        ask(&bed, &hold(true))?;
        held(&bed, &caller, &agent)?;
        refused(&bed, hold(true), Refusal::NothingToDo)?;
        ask(&bed, &hold(false))?;
        bed.node.agent_is("1001", AgentState::OnCall)?;
        hear_each_other(&caller, &agent)?;
    }
    caller.hang_up();
    agent.expect_hangup()?;
    let wanted = call_of(&bed, &caller)?;
    let (talked, on_hold) = bed.node.event("the call to end", |event| match event {
        Event::CallFinished { call, talk, hold, .. } if *call == wanted => Some((*talk, *hold)),
        _ => None,
    })?;
    let holds: u64 = bed.node.story("both holds", |events| {
        let ends = events.iter().filter_map(|frame| match &frame.event {
            Event::TalkChanged {
                from: TalkState::OnHold,
                to: TalkState::Talking,
                lasted,
                ..
            } => Some(*lasted),
            _ => None,
        });
        let ends: Vec<u64> = ends.collect();
        (ends.len() == 2).then(|| ends.iter().sum())
    })?;
    assert_eq!(on_hold, holds);
    assert!(on_hold < talked);
    refused(&bed, hold(true), Refusal::NotTalking)?;
    bed.finish()
}

#[test]
fn mute_is_no_hold_and_the_agent_hears_the_caller() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let (caller, agent) = talk(&bed)?;
    let muted = |wanted: bool, place: usize| {
        bed.node
            .event_after(place, &format!("muted: {wanted}"), |event| match event {
                Event::MuteChanged { agent, muted, .. } if agent == "1001" => {
                    (*muted == wanted).then_some(())
                }
                _ => None,
            })
    };
    let place = bed.node.now();
    ask(&bed, &mute(true))?;
    muted(true, place)?;
    caller.misses(&agent)?;
    caller.misses_music()?;
    agent.hears(&caller)?;
    bed.node.agent_is("1001", AgentState::OnCall)?;
    assert!(bed.snapshot()?.calls[0].muted);
    refused(&bed, mute(true), Refusal::NothingToDo)?;
    // A hold comes and goes meanwhile, and the agent stays mute.
    ask(&bed, &hold(true))?;
    held(&bed, &caller, &agent)?;
    ask(&bed, &hold(false))?;
    agent.hears(&caller)?;
    caller.misses(&agent)?;
    let place = bed.node.now();
    ask(&bed, &mute(false))?;
    muted(false, place)?;
    hear_each_other(&caller, &agent)?;
    assert!(!bed.snapshot()?.calls[0].muted);
    ask(&bed, &mute(true))?;
    agent.hang_up();
    bed.expect_left(&caller, "ANSWERED")?;
    bed.finish()
}

#[test]
fn the_phones_own_key_and_the_command_know_of_each_other() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let (caller, agent) = talk(&bed)?;
    // Held by command, then by the phone as well: what the phone ends is over.
    ask(&bed, &hold(true))?;
    held(&bed, &caller, &agent)?;
    agent.hold();
    bed.manager
        .event("the phone's hold", |message| message.event() == "Hold")?;
    agent.expect_settled()?;
    agent.retrieve();
    bed.node.agent_is("1001", AgentState::OnCall)?;
    hear_each_other(&caller, &agent)?;
    // Held by the phone.
    agent.hold();
    bed.node.agent_is("1001", AgentState::OnHold)?;
    refused(&bed, hold(true), Refusal::NothingToDo)?;
    refused(&bed, hold(false), Refusal::HeldByPhone)?;
    refused(&bed, mute(true), Refusal::HeldByPhone)?;
    caller.hears_music()?;
    agent.expect_settled()?;
    agent.retrieve();
    bed.node.agent_is("1001", AgentState::OnCall)?;
    hear_each_other(&caller, &agent)?;
    bed.finish()
}

#[test]
fn who_hangs_up_in_a_hold_leaves_nothing_behind() -> Result<()> {
    let mut bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    for by_caller in [true, false] {
        let (caller, agent) = talk(&bed)?;
        let shown = bed.asterisk.cli("hotline agent hold 1001")?;
        assert!(shown.contains("Pending"), "{shown}");
        held(&bed, &caller, &agent)?;
        let shown = bed.asterisk.cli("hotline agent mute 1001")?;
        assert!(shown.contains("Pending"), "{shown}");
        if by_caller {
            caller.hang_up();
            agent.expect_hangup()?;
        } else {
            agent.hang_up();
            bed.expect_left(&caller, "ANSWERED")?;
        }
        bed.node.agent_is("1001", AgentState::Ready)?;
    }
    bed.bank.hang_up_all();
    bed.asterisk.expect_no_leak(bed.before())?;
    // Nothing of ours is left on any channel: the module goes, and comes back.
    let said = bed.asterisk.cli("module unload app_hotline.so")?;
    let shown = bed.asterisk.cli("module show like app_hotline")?;
    assert!(shown.contains("0 modules loaded"), "{said}{shown}");
    bed.asterisk.cli("module load app_hotline.so")?;
    bed.node = Node::connect(&bed.asterisk.path(hotline_testbed::bed::SOCKET))?;
    let (caller, agent) = talk(&bed)?;
    ask(&bed, &hold(true))?;
    held(&bed, &caller, &agent)?;
    // New settings change nothing about it.
    bed.asterisk.cli("hotline reload")?;
    ask(&bed, &hold(false))?;
    hear_each_other(&caller, &agent)?;
    bed.finish()
}
