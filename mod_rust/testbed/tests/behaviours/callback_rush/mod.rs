//! Many callers are called back at once, at numbers of every sort: each callback has one end, and nothing is left.

use std::time::Duration;

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_testbed::phone::{Auto, Flow, Tone};
use hotline_wire::Event;
use hotline_wire::event::CallbackOutcome;

use crate::EXTENSIONS;
use crate::steps::{away, back};

/// Where callers are called back. What becomes of it is in the fourth digit.
const OUTSIDE: &str = "
[outside]
exten => _1390X.,1,Busy()
exten => _1391X.,1,Congestion()
exten => _1392X.,1,Hangup()
exten => _1393X.,1,Ringing()
 same => n,Wait(60)
exten => _1394X.,1,Answer()
 same => n,Hangup()
exten => _1395X.,1,Answer()
 same => n,Wait(60)
";

/// Sorts of numbers that never answer, and those that do for long enough to talk.
const MISSED: usize = 4;
const ANSWERED: usize = 1;
const SORTS: u64 = 6;

/// Callers with numbers of each sort.
const OF_EACH: usize = 5;

#[test]
fn callbacks_to_numbers_of_every_sort() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), &format!("{EXTENSIONS}{OUTSIDE}"))?;
    bed.bank.auto_phone(
        "a1001",
        Auto {
            ring: Duration::ZERO..Duration::from_millis(50),
            talk: Some(Duration::from_millis(50)..Duration::from_millis(100)),
            tone: Tone::nth(10),
            listen_for: Tone::nth(20),
        },
    );
    away(&bed, "1001")?;
    let flow = |sort: u64| Flow {
        dial: "support".into(),
        lines: vec![("gold".into(), 1)],
        per_second: 100.0,
        total: Some(OF_EACH as u64),
        at_once: 100,
        patience: None,
        tone: Tone::nth(20),
        listen_for: Tone::nth(10),
        first_number: 13_900_000_000 + sort * 10_000_000,
        seed: sort,
    };
    let flows = (0..SORTS).map(|sort| bed.bank.flow(flow(sort)));
    let flows: Vec<_> = flows.collect::<Result<_>>()?;
    let all = OF_EACH * SORTS as usize;
    bed.node.story("all to be owed a call", |events| {
        let placed = |event: &Event| matches!(event, Event::CallbackPlaced { .. });
        (events.iter().filter(|frame| placed(&frame.event)).count() == all).then_some(())
    })?;
    drop(flows);
    back(&bed, "1001")?;
    let outcomes: Vec<CallbackOutcome> = bed.node.story("all callbacks to end", |events| {
        let ended = events.iter().filter_map(|frame| match frame.event {
            Event::CallbackEnded { outcome, .. } => Some(outcome),
            _ => None,
        });
        let ended: Vec<_> = ended.collect();
        (ended.len() >= all).then_some(ended)
    })?;
    let count = |wanted: CallbackOutcome| outcomes.iter().filter(|outcome| **outcome == wanted).count();
    let (failed, resumed) = (count(CallbackOutcome::Failed), count(CallbackOutcome::Resumed));
    // Who answers and hangs up at once is in the queue for a moment or not at all.
    assert_eq!(failed + resumed, all, "{outcomes:?}");
    assert!(
        failed >= MISSED * OF_EACH && resumed >= ANSWERED * OF_EACH,
        "{outcomes:?}"
    );
    bed.finish()
}
