//! The live state as plain data, for snapshots.

use crate::engine::Engine;
use crate::event::{AgentView, QueueView};
use crate::ids::{AgentId, CallId, QueueId, TierId};
use crate::time::Time;

/// The whole live state after an input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct View {
    /// The time of that input.
    pub at: Time,
    /// Tier names in the order of their ids, also those no longer in the settings.
    pub tiers: Vec<String>,
    /// Queues of the settings, in the order of their ids.
    pub queues: Vec<QueueView>,
    /// Agents of the settings, in the order of their ids.
    pub agents: Vec<AgentView>,
    /// Calls in the order of joining, waiting and talking. A talking one may name a queue or an agent that the settings
    /// know no more.
    pub calls: Vec<CallView>,
}

/// A call in the queue's hands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallView {
    /// Which.
    pub call: CallId,
    /// Where.
    pub queue: QueueId,
    /// As what.
    pub tier: TierId,
    /// Caller number; empty if withheld.
    pub number: String,
    /// When it joined.
    pub joined: Time,
    /// When it was connected; `None` while waiting.
    pub connected: Option<Time>,
    /// With whom, once connected.
    pub agent: Option<AgentId>,
}

impl Engine {
    /// The whole live state.
    pub fn view(&self) -> View {
        let queues = self.queues.iter().zip(0..).filter(|(queue, _)| !queue.removed);
        let mut calls: Vec<CallView> = self
            .calls
            .iter()
            .map(|(id, call)| CallView {
                call: *id,
                queue: call.queue,
                tier: call.tier,
                number: call.number.clone(),
                joined: call.joined,
                connected: call.talk.map(|talk| talk.since),
                agent: call.talk.map(|talk| talk.agent),
            })
            .collect();
        calls.sort_by_key(|call| (call.joined, call.call));
        View {
            at: self.now,
            tiers: self.tiers.iter().map(|tier| tier.name.clone()).collect(),
            queues: queues.map(|(queue, id)| queue.view(QueueId(id))).collect(),
            agents: self
                .agents
                .iter()
                .filter(|agent| !agent.removed)
                .map(|agent| agent.view())
                .collect(),
            calls,
        }
    }
}
