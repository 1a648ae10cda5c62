//! What a call was about (小结): the agent says so during the call or after it, and must where the queue requires it.

use hotline_engine::action::{CommandOutcome, Refusal};
use hotline_engine::config::{Config, ConfigError, Disposition, DispositionFault, Queue, QueueFault, WrapUp};
use hotline_engine::event::AgentState;
use hotline_engine::input::Party;
use hotline_engine::{Command, Event, MAX_NOTE, Span};

use crate::floor::{DONE, Floor, PENDING, agent, config, queue, refused, ring};

fn disposition(code: &str, queues: &[&str]) -> Disposition {
    Disposition {
        code: code.to_owned(),
        en: format!("about {code}"),
        queues: queues.iter().map(|queue| (*queue).to_owned()).collect(),
        ..Disposition::default()
    }
}

fn settings(wrap_up: WrapUp, needs_disposition: bool) -> Config {
    let support = Queue {
        wrap_up,
        wrap_up_max: Span::seconds(60),
        needs_disposition,
        ..queue("support")
    };
    let mut config = config(
        vec![support, queue("sales")],
        vec![agent("1", &["support", "sales"])],
    );
    let complaint = Disposition {
        complaint: true,
        follow_up: true,
        ..disposition("07", &[])
    };
    let resolved = Disposition {
        resolved: true,
        ..disposition("01", &["support"])
    };
    config.dispositions = vec![complaint, resolved, disposition("22", &["sales"])];
    config
}

/// Call 1 talks with agent 1 in support.
fn talking(wrap_up: WrapUp, needs_disposition: bool) -> Floor {
    let mut floor = Floor::of(settings(wrap_up, needs_disposition));
    floor.join(1, "support").talks(1);
    floor
}

fn timed(seconds: u64) -> WrapUp {
    WrapUp::Timed(Span::seconds(seconds))
}

fn says(floor: &mut Floor, code: &str, note: &str) -> Option<CommandOutcome> {
    let command = Command::Dispose {
        agent: "1".to_owned(),
        code: code.to_owned(),
        note: note.to_owned(),
    };
    floor.ask("agent:1", command)
}

/// Code, the one before, and whether a complaint, resolved, to be called again.
fn told(floor: &Floor) -> Option<(String, String, [bool; 3])> {
    floor.events.iter().find_map(|event| match event {
        Event::DispositionSet {
            code,
            before,
            complaint,
            resolved,
            follow_up,
            ..
        } => Some((code.clone(), before.clone(), [*complaint, *resolved, *follow_up])),
        _ => None,
    })
}

#[test]
fn the_agent_says_it_during_the_call_or_after_it_and_may_think_better_of_it() {
    let mut floor = talking(timed(10), false);
    assert_eq!(says(&mut floor, "07", "angry"), DONE);
    assert_eq!(
        told(&floor),
        Some(("07".into(), String::new(), [true, false, true]))
    );
    floor.ended(1, Party::Caller).pass(3);
    assert_eq!(says(&mut floor, "01", ""), DONE);
    assert_eq!(
        told(&floor),
        Some(("01".into(), "07".into(), [false, true, false]))
    );
    assert_eq!(says(&mut floor, "01", ""), refused(Refusal::NothingToDo));
    assert_eq!(says(&mut floor, "01", "called again"), DONE, "another note");
    floor.pass(7);
    assert_eq!(floor.state("1"), AgentState::Ready, "it was not required");
    assert_eq!(says(&mut floor, "07", ""), refused(Refusal::NotInWrapUp));
}

#[test]
fn what_the_list_does_not_have_for_the_queue_is_refused() {
    let mut floor = talking(timed(10), true);
    assert_eq!(says(&mut floor, "99", ""), refused(Refusal::UnknownDisposition));
    assert_eq!(
        says(&mut floor, "22", ""),
        refused(Refusal::UnknownDisposition),
        "of sales"
    );
    let long = "x".repeat(MAX_NOTE + 1);
    assert_eq!(says(&mut floor, "07", &long), refused(Refusal::OutOfRange));
    assert_eq!(says(&mut floor, "07", &long[1..]), DONE);
}

#[test]
fn what_was_said_of_one_call_is_not_said_of_the_next() {
    let mut floor = talking(timed(0), true);
    assert_eq!(says(&mut floor, "07", ""), DONE);
    floor.ended(1, Party::Caller);
    assert_eq!(floor.state("1"), AgentState::Ready, "said already");
    floor.join(2, "support").talks(2).ended(2, Party::Caller);
    assert_eq!(floor.state("1"), AgentState::WrapUp);
    assert_eq!(says(&mut floor, "07", ""), DONE);
    assert_eq!(told(&floor).map(|(_, before, _)| before), Some(String::new()));
    assert_eq!(floor.state("1"), AgentState::Ready);
}

#[test]
fn after_call_work_goes_on_until_it_is_said_where_it_is_required() {
    let mut floor = talking(timed(10), true);
    floor.ended(1, Party::Caller).join(2, "support").pass(30);
    assert_eq!(floor.state("1"), AgentState::WrapUp);
    assert_eq!(says(&mut floor, "01", ""), DONE);
    assert_eq!(floor.rung(), [ring(2, "1")], "its time was over");
}

#[test]
fn it_ends_at_its_usual_time_once_it_is_said() {
    let mut floor = talking(timed(10), true);
    floor.ended(1, Party::Caller).pass(4);
    assert_eq!(says(&mut floor, "01", ""), DONE);
    assert_eq!(floor.state("1"), AgentState::WrapUp);
    floor.pass(6);
    assert_eq!(floor.state("1"), AgentState::Ready);
}

#[test]
fn nobody_is_stuck_for_want_of_it() {
    let mut floor = talking(timed(10), true);
    floor.ended(1, Party::Caller).pass(59);
    assert_eq!(floor.state("1"), AgentState::WrapUp);
    floor.pass(1);
    assert_eq!(floor.state("1"), AgentState::Ready);
    // Manual work does not end by itself, but then the agent may end it.
    let mut floor = talking(WrapUp::Manual, true);
    floor.ended(1, Party::Caller).pass(60);
    assert_eq!(floor.state("1"), AgentState::WrapUp);
    assert_eq!(floor.set_ready("1"), DONE);
    assert_eq!(floor.state("1"), AgentState::Ready);
}

#[test]
fn a_state_asked_for_comes_when_it_is_said() {
    let mut floor = talking(timed(0), true);
    assert_eq!(floor.set_not_ready("1", "lunch"), PENDING);
    floor.ended(1, Party::Caller);
    assert_eq!(floor.state("1"), AgentState::WrapUp, "word is owed first");
    assert_eq!(floor.set_ready("1"), PENDING, "in place of lunch");
    assert_eq!(says(&mut floor, "07", ""), DONE);
    assert_eq!(floor.state("1"), AgentState::Ready);
    // Or at the longest.
    floor.join(2, "support").talks(2).ended(2, Party::Caller);
    assert_eq!(floor.sign_out("1"), PENDING);
    floor.pass(60);
    assert_eq!(floor.state("1"), AgentState::SignedOut);
}

#[test]
fn a_supervisor_need_not_wait_for_it() {
    let mut floor = talking(timed(0), true);
    floor.ended(1, Party::Caller);
    assert_eq!(floor.set_not_ready("1", "lunch"), PENDING);
    assert_eq!(floor.force_idle("1"), DONE);
    assert_eq!(floor.state("1"), AgentState::Ready);
    floor.join(2, "support").talks(2).ended(2, Party::Caller);
    assert_eq!(floor.force_sign_out("1"), DONE);
    assert_eq!(floor.state("1"), AgentState::SignedOut);
}

#[test]
fn a_list_that_contradicts_itself_is_refused() {
    let with = |dispositions| {
        let mut config = settings(timed(10), true);
        config.dispositions = dispositions;
        config.check()
    };
    let wrong = |code: &str, fault| {
        let code = code.to_owned();
        Err(ConfigError::Disposition { code, fault })
    };
    let twice = vec![disposition("1", &[]), disposition("1", &["sales"])];
    assert_eq!(with(twice), wrong("1", DispositionFault::Twice));
    assert_eq!(
        with(vec![disposition("", &[])]),
        wrong("", DispositionFault::NoCode)
    );
    let nowhere = DispositionFault::UnknownQueue("nowhere".to_owned());
    assert_eq!(with(vec![disposition("1", &["nowhere"])]), wrong("1", nowhere));
    let none = with(vec![disposition("1", &["sales"])]);
    let queue = "support".to_owned();
    let fault = QueueFault::NoDisposition;
    assert_eq!(none, Err(ConfigError::Queue { queue, fault }));
}
