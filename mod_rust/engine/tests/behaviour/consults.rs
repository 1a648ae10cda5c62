//! An agent consults somebody while the caller is on hold. The line to an agent is a call of its own kind, which the world knows only as
//! part of the caller's.

use hotline_engine::action::{CallAction, CommandOutcome, Line, Refusal, Status};
use hotline_engine::config::{Disposition, Queue, Survey, WrapUp};
use hotline_engine::event::{AgentState, CallOutcome, ConsultEnd, ConsultState};
use hotline_engine::ids::CallId;
use hotline_engine::input::{
    Arrangement, Caller, ConsultFact, ConsultStep, Destination, OfferFailure, Party, TalkState, Whom,
};
use hotline_engine::{Action, Command, Event, Input, Span};
use proptest::prelude::*;

use crate::floor::{Floor, agent, config, queue, refused, release, ring};

const PENDING: Option<CommandOutcome> = Some(CommandOutcome::Pending);
const DONE: CommandOutcome = CommandOutcome::Done;
/// The line, by the host's number.
const LINE: u64 = 9;

/// Call 1 talks with agent 1 of support; 2 serves both, 3 sales alone.
fn talking() -> Floor {
    let agents = vec![
        agent("1", &["support"]),
        agent("2", &["support", "sales"]),
        agent("3", &["sales"]),
    ];
    let support = Queue {
        wrap_up: WrapUp::Timed(Span::seconds(30)),
        ..queue("support")
    };
    let mut floor = Floor::staffed(vec![support, queue("sales")], agents);
    floor.join(1, "support").talks(1);
    floor
}

fn to_agent(number: &str) -> Destination {
    let agent = number.to_owned();
    Destination::Agent { agent }
}

fn to_queue(name: &str) -> Destination {
    Destination::Queue {
        queue: name.to_owned(),
        tier: String::new(),
        priority: None,
    }
}

fn to_place() -> Destination {
    let place = "hotline-transfer,701,1".to_owned();
    Destination::Place { place }
}

fn consult(floor: &mut Floor, with: Destination) -> Option<CommandOutcome> {
    let agent = "1".to_owned();
    floor.ask("agent:1", Command::Consult { agent, with })
}

fn step(floor: &mut Floor, step: ConsultStep) -> Option<CommandOutcome> {
    let agent = "1".to_owned();
    floor.ask("agent:1", Command::Consultation { agent, step })
}

fn hand_over(floor: &mut Floor) -> Option<CommandOutcome> {
    let reason = "knows more".to_owned();
    step(floor, ConsultStep::HandOver { reason })
}

fn fact(floor: &mut Floor, fact: ConsultFact) {
    let call = CallId(1);
    floor.input(Input::Consult { call, fact });
}

fn arranged(floor: &mut Floor, how: Arrangement) {
    fact(floor, ConsultFact::Arranged(how));
}

fn arrange(how: Arrangement) -> Action {
    let call = CallId(1);
    Action::Arrange { call, how }
}

/// The line has a thread.
fn joins(floor: &mut Floor) {
    let (line, call) = (CallId(LINE), CallId(1));
    floor.input(Input::JoinConsult { line, call });
}

/// Agent 1 talks with agent 2, the caller hears music. The second offer is the line's.
fn apart() -> Floor {
    let mut floor = talking();
    assert_eq!(consult(&mut floor, to_agent("2")), PENDING);
    fact(&mut floor, ConsultFact::Begun);
    joins(&mut floor);
    floor.answered(2).connected(LINE);
    fact(&mut floor, ConsultFact::Answered);
    assert_eq!(answered(&floor), [DONE]);
    floor
}

fn answered(floor: &Floor) -> Vec<CommandOutcome> {
    floor.answers().into_iter().map(|(_, outcome)| outcome).collect()
}

fn not_so(why: Refusal) -> CommandOutcome {
    CommandOutcome::Refused(why)
}

/// How the consultation goes on after the last input.
fn told(floor: &Floor) -> Vec<ConsultState> {
    let events = floor.events.iter();
    let told = events.filter_map(|event| match event {
        Event::ConsultChanged { to, .. } => Some(*to),
        _ => None,
    });
    told.collect()
}

/// The visits of which the last input told: who came, was connected, and left.
fn visits(floor: &Floor) -> Vec<(&'static str, CallId)> {
    let events = floor.events.iter();
    let told = events.filter_map(|event| match event {
        Event::CallTransferred { call, .. } => Some(("transferred", *call)),
        Event::CallFinished { call, .. } => Some(("finished", *call)),
        Event::CallJoined { call, .. } => Some(("joined", *call)),
        Event::CallConnected { call, .. } => Some(("connected", *call)),
        _ => None,
    });
    told.collect()
}

#[test]
fn the_colleague_is_rung_as_for_a_caller_and_it_is_part_of_the_callers_call() {
    let mut floor = talking();
    assert_eq!(consult(&mut floor, to_agent("2")), PENDING);
    let call = CallId(1);
    let line = Line::Agent;
    assert_eq!(floor.actions.first(), Some(&Action::Consult { call, line }));
    assert_eq!(floor.state("1"), AgentState::OnCall);
    fact(&mut floor, ConsultFact::Begun);
    assert_eq!(told(&floor), [ConsultState::Begun]);
    assert_eq!(floor.state("1"), AgentState::Consulting);
    joins(&mut floor);
    assert_eq!(floor.state("2"), AgentState::Offered);
    let offered = floor.events.iter().find_map(|event| match event {
        Event::OfferMade { call, .. } => Some(*call),
        _ => None,
    });
    assert_eq!(offered, Some(CallId(1)));
    assert_eq!(visits(&floor), []);
    assert_eq!(hand_over(&mut floor), refused(Refusal::NotAnswered));
    floor.answered(2).connected(LINE);
    assert_eq!(answered(&floor), [], "the line itself has not answered yet");
    fact(&mut floor, ConsultFact::Answered);
    assert_eq!(
        (answered(&floor), told(&floor)),
        (vec![DONE], vec![ConsultState::Apart])
    );
    assert_eq!(floor.state("2"), AgentState::OnCall);
    assert_eq!(floor.engine.view().calls.len(), 1);
}

#[test]
fn all_arrangements_count_once_the_host_has_made_them() {
    let mut floor = apart();
    floor.pass(5);
    assert_eq!(step(&mut floor, ConsultStep::Swap), PENDING);
    assert_eq!(floor.actions.first(), Some(&arrange(Arrangement::WithCaller)));
    arranged(&mut floor, Arrangement::WithCaller);
    assert_eq!(answered(&floor), [DONE]);
    assert_eq!(floor.state("1"), AgentState::OnCall);
    assert_eq!(step(&mut floor, ConsultStep::Join), PENDING);
    arranged(&mut floor, Arrangement::Together);
    let together = (floor.state("1"), floor.state("2"));
    assert_eq!(together, (AgentState::Conferencing, AgentState::Conferencing));
    assert_eq!(step(&mut floor, ConsultStep::Swap), refused(Refusal::NothingToDo));
    assert_eq!(step(&mut floor, ConsultStep::Drop), PENDING);
    // The line is hung up for it; its own word may come first.
    floor.ended(LINE, Party::Caller);
    assert_eq!(
        (floor.state("2"), floor.actions.clone()),
        (AgentState::Ready, vec![])
    );
    arranged(&mut floor, Arrangement::Alone);
    assert_eq!(told(&floor), [ConsultState::Over(ConsultEnd::Dropped)]);
    assert_eq!(floor.state("1"), AgentState::OnCall);
    floor.ended(1, Party::Caller);
    let held = floor.events.iter().find_map(|event| match event {
        Event::CallFinished { hold, .. } => Some(*hold),
        _ => None,
    });
    assert_eq!(held, Some(Span::seconds(5)));
}

#[test]
fn a_caller_who_is_handed_over_is_on_another_visit() {
    let mut floor = apart();
    assert_eq!(hand_over(&mut floor), PENDING);
    arranged(&mut floor, Arrangement::HandedOver);
    assert_eq!(answered(&floor), [DONE]);
    assert_eq!(told(&floor), [ConsultState::Over(ConsultEnd::HandedOver)]);
    let call = CallId(1);
    assert_eq!(
        visits(&floor),
        [
            ("transferred", call),
            ("finished", call),
            ("joined", call),
            ("connected", call)
        ]
    );
    let states = (floor.state("1"), floor.state("2"));
    assert_eq!(states, (AgentState::WrapUp, AgentState::OnCall));
    floor.goes_on(1, TalkState::OnHold);
    assert_eq!(floor.state("2"), AgentState::OnHold);
    floor.ended(1, Party::Agent);
    assert_eq!(floor.state("2"), AgentState::WrapUp);
    assert_eq!(floor.told(1), [release(Status::Answered)]);
}

#[test]
fn who_does_not_come_is_the_outcome_and_the_agent_is_back() {
    let causes = [
        (OfferFailure::Busy, Refusal::TargetBusy),
        (OfferFailure::Rejected, Refusal::Declined),
        (OfferFailure::NoAnswer, Refusal::NoAnswer),
        (OfferFailure::Unreachable, Refusal::Unreachable),
    ];
    for (cause, why) in causes {
        let mut floor = talking();
        consult(&mut floor, to_agent("2"));
        fact(&mut floor, ConsultFact::Begun);
        joins(&mut floor);
        floor.failed(2, cause);
        assert_eq!(floor.told(LINE).len(), 1, "the line is let go");
        assert!(floor.actions.contains(&arrange(Arrangement::Alone)));
        assert_eq!(floor.state("2"), AgentState::Unavailable);
        fact(&mut floor, ConsultFact::Gone(OfferFailure::Unreachable));
        arranged(&mut floor, Arrangement::Alone);
        assert_eq!(answered(&floor), [not_so(why)]);
        assert_eq!(floor.state("1"), AgentState::OnCall);
    }
    // Not at work, busy, or nobody.
    let mut floor = talking();
    assert_eq!(consult(&mut floor, to_agent("1")), refused(Refusal::NothingToDo));
    assert_eq!(
        consult(&mut floor, to_agent("7")),
        refused(Refusal::UnknownTarget)
    );
    floor.join(2, "support").talks(2);
    assert_eq!(consult(&mut floor, to_agent("2")), refused(Refusal::TargetBusy));
    floor.set_not_ready("3", "lunch");
    assert_eq!(consult(&mut floor, to_agent("3")), refused(Refusal::TargetAway));
    // Taken back by the colleague while it rings.
    let mut floor = talking();
    consult(&mut floor, to_agent("2"));
    fact(&mut floor, ConsultFact::Begun);
    joins(&mut floor);
    floor.set_not_ready("2", "lunch");
    arranged(&mut floor, Arrangement::Alone);
    assert_eq!(answered(&floor), [not_so(Refusal::TargetAway)]);
}

#[test]
fn the_end_of_any_of_the_three_is_seen_in_every_arrangement() {
    let all = [Arrangement::Apart, Arrangement::WithCaller, Arrangement::Together];
    for how in all {
        // The colleague's.
        let mut floor = apart();
        arranged(&mut floor, how);
        floor.ended(LINE, Party::Agent);
        assert_eq!(floor.state("2"), AgentState::Ready);
        arranged(&mut floor, Arrangement::Alone);
        assert_eq!(told(&floor), [ConsultState::Over(ConsultEnd::HungUp)]);
        assert_eq!(floor.state("1"), AgentState::OnCall);
        // The caller's.
        let mut floor = apart();
        arranged(&mut floor, how);
        floor.ended(1, Party::Caller);
        assert_eq!(told(&floor), [ConsultState::Over(ConsultEnd::CallOver)]);
        assert!(floor.actions.contains(&arrange(Arrangement::Parted)));
        assert_eq!(floor.state("1"), AgentState::WrapUp);
        floor.ended(LINE, Party::Caller);
        assert_eq!(floor.state("2"), AgentState::Ready);
        // The agent's: the caller stays with the colleague.
        let mut floor = apart();
        arranged(&mut floor, how);
        floor.ended(1, Party::Agent);
        assert_eq!(floor.actions, [arrange(Arrangement::HandedOver)]);
        arranged(&mut floor, Arrangement::HandedOver);
        let states = (floor.state("1"), floor.state("2"));
        assert_eq!(states, (AgentState::WrapUp, AgentState::OnCall));
        // Both of them at once: the caller goes back to the queue.
        let mut floor = apart();
        arranged(&mut floor, how);
        floor.ended(1, Party::Agent);
        floor.ended(LINE, Party::Agent);
        assert!(floor.actions.contains(&arrange(Arrangement::Parted)));
        assert_eq!(visits(&floor).first(), Some(&("finished", CallId(1))));
        assert_eq!(floor.state("1"), AgentState::WrapUp);
        assert!(
            floor
                .told(1)
                .iter()
                .any(|action| matches!(action, CallAction::Ring { .. }))
        );
    }
}

#[test]
fn an_agent_who_hangs_up_before_the_answer_loses_the_caller_to_the_queue() {
    let mut floor = talking();
    consult(&mut floor, to_agent("2"));
    fact(&mut floor, ConsultFact::Begun);
    joins(&mut floor);
    floor.ended(1, Party::Agent);
    let finished = floor.events.iter().find_map(|event| match event {
        Event::CallFinished { outcome, to, .. } => Some((*outcome, to.clone())),
        _ => None,
    });
    let back = hotline_engine::config::Exit::Queue("support".to_owned());
    assert_eq!(finished, Some((CallOutcome::Answered, back)));
    assert_eq!(answered(&floor), [not_so(Refusal::NotTalking)]);
    floor.gone(LINE);
    assert_eq!(floor.state("2"), AgentState::Offered, "for the caller now");
}

#[test]
fn a_queue_gives_whom_it_has_and_a_number_needs_no_line() {
    let mut floor = talking();
    assert_eq!(
        consult(&mut floor, to_queue("none")),
        refused(Refusal::UnknownQueue)
    );
    floor.set_not_ready("3", "lunch");
    floor.join(2, "support").talks(2);
    assert_eq!(consult(&mut floor, to_queue("sales")), PENDING);
    fact(&mut floor, ConsultFact::Begun);
    fact(&mut floor, ConsultFact::Answered);
    joins(&mut floor);
    assert_eq!(floor.state("3"), AgentState::NotReady);
    floor.set_ready("3");
    assert_eq!(floor.state("3"), AgentState::Offered);
    floor.failed(3, OfferFailure::Rejected);
    assert_eq!(floor.actions, [], "it waits for another");
    floor.ended(2, Party::Caller).pass(30);
    floor.answered(4).connected(LINE);
    assert_eq!(answered(&floor), [DONE]);
    hand_over(&mut floor);
    arranged(&mut floor, Arrangement::HandedOver);
    let queue = floor.engine.view().calls[0].queue;
    assert_eq!(queue.0, 1);

    let mut floor = talking();
    assert_eq!(consult(&mut floor, to_place()), PENDING);
    fact(&mut floor, ConsultFact::Begun);
    fact(&mut floor, ConsultFact::Answered);
    assert_eq!(answered(&floor), [DONE]);
    assert_eq!(hand_over(&mut floor), PENDING);
    arranged(&mut floor, Arrangement::HandedOver);
    assert_eq!(floor.told(1), [release(Status::Transferred)]);
    assert_eq!(floor.engine.view().calls, []);
}

#[test]
fn who_gets_the_caller_begins_anew_and_is_the_one_talked_with_last() {
    let said = || Command::Dispose {
        agent: "2".to_owned(),
        code: "07".to_owned(),
        note: String::new(),
    };
    let support = Queue {
        sticky: Span::seconds(60),
        wrap_up: WrapUp::Timed(Span::ZERO),
        ..queue("support")
    };
    let agents = vec![agent("1", &["support"]), agent("2", &["support"])];
    let mut settings = config(vec![support], agents);
    settings.dispositions = vec![Disposition {
        code: "07".to_owned(),
        en: "Complaint".to_owned(),
        ..Disposition::default()
    }];
    let mut floor = Floor::of(settings);
    // Both have the caller, who is handed over to 2, and has talked with 2 before.
    let caller = || Caller {
        number: "13900000001".to_owned(),
        ..Caller::default()
    };
    floor.set_not_ready("1", "lunch");
    floor.join_with(1, "support", caller()).talks(1);
    assert_eq!(floor.ask("agent:2", said()), Some(DONE));
    let transfer = Command::Transfer {
        agent: "2".to_owned(),
        to: to_agent("1"),
        reason: String::new(),
    };
    floor.set_ready("1");
    assert_eq!(floor.ask("agent:2", transfer), PENDING);
    floor.ended(1, Party::Agent).talks(1);
    assert_eq!(consult(&mut floor, to_agent("2")), PENDING);
    fact(&mut floor, ConsultFact::Begun);
    joins(&mut floor);
    floor.answered(3).connected(LINE);
    fact(&mut floor, ConsultFact::Answered);
    hand_over(&mut floor);
    arranged(&mut floor, Arrangement::HandedOver);
    assert_eq!(floor.ask("agent:2", said()), Some(DONE), "of this conversation");
    floor.ended(1, Party::Caller);
    // Both are free.
    floor.join_with(2, "support", caller());
    assert_eq!(floor.rung(), [ring(2, "2")]);
}

#[test]
fn nobody_is_consulted_by_whom_the_caller_leaves_for_a_survey() {
    let mut floor = talking();
    let mut settings = config(
        vec![queue("support")],
        vec![agent("1", &["support"]), agent("2", &["support"])],
    );
    settings.queues[0].survey = Some(Survey {
        place: "survey,s,1".to_owned(),
        share: 100,
        min_talk: Span::ZERO,
    });
    floor.reload(settings);
    let survey = Command::Survey {
        agent: "1".to_owned(),
    };
    assert_eq!(floor.ask("agent:1", survey), PENDING);
    assert_eq!(consult(&mut floor, to_agent("2")), refused(Refusal::NotTalking));
}

#[test]
fn what_else_is_asked_meanwhile_waits_or_goes_before() {
    let mut floor = apart();
    let agent = || "1".to_owned();
    let hold = Command::Hold {
        agent: agent(),
        on: true,
    };
    assert_eq!(floor.ask("agent:1", hold), refused(Refusal::NotAlone));
    assert_eq!(consult(&mut floor, to_agent("3")), refused(Refusal::NotAlone));
    // The phone's own hold is no change of who talks with whom, but nothing is arranged during it.
    floor.goes_on(1, TalkState::OnHold);
    assert_eq!(floor.state("1"), AgentState::Consulting);
    assert_eq!(step(&mut floor, ConsultStep::Swap), refused(Refusal::HeldByPhone));
    floor.goes_on(1, TalkState::Talking);
    assert_eq!(floor.state("1"), AgentState::Consulting);
    assert_eq!(step(&mut floor, ConsultStep::Swap), PENDING);
    assert_eq!(step(&mut floor, ConsultStep::Join), PENDING);
    assert_eq!(answered(&floor).first(), Some(&not_so(Refusal::Overtaken)));
    fact(&mut floor, ConsultFact::NotDone(Some(Arrangement::Together)));
    assert_eq!(answered(&floor), [not_so(Refusal::NotTalking)]);
    // By force: nobody gets the caller.
    let disconnect = Command::Disconnect {
        agent: agent(),
        whom: Whom::Agent,
        from: String::new(),
    };
    assert_eq!(floor.ask("supervisor:1", disconnect), PENDING);
    floor.ended(1, Party::Agent);
    assert_eq!(answered(&floor), [DONE]);
    assert_eq!(floor.told(1), [release(Status::Answered)]);

    let mut floor = talking();
    consult(&mut floor, to_agent("2"));
    fact(&mut floor, ConsultFact::NotDone(None));
    assert_eq!(answered(&floor), [not_so(Refusal::NotTalking)]);
    assert_eq!(
        step(&mut floor, ConsultStep::Drop),
        refused(Refusal::NoConsultation)
    );
    // A line that comes too late is let go.
    joins(&mut floor);
    assert_eq!(floor.told(LINE), [release(Status::Error)]);
}

/// What may come next in a walk.
#[derive(Clone, Debug)]
enum Move {
    Consult(Destination),
    Step(ConsultStep),
    Fact(ConsultFact),
    /// What the host was asked to arrange last is so.
    Arranged,
    Joins,
    Answered(u64),
    Connected(u64),
    Ended(u64, Party),
    Gone(u64),
    Failed(u64, OfferFailure),
    Phone(TalkState),
    Ready(&'static str, bool),
    Disconnect(Whom),
    Pass(u64),
    Reload(bool),
}

fn moves() -> impl Strategy<Value = Move> {
    let with = prop_oneof![
        Just(to_agent("2")),
        Just(to_agent("3")),
        Just(to_queue("sales")),
        Just(to_queue("support")),
        Just(to_place())
    ];
    let steps = prop_oneof![
        Just(ConsultStep::Swap),
        Just(ConsultStep::Join),
        Just(ConsultStep::Drop),
        Just(ConsultStep::HandOver {
            reason: String::new()
        })
    ];
    let how = || {
        prop_oneof![
            Just(Arrangement::Apart),
            Just(Arrangement::WithCaller),
            Just(Arrangement::Together),
            Just(Arrangement::HandedOver),
            Just(Arrangement::Alone),
            Just(Arrangement::Parted)
        ]
    };
    let facts = prop_oneof![
        4 => Just(ConsultFact::Begun),
        4 => Just(ConsultFact::Answered),
        1 => how().prop_map(ConsultFact::Arranged),
        1 => proptest::option::of(how()).prop_map(ConsultFact::NotDone),
        1 => Just(ConsultFact::Gone(OfferFailure::Busy))
    ];
    let call = || prop_oneof![Just(1), Just(2), Just(LINE), Just(LINE + 1)];
    let by = prop_oneof![
        Just(Party::Agent),
        Just(Party::Caller),
        Just(Party::System),
        Just(Party::Supervisor)
    ];
    let cause = prop_oneof![Just(OfferFailure::Rejected), Just(OfferFailure::NoAnswer)];
    let whom = prop_oneof![Just(Whom::Agent), Just(Whom::Caller), Just(Whom::Both)];
    prop_oneof![
        8 => with.prop_map(Move::Consult),
        8 => steps.prop_map(Move::Step),
        8 => facts.prop_map(Move::Fact),
        8 => Just(Move::Arranged),
        6 => Just(Move::Joins),
        8 => (2_u64..8).prop_map(Move::Answered),
        6 => call().prop_map(Move::Connected),
        4 => (call(), by).prop_map(|(call, by)| Move::Ended(call, by)),
        2 => call().prop_map(Move::Gone),
        3 => (2_u64..8, cause).prop_map(|(offer, cause)| Move::Failed(offer, cause)),
        2 => prop_oneof![Just(TalkState::OnHold), Just(TalkState::Talking)].prop_map(Move::Phone),
        3 => (prop_oneof![Just("1"), Just("2"), Just("3")], any::<bool>())
            .prop_map(|(agent, ready)| Move::Ready(agent, ready)),
        1 => whom.prop_map(Move::Disconnect),
        3 => (1_u64..40).prop_map(Move::Pass),
        1 => any::<bool>().prop_map(Move::Reload)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Whatever comes in whatever order, what must hold holds (the floor looks at it after every input), each command is answered for good once
    /// at most, and of the lines nothing is told.
    #[test]
    fn nothing_is_lost_on_any_walk(moves in proptest::collection::vec(moves(), 1..60)) {
        let mut floor = talking();
        floor.join(2, "sales");
        let (mut arrange, mut lines, mut answers) = (None, LINE, std::collections::BTreeMap::new());
        for next in moves {
            match next {
                Move::Consult(with) => {
                    consult(&mut floor, with);
                }
                Move::Step(how) => {
                    step(&mut floor, how);
                }
                Move::Fact(seen) => fact(&mut floor, seen),
                Move::Arranged => match arrange.take() {
                    Some(how) => arranged(&mut floor, how),
                    None => continue,
                },
                Move::Joins => {
                    let (line, call) = (CallId(lines), CallId(1));
                    lines += 1;
                    floor.input(Input::JoinConsult { line, call });
                }
                Move::Answered(offer) => {
                    floor.answered(offer);
                }
                Move::Connected(call) => {
                    floor.connected(call);
                }
                Move::Ended(call, by) => {
                    floor.ended(call, by);
                }
                Move::Gone(call) => {
                    floor.gone(call);
                }
                Move::Failed(offer, cause) => {
                    floor.failed(offer, cause);
                }
                Move::Phone(state) => {
                    floor.goes_on(1, state);
                }
                Move::Ready(agent, true) => {
                    floor.set_ready(agent);
                }
                Move::Ready(agent, false) => {
                    floor.set_not_ready(agent, "lunch");
                }
                Move::Disconnect(whom) => {
                    let command = Command::Disconnect { agent: "1".to_owned(), whom, from: String::new() };
                    floor.ask("supervisor:1", command);
                }
                Move::Pass(seconds) => {
                    floor.pass(seconds);
                }
                Move::Reload(all) => {
                    let agents = vec![agent("1", &["support"]), agent("2", &["support"])];
                    let queues = if all { vec![queue("support"), queue("sales")] } else { vec![queue("support")] };
                    floor.reload(config(queues, agents));
                }
            }
            for action in &floor.actions {
                match action {
                    Action::Arrange { how, .. } => arrange = Some(*how),
                    Action::Reply { command, outcome } => {
                        let before = answers.insert(*command, *outcome);
                        prop_assert!(before.is_none_or(|before| before == CommandOutcome::Pending));
                    }
                    _ => {}
                }
            }
            let of_a_line = |event: &Event| match event {
                Event::CallJoined { call, .. }
                | Event::CallConnected { call, .. }
                | Event::CallFinished { call, .. }
                | Event::TalkChanged { call, .. }
                | Event::OfferMade { call, .. }
                | Event::OfferEnded { call, .. } => call.0 >= LINE,
                Event::AgentChanged { to, .. } => to.call.is_some_and(|call| call.0 >= LINE),
                _ => false,
            };
            prop_assert!(!floor.events.iter().any(of_a_line));
        }
    }
}
