//! What an operator at the CLI does with callers who wait: reprioritise, move, withdraw; and what the CLI explains.

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_testbed::phone::Phone;
use hotline_wire::event::CallOutcome;

use crate::{EXTENSIONS, call_of, finished};

/// A bed whose only agent talks.
fn boot() -> Result<(Bed, Phone, Phone)> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let (talking, agent) = (bed.caller("gold"), bed.phone("a1001"));
    talking.call("support")?;
    agent.expect_ring()?;
    agent.answer();
    talking.hears(&agent)?;
    Ok((bed, talking, agent))
}

/// A caller who waits, and the call's name.
fn wait(bed: &Bed, queue: &str) -> Result<(Phone, String)> {
    let caller = bed.caller("gold");
    caller.call(queue)?;
    let call = call_of(bed, &caller)?;
    Ok((caller, call))
}

fn operate(bed: &Bed, command: &str) -> Result<()> {
    let said = bed.asterisk.cli(&format!("hotline {command}"))?;
    assert_eq!(said, "Done.\n", "{command}");
    Ok(())
}

fn is_next(agent: &Phone, leaving: &Phone, caller: &Phone) -> Result<()> {
    leaving.hang_up();
    assert_eq!(agent.expect_ring()?.from, caller.user());
    agent.answer();
    caller.hears(agent)
}

#[test]
fn a_caller_is_put_first() -> Result<()> {
    let (bed, talking, agent) = boot()?;
    let (first, _) = wait(&bed, "support")?;
    let (second, call) = wait(&bed, "support")?;
    operate(&bed, &format!("call prioritise {call} 300"))?;
    let calls = bed.asterisk.cli("hotline show calls")?;
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let row = calls.lines().map(words).find(|row| row.first() == Some(&call));
    assert_eq!(
        row.map(|row| (row[4].clone(), row[6].clone())),
        Some(("waiting".into(), "1".into())),
        "{calls}"
    );
    is_next(&agent, &talking, &second)?;
    is_next(&agent, &second, &first)?;
    bed.finish()
}

#[test]
fn a_caller_is_moved_and_keeps_the_place() -> Result<()> {
    let (bed, talking, agent) = boot()?;
    let (moved, call) = wait(&bed, "support")?;
    let (other, _) = wait(&bed, "sales")?;
    operate(&bed, &format!("call move {call} sales"))?;
    assert_eq!(finished(&bed, &moved)?.outcome, CallOutcome::Moved);
    moved.hears_music()?;
    is_next(&agent, &talking, &moved)?;
    let channels = bed.asterisk.cli("core show channels concise")?;
    let name = channels
        .lines()
        .filter_map(|line| line.split('!').next())
        .find(|name| name.starts_with("PJSIP/a1001"));
    let variable = bed.manager.variable(name.unwrap_or_default(), "HOTLINE_QUEUE")?;
    assert_eq!(variable, "sales");
    is_next(&agent, &moved, &other)?;
    bed.finish()
}

#[test]
fn a_caller_is_withdrawn_to_a_place() -> Result<()> {
    let (bed, _talking, _agent) = boot()?;
    let (onward, first) = wait(&bed, "support")?;
    let (elsewhere, second) = wait(&bed, "support")?;
    operate(&bed, &format!("call withdraw {first}"))?;
    bed.expect_left(&onward, "WITHDRAWN")?;
    operate(&bed, &format!("call withdraw {second} elsewhere,desk,1"))?;
    let values = [
        ("Number", elsewhere.user()),
        ("Place", "desk"),
        ("Status", "WITHDRAWN"),
    ];
    bed.manager.user_event("Elsewhere", &values)?;
    assert_eq!(finished(&bed, &elsewhere)?.outcome, CallOutcome::Withdrawn);
    let refused = bed.asterisk.cli(&format!("hotline call withdraw {second}"))?;
    assert!(refused.starts_with("Refused: "), "{refused}");
    bed.finish()
}

#[test]
fn the_cli_explains_calls_agents_and_fairness() -> Result<()> {
    let (bed, _talking, _agent) = boot()?;
    let (_caller, call) = wait(&bed, "sales")?;
    let why = bed.asterisk.cli(&format!("hotline why {call}"))?;
    assert!(why.contains("in sales") && why.contains("place 1 of 1"), "{why}");
    let why_not = bed.asterisk.cli("hotline why-not 1001")?;
    assert!(why_not.contains("1001"), "{why_not}");
    let unknown = bed.asterisk.cli("hotline why-not 9999")?;
    assert!(!unknown.is_empty() && unknown != why_not, "{unknown}");
    let fairness = bed.asterisk.cli("hotline show fairness")?;
    assert!(
        fairness.contains("support") && fairness.contains("sales"),
        "{fairness}"
    );
    let agents = bed.asterisk.cli("hotline show agents sales")?;
    assert!(
        agents.contains("support:1,sales:2") && agents.contains("english"),
        "{agents}"
    );
    operate(&bed, "agent queue 1001 sales leave")?;
    operate(&bed, "agent queue 1001 sales 3 50")?;
    operate(&bed, "agent skill 1001 english drop")?;
    let agents = bed.asterisk.cli("hotline show agents")?;
    assert!(
        agents.contains("support:1,sales:3") && !agents.contains("english"),
        "{agents}"
    );
    bed.finish()
}
