//! What must hold between any two inputs, recomputed from scratch. For tests and the simulator: it costs a look at
//! everything.

use std::collections::BTreeSet;

use crate::agent::{Agent, Base};
use crate::call::{Call, State};
use crate::engine::Engine;
use crate::ids::{AgentId, CallId, OfferId, QueueId};
use crate::queue::{IdleRank, Queue, Rank};
use crate::time::Time;
use crate::timers::Timer;

/// `Err` with the message unless the condition holds.
macro_rules! ensure {
    ($holds:expr, $($message:tt)*) => {
        if !$holds {
            return Err(format!($($message)*));
        }
    };
}

impl Engine {
    /// Checks the engine's invariants.
    ///
    /// # Errors
    /// Which one is broken, and by whom.
    pub fn check_invariants(&self) -> Result<(), String> {
        for agent in &self.agents {
            self.check_agent(agent)?;
        }
        for (id, call) in &self.calls {
            self.check_call(*id, call)?;
        }
        for (id, offer) in &self.offers {
            let call = self
                .calls
                .get(&offer.call)
                .ok_or(format!("{id:?} is for {:?}, which is gone", offer.call))?;
            ensure!(
                call.offers.contains(id),
                "{:?} does not know of its {id:?}",
                offer.call
            );
            ensure!(
                call.queue == offer.queue,
                "{id:?} and {:?} are in different queues",
                offer.call
            );
            let engaged = self.agents[offer.agent.0 as usize].engaged;
            let both =
                engaged.is_some_and(|engaged| engaged.call == offer.call && engaged.offer == Some(*id));
            ensure!(both, "{:?} does not know of its {id:?}", offer.agent);
        }
        for (queue, id) in self.queues.iter().zip(0..) {
            self.check_queue(QueueId(id), queue)?;
        }
        for (phone, agent) in &self.phones {
            ensure!(
                self.agents[agent.0 as usize].phone == *phone,
                "phone {phone} is not bound by {agent:?}"
            );
        }
        let timers = self.expected_timers();
        ensure!(
            *self.timers.all() == timers,
            "timers are {:?}, not {timers:?}",
            self.timers.all()
        );
        let settled = self.freed.is_empty() && self.seekers.is_empty() && self.perhaps_unmanned.is_empty();
        ensure!(
            settled && self.changed.is_empty() && self.answers.is_empty(),
            "work is left over"
        );
        Ok(())
    }

    fn check_agent(&self, agent: &Agent) -> Result<(), String> {
        let id = agent.id;
        let busy = matches!(agent.base, Base::Offered | Base::OnCall);
        ensure!(
            agent.engaged.is_some() == busy,
            "{id:?} is {:?} with {:?}",
            agent.base,
            agent.engaged
        );
        if let Some(engaged) = agent.engaged {
            let call = self
                .calls
                .get(&engaged.call)
                .ok_or(format!("{id:?} is in a call that is gone"))?;
            let together = match (agent.base, engaged.offer) {
                (Base::Offered, Some(offer)) => call.state == State::Ringing && call.offers.contains(&offer),
                (Base::OnCall, Some(offer)) => call.state == State::Connecting && call.offers == [offer],
                (Base::OnCall, None) => call.talk.is_some_and(|talk| talk.agent == id),
                (Base::Offered, None) => false,
                (Base::SignedOut | Base::Ready | Base::NotReady | Base::WrapUp, _) => false,
            };
            ensure!(
                together,
                "{id:?} {:?} {engaged:?} does not fit {call:?}",
                agent.base
            );
        }
        let in_call = agent.base == Base::OnCall;
        ensure!(
            in_call || agent.next.is_none(),
            "{id:?} has a next state without a call"
        );
        ensure!(
            in_call || agent.lock_asked.is_none(),
            "{id:?} has a lock pending without a call"
        );
        ensure!(
            agent.forced.is_some() || agent.lock_asked.is_none(),
            "{id:?} has a lock pending that is lifted"
        );
        ensure!(
            agent.forced.is_none() || agent.base != Base::Offered,
            "{id:?} is locked and offered a call"
        );
        let signed_out = agent.base == Base::SignedOut;
        ensure!(
            signed_out == agent.phone.is_empty(),
            "{id:?} is {:?} on phone {:?}",
            agent.base,
            agent.phone
        );
        ensure!(
            signed_out || self.phones.get(&agent.phone) == Some(&id),
            "the phone of {id:?} is not bound"
        );
        ensure!(
            !signed_out || agent.forced.is_none(),
            "{id:?} is signed out and locked"
        );
        ensure!(
            !signed_out || agent.cool_down.is_none(),
            "{id:?} is signed out and cools down"
        );
        ensure!(
            !agent.removed || signed_out || in_call,
            "{id:?} is removed, but {:?}",
            agent.base
        );
        ensure!(
            agent.wrap_up_until.is_some() == (agent.base == Base::WrapUp),
            "wrap-up of {id:?} has no end"
        );
        ensure!(
            agent.available == agent.can_take_a_call(),
            "{id:?} is wrongly available or not"
        );
        ensure!(
            agent.published == agent.state(),
            "{id:?} is published as {:?}",
            agent.published
        );
        Ok(())
    }

    fn check_call(&self, id: CallId, call: &Call) -> Result<(), String> {
        let fits = match call.state {
            State::Waiting => call.offers.is_empty() && call.talk.is_none(),
            State::Ringing => !call.offers.is_empty() && call.talk.is_none(),
            State::Connecting => call.offers.len() == 1 && call.talk.is_none(),
            State::Talking => call.offers.is_empty() && call.talk.is_some(),
            State::Gone => false,
        };
        ensure!(fits, "{id:?} is {call:?}");
        let unique: BTreeSet<OfferId> = call.offers.iter().copied().collect();
        ensure!(unique.len() == call.offers.len(), "{id:?} counts an offer twice");
        for offer in &call.offers {
            let offer = self
                .offers
                .get(offer)
                .ok_or(format!("{offer:?} of {id:?} is gone"))?;
            ensure!(offer.call == id, "{id:?} holds the offer of another call");
            ensure!(
                offer.answered.is_some() == (call.state == State::Connecting),
                "{id:?} and its answer differ"
            );
        }
        if let Some(talk) = call.talk {
            let engaged = self.agents[talk.agent.0 as usize]
                .engaged
                .map(|engaged| engaged.call);
            ensure!(
                engaged == Some(id),
                "{:?} does not know of its talk in {id:?}",
                talk.agent
            );
        }
        Ok(())
    }

    fn check_queue(&self, id: QueueId, queue: &Queue) -> Result<(), String> {
        let calls = || self.calls.iter().filter(|(_, call)| call.queue == id);
        let seeks = |(_, call): &(&CallId, &Call)| call.seeks(&queue.settings);
        let seeking: BTreeSet<Rank> = calls().filter(seeks).map(|(_, call)| call.rank).collect();
        ensure!(
            queue.seeking == seeking,
            "{id:?} seeks for {:?}, not {seeking:?}",
            queue.seeking
        );
        let waiting = calls().filter(|(_, call)| call.talk.is_none()).count();
        ensure!(
            queue.waiting as usize == waiting,
            "{id:?} counts {} waiting, not {waiting}",
            queue.waiting
        );
        let members = || self.agents.iter().filter(|agent| agent.queues.contains(&id));
        let signed_in = members().filter(|agent| agent.base != Base::SignedOut).count();
        ensure!(
            queue.signed_in as usize == signed_in,
            "{id:?} counts {} members",
            queue.signed_in
        );
        let can = members().filter(|agent| agent.can_take_a_call());
        let available: BTreeSet<IdleRank> = can.map(|agent| (agent.idle_since, agent.id)).collect();
        ensure!(
            queue.available == available,
            "{id:?} knows {:?}, not {available:?}",
            queue.available
        );
        ensure!(
            seeking.is_empty() || available.is_empty(),
            "{id:?}: {available:?} idle while {seeking:?} wait"
        );
        ensure!(
            !queue.is_unmanned() || seeking.is_empty(),
            "{id:?}: {seeking:?} wait for nobody"
        );
        let stuck = calls().any(|(_, call)| matches!(call.state, State::Waiting | State::Ringing));
        ensure!(
            !queue.removed || !stuck,
            "{id:?} is removed, and somebody waits in it"
        );
        Ok(())
    }

    fn expected_timers(&self) -> BTreeSet<(Time, Timer)> {
        let of_agent = |agent: &Agent| {
            let id: AgentId = agent.id;
            let lock = agent.forced.as_ref().and_then(|lock| lock.until);
            [
                agent.wrap_up_until.map(|at| (at, Timer::WrapUp(id))),
                agent
                    .cool_down
                    .map(|cool_down| (cool_down.until, Timer::CoolDown(id))),
                lock.map(|at| (at, Timer::Lock(id))),
            ]
        };
        let max_wait = |(id, call): (&CallId, &Call)| match call.state {
            State::Waiting | State::Ringing => call.leave_at.map(|at| (at, Timer::MaxWait(*id))),
            State::Connecting | State::Talking | State::Gone => None,
        };
        let ringing = self.offers.iter().filter(|(_, offer)| offer.answered.is_none());
        let mut timers: BTreeSet<(Time, Timer)> = self.agents.iter().flat_map(of_agent).flatten().collect();
        timers.extend(self.calls.iter().filter_map(max_wait));
        timers.extend(ringing.map(|(id, offer)| (offer.ring_until, Timer::Ring(*id))));
        timers
    }
}
