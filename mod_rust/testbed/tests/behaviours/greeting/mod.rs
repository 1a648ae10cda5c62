//! What caller and agent are told as the agent answers: both at once, and neither waits for the other's part.

use std::time::Instant;

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_testbed::phone::{Phone, Tone};
use hotline_wire::event::CallOutcome;
use hotline_wire::snapshot::AgentState;

use crate::EXTENSIONS;
use crate::sounds::{LANGUAGE, record, record_at};
use crate::steps::{connected, join, sign_in, visits};

const YOU_TALK_WITH: Tone = Tone::nth(40);
const ONE: Tone = Tone::nth(42);
const ZERO: Tone = Tone::nth(44);
const QUEUE: Tone = Tone::nth(46);
const TIER: Tone = Tone::nth(48);
const LONG: Tone = Tone::nth(50);
const ENDLESS: Tone = Tone::nth(52);

fn boot() -> Result<(Bed, tempfile::TempDir)> {
    let folder = tempfile::tempdir()?;
    // Four seconds, and a minute: far beyond what any wait of a test lasts.
    record_at(folder.path(), "long", LONG, 200)?;
    record_at(folder.path(), "endless", ENDLESS, 3_000)?;
    // Digits are recorded for callers of a language of their own.
    let extensions = format!(
        "{EXTENSIONS}\n[callers](+)\nexten => _aloud.,1,Set(CHANNEL(language)={LANGUAGE})\n same => n,Hotline(${{EXTEN:5}},t(${{LINE}}))\n"
    );
    let settings = include_str!("hotline.toml").replace("@SOUNDS@", &folder.path().display().to_string());
    let bed = Bed::boot(&settings, &extensions)?;
    for (name, tone) in [
        ("greeting/you-talk-with", YOU_TALK_WITH),
        ("greeting/support", QUEUE),
        ("greeting/sales", QUEUE),
        ("greeting/gold", TIER),
        (&format!("{LANGUAGE}/digits/1"), ONE),
        (&format!("{LANGUAGE}/digits/0"), ZERO),
    ] {
        record(&bed, name, tone)?;
    }
    Ok((bed, folder))
}

/// A caller and an agent who remember what they hear; the agent's phone rings.
fn ring(bed: &Bed, queue: &str) -> Result<(Phone, Phone)> {
    let (caller, agent) = (bed.caller("gold"), bed.phone("a1001"));
    caller.follow(&[YOU_TALK_WITH, ONE, ZERO, LONG, ENDLESS, agent.tone()]);
    agent.follow(&[QUEUE, TIER, LONG, ENDLESS, caller.tone()]);
    caller.call(queue)?;
    agent.expect_ring()?;
    agent.answer();
    Ok((caller, agent))
}

#[test]
fn the_caller_hears_who_it_is_and_the_agent_what_comes() -> Result<()> {
    let (bed, _sounds) = boot()?;
    let dialled = Instant::now();
    let (caller, agent) = ring(&bed, "aloudsupport")?;
    caller.heard(&[YOU_TALK_WITH, ONE, ZERO, ONE, agent.tone()])?;
    agent.heard(&[QUEUE, TIER, LONG, caller.tone()])?;
    // The caller heard the agent as soon as the own part was over, and while the agent still heard the other one.
    let heard = caller.begins_to_hear(agent.tone(), dialled)?;
    assert!(heard < agent.begins_to_hear(caller.tone(), dialled)?);
    caller.hears(&agent)?;
    agent.hears(&caller)?;
    bed.finish()
}

#[test]
fn the_agent_does_not_wait_for_what_the_caller_hears() -> Result<()> {
    let (bed, _sounds) = boot()?;
    let dialled = Instant::now();
    let (caller, agent) = ring(&bed, "aloudsales")?;
    // The queue's name is recorded nowhere in the settings, so it is left out.
    agent.heard(&[QUEUE, caller.tone()])?;
    caller.heard(&[LONG, agent.tone()])?;
    let heard = agent.begins_to_hear(caller.tone(), dialled)?;
    assert!(heard < caller.begins_to_hear(agent.tone(), dialled)?);
    bed.finish()
}

#[test]
fn a_caller_who_hangs_up_meanwhile_has_abandoned() -> Result<()> {
    let (bed, _sounds) = boot()?;
    let (caller, agent) = ring(&bed, "endless")?;
    caller.hears_tone(ENDLESS)?;
    caller.hang_up();
    agent.expect_hangup()?;
    bed.node.agent_is("1001", AgentState::Ready)?;
    let events = bed.node.events();
    let finished = events.iter().find_map(|frame| match &frame.event {
        hotline_wire::Event::CallFinished { outcome, .. } => Some(*outcome),
        _ => None,
    });
    assert_eq!(finished, Some(CallOutcome::Abandoned));
    bed.finish()
}

#[test]
fn an_agent_who_hangs_up_meanwhile_loses_the_caller_to_the_next() -> Result<()> {
    let (bed, _sounds) = boot()?;
    let (caller, first, second) = (bed.caller("gold"), bed.phone("a1001"), bed.phone("a1002"));
    let call = join(&bed, &caller, "endless")?;
    first.expect_ring()?;
    sign_in(&bed, "1002")?;
    first.answer();
    first.hears_tone(ENDLESS)?;
    first.hang_up();
    second.expect_ring()?;
    second.answer();
    second.hears_tone(ENDLESS)?;
    caller.hears_tone(ENDLESS)?;
    caller.hang_up();
    second.expect_hangup()?;
    let ended = visits(&bed, &call, 1)?;
    assert_eq!(ended[0].1, CallOutcome::Abandoned);
    bed.finish()
}

#[test]
fn after_the_greeting_the_conversation_counts() -> Result<()> {
    let (bed, _sounds) = boot()?;
    let (caller, agent) = (bed.caller("gold"), bed.phone("a1001"));
    let call = join(&bed, &caller, "sales")?;
    agent.expect_ring()?;
    agent.answer();
    connected(&bed, &call)?;
    caller.hears(&agent)?;
    agent.hang_up();
    bed.expect_left(&caller, "ANSWERED")?;
    bed.finish()
}
