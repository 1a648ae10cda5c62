//! Callers who call again reach the agent they know, unless that would take too long.

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_wire::{Command, Outcome};

use crate::EXTENSIONS;
use crate::steps::{Agents, away, back, connected, join};

/// With the longest wait for the own agent.
fn boot(seconds: &str) -> Result<(Bed, Agents)> {
    let settings = include_str!("hotline.toml").replace("3600", seconds);
    let bed = Bed::boot(&settings, EXTENSIONS)?;
    let agents = Agents::of(&bed, &["1001", "1002"]);
    Ok((bed, agents))
}

#[test]
fn the_last_agent_gets_the_caller_again() -> Result<()> {
    let (bed, agents) = boot("3600")?;
    let caller = bed.caller("gold");
    assert_eq!(agents.serve_again(&bed, &caller, "support")?, "1001");
    // The other agent has been idle longer, which counts for strangers only.
    assert_eq!(agents.serve_again(&bed, &caller, "support")?, "1001");
    assert_eq!(agents.serve(&bed, "support")?, "1002");
    bed.finish()
}

#[test]
fn a_caller_waits_for_the_last_agent_although_another_is_free() -> Result<()> {
    let (bed, agents) = boot("3600")?;
    let (caller, stranger) = (bed.caller("gold"), bed.caller("gold"));
    assert_eq!(agents.serve_again(&bed, &caller, "support")?, "1001");
    away(&bed, "1002")?;
    let other = join(&bed, &stranger, "support")?;
    assert_eq!(agents.answer(&bed, &other)?, "1001");
    back(&bed, "1002")?;
    let call = join(&bed, &caller, "support")?;
    caller.hears_music()?;
    assert_eq!(agents.phone("1002")?.offered(), 0);
    stranger.hang_up();
    assert_eq!(agents.answer(&bed, &call)?, "1001");
    bed.finish()
}

#[test]
fn after_a_while_anybody_will_do() -> Result<()> {
    let (bed, agents) = boot("0.6")?;
    let (caller, stranger) = (bed.caller("gold"), bed.caller("gold"));
    assert_eq!(agents.serve_again(&bed, &caller, "support")?, "1001");
    away(&bed, "1002")?;
    let other = join(&bed, &stranger, "support")?;
    assert_eq!(agents.answer(&bed, &other)?, "1001");
    back(&bed, "1002")?;
    let call = join(&bed, &caller, "support")?;
    assert_eq!(agents.answer(&bed, &call)?, "1002");
    assert!(connected(&bed, &call)? >= 600_000);
    bed.finish()
}

#[test]
fn while_the_own_agent_is_not_ready_anybody_will_do() -> Result<()> {
    let (bed, agents) = boot("3600")?;
    let (caller, stranger) = (bed.caller("gold"), bed.caller("gold"));
    away(&bed, "1002")?;
    assert_eq!(agents.serve_again(&bed, &caller, "own")?, "1001");
    back(&bed, "1002")?;
    let other = join(&bed, &stranger, "own")?;
    assert_eq!(agents.answer(&bed, &other)?, "1002");
    let call = join(&bed, &caller, "own")?;
    caller.hears_music()?;
    assert_eq!(agents.phone("1001")?.offered(), 1);
    // The agent whom the caller waits for goes to lunch after this conversation.
    let (agent, reason) = ("1002".into(), "lunch".into());
    let asked = Command::SetNotReady { agent, reason };
    assert_eq!(bed.node.command("testbed", asked)?, Outcome::Pending);
    stranger.hang_up();
    assert_eq!(agents.answer(&bed, &call)?, "1001");
    bed.finish()
}

#[test]
fn an_agent_named_in_the_dialplan_is_preferred() -> Result<()> {
    let (bed, agents) = boot("3600")?;
    let caller = bed.caller("gold");
    assert_eq!(agents.serve_again(&bed, &caller, "support")?, "1001");
    // Neither the last agent nor the one who has been idle longest.
    assert_eq!(agents.serve_again(&bed, &caller, "own")?, "1002");
    assert_eq!(agents.serve_again(&bed, &caller, "own")?, "1002");
    bed.finish()
}
