//! Callers who are away in the dialplan and come back, and callers who are asked what it was like.

use hotline_engine::action::{CommandOutcome, Refusal};
use hotline_engine::chance::{Draw, share};
use hotline_engine::config::{IVR_TIMEOUT, MAX_IVR_TIMEOUT};
use hotline_engine::event::IvrOutcome;
use hotline_engine::ids::{AgentId, CallId, CommandId, QueueId};
use hotline_engine::input::{Return, Score, TalkState, ToIvr, Whom};
use hotline_engine::{Action, Event, Span, Time};

use super::Model;
use super::call::{Call, Talk};
use super::commands::Answer;

/// What a caller is away for.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Errand {
    ivr: String,
    author: String,
    lasting: Span,
    /// Who waits for the caller to go.
    asked: Option<CommandId>,
    /// Where it goes when nothing records it any more.
    place: Option<String>,
    /// Since when it is away.
    since: Option<Time>,
    pub(super) until: Option<Time>,
    pub(super) back_to: TalkState,
}

impl Errand {
    pub(super) fn away(&self) -> bool {
        self.since.is_some()
    }
}

/// Somebody whose answer is awaited.
#[derive(Clone, Copy, Debug)]
pub(super) struct Awaited {
    call: CallId,
    agent: AgentId,
    queue: QueueId,
}

impl Model {
    pub(super) fn wants_ivr(
        &mut self,
        id: CommandId,
        agent: &str,
        to: &ToIvr,
        timeout: Option<Span>,
    ) -> Answer {
        self.agent_numbered(agent).ok_or(Refusal::UnknownAgent)?;
        let (ivr, place, usual) = match to {
            ToIvr::Named { name } => {
                let mut known = self.config.ivrs.iter();
                let known = known.find(|ivr| ivr.name == *name);
                let known = known.ok_or(Refusal::UnknownIvr)?;
                (name.clone(), known.place.clone(), known.timeout)
            }
            ToIvr::Place { place } => (place.clone(), place.clone(), IVR_TIMEOUT),
        };
        let lasting = timeout.unwrap_or(usual);
        if place.is_empty() || lasting == Span::ZERO || lasting > MAX_IVR_TIMEOUT {
            return Err(Refusal::OutOfRange);
        }
        let (call, talk) = self.talk_of_two(agent)?;
        if self.is_about_to_end(call) || self.agent_is_leaving(call) {
            return Err(Refusal::NotTalking);
        }
        let author = self.author.clone();
        if let Some(of) = self.call_mut(call) {
            of.visitor.errand = Some(Errand {
                ivr,
                author,
                lasting,
                asked: Some(id),
                place: Some(place),
                since: None,
                until: None,
                back_to: talk.state,
            });
        }
        self.monitors_stop_hearing(talk.agent, call);
        if !self.recording_waits_for(call) {
            self.goes_away(call);
        }
        Ok(CommandOutcome::Pending)
    }

    pub(super) fn goes_away(&mut self, call: CallId) {
        let errand = self.call_mut(call).and_then(|of| of.visitor.errand.as_mut());
        let waiting = errand.filter(|errand| errand.asked.is_some());
        if let Some(place) = waiting.and_then(|errand| errand.place.take()) {
            self.actions.push(Action::SendAway { call, place });
        }
    }

    pub(super) fn is_away(&mut self, id: CallId) {
        let now = self.now;
        let Some(call) = self.call_mut(id) else {
            return self.actions.push(Action::BringBack { call: id });
        };
        let (talk, queue) = (call.talk, QueueId(call.queue as u32));
        if call.visitor.errand.is_none() {
            return self.actions.push(Action::BringBack { call: id });
        }
        let (Some(talk), Some(errand)) = (talk, call.visitor.errand.as_mut()) else {
            return;
        };
        let Some(asked) = errand.asked.take() else { return };
        errand.since = Some(now);
        errand.until = Some(now + errand.lasting);
        errand.back_to = talk.state;
        let (ivr, author) = (errand.ivr.clone(), errand.author.clone());
        self.events.push(Event::IvrStarted {
            call: id,
            agent: AgentId(talk.agent as u32),
            queue,
            ivr,
            author,
        });
        self.talk_goes_on(id, TalkState::Away);
        self.reply(asked, CommandOutcome::Done);
    }

    pub(super) fn is_back(&mut self, id: CallId, how: &Return) {
        let Some(call) = self.call_mut(id) else { return };
        if !call.visitor.errand.as_ref().is_some_and(Errand::away) {
            return;
        }
        let Some(errand) = call.visitor.errand.take() else {
            return;
        };
        let (Some(talk), queue) = (call.talk, call.queue) else {
            return;
        };
        let (outcome, result) = match how {
            Return::With(result) => (IvrOutcome::Returned, result.clone()),
            Return::RanOut => (IvrOutcome::RanOut, String::new()),
            Return::TimedOut => (IvrOutcome::TimedOut, String::new()),
        };
        self.ivr_over(id, talk.agent, queue, &errand, outcome, result);
        self.recording_need_not_wait(id);
        let state = if matches!(errand.back_to, TalkState::Talking | TalkState::OnHold) {
            if talk.by_command || talk.by_phone && errand.back_to == TalkState::OnHold {
                TalkState::OnHold
            } else {
                TalkState::Talking
            }
        } else {
            errand.back_to
        };
        self.talk_goes_on(id, state);
    }

    pub(super) fn stays_here(&mut self, id: CallId) {
        let Some(call) = self.call_mut(id) else { return };
        let agent = call.talk.map(|talk| talk.agent);
        let asked = call.visitor.errand.as_ref().and_then(|errand| errand.asked);
        let Some(asked) = asked else { return };
        call.visitor.errand = None;
        self.reply(asked, CommandOutcome::Refused(Refusal::NotTalking));
        self.recording_need_not_wait(id);
        if let Some(agent) = agent {
            self.monitors_resume(agent, id);
        }
    }

    pub(super) fn brings_back(&mut self, id: CallId) {
        let errand = self.call_mut(id).and_then(|call| call.visitor.errand.as_mut());
        if let Some(errand) = errand {
            errand.until = None;
            self.actions.push(Action::BringBack { call: id });
        }
    }

    /// A conversation is over; whether its caller is away, and goes to the queue when that is over.
    pub(super) fn errand_over(&mut self, call: &mut Call, agent: usize, stays: bool, hung_up: bool) -> bool {
        let Some(errand) = call.visitor.errand.clone() else {
            return false;
        };
        if let Some(asked) = errand.asked {
            call.visitor.errand = None;
            self.reply(asked, CommandOutcome::Refused(Refusal::NotTalking));
            return false;
        }
        let outcome = if hung_up {
            IvrOutcome::HungUp
        } else {
            IvrOutcome::AgentGone
        };
        self.ivr_over(call.id, agent, call.queue, &errand, outcome, String::new());
        if !stays {
            call.visitor.errand = None;
            if !hung_up {
                self.actions.push(Action::BringBack { call: call.id });
            }
        }
        stays
    }

    fn ivr_over(
        &mut self,
        call: CallId,
        agent: usize,
        queue: usize,
        errand: &Errand,
        outcome: IvrOutcome,
        result: String,
    ) {
        let since = errand.since.unwrap_or(self.now);
        self.events.push(Event::IvrEnded {
            call,
            agent: AgentId(agent as u32),
            queue: QueueId(queue as u32),
            ivr: errand.ivr.clone(),
            outcome,
            result,
            lasted: self.now.since(since),
        });
    }

    pub(super) fn wants_survey(&mut self, id: CommandId, agent: &str) -> Answer {
        let (call, _) = self.talk_of_two(agent)?;
        if self.is_about_to_end(call) || self.agent_is_leaving(call) {
            return Err(Refusal::NotTalking);
        }
        let queue = self.call(call).map(|call| call.queue);
        if queue.is_none_or(|queue| self.queues[queue].settings.survey.is_none()) {
            return Err(Refusal::NoSurvey);
        }
        self.wishes_survey(call, id);
        let whom = Whom::Agent;
        self.actions.push(Action::Disconnect { call, whom });
        Ok(CommandOutcome::Pending)
    }

    /// Where a caller is asked without anybody's word.
    pub(super) fn asked_at(&self, call: &Call, talk: &Talk) -> Option<String> {
        let survey = self.queues[call.queue].settings.survey.clone()?;
        let lucky = share(self.seed, Draw::Survey, call.id) < survey.share;
        (lucky && self.now.since(talk.since) >= survey.min_talk).then_some(survey.place)
    }

    pub(super) fn goes_to_be_asked(&mut self, call: &Call, agent: usize, author: String) {
        let most = self.config.limits.calls as usize;
        let first = self.awaited.iter().map(|awaited| awaited.call).min();
        if let Some(first) = first.filter(|_| self.awaited.len() >= most) {
            self.answered_survey(first, None);
        }
        let awaited = Awaited {
            call: call.id,
            agent: AgentId(agent as u32),
            queue: QueueId(call.queue as u32),
        };
        self.awaited.push(awaited);
        let Awaited { call, agent, queue } = awaited;
        self.events.push(Event::SurveyOffered {
            call,
            agent,
            queue,
            author,
        });
    }

    pub(super) fn answered_survey(&mut self, call: CallId, score: Option<Score>) {
        let Some(at) = self.awaited.iter().position(|awaited| awaited.call == call) else {
            return;
        };
        let Awaited { call, agent, queue } = self.awaited.remove(at);
        self.events.push(match score {
            None => Event::SurveyUnanswered { call, agent, queue },
            Some(Score { score, highest }) => Event::SurveyAnswered {
                call,
                agent,
                queue,
                score,
                highest,
            },
        });
    }
}
