//! What a specification looks at: the last input's outputs, and the live state.

use hotline_engine::action::{CommandOutcome, Utterance};
use hotline_engine::event::{
    AgentState, AgentView, CallOutcome, CallbackOutcome, Estimate, Limit, OfferResult,
};
use hotline_engine::ids::{AgentId, CallId};
use hotline_engine::view::CallView;
use hotline_engine::{Action, CallAction, Event};

use super::Floor;

impl Floor {
    pub(crate) fn agent(&self, number: &str) -> AgentView {
        let view = self.engine.view();
        view.agents
            .into_iter()
            .find(|agent| *agent.card.number == *number)
            .expect("no such agent")
    }

    pub(crate) fn id(&self, number: &str) -> AgentId {
        self.agent(number).agent
    }

    pub(crate) fn state(&self, number: &str) -> AgentState {
        self.agent(number).state
    }

    /// What a call's thread was told by the last input, in order; without estimates of when to try again.
    pub(crate) fn told(&self, call: u64) -> Vec<CallAction> {
        let plain = |action| match action {
            CallAction::Release { status, to, say, .. } => CallAction::Release {
                status,
                to,
                say,
                retry_in: None,
            },
            other => other,
        };
        self.told_exactly(call).into_iter().map(plain).collect()
    }

    /// The same, whole.
    pub(crate) fn told_exactly(&self, call: u64) -> Vec<CallAction> {
        let of_call = |action: &Action| match action {
            Action::Call { call: whose, action } if *whose == CallId(call) => Some(action.clone()),
            _ => None,
        };
        self.actions.iter().filter_map(of_call).collect()
    }

    /// Offers made by the last input: (offer, call, agent number).
    pub(crate) fn offers(&self) -> Vec<(u64, u64, String)> {
        let ring = |action: &Action| match action {
            Action::Call {
                call,
                action: CallAction::Ring { offer, agent, .. },
            } => Some((offer.0, call.0, agent.to_string())),
            _ => None,
        };
        self.actions.iter().filter_map(ring).collect()
    }

    /// Offers that ended with the last input.
    pub(crate) fn offers_ended(&self) -> Vec<(u64, OfferResult)> {
        let ended = |event: &Event| match event {
            Event::OfferEnded { offer, result, .. } => Some((offer.0, *result)),
            _ => None,
        };
        self.events.iter().filter_map(ended).collect()
    }

    /// Calls that finished with the last input.
    pub(crate) fn finished(&self) -> Vec<(u64, CallOutcome)> {
        let finished = |event: &Event| match event {
            Event::CallFinished { call, outcome, .. } => Some((call.0, *outcome)),
            _ => None,
        };
        self.events.iter().filter_map(finished).collect()
    }

    /// Answers given by the last input: (author, outcome).
    pub(crate) fn answers(&self) -> Vec<(String, CommandOutcome)> {
        let answer = |event: &Event| match event {
            Event::CommandAnswered { author, outcome, .. } => Some((author.clone(), *outcome)),
            _ => None,
        };
        self.events.iter().filter_map(answer).collect()
    }

    /// Who was rung for whom by the last input: (call, agent number).
    pub(crate) fn rung(&self) -> Vec<(u64, String)> {
        self.offers()
            .into_iter()
            .map(|(_, call, agent)| (call, agent))
            .collect()
    }

    /// What a call's thread was told to say by the last input.
    pub(crate) fn said(&self, call: u64) -> Vec<Vec<Utterance>> {
        let said = |action| match action {
            CallAction::Say { say } => Some(say),
            _ => None,
        };
        self.told_exactly(call).into_iter().filter_map(said).collect()
    }

    /// Callbacks dialled by the last input: (callback, attempt, dial string).
    pub(crate) fn dialled(&self) -> Vec<(u64, u32, String)> {
        let dialled = |action: &Action| match action {
            Action::CallBack {
                callback,
                attempt,
                dial,
                ..
            } => Some((callback.0, *attempt, dial.clone())),
            _ => None,
        };
        self.actions.iter().filter_map(dialled).collect()
    }

    /// Callbacks no longer to be dialled.
    pub(crate) fn called_off(&self) -> Vec<u64> {
        let called_off = |action: &Action| match action {
            Action::CancelCallBack { callback } => Some(callback.0),
            _ => None,
        };
        self.actions.iter().filter_map(called_off).collect()
    }

    pub(crate) fn callbacks_ended(&self) -> Vec<(u64, CallbackOutcome)> {
        let ended = |event: &Event| match event {
            Event::CallbackEnded {
                callback, outcome, ..
            } => Some((callback.0, *outcome)),
            _ => None,
        };
        self.events.iter().filter_map(ended).collect()
    }

    /// Limits reached by the last input: (limit, level, seconds lasted).
    pub(crate) fn reached(&self) -> Vec<(Limit, u8, u64)> {
        let reached = |event: &Event| match event {
            Event::LimitReached { limit, level, lasted } => Some((*limit, *level, lasted.0 / 1_000_000)),
            _ => None,
        };
        self.events.iter().filter_map(reached).collect()
    }

    /// Those that are over.
    pub(crate) fn cleared(&self) -> Vec<(Limit, u8, u64)> {
        let cleared = |event: &Event| match event {
            Event::LimitCleared { limit, level, lasted } => Some((*limit, *level, lasted.0 / 1_000_000)),
            _ => None,
        };
        self.events.iter().filter_map(cleared).collect()
    }

    pub(crate) fn call(&self, call: u64) -> CallView {
        let mut calls = self.engine.view().calls.into_iter();
        calls
            .find(|view| view.call == CallId(call))
            .expect("no such call")
    }

    /// The place of a waiting call in its queue.
    pub(crate) fn position(&self, call: u64) -> u32 {
        self.call(call).position
    }

    pub(crate) fn estimate(&self, call: u64) -> Option<Estimate> {
        self.call(call).estimate
    }

    /// The name of the queue that a call is in.
    pub(crate) fn queue_of(&self, call: u64) -> String {
        let queue = self.call(call).queue;
        let mut queues = self.engine.view().queues.into_iter();
        queues
            .find(|view| view.queue == queue)
            .expect("no such queue")
            .name
    }

    pub(crate) fn is_here(&self, call: u64) -> bool {
        let view = self.engine.view();
        view.calls.iter().any(|view| view.call == CallId(call))
    }
}
