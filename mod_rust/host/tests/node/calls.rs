//! Calls through the host: what a call's thread is told and tells.

use hotline_host::Fact;
use hotline_host::engine::CallAction;
use hotline_host::engine::action::Status;
use hotline_host::engine::ids::AgentId;
use hotline_host::engine::input::{Party, PhoneState};
use hotline_host::wire::snapshot::AgentState;
use hotline_host::wire::{Command, Outcome};

use crate::bed::{Bed, agent};

#[test]
fn a_caller_is_rung_connected_and_released() {
    let bed = Bed::start();
    let mut call = bed.call();
    assert_eq!(call.connect(), "1001");
    let snapshot = bed.host.snapshot().unwrap();
    assert_eq!(agent(&snapshot, "1001"), AgentState::OnCall);
    assert_eq!(snapshot.calls[0].agent.as_deref(), Some("1001"));
    assert_eq!(snapshot.calls[0].call, call.0.reference());
    call.end(Party::Agent);
    assert_eq!(call.released(), Status::Answered);
    drop(call);
    let snapshot = bed.host.snapshot().unwrap();
    assert!(snapshot.calls.is_empty());
    assert_eq!(agent(&snapshot, "1001"), AgentState::Ready);
    assert_eq!(bed.host.calls(), 0);
}

#[test]
fn a_dropped_port_leaves_nothing_behind() {
    let bed = Bed::start();
    let waiting = bed.call();
    let mut talking = waiting;
    talking.connect();
    let mut ringing = bed.call();
    drop(talking);
    ringing.rung();
    drop(ringing);
    let snapshot = bed.host.snapshot().unwrap();
    assert!(snapshot.calls.is_empty(), "{snapshot:?}");
    assert_eq!(agent(&snapshot, "1001"), AgentState::Ready);
}

#[test]
fn a_port_dropped_after_a_failed_connect_leaves_nothing_behind() {
    let bed = Bed::start();
    let mut call = bed.call();
    let (offer, _) = call.rung();
    call.0.report(Fact::Answered(offer));
    assert_eq!(
        call.next(),
        CallAction::Connect {
            offer,
            greeting: None
        }
    );
    // The agent hung up in that moment: the caller waits on, until its thread goes.
    call.end(Party::Agent);
    assert_eq!(bed.host.snapshot().unwrap().calls.len(), 1);
    drop(call);
    assert!(bed.host.snapshot().unwrap().calls.is_empty());
}

#[test]
fn an_agent_who_signs_in_from_a_phone_is_offered_a_call_when_it_is_free() {
    let bed = Bed::start();
    let mut first = bed.call();
    first.connect();
    let mut second = bed.call();
    assert_eq!(
        bed.host
            .sign_in_from("agent:1002", "1002".into(), "X/desk".into()),
        Outcome::Done
    );
    assert_eq!(
        agent(&bed.host.snapshot().unwrap(), "1002"),
        AgentState::Unavailable
    );
    bed.host.phone_changed(AgentId(1), PhoneState::Available);
    assert_eq!(second.rung().1, "1002");
}

#[test]
fn an_unknown_queue_releases_at_once() {
    let bed = Bed::start();
    assert_eq!(bed.call_to("sales").released(), Status::UnknownQueue);
}

#[test]
fn stopping_releases_who_waits() {
    let bed = Bed::start();
    let mut first = bed.call();
    first.connect();
    let mut waiting = bed.call();
    bed.host.stop();
    assert_eq!(waiting.released(), Status::Error);
    let mut late = bed.call();
    assert_eq!(late.released(), Status::Error);
    assert!(matches!(
        bed.host
            .command("cli", Command::SetReady { agent: "1001".into() }),
        Outcome::Refused { .. }
    ));
}

#[test]
fn pins_are_asked_where_there_are_any() {
    let bed = Bed::start();
    assert!(!bed.host.needs_pin("1001"));
    assert!(bed.host.needs_pin("1002"));
    assert!(bed.host.pin_ok("1002", "4711"));
    assert!(!bed.host.pin_ok("1002", "4712"));
}

#[cfg(feature = "fault-injection")]
#[test]
fn a_panicking_engine_lets_every_caller_go_on() {
    let bed = Bed::start();
    let mut talking = bed.call();
    talking.connect();
    let mut waiting = bed.call();
    bed.host.inject_panic();
    assert_eq!(waiting.released(), Status::Error);
    assert_eq!(bed.call().released(), Status::Error);
    assert!(bed.logged("the engine panicked: injected"));
}
