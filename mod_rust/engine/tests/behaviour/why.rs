//! What an operator reads who asks why a call waits, or why an agent gets none.

use hotline_engine::config::{Agent, NeedsAgents, Operation, Queue, Strategy};
use hotline_engine::ids::CallId;
use hotline_engine::input::{Caller, OfferFailure, Party, PhoneState};
use hotline_engine::{Config, Span};

use crate::floor::{Floor, agent, at_level, brisk, caller, config, queue, rule, skilled};

fn call(floor: &Floor, call: u64) -> String {
    floor.engine.why_call(CallId(call)).unwrap().join("\n")
}

fn agent_is(floor: &Floor, number: &str) -> String {
    floor.engine.why_not(number).unwrap().join("\n")
}

#[test]
fn what_nobody_knows_is_not_explained() {
    let floor = Floor::with_agents(queue("support"), &[]);
    assert_eq!(floor.engine.why_call(CallId(1)), None);
    assert_eq!(floor.engine.why_not("9"), None);
}

#[test]
fn a_call_that_waits_for_a_better_level() {
    let strict = Queue {
        level: 2,
        handicap: Span::seconds(30),
        rules: vec![rule(60, vec![Operation::AcceptLevel(3)])],
        ..queue("support")
    };
    let agents = vec![at_level("1001", "support", 5), at_level("1002", "support", 1)];
    let mut floor = Floor::staffed(vec![strict], agents);
    floor.join(1, "support").talks(1).pass(10);
    floor.join_as(2, "support", "gold", 7).pass(65);
    insta::assert_snapshot!([call(&floor, 2), agent_is(&floor, "1001")].join("\n\n"));
}

#[test]
fn a_call_that_waits_for_a_skill_lacking() {
    let needy = Queue {
        skills: vec!["chat".to_owned()],
        ..queue("support")
    };
    let mut floor = Floor::staffed(vec![needy], vec![skilled("1001", "support", &["mail"])]);
    let english = Caller {
        skills: vec!["english".to_owned(), "mail".to_owned()],
        ..caller("1380")
    };
    floor.join(1, "support").join_with(2, "support", english).pass(5);
    insta::assert_snapshot!([call(&floor, 1), call(&floor, 2), agent_is(&floor, "1001")].join("\n\n"));
}

#[test]
fn a_call_that_waits_for_its_own_agent() {
    let sticky = Queue {
        sticky: Span::seconds(30),
        ..brisk("support")
    };
    let mut floor = Floor::with_agents(sticky, &["1001", "1002"]);
    let wanting = Caller {
        agent: "1002".to_owned(),
        ..caller("1380")
    };
    floor.join_with(1, "support", wanting.clone()).talks(1);
    floor.join_with(2, "support", wanting).pass(12);
    insta::assert_snapshot!(
        [
            call(&floor, 2),
            agent_is(&floor, "1001"),
            agent_is(&floor, "1002")
        ]
        .join("\n\n")
    );
}

#[test]
fn a_call_for_which_nobody_is_there() {
    let mut floor = Floor::with_agents(queue("support"), &["1001", "1002", "1003", "1004"]);
    floor.set_not_ready("1001", "lunch");
    floor.pass(5);
    floor.force_busy("1002", Some(60));
    floor.sign_out("1003");
    floor.phone("1004", PhoneState::Unreachable);
    floor.join(1, "support").pass(3725);
    floor.force_busy("1002", None);
    floor.pass(1);
    insta::assert_snapshot!([call(&floor, 1), agent_is(&floor, "1002")].join("\n\n"));
}

#[test]
fn a_call_that_was_missed_and_waits_for_the_cool_down() {
    let mut floor = Floor::with_agents(queue("support"), &["1001"]);
    floor
        .join(1, "support")
        .pass(4)
        .failed(1, OfferFailure::Rejected)
        .pass(2);
    insta::assert_snapshot!([call(&floor, 1), agent_is(&floor, "1001")].join("\n\n"));
}

#[test]
fn a_call_that_several_phones_ring_for() {
    let all = Queue {
        strategy: Strategy::RingAll,
        ring_all_max: 2,
        ..queue("support")
    };
    let mut floor = Floor::with_agents(all, &["1001", "1002", "1003"]);
    floor.join(1, "support").pass(3);
    insta::assert_snapshot!([call(&floor, 1), agent_is(&floor, "1003")].join("\n\n"));
}

#[test]
fn a_call_that_agents_of_another_queue_may_take() {
    let home = Queue {
        rules: vec![rule(5, vec![Operation::AddQueue("sales".to_owned())])],
        level: 1,
        ..queue("support")
    };
    let also = Queue {
        level: 3,
        ..queue("sales")
    };
    let agents = vec![
        at_level("1001", "sales", 3),
        at_level("1002", "sales", 4),
        at_level("1003", "support", 2),
    ];
    let mut floor = Floor::staffed(vec![home, also], agents);
    floor.join(1, "support").pass(5).pass(1);
    let rung_for = call(&floor, 1);
    floor.join(2, "support").pass(6);
    insta::assert_snapshot!([rung_for, call(&floor, 2)].join("\n\n"));
}

#[test]
fn a_call_that_talks_and_one_that_is_over() {
    let mut floor = Floor::with_agents(queue("support"), &["1001", "1002"]);
    floor.join(1, "support").pass(3).talks(1).pass(60);
    let talking = call(&floor, 1);
    floor.ended(1, Party::Agent).pass(30);
    insta::assert_snapshot!([talking, call(&floor, 1), agent_is(&floor, "1002")].join("\n\n"));
}

#[test]
fn a_call_that_was_turned_away_is_remembered_for_a_while() {
    let mut floor = Floor::with_agents(
        Queue {
            needs_agents: NeedsAgents::AtWork,
            ..queue("support")
        },
        &[],
    );
    floor.join(1, "support");
    assert_eq!(
        call(&floor, 1),
        "call 1 is over\n  0:00 ago: left as without agents"
    );
    for call in 2..66 {
        floor.join(call, "support");
    }
    assert_eq!(floor.engine.why_call(CallId(1)), None);
}

#[test]
fn an_agent_who_serves_nothing() {
    let floor = Floor::staffed(
        vec![queue("support")],
        vec![Agent::numbered("1001")]
            .into_iter()
            .map(|agent| Agent {
                phone: "P/1001".to_owned(),
                ..agent
            })
            .collect(),
    );
    assert_eq!(
        agent_is(&floor, "1001"),
        "agent 1001: ready for 0:00\n  serves no queue"
    );
}

#[test]
fn many_agents_are_counted_not_listed() {
    let numbers: Vec<String> = (1001..1101).map(|number| number.to_string()).collect();
    let agents = numbers.iter().map(|number| agent(number, &["support"]));
    let mut floor = Floor::new(config(vec![queue("support")], agents.collect()));
    floor.join(1, "support");
    let lines = floor.engine.why_call(CallId(1)).unwrap();
    assert_eq!(
        lines.last().map(String::as_str),
        Some("  and 60 more: signed out")
    );
}

#[test]
fn without_a_record_the_present_is_explained_all_the_same() {
    let settings = || {
        let mut settings: Config = config(vec![queue("support")], vec![agent("1001", &["support"])]);
        settings.limits.decisions = 0;
        settings
    };
    let mut floor = Floor::of(settings());
    floor.join(1, "support").pass(2);
    let lines = floor.engine.why_call(CallId(1)).unwrap();
    assert!(
        lines.iter().any(|line| line.contains("is being rung for it")),
        "{lines:?}"
    );
    assert!(!lines.iter().any(|line| line.contains("ago:")), "{lines:?}");
}

#[test]
fn worth_beyond_all_time_is_explained() {
    let forever = Queue {
        handicap: Span(u64::MAX),
        ..queue("support")
    };
    let mut floor = Floor::with_agents(forever, &[]);
    floor.join_as(1, "support", "gold", u32::MAX);
    assert!(call(&floor, 1).contains("counts as having waited"));
}
