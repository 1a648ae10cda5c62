//! Who may consult whom. What comes of a consultation is beyond the model: it leaves a run at the first one, and the laws of
//! the [audit](crate::audit) alone watch the rest.

use hotline_engine::Action;
use hotline_engine::action::{CommandOutcome, Line, Refusal};
use hotline_engine::event::CallOutcome;
use hotline_engine::input::Destination;

use super::Model;
use super::commands::Answer;

impl Model {
    pub(super) fn wants_to_consult(&mut self, agent: &str, with: &Destination) -> Answer {
        let (id, talk) = self.talk_of_two(agent)?;
        if self.is_about_to_end(id) || self.is_to_be_sent(id) {
            return Err(Refusal::NotTalking);
        }
        if talk.by_phone {
            return Err(Refusal::HeldByPhone);
        }
        let call = self.call(id).ok_or(Refusal::NotTalking)?;
        let line = match with {
            Destination::Agent { agent } => {
                let target = self.agent_numbered(agent).ok_or(Refusal::UnknownTarget)?;
                if target == talk.agent {
                    return Err(Refusal::NothingToDo);
                }
                self.reached_by(target, call.queue).ok_or(Refusal::TargetAway)?;
                if !self.agents[target].available() {
                    return Err(Refusal::TargetBusy);
                }
                Line::Agent
            }
            Destination::Queue { queue, .. } => {
                let queue = self.queue_named(queue).ok_or(Refusal::UnknownQueue)?;
                match self.admission(&call.visitor, queue) {
                    None | Some((CallOutcome::Full, _)) => Line::Queue,
                    Some((CallOutcome::NoAgents, _)) => return Err(Refusal::QueueUnmanned),
                    Some(_) => return Err(Refusal::QueueClosed),
                }
            }
            Destination::Place { place } if place.is_empty() => return Err(Refusal::OutOfRange),
            Destination::Place { place } => Line::Place(place.clone()),
        };
        let full = self.calls.len() >= self.config.limits.calls as usize;
        if full && !matches!(line, Line::Place(_)) {
            return Err(Refusal::AtLimit);
        }
        self.actions.push(Action::Consult { call: id, line });
        Ok(CommandOutcome::Pending)
    }

    /// Nobody consults as long as the model is there.
    pub(super) fn goes_on_consulting(&self, agent: &str) -> Answer {
        let (call, _) = self.talk_of(agent)?;
        if self.is_about_to_end(call) {
            return Err(Refusal::NotTalking);
        }
        Err(Refusal::NoConsultation)
    }
}
