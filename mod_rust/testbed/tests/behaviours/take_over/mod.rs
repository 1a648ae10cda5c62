//! A supervisor takes the place of an agent, who goes to after-call work; the caller talks on with the supervisor.

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_wire::event::{CallOutcome, Cut, Follow, MonitorMode, MonitorOutcome, Party};
use hotline_wire::snapshot::AgentState;
use hotline_wire::{Command, Event, Outcome, Refusal};

use crate::supervision::{Trio, ask, cut, leaves, listens, monitor_ended, refusal, sign_in, switched};
use crate::{EXTENSIONS, Finished, finished};

/// The supervisor has the agent's place.
fn taken_over(bed: &Bed, trio: &Trio, place: usize, author: &str) -> Result<()> {
    assert_eq!(monitor_ended(bed, place, "9001")?, MonitorOutcome::TookOver);
    assert_eq!(cut(bed, place)?, (Cut::TakenOver, author.to_owned()));
    trio.agent.expect_hangup()?;
    bed.node.agent_is("1001", AgentState::WrapUp)?;
    trio.caller.hears_just(&[&trio.supervisor], &[&trio.agent])?;
    trio.supervisor.hears_just(&[&trio.caller], &[&trio.agent])?;
    let expected = Finished {
        outcome: CallOutcome::Answered,
        agent: Some("1001".into()),
        by: Party::Supervisor,
    };
    assert_eq!(finished(bed, &trio.caller)?, expected);
    Ok(())
}

#[test]
fn by_key_and_the_caller_goes_on_in_the_dialplan_afterwards() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let trio = Trio::talking(&bed)?;
    sign_in(&bed, &trio.supervisor, "9001")?;
    listens(
        &bed,
        &trio.supervisor,
        "9001",
        MonitorMode::Whisper,
        Follow::Agent,
    )?;
    trio.agent.hears_just(&[&trio.caller, &trio.supervisor], &[])?;
    let place = bed.node.now();
    trio.supervisor.press("7");
    taken_over(&bed, &trio, place, "supervisor:9001")?;
    trio.supervisor.hang_up();
    bed.expect_left(&trio.caller, "ANSWERED")?;
    bed.finish()
}

#[test]
fn by_command_at_once_and_the_caller_hangs_up() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let trio = Trio::talking(&bed)?;
    sign_in(&bed, &trio.supervisor, "9001")?;
    let place = bed.node.now();
    assert_eq!(
        ask(&bed, "9001", MonitorMode::TakeOver, Follow::Agent)?,
        Outcome::Pending
    );
    trio.supervisor.expect_ring()?;
    trio.supervisor.answer();
    taken_over(&bed, &trio, place, "boss")?;
    bed.node
        .event_after(place, "the command to be done", |event| match event {
            Event::CommandAnswered { outcome, .. } => (*outcome == Outcome::Done).then_some(()),
            _ => None,
        })?;
    trio.caller.hang_up();
    trio.supervisor.expect_hangup()?;
    bed.finish()
}

#[test]
fn by_feature_code_and_who_follows_the_call_goes_on_listening() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let trio = Trio::talking(&bed)?;
    let other = bed.phone("s9002");
    sign_in(&bed, &trio.supervisor, "9001")?;
    sign_in(&bed, &other, "9002")?;
    listens(&bed, &other, "9002", MonitorMode::Listen, Follow::Call)?;
    let place = bed.node.now();
    trio.supervisor.call("*5741001")?;
    taken_over(&bed, &trio, place, "phone:PJSIP/s9001")?;
    other.hears_just(&[&trio.caller, &trio.supervisor], &[&trio.agent])?;
    let place = bed.node.now();
    trio.caller.hang_up();
    trio.supervisor.expect_hangup()?;
    assert_eq!(monitor_ended(&bed, place, "9002")?, MonitorOutcome::CallOver);
    bed.finish()
}

#[test]
fn a_held_caller_is_taken_over_and_hears_the_supervisor() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let trio = Trio::talking(&bed)?;
    sign_in(&bed, &trio.supervisor, "9001")?;
    trio.agent.hold();
    bed.node.agent_is("1001", AgentState::OnHold)?;
    trio.caller.hears_music()?;
    let place = bed.node.now();
    trio.supervisor.call("*5741001")?;
    taken_over(&bed, &trio, place, "phone:PJSIP/s9001")?;
    trio.caller.misses_music()?;
    bed.finish()
}

/// What becomes of a wish to take over after `place`.
fn verdict(bed: &Bed, place: usize, author: &str) -> Result<Outcome> {
    bed.node.event_after(
        place,
        &format!("{author} to take over or not"),
        |event| match event {
            Event::CommandAnswered {
                author: by,
                command:
                    Command::Monitor {
                        mode: MonitorMode::TakeOver,
                        ..
                    },
                outcome,
                ..
            } => (by == author && *outcome != Outcome::Pending).then(|| outcome.clone()),
            _ => None,
        },
    )
}

#[test]
fn in_the_moment_that_the_agent_hangs_up_it_is_taken_over_or_refused() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let mut trio = Trio::of(&bed);
    sign_in(&bed, &trio.supervisor, "9001")?;
    for round in 0..8 {
        trio.caller = bed.caller("gold");
        trio.talk(&bed, "support")?;
        listens(&bed, &trio.supervisor, "9001", MonitorMode::Listen, Follow::Agent)?;
        let place = bed.node.now();
        trio.supervisor.press("7");
        // Once before the key is over, and then in the moment that the supervisor is let in.
        if round > 0 {
            switched(&bed, place, "9001", MonitorMode::TakeOver)?;
        }
        trio.agent.hang_up();
        match verdict(&bed, place, "supervisor:9001")? {
            Outcome::Done => {
                trio.caller.hears_just(&[&trio.supervisor], &[&trio.agent])?;
                trio.supervisor.hang_up();
                trio.supervisor.expect_hangup()?;
            }
            Outcome::Refused { reason, .. } => {
                assert_eq!(reason, Refusal::NotTalking);
                leaves(&bed, &trio.supervisor, "9001")?;
            }
            other @ (Outcome::Pending | Outcome::Told { .. } | Outcome::Listed { .. }) => {
                anyhow::bail!("{other:?} is no end")
            }
        }
        trio.agent.expect_hangup()?;
        bed.expect_left(&trio.caller, "ANSWERED")?;
        trio.caller.expect_hangup()?;
        bed.node.agent_is("1001", AgentState::WrapUp)?;
        bed.node
            .command("agent:1001", Command::SetReady { agent: "1001".into() })?;
    }
    bed.finish()
}

#[test]
fn of_two_at_once_one_takes_over_and_the_other_is_refused() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let trio = Trio::talking(&bed)?;
    let other = bed.phone("s9002");
    sign_in(&bed, &trio.supervisor, "9001")?;
    sign_in(&bed, &other, "9002")?;
    for (phone, number) in [(&trio.supervisor, "9001"), (&other, "9002")] {
        listens(&bed, phone, number, MonitorMode::Listen, Follow::Agent)?;
    }
    let place = bed.node.now();
    trio.supervisor.press("7");
    other.press("7");
    let verdicts = [
        verdict(&bed, place, "supervisor:9001")?,
        verdict(&bed, place, "supervisor:9002")?,
    ];
    let (winner, loser, refused) = match verdicts {
        [Outcome::Done, refused] => (&trio.supervisor, &other, refused),
        [refused, Outcome::Done] => (&other, &trio.supervisor, refused),
        none => anyhow::bail!("nobody has taken over: {none:?}"),
    };
    let reason = refusal(refused).map(|(reason, _)| reason);
    assert!(
        matches!(reason, Some(Refusal::Speaking | Refusal::NotTalking)),
        "{reason:?}"
    );
    trio.agent.expect_hangup()?;
    trio.caller.hears_just(&[winner], &[&trio.agent, loser])?;
    winner.hears_just(&[&trio.caller], &[&trio.agent, loser])?;
    // Who was refused follows the agent still, who talks no more.
    loser.hears_just(&[], &[&trio.caller, winner])?;
    trio.caller.hang_up();
    winner.expect_hangup()?;
    bed.finish()
}
