//! The agent whom a caller knows, for a while before all others.

use hotline_engine::config::{Queue, Strategy};
use hotline_engine::input::Caller;
use hotline_engine::{Command, Config, Span};

use crate::floor::{Floor, agent, at_level, brisk, caller, config, queue, ring, rule};

/// Waits 30 s for the own agent.
fn sticky() -> Queue {
    Queue {
        sticky: Span::seconds(30),
        ..brisk("support")
    }
}

fn wanting(agent: &str) -> Caller {
    Caller {
        agent: agent.to_owned(),
        ..caller("1380")
    }
}

/// Agents 1 to 3; the third talks with call 9.
fn third_talks(queue: Queue) -> Floor {
    let mut floor = Floor::with_agents(queue, &["1", "2", "3"]);
    floor.join_with(9, "support", wanting("3"));
    assert_eq!(floor.rung(), [ring(9, "3")]);
    floor.talks(9);
    floor
}

#[test]
fn a_named_agent_gets_the_call_before_those_idle_longer() {
    let mut floor = Floor::with_agents(sticky(), &["1", "2", "3"]);
    floor.join_with(1, "support", wanting("2"));
    assert_eq!(floor.rung(), [ring(1, "2")]);
}

#[test]
fn a_caller_waits_for_the_named_agent_although_others_idle_and_then_no_longer() {
    let mut floor = third_talks(sticky());
    floor.join_with(1, "support", wanting("3")).pass(29);
    assert_eq!(floor.rung(), []);
    floor.pass(1);
    assert_eq!(floor.rung(), [ring(1, "1")]);
}

#[test]
fn the_named_agent_takes_the_own_caller_on_getting_free() {
    let mut floor = third_talks(sticky());
    floor.join_with(1, "support", wanting("3")).pass(10);
    floor.ended(9, hotline_engine::input::Party::Caller);
    assert_eq!(floor.rung(), [ring(1, "3")]);
}

#[test]
fn who_waits_for_an_agent_still_keeps_to_the_order_of_callers() {
    let mut floor = Floor::with_agents(sticky(), &["1"]);
    floor.set_not_ready("1", "lunch");
    floor.join(1, "support").pass(1);
    floor.set_ready("1");
    assert_eq!(floor.rung(), [ring(1, "1")]);
    floor
        .talks(1)
        .join(2, "support")
        .pass(1)
        .join_with(3, "support", wanting("1"));
    floor.ended(1, hotline_engine::input::Party::Caller);
    assert_eq!(floor.rung(), [ring(2, "1")], "joined earlier");
}

#[test]
fn level_and_skills_do_not_matter_for_the_own_agent() {
    let strict = Queue {
        level: 1,
        skills: vec!["chat".to_owned()],
        ..sticky()
    };
    let mut floor = Floor::staffed(vec![strict], vec![at_level("1", "support", 200)]);
    floor.join_with(1, "support", wanting("1"));
    assert_eq!(floor.rung(), [ring(1, "1")]);
}

#[test]
fn waiting_for_an_agent_ends_when_that_one_is_not_ready() {
    let mut floor = third_talks(sticky());
    floor.join_with(1, "support", wanting("3"));
    floor.set_not_ready("3", "lunch");
    assert_eq!(floor.rung(), [], "not ready only after the call");
    floor.ended(9, hotline_engine::input::Party::Caller);
    assert_eq!(floor.rung(), [ring(1, "1")]);
}

#[test]
fn waiting_for_an_agent_ends_when_that_one_is_locked() {
    let mut floor = third_talks(sticky());
    floor.join_with(1, "support", wanting("3"));
    floor.force_busy("3", None);
    assert_eq!(floor.rung(), [ring(1, "1")], "a lock keeps off work at once");
}

#[test]
fn waiting_for_an_agent_ends_when_that_one_signs_out() {
    let mut floor = third_talks(sticky());
    floor.join_with(1, "support", wanting("3"));
    floor.sign_out("3");
    floor.ended(9, hotline_engine::input::Party::Caller);
    assert_eq!(floor.rung(), [ring(1, "1")]);
}

#[test]
fn waiting_for_an_agent_ends_when_that_one_leaves_the_queue() {
    let mut floor = third_talks(sticky());
    floor.join_with(1, "support", wanting("3"));
    floor.boss(Command::SetMembership {
        agent: "3".to_owned(),
        queue: "support".to_owned(),
        place: None,
    });
    assert_eq!(floor.rung(), [ring(1, "1")]);
}

#[test]
fn waiting_for_an_agent_ends_when_a_reload_removes_that_one() {
    let mut floor = third_talks(sticky());
    floor.join_with(1, "support", wanting("3"));
    let agents = vec![agent("1", &["support"]), agent("2", &["support"])];
    floor.reload(config(vec![sticky()], agents));
    assert_eq!(floor.rung(), [ring(1, "1")]);
}

#[test]
fn an_agent_who_misses_the_call_is_still_waited_for_until_the_time_is_over() {
    let quick = Queue {
        ring_time: Span::seconds(10),
        ..sticky()
    };
    let mut floor = Floor::with_agents(quick, &["1", "2"]);
    floor.join_with(1, "support", wanting("2")).pass(10);
    assert_eq!(floor.rung(), [], "cools down");
    floor.pass(5);
    assert_eq!(floor.rung(), [ring(1, "2")]);
    floor.pass(10);
    floor.pass(5);
    assert_eq!(floor.rung(), [ring(1, "1")], "30 s are over");
}

#[test]
fn nobody_waits_for_an_agent_who_is_unknown_elsewhere_or_not_at_work() {
    let agents = vec![
        agent("1", &["support"]),
        agent("2", &["support"]),
        agent("3", &["sales"]),
    ];
    let mut floor = Floor::staffed(vec![sticky(), queue("sales")], agents);
    floor.set_not_ready("2", "lunch");
    for (call, named) in [(1, "9"), (2, "3"), (3, "2")] {
        floor.join_with(call, "support", wanting(named));
        assert_eq!(floor.rung(), [ring(call, "1")], "not {named}");
        floor.serve(call, 1);
    }
}

#[test]
fn an_unknown_name_is_not_replaced_by_who_is_remembered() {
    let mut floor = Floor::with_agents(sticky(), &["1", "2"]);
    floor.join_with(1, "support", caller("1380")).serve(1, 1);
    floor.join_with(2, "support", wanting("9"));
    assert_eq!(floor.rung(), [ring(2, "2")], "longest idle, not agent 1");
}

#[test]
fn the_agent_talked_with_last_is_remembered_by_the_number_of_the_caller() {
    let mut floor = Floor::with_agents(sticky(), &["1", "2"]);
    floor.join_with(1, "support", caller("1380")).serve(1, 1);
    floor.join_with(2, "support", caller("1390")).serve(2, 1);
    floor.join_with(3, "support", caller("1390"));
    assert_eq!(floor.rung(), [ring(3, "2")]);
}

#[test]
fn a_withheld_number_is_not_remembered() {
    let mut floor = Floor::with_agents(sticky(), &["1", "2"]);
    floor.join_with(1, "support", caller("")).serve(1, 1);
    floor.join_with(2, "support", caller(""));
    assert_eq!(floor.rung(), [ring(2, "2")]);
}

#[test]
fn a_queue_that_is_not_sticky_neither_remembers_nor_waits() {
    let mut floor = Floor::staffed(
        vec![sticky(), brisk("sales")],
        vec![
            agent("1", &["support", "sales"]),
            agent("2", &["support", "sales"]),
        ],
    );
    floor.join_with(1, "sales", caller("1380")).serve(1, 1);
    floor.join_with(2, "support", caller("1380"));
    assert_eq!(floor.rung(), [ring(2, "2")], "sales remembered nothing");
    floor.serve(2, 1);
    floor.join_with(3, "sales", caller("1380"));
    assert_eq!(floor.rung(), [ring(3, "1")], "sales does not wait for agent 2");
}

fn remembering(most: u32) -> Config {
    let agents = ["1", "2"].map(|number| agent(number, &["support"]));
    let mut settings = config(vec![sticky()], agents.to_vec());
    settings.limits.remembered = most;
    settings
}

#[test]
fn the_oldest_memory_goes_first_and_one_renewed_is_new() {
    let mut floor = Floor::of(remembering(2));
    let with_1 = |number: &str| Caller {
        agent: "1".to_owned(),
        ..caller(number)
    };
    floor.join_with(1, "support", with_1("a")).serve(1, 1);
    floor.join_with(2, "support", with_1("b")).serve(2, 1);
    floor.join_with(3, "support", with_1("a")).serve(3, 1);
    floor.join_with(4, "support", with_1("c")).serve(4, 1);
    let mut next = 10;
    let mut who = |floor: &mut Floor, number: &str| {
        floor.join_with(next, "support", caller(number));
        next += 1;
        let agent = floor.rung()[0].1.clone();
        floor.gone(next - 1);
        agent
    };
    assert_eq!(who(&mut floor, "b"), "2", "forgotten: the longest idle");
    assert_eq!(who(&mut floor, "a"), "1");
    assert_eq!(who(&mut floor, "c"), "1");
    floor.reload(remembering(1));
    assert_eq!(who(&mut floor, "a"), "2", "forgotten with the smaller limit");
    assert_eq!(who(&mut floor, "c"), "1");
}

#[test]
fn with_no_room_for_memory_nobody_is_remembered() {
    let mut floor = Floor::of(remembering(0));
    floor.join_with(1, "support", caller("a")).serve(1, 1);
    floor.join_with(2, "support", caller("a"));
    assert_eq!(floor.rung(), [ring(2, "2")]);
}

#[test]
fn ring_all_rings_the_own_agent_alone_and_then_everybody() {
    let all = Queue {
        strategy: Strategy::RingAll,
        ring_time: Span::seconds(60),
        ..sticky()
    };
    let mut floor = Floor::with_agents(all, &["1", "2", "3"]);
    floor.join_with(1, "support", wanting("2"));
    assert_eq!(floor.rung(), [ring(1, "2")]);
    floor.pass(30);
    assert_eq!(
        floor.rung(),
        [ring(1, "1"), ring(1, "3")],
        "the first phone rings on"
    );
}

#[test]
fn rules_widen_what_the_caller_needs_while_it_still_waits_for_its_agent() {
    let strict = Queue {
        level: 1,
        rules: vec![rule(10, vec![hotline_engine::config::Operation::AcceptLevel(2)])],
        ..sticky()
    };
    let mut floor = Floor::staffed(
        vec![strict],
        vec![at_level("1", "support", 2), at_level("3", "support", 1)],
    );
    floor.join_with(9, "support", wanting("3")).talks(9);
    floor.join_with(1, "support", wanting("3")).pass(10);
    assert_eq!(floor.rung(), []);
    floor.pass(20);
    assert_eq!(floor.rung(), [ring(1, "1")]);
}
