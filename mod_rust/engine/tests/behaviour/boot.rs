//! The start of an engine, and the settings it refuses.

use hotline_engine::config::{
    Agent, Choice, Exit, Key, Limits, Menu, Operation, Queue, Reason, Rule, Strategy, TierLimits,
};
use hotline_engine::event::AgentState;
use hotline_engine::ids::AgentId;
use hotline_engine::{Action, Config, Engine, Event, Input, Span};

use crate::floor::{
    BOOT, Floor, agent, band, calling_back, config, offer, queue, rule, say, steps, to_queue, way,
};

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
            dispositions: _,
            supervisors: _,
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
            spoken: String::new(),
        })
        .collect();
    let mut too_many_skills = good();
    too_many_skills.agents[0].skills = (0..129).map(|n| n.to_string()).collect();
    let with_menu = |change: fn(&mut Menu)| {
        let key = |key, to| Key {
            key,
            choice: Choice::Leave(way(to)),
        };
        let mut menu = Menu {
            name: "leave".to_owned(),
            say: vec![],
            lasting: Span::ZERO,
            keys: vec![key('1', Exit::Onward), key('#', Exit::Callback)],
        };
        change(&mut menu);
        Config {
            menus: vec![menu],
            ..good()
        }
    };
    let mut menu_twice = with_menu(|_| ());
    menu_twice.menus.push(menu_twice.menus[0].clone());
    let with_reason = |name: &str, warn| {
        let name = name.to_owned();
        Config {
            reasons: vec![Reason { name, warn }],
            ..good()
        }
    };
    let mut reason_twice = with_reason("lunch", steps(&[1], None));
    reason_twice.reasons.push(reason_twice.reasons[0].clone());
    let with_rule = |change: fn(&mut Rule)| {
        let mut settings = good();
        let mut second = rule(5, vec![say("sorry")]);
        change(&mut second);
        settings.queues[0].rules = vec![rule(0, vec![say("welcome")]), second];
        settings
    };
    let limits = |tier: &str, max_wait| TierLimits {
        tier: tier.to_owned(),
        max_waiting: None,
        max_wait,
    };
    let mut tier_wait = good();
    tier_wait.queues[0].tiers = vec![limits("gold", Some(Span::ZERO))];
    let mut tier_unknown = good();
    tier_unknown.queues[0].tiers = vec![limits("diamond", None)];
    let mut tier_limited_twice = good();
    tier_limited_twice.queues[0].tiers = vec![limits("gold", None), limits("gold", None)];
    let mut added = good();
    added.queues.extend((0..5).map(|n| queue(&n.to_string())));
    added.queues[0].rules = (0..5)
        .map(|n| rule(n, vec![Operation::AddQueue(n.to_string())]))
        .collect();
    let cases = [
        Config {
            tiers: vec![],
            ..good()
        },
        too_many,
        tier_twice,
        Config {
            limits: Limits {
                calls: 0,
                ..good().limits
            },
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
        with_agent(|agent| agent.queues[0].weight = 0),
        too_many_skills,
        with_queue(|queue| queue.level = 0),
        with_queue(|queue| queue.handle_time = Span::ZERO),
        tier_wait,
        tier_unknown,
        tier_limited_twice,
        with_queue(|queue| queue.exits.closed.to = to_queue("sales")),
        with_queue(|queue| (queue.callback, queue.callback.attempts) = (calling_back(), 0)),
        with_queue(|queue| (queue.callback, queue.callback.ring_time) = (calling_back(), Span::ZERO)),
        with_queue(|queue| (queue.callback, queue.callback.dial) = (calling_back(), String::new())),
        with_queue(|queue| queue.warn.wait = steps(&[10, 10], None)),
        with_queue(|queue| queue.warn.hold = steps(&[0, 10], None)),
        with_queue(|queue| queue.warn.talk = steps(&[1, 2, 3, 4, 5, 6, 7, 8, 9], None)),
        with_queue(|queue| queue.warn.wrap_up = steps(&[1], Some(0))),
        with_queue(|queue| queue.rules = vec![rule(0, vec![say("welcome")]); 65]),
        added,
        with_rule(|rule| rule.tiers = vec!["diamond".to_owned()]),
        with_rule(|rule| rule.every = Some(Span::millis(999))),
        with_rule(|rule| rule.waiting = band(2, 3)),
        with_rule(|rule| rule.predicted_wait = band(0, 1)),
        with_rule(|rule| rule.then = vec![Operation::AcceptLevel(0)]),
        with_rule(|rule| rule.then = vec![Operation::AddQueue("sales".to_owned())]),
        with_rule(|rule| rule.then = vec![Operation::Divert(way(to_queue("sales")))]),
        with_rule(|rule| rule.then = vec![Operation::Menu("leave".to_owned())]),
        with_rule(|rule| rule.then.clear()),
        with_menu(|menu| menu.name.clear()),
        menu_twice,
        with_menu(|menu| menu.keys[0].key = 'x'),
        with_menu(|menu| menu.keys[0].key = '#'),
        with_menu(|menu| menu.keys[0].choice = Choice::Leave(way(to_queue("sales")))),
        with_reason("", steps(&[1], None)),
        reason_twice,
        with_reason("lunch", steps(&[2, 1], None)),
    ];
    let said: Vec<String> = cases
        .into_iter()
        .map(|config| Engine::new(config, BOOT, 7).unwrap_err().to_string())
        .collect();
    insta::assert_snapshot!(said.join("\n"));
}
