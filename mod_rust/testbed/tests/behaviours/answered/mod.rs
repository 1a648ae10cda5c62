//! A caller hears music, then an agent; data set in the dialplan is on the agent's channel; after the agent hangs up
//! the dialplan goes on, and after wrap-up the next caller is offered.

use anyhow::{Context, Result};
use hotline_testbed::bed::Bed;
use hotline_wire::Event;
use hotline_wire::event::{CallOutcome, Party};
use hotline_wire::snapshot::AgentState;

use crate::{EXTENSIONS, Finished, call_of, finished};

#[test]
fn a_caller_reaches_an_agent_and_the_dialplan_goes_on() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let (caller, agent) = (bed.caller("gold"), bed.phone("a1001"));
    caller.call("support")?;
    caller.hears_music()?;
    let ring = agent.expect_ring()?;
    assert_eq!(ring.from, caller.user(), "the agent sees who calls");
    agent.answer();
    caller.hears(&agent)?;
    agent.hears(&caller)?;
    caller.misses_music()?;
    bed.node.agent_is("1001", AgentState::OnCall)?;

    let channel = channel_of(&bed, "PJSIP/a1001-")?;
    let call = call_of(&bed, &caller)?;
    for (variable, value) in [
        ("HOTLINE_DATA(account)", "4711"),
        ("HOTLINE_DATA_ACCOUNT", "4711"),
        ("HOTLINE_CALL", call.as_str()),
        ("HOTLINE_QUEUE", "support"),
        ("HOTLINE_AGENT", "1001"),
        ("HOTLINE_CALLER", caller.user()),
    ] {
        assert_eq!(
            bed.manager.variable(&channel, variable)?,
            value,
            "{variable} on the agent's channel"
        );
    }

    agent.hang_up();
    bed.expect_left(&caller, "ANSWERED")?;
    assert!(!caller.expect_hangup()?.by_us);
    let expected = Finished {
        outcome: CallOutcome::Answered,
        agent: Some("1001".into()),
        by: Party::Agent,
    };
    assert_eq!(finished(&bed, &caller)?, expected);
    bed.node.agent_is("1001", AgentState::WrapUp)?;
    bed.node.agent_is("1001", AgentState::Ready)?;
    bed.finish()
}

#[test]
fn a_caller_who_hangs_up_ends_the_agents_leg() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let (caller, agent) = (bed.caller("bronze"), bed.phone("a1001"));
    caller.call("support")?;
    agent.expect_ring()?;
    agent.answer();
    agent.hears(&caller)?;
    caller.hang_up();
    assert!(!agent.expect_hangup()?.by_us);
    let expected = Finished {
        outcome: CallOutcome::Answered,
        agent: Some("1001".into()),
        by: Party::Caller,
    };
    assert_eq!(finished(&bed, &caller)?, expected);
    bed.node.agent_is("1001", AgentState::WrapUp)?;
    bed.finish()
}

#[test]
fn the_next_caller_is_offered_when_wrap_up_ends() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let (first, second, third, agent) = (
        bed.caller("bronze"),
        bed.caller("bronze"),
        bed.caller("gold"),
        bed.phone("a1001"),
    );
    first.call("support")?;
    agent.expect_ring()?;
    agent.answer();
    first.hears(&agent)?;
    second.call("support")?;
    call_of(&bed, &second)?;
    third.call("support")?;
    let gold = call_of(&bed, &third)?;
    let place = bed.node.now();
    agent.hang_up();
    // Wrap-up, its end, and one offer, with nothing between the last two.
    let story = bed
        .node
        .story("the end of wrap-up and the offer of the gold caller", |events| {
            let story: Vec<&str> = events[place..]
                .iter()
                .filter_map(|frame| match &frame.event {
                    Event::AgentChanged { agent, .. } if agent.state == AgentState::WrapUp => Some("wrap-up"),
                    Event::AgentChanged {
                        from: AgentState::WrapUp,
                        ..
                    } => Some("over"),
                    Event::OfferMade { call, .. } if *call == gold => Some("offer"),
                    Event::OfferMade { .. } => Some("another offer"),
                    _ => None,
                })
                .collect();
            (story.contains(&"over") && story.contains(&"offer")).then_some(story)
        })?;
    assert!(
        matches!(
            story[..],
            ["wrap-up", "over", "offer"] | ["wrap-up", "offer", "over"]
        ),
        "{story:?}"
    );
    // The gold caller came later but is worth two minutes.
    assert_eq!(agent.expect_ring()?.from, third.user());
    agent.answer();
    third.hears(&agent)?;
    second.hears_music()?;
    bed.finish()
}

/// The name of the only channel that begins so.
fn channel_of(bed: &Bed, begin: &str) -> Result<String> {
    let channels = bed.asterisk.cli("core show channels concise")?;
    let name = channels
        .lines()
        .filter_map(|line| line.split('!').next())
        .find(|name| name.starts_with(begin));
    name.map(str::to_owned)
        .with_context(|| format!("no channel {begin} among\n{channels}"))
}
