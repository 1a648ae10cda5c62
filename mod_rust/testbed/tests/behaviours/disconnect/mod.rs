//! A supervisor ends a conversation: the caller's part, the agent's, or both; by feature code from the own phone, or by command.

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_wire::event::{CallOutcome, Cut, Party, Whom};
use hotline_wire::snapshot::AgentState;
use hotline_wire::{Command, Event, Outcome, Refusal};

use crate::supervision::{Trio, cut, refusal, sign_in};
use crate::{EXTENSIONS, Finished, finished};

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
