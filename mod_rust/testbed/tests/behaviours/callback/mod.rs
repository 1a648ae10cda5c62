//! Who leaves to be called back keeps the place: is called when the turn is near, is tried again if nobody answers, and has the
//! place back by calling again, too.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use hotline_testbed::bed::{Bed, SOCKET};
use hotline_testbed::node::Node;
use hotline_testbed::phone::{Phone, Tone};
use hotline_wire::event::{CallOutcome, CallbackOutcome};
use hotline_wire::snapshot::{AgentState, Door};
use hotline_wire::{Command, Event, Outcome};

use crate::sounds::record;
use crate::{EXTENSIONS, call_of, finished};

const WE_CALL: Tone = Tone::nth(40);

const SETTINGS: &str = include_str!("hotline.toml");

fn boot() -> Result<Bed> {
    boot_with(SETTINGS)
}

fn boot_with(settings: &str) -> Result<Bed> {
    // The phones of callers are reached over this trunk.
    let extensions = format!("{EXTENSIONS}\n[globals]\nHOTLINE_TRUNK=free9\n");
    Bed::boot(settings, &extensions)
}

/// A caller who talks with the only agent.
fn talk(bed: &Bed, agent: &Phone) -> Result<Phone> {
    let caller = bed.caller("gold");
    caller.call("support")?;
    agent.expect_ring()?;
    agent.answer();
    caller.hears(agent)?;
    Ok(caller)
}

fn wait(bed: &Bed) -> Result<Phone> {
    let caller = bed.caller("gold");
    caller.call("support")?;
    call_of(bed, &caller)?;
    Ok(caller)
}

/// A caller who waits, and leaves to be called back: with the name of the callback.
fn leave(bed: &Bed) -> Result<(Phone, String)> {
    let caller = wait(bed)?;
    caller.press("1");
    bed.expect_left(&caller, "CALLBACK")?;
    caller.expect_hangup()?;
    let callback = call_of(bed, &caller)?;
    Ok((caller, callback))
}

/// Waits until a caller is in the queue again for a callback: the place.
fn back(bed: &Bed, wanted: &str) -> Result<u32> {
    bed.node
        .event("the caller to have the place back", |event| match event {
            Event::CallJoined {
                callback, position, ..
            } if callback.as_deref() == Some(wanted) => Some(*position),
            _ => None,
        })
}

/// How a callback ended, once it did.
fn outcome(bed: &Bed, wanted: &str) -> Result<CallbackOutcome> {
    bed.node.event("the callback to end", |event| match event {
        Event::CallbackEnded {
            callback, outcome, ..
        } if callback == wanted => Some(*outcome),
        _ => None,
    })
}

#[test]
fn the_caller_is_called_when_the_turn_is_near_and_served_at_the_old_place() -> Result<()> {
    let bed = boot()?;
    let agent = bed.phone("a1001");
    let talking = talk(&bed, &agent)?;
    let ahead = wait(&bed)?;
    let (caller, callback) = leave(&bed)?;
    let behind = wait(&bed)?;
    assert_eq!(caller.offered(), 0, "somebody is ahead");
    talking.hang_up();
    assert_eq!(agent.expect_ring()?.from, ahead.user());
    agent.answer();
    ahead.hears(&agent)?;
    // Nobody is ahead any more.
    caller.expect_ring()?;
    caller.answer();
    assert_eq!(back(&bed, &callback)?, 1);
    assert_eq!(outcome(&bed, &callback)?, CallbackOutcome::Resumed);
    caller.hears_music()?;
    ahead.hang_up();
    agent.expect_hangup()?;
    assert_eq!(
        agent.expect_ring()?.from,
        caller.user(),
        "the agent sees whom it is"
    );
    agent.answer();
    caller.hears(&agent)?;
    agent.hears(&caller)?;
    // The Local channel to the caller is out of the way by now, and holds are seen all the same.
    agent.hold();
    bed.node.agent_is("1001", AgentState::OnHold)?;
    agent.retrieve();
    bed.node.agent_is("1001", AgentState::OnCall)?;
    caller.hang_up();
    assert_eq!(agent.expect_ring()?.from, behind.user());
    agent.answer();
    behind.hears(&agent)?;
    assert!(bed.snapshot()?.callbacks.is_empty());
    bed.finish()
}

#[test]
fn nobody_is_called_who_is_still_on_the_line() -> Result<()> {
    let bed = boot()?;
    record(&bed, "callback/we-call", WE_CALL)?;
    let agent = bed.phone("a1001");
    talk(&bed, &agent)?;
    let caller = wait(&bed)?;
    caller.press("2");
    caller.hears_tone(WE_CALL)?;
    assert!(!caller.expect_hangup()?.by_us);
    caller.expect_ring()?;
    assert_eq!(caller.offered(), 1, "never called while it was busy");
    caller.answer();
    caller.hears_music()?;
    bed.finish()
}

#[test]
fn who_calls_again_has_the_place_back_and_is_called_no_more() -> Result<()> {
    let bed = boot()?;
    let agent = bed.phone("a1001");
    let talking = talk(&bed, &agent)?;
    let ahead = wait(&bed)?;
    let (caller, callback) = leave(&bed)?;
    let behind = wait(&bed)?;
    caller.call("support")?;
    assert_eq!(back(&bed, &callback)?, 2);
    assert_eq!(outcome(&bed, &callback)?, CallbackOutcome::Redialled);
    for (leaving, next) in [(&talking, &ahead), (&ahead, &caller), (&caller, &behind)] {
        leaving.hang_up();
        assert_eq!(agent.expect_ring()?.from, next.user());
        agent.answer();
        next.hears(&agent)?;
    }
    assert_eq!(caller.offered(), 0);
    bed.finish()
}

#[test]
fn who_calls_again_while_being_called_is_called_no_more() -> Result<()> {
    let bed = boot()?;
    let agent = bed.phone("a1001");
    talk(&bed, &agent)?;
    let (caller, callback) = leave(&bed)?;
    caller.expect_ring()?;
    // The same number, by another phone.
    let again = bed.bank.caller("bronze", caller.user());
    again.call("support")?;
    assert_eq!(outcome(&bed, &callback)?, CallbackOutcome::Redialled);
    again.hears_music()?;
    bed.asterisk
        .cli("core show channels concise")
        .map(|channels| assert!(!channels.contains("free9"), "{channels}"))?;
    bed.finish()
}

#[test]
fn who_does_not_answer_is_tried_again_and_then_forgotten() -> Result<()> {
    let bed = boot()?;
    let agent = bed.phone("a1001");
    talk(&bed, &agent)?;
    let (caller, callback) = leave(&bed)?;
    caller.expect_ring()?;
    caller.say_busy();
    caller.expect_hangup()?;
    let missed = |attempt: u32| {
        bed.node.event("a missed callback", |event| match event {
            Event::CallbackMissed { attempt: seen, .. } if *seen == attempt => Some(()),
            _ => None,
        })
    };
    missed(1)?;
    caller.expect_ring()?;
    // Rings out.
    missed(2)?;
    assert_eq!(outcome(&bed, &callback)?, CallbackOutcome::Failed);
    caller.expect_hangup()?;
    assert_eq!(caller.offered(), 2);
    bed.finish()
}

#[test]
fn a_supervisor_cancels_a_callback_that_rings() -> Result<()> {
    let bed = boot()?;
    let agent = bed.phone("a1001");
    talk(&bed, &agent)?;
    let (caller, callback) = leave(&bed)?;
    caller.expect_ring()?;
    let shown = bed.asterisk.cli("hotline show callbacks")?;
    assert!(shown.contains(&callback) && shown.contains("dialling"), "{shown}");
    let done = bed.asterisk.cli(&format!("hotline callback cancel {callback}"))?;
    assert_eq!(done, "Done.\n");
    caller.expect_hangup()?;
    assert_eq!(outcome(&bed, &callback)?, CallbackOutcome::Cancelled);
    bed.finish()
}

#[test]
fn a_module_that_goes_stops_calling() -> Result<()> {
    let mut bed = boot()?;
    let (caller, agent) = (bed.caller("gold"), bed.phone("a1001"));
    caller.call("support")?;
    agent.expect_ring()?;
    caller.press("1");
    bed.expect_left(&caller, "CALLBACK")?;
    caller.expect_hangup()?;
    caller.expect_ring()?;
    let said = bed.asterisk.cli("module unload app_hotline.so")?;
    caller.expect_hangup()?;
    let said = said + &bed.asterisk.cli("module load app_hotline.so")?;
    bed.node = Node::connect(&bed.asterisk.path(SOCKET)).with_context(|| said)?;
    // What was owed is forgotten with the rest.
    caller.call("support")?;
    agent.expect_ring()?;
    agent.answer();
    caller.hears(&agent)?;
    bed.finish()
}

#[test]
fn who_answers_and_hangs_up_has_abandoned() -> Result<()> {
    let bed = boot()?;
    let agent = bed.phone("a1001");
    talk(&bed, &agent)?;
    let (caller, callback) = leave(&bed)?;
    caller.expect_ring()?;
    caller.answer();
    back(&bed, &callback)?;
    caller.hang_up();
    let place = bed
        .node
        .event("the end of the resumed call", |event| match event {
            Event::CallFinished { call, outcome, .. } if *call != callback => Some(*outcome),
            _ => None,
        })?;
    assert_eq!(place, CallOutcome::Abandoned);
    assert_eq!(finished(&bed, &caller)?.outcome, CallOutcome::Callback);
    bed.finish()
}

/// How the PBX goes down.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Down {
    Stopped,
    /// `kill -9`, once what is owed is on the disk.
    Killed,
}

/// Waits until the file of what stands has all of these: it is written right after, by a thread of its own.
fn written(file: &Path, texts: &[&str]) -> Result<()> {
    let begun = Instant::now();
    loop {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        if texts.iter().all(|wanted| text.contains(wanted)) {
            return Ok(());
        }
        ensure!(
            begun.elapsed() < Duration::from_secs(20),
            "{texts:?} is not written: {text}"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Nobody is called back in an emergency.
fn set_door(bed: &Bed, door: Door) -> Result<()> {
    let queue = "support".to_owned();
    let outcome = bed.node.command("testbed", Command::SetDoor { queue, door })?;
    ensure!(outcome == Outcome::Done, "{outcome:?}");
    Ok(())
}

#[test]
fn who_is_owed_a_call_is_called_after_the_pbx_was_restarted_or_killed() -> Result<()> {
    for down in [Down::Stopped, Down::Killed] {
        let state = tempfile::tempdir()?;
        // Who is next rings while the one before talks.
        let patient = SETTINGS.replace("ring_seconds = 1.5", "ring_seconds = 20");
        let settings = format!("{patient}\n[state]\ndirectory = {:?}\n", state.path());
        let bed = boot_with(&settings)?;
        let file = state
            .path()
            .join(format!("{}.standing.json", bed.node.hello().node));
        let agent = bed.phone("a1001");
        let talking = talk(&bed, &agent)?;
        let ahead = wait(&bed)?;
        let (first, first_before) = leave(&bed)?;
        let (second, second_before) = leave(&bed)?;
        let numbers = [first.user().to_owned(), second.user().to_owned()];
        set_door(&bed, Door::Emergency)?;
        ahead.expect_hangup()?;
        written(&file, &[&numbers[0], &numbers[1], "emergency"])?;
        drop((agent, talking, ahead, first, second));
        match down {
            Down::Stopped => bed.finish()?,
            Down::Killed => bed.kill()?,
        }

        let bed = boot_with(&settings)?;
        let callers: Vec<Phone> = (0..4).map(|_| bed.caller("gold")).collect();
        let owed = bed.snapshot()?.callbacks;
        let again: Vec<&str> = owed.iter().map(|callback| &*callback.number).collect();
        assert_eq!(again, numbers, "{down:?}");
        for (callback, before) in owed.iter().zip([&first_before, &second_before]) {
            assert!(callback.restored);
            assert_ne!(&callback.callback, before, "it is named anew");
        }
        set_door(&bed, Door::Open)?;
        let agent = bed.phone("a1001");
        for (number, callback) in numbers.iter().zip(&owed) {
            let caller = callers.iter().find(|caller| caller.user() == number);
            let caller = caller.context("the caller")?;
            caller.expect_ring()?;
            caller.answer();
            assert_eq!(back(&bed, &callback.callback)?, 1);
            assert_eq!(outcome(&bed, &callback.callback)?, CallbackOutcome::Resumed);
            agent.expect_ring()?;
            agent.answer();
            caller.hears(&agent)?;
            caller.hang_up();
            agent.expect_hangup()?;
        }
        assert!(bed.snapshot()?.callbacks.is_empty());
        bed.finish()?;
    }
    Ok(())
}
