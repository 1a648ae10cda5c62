//! A whole host without a PBX: calls are played by the test, the control socket is real.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::io::{BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hotline_host::engine::action::Status;
use hotline_host::engine::codec::journal::Reader;
use hotline_host::engine::ids::{AgentId, OfferId};
use hotline_host::engine::input::{Caller, Party, PhoneState};
use hotline_host::engine::{self, CallAction, Engine};
use hotline_host::wire::frame::{EventFrame, Resume};
use hotline_host::wire::snapshot::AgentState;
use hotline_host::wire::{Command, Event, FromClient, FromNode, Outcome, PROTOCOL, Refusal, Snapshot, line};
use hotline_host::{CallPort, Fact, Host, Level, Pbx};

const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Default)]
struct FakePbx {
    log: Mutex<Vec<String>>,
}

impl Pbx for FakePbx {
    fn name(&self) -> String {
        "Fake 1.0".to_owned()
    }
    fn watch_phone(&self, _: AgentId, _: &str) {}
    fn publish(&self, _: u64, _: &Event) {}
    fn log(&self, level: Level, message: &str) {
        self.log.lock().unwrap().push(format!("{level:?}: {message}"));
    }
}

struct Bed {
    host: Host,
    pbx: Arc<FakePbx>,
    folder: tempfile::TempDir,
}

impl Drop for Bed {
    fn drop(&mut self) {
        self.host.stop();
    }
}

const SETTINGS: &str = r#"
[[queue]]
name = "support"
[[agent]]
number = "1001"
phone = "X/1001"
queues = ["support"]
always_signed_in = true
[[agent]]
number = "1002"
phone = "X/1002"
pin = "4711"
queues = ["support"]
"#;

impl Bed {
    fn start() -> Bed {
        Bed::with("")
    }

    fn with(control: &str) -> Bed {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("node.sock");
        let journal = folder.path().join("journal");
        let text = format!(
            "node = \"t\"\n[control]\nsocket = {socket:?}\n{control}\n[journal]\ndirectory = {journal:?}\n{SETTINGS}"
        );
        std::fs::write(folder.path().join("hotline.toml"), text).unwrap();
        let pbx = Arc::new(FakePbx::default());
        let host = Host::start(pbx.clone(), &folder.path().join("hotline.toml")).unwrap();
        Bed { host, pbx, folder }
    }

    fn settings_file(&self) -> PathBuf {
        self.folder.path().join("hotline.toml")
    }

    fn call(&self) -> Call {
        self.call_to("support")
    }

    fn call_to(&self, queue: &str) -> Call {
        Call(
            self.host
                .join(
                    queue,
                    Caller {
                        number: "13800001234".into(),
                        ..Caller::default()
                    },
                )
                .unwrap(),
        )
    }

    fn client(&self, resume: Option<Resume>, durable: bool) -> Client {
        let mut client = Client::connect(self.folder.path().join("node.sock"));
        client.send(&FromClient::Hello {
            protocol: PROTOCOL,
            client: "test".into(),
            resume,
            durable,
        });
        client
    }

    fn logged(&self, text: &str) -> bool {
        self.pbx
            .log
            .lock()
            .unwrap()
            .iter()
            .any(|line| line.contains(text))
    }
}

struct Call(CallPort);

impl Call {
    fn next(&mut self) -> CallAction {
        loop {
            if let Some(action) = self.0.take() {
                return action;
            }
            let fd = self.0.fd();
            let mut fds = [rustix::event::PollFd::new(&fd, rustix::event::PollFlags::IN)];
            let patience = rustix::event::Timespec {
                tv_sec: PATIENCE.as_secs() as i64,
                tv_nsec: 0,
            };
            assert_eq!(
                rustix::event::poll(&mut fds, Some(&patience)).unwrap(),
                1,
                "no action came"
            );
        }
    }

    fn rung(&mut self) -> (OfferId, String) {
        loop {
            if let CallAction::Ring { offer, agent, .. } = self.next() {
                return (offer, agent);
            }
        }
    }

    /// Rings, answers, connects.
    fn connect(&mut self) -> String {
        let (offer, agent) = self.rung();
        self.0.report(Fact::Ringing(offer));
        self.0.report(Fact::Answered(offer));
        assert_eq!(self.next(), CallAction::Connect { offer });
        self.0.report(Fact::Connected);
        agent
    }

    fn end(&mut self, by: Party) {
        self.0.report(Fact::Ended {
            by,
            phone: PhoneState::Available,
        });
    }

    fn released(&mut self) -> Status {
        loop {
            if let CallAction::Release { status } = self.next() {
                return status;
            }
        }
    }
}

struct Client {
    stream: UnixStream,
    from: BufReader<UnixStream>,
}

impl Client {
    fn connect(path: PathBuf) -> Client {
        let stream = UnixStream::connect(path).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let from = BufReader::new(stream.try_clone().unwrap());
        Client { stream, from }
    }

    fn send(&mut self, frame: &FromClient) {
        line::write(&mut self.stream, frame).unwrap();
    }

    fn read(&mut self) -> Option<FromNode> {
        line::read(&mut self.from, &mut Vec::new()).unwrap()
    }

    fn find<T>(&mut self, mut what: impl FnMut(FromNode) -> Option<T>) -> T {
        loop {
            let frame = self.read().expect("the node hung up");
            if let Some(found) = what(frame) {
                return found;
            }
        }
    }

    fn event<T>(&mut self, mut what: impl FnMut(&Event) -> Option<T>) -> (u64, T) {
        self.find(|frame| match frame {
            FromNode::Event(EventFrame { seq, event, .. }) => what(&event).map(|found| (seq, found)),
            _ => None,
        })
    }

    fn boot(&mut self) -> String {
        self.find(|frame| match frame {
            FromNode::Hello(hello) => Some(hello.boot),
            _ => None,
        })
    }

    fn snapshot(&mut self) -> Snapshot {
        self.find(|frame| match frame {
            FromNode::Snapshot { snapshot } => Some(*snapshot),
            _ => None,
        })
    }

    fn command(&mut self, id: &str, command: Command) -> Outcome {
        self.send(&FromClient::Command {
            id: id.into(),
            author: "test".into(),
            command,
        });
        self.reply(id)
    }

    fn reply(&mut self, wanted: &str) -> Outcome {
        self.find(|frame| match frame {
            FromNode::Reply { id, outcome } if id == wanted => Some(outcome),
            _ => None,
        })
    }
}

fn agent(snapshot: &Snapshot, number: &str) -> AgentState {
    snapshot
        .agents
        .iter()
        .find(|agent| agent.number == number)
        .unwrap()
        .state
}

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
    assert_eq!(call.next(), CallAction::Connect { offer });
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
        refused.ends_with("hotline.toml:13: queues: there is no queue \"sales\""),
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
        "1 queues and 3 agents are in force"
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
            "speaks protocol 1",
        ),
        (r#"{"type":"ack","seq":1}"#, "the first line must be a hello"),
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
