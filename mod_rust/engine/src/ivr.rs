//! A caller whom an agent sends into the dialplan for a while, and who comes back with a result (人工转自动).
//!
//! The agent stays reserved meanwhile, and nobody listens. An agent who leaves meanwhile leaves the caller to the queue: at the place that
//! was the caller's, and offered to nobody before the caller is back.

use crate::action::{Action, Refusal};
use crate::call::{Call, First};
use crate::command::{Answer, Asked, PENDING};
use crate::config::{Door, IVR_TIMEOUT, MAX_IVR_TIMEOUT};
use crate::engine::Engine;
use crate::event::{Event, IvrOutcome};
use crate::ids::{AgentId, CallId, QueueId};
use crate::input::{Return, TalkState, ToIvr};
use crate::time::{Span, Time};

/// What a caller is away for, or about to be.
#[derive(Debug)]
pub(crate) struct Errand {
    /// As it is called in the settings, or the place.
    ivr: String,
    author: String,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// Not away yet.
    Asked {
        asked: Asked,
        timeout: Span,
        /// Where the caller goes once nothing is recorded any more.
        then: Option<String>,
    },
    Away {
        since: Time,
        /// When the caller is to be brought back; none once that was asked for.
        until: Option<Time>,
        /// How the conversation goes on afterwards.
        back_to: TalkState,
    },
}

impl Errand {
    /// When the caller is to be brought back.
    pub(crate) fn due(&self) -> Option<Time> {
        match self.stage {
            Stage::Away { until, .. } => until,
            Stage::Asked { .. } => None,
        }
    }

    /// Whether the caller is away by now.
    pub(crate) fn is_under_way(&self) -> bool {
        match self.stage {
            Stage::Away { .. } => true,
            Stage::Asked { .. } => false,
        }
    }

    /// The conversation will go on like that. False if it does so at once.
    pub(crate) fn will_go_on(&mut self, to: TalkState) -> bool {
        match &mut self.stage {
            Stage::Away { back_to, .. } => {
                *back_to = to;
                true
            }
            Stage::Asked { .. } => false,
        }
    }
}

impl Engine {
    pub(crate) fn ask_ivr(
        &mut self,
        agent: AgentId,
        to: &ToIvr,
        timeout: Option<Span>,
        asked: &Asked,
    ) -> Answer {
        let (ivr, place, usual) = match to {
            ToIvr::Named { name } => {
                let known = self.ivrs.iter().find(|ivr| ivr.name == *name);
                let known = known.ok_or(Refusal::UnknownIvr)?;
                (known.name.clone(), known.place.clone(), known.timeout)
            }
            ToIvr::Place { place } if place.is_empty() => return Err(Refusal::OutOfRange),
            ToIvr::Place { place } => (place.clone(), place.clone(), IVR_TIMEOUT),
        };
        let timeout = timeout.unwrap_or(usual);
        if timeout == Span::ZERO || timeout > MAX_IVR_TIMEOUT {
            return Err(Refusal::OutOfRange);
        }
        let (id, _) = self.alone(agent)?;
        if self.supervision.cuts(id) || self.is_leaving(id) {
            return Err(Refusal::NotTalking);
        }
        if let Some(call) = self.calls.get_mut(id.0) {
            call.errand = Some(Box::new(Errand {
                ivr,
                author: asked.author.clone(),
                stage: Stage::Asked {
                    asked: asked.clone(),
                    timeout,
                    then: Some(place),
                },
            }));
        }
        self.close_ears(agent, id);
        if !self.rest_recording(id) {
            self.send_away(id);
        }
        PENDING
    }

    /// The caller goes, if one is to: from now on nobody hears it, and nothing is recorded.
    pub(crate) fn send_away(&mut self, id: CallId) {
        let errand = self.calls.get_mut(id.0).and_then(|call| call.errand.as_mut());
        let Some(Stage::Asked { then, .. }) = errand.map(|errand| &mut errand.stage) else {
            return;
        };
        if let Some(place) = then.take() {
            self.actions.push(Action::SendAway { call: id, place });
        }
    }

    /// The caller is away in the dialplan.
    pub(crate) fn went_away(&mut self, id: CallId) {
        let call = self.calls.get_mut(id.0);
        if let Some(call) = &call
            && call.errand.as_ref().is_some_and(|errand| errand.is_under_way())
        {
            return;
        }
        let asked = call.and_then(|call| Some((call.errand.take()?, call.talk?, call)));
        let Some((errand, talk, call)) = asked else {
            // The conversation was over before: whatever became of the caller since waits for it to come back.
            return self.actions.push(Action::BringBack { call: id });
        };
        let Errand { ivr, author, stage } = *errand;
        let Stage::Asked { asked, timeout, .. } = stage else {
            return;
        };
        self.events.push(Event::IvrStarted {
            call: id,
            agent: talk.agent,
            queue: call.queue,
            ivr: ivr.clone(),
            author: author.clone(),
        });
        let stage = Stage::Away {
            since: self.now,
            until: Some(self.now + timeout),
            back_to: talk.state,
        };
        call.errand = Some(Box::new(Errand { ivr, author, stage }));
        self.talk_goes_on(id, TalkState::Away);
        self.done(asked);
        self.arm_call(id);
    }

    /// The caller is back from the dialplan.
    pub(crate) fn came_back(&mut self, id: CallId, how: &Return) {
        let Some(call) = self.calls.get_mut(id.0) else {
            return;
        };
        let Some(errand) = call.errand.take_if(|errand| errand.is_under_way()) else {
            return;
        };
        let Some(talk) = call.talk else {
            // Left to the queue: from now on there is somebody to be offered.
            self.refresh_call(id);
            return self.arm_call(id);
        };
        let Stage::Away { back_to, .. } = errand.stage else {
            return;
        };
        let back_to = match back_to {
            TalkState::Talking if talk.held_by_command => TalkState::OnHold,
            TalkState::OnHold if !talk.held_by_command && !talk.held_by_phone => TalkState::Talking,
            TalkState::Talking
            | TalkState::OnHold
            | TalkState::Consulting
            | TalkState::Conferencing
            | TalkState::Away => back_to,
        };
        let (agent, queue) = (talk.agent, call.queue);
        let (outcome, result) = match how {
            Return::With(result) => (IvrOutcome::Returned, result.as_str()),
            Return::RanOut => (IvrOutcome::RanOut, ""),
            Return::TimedOut => (IvrOutcome::TimedOut, ""),
        };
        self.tell_ivr_ended(id, agent, queue, &errand, outcome, result);
        self.go_on_recording(id);
        self.talk_goes_on(id, back_to);
        self.arm_call(id);
    }

    /// The host could not send the caller there.
    pub(crate) fn not_away(&mut self, id: CallId) {
        let Some(call) = self.calls.get_mut(id.0) else {
            return;
        };
        let Some(errand) = call.errand.take_if(|errand| !errand.is_under_way()) else {
            return;
        };
        let agent = call.talk.map(|talk| talk.agent);
        self.refuse_errand(*errand);
        self.go_on_recording(id);
        if let Some(agent) = agent {
            self.attach_waiting(agent, id);
        }
    }

    /// The agent's time with the caller is over while there is an errand. Whether the caller goes to the queue when it is done, which
    /// is so if `leaves_caller`.
    pub(crate) fn end_errand(
        &mut self,
        call: &mut Call,
        agent: AgentId,
        leaves_caller: bool,
        gone: bool,
    ) -> bool {
        let Some(errand) = call.errand.take() else {
            return false;
        };
        if !errand.is_under_way() {
            self.refuse_errand(*errand);
            return false;
        }
        let outcome = if gone {
            IvrOutcome::HungUp
        } else {
            IvrOutcome::AgentGone
        };
        self.tell_ivr_ended(call.id, agent, call.queue, &errand, outcome, "");
        if leaves_caller {
            call.errand = Some(errand);
        } else if !gone {
            self.actions.push(Action::BringBack { call: call.id });
        }
        leaves_caller
    }

    /// A caller who is away, and whose agent has left, visits the queue again.
    pub(crate) fn keep_place(&mut self, mut call: Box<Call>, queue: QueueId) {
        (call.talk, call.care, call.hops) = (None, None, 0);
        call.first = First::Anybody;
        match self.queues[queue.0 as usize].settings.door {
            // It was let in once: how full the queue is now does not matter.
            Door::Open | Door::Closed => {
                self.admit(call, queue, None);
                // It was not asked whether anybody is there either.
                self.perhaps_unmanned.insert(queue);
            }
            Door::Emergency => self.enter(call, queue),
        }
    }

    /// A caller has been away long enough.
    pub(crate) fn errand_is_due(&mut self, id: CallId) {
        let errand = self.calls.get_mut(id.0).and_then(|call| call.errand.as_mut());
        if let Some(Stage::Away { until, .. }) = errand.map(|errand| &mut errand.stage) {
            *until = None;
            self.actions.push(Action::BringBack { call: id });
        }
    }

    fn refuse_errand(&mut self, errand: Errand) {
        match errand.stage {
            Stage::Asked { asked, .. } => self.not_so(asked, Refusal::NotTalking),
            Stage::Away { .. } => {}
        }
    }

    fn tell_ivr_ended(
        &mut self,
        call: CallId,
        agent: AgentId,
        queue: QueueId,
        errand: &Errand,
        outcome: IvrOutcome,
        result: &str,
    ) {
        let since = match errand.stage {
            Stage::Away { since, .. } => since,
            Stage::Asked { .. } => self.now,
        };
        self.events.push(Event::IvrEnded {
            call,
            agent,
            queue,
            ivr: errand.ivr.clone(),
            outcome,
            result: result.to_owned(),
            lasted: self.now.since(since),
        });
    }
}
