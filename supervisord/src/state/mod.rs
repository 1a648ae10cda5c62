//! The one read model: a pure fold of what nodes tell. Queues, agents and calls are live; counts are cumulative
//! over gaps, boots and restarts of the daemon.
//!
//! No clock, no I/O: the same records give the same state, so a stored checkpoint and the events after it restore
//! it exactly. A call's visit to a queue is counted as finished once, whatever happens: those that a node took with it
//! when it died, or that ended unseen in a gap, are finished with outcome `error`.

mod calls;
pub mod counts;
pub mod histogram;
mod moment;
mod node;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use hotline_wire::Snapshot;
use hotline_wire::frame::{EventFrame, Gap};
use hotline_wire::snapshot::Attached;
use serde::{Deserialize, Serialize};

pub use node::{Agent, Node, Queue};

/// Digits of a call's number.
const MAX_DIGITS: usize = 20;

/// One thing a node told.
#[derive(Clone, PartialEq, Debug)]
pub struct Record {
    /// The node's name.
    pub node: String,
    /// The boot it belongs to.
    pub boot: String,
    /// What.
    pub body: Body,
}

/// What a node told.
#[derive(Clone, PartialEq, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all records are events; a box would only cost them"
)]
pub enum Body {
    /// A boot not known before: its story begins at event 1, and the one before is over.
    Boot {
        /// The socket it speaks on, to find the node again before it says its name.
        socket: String,
        /// Its number among the node's starts, without a hole; 0 if that is not known.
        number: u64,
    },
    /// The boot is over.
    End {
        /// In order, so nothing of it is missing; otherwise what it did after its last event nobody knows.
        clean: bool,
    },
    /// Events are lost for good. Those after them follow, and in its place a snapshot.
    Gap(Gap),
    /// The live state as it is after an event.
    Snapshot(Box<Snapshot>),
    /// One event.
    Event(EventFrame),
}

/// Offers that wait for those who tell of them.
pub const MAX_OFFERS: usize = 10_000;

/// An agent is being rung for a call: what the agent's screen may show.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Offer {
    /// The node's name.
    pub node: String,
    /// Its boot.
    pub boot: String,
    /// The attempt; unique within the boot.
    pub offer: u64,
    /// When; microseconds since the Unix epoch.
    pub at: u64,
    /// Agent number.
    pub agent: String,
    /// Queue by which the agent may take the call.
    pub queue: String,
    /// Call reference.
    pub call: String,
    /// Tier name; empty if the call joined in a gap.
    pub tier: String,
    /// Caller number; empty if withheld, or the call joined in a gap.
    pub number: String,
    /// Why the caller is suspicious; empty if not.
    pub flag: String,
    /// What the dialplan found out before.
    pub attached: Attached,
    /// When the caller joined; 0 if in a gap.
    pub joined: u64,
}

/// Objects that a record changed, for those who show them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Changes {
    /// Queues.
    pub queues: Names,
    /// Numbers of agents.
    pub agents: Names,
    /// References of calls and callbacks.
    pub calls: Names,
    /// Offers made, oldest first.
    pub offers: VecDeque<Offer>,
    /// A node's blacklist.
    pub lists: bool,
    /// A node came or went.
    pub links: bool,
    /// Alarms came, changed or went.
    pub alarms: bool,
    /// Any queue or agent may have come, gone or changed.
    pub all: bool,
}

/// Names of objects, by node, in no order. One that is there already costs nothing but the look: a busy floor names each a hundred
/// times before anybody asks.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Names(HashMap<String, HashSet<String>>);

impl Names {
    /// Adds a name.
    pub fn insert(&mut self, node: &str, name: &str) {
        let names = match self.0.get_mut(node) {
            Some(names) => names,
            None => self.0.entry(node.to_owned()).or_default(),
        };
        if !names.contains(name) {
            names.insert(name.to_owned());
        }
    }

    /// Adds all of them.
    pub fn merge(&mut self, others: &Names) {
        for (node, name) in others.iter() {
            self.insert(node, name);
        }
    }

    /// Node and name of each.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .flat_map(|(node, names)| names.iter().map(|name| (node.as_str(), name.as_str())))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Changes {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        let Changes {
            queues,
            agents,
            calls,
            offers,
            lists,
            links,
            alarms,
            all,
        } = self;
        let none = queues.is_empty() && agents.is_empty() && calls.is_empty() && offers.is_empty();
        none && !all && !lists && !links && !alarms
    }

    /// Adds later changes. Of offers, the latest [`MAX_OFFERS`] are kept.
    pub fn merge(&mut self, later: &Changes) {
        self.all |= later.all;
        self.lists |= later.lists;
        self.links |= later.links;
        self.alarms |= later.alarms;
        self.queues.merge(&later.queues);
        self.agents.merge(&later.agents);
        self.calls.merge(&later.calls);
        self.offers.extend(later.offers.iter().cloned());
        let excess = self.offers.len().saturating_sub(MAX_OFFERS);
        self.offers.drain(..excess);
    }
}

/// All nodes ever heard of.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct State {
    /// By name.
    pub nodes: BTreeMap<String, Node>,
}

/// What came of a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Applied {
    /// It changed the state.
    New,
    /// It was known: delivery is at least once.
    Duplicate,
    /// Events before it are missing, or its boot is not the one followed. The state is as before.
    OutOfOrder,
}

impl State {
    /// Whether a record is new, without applying it.
    pub fn judge(&self, record: &Record) -> Applied {
        let node = self.nodes.get(&record.node);
        let same_boot = node.is_some_and(|node| node.boot == record.boot);
        let seq = node.map_or(0, |node| node.seq);
        match &record.body {
            Body::Boot { .. } if same_boot => Applied::Duplicate,
            // Its story was left for a later one: told again from its beginning, it would count twice.
            Body::Boot { .. } if node.is_some_and(|node| node.past.contains(&record.boot)) => {
                Applied::OutOfOrder
            }
            Body::Boot { .. } => Applied::New,
            _ if !same_boot => Applied::OutOfOrder,
            Body::End { .. } if node.is_some_and(|node| node.ended.is_some()) => Applied::Duplicate,
            Body::End { .. } => Applied::New,
            Body::Gap(gap) if gap.last <= seq => Applied::Duplicate,
            Body::Gap(gap) if gap.first > seq + 1 => Applied::OutOfOrder,
            Body::Gap(_) => Applied::New,
            Body::Snapshot(snapshot) if snapshot.seq < seq => Applied::Duplicate,
            Body::Snapshot(_) => Applied::New,
            Body::Event(frame) if frame.seq <= seq => Applied::Duplicate,
            Body::Event(frame) if frame.seq == seq + 1 => Applied::New,
            Body::Event(_) => Applied::OutOfOrder,
        }
    }

    /// Applies a record if it is new. `changes` gains what it touched.
    pub fn apply(&mut self, record: &Record, changes: &mut Changes) -> Applied {
        let applied = self.judge(record);
        if applied != Applied::New {
            return applied;
        }
        let node = self.nodes.entry(record.node.clone()).or_default();
        match &record.body {
            Body::Boot { socket, number } => {
                node.begin(&record.boot, *number, socket);
                changes.all = true;
            }
            Body::End { clean } => node.ended = Some(*clean),
            Body::Gap(gap) => node.skip(gap.reason.label(), gap.last),
            Body::Snapshot(snapshot) => {
                node.replace(snapshot);
                changes.all = true;
            }
            Body::Event(frame) => node.event(&record.node, frame, changes),
        }
        Applied::New
    }

    /// The node that a call is of, or was since the node's start: its reference, `NODE-BOOT-NUMBER`, says so.
    pub fn node_of_call(&self, reference: &str) -> Option<&str> {
        let found = self.nodes.iter().find(|(name, node)| {
            let number = reference.strip_prefix(&format!("{name}-{}-", node.boot));
            number.is_some_and(|number| {
                (1..=MAX_DIGITS).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit())
            })
        });
        found.map(|(name, _)| name.as_str())
    }

    /// Fills in what follows from the rest and is not stored. To be called after deserializing.
    pub fn complete(&mut self) {
        for node in self.nodes.values_mut() {
            node.complete();
        }
    }
}

#[cfg(test)]
mod tests;
