//! Frames: what stands on a line.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::command::{Command, Outcome};
use crate::event::Event;
use crate::label::labels;
use crate::snapshot::Snapshot;

/// From a node to its client.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromNode {
    /// The first line, in answer to the client's.
    Hello(NodeHello),
    /// What follows is the story of this boot: of the present one, or of one before it that this client has not stored to its end.
    Boot {
        /// Its name.
        boot: String,
        /// Its number among the starts that have a spool, without a hole; 0 if it has none.
        number: u64,
    },
    /// That was all of a boot of before.
    End {
        /// It ended in order, so nothing of it is missing. Otherwise the node was killed, and what it did after its last event
        /// nobody knows.
        clean: bool,
    },
    /// Events that this client asked for are gone. In the story of the present boot a snapshot follows.
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
    /// The node is well; every two seconds or so, whatever else is told. `seq` is the last event.
    Heartbeat {
        /// Last event so far.
        seq: u64,
        /// Microseconds since the Unix epoch.
        at: u64,
        /// How the events fare that are not stored yet.
        #[serde(default)]
        pipe: PipeInfo,
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
    /// Why.
    pub reason: GapReason,
}

/// Why events are missing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// More came than memory keeps while nobody stored them, and there is no spool; or more than could be published.
    Overflow,
    /// The spool's disk was full for longer than memory could bridge.
    DiskFull,
    /// The spool's disk failed, or was too slow, for longer than memory could bridge.
    DiskFailed,
    /// The ceiling of the spool was reached.
    SpoolFull,
    /// The spool kept them for longer than the settings want.
    TooOld,
    /// The PBX or its machine died while they were being written.
    Torn,
    /// The spool's files were damaged or taken away.
    Damaged,
    /// They were acknowledged before, and let go: the client asks for what it had stored, or another one of its name.
    Acknowledged,
    /// They were written by another version, and this one cannot read them.
    Version,
}

labels!(GapReason {
    Overflow => "overflow",
    DiskFull => "disk_full",
    DiskFailed => "disk_failed",
    SpoolFull => "spool_full",
    TooOld => "too_old",
    Torn => "torn",
    Damaged => "damaged",
    Acknowledged => "acknowledged",
    Version => "version",
});

/// How the events of a node fare on their way to those who store them.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct PipeInfo {
    /// The spool, if there is one.
    pub spool: Option<SpoolInfo>,
    /// Events of this boot so far.
    pub newest: u64,
    /// Events of this boot that every storing client has acknowledged.
    pub acknowledged: u64,
    /// Events in memory.
    pub memory: u64,
    /// Events of this boot and, by the spool's limits, of those before that were lost to who had not stored them, by reason.
    pub lost: BTreeMap<GapReason, u64>,
    /// Bytes of the journal of inputs; 0 without one.
    pub journal_bytes: u64,
}

/// A node's spool.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct SpoolInfo {
    /// Bytes of its files.
    pub bytes: u64,
    /// Bytes that they may have.
    pub max_bytes: u64,
    /// Boots before this one that are held.
    pub earlier: u64,
    /// Events of this boot that are in its files, or were.
    pub written: u64,
    /// Events of this boot that a power cut would spare.
    pub synced: u64,
    /// Why nothing can be written at present; empty if it can.
    pub trouble: String,
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
        /// The last event this client has stored. Absent: begin with a snapshot, or for a durable client with the oldest that
        /// the node holds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resume: Option<Resume>,
        /// Whether the node must keep events until this client acknowledges them: the daemon's link does, a tool
        /// that only looks does not.
        #[serde(default)]
        durable: bool,
    },
    /// All events of that boot up to `seq`, and all boots before it, are stored for good; the node may forget them.
    Ack {
        /// The boot.
        boot: String,
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
