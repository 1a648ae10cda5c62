//! How things were before the present moment: what the audit record tells as "before".
//!
//! All that a node did in one step, from a command or a timer to the answers that it led to, has one time, and nothing else has the
//! same. So what an answered command changed is what changed at its own time.

use std::collections::BTreeMap;
use std::sync::Arc;

use hotline_wire::Event;
use hotline_wire::snapshot::{AgentInfo, Attached, CallInfo, CallbackInfo, QueueInfo};
use serde::{Deserialize, Serialize};

use super::node::Node;

/// What changed at the present moment, as it was before; `None` for what was not there.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Moment {
    at: u64,
    agents: BTreeMap<String, Option<Arc<AgentInfo>>>,
    queues: BTreeMap<String, Option<QueueInfo>>,
    calls: BTreeMap<String, Option<CallInfo>>,
    callbacks: BTreeMap<String, Option<CallbackInfo>>,
    /// What calls were worth before and are worth now; the first is not known of older nodes.
    worth: BTreeMap<String, (Option<u32>, u32)>,
}

impl Node {
    /// Keeps what an event is about to change, the first time in its moment.
    pub(crate) fn remember(&mut self, at: u64, event: &Event) {
        if self.moment.at != at {
            self.moment = Moment {
                at,
                ..Moment::default()
            };
        }
        let Node {
            moment,
            agents,
            queues,
            calls,
            callbacks,
            ..
        } = self;
        match event {
            Event::AgentChanged { agent, .. } => {
                first(&mut moment.agents, &agent.number, || {
                    agents.get(&agent.number).map(|agent| agent.info.clone())
                });
            }
            Event::QueueChanged { queue } => {
                first(&mut moment.queues, &queue.name, || {
                    queues.get(&queue.name).map(|queue| queue.info.clone())
                });
            }
            Event::CallJoined { call, .. }
            | Event::CallConnected { call, .. }
            | Event::TalkChanged { call, .. }
            | Event::MuteChanged { call, .. }
            | Event::RecordingStarted { call, .. }
            | Event::RecordingPaused { call, .. }
            | Event::RecordingResumed { call, .. }
            | Event::RecordingFinished { call, .. }
            | Event::RecordingFailed { call, .. }
            | Event::CallFinished { call, .. } => {
                first(&mut moment.calls, call, || {
                    // The caller's number is in no row, and would stay here when it is erased elsewhere.
                    calls.get(call).map(|info| CallInfo {
                        number: String::new(),
                        attached: Attached::default(),
                        ..info.clone()
                    })
                });
            }
            Event::CallReprioritised {
                call,
                priority,
                before,
                ..
            } => {
                let worth = moment.worth.entry(call.clone()).or_insert((*before, *priority));
                worth.1 = *priority;
            }
            Event::CallbackPlaced { callback, .. }
            | Event::CallbackRestored { callback, .. }
            | Event::CallbackDialled { callback, .. }
            | Event::CallbackMissed { callback, .. }
            | Event::CallbackEnded { callback, .. } => {
                first(&mut moment.callbacks, callback, || {
                    callbacks.get(callback).map(|info| CallbackInfo {
                        number: String::new(),
                        ..info.clone()
                    })
                });
            }
            // What they change is in no row of the audit record, or in the event itself.
            Event::KeyPressed { .. }
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
            | Event::CommandAnswered { .. }
            | Event::ConfigApplied { .. }
            | Event::Fault { .. } => {}
        }
    }

    /// The state was told anew: what was before it nobody can say.
    pub(super) fn forget_moment(&mut self) {
        self.moment = Moment::default();
    }

    /// An agent before the present moment, and now.
    pub fn agent_then_and_now(&self, number: &str) -> [Option<&AgentInfo>; 2] {
        let now = self.agents.get(number).map(|agent| &agent.info);
        [then(&self.moment.agents, number, now), now].map(|agent| agent.map(Arc::as_ref))
    }

    /// A queue before the present moment, and now.
    pub fn queue_then_and_now(&self, name: &str) -> [Option<&QueueInfo>; 2] {
        let now = self.queues.get(name).map(|queue| &queue.info);
        [then(&self.moment.queues, name, now), now]
    }

    /// A call before the present moment, and now.
    pub fn call_then_and_now(&self, call: &str) -> [Option<&CallInfo>; 2] {
        let now = self.calls.get(call);
        [then(&self.moment.calls, call, now), now]
    }

    /// A callback before the present moment, and now.
    pub fn callback_then_and_now(&self, callback: &str) -> [Option<&CallbackInfo>; 2] {
        let now = self.callbacks.get(callback);
        [then(&self.moment.callbacks, callback, now), now]
    }

    /// What a call was worth on top of its tier before the present moment, and now, in seconds; nothing if that did not change.
    pub fn worth_then_and_now(&self, call: &str) -> [Option<u32>; 2] {
        let changed = self.moment.worth.get(call);
        changed.map_or([None; 2], |(then, now)| [*then, Some(*now)])
    }

    /// A copy that has only what events are about and commands name, which are enough to follow those events.
    pub(crate) fn part<'e>(&self, events: impl Iterator<Item = &'e Event>) -> Node {
        let mut part = Node {
            boot: self.boot.clone(),
            seq: self.seq,
            at: self.at,
            tiers: self.tiers.clone(),
            listed: self.listed,
            moment: self.moment.clone(),
            ..Node::default()
        };
        for event in events {
            let texts: Vec<&str> = match event {
                Event::AgentChanged { agent, .. } => vec![&agent.number],
                Event::QueueChanged { queue } => vec![&queue.name],
                Event::CommandAnswered { command, .. } => command.texts(),
                // It is about everything.
                Event::ConfigApplied { .. } => return self.clone(),
                other => super::node::call_of(other).into_iter().collect(),
            };
            for text in texts {
                copy(&self.agents, &mut part.agents, text);
                if let Some(call) = self.agents.get(text).and_then(|agent| agent.info.call.as_deref()) {
                    copy(&self.calls, &mut part.calls, call);
                }
                copy(&self.queues, &mut part.queues, text);
                copy(&self.calls, &mut part.calls, text);
                copy(&self.callbacks, &mut part.callbacks, text);
            }
        }
        part
    }
}

fn first<T>(kept: &mut BTreeMap<String, Option<T>>, key: &str, before: impl FnOnce() -> Option<T>) {
    if !kept.contains_key(key) {
        kept.insert(key.to_owned(), before());
    }
}

fn then<'n, T>(kept: &'n BTreeMap<String, Option<T>>, key: &str, now: Option<&'n T>) -> Option<&'n T> {
    kept.get(key).map_or(now, Option::as_ref)
}

fn copy<T: Clone>(from: &BTreeMap<String, T>, to: &mut BTreeMap<String, T>, key: &str) {
    if let Some(one) = from.get(key) {
        to.insert(key.to_owned(), one.clone());
    }
}
