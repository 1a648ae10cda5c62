//! Offers: one attempt to bring one call to one agent, and the races around it. Every offer ends exactly once.

use crate::action::CallAction;
use crate::agent::{Base, Engaged, Idle, Trigger};
use crate::call;
use crate::engine::Engine;
use crate::event::{Event, OfferResult};
use crate::ids::{AgentId, CallId, OfferId, QueueId};
use crate::input::OfferFailure;
use crate::time::{Span, Time};
use crate::timers::Timer;

#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) call: CallId,
    pub(crate) agent: AgentId,
    pub(crate) queue: QueueId,
    pub(crate) made: Time,
    /// When the phone has rung long enough.
    pub(crate) ring_until: Time,
    pub(crate) ringing: bool,
    pub(crate) answered: Option<Time>,
}

impl Engine {
    /// Rings an available agent for a call that seeks one; whether that was allowed.
    pub(crate) fn make_offer(&mut self, call_id: CallId, agent_id: AgentId) -> bool {
        if !self.step_call(call_id, call::Trigger::Offer) {
            return false;
        }
        let Some(call) = self.calls.get_mut(&call_id) else {
            return false;
        };
        self.last_offer += 1;
        let id = OfferId(self.last_offer);
        call.offers.push(id);
        let queue = call.queue;
        let waiting_since = call.waiting_since;
        let ring_until = self.now + self.queues[queue.0 as usize].settings.ring_time;
        self.offers.insert(
            id,
            Offer {
                call: call_id,
                agent: agent_id,
                queue,
                made: self.now,
                ring_until,
                ringing: false,
                answered: None,
            },
        );
        self.timers.set(ring_until, Timer::Ring(id));
        self.refresh_call(call_id);
        self.step_agent(agent_id, Trigger::Offer);
        self.agents[agent_id.0 as usize].engaged = Some(Engaged {
            call: call_id,
            offer: Some(id),
        });
        self.refresh_agent(agent_id, Idle::GoesOn);

        let agent = &self.agents[agent_id.0 as usize];
        let (phone, number) = (agent.phone.clone(), agent.number.clone());
        self.events.push(Event::OfferMade {
            offer: id,
            call: call_id,
            agent: agent_id,
            queue,
            dispatch: self.now.since(waiting_since.max(agent.free_since)),
        });
        self.order(
            call_id,
            CallAction::Ring {
                offer: id,
                phone,
                agent: number,
            },
        );
        true
    }

    pub(crate) fn offer_rings(&mut self, id: OfferId) {
        if let Some(offer) = self.offers.get_mut(&id)
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
        let Some(offer) = self.offers.get_mut(&id) else {
            return;
        };
        if offer.answered.is_some() {
            return;
        }
        offer.answered = Some(self.now);
        let (call, agent, ring_until) = (offer.call, offer.agent, offer.ring_until);
        self.timers.cancel(ring_until, Timer::Ring(id));
        self.step_call(call, call::Trigger::Answer);
        self.step_agent(agent, Trigger::Answer);
        self.drop_max_wait(call);
        self.cancel_offers(call, Some(id));
        self.refresh_call(call);
        self.order(call, CallAction::Connect { offer: id });
    }

    /// The phone said no. Once it has answered, only the end of the call counts: the host owes that one.
    pub(crate) fn offer_failed(&mut self, id: OfferId, cause: OfferFailure) {
        if self.offers.get(&id).is_some_and(|offer| offer.answered.is_none()) {
            self.fail_offer(id, cause);
        }
    }

    pub(crate) fn rang_out(&mut self, id: OfferId) {
        if let Some(offer) = self.offers.get(&id) {
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
        self.count_miss(offer.agent, cause);
        self.agent_is_free(offer.agent, Span::ZERO, Idle::Anew);
        self.offer_lost(&offer);
    }

    /// Takes an offer back without blame; the call goes on to others, if it still waits.
    pub(crate) fn cancel_offer(&mut self, id: OfferId) {
        let Some(offer) = self.close_offer(id, OfferResult::Cancelled) else {
            return;
        };
        self.order(offer.call, CallAction::Cancel { offer: id });
        self.offer_over(offer.agent);
        self.agent_is_free(offer.agent, Span::ZERO, Idle::GoesOn);
        self.offer_lost(&offer);
    }

    /// Takes all offers of a call back but the one to keep.
    pub(crate) fn cancel_offers(&mut self, call: CallId, keep: Option<OfferId>) {
        let offers = self
            .calls
            .get(&call)
            .map(|call| call.offers.clone())
            .unwrap_or_default();
        for offer in offers.into_iter().filter(|offer| Some(*offer) != keep) {
            self.cancel_offer(offer);
        }
    }

    /// Takes an offer off the books and tells the world how it ended.
    pub(crate) fn close_offer(&mut self, id: OfferId, result: OfferResult) -> Option<Offer> {
        let offer = self.offers.remove(&id)?;
        self.timers.cancel(offer.ring_until, Timer::Ring(id));
        if let Some(call) = self.calls.get_mut(&offer.call) {
            call.offers.retain(|other| *other != id);
        }
        self.events.push(Event::OfferEnded {
            offer: id,
            call: offer.call,
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
        let Some(call) = self.calls.get(&offer.call) else {
            return;
        };
        match call.state {
            call::State::Ringing if call.offers.is_empty() => {
                self.back_to_waiting(offer.call, call::Trigger::OffersFailed);
            }
            // Its only offer was the one that had answered.
            call::State::Connecting if offer.answered.is_some() => {
                self.restore_max_wait(offer.call);
                self.back_to_waiting(offer.call, call::Trigger::ConnectFailed);
            }
            call::State::Ringing => self.refresh_call(offer.call),
            call::State::Waiting | call::State::Connecting | call::State::Talking | call::State::Gone => {}
        }
    }
}
