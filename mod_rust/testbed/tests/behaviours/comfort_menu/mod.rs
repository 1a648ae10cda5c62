//! A waiting caller is offered keys: 0 to go on waiting, 1 to be called back, * for the way back to the menu.

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_testbed::phone::{Phone, Tone};
use hotline_wire::event::CallOutcome;
use hotline_wire::{Command, Event, Outcome};

use crate::sounds::record;
use crate::{EXTENSIONS, finished};

const OFFER: Tone = Tone::nth(40);
const THANKS: Tone = Tone::nth(42);
const WE_CALL: Tone = Tone::nth(44);

fn boot() -> Result<Bed> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    record(&bed, "comfort/offer", OFFER)?;
    record(&bed, "comfort/thanks", THANKS)?;
    record(&bed, "comfort/we-call", WE_CALL)?;
    Ok(bed)
}

/// A caller who listens to the music and to what is said.
fn caller(bed: &Bed) -> Phone {
    let caller = bed.caller("gold");
    caller.follow(&[Tone::MUSIC, OFFER, THANKS, WE_CALL]);
    caller
}

fn pressed(bed: &Bed) -> Result<char> {
    bed.node.event("a key to be taken", |event| match event {
        Event::KeyPressed { key, .. } => Some(*key),
        _ => None,
    })
}

#[test]
fn zero_goes_on_waiting_with_music() -> Result<()> {
    let bed = boot()?;
    let (caller, agent) = (caller(&bed), bed.phone("a1001"));
    caller.call("support")?;
    // Nothing is offered yet, so this is no key.
    caller.press("*");
    caller.heard(&[Tone::MUSIC, OFFER, Tone::MUSIC])?;
    caller.press("0");
    assert_eq!(pressed(&bed)?, '0');
    caller.heard(&[Tone::MUSIC, OFFER, Tone::MUSIC, THANKS, Tone::MUSIC])?;
    // The menu is over: the caller stays.
    caller.press("*1");
    let sign_in = Command::SignIn {
        agent: "1001".into(),
        phone: String::new(),
    };
    assert_eq!(bed.node.command("agent:1001", sign_in)?, Outcome::Done);
    agent.expect_ring()?;
    agent.answer();
    caller.hears(&agent)?;
    bed.finish()
}

#[test]
fn a_key_interrupts_what_is_said() -> Result<()> {
    let bed = boot()?;
    let caller = caller(&bed);
    caller.call("support")?;
    caller.heard(&[Tone::MUSIC, OFFER])?;
    caller.press("0");
    caller.heard(&[Tone::MUSIC, OFFER, THANKS, Tone::MUSIC])?;
    bed.finish()
}

#[test]
fn one_leaves_to_be_called_back() -> Result<()> {
    let bed = boot()?;
    let caller = caller(&bed);
    caller.call("support")?;
    caller.heard(&[Tone::MUSIC, OFFER])?;
    caller.press("1");
    caller.heard(&[Tone::MUSIC, OFFER, WE_CALL])?;
    bed.expect_left(&caller, "CALLBACK")?;
    caller.expect_hangup()?;
    assert_eq!(finished(&bed, &caller)?.outcome, CallOutcome::Callback);
    let callbacks = bed.snapshot()?.callbacks;
    assert_eq!(
        (callbacks.len(), callbacks[0].number.as_str()),
        (1, caller.user())
    );
    let shown = bed.asterisk.cli("hotline show callbacks")?;
    assert!(
        shown.contains(&callbacks[0].callback) && !shown.contains(caller.user()),
        "{shown}"
    );
    bed.finish()
}

#[test]
fn a_star_goes_back_to_the_menu_of_the_dialplan() -> Result<()> {
    let bed = boot()?;
    let caller = caller(&bed);
    caller.call("support")?;
    caller.heard(&[Tone::MUSIC, OFFER])?;
    caller.press("*");
    let values = [("Number", caller.user()), ("Place", "menu"), ("Status", "LEFT")];
    bed.manager.user_event("Elsewhere", &values)?;
    assert_eq!(finished(&bed, &caller)?.outcome, CallOutcome::Left);
    bed.finish()
}

#[test]
fn keys_are_taken_for_a_while_only() -> Result<()> {
    let bed = boot()?;
    let (late, caller) = (caller(&bed), caller(&bed));
    late.call("owing")?;
    late.heard(&[Tone::MUSIC, OFFER, Tone::MUSIC])?;
    // When another caller who comes now is offered the key, it is no longer one for the first.
    caller.call("owing")?;
    caller.heard(&[Tone::MUSIC, OFFER])?;
    late.press("*");
    caller.press("*");
    let values = [("Number", caller.user()), ("Place", "menu"), ("Status", "LEFT")];
    bed.manager.user_event("Elsewhere", &values)?;
    late.hears_music()?;
    assert_eq!(bed.snapshot()?.calls.len(), 1);
    bed.finish()
}
