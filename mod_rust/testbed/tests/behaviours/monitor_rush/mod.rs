//! Fifty supervisors listen at once, five to each of ten calls; the next is refused; and at the end nothing of them is left.

use anyhow::{Context, Result};
use hotline_testbed::bed::Bed;
use hotline_testbed::phone::Phone;
use hotline_wire::event::{Follow, MonitorMode};
use hotline_wire::{Command, Event, Outcome};

use crate::EXTENSIONS;
use crate::steps::{Agents, connected, join, offered};
use crate::supervision::sign_in;

const CALLS: usize = 10;
const LISTENERS: usize = 50;

#[test]
fn fifty_listen_at_once() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let numbers: Vec<String> = (0..CALLS).map(|n| (1001 + n).to_string()).collect();
    let names: Vec<&str> = numbers.iter().map(String::as_str).collect();
    let agents = Agents::of(&bed, &names);
    let mut talks: Vec<(Phone, String)> = Vec::new();
    for _ in 0..CALLS {
        let caller = bed.caller("gold");
        let call = join(&bed, &caller, "support")?;
        let agent = offered(&bed, &call)?;
        let phone = agents.phone(&agent)?;
        phone.expect_ring()?;
        phone.answer();
        connected(&bed, &call)?;
        talks.push((caller, agent));
    }
    let mut listeners = Vec::new();
    for n in 0..LISTENERS {
        let number = (9001 + n).to_string();
        let phone = bed.phone(&format!("s{number}"));
        sign_in(&bed, &phone, &number)?;
        listeners.push((phone, number));
    }
    let talking = bed.asterisk.holdings()?;
    // The first of the five whispers.
    for (n, (phone, number)) in listeners.iter().enumerate() {
        let (_, agent) = talks.get(n % CALLS).context("a call for each")?;
        let command = Command::Monitor {
            supervisor: number.clone(),
            from: String::new(),
            agent: agent.clone(),
            mode: if n < CALLS {
                MonitorMode::Whisper
            } else {
                MonitorMode::Listen
            },
            follow: if n % 2 == 0 { Follow::Agent } else { Follow::Call },
        };
        assert_eq!(bed.node.command("boss", command)?, Outcome::Pending);
        phone.expect_ring()?;
        phone.answer();
    }
    bed.node.story("all to listen", |events| {
        let started = |event: &Event| matches!(event, Event::MonitorStarted { .. });
        let count = events.iter().filter(|frame| started(&frame.event)).count();
        (count == LISTENERS).then_some(())
    })?;
    for (n, (phone, _)) in listeners.iter().enumerate() {
        let (caller, agent) = talks.get(n % CALLS).context("a call for each")?;
        phone.hears(caller)?;
        phone.hears(agents.phone(agent)?)?;
    }
    for (n, (caller, agent)) in talks.iter().enumerate() {
        let (whisperer, _) = listeners.get(n).context("a supervisor for each")?;
        let agent = agents.phone(agent)?;
        agent.hears(whisperer)?;
        agent.hears(caller)?;
        caller.hears(agent)?;
    }
    assert_eq!(bed.snapshot()?.monitors.len(), LISTENERS);
    // The PBX knows of as many hooks as we made: one that hears for each, and one that speaks for each who whispers.
    let [hearing, speaking, hooks, _] = bed.asterisk.holdings()?.hooks;
    assert_eq!((hearing, speaking, hooks), (LISTENERS, CALLS, LISTENERS + CALLS));
    for (phone, _) in &listeners {
        phone.hang_up();
    }
    bed.node.story("all to be gone", |events| {
        let ended = |event: &Event| matches!(event, Event::MonitorEnded { .. });
        let count = events.iter().filter(|frame| ended(&frame.event)).count();
        (count == LISTENERS).then_some(())
    })?;
    for (caller, agent) in &talks {
        caller.hears(agents.phone(agent)?)?;
    }
    bed.asterisk.expect_holds(talking)?;
    bed.finish()
}
