//! What agents and their phones do.

use hotline_engine::action::{CommandOutcome, Refusal};
use hotline_engine::config::Steps;
use hotline_engine::event::{Limit, NextState};
use hotline_engine::ids::{AgentId, CallId, CommandId, OfferId};
use hotline_engine::input::{OfferFailure, PhoneState};
use hotline_engine::{Action, CallAction, Span};

use super::Model;
use super::agent::{Doing, Lasting};
use super::call::{Ring, Stage};
use super::watch::Watch;

impl Model {
    /// What follows from agents having changed: idle times, shares, how long wrap-up takes, who waits for whom, and what
    /// lasts too long.
    pub(super) fn notice_agents(&mut self) {
        for at in 0..self.agents.len() {
            let now = self.now;
            let agent = &mut self.agents[at];
            let available = agent.available();
            if available && !agent.was_available && !agent.blameless {
                agent.idle_since = now;
            }
            (agent.was_available, agent.blameless) = (available, false);
            let work = match agent.doing {
                Doing::WrapUp(work) => Some(work.whenever_over()),
                Doing::Nothing
                | Doing::Ready
                | Doing::NotReady
                | Doing::Ringing(..)
                | Doing::Connecting(..)
                | Doing::Talking(..) => None,
            };
            let done = core::mem::replace(&mut agent.was_wrapping_up, work);
            if let Some(done) = done.filter(|done| Some(*done) != work) {
                let took = now.since(done.begun);
                self.queues[done.queue].measured.wrapped_up(took);
            }
            self.notice_what_lasts(at);
        }
        for at in 0..self.agents.len() {
            let at_work = self.agents[at].at_work();
            if core::mem::replace(&mut self.agents[at].was_at_work, at_work) != at_work {
                self.weigh(at);
            }
        }
        for call in 0..self.calls.len() {
            let (sticky, queue) = (self.calls[call].sticky, self.calls[call].queue);
            if sticky.is_some_and(|(agent, _)| !self.sticks(agent, queue)) {
                self.calls[call].sticky = None;
            }
        }
    }

    fn notice_what_lasts(&mut self, at: usize) {
        let lasting = self.agents[at].lasting();
        if self.agents[at].lasting == lasting {
            return;
        }
        let over = self.agents[at].watch.take();
        self.events.extend(over.and_then(|watch| watch.clear(self.now)));
        self.agents[at].watch = lasting.as_ref().and_then(|lasting| self.watch_agent(at, lasting));
        self.agents[at].lasting = lasting;
    }

    fn watch_agent(&self, at: usize, lasting: &Lasting) -> Option<Watch> {
        let agent = AgentId(at as u32);
        let via = |call: CallId, offer: OfferId| {
            let mut rings = self.call(call).into_iter().flat_map(|call| &call.rings);
            rings.find(|ring| ring.offer == offer).map(|ring| ring.via)
        };
        let (limit, steps): (Limit, &Steps) = match lasting {
            Lasting::Ring(call, offer) => {
                let warn = &self.queues[via(*call, *offer)?].settings.warn;
                (Limit::Ring { agent, call: *call }, &warn.ring)
            }
            Lasting::Hold(call) => {
                let warn = &self.queues[self.call(*call)?.queue].settings.warn;
                (Limit::Hold { call: *call, agent }, &warn.hold)
            }
            Lasting::WrapUp(work) => {
                let warn = &self.queues[work.queue].settings.warn;
                (Limit::WrapUp { agent }, &warn.wrap_up)
            }
            Lasting::NotReady(reason) => {
                let known = self.config.reasons.iter().find(|known| known.name == *reason)?;
                (Limit::NotReady { agent }, &known.warn)
            }
        };
        Some(Watch::new(limit, self.now, steps))
    }

    pub(super) fn take_back_ring_of(&mut self, agent: usize) {
        if let Doing::Ringing(id, offer) = self.agents[agent].doing {
            if let Some(call) = self.call_mut(id) {
                call.rings.retain(|ring| ring.offer != offer);
            }
            self.tell(id, CallAction::Cancel { offer });
            self.ring_came_and_went(agent);
        }
    }

    /// Idle time goes on, if the agent can take the next call as things stand.
    pub(super) fn ring_came_and_went(&mut self, agent: usize) {
        self.agents[agent].doing = Doing::Ready;
        self.after_call(agent);
        self.agents[agent].blameless = self.agents[agent].available();
    }

    pub(super) fn rang_out(&mut self, offer: OfferId) {
        if let Some((call, _)) = self.ringing(offer) {
            self.tell(call, CallAction::Cancel { offer });
            self.miss(call, offer, OfferFailure::NoAnswer);
        }
    }

    pub(super) fn miss(&mut self, id: CallId, offer: OfferId, cause: OfferFailure) {
        let rules = self.config.misses;
        let now = self.now;
        let Some(call) = self.call_mut(id) else { return };
        let Some(at) = call.rings.iter().position(|ring| ring.offer == offer) else {
            return;
        };
        let Ring { agent: agent_at, .. } = call.rings.remove(at);
        call.stage = Stage::Waiting;
        let agent = &mut self.agents[agent_at];
        let (cool_down, counts) = match cause {
            OfferFailure::NoAnswer => (rules.no_answer, true),
            OfferFailure::Rejected => (rules.rejected, true),
            OfferFailure::Busy => (rules.busy, false),
            OfferFailure::Unreachable => (rules.unreachable, false),
        };
        agent.cool_until = Some(now + cool_down.max(Span::seconds(1)));
        agent.doing = Doing::Ready;
        agent.misses += u32::from(counts);
        if rules.not_ready_after > 0 && agent.misses >= rules.not_ready_after {
            agent.doing = Doing::NotReady;
            agent.reason = format!("missed {} calls", agent.misses);
            agent.misses = 0;
        }
        // Not at work any more, if only until what was asked for happens.
        self.notice_agents();
        self.after_call(agent_at);
    }

    /// The agent has no call any more: what was asked for meanwhile happens now.
    pub(super) fn after_call(&mut self, at: usize) {
        let must_say = matches!(self.agents[at].doing, Doing::WrapUp(work) if work.must_say.is_some());
        let must_say = must_say && !self.agents[at].removed;
        let waits = |next: &mut (NextState, CommandId, bool)| !must_say || next.2;
        let next = self.agents[at].next.take_if(waits);
        if self.agents[at].removed {
            self.sign_out(at);
        } else if let Some((state, _, _)) = &next {
            match state {
                NextState::Ready => self.agents[at].doing = Doing::Ready,
                NextState::NotReady { reason } => {
                    self.agents[at].doing = Doing::NotReady;
                    self.agents[at].reason.clone_from(reason);
                }
                NextState::SignedOut { .. } => self.sign_out(at),
            }
        }
        if let Some((state, id, _)) = next {
            let lost = self.agents[at].removed && !matches!(state, NextState::SignedOut { .. });
            let overtaken = CommandOutcome::Refused(Refusal::Overtaken);
            self.reply(id, if lost { overtaken } else { CommandOutcome::Done });
        }
        if let Some(id) = self.agents[at].lock_asked.take() {
            self.reply(id, CommandOutcome::Done);
        }
        self.move_to_own_phone(at);
    }

    pub(super) fn sign_in(&mut self, at: usize) {
        let agent = &mut self.agents[at];
        agent.doing = Doing::Ready;
        (agent.calls, agent.talked) = (0, Span::ZERO);
    }

    pub(super) fn sign_out(&mut self, at: usize) {
        self.comes_no_more(at);
        self.unlock(at);
        let agent = &mut self.agents[at];
        agent.doing = Doing::Nothing;
        agent.cool_until = None;
        agent.misses = 0;
        self.bind(at, String::new());
        self.monitors_go_home(at);
    }

    /// Lifts a lock; whether there was one.
    pub(super) fn unlock(&mut self, at: usize) -> bool {
        if let Some(id) = self.agents[at].lock_asked.take() {
            self.reply(id, CommandOutcome::Refused(Refusal::Overtaken));
        }
        self.agents[at].locked.take().is_some()
    }

    /// An agent of the present settings.
    pub(super) fn agent_numbered(&self, number: &str) -> Option<usize> {
        let mut agents = self.agents.iter();
        agents.position(|agent| agent.settings.number == number && !agent.removed)
    }

    // Phones.

    pub(super) fn phone_changed(&mut self, at: usize, state: PhoneState) {
        if let Some(agent) = self.agents.get_mut(at)
            && !(agent.in_call() && state == PhoneState::Busy)
        {
            agent.phone_state = state;
        }
    }

    pub(super) fn holder(&self, phone: &str) -> Option<usize> {
        self.agents.iter().position(|agent| agent.phone == phone)
    }

    pub(super) fn bind(&mut self, at: usize, phone: String) {
        let agent = &mut self.agents[at];
        agent.on_own_phone = !phone.is_empty() && phone == agent.settings.phone;
        agent.phone = phone;
        self.watch_phone(at);
    }

    pub(super) fn watch_phone(&mut self, at: usize) {
        let agent = &mut self.agents[at];
        let own = if agent.removed {
            ""
        } else {
            agent.settings.phone.as_str()
        };
        let wanted = if agent.phone.is_empty() {
            own
        } else {
            agent.phone.as_str()
        };
        if agent.watched != wanted {
            agent.watched = wanted.to_owned();
            agent.phone_state = PhoneState::Available;
            let phone = agent.watched.clone();
            self.actions.push(Action::WatchPhone {
                agent: AgentId(at as u32),
                phone,
            });
        }
    }

    pub(super) fn move_to_own_phone(&mut self, at: usize) {
        let agent = &self.agents[at];
        let own = agent.settings.phone.clone();
        let moved = agent.on_own_phone && agent.phone != own && !own.is_empty() && !agent.in_call();
        if moved && self.holder(&own).is_none() {
            self.bind(at, own);
        }
    }
}
