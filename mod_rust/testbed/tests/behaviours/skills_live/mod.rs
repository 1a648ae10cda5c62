//! A supervisor moves agents between queues, levels and skills while callers wait: it counts at once, and new settings
//! leave it as it is.

use anyhow::{Context, Result};
use hotline_testbed::bed::Bed;
use hotline_testbed::phone::Phone;
use hotline_wire::command::Place;
use hotline_wire::snapshot::AgentInfo;
use hotline_wire::{Command, Event, Outcome, Refusal};

use crate::EXTENSIONS;
use crate::steps::{Agents, connected, join, order};

/// A caller waits in this queue, though agents are ready.
fn waiting(queue: &str) -> Result<(Bed, Agents, Phone, String)> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let agents = Agents::of(&bed, &["1001", "1002", "1003"]);
    let caller = bed.caller("gold");
    let call = join(&bed, &caller, queue)?;
    let offers = bed
        .node
        .events()
        .into_iter()
        .filter(|frame| matches!(frame.event, Event::OfferMade { .. }))
        .count();
    assert_eq!(offers, 0);
    Ok((bed, agents, caller, call))
}

fn put(bed: &Bed, agent: &str, queue: &str, level: u8) -> Result<()> {
    let place = Some(Place { level, weight: 1 });
    let (agent, queue) = (agent.into(), queue.into());
    order(bed, Command::SetMembership { agent, queue, place })
}

fn agent(bed: &Bed, number: &str) -> Result<AgentInfo> {
    let mut agents = bed.snapshot()?.agents.into_iter();
    agents
        .find(|agent| agent.number == number)
        .with_context(|| format!("no agent {number}"))
}

/// Queues and levels: `support:1 sales:1`.
fn places(agent: &AgentInfo) -> String {
    let places = agent.queues.iter();
    let places: Vec<String> = places
        .map(|member| format!("{}:{}", member.queue, member.level))
        .collect();
    places.join(" ")
}

#[test]
fn an_agent_put_into_a_queue_is_offered_who_waits() -> Result<()> {
    let (bed, agents, _, call) = waiting("support")?;
    put(&bed, "1001", "support", 1)?;
    assert_eq!(agents.answer(&bed, &call)?, "1001");
    assert_eq!(places(&agent(&bed, "1001")?), "sales:1 support:1");
    bed.finish()
}

#[test]
fn a_better_level_brings_the_waiting_call() -> Result<()> {
    let (bed, agents, _, call) = waiting("support")?;
    let said = bed.asterisk.cli("hotline agent queue 1002 support 1")?;
    assert!(said.contains("Done"), "{said}");
    assert_eq!(agents.answer(&bed, &call)?, "1002");
    bed.finish()
}

#[test]
fn a_new_skill_brings_the_waiting_call() -> Result<()> {
    let (bed, agents, _, call) = waiting("english")?;
    let (number, phone) = ("1003".to_owned(), String::new());
    let agent = number.clone();
    order(&bed, Command::SignIn { agent, phone })?;
    let said = bed.asterisk.cli("hotline why-not 1003")?;
    assert!(said.contains("ready"), "{said}");
    assert_eq!(agents.phone("1003")?.offered(), 0);
    let (agent, skill) = (number, "english".into());
    order(
        &bed,
        Command::SetSkill {
            agent,
            skill,
            has: true,
        },
    )?;
    assert_eq!(agents.answer(&bed, &call)?, "1003");
    bed.finish()
}

#[test]
fn an_agent_taken_out_of_a_queue_stops_ringing_for_it() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let agents = Agents::of(&bed, &["1001", "1002"]);
    let call = join(&bed, &bed.caller("gold"), "sales")?;
    agents.phone("1001")?.expect_ring()?;
    let said = bed.asterisk.cli("hotline agent queue 1001 sales leave")?;
    assert!(said.contains("Done"), "{said}");
    agents.phone("1001")?.expect_hangup()?;
    let other = agents.phone("1002")?;
    other.expect_ring()?;
    other.answer();
    connected(&bed, &call)?;
    assert_eq!(places(&agent(&bed, "1001")?), "");
    bed.finish()
}

#[test]
fn new_settings_keep_what_was_changed() -> Result<()> {
    let (bed, agents, caller, call) = waiting("support")?;
    put(&bed, "1001", "sales", 3)?;
    let (number, skill) = ("1001".to_owned(), "english".to_owned());
    let has = |has| Command::SetSkill {
        agent: number.clone(),
        skill: skill.clone(),
        has,
    };
    order(&bed, has(true))?;
    // The file says another thing of this agent, and something new of another.
    let file = bed.asterisk.path("etc/hotline.toml");
    let text = std::fs::read_to_string(&file)?;
    let text = text.replace("[\"support:2\", \"sales\"]", "[\"support:3\"]");
    std::fs::write(&file, text)?;
    assert_eq!(bed.node.command("testbed", Command::Reload)?, Outcome::Done);
    let first = agent(&bed, "1001")?;
    assert_eq!(
        (places(&first).as_str(), first.skills),
        ("sales:3", vec![skill.clone()])
    );
    assert_eq!(places(&agent(&bed, "1002")?), "support:3");
    // And it can be changed again.
    caller.hears_music()?;
    put(&bed, "1001", "support", 1)?;
    assert_eq!(agents.answer(&bed, &call)?, "1001");
    order(&bed, has(false))?;
    match bed.node.command("testbed", has(false))? {
        Outcome::Refused { reason, .. } => assert_eq!(reason, Refusal::NothingToDo),
        other => panic!("{other:?}"),
    }
    // It is told apart from the settings, and a copy of them has it.
    let differs = bed.asterisk.cli("hotline config diff")?;
    assert!(
        differs.contains("agent 1001: queue sales: level 1 -> level 3\n"),
        "{differs}"
    );
    let copy = bed.asterisk.path("etc/copy.toml");
    let save = format!("hotline config save {}", copy.display());
    let saved = bed.asterisk.cli(&save)?;
    assert!(saved.starts_with("Written with "), "{saved}");
    let again = bed.asterisk.cli(&save)?;
    assert!(
        again.starts_with("Refused: ") && again.contains("exists"),
        "{again}"
    );
    std::fs::rename(&copy, &file)?;
    assert_eq!(bed.node.command("testbed", Command::Reload)?, Outcome::Done);
    let differs = bed.asterisk.cli("hotline config diff")?;
    assert_eq!(differs, "Nothing differs from the settings.\n");
    bed.finish()
}
