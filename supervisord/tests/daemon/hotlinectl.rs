//! `hotlinectl` as supervisors type it, and who may.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command as Program, Output};

use hotline_wire::{Command, Outcome, Refusal};

use crate::support::bus::PrivateBus;
use crate::support::daemon::{DaemonProcess, write_settings};
use crate::support::inside;
use crate::support::node::{FakeNode, PATIENCE};
use crate::support::story::Story;

pub fn hotlinectl(bus: &str, arguments: &[&str]) -> Output {
    Program::new(env!("CARGO_BIN_EXE_hotlinectl"))
        .env("HOTLINE_BUS", bus)
        .args(arguments)
        .output()
        .unwrap()
}

pub fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap() + &String::from_utf8(output.stderr.clone()).unwrap()
}

/// Until the daemon process has its objects on the bus.
pub fn shown(bus: &str, agents: usize) {
    let begun = std::time::Instant::now();
    loop {
        let output = hotlinectl(bus, &["show", "agents", "--json"]);
        if output.status.success() {
            let rows: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
            if rows.as_array().unwrap().len() == agents {
                return;
            }
        }
        assert!(begun.elapsed() < PATIENCE, "{}", text(&output));
    }
}

#[test]
fn hotlinectl_shows_and_asks() {
    let dir = tempfile::tempdir().unwrap();
    let bus = PrivateBus::start(dir.path());
    let unreachable = hotlinectl(bus.address(), &["show", "agents"]);
    assert_eq!(unreachable.status.code(), Some(4));
    assert!(
        text(&unreachable).contains("systemctl start hotline-supervisord"),
        "{}",
        text(&unreachable)
    );
    let no_bus = hotlinectl("unix:path=/nowhere/at/all", &["show", "agents"]);
    assert_eq!(no_bus.status.code(), Some(4));
    assert!(text(&no_bus).contains("--bus"), "{}", text(&no_bus));

    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    let mut story = Story::new(26, "b1");
    story.begin(&node);
    (0..60).for_each(|_| story.step(&node));
    node.answer_with(|_, command| match command {
        Command::ForceBusy { seconds: 900, .. } => vec![Outcome::Pending],
        Command::ForceIdle { .. } => vec![Outcome::Refused {
            reason: Refusal::NothingToDo,
            message: "agent 1001 is not locked".into(),
        }],
        _ => vec![Outcome::Done],
    });
    let _daemon = DaemonProcess::start(&write_settings(dir.path(), &[&node.socket], bus.address(), ""));
    shown(bus.address(), 6);
    node.wait_all_acked();

    let agents = text(&hotlinectl(bus.address(), &["show", "agents"]));
    assert_eq!(agents.lines().count(), 7, "{agents}");
    assert!(agents.starts_with("AGENT  NAME        NODE  STATE"), "{agents}");
    let queues = text(&hotlinectl(bus.address(), &["show", "queues"]));
    assert!(queues.contains("support  pbx1  longest-idle"), "{queues}");
    let calls = hotlinectl(bus.address(), &["show", "calls", "--json"]);
    let rows: serde_json::Value = serde_json::from_slice(&calls.stdout).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), inside::told(&node).calls.len());
    assert!(
        rows[0]["number"].as_str().unwrap().starts_with("*******"),
        "{rows}"
    );
    let nodes = text(&hotlinectl(bus.address(), &["show", "nodes"]));
    assert!(nodes.contains("pbx1  yes"), "{nodes}");

    let pending = hotlinectl(
        bus.address(),
        &[
            "agent",
            "force-busy",
            "1001",
            "--reason",
            "training",
            "--for",
            "15m",
        ],
    );
    assert_eq!(
        (pending.status.code(), text(&pending).starts_with("pending")),
        (Some(0), true),
        "{}",
        text(&pending)
    );
    let done = hotlinectl(
        bus.address(),
        &["agent", "sign-in", "1001", "--phone", "PJSIP/a9"],
    );
    assert_eq!((done.status.code(), text(&done).as_str()), (Some(0), "done\n"));
    let refused = hotlinectl(bus.address(), &["agent", "force-idle", "1001"]);
    assert_eq!(refused.status.code(), Some(3));
    assert_eq!(
        text(&refused),
        "hotlinectl: refused: agent 1001 is not locked (NothingToDo)\n"
    );
    let unknown = hotlinectl(bus.address(), &["agent", "ready", "4711"]);
    assert_eq!(unknown.status.code(), Some(3), "{}", text(&unknown));
    assert!(text(&unknown).contains("no agent 4711"));
    assert_eq!(
        hotlinectl(bus.address(), &["agent", "force-busy", "1001"])
            .status
            .code(),
        Some(2)
    );
}

#[test]
fn strangers_may_look_but_not_act() {
    if !nix::unistd::getuid().is_root() {
        eprintln!("NOT TESTED: only root can act as another user");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let bus = PrivateBus::start_strict(dir.path());
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    Story::new(27, "b1").begin(&node);
    let _daemon = DaemonProcess::start(&write_settings(dir.path(), &[&node.socket], bus.address(), ""));
    shown(bus.address(), 6);
    assert_eq!(
        text(&hotlinectl(bus.address(), &["agent", "ready", "1001"])),
        "done\n"
    );

    let program = dir.path().join("hotlinectl");
    std::fs::copy(env!("CARGO_BIN_EXE_hotlinectl"), &program).unwrap();
    let nobody = nix::unistd::User::from_name("nobody").unwrap().unwrap();
    let stranger = |arguments: &[&str]| {
        Program::new(&program)
            .env("HOTLINE_BUS", bus.address())
            .args(arguments)
            .uid(nobody.uid.as_raw())
            .gid(nobody.gid.as_raw())
            .output()
            .unwrap()
    };
    let look = stranger(&["show", "agents"]);
    assert!(look.status.success(), "{}", text(&look));
    for arguments in [&["agent", "ready", "1001"][..], &["show", "calls"]] {
        let act = stranger(arguments);
        assert_eq!(act.status.code(), Some(3), "{}", text(&act));
        assert!(text(&act).contains("group hotline"), "{}", text(&act));
    }
}

#[test]
fn a_daemon_or_bus_that_hangs_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let bus = PrivateBus::start(dir.path());
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    Story::new(29, "b1").begin(&node);
    let daemon = DaemonProcess::start(&write_settings(dir.path(), &[&node.socket], bus.address(), ""));
    shown(bus.address(), 6);
    daemon.freeze();
    for asked in [&["show", "agents"][..], &["agent", "ready", "1001"]] {
        let hung = hotlinectl(bus.address(), &[&["--timeout", "300ms"], asked].concat());
        assert_eq!(hung.status.code(), Some(4), "{}", text(&hung));
        assert!(text(&hung).contains("within 300ms"), "{}", text(&hung));
    }
    // It listens and says nothing.
    let socket = dir.path().join("mute");
    let _mute = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let address = format!("unix:path={}", socket.display());
    let hung = hotlinectl(&address, &["--timeout", "300ms", "show", "nodes"]);
    assert_eq!(hung.status.code(), Some(4), "{}", text(&hung));
}
