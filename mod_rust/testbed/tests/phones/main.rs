//! The phones against a plain Asterisk: what Hotline's tests rely on must be true without Hotline.

use std::time::Duration;

use anyhow::Result;
use hotline_testbed::asterisk::{Asterisk, Setup};
use hotline_testbed::phone::{Auto, Direction, Flow, Phone, PhoneBank, Tone, Totals};

const EXTENSIONS: &str = "
[callers]
exten => music,1,Answer()
 same => n,MusicOnHold()
exten => _a.,1,Dial(PJSIP/${EXTEN},5,g)
 same => n,UserEvent(Back,Status: ${DIALSTATUS},Cause: ${HANGUPCAUSE},Number: ${CALLERID(num)},Line: ${LINE})
 same => n,Hangup()
exten => everybody,1,Dial(PJSIP/a1&PJSIP/a2,5)
exten => keys,1,Answer()
 same => n,Read(KEYS,,4)
 same => n,UserEvent(Keys,Keys: ${KEYS})
 same => n,Hangup()
exten => queue,1,Queue(plain)
[phones]
exten => _a.,1,Dial(PJSIP/${EXTEN},5)
exten => *45,1,Answer()
 same => n,UserEvent(Code,Phone: ${CHANNEL(endpoint)})
 same => n,Hangup()
";

const QUEUES: &str = "
[plain]
strategy=rrmemory
member => PJSIP/b1
member => PJSIP/b2
member => PJSIP/b3
";

fn boot(bank: &PhoneBank) -> Result<Asterisk> {
    let setup = Setup {
        phones: ["a1", "a2", "b1", "b2", "b3"].map(str::to_owned).into(),
        lines: vec!["gold".into(), "bronze".into()],
        extensions: EXTENSIONS.into(),
        files: vec![("queues.conf".into(), QUEUES.into())],
        manager: true,
        ..Setup::default()
    };
    let asterisk = Asterisk::boot(&setup, bank.sip_address())?;
    bank.connect(asterisk.sip_address());
    Ok(asterisk)
}

#[test]
fn a_caller_hears_music_and_hangs_up() -> Result<()> {
    let bank = PhoneBank::open()?;
    let asterisk = boot(&bank)?;
    let before = asterisk.holdings()?;
    let caller = bank.caller("gold", "13800000001");
    caller.call("music")?;
    caller.hears_music()?;
    caller.hang_up();
    assert!(caller.expect_hangup()?.by_us);
    asterisk.expect_no_leak(before)?;
    asterisk.stop()
}

#[test]
fn two_phones_hear_each_other_until_one_hangs_up() -> Result<()> {
    let bank = PhoneBank::open()?;
    let asterisk = boot(&bank)?;
    let manager = asterisk.manager()?;
    let before = asterisk.holdings()?;
    let (caller, agent) = (bank.caller("gold", "13800000001"), bank.phone("a1"));
    for hangs_up in [&caller, &agent] {
        caller.dial("a1")?;
        assert_eq!(agent.expect_ring()?.from, "13800000001");
        caller.expect_ringback()?;
        agent.answer();
        caller.expect_answer()?;
        caller.hears(&agent)?;
        agent.hears(&caller)?;
        caller.misses_music()?;
        hangs_up.hang_up();
        let ends = (caller.expect_hangup()?, agent.expect_hangup()?);
        assert_ne!(ends.0.by_us, ends.1.by_us);
    }
    manager.user_event(
        "Back",
        &[("Status", "ANSWER"), ("Number", "13800000001"), ("Line", "gold")],
    )?;
    caller.dial("a1")?;
    agent.expect_ring()?;
    agent.answer();
    caller.expect_answer()?;
    caller.hang_up();
    agent.hang_up();
    caller.expect_hangup()?;
    agent.expect_hangup()?;
    asterisk.expect_no_leak(before)?;
    asterisk.stop()
}

#[test]
fn a_phone_declines_or_is_busy_or_away_or_unplugged() -> Result<()> {
    let bank = PhoneBank::open()?;
    let asterisk = boot(&bank)?;
    let manager = asterisk.manager()?;
    let (caller, agent) = (bank.caller("bronze", "1"), bank.phone("a1"));
    let refuse = [
        ("17", Phone::say_busy as fn(&Phone)),
        ("21", Phone::decline),
        ("19", Phone::say_unavailable),
    ];
    for (cause, how) in refuse {
        caller.dial("a1")?;
        agent.expect_ring()?;
        how(&agent);
        caller.expect_hangup()?;
        manager.user_event("Back", &[("Cause", cause), ("Line", "bronze")])?;
    }
    caller.dial("a1")?;
    agent.expect_ring()?;
    caller.hang_up();
    assert_eq!(agent.expect_hangup()?.status, 487);
    assert_eq!(caller.expect_hangup()?.status, 487);
    assert_eq!(agent.offered(), 4);
    caller.dial("everybody")?;
    agent.expect_ring()?;
    let second = bank.phone("a2");
    second.plug(false);
    agent.answer();
    caller.hears(&agent)?;
    assert_eq!(second.offered(), 0);
    asterisk.stop()
}

#[test]
fn ringing_all_has_one_winner() -> Result<()> {
    let bank = PhoneBank::open()?;
    let asterisk = boot(&bank)?;
    let (caller, first, second) = (bank.caller("gold", "1"), bank.phone("a1"), bank.phone("a2"));
    caller.dial("everybody")?;
    first.expect_ring()?;
    second.expect_ring()?;
    second.answer();
    caller.hears(&second)?;
    let lost = first.expect_hangup()?;
    assert_eq!(
        (lost.status, lost.reason.contains("elsewhere")),
        (487, true),
        "{lost:?}"
    );
    asterisk.stop()
}

#[test]
fn keys_are_understood_and_a_feature_code_is_reached() -> Result<()> {
    let bank = PhoneBank::open()?;
    let asterisk = boot(&bank)?;
    let manager = asterisk.manager()?;
    let (caller, agent) = (bank.caller("gold", "1"), bank.phone("a1"));
    caller.call("keys")?;
    caller.press("1*40");
    manager.user_event("Keys", &[("Keys", "1*40")])?;
    agent.call("*45")?;
    manager.user_event("Code", &[("Phone", "a1")])?;
    agent.expect_hangup()?;
    asterisk.stop()
}

#[test]
fn a_flow_of_callers_is_served_by_phones_that_act_by_themselves() -> Result<()> {
    let bank = PhoneBank::open()?;
    let asterisk = boot(&bank)?;
    let before = asterisk.holdings()?;
    let (speaks, listens) = (Tone::nth(20), Tone::nth(30));
    for agent in ["b1", "b2", "b3"] {
        bank.auto_phone(
            agent,
            Auto {
                ring: Duration::ZERO..Duration::from_millis(50),
                talk: Some(Duration::from_millis(300)..Duration::from_millis(500)),
                tone: speaks,
                listen_for: listens,
            },
        );
    }
    let mut flow = bank.flow(Flow {
        dial: "queue".into(),
        lines: vec![("gold".into(), 1), ("bronze".into(), 3)],
        per_second: 20.0,
        total: Some(6),
        at_once: 100,
        patience: None,
        tone: listens,
        listen_for: speaks,
        first_number: 13_900_000_000,
        seed: 1,
    })?;
    flow.wait();
    assert_eq!(bank.drain(Duration::from_secs(30)), 0);
    let records = bank.take_records();
    let mut totals = Totals::default();
    totals.add(&records);
    assert_eq!(
        (totals.calls, totals.callers_heard, totals.agents_heard),
        (6, 6, 6),
        "{totals:?}"
    );
    let mut served: Vec<&str> = records
        .iter()
        .filter(|record| record.direction == Direction::Incoming && record.up.is_some())
        .map(|record| record.other.as_str())
        .collect();
    served.sort_unstable();
    served.dedup();
    assert_eq!(served.len(), 6, "every caller is served once");
    asterisk.expect_no_leak(before)?;
    asterisk.stop()
}
