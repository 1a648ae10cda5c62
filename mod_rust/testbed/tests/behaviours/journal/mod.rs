//! What a node writes down of its inputs brings back, replayed by the simulator, the very events that it told.

use anyhow::{Context, Result};
use hotline_sim::replay;
use hotline_testbed::bed::Bed;
use hotline_wire::snapshot::AgentState;

use crate::EXTENSIONS;

/// A morning in small: a conversation with a hold, a key, a caller who gives up waiting, one who is called back, commands.
fn morning(bed: &Bed) -> Result<()> {
    let agent = bed.phone("a1001");
    let (first, second, third) = (bed.caller("gold"), bed.caller("gold"), bed.caller("bronze"));
    first.call("support")?;
    agent.expect_ring()?;
    agent.answer();
    first.hears(&agent)?;
    second.call("support")?;
    second.hears_music()?;
    second.press("01");
    third.call("sales")?;
    bed.expect_left(&third, "TIMEOUT")?;
    agent.hold();
    bed.node.agent_is("1001", AgentState::OnHold)?;
    first.hears_music()?;
    agent.retrieve();
    bed.node.agent_is("1001", AgentState::OnCall)?;
    bed.asterisk.cli("hotline queue close sales")?;
    bed.asterisk.cli("hotline agent skill 1001 english")?;
    first.hang_up();
    agent.expect_ring()?;
    agent.answer();
    second.hears(&agent)?;
    second.press("1");
    let fourth = bed.caller("gold");
    fourth.call("support")?;
    fourth.press("1");
    bed.expect_left(&fourth, "CALLBACK")?;
    fourth.expect_hangup()?;
    fourth.expect_ring()?;
    fourth.answer();
    fourth.hears_music()?;
    second.hang_up();
    agent.expect_ring()?;
    agent.answer();
    fourth.hears(&agent)?;
    fourth.hang_up();
    bed.node.agent_is("1001", AgentState::Ready)
}

/// The name of an event, as both the engine and the world outside know it.
fn kind(event: &impl std::fmt::Debug) -> String {
    let text = format!("{event:?}");
    let end = text.find([' ', '{', '(']).unwrap_or(text.len());
    text[..end].to_owned()
}

#[test]
fn the_journal_brings_back_what_was_told() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let settings = include_str!("hotline.toml").replace("@JOURNAL@", &folder.path().display().to_string());
    let extensions = format!("{EXTENSIONS}\n[globals]\nHOTLINE_TRUNK=free9\n");
    let bed = Bed::boot(&settings, &extensions)?;
    morning(&bed)?;
    let before = bed.node.first_snapshot()?.seq;
    let told: Vec<(u64, String)> = bed
        .node
        .events()
        .iter()
        .map(|frame| (frame.at, kind(&frame.event)))
        .collect();
    bed.finish()?;

    let file = std::fs::read_dir(folder.path())?
        .next()
        .context("no journal was written")??;
    let mut replayed = Vec::new();
    for step in replay(&std::fs::read(file.path())?)? {
        let step = step?;
        replayed.extend(step.events.iter().map(|event| (step.at.0, kind(event))));
    }
    let begin = usize::try_from(before)?;
    assert!(told.len() > 40, "{} events", told.len());
    assert_eq!(replayed.get(begin..begin + told.len()), Some(&told[..]));
    Ok(())
}
