//! Queues that an operator closes, for the day or for an emergency, and where callers go who cannot wait: with a word, to a
//! place of the dialplan, or to a busy tone.

use anyhow::{Context, Result};
use hotline_testbed::bed::Bed;
use hotline_testbed::phone::{Phone, Tone};
use hotline_wire::event::CallOutcome;
use hotline_wire::snapshot::{AgentState, Door};
use hotline_wire::{Command, Event, Outcome};

use crate::sounds::{LANGUAGE, record};
use crate::{EXTENSIONS, call_of, finished};

const CLOSED: Tone = Tone::nth(40);
const EMERGENCY: Tone = Tone::nth(42);
const TRY_IN: Tone = Tone::nth(44);
const FIGURE: Tone = Tone::nth(46);
const BUSY: Tone = Tone::nth(48);

/// A country whose busy tone is one tone.
const INDICATIONS: &str =
    "[general]\ncountry=tt\n[tt]\ndescription=Test\nringcadence=1000\nbusy=2750/400,0/100\n";

fn boot() -> Result<Bed> {
    let extensions = format!(
        "{EXTENSIONS}\n[callers](+)\n\
         exten => hopeful,1,Set(CHANNEL(language)={LANGUAGE})\n same => n,Hotline(hopeful)\n \
         same => n,UserEvent(Retry,Seconds: ${{HOTLINE_RETRY_SECONDS}},Status: ${{HOTLINESTATUS}})\n"
    );
    let bed = Bed::boot_with(include_str!("hotline.toml"), &extensions, |setup| {
        setup.files.push(("indications.conf".into(), INDICATIONS.into()));
    })?;
    record(&bed, "closed/closed", CLOSED)?;
    record(&bed, "closed/emergency", EMERGENCY)?;
    record(&bed, "closed/try-in", TRY_IN)?;
    Ok(bed)
}

fn listener(bed: &Bed) -> Phone {
    let caller = bed.caller("gold");
    caller.follow(&[Tone::MUSIC, CLOSED, EMERGENCY, TRY_IN, FIGURE, BUSY]);
    caller
}

/// An operator at the CLI.
fn operate(bed: &Bed, command: &str) -> Result<()> {
    let said = bed.asterisk.cli(&format!("hotline queue {command}"))?;
    assert_eq!(said, "Done.\n", "{command}");
    Ok(())
}

fn talk(caller: &Phone, queue: &str, agent: &Phone) -> Result<()> {
    caller.call(queue)?;
    agent.expect_ring()?;
    agent.answer();
    caller.hears(agent)
}

#[test]
fn nobody_joins_a_closed_queue_and_who_waits_is_served() -> Result<()> {
    let bed = boot()?;
    let (talking, waiting, late) = (bed.caller("gold"), listener(&bed), listener(&bed));
    let agent = bed.phone("a1001");
    talk(&talking, "support", &agent)?;
    waiting.call("support")?;
    waiting.heard(&[Tone::MUSIC])?;
    operate(&bed, "close support")?;
    late.call("support")?;
    late.heard(&[CLOSED])?;
    bed.expect_left(&late, "CLOSED")?;
    assert_eq!(finished(&bed, &late)?.outcome, CallOutcome::Closed);
    let shown = bed.asterisk.cli("hotline show queues")?;
    assert!(
        shown
            .lines()
            .any(|line| line.starts_with("support") && line.contains("closed")),
        "{shown}"
    );
    talking.hang_up();
    agent.expect_ring()?;
    agent.answer();
    waiting.hears(&agent)?;
    operate(&bed, "open support")?;
    let next = bed.caller("gold");
    next.call("support")?;
    next.hears_music()?;
    bed.finish()
}

#[test]
fn in_an_emergency_who_waits_leaves_too() -> Result<()> {
    let bed = boot()?;
    let (talking, waiting, late) = (bed.caller("gold"), listener(&bed), listener(&bed));
    let agent = bed.phone("a1001");
    talk(&talking, "support", &agent)?;
    waiting.call("support")?;
    waiting.heard(&[Tone::MUSIC])?;
    operate(&bed, "emergency support")?;
    waiting.heard(&[Tone::MUSIC, EMERGENCY])?;
    late.call("support")?;
    late.heard(&[EMERGENCY])?;
    for caller in [&waiting, &late] {
        let values = [
            ("Number", caller.user()),
            ("Place", "emergency"),
            ("Status", "EMERGENCY"),
        ];
        bed.manager.user_event("Elsewhere", &values)?;
        assert_eq!(finished(&bed, caller)?.outcome, CallOutcome::Emergency);
    }
    // Conversations go on.
    talking.hears(&agent)?;
    bed.finish()
}

#[test]
fn a_door_is_told_and_survives_a_reload() -> Result<()> {
    let bed = boot()?;
    let command = Command::SetDoor {
        queue: "support".into(),
        door: Door::Closed,
    };
    assert_eq!(bed.node.command("supervisor", command)?, Outcome::Done);
    let door = bed.node.event("the queue to change", |event| match event {
        Event::QueueChanged { queue } => Some((queue.name.clone(), queue.door)),
        _ => None,
    })?;
    assert_eq!(door, ("support".to_owned(), Door::Closed));
    bed.asterisk.cli("hotline reload")?;
    let queues = bed.snapshot()?.queues;
    assert_eq!(queues[0].door, Door::Closed);
    bed.manager.event("the manager's event", |event| {
        event.event() == "HotlineQueueChanged" && event.get("Door") == "closed"
    })?;
    bed.finish()
}

#[test]
fn a_full_queue_can_sound_busy() -> Result<()> {
    let bed = boot()?;
    let agent = bed.phone("a1001");
    talk(&bed.caller("gold"), "support", &agent)?;
    for _ in 0..2 {
        let waiting = bed.caller("gold");
        waiting.call("support")?;
        call_of(&bed, &waiting)?;
    }
    let caller = listener(&bed);
    caller.call("support")?;
    caller.heard(&[BUSY])?;
    assert_eq!(finished(&bed, &caller)?.outcome, CallOutcome::Full);
    caller.hang_up();
    bed.manager
        .user_event("Gone", &[("Number", caller.user()), ("Status", "FULL")])?;
    bed.finish()
}

#[test]
fn an_exit_that_is_no_place_goes_on_behind_the_queue() -> Result<()> {
    let bed = boot()?;
    let caller = bed.caller("gold");
    caller.dial("lost")?;
    bed.expect_left(&caller, "CLOSED")?;
    assert!(
        bed.asterisk
            .log()
            .contains("the dialplan has no place nowhere,s,1")
    );
    bed.finish()
}

#[test]
fn who_finds_no_room_hears_when_to_try_again() -> Result<()> {
    let bed = boot()?;
    let agent = bed.phone("a1001");
    for _ in 0..3 {
        let served = bed.caller("gold");
        talk(&served, "hopeful", &agent)?;
        served.hang_up();
        agent.expect_hangup()?;
        bed.node.agent_is("1001", AgentState::Ready)?;
    }
    talk(&bed.caller("gold"), "hopeful", &agent)?;
    let waiting = bed.caller("gold");
    waiting.call("hopeful")?;
    call_of(&bed, &waiting)?;
    // Who comes behind the one who waits can expect this.
    for minutes in 1..60 {
        record(&bed, &format!("{LANGUAGE}/digits/{minutes}"), FIGURE)?;
    }
    let caller = listener(&bed);
    caller.call("hopeful")?;
    caller.heard(&[TRY_IN, FIGURE])?;
    let event = bed.manager.user_event("Retry", &[("Status", "FULL")])?;
    let seconds: u64 = event.get("Seconds").parse().context("no number of seconds")?;
    // Three calls of a moment after an hour that was expected leave some minutes.
    assert!((60..3600).contains(&seconds), "{seconds}");
    bed.finish()
}
