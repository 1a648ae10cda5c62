//! Laws that the actions and events of any run obey, checked as a consumer of them would: by folding.

mod callbacks;
mod consults;
mod fairness;
mod limits;
mod visits;

use std::collections::{BTreeMap, BTreeSet};

use hotline_engine::action::CommandOutcome;
use hotline_engine::config::Config;
use hotline_engine::event::{AgentState, ConsultEnd, ConsultState};
use hotline_engine::ids::{AgentId, CallId, CommandId, OfferId};
use hotline_engine::{Action, CallAction, Event, Input, Time, View};

use crate::pair::Wrong;
use callbacks::Callbacks;
use consults::Consults;
use fairness::Fairness;
use limits::Limits;
use visits::Visits;

/// The sound file in front of a place that is told.
pub(crate) const POSITION: &str = "position";
/// The sound file in front of a wait that is told.
pub(crate) const WAIT: &str = "wait";

/// `Err` with the message unless the condition holds. Failures of one law are of one kind.
macro_rules! ensure {
    ($holds:expr, $law:literal $($message:tt)*) => {
        if !$holds {
            return Err(crate::pair::Wrong::new(concat!("law: ", $law), format!($law $($message)*)));
        }
    };
}
use ensure;

/// What is known from the outputs so far.
#[derive(Debug)]
pub(crate) struct Audit {
    visits: Visits,
    consults: Consults,
    callbacks: Callbacks,
    limits: Limits,
    fairness: Fairness,
    offers: BTreeMap<OfferId, (CallId, AgentId)>,
    /// Those of them that were made to whom an agent consults: they end on their own.
    of_lines: BTreeSet<OfferId>,
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
    /// Visits of calls to queues.
    pub calls: u64,
    /// Offers made.
    pub offers: u64,
    /// Calls connected.
    pub connected: u64,
    /// Callbacks placed.
    pub callbacks: u64,
    /// Things that rules did to callers.
    pub rules: u64,
    /// Consultations that began.
    pub consultations: u64,
    /// Callers who were handed over.
    pub handed_over: u64,
}

impl Counts {
    /// Adds what another run consisted of.
    pub fn add(&mut self, other: &Counts) {
        self.inputs += other.inputs;
        self.calls += other.calls;
        self.offers += other.offers;
        self.connected += other.connected;
        self.callbacks += other.callbacks;
        self.rules += other.rules;
        self.consultations += other.consultations;
        self.handed_over += other.handed_over;
    }
}

impl Audit {
    pub(crate) fn new(config: &Config, booted: Time) -> Audit {
        Audit {
            visits: Visits::default(),
            consults: Consults::default(),
            callbacks: Callbacks::default(),
            limits: Limits::default(),
            fairness: Fairness::new(config, booted),
            offers: BTreeMap::new(),
            of_lines: BTreeSet::new(),
            agents: BTreeMap::new(),
            pending: BTreeMap::new(),
            counts: Counts::default(),
        }
    }

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
        view: &View,
    ) -> Result<(), Wrong> {
        self.counts.inputs += 1;
        self.visits.input(input);
        self.consults.input(input);
        for event in events {
            self.event(event, now)?;
            self.limits.event(event)?;
            self.callbacks.event(event)?;
        }
        self.visits.events(events, &self.consults)?;
        self.consults.events(events)?;
        for action in actions {
            self.visits.action(action, &self.consults)?;
            self.consults.action(action)?;
            self.callbacks.action(action)?;
        }
        self.visits.all_released()?;
        self.consults.look(view)?;
        self.fairness.check(input, events, now, view)?;
        self.answered(input, actions)
    }

    /// Checks that nothing is left when all calls are over.
    ///
    /// # Errors
    /// What is left.
    pub(crate) fn finish(&self) -> Result<(), Wrong> {
        self.visits.finish()?;
        self.consults.finish()?;
        self.callbacks.finish()?;
        self.limits.finish()?;
        ensure!(self.offers.is_empty(), "offers never ended: {:?}", self.offers);
        ensure!(
            self.pending.is_empty(),
            "commands stay pending: {:?}",
            self.pending
        );
        Ok(())
    }

    fn event(&mut self, event: &Event, now: Time) -> Result<(), Wrong> {
        match event {
            Event::CallJoined { .. } => self.counts.calls += 1,
            Event::RuleApplied { .. } => self.counts.rules += 1,
            Event::CallbackPlaced { .. } | Event::CallbackRestored { .. } => self.counts.callbacks += 1,
            Event::OfferMade {
                offer, call, agent, ..
            } => {
                self.counts.offers += 1;
                let rung = self.offers.values().any(|(_, other)| other == agent);
                ensure!(!rung, "{agent:?} is rung twice at once");
                let new = self.offers.insert(*offer, (*call, *agent)).is_none();
                ensure!(new, "{offer:?} was made twice");
                if self.visits.talks(*call) {
                    self.of_lines.insert(*offer);
                }
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
                let ringing = self.rings_for(*call);
                ensure!(!ringing, "{call:?} talks, and phones still ring for it");
            }
            Event::CallFinished { call, .. } => {
                let ringing = self.rings_for(*call);
                ensure!(!ringing, "phones ring for {call:?}, which is over");
            }
            Event::ConsultChanged { to, .. } => match to {
                ConsultState::Begun => self.counts.consultations += 1,
                ConsultState::Over(ConsultEnd::HandedOver) => self.counts.handed_over += 1,
                ConsultState::Apart
                | ConsultState::WithCaller
                | ConsultState::Together
                | ConsultState::Over(_) => {}
            },
            Event::AgentChanged { agent, from, to } => {
                let known = self.agents.insert(*agent, (to.state, to.since));
                let Some((state, since)) = known else {
                    return Err(Wrong::new("law: agent", format!("{agent:?} is not announced")));
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
            Event::ConfigApplied { agents, .. } => {
                for agent in agents {
                    let known = self.agents.insert(agent.agent, (agent.state, agent.since));
                    let right = known.is_none_or(|known| known == (agent.state, agent.since));
                    ensure!(right, "{:?} was {known:?}, announced as {agent:?}", agent.agent);
                }
            }
            Event::Fault { what } => return Err(Wrong::new("law: fault", format!("fault: {what}"))),
            Event::KeyPressed { .. }
            | Event::CallReprioritised { .. }
            | Event::CallRefused { .. }
            | Event::CallScreened { .. }
            | Event::ListChanged { .. }
            | Event::DeedAnswered { .. }
            | Event::TalkChanged { .. }
            | Event::MuteChanged { .. }
            | Event::DispositionSet { .. }
            | Event::Recording { .. }
            | Event::CallTransferred { .. }
            | Event::IvrStarted { .. }
            | Event::IvrEnded { .. }
            | Event::SurveyOffered { .. }
            | Event::SurveyAnswered { .. }
            | Event::SurveyUnanswered { .. }
            | Event::CallbackDialled { .. }
            | Event::CallbackMissed { .. }
            | Event::CallbackEnded { .. }
            | Event::LimitReached { .. }
            | Event::LimitCleared { .. }
            | Event::Retrieve { .. }
            | Event::SupervisorChanged { .. }
            | Event::MonitorStarted { .. }
            | Event::MonitorChanged { .. }
            | Event::MonitorEnded { .. }
            | Event::TalkCut { .. }
            | Event::QueueChanged { .. }
            | Event::CommandAnswered { .. } => {}
        }
        Ok(())
    }

    fn rings_for(&self, call: CallId) -> bool {
        let mut offers = self.offers.iter();
        offers.any(|(offer, (other, _))| *other == call && !self.of_lines.contains(offer))
    }

    /// Each command is answered in its own input; one that is pending, once more.
    fn answered(&mut self, input: &Input, actions: &[Action]) -> Result<(), Wrong> {
        let asked =
            if let Input::Command { id, .. } | Input::Reload { id, .. } | Input::Owed { id, .. } = input {
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

/// Which call an action is for, and what it is.
fn for_call(action: &Action) -> Option<(CallId, &CallAction)> {
    match action {
        Action::Call { call, action } => Some((*call, action)),
        Action::Monitor { .. }
        | Action::CallSupervisor { .. }
        | Action::CancelCallSupervisor { .. }
        | Action::Disconnect { .. }
        | Action::Comfort { .. }
        | Action::Retrieve { .. }
        | Action::Hold { .. }
        | Action::Mute { .. }
        | Action::SendAway { .. }
        | Action::BringBack { .. }
        | Action::Consult { .. }
        | Action::Arrange { .. }
        | Action::Record { .. }
        | Action::Reply { .. }
        | Action::CallBack { .. }
        | Action::CancelCallBack { .. }
        | Action::WatchPhone { .. } => None,
    }
}
