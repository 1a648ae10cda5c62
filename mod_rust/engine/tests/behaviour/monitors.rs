//! Supervisors listen to agents, speak to them, take their place, and end their conversations.

use hotline_engine::action::{CommandOutcome, MonitorAction, Refusal};
use hotline_engine::config::{Config, Right, Supervision, Supervisor, Tone};
use hotline_engine::event::{AgentState, Cut, MonitorOutcome};
use hotline_engine::ids::{CallId, MonitorId, SupervisorId};
use hotline_engine::input::{
    ConsultFact, Destination, Follow, MonitorFact, MonitorMode, Party, TalkState, Whom,
};
use hotline_engine::{Action, Command, Event, Input, Span};

use crate::floor::{DONE, Floor, PENDING, agent, config, queue, refused, release};

const TONE: Tone = Tone {
    hertz: 1_000,
    lasting: Span::seconds(1),
};

fn settings() -> Config {
    let supervisor = |number: &str, may: &[Right]| Supervisor {
        phones: vec![format!("P/s{number}")],
        may: may.to_vec(),
        ..Supervisor::numbered(number)
    };
    Config {
        supervisors: vec![
            supervisor("91", &Right::ALL),
            supervisor("92", &Right::ALL),
            supervisor("93", &[Right::Listen]),
        ],
        supervision: Supervision {
            max_monitors: 2,
            tone: Some(TONE),
            ..Supervision::default()
        },
        ..config(
            vec![queue("support")],
            vec![agent("1", &["support"]), agent("2", &["support"])],
        )
    }
}

/// Two agents, and three supervisors who are signed in.
fn floor() -> Floor {
    let mut floor = Floor::of(settings());
    for number in ["91", "92", "93"] {
        assert_eq!(sign_in(&mut floor, number, &format!("P/s{number}")), DONE);
    }
    floor
}

/// The same, and agent 1 talks in call 1.
fn talking() -> Floor {
    let mut floor = floor();
    floor.join(1, "support").talks(1);
    assert_eq!(floor.state("1"), AgentState::OnCall);
    floor
}

fn sign_in(floor: &mut Floor, supervisor: &str, phone: &str) -> Option<CommandOutcome> {
    let (supervisor, phone) = (supervisor.to_owned(), phone.to_owned());
    floor.ask("phone", Command::SignInSupervisor { supervisor, phone })
}

fn wish(monitor: u64, supervisor: &str, from: &str, mode: MonitorMode, follow: Follow) -> Command {
    Command::Monitor {
        monitor: MonitorId(monitor),
        supervisor: supervisor.to_owned(),
        from: from.to_owned(),
        agent: "1".to_owned(),
        mode,
        follow,
    }
}

/// A console asks that a supervisor listens to agent 1.
fn ask(
    floor: &mut Floor,
    monitor: u64,
    supervisor: &str,
    mode: MonitorMode,
    follow: Follow,
) -> Option<CommandOutcome> {
    floor.boss(wish(monitor, supervisor, "", mode, follow))
}

fn fact(floor: &mut Floor, monitor: u64, fact: MonitorFact) {
    let monitor = MonitorId(monitor);
    floor.input(Input::Monitor { monitor, fact });
}

/// A supervisor listens so to agent 1, and the phone was answered.
fn listens(floor: &mut Floor, monitor: u64, supervisor: &str, mode: MonitorMode, follow: Follow) {
    assert_eq!(ask(floor, monitor, supervisor, mode, follow), PENDING);
    fact(floor, monitor, MonitorFact::Up);
}

/// What a supervisor's channel was told by the last input.
fn told(floor: &Floor, monitor: u64) -> Vec<MonitorAction> {
    let told = |action: &Action| match action {
        Action::Monitor { monitor: id, action } if *id == MonitorId(monitor) => Some(*action),
        _ => None,
    };
    floor.actions.iter().filter_map(told).collect()
}

fn attach(mode: MonitorMode, follow: Follow, tone: Option<Tone>) -> MonitorAction {
    MonitorAction::Attach {
        call: CallId(1),
        follow,
        mode,
        tone,
    }
}

/// Which listening ended with the last input, and how.
fn ended(floor: &Floor) -> Vec<(u64, MonitorOutcome)> {
    let ended = |event: &Event| match event {
        Event::MonitorEnded { monitor, outcome, .. } => Some((monitor.monitor.0, *outcome)),
        _ => None,
    };
    floor.events.iter().filter_map(ended).collect()
}

/// How conversations were cut with the last input, by whom, and what the call's end says of it.
fn cuts(floor: &Floor) -> (Vec<(Cut, String)>, Vec<Party>) {
    let mut cuts = (Vec::new(), Vec::new());
    for event in &floor.events {
        match event {
            Event::TalkCut { how, author, .. } => cuts.0.push((*how, author.clone())),
            Event::CallFinished { by, .. } => cuts.1.push(*by),
            _ => {}
        }
    }
    cuts
}

fn modes(floor: &Floor) -> Vec<MonitorMode> {
    let monitors = floor.engine.view().monitors;
    monitors.iter().map(|monitor| monitor.mode).collect()
}

use Follow::{Agent, Call};
use MonitorMode::{Barge, Listen, TakeOver, Whisper};

#[test]
fn a_supervisor_signs_in_on_the_own_phones_only() {
    let mut floor = Floor::of(settings());
    assert_eq!(
        sign_in(&mut floor, "91", "P/elsewhere"),
        refused(Refusal::NotAllowed)
    );
    assert_eq!(
        sign_in(&mut floor, "99", "P/s91"),
        refused(Refusal::UnknownSupervisor)
    );
    assert_eq!(sign_in(&mut floor, "91", ""), refused(Refusal::NoPhone));
    assert_eq!(
        ask(&mut floor, 1, "91", Listen, Agent),
        refused(Refusal::NoSupervisorThere)
    );
    assert_eq!(sign_in(&mut floor, "91", "P/s91"), DONE);
    assert_eq!(ask(&mut floor, 1, "91", Listen, Agent), PENDING);
}

#[test]
fn a_console_has_the_own_phone_of_the_supervisor_called() {
    let mut floor = talking();
    assert_eq!(ask(&mut floor, 1, "91", Whisper, Agent), PENDING);
    let called = floor.actions.iter().find_map(|action| match action {
        Action::CallSupervisor { phone, agent, .. } => Some((phone.clone(), agent.clone())),
        _ => None,
    });
    assert_eq!(called, Some(("P/s91".to_owned(), "1".to_owned())));
    fact(&mut floor, 1, MonitorFact::Up);
    assert_eq!(told(&floor, 1), [attach(Whisper, Agent, None)]);
    assert_eq!(floor.answers(), [("boss".to_owned(), CommandOutcome::Done)]);
}

#[test]
fn from_a_phone_only_who_is_signed_in_there_may_listen() {
    let mut floor = talking();
    let from = |supervisor: &str, phone: &str| wish(1, supervisor, phone, Listen, Agent);
    assert_eq!(
        floor.ask("phone", from("", "P/typed")),
        refused(Refusal::NoSupervisorThere)
    );
    assert_eq!(
        floor.ask("phone", from("92", "P/s91")),
        refused(Refusal::NotAllowed)
    );
    assert_eq!(floor.ask("phone", from("", "P/s91")), PENDING);
    fact(&mut floor, 1, MonitorFact::Up);
    assert_eq!(told(&floor, 1), [attach(Listen, Agent, None)]);
}

#[test]
fn a_phone_that_is_not_answered_refuses_and_leaves_nothing() {
    let mut floor = talking();
    assert_eq!(ask(&mut floor, 1, "91", Listen, Agent), PENDING);
    fact(&mut floor, 1, MonitorFact::Gone);
    let no_answer = CommandOutcome::Refused(Refusal::NoAnswer);
    assert_eq!(floor.answers(), [("boss".to_owned(), no_answer)]);
    assert_eq!(ended(&floor), []);
    assert!(floor.engine.view().monitors.is_empty());
}

#[test]
fn keys_switch_the_mode_and_a_barge_sounds_a_tone() {
    let mut floor = talking();
    listens(&mut floor, 1, "91", Listen, Agent);
    let switch = |mode, tone| [MonitorAction::Switch { mode, tone }];
    for (key, mode, tone) in [
        ('5', Whisper, None),
        ('6', Barge, Some(TONE)),
        ('4', Listen, None),
    ] {
        fact(&mut floor, 1, MonitorFact::Key(key));
        assert_eq!(told(&floor, 1), switch(mode, tone));
        assert_eq!(
            floor.answers(),
            [("supervisor:91".to_owned(), CommandOutcome::Done)]
        );
    }
    fact(&mut floor, 1, MonitorFact::Key('9'));
    assert!(floor.actions.is_empty() && floor.events.is_empty());
}

#[test]
fn a_key_beyond_the_rights_is_refused_and_heard_to_be() {
    let mut floor = talking();
    listens(&mut floor, 1, "93", Listen, Agent);
    fact(&mut floor, 1, MonitorFact::Key('6'));
    assert_eq!(told(&floor, 1), [MonitorAction::Refuse]);
    assert_eq!(modes(&floor), [Listen]);
    assert_eq!(
        ask(&mut floor, 2, "93", Barge, Agent),
        refused(Refusal::NotAllowed)
    );
}

#[test]
fn several_listen_and_one_speaks_and_the_other_hears_who() {
    let mut floor = talking();
    listens(&mut floor, 1, "91", Whisper, Agent);
    let speaking = refused(Refusal::Speaking(SupervisorId(0)));
    assert_eq!(ask(&mut floor, 2, "92", Barge, Agent), speaking);
    listens(&mut floor, 2, "92", Listen, Agent);
    assert_eq!(ask(&mut floor, 3, "92", Whisper, Agent), speaking);
    assert_eq!(modes(&floor), [Whisper, Listen]);
    assert_eq!(ask(&mut floor, 3, "91", Listen, Agent), DONE);
    assert_eq!(ask(&mut floor, 3, "92", Whisper, Agent), DONE);
    assert_eq!(floor.engine.supervisor_name(SupervisorId(0)), Some("91"));
}

#[test]
fn there_is_a_ceiling_and_one_listens_to_one_agent() {
    let mut floor = talking();
    listens(&mut floor, 1, "91", Listen, Agent);
    let other = Command::Monitor {
        monitor: MonitorId(2),
        supervisor: "91".to_owned(),
        from: String::new(),
        agent: "2".to_owned(),
        mode: Listen,
        follow: Agent,
    };
    assert_eq!(floor.boss(other), refused(Refusal::Listening));
    listens(&mut floor, 2, "92", Listen, Agent);
    assert_eq!(ask(&mut floor, 3, "93", Listen, Agent), refused(Refusal::AtLimit));
}

#[test]
fn who_follows_the_agent_waits_for_the_next_call() {
    let mut floor = floor();
    listens(&mut floor, 1, "91", Barge, Agent);
    assert_eq!(told(&floor, 1), []);
    floor.join(1, "support");
    assert_eq!(told(&floor, 1), [], "nothing is heard while it rings");
    floor.talks(1);
    assert_eq!(told(&floor, 1), [attach(Barge, Agent, Some(TONE))]);
    floor.ended(1, Party::Caller);
    assert_eq!(told(&floor, 1), [MonitorAction::Idle]);
    assert_eq!(ended(&floor), []);
}

#[test]
fn who_follows_the_call_leaves_with_it_or_goes_on_after_a_transfer() {
    let mut floor = talking();
    assert_eq!(
        ask(&mut floor, 9, "92", TakeOver, Call),
        PENDING,
        "a place to take"
    );
    fact(&mut floor, 9, MonitorFact::Gone);
    listens(&mut floor, 1, "91", Whisper, Call);
    assert_eq!(told(&floor, 1), [attach(Whisper, Call, None)]);
    listens(&mut floor, 2, "93", Listen, Agent);
    floor.input(Input::HandedOver { call: CallId(1) });
    floor.ended(1, Party::Agent);
    assert_eq!(told(&floor, 1), []);
    assert_eq!(told(&floor, 2), [MonitorAction::Idle]);
    fact(&mut floor, 1, MonitorFact::Key('4'));
    assert_eq!(modes(&floor), [Listen, Listen]);
    fact(&mut floor, 1, MonitorFact::Lost(CallId(1)));
    assert_eq!(ended(&floor), [(1, MonitorOutcome::CallOver)]);

    let mut floor = talking();
    listens(&mut floor, 1, "91", Listen, Call);
    floor.ended(1, Party::Agent);
    assert_eq!(told(&floor, 1), [MonitorAction::End]);
    assert_eq!(ended(&floor), [(1, MonitorOutcome::CallOver)]);
    assert_eq!(
        ask(&mut floor, 2, "91", Listen, Call),
        refused(Refusal::NotTalking)
    );
}

#[test]
fn a_held_call_is_heard_once_it_is_retrieved() {
    let mut floor = talking();
    floor.goes_on(1, TalkState::OnHold);
    listens(&mut floor, 1, "91", Barge, Agent);
    assert_eq!(told(&floor, 1), []);
    fact(&mut floor, 1, MonitorFact::Key('5'));
    assert_eq!(told(&floor, 1), []);
    floor.goes_on(1, TalkState::Talking);
    assert_eq!(told(&floor, 1), [attach(Whisper, Agent, None)]);
    // Who hears it already goes on doing so.
    floor.goes_on(1, TalkState::OnHold);
    assert_eq!(told(&floor, 1), []);
    assert_eq!(ask(&mut floor, 2, "91", Whisper, Call), DONE);
    assert_eq!(told(&floor, 1), [attach(Whisper, Call, None)]);
    floor.goes_on(1, TalkState::Talking);
    assert_eq!(told(&floor, 1), []);
}

#[test]
fn a_consultation_by_command_is_heard_by_who_begins_in_it_or_waits() {
    let consults = |floor: &mut Floor| {
        let place = "hotline-transfer,701,1".to_owned();
        let consult = Command::Consult {
            agent: "1".to_owned(),
            with: Destination::Place { place },
        };
        assert_eq!(floor.ask("agent:1", consult), PENDING);
    };
    let begins = |floor: &mut Floor| {
        let (call, fact) = (CallId(1), ConsultFact::Begun);
        floor.input(Input::Consult { call, fact });
        assert_eq!(floor.state("1"), AgentState::Consulting);
    };
    let mut floor = talking();
    consults(&mut floor);
    begins(&mut floor);
    listens(&mut floor, 1, "91", Listen, Agent);
    assert_eq!(told(&floor, 1), [attach(Listen, Agent, None)]);
    // Whom a hold by command kept waiting hears from then on.
    let mut floor = talking();
    floor.input(Input::Held {
        call: CallId(1),
        on: true,
    });
    assert_eq!(floor.state("1"), AgentState::OnHold);
    listens(&mut floor, 1, "91", Listen, Agent);
    consults(&mut floor);
    assert_eq!(told(&floor, 1), []);
    begins(&mut floor);
    assert_eq!(told(&floor, 1), [attach(Listen, Agent, None)]);
}

#[test]
fn a_console_changes_whom_a_supervisor_follows() {
    let mut floor = talking();
    listens(&mut floor, 1, "91", Listen, Call);
    assert_eq!(
        ask(&mut floor, 2, "91", Listen, Call),
        refused(Refusal::NothingToDo)
    );
    assert_eq!(ask(&mut floor, 2, "91", Listen, Agent), DONE);
    assert_eq!(told(&floor, 1), [attach(Listen, Agent, None)]);
    floor.ended(1, Party::Caller);
    assert_eq!(ended(&floor), []);
}

#[test]
fn a_supervisor_takes_the_place_of_the_agent_who_goes_to_wrap_up() {
    let mut floor = talking();
    listens(&mut floor, 1, "91", Listen, Agent);
    listens(&mut floor, 2, "93", Listen, Call);
    assert_eq!(ask(&mut floor, 3, "91", TakeOver, Agent), PENDING);
    let take_over = MonitorAction::TakeOver { call: CallId(1) };
    assert_eq!(told(&floor, 1), [take_over]);
    assert_eq!(floor.state("1"), AgentState::OnCall);
    fact(&mut floor, 1, MonitorFact::TookOver(CallId(1)));
    assert_eq!(ended(&floor), [(1, MonitorOutcome::TookOver)]);
    let cut = (Cut::TakenOver, "boss".to_owned());
    assert_eq!(cuts(&floor), (vec![cut], vec![Party::Supervisor]));
    assert_eq!(floor.state("1"), AgentState::WrapUp);
    assert_eq!(floor.answers(), [("boss".to_owned(), CommandOutcome::Done)]);
    // When the supervisor hangs up, the caller goes on in the dialplan.
    assert_eq!(floor.told(1), [release(hotline_engine::action::Status::Answered)]);
    // Who follows the call goes on.
    assert_eq!(told(&floor, 2), []);
    fact(&mut floor, 1, MonitorFact::Gone);
    assert!(floor.events.is_empty());
}

#[test]
fn a_call_that_ends_first_cannot_be_taken_over() {
    let mut floor = talking();
    listens(&mut floor, 1, "91", Listen, Agent);
    fact(&mut floor, 1, MonitorFact::Key('7'));
    assert_eq!(
        floor.answers(),
        [("supervisor:91".to_owned(), CommandOutcome::Pending)]
    );
    floor.ended(1, Party::Caller);
    let refusal = CommandOutcome::Refused(Refusal::NotTalking);
    assert_eq!(floor.answers(), [("supervisor:91".to_owned(), refusal)]);
    assert_eq!(modes(&floor), [Listen]);
    fact(&mut floor, 1, MonitorFact::TookOver(CallId(1)));
    assert!(floor.events.is_empty());
}

#[test]
fn a_place_that_is_taken_is_told_of_whatever_was_told_before() {
    // The supervisor is stopped in the very moment of taking it.
    let mut floor = talking();
    listens(&mut floor, 1, "91", Listen, Agent);
    assert_eq!(ask(&mut floor, 2, "91", TakeOver, Agent), PENDING);
    let supervisor = "91".to_owned();
    assert_eq!(floor.boss(Command::StopMonitor { supervisor }), DONE);
    fact(&mut floor, 1, MonitorFact::TookOver(CallId(1)));
    let cut = (Cut::TakenOver, "boss".to_owned());
    assert_eq!(cuts(&floor), (vec![cut.clone()], vec![Party::Supervisor]));
    assert_eq!(floor.state("1"), AgentState::WrapUp);

    // The agent's phone is told gone before: it was swapped out.
    let mut floor = talking();
    listens(&mut floor, 1, "91", Listen, Agent);
    assert_eq!(ask(&mut floor, 2, "91", TakeOver, Agent), PENDING);
    floor.ended(1, Party::Agent);
    fact(&mut floor, 1, MonitorFact::TookOver(CallId(1)));
    assert_eq!(cuts(&floor), (vec![cut], vec![]));

    // No place was taken: the agent hung up, and that is all.
    let mut floor = talking();
    listens(&mut floor, 1, "91", Listen, Agent);
    assert_eq!(ask(&mut floor, 2, "91", TakeOver, Agent), PENDING);
    floor.ended(1, Party::Agent);
    fact(&mut floor, 1, MonitorFact::NoPlace(CallId(1)));
    fact(&mut floor, 1, MonitorFact::TookOver(CallId(1)));
    assert!(floor.events.is_empty());
}

#[test]
fn a_call_that_is_handed_over_first_is_not_taken_over() {
    let mut floor = talking();
    assert_eq!(ask(&mut floor, 1, "91", TakeOver, Call), PENDING);
    floor.input(Input::HandedOver { call: CallId(1) });
    floor.ended(1, Party::Agent);
    fact(&mut floor, 1, MonitorFact::Up);
    assert_eq!(told(&floor, 1), [attach(Listen, Call, None)]);
    let refusal = CommandOutcome::Refused(Refusal::NotTalking);
    assert_eq!(floor.answers(), [("boss".to_owned(), refusal)]);

    // In the very moment of being taken over.
    let mut floor = talking();
    listens(&mut floor, 1, "91", Listen, Call);
    assert_eq!(ask(&mut floor, 2, "91", TakeOver, Call), PENDING);
    floor.input(Input::HandedOver { call: CallId(1) });
    floor.ended(1, Party::Agent);
    fact(&mut floor, 1, MonitorFact::TookOver(CallId(1)));
    assert_eq!(ended(&floor), [(1, MonitorOutcome::TookOver)]);
    assert_eq!(cuts(&floor), (vec![], vec![]));
}

#[test]
fn a_forced_disconnect_tells_whom_and_by_whose_word() {
    for (whom, by) in [
        (Whom::Caller, Party::Caller),
        (Whom::Agent, Party::Agent),
        (Whom::Both, Party::Caller),
    ] {
        let mut floor = talking();
        let from = String::new();
        let agent = "1".to_owned();
        assert_eq!(floor.boss(Command::Disconnect { agent, whom, from }), PENDING);
        let call = CallId(1);
        assert!(floor.actions.contains(&Action::Disconnect { call, whom }));
        floor.ended(1, by);
        let cut = (Cut::Disconnected(whom), "boss".to_owned());
        assert_eq!(cuts(&floor), (vec![cut], vec![Party::Supervisor]));
        assert_eq!(floor.answers(), [("boss".to_owned(), CommandOutcome::Done)]);
        assert_eq!(floor.state("1"), AgentState::WrapUp);
    }
}

#[test]
fn a_disconnect_that_finds_nobody_is_refused_and_the_end_is_whose_it_is() {
    let mut floor = talking();
    let call = CallId(1);
    let disconnect = |whom| Command::Disconnect {
        agent: "1".to_owned(),
        whom,
        from: String::new(),
    };
    assert_eq!(floor.boss(disconnect(Whom::Caller)), PENDING);
    // Overtaken by a later word, of which nothing is told yet.
    assert_eq!(floor.boss(disconnect(Whom::Agent)), PENDING);
    let done = false;
    let whom = Whom::Caller;
    floor.input(Input::DisconnectSettled { call, whom, done });
    assert_eq!(floor.answers(), []);
    let whom = Whom::Agent;
    floor.input(Input::DisconnectSettled { call, whom, done });
    let refused = CommandOutcome::Refused(Refusal::NotTalking);
    assert_eq!(floor.answers(), [("boss".to_owned(), refused)]);
    floor.ended(1, Party::Agent);
    assert_eq!(cuts(&floor), (vec![], vec![Party::Agent]));

    // Somebody was hung up, and the agent talks on with somebody else.
    let mut floor = talking();
    assert_eq!(floor.boss(disconnect(Whom::Caller)), PENDING);
    let (whom, done) = (Whom::Caller, true);
    floor.input(Input::DisconnectSettled { call, whom, done });
    assert_eq!(floor.answers(), [("boss".to_owned(), CommandOutcome::Done)]);
    floor.ended(1, Party::Agent);
    let cut = (Cut::Disconnected(Whom::Caller), "boss".to_owned());
    assert_eq!(cuts(&floor), (vec![cut], vec![Party::Supervisor]));
}

#[test]
fn only_a_conversation_can_be_disconnected_and_only_by_who_may() {
    let mut floor = talking();
    let disconnect = |agent: &str, from: &str| Command::Disconnect {
        agent: agent.to_owned(),
        whom: Whom::Both,
        from: from.to_owned(),
    };
    assert_eq!(floor.boss(disconnect("2", "")), refused(Refusal::NotTalking));
    assert_eq!(floor.boss(disconnect("1", "P/s93")), refused(Refusal::NotAllowed));
    assert_eq!(
        floor.boss(disconnect("1", "P/typed")),
        refused(Refusal::NoSupervisorThere)
    );
    assert_eq!(floor.boss(disconnect("1", "P/s91")), PENDING);
}

#[test]
fn an_agent_or_a_supervisor_who_signs_out_ends_it() {
    let mut floor = floor();
    listens(&mut floor, 1, "91", Listen, Agent);
    floor.sign_out("1");
    assert_eq!(ended(&floor), [(1, MonitorOutcome::AgentSignedOut)]);
    assert_eq!(told(&floor, 1), [MonitorAction::End]);

    let mut floor = talking();
    listens(&mut floor, 1, "91", Listen, Agent);
    assert_eq!(sign_in(&mut floor, "91", "P/s91"), DONE, "there already");
    let supervisor = "91".to_owned();
    assert_eq!(floor.boss(Command::SignOutSupervisor { supervisor }), DONE);
    assert_eq!(ended(&floor), [(1, MonitorOutcome::SignedOut)]);
    let supervisor = "91".to_owned();
    assert_eq!(
        floor.boss(Command::StopMonitor { supervisor }),
        refused(Refusal::NothingToDo)
    );
}

#[test]
fn a_command_ends_it_and_a_ringing_phone_is_given_up() {
    let mut floor = talking();
    listens(&mut floor, 1, "91", Listen, Agent);
    let stop = |supervisor: &str| Command::StopMonitor {
        supervisor: supervisor.to_owned(),
    };
    assert_eq!(floor.boss(stop("91")), DONE);
    assert_eq!(ended(&floor), [(1, MonitorOutcome::Stopped)]);
    assert_eq!(told(&floor, 1), [MonitorAction::End]);
    assert_eq!(ask(&mut floor, 2, "92", Listen, Agent), PENDING);
    assert_eq!(floor.boss(stop("92")), DONE);
    let given_up = Action::CancelCallSupervisor {
        monitor: MonitorId(2),
    };
    assert!(floor.actions.contains(&given_up));
    // Answered in that moment.
    fact(&mut floor, 2, MonitorFact::Up);
    assert_eq!(told(&floor, 2), [MonitorAction::End]);
}

#[test]
fn settings_that_take_a_right_or_a_phone_sign_the_supervisor_out() {
    let mut floor = talking();
    listens(&mut floor, 1, "91", Whisper, Agent);
    listens(&mut floor, 2, "92", Listen, Agent);
    let mut less = settings();
    less.supervisors[0].may = vec![Right::Listen];
    less.supervisors[1].phones = vec!["P/other".to_owned()];
    less.supervisors.remove(2);
    assert_eq!(floor.reload(less), DONE);
    assert_eq!(
        ended(&floor),
        [(1, MonitorOutcome::SignedOut), (2, MonitorOutcome::SignedOut)]
    );
    let view = floor.engine.view();
    assert_eq!(view.supervisors.len(), 2);
    assert!(
        view.supervisors
            .iter()
            .all(|supervisor| supervisor.phone.is_empty())
    );
    assert_eq!(
        sign_in(&mut floor, "93", "P/s93"),
        refused(Refusal::UnknownSupervisor)
    );
}

#[test]
fn wrong_settings_are_refused_with_the_name_of_the_culprit() {
    let with = |change: fn(&mut Config)| {
        let mut config = settings();
        change(&mut config);
        config.check().unwrap_err().to_string()
    };
    for (said, expected) in [
        (
            with(|config| config.supervisors[0].number.clear()),
            "supervisor \"\": the number is empty",
        ),
        (
            with(|config| config.supervisors[1].number = "91".to_owned()),
            "supervisor \"91\": defined twice",
        ),
        (
            with(|config| config.supervisors[2].may = vec![Right::Listen, Right::Listen]),
            "supervisor \"93\": a right is given twice",
        ),
        (
            with(|config| config.supervision.ring_time = Span::ZERO),
            "supervision: the ring time is 0; let a supervisor's phone ring for a second at least",
        ),
        (
            with(|config| {
                config.supervision.tone = Some(Tone {
                    hertz: 99,
                    lasting: Span::seconds(1),
                });
            }),
            "supervision: a tone has 100 to 3400 hertz and lasts up to 5 s; leave it out for none",
        ),
    ] {
        assert_eq!(said, expected);
    }
}
