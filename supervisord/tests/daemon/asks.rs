//! What supervisors ask of queues, calls, callbacks and agents' places, from the command line to the node.

use std::sync::{Arc, Mutex};

use hotline_wire::command::Place;
use hotline_wire::event::{CallOutcome, Exit, Follow, MonitorMode, Whom};
use hotline_wire::snapshot::Door;
use hotline_wire::{Command, Event, Outcome, Refusal};

use crate::hotlinectl::{hotlinectl, shown, text};
use crate::support::bus::PrivateBus;
use crate::support::daemon::{DaemonProcess, write_settings};
use crate::support::node::FakeNode;
use crate::support::story::{MORNING, SECOND, agent, joined, left, queue, settings};

const CALL: &str = "pbx1-b1-7";
const CALLBACK: &str = "pbx1-b1-6";

struct Floor {
    bus: PrivateBus,
    node: FakeNode,
    heard: Arc<Mutex<Vec<Command>>>,
    _daemon: DaemonProcess,
    _dir: tempfile::TempDir,
}

impl Floor {
    /// A call that waits, and one that is owed.
    fn open() -> Floor {
        let dir = tempfile::tempdir().unwrap();
        let bus = PrivateBus::start(dir.path());
        let node = FakeNode::start(dir.path(), "pbx1", "b1");
        let mut skilled = agent("1001", &["sales", "support"]);
        skilled.queues[1].level = 3;
        skilled.skills = vec!["english".into()];
        node.tell_at(
            MORNING,
            settings(&["sales", "support"], vec![skilled, agent("1002", &["sales"])]),
        );
        let tell = |event| node.tell_at(MORNING + SECOND, event);
        tell(joined(CALLBACK, "sales", "gold", "13800138000"));
        tell(Event::CallbackPlaced {
            callback: CALLBACK.into(),
            queue: "sales".into(),
            tier: "gold".into(),
            number: "13800138000".into(),
            position: 1,
        });
        tell(left(
            CALLBACK,
            "sales",
            "gold",
            CallOutcome::Callback,
            0,
            Exit::Callback,
        ));
        tell(joined(CALL, "sales", "gold", "13900139000"));
        let heard: Arc<Mutex<Vec<Command>>> = Arc::default();
        let log = heard.clone();
        node.answer_with(move |author, command| {
            assert!(author.starts_with("dbus:"), "{author}");
            log.lock().unwrap().push(command.clone());
            match command {
                Command::WhyCall { .. }
                | Command::WhyNot { .. }
                | Command::Fairness
                | Command::ConfigDiff
                | Command::ConfigSave { .. }
                | Command::ConfigForget { .. } => {
                    let lines = vec!["because".into(), "\u{1b}[2Jof this".into()];
                    vec![Outcome::Told { lines }]
                }
                Command::SetSkill { has: false, .. } => {
                    vec![Outcome::Refused {
                        reason: Refusal::NothingToDo,
                        message: "it is so already".into(),
                    }]
                }
                _ => vec![Outcome::Done],
            }
        });
        let daemon = DaemonProcess::start(&write_settings(dir.path(), &[&node.socket], bus.address(), ""));
        shown(bus.address(), 2);
        node.wait_all_acked();
        Floor {
            bus,
            node,
            heard,
            _daemon: daemon,
            _dir: dir,
        }
    }

    /// Types a command. Returns its exit code and what it said.
    fn type_in(&self, line: &str) -> (Option<i32>, String) {
        let words: Vec<&str> = line.split(' ').collect();
        let output = hotlinectl(self.bus.address(), &words);
        (output.status.code(), text(&output))
    }
}

#[test]
fn supervisors_move_agents_queues_and_calls() {
    let floor = Floor::open();
    let (agent, call) = (|| "1001".to_owned(), || CALL.to_owned());
    let place = |level, weight| {
        let place = Some(Place { level, weight });
        let queue = "support".to_owned();
        Command::SetMembership {
            agent: agent(),
            queue,
            place,
        }
    };
    let door = |door| Command::SetDoor {
        queue: "sales".into(),
        door,
    };
    let queue = || "support".to_owned();
    for (line, expected) in [
        (
            "agent wrap-up-extend 1001 --by 1m30s",
            Command::ExtendWrapUp {
                agent: agent(),
                seconds: 90,
            },
        ),
        ("agent queue 1001 support", place(1, 1)),
        ("agent queue 1001 support 2", place(2, 1)),
        ("agent queue 1001 support 255 65535", place(255, 65_535)),
        (
            "agent queue 1001 support --leave",
            Command::SetMembership {
                agent: agent(),
                queue: queue(),
                place: None,
            },
        ),
        (
            "agent skill 1001 german",
            Command::SetSkill {
                agent: agent(),
                skill: "german".into(),
                has: true,
            },
        ),
        ("queue open sales", door(Door::Open)),
        ("queue close sales --node pbx1", door(Door::Closed)),
        ("queue emergency sales", door(Door::Emergency)),
        (
            "call prioritise pbx1-b1-7 60",
            Command::Reprioritise {
                call: call(),
                priority: 60,
            },
        ),
        (
            "call move pbx1-b1-7 support",
            Command::MoveCall {
                call: call(),
                queue: queue(),
            },
        ),
        (
            "call withdraw pbx1-b1-7",
            Command::Withdraw {
                call: call(),
                place: String::new(),
            },
        ),
        (
            "call withdraw pbx1-b1-7 --to ivr,s,1",
            Command::Withdraw {
                call: call(),
                place: "ivr,s,1".into(),
            },
        ),
        (
            "callback cancel pbx1-b1-6",
            Command::CancelCallback {
                callback: CALLBACK.into(),
            },
        ),
    ] {
        assert_eq!(floor.type_in(line), (Some(0), "done\n".to_owned()), "{line}");
        assert_eq!(floor.heard.lock().unwrap().pop(), Some(expected), "{line}");
    }
    let (code, said) = floor.type_in("agent skill 1001 english --drop");
    assert_eq!(
        (code, said.as_str()),
        (Some(3), "hotlinectl: refused: it is so already (NothingToDo)\n")
    );
    for line in [
        "agent queue 1001 support 0",
        "agent queue 1001 support 2 --leave",
        "queue shut sales",
    ] {
        assert_eq!(floor.type_in(line).0, Some(2), "{line}");
    }
    floor.heard.lock().unwrap().clear();
    for (line, complaint) in [
        (
            "call withdraw pbx1-b0-7",
            "no node has a call \"pbx1-b0-7\" since its start (UnknownCall)",
        ),
        ("call move 7 support", "no node has a call \"7\""),
        (
            "queue open lobby",
            "no queue lobby; `hotlinectl show queues` lists them",
        ),
        ("queue open sales --node pbx9", "no queue sales on node pbx9"),
    ] {
        let (code, said) = floor.type_in(line);
        assert_eq!(code, Some(3), "{line}: {said}");
        assert!(said.contains(complaint), "{line}: {said}");
    }
    assert!(
        floor.heard.lock().unwrap().is_empty(),
        "what is nobody's was asked of a node"
    );
}

#[test]
fn supervisors_listen_and_disconnect() {
    let floor = Floor::open();
    let monitor = |mode, follow| Command::Monitor {
        supervisor: "9001".into(),
        from: String::new(),
        agent: "1001".into(),
        mode,
        follow,
    };
    let disconnect = |whom| Command::Disconnect {
        agent: "1001".into(),
        whom,
        from: String::new(),
    };
    for (line, expected) in [
        (
            "agent monitor 1001 9001",
            monitor(MonitorMode::Listen, Follow::Agent),
        ),
        (
            "agent monitor 1001 9001 --mode take_over --follow call",
            monitor(MonitorMode::TakeOver, Follow::Call),
        ),
        (
            "agent monitor 1001 9001 --stop",
            Command::StopMonitor {
                supervisor: "9001".into(),
            },
        ),
        ("agent disconnect 1001", disconnect(Whom::Both)),
        ("agent disconnect 1001 caller", disconnect(Whom::Caller)),
    ] {
        assert_eq!(floor.type_in(line), (Some(0), "done\n".to_owned()), "{line}");
        assert_eq!(floor.heard.lock().unwrap().pop(), Some(expected), "{line}");
    }
    for line in [
        "agent monitor 1001",
        "agent monitor 1001 9001 --mode shout",
        "agent monitor 1001 9001 --stop --mode listen",
        "agent disconnect 1001 nobody",
        "config save",
        "config forget",
        "config forget 1001 --all",
    ] {
        assert_eq!(floor.type_in(line).0, Some(2), "{line}");
    }
}

#[test]
fn supervisors_are_told_why_and_what_is_owed() {
    let floor = Floor::open();
    for (line, expected) in [
        ("why pbx1-b1-7", Command::WhyCall { call: CALL.into() }),
        ("why-not 1001", Command::WhyNot { agent: "1001".into() }),
        ("fairness", Command::Fairness),
        ("fairness --node pbx1", Command::Fairness),
        ("config diff", Command::ConfigDiff),
        ("config diff --node pbx1", Command::ConfigDiff),
        (
            "config save new.toml",
            Command::ConfigSave {
                name: "new.toml".into(),
            },
        ),
        (
            "config forget 1009",
            Command::ConfigForget { about: "1009".into() },
        ),
        (
            "config forget --all",
            Command::ConfigForget { about: String::new() },
        ),
    ] {
        let (code, said) = floor.type_in(line);
        assert_eq!(
            (code, said.as_str()),
            (Some(0), "because\n\u{fffd}[2Jof this\n"),
            "{line}"
        );
        assert_eq!(floor.heard.lock().unwrap().pop(), Some(expected), "{line}");
    }
    let (_, owed) = floor.type_in("callback list");
    let rows: Vec<Vec<&str>> = owed
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        rows[1][..5],
        [CALLBACK, "pbx1", "sales", "gold", "*******8000"],
        "{owed}"
    );
    let (_, json) = floor.type_in("callback list --json");
    let rows: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (rows[0]["attempts"].as_u64(), rows[0]["dialling"].as_bool()),
        (Some(0), Some(false))
    );

    let (_, agents) = floor.type_in("show agents");
    assert!(agents.contains("sales support:3  english"), "{agents}");
    let mut closed = queue("sales");
    closed.door = Door::Closed;
    floor
        .node
        .tell_at(MORNING + 2 * SECOND, Event::QueueChanged { queue: closed });
    floor.node.wait_all_acked();
    let (_, queues) = floor.type_in("show queues");
    let row = queues.lines().nth(1).unwrap();
    let row: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(
        row[..5],
        ["sales", "pbx1", "longest-idle", "closed", "1"],
        "{queues}"
    );
}
