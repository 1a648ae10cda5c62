//! Callers who are let through with a warning to the agent: by header, display, whispered prompt and event.

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_testbed::phone::{Phone, Tone};
use hotline_wire::blacklist::ScreenAction;
use hotline_wire::{Command, Event, Outcome};

use super::{CAREFUL, add, expect_verdict, listener, screened, start};
use crate::call_of;
use crate::steps::{join, sign_in};

fn suspicious(bed: &Bed, queue: &str) -> Result<(Phone, Phone)> {
    let (caller, agent) = (listener(bed), bed.phone("a1001"));
    agent.follow(&[CAREFUL, caller.tone()]);
    add(bed, &caller, "flag shouts at people")?;
    caller.call(queue)?;
    agent.expect_ring()?;
    Ok((caller, agent))
}

#[test]
fn the_agent_is_warned_before_the_conversation() -> Result<()> {
    let (bed, _state) = start()?;
    let (caller, agent) = suspicious(&bed, "support")?;
    assert_eq!(
        agent.invite_header("X-Hotline-Flag").as_deref(),
        Some("shouts at people")
    );
    let flag = bed.node.event("the call to join", |event| match event {
        Event::CallJoined { number, flag, .. } if number == caller.user() => Some(flag.clone()),
        _ => None,
    })?;
    assert_eq!(flag, "shouts at people");
    assert_eq!(screened(&bed, 0, &caller)?.0, ScreenAction::Flag);
    agent.answer();
    agent.heard(&[CAREFUL, caller.tone()])?;
    caller.hears(&agent)?;
    // The caller heard music until then, and nothing of the warning.
    caller.heard(&[Tone::MUSIC])?;
    caller.misses_music()?;
    caller.hang_up();
    agent.expect_hangup()?;
    expect_verdict(&bed, &caller, "FLAGGED")?;

    // Nobody is warned of anybody else.
    let other = bed.caller("gold");
    other.call("support")?;
    agent.expect_ring()?;
    assert_eq!(agent.invite_header("X-Hotline-Flag"), None);
    agent.answer();
    agent.heard(&[])?;
    agent.hears(&other)?;
    bed.finish()
}

#[test]
fn a_caller_seen_before_the_queue_is_counted_and_flagged_once() -> Result<()> {
    let (bed, _state) = start()?;
    let (caller, agent) = suspicious(&bed, "menu")?;
    let values = [
        ("Number", caller.user()),
        ("Screen", "FLAGGED"),
        ("Flag", "shouts at people"),
    ];
    bed.manager.user_event("Screened", &values)?;
    assert_eq!(
        agent.invite_header("X-Hotline-Flag").as_deref(),
        Some("shouts at people")
    );
    agent.answer();
    agent.hears(&caller)?;
    let is_it = |event: &Event| matches!(event, Event::CallScreened { .. });
    let told = bed.node.events();
    assert_eq!(told.iter().filter(|frame| is_it(&frame.event)).count(), 1);
    bed.finish()
}

#[test]
fn whoever_hangs_up_during_the_warning_is_gone() -> Result<()> {
    let (bed, _state) = start()?;
    // As long as nobody's patience.
    crate::sounds::record_at(
        &bed.asterisk.path("data/sounds"),
        "blacklist/careful",
        CAREFUL,
        3_000,
    )?;
    let (caller, agent) = suspicious(&bed, "support")?;
    agent.answer();
    agent.heard(&[CAREFUL])?;
    // The agent: the caller keeps the place, and another one is rung.
    relieve(&bed)?;
    agent.hang_up();
    let other = bed.phone("a1002");
    other.follow(&[CAREFUL]);
    other.expect_ring()?;
    other.answer();
    other.heard(&[CAREFUL])?;
    caller.hears_music()?;
    // The caller.
    let call = call_of(&bed, &caller)?;
    caller.hang_up();
    other.expect_hangup()?;
    bed.node.event("the call to be over", |event| match event {
        Event::CallFinished { call: of, .. } if *of == call => Some(()),
        _ => None,
    })?;
    bed.finish()
}

#[test]
fn callers_who_hang_up_during_the_warning_leave_the_phone_free_for_the_next() -> Result<()> {
    const CALLERS: u64 = 20;
    let (bed, _state) = start()?;
    crate::sounds::record_at(
        &bed.asterisk.path("data/sounds"),
        "blacklist/careful",
        CAREFUL,
        3_000,
    )?;
    let suspect = || -> Result<Phone> {
        let caller = listener(&bed);
        add(&bed, &caller, "flag shouts at people")?;
        join(&bed, &caller, "support")?;
        Ok(caller)
    };
    let agent = bed.phone("a1001");
    agent.follow(&[CAREFUL]);
    let mut warned = suspect()?;
    for _ in 0..CALLERS {
        let next = suspect()?;
        agent.expect_ring()?;
        agent.answer();
        agent.heard(&[CAREFUL])?;
        warned.hang_up();
        warned = next;
    }
    agent.expect_ring()?;
    // It has a single line, and was never busy.
    assert_eq!(agent.offered(), CALLERS + 1);
    bed.finish()
}

/// The second agent comes to work, and the first one goes after the call.
fn relieve(bed: &Bed) -> Result<()> {
    sign_in(bed, "1002")?;
    let away = Command::SetNotReady {
        agent: "1001".into(),
        reason: String::new(),
    };
    assert_ne!(bed.node.command("testbed", away)?, Outcome::Done, "a call is up");
    Ok(())
}
