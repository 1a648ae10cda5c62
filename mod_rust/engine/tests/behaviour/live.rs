//! What supervisors change while running: the order of callers, their queue, whether they stay.

use hotline_engine::action::{Place, Refusal, Status};
use hotline_engine::config::{Door, Queue};
use hotline_engine::event::CallOutcome;
use hotline_engine::ids::CallId;
use hotline_engine::{Command, Event, Span};

use crate::floor::{
    DONE, Floor, agent, at_level, cancel, config, music, queue, refused, release, release_to, ring, rule,
    say, to_queue,
};

fn reprioritise(call: u64, priority: u32) -> Command {
    Command::Reprioritise {
        call: CallId(call),
        priority,
    }
}

fn move_to(call: u64, queue: &str) -> Command {
    Command::MoveCall {
        call: CallId(call),
        queue: queue.to_owned(),
    }
}

fn withdraw(call: u64, place: &str) -> Command {
    Command::Withdraw {
        call: CallId(call),
        place: place.to_owned(),
    }
}

/// Queues `support` and `sales`, agent 1 in the latter, not ready.
fn two_queues() -> Floor {
    let mut floor = Floor::staffed(
        vec![queue("support"), queue("sales")],
        vec![agent("1", &["sales"])],
    );
    floor.set_not_ready("1", "lunch");
    floor
}

#[test]
fn a_call_made_worth_more_overtakes_at_once_and_one_made_worth_less_falls_back() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.set_not_ready("1", "lunch");
    floor.join(1, "support").pass(10).join(2, "support");
    assert_eq!(floor.boss(reprioritise(2, 11)), DONE);
    let told = |event: &Event| {
        matches!(
            event,
            Event::CallReprioritised {
                call: CallId(2),
                priority: 11,
                position: 1,
                ..
            }
        )
    };
    assert!(floor.events.iter().any(told), "{:?}", floor.events);
    assert_eq!((floor.position(2), floor.position(1)), (1, 2));
    assert_eq!(
        floor.boss(reprioritise(2, 9)),
        DONE,
        "in place of what it was worth"
    );
    assert_eq!((floor.position(1), floor.position(2)), (1, 2));
    floor.boss(reprioritise(2, 11));
    floor.set_ready("1");
    assert_eq!(floor.rung(), [ring(2, "1")]);
}

#[test]
fn a_call_that_is_rung_for_keeps_its_offers_when_made_worth_less() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.join_as(1, "support", "", 100).join(2, "support");
    assert_eq!(floor.boss(reprioritise(1, 0)), DONE);
    assert_eq!(floor.offers_ended(), []);
    assert_eq!((floor.position(1), floor.position(2)), (1, 2));
}

#[test]
fn only_waiting_calls_can_be_changed_moved_or_withdrawn() {
    let mut floor = Floor::staffed(
        vec![queue("support"), queue("sales")],
        vec![agent("1", &["support"])],
    );
    floor.join(1, "support").answered(1);
    for command in [reprioritise(1, 5), move_to(1, "sales"), withdraw(1, "")] {
        assert_eq!(
            floor.boss(command),
            refused(Refusal::NotWaiting),
            "is being connected"
        );
    }
    floor.connected(1);
    for command in [reprioritise(1, 5), move_to(1, "sales"), withdraw(1, "")] {
        assert_eq!(floor.boss(command), refused(Refusal::NotWaiting), "talks");
    }
    for command in [reprioritise(7, 5), move_to(7, "sales"), withdraw(7, "")] {
        assert_eq!(floor.boss(command), refused(Refusal::UnknownCall));
    }
}

#[test]
fn a_moved_call_keeps_its_place_in_the_order_of_callers() {
    let mut floor = two_queues();
    floor.join(1, "support").pass(10).join(2, "sales").pass(10);
    assert_eq!(floor.boss(move_to(1, "sales")), DONE);
    assert_eq!(floor.finished(), [(1, CallOutcome::Moved)]);
    let to = |event: &Event| matches!(event, Event::CallFinished { to, .. } if *to == to_queue("sales"));
    assert!(floor.events.iter().any(to));
    assert_eq!(floor.told(1), [music()], "and hears the music there");
    assert_eq!((floor.position(1), floor.position(2)), (1, 2));
    floor.set_ready("1");
    assert_eq!(floor.rung(), [ring(1, "1")]);
}

#[test]
fn a_moved_call_counts_what_the_new_queue_is_worth() {
    let worth = Queue {
        handicap: Span::seconds(60),
        ..queue("support")
    };
    let mut floor = Floor::staffed(vec![worth, queue("sales")], vec![]);
    floor.join(1, "sales").pass(10).join(2, "support");
    floor.boss(move_to(2, "sales"));
    assert_eq!((floor.position(1), floor.position(2)), (1, 2));
}

#[test]
fn a_moved_call_stops_the_phones_that_ring_for_it_and_is_rung_for_there() {
    let mut floor = Floor::staffed(
        vec![queue("support"), queue("sales")],
        vec![agent("1", &["support"]), agent("2", &["sales"])],
    );
    floor.join(1, "support");
    floor.boss(move_to(1, "sales"));
    assert_eq!(floor.told(1)[0], cancel(1));
    assert_eq!(floor.rung(), [ring(1, "2")]);
    assert_eq!(floor.state("1"), hotline_engine::event::AgentState::Ready);
}

#[test]
fn a_moved_call_needs_what_the_new_queue_needs_and_meets_its_rules() {
    let strict = Queue {
        level: 1,
        rules: vec![rule(0, vec![say("sales")])],
        max_wait: Some(Span::seconds(10)),
        ..queue("sales")
    };
    let mut floor = Floor::staffed(vec![queue("support"), strict], vec![at_level("1", "sales", 2)]);
    floor.join(1, "support").pass(60);
    floor.boss(move_to(1, "sales"));
    assert_eq!(floor.said(1).len(), 1);
    assert_eq!(floor.rung(), []);
    floor.pass(10);
    assert_eq!(floor.finished(), [(1, CallOutcome::Timeout)]);
}

#[test]
fn a_call_moved_to_where_nobody_is_let_in_leaves_by_the_exit_there() {
    let closed = Queue {
        door: Door::Closed,
        ..queue("sales")
    };
    let mut floor = Floor::staffed(vec![queue("support"), closed], vec![]);
    floor.join(1, "support");
    assert_eq!(floor.boss(move_to(1, "sales")), DONE);
    assert_eq!(
        floor.finished(),
        [(1, CallOutcome::Moved), (1, CallOutcome::Closed)]
    );
    assert_eq!(floor.told(1), [release(Status::Closed)]);
}

#[test]
fn a_call_cannot_be_moved_to_where_it_is_or_to_nowhere() {
    let mut floor = two_queues();
    floor.join(1, "support");
    assert_eq!(floor.boss(move_to(1, "support")), refused(Refusal::NothingToDo));
    assert_eq!(floor.boss(move_to(1, "nowhere")), refused(Refusal::UnknownQueue));
    floor.reload(config(vec![queue("support")], vec![]));
    assert_eq!(floor.boss(move_to(1, "sales")), refused(Refusal::UnknownQueue));
}

#[test]
fn a_call_can_be_moved_as_often_as_one_likes() {
    let mut floor = two_queues();
    floor.join(1, "support");
    for _ in 0..10 {
        assert_eq!(floor.boss(move_to(1, "sales")), DONE);
        assert_eq!(floor.boss(move_to(1, "support")), DONE);
    }
    assert_eq!(floor.queue_of(1), "support");
}

#[test]
fn a_withdrawn_call_goes_onward_or_to_a_place() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.join(1, "support").join(2, "support");
    assert_eq!(floor.boss(withdraw(2, "")), DONE);
    assert_eq!(floor.told(2), [release(Status::Withdrawn)]);
    assert_eq!(floor.finished(), [(2, CallOutcome::Withdrawn)]);
    assert_eq!(floor.boss(withdraw(1, "crisis,s,1")), DONE);
    let there = Place::There("crisis,s,1".to_owned());
    assert_eq!(floor.told(1), [cancel(1), release_to(Status::Withdrawn, there)]);
    assert_eq!(floor.state("1"), hotline_engine::event::AgentState::Ready);
}

#[test]
fn what_tier_and_queue_were_worth_at_joining_stays_so_when_the_call_is_changed_later() {
    let worth = |seconds| Queue {
        handicap: Span::seconds(seconds),
        ..queue("support")
    };
    let mut floor = Floor::staffed(vec![worth(0)], vec![]);
    floor.join(1, "support").pass(10).join(2, "support");
    floor.reload(config(vec![worth(1000)], vec![]));
    floor.boss(reprioritise(2, 5));
    assert_eq!((floor.position(1), floor.position(2)), (1, 2), "5 s, not 1005");
    floor.pass(5).join(3, "support");
    assert_eq!(
        floor.position(3),
        1,
        "later callers are worth what the settings say"
    );
}
