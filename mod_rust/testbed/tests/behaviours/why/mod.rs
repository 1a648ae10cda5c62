//! Every offer and every non-offer is explained: at Asterisk's CLI, and through the daemon.

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_testbed::phone::Phone;

use crate::EXTENSIONS;
use crate::steps::{Agents, connected, join, visits};

/// Whom an answer comes from.
type Ask<'a> = &'a dyn Fn(&[&str]) -> Result<String>;

/// A gold caller whom the first agent declined and the second talks with, and a bronze one for whom nobody is left.
struct Scene {
    agents: Agents,
    served: Phone,
    served_call: String,
    waiting_call: String,
}

/// Sets the scene, and looks while the first phone rings.
fn scene(bed: &Bed, ask: Ask) -> Result<Scene> {
    let agents = Agents::of(bed, &["1001", "1002"]);
    let served = bed.caller("gold");
    let served_call = join(bed, &served, "support")?;
    let (first, second) = (agents.phone("1001")?, agents.phone("1002")?);
    first.expect_ring()?;
    let rings = [
        "of tier gold in support: waiting while phones ring",
        "counts as having waited 2:00 more: tier 2:00",
        "needs level 1 in support",
        "offered to 1001 in support by longest-idle",
        "rings; next would have been 1002",
        "1001: is being rung for it",
        "1002: is ready and suits it, but a phone rings for it already",
        "1003: has level 3 in support, it accepts 1 at worst so far",
        "1004: signed out",
    ];
    says(&ask(&["why", &served_call])?, &rings);
    says(
        &ask(&["why-not", "1002"])?,
        &["agent 1002: ready", "went to 1001: would have been next"],
    );
    first.decline();
    second.expect_ring()?;
    second.answer();
    connected(bed, &served_call)?;
    let waiting = bed.caller("bronze");
    let waiting_call = join(bed, &waiting, "support")?;
    Ok(Scene {
        agents,
        served,
        served_call,
        waiting_call,
    })
}

fn says(answer: &str, lines: &[&str]) {
    for line in lines {
        assert!(answer.contains(line), "{line:?} is not in\n{answer}");
    }
}

/// What is asked afterwards, and what must be answered.
fn explained(bed: &Bed, scene: &Scene, ask: Ask) -> Result<()> {
    let talks = [
        "in support: talking for",
        "with 1002",
        "offered to 1001 in support by longest-idle",
        "rejected a call after",
        "offered to 1002 in support by longest-idle",
        "answered after",
        "connected with 1002",
    ];
    says(&ask(&["why", &scene.served_call])?, &talks);
    let waits = [
        "of tier bronze in support: waiting for",
        "place 1 of 1; expected to wait",
        "counts as having waited 0:00 more",
        "1001: unavailable (cool-down: rejected a call)",
        "1002: on a call for",
        "1003: has level 3",
    ];
    says(&ask(&["why", &scene.waiting_call])?, &waits);
    let paused = [
        "agent 1001 (An): unavailable (cool-down: rejected a call)",
        "no offers for 0:0",
        "was offered call",
        "support (level 1): 1 waiting, 1 seeking an agent",
    ];
    says(&ask(&["why-not", "1001"])?, &paused);
    says(
        &ask(&["why-not", "1003"])?,
        &["agent 1003: ready", "it accepts 1 at worst so far"],
    );
    says(&ask(&["why-not", "1004"])?, &["agent 1004: signed out"]);
    // Also when it is over.
    scene.served.hang_up();
    visits(bed, &scene.served_call, 1)?;
    let over = [
        "is over",
        "offered to 1001",
        "connected with 1002",
        "left as answered",
    ];
    says(&ask(&["why", &scene.served_call])?, &over);
    Ok(())
}

/// Gold is worth two minutes: for so long it goes before bronze, and never the other way round.
fn is_fair(table: &str) {
    let rows: Vec<Vec<&str>> = table
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert!(
        rows.contains(&vec!["support", "bronze", "2:00", "support", "gold"]),
        "{table}"
    );
    assert!(
        rows.iter()
            .any(|row| row.starts_with(&["support", "gold", "0:00"])),
        "{table}"
    );
}

#[test]
fn at_the_cli() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let ask = |words: &[&str]| bed.asterisk.cli(&format!("hotline {}", words.join(" ")));
    let scene = scene(&bed, &ask)?;
    explained(&bed, &scene, &ask)?;
    assert_eq!(scene.agents.answer(&bed, &scene.waiting_call)?, "1002");
    is_fair(&ask(&["show", "fairness"])?);
    says(&ask(&["why", "4711"])?, &["4711"]);
    says(&ask(&["why-not", "4711"])?, &["4711"]);
    bed.finish()
}

#[test]
fn through_the_daemon() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let daemon = bed.daemon()?;
    daemon.await_supervision()?;
    let ask = |words: &[&str]| {
        let said = daemon.ctl(words)?;
        assert!(said.success, "{words:?}: {said:?}");
        Ok(said.output)
    };
    let scene = scene(&bed, &ask)?;
    explained(&bed, &scene, &ask)?;
    is_fair(&ask(&["fairness"])?);
    for words in [["why", "4711"], ["why-not", "4711"]] {
        let said = daemon.ctl(&words)?;
        assert!(!said.success && said.errors.contains("4711"), "{said:?}");
    }
    drop(daemon);
    bed.finish()
}
