//! A caller whom an agent sends into the dialplan: the agent is reserved, nobody listens, and whoever goes leaves nothing behind.

use hotline_engine::action::{CommandOutcome, Refusal};
use hotline_engine::config::{Door, Exit, Ivr, NeedsAgents, Queue, WrapUp};
use hotline_engine::event::{AgentState, CallOutcome, IvrOutcome};
use hotline_engine::ids::CallId;
use hotline_engine::input::{Departure, Order, Party, Return, TalkState, ToIvr, Whom};
use hotline_engine::{Action, Command, Event, Input, Span};

use crate::floor::{Floor, agent, config, queue, refused};

const PENDING: Option<CommandOutcome> = Some(CommandOutcome::Pending);
const CALL: CallId = CallId(1);

fn support() -> Queue {
    Queue {
        wrap_up: WrapUp::Timed(Span::seconds(30)),
        ..queue("support")
    }
}

/// Call 1 talks with agent 1, who alone is there.
fn floor_of(queue: Queue) -> Floor {
    let mut config = config(
        vec![queue],
        vec![agent("1", &["support"]), agent("2", &["support"])],
    );
    config.ivrs.push(Ivr {
        name: "pin".to_owned(),
        place: "verify,s,1".to_owned(),
        timeout: Span::seconds(60),
    });
    let mut floor = Floor::of(config);
    floor.set_not_ready("2", "lunch");
    floor.join(1, "support").talks(1);
    floor
}

fn ivr(floor: &mut Floor, to: ToIvr, seconds: Option<u64>) -> Option<CommandOutcome> {
    let agent = "1".to_owned();
    let timeout = seconds.map(Span::seconds);
    floor.ask("agent:1", Command::Ivr { agent, to, timeout })
}

fn pin() -> ToIvr {
    let name = "pin".to_owned();
    ToIvr::Named { name }
}

/// The caller of call 1 is away.
fn away(queue: Queue) -> Floor {
    let mut floor = floor_of(queue);
    assert_eq!(ivr(&mut floor, pin(), None), PENDING);
    floor.input(Input::WentAway { call: CALL });
    floor
}

fn back(floor: &mut Floor, how: Return) {
    floor.input(Input::CameBack { call: CALL, how });
}

fn ended(floor: &Floor) -> Vec<(IvrOutcome, String, Span)> {
    let ends = floor.events.iter().filter_map(|event| match event {
        Event::IvrEnded {
            outcome,
            result,
            lasted,
            ..
        } => Some((*outcome, result.clone(), *lasted)),
        _ => None,
    });
    ends.collect()
}

fn brought_back(floor: &Floor) -> bool {
    floor.actions.contains(&Action::BringBack { call: CALL })
}

#[test]
fn the_caller_comes_back_with_a_result_and_the_agent_was_reserved() {
    let mut floor = floor_of(support());
    assert_eq!(ivr(&mut floor, pin(), None), PENDING);
    let place = "verify,s,1".to_owned();
    assert_eq!(
        floor.actions.first(),
        Some(&Action::SendAway { call: CALL, place })
    );
    assert_eq!(floor.state("1"), AgentState::OnCall);
    floor.pass(2).input(Input::WentAway { call: CALL });
    assert_eq!(floor.state("1"), AgentState::Reserved);
    assert_eq!(
        floor.answers().last().map(|(_, outcome)| *outcome),
        Some(CommandOutcome::Done)
    );
    let agent = "1".to_owned();
    assert_eq!(
        floor.ask("agent:1", Command::Hold { agent, on: true }),
        refused(Refusal::NotAlone)
    );
    assert_eq!(ivr(&mut floor, pin(), None), refused(Refusal::NotAlone));
    floor.pass(10);
    back(&mut floor, Return::With("VERIFIED".to_owned()));
    let told = vec![(IvrOutcome::Returned, "VERIFIED".to_owned(), Span::seconds(10))];
    assert_eq!((ended(&floor), floor.state("1")), (told, AgentState::OnCall));
    // It is no hold.
    floor.ended(1, Party::Caller);
    assert!(floor.events.iter().any(|event| matches!(
        event,
        Event::CallFinished {
            hold: Span::ZERO,
            by: Party::Caller,
            ..
        }
    )));
}

#[test]
fn places_and_times_are_bounded() {
    let mut floor = floor_of(support());
    let named = |name: &str| ToIvr::Named {
        name: name.to_owned(),
    };
    let place = |place: &str| ToIvr::Place {
        place: place.to_owned(),
    };
    assert_eq!(ivr(&mut floor, named("none"), None), refused(Refusal::UnknownIvr));
    assert_eq!(ivr(&mut floor, place(""), None), refused(Refusal::OutOfRange));
    assert_eq!(ivr(&mut floor, pin(), Some(0)), refused(Refusal::OutOfRange));
    assert_eq!(ivr(&mut floor, pin(), Some(3_601)), refused(Refusal::OutOfRange));
    assert_eq!(ivr(&mut floor, place("x,s,1"), Some(3_600)), PENDING);
    floor.input(Input::NotDone {
        call: CALL,
        what: Order::Ivr,
    });
    let refused = CommandOutcome::Refused(Refusal::NotTalking);
    assert_eq!(floor.answers(), [("agent:1".to_owned(), refused)]);
    assert_eq!(ivr(&mut floor, pin(), None), PENDING);
}

#[test]
fn a_caller_who_is_away_too_long_is_brought_back() {
    let mut floor = away(support());
    floor.pass(59);
    assert!(!brought_back(&floor));
    floor.pass(1);
    assert!(brought_back(&floor));
    // Asked for once.
    floor.pass(100);
    assert!(!brought_back(&floor));
    back(&mut floor, Return::TimedOut);
    assert_eq!(ended(&floor)[0].0, IvrOutcome::TimedOut);
    assert_eq!(floor.state("1"), AgentState::OnCall);
}

#[test]
fn a_hold_outlasts_it() {
    let mut floor = floor_of(support());
    floor.goes_on(1, TalkState::OnHold);
    assert_eq!(ivr(&mut floor, pin(), None), PENDING);
    floor.input(Input::WentAway { call: CALL });
    back(&mut floor, Return::RanOut);
    assert_eq!(floor.state("1"), AgentState::OnHold);
    // What the phone does meanwhile shows afterwards.
    assert_eq!(ivr(&mut floor, pin(), None), PENDING);
    floor
        .input(Input::WentAway { call: CALL })
        .goes_on(1, TalkState::Talking);
    assert_eq!(floor.state("1"), AgentState::Reserved);
    back(&mut floor, Return::RanOut);
    assert_eq!(floor.state("1"), AgentState::OnCall);
}

#[test]
fn a_caller_who_hangs_up_there_frees_the_agent() {
    let mut floor = away(support());
    floor.ended(1, Party::Caller);
    assert_eq!(ended(&floor)[0].0, IvrOutcome::HungUp);
    assert_eq!(floor.finished(), [(1, CallOutcome::Answered)]);
    assert_eq!(floor.state("1"), AgentState::WrapUp);
}

#[test]
fn an_agent_who_goes_leaves_the_caller_to_the_queue_at_the_old_place() {
    let mut floor = away(Queue {
        wrap_up: WrapUp::Manual,
        ..support()
    });
    floor.pass(5).join(2, "support");
    // Told by who looks after the phone, which cannot know where the caller is.
    floor.input(Input::HandedOver { call: CALL });
    floor.ended(1, Party::Agent);
    assert_eq!(ended(&floor)[0].0, IvrOutcome::AgentGone);
    assert!(floor.events.iter().any(|event| matches!(
        event,
        Event::CallFinished { to: Exit::Queue(queue), .. } if queue == "support"
    )));
    // Who came later is served while the caller is away.
    floor.set_ready("2");
    assert_eq!(floor.rung(), [(2, "2".to_owned())]);
    floor.talks(2);
    floor.pass(30).join(3, "support");
    // The time counts on.
    floor.pass(25);
    assert!(brought_back(&floor));
    back(&mut floor, Return::TimedOut);
    floor.set_ready("1");
    assert_eq!(floor.rung(), [(1, "1".to_owned())]);
}

#[test]
fn who_is_left_there_may_hang_up_or_be_taken() {
    for by_end in [true, false] {
        let mut floor = away(support());
        floor.ended(1, Party::Agent);
        if by_end {
            // The end of the conversation, seen by the caller's side.
            floor.ended(1, Party::Caller);
        } else {
            let how = Departure::HungUp;
            floor.input(Input::CallerGone { call: CALL, how });
        }
        assert_eq!(floor.finished(), [(1, CallOutcome::Abandoned)]);
    }
}

#[test]
fn a_queue_that_has_nobody_or_an_emergency_brings_the_caller_back_to_go_on() {
    let unmanned = Queue {
        needs_agents: NeedsAgents::AtWork,
        ..support()
    };
    let mut floor = away(unmanned);
    let reason = "lunch";
    floor.set_not_ready("1", reason);
    floor.ended(1, Party::Agent);
    assert!(brought_back(&floor));
    assert_eq!(floor.finished().last(), Some(&(1, CallOutcome::NoAgents)));

    let mut floor = away(support());
    let queue = "support".to_owned();
    let door = Door::Emergency;
    floor.boss(Command::SetDoor { queue, door });
    floor.ended(1, Party::Agent);
    assert!(brought_back(&floor));
    assert_eq!(floor.finished().last(), Some(&(1, CallOutcome::Emergency)));
}

#[test]
fn a_supervisor_who_ends_it_for_both_leaves_nobody_waiting() {
    let mut floor = away(support());
    let (agent, from) = ("1".to_owned(), String::new());
    let whom = Whom::Both;
    floor.boss(Command::Disconnect { agent, whom, from });
    floor.ended(1, Party::Agent);
    assert_eq!(floor.finished(), [(1, CallOutcome::Answered)]);
    assert!(brought_back(&floor));
    back(&mut floor, Return::RanOut);
    assert!(floor.events.is_empty());
}

#[test]
fn who_goes_too_late_is_brought_back_at_once() {
    let mut floor = floor_of(support());
    assert_eq!(ivr(&mut floor, pin(), None), PENDING);
    floor.ended(1, Party::Agent);
    let refused = CommandOutcome::Refused(Refusal::NotTalking);
    assert_eq!(floor.answers().last(), Some(&("agent:1".to_owned(), refused)));
    floor.input(Input::WentAway { call: CALL });
    assert!(brought_back(&floor));
}
