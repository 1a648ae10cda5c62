//! What an agent may ask for, and when it takes effect.

use hotline_engine::action::Refusal;
use hotline_engine::config::WrapUp;
use hotline_engine::event::{AgentState, NextState};
use hotline_engine::ids::AgentId;
use hotline_engine::input::{OfferFailure, Party, PhoneState};
use hotline_engine::{Action, Command, Event, Input, Span};

use crate::floor::{DONE, Floor, PENDING, agent, cancel, config, offer, queue, refused};

#[test]
fn an_agent_signs_in_ready_on_the_own_phone() {
    let mut floor = Floor::new(config(vec![queue("support")], vec![agent("1", &["support"])]));
    assert_eq!(floor.state("1"), AgentState::SignedOut);
    floor.sign_in("1");
    let agent = floor.agent("1");
    assert_eq!((agent.state, &*agent.phone), (AgentState::Ready, "P/1"));
}

#[test]
fn an_agent_signs_in_on_any_other_phone_and_that_one_is_watched() {
    let mut floor = Floor::new(config(vec![queue("support")], vec![agent("1", &["support"])]));
    assert_eq!(floor.sign_in_on("1", "P/desk"), DONE);
    assert_eq!(&*floor.agent("1").phone, "P/desk");
    assert_eq!(floor.actions[0], watch("P/desk"));
    floor.sign_out("1");
    assert_eq!(&*floor.agent("1").phone, "");
    assert_eq!(floor.actions[0], watch("P/1"));
}

#[test]
fn who_signs_in_from_a_phone_is_offered_a_call_once_that_is_free() {
    let mut floor = Floor::new(config(vec![queue("support")], vec![agent("1", &["support"])]));
    floor.join(1, "support");
    let command = Command::SignIn {
        agent: "1".to_owned(),
        phone: "P/desk".to_owned(),
        from_there: true,
    };
    assert_eq!(floor.ask("agent", command), DONE);
    assert_eq!(floor.agent("1").state, AgentState::Unavailable);
    floor.phone("1", PhoneState::Available);
    assert_eq!(floor.agent("1").state, AgentState::Offered);
}

#[test]
fn an_agent_without_a_phone_must_name_one() {
    let nomad = hotline_engine::config::Agent {
        phone: String::new(),
        ..agent("1", &["support"])
    };
    let mut floor = Floor::new(config(vec![queue("support")], vec![nomad]));
    assert_eq!(floor.sign_in_on("1", ""), refused(Refusal::NoPhone));
    assert_eq!(floor.sign_in_on("1", "P/desk"), DONE);
}

#[test]
fn a_phone_serves_one_agent_at_a_time() {
    let mut floor = Floor::with_agents(queue("support"), &["1", "2"]);
    assert_eq!(floor.sign_in_on("2", "P/1"), refused(Refusal::PhoneTaken));
    floor.sign_out("1");
    assert_eq!(floor.sign_in_on("2", "P/1"), DONE);
}

#[test]
fn signing_in_again_moves_the_agent_to_the_new_phone() {
    let mut floor = Floor::with_agents(queue("support"), &["1", "2"]);
    assert_eq!(floor.sign_in_on("1", "P/desk"), DONE);
    assert_eq!(&*floor.agent("1").phone, "P/desk");
    assert_eq!(floor.sign_in_on("2", "P/1"), DONE, "the old phone is free");
}

#[test]
fn signing_in_again_is_refused_while_a_call_is_offered_or_talked() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.join(1, "support");
    assert_eq!(floor.sign_in_on("1", "P/desk"), refused(Refusal::InCall));
    floor.talk(1, 1);
    assert_eq!(floor.sign_in_on("1", "P/desk"), refused(Refusal::InCall));
}

#[test]
fn an_unknown_agent_and_one_not_signed_in_are_told_apart() {
    let mut floor = Floor::new(config(vec![queue("support")], vec![agent("1", &["support"])]));
    assert_eq!(floor.set_ready("9"), refused(Refusal::UnknownAgent));
    assert_eq!(floor.set_ready("1"), refused(Refusal::NotSignedIn));
    assert_eq!(floor.sign_out("1"), refused(Refusal::NotSignedIn));
    assert_eq!(floor.force_idle("1"), refused(Refusal::NotSignedIn));
}

#[test]
fn a_lock_waits_for_an_agent_who_is_not_signed_in() {
    let mut floor = Floor::new(config(vec![queue("support")], vec![agent("1", &["support"])]));
    assert_eq!(floor.force_busy("1", None), DONE);
    assert_eq!(floor.state("1"), AgentState::SignedOut);
    assert_eq!(floor.sign_in_on("1", "P/1"), DONE);
    assert_eq!(floor.state("1"), AgentState::ForcedBusy);
    assert_eq!(floor.sign_out("1"), refused(Refusal::ForcedBusy));
    floor.join(1, "support");
    assert_eq!(floor.force_idle("1"), DONE);
    assert_eq!(floor.state("1"), AgentState::Offered);
}

#[test]
fn a_lock_on_who_is_not_signed_in_is_lifted_by_a_word_or_by_time() {
    let mut floor = Floor::new(config(vec![queue("support")], vec![agent("1", &["support"])]));
    assert_eq!(floor.force_busy("1", None), DONE);
    assert_eq!(floor.force_idle("1"), DONE);
    assert_eq!(floor.force_busy("1", Some(60)), DONE);
    floor.pass(60);
    assert_eq!(floor.agent("1").forced, None);
    assert_eq!(floor.sign_in_on("1", "P/1"), DONE);
    assert_eq!(floor.state("1"), AgentState::Ready);
}

#[test]
fn a_command_is_answered_to_the_asker_and_to_the_world() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    assert_eq!(floor.set_not_ready("1", "lunch"), DONE);
    let command = Command::SetNotReady {
        agent: "1".to_owned(),
        reason: "lunch".to_owned(),
    };
    let Some(outcome) = DONE else { unreachable!() };
    let answered = Event::CommandAnswered {
        author: "agent".to_owned(),
        command,
        outcome,
    };
    assert_eq!(floor.events.last(), Some(&answered), "after the change itself");
}

#[test]
fn an_agent_not_ready_is_offered_nothing_and_says_why() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.set_not_ready("1", "lunch");
    floor.join(1, "support");
    assert_eq!(floor.offers(), []);
    let agent = floor.agent("1");
    assert_eq!(
        (agent.state, agent.reason.as_str()),
        (AgentState::NotReady, "lunch")
    );
    assert_eq!(floor.set_ready("1"), DONE);
    assert_eq!(floor.offers(), [offer(1, 1, "1")]);
}

#[test]
fn not_ready_while_the_phone_rings_gives_the_caller_to_the_next_agent_without_blame() {
    let mut floor = Floor::with_agents(queue("support"), &["1", "2"]);
    floor.join(1, "support");
    assert_eq!(floor.set_not_ready("1", "lunch"), DONE);
    assert_eq!(floor.told(1)[0], cancel(1));
    assert_eq!(floor.offers(), [offer(2, 1, "2")]);
    assert_eq!(floor.state("1"), AgentState::NotReady);
}

#[test]
fn signing_out_while_the_phone_rings_gives_the_caller_to_the_next_agent() {
    let mut floor = Floor::with_agents(queue("support"), &["1", "2"]);
    floor.join(1, "support");
    assert_eq!(floor.sign_out("1"), DONE);
    assert_eq!(floor.offers(), [offer(2, 1, "2")]);
}

#[test]
fn wrap_up_follows_the_call_for_its_time() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor
        .join(1, "support")
        .talk(1, 1)
        .join(2, "support")
        .ended(1, Party::Caller);
    assert_eq!(floor.state("1"), AgentState::WrapUp);
    floor.pass(9);
    assert_eq!(floor.offers(), []);
    floor.pass(1);
    assert_eq!(floor.offers(), [offer(2, 2, "1")]);
}

#[test]
fn a_queue_without_wrap_up_offers_the_next_call_at_once() {
    let none = hotline_engine::config::Queue {
        wrap_up: WrapUp::Timed(Span::ZERO),
        ..queue("support")
    };
    let mut floor = Floor::with_agents(none, &["1"]);
    floor
        .join(1, "support")
        .talk(1, 1)
        .join(2, "support")
        .ended(1, Party::Caller);
    assert_eq!(floor.offers(), [offer(2, 2, "1")]);
}

#[test]
fn ready_ends_wrap_up() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor
        .join(1, "support")
        .talk(1, 1)
        .join(2, "support")
        .ended(1, Party::Caller);
    assert_eq!(floor.set_ready("1"), DONE);
    assert_eq!(floor.offers(), [offer(2, 2, "1")]);
}

#[test]
fn not_ready_and_signing_out_end_wrap_up() {
    for out in [false, true] {
        let mut floor = Floor::with_agents(queue("support"), &["1"]);
        floor.join(1, "support").talk(1, 1).ended(1, Party::Caller);
        let (outcome, state) = if out {
            (floor.sign_out("1"), AgentState::SignedOut)
        } else {
            (floor.set_not_ready("1", "lunch"), AgentState::NotReady)
        };
        assert_eq!((outcome, floor.state("1")), (DONE, state));
        floor.pass(60);
        assert_eq!(floor.state("1"), state);
    }
}

#[test]
fn a_state_asked_for_in_a_call_comes_after_it_and_is_answered_then() {
    for (which, after) in [
        (0, AgentState::NotReady),
        (1, AgentState::SignedOut),
        (2, AgentState::Ready),
    ] {
        let mut floor = Floor::with_agents(queue("support"), &["1"]);
        floor.join(1, "support").talk(1, 1);
        let (outcome, next) = match which {
            0 => (
                floor.set_not_ready("1", "lunch"),
                NextState::NotReady {
                    reason: "lunch".to_owned(),
                },
            ),
            1 => (
                floor.sign_out("1"),
                NextState::SignedOut {
                    reason: String::new(),
                },
            ),
            _ => (floor.set_ready("1"), NextState::Ready),
        };
        assert_eq!(outcome, PENDING);
        assert_eq!(floor.agent("1").next, Some(next));
        assert_eq!(floor.state("1"), AgentState::OnCall);
        floor.ended(1, Party::Caller);
        assert_eq!(floor.state("1"), after, "without wrap-up");
        assert_eq!(floor.agent("1").next, None);
        assert_eq!(
            floor.answers(),
            [("agent".to_owned(), hotline_engine::action::CommandOutcome::Done)]
        );
        let again = floor
            .actions
            .iter()
            .filter(|action| matches!(action, Action::Reply { .. }))
            .count();
        assert_eq!(again, 1, "the asker hears of it as well");
    }
}

#[test]
fn a_later_wish_overtakes_an_earlier_one() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.join(1, "support").talk(1, 1);
    floor.set_not_ready("1", "lunch");
    floor.sign_out("1");
    let overtaken = hotline_engine::action::CommandOutcome::Refused(Refusal::Overtaken);
    assert_eq!(floor.answers()[0].1, overtaken);
    floor.ended(1, Party::Caller);
    assert_eq!(floor.state("1"), AgentState::SignedOut);
}

#[test]
fn a_wish_made_while_connecting_holds_when_the_caller_hangs_up_before_a_word() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.join(1, "support").answered(1);
    assert_eq!(floor.set_not_ready("1", "lunch"), PENDING);
    floor.gone(1);
    assert_eq!(floor.state("1"), AgentState::NotReady);
}

#[test]
fn the_phone_after_a_call_counts() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.join(1, "support").talk(1, 1).pass(5);
    let call = hotline_engine::ids::CallId(1);
    floor
        .input(Input::Ended {
            call,
            by: Party::Caller,
            phone: PhoneState::Busy,
        })
        .pass(10);
    let agent = floor.agent("1");
    assert_eq!(
        (agent.state, agent.reason.as_str()),
        (AgentState::Unavailable, "phone in use")
    );
}

#[test]
fn the_phone_after_a_failed_connection_counts() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    let call = hotline_engine::ids::CallId(1);
    floor.join(1, "support").answered(1);
    floor.input(Input::Ended {
        call,
        by: Party::Agent,
        phone: PhoneState::Unreachable,
    });
    assert_eq!(floor.agent("1").reason, "phone unreachable");
}

#[test]
fn phones_of_agents_who_are_signed_out_are_known_when_they_sign_in() {
    let mut floor = Floor::new(config(vec![queue("support")], vec![agent("1", &["support"])]));
    floor.phone("1", PhoneState::Unreachable);
    floor.sign_in("1");
    assert_eq!(floor.state("1"), AgentState::Unavailable);
}

#[test]
fn a_phone_of_nobody_is_a_fault_of_the_host() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    let input = Input::Phone {
        agent: AgentId(77),
        state: PhoneState::Busy,
    };
    let events: Vec<Event> = floor.engine.handle(floor.now, input).events.collect();
    assert!(matches!(events[..], [Event::Fault { .. }]), "{events:?}");
}

#[test]
fn an_agent_is_published_once_per_input_with_the_time_of_the_state() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    let since = floor.now;
    floor.pass(7).phone("1", PhoneState::Busy);
    let changes: Vec<&Event> = floor
        .events
        .iter()
        .filter(|event| matches!(event, Event::AgentChanged { .. }))
        .collect();
    let [
        Event::AgentChanged {
            from: AgentState::Ready,
            to,
            ..
        },
    ] = changes[..]
    else {
        panic!("{changes:?}")
    };
    assert_eq!(
        (to.state, to.since),
        (AgentState::Unavailable, since + Span::seconds(7))
    );
    floor.phone("1", PhoneState::Busy);
    assert_eq!(floor.events, [], "nothing changed");
}

#[test]
fn a_state_keeps_its_time_when_a_detail_changes() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.set_not_ready("1", "lunch");
    let since = floor.now;
    floor.pass(7);
    floor.set_not_ready("1", "training");
    let agent = floor.agent("1");
    assert_eq!((agent.since, agent.reason.as_str()), (since, "training"));
    let changed = |event: &Event| matches!(event, Event::AgentChanged { from: AgentState::NotReady, to, .. } if to.since == since);
    assert!(floor.events.iter().any(changed), "{:?}", floor.events);
    floor.set_not_ready("1", "training");
    assert!(
        matches!(floor.events[..], [Event::CommandAnswered { .. }]),
        "nothing changed"
    );
}

#[test]
fn signing_out_forgets_a_cool_down() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.join(1, "support").failed(1, OfferFailure::Busy);
    floor.sign_out("1");
    floor.sign_in("1");
    assert_eq!(floor.offers(), [offer(2, 1, "1")]);
}

fn watch(phone: &str) -> Action {
    Action::WatchPhone {
        agent: AgentId(0),
        phone: phone.to_owned(),
    }
}
