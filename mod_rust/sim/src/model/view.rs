//! The model's live state in the engine's words, to be compared.

use hotline_engine::ids::{AgentId, QueueId, TierId};
use hotline_engine::input::TalkState;
use hotline_engine::view::{CallView, CallbackView};

use super::Model;
use super::agent::Doing;
use super::call::{Call, Stage};
use super::callbacks::{Callback, State};
use crate::pair::AgentLook;

impl Model {
    /// All calls, in the order of their ids.
    pub(crate) fn calls(&self) -> Vec<CallView> {
        let view = |call: &Call| {
            let waits = call.stage == Stage::Waiting;
            CallView {
                call: call.id,
                queue: QueueId(call.queue as u32),
                tier: TierId(call.visitor.tier as u8),
                number: call.visitor.caller.number.clone(),
                flag: call.visitor.caller.flag.clone(),
                attached: call.visitor.caller.attached.clone(),
                joined: call.joined,
                connected: call.talk.map(|talk| talk.since),
                agent: call.talk.map(|talk| AgentId(talk.agent as u32)),
                talk: call.talk.map_or(TalkState::Talking, |talk| talk.state),
                muted: call.talk.is_some_and(|talk| talk.muted),
                recording: self.shown_recording(call),
                position: if waits { self.position(call.id) } else { 0 },
                estimate: if waits { self.estimate(call.id) } else { None },
            }
        };
        let mut calls: Vec<CallView> = self.calls.iter().map(view).collect();
        calls.sort_by_key(|call| call.call);
        calls
    }

    /// All callbacks, in the order of the calls that they came from.
    pub(crate) fn callbacks(&self) -> Vec<CallbackView> {
        let view = |callback: &Callback| CallbackView {
            callback: callback.id,
            queue: QueueId(callback.queue as u32),
            tier: TierId(callback.visitor.tier as u8),
            number: callback.number.clone(),
            placed: callback.placed,
            attempts: callback.attempts,
            dialling: match callback.state {
                State::Dialling(_) => true,
                State::Due | State::Pausing(_) => false,
            },
            position: self.position_of_callback(callback.id),
            restored: callback.restored,
        };
        let mut callbacks: Vec<CallbackView> = self.callbacks.iter().map(view).collect();
        callbacks.sort_by_key(|callback| callback.callback);
        callbacks
    }

    /// An agent, if there ever was such a one.
    pub(crate) fn agent(&self, id: AgentId) -> Option<AgentLook> {
        let agent = self.agents.get(id.0 as usize)?;
        let served = agent.settings.queues.iter();
        let served = served.filter_map(|member| {
            let queue = self.queue_named(&member.queue)?;
            Some((QueueId(queue as u32), member.level))
        });
        let mut queues: Vec<(QueueId, u8)> = served.collect();
        queues.sort_unstable();
        let mut skills = agent.settings.skills.clone();
        skills.sort_unstable();
        skills.dedup();
        let call = match agent.doing {
            Doing::Ringing(call, _) | Doing::Connecting(call, _) | Doing::Talking(call, _) => Some(call),
            Doing::Nothing | Doing::Ready | Doing::NotReady | Doing::WrapUp(_) => None,
        };
        Some(AgentLook {
            agent: id,
            state: agent.state(),
            call,
            phone: agent.phone.clone(),
            queues,
            skills,
        })
    }
}
