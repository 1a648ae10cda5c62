//! New settings while calls are up.

use hotline_engine::action::{Refusal, Status};
use hotline_engine::config::{NeedsAgents, Queue, Strategy, Tier};
use hotline_engine::event::{AgentState, CallOutcome, OfferResult};
use hotline_engine::ids::{AgentId, QueueId, TierId};
use hotline_engine::input::{Party, PhoneState};
use hotline_engine::{Action, Event, Span};

use crate::floor::{DONE, Floor, agent, cancel, config, offer, queue, refused, release};

#[test]
fn a_reload_is_announced_with_its_author_and_answered() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    assert_eq!(
        floor.reload(config(vec![queue("support")], vec![agent("1", &["support"])])),
        DONE
    );
    assert!(matches!(&floor.events[..], [Event::ConfigApplied { author, .. }] if author == "cli"));
}

#[test]
fn wrong_settings_are_refused_whole_and_the_running_ones_stay() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    let before = floor.engine.view();
    let wrong = config(vec![queue("sales")], vec![agent("1", &["support"])]);
    assert_eq!(floor.reload(wrong), refused(Refusal::BadConfig));
    assert_eq!(floor.events, []);
    assert_eq!(floor.engine.view(), before);
}

#[test]
fn ids_are_stable_over_reloads() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    let agents = vec![agent("2", &["sales"]), agent("1", &["support", "sales"])];
    floor.reload(config(vec![queue("sales"), queue("support")], agents));
    let view = floor.engine.view();
    let queues: Vec<(QueueId, &str)> = view
        .queues
        .iter()
        .map(|queue| (queue.queue, queue.name.as_str()))
        .collect();
    assert_eq!(queues, [(QueueId(0), "support"), (QueueId(1), "sales")]);
    assert_eq!((floor.id("1"), floor.id("2")), (AgentId(0), AgentId(1)));
    floor.reload(config(vec![queue("sales")], vec![]));
    floor.reload(config(
        vec![queue("support"), queue("sales")],
        vec![agent("1", &["support"])],
    ));
    assert_eq!(floor.engine.view().queues.len(), 2);
    assert_eq!(floor.id("1"), AgentId(0), "also when removed in between");
}

#[test]
fn callers_of_a_removed_queue_leave() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.join(1, "support").join(2, "support");
    floor.reload(config(vec![queue("sales")], vec![agent("1", &["sales"])]));
    assert_eq!(floor.told(1), [cancel(1), release(Status::Removed)]);
    assert_eq!(floor.told(2), [release(Status::Removed)]);
    assert_eq!(
        floor.finished(),
        [(1, CallOutcome::Removed), (2, CallOutcome::Removed)]
    );
    assert_eq!(floor.state("1"), AgentState::Ready);
    floor.join(3, "support");
    assert_eq!(floor.told(3), [release(Status::UnknownQueue)]);
}

#[test]
fn talks_in_a_removed_queue_go_on_and_end_as_ever() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.join(1, "support").talk(1, 1);
    floor.reload(config(vec![queue("sales")], vec![agent("1", &["sales"])]));
    assert_eq!(floor.state("1"), AgentState::OnCall);
    floor.ended(1, Party::Agent);
    assert_eq!(floor.told(1), [release(Status::Answered)]);
    assert_eq!(floor.state("1"), AgentState::WrapUp);
}

#[test]
fn a_caller_whose_connection_fails_in_a_removed_queue_leaves() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.join(1, "support").answered(1);
    floor.reload(config(vec![queue("sales")], vec![agent("1", &["sales"])]));
    floor.ended(1, Party::Agent);
    assert_eq!(floor.told(1), [release(Status::Removed)]);
}

#[test]
fn a_caller_whose_connection_fails_where_nobody_works_any_more_leaves() {
    let queues = || {
        vec![
            Queue {
                needs_agents: NeedsAgents::SignedIn,
                ..queue("support")
            },
            queue("sales"),
        ]
    };
    let mut floor = Floor::new(config(queues(), vec![agent("1", &["support"])]));
    floor.sign_in("1");
    floor.join(1, "support").answered(1);
    floor.reload(config(queues(), vec![agent("1", &["sales"])]));
    assert_eq!(
        floor.finished(),
        [],
        "the agent who answered may yet be connected"
    );
    floor.ended(1, Party::Agent);
    assert_eq!(floor.finished(), [(1, CallOutcome::NoAgents)]);
}

#[test]
fn a_removed_agent_is_signed_out_after_the_call() {
    let mut floor = Floor::with_agents(queue("support"), &["1", "2"]);
    floor.join(1, "support").talk(1, 1);
    floor.reload(config(vec![queue("support")], vec![]));
    let view = floor.engine.view();
    assert_eq!((view.agents.len(), view.calls.len()), (0, 1));
    assert!(floor.actions.contains(&Action::WatchPhone {
        agent: AgentId(1),
        phone: String::new()
    }));
    assert_eq!(floor.set_ready("1"), refused(Refusal::UnknownAgent));
    floor.ended(1, Party::Agent);
    let out =
        |event: &Event| matches!(event, Event::AgentChanged { to, .. } if to.state == AgentState::SignedOut);
    assert!(floor.events.iter().any(out), "{:?}", floor.events);
}

#[test]
fn a_removed_agent_who_rings_gives_the_caller_to_the_next() {
    let mut floor = Floor::with_agents(queue("support"), &["1", "2"]);
    floor.join(1, "support");
    floor.reload(config(vec![queue("support")], vec![agent("2", &["support"])]));
    assert_eq!(floor.offers_ended(), [(1, OfferResult::Cancelled)]);
    assert_eq!(floor.offers(), [offer(2, 1, "2")]);
}

#[test]
fn an_agent_who_is_back_before_the_call_ends_stays() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.join(1, "support").talk(1, 1);
    floor.reload(config(vec![queue("support")], vec![]));
    floor.reload(config(vec![queue("support")], vec![agent("1", &["support"])]));
    floor.ended(1, Party::Caller).pass(10);
    assert_eq!(floor.state("1"), AgentState::Ready);
}

#[test]
fn changed_memberships_apply_at_once() {
    let mut floor = Floor::new(config(
        vec![queue("support"), queue("sales")],
        vec![agent("1", &["support"])],
    ));
    floor.sign_in("1");
    floor.join(1, "sales");
    floor.reload(config(
        vec![queue("support"), queue("sales")],
        vec![agent("1", &["sales"])],
    ));
    assert_eq!(floor.offers(), [offer(1, 1, "1")]);
    floor.reload(config(
        vec![queue("support"), queue("sales")],
        vec![agent("1", &["support"])],
    ));
    assert_eq!(floor.offers_ended(), [(1, OfferResult::Cancelled)]);
    assert_eq!(floor.state("1"), AgentState::Ready);
}

#[test]
fn a_new_agent_takes_who_waits_already() {
    let mut floor = Floor::with_agents(queue("support"), &[]);
    floor.join(1, "support");
    let always = hotline_engine::config::Agent {
        always_signed_in: true,
        ..agent("1", &["support"])
    };
    floor.reload(config(vec![queue("support")], vec![always]));
    assert_eq!(floor.offers(), [offer(1, 1, "1")]);
    assert!(
        matches!(floor.events[0], Event::ConfigApplied { .. }),
        "the world knows the agent before the offer"
    );
}

#[test]
fn what_a_reload_ends_is_told_before_the_settings_and_what_it_begins_after() {
    let mut floor = Floor::with_agents(queue("support"), &["1", "2"]);
    floor.join(1, "support");
    floor.reload(config(vec![queue("support")], vec![agent("2", &["support"])]));
    let told = |event: &Event| match event {
        Event::OfferEnded { .. } => "offer ended",
        Event::AgentChanged { to, .. } if &*to.card.number == "1" => "removed agent changed",
        Event::AgentChanged { .. } => "other agent changed",
        Event::ConfigApplied { .. } => "settings",
        Event::OfferMade { .. } => "offer made",
        _ => "something else",
    };
    let told: Vec<&str> = floor.events.iter().map(told).collect();
    let order = [
        "offer ended",
        "removed agent changed",
        "settings",
        "offer made",
        "other agent changed",
    ];
    assert_eq!(told, order);
}

#[test]
fn another_strategy_applies_to_who_waits_already() {
    let mut floor = Floor::with_agents(queue("support"), &["1", "2"]);
    floor.join(1, "support");
    let ring_all = Queue {
        strategy: Strategy::RingAll,
        ..queue("support")
    };
    floor.reload(config(
        vec![ring_all],
        vec![agent("1", &["support"]), agent("2", &["support"])],
    ));
    assert_eq!(floor.offers(), [offer(2, 1, "2")]);
}

#[test]
fn callers_of_a_queue_that_now_needs_agents_leave_if_there_are_none() {
    let mut floor = Floor::with_agents(queue("support"), &[]);
    floor.join(1, "support");
    floor.reload(config(
        vec![Queue {
            needs_agents: NeedsAgents::SignedIn,
            ..queue("support")
        }],
        vec![],
    ));
    assert_eq!(floor.finished(), [(1, CallOutcome::NoAgents)]);
}

#[test]
fn an_agent_on_the_own_phone_moves_with_it_after_the_call() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.join(1, "support").talk(1, 1);
    let moved = hotline_engine::config::Agent {
        phone: "P/new".to_owned(),
        ..agent("1", &["support"])
    };
    floor.reload(config(vec![queue("support")], vec![moved]));
    assert_eq!(&*floor.agent("1").phone, "P/1");
    floor.ended(1, Party::Caller);
    assert_eq!(&*floor.agent("1").phone, "P/new");
    assert!(floor.actions.contains(&Action::WatchPhone {
        agent: AgentId(0),
        phone: "P/new".to_owned()
    }));
}

#[test]
fn an_agent_whom_a_reload_frees_has_been_idle_since_then() {
    let mut floor = Floor::with_agents(queue("support"), &["1", "2"]);
    floor.phone("1", PhoneState::Busy).pass(10);
    floor.set_not_ready("2", "lunch");
    floor.set_ready("2");
    floor.pass(10);
    let moved = hotline_engine::config::Agent {
        phone: "P/new".to_owned(),
        ..agent("1", &["sales", "support"])
    };
    floor.reload(config(
        vec![queue("support"), queue("sales")],
        vec![moved, agent("2", &["support"])],
    ));
    assert_eq!(floor.state("1"), AgentState::Ready, "the new phone is free");
    floor.join(1, "support");
    assert_eq!(floor.offers(), [offer(1, 1, "2")]);
}

#[test]
fn a_reload_that_leaves_an_agent_as_it_was_leaves_the_idle_time() {
    let mut floor = Floor::with_agents(queue("support"), &["1", "2"]);
    let agents = vec![agent("1", &["sales", "support"]), agent("2", &["support"])];
    floor
        .pass(10)
        .reload(config(vec![queue("support"), queue("sales")], agents));
    floor.join(1, "support");
    assert_eq!(floor.offers(), [offer(1, 1, "1")]);
}

#[test]
fn of_those_a_reload_brings_together_the_best_caller_gets_the_longest_idle_agent() {
    let settings = |agents| config(vec![queue("support"), queue("sales")], agents);
    let (first, second) = (agent("1", &["support"]), agent("2", &["support"]));
    let mut floor = Floor::new(settings(vec![
        first.clone(),
        second.clone(),
        agent("3", &["sales"]),
    ]));
    for number in ["1", "2", "3"] {
        floor.sign_in(number);
        floor.pass(1);
    }
    floor.join(1, "support");
    assert_eq!(floor.offers(), [offer(1, 1, "1")]);
    floor.reload(settings(vec![second, agent("3", &["support"])]));
    assert_eq!(
        floor.offers(),
        [offer(2, 1, "2")],
        "not agent 3, though that one is new in the queue"
    );
}

#[test]
fn more_tiers_than_an_engine_can_know_in_one_boot_are_refused() {
    let mut floor = Floor::with_agents(queue("support"), &[]);
    let with_tiers = |names: core::ops::Range<u32>| {
        let mut settings = config(vec![queue("support")], vec![]);
        settings.tiers = names
            .map(|n| Tier {
                name: n.to_string(),
                handicap: Span::ZERO,
                spoken: String::new(),
            })
            .collect();
        settings
    };
    assert_eq!(
        floor.reload(with_tiers(0..253)),
        DONE,
        "two are known from the start"
    );
    assert_eq!(floor.reload(with_tiers(1000..1001)), refused(Refusal::BadConfig));
    assert_eq!(floor.reload(with_tiers(7..8)), DONE);
}

#[test]
fn tiers_keep_their_ids_and_a_removed_one_is_no_longer_given() {
    let mut floor = Floor::with_agents(queue("support"), &[]);
    floor.join_as(1, "support", "gold", 0);
    let mut settings = config(vec![queue("support")], vec![]);
    settings.tiers = vec![Tier {
        name: "silver".to_owned(),
        handicap: Span::ZERO,
        spoken: String::new(),
    }];
    floor.reload(settings);
    floor.join_as(2, "support", "gold", 0);
    let view = floor.engine.view();
    assert_eq!(view.tiers, ["basic", "gold", "silver"]);
    let tiers: Vec<TierId> = view.calls.iter().map(|call| call.tier).collect();
    assert_eq!(tiers, [TierId(1), TierId(2)]);
}
