//! Which agents suit a caller: levels and skills, how rules widen them, and how both change while running.

use hotline_engine::action::Refusal;
use hotline_engine::config::{Agent, Operation, Queue, Rule, Strategy};
use hotline_engine::event::OfferResult;
use hotline_engine::input::Caller;
use hotline_engine::{Command, Event};

use crate::floor::{
    DONE, Floor, agent, at_level, brisk, caller, config, member, queue, refused, ring, rule, skilled,
};

fn asking_for(skills: &[&str]) -> Caller {
    Caller {
        skills: skills.iter().map(ToString::to_string).collect(),
        ..caller("1")
    }
}

fn with_rules(rules: Vec<Rule>) -> Queue {
    Queue {
        level: 1,
        rules,
        ..queue("support")
    }
}

fn add(queue: &str) -> Operation {
    Operation::AddQueue(queue.to_owned())
}

#[test]
fn an_agent_below_the_level_of_the_queue_is_offered_nothing() {
    let strict = Queue {
        level: 2,
        ..queue("support")
    };
    let mut floor = Floor::staffed(
        vec![strict],
        vec![at_level("1", "support", 3), at_level("2", "support", 2)],
    );
    floor.join(1, "support");
    assert_eq!(floor.rung(), [ring(1, "2")]);
    floor.talks(1).join(2, "support").pass(3600);
    assert_eq!(floor.rung(), [], "not in an hour either");
}

#[test]
fn a_rule_widens_the_level_and_the_idle_agent_is_rung_at_once() {
    let queue = with_rules(vec![rule(20, vec![Operation::AcceptLevel(2)])]);
    let mut floor = Floor::staffed(vec![queue], vec![at_level("1", "support", 2)]);
    floor.join(1, "support").pass(19);
    assert_eq!(floor.rung(), []);
    floor.pass(1);
    assert_eq!(floor.rung(), [ring(1, "1")]);
}

#[test]
fn a_rule_never_narrows_the_level() {
    let rules = vec![
        rule(5, vec![Operation::AcceptLevel(3)]),
        rule(10, vec![Operation::AcceptLevel(2)]),
    ];
    let mut floor = Floor::staffed(vec![with_rules(rules)], vec![at_level("1", "support", 3)]);
    floor.set_not_ready("1", "lunch");
    floor.join(1, "support").pass(5).pass(5);
    let applied = |event: &Event| matches!(event, Event::RuleApplied { .. });
    assert!(!floor.events.iter().any(applied), "it changed nothing");
    floor.set_ready("1");
    assert_eq!(floor.rung(), [ring(1, "1")]);
}

#[test]
fn a_freed_agent_takes_the_first_caller_who_accepts_the_agent_not_the_first() {
    let queue = with_rules(vec![Rule {
        tiers: vec!["gold".to_owned()],
        ..rule(0, vec![Operation::AcceptLevel(5)])
    }]);
    let mut floor = Floor::staffed(
        vec![queue],
        vec![at_level("1", "support", 1), at_level("2", "support", 5)],
    );
    floor.set_not_ready("1", "lunch");
    floor.set_not_ready("2", "lunch");
    floor
        .join_as(1, "support", "", 1000)
        .join_as(2, "support", "gold", 0);
    floor.set_ready("2");
    assert_eq!(floor.rung(), [ring(2, "2")]);
    floor.set_ready("1");
    assert_eq!(floor.rung(), [ring(1, "1")]);
}

#[test]
fn an_agent_must_have_every_skill_of_the_queue_and_of_the_caller() {
    let queue = Queue {
        skills: vec!["chat".to_owned()],
        ..queue("support")
    };
    let agents = vec![
        skilled("1", "support", &["english"]),
        skilled("2", "support", &["chat"]),
        skilled("3", "support", &["english", "chat", "more"]),
    ];
    let mut floor = Floor::staffed(vec![queue], agents);
    floor.join_with(1, "support", asking_for(&["english"]));
    assert_eq!(floor.rung(), [ring(1, "3")]);
    floor.join(2, "support");
    assert_eq!(floor.rung(), [ring(2, "2")]);
}

#[test]
fn a_skill_that_nobody_knows_makes_the_call_wait_until_a_rule_drops_it() {
    let queue = with_rules(vec![rule(30, vec![Operation::DropSkill("klingon".to_owned())])]);
    let mut floor = Floor::staffed(vec![queue], vec![agent("1", &["support"])]);
    floor.join_with(1, "support", asking_for(&["klingon"])).pass(29);
    assert_eq!(floor.rung(), []);
    floor.pass(1);
    assert_eq!(floor.rung(), [ring(1, "1")]);
}

#[test]
fn a_dropped_skill_is_no_longer_required_and_the_others_are() {
    let queue = with_rules(vec![rule(10, vec![Operation::DropSkill("chat".to_owned())])]);
    let agents = vec![
        skilled("1", "support", &["chat"]),
        skilled("2", "support", &["english"]),
    ];
    let mut floor = Floor::staffed(vec![queue], agents);
    floor.join_with(1, "support", asking_for(&["chat", "english"]));
    assert_eq!(floor.rung(), []);
    floor.pass(10);
    assert_eq!(floor.rung(), [ring(1, "2")]);
}

#[test]
fn a_skill_that_nobody_has_required_is_not_dropped() {
    let queue = with_rules(vec![rule(0, vec![Operation::DropSkill("chat".to_owned())])]);
    let mut floor = Floor::staffed(vec![queue], vec![]);
    floor.join(1, "support");
    let applied = |event: &Event| matches!(event, Event::RuleApplied { .. });
    assert!(!floor.events.iter().any(applied));
}

#[test]
fn an_unknown_skill_becomes_known_as_soon_as_somebody_has_it() {
    let mut floor = Floor::staffed(vec![queue("support")], vec![agent("1", &["support"])]);
    floor.join_with(1, "support", asking_for(&["klingon"]));
    assert_eq!(floor.boss(skill("1", "klingon", true)), DONE);
    assert_eq!(floor.rung(), [ring(1, "1")]);
}

#[test]
fn an_unknown_skill_becomes_known_by_a_reload_too() {
    let mut floor = Floor::staffed(vec![queue("support")], vec![agent("1", &["support"])]);
    floor.join_with(1, "support", asking_for(&["klingon"]));
    floor.reload(config(
        vec![queue("support")],
        vec![skilled("1", "support", &["klingon"])],
    ));
    assert_eq!(floor.rung(), [ring(1, "1")]);
}

#[test]
fn agents_of_an_added_queue_take_the_call_at_the_level_of_that_queue() {
    let home = Queue {
        rules: vec![rule(10, vec![add("sales")])],
        ..queue("support")
    };
    let also = Queue {
        level: 2,
        ..queue("sales")
    };
    let agents = vec![at_level("1", "sales", 3), at_level("2", "sales", 2)];
    let mut floor = Floor::staffed(vec![home, also], agents);
    floor.join(1, "support").pass(10);
    assert_eq!(floor.rung(), [ring(1, "2")]);
    assert_eq!(floor.queue_of(1), "support", "it stays a call of its queue");
}

#[test]
fn agents_of_its_own_queue_come_first_and_added_queues_in_the_order_added() {
    let home = Queue {
        rules: vec![rule(0, vec![add("third"), add("second")])],
        ..queue("support")
    };
    let agents = vec![
        agent("1", &["second"]),
        agent("2", &["third"]),
        agent("3", &["support"]),
    ];
    let mut floor = Floor::staffed(vec![home, queue("second"), queue("third")], agents);
    floor.join(1, "support").join(2, "support");
    assert_eq!(floor.rung(), [ring(2, "2")]);
    assert_eq!(floor.call(1).agent, None);
    floor.join(3, "support");
    assert_eq!(floor.rung(), [ring(3, "1")]);
    assert_eq!(floor.agent("3").call, Some(hotline_engine::ids::CallId(1)));
}

#[test]
fn an_added_queue_chooses_by_its_own_strategy_and_rings_for_its_own_time() {
    let home = Queue {
        rules: vec![rule(0, vec![add("sales")])],
        ..queue("support")
    };
    let also = Queue {
        strategy: Strategy::Linear,
        ring_time: hotline_engine::Span::seconds(7),
        ..brisk("sales")
    };
    let mut floor = Floor::staffed(
        vec![home, also],
        vec![agent("2", &["sales"]), agent("1", &["sales"])],
    );
    floor.set_not_ready("2", "lunch");
    floor.set_ready("2");
    floor.join(1, "support");
    assert_eq!(floor.rung(), [ring(1, "2")], "the first in the settings");
    floor.pass(7);
    assert_eq!(floor.offers_ended(), [(1, OfferResult::NoAnswer)]);
}

#[test]
fn ring_all_rings_agents_of_added_queues_as_well() {
    let home = Queue {
        strategy: Strategy::RingAll,
        rules: vec![rule(10, vec![add("sales")])],
        ..queue("support")
    };
    let agents = vec![agent("1", &["support"]), agent("2", &["sales"])];
    let mut floor = Floor::staffed(vec![home, queue("sales")], agents);
    floor.join(1, "support");
    assert_eq!(floor.rung(), [ring(1, "1")]);
    floor.pass(10);
    assert_eq!(floor.rung(), [ring(1, "2")]);
}

#[test]
fn callers_of_several_queues_compete_for_an_agent_by_rank_alone() {
    let home = Queue {
        rules: vec![rule(0, vec![add("sales")])],
        ..queue("support")
    };
    let mut floor = Floor::staffed(vec![home, queue("sales")], vec![agent("1", &["sales"])]);
    floor.set_not_ready("1", "lunch");
    floor.join(1, "support").pass(1).join(2, "sales");
    floor.set_ready("1");
    assert_eq!(floor.rung(), [ring(1, "1")]);
}

#[test]
fn a_removed_queue_is_added_no_more() {
    let home = Queue {
        rules: vec![rule(0, vec![add("sales")])],
        ..queue("support")
    };
    let mut floor = Floor::staffed(vec![home, queue("sales")], vec![agent("1", &["sales"])]);
    floor.set_not_ready("1", "lunch");
    floor.join(1, "support");
    floor.reload(config(
        vec![queue("support"), queue("other")],
        vec![agent("1", &["other"])],
    ));
    floor.set_ready("1");
    assert_eq!(floor.rung(), []);
}

fn place(agent: &str, queue: &str, place: Option<(u8, u16)>) -> Command {
    Command::SetMembership {
        agent: agent.to_owned(),
        queue: queue.to_owned(),
        place,
    }
}

fn skill(agent: &str, skill: &str, has: bool) -> Command {
    Command::SetSkill {
        agent: agent.to_owned(),
        skill: skill.to_owned(),
        has,
    }
}

#[test]
fn a_better_level_given_to_an_idle_agent_counts_at_once() {
    let strict = Queue {
        level: 2,
        ..queue("support")
    };
    let mut floor = Floor::staffed(vec![strict], vec![at_level("1", "support", 3)]);
    floor.join(1, "support");
    assert_eq!(floor.boss(place("1", "support", Some((2, 1)))), DONE);
    assert_eq!(floor.rung(), [ring(1, "1")]);
    assert_eq!(floor.agent("1").card.queues[0].level, 2);
}

#[test]
fn a_level_taken_while_the_phone_rings_leaves_the_offer_and_counts_from_the_next() {
    let strict = Queue {
        level: 2,
        ..queue("support")
    };
    let mut floor = Floor::staffed(vec![strict], vec![at_level("1", "support", 2)]);
    floor.join(1, "support");
    assert_eq!(floor.boss(place("1", "support", Some((3, 1)))), DONE);
    assert_eq!(floor.offers_ended(), []);
    floor.serve(1, 1).pass(60).join(2, "support");
    assert_eq!(floor.rung(), []);
}

#[test]
fn an_agent_put_into_a_queue_takes_who_waits_there_and_one_taken_out_no_longer_rings() {
    let mut floor = Floor::staffed(
        vec![queue("support"), queue("sales")],
        vec![agent("1", &["support"])],
    );
    floor.join(1, "sales");
    assert_eq!(floor.boss(place("1", "sales", Some((1, 1)))), DONE);
    assert_eq!(floor.rung(), [ring(1, "1")]);
    assert_eq!(floor.agent("1").card.queues.len(), 2, "behind the others");
    assert_eq!(floor.boss(place("1", "sales", None)), DONE);
    assert_eq!(floor.offers_ended(), [(1, OfferResult::Cancelled)]);
    assert_eq!(floor.agent("1").card.queues.len(), 1);
}

#[test]
fn a_skill_given_counts_at_once_and_one_taken_leaves_the_offer() {
    let needy = Queue {
        skills: vec!["chat".to_owned()],
        ..queue("support")
    };
    let mut floor = Floor::staffed(vec![needy], vec![agent("1", &["support"])]);
    floor.join(1, "support");
    assert_eq!(floor.boss(skill("1", "chat", true)), DONE);
    assert_eq!(floor.rung(), [ring(1, "1")]);
    assert_eq!(floor.boss(skill("1", "chat", false)), DONE);
    assert_eq!(floor.offers_ended(), []);
    assert!(floor.agent("1").card.skills.is_empty());
    floor.serve(1, 1).pass(60).join(2, "support");
    assert_eq!(floor.rung(), []);
}

#[test]
fn what_was_changed_while_running_lies_over_the_settings_of_later_reloads() {
    let settings = || {
        let agents = vec![
            Agent {
                queues: vec![member("support", 4), member("sales", 1)],
                ..skilled("1", "support", &["chat", "mail"])
            },
            agent("2", &["support"]),
        ];
        config(vec![queue("support"), queue("sales"), queue("other")], agents)
    };
    let mut floor = Floor::of(settings());
    floor.boss(place("1", "support", Some((2, 1))));
    floor.boss(place("1", "sales", None));
    floor.boss(place("1", "other", Some((3, 1))));
    floor.boss(skill("1", "mail", false));
    floor.boss(skill("1", "fax", true));
    let before = floor.agent("1");
    let told = |floor: &Floor| {
        let view = floor.agent("1");
        let levels: Vec<(u32, u8)> = view
            .card
            .queues
            .iter()
            .map(|member| (member.queue.0, member.level))
            .collect();
        let skills: Vec<String> = view.card.skills.iter().map(ToString::to_string).collect();
        (levels, skills)
    };
    let expected = (vec![(0, 2), (2, 3)], vec!["chat".to_owned(), "fax".to_owned()]);
    assert_eq!(told(&floor), expected);
    assert_eq!(floor.reload(settings()), DONE);
    assert_eq!(told(&floor), expected);
    assert_eq!(floor.agent("1").since, before.since, "nothing changed");
    floor.reload(config(vec![queue("support")], vec![agent("2", &["support"])]));
    floor.reload(settings());
    assert_eq!(
        told(&floor),
        expected,
        "also when agent and queue were gone meanwhile"
    );
}

#[test]
fn changes_that_make_no_sense_are_refused() {
    let mut floor = Floor::staffed(
        vec![queue("support"), queue("sales")],
        vec![skilled("1", "support", &["chat"])],
    );
    for (command, why) in [
        (place("9", "support", None), Refusal::UnknownAgent),
        (place("1", "nowhere", None), Refusal::UnknownQueue),
        (place("1", "support", Some((0, 1))), Refusal::OutOfRange),
        (place("1", "support", Some((1, 0))), Refusal::OutOfRange),
        (place("1", "support", Some((1, 1))), Refusal::NothingToDo),
        (place("1", "sales", None), Refusal::NothingToDo),
        (skill("9", "chat", true), Refusal::UnknownAgent),
        (skill("1", "chat", true), Refusal::NothingToDo),
        (skill("1", "mail", false), Refusal::NothingToDo),
    ] {
        assert_eq!(floor.boss(command.clone()), refused(why), "{command:?}");
    }
}

#[test]
fn more_skills_than_an_engine_can_know_in_one_boot_are_refused() {
    let mut floor = Floor::staffed(vec![queue("support")], vec![agent("1", &["support"])]);
    for n in 0..128 {
        assert_eq!(floor.boss(skill("1", &n.to_string(), true)), DONE);
    }
    assert_eq!(
        floor.boss(skill("1", "one more", true)),
        refused(Refusal::AtLimit)
    );
    assert_eq!(floor.boss(skill("1", "7", false)), DONE);
    let another = config(
        vec![queue("support")],
        vec![skilled("1", "support", &["one more"])],
    );
    assert_eq!(floor.reload(another), refused(Refusal::BadConfig));
}
