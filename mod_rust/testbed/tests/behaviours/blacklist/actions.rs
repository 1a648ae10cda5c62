//! Every action, by what the caller's phone sees and hears.

use anyhow::Result;
use hotline_testbed::phone::Tone;
use hotline_wire::Event;
use hotline_wire::blacklist::ScreenAction;

use super::{BUSY, SORRY, add, expect_verdict, joined, listener, operate, screened, start};

#[test]
fn busy_is_a_prompt_in_early_media_and_486() -> Result<()> {
    let (bed, _state) = start()?;
    let (caller, other) = (listener(&bed), listener(&bed));
    add(&bed, &caller, "busy rings and hangs up")?;
    let place = bed.node.now();
    caller.dial("support")?;
    caller.heard(&[SORRY])?;
    let end = caller.expect_hangup()?;
    assert_eq!((end.status, end.by_us), (486, false));
    assert_eq!(
        screened(&bed, place, &caller)?,
        (ScreenAction::Busy, String::new())
    );
    expect_verdict(&bed, &caller, "BUSY")?;
    let left = [("Number", caller.user()), ("Status", "BLOCKED")];
    bed.manager.user_event("Gone", &left)?;
    bed.manager.event("the manager's event", |event| {
        event.event() == "HotlineCallScreened" && event.get("Action") == "busy"
    })?;
    assert!(!joined(&bed, &caller));
    assert_eq!(bed.phone("a1001").offered(), 0);
    // Nobody else is meant, and the log shows nobody's number.
    other.call("support")?;
    other.hears_music()?;
    assert!(!bed.asterisk.log().lines().any(|line| {
        line.contains("app_hotline") && line.contains("blacklist") && line.contains(caller.user())
    }));
    // An ordinary caller again.
    let said = operate(&bed, &format!("allow {} asked his pardon", caller.user()))?;
    assert_eq!(said, "Done.\n");
    caller.call("support")?;
    caller.hears_music()?;
    bed.finish()
}

#[test]
fn a_cause_becomes_the_networks_code() -> Result<()> {
    let (bed, _state) = start()?;
    for (cause, status) in [(1, 404), (17, 486), (21, 403), (34, 503)] {
        let caller = bed.caller("gold");
        add(&bed, &caller, &format!("release:{cause}"))?;
        let place = bed.node.now();
        caller.dial("support")?;
        let end = caller.expect_hangup()?;
        assert_eq!((end.status, end.by_us), (status, false), "cause {cause}");
        assert!(end.reason.contains(&format!("cause={cause}")), "{}", end.reason);
        let told = screened(&bed, place, &caller)?;
        assert_eq!(told, (ScreenAction::Release, cause.to_string()));
        expect_verdict(&bed, &caller, "RELEASED")?;
    }
    bed.finish()
}

#[test]
fn a_diverted_caller_goes_on_elsewhere() -> Result<()> {
    let (bed, _state) = start()?;
    let (caller, lost) = (bed.caller("gold"), bed.caller("gold"));
    add(&bed, &caller, "divert:elsewhere,fraud,1")?;
    caller.dial("support")?;
    let values = [
        ("Number", caller.user()),
        ("Place", "fraud"),
        ("Status", "BLOCKED"),
    ];
    bed.manager.user_event("Elsewhere", &values)?;
    assert_eq!(screened(&bed, 0, &caller)?.0, ScreenAction::Divert);
    // A place that is not allowed is refused, one that is not there is busy.
    let said = operate(&bed, "add 138* divert:phones,701,1")?;
    assert!(
        said.contains("Refused: callers may not be sent to phones,701,1"),
        "{said}"
    );
    add(&bed, &lost, "divert:nowhere,s,1")?;
    lost.dial("support")?;
    assert_eq!(lost.expect_hangup()?.status, 486);
    assert!(bed.asterisk.log().contains("the dialplan has no such place"));
    bed.finish()
}

#[test]
fn a_diverted_caller_may_be_led_back_to_an_agent() -> Result<()> {
    let (bed, _state) = start()?;
    let caller = listener(&bed);
    add(&bed, &caller, "divert:elsewhere,careful,1")?;
    caller.call("support")?;
    caller.hears_music()?;
    assert!(joined(&bed, &caller));
    let events = bed.node.events();
    let screened = events
        .iter()
        .filter(|event| matches!(event.event, Event::CallScreened { .. }));
    assert_eq!(screened.count(), 1, "the blacklist has its say once");
    bed.finish()
}

#[test]
fn the_tarpit_plays_music_for_a_while_to_so_many() -> Result<()> {
    let (bed, _state) = start()?;
    let (first, second) = (listener(&bed), listener(&bed));
    assert_eq!(operate(&bed, "add 138* tarpit")?, "Done.\n");
    first.call("support")?;
    first.hears_music()?;
    second.dial("support")?;
    assert_eq!(second.expect_hangup()?.status, 486);
    assert_eq!(
        screened(&bed, 0, &second)?,
        (ScreenAction::Busy, "tarpit full".into())
    );
    // The PBX ends it.
    let end = first.expect_hangup()?;
    assert_eq!((end.by_us, end.status), (false, 200));
    expect_verdict(&bed, &first, "TARPIT")?;
    assert_eq!(bed.phone("a1001").offered(), 0);
    // There is room again, also for who does not wait so long.
    for _ in 0..2 {
        let caller = bed.caller("gold");
        caller.call("support")?;
        caller.hears_music()?;
        caller.hang_up();
        expect_verdict(&bed, &caller, "TARPIT")?;
    }
    bed.finish()
}

#[test]
fn who_was_answered_before_hears_the_busy_tone() -> Result<()> {
    let (bed, _state) = start()?;
    let caller = listener(&bed);
    add(&bed, &caller, "busy")?;
    caller.call("late")?;
    caller.heard(&[SORRY, BUSY])?;
    caller.hang_up();
    expect_verdict(&bed, &caller, "BUSY")?;
    bed.finish()
}

#[test]
fn withheld_and_impossible_numbers_have_rules_of_their_own() -> Result<()> {
    let (bed, _state) = start()?;
    let (withheld, nobody) = (
        bed.bank.caller("gold", "anonymous"),
        bed.bank.caller("gold", "bob"),
    );
    withheld.dial("support")?;
    assert_eq!(withheld.expect_hangup()?.status, 403);
    nobody.follow(&[Tone::MUSIC, SORRY]);
    nobody.dial("support")?;
    nobody.heard(&[SORRY])?;
    assert_eq!(nobody.expect_hangup()?.status, 486);
    let entries: Vec<String> = bed
        .node
        .events()
        .into_iter()
        .filter_map(|frame| match frame.event {
            hotline_wire::Event::CallScreened { entry, .. } => Some(entry),
            _ => None,
        })
        .collect();
    assert_eq!(entries, ["anonymous", "malformed"]);
    bed.finish()
}

#[test]
fn an_entry_counts_in_its_queues_and_the_dialplan_can_ask() -> Result<()> {
    let (bed, _state) = start()?;
    let caller = bed.caller("gold");
    add(&bed, &caller, "busy queues=sales tiers=standard")?;
    caller.dial("look")?;
    let values = [("Support", "allow"), ("Sales", "busy")];
    bed.manager.user_event("Look", &values)?;
    caller.expect_hangup()?;
    caller.call("support")?;
    caller.hang_up();
    caller.expect_hangup()?;
    caller.dial("sales")?;
    assert_eq!(caller.expect_hangup()?.status, 486);
    let said = operate(&bed, &format!("check {} sales", caller.user()))?;
    assert!(
        said.contains("(queue sales, tier standard)\nbusy: by +86138"),
        "{said}"
    );
    let said = operate(&bed, "list")?;
    assert!(said.contains("busy") && !said.contains(caller.user()), "{said}");
    assert!(operate(&bed, "list verbose")?.contains(caller.user()));
    bed.finish()
}
