//! The live state as plain data, for snapshots.

use std::sync::Arc;

use crate::call::Call;
use crate::callback::Stage;
use crate::config::Disposition;
use crate::engine::Engine;
use crate::event::{AgentView, Estimate, MonitorView, QueueView, SupervisorView};
use crate::ids::{AgentId, CallId, QueueId, RecordingId, TierId};
use crate::input::{Attached, TalkState};
use crate::queue::Rank;
use crate::time::Time;

/// The whole live state after an input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct View {
    /// The time of that input.
    pub at: Time,
    /// Tier names in the order of their ids, also those no longer in the settings.
    pub tiers: Vec<String>,
    /// What calls can have been about.
    pub dispositions: Arc<[Disposition]>,
    /// Queues of the settings, in the order of their ids.
    pub queues: Vec<QueueView>,
    /// Agents of the settings, in the order of their ids.
    pub agents: Vec<AgentView>,
    /// Calls in the order of joining, waiting and talking. A talking one may name a queue or an agent that the settings
    /// know no more.
    pub calls: Vec<CallView>,
    /// Callbacks that are owed, in the order of service.
    pub callbacks: Vec<CallbackView>,
    /// Supervisors of the settings, in the order of their ids.
    pub supervisors: Vec<SupervisorView>,
    /// Who listens to whom, and whose phones ring for it, in the order of their beginning.
    pub monitors: Vec<MonitorView>,
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
    /// Why the caller is suspicious; empty if not.
    pub flag: String,
    /// What the dialplan found out before.
    pub attached: Attached,
    /// When it joined this queue.
    pub joined: Time,
    /// When it was connected; `None` while waiting.
    pub connected: Option<Time>,
    /// With whom, once connected.
    pub agent: Option<AgentId>,
    /// How the conversation goes.
    pub talk: TalkState,
    /// Whether the caller hears nothing of the agent, by command.
    pub muted: bool,
    /// What records the conversation, from its start until it is over for the host.
    pub recording: Option<RecordingView>,
    /// The place in the order of service of its queue; 1 is next, 0 once connected.
    pub position: u32,
    /// The wait to expect from now on, while waiting and if there is anything to go by.
    pub estimate: Option<Estimate>,
}

/// What records a conversation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RecordingView {
    /// Which recording.
    pub recording: RecordingId,
    /// Whether nothing is recorded for now.
    pub paused: bool,
}

/// A call that is owed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallbackView {
    /// The call it came from.
    pub callback: CallId,
    /// In which queue.
    pub queue: QueueId,
    /// As what.
    pub tier: TierId,
    /// Caller number.
    pub number: String,
    /// When it was placed.
    pub placed: Time,
    /// Attempts made.
    pub attempts: u32,
    /// Whether the caller is being called now.
    pub dialling: bool,
    /// The place in the order of service; 1 is next.
    pub position: u32,
    /// Whether it was owed before the host began.
    pub restored: bool,
}

impl Engine {
    /// The whole live state.
    pub fn view(&self) -> View {
        let queues = self.queues.iter().zip(0..).filter(|(queue, _)| !queue.removed);
        let mut calls: Vec<CallView> = self
            .calls
            .iter()
            .filter(|(_, call)| call.consults.is_none())
            .map(|(_, call)| self.call_view(call))
            .collect();
        calls.sort_by_key(|call| (call.joined, call.call));
        View {
            at: self.now,
            tiers: self.tiers.iter().map(|tier| tier.name.clone()).collect(),
            dispositions: Arc::clone(&self.dispositions),
            queues: queues.map(|(queue, id)| queue.view(QueueId(id))).collect(),
            agents: self.agent_views(),
            calls,
            callbacks: self.callback_views(),
            supervisors: self.supervision.supervisor_views(false),
            monitors: self.supervision.monitor_views(),
        }
    }

    pub(crate) fn agent_views(&self) -> Vec<AgentView> {
        let agents = self.agents.iter().filter(|agent| !agent.removed);
        agents.map(|agent| agent.view()).collect()
    }

    fn call_view(&self, call: &Call) -> CallView {
        let (position, estimate) = if call.waits() {
            self.place_of(call)
        } else {
            (0, None)
        };
        CallView {
            call: call.id,
            queue: call.queue,
            tier: call.tier,
            number: call.caller.number.clone(),
            flag: call.caller.flag().to_owned(),
            attached: call.caller.attached(),
            joined: call.joined,
            connected: call.talk.map(|talk| talk.since),
            agent: call.talk.map(|talk| talk.agent),
            talk: call.talk.map_or(TalkState::Talking, |talk| talk.state),
            muted: call.talk.is_some_and(|talk| talk.muted),
            recording: self.recorded(call.talk),
            position,
            estimate,
        }
    }

    fn callback_views(&self) -> Vec<CallbackView> {
        let mut callbacks: Vec<(Rank, CallbackView)> = self
            .callbacks
            .iter()
            .map(|(id, callback)| {
                let ahead = self.queues[callback.queue.0 as usize].ahead_of(callback.rank);
                let view = CallbackView {
                    callback: CallId(id),
                    queue: callback.queue,
                    tier: callback.tier,
                    number: callback.caller.number.clone(),
                    placed: callback.placed,
                    attempts: callback.attempts,
                    dialling: matches!(callback.stage, Stage::Dialling(_)),
                    restored: callback.restored,
                    position: u32::try_from(ahead + 1).unwrap_or(u32::MAX),
                };
                (callback.rank, view)
            })
            .collect();
        callbacks.sort_by_key(|(rank, _)| *rank);
        callbacks.into_iter().map(|(_, view)| view).collect()
    }
}
