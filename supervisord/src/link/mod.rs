//! The connection to one node: kept for ever, resumed where the store left off, acknowledged as far as it is stored.
//!
//! A link asks for the events after the last one stored. The node tells the rest of that boot, and of those after it, as far as
//! it holds them, before the present one: so nothing is missed but what comes as a gap.

mod frames;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hotline_wire::frame::{EventFrame, NodeHello, Resume};
use hotline_wire::line::LineError;
use hotline_wire::{FromClient, FromNode, Outcome, PROTOCOL};
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot};

use crate::recorder::ToRecorder;
use crate::shared::{CommandError, Request, Shared, StoreHealth};
use crate::state::{Body, Record};
use frames::{Reader, Writer};

const BACKOFF_FIRST: Duration = Duration::from_millis(50);
/// A connection that lasted so long was a good one: the next attempt follows at once.
const GOOD: Duration = Duration::from_secs(5);
/// No story is so long, and no time so far away: a greater number is a lie, and the store could not hold it.
const MAX_NUMBER: u64 = i64::MAX as u64;
/// Commands under way on one connection.
const MAX_COMMANDS: usize = 1_024;

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum LinkError {
    #[error("cannot connect: {0}; is the PBX running, with its module loaded?")]
    Connect(std::io::Error),
    #[error(transparent)]
    Line(#[from] LineError),
    #[error("the node closed the connection")]
    Closed,
    #[error("nothing was heard for {0:?}")]
    Silent(Duration),
    #[error("the node speaks protocol {0}, this daemon {PROTOCOL}; install the same version of both")]
    Protocol(u32),
    #[error("the node refused: {0}")]
    Refused(String),
    #[error("{0}")]
    Broken(String),
    #[error("node name {node} is taken by {socket}; give each node a name of its own")]
    NameTaken { node: String, socket: String },
    #[error("the store works again: fetching what was not stored")]
    CatchUp,
    #[error("the daemon ends")]
    Ending,
}

/// One node's link.
#[derive(Debug)]
pub struct Link {
    /// Its place in the settings.
    pub index: usize,
    /// The node's socket.
    pub socket: String,
    /// The read model, and how the store is.
    pub shared: Arc<Shared>,
    /// To the recorder.
    pub records: mpsc::Sender<ToRecorder>,
}

type Pending = Mutex<HashMap<String, oneshot::Sender<Result<Outcome, CommandError>>>>;

impl Link {
    /// Connects for ever. Returns only when the recorder is gone; meant to be aborted.
    pub async fn run(self) {
        let mut store = self.shared.store();
        if store.wait_for(|store| *store == StoreHealth::Ok).await.is_err() {
            return;
        }
        let mut backoff = BACKOFF_FIRST;
        let mut said = String::new();
        loop {
            let begun = Instant::now();
            let error = self.connection().await;
            self.disconnected();
            if begun.elapsed() >= GOOD {
                backoff = BACKOFF_FIRST;
                said.clear();
            }
            match error {
                LinkError::Ending => return,
                LinkError::CatchUp => {
                    tracing::info!(socket = self.socket, "{error}");
                    continue;
                }
                error => {
                    let error = error.to_string();
                    if error != said {
                        tracing::warn!(socket = self.socket, "{error}; trying again for ever");
                        said = error;
                    }
                }
            }
            // Half to one and a half times: many daemons of one node do not return in step.
            tokio::time::sleep(backoff.mul_f64(0.5 + fastrand::f64())).await;
            backoff = (backoff * 2).min(self.shared.timings.reconnect);
        }
    }

    fn disconnected(&self) {
        if let Some(link) = self.shared.links().get_mut(self.index) {
            link.commands = None;
        }
        self.shared.links_changed();
    }

    /// One connection, or two if the socket turns out to be another node's than it was.
    async fn connection(&self) -> LinkError {
        let mut resume = self.position_of_socket();
        for _ in 0..3 {
            match self.hello(resume.as_ref()).await {
                Ok((hello, reader, writer)) => {
                    let known = self.position_of_node(&hello.node);
                    if known == resume {
                        return self.follow(&hello, resume, reader, writer).await;
                    }
                    resume = known;
                }
                Err(error) => return error,
            }
        }
        LinkError::Broken("another node answers at every connection".into())
    }

    /// Where the node that was last heard on this socket left off.
    fn position_of_socket(&self) -> Option<Resume> {
        let state = self.shared.state();
        let node = state.nodes.values().find(|node| node.socket == self.socket)?;
        Some(Resume {
            boot: node.boot.clone(),
            seq: node.seq,
        })
    }

    /// Where a node of that name left off.
    fn position_of_node(&self, name: &str) -> Option<Resume> {
        let state = self.shared.state();
        state.nodes.get(name).map(|node| Resume {
            boot: node.boot.clone(),
            seq: node.seq,
        })
    }

    async fn hello(&self, resume: Option<&Resume>) -> Result<(NodeHello, Reader, Writer), LinkError> {
        let stream = UnixStream::connect(&self.socket)
            .await
            .map_err(LinkError::Connect)?;
        let (read, write) = stream.into_split();
        let (mut reader, mut writer) = (Reader::new(read), Writer::new(write));
        let hello = FromClient::Hello {
            protocol: PROTOCOL,
            // The node keeps events by this name: it is the same in every version.
            client: "hotline-supervisord".into(),
            resume: resume.cloned(),
            durable: true,
        };
        writer.write(&hello).await?;
        match reader.next_within(self.shared.timings.silence).await? {
            FromNode::Hello(hello) if hello.protocol == PROTOCOL => Ok((hello, reader, writer)),
            FromNode::Hello(hello) => Err(LinkError::Protocol(hello.protocol)),
            FromNode::Error { message } => Err(LinkError::Refused(message)),
            _ => Err(LinkError::Broken("the node's first line is no hello".into())),
        }
    }

    /// Follows the node until the connection ends.
    async fn follow(
        &self,
        hello: &NodeHello,
        resume: Option<Resume>,
        reader: Reader,
        writer: Writer,
    ) -> LinkError {
        let commands = match self.connected(hello) {
            Ok(commands) => commands,
            Err(error) => return error,
        };
        tracing::info!(
            socket = self.socket,
            node = hello.node,
            pbx = hello.pbx,
            version = hello.version,
            boot = hello.boot,
            newest = hello.newest,
            resume = resume
                .as_ref()
                .map(|resume| format!("{} {}", resume.boot, resume.seq)),
            "connected"
        );
        let pending = Pending::default();
        tokio::select! {
            error = self.read(hello, resume, reader, &pending) => error,
            error = self.write(hello, writer, commands, &pending) => error,
        }
    }

    fn connected(&self, hello: &NodeHello) -> Result<mpsc::Receiver<Request>, LinkError> {
        let (to, commands) = mpsc::channel(MAX_COMMANDS);
        let mut links = self.shared.links();
        let taken = links
            .iter()
            .enumerate()
            .find(|(i, link)| *i != self.index && link.commands.is_some() && link.node == hello.node);
        if let Some((_, link)) = taken {
            return Err(LinkError::NameTaken {
                node: hello.node.clone(),
                socket: link.socket.clone(),
            });
        }
        if let Some(link) = links.get_mut(self.index) {
            link.node.clone_from(&hello.node);
            link.version.clone_from(&hello.version);
            link.pbx.clone_from(&hello.pbx);
            link.commands = Some(to);
        }
        drop(links);
        self.shared.links_changed();
        Ok(commands)
    }

    async fn read(
        &self,
        hello: &NodeHello,
        resume: Option<Resume>,
        mut reader: Reader,
        pending: &Pending,
    ) -> LinkError {
        let mut intake = Intake {
            link: self,
            store: self.shared.store(),
            behind: false,
        };
        // The boot that is told, and the event that comes next of it.
        let (mut boot, mut next) = (String::new(), 0);
        loop {
            let frame = match intake.next(&mut reader).await {
                Ok(frame) => frame,
                Err(error) => return error,
            };
            let body = match frame {
                FromNode::Boot { number, .. } if number > MAX_NUMBER => {
                    return LinkError::Broken(format!("a boot {number} cannot be"));
                }
                FromNode::Boot { boot: told, number } => {
                    let known = resume.as_ref().filter(|resume| resume.boot == told);
                    next = known.map_or(0, |resume| resume.seq) + 1;
                    boot = told;
                    Body::Boot {
                        socket: self.socket.clone(),
                        number,
                    }
                }
                FromNode::Event(_) | FromNode::Gap(_) | FromNode::Snapshot { .. } | FromNode::End { .. }
                    if boot.is_empty() =>
                {
                    return LinkError::Broken("the node does not say which boot it tells of".into());
                }
                FromNode::End { clean } => Body::End { clean },
                FromNode::Event(EventFrame { seq, at, .. }) if seq.max(at) > MAX_NUMBER => {
                    return LinkError::Broken(format!("event {seq} at {at} cannot be"));
                }
                FromNode::Gap(lost) if lost.last > MAX_NUMBER => {
                    return LinkError::Broken(format!("a gap {}-{} cannot be", lost.first, lost.last));
                }
                FromNode::Snapshot { snapshot } if snapshot.seq.max(snapshot.at) > MAX_NUMBER => {
                    let (seq, at) = (snapshot.seq, snapshot.at);
                    return LinkError::Broken(format!("a snapshot at {seq}, {at} cannot be"));
                }
                FromNode::Event(event) if event.seq > next => {
                    return LinkError::Broken(format!("event {} came where {next} was due", event.seq));
                }
                FromNode::Event(event) => {
                    next = next.max(event.seq + 1);
                    Body::Event(event)
                }
                FromNode::Gap(lost) if lost.first > next || lost.last < lost.first => {
                    return LinkError::Broken(format!(
                        "a gap {}-{} came where {next} was due",
                        lost.first, lost.last
                    ));
                }
                FromNode::Gap(lost) => {
                    next = next.max(lost.last + 1);
                    Body::Gap(lost)
                }
                FromNode::Snapshot { snapshot } if snapshot.seq + 1 < next => {
                    return LinkError::Broken(format!(
                        "a snapshot at {} came where {next} was due",
                        snapshot.seq
                    ));
                }
                FromNode::Snapshot { snapshot } => {
                    next = snapshot.seq + 1;
                    Body::Snapshot(snapshot)
                }
                FromNode::Heartbeat { pipe, .. } => {
                    if let Some(link) = self.shared.links().get_mut(self.index) {
                        link.pipe = pipe;
                    }
                    continue;
                }
                FromNode::Reply { id, outcome } => {
                    let asked = pending.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
                    // What follows a `pending` comes as an event too, and who asked may be gone.
                    if let Some(asked) = asked {
                        let _ = asked.send(Ok(outcome));
                    }
                    continue;
                }
                FromNode::Error { message } => return LinkError::Refused(message),
                FromNode::Hello(_) => return LinkError::Broken("a second hello".into()),
            };
            let record = Record {
                node: hello.node.clone(),
                boot: boot.clone(),
                body,
            };
            if let Err(error) = intake.give(record).await {
                return error;
            }
        }
    }

    async fn write(
        &self,
        hello: &NodeHello,
        mut writer: Writer,
        mut commands: mpsc::Receiver<Request>,
        pending: &Pending,
    ) -> LinkError {
        let mut applied = self.shared.applied();
        // At once: what was stored before may not have been acknowledged.
        applied.mark_changed();
        let mut acknowledged = None;
        let mut number = 0_u64;
        loop {
            let frame = tokio::select! {
                changed = applied.changed() => {
                    if changed.is_err() {
                        return LinkError::Ending;
                    }
                    let stored = self.position_of_node(&hello.node);
                    let Some(now) = stored.filter(|stored| acknowledged.as_ref() != Some(stored)) else {
                        continue;
                    };
                    let Resume { boot, seq } = acknowledged.insert(now).clone();
                    FromClient::Ack { boot, seq }
                }
                Some(request) = commands.recv() => {
                    // Who asked was told that the time is over: what nobody waits for is not done late.
                    if request.answer.is_closed() {
                        continue;
                    }
                    number += 1;
                    let id = number.to_string();
                    let mut pending = pending.lock().unwrap_or_else(PoisonError::into_inner);
                    pending.retain(|_, asked| !asked.is_closed());
                    if pending.len() >= MAX_COMMANDS {
                        let _ = request.answer.send(Err(CommandError::Busy(hello.node.clone())));
                        continue;
                    }
                    pending.insert(id.clone(), request.answer);
                    FromClient::Command { id, author: request.author, command: request.command }
                }
            };
            if let Err(error) = writer.write(&frame).await {
                return error;
            }
        }
    }
}

/// The way to the recorder. While the store fails it drops what comes: nothing of it is acknowledged, and the node
/// gives it again. So replies to commands come through whatever happens to the store.
struct Intake<'a> {
    link: &'a Link,
    store: tokio::sync::watch::Receiver<StoreHealth>,
    behind: bool,
}

impl Intake<'_> {
    async fn give(&mut self, record: Record) -> Result<(), LinkError> {
        if self.behind {
            return Ok(());
        }
        tokio::select! {
            biased;
            room = self.link.records.reserve() => match room {
                Ok(room) => room.send(record.into()),
                Err(_) => return Err(LinkError::Ending),
            },
            failed = self.store.wait_for(|store| matches!(store, StoreHealth::Failed(_))) => {
                if failed.is_err() {
                    return Err(LinkError::Ending);
                }
                self.behind = true;
            }
        }
        Ok(())
    }

    async fn next(&mut self, reader: &mut Reader) -> Result<FromNode, LinkError> {
        let silence = self.link.shared.timings.silence;
        if !self.behind {
            return reader.next_within(silence).await;
        }
        tokio::select! {
            frame = reader.next_within(silence) => frame,
            _ = self.store.wait_for(|store| *store == StoreHealth::Ok) => Err(LinkError::CatchUp),
        }
    }
}
