//! One attempt to bring a call to an agent: races, misses and their price.

use hotline_engine::config::{Queue, Strategy};
use hotline_engine::event::{AgentState, OfferResult};
use hotline_engine::ids::OfferId;
use hotline_engine::input::{OfferFailure, Party, PhoneState};
use hotline_engine::{Event, Input, Span};

use crate::floor::{DONE, Floor, cancel, connect, offer, queue};

fn ring_all() -> Queue {
    Queue {
        strategy: Strategy::RingAll,
        ..queue("support")
    }
}

#[test]
fn ringing_is_told_once() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor
        .join(1, "support")
        .input(Input::Ringing { offer: OfferId(1) });
    assert_eq!(floor.events, [Event::OfferRinging { offer: OfferId(1) }]);
    floor.input(Input::Ringing { offer: OfferId(1) });
    assert_eq!(floor.events, []);
}

#[test]
fn a_phone_that_rings_out_is_stopped_and_the_caller_is_offered_on_at_once() {
    let mut floor = Floor::with_agents(queue("support"), &["1", "2"]);
    floor.join(1, "support").pass(20);
    assert_eq!(floor.told(1)[0], cancel(1));
    assert_eq!(floor.offers_ended(), [(1, OfferResult::NoAnswer)]);
    assert_eq!(floor.offers(), [offer(2, 1, "2")]);
}

#[test]
fn each_cause_of_a_miss_has_its_cool_down() {
    for (cause, result, cool_down) in [
        (OfferFailure::NoAnswer, OfferResult::NoAnswer, 5),
        (
            OfferFailure::Rejected,
            OfferResult::Failed(OfferFailure::Rejected),
            6,
        ),
        (OfferFailure::Busy, OfferResult::Failed(OfferFailure::Busy), 7),
        (
            OfferFailure::Unreachable,
            OfferResult::Failed(OfferFailure::Unreachable),
            8,
        ),
    ] {
        let mut floor = Floor::with_agents(queue("support"), &["1"]);
        floor.join(1, "support").failed(1, cause);
        assert_eq!(floor.offers_ended(), [(1, result)]);
        assert_eq!(floor.state("1"), AgentState::Unavailable);
        assert!(
            floor.agent("1").reason.starts_with("cool-down: "),
            "{}",
            floor.agent("1").reason
        );
        floor.pass(cool_down - 1);
        assert_eq!(floor.offers(), []);
        floor.pass(1);
        assert_eq!(
            floor.offers(),
            [offer(2, 1, "1")],
            "after the cool-down the caller still waits"
        );
    }
}

#[test]
fn a_cool_down_of_nothing_lasts_a_second_so_that_a_dead_phone_is_not_hammered() {
    let mut settings = crate::floor::config(
        vec![queue("support")],
        vec![crate::floor::agent("1", &["support"])],
    );
    settings.misses.unreachable = Span::ZERO;
    let mut floor = Floor::new(settings);
    floor.sign_in("1");
    floor.join(1, "support").failed(1, OfferFailure::Unreachable);
    assert_eq!(floor.offers(), []);
    floor.pass(1);
    assert_eq!(floor.offers(), [offer(2, 1, "1")]);
}

#[test]
fn an_agent_who_misses_too_many_in_a_row_becomes_not_ready_visibly() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.join(1, "support");
    for missed in 1..=2 {
        floor.failed(missed, OfferFailure::Rejected).pass(6);
    }
    floor.failed(3, OfferFailure::NoAnswer);
    let agent = floor.agent("1");
    assert_eq!(
        (agent.state, agent.reason.as_str()),
        (AgentState::NotReady, "missed 3 calls")
    );
    floor.pass(100);
    assert_eq!(floor.offers(), []);
    assert_eq!(floor.set_ready("1"), DONE);
    assert_eq!(floor.offers(), [offer(4, 1, "1")]);
    floor.failed(4, OfferFailure::Rejected);
    assert_eq!(floor.state("1"), AgentState::Unavailable, "counting began anew");
}

#[test]
fn an_answered_call_forgives_earlier_misses() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.join(1, "support");
    for missed in 1..=2 {
        floor.failed(missed, OfferFailure::Rejected).pass(6);
    }
    floor
        .talk(1, 3)
        .ended(1, Party::Caller)
        .pass(10)
        .join(2, "support")
        .failed(4, OfferFailure::Rejected);
    assert_eq!(floor.state("1"), AgentState::Unavailable);
}

#[test]
fn a_busy_or_unreachable_phone_is_no_fault_of_the_agent() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.join(1, "support");
    for missed in 1..=5 {
        floor.failed(missed, OfferFailure::Busy).pass(7);
    }
    assert_eq!(floor.state("1"), AgentState::Offered);
}

#[test]
fn a_missed_agent_goes_to_the_end_of_the_idle_order() {
    let mut floor = Floor::with_agents(queue("support"), &["1", "2"]);
    floor
        .join(1, "support")
        .failed(1, OfferFailure::NoAnswer)
        .gone(1)
        .pass(5);
    floor.join(2, "support");
    assert_eq!(floor.offers(), [offer(3, 2, "2")]);
}

#[test]
fn ring_all_rings_the_longest_idle_up_to_the_maximum() {
    let mut floor = Floor::with_agents(ring_all(), &["1", "2", "3", "4"]);
    floor.join(1, "support");
    assert_eq!(
        floor.offers(),
        [offer(1, 1, "1"), offer(2, 1, "2"), offer(3, 1, "3")]
    );
}

#[test]
fn the_first_to_answer_wins_and_the_others_stop_before_the_two_are_connected() {
    let mut floor = Floor::with_agents(ring_all(), &["1", "2", "3"]);
    floor.join(1, "support").answered(2);
    assert_eq!(floor.told(1), [cancel(1), cancel(3), connect(2)]);
    assert_eq!(
        floor.offers_ended(),
        [(1, OfferResult::Cancelled), (3, OfferResult::Cancelled)]
    );
    assert_eq!(
        (floor.state("1"), floor.state("3")),
        (AgentState::Ready, AgentState::Ready)
    );
    floor.answered(1).answered(3);
    assert_eq!(floor.actions, [], "a later answer has lost");
    floor.connected(1);
    assert_eq!(floor.offers_ended(), [(2, OfferResult::Answered)]);
}

#[test]
fn the_losers_keep_their_idle_time() {
    let mut floor = Floor::with_agents(ring_all(), &["1", "2", "3"]);
    floor.join(1, "support").pass(5).answered(2);
    floor.set_not_ready("3", "lunch");
    floor.pass(1);
    floor.set_ready("3");
    floor.join(2, "support");
    assert_eq!(floor.offers(), [offer(4, 2, "1"), offer(5, 2, "3")]);
}

#[test]
fn under_ring_all_the_others_ring_on_when_one_fails() {
    let mut floor = Floor::with_agents(ring_all(), &["1", "2"]);
    floor.join(1, "support").failed(1, OfferFailure::Rejected);
    assert_eq!(
        floor.offers_ended(),
        [(1, OfferResult::Failed(OfferFailure::Rejected))]
    );
    floor.answered(2);
    assert_eq!(floor.told(1), [connect(2)]);
}

#[test]
fn under_ring_all_the_caller_waits_again_when_the_last_one_failed() {
    let mut floor = Floor::with_agents(ring_all(), &["1", "2"]);
    floor
        .join(1, "support")
        .failed(1, OfferFailure::Rejected)
        .failed(2, OfferFailure::Rejected);
    assert_eq!(floor.offers(), []);
    floor.pass(6);
    assert_eq!(floor.offers(), [offer(3, 1, "1"), offer(4, 1, "2")]);
}

#[test]
fn under_ring_all_an_agent_who_becomes_free_rings_as_well() {
    let mut floor = Floor::with_agents(ring_all(), &["1", "2", "3", "4"]);
    for number in ["2", "3", "4"] {
        floor.set_not_ready(number, "lunch");
    }
    floor.join(1, "support");
    floor.set_ready("2");
    assert_eq!(floor.offers(), [offer(2, 1, "2")]);
    floor.set_ready("3");
    floor.set_ready("4");
    assert_eq!(floor.offers(), [], "the maximum is reached");
    floor.failed(1, OfferFailure::Busy);
    assert_eq!(floor.offers(), [offer(4, 1, "4")]);
}

#[test]
fn an_agent_rung_for_one_call_is_not_offered_another() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.join(1, "support").join(2, "support");
    assert_eq!(floor.offers(), []);
}

#[test]
fn a_failure_after_the_answer_waits_for_the_end_that_the_host_owes() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor
        .join(1, "support")
        .answered(1)
        .failed(1, OfferFailure::Unreachable);
    assert_eq!(floor.events, []);
    assert_eq!(floor.state("1"), AgentState::OnCall);
}

#[test]
fn dispatch_is_measured_from_when_caller_and_agent_were_both_there() {
    let mut floor = Floor::with_agents(queue("support"), &["1", "2"]);
    floor.pass(30).join(1, "support");
    assert_eq!(dispatch(&floor), Some(Span::ZERO), "the agent was idle before");
    floor.pass(20);
    assert_eq!(floor.offers(), [offer(2, 1, "2")]);
    assert_eq!(
        dispatch(&floor),
        Some(Span::ZERO),
        "the caller was being offered to another until now"
    );
    floor.set_not_ready("1", "lunch");
    floor
        .join(2, "support")
        .talk(1, 2)
        .pass(60)
        .ended(1, Party::Caller)
        .pass(10);
    assert_eq!(floor.offers(), [offer(3, 2, "2")]);
    assert_eq!(
        dispatch(&floor),
        Some(Span::ZERO),
        "the agent was in wrap-up until now"
    );
}

#[test]
fn a_second_answer_of_the_same_phone_is_passed_over() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.join(1, "support").answered(1).answered(1);
    assert_eq!((floor.actions.len(), floor.events.len()), (0, 0));
}

#[test]
fn the_ring_is_measured_until_the_answer() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.join(1, "support").pass(4).answered(1).pass(3).connected(1);
    let ring = floor.events.iter().find_map(|event| match event {
        Event::OfferEnded { ring, .. } => Some(*ring),
        _ => None,
    });
    assert_eq!(ring, Some(Span::seconds(4)));
}

#[test]
fn the_phone_is_busy_with_our_own_leg_and_that_is_not_held_against_it() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.join(1, "support").phone("1", PhoneState::Busy).gone(1);
    assert_eq!(floor.state("1"), AgentState::Ready);
}

fn dispatch(floor: &Floor) -> Option<Span> {
    floor.events.iter().find_map(|event| match event {
        Event::OfferMade { dispatch, .. } => Some(*dispatch),
        _ => None,
    })
}
