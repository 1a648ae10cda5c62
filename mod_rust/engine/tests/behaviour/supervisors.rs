//! A supervisor's word over the agent's.

use hotline_engine::action::{CommandOutcome, Refusal};
use hotline_engine::event::{AgentState, NextState};
use hotline_engine::input::Party;
use hotline_engine::{Event, Span};

use crate::floor::{DONE, Floor, PENDING, cancel, offer, queue, refused};

const OVERTAKEN: CommandOutcome = CommandOutcome::Refused(Refusal::Overtaken);

#[test]
fn a_forced_busy_agent_is_offered_nothing() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    assert_eq!(floor.force_busy("1", None), DONE);
    floor.join(1, "support");
    assert_eq!(floor.offers(), []);
    let agent = floor.agent("1");
    assert_eq!(
        (agent.state, agent.reason.as_str()),
        (AgentState::ForcedBusy, "audit")
    );
    assert_eq!(agent.forced.map(|lock| lock.author), Some("boss".to_owned()));
}

#[test]
fn a_forced_busy_agent_cannot_free_itself() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.force_busy("1", None);
    assert_eq!(floor.set_ready("1"), refused(Refusal::ForcedBusy));
    assert_eq!(floor.sign_out("1"), refused(Refusal::ForcedBusy));
    assert_eq!(floor.state("1"), AgentState::ForcedBusy);
}

#[test]
fn a_forced_busy_agent_may_be_not_ready_beneath_the_lock() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.force_busy("1", Some(10));
    assert_eq!(floor.set_not_ready("1", "lunch"), DONE);
    assert_eq!(floor.state("1"), AgentState::ForcedBusy);
    floor.pass(10);
    assert_eq!(floor.state("1"), AgentState::NotReady);
}

#[test]
fn forced_busy_while_the_phone_rings_gives_the_caller_to_the_next_agent_without_blame() {
    let mut floor = Floor::with_agents(queue("support"), &["1", "2"]);
    floor.join(1, "support");
    assert_eq!(floor.force_busy("1", None), DONE);
    assert_eq!(floor.told(1)[0], cancel(1));
    assert_eq!(floor.offers(), [offer(2, 1, "2")]);
    assert_eq!(floor.state("1"), AgentState::ForcedBusy);
}

#[test]
fn forced_busy_in_a_call_is_pending_until_its_end_and_then_done_for_its_author() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.join(1, "support").talk(1, 1);
    assert_eq!(floor.force_busy("1", None), PENDING);
    assert_eq!(floor.state("1"), AgentState::OnCall);
    assert!(
        floor.agent("1").forced.is_some(),
        "the lock is seen during the call"
    );
    floor.ended(1, Party::Caller);
    assert_eq!(floor.answers(), [("boss".to_owned(), CommandOutcome::Done)]);
    assert_eq!(floor.state("1"), AgentState::WrapUp);
    floor.pass(10);
    assert_eq!(floor.state("1"), AgentState::ForcedBusy);
}

#[test]
fn a_lock_expires_visibly_and_the_agent_takes_calls_again() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.force_busy("1", Some(30));
    floor.join(1, "support").pass(29);
    assert_eq!(floor.offers(), []);
    floor.pass(1);
    assert_eq!(floor.offers(), [offer(1, 1, "1")]);
    assert_eq!(floor.agent("1").forced, None);
    let from_lock = |event: &Event| {
        matches!(
            event,
            Event::AgentChanged {
                from: AgentState::ForcedBusy,
                ..
            }
        )
    };
    assert!(floor.events.iter().any(from_lock));
}

#[test]
fn a_lock_that_expires_during_the_call_never_took_effect() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.join(1, "support").talk(1, 1);
    floor.force_busy("1", Some(30));
    floor.pass(30);
    assert_eq!(floor.answers(), [("boss".to_owned(), OVERTAKEN)]);
    floor.ended(1, Party::Caller).pass(10);
    assert_eq!(floor.state("1"), AgentState::Ready);
}

#[test]
fn a_new_lock_replaces_the_old_one_and_its_end() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.force_busy("1", Some(10));
    floor.pass(5);
    floor.force_busy("1", Some(60));
    floor.pass(59);
    assert_eq!(floor.state("1"), AgentState::ForcedBusy);
    floor.pass(1);
    assert_eq!(floor.state("1"), AgentState::Ready);
}

#[test]
fn forced_idle_lifts_the_lock_and_what_lies_beneath() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.set_not_ready("1", "lunch");
    floor.force_busy("1", None);
    assert_eq!(floor.force_idle("1"), DONE);
    assert_eq!(floor.state("1"), AgentState::Ready);
}

#[test]
fn forced_idle_ends_wrap_up_and_not_ready() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.join(1, "support").talk(1, 1).ended(1, Party::Caller);
    assert_eq!(floor.force_idle("1"), DONE);
    assert_eq!(floor.state("1"), AgentState::Ready);
    floor.set_not_ready("1", "lunch");
    assert_eq!(floor.force_idle("1"), DONE);
    assert_eq!(floor.state("1"), AgentState::Ready);
    assert_eq!(floor.force_idle("1"), refused(Refusal::NothingToDo));
}

#[test]
fn forced_idle_in_a_call_takes_back_a_lock_and_a_not_ready_to_come() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.join(1, "support").talk(1, 1);
    floor.force_busy("1", None);
    floor.set_not_ready("1", "lunch");
    assert_eq!(floor.force_idle("1"), DONE);
    let outcomes: Vec<CommandOutcome> = floor.answers().into_iter().map(|(_, outcome)| outcome).collect();
    assert_eq!(outcomes, [OVERTAKEN, OVERTAKEN, CommandOutcome::Done]);
    floor.ended(1, Party::Caller).pass(10);
    assert_eq!(floor.state("1"), AgentState::Ready);
}

#[test]
fn forced_sign_out_lifts_a_lock_and_keeps_its_reason() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.force_busy("1", None);
    assert_eq!(floor.force_sign_out("1"), DONE);
    let agent = floor.agent("1");
    assert_eq!(
        (agent.state, agent.reason.as_str()),
        (AgentState::SignedOut, "late")
    );
    assert_eq!(agent.forced, None);
    floor.sign_in("1");
    assert_eq!(floor.state("1"), AgentState::Ready);
}

#[test]
fn forced_sign_out_in_a_call_comes_after_it_and_the_agent_cannot_take_it_back() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.join(1, "support").talk(1, 1);
    assert_eq!(floor.force_sign_out("1"), PENDING);
    assert_eq!(floor.set_ready("1"), refused(Refusal::ForcedBusy));
    assert_eq!(
        floor.agent("1").next,
        Some(NextState::SignedOut {
            reason: "late".to_owned()
        })
    );
    floor.ended(1, Party::Caller);
    assert_eq!(floor.answers(), [("boss".to_owned(), CommandOutcome::Done)]);
    assert_eq!(floor.state("1"), AgentState::SignedOut);
}

#[test]
fn forced_sign_out_overtakes_a_lock_that_waits_for_the_same_end() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.join(1, "support").talk(1, 1);
    floor.force_busy("1", None);
    floor.force_sign_out("1");
    floor.ended(1, Party::Caller);
    let outcomes: Vec<CommandOutcome> = floor.answers().into_iter().map(|(_, outcome)| outcome).collect();
    assert_eq!(outcomes, [OVERTAKEN, CommandOutcome::Done]);
}

#[test]
fn idle_time_begins_when_the_lock_is_lifted() {
    let mut floor = Floor::with_agents(queue("support"), &["1", "2"]);
    floor.force_busy("1", Some(10));
    floor.pass(10);
    floor.now = floor.now + Span::seconds(1);
    floor.join(1, "support");
    assert_eq!(floor.offers(), [offer(1, 1, "2")]);
}
