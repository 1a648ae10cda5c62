//! Ring-all: all phones ring, one answers, the others stop and nobody is blamed.

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_wire::event::OfferResult;
use hotline_wire::snapshot::AgentState;

use crate::{EXTENSIONS, offer_result};

#[test]
fn one_wins_and_the_others_are_not_blamed() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let caller = bed.caller("gold");
    let [first, second, third] = ["a1001", "a1002", "a1003"].map(|name| bed.phone(name));
    caller.call("support")?;
    for agent in [&first, &second, &third] {
        agent.expect_ring()?;
    }
    second.answer();
    caller.hears(&second)?;
    second.hears(&caller)?;
    for agent in [&first, &third] {
        assert_eq!(agent.expect_hangup()?.status, 487);
    }
    assert_eq!(offer_result(&bed, 0, "1001")?, OfferResult::Cancelled);
    assert_eq!(offer_result(&bed, 0, "1002")?, OfferResult::Answered);
    assert_eq!(offer_result(&bed, 0, "1003")?, OfferResult::Cancelled);
    bed.node.agent_is("1001", AgentState::Ready)?;
    bed.node.agent_is("1003", AgentState::Ready)?;
    bed.finish()
}

#[test]
fn two_who_answer_at_once_have_one_winner() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let [first, second, third] = ["a1001", "a1002", "a1003"].map(|name| bed.phone(name));
    for _ in 0..5 {
        let caller = bed.caller("gold");
        caller.call("support")?;
        for agent in [&first, &second, &third] {
            agent.expect_ring()?;
        }
        first.answer();
        second.answer();
        third.answer();
        caller.misses_music()?;
        let winner = bed.node.event("a connection of this caller", {
            let wanted = crate::call_of(&bed, &caller)?;
            move |event| match event {
                hotline_wire::Event::CallConnected { call, agent, .. } if *call == wanted => {
                    Some(agent.clone())
                }
                _ => None,
            }
        })?;
        let (won, lost): (Vec<_>, Vec<_>) = [&first, &second, &third]
            .into_iter()
            .partition(|agent| agent.user() == format!("a{winner}"));
        caller.hears(won[0])?;
        for agent in lost {
            agent.expect_hangup()?;
        }
        caller.hang_up();
        won[0].expect_hangup()?;
        for number in ["1001", "1002", "1003"] {
            bed.node.agent_is(number, AgentState::Ready)?;
        }
    }
    bed.finish()
}
