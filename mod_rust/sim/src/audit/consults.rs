//! Consultations: each begins, is told in order and is over once, no later than the conversation. The world hears nothing of a
//! line, which is in nobody's way, and nobody is left in one.

use std::collections::{BTreeMap, BTreeSet};

use hotline_engine::event::{AgentState, ConsultEnd, ConsultState, Limit};
use hotline_engine::ids::{AgentId, CallId};
use hotline_engine::input::{ConsultFact, TalkState};
use hotline_engine::{Action, Event, Input, Span, View};

use super::ensure;
use crate::pair::Wrong;

#[derive(Default, Debug)]
pub(super) struct Consults {
    /// How far each is, by the call whose agent consults; `None` before the first word of it.
    open: BTreeMap<CallId, Option<ConsultState>>,
    /// All lines that ever were.
    lines: BTreeSet<CallId>,
    /// Agents in a call, by the last look.
    engaged: Vec<AgentId>,
}

impl Consults {
    pub(super) fn input(&mut self, input: &Input) {
        if let Input::JoinConsult { line, .. } = input {
            self.lines.insert(*line);
        }
        if let Input::Consult {
            call,
            fact: ConsultFact::NotDone(None),
        } = input
        {
            self.open.remove(call);
        }
    }

    pub(super) fn is_line(&self, call: CallId) -> bool {
        self.lines.contains(&call)
    }

    pub(super) fn is_open(&self, call: CallId) -> bool {
        self.open.contains_key(&call)
    }

    /// Looks at the events of one input, one after the other.
    pub(super) fn events(&mut self, events: &[Event]) -> Result<(), Wrong> {
        for (at, event) in events.iter().enumerate() {
            if let Some(call) = of_call(event) {
                let line = self.is_line(call);
                ensure!(!line, "the line {call:?} is no call of its own: {event:?}");
            }
            match event {
                Event::ConsultChanged {
                    call, colleague, to, ..
                } => {
                    self.changed(*call, *to)?;
                    if *to == ConsultState::Over(ConsultEnd::HandedOver) {
                        handed_over(*call, *colleague, &events[at..])?;
                    }
                }
                Event::CallFinished { call, .. } => {
                    let open = self.open.get(call);
                    ensure!(
                        open.is_none(),
                        "{call:?} is over, but its consultation is {open:?}"
                    );
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn changed(&mut self, call: CallId, to: ConsultState) -> Result<(), Wrong> {
        let before = self.open.get(&call).copied();
        ensure!(before.is_some(), "nobody consults in {call:?}: {to:?}");
        let before = before.flatten();
        let right = match to {
            ConsultState::Begun => before.is_none(),
            ConsultState::Apart | ConsultState::WithCaller | ConsultState::Together => before.is_some(),
            ConsultState::Over(_) => true,
        };
        ensure!(
            right,
            "the consultation in {call:?} becomes {to:?} after {before:?}"
        );
        if let ConsultState::Over(_) = to {
            self.open.remove(&call);
        } else {
            self.open.insert(call, Some(to));
        }
        Ok(())
    }

    pub(super) fn action(&mut self, action: &Action) -> Result<(), Wrong> {
        if let Action::Consult { call, .. } = action {
            let new = self.open.insert(*call, None).is_none();
            ensure!(new, "two consultations at once in {call:?}");
        }
        Ok(())
    }

    /// Compares what was told with what is.
    pub(super) fn look(&mut self, view: &View) -> Result<(), Wrong> {
        for (id, state) in &self.open {
            let call = view.calls.iter().find(|call| call.call == *id);
            let talk = call.filter(|call| call.connected.is_some()).map(|call| call.talk);
            let right = match state {
                None | Some(ConsultState::Over(_)) => talk.is_some(),
                Some(ConsultState::Begun | ConsultState::Apart) => talk == Some(TalkState::Consulting),
                // Whom the agent has held by command meanwhile.
                Some(ConsultState::WithCaller) => {
                    matches!(talk, Some(TalkState::Talking | TalkState::OnHold))
                }
                Some(ConsultState::Together) => talk == Some(TalkState::Conferencing),
            };
            ensure!(
                right,
                "the consultation in {id:?} is {state:?}, but the call {talk:?}"
            );
        }
        for agent in &view.agents {
            let line = agent.call.filter(|call| self.is_line(*call));
            ensure!(line.is_none(), "{:?} is shown in the line {line:?}", agent.agent);
        }
        for call in &view.calls {
            ensure!(
                !self.is_line(call.call),
                "the line {:?} is shown as a call",
                call.call
            );
        }
        let engaged = view.agents.iter().filter(|agent| in_call(agent.state));
        self.engaged = engaged.map(|agent| agent.agent).collect();
        Ok(())
    }

    pub(super) fn finish(&self) -> Result<(), Wrong> {
        ensure!(self.open.is_empty(), "consultations never ended: {:?}", self.open);
        ensure!(
            self.engaged.is_empty(),
            "agents are stuck in calls: {:?}",
            self.engaged
        );
        Ok(())
    }
}

/// The caller of a consultation that ends so is transferred, and talks on with the colleague without a wait, if it was one.
fn handed_over(call: CallId, colleague: Option<AgentId>, then: &[Event]) -> Result<(), Wrong> {
    let position = |is: &dyn Fn(&Event) -> bool| then.iter().position(is);
    let transferred =
        position(&|event| matches!(event, Event::CallTransferred { call: other, .. } if *other == call));
    let finished =
        position(&|event| matches!(event, Event::CallFinished { call: other, .. } if *other == call));
    ensure!(
        transferred.is_some() && transferred < finished,
        "{call:?} is handed over, but not transferred before it is finished: {transferred:?}, {finished:?}"
    );
    let talks_on = position(&|event| {
        matches!(event, Event::CallConnected { call: other, agent, wait, .. }
            if *other == call && Some(*agent) == colleague && *wait == Span::ZERO)
    });
    ensure!(
        colleague.is_none() == talks_on.is_none() && (talks_on.is_none() || finished < talks_on),
        "{call:?} is handed over to {colleague:?}, who talks on at {talks_on:?}"
    );
    Ok(())
}

fn in_call(state: AgentState) -> bool {
    match state {
        AgentState::Offered
        | AgentState::OnCall
        | AgentState::OnHold
        | AgentState::Consulting
        | AgentState::Conferencing
        | AgentState::Reserved => true,
        AgentState::SignedOut
        | AgentState::Ready
        | AgentState::NotReady
        | AgentState::ForcedBusy
        | AgentState::Unavailable
        | AgentState::WrapUp => false,
    }
}

/// The call that an event is about, if it is about one.
fn of_call(event: &Event) -> Option<CallId> {
    match event {
        Event::CallJoined { call, .. }
        | Event::RuleApplied { call, .. }
        | Event::KeyPressed { call, .. }
        | Event::CallReprioritised { call, .. }
        | Event::CallRefused { call, .. }
        | Event::CallConnected { call, .. }
        | Event::OfferMade { call, .. }
        | Event::OfferEnded { call, .. }
        | Event::TalkChanged { call, .. }
        | Event::TalkCut { call, .. }
        | Event::MuteChanged { call, .. }
        | Event::ConsultChanged { call, .. }
        | Event::Recording { call, .. }
        | Event::CallTransferred { call, .. }
        | Event::DispositionSet { call, .. }
        | Event::IvrStarted { call, .. }
        | Event::IvrEnded { call, .. }
        | Event::SurveyOffered { call, .. }
        | Event::SurveyAnswered { call, .. }
        | Event::SurveyUnanswered { call, .. }
        | Event::Retrieve { call, .. }
        | Event::CallFinished { call, .. } => Some(*call),
        Event::LimitReached { limit, .. } | Event::LimitCleared { limit, .. } => match limit {
            Limit::Wait { call, .. }
            | Limit::Ring { call, .. }
            | Limit::Talk { call, .. }
            | Limit::Hold { call, .. } => Some(*call),
            Limit::WrapUp { .. } | Limit::NotReady { .. } => None,
        },
        Event::CallScreened { .. }
        | Event::ListChanged { .. }
        | Event::DeedAnswered { .. }
        | Event::OfferRinging { .. }
        | Event::CallbackPlaced { .. }
        | Event::CallbackRestored { .. }
        | Event::CallbackDialled { .. }
        | Event::CallbackMissed { .. }
        | Event::CallbackEnded { .. }
        | Event::SupervisorChanged { .. }
        | Event::MonitorStarted { .. }
        | Event::MonitorChanged { .. }
        | Event::MonitorEnded { .. }
        | Event::QueueChanged { .. }
        | Event::AgentChanged { .. }
        | Event::CommandAnswered { .. }
        | Event::ConfigApplied { .. }
        | Event::Fault { .. } => None,
    }
}
