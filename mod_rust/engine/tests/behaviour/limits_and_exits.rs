//! Who is let into a queue, how long they may stay, and where they go otherwise.

use hotline_engine::action::{CallAction, Place, Status};
use hotline_engine::config::{Door, Exit, Exits, NeedsAgents, Operation, Queue, TierLimits, Way};
use hotline_engine::event::CallOutcome;
use hotline_engine::input::Party;
use hotline_engine::{Command, Event, Span};

use crate::floor::{
    DONE, Floor, agent, brisk, calling_back, cancel, config, file, place, prompt, queue, refused, release,
    release_to, ring, rule, to_queue, way,
};

/// Each exit leads to a place of its own.
fn with_exits(queue: Queue) -> Queue {
    Queue {
        exits: Exits {
            full: way(place("full")),
            timeout: way(place("timeout")),
            no_agents: way(place("no_agents")),
            closed: way(place("closed")),
            emergency: way(place("emergency")),
        },
        ..queue
    }
}

fn there(status: Status, name: &str) -> CallAction {
    release_to(status, Place::There(name.to_owned()))
}

fn door(queue: &str, door: Door) -> Command {
    Command::SetDoor {
        queue: queue.to_owned(),
        door,
    }
}

/// A queue `support` without agents, with these exits.
fn alone(queue: Queue) -> Floor {
    Floor::with_agents(queue, &[])
}

#[test]
fn a_full_queue_sends_callers_to_its_exit() {
    let mut floor = alone(with_exits(Queue {
        max_waiting: 1,
        ..queue("support")
    }));
    floor.join(1, "support").join(2, "support");
    assert_eq!(floor.told(2), [there(Status::Full, "full")]);
    assert_eq!(floor.finished(), [(2, CallOutcome::Full)]);
}

#[test]
fn the_longest_wait_sends_callers_to_its_exit() {
    let mut floor = alone(with_exits(Queue {
        max_wait: Some(Span::seconds(60)),
        ..queue("support")
    }));
    floor.join(1, "support").pass(60);
    assert_eq!(floor.told(1), [there(Status::Timeout, "timeout")]);
    assert_eq!(floor.finished(), [(1, CallOutcome::Timeout)]);
}

#[test]
fn a_queue_without_agents_sends_callers_to_its_exit() {
    let mut floor = alone(with_exits(Queue {
        needs_agents: NeedsAgents::SignedIn,
        ..queue("support")
    }));
    floor.join(1, "support");
    assert_eq!(floor.told(1), [there(Status::NoAgents, "no_agents")]);
}

#[test]
fn a_closed_queue_lets_nobody_in_and_serves_who_waits() {
    let mut floor = Floor::with_agents(with_exits(queue("support")), &["1"]);
    floor.set_not_ready("1", "lunch");
    floor.join(1, "support");
    assert_eq!(floor.boss(door("support", Door::Closed)), DONE);
    let changed =
        |event: &Event| matches!(event, Event::QueueChanged { queue } if queue.door == Door::Closed);
    assert!(floor.events.iter().any(changed));
    floor.join(2, "support");
    assert_eq!(floor.told(2), [there(Status::Closed, "closed")]);
    assert_eq!(floor.finished(), [(2, CallOutcome::Closed)]);
    floor.set_ready("1");
    assert_eq!(floor.rung(), [ring(1, "1")]);
}

#[test]
fn in_an_emergency_who_waits_or_is_rung_for_leaves_in_the_order_of_callers() {
    let mut floor = Floor::with_agents(with_exits(queue("support")), &["1"]);
    floor
        .join(1, "support")
        .join(2, "support")
        .join_as(3, "support", "gold", 0);
    assert_eq!(floor.boss(door("support", Door::Emergency)), DONE);
    let outcome = CallOutcome::Emergency;
    assert_eq!(floor.finished(), [(3, outcome), (1, outcome), (2, outcome)]);
    assert_eq!(floor.told(1), [cancel(1), there(Status::Emergency, "emergency")]);
    floor.join(4, "support");
    assert_eq!(floor.told(4), [there(Status::Emergency, "emergency")]);
}

#[test]
fn in_an_emergency_talks_and_who_is_being_connected_go_on() {
    let mut floor = Floor::with_agents(queue("support"), &["1", "2"]);
    floor.join(1, "support").talks(1).join(2, "support").answered(2);
    floor.boss(door("support", Door::Emergency));
    assert_eq!(floor.finished(), []);
    floor.connected(2);
    assert_eq!(floor.call(2).agent, Some(floor.id("2")));
}

#[test]
fn who_fails_to_be_connected_in_an_emergency_leaves() {
    let mut floor = Floor::with_agents(with_exits(queue("support")), &["1"]);
    floor.join(1, "support").answered(1);
    floor.boss(door("support", Door::Emergency));
    floor.ended(1, Party::Agent);
    assert_eq!(floor.finished(), [(1, CallOutcome::Emergency)]);
    assert_eq!(floor.told(1), [there(Status::Emergency, "emergency")]);
}

#[test]
fn a_door_stays_as_it_was_set_over_reloads() {
    let mut floor = alone(queue("support"));
    floor.boss(door("support", Door::Closed));
    floor.reload(config(vec![queue("support")], vec![]));
    floor.join(1, "support");
    assert_eq!(floor.told(1), [release(Status::Closed)]);
    assert_eq!(floor.boss(door("support", Door::Open)), DONE);
    floor.join(2, "support");
    assert_eq!(floor.finished(), []);
}

#[test]
fn settings_may_close_a_queue_or_declare_an_emergency() {
    let with = |door| {
        vec![with_exits(Queue {
            door,
            ..queue("support")
        })]
    };
    let mut floor = alone(queue("support"));
    floor
        .join(1, "support")
        .reload(config(with(Door::Closed), vec![]));
    assert_eq!(floor.finished(), []);
    floor.reload(config(with(Door::Emergency), vec![]));
    assert_eq!(floor.finished(), [(1, CallOutcome::Emergency)]);
}

#[test]
fn a_door_that_is_so_already_or_that_there_is_not_is_refused() {
    use hotline_engine::action::Refusal;
    let mut floor = alone(queue("support"));
    assert_eq!(
        floor.boss(door("support", Door::Open)),
        refused(Refusal::NothingToDo)
    );
    assert_eq!(
        floor.boss(door("sales", Door::Open)),
        refused(Refusal::UnknownQueue)
    );
}

#[test]
fn an_emergency_comes_before_a_closed_door_and_that_before_agents_and_room() {
    let strict = |needs_agents| {
        with_exits(Queue {
            max_waiting: 0,
            needs_agents,
            ..queue("support")
        })
    };
    let mut floor = alone(strict(NeedsAgents::SignedIn));
    floor.join(1, "support");
    assert_eq!(floor.finished(), [(1, CallOutcome::NoAgents)]);
    floor.boss(door("support", Door::Closed));
    floor.join(2, "support");
    assert_eq!(floor.finished(), [(2, CallOutcome::Closed)]);
}

#[test]
fn a_queue_that_needs_agents_at_work_does_not_count_those_not_ready() {
    let mut floor = Floor::with_agents(
        Queue {
            needs_agents: NeedsAgents::AtWork,
            ..queue("support")
        },
        &["1", "2"],
    );
    floor
        .join(1, "support")
        .talks(1)
        .join(2, "support")
        .join(3, "support");
    floor.set_not_ready("2", "lunch");
    assert_eq!(floor.finished(), [], "agent 1 talks, which is work");
    floor.force_busy("1", None);
    assert_eq!(
        floor.finished(),
        [(2, CallOutcome::NoAgents), (3, CallOutcome::NoAgents)],
        "locked from now on"
    );
    floor.join(4, "support");
    assert_eq!(floor.finished(), [(4, CallOutcome::NoAgents)]);
    floor.set_ready("2");
    floor.join(5, "support");
    assert_eq!(floor.finished(), []);
}

#[test]
fn wrap_up_and_cooling_down_are_work() {
    let mut floor = Floor::with_agents(
        Queue {
            needs_agents: NeedsAgents::AtWork,
            ..queue("support")
        },
        &["1"],
    );
    floor.join(1, "support").serve(1, 5).join(2, "support");
    assert_eq!(floor.finished(), []);
    floor.pass(10).pass(20);
    assert_eq!(floor.finished(), [], "missed call 2, and cools down");
}

#[test]
fn a_tier_may_have_less_room_and_wait_less_than_others() {
    let mut floor = alone(with_exits(Queue {
        max_waiting: 3,
        max_wait: Some(Span::seconds(60)),
        tiers: vec![TierLimits {
            tier: "gold".to_owned(),
            max_waiting: Some(1),
            max_wait: Some(Span::seconds(10)),
        }],
        ..queue("support")
    }));
    floor
        .join_as(1, "support", "gold", 0)
        .join_as(2, "support", "gold", 0);
    assert_eq!(floor.told(2), [there(Status::Full, "full")]);
    floor.join(3, "support");
    assert_eq!(floor.finished(), [], "room for others");
    floor.pass(10);
    assert_eq!(floor.finished(), [(1, CallOutcome::Timeout)]);
    floor.pass(50);
    assert_eq!(floor.finished(), [(3, CallOutcome::Timeout)]);
}

#[test]
fn a_tier_cannot_wait_where_the_queue_is_full() {
    let mut floor = alone(Queue {
        max_waiting: 1,
        tiers: vec![TierLimits {
            tier: "gold".to_owned(),
            max_waiting: Some(5),
            max_wait: None,
        }],
        ..queue("support")
    });
    floor.join(1, "support").join_as(2, "support", "gold", 0);
    assert_eq!(floor.finished(), [(2, CallOutcome::Full)]);
}

#[test]
fn an_exit_may_lead_to_the_busy_tone_and_say_something_first() {
    let mut floor = alone(Queue {
        max_waiting: 0,
        exits: Exits {
            full: Way {
                to: Exit::Busy,
                say: vec![prompt("sorry")],
            },
            ..Exits::default()
        },
        ..queue("support")
    });
    floor.join(1, "support");
    let expected = CallAction::Release {
        status: Status::Full,
        to: Place::Busy,
        say: vec![file("sorry")],
        retry_in: None,
    };
    assert_eq!(floor.told_exactly(1), [expected]);
}

/// `support` overflows into `sales` after 60 s.
fn overflowing() -> Vec<Queue> {
    let support = Queue {
        max_wait: Some(Span::seconds(60)),
        exits: Exits {
            timeout: way(to_queue("sales")),
            ..Exits::default()
        },
        ..queue("support")
    };
    vec![support, queue("sales")]
}

#[test]
fn a_caller_sent_to_another_queue_is_served_there_by_the_first_joining() {
    let mut floor = Floor::staffed(overflowing(), vec![agent("1", &["sales"])]);
    floor.set_not_ready("1", "lunch");
    floor.join(1, "support").pass(30).join(2, "sales").pass(30);
    assert_eq!(floor.finished(), [(1, CallOutcome::Timeout)]);
    assert!(
        !floor
            .told(1)
            .iter()
            .any(|action| matches!(action, CallAction::Release { .. }))
    );
    assert_eq!(floor.queue_of(1), "sales");
    assert_eq!((floor.position(1), floor.position(2)), (1, 2));
    floor.set_ready("1");
    assert_eq!(floor.rung(), [ring(1, "1")]);
}

#[test]
fn each_visit_to_a_queue_is_told_of_its_own() {
    let mut floor = Floor::new(config(overflowing(), vec![]));
    floor.join(1, "support").pass(60);
    let sales = floor.engine.view().queues[1].queue;
    assert!(floor.events.iter().any(
        |event| matches!(event, Event::CallFinished { to, wait, .. } if *to == to_queue("sales") && wait.0 == 60_000_000)
    ));
    let joined = |event: &Event| matches!(event, Event::CallJoined { queue, .. } if *queue == sales);
    assert!(floor.events.iter().any(joined));
    floor.pass(5).gone(1);
    let wait = |event: &Event| matches!(event, Event::CallFinished { wait, .. } if wait.0 == 5_000_000);
    assert!(
        floor.events.iter().any(wait),
        "the wait counts from joining this queue"
    );
}

#[test]
fn a_full_queue_sends_on_to_the_next_at_once() {
    let mut queues = overflowing();
    queues[0].max_waiting = 0;
    queues[0].exits.full = way(to_queue("sales"));
    let mut floor = Floor::staffed(queues, vec![agent("1", &["sales"])]);
    floor.join(1, "support");
    assert_eq!(floor.finished(), [(1, CallOutcome::Full)]);
    assert_eq!(floor.rung(), [ring(1, "1")]);
}

#[test]
fn queues_that_send_callers_around_let_them_go_in_the_end() {
    let full = |name: &str, next: &str| Queue {
        max_waiting: 0,
        exits: Exits {
            full: way(to_queue(next)),
            ..Exits::default()
        },
        ..queue(name)
    };
    let queues = vec![full("support", "sales"), full("sales", "support")];
    let mut floor = Floor::new(config(queues, vec![]));
    floor.join(1, "support");
    assert_eq!(floor.finished().len(), 9, "eight times passed on");
    assert_eq!(floor.told(1), [release(Status::Full)]);
    assert!(!floor.is_here(1));
}

#[test]
fn a_rule_that_sends_callers_around_lets_them_go_in_the_end() {
    let around = |name: &str, next: &str| Queue {
        rules: vec![rule(0, vec![Operation::Divert(way(to_queue(next)))])],
        ..queue(name)
    };
    let queues = vec![around("support", "sales"), around("sales", "support")];
    let mut floor = Floor::new(config(queues, vec![]));
    floor.join(1, "support");
    assert_eq!(floor.finished().len(), 9);
    assert_eq!(floor.told(1).last(), Some(&release(Status::Diverted)));
}

#[test]
fn an_exit_to_a_queue_that_has_been_removed_leads_onward() {
    let mut floor = Floor::new(config(overflowing(), vec![]));
    floor.join(1, "support");
    let mut settings = config(vec![overflowing().remove(0)], vec![]);
    settings.queues[0].exits = Exits::default();
    floor.reload(settings);
    floor.pass(60);
    assert_eq!(
        floor.told(1),
        [release(Status::Timeout)],
        "by the present settings"
    );
}

#[test]
fn an_exit_to_being_called_back_leads_onward_where_nobody_is() {
    let callback = |max| Queue {
        max_waiting: 0,
        exits: Exits {
            full: way(Exit::Callback),
            ..Exits::default()
        },
        callback: hotline_engine::config::CallbackSettings {
            max,
            ..calling_back()
        },
        ..queue("support")
    };
    let mut floor = alone(callback(0));
    floor.join(1, "support");
    assert_eq!(floor.told(1), [release(Status::Full)]);
    let mut floor = alone(callback(1));
    floor.join(1, "support");
    assert_eq!(floor.told(1), [release(Status::Callback)]);
    assert_eq!(floor.finished(), [(1, CallOutcome::Full)], "what led there");
}

fn retry_in(floor: &Floor, call: u64) -> Option<Span> {
    floor
        .told_exactly(call)
        .into_iter()
        .find_map(|action| match action {
            CallAction::Release { retry_in, .. } => retry_in,
            _ => None,
        })
}

#[test]
fn who_is_turned_away_is_told_when_the_queue_is_expected_to_be_clear() {
    let mut floor = Floor::with_agents(
        Queue {
            max_waiting: 2,
            handle_time: Span::seconds(300),
            ..brisk("support")
        },
        &["1"],
    );
    floor
        .join(1, "support")
        .talks(1)
        .join(2, "support")
        .join(3, "support");
    floor.join(4, "support");
    // Behind two others, with one agent who takes 300 s for each: (3 - 1/3) * 300 s.
    assert_eq!(retry_in(&floor, 4), Some(Span::seconds(800)));
    floor.set_not_ready("1", "lunch");
    floor.ended(1, Party::Caller).join(5, "support");
    assert_eq!(retry_in(&floor, 5), None, "nobody is at work");
}

#[test]
fn who_waits_too_long_does_not_count_among_those_ahead() {
    let mut floor = Floor::with_agents(
        Queue {
            max_wait: Some(Span::seconds(60)),
            handle_time: Span::seconds(300),
            ..brisk("support")
        },
        &["1"],
    );
    floor.join(1, "support").talks(1).join(2, "support").pass(60);
    assert_eq!(retry_in(&floor, 2), Some(Span::seconds(200)), "as the next");
}

#[test]
fn who_has_talked_or_was_refused_is_not_told_to_come_again() {
    let mut floor = Floor::with_agents(brisk("support"), &["1"]);
    floor.join(1, "support").talks(1).pass(5).ended(1, Party::Agent);
    assert_eq!(retry_in(&floor, 1), None);
    floor.join(2, "nowhere");
    assert_eq!(retry_in(&floor, 2), None);
}
