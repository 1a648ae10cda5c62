//! Supervisors: from the wish to the line, and what becomes of them without an engine.

use hotline_host::engine::action::MonitorAction;
use hotline_host::engine::input::{Follow, MonitorFact, MonitorMode};
use hotline_host::wire::event::{self as words, MonitorOutcome};
use hotline_host::wire::{Command, Event, Outcome, Refusal};
use hotline_host::{MonitorPort, MonitorRequest};

use crate::bed::{Bed, PATIENCE};

fn request(phone: &str) -> MonitorRequest {
    MonitorRequest {
        phone: phone.into(),
        agent: "1001".into(),
        mode: MonitorMode::Whisper,
        follow: Follow::Agent,
    }
}

fn signed_in() -> Bed {
    let bed = Bed::start();
    let outcome = bed
        .host
        .sign_in_supervisor("test", "9001".into(), "X/9001".into());
    assert_eq!(outcome, Outcome::Done);
    bed
}

/// The next action of a supervisor's channel.
fn next(port: &MonitorPort) -> MonitorAction {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let limit = Timespec {
        tv_sec: PATIENCE.as_secs() as i64,
        tv_nsec: 0,
    };
    let fd = port.fd();
    assert_eq!(
        poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&limit)).unwrap(),
        1
    );
    port.take().unwrap()
}

#[test]
fn a_second_line_for_the_same_listening_is_refused_and_harms_nothing() {
    let bed = signed_in();
    let wish = Command::Monitor {
        supervisor: "9001".into(),
        from: String::new(),
        agent: "1001".into(),
        mode: words::MonitorMode::Listen,
        follow: words::Follow::Agent,
    };
    assert_eq!(bed.host.command("boss", wish), Outcome::Pending);
    let monitor = bed.pbx.supervisors.lock().unwrap()[0].0;
    let first = bed.host.monitor_answered(monitor).unwrap();
    let listens = || bed.host.snapshot().unwrap().monitors.len();
    assert_eq!(listens(), 1);
    let second = bed.host.monitor_answered(monitor).unwrap();
    assert_eq!(next(&second), MonitorAction::End);
    second.report(MonitorFact::Gone);
    drop(second);
    assert_eq!(listens(), 1, "the first one stays");
    let log = bed.pbx.log.lock().unwrap().join("\n");
    assert!(log.contains("a second line"), "{log}");
    first.report(MonitorFact::Gone);
    assert_eq!(listens(), 0);
}

#[test]
fn a_phone_on_which_a_supervisor_is_signed_in_listens_and_no_other() {
    let bed = signed_in();
    let error = bed.host.monitor("phone:X/1", request("X/1")).unwrap_err();
    assert!(
        error.to_string().contains("no supervisor is signed in there"),
        "{error}"
    );
    let port = bed.host.monitor("phone:X/9001", request("X/9001")).unwrap();
    let monitors = bed.host.snapshot().unwrap().monitors;
    assert_eq!(
        (monitors[0].name.as_str(), monitors[0].mode),
        ("Ma Bing", words::MonitorMode::Whisper)
    );
    let mut client = bed.client(None, false);
    assert_eq!(client.snapshot().monitors.len(), 1);
    drop(port);
    let (_, outcome) = client.event(|event| match event {
        Event::MonitorEnded { outcome, .. } => Some(*outcome),
        _ => None,
    });
    assert_eq!(outcome, MonitorOutcome::HungUp);
}

#[test]
fn a_client_has_the_supervisors_phone_called_and_never_names_one() {
    let bed = signed_in();
    let mut client = bed.client(None, false);
    let wish = |from: &str| Command::Monitor {
        supervisor: "9001".into(),
        from: from.into(),
        agent: "1001".into(),
        mode: words::MonitorMode::Listen,
        follow: words::Follow::Agent,
    };
    let refused = |outcome| match outcome {
        Outcome::Refused { reason, .. } => Some(reason),
        Outcome::Done | Outcome::Pending | Outcome::Told { .. } | Outcome::Listed { .. } => None,
    };
    assert_eq!(
        refused(client.command("1", wish("X/typed"))),
        Some(Refusal::NotAllowed)
    );
    assert_eq!(client.command("2", wish("")), Outcome::Pending);
    let called = bed.pbx.supervisors.lock().unwrap().clone();
    let [(monitor, phone)] = &called[..] else {
        panic!("{called:?}")
    };
    assert_eq!(phone, "X/9001");
    let port = bed.host.monitor_answered(*monitor).unwrap();
    client.event(|event| match event {
        Event::CommandAnswered {
            command: Command::Monitor { .. },
            outcome: Outcome::Done,
            ..
        } => Some(()),
        _ => None,
    });
    port.report(MonitorFact::Key('x'));
    let stop = Command::StopMonitor {
        supervisor: "9001".into(),
    };
    assert_eq!(client.command("3", stop), Outcome::Done);
    assert_eq!(next(&port), MonitorAction::End);
}

#[test]
fn without_an_engine_a_supervisor_is_let_go() {
    let bed = signed_in();
    let port = bed.host.monitor("phone:X/9001", request("X/9001")).unwrap();
    bed.host.stop();
    assert_eq!(next(&port), MonitorAction::End);
}
