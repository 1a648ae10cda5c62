//! A client of a node's control socket: events to wait for, commands, and snapshots.

use std::collections::HashMap;
use std::io::BufReader;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use hotline_wire::frame::{EventFrame, NodeHello};
use hotline_wire::snapshot::{AgentState, Snapshot};
use hotline_wire::{Command, Event, FromClient, FromNode, Outcome, PROTOCOL, line};

use crate::phone::DEADLINE;

/// A client that saw everything since it connected.
pub struct Node {
    hello: NodeHello,
    stream: UnixStream,
    seen: Arc<(Mutex<Seen>, Condvar)>,
    reader: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Seen {
    snapshot: Option<Snapshot>,
    events: Vec<EventFrame>,
    replies: HashMap<String, Vec<Outcome>>,
    commands: u64,
    /// Why the stream ended.
    ended: Option<String>,
}

impl Node {
    /// Connects and waits for the snapshot.
    ///
    /// # Errors
    /// Nobody listens, or the node refuses.
    pub fn connect(socket: &Path) -> Result<Node> {
        let mut stream =
            UnixStream::connect(socket).with_context(|| format!("connecting to {}", socket.display()))?;
        let hello = FromClient::Hello {
            protocol: PROTOCOL,
            client: "testbed".into(),
            resume: None,
            durable: false,
        };
        line::write(&mut stream, &hello)?;
        let mut from = BufReader::new(stream.try_clone()?);
        let hello = match line::read(&mut from, &mut Vec::new())? {
            Some(FromNode::Hello(hello)) => hello,
            other => bail!("the node said {other:?} instead of hello"),
        };
        let seen = Arc::<(Mutex<Seen>, Condvar)>::default();
        let shared = Arc::clone(&seen);
        let reader = std::thread::Builder::new()
            .name("node".into())
            .spawn(move || read(from, &shared))?;
        let node = Node {
            hello,
            stream,
            seen,
            reader: Some(reader),
        };
        node.wait("the node's snapshot", |seen| {
            seen.snapshot.is_some().then_some(())
        })?;
        Ok(node)
    }

    /// Who the node is.
    pub fn hello(&self) -> &NodeHello {
        &self.hello
    }

    /// The state at the moment of connecting.
    ///
    /// # Errors
    /// The connection is gone.
    pub fn first_snapshot(&self) -> Result<Snapshot> {
        self.lock().snapshot.clone().context("no snapshot")
    }

    /// The state now, from a connection of its own.
    ///
    /// # Errors
    /// Nobody listens.
    pub fn snapshot(socket: &Path) -> Result<Snapshot> {
        Node::connect(socket)?.first_snapshot()
    }

    /// A place in the story: [`Node::event_after`] looks only at what comes after it.
    pub fn now(&self) -> usize {
        self.lock().events.len()
    }

    /// Waits for an event, also one that came before.
    ///
    /// # Errors
    /// It does not come.
    pub fn event<T>(&self, awaited: &str, is_it: impl FnMut(&Event) -> Option<T>) -> Result<T> {
        self.event_after(0, awaited, is_it)
    }

    /// Waits for an event after `place`.
    ///
    /// # Errors
    /// It does not come.
    pub fn event_after<T>(
        &self,
        place: usize,
        awaited: &str,
        mut is_it: impl FnMut(&Event) -> Option<T>,
    ) -> Result<T> {
        self.wait(awaited, |seen| {
            seen.events
                .iter()
                .skip(place)
                .find_map(|frame| is_it(&frame.event))
        })
    }

    /// Waits until the story so far, all events since connecting, is as wanted.
    ///
    /// # Errors
    /// It does not become so.
    pub fn story<T>(&self, awaited: &str, mut look: impl FnMut(&[EventFrame]) -> Option<T>) -> Result<T> {
        self.wait(awaited, |seen| look(&seen.events))
    }

    /// All events since connecting.
    pub fn events(&self) -> Vec<EventFrame> {
        self.lock().events.clone()
    }

    /// All events since connecting, once the node is gone and nothing more can come.
    pub fn to_the_end(mut self) -> Vec<EventFrame> {
        if let Some(reader) = self.reader.take() {
            // A panic of it has been printed.
            let _ = reader.join();
        }
        self.events()
    }

    /// Waits until an agent's latest state, by snapshot and events, is this one.
    ///
    /// # Errors
    /// It does not become so.
    pub fn agent_is(&self, number: &str, state: AgentState) -> Result<()> {
        self.wait(&format!("agent {number} to be {state:?}"), |seen| {
            (seen.agent_state(number) == Some(state)).then_some(())
        })
        .with_context(|| format!("agent {number} is {:?}", self.lock().agent_state(number)))
    }

    /// Asks for something, and waits for the first answer.
    ///
    /// # Errors
    /// None comes.
    pub fn command(&self, author: &str, command: Command) -> Result<Outcome> {
        let id = {
            let mut seen = self.lock();
            seen.commands += 1;
            seen.commands.to_string()
        };
        let awaited = format!("the answer to {command:?}");
        line::write(
            &mut &self.stream,
            &FromClient::Command {
                id: id.clone(),
                author: author.into(),
                command,
            },
        )?;
        self.wait(&awaited, |seen| {
            seen.replies.get(&id).and_then(|replies| replies.first().cloned())
        })
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<T>(&self, awaited: &str, mut look: impl FnMut(&mut Seen) -> Option<T>) -> Result<T> {
        let deadline = Instant::now() + DEADLINE;
        let mut seen = self.lock();
        loop {
            if let Some(found) = look(&mut seen) {
                return Ok(found);
            }
            if let Some(why) = &seen.ended {
                bail!("the node's connection ended ({why}) before {awaited}");
            }
            let now = Instant::now();
            if now >= deadline {
                let last: Vec<String> = seen
                    .events
                    .iter()
                    .rev()
                    .take(12)
                    .map(|frame| format!("{} {:?}", frame.seq, frame.event))
                    .collect();
                bail!(
                    "waited {DEADLINE:?} in vain for {awaited}; the last events, newest first:\n{}",
                    last.join("\n")
                );
            }
            seen = self
                .seen
                .1
                .wait_timeout(seen, deadline - now)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

impl Seen {
    fn agent_state(&self, number: &str) -> Option<AgentState> {
        let in_event = self.events.iter().rev().find_map(|frame| match &frame.event {
            Event::AgentChanged { agent, .. } if agent.number == number => Some(agent.state),
            Event::ConfigApplied { agents, .. } => agents
                .iter()
                .find(|agent| agent.number == number)
                .map(|agent| agent.state),
            _ => None,
        });
        in_event.or_else(|| {
            self.snapshot
                .as_ref()?
                .agents
                .iter()
                .find(|agent| agent.number == number)
                .map(|agent| agent.state)
        })
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

fn read(mut from: BufReader<UnixStream>, seen: &(Mutex<Seen>, Condvar)) {
    let mut buffer = Vec::new();
    loop {
        let frame = line::read::<FromNode>(&mut from, &mut buffer);
        let mut guard = seen.0.lock().unwrap_or_else(PoisonError::into_inner);
        match frame {
            Ok(Some(FromNode::Snapshot { snapshot })) => guard.snapshot = Some(*snapshot),
            Ok(Some(FromNode::Event(frame))) => {
                // A hole in the numbers is a bug of the node: nothing after it can be relied on.
                let last = guard
                    .events
                    .last()
                    .map(|frame| frame.seq)
                    .or(guard.snapshot.as_ref().map(|s| s.seq));
                if let Some(last) = last.filter(|last| last + 1 != frame.seq) {
                    guard.ended = Some(format!("event {} came after {last}", frame.seq));
                }
                guard.events.push(frame);
            }
            Ok(Some(FromNode::Reply { id, outcome })) => guard.replies.entry(id).or_default().push(outcome),
            Ok(Some(FromNode::Error { message })) => guard.ended = Some(message),
            Ok(Some(
                FromNode::Hello(_)
                | FromNode::Boot { .. }
                | FromNode::End { .. }
                | FromNode::Gap(_)
                | FromNode::Heartbeat { .. },
            )) => {}
            Ok(None) => guard.ended = Some("closed".into()),
            Err(error) => guard.ended = Some(error.to_string()),
        }
        let ended = guard.ended.is_some();
        drop(guard);
        seen.1.notify_all();
        if ended {
            return;
        }
    }
}
