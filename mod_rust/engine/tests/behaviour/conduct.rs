//! What an agent does with the caller by command: hold, mute, transfer. Only what the host has done counts.

use hotline_engine::action::{CommandOutcome, Place, Refusal, Status};
use hotline_engine::config::{Door, Queue, WrapUp};
use hotline_engine::event::{AgentState, CallOutcome};
use hotline_engine::ids::CallId;
use hotline_engine::input::{Destination, Order, Party, TalkState, Whom};
use hotline_engine::{Action, Command, Event, Input, Span};

use crate::floor::{Floor, agent, music, queue, refused, release, release_to};

const PENDING: Option<CommandOutcome> = Some(CommandOutcome::Pending);
const DONE: CommandOutcome = CommandOutcome::Done;

fn support() -> Queue {
    Queue {
        wrap_up: WrapUp::Timed(Span::seconds(30)),
        ..queue("support")
    }
}

/// Call 1 talks with agent 1 of support; 2 serves both, 3 sales alone.
fn floor() -> Floor {
    let agents = vec![
        agent("1", &["support"]),
        agent("2", &["support", "sales"]),
        agent("3", &["sales"]),
    ];
    let mut floor = Floor::staffed(vec![support(), queue("sales")], agents);
    floor.join(1, "support").talks(1);
    floor
}

fn hold(floor: &mut Floor, on: bool) -> Option<CommandOutcome> {
    let agent = "1".to_owned();
    floor.ask("agent:1", Command::Hold { agent, on })
}

fn mute(floor: &mut Floor, on: bool) -> Option<CommandOutcome> {
    let agent = "1".to_owned();
    floor.ask("agent:1", Command::Mute { agent, on })
}

fn held(floor: &mut Floor, on: bool) {
    let call = CallId(1);
    floor.input(Input::Held { call, on });
}

fn transfer(floor: &mut Floor, to: Destination) -> Option<CommandOutcome> {
    let command = Command::Transfer {
        agent: "1".to_owned(),
        to,
        reason: "knows more".to_owned(),
    };
    floor.ask("agent:1", command)
}

fn to_queue(name: &str) -> Destination {
    Destination::Queue {
        queue: name.to_owned(),
        tier: String::new(),
        priority: None,
    }
}

fn to_agent(number: &str) -> Destination {
    let agent = number.to_owned();
    Destination::Agent { agent }
}

fn answered(floor: &Floor) -> Vec<CommandOutcome> {
    floor.answers().into_iter().map(|(_, outcome)| outcome).collect()
}

#[test]
fn a_hold_counts_once_the_host_has_done_it() {
    let mut floor = floor();
    assert_eq!(hold(&mut floor, true), PENDING);
    assert_eq!(
        floor.actions.first(),
        Some(&Action::Hold {
            call: CallId(1),
            on: true
        })
    );
    assert_eq!(floor.state("1"), AgentState::OnCall);
    floor.pass(5);
    held(&mut floor, true);
    assert_eq!(
        (floor.state("1"), answered(&floor)),
        (AgentState::OnHold, vec![DONE])
    );
    assert_eq!(hold(&mut floor, true), refused(Refusal::NothingToDo));
    assert_eq!(hold(&mut floor, false), PENDING);
    floor.pass(7);
    held(&mut floor, false);
    assert_eq!(
        (floor.state("1"), answered(&floor)),
        (AgentState::OnCall, vec![DONE])
    );
    floor.ended(1, Party::Caller);
    let hold = floor.events.iter().find_map(|event| match event {
        Event::CallFinished { hold, .. } => Some(*hold),
        _ => None,
    });
    assert_eq!(hold, Some(Span::seconds(7)));
}

#[test]
fn a_later_word_goes_before_an_earlier_one_and_the_end_before_all() {
    let mut floor = floor();
    assert_eq!(hold(&mut floor, true), PENDING);
    assert_eq!(hold(&mut floor, false), PENDING);
    assert_eq!(
        answered(&floor).first(),
        Some(&CommandOutcome::Refused(Refusal::Overtaken))
    );
    assert_eq!(mute(&mut floor, true), PENDING);
    floor.ended(1, Party::Caller);
    let late = CommandOutcome::Refused(Refusal::NotTalking);
    assert_eq!(answered(&floor), [late, late]);
    held(&mut floor, true);
    assert_eq!(floor.events, []);
    assert_eq!(hold(&mut floor, true), refused(Refusal::NotTalking));
}

#[test]
fn the_phone_and_the_command_hold_each_for_itself() {
    let mut floor = floor();
    floor.goes_on(1, TalkState::OnHold);
    assert_eq!(hold(&mut floor, true), refused(Refusal::NothingToDo));
    assert_eq!(hold(&mut floor, false), refused(Refusal::HeldByPhone));
    assert_eq!(mute(&mut floor, true), refused(Refusal::HeldByPhone));
    floor.goes_on(1, TalkState::Talking);
    assert_eq!(floor.actions, []);
    assert_eq!(hold(&mut floor, true), PENDING);
    held(&mut floor, true);
    // What the phone ends is over, for the host as well.
    floor.goes_on(1, TalkState::OnHold).goes_on(1, TalkState::Talking);
    let off = Action::Hold {
        call: CallId(1),
        on: false,
    };
    assert_eq!(
        (floor.state("1"), floor.actions.clone()),
        (AgentState::OnCall, vec![off])
    );
    floor.goes_on(1, TalkState::Consulting);
    assert_eq!(hold(&mut floor, true), refused(Refusal::NotAlone));
}

#[test]
fn mute_is_told_and_no_hold() {
    let mut floor = floor();
    assert_eq!(mute(&mut floor, true), PENDING);
    floor.input(Input::Muted {
        call: CallId(1),
        on: true,
    });
    assert!(floor.call(1).muted);
    assert_eq!(
        (floor.state("1"), answered(&floor)),
        (AgentState::OnCall, vec![DONE])
    );
    assert_eq!(mute(&mut floor, false), PENDING);
    floor.input(Input::NotDone {
        call: CallId(1),
        what: Order::Mute,
    });
    assert_eq!(answered(&floor), [CommandOutcome::Refused(Refusal::NotTalking)]);
    assert!(floor.call(1).muted);
}

#[test]
fn who_is_sent_to_a_queue_visits_it_at_the_age_of_the_call() {
    let mut floor = floor();
    floor.pass(60);
    assert_eq!(transfer(&mut floor, to_queue("sales")), PENDING);
    let whom = Whom::Agent;
    let call = CallId(1);
    assert_eq!(floor.actions.first(), Some(&Action::Disconnect { call, whom }));
    floor.ended(1, Party::Agent);
    assert_eq!(floor.state("1"), AgentState::WrapUp);
    assert_eq!(floor.finished(), [(1, CallOutcome::Answered)]);
    assert_eq!(answered(&floor), [DONE]);
    assert_eq!(floor.told(1).first(), Some(&music()));
    assert_eq!(floor.rung(), [(1, "2".to_owned())]);
    let order: Vec<&str> = floor
        .events
        .iter()
        .filter_map(|event| match event {
            Event::CallTransferred { .. } => Some("transferred"),
            Event::CallFinished { .. } => Some("finished"),
            Event::CallJoined { .. } => Some("joined"),
            _ => None,
        })
        .collect();
    assert_eq!(order, ["transferred", "finished", "joined"]);
    // And on, any number of times.
    floor.talks(1);
    let on = Command::Transfer {
        agent: "2".to_owned(),
        to: to_agent("3"),
        reason: String::new(),
    };
    assert_eq!(floor.ask("agent:2", on), PENDING);
    floor.ended(1, Party::Agent);
    assert_eq!(floor.rung(), [(1, "3".to_owned())]);
}

#[test]
fn who_is_sent_to_an_agent_waits_for_that_one_and_then_for_anybody() {
    let mut floor = floor();
    floor.join(2, "sales").talks(2);
    assert_eq!(floor.state("2"), AgentState::OnCall);
    // By way of support, which both serve; the agent who sent is ready again in 30 s.
    assert_eq!(transfer(&mut floor, to_agent("2")), PENDING);
    floor.ended(1, Party::Agent);
    assert_eq!(floor.rung(), []);
    floor.pass(29);
    assert_eq!(floor.rung(), []);
    floor.pass(1);
    assert_eq!(floor.rung(), [(1, "1".to_owned())]);
}

#[test]
fn what_would_not_take_the_caller_is_refused_while_the_agent_still_talks() {
    let mut floor = floor();
    for (to, why) in [
        (to_queue("none"), Refusal::UnknownQueue),
        (to_agent("1"), Refusal::NothingToDo),
        (to_agent("9"), Refusal::UnknownTarget),
        (Destination::Place { place: String::new() }, Refusal::OutOfRange),
    ] {
        assert_eq!(transfer(&mut floor, to), refused(why));
    }
    floor.boss(Command::SetDoor {
        queue: "sales".to_owned(),
        door: Door::Closed,
    });
    assert_eq!(
        transfer(&mut floor, to_queue("sales")),
        refused(Refusal::QueueClosed)
    );
    floor.sign_out("3");
    assert_eq!(transfer(&mut floor, to_agent("3")), refused(Refusal::TargetAway));
    assert_eq!(floor.state("1"), AgentState::OnCall);
}

#[test]
fn to_the_dialplan_the_caller_is_released() {
    let mut floor = floor();
    let place = "ivr,s,1".to_owned();
    assert_eq!(
        transfer(&mut floor, Destination::Place { place: place.clone() }),
        PENDING
    );
    floor.ended(1, Party::Agent);
    assert_eq!(
        floor.told(1),
        [release_to(Status::Transferred, Place::There(place))]
    );
}

#[test]
fn a_caller_who_hangs_up_first_is_sent_nowhere() {
    let mut floor = floor();
    assert_eq!(transfer(&mut floor, to_queue("sales")), PENDING);
    floor.ended(1, Party::Caller);
    assert_eq!(answered(&floor), [CommandOutcome::Refused(Refusal::NotTalking)]);
    assert_eq!(floor.told(1), []);
}

#[test]
fn a_supervisor_who_disconnects_goes_before() {
    let mut floor = floor();
    assert_eq!(transfer(&mut floor, to_queue("sales")), PENDING);
    floor.boss(Command::Disconnect {
        agent: "1".to_owned(),
        whom: Whom::Agent,
        from: String::new(),
    });
    floor.ended(1, Party::Agent);
    assert_eq!(floor.told(1), [release(Status::Answered)]);
    // And whoever asks afterwards comes too late.
    let mut floor = self::floor();
    floor.boss(Command::Disconnect {
        agent: "1".to_owned(),
        whom: Whom::Agent,
        from: String::new(),
    });
    assert_eq!(
        transfer(&mut floor, to_queue("sales")),
        refused(Refusal::NotTalking)
    );
}
