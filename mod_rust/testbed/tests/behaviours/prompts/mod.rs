//! What is said to a waiting caller: the place in the queue and the wait to expect, in place of the music and never in the
//! way of an answer.

use anyhow::{Context, Result};
use hotline_testbed::bed::Bed;
use hotline_testbed::phone::{Phone, Tone};
use hotline_wire::snapshot::AgentState;
use hotline_wire::{Command, Event, Outcome};

use crate::sounds::{LANGUAGE, record, record_at};
use crate::{EXTENSIONS, call_of};

const PLACE: Tone = Tone::nth(40);
const FIGURE: Tone = Tone::nth(42);
const WAIT: Tone = Tone::nth(44);
const ENDLESS: Tone = Tone::nth(46);

/// Callers whose language has the words that a test records.
fn boot(sounds: &str) -> Result<Bed> {
    let extensions = format!(
        "{EXTENSIONS}\n[callers](+)\nexten => _aloud.,1,Set(CHANNEL(language)={LANGUAGE})\n same => n,Hotline(${{EXTEN:5}})\n"
    );
    let settings = include_str!("hotline.toml").replace("@SOUNDS@", sounds);
    let bed = Bed::boot(&settings, &extensions)?;
    record(&bed, "prompts/place", PLACE)?;
    record(&bed, "prompts/wait", WAIT)?;
    Ok(bed)
}

fn listener(bed: &Bed) -> Phone {
    let caller = bed.caller("gold");
    caller.follow(&[Tone::MUSIC, PLACE, FIGURE, WAIT, ENDLESS]);
    caller
}

fn talk(caller: &Phone, queue: &str, agent: &Phone) -> Result<()> {
    caller.call(queue)?;
    agent.expect_ring()?;
    agent.answer();
    caller.hears(agent)
}

/// The wait that was predicted when a caller joined, in minutes as they are said.
fn minutes_predicted(bed: &Bed, caller: &Phone) -> Result<u64> {
    let predicted = bed.node.event("a caller to join", |event| match event {
        Event::CallJoined {
            number, predicted, ..
        } if number == caller.user() => Some(*predicted),
        _ => None,
    })?;
    let predicted = predicted.context("no wait was predicted")?;
    Ok(predicted.p50.div_ceil(60_000_000).max(1))
}

#[test]
fn the_place_is_said_and_the_music_goes_on() -> Result<()> {
    let bed = boot("")?;
    // The other numbers are spoken, which is no tone.
    record(&bed, &format!("{LANGUAGE}/digits/2"), FIGURE)?;
    let (talking, first, second) = (bed.caller("gold"), listener(&bed), listener(&bed));
    let agent = bed.phone("a1001");
    talk(&talking, "support", &agent)?;
    first.call("aloudsupport")?;
    call_of(&bed, &first)?;
    second.call("aloudsupport")?;
    first.heard(&[Tone::MUSIC, PLACE, Tone::MUSIC])?;
    second.heard(&[Tone::MUSIC, PLACE, FIGURE, Tone::MUSIC])?;
    // Of the wait nothing was said: nobody has measured it yet. The place comes again.
    second.heard(&[
        Tone::MUSIC,
        PLACE,
        FIGURE,
        Tone::MUSIC,
        PLACE,
        FIGURE,
        Tone::MUSIC,
    ])?;
    bed.finish()
}

#[test]
fn the_wait_is_said_once_it_is_known() -> Result<()> {
    let bed = boot("")?;
    let (caller, agent) = (listener(&bed), bed.phone("a1003"));
    for _ in 0..3 {
        let served = bed.caller("gold");
        talk(&served, "measured", &agent)?;
        served.hang_up();
        agent.expect_hangup()?;
        bed.node.agent_is("1003", AgentState::Ready)?;
    }
    talk(&bed.caller("gold"), "measured", &agent)?;
    caller.call("aloudmeasured")?;
    let minutes = minutes_predicted(&bed, &caller)?;
    assert!((2..20).contains(&minutes), "{minutes} minutes are one sound");
    record(&bed, &format!("{LANGUAGE}/digits/{minutes}"), FIGURE)?;
    caller.heard(&[Tone::MUSIC, WAIT, FIGURE, Tone::MUSIC])?;
    bed.finish()
}

#[test]
fn an_answer_does_not_wait_for_a_prompt_to_end() -> Result<()> {
    let folder = tempfile::tempdir()?;
    // A minute, far beyond what any wait of a test lasts.
    record_at(folder.path(), "endless", ENDLESS, 3000)?;
    let bed = boot(&folder.path().display().to_string())?;
    let (caller, agent) = (listener(&bed), bed.phone("a1002"));
    caller.call("talkative")?;
    caller.heard(&[ENDLESS])?;
    let sign_in = Command::SignIn {
        agent: "1002".into(),
        phone: String::new(),
    };
    assert_eq!(bed.node.command("agent:1002", sign_in)?, Outcome::Done);
    agent.expect_ring()?;
    caller.hears_tone(ENDLESS)?;
    agent.answer();
    caller.hears(&agent)?;
    agent.hears(&caller)?;
    bed.finish()
}

#[test]
fn a_caller_who_hangs_up_in_a_prompt_is_gone() -> Result<()> {
    let folder = tempfile::tempdir()?;
    record_at(folder.path(), "endless", ENDLESS, 3000)?;
    let bed = boot(&folder.path().display().to_string())?;
    let caller = listener(&bed);
    caller.call("talkative")?;
    caller.heard(&[ENDLESS])?;
    caller.hang_up();
    bed.manager.user_event("Gone", &[("Number", caller.user())])?;
    bed.finish()
}
