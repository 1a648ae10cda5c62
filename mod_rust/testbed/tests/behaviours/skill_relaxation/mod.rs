//! What callers require, and how rules make do with less the longer they wait.

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_wire::event::Operation;
use hotline_wire::{Command, Event};

use crate::EXTENSIONS;
use crate::steps::{Agents, connected, join, order, sign_in};

fn boot() -> Result<(Bed, Agents)> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let agents = Agents::of(&bed, &["1001", "1002", "1003"]);
    Ok((bed, agents))
}

/// What rules did to the call, and whom it was offered, in order, until it was connected.
fn story(bed: &Bed, call: &str) -> Result<Vec<String>> {
    connected(bed, call)?;
    let tell = |event: Event| match event {
        Event::RuleApplied {
            call: of,
            rule: 1,
            operation,
            ..
        } if of == call => Some(match operation {
            Operation::AcceptLevel(level) => format!("level {level}"),
            Operation::DropSkill(skill) => format!("not {skill}"),
            other => format!("{other:?}"),
        }),
        Event::OfferMade { call: of, agent, .. } if of == call => Some(agent),
        _ => None,
    };
    Ok(bed
        .node
        .events()
        .into_iter()
        .filter_map(|frame| tell(frame.event))
        .collect())
}

#[test]
fn a_worse_level_will_do_later() -> Result<()> {
    let (bed, agents) = boot()?;
    let call = join(&bed, &bed.caller("gold"), "support")?;
    // Ready all the time, but at level 2.
    assert_eq!(agents.answer(&bed, &call)?, "1002");
    assert_eq!(story(&bed, &call)?, ["level 2", "1002"]);
    assert!(connected(&bed, &call)? >= 700_000);
    bed.finish()
}

#[test]
fn the_right_level_is_offered_the_call_at_once() -> Result<()> {
    let (bed, agents) = boot()?;
    let call = join(&bed, &bed.caller("gold"), "support")?;
    sign_in(&bed, "1001")?;
    assert_eq!(agents.answer(&bed, &call)?, "1001");
    assert_eq!(story(&bed, &call)?, ["1001"]);
    bed.finish()
}

#[test]
fn a_skill_is_dropped_later() -> Result<()> {
    let (bed, agents) = boot()?;
    sign_in(&bed, "1003")?;
    let (stranger, guest) = (bed.caller("gold"), bed.caller("gold"));
    // English is not spoken at level 1, and level 2 is accepted by the same rule: level 1 has been idle for longer.
    order(
        &bed,
        Command::SetNotReady {
            agent: "1002".into(),
            reason: String::new(),
        },
    )?;
    let call = join(&bed, &guest, "english")?;
    assert_eq!(agents.answer(&bed, &call)?, "1003");
    assert_eq!(story(&bed, &call)?, ["level 2", "not english", "1003"]);
    // Who speaks it takes the next at once.
    sign_in(&bed, "1001")?;
    let call = join(&bed, &stranger, "english")?;
    assert_eq!(agents.answer(&bed, &call)?, "1001");
    assert_eq!(story(&bed, &call)?, ["1001"]);
    bed.finish()
}
