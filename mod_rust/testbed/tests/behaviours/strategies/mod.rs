//! Whom a queue offers the next call: one test a strategy, each with something that every other would do differently.

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_wire::Command;
use hotline_wire::snapshot::AgentState;

use crate::EXTENSIONS;
use crate::steps::{Agents, away, back, join, order};

fn boot(strategy: &str) -> Result<(Bed, Agents)> {
    let settings = include_str!("hotline.toml").replace("longest-idle", strategy);
    let bed = Bed::boot(&settings, EXTENSIONS)?;
    let agents = Agents::of(&bed, &["1001", "1002", "1003"]);
    Ok((bed, agents))
}

/// Calls, one after the other: who is offered each.
fn serve(bed: &Bed, agents: &Agents, count: usize) -> Result<Vec<String>> {
    (0..count).map(|_| agents.serve(bed, "support")).collect()
}

#[test]
fn longest_idle_takes_who_has_been_ready_longest() -> Result<()> {
    let (bed, agents) = boot("longest-idle")?;
    assert_eq!(serve(&bed, &agents, 1)?, ["1001"]);
    // Who comes back from lunch is the last again.
    away(&bed, "1002")?;
    back(&bed, "1002")?;
    assert_eq!(serve(&bed, &agents, 3)?, ["1003", "1001", "1002"]);
    bed.finish()
}

#[test]
fn round_robin_takes_the_next_in_the_settings() -> Result<()> {
    let (bed, agents) = boot("round-robin")?;
    assert_eq!(serve(&bed, &agents, 1)?, ["1001"]);
    away(&bed, "1002")?;
    back(&bed, "1002")?;
    assert_eq!(serve(&bed, &agents, 3)?, ["1002", "1003", "1001"]);
    away(&bed, "1002")?;
    assert_eq!(serve(&bed, &agents, 2)?, ["1003", "1001"]);
    bed.finish()
}

#[test]
fn fewest_calls_counts_from_signing_in() -> Result<()> {
    let (bed, agents) = boot("fewest-calls")?;
    away(&bed, "1002")?;
    away(&bed, "1003")?;
    assert_eq!(serve(&bed, &agents, 2)?, ["1001", "1001"]);
    back(&bed, "1002")?;
    // Idle since a moment, but without a call.
    assert_eq!(serve(&bed, &agents, 2)?, ["1002", "1002"]);
    // Two calls each: the longest idle. Then the other has fewer.
    assert_eq!(serve(&bed, &agents, 2)?, ["1001", "1002"]);
    let agent = || "1002".to_owned();
    order(&bed, Command::SignOut { agent: agent() })?;
    let phone = String::new();
    order(
        &bed,
        Command::SignIn {
            agent: agent(),
            phone,
        },
    )?;
    // Three and none.
    assert_eq!(serve(&bed, &agents, 3)?, ["1002", "1002", "1002"]);
    bed.finish()
}

#[test]
fn least_talk_time_counts_minutes_and_not_calls() -> Result<()> {
    let (bed, agents) = boot("least-talk-time")?;
    away(&bed, "1003")?;
    let talkative = bed.caller("gold");
    let call = join(&bed, &talkative, "support")?;
    assert_eq!(agents.answer(&bed, &call)?, "1001");
    // The three of the other fit into this one.
    assert_eq!(serve(&bed, &agents, 3)?, ["1002", "1002", "1002"]);
    talkative.hang_up();
    agents.phone("1001")?.expect_hangup()?;
    bed.node.agent_is("1001", AgentState::Ready)?;
    assert_eq!(serve(&bed, &agents, 1)?, ["1002"]);
    bed.finish()
}

#[test]
fn linear_takes_the_first_in_the_settings() -> Result<()> {
    let (bed, agents) = boot("linear")?;
    assert_eq!(serve(&bed, &agents, 2)?, ["1001", "1001"]);
    away(&bed, "1001")?;
    assert_eq!(serve(&bed, &agents, 2)?, ["1002", "1002"]);
    back(&bed, "1001")?;
    assert_eq!(serve(&bed, &agents, 1)?, ["1001"]);
    bed.finish()
}

#[test]
fn skill_level_takes_the_best() -> Result<()> {
    let (bed, agents) = boot("skill-level")?;
    assert_eq!(serve(&bed, &agents, 2)?, ["1002", "1002"]);
    away(&bed, "1002")?;
    assert_eq!(serve(&bed, &agents, 2)?, ["1001", "1001"]);
    away(&bed, "1001")?;
    assert_eq!(serve(&bed, &agents, 1)?, ["1003"]);
    bed.finish()
}

/// Calls until everybody was chosen, and somebody twice in a row; that this takes more than 50 has a chance of 1 in 10⁸.
#[test]
fn random_takes_anybody() -> Result<()> {
    let (bed, agents) = boot("random")?;
    let mut chosen: Vec<String> = Vec::new();
    let enough = |chosen: &[String]| {
        let all = ["1001", "1002", "1003"]
            .iter()
            .all(|number| chosen.iter().any(|agent| agent == number));
        all && chosen.windows(2).any(|pair| pair[0] == pair[1])
    };
    while !enough(&chosen) {
        assert!(chosen.len() < 50, "{chosen:?}");
        chosen.push(agents.serve(&bed, "support")?);
    }
    bed.finish()
}

/// Of 16 calls more than half go to the weight of 20 beside that of 1, but in 1 of 10⁶ runs.
#[test]
fn weighted_random_prefers_weight() -> Result<()> {
    let (bed, agents) = boot("weighted-random")?;
    away(&bed, "1003")?;
    let chosen = serve(&bed, &agents, 16)?;
    let heavy = chosen.iter().filter(|agent| *agent == "1002").count();
    assert!(heavy > 8, "{chosen:?}");
    bed.finish()
}
