//! What callers think of it (满意度调查): who is asked once the agent's side is over, and what they answered.

use crate::action::{Action, Refusal};
use crate::call::{Call, Talk};
use crate::chance::{Draw, share};
use crate::command::{Answer, Asked, PENDING};
use crate::engine::Engine;
use crate::event::Event;
use crate::ids::{AgentId, CallId, QueueId};
use crate::input::{Score, Whom};

/// An answer that is awaited: about whom, and in which queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Due {
    agent: AgentId,
    queue: QueueId,
}

impl Engine {
    /// An agent lets go of the caller, who is asked.
    pub(crate) fn ask_survey(&mut self, agent: AgentId, asked: &Asked) -> Answer {
        let (id, _) = self.alone(agent)?;
        if self.supervision.cuts(id) || self.is_leaving(id) {
            return Err(Refusal::NotTalking);
        }
        let queue = self.calls.get(id.0).map(|call| call.queue);
        if queue.is_none_or(|queue| self.queues[queue.0 as usize].settings.survey.is_none()) {
            return Err(Refusal::NoSurvey);
        }
        if let Some(pending) = self.pending_mut(id) {
            pending.survey = Some(asked.clone());
        }
        let whom = Whom::Agent;
        self.actions.push(Action::Disconnect { call: id, whom });
        PENDING
    }

    /// Where a caller is asked whose agent has left, if the settings would have it so.
    pub(crate) fn survey_after(&self, call: &Call, talk: &Talk) -> Option<String> {
        let survey = self.queues[call.queue.0 as usize].settings.survey.as_ref()?;
        let long = self.now.since(talk.since) >= survey.min_talk;
        (long && share(self.seed, Draw::Survey, call.id) < survey.share).then(|| survey.place.clone())
    }

    /// The caller goes to be asked.
    pub(crate) fn offer_survey(&mut self, call: CallId, agent: AgentId, queue: QueueId, author: &str) {
        // Every channel on the way out has one at most, so this is no more than a belt.
        if self.surveys.len() >= self.limits.calls as usize
            && let Some((&oldest, _)) = self.surveys.first_key_value()
        {
            self.surveyed(oldest, None);
        }
        self.surveys.insert(call, Due { agent, queue });
        self.events.push(Event::SurveyOffered {
            call,
            agent,
            queue,
            author: author.to_owned(),
        });
    }

    /// What came of it; only the first word counts.
    pub(crate) fn surveyed(&mut self, call: CallId, score: Option<Score>) {
        let Some(Due { agent, queue }) = self.surveys.remove(&call) else {
            return;
        };
        self.events.push(match score {
            Some(Score { score, highest }) => Event::SurveyAnswered {
                call,
                agent,
                queue,
                score,
                highest,
            },
            None => Event::SurveyUnanswered { call, agent, queue },
        });
    }
}
