//! What is known of one node: its live objects, and how boots, gaps and snapshots change them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use hotline_wire::event::Estimate;
use hotline_wire::frame::EventFrame;
use hotline_wire::snapshot::{AgentInfo, AgentState, CallInfo, CallbackInfo, DispositionInfo, QueueInfo};
use hotline_wire::{Event, Snapshot};
use serde::{Deserialize, Serialize};

use super::counts::{self, Counts};
use super::moment::Moment;
use super::{Changes, Offer, histogram};

/// Boots remembered so that they are not followed again.
const PAST: usize = 64;

/// A node.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Node {
    /// The boot that is followed.
    pub boot: String,
    /// Its number among the node's starts; of a boot without one, that of the last one that had.
    #[serde(default)]
    pub(super) number: u64,
    /// Whether that boot is over, and was so in order.
    #[serde(default)]
    pub ended: Option<bool>,
    /// Boots before it, the last ones: none of them is followed again.
    #[serde(default)]
    pub(super) past: VecDeque<String>,
    /// The last event applied; 0 before the first.
    pub seq: u64,
    /// When that happened; microseconds since the Unix epoch.
    pub at: u64,
    /// The socket it was last heard on.
    pub socket: String,
    /// Tier names.
    pub tiers: Vec<String>,
    /// What calls can have been about.
    #[serde(default)]
    pub dispositions: Vec<DispositionInfo>,
    /// Queues there are, by name.
    pub queues: BTreeMap<String, Queue>,
    /// Agents there are, by number.
    pub agents: BTreeMap<String, Agent>,
    /// Calls in progress, by reference. Place and estimate are not known: no event tells how they change.
    pub calls: BTreeMap<String, CallInfo>,
    /// Callers who are owed a call, by reference. Their place is not known.
    #[serde(default)]
    pub callbacks: BTreeMap<String, CallbackInfo>,
    /// The call whose caller pressed a key last, and when: what follows at the same time was the caller's choice.
    #[serde(default)]
    pub(super) pressed: Option<(String, u64)>,
    /// Entries of the blacklist; 0 without one.
    #[serde(default)]
    pub listed: u64,
    /// How it was before the present moment.
    #[serde(default)]
    pub(super) moment: Moment,
    /// Everything counted.
    pub counts: Counts,
    /// Agents by state. Follows from `agents`.
    #[serde(skip)]
    pub(super) by_state: [u32; AgentState::ALL.len()],
}

/// A queue and who is in it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Queue {
    /// Its settings.
    pub info: QueueInfo,
    /// The wait predicted to the last caller who joined and waits; `None` while there is nothing to go by.
    #[serde(default)]
    pub predicted: Option<Estimate>,
    /// Callers waiting: when joined, call reference. Follows from `calls`.
    #[serde(skip)]
    pub waiting: BTreeSet<(u64, String)>,
    /// Its calls that talk. Follows from `calls`.
    #[serde(skip)]
    pub talking: u32,
    /// Its callers who are owed a call. Follows from `callbacks`.
    #[serde(skip)]
    pub owed: u32,
    /// Its agents by state. Follows from `agents`.
    #[serde(skip)]
    pub(super) by_state: [u32; AgentState::ALL.len()],
}

impl Queue {
    fn new(info: &QueueInfo) -> Queue {
        Queue {
            info: info.clone(),
            predicted: None,
            waiting: BTreeSet::new(),
            talking: 0,
            owed: 0,
            by_state: [0; _],
        }
    }

    /// Agents of the queue in a state.
    pub fn agents(&self, state: AgentState) -> u32 {
        self.by_state[state as usize]
    }
}

/// An agent.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Agent {
    /// As the node shows it.
    pub info: Arc<AgentInfo>,
    /// The queue of the last call, which after-call work belongs to.
    pub last_queue: Option<String>,
}

impl Node {
    /// Agents of the node in a state.
    pub fn agents_in(&self, state: AgentState) -> u32 {
        self.by_state[state as usize]
    }

    /// How many boots there were between the one that is followed and that number, of which nothing was told.
    pub fn skips(&self, number: u64) -> u64 {
        match self.number {
            0 => 0,
            before => number.saturating_sub(before + 1),
        }
    }

    /// A new boot: all that lived in the old one is gone.
    pub(super) fn begin(&mut self, boot: &str, number: u64, socket: &str) {
        for call in std::mem::take(&mut self.calls).into_values() {
            self.lose(&call);
        }
        for callback in std::mem::take(&mut self.callbacks).into_values() {
            self.lose_callback(&callback);
        }
        if !self.boot.is_empty() {
            if self.ended != Some(true) {
                // What the old boot did after its last stored event nobody knows.
                self.counts.gap("boot", 0);
            }
            if self.past.len() >= PAST {
                self.past.pop_front();
            }
            self.past.push_back(std::mem::take(&mut self.boot));
        }
        if self.skips(number) > 0 {
            self.counts.gap("boots", 0);
        }
        if number > 0 {
            self.number = number;
        }
        self.boot = boot.to_owned();
        self.ended = None;
        self.socket = socket.to_owned();
        self.seq = 0;
        self.at = 0;
        self.pressed = None;
        self.forget_moment();
        self.tiers.clear();
        self.dispositions.clear();
        self.queues.clear();
        self.agents.clear();
        self.complete();
    }

    /// The live state anew; what came, was connected or vanished unseen is counted.
    pub(super) fn replace(&mut self, snapshot: &Snapshot) {
        if snapshot.seq > self.seq {
            self.skip("snapshot", snapshot.seq);
        }
        self.advance(snapshot.at);
        self.forget_moment();
        self.tiers.clone_from(&snapshot.tiers);
        self.dispositions.clone_from(&snapshot.dispositions);
        self.set_queues(&snapshot.queues);
        self.set_agents(&snapshot.agents);
        self.replace_calls(&snapshot.calls);
        self.replace_callbacks(&snapshot.callbacks);
        self.listed = snapshot.blacklist.as_ref().map_or(0, |list| list.entries);
        self.complete();
    }

    /// Events up to `last` will never come.
    pub(super) fn skip(&mut self, reason: &str, last: u64) {
        self.counts.gap(reason, last - self.seq);
        self.seq = last;
    }

    pub(crate) fn event(&mut self, node: &str, frame: &EventFrame, changes: &mut Changes) {
        self.advance(frame.at);
        self.remember(frame.at, &frame.event);
        self.seq = frame.seq;
        self.counts.events += 1;
        if let Some(queue) = self.call_event(frame.at, &frame.event) {
            changes.queues.insert(node, queue);
        }
        if let Some(call) = call_of(&frame.event) {
            changes.calls.insert(node, call);
        }
        match &frame.event {
            Event::OfferMade {
                offer,
                call,
                agent,
                queue,
                dispatch,
            } => {
                let info = self.calls.get(call);
                changes.offers.push_back(Offer {
                    node: node.to_owned(),
                    boot: self.boot.clone(),
                    offer: *offer,
                    at: frame.at,
                    agent: agent.clone(),
                    queue: queue.clone(),
                    call: call.clone(),
                    tier: info.map_or_else(String::new, |info| info.tier.clone()),
                    number: info.map_or_else(String::new, |info| info.number.clone()),
                    flag: info.map_or_else(String::new, |info| info.flag.clone()),
                    attached: info.map(|info| info.attached.clone()).unwrap_or_default(),
                    joined: info.map_or(0, |info| info.joined),
                });
                let counts = self.counts.queue(queue);
                counts.dispatch.observe(histogram::DISPATCH, *dispatch);
            }
            Event::OfferEnded {
                queue, result, ring, ..
            } => {
                let counts = self.counts.queue(queue);
                *counts.offers.entry(*result).or_default() += 1;
                counts.ring.observe(histogram::RING, *ring);
            }
            Event::DispositionSet { queue, code, .. } => self.counts.disposition(queue, code),
            Event::LimitReached { limit, level, .. } => self.counts.warning(limit, *level),
            Event::Retrieve { result, .. } => *self.counts.retrieves.entry(*result).or_default() += 1,
            Event::QueueChanged { queue } => {
                match self.queues.get_mut(&queue.name) {
                    Some(known) => known.info.clone_from(queue),
                    None => {
                        self.queues.insert(queue.name.clone(), Queue::new(queue));
                    }
                }
                changes.queues.insert(node, &queue.name);
            }
            Event::AgentChanged { agent, .. } => self.agent_changed(node, agent, changes),
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
            Event::CallScreened { action, .. } => *self.counts.blocked.entry(*action).or_default() += 1,
            Event::BlacklistChanged { entries, .. } | Event::BlacklistReplaced { entries, .. } => {
                self.listed = *entries;
                changes.lists = true;
            }
            Event::ConfigApplied {
                queues,
                agents,
                tiers,
                dispositions,
                ..
            } => {
                self.tiers.clone_from(tiers);
                self.dispositions.clone_from(dispositions);
                self.set_queues(queues);
                self.set_agents(agents);
                self.complete();
                changes.all = true;
            }
            Event::SurveyOffered { queue, .. } => self.counts.queue(queue).surveys.offered += 1,
            Event::SurveyAnswered { queue, score, .. } => self.counts.queue(queue).surveys.answered(*score),
            Event::SurveyUnanswered { queue, .. } => self.counts.queue(queue).surveys.unanswered += 1,
            Event::CallRefused { reason, .. } => {
                let reason = counts::refused_label(*reason).to_owned();
                *self.counts.refused.entry(reason).or_default() += 1;
            }
            // Of a call or a callback: see above. Supervisors are shown by the node itself, and what a rule did to a caller changes nothing that is shown.
            Event::CallJoined { .. }
            | Event::CallConnected { .. }
            | Event::CallFinished { .. }
            | Event::TalkChanged { .. }
            | Event::MuteChanged { .. }
            | Event::ConsultChanged { .. }
            | Event::RecordingStarted { .. }
            | Event::RecordingPaused { .. }
            | Event::RecordingResumed { .. }
            | Event::RecordingFinished { .. }
            | Event::RecordingFailed { .. }
            | Event::CallTransferred { .. }
            | Event::IvrStarted { .. }
            | Event::IvrEnded { .. }
            | Event::KeyPressed { .. }
            | Event::CallbackPlaced { .. }
            | Event::CallbackRestored { .. }
            | Event::CallbackDialled { .. }
            | Event::CallbackMissed { .. }
            | Event::CallbackEnded { .. }
            | Event::SupervisorChanged { .. }
            | Event::MonitorStarted { .. }
            | Event::MonitorChanged { .. }
            | Event::MonitorEnded { .. }
            | Event::TalkCut { .. }
            | Event::RuleApplied { .. }
            | Event::CallReprioritised { .. }
            | Event::OfferRinging { .. }
            | Event::LimitCleared { .. } => {}
        }
    }

    fn agent_changed(&mut self, node: &str, info: &Arc<AgentInfo>, changes: &mut Changes) {
        changes.agents.insert(node, &info.number);
        let Some(agent) = self.agents.get_mut(&info.number) else {
            changes.all = true;
            self.count_agent(info, true);
            let agent = Agent {
                info: info.clone(),
                last_queue: None,
            };
            self.agents.insert(info.number.clone(), agent);
            return;
        };
        let before = std::mem::replace(&mut agent.info, info.clone());
        wrapped_up(&mut self.counts, &before, agent.last_queue.as_deref(), info);
        if before.state == info.state && before.queues == info.queues {
            return;
        }
        self.count_agent(&before, false);
        self.count_agent(info, true);
        for member in &info.queues {
            changes.queues.insert(node, &member.queue);
        }
        if before.queues != info.queues {
            for member in &before.queues {
                changes.queues.insert(node, &member.queue);
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
        let before = std::mem::take(&mut self.queues);
        for info in queues {
            let predicted = before.get(&info.name).and_then(|queue| queue.predicted);
            let queue = Queue {
                predicted,
                ..Queue::new(info)
            };
            self.queues.insert(info.name.clone(), queue);
        }
    }

    fn set_agents(&mut self, agents: &[AgentInfo]) {
        let mut before = std::mem::take(&mut self.agents);
        for info in agents {
            let before = before.remove(&info.number);
            if let Some(before) = &before {
                wrapped_up(&mut self.counts, &before.info, before.last_queue.as_deref(), info);
            }
            let agent = Agent {
                info: Arc::new(info.clone()),
                last_queue: before.and_then(|before| before.last_queue),
            };
            self.agents.insert(info.number.clone(), agent);
        }
    }

    fn count_agent(&mut self, info: &AgentInfo, present: bool) {
        let count = |n: &mut u32| *n = if present { *n + 1 } else { n.saturating_sub(1) };
        count(&mut self.by_state[info.state as usize]);
        for member in &info.queues {
            if let Some(queue) = self.queues.get_mut(&member.queue) {
                count(&mut queue.by_state[info.state as usize]);
            }
        }
    }

    /// Fills in what follows from the rest.
    pub(super) fn complete(&mut self) {
        self.by_state = [0; _];
        for queue in self.queues.values_mut() {
            queue.by_state = [0; _];
            queue.waiting.clear();
            queue.talking = 0;
            queue.owed = 0;
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
        for callback in self.callbacks.values() {
            if let Some(queue) = self.queues.get_mut(&callback.queue) {
                queue.owed += 1;
            }
        }
    }
}

/// Counts after-call work that ended, if it did.
fn wrapped_up(counts: &mut Counts, before: &AgentInfo, last_queue: Option<&str>, now: &AgentInfo) {
    if before.state != AgentState::WrapUp || now.state == AgentState::WrapUp {
        return;
    }
    if let Some(queue) = last_queue {
        let length = now.since.saturating_sub(before.since);
        counts.queue(queue).wrap_up.observe(histogram::WRAP_UP, length);
    }
}

/// The call or callback that an event changed in what is shown.
pub(super) fn call_of(event: &Event) -> Option<&str> {
    match event {
        Event::CallJoined { call, .. }
        | Event::CallConnected { call, .. }
        | Event::TalkChanged { call, .. }
        | Event::MuteChanged { call, .. }
        | Event::RecordingStarted { call, .. }
        | Event::RecordingPaused { call, .. }
        | Event::RecordingResumed { call, .. }
        | Event::RecordingFinished { call, .. }
        | Event::RecordingFailed { call, .. }
        | Event::CallFinished { call, .. } => Some(call),
        Event::CallbackPlaced { callback, .. }
        | Event::CallbackRestored { callback, .. }
        | Event::CallbackDialled { callback, .. }
        | Event::CallbackMissed { callback, .. }
        | Event::CallbackEnded { callback, .. } => Some(callback),
        Event::KeyPressed { .. }
        | Event::CallReprioritised { .. }
        | Event::RuleApplied { .. }
        | Event::CallRefused { .. }
        | Event::CallScreened { .. }
        | Event::BlacklistChanged { .. }
        | Event::BlacklistReplaced { .. }
        | Event::OfferMade { .. }
        | Event::OfferRinging { .. }
        | Event::OfferEnded { .. }
        | Event::LimitReached { .. }
        | Event::LimitCleared { .. }
        | Event::Retrieve { .. }
        | Event::SupervisorChanged { .. }
        | Event::MonitorStarted { .. }
        | Event::MonitorChanged { .. }
        | Event::MonitorEnded { .. }
        | Event::TalkCut { .. }
        | Event::ConsultChanged { .. }
        | Event::CallTransferred { .. }
        | Event::DispositionSet { .. }
        | Event::IvrStarted { .. }
        | Event::IvrEnded { .. }
        | Event::SurveyOffered { .. }
        | Event::SurveyAnswered { .. }
        | Event::SurveyUnanswered { .. }
        | Event::QueueChanged { .. }
        | Event::AgentChanged { .. }
        | Event::CommandAnswered { .. }
        | Event::ConfigApplied { .. }
        | Event::Fault { .. } => None,
    }
}
