//! Laws that the actions and events of any run obey, checked as a consumer of them would: by folding.

use std::collections::BTreeMap;

use hotline_engine::action::CommandOutcome;
use hotline_engine::event::{AgentState, OfferResult};
use hotline_engine::ids::{AgentId, CallId, CommandId, OfferId};
use hotline_engine::{Action, CallAction, Event, Input, Time};

/// `Err` with the message unless the condition holds.
macro_rules! ensure {
    ($holds:expr, $($message:tt)*) => {
        if !$holds {
            return Err(format!($($message)*));
        }
    };
}

/// What is known from the outputs so far.
#[derive(Default, Debug)]
pub(crate) struct Audit {
    /// Calls that joined and have not finished.
    calls: BTreeMap<CallId, ()>,
    /// Calls whose thread still listens.
    threads: BTreeMap<CallId, ()>,
    offers: BTreeMap<OfferId, (CallId, AgentId)>,
    agents: BTreeMap<AgentId, (AgentState, Time)>,
    pending: BTreeMap<CommandId, ()>,
    /// What happened, for the summary.
    pub(crate) counts: Counts,
}

/// What a run consisted of.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Counts {
    /// Inputs.
    pub inputs: u64,
    /// Calls that joined.
    pub calls: u64,
    /// Offers made.
    pub offers: u64,
    /// Calls connected.
    pub connected: u64,
}

impl Audit {
    /// Checks what one input led to.
    ///
    /// # Errors
    /// The law that was broken.
    pub(crate) fn check(
        &mut self,
        input: &Input,
        actions: &[Action],
        events: &[Event],
        now: Time,
    ) -> Result<(), String> {
        self.counts.inputs += 1;
        self.before(input)?;
        for event in events {
            self.event(event, now)?;
        }
        for action in actions {
            self.action(action)?;
        }
        self.answered(input, actions)
    }

    /// Checks that nothing is left when all calls are over.
    ///
    /// # Errors
    /// What is left.
    pub(crate) fn finish(&self) -> Result<(), String> {
        ensure!(self.calls.is_empty(), "calls never finished: {:?}", self.calls);
        ensure!(self.offers.is_empty(), "offers never ended: {:?}", self.offers);
        ensure!(
            self.pending.is_empty(),
            "commands stay pending: {:?}",
            self.pending
        );
        Ok(())
    }

    fn before(&mut self, input: &Input) -> Result<(), String> {
        match input {
            Input::Join { call, .. } => {
                ensure!(
                    self.threads.insert(*call, ()).is_none(),
                    "the simulator joined {call:?} twice"
                );
            }
            Input::CallerGone { call, .. } => {
                self.threads.remove(call);
            }
            Input::Ringing { .. }
            | Input::Answered { .. }
            | Input::OfferFailed { .. }
            | Input::Connected { .. }
            | Input::Ended { .. }
            | Input::Phone { .. }
            | Input::Command { .. }
            | Input::Reload { .. }
            | Input::Tick => {}
        }
        Ok(())
    }

    fn event(&mut self, event: &Event, now: Time) -> Result<(), String> {
        match event {
            Event::CallJoined { call, .. } => {
                self.counts.calls += 1;
                ensure!(self.calls.insert(*call, ()).is_none(), "{call:?} joined twice");
            }
            Event::CallRefused { call, .. } => {
                ensure!(
                    !self.calls.contains_key(call),
                    "{call:?} was refused after it joined"
                );
            }
            Event::OfferMade {
                offer, call, agent, ..
            } => {
                self.counts.offers += 1;
                let rung = self.offers.values().any(|(_, other)| other == agent);
                ensure!(!rung, "{agent:?} is rung twice at once");
                ensure!(self.calls.contains_key(call), "{offer:?} is for nobody");
                ensure!(
                    self.offers.insert(*offer, (*call, *agent)).is_none(),
                    "{offer:?} was made twice"
                );
            }
            Event::OfferRinging { offer } => {
                ensure!(self.offers.contains_key(offer), "{offer:?} rings when over");
            }
            Event::OfferEnded {
                offer, call, agent, ..
            } => {
                let known = self.offers.remove(offer);
                ensure!(known == Some((*call, *agent)), "{offer:?} ended as {known:?}");
            }
            Event::CallConnected { call, .. } => {
                self.counts.connected += 1;
                let ringing = self.offers.values().any(|(other, _)| other == call);
                ensure!(!ringing, "{call:?} talks, and phones still ring for it");
                ensure!(self.calls.contains_key(call), "{call:?} talks when over");
            }
            Event::CallFinished { call, .. } => {
                ensure!(
                    self.calls.remove(call).is_some(),
                    "{call:?} finished twice or never joined"
                );
                ensure!(
                    !self.offers.values().any(|(other, _)| other == call),
                    "phones ring for {call:?}, which is over"
                );
            }
            Event::AgentChanged { agent, from, to } => {
                let known = self.agents.insert(*agent, (to.state, to.since));
                let Some((state, since)) = known else {
                    return Err(format!("{agent:?} is not announced"));
                };
                ensure!(
                    state == *from,
                    "{agent:?} changes from {from:?}, but was {state:?}"
                );
                let right = if state == to.state { since } else { now };
                ensure!(
                    to.since == right,
                    "{agent:?} is {:?} since {:?}, not {right:?}",
                    to.state,
                    to.since
                );
            }
            Event::CommandAnswered { .. } => {}
            Event::ConfigApplied { agents, .. } => {
                for agent in agents {
                    let known = self.agents.insert(agent.agent, (agent.state, agent.since));
                    let right = known.is_none_or(|known| known == (agent.state, agent.since));
                    ensure!(right, "{:?} was {known:?}, announced as {agent:?}", agent.agent);
                }
            }
            Event::Fault { what } => return Err(format!("fault: {what}")),
        }
        if let Event::OfferEnded {
            result: OfferResult::Answered,
            call,
            ..
        } = event
        {
            ensure!(self.calls.contains_key(call), "{call:?} was answered when over");
        }
        Ok(())
    }

    fn action(&mut self, action: &Action) -> Result<(), String> {
        match action {
            Action::Call { call, action } => match action {
                // A caller who left leaves phones ringing.
                CallAction::Cancel { .. } => {}
                CallAction::Release { .. } => {
                    ensure!(
                        self.threads.remove(call).is_some(),
                        "{call:?} is released twice, or when gone"
                    );
                }
                CallAction::Music { .. } | CallAction::Ring { .. } | CallAction::Connect { .. } => {
                    ensure!(
                        self.threads.contains_key(call),
                        "{call:?} is gone, but told to {action:?}"
                    );
                }
            },
            Action::Reply { .. } | Action::WatchPhone { .. } => {}
        }
        Ok(())
    }

    /// Each command is answered in its own input; one that is pending, once more.
    fn answered(&mut self, input: &Input, actions: &[Action]) -> Result<(), String> {
        let asked = if let Input::Command { id, .. } | Input::Reload { id, .. } = input {
            Some(*id)
        } else {
            None
        };
        let mut answered = false;
        for action in actions {
            let Action::Reply { command, outcome } = action else {
                continue;
            };
            let first = Some(*command) == asked && !answered;
            answered |= first;
            ensure!(
                first || self.pending.remove(command).is_some(),
                "{command:?} is answered out of turn"
            );
            match outcome {
                CommandOutcome::Pending => {
                    ensure!(first, "{command:?} is pending twice");
                    self.pending.insert(*command, ());
                }
                CommandOutcome::Done | CommandOutcome::Refused(_) => {}
            }
        }
        ensure!(asked.is_none() || answered, "{asked:?} is not answered");
        Ok(())
    }
}
