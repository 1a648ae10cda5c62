//! A hundred callers at once against ten agents: all are served, each once, and both sides hear each other.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_testbed::phone::{Auto, Direction, Flow, Tone, Totals};
use hotline_wire::Event;
use hotline_wire::event::CallOutcome;
use hotline_wire::frame::EventFrame;

use crate::EXTENSIONS;

const CALLERS: u64 = 100;

#[test]
fn a_hundred_callers_and_ten_agents() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let (agents_speak, callers_speak) = (Tone::nth(10), Tone::nth(20));
    for n in 0..10 {
        bed.bank.auto_phone(
            &format!("a10{n:02}"),
            Auto {
                ring: Duration::ZERO..Duration::from_millis(200),
                talk: Some(Duration::from_millis(300)..Duration::from_millis(900)),
                tone: agents_speak,
                listen_for: callers_speak,
            },
        );
    }
    let mut flow = bed.bank.flow(Flow {
        dial: "support".into(),
        lines: vec![("gold".into(), 1), ("bronze".into(), 3)],
        per_second: 200.0,
        total: Some(CALLERS),
        at_once: CALLERS as usize,
        patience: None,
        tone: callers_speak,
        listen_for: agents_speak,
        first_number: 13_900_000_000,
        seed: 7,
    })?;
    flow.wait();
    assert_eq!((flow.placed(), flow.held_back()), (CALLERS, 0));
    assert_eq!(bed.bank.drain(Duration::from_secs(60)), 0, "legs that never end");

    let records = bed.bank.take_records();
    let mut totals = Totals::default();
    totals.add(&records);
    let expected = Totals {
        calls: CALLERS,
        answered: CALLERS,
        callers_heard: CALLERS,
        ..totals
    };
    assert_eq!(
        (totals, totals.agent_answered, totals.agents_heard),
        (expected, CALLERS, CALLERS)
    );
    let mut served: BTreeMap<&str, u32> = BTreeMap::new();
    for record in records
        .iter()
        .filter(|record| record.direction == Direction::Incoming && record.up.is_some())
    {
        *served.entry(&record.other).or_default() += 1;
    }
    assert_eq!(served.len() as u64, CALLERS);
    assert!(served.values().all(|times| *times == 1), "{served:?}");

    bed.node
        .story("every call to be finished as answered", |events| {
            let answered = |frame: &&EventFrame| {
                matches!(
                    frame.event,
                    Event::CallFinished {
                        outcome: CallOutcome::Answered,
                        ..
                    }
                )
            };
            (events.iter().filter(answered).count() as u64 == CALLERS).then_some(())
        })?;
    bed.finish()
}
