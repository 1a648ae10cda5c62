//! A host, a PBX that does nothing, calls played by hand, and clients of the control socket.

use std::collections::VecDeque;
use std::io::BufReader;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hotline_host::engine::CallAction;
use hotline_host::engine::Span;
use hotline_host::engine::action::Status;
use hotline_host::engine::config::Answering;
use hotline_host::engine::ids::{AgentId, CallId, MonitorId, OfferId, RecordingId};
use hotline_host::engine::input::{Caller, Party, PhoneState, RecordOrder, Whom};
use hotline_host::wire::frame::{EventFrame, Resume};
use hotline_host::wire::snapshot::AgentState;
use hotline_host::wire::{Command, Event, FromClient, FromNode, Outcome, PROTOCOL, Snapshot, line};
use hotline_host::{CallPort, Fact, ForWhom, Host, Level, Pbx};

pub const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Default)]
pub struct FakePbx {
    pub log: Mutex<Vec<String>>,
    /// Callbacks asked for, with what is dialled.
    pub called_back: Mutex<Vec<(CallId, String)>>,
    pub called_off: Mutex<Vec<CallId>>,
    /// Supervisors called, with their phones.
    pub supervisors: Mutex<Vec<(MonitorId, String)>>,
    pub disconnected: Mutex<Vec<(CallId, Whom)>>,
    pub comforted: Mutex<Vec<(CallId, Vec<String>)>>,
    pub retrieved: Mutex<Vec<(CallId, String)>>,
    pub held: Mutex<Vec<(CallId, bool)>>,
    pub muted: Mutex<Vec<(CallId, bool)>>,
    pub sent_away: Mutex<Vec<(CallId, String)>>,
    pub brought_back: Mutex<Vec<CallId>>,
    pub recorded: Mutex<Vec<(RecordingId, CallId, RecordOrder)>>,
}

impl Pbx for FakePbx {
    fn name(&self) -> String {
        "Fake 1.0".to_owned()
    }
    fn watch_phone(&self, _: AgentId, _: &str) {}
    fn call_back(&self, callback: CallId, _: u32, dial: &str, _: &str, _: &str) {
        self.called_back.lock().unwrap().push((callback, dial.to_owned()));
    }
    fn cancel_call_back(&self, callback: CallId) {
        self.called_off.lock().unwrap().push(callback);
    }
    fn call_supervisor(&self, monitor: MonitorId, phone: &str, _: ForWhom<'_>, _: Answering, _: Span) {
        self.supervisors.lock().unwrap().push((monitor, phone.to_owned()));
    }
    fn cancel_call_supervisor(&self, _: MonitorId) {}
    fn disconnect(&self, call: CallId, whom: Whom) {
        self.disconnected.lock().unwrap().push((call, whom));
    }
    fn comfort(&self, call: CallId, say: &[String]) {
        self.comforted.lock().unwrap().push((call, say.to_vec()));
    }
    fn retrieve(&self, call: CallId, event: &str, _: bool) {
        self.retrieved.lock().unwrap().push((call, event.to_owned()));
    }
    fn hold(&self, call: CallId, on: bool) {
        self.held.lock().unwrap().push((call, on));
    }
    fn consult(&self, _: CallId, _: hotline_host::engine::action::Line) {}
    fn arrange(&self, _: CallId, _: hotline_host::engine::input::Arrangement) {}
    fn record(&self, recording: RecordingId, call: CallId, order: RecordOrder) {
        self.recorded.lock().unwrap().push((recording, call, order));
    }

    fn mute(&self, call: CallId, on: bool) {
        self.muted.lock().unwrap().push((call, on));
    }
    fn send_away(&self, call: CallId, place: &str) {
        self.sent_away.lock().unwrap().push((call, place.to_owned()));
    }
    fn bring_back(&self, call: CallId) {
        self.brought_back.lock().unwrap().push(call);
    }
    fn place_of(&self, number: &str) -> Option<String> {
        number.starts_with('0').then(|| format!("away,{number}"))
    }
    fn publish(&self, _: u64, _: &Event) {}
    fn log(&self, level: Level, message: &str) {
        self.log.lock().unwrap().push(format!("{level:?}: {message}"));
    }
}

pub struct Bed {
    pub host: Host,
    pub pbx: Arc<FakePbx>,
    pub folder: tempfile::TempDir,
}

impl Drop for Bed {
    fn drop(&mut self) {
        self.host.stop();
    }
}

pub const SETTINGS: &str = r#"
[[queue]]
name = "support"
[[queue]]
name = "desk"
[queue.callback]
[[queue.rules]]
menu = "waiting"
[[menu]]
name = "waiting"
say = ["press-1", "position"]
[menu.keys]
"0" = { to = "wait", say = "thanks" }
"1" = { to = "callback", say = "we-call" }
[[agent]]
number = "1001"
phone = "X/1001"
queues = ["support", "desk:2"]
always_signed_in = true
[[agent]]
number = "1002"
phone = "X/1002"
pin = "4711"
queues = ["support"]
[[supervisor]]
number = "9001"
name = "Ma Bing"
phones = "X/9001"
"#;

impl Bed {
    pub fn start() -> Bed {
        Bed::with("")
    }

    /// With these lines in `[control]`; `@FOLDER@` stands for the bed's own.
    pub fn with(control: &str) -> Bed {
        let folder = tempfile::tempdir().unwrap();
        let control = control.replace("@FOLDER@", &folder.path().display().to_string());
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

    /// The node again, as after a restart of the PBX.
    pub fn restart(&mut self) {
        self.host.stop();
        self.host = Host::start(self.pbx.clone(), &self.settings_file()).unwrap();
    }

    pub fn settings_file(&self) -> PathBuf {
        self.folder.path().join("hotline.toml")
    }

    pub fn call(&self) -> Call {
        self.call_to("support")
    }

    pub fn call_to(&self, queue: &str) -> Call {
        self.call_from("13800001234", queue, None)
    }

    pub fn call_from(&self, number: &str, queue: &str, callback: Option<CallId>) -> Call {
        Call(
            self.host
                .join(
                    queue,
                    Caller {
                        number: number.into(),
                        callback,
                        ..Caller::default()
                    },
                )
                .unwrap(),
        )
    }

    /// Waits until the PBX is asked to call back.
    pub fn called_back(&self) -> (CallId, String) {
        for _ in 0..1_000 {
            // The engine's thread has done all that came before its answer.
            self.host.snapshot().unwrap();
            if let Some(asked) = self.pbx.called_back.lock().unwrap().pop() {
                return asked;
            }
        }
        panic!("nobody is called back");
    }

    pub fn client(&self, resume: Option<Resume>, durable: bool) -> Client {
        let mut client = Client::connect(self.folder.path().join("node.sock"));
        client.send(&FromClient::Hello {
            protocol: PROTOCOL,
            client: "test".into(),
            resume,
            durable,
        });
        client
    }

    pub fn logged(&self, text: &str) -> bool {
        self.pbx
            .log
            .lock()
            .unwrap()
            .iter()
            .any(|line| line.contains(text))
    }
}

pub struct Call(pub CallPort);

impl Call {
    pub fn next(&mut self) -> CallAction {
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

    pub fn rung(&mut self) -> (OfferId, String) {
        loop {
            if let CallAction::Ring { offer, agent, .. } = self.next() {
                return (offer, agent.to_string());
            }
        }
    }

    /// Rings, answers, connects.
    pub fn connect(&mut self) -> String {
        let (offer, agent) = self.rung();
        self.0.report(Fact::Ringing(offer));
        self.0.report(Fact::Answered(offer));
        assert_eq!(
            self.next(),
            CallAction::Connect {
                offer,
                greeting: None
            }
        );
        self.0.report(Fact::Connected);
        agent
    }

    pub fn end(&mut self, by: Party) {
        self.0.report(Fact::Ended {
            by,
            phone: PhoneState::Available,
        });
    }

    pub fn released(&mut self) -> Status {
        loop {
            if let CallAction::Release { status, .. } = self.next() {
                return status;
            }
        }
    }
}

pub struct Client {
    pub stream: UnixStream,
    pub from: BufReader<UnixStream>,
    /// What came before a reply that was waited for: an event and the reply to its command come in either order.
    passed: VecDeque<FromNode>,
}

impl Client {
    pub fn connect(path: PathBuf) -> Client {
        let stream = UnixStream::connect(path).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let from = BufReader::new(stream.try_clone().unwrap());
        let passed = VecDeque::new();
        Client { stream, from, passed }
    }

    pub fn send(&mut self, frame: &FromClient) {
        line::write(&mut self.stream, frame).unwrap();
    }

    pub fn read(&mut self) -> Option<FromNode> {
        line::read(&mut self.from, &mut Vec::new()).unwrap()
    }

    pub fn find<T>(&mut self, mut what: impl FnMut(FromNode) -> Option<T>) -> T {
        while let Some(frame) = self.passed.pop_front() {
            if let Some(found) = what(frame) {
                return found;
            }
        }
        let started = Instant::now();
        loop {
            let frame = self.in_time(started);
            if let Some(found) = what(frame) {
                return found;
            }
        }
    }

    /// The next frame. The node's signs of life keep a read from timing out, so this looks at the clock.
    fn in_time(&mut self, started: Instant) -> FromNode {
        assert!(started.elapsed() < PATIENCE, "what is waited for did not come");
        self.read().expect("the node hung up")
    }

    pub fn event<T>(&mut self, mut what: impl FnMut(&Event) -> Option<T>) -> (u64, T) {
        self.find(|frame| match frame {
            FromNode::Event(EventFrame { seq, event, .. }) => what(&event).map(|found| (seq, found)),
            _ => None,
        })
    }

    pub fn boot(&mut self) -> String {
        self.find(|frame| match frame {
            FromNode::Hello(hello) => Some(hello.boot),
            _ => None,
        })
    }

    pub fn snapshot(&mut self) -> Snapshot {
        self.find(|frame| match frame {
            FromNode::Snapshot { snapshot } => Some(*snapshot),
            _ => None,
        })
    }

    pub fn command(&mut self, id: &str, command: Command) -> Outcome {
        self.send(&FromClient::Command {
            id: id.into(),
            author: "test".into(),
            command,
        });
        self.reply(id)
    }

    pub fn reply(&mut self, wanted: &str) -> Outcome {
        let started = Instant::now();
        loop {
            match self.in_time(started) {
                FromNode::Reply { id, outcome } if id == wanted => return outcome,
                other => self.passed.push_back(other),
            }
        }
    }
}

pub fn agent(snapshot: &Snapshot, number: &str) -> AgentState {
    snapshot
        .agents
        .iter()
        .find(|agent| agent.number == number)
        .unwrap()
        .state
}
