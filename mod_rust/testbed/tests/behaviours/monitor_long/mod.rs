//! Supervisors speak and listen for long: what they say arrives without delay, and nothing piles up or is lost.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use hotline_testbed::bed::Bed;
use hotline_testbed::phone::{Phone, Tone};
use hotline_wire::Command;
use hotline_wire::event::{Follow, MonitorMode};
use hotline_wire::snapshot::AgentState;

use crate::EXTENSIONS;
use crate::supervision::{Trio, leaves, listens, sign_in};

/// What the supervisor says in turns.
const SAID: [Tone; 2] = [Tone::nth(50), Tone::nth(52)];
const TIMES: usize = 40;

/// How long it takes from a phone to another, in order.
fn delays(from: &Phone, to: &Phone) -> Result<Vec<Duration>> {
    let mut delays = Vec::new();
    for tone in SAID.into_iter().cycle().take(TIMES) {
        let said = from.speak(tone);
        delays.push(to.begins_to_hear(tone, said)?.duration_since(said));
    }
    delays.sort();
    Ok(delays)
}

/// A caller and an agent who can tell when the supervisor begins to speak.
fn attentive(bed: &Bed) -> Result<Trio> {
    let trio = Trio::of(bed);
    trio.agent.follow(&SAID);
    trio.caller.follow(&SAID);
    trio.talk(bed, "support")?;
    sign_in(bed, &trio.supervisor, "9001")?;
    Ok(trio)
}

/// The value that so many in a hundred do not exceed, in milliseconds.
fn at(sorted: &[Duration], percent: usize) -> f64 {
    sorted[(sorted.len() - 1) * percent / 100].as_secs_f64() * 1e3
}

/// From a hang-up to the BYE at the other side, by turns of caller and agent, with these listening.
fn hang_ups(bed: &Bed, agent: &Phone, listening: &[Phone]) -> Result<Vec<Duration>> {
    let mut delays = Vec::new();
    for n in 0..25 {
        let caller = bed.caller("gold");
        caller.call("support")?;
        agent.expect_ring()?;
        agent.answer();
        agent.hears(&caller)?;
        for supervisor in listening {
            supervisor.hears(&caller)?;
            supervisor.hears(agent)?;
        }
        let (one, other) = if n % 2 == 0 {
            (&caller, agent)
        } else {
            (agent, &caller)
        };
        let began = Instant::now();
        one.hang_up();
        other.expect_hangup()?;
        let over = other.moments().and_then(|moments| moments.over);
        delays.push(over.context("an end")?.duration_since(began));
        one.expect_hangup()?;
        bed.node.agent_is("1001", AgentState::Ready)?;
    }
    Ok(delays)
}

#[test]
#[ignore = "a measurement: says how long a hang-up takes with listeners; docs/measured.md tells how to run it"]
fn how_long_hanging_up_takes_with_listeners() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let agent = bed.phone("a1001");
    let mut delays = BTreeMap::<usize, Vec<Duration>>::new();
    for count in [0, 1, 5, 5, 1, 0] {
        let mut listening = Vec::new();
        for number in (9001..).take(count).map(|number| number.to_string()) {
            let phone = bed.phone(&format!("s{number}"));
            sign_in(&bed, &phone, &number)?;
            listens(&bed, &phone, &number, MonitorMode::Listen, Follow::Agent)?;
            listening.push(phone);
        }
        let measured = hang_ups(&bed, &agent, &listening)?;
        delays.entry(count).or_default().extend(measured);
        for (phone, number) in listening.iter().zip(9001..) {
            leaves(&bed, phone, &number.to_string())?;
            let supervisor = number.to_string();
            bed.node
                .command("boss", Command::SignOutSupervisor { supervisor })?;
        }
    }
    let mut none = None;
    for (count, mut delays) in delays {
        delays.sort();
        let (p50, p95) = (at(&delays, 50), at(&delays, 95));
        let (of50, of95) = *none.get_or_insert((p50, p95));
        println!(
            "{count} listeners, {} calls: p50 {p50:.2} ms ({:.2} x), p95 {p95:.2} ms ({:.2} x)",
            delays.len(),
            p50 / of50,
            p95 / of95
        );
    }
    bed.finish()
}

#[test]
#[ignore = "a measurement: says how late whispered voice is; docs/measured.md tells how to run it"]
fn how_late_the_voice_of_a_supervisor_is() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let trio = attentive(&bed)?;
    let say = |what: &str, delays: &[Duration]| {
        let [p50, p95, most] = [50, 95, 100].map(|percent| at(delays, percent));
        println!("{what}: p50 {p50:.1} ms, p95 {p95:.1} ms, max {most:.1} ms");
    };
    for mode in [MonitorMode::Whisper, MonitorMode::Barge] {
        listens(&bed, &trio.supervisor, "9001", mode, Follow::Agent)?;
        trio.agent.hears(&trio.supervisor)?;
        say(
            &format!("{mode:?} to the agent"),
            &delays(&trio.supervisor, &trio.agent)?,
        );
        // A caller's phone that sends nothing while its owner says nothing, for more than a second.
        trio.caller.be_silent(true);
        for _ in 0..20 {
            trio.caller.hears_just(&[&trio.agent], &[])?;
        }
        trio.caller.be_silent(false);
        trio.agent.hears(&trio.caller)?;
        let late = delays(&trio.supervisor, &trio.agent)?;
        say(
            &format!("{mode:?} to the agent after a silence of the caller"),
            &late,
        );
        leaves(&bed, &trio.supervisor, "9001")?;
    }
    bed.finish()
}

#[test]
#[ignore = "takes more than a minute: `cargo xtask test --only testbed` passes it over"]
fn a_minute_of_listening_and_barging_in_neither_loses_nor_piles_up_anything() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let trio = attentive(&bed)?;
    let other = bed.phone("s9002");
    sign_in(&bed, &other, "9002")?;
    listens(&bed, &other, "9002", MonitorMode::Listen, Follow::Agent)?;
    listens(&bed, &trio.supervisor, "9001", MonitorMode::Barge, Follow::Call)?;
    let end = Instant::now() + Duration::from_secs(65);
    while Instant::now() < end {
        other.hears_just(&[&trio.caller, &trio.agent], &[])?;
        trio.agent.hears_just(&[&trio.caller, &trio.supervisor], &[])?;
        trio.caller.hears_just(&[&trio.agent, &trio.supervisor], &[])?;
        trio.supervisor
            .hears_just(&[&trio.caller, &trio.agent], &[&trio.supervisor])?;
    }
    // The queue of a hook may hold a second before it is emptied; what is heard is of now.
    let delays = delays(&trio.supervisor, &trio.caller)?;
    assert_eq!(delays.len(), TIMES);
    bed.finish()
}
