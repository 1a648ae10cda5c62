//! Everything at once: impatient callers, agents who answer late or not at all, supervisors who lock and free them, and
//! settings read anew. Afterwards every call and every offer has one end, and nothing is left.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_testbed::phone::{Auto, Flow, Tone};
use hotline_wire::snapshot::AgentState;
use hotline_wire::{Command, Event};

use crate::EXTENSIONS;

/// Calls in each queue, and how many a second; `HOTLINE_CHURN=5000,60` for a longer and harder go.
const CHURN: (u64, f64) = (120, 12.0);

fn churn() -> (u64, f64) {
    let given = std::env::var("HOTLINE_CHURN").ok();
    given
        .and_then(|text| {
            text.split_once(',')
                .and_then(|(n, rate)| Some((n.parse().ok()?, rate.parse().ok()?)))
        })
        .unwrap_or(CHURN)
}

fn millis(from: u64, to: u64) -> std::ops::Range<Duration> {
    Duration::from_millis(from)..Duration::from_millis(to)
}

#[test]
fn whatever_happens_has_one_end() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let (agents_speak, callers_speak) = (Tone::nth(10), Tone::nth(20));
    for n in 0..10 {
        bed.bank.auto_phone(
            &format!("a10{n:02}"),
            Auto {
                // Some let it ring for longer than the queue does.
                ring: millis(0, 600),
                talk: Some(millis(10, 500)),
                tone: agents_speak,
                listen_for: callers_speak,
            },
        );
    }
    let (placed, per_second) = churn();
    let flow = |queue: &str, first_number: u64, seed: u64| Flow {
        dial: queue.into(),
        lines: vec![("gold".into(), 1), ("bronze".into(), 3)],
        per_second,
        total: Some(placed),
        at_once: 200,
        patience: Some(millis(50, 2_000)),
        tone: callers_speak,
        listen_for: agents_speak,
        first_number,
        seed,
    };
    let flows = [
        bed.bank.flow(flow("support", 13_900_000_000, 7))?,
        bed.bank.flow(flow("sales", 13_700_000_000, 8))?,
    ];
    let mut n = 0;
    while flows.iter().any(|flow| !flow.done()) {
        let agent = format!("10{:02}", n % 10);
        let command = match n % 7 {
            0 => Command::ForceBusy {
                agent,
                reason: "churn".into(),
                seconds: 1,
            },
            1 => Command::SetNotReady {
                agent,
                reason: "churn".into(),
            },
            2 => Command::ForceSignOut {
                agent,
                reason: "churn".into(),
            },
            3 => Command::SignIn {
                agent,
                phone: String::new(),
            },
            4 => Command::Reload,
            5 => Command::SetReady { agent },
            _ => Command::ForceIdle { agent },
        };
        bed.node.command("churn", command)?;
        n += 1;
        std::thread::sleep(Duration::from_millis(30));
    }
    drop(flows);
    assert_eq!(bed.bank.drain(Duration::from_secs(60)), 0, "legs that never end");
    for n in 0..10 {
        let agent = format!("10{n:02}");
        bed.node
            .command("churn", Command::ForceIdle { agent: agent.clone() })?;
        bed.node.command(
            "churn",
            Command::SignIn {
                agent: agent.clone(),
                phone: String::new(),
            },
        )?;
        bed.node
            .command("churn", Command::SetReady { agent: agent.clone() })?;
        bed.node.agent_is(&agent, AgentState::Ready)?;
    }

    let mut calls: BTreeMap<String, i32> = BTreeMap::new();
    let mut offers: BTreeMap<u64, i32> = BTreeMap::new();
    let mut connected = 0;
    for frame in bed.node.events() {
        match frame.event {
            Event::CallJoined { call, .. } => *calls.entry(call).or_default() += 1,
            Event::CallFinished { call, .. } => *calls.entry(call).or_default() -= 1,
            Event::OfferMade { offer, .. } => *offers.entry(offer).or_default() += 1,
            Event::OfferEnded { offer, .. } => *offers.entry(offer).or_default() -= 1,
            Event::CallConnected { .. } => connected += 1,
            _ => {}
        }
    }
    calls.retain(|_, open| *open != 0);
    offers.retain(|_, open| *open != 0);
    assert!(
        calls.is_empty() && offers.is_empty(),
        "begun and not ended once: {calls:?} {offers:?}"
    );
    assert!(connected > 20, "only {connected} calls were connected");
    bed.finish()
}
