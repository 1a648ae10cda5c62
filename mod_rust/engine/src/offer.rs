//! Offers: one attempt to bring one call to one agent, and the races around it. Every offer ends exactly once.

use std::sync::Arc;

use crate::action::{CallAction, Spoken, Utterance};
use crate::agent::{Base, Engaged, Idle, Trigger};
use crate::call;
use crate::config::{Greeting, Intro};
use crate::engine::Engine;
use crate::event::{Event, Limit, OfferResult};
use crate::explain::{Chosen, Line, OfferMade};
use crate::ids::{AgentId, CallId, OfferId, QueueId};
use crate::input::OfferFailure;
use crate::time::Time;
use crate::timers::{Alarm, Timer};

#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) call: CallId,
    pub(crate) agent: AgentId,
    /// The one that brought the two together: the call's own, or one that may take it as well.
    pub(crate) queue: QueueId,
    pub(crate) made: Time,
    /// Until it has rung long enough.
    pub(crate) alarm: Option<Alarm>,
    pub(crate) ringing: bool,
    pub(crate) answered: Option<Time>,
}

impl Engine {
    /// Rings an available agent for a call that seeks one; whether that was allowed.
    pub(crate) fn make_offer(&mut self, call_id: CallId, agent_id: AgentId) -> bool {
        let Some(call) = self.calls.get(call_id.0) else {
            return false;
        };
        let Some((queue_id, cap)) = self.place_for(call, &self.agents[agent_id.0 as usize]) else {
            self.broken(format!("call {} is offered to who does not suit", call_id.0));
            return false;
        };
        let waiting_since = call.waiting_since;
        let skills = call.skills;
        let chosen = call.sticky.is_none().then_some(Chosen { cap, skills });
        if !self.step_call(call_id, call::Trigger::Offer) {
            return false;
        }
        self.last_offer += 1;
        let id = OfferId(self.last_offer);
        if let Some(call) = self.calls.get_mut(call_id.0) {
            call.offers.push(id);
        }
        let agent = &self.agents[agent_id.0 as usize];
        let queue = &mut self.queues[queue_id.0 as usize];
        queue.cursor = Some(agent.order);
        if queue.settings.strategy.is_by_chance()
            && chosen.is_some()
            && let Some(seat) = agent.seat(queue_id)
        {
            queue.clock = seat.ticket;
        }
        let ring_until = self.now + queue.settings.ring_time;
        self.offers.insert(
            id.0,
            Offer {
                call: call_id,
                agent: agent_id,
                queue: queue_id,
                made: self.now,
                alarm: Some(self.timers.set(ring_until, Timer::Ring(id))),
                ringing: false,
                answered: None,
            },
        );
        self.refresh_call(call_id);
        self.step_agent(agent_id, Trigger::Offer);
        self.agents[agent_id.0 as usize].engaged = Some(Engaged {
            call: call_id,
            shown: self.shown(call_id),
            offer: Some(id),
        });
        self.refresh_agent(agent_id, Idle::GoesOn);
        if !self.queues[queue_id.0 as usize].settings.warn.ring.at.is_empty() {
            let steps = self.queues[queue_id.0 as usize].settings.warn.ring.clone();
            let limit = Limit::Ring {
                agent: agent_id,
                call: self.shown(call_id),
            };
            self.watch_agent(agent_id, Some((limit, &steps)));
        }
        let dispatch = self
            .now
            .since(waiting_since.max(self.agents[agent_id.0 as usize].free_since));
        let shown = self.shown(call_id);
        if self.record.keeps() {
            let next = chosen.and_then(|at| self.queues[queue_id.0 as usize].best(at.cap, at.skills));
            let made = OfferMade {
                offer: id,
                call: shown,
                agent: agent_id,
                queue: queue_id,
                dispatch,
                chosen,
                next: next.map(|merit| merit.agent),
            };
            self.record.offer(self.now, made);
        }
        self.events.push(Event::OfferMade {
            offer: id,
            call: shown,
            agent: agent_id,
            queue: queue_id,
            dispatch,
        });
        let agent = &self.agents[agent_id.0 as usize];
        let action = CallAction::Ring {
            offer: id,
            phone: Arc::clone(&agent.phone),
            agent: Arc::clone(agent.number()),
            queue: Arc::clone(&self.queues[queue_id.0 as usize].name),
            answering: agent.answering,
        };
        self.order(call_id, action);
        true
    }

    pub(crate) fn offer_rings(&mut self, id: OfferId) {
        if let Some(offer) = self.offers.get_mut(id.0)
            && !offer.ringing
            && offer.answered.is_none()
        {
            offer.ringing = true;
            self.events.push(Event::OfferRinging { offer: id });
        }
    }

    /// The first to answer wins; the others are taken back before the two are connected, since connecting may hold
    /// the call's thread until the talk is over.
    pub(crate) fn offer_answered(&mut self, id: OfferId) {
        let Some(offer) = self.offers.get_mut(id.0) else {
            return;
        };
        if offer.answered.is_some() {
            return;
        }
        offer.answered = Some(self.now);
        let (call, agent, queue) = (offer.call, offer.agent, offer.queue);
        self.timers.reset(&mut offer.alarm, None, Timer::Ring(id));
        self.step_call(call, call::Trigger::Answer);
        self.step_agent(agent, Trigger::Answer);
        self.watch_agent(agent, None);
        self.leave_line(call);
        self.cancel_offers(call, Some(id));
        self.refresh_call(call);
        self.arm_call(call);
        let greeting = if self.is_line(call) {
            None
        } else {
            self.greeting(call, agent, queue)
        };
        self.order(call, CallAction::Connect { offer: id, greeting });
    }

    /// What the queue says to both before they hear each other.
    fn greeting(&self, call: CallId, agent: AgentId, queue: QueueId) -> Option<Box<Spoken>> {
        let settings = &self.queues[queue.0 as usize].settings;
        let Greeting {
            caller,
            agent: to_agent,
        } = &settings.greeting;
        if caller.is_empty() && to_agent.is_empty() {
            return None;
        }
        let named = |file: &String| (!file.is_empty()).then(|| Utterance::File(file.clone()));
        let said = |intro: &Intro| match intro {
            Intro::File(file) => Some(Utterance::File(file.clone())),
            Intro::Agent => Some(Utterance::Spelled(Arc::clone(
                self.agents[agent.0 as usize].number(),
            ))),
            Intro::Queue => named(&settings.spoken),
            Intro::Tier => {
                let tier = self.calls.get(call.0)?.tier;
                named(&self.tiers[usize::from(tier.0)].spoken)
            }
        };
        Some(Box::new(Spoken {
            caller: caller.iter().filter_map(said).collect(),
            agent: to_agent.iter().filter_map(said).collect(),
        }))
    }

    /// The phone said no. Once it has answered, only the end of the call counts: the host owes that one.
    pub(crate) fn offer_failed(&mut self, id: OfferId, cause: OfferFailure) {
        if self
            .offers
            .get(id.0)
            .is_some_and(|offer| offer.answered.is_none())
        {
            self.fail_offer(id, cause);
        }
    }

    pub(crate) fn rang_out(&mut self, id: OfferId) {
        if let Some(offer) = self.offers.get(id.0) {
            self.order(offer.call, CallAction::Cancel { offer: id });
            self.fail_offer(id, OfferFailure::NoAnswer);
        }
    }

    /// Ends an offer at the agent's cost; the call goes on to others.
    pub(crate) fn fail_offer(&mut self, id: OfferId, cause: OfferFailure) {
        let result = match cause {
            OfferFailure::NoAnswer => OfferResult::NoAnswer,
            OfferFailure::Rejected | OfferFailure::Busy | OfferFailure::Unreachable => {
                OfferResult::Failed(cause)
            }
        };
        let Some(offer) = self.close_offer(id, result) else {
            return;
        };
        self.offer_over(offer.agent);
        self.line_missed(offer.call, cause);
        self.count_miss(offer.agent, cause);
        self.agent_is_free(offer.agent, None, Idle::Anew);
        self.offer_lost(&offer);
    }

    /// Takes an offer back without blame; the call goes on to others, if it still waits.
    pub(crate) fn cancel_offer(&mut self, id: OfferId) {
        let Some(offer) = self.close_offer(id, OfferResult::Cancelled) else {
            return;
        };
        self.order(offer.call, CallAction::Cancel { offer: id });
        self.offer_over(offer.agent);
        self.agent_is_free(offer.agent, None, Idle::GoesOn);
        self.offer_lost(&offer);
    }

    /// Takes all offers of a call back but the one to keep.
    pub(crate) fn cancel_offers(&mut self, call: CallId, keep: Option<OfferId>) {
        let Some(call) = self.calls.get(call.0) else {
            return;
        };
        if call.offers.iter().all(|offer| Some(*offer) == keep) {
            return;
        }
        for offer in call.offers.clone() {
            if Some(offer) != keep {
                self.cancel_offer(offer);
            }
        }
    }

    /// Takes an offer off the books and tells the world how it ended.
    pub(crate) fn close_offer(&mut self, id: OfferId, result: OfferResult) -> Option<Offer> {
        let mut offer = self.offers.remove(id.0)?;
        self.timers.reset(&mut offer.alarm, None, Timer::Ring(id));
        self.record.note(self.now, Line::Ended { offer: id, result });
        self.watch_agent(offer.agent, None);
        if let Some(call) = self.calls.get_mut(offer.call.0) {
            call.offers.retain(|other| *other != id);
        }
        self.events.push(Event::OfferEnded {
            offer: id,
            call: self.shown(offer.call),
            agent: offer.agent,
            queue: offer.queue,
            result,
            ring: offer.answered.unwrap_or(self.now).since(offer.made),
        });
        Some(offer)
    }

    fn offer_over(&mut self, agent: AgentId) {
        match self.agents[agent.0 as usize].base {
            Base::OnCall => self.step_agent(agent, Trigger::ConnectFailed),
            Base::Offered | Base::SignedOut | Base::Ready | Base::NotReady | Base::WrapUp => {
                self.step_agent(agent, Trigger::OfferOver);
            }
        }
    }

    fn offer_lost(&mut self, offer: &Offer) {
        let Some(call) = self.calls.get(offer.call.0) else {
            return;
        };
        match call.state {
            call::State::Ringing if call.offers.is_empty() => {
                self.back_to_waiting(offer.call, call::Trigger::OffersFailed);
            }
            // Its only offer was the one that had answered.
            call::State::Connecting if offer.answered.is_some() => {
                self.back_to_waiting(offer.call, call::Trigger::ConnectFailed);
            }
            call::State::Ringing => self.refresh_call(offer.call),
            call::State::Waiting | call::State::Connecting | call::State::Talking | call::State::Gone => {}
        }
    }
}
