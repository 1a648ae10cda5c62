//! Frames: what stands on a line.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::command::{Command, Outcome};
use crate::event::Event;
use crate::snapshot::Snapshot;

/// From a node to its client.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromNode {
    /// The first line, in answer to the client's.
    Hello(NodeHello),
    /// Events that this client asked for are gone. A snapshot follows.
    Gap(Gap),
    /// The whole state after event `seq`.
    Snapshot {
        /// The state.
        snapshot: Box<Snapshot>,
    },
    /// One event.
    Event(EventFrame),
    /// The answer to the command of that id; `pending` is followed by `done` when it takes effect.
    Reply {
        /// The client's id.
        id: String,
        /// How it went.
        #[serde(flatten)]
        outcome: Outcome,
    },
    /// Nothing happened for a while, and the node is well. `seq` is the last event.
    Heartbeat {
        /// Last event so far.
        seq: u64,
        /// Microseconds since the Unix epoch.
        at: u64,
    },
    /// The client broke the protocol, or speaks another version; the node closes.
    Error {
        /// What was wrong, and the remedy.
        message: String,
    },
}

/// Who a node is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NodeHello {
    /// [`crate::PROTOCOL`] of the node.
    pub protocol: u32,
    /// The node's configured name.
    pub node: String,
    /// This start of the engine: time and chance, unique for ever.
    pub boot: String,
    /// Version of the module.
    pub version: String,
    /// The PBX, for people: `Asterisk 22.10.1`.
    pub pbx: String,
    /// The oldest event still held.
    pub oldest: u64,
    /// The newest event; 0 before the first.
    pub newest: u64,
}

/// Lost events, first to last inclusive.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Gap {
    /// First lost event.
    pub first: u64,
    /// Last lost event.
    pub last: u64,
    /// Why: `overflow` (more unacknowledged events than the node keeps), `boot` (the node started anew since).
    pub reason: String,
}

/// An event with its place in the story.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct EventFrame {
    /// Contiguous per (node, boot).
    pub seq: u64,
    /// Microseconds since the Unix epoch, monotonic within a boot.
    pub at: u64,
    /// What happened.
    pub event: Event,
}

/// From a client to a node.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromClient {
    /// The first line.
    Hello {
        /// [`crate::PROTOCOL`] of the client.
        protocol: u32,
        /// Who it is, for the log.
        client: String,
        /// The last event this client has stored. Absent: begin with a snapshot.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resume: Option<Resume>,
        /// Whether the node must keep events until this client acknowledges them: the daemon's link does, a tool
        /// that only looks does not.
        #[serde(default)]
        durable: bool,
    },
    /// All events up to `seq` are stored for good; the node may forget them.
    Ack {
        /// Last stored event.
        seq: u64,
    },
    /// Do something.
    Command {
        /// The client's id for the reply.
        id: String,
        /// For the audit trail.
        author: Arc<str>,
        /// What.
        command: Command,
    },
}

/// Where a client left off.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Resume {
    /// Of which boot.
    pub boot: String,
    /// Last event stored.
    pub seq: u64,
}
