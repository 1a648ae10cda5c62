//! A fake node: holds events until they are acknowledged, resumes, tells of gaps, answers commands.

use std::collections::VecDeque;
use std::io::{BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use hotline_wire::frame::{EventFrame, Gap, GapReason, NodeHello, PipeInfo, Resume};
use hotline_wire::{Command, Event, FromClient, FromNode, Outcome, PROTOCOL, Snapshot, line};
use supervisord::state::{Body, Changes, Record, State};

/// Far longer than anything takes; a test that waits so long has failed.
pub const PATIENCE: Duration = Duration::from_secs(30);

type Answers = Box<dyn FnMut(&str, &Command) -> Vec<Outcome> + Send>;

pub struct FakeNode {
    pub name: String,
    pub socket: PathBuf,
    shared: Arc<(Mutex<Inner>, Condvar)>,
}

struct Inner {
    name: String,
    boot: String,
    /// Counts starts.
    number: u64,
    /// Boots before it, with what is not acknowledged of them and how they ended.
    earlier: Vec<Earlier>,
    /// Events not acknowledged.
    held: VecDeque<EventFrame>,
    seq: u64,
    acked: u64,
    /// The state after the last event, for snapshots.
    state: State,
    connections: Vec<UnixStream>,
    accepted: u64,
    hellos: Vec<Option<Resume>>,
    answers: Answers,
    /// Sent to the next connections in place of everything after the hello.
    poison: VecDeque<Vec<u8>>,
    protocol: u32,
    down: bool,
}

struct Earlier {
    boot: String,
    number: u64,
    held: Vec<EventFrame>,
    clean: bool,
}

impl Inner {
    fn apply(&mut self, body: Body) {
        let record = Record {
            node: self.name.clone(),
            boot: self.boot.clone(),
            body,
        };
        self.state.apply(&record, &mut Changes::default());
    }

    fn snapshot(&self) -> Snapshot {
        let node = &self.state.nodes[&self.name];
        let mut calls: Vec<_> = node.calls.values().cloned().collect();
        calls.sort_by_key(|call| call.joined);
        Snapshot {
            seq: self.seq,
            at: node.at,
            tiers: node.tiers.clone(),
            queues: node.queues.values().map(|queue| queue.info.clone()).collect(),
            agents: node.agents.values().map(|agent| (*agent.info).clone()).collect(),
            calls,
            callbacks: node.callbacks.values().cloned().collect(),
            ..Snapshot::default()
        }
    }
}

impl FakeNode {
    pub fn start(dir: &Path, name: &str, boot: &str) -> FakeNode {
        let socket = dir.join(format!("{name}.sock"));
        let listener = UnixListener::bind(&socket).unwrap();
        let mut inner = Inner {
            name: name.into(),
            boot: boot.into(),
            number: 1,
            earlier: Vec::new(),
            held: VecDeque::new(),
            seq: 0,
            acked: 0,
            state: State::default(),
            connections: Vec::new(),
            accepted: 0,
            hellos: Vec::new(),
            answers: Box::new(|_, _| vec![Outcome::Done]),
            poison: VecDeque::new(),
            protocol: PROTOCOL,
            down: false,
        };
        inner.apply(Body::Boot {
            number: 1,
            socket: String::new(),
        });
        let shared = Arc::new((Mutex::new(inner), Condvar::new()));
        let for_thread = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let shared = for_thread.clone();
                std::thread::spawn(move || serve(stream, &shared));
            }
        });
        FakeNode {
            name: name.into(),
            socket,
            shared,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.shared.0.lock().unwrap()
    }

    /// Tells an event that happened at `at`.
    pub fn tell_at(&self, at: u64, event: Event) -> u64 {
        let mut inner = self.lock();
        inner.seq += 1;
        let frame = EventFrame {
            seq: inner.seq,
            at,
            event,
        };
        inner.apply(Body::Event(frame.clone()));
        inner.held.push_back(frame);
        let seq = inner.seq;
        drop(inner);
        self.shared.1.notify_all();
        seq
    }

    pub fn seq(&self) -> u64 {
        self.lock().seq
    }

    pub fn acked(&self) -> u64 {
        self.lock().acked
    }

    /// The fold of all that was told: what the daemon must come to.
    pub fn state(&self) -> State {
        self.lock().state.clone()
    }

    pub fn answer_with(&self, answers: impl FnMut(&str, &Command) -> Vec<Outcome> + Send + 'static) {
        self.lock().answers = Box::new(answers);
    }

    /// Takes what it holds, as if it had been acknowledged.
    pub fn take_held(&self) -> Vec<EventFrame> {
        let mut inner = self.lock();
        inner.acked = inner.seq;
        inner.held.drain(..).collect()
    }

    /// The state as it is now.
    pub fn snapshot(&self) -> Snapshot {
        self.lock().snapshot()
    }

    /// Waits until the daemon has acknowledged an event.
    pub fn wait_acked(&self, seq: u64) {
        self.wait("the acknowledgement", |inner| inner.acked >= seq);
    }

    pub fn wait_all_acked(&self) {
        self.wait("all acknowledgements", |inner| inner.acked >= inner.seq);
    }

    pub fn wait_connections(&self, accepted: u64) {
        self.wait("a connection", |inner| inner.accepted >= accepted);
    }

    pub fn accepted(&self) -> u64 {
        self.lock().accepted
    }

    pub fn hellos(&self) -> Vec<Option<Resume>> {
        self.lock().hellos.clone()
    }

    fn wait(&self, what: &str, until: impl Fn(&Inner) -> bool) {
        let (inner, timeout) = self
            .shared
            .1
            .wait_timeout_while(self.lock(), PATIENCE, |inner| !until(inner))
            .unwrap();
        assert!(
            !timeout.timed_out(),
            "waited in vain for {what}: at {} acked {}",
            inner.seq,
            inner.acked
        );
    }

    /// Breaks all connections.
    pub fn hang_up(&self) {
        let mut inner = self.lock();
        for stream in inner.connections.drain(..) {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
        drop(inner);
        self.shared.1.notify_all();
    }

    /// As if the acknowledgements had been lost on their way.
    pub fn lose_acks(&self) {
        self.lock().acked = 0;
    }

    /// Refuses connections until up again.
    pub fn set_down(&self, down: bool) {
        self.lock().down = down;
        self.hang_up();
    }

    /// Forgets all events it holds but the newest, as a node does that holds too many.
    pub fn overflow(&self, keep: usize) {
        let mut inner = self.lock();
        let excess = inner.held.len().saturating_sub(keep);
        inner.held.drain(..excess);
    }

    /// The next connection gets these bytes after the hello.
    pub fn poison(&self, bytes: impl Into<Vec<u8>>) {
        self.lock().poison.push_back(bytes.into());
    }

    pub fn set_protocol(&self, protocol: u32) {
        self.lock().protocol = protocol;
        self.hang_up();
    }

    /// Starts anew, with what was not acknowledged in a spool; `clean` if it did not crash.
    pub fn restart(&self, boot: &str, clean: bool) {
        let mut inner = self.lock();
        let before = Earlier {
            boot: inner.boot.clone(),
            number: inner.number,
            held: inner.held.drain(..).collect(),
            clean,
        };
        inner.earlier.push(before);
        inner.apply(Body::End { clean });
        drop(inner);
        self.reboot(boot);
    }

    /// Forgets the boots before, unread.
    pub fn forget_earlier(&self) {
        self.lock().earlier.clear();
    }

    /// The boots before that are still held.
    pub fn earlier(&self) -> usize {
        self.lock().earlier.len()
    }

    /// Starts anew: calls and events of the boot before are gone.
    pub fn reboot(&self, boot: &str) {
        let mut inner = self.lock();
        inner.boot = boot.into();
        inner.number += 1;
        inner.held.clear();
        inner.seq = 0;
        inner.acked = 0;
        let number = inner.number;
        inner.apply(Body::Boot {
            number,
            socket: String::new(),
        });
        drop(inner);
        self.hang_up();
    }
}

fn serve(stream: UnixStream, shared: &(Mutex<Inner>, Condvar)) {
    let (lock, changed) = shared;
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line_buffer = Vec::new();
    let Ok(Some(FromClient::Hello { resume, .. })) = line::read(&mut reader, &mut line_buffer) else {
        return;
    };
    let mut writer = stream.try_clone().unwrap();

    let mut inner = lock.lock().unwrap();
    inner.accepted += 1;
    inner.hellos.push(resume.clone());
    changed.notify_all();
    if inner.down {
        return;
    }
    inner.connections.push(stream.try_clone().unwrap());
    let hello = NodeHello {
        protocol: inner.protocol,
        node: inner.name.clone(),
        boot: inner.boot.clone(),
        version: "0.1.0".into(),
        pbx: "Fake 1".into(),
        oldest: inner.held.front().map_or(inner.seq + 1, |frame| frame.seq),
        newest: inner.seq,
    };
    let boot = inner.boot.clone();
    let mut out = line::encode(&FromNode::Hello(hello)).unwrap();
    if let Some(poison) = inner.poison.pop_front() {
        out.extend(poison);
        drop(inner);
        let _ = writer.write_all(&out);
        // As long as the client reads: it must be the one who hangs up.
        while let Ok(Some(_)) = line::read::<FromClient>(&mut reader, &mut line_buffer) {}
        return;
    }
    let empty = Snapshot::default();
    // A snapshot is sent once the events up to it are.
    let (mut next, mut owed) = match &resume {
        Some(resume) if resume.boot == boot => (resume.seq + 1, None),
        _ => (1, Some(empty)),
    };
    let begun = resume.as_ref().map_or("", |resume| resume.boot.as_str());
    if begun != boot {
        let at = inner.earlier.iter().position(|earlier| earlier.boot == begun);
        for earlier in &inner.earlier[at.unwrap_or(0)..] {
            let boot = earlier.boot.clone();
            out.extend(
                line::encode(&FromNode::Boot {
                    boot,
                    number: earlier.number,
                })
                .unwrap(),
            );
            let known = resume.as_ref().filter(|_| earlier.boot == begun);
            let known = known.map_or(0, |resume| resume.seq);
            for frame in earlier.held.iter().filter(|frame| frame.seq > known) {
                out.extend(line::encode(&FromNode::Event(frame.clone())).unwrap());
            }
            let clean = earlier.clean;
            out.extend(line::encode(&FromNode::End { clean }).unwrap());
        }
    }
    out.extend(
        line::encode(&FromNode::Boot {
            boot: boot.clone(),
            number: inner.number,
        })
        .unwrap(),
    );
    drop(inner);
    if writer.write_all(&out).is_err() {
        return;
    }

    // Frames of two threads do not mix.
    let out_lock = Mutex::new(&writer);
    let send = |out: &[u8]| out_lock.lock().unwrap().write_all(out).is_ok();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // Events as they come.
            let mut inner = lock.lock().unwrap();
            while inner.boot == boot {
                let mut out = Vec::new();
                if let Some(snapshot) = owed.take_if(|snapshot| snapshot.seq < next) {
                    out = line::encode(&FromNode::Snapshot {
                        snapshot: Box::new(snapshot),
                    })
                    .unwrap();
                }
                let oldest = inner.held.front().map_or(inner.seq + 1, |frame| frame.seq);
                if next < oldest {
                    let gap = Gap {
                        first: next,
                        last: oldest - 1,
                        reason: GapReason::Overflow,
                    };
                    out.extend(line::encode(&FromNode::Gap(gap)).unwrap());
                    owed = Some(inner.snapshot());
                    next = oldest;
                }
                if !out.is_empty() {
                    drop(inner);
                    if !send(&out) {
                        return;
                    }
                    inner = lock.lock().unwrap();
                    continue;
                }
                let last = owed.as_ref().map_or(u64::MAX, |snapshot| snapshot.seq);
                let frames: Vec<EventFrame> = inner
                    .held
                    .iter()
                    .skip((next - oldest) as usize)
                    .take_while(|frame| frame.seq <= last)
                    .take(500)
                    .cloned()
                    .collect();
                if frames.is_empty() {
                    let heartbeat = line::encode(&FromNode::Heartbeat {
                        seq: inner.seq,
                        at: 0,
                        pipe: PipeInfo {
                            newest: inner.seq,
                            acknowledged: inner.acked,
                            memory: inner.held.len() as u64,
                            ..PipeInfo::default()
                        },
                    })
                    .unwrap();
                    let (now, timeout) = changed.wait_timeout(inner, Duration::from_millis(500)).unwrap();
                    inner = now;
                    if timeout.timed_out() && !send(&heartbeat) {
                        return;
                    }
                    continue;
                }
                next = frames.last().unwrap().seq + 1;
                drop(inner);
                let mut out = Vec::new();
                for frame in frames {
                    out.extend(line::encode(&FromNode::Event(frame)).unwrap());
                }
                if !send(&out) {
                    return;
                }
                inner = lock.lock().unwrap();
            }
        });
        while let Ok(Some(frame)) = line::read::<FromClient>(&mut reader, &mut line_buffer) {
            let mut inner = lock.lock().unwrap();
            match frame {
                FromClient::Ack { boot: of, seq } if inner.boot == boot && of != boot => {
                    // The boots before that one are stored to their ends.
                    if let Some(at) = inner.earlier.iter().position(|earlier| earlier.boot == of) {
                        inner.earlier.drain(..at);
                        inner.earlier[0].held.retain(|frame| frame.seq > seq);
                    }
                }
                FromClient::Ack { boot: _, seq } if inner.boot == boot => {
                    inner.earlier.clear();
                    assert!(seq <= inner.seq, "acknowledged an event that was never told");
                    inner.acked = inner.acked.max(seq);
                    while inner.held.front().is_some_and(|frame| frame.seq <= seq) {
                        inner.held.pop_front();
                    }
                    changed.notify_all();
                }
                FromClient::Command { id, author, command } => {
                    let mut replies = Vec::new();
                    for outcome in (inner.answers)(&author, &command) {
                        let reply = line::encode(&FromNode::Reply {
                            id: id.clone(),
                            outcome,
                        })
                        .unwrap();
                        replies.extend(reply);
                    }
                    drop(inner);
                    send(&replies);
                }
                _ => {}
            }
        }
        let _ = writer.shutdown(std::net::Shutdown::Both);
    });
}
