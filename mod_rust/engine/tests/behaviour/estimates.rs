//! The wait that a caller can expect, and what it is worked out from.

use hotline_engine::config::{Queue, WrapUp};
use hotline_engine::event::Estimate;
use hotline_engine::ids::CallId;
use hotline_engine::input::{Caller, Party};
use hotline_engine::{Command, Event, Span};

use crate::floor::{Floor, agent, brisk, caller, calling_back, config};

/// Calls are expected to take 90 s: next in line of one agent is a wait of 60 s, behind one other of 150 s.
fn ninety(name: &str) -> Queue {
    Queue {
        handle_time: Span::seconds(90),
        ..brisk(name)
    }
}

/// All agents of `support` talk, with calls 101 and up.
fn busy(queue: Queue, agents: &[&str]) -> Floor {
    let mut floor = Floor::with_agents(queue, agents);
    for call in (101..).take(agents.len()) {
        floor.join(call, "support").talks(call);
    }
    floor
}

/// The median wait of a call, in seconds.
fn wait(floor: &Floor, call: u64) -> Option<u64> {
    floor.estimate(call).map(|estimate| estimate.p50.0 / 1_000_000)
}

/// Place and prediction that a call was met with.
fn met(floor: &Floor, call: u64) -> (u32, Option<Estimate>) {
    let met = |event: &Event| match event {
        Event::CallJoined {
            call: whose,
            position,
            predicted,
            ..
        } if *whose == CallId(call) => Some((*position, *predicted)),
        _ => None,
    };
    floor.events.iter().find_map(met).unwrap()
}

#[test]
fn who_meets_an_idle_agent_does_not_wait() {
    let mut floor = Floor::with_agents(ninety("support"), &["1"]);
    floor.join(1, "support");
    let none = Estimate {
        p50: Span::ZERO,
        p90: Span::ZERO,
    };
    assert_eq!(met(&floor, 1), (1, Some(none)));
}

#[test]
fn where_nobody_is_at_work_no_wait_is_expected() {
    let mut floor = Floor::with_agents(ninety("support"), &["1"]);
    floor.set_not_ready("1", "lunch");
    floor.join(1, "support");
    assert_eq!(met(&floor, 1), (1, None));
    floor.set_ready("1");
    floor.talks(1).join(2, "support");
    assert_eq!(wait(&floor, 2), Some(60));
    floor.force_busy("1", None);
    assert_eq!(wait(&floor, 2), None, "locked, and about to leave");
}

#[test]
fn the_wait_grows_with_those_ahead_and_shrinks_with_agents() {
    let mut floor = busy(ninety("support"), &["1"]);
    floor.join(1, "support").join(2, "support").join(3, "support");
    assert_eq!(
        [1, 2, 3].map(|call| wait(&floor, call)),
        [Some(60), Some(150), Some(240)]
    );
    let mut floor = busy(ninety("support"), &["1", "2", "3"]);
    floor.join(1, "support").join(2, "support");
    assert_eq!([1, 2].map(|call| wait(&floor, call)), [Some(20), Some(50)]);
}

#[test]
fn ninety_of_a_hundred_wait_no_longer_than_the_longer_figure() {
    let mut floor = busy(ninety("support"), &["1"]);
    floor.join(1, "support");
    let Estimate { p50, p90 } = floor.estimate(1).unwrap();
    assert_eq!(p50, Span::seconds(60));
    // Exponentially distributed: ln 10 times the mean.
    assert!((p90.0 as f64 / 1e6 - 90.0 * 10_f64.ln()).abs() < 8.0, "{p90:?}");
}

#[test]
fn the_place_counts_everybody_before_by_worth() {
    let mut floor = busy(ninety("support"), &["1"]);
    floor
        .join(1, "support")
        .join(2, "support")
        .join_as(3, "support", "gold", 0);
    assert_eq!(met(&floor, 3).0, 1);
    assert_eq!([1, 2, 3].map(|call| floor.position(call)), [2, 3, 1]);
    assert_eq!(floor.position(101), 0, "talks");
    assert_eq!(floor.estimate(101), None);
}

#[test]
fn who_is_being_connected_is_ahead_of_nobody() {
    let mut floor = busy(ninety("support"), &["1"]);
    floor.join(1, "support").join(2, "support");
    floor.ended(101, Party::Caller).answered(2);
    assert_eq!(floor.position(2), 1);
}

#[test]
fn who_is_owed_a_call_is_ahead_like_who_waits() {
    let leaving = Queue {
        callback: calling_back(),
        max_wait: Some(Span::seconds(10)),
        exits: hotline_engine::config::Exits {
            timeout: crate::floor::way(hotline_engine::config::Exit::Callback),
            ..Default::default()
        },
        ..ninety("support")
    };
    let mut floor = busy(leaving, &["1"]);
    floor.join_with(1, "support", caller("1381")).pass(10);
    floor.join_with(2, "support", caller("1382"));
    assert_eq!((floor.position(2), wait(&floor, 2)), (2, Some(150)));
    floor.callback_failed(1);
    assert_eq!(
        (floor.position(2), wait(&floor, 2)),
        (1, Some(60)),
        "not while pausing"
    );
}

#[test]
fn who_is_turned_away_has_no_place_and_nothing_to_expect() {
    let mut floor = busy(
        Queue {
            max_waiting: 0,
            ..ninety("support")
        },
        &[],
    );
    floor.join(1, "support");
    assert_eq!(met(&floor, 1), (0, None));
}

#[test]
fn calls_are_expected_to_take_what_they_have_taken() {
    let mut floor = Floor::with_agents(ninety("support"), &["1"]);
    floor
        .join(1, "support")
        .serve(1, 30)
        .join(2, "support")
        .talks(2)
        .join(3, "support");
    assert_eq!(wait(&floor, 3), Some(40), "midway between 90 and 30 s");
    floor.gone(3);
    for call in 10..60 {
        floor
            .pass(30)
            .ended(call - 1, Party::Caller)
            .ended(2, Party::Caller);
        floor.join(call, "support").talks(call);
    }
    floor.join(100, "support");
    assert!(
        wait(&floor, 100).is_some_and(|wait| (20..22).contains(&wait)),
        "{:?}",
        wait(&floor, 100)
    );
}

#[test]
fn after_call_work_counts_as_long_as_it_takes() {
    let working = Queue {
        wrap_up: WrapUp::Timed(Span::seconds(80)),
        ..ninety("support")
    };
    let mut floor = Floor::with_agents(working, &["1"]);
    floor.join(1, "support").serve(1, 90).pass(80);
    floor.join(2, "support").talks(2).join(3, "support");
    assert_eq!(
        wait(&floor, 3),
        Some(66),
        "an eighth of 80 s on top of 90 s, two thirds of that"
    );
}

#[test]
fn after_call_work_that_is_cut_short_counts_for_what_it_took() {
    let working = Queue {
        wrap_up: WrapUp::Manual,
        ..ninety("support")
    };
    let mut floor = Floor::with_agents(working, &["1"]);
    floor.join(1, "support").serve(1, 90).pass(24);
    floor.set_ready("1");
    floor.join(2, "support").talks(2).join(3, "support");
    assert_eq!(wait(&floor, 3), Some(62));
}

#[test]
fn another_expectation_counts_until_something_was_measured() {
    let minute = || {
        config(
            vec![Queue {
                handle_time: Span::seconds(60),
                ..brisk("support")
            }],
            vec![agent("1", &["support"])],
        )
    };
    let mut floor = busy(ninety("support"), &["1"]);
    floor.join(1, "support").reload(minute());
    assert_eq!(wait(&floor, 1), Some(40));
    let mut floor = busy(ninety("support"), &["1"]);
    floor
        .pass(90)
        .ended(101, Party::Caller)
        .join(1, "support")
        .talks(1)
        .join(2, "support");
    floor.reload(minute());
    assert_eq!(wait(&floor, 2), Some(60));
}

/// Agent 1 serves `support` and `sales`, and talks with call 100 in `support`.
fn shared() -> Floor {
    let mut floor = Floor::staffed(
        vec![ninety("support"), ninety("sales")],
        vec![agent("1", &["support", "sales"])],
    );
    floor.join(100, "support").talks(100);
    floor
}

#[test]
fn an_agent_of_two_queues_is_half_an_agent_in_each_at_first() {
    let mut floor = shared();
    floor.join(1, "support").join(2, "sales");
    assert_eq!((wait(&floor, 1), wait(&floor, 2)), (Some(120), Some(120)));
}

#[test]
fn shares_follow_the_work_that_comes_with_each_talk() {
    let mut floor = shared();
    // Calls 1 and 9 in sales; eight in support, with call 100.
    floor.join(9, "sales");
    for call in 1..8 {
        floor.join(call, "support");
    }
    let before = wait(&floor, 1);
    assert_eq!(before, Some(120), "until the agent has talked");
    floor.pass(90).ended(100, Party::Caller);
    // Eight and one more against one and one more: nine elevenths.
    let (support, sales) = (wait(&floor, 1), wait(&floor, 9));
    assert_eq!((support, sales), (Some(73), Some(330)));
}

#[test]
fn work_of_long_ago_counts_no_more() {
    let mut floor = shared();
    for call in 1..8 {
        floor.join(call, "support").gone(call);
    }
    floor.pass(90).ended(100, Party::Caller).pass(900);
    floor.join(50, "sales").serve(50, 90).join(51, "sales").talks(51);
    floor.join(52, "support").join(53, "sales");
    // Nothing and one more against one and one more, when the agent last hung up.
    assert_eq!((wait(&floor, 52), wait(&floor, 53)), (Some(180), Some(90)));
}

#[test]
fn an_agent_put_into_another_queue_is_shared_at_once() {
    let mut floor = Floor::staffed(
        vec![ninety("support"), ninety("sales")],
        vec![agent("1", &["support"])],
    );
    floor.join(100, "support").talks(100).join(1, "support");
    assert_eq!(wait(&floor, 1), Some(60));
    floor.boss(Command::SetMembership {
        agent: "1".to_owned(),
        queue: "sales".to_owned(),
        place: Some((1, 1)),
    });
    // Two and one more against none and one more: three quarters.
    assert_eq!(wait(&floor, 1), Some(80));
    floor.join(2, "sales");
    assert_eq!(wait(&floor, 2), Some(240));
}

#[test]
fn a_wait_that_was_told_wrong_again_and_again_is_not_told_any_more() {
    use hotline_engine::config::{Operation, Prompt};
    let telling = Queue {
        rules: vec![crate::floor::rule(0, vec![Operation::Say(vec![Prompt::Wait])])],
        ..ninety("support")
    };
    let mut floor = Floor::with_agents(telling, &["1"]);
    floor.measure("support", 90);
    let mut talking = 1;
    floor.join(1, "support").talks(1);
    let mut told = Vec::new();
    for call in 2..8 {
        floor.join_with(call, "support", Caller::default());
        told.push(floor.said(call).len());
        // A minute was predicted; in the end it was a second.
        floor.pass(1).ended(talking, Party::Caller).talks(call);
        talking = call;
    }
    assert_eq!(
        told,
        [1, 1, 1, 1, 1, 0],
        "until they are off by half on the whole"
    );
    assert!(floor.estimate(talking).is_none());
    floor.join(20, "support");
    assert!(floor.estimate(20).is_some(), "supervisors see it still");
}
