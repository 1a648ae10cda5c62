//! What a caller meets, from joining to leaving.

use hotline_engine::action::{CallAction, Status};
use hotline_engine::config::{Answering, Exit, NeedsAgents, Queue, WrapUp};
use hotline_engine::event::{AgentState, CallOutcome, OfferResult, RefusedCall};
use hotline_engine::ids::{CallId, OfferId, TierId};
use hotline_engine::input::{Caller, Departure, OfferFailure, Party};
use hotline_engine::{Event, Input, Span, Time};

use crate::floor::{Floor, cancel, config, connect, music, offer, queue, release};

#[test]
fn a_caller_hears_music_and_the_idle_agent_rings() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.join(1, "support");
    let ring = CallAction::Ring {
        offer: OfferId(1),
        phone: "P/1".into(),
        agent: "1".into(),
        queue: "support".into(),
        answering: Answering::Manual,
    };
    assert_eq!(floor.told(1), [music(), ring]);
    assert_eq!(floor.state("1"), AgentState::Offered);
}

#[test]
fn caller_and_agent_are_connected_and_talk() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.join(1, "support").pass(3).answered(1);
    assert_eq!(floor.told(1), [connect(1)]);
    assert_eq!(floor.state("1"), AgentState::OnCall);
    floor.pass(1).connected(1);
    assert_eq!(floor.offers_ended(), [(1, OfferResult::Answered)]);
    let wait = Span::seconds(4);
    let tier = TierId(0);
    let queue = floor.engine.view().queues[0].queue;
    let connected = Event::CallConnected {
        call: CallId(1),
        agent: floor.id("1"),
        queue,
        tier,
        wait,
    };
    assert!(floor.events.contains(&connected), "{:?}", floor.events);
    floor.pass(60).ended(1, Party::Agent);
    assert_eq!(floor.told(1), [release(Status::Answered)]);
    let finished = Event::CallFinished {
        call: CallId(1),
        queue,
        tier,
        outcome: CallOutcome::Answered,
        agent: Some(floor.id("1")),
        wait,
        talk: Span::seconds(60),
        hold: Span::ZERO,
        by: Party::Agent,
        to: Exit::Onward,
    };
    assert!(floor.events.contains(&finished), "{:?}", floor.events);
}

#[test]
fn a_caller_who_hangs_up_first_gets_no_further_word() {
    let mut floor = talking();
    floor.ended(1, Party::Caller);
    assert_eq!(floor.told(1), []);
    assert_eq!(floor.finished(), [(1, CallOutcome::Answered)]);
}

#[test]
fn a_talk_that_the_system_ends_was_answered_and_goes_on_in_the_dialplan() {
    let mut floor = talking();
    floor.ended(1, Party::System);
    assert_eq!(floor.told(1), [release(Status::Answered)]);
    assert_eq!(floor.finished(), [(1, CallOutcome::Answered)]);
}

#[test]
fn a_caller_who_hangs_up_while_waiting_has_abandoned() {
    let mut floor = Floor::with_agents(queue("support"), &[]);
    floor.join(1, "support").pass(30).gone(1);
    assert_eq!(floor.finished(), [(1, CallOutcome::Abandoned)]);
    assert_eq!(floor.told(1), []);
    assert_eq!(floor.engine.view().calls, []);
}

#[test]
fn a_caller_who_hangs_up_while_the_phone_rings_has_it_stopped_without_blame() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.join(1, "support").gone(1);
    assert_eq!(floor.told(1), [cancel(1)]);
    assert_eq!(floor.offers_ended(), [(1, OfferResult::Cancelled)]);
    assert_eq!(floor.finished(), [(1, CallOutcome::Abandoned)]);
    assert_eq!(floor.state("1"), AgentState::Ready);
}

#[test]
fn a_caller_who_hangs_up_while_being_connected_has_abandoned() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.join(1, "support").answered(1).gone(1);
    assert_eq!(floor.told(1), [cancel(1)]);
    assert_eq!(floor.offers_ended(), [(1, OfferResult::Cancelled)]);
    assert_eq!(floor.finished(), [(1, CallOutcome::Abandoned)]);
    assert_eq!(floor.state("1"), AgentState::Ready, "no wrap-up without a talk");
}

#[test]
fn a_connection_that_ends_by_the_caller_before_a_word_is_abandoned() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.join(1, "support").answered(1).ended(1, Party::Caller);
    assert_eq!(floor.finished(), [(1, CallOutcome::Abandoned)]);
    assert_eq!(floor.state("1"), AgentState::Ready);
}

#[test]
fn an_agent_who_answers_and_hangs_up_before_a_word_has_rejected_and_the_caller_keeps_the_place() {
    let mut floor = Floor::with_agents(queue("support"), &["1", "2"]);
    floor.join(1, "support").answered(1).ended(1, Party::Agent);
    assert_eq!(
        floor.offers_ended(),
        [(1, OfferResult::Failed(OfferFailure::Rejected))]
    );
    assert_eq!(floor.state("1"), AgentState::Unavailable);
    assert_eq!(floor.told(1)[0], music(), "music stopped when connecting began");
    assert_eq!(floor.offers(), [offer(2, 1, "2")]);
}

#[test]
fn a_connection_that_the_system_cannot_make_ends_in_error() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.join(1, "support").answered(1).ended(1, Party::System);
    assert_eq!(floor.told(1), [cancel(1), release(Status::Error)]);
    assert_eq!(floor.finished(), [(1, CallOutcome::Error)]);
    assert_eq!(floor.state("1"), AgentState::Ready);
}

#[test]
fn a_caller_who_is_reported_gone_in_a_talk_leaves_nothing_behind() {
    let mut floor = talking();
    floor.gone(1);
    assert_eq!(floor.finished(), [(1, CallOutcome::Answered)]);
    assert_eq!(floor.state("1"), AgentState::WrapUp);
}

#[test]
fn the_longest_wait_counts_from_joining_and_releases_the_caller() {
    let mut floor = Floor::new(config(
        vec![Queue {
            max_wait: seconds(60),
            ..queue("support")
        }],
        vec![],
    ));
    floor.join(1, "support");
    assert_eq!(floor.engine.deadline(), Some(floor.now + Span::seconds(60)));
    floor.pass(59);
    assert_eq!(floor.finished(), []);
    floor.pass(1);
    assert_eq!(floor.told(1), [release(Status::Timeout)]);
    assert_eq!(floor.finished(), [(1, CallOutcome::Timeout)]);
    assert_eq!(floor.engine.deadline(), None);
}

#[test]
fn a_caller_who_leaves_takes_the_deadline_along() {
    let mut floor = Floor::new(config(
        vec![Queue {
            max_wait: seconds(60),
            ..queue("support")
        }],
        vec![],
    ));
    floor.join(1, "support").gone(1);
    assert_eq!(floor.engine.deadline(), None);
}

#[test]
fn the_longest_wait_stops_phones_that_ring() {
    let mut floor = Floor::with_agents(
        Queue {
            max_wait: seconds(10),
            ..queue("support")
        },
        &["1"],
    );
    floor.join(1, "support").pass(10);
    assert_eq!(floor.told(1), [cancel(1), release(Status::Timeout)]);
    assert_eq!(floor.offers_ended(), [(1, OfferResult::Cancelled)]);
    assert_eq!(floor.state("1"), AgentState::Ready);
}

#[test]
fn the_longest_wait_never_cuts_off_a_caller_being_connected() {
    let mut floor = Floor::with_agents(
        Queue {
            max_wait: seconds(10),
            ..queue("support")
        },
        &["1"],
    );
    floor.join(1, "support").answered(1).pass(11);
    assert_eq!(floor.finished(), []);
    floor.connected(1);
    assert_eq!(floor.state("1"), AgentState::OnCall);
}

#[test]
fn the_longest_wait_holds_again_once_connecting_failed() {
    let mut floor = Floor::with_agents(
        Queue {
            max_wait: seconds(10),
            ..queue("support")
        },
        &["1"],
    );
    floor
        .join(1, "support")
        .answered(1)
        .pass(11)
        .ended(1, Party::Agent);
    assert_eq!(floor.finished(), [(1, CallOutcome::Timeout)]);
}

#[test]
fn an_answer_that_comes_with_the_longest_wait_counts() {
    let mut floor = Floor::with_agents(
        Queue {
            max_wait: seconds(10),
            ..queue("support")
        },
        &["1"],
    );
    floor.join(1, "support");
    floor.now = floor.now + Span::seconds(10);
    floor.answered(1);
    assert_eq!(floor.told(1), [connect(1)]);
}

#[test]
fn one_caller_more_than_the_queue_holds_leaves_at_once() {
    let mut floor = Floor::with_agents(
        Queue {
            max_waiting: 2,
            ..queue("support")
        },
        &[],
    );
    floor.join(1, "support").join(2, "support").join(3, "support");
    assert_eq!(floor.told(3), [release(Status::Full)]);
    assert_eq!(floor.finished(), [(3, CallOutcome::Full)]);
    assert!(
        matches!(floor.events[0], Event::CallJoined { waiting: 3, .. }),
        "every offered call joins"
    );
    floor.gone(1).join(4, "support");
    assert_eq!(floor.finished(), [], "there is room again");
}

#[test]
fn a_talking_caller_takes_no_room_in_the_queue() {
    let mut floor = Floor::with_agents(
        Queue {
            max_waiting: 1,
            ..queue("support")
        },
        &["1"],
    );
    floor.join(1, "support").talk(1, 1).join(2, "support");
    assert_eq!(floor.finished(), []);
}

#[test]
fn a_queue_that_needs_agents_lets_nobody_in_without() {
    let mut floor = Floor::new(config(
        vec![Queue {
            needs_agents: NeedsAgents::SignedIn,
            ..queue("support")
        }],
        vec![],
    ));
    floor.join(1, "support");
    assert_eq!(floor.told(1), [release(Status::NoAgents)]);
    assert_eq!(floor.finished(), [(1, CallOutcome::NoAgents)]);
}

#[test]
fn callers_of_a_queue_that_needs_agents_leave_when_the_last_signs_out() {
    let mut floor = Floor::with_agents(
        Queue {
            needs_agents: NeedsAgents::SignedIn,
            ..queue("support")
        },
        &["1", "2"],
    );
    floor.set_not_ready("1", "lunch");
    floor.set_not_ready("2", "lunch");
    floor.join(1, "support").sign_out("1");
    assert_eq!(floor.finished(), []);
    floor.sign_out("2");
    assert_eq!(floor.told(1), [release(Status::NoAgents)]);
    assert_eq!(floor.finished(), [(1, CallOutcome::NoAgents)]);
}

#[test]
fn a_queue_that_does_not_need_agents_waits_without() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.sign_out("1");
    floor.join(1, "support");
    assert_eq!(floor.told(1), [music()]);
    floor.sign_in("1");
    assert_eq!(floor.offers(), [offer(1, 1, "1")]);
}

#[test]
fn an_unknown_queue_is_refused() {
    let mut floor = Floor::with_agents(queue("support"), &[]);
    floor.join(1, "sales");
    assert_eq!(floor.told(1), [release(Status::UnknownQueue)]);
    let reason = RefusedCall::UnknownQueue;
    assert_eq!(
        floor.events,
        [Event::CallRefused {
            call: CallId(1),
            queue: "sales".to_owned(),
            reason
        }]
    );
}

#[test]
fn more_calls_than_the_node_holds_are_refused() {
    let mut settings = config(vec![queue("support")], vec![]);
    settings.limits.calls = 1;
    let mut floor = Floor::new(settings);
    floor.join(1, "support").join(2, "support");
    assert_eq!(floor.told(2), [release(Status::Full)]);
    let reason = RefusedCall::AtLimit;
    assert_eq!(
        floor.events,
        [Event::CallRefused {
            call: CallId(2),
            queue: "support".to_owned(),
            reason
        }]
    );
}

#[test]
fn an_unknown_tier_is_the_first() {
    let mut floor = Floor::with_agents(queue("support"), &[]);
    floor
        .join_as(1, "support", "diamond", 0)
        .join_as(2, "support", "gold", 0);
    let tiers: Vec<TierId> = floor.engine.view().calls.iter().map(|call| call.tier).collect();
    assert_eq!(tiers, [TierId(0), TierId(1)]);
}

#[test]
fn facts_about_what_is_over_are_passed_over() {
    let mut floor = talking();
    floor.ended(1, Party::Agent);
    floor
        .ended(1, Party::Agent)
        .gone(1)
        .connected(1)
        .answered(1)
        .failed(1, OfferFailure::Busy);
    assert_eq!((floor.actions.len(), floor.events.len()), (0, 0));
    floor.input(Input::Ringing { offer: OfferId(1) });
    assert_eq!((floor.actions.len(), floor.events.len()), (0, 0));
}

#[test]
fn a_late_end_of_a_given_up_connection_does_not_touch_the_next_offer() {
    let mut floor = Floor::with_agents(queue("support"), &["1", "2"]);
    floor
        .join(1, "support")
        .answered(1)
        .ended(1, Party::Agent)
        .ended(1, Party::Agent);
    assert_eq!((floor.actions.len(), floor.events.len()), (0, 0));
    assert_eq!(floor.state("2"), AgentState::Offered);
}

#[test]
fn a_call_that_joins_twice_is_a_fault_of_the_host_and_changes_nothing() {
    let mut floor = Floor::with_agents(queue("support"), &[]);
    floor.join(1, "support");
    let before = floor.engine.view();
    let join = Input::Join {
        call: CallId(1),
        queue: "support".to_owned(),
        caller: Caller::default(),
    };
    let events: Vec<Event> = floor.engine.handle(floor.now, join).events.collect();
    assert!(matches!(events[..], [Event::Fault { .. }]), "{events:?}");
    assert_eq!(floor.engine.view(), before);
}

#[test]
fn time_never_goes_back() {
    let mut floor = Floor::with_agents(queue("support"), &[]);
    floor.pass(100);
    let latest = floor.now;
    floor.now = floor.now - Span::seconds(50);
    floor.join(1, "support");
    assert_eq!(floor.engine.view().calls[0].joined, latest);
}

#[test]
fn spans_beyond_all_time_are_no_panic_and_no_endless_loop() {
    let forever = Span(u64::MAX);
    let endless = Queue {
        handicap: forever,
        max_wait: Some(forever),
        ring_time: forever,
        wrap_up: WrapUp::Timed(forever),
        ..queue("support")
    };
    let mut floor = Floor::with_agents(endless, &["1"]);
    floor.join_as(1, "support", "gold", u32::MAX);
    floor.now = Time(u64::MAX);
    floor.input(Input::Tick);
    assert_eq!(floor.finished(), [(1, CallOutcome::Timeout)]);
    floor.join(2, "support").input(Input::Tick).input(Input::Tick);
}

fn talking() -> Floor {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.join(1, "support").talk(1, 1).pass(60);
    floor
}

fn seconds(n: u64) -> Option<Span> {
    Some(Span::seconds(n))
}

#[test]
fn a_caller_whom_an_operator_sends_elsewhere_has_not_abandoned() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.join(1, "support").input(Input::CallerGone {
        call: CallId(1),
        how: Departure::Taken,
    });
    let outcomes: Vec<_> = floor
        .events
        .iter()
        .filter_map(|event| match event {
            Event::CallFinished { outcome, by, .. } => Some((*outcome, *by)),
            _ => None,
        })
        .collect();
    assert_eq!(outcomes, [(CallOutcome::Withdrawn, Party::System)]);
    assert_eq!(floor.agent("1").state, AgentState::Ready);
}
