//! Who takes whom: idle order, handicaps, several queues.

use hotline_engine::config::{Queue, WrapUp};
use hotline_engine::input::{Party, PhoneState};
use hotline_engine::{Input, Span};

use crate::floor::{Floor, agent, config, offer, queue};

#[test]
fn the_longest_idle_agent_is_offered_the_call() {
    let mut floor = Floor::with_agents(queue("support"), &["1", "2", "3"]);
    floor.join(1, "support");
    assert_eq!(floor.offers(), [offer(1, 1, "1")]);
    floor.join(2, "support");
    assert_eq!(floor.offers(), [offer(2, 2, "2")]);
}

#[test]
fn idle_time_begins_after_the_call() {
    let mut floor = Floor::with_agents(
        Queue {
            wrap_up: WrapUp::Timed(Span::ZERO),
            ..queue("support")
        },
        &["1", "2"],
    );
    floor
        .join(1, "support")
        .talk(1, 1)
        .pass(5)
        .ended(1, Party::Caller)
        .pass(1)
        .join(2, "support");
    assert_eq!(floor.offers(), [offer(2, 2, "2")]);
}

#[test]
fn idle_time_goes_on_when_a_caller_hangs_up_while_ringing() {
    let mut floor = Floor::with_agents(queue("support"), &["1", "2"]);
    floor.join(1, "support").pass(5).gone(1).join(2, "support");
    assert_eq!(floor.offers(), [offer(2, 2, "1")]);
}

#[test]
fn idle_time_does_not_go_on_when_the_phone_was_lost_while_ringing() {
    let mut floor = Floor::with_agents(queue("support"), &["1", "2"]);
    floor
        .join(1, "support")
        .phone("1", PhoneState::Unreachable)
        .gone(1)
        .pass(5);
    floor.phone("1", PhoneState::Available).join(2, "support");
    assert_eq!(floor.offers(), [offer(2, 2, "2")]);
}

#[test]
fn agents_idle_alike_are_taken_in_their_order_in_the_settings() {
    let agents = ["7", "3", "5"].map(|number| hotline_engine::config::Agent {
        always_signed_in: true,
        ..agent(number, &["support"])
    });
    let mut floor = Floor::new(config(vec![queue("support")], agents.to_vec()));
    floor.join(1, "support");
    assert_eq!(floor.offers(), [offer(1, 1, "7")]);
}

#[test]
fn callers_are_served_in_the_order_of_joining() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.set_not_ready("1", "lunch");
    floor.join(2, "support").pass(1).join(1, "support");
    floor.set_ready("1");
    assert_eq!(floor.offers(), [offer(1, 2, "1")]);
}

#[test]
fn callers_who_joined_together_are_served_in_the_order_of_their_numbers() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.set_not_ready("1", "lunch");
    floor.join(2, "support").join(1, "support");
    floor.set_ready("1");
    assert_eq!(floor.offers(), [offer(1, 1, "1")]);
}

#[test]
fn a_tier_is_worth_its_seconds_of_waiting_and_no_more() {
    for (later, first) in [(119, 2), (121, 1)] {
        let mut floor = Floor::with_agents(queue("support"), &["1"]);
        floor.set_not_ready("1", "lunch");
        floor
            .join(1, "support")
            .pass(later)
            .join_as(2, "support", "gold", 0);
        floor.set_ready("1");
        assert_eq!(floor.offers(), [offer(1, first, "1")], "{later} s later");
    }
}

#[test]
fn a_priority_is_worth_its_seconds_of_waiting() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.set_not_ready("1", "lunch");
    floor.join(1, "support").pass(9).join_as(2, "support", "", 10);
    floor.set_ready("1");
    assert_eq!(floor.offers(), [offer(1, 2, "1")]);
}

#[test]
fn an_agent_takes_the_best_caller_over_all_of_the_agents_queues() {
    let urgent = Queue {
        handicap: Span::seconds(30),
        ..queue("urgent")
    };
    let both = agent("1", &["support", "urgent"]);
    let mut floor = Floor::new(config(vec![queue("support"), urgent, queue("other")], vec![both]));
    floor
        .join(1, "other")
        .pass(1)
        .join(2, "support")
        .pass(29)
        .join(3, "urgent")
        .pass(1)
        .join(4, "urgent");
    floor.sign_in("1");
    assert_eq!(
        floor.offers(),
        [offer(1, 3, "1")],
        "call 3 counts as joined 1 s before call 2"
    );
}

#[test]
fn a_caller_keeps_the_place_when_an_offer_fails() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.join(1, "support").pass(5).join(2, "support").pass(15);
    assert_eq!(floor.offers(), [], "rang out; cooling down");
    floor.pass(5);
    assert_eq!(floor.offers(), [offer(2, 1, "1")]);
}

#[test]
fn phones_in_use_or_unreachable_are_not_rung_until_they_are_free() {
    for state in [PhoneState::Busy, PhoneState::Unreachable] {
        let mut floor = Floor::with_agents(queue("support"), &["1"]);
        floor.phone("1", state).join(1, "support");
        assert_eq!(floor.offers(), []);
        floor.phone("1", PhoneState::Available);
        assert_eq!(floor.offers(), [offer(1, 1, "1")]);
    }
}

#[test]
fn several_agents_freed_at_once_take_the_best_callers_longest_idle_first() {
    let mut floor = Floor::with_agents(
        Queue {
            wrap_up: WrapUp::Timed(Span::seconds(10)),
            ..queue("support")
        },
        &["1", "2"],
    );
    floor.join(1, "support").join(2, "support").talk(1, 1).talk(2, 2);
    floor.join(3, "support").pass(1).join_as(4, "support", "gold", 0);
    floor.ended(2, Party::Caller).ended(1, Party::Caller);
    floor.now = floor.now + Span::seconds(10);
    floor.input(Input::Tick);
    assert_eq!(floor.offers(), [offer(3, 4, "1"), offer(4, 3, "2")]);
}
