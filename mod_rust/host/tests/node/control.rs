//! The control socket, the settings while running, and the journal.

use std::io::Write;
use std::sync::Arc;

use hotline_host::Host;
use hotline_host::engine::codec::journal::Reader;
use hotline_host::engine::input::Party;
use hotline_host::engine::{self, Engine};
use hotline_host::wire::frame::Resume;
use hotline_host::wire::snapshot::AgentState;
use hotline_host::wire::{Command, Event, FromNode, MAX_CLIENT_LINE, Outcome, Refusal};

use crate::bed::{Bed, Client, FakePbx, agent};

#[test]
fn a_storing_client_gets_the_story_from_its_beginning_and_resumes() {
    let bed = Bed::start();
    let mut call = bed.call();
    call.connect();
    let mut daemon = bed.client(None, true);
    let boot = daemon.boot();
    assert_eq!(daemon.snapshot().seq, 0);
    let (first, ()) = daemon.event(|_| Some(()));
    assert_eq!(first, 1);
    let (seq, ()) = daemon.event(|event| matches!(event, Event::CallConnected { .. }).then_some(()));
    drop(daemon);
    call.end(Party::Caller);
    let mut daemon = bed.client(Some(Resume { boot, seq }), true);
    let (following, ()) = daemon.event(|_| Some(()));
    assert_eq!(following, seq + 1);
}

#[test]
fn what_was_dropped_is_a_gap_and_the_live_state_is_set_right() {
    let bed = Bed::with("max_events = 1000");
    for _ in 0..400 {
        let mut call = bed.call();
        call.connect();
        call.end(Party::Agent);
        call.released();
    }
    let mut call = bed.call();
    call.connect();
    let mut daemon = bed.client(None, true);
    assert_eq!(daemon.snapshot().seq, 0);
    // Gaps, events and the snapshot make one story without a hole; it may overflow again while it is being read.
    let (mut next, mut lost) = (1, 0);
    let snapshot = daemon.find(|frame| {
        match frame {
            FromNode::Gap(gap) => {
                assert_eq!(gap.first, next);
                lost += gap.last + 1 - gap.first;
                next = gap.last + 1;
            }
            FromNode::Event(event) => {
                assert_eq!(event.seq, next);
                next += 1;
            }
            FromNode::Snapshot { snapshot } => {
                assert_eq!(snapshot.seq + 1, next);
                return Some(snapshot);
            }
            _ => {}
        }
        None
    });
    assert!(lost > 0);
    assert!(bed.logged("the event log is full") || bed.logged("events were lost"));
    assert_eq!(agent(&snapshot, "1001"), AgentState::OnCall);
}

#[test]
fn a_command_is_answered_pending_and_then_done() {
    let bed = Bed::start();
    let mut call = bed.call();
    call.connect();
    let mut client = bed.client(None, false);
    assert_eq!(agent(&client.snapshot(), "1001"), AgentState::OnCall);
    let command = Command::ForceBusy {
        agent: "1001".into(),
        reason: "fire drill".into(),
        seconds: 0,
    };
    assert_eq!(client.command("a", command), Outcome::Pending);
    call.end(Party::Agent);
    assert_eq!(client.reply("a"), Outcome::Done);
    let refused = client.command("b", Command::SetReady { agent: "1001".into() });
    assert!(
        matches!(
            refused,
            Outcome::Refused {
                reason: Refusal::ForcedBusy,
                ..
            }
        ),
        "{refused:?}"
    );
    let unknown = bed.host.command("cli", Command::ForceIdle { agent: "9".into() });
    assert!(
        matches!(
            unknown,
            Outcome::Refused {
                reason: Refusal::UnknownAgent,
                ..
            }
        ),
        "{unknown:?}"
    );
}

#[test]
fn a_bad_reload_is_refused_whole_and_a_good_one_applies() {
    let bed = Bed::start();
    let good = std::fs::read_to_string(bed.settings_file()).unwrap();
    std::fs::write(bed.settings_file(), good.replace("\"support\"]", "\"sales\"]")).unwrap();
    let refused = bed.host.reload("cli").unwrap_err();
    assert!(
        refused.ends_with("hotline.toml:30: queues: there is no queue \"sales\""),
        "{refused}"
    );
    assert_eq!(bed.host.snapshot().unwrap().agents.len(), 2);
    std::fs::write(
        bed.settings_file(),
        format!("{good}\n[[agent]]\nnumber = \"1003\"\n"),
    )
    .unwrap();
    assert_eq!(
        bed.host.reload("cli").unwrap(),
        "2 queues and 3 agents are in force"
    );
    assert_eq!(bed.host.snapshot().unwrap().agents.len(), 3);
}

#[test]
fn the_journal_replays_to_the_same_events() {
    let bed = Bed::start();
    let mut call = bed.call();
    call.connect();
    let command = Command::ForceBusy {
        agent: "1001".into(),
        reason: "fire drill".into(),
        seconds: 0,
    };
    assert_eq!(bed.host.command("cli", command), Outcome::Pending);
    call.end(Party::Agent);
    call.released();
    drop(call);
    let events = bed.host.snapshot().unwrap().seq;
    bed.host.stop();

    let folder = std::fs::read_dir(bed.folder.path().join("journal")).unwrap();
    let file = folder.map(|entry| entry.unwrap().path()).next().unwrap();
    let bytes = std::fs::read(file).unwrap();
    let (head, records) = Reader::open(&bytes).unwrap();
    let mut engine = Engine::new(head.config, head.booted, head.seed).unwrap();
    let mut replayed = Vec::new();
    for record in records {
        let record = record.unwrap();
        replayed.extend(engine.handle(record.at, record.input).events);
    }
    assert_eq!(replayed.len() as u64, events);
    assert!(
        replayed
            .iter()
            .any(|event| matches!(event, engine::Event::CallConnected { .. }))
    );
    assert_eq!(
        engine.view().agents[0].state,
        engine::event::AgentState::ForcedBusy
    );
}

#[test]
fn a_client_that_breaks_the_protocol_is_told_and_dropped() {
    let bed = Bed::start();
    for (line, complaint) in [
        (
            r#"{"type":"hello","protocol":99,"client":"x"}"#,
            "speaks protocol 7",
        ),
        (
            r#"{"type":"ack","boot":"b","seq":1}"#,
            "the first line must be a hello",
        ),
        ("nonsense", "not a frame"),
    ] {
        let mut client = Client::connect(bed.folder.path().join("node.sock"));
        writeln!(client.stream, "{line}").unwrap();
        let message = client.find(|frame| match frame {
            FromNode::Error { message } => Some(message),
            _ => None,
        });
        assert!(message.contains(complaint), "{message}");
        assert!(client.read().is_none());
    }
}

#[test]
fn a_client_that_ends_no_line_is_dropped_before_that_costs_memory() {
    let bed = Bed::start();
    let mut client = Client::connect(bed.folder.path().join("node.sock"));
    client.stream.write_all(&vec![b'x'; MAX_CLIENT_LINE + 1]).unwrap();
    let message = client.find(|frame| match frame {
        FromNode::Error { message } => Some(message),
        _ => None,
    });
    assert_eq!(message, "a line is longer than 65536 bytes");
    assert!(client.read().is_none());
}

#[test]
fn a_client_that_does_not_read_harms_nobody() {
    let bed = Bed::start();
    let deaf = bed.client(None, true);
    for _ in 0..2_000 {
        let mut call = bed.call();
        call.connect();
        call.end(Party::Agent);
        call.released();
    }
    let mut other = bed.client(None, false);
    assert!(other.snapshot().calls.is_empty());
    drop(deaf);
}

#[test]
fn a_second_node_on_the_same_socket_is_refused_and_a_left_one_is_taken_over() {
    let bed = Bed::start();
    let Err(error) = Host::start(Arc::new(FakePbx::default()), &bed.settings_file()) else {
        panic!("two nodes share a socket");
    };
    assert!(
        error.to_string().contains("another node listens there"),
        "{error}"
    );
    bed.host.stop();
    // What a killed node leaves behind.
    let socket = bed.folder.path().join("node.sock");
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let again = Host::start(Arc::new(FakePbx::default()), &bed.settings_file()).unwrap();
    again.stop();
    assert!(!socket.exists());
}
