//! The one read model: a pure fold of what nodes tell. Queues, agents and calls are live; counts are cumulative
//! over gaps, boots and restarts of the daemon.
//!
//! No clock, no I/O: the same records give the same state, so a stored checkpoint and the events after it restore
//! it exactly. A call is counted as finished once, whatever happens: those that a node took with it when it died,
//! or that ended unseen in a gap, are finished with outcome `error`.

pub mod counts;
pub mod histogram;

use std::collections::{BTreeMap, BTreeSet};

use hotline_wire::event::CallOutcome;
use hotline_wire::frame::{EventFrame, Gap};
use hotline_wire::snapshot::{AgentInfo, AgentState, CallInfo, QueueInfo};
use hotline_wire::{Event, Snapshot};
use serde::{Deserialize, Serialize};

use counts::Counts;

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
    },
    /// Events are lost for good. Those after them follow, and in its place a snapshot.
    Gap(Gap),
    /// The live state as it is after an event.
    Snapshot(Box<Snapshot>),
    /// One event.
    Event(EventFrame),
}

/// Objects that a record changed, for those who show them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Changes {
    /// (node, queue).
    pub queues: BTreeSet<(String, String)>,
    /// (node, agent number).
    pub agents: BTreeSet<(String, String)>,
    /// Any queue or agent may have come, gone or changed.
    pub all: bool,
}

impl Changes {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        !self.all && self.queues.is_empty() && self.agents.is_empty()
    }
}

/// All nodes ever heard of.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct State {
    /// By name.
    pub nodes: BTreeMap<String, Node>,
}

/// A node.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Node {
    /// The boot that is followed.
    pub boot: String,
    /// The last event applied; 0 before the first.
    pub seq: u64,
    /// When that happened; microseconds since the Unix epoch.
    pub at: u64,
    /// The socket it was last heard on.
    pub socket: String,
    /// Tier names.
    pub tiers: Vec<String>,
    /// Queues there are, by name.
    pub queues: BTreeMap<String, Queue>,
    /// Agents there are, by number.
    pub agents: BTreeMap<String, Agent>,
    /// Calls in progress, by reference.
    pub calls: BTreeMap<String, CallInfo>,
    /// Everything counted.
    pub counts: Counts,
    /// Agents by state. Follows from `agents`.
    #[serde(skip)]
    by_state: [u32; AgentState::ALL.len()],
}

/// A queue and who is in it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Queue {
    /// Its settings.
    pub info: QueueInfo,
    /// Callers waiting: when joined, call reference. Follows from `calls`.
    #[serde(skip)]
    pub waiting: BTreeSet<(u64, String)>,
    /// Its calls that talk. Follows from `calls`.
    #[serde(skip)]
    pub talking: u32,
    /// Its agents by state. Follows from `agents`.
    #[serde(skip)]
    by_state: [u32; AgentState::ALL.len()],
}

impl Queue {
    /// Agents of the queue in a state.
    pub fn agents(&self, state: AgentState) -> u32 {
        self.by_state[state as usize]
    }
}

/// An agent.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Agent {
    /// As the node shows it.
    pub info: AgentInfo,
    /// The queue of the last call, which after-call work belongs to.
    pub last_queue: Option<String>,
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
            Body::Boot { .. } => Applied::New,
            _ if !same_boot => Applied::OutOfOrder,
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
            Body::Boot { socket } => {
                node.begin(&record.boot, socket);
                changes.all = true;
            }
            Body::Gap(gap) => node.skip(&gap.reason, gap.last),
            Body::Snapshot(snapshot) => {
                node.replace(snapshot);
                changes.all = true;
            }
            Body::Event(frame) => node.event(&record.node, frame, changes),
        }
        Applied::New
    }

    /// Fills in what follows from the rest and is not stored. To be called after deserializing.
    pub fn complete(&mut self) {
        for node in self.nodes.values_mut() {
            node.complete();
        }
    }
}

impl Node {
    /// Agents of the node in a state.
    pub fn agents_in(&self, state: AgentState) -> u32 {
        self.by_state[state as usize]
    }

    /// A new boot: all that lived in the old one is gone.
    fn begin(&mut self, boot: &str, socket: &str) {
        for call in std::mem::take(&mut self.calls).into_values() {
            self.lose(&call);
        }
        if !self.boot.is_empty() {
            // What the old boot did after its last stored event nobody knows.
            self.counts.gap("boot", 0);
        }
        self.boot = boot.to_owned();
        self.socket = socket.to_owned();
        self.seq = 0;
        self.at = 0;
        self.tiers.clear();
        self.queues.clear();
        self.agents.clear();
        self.complete();
    }

    /// The live state anew; calls that came, were connected or vanished unseen are counted.
    fn replace(&mut self, snapshot: &Snapshot) {
        if snapshot.seq > self.seq {
            self.skip("snapshot", snapshot.seq);
        }
        self.advance(snapshot.at);
        self.tiers.clone_from(&snapshot.tiers);
        self.set_queues(&snapshot.queues);
        self.set_agents(&snapshot.agents);

        let mut before = std::mem::take(&mut self.calls);
        for call in &snapshot.calls {
            if self.calls.contains_key(&call.call) {
                continue;
            }
            let known = before.remove(&call.call);
            if known.is_none() {
                self.counts.tier(&call.queue, &call.tier).offered += 1;
            }
            if let Some(connected) = call.connected
                && known.is_none_or(|known| known.connected.is_none())
            {
                self.answered(&call.queue, &call.tier, connected.saturating_sub(call.joined));
            }
            self.calls.insert(call.call.clone(), call.clone());
        }
        for call in before.into_values() {
            self.lose(&call);
        }
        self.complete();
    }

    /// Events up to `last` will never come.
    fn skip(&mut self, reason: &str, last: u64) {
        self.counts.gap(reason, last - self.seq);
        self.seq = last;
    }

    fn event(&mut self, node: &str, frame: &EventFrame, changes: &mut Changes) {
        self.advance(frame.at);
        self.seq = frame.seq;
        self.counts.events += 1;
        let mut touch = |queue: &str| {
            changes.queues.insert((node.to_owned(), queue.to_owned()));
        };
        match &frame.event {
            Event::CallJoined {
                call,
                queue,
                tier,
                number,
                ..
            } => {
                // A node tells of a call once. Should it not, what is counted must still add up.
                if let Some(known) = self.calls.remove(call) {
                    self.count_call(&known, false);
                    self.lose(&known);
                }
                self.counts.tier(queue, tier).offered += 1;
                let info = CallInfo {
                    call: call.clone(),
                    queue: queue.clone(),
                    tier: tier.clone(),
                    number: number.clone(),
                    joined: frame.at,
                    connected: None,
                    agent: None,
                };
                self.count_call(&info, true);
                self.calls.insert(call.clone(), info);
                touch(queue);
            }
            Event::CallRefused { reason, .. } => {
                *self
                    .counts
                    .refused
                    .entry(counts::refused_label(*reason).to_owned())
                    .or_default() += 1;
            }
            Event::OfferMade { queue, dispatch, .. } => {
                self.counts
                    .queue(queue)
                    .dispatch
                    .observe(histogram::DISPATCH, *dispatch);
            }
            Event::OfferRinging { .. } => {}
            Event::OfferEnded {
                queue, result, ring, ..
            } => {
                let counts = self.counts.queue(queue);
                *counts.offers.entry(*result).or_default() += 1;
                counts.ring.observe(histogram::RING, *ring);
            }
            Event::CallConnected {
                call,
                agent,
                queue,
                tier,
                wait,
            } => {
                self.answered(queue, tier, *wait);
                let mut info = match self.calls.remove(call) {
                    Some(known) => {
                        self.count_call(&known, false);
                        known
                    }
                    // It joined in a gap.
                    None => {
                        self.counts.tier(queue, tier).offered += 1;
                        CallInfo {
                            call: call.clone(),
                            queue: queue.clone(),
                            tier: tier.clone(),
                            number: String::new(),
                            joined: frame.at.saturating_sub(*wait),
                            connected: None,
                            agent: None,
                        }
                    }
                };
                info.connected = Some(frame.at);
                info.agent = Some(agent.clone());
                self.count_call(&info, true);
                self.calls.insert(call.clone(), info);
                if let Some(agent) = self.agents.get_mut(agent) {
                    agent.last_queue = Some(queue.clone());
                }
                touch(queue);
            }
            Event::CallFinished {
                call,
                queue,
                tier,
                outcome,
                wait,
                talk,
                ..
            } => {
                let known = self.calls.remove(call);
                match &known {
                    Some(known) => self.count_call(known, false),
                    // It joined in a gap.
                    None => self.counts.tier(queue, tier).offered += 1,
                }
                if *outcome == CallOutcome::Answered && known.is_none_or(|known| known.connected.is_none()) {
                    // It was connected in a gap.
                    self.answered(queue, tier, *wait);
                }
                self.finished(queue, tier, *outcome, *wait, *talk);
                touch(queue);
            }
            Event::AgentChanged { agent: info, .. } => {
                let mut queues: BTreeSet<&String> = info.queues.iter().collect();
                let before = self.agents.remove(&info.number);
                if let Some(before) = &before {
                    self.count_agent(&before.info, false);
                    self.wrapped_up(before, info);
                    queues.extend(&before.info.queues);
                } else {
                    changes.all = true;
                }
                self.count_agent(info, true);
                queues.iter().for_each(|queue| touch(queue));
                changes.agents.insert((node.to_owned(), info.number.clone()));
                let last_queue = before.and_then(|before| before.last_queue);
                self.agents.insert(
                    info.number.clone(),
                    Agent {
                        info: info.clone(),
                        last_queue,
                    },
                );
            }
            Event::CommandAnswered {
                author,
                command,
                outcome,
            } => {
                if !author.starts_with("agent:") {
                    self.counts.action(command, outcome);
                }
            }
            Event::Fault { .. } => self.counts.faults += 1,
            Event::ConfigApplied {
                queues,
                agents,
                tiers,
                ..
            } => {
                self.tiers.clone_from(tiers);
                self.set_queues(queues);
                self.set_agents(agents);
                self.complete();
                changes.all = true;
            }
        }
    }

    /// Adds the agents' time in their states up to now.
    fn advance(&mut self, at: u64) {
        let passed = if self.at == 0 {
            0
        } else {
            at.saturating_sub(self.at)
        };
        for state in AgentState::ALL {
            let agents = self.agents_in(*state);
            if passed > 0 && agents > 0 {
                let time = self.counts.state_time.entry(*state).or_default();
                *time = time.saturating_add(passed.saturating_mul(u64::from(agents)));
            }
        }
        self.at = self.at.max(at);
    }

    fn set_queues(&mut self, queues: &[QueueInfo]) {
        self.queues = queues
            .iter()
            .map(|info| {
                let queue = Queue {
                    info: info.clone(),
                    waiting: BTreeSet::new(),
                    talking: 0,
                    by_state: [0; _],
                };
                (info.name.clone(), queue)
            })
            .collect();
    }

    fn set_agents(&mut self, agents: &[AgentInfo]) {
        let mut before = std::mem::take(&mut self.agents);
        for info in agents {
            let before = before.remove(&info.number);
            if let Some(before) = &before {
                self.wrapped_up(before, info);
            }
            let last_queue = before.and_then(|before| before.last_queue);
            self.agents.insert(
                info.number.clone(),
                Agent {
                    info: info.clone(),
                    last_queue,
                },
            );
        }
    }

    /// After-call work that ended, if it did.
    fn wrapped_up(&mut self, before: &Agent, now: &AgentInfo) {
        if before.info.state != AgentState::WrapUp || now.state == AgentState::WrapUp {
            return;
        }
        if let Some(queue) = &before.last_queue {
            let length = now.since.saturating_sub(before.info.since);
            self.counts
                .queue(queue)
                .wrap_up
                .observe(histogram::WRAP_UP, length);
        }
    }

    fn answered(&mut self, queue: &str, tier: &str, wait: u64) {
        let within = self.within_target(queue, wait);
        self.counts
            .queue(queue)
            .answer_wait
            .observe(histogram::WAIT, wait);
        self.counts.tier(queue, tier).answered_within += u64::from(within);
    }

    fn finished(&mut self, queue: &str, tier: &str, outcome: CallOutcome, wait: u64, talk: u64) {
        *self.counts.tier(queue, tier).finished.entry(outcome).or_default() += 1;
        match outcome {
            CallOutcome::Answered => self.counts.queue(queue).talk.observe(histogram::TALK, talk),
            CallOutcome::Abandoned => {
                let within = self.within_target(queue, wait);
                self.counts
                    .queue(queue)
                    .abandon_wait
                    .observe(histogram::WAIT, wait);
                self.counts.tier(queue, tier).abandoned_within += u64::from(within);
            }
            _ => {}
        }
    }

    /// A call whose end nobody saw.
    fn lose(&mut self, call: &CallInfo) {
        *self
            .counts
            .tier(&call.queue, &call.tier)
            .finished
            .entry(CallOutcome::Error)
            .or_default() += 1;
    }

    /// A queue that was removed meanwhile has no target.
    fn within_target(&self, queue: &str, wait: u64) -> bool {
        self.queues
            .get(queue)
            .is_some_and(|queue| wait <= queue.info.service_target)
    }

    /// Adds a call to its queue's figures, or takes it out.
    fn count_call(&mut self, call: &CallInfo, present: bool) {
        let Some(queue) = self.queues.get_mut(&call.queue) else {
            return;
        };
        match (call.connected.is_some(), present) {
            (true, true) => queue.talking += 1,
            (true, false) => queue.talking = queue.talking.saturating_sub(1),
            (false, true) => {
                queue.waiting.insert((call.joined, call.call.clone()));
            }
            (false, false) => {
                queue.waiting.remove(&(call.joined, call.call.clone()));
            }
        }
    }

    fn count_agent(&mut self, info: &AgentInfo, present: bool) {
        let count = |n: &mut u32| *n = if present { *n + 1 } else { n.saturating_sub(1) };
        count(&mut self.by_state[info.state as usize]);
        for queue in &info.queues {
            if let Some(queue) = self.queues.get_mut(queue) {
                count(&mut queue.by_state[info.state as usize]);
            }
        }
    }

    fn complete(&mut self) {
        self.by_state = [0; _];
        for queue in self.queues.values_mut() {
            queue.by_state = [0; _];
            queue.waiting.clear();
            queue.talking = 0;
        }
        let agents = std::mem::take(&mut self.agents);
        for agent in agents.values() {
            self.count_agent(&agent.info, true);
        }
        self.agents = agents;
        let calls = std::mem::take(&mut self.calls);
        for call in calls.values() {
            self.count_call(call, true);
        }
        self.calls = calls;
    }
}

#[cfg(test)]
mod tests;
