//! An agent who does not answer, declines, or is busy: the other agent is offered the call, and the first one pauses.

use anyhow::{Context, Result};
use hotline_testbed::bed::Bed;
use hotline_testbed::phone::Phone;
use hotline_wire::event::OfferResult;
use hotline_wire::snapshot::AgentState;
use hotline_wire::{Command, Event};

use crate::steps::order;
use crate::{EXTENSIONS, offer_result};

#[test]
fn an_agent_who_does_not_answer_loses_the_call_to_another() -> Result<()> {
    missed(OfferResult::NoAnswer, |_| ())
}

#[test]
fn an_agent_who_declines_loses_the_call_to_another() -> Result<()> {
    missed(OfferResult::Rejected, Phone::decline)
}

#[test]
fn a_busy_phone_loses_the_call_to_another() -> Result<()> {
    missed(OfferResult::Busy, Phone::say_busy)
}

fn missed(result: OfferResult, how: fn(&Phone)) -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let (caller, first, second) = (bed.caller("gold"), bed.phone("a1001"), bed.phone("a1002"));
    caller.call("support")?;
    // Both have been idle equally long; the first of them is the first in the settings.
    first.expect_ring()?;
    how(&first);
    first.expect_hangup()?;
    assert_eq!(offer_result(&bed, 0, "1001")?, result);
    bed.node.agent_is("1001", AgentState::Unavailable)?;
    second.expect_ring()?;
    second.answer();
    caller.hears(&second)?;
    assert_eq!((first.offered(), second.offered()), (1, 1));
    bed.finish()
}

#[test]
fn a_phone_that_is_not_there_loses_the_call_to_another() -> Result<()> {
    missed(OfferResult::Unreachable, Phone::say_unknown)
}

/// What the agent's phone did, what that was called, the reason that everybody saw meanwhile, and the least cool-down.
type Miss = (fn(&Phone), OfferResult, &'static str, u64);

#[test]
fn each_cause_has_its_own_cool_down_and_is_visible() -> Result<()> {
    let bed = Bed::boot(include_str!("causes.toml"), EXTENSIONS)?;
    let (caller, agent) = (bed.caller("gold"), bed.phone("a1001"));
    let misses: [Miss; 4] = [
        (
            |_| (),
            OfferResult::NoAnswer,
            "cool-down: did not answer",
            1_000_000,
        ),
        (
            Phone::say_busy,
            OfferResult::Busy,
            "cool-down: phone was busy",
            1_400_000,
        ),
        (
            Phone::decline,
            OfferResult::Rejected,
            "cool-down: rejected a call",
            1_200_000,
        ),
        (
            Phone::say_unknown,
            OfferResult::Unreachable,
            "cool-down: phone was unreachable",
            1_600_000,
        ),
    ];
    caller.call("support")?;
    for (act, ..) in &misses {
        agent.expect_ring()?;
        act(&agent);
        agent.expect_hangup()?;
    }
    // After the last cool-down, too, the same caller is offered.
    assert_eq!(agent.expect_ring()?.from, caller.user());
    agent.answer();
    caller.hears(&agent)?;

    let mut story = bed.node.events().into_iter();
    for (_, expected, reason, least) in misses {
        let missed = story.find_map(|frame| match frame.event {
            Event::OfferEnded { result, .. } => Some((frame.at, result)),
            _ => None,
        });
        let (ended, result) = missed.context("a missed offer")?;
        assert_eq!(result, expected);
        let told = story.find_map(|frame| match frame.event {
            Event::AgentChanged { agent, .. } => Some((agent.state, agent.reason.clone())),
            _ => None,
        });
        assert_eq!(told, Some((AgentState::Unavailable, reason.to_owned())));
        let next = story.find_map(|frame| match frame.event {
            Event::OfferMade { .. } => Some(frame.at),
            _ => None,
        });
        let pause = next.context("the next offer")? - ended;
        assert!(pause >= least, "{pause} µs after {reason}");
    }
    bed.finish()
}

#[test]
fn after_some_misses_an_agent_is_not_ready() -> Result<()> {
    let settings = include_str!("causes.toml").replace("not_ready_after = 3", "not_ready_after = 2");
    let bed = Bed::boot(&settings, EXTENSIONS)?;
    let (caller, agent) = (bed.caller("gold"), bed.phone("a1001"));
    caller.call("support")?;
    // A busy phone is nobody's fault, and does not count.
    let acts: [fn(&Phone); 3] = [Phone::decline, Phone::say_busy, |_| ()];
    for act in acts {
        agent.expect_ring()?;
        act(&agent);
        agent.expect_hangup()?;
    }
    bed.node.agent_is("1001", AgentState::NotReady)?;
    assert_eq!(agent.offered(), 3);
    assert_eq!(bed.snapshot()?.agents[0].reason, "missed 2 calls");
    let said = bed.asterisk.cli("hotline show agents")?;
    assert!(said.contains("missed 2 calls"), "{said}");
    caller.hears_music()?;
    // Ready again, the agent begins anew.
    let number = "1001".into();
    order(&bed, Command::SetReady { agent: number })?;
    agent.expect_ring()?;
    agent.decline();
    agent.expect_ring()?;
    agent.answer();
    caller.hears(&agent)?;
    bed.finish()
}
