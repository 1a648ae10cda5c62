//! A supervisor ends a conversation: the caller's part, the agent's, or both; by feature code from the own phone, or by command.

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_wire::event::{CallOutcome, Cut, Follow, MonitorMode, Party, Whom};
use hotline_wire::snapshot::AgentState;
use hotline_wire::{Command, Event, Outcome, Refusal};

use crate::supervision::{Trio, cut, listens, refusal, sign_in, switched};
use crate::{EXTENSIONS, Finished, finished};

const ATTENDED: &str = "[general]\n[featuremap]\natxfer => *2\n";

/// A bed in which an agent can consult somebody.
fn consulting() -> Result<Bed> {
    Bed::boot_with(include_str!("hotline.toml"), EXTENSIONS, |setup| {
        setup.files.push(("features.conf".into(), ATTENDED.into()));
    })
}

fn disconnect(bed: &Bed, whom: Whom) -> Result<Outcome> {
    let command = Command::Disconnect {
        agent: "1001".into(),
        whom,
        from: String::new(),
    };
    bed.node.command("boss", command)
}

/// How the conversation ended, and that the asker was told.
fn ended(bed: &Bed, trio: &Trio, how: Cut, author: &str) -> Result<()> {
    assert_eq!(cut(bed, 0)?, (how, author.to_owned()));
    let expected = Finished {
        outcome: CallOutcome::Answered,
        agent: Some("1001".into()),
        by: Party::Supervisor,
    };
    assert_eq!(finished(bed, &trio.caller)?, expected);
    bed.node.event("the command to be done", |event| match event {
        Event::CommandAnswered {
            command: Command::Disconnect { .. },
            outcome,
            ..
        } => (*outcome == Outcome::Done).then_some(()),
        _ => None,
    })?;
    bed.node.agent_is("1001", AgentState::WrapUp)
}

#[test]
fn the_agent_alone_and_the_caller_goes_on_in_the_dialplan() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let trio = Trio::talking(&bed)?;
    assert_eq!(disconnect(&bed, Whom::Agent)?, Outcome::Pending);
    trio.agent.expect_hangup()?;
    bed.expect_left(&trio.caller, "ANSWERED")?;
    ended(&bed, &trio, Cut::AgentDisconnected, "boss")?;
    assert_eq!(
        refusal(disconnect(&bed, Whom::Both)?).map(|(reason, _)| reason),
        Some(Refusal::NotTalking)
    );
    bed.finish()
}

#[test]
fn the_caller_alone_and_the_agent_goes_to_wrap_up() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let trio = Trio::talking(&bed)?;
    let shown = bed.asterisk.cli("hotline disconnect 1001 caller")?;
    assert!(shown.contains("Pending"), "{shown}");
    trio.caller.expect_hangup()?;
    trio.agent.expect_hangup()?;
    bed.manager
        .user_event("Gone", &[("Number", trio.caller.user()), ("Status", "HANGUP")])?;
    ended(&bed, &trio, Cut::CallerDisconnected, "cli")?;
    bed.finish()
}

#[test]
fn both_by_feature_code_from_the_own_phone_alone() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let trio = Trio::talking(&bed)?;
    // Nobody is signed in there.
    trio.supervisor.call("*5751001")?;
    bed.node
        .event("the stranger to be refused", |event| match event {
            Event::CommandAnswered {
                outcome: Outcome::Refused { reason, .. },
                ..
            } => (*reason == Refusal::NoSupervisorThere).then_some(()),
            _ => None,
        })?;
    trio.supervisor.expect_hangup()?;
    trio.goes_on()?;
    sign_in(&bed, &trio.supervisor, "9001")?;
    trio.agent.hold();
    bed.node.agent_is("1001", AgentState::OnHold)?;
    trio.supervisor.call("*5751001")?;
    trio.caller.expect_hangup()?;
    trio.agent.expect_hangup()?;
    ended(&bed, &trio, Cut::BothDisconnected, "phone:PJSIP/s9001")?;
    bed.finish()
}

/// How a wish to disconnect was answered in the end.
fn settled(bed: &Bed, place: usize) -> Result<Outcome> {
    bed.node.event_after(
        place,
        "the disconnect to be done or refused",
        |event| match event {
            Event::CommandAnswered {
                command: Command::Disconnect { .. },
                outcome,
                ..
            } => (*outcome != Outcome::Pending).then(|| outcome.clone()),
            _ => None,
        },
    )
}

#[test]
fn nothing_is_disconnected_while_the_phone_rings() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let trio = Trio::of(&bed);
    trio.caller.call("support")?;
    trio.agent.expect_ring()?;
    for whom in [Whom::Caller, Whom::Agent, Whom::Both] {
        assert_eq!(
            refusal(disconnect(&bed, whom)?).map(|(reason, _)| reason),
            Some(Refusal::NotTalking)
        );
    }
    trio.agent.answer();
    trio.goes_on()?;
    bed.finish()
}

#[test]
fn an_agent_who_has_just_handed_the_caller_over_is_not_disconnected() -> Result<()> {
    let bed = consulting()?;
    let trio = Trio::of(&bed);
    let colleague = bed.phone("free1");
    trio.talk(&bed, "transfer")?;
    trio.agent.press("*2701");
    colleague.expect_ring()?;
    colleague.answer();
    trio.agent.hears(&colleague)?;
    trio.agent.hang_up();
    trio.agent.expect_hangup()?;
    trio.caller.hears(&colleague)?;
    let place = bed.node.now();
    let first = disconnect(&bed, Whom::Agent)?;
    // The queue may know of it by now, or not yet.
    let outcome = if first == Outcome::Pending {
        settled(&bed, place)?
    } else {
        first
    };
    assert_eq!(
        refusal(outcome).map(|(reason, _)| reason),
        Some(Refusal::NotTalking)
    );
    bed.node.agent_is("1001", AgentState::WrapUp)?;
    assert_eq!(finished(&bed, &trio.caller)?.by, Party::Agent);
    trio.caller.hears_just(&[&colleague], &[&trio.agent])?;
    bed.finish()
}

#[test]
fn a_consultation_ends_with_whom_it_is_for() -> Result<()> {
    for whom in [Whom::Both, Whom::Caller, Whom::Agent] {
        let bed = consulting()?;
        let trio = Trio::of(&bed);
        let colleague = bed.phone("free1");
        trio.talk(&bed, "transfer")?;
        trio.agent.press("*2701");
        colleague.expect_ring()?;
        colleague.answer();
        trio.agent.hears(&colleague)?;
        trio.caller.hears_music()?;
        let place = bed.node.now();
        assert_eq!(disconnect(&bed, whom)?, Outcome::Pending);
        if whom != Whom::Agent {
            trio.caller.expect_hangup()?;
        }
        if whom != Whom::Caller {
            trio.agent.expect_hangup()?;
        }
        if whom == Whom::Agent {
            // To the PBX an agent who leaves has handed the caller over.
            trio.caller.hears_just(&[&colleague], &[&trio.agent])?;
        }
        assert_eq!(settled(&bed, place)?, Outcome::Done, "{whom:?}");
        if whom == Whom::Caller {
            // Done, though the agent goes on consulting; the conversation is over when the agent is.
            trio.agent.hears(&colleague)?;
            trio.agent.hang_up();
        }
        assert_eq!(finished(&bed, &trio.caller)?.by, Party::Supervisor);
        bed.finish()?;
    }
    Ok(())
}

#[test]
fn in_the_moment_of_a_take_over_both_wishes_are_settled() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let trio = Trio::talking(&bed)?;
    sign_in(&bed, &trio.supervisor, "9001")?;
    listens(&bed, &trio.supervisor, "9001", MonitorMode::Listen, Follow::Agent)?;
    let place = bed.node.now();
    trio.supervisor.press("7");
    switched(&bed, place, "9001", MonitorMode::TakeOver)?;
    let first = disconnect(&bed, Whom::Both)?;
    let outcome = if first == Outcome::Pending {
        settled(&bed, place)?
    } else {
        first
    };
    trio.agent.expect_hangup()?;
    match outcome {
        Outcome::Done => trio.caller.expect_hangup().map(drop)?,
        other => {
            let reason = refusal(other).map(|(reason, _)| reason);
            assert!(
                matches!(reason, Some(Refusal::NotTalking | Refusal::Overtaken)),
                "{reason:?}"
            );
        }
    }
    let taken = bed
        .node
        .event_after(place, "the key to be answered", |event| match event {
            Event::CommandAnswered {
                command:
                    Command::Monitor {
                        mode: MonitorMode::TakeOver,
                        ..
                    },
                outcome,
                ..
            } => (*outcome != Outcome::Pending).then(|| outcome.clone()),
            _ => None,
        })?;
    if taken != Outcome::Done {
        assert_eq!(
            refusal(taken).map(|(reason, _)| reason),
            Some(Refusal::NotTalking)
        );
    }
    bed.node.agent_is("1001", AgentState::WrapUp)?;
    assert_eq!(finished(&bed, &trio.caller)?.by, Party::Supervisor);
    bed.finish()
}
