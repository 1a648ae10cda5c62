//! Callers and agents by an implementation of SIP that is none of ours: SIPp, with RTP both ways.

use std::time::Duration;

use anyhow::{Context, Result};
use hotline_testbed::bed::Bed;
use hotline_testbed::sipp::{Scenario, Sipp};
use hotline_wire::Event;
use hotline_wire::event::CallOutcome;
use hotline_wire::frame::EventFrame;

use crate::EXTENSIONS;

const CALLS: u32 = 12;
const LIMIT: Duration = Duration::from_secs(30);

#[test]
fn sipp_calls_are_answered_by_sipp_agents() -> Result<()> {
    let agents_at = Sipp::free_address()?;
    let bed = Bed::boot_with(include_str!("hotline.toml"), EXTENSIONS, |setup| {
        setup.other_phones = ["a1001", "a1002", "a1003"]
            .map(|phone| (phone.to_owned(), agents_at))
            .into();
    })?;
    let pbx = bed.asterisk.sip_address();
    let agents = Scenario {
        xml: include_str!("agent.xml"),
        dials: None,
        calls: CALLS,
        per_second: 10,
        limit: LIMIT,
    };
    let callers = Scenario {
        xml: include_str!("caller.xml"),
        dials: Some("support"),
        ..agents
    };
    let agents = Sipp::start(&agents, agents_at, pbx)?;
    let callers = Sipp::start(&callers, Sipp::free_address()?, pbx)?;

    bed.node.event("a connection", |event| {
        matches!(event, Event::CallConnected { .. }).then_some(())
    })?;
    await_audio(&bed)?;
    callers.wait(LIMIT)?;
    agents.wait(LIMIT)?;
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
            (events.iter().filter(answered).count() == CALLS as usize).then_some(())
        })?;
    bed.finish()
}

/// Waits until Asterisk passes audio both ways on an agent's leg: it received packets from the agent, and sent some.
fn await_audio(bed: &Bed) -> Result<()> {
    let mut table = String::new();
    for _ in 0..100 {
        table = bed.asterisk.cli("pjsip show channelstats")?;
        let flows = |line: &&str| {
            let columns: Vec<&str> = line.split_whitespace().collect();
            let packets = |column: usize| {
                columns
                    .get(column)
                    .and_then(|n| n.parse::<u32>().ok())
                    .unwrap_or(0)
            };
            columns.get(1).is_some_and(|name| name.starts_with("a100")) && packets(4) > 10 && packets(8) > 10
        };
        if table.lines().any(|line| flows(&line)) {
            return Ok(());
        }
    }
    None.with_context(|| format!("no audio on any agent's leg:\n{table}"))
}
