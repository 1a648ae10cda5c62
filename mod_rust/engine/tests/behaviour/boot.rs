//! The start of an engine, and the settings it refuses.

use hotline_engine::config::{Agent, Limits, Queue, Strategy};
use hotline_engine::event::AgentState;
use hotline_engine::ids::AgentId;
use hotline_engine::{Action, Config, Engine, Event, Input, Span};

use crate::floor::{BOOT, Floor, agent, config, offer, queue};

fn always(number: &str) -> Agent {
    Agent {
        always_signed_in: true,
        ..agent(number, &["support"])
    }
}

#[test]
fn the_first_input_announces_the_settings_and_the_phones_to_watch() {
    let settings = config(
        vec![queue("support")],
        vec![agent("1", &["support"]), always("2")],
    );
    let mut engine = Engine::new(settings, BOOT, 7).unwrap();
    let drain = engine.handle(BOOT, Input::Tick);
    let watch = |agent, phone: &str| Action::WatchPhone {
        agent: AgentId(agent),
        phone: phone.to_owned(),
    };
    assert_eq!(drain.actions.as_slice(), [watch(0, "P/1"), watch(1, "P/2")]);
    let events = drain.events.as_slice();
    let [
        Event::ConfigApplied {
            author,
            queues,
            agents,
            tiers,
        },
    ] = events
    else {
        panic!("{events:?}")
    };
    assert_eq!((author.as_str(), queues.len()), ("boot", 1));
    assert_eq!(tiers, &["basic", "gold"]);
    let states: Vec<AgentState> = agents.iter().map(|agent| agent.state).collect();
    assert_eq!(states, [AgentState::SignedOut, AgentState::Ready]);
    drop(drain);
    assert_eq!(
        engine.handle(BOOT, Input::Tick).events.as_slice(),
        [],
        "only once"
    );
}

#[test]
fn an_agent_always_signed_in_takes_calls_from_the_start() {
    let mut floor = Floor::new(config(vec![queue("support")], vec![always("1")]));
    floor.join(1, "support");
    assert_eq!(floor.offers(), [offer(1, 1, "1")]);
}

#[test]
fn dropping_the_outputs_of_an_input_forgets_them() {
    let mut engine = Engine::new(config(vec![queue("support")], vec![]), BOOT, 7).unwrap();
    drop(engine.handle(BOOT, Input::Tick));
    let drain = engine.handle(BOOT, Input::Tick);
    assert_eq!((drain.actions.len(), drain.events.len()), (0, 0));
}

#[test]
fn settings_that_contradict_themselves_are_refused_with_the_name_of_the_culprit() {
    let with_queue = |change: fn(&mut Queue)| {
        let mut queue = queue("support");
        change(&mut queue);
        config(vec![queue], vec![])
    };
    let with_agent = |change: fn(&mut Agent)| {
        let mut agent = agent("1001", &["support"]);
        change(&mut agent);
        config(vec![queue("support")], vec![agent])
    };
    let good = || config(vec![queue("support")], vec![agent("1001", &["support"])]);
    let mut same_phone = good();
    same_phone.agents = vec![
        always("1001"),
        Agent {
            phone: "P/1001".to_owned(),
            ..always("1002")
        },
    ];
    let mut twice = good();
    twice.agents.push(agent("1001", &[]));
    let mut tier_twice = good();
    tier_twice.tiers[1].name = "basic".to_owned();
    let mut too_many = good();
    too_many.tiers = (0..256)
        .map(|n| hotline_engine::config::Tier {
            name: n.to_string(),
            handicap: Span::ZERO,
        })
        .collect();
    let cases = [
        Config {
            tiers: vec![],
            ..good()
        },
        too_many,
        tier_twice,
        Config {
            limits: Limits { calls: 0 },
            ..good()
        },
        Config {
            queues: vec![queue("support"), queue("support")],
            ..good()
        },
        with_queue(|queue| queue.name.clear()),
        with_queue(|queue| queue.ring_time = Span::ZERO),
        with_queue(|queue| queue.max_wait = Some(Span::ZERO)),
        with_queue(|queue| (queue.strategy, queue.ring_all_max) = (Strategy::RingAll, 0)),
        twice,
        same_phone,
        with_agent(|agent| agent.number.clear()),
        with_agent(|agent| (agent.always_signed_in, agent.phone) = (true, String::new())),
        with_agent(|agent| agent.queues[0].queue = "sales".to_owned()),
        with_agent(|agent| agent.queues.push(agent.queues[0].clone())),
        with_agent(|agent| agent.queues[0].level = 0),
    ];
    let said: Vec<String> = cases
        .into_iter()
        .map(|config| Engine::new(config, BOOT, 7).unwrap_err().to_string())
        .collect();
    insta::assert_snapshot!(said.join("\n"));
}
