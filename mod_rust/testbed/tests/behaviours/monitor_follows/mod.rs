//! A supervisor stays with the agent, or with the call, through hold and transfer; whatever the parties do goes on underneath.

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_wire::event::{Follow, MonitorMode, MonitorOutcome};
use hotline_wire::snapshot::AgentState;
use hotline_wire::{Command, Event, Outcome, Refusal};

use crate::EXTENSIONS;
use crate::supervision::{Trio, ask, leaves, listens, monitor_ended, refusal, sign_in};

const ATTENDED: &str = "[general]\n[featuremap]\natxfer => *2\n";

fn bed() -> Result<Bed> {
    Bed::boot_with(include_str!("hotline.toml"), EXTENSIONS, |setup| {
        setup.files.push(("features.conf".into(), ATTENDED.into()));
    })
}

/// Waits until a supervisor hears another call, or none, from `place` on.
fn moved(bed: &Bed, place: usize, listens: bool) -> Result<()> {
    bed.node.event_after(
        place,
        "the supervisor to hear another call",
        |event| match event {
            Event::MonitorChanged { monitor, .. } => (monitor.call.is_some() == listens).then_some(()),
            _ => None,
        },
    )
}

#[test]
fn a_barge_outlives_a_hold() -> Result<()> {
    let bed = bed()?;
    let trio = Trio::talking(&bed)?;
    let Trio {
        caller,
        agent,
        supervisor,
    } = &trio;
    sign_in(&bed, supervisor, "9001")?;
    for follow in [Follow::Agent, Follow::Call] {
        agent.hold();
        bed.node.agent_is("1001", AgentState::OnHold)?;
        caller.hears_music()?;
        // Barging in during a hold leaves the hold in force.
        listens(&bed, supervisor, "9001", MonitorMode::Barge, follow)?;
        caller.hears_music()?;
        bed.node.agent_is("1001", AgentState::OnHold)?;
        agent.retrieve();
        bed.node.agent_is("1001", AgentState::OnCall)?;
        caller.hears_just(&[agent, supervisor], &[])?;
        agent.hears_just(&[caller, supervisor], &[])?;
        supervisor.hears_just(&[caller, agent], &[])?;
        leaves(&bed, supervisor, "9001")?;
        trio.goes_on()?;
    }
    bed.finish()
}

#[test]
fn during_ringing_who_follows_the_agent_waits_and_the_call_cannot_be_followed() -> Result<()> {
    let bed = bed()?;
    let trio = Trio::of(&bed);
    let Trio {
        caller,
        agent,
        supervisor,
    } = &trio;
    sign_in(&bed, supervisor, "9001")?;
    caller.call("support")?;
    agent.expect_ring()?;
    for (mode, follow) in [
        (MonitorMode::Barge, Follow::Call),
        (MonitorMode::TakeOver, Follow::Agent),
    ] {
        assert_eq!(
            refusal(ask(&bed, "9001", mode, follow)?).map(|(reason, _)| reason),
            Some(Refusal::NotTalking)
        );
    }
    listens(&bed, supervisor, "9001", MonitorMode::Barge, Follow::Agent)?;
    caller.hears_music()?;
    let place = bed.node.now();
    agent.answer();
    moved(&bed, place, true)?;
    caller.hears_just(&[agent, supervisor], &[])?;
    agent.hears_just(&[caller, supervisor], &[])?;
    bed.finish()
}

#[test]
fn who_follows_the_agent_hears_the_next_call_too() -> Result<()> {
    let bed = bed()?;
    let trio = Trio::talking(&bed)?;
    let Trio {
        caller,
        agent,
        supervisor,
    } = &trio;
    let next = bed.caller("gold");
    sign_in(&bed, supervisor, "9001")?;
    listens(&bed, supervisor, "9001", MonitorMode::Whisper, Follow::Agent)?;
    let place = bed.node.now();
    caller.hang_up();
    agent.expect_hangup()?;
    moved(&bed, place, false)?;
    supervisor.hears_just(&[], &[caller, agent])?;
    bed.node
        .command("agent:1001", Command::SetReady { agent: "1001".into() })?;
    let place = bed.node.now();
    next.call("support")?;
    agent.expect_ring()?;
    agent.answer();
    moved(&bed, place, true)?;
    supervisor.hears_just(&[&next, agent], &[])?;
    agent.hears_just(&[&next, supervisor], &[])?;
    next.hears_just(&[agent], &[supervisor])?;
    bed.finish()
}

#[test]
fn a_blind_transfer_is_followed_by_who_follows_the_call() -> Result<()> {
    let bed = bed()?;
    let trio = Trio::of(&bed);
    let Trio {
        caller,
        agent,
        supervisor,
    } = &trio;
    let (colleague, second) = (bed.phone("free1"), bed.phone("s9002"));
    trio.talk(&bed, "transfer")?;
    sign_in(&bed, supervisor, "9001")?;
    sign_in(&bed, &second, "9002")?;
    listens(&bed, supervisor, "9001", MonitorMode::Whisper, Follow::Call)?;
    listens(&bed, &second, "9002", MonitorMode::Listen, Follow::Agent)?;
    let place = bed.node.now();
    agent.press("#701#");
    colleague.expect_ring()?;
    agent.expect_hangup()?;
    moved(&bed, place, false)?;
    colleague.answer();
    caller.hears_just(&[&colleague], &[supervisor])?;
    colleague.hears_just(&[caller, supervisor], &[])?;
    supervisor.hears_just(&[caller, &colleague], &[])?;
    second.hears_just(&[], &[caller, &colleague])?;
    let place = bed.node.now();
    caller.hang_up();
    colleague.expect_hangup()?;
    assert_eq!(monitor_ended(&bed, place, "9001")?, MonitorOutcome::CallOver);
    supervisor.expect_hangup()?;
    bed.finish()
}

#[test]
fn an_attended_transfer_is_followed_by_who_follows_the_call() -> Result<()> {
    let bed = bed()?;
    let trio = Trio::of(&bed);
    let Trio {
        caller,
        agent,
        supervisor,
    } = &trio;
    let (colleague, second) = (bed.phone("free1"), bed.phone("s9002"));
    trio.talk(&bed, "transfer")?;
    sign_in(&bed, supervisor, "9001")?;
    sign_in(&bed, &second, "9002")?;
    listens(&bed, supervisor, "9001", MonitorMode::Barge, Follow::Call)?;
    listens(&bed, &second, "9002", MonitorMode::Listen, Follow::Agent)?;
    agent.press("*2701");
    colleague.expect_ring()?;
    colleague.answer();
    agent.hears(&colleague)?;
    caller.hears_music()?;
    // Who follows the agent hears the consultation; who follows the call, the caller.
    second.hears_just(&[agent, &colleague], &[caller])?;
    supervisor.hears(caller)?;
    // There is no place to take beside the caller now.
    assert_eq!(
        ask(&bed, "9001", MonitorMode::TakeOver, Follow::Call)?,
        Outcome::Pending
    );
    bed.node.event("taking over to be refused", |event| match event {
        Event::CommandAnswered {
            command:
                Command::Monitor {
                    mode: MonitorMode::TakeOver,
                    ..
                },
            outcome: Outcome::Refused { reason, .. },
            ..
        } => (*reason == Refusal::NotTalking).then_some(()),
        _ => None,
    })?;
    assert_eq!(
        ask(&bed, "9001", MonitorMode::Barge, Follow::Call)?,
        Outcome::Done
    );
    agent.hang_up();
    caller.hears_just(&[&colleague, supervisor], &[])?;
    colleague.hears_just(&[caller, supervisor], &[])?;
    supervisor.hears_just(&[caller, &colleague], &[])?;
    bed.node.agent_is("1001", AgentState::WrapUp)?;
    // Still so once the queue knows that the agent is out of it.
    caller.hears_just(&[&colleague, supervisor], &[])?;
    let place = bed.node.now();
    colleague.hang_up();
    caller.expect_hangup()?;
    assert_eq!(monitor_ended(&bed, place, "9001")?, MonitorOutcome::CallOver);
    supervisor.expect_hangup()?;
    bed.finish()
}

#[test]
fn an_agent_who_signs_out_while_listened_to_does_so_after_the_call() -> Result<()> {
    let bed = bed()?;
    let trio = Trio::talking(&bed)?;
    let Trio {
        caller,
        agent,
        supervisor,
    } = &trio;
    sign_in(&bed, supervisor, "9001")?;
    listens(&bed, supervisor, "9001", MonitorMode::Barge, Follow::Agent)?;
    let out = Command::SignOut { agent: "1001".into() };
    assert_eq!(bed.node.command("agent:1001", out)?, Outcome::Pending);
    caller.hears_just(&[agent, supervisor], &[])?;
    let place = bed.node.now();
    agent.hang_up();
    bed.expect_left(caller, "ANSWERED")?;
    assert_eq!(
        monitor_ended(&bed, place, "9001")?,
        MonitorOutcome::AgentSignedOut
    );
    supervisor.expect_hangup()?;
    bed.finish()
}

#[test]
fn who_follows_a_call_leaves_with_it() -> Result<()> {
    let bed = bed()?;
    let trio = Trio::talking(&bed)?;
    sign_in(&bed, &trio.supervisor, "9001")?;
    listens(&bed, &trio.supervisor, "9001", MonitorMode::Listen, Follow::Call)?;
    let place = bed.node.now();
    trio.agent.hang_up();
    bed.expect_left(&trio.caller, "ANSWERED")?;
    assert_eq!(monitor_ended(&bed, place, "9001")?, MonitorOutcome::CallOver);
    trio.supervisor.expect_hangup()?;
    bed.finish()
}
