//! An agent puts the caller on hold with the phone's own key: the caller hears music, the floor sees it, and a hold that lasts
//! too long raises warnings until it ends.

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_testbed::phone::Phone;
use hotline_wire::Event;
use hotline_wire::event::{Limit, TalkState};
use hotline_wire::snapshot::AgentState;

use crate::{EXTENSIONS, call_of};

fn talk(bed: &Bed, number: &str) -> Result<(Phone, Phone)> {
    let (caller, agent) = (bed.caller("gold"), bed.phone("a1001"));
    caller.call(number)?;
    agent.expect_ring()?;
    agent.answer();
    caller.hears(&agent)?;
    agent.hears(&caller)?;
    Ok((caller, agent))
}

/// Hold and retrieval, as caller and floor see them.
fn hold_and_retrieve(bed: &Bed, caller: &Phone, agent: &Phone) -> Result<()> {
    agent.hold();
    bed.node.agent_is("1001", AgentState::OnHold)?;
    caller.hears_music()?;
    caller.misses(agent)?;
    agent.retrieve();
    bed.node.agent_is("1001", AgentState::OnCall)?;
    caller.hears(agent)?;
    agent.hears(caller)
}

#[test]
fn a_hold_is_seen_and_counted() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let (caller, agent) = talk(&bed, "support")?;
    hold_and_retrieve(&bed, &caller, &agent)?;
    hold_and_retrieve(&bed, &caller, &agent)?;
    caller.hang_up();
    agent.expect_hangup()?;
    let wanted = call_of(&bed, &caller)?;
    let (talked, held) = bed.node.event("the call to end", |event| match event {
        Event::CallFinished { call, talk, hold, .. } if *call == wanted => Some((*talk, *hold)),
        _ => None,
    })?;
    let holds: Vec<u64> = bed.node.story("both holds", |events| {
        let holds: Vec<u64> = events
            .iter()
            .filter_map(|frame| match &frame.event {
                Event::TalkChanged {
                    from: TalkState::OnHold,
                    to: TalkState::Talking,
                    lasted,
                    ..
                } => Some(*lasted),
                _ => None,
            })
            .collect();
        (holds.len() == 2).then_some(holds)
    })?;
    assert_eq!(held, holds.iter().sum::<u64>());
    assert!(held < talked);
    bed.finish()
}

#[test]
fn a_long_hold_raises_warnings_until_it_ends() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let (_caller, agent) = talk(&bed, "support")?;
    agent.hold();
    let reached = |wanted: u8, times: usize| {
        bed.node
            .story(&format!("level {wanted}, {times} times"), |events| {
                let count = events
                    .iter()
                    .filter(|frame| match &frame.event {
                        Event::LimitReached {
                            limit: Limit::Hold { agent, .. },
                            level,
                            ..
                        } => agent == "1001" && *level == wanted,
                        _ => false,
                    })
                    .count();
                (count == times).then_some(())
            })
    };
    reached(1, 1)?;
    reached(2, 1)?;
    reached(2, 2)?;
    agent.retrieve();
    let level = bed.node.event("the end of the warning", |event| match event {
        Event::LimitCleared {
            limit: Limit::Hold { .. },
            level,
            ..
        } => Some(*level),
        _ => None,
    })?;
    assert_eq!(level, 2);
    bed.finish()
}

#[test]
fn an_agent_who_hangs_up_in_a_hold_is_free() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let (caller, agent) = talk(&bed, "support")?;
    agent.hold();
    bed.node.agent_is("1001", AgentState::OnHold)?;
    agent.hang_up();
    bed.expect_left(&caller, "ANSWERED")?;
    bed.node.agent_is("1001", AgentState::Ready)?;
    bed.finish()
}

#[test]
fn a_hold_is_seen_when_the_callers_channel_was_taken_out_of_the_way() -> Result<()> {
    let extensions = format!("{EXTENSIONS}\n[callers](+)\nexten => 900,1,Dial(Local/support@callers)\n");
    let bed = Bed::boot(include_str!("hotline.toml"), &extensions)?;
    let (caller, agent) = talk(&bed, "900")?;
    bed.manager.user_event("Gone", &[("Number", caller.user())])?;
    hold_and_retrieve(&bed, &caller, &agent)?;
    bed.finish()
}
