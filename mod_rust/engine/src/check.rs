//! What must hold between any two inputs, recomputed from scratch. For tests and the simulator: it costs a look at
//! everything.

use std::collections::BTreeSet;

use crate::agent::{Agent, Base};
use crate::call::{Call, State};
use crate::config::MAX_ALSO;
use crate::engine::Engine;
use crate::ids::{AgentId, CallId, OfferId, QueueId};
use crate::input::TalkState;
use crate::queue::{Queue, Rank};
use crate::sorted::Sorted;
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
        for (id, call) in self.calls.iter() {
            self.check_call(CallId(id), call)?;
        }
        for (id, offer) in self.offers.iter().map(|(id, offer)| (OfferId(id), offer)) {
            let call = self
                .calls
                .get(offer.call.0)
                .ok_or(format!("{id:?} is for {:?}, which is gone", offer.call))?;
            ensure!(
                call.offers.contains(&id),
                "{:?} does not know of its {id:?}",
                offer.call
            );
            ensure!(
                call.queue == offer.queue || call.also().contains(&offer.queue),
                "{id:?} and {:?} are in different queues",
                offer.call
            );
            let engaged = self.agents[offer.agent.0 as usize].engaged;
            let both = engaged.is_some_and(|engaged| engaged.call == offer.call && engaged.offer == Some(id));
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
        for (id, callback) in self.callbacks.iter() {
            let id = CallId(id);
            let queue = &self.queues[callback.queue.0 as usize];
            ensure!(!queue.removed, "{id:?} is owed by a queue that is gone");
            ensure!(
                queue.callbacks.get(&callback.caller.number) == Some(&id),
                "the queue of callback {id:?} does not know of it"
            );
        }
        self.check_supervision()?;
        let (timers, expected) = (self.timers.all(), self.expected_timers());
        ensure!(timers == expected, "timers are {timers:?}, not {expected:?}");
        let settled = self.freed.is_empty()
            && self.seekers.is_empty()
            && self.perhaps_unmanned.is_empty()
            && self.perhaps_near.is_empty();
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
                .get(engaged.call.0)
                .ok_or(format!("{id:?} is in a call that is gone"))?;
            let together = match (agent.base, engaged.offer) {
                (Base::Offered, Some(offer)) => call.state == State::Ringing && call.offers.contains(&offer),
                (Base::OnCall, Some(offer)) => call.state == State::Connecting && call.offers == [offer],
                (Base::OnCall, None) if call.consults.is_some() => call.state == State::Talking,
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
            in_call || agent.next.is_none() || self.owes_disposition(id),
            "{id:?} has a next state and nothing that it waits for"
        );
        ensure!(
            in_call || agent.rest.lock_asked.is_none(),
            "{id:?} has a lock pending without a call"
        );
        ensure!(
            agent.forced.is_some() || agent.rest.lock_asked.is_none(),
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
            !signed_out || agent.cool_down.is_none(),
            "{id:?} is signed out and cools down"
        );
        ensure!(
            !agent.removed || signed_out || in_call,
            "{id:?} is removed, but {:?}",
            agent.base
        );
        ensure!(
            agent.rest.wrap_up.is_some() == (agent.base == Base::WrapUp),
            "{id:?} is {:?} with wrap-up {:?}",
            agent.base,
            agent.rest.wrap_up
        );
        ensure!(
            agent.benched == agent.available,
            "{id:?} is available and on no bench, or the other way round"
        );
        ensure!(
            agent.at_work == agent.works(),
            "{id:?} is wrongly counted at work or not"
        );
        ensure!(
            agent.at_work || agent.members.iter().all(|member| member.share == 0),
            "{id:?} is not at work, and counts in estimates"
        );
        let talk = agent
            .engaged
            .and_then(|engaged| self.calls.get(engaged.call.0)?.talk);
        let line = agent.engaged.is_some_and(|engaged| self.is_line(engaged.call));
        ensure!(
            line || agent.talk == talk.map_or(TalkState::Talking, |talk| talk.state),
            "{id:?} and its call differ in how they talk"
        );
        let wanted = |seeking: bool| {
            let calls = self.calls.iter().map(|(_, call)| call);
            let wants = calls.filter(move |call| {
                call.sticky.is_some_and(|(wanted, _)| wanted == id) && (call.seeking || !seeking)
            });
            wants.map(|call| call.rank).collect::<Sorted<Rank>>()
        };
        ensure!(
            agent.rest.wanted_by == wanted(false),
            "{id:?} is wanted by others than it knows"
        );
        ensure!(
            agent.lane == wanted(true),
            "{id:?} is sought by others than it knows"
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
            State::Talking => call.offers.is_empty() && call.talk.is_some() != call.consults.is_some(),
            State::Gone => false,
        };
        ensure!(fits, "{id:?} is {call:?}");
        let unique: BTreeSet<OfferId> = call.offers.iter().copied().collect();
        ensure!(unique.len() == call.offers.len(), "{id:?} counts an offer twice");
        for offer in &call.offers {
            let offer = self
                .offers
                .get(offer.0)
                .ok_or(format!("{offer:?} of {id:?} is gone"))?;
            ensure!(offer.call == id, "{id:?} holds the offer of another call");
            ensure!(
                offer.answered.is_some() == (call.state == State::Connecting),
                "{id:?} and its answer differ"
            );
        }
        ensure!(
            call.seeking == call.seeks(&self.queues[call.queue.0 as usize].settings)
                && call.laned == call.seeking,
            "{id:?} seeks, and stands nowhere, or the other way round"
        );
        ensure!(
            call.in_line == (call.waits() && call.consults.is_none()),
            "{id:?} has a wrong place in the line"
        );
        ensure!(
            call.sticky.is_none() || call.talk.is_none(),
            "{id:?} talks and waits for an agent"
        );
        ensure!(
            call.sticky
                .is_none_or(|(agent, _)| self.can_be_preferred(agent, call.queue)),
            "{id:?} waits for an agent who does not come"
        );
        ensure!(
            call.consult.is_none() || call.talk.is_some(),
            "{id:?} does not talk, and its agent consults"
        );
        ensure!(
            call.pending.is_none() || call.talk.is_some(),
            "{id:?} does not talk, and something is asked of its conversation"
        );
        ensure!(call.also().len() <= MAX_ALSO, "{id:?} is in too many queues");
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
        let calls = || self.calls.iter().map(|(_, call)| call);
        let own = || calls().filter(|call| call.queue == id);
        let mut seeking: Vec<Rank> = calls()
            .filter(|call| call.seeking && call.sticky.is_none())
            .filter(|call| self.places_of(call).any(|(place, _)| place == id))
            .map(|call| call.rank)
            .collect();
        let mut known: Vec<Rank> = queue.lanes.iter().flat_map(|lane| lane.callers.iter()).collect();
        seeking.sort_unstable();
        known.sort_unstable();
        ensure!(known == seeking, "{id:?} seeks for {known:?}, not {seeking:?}");
        ensure!(
            !queue.lanes.iter().any(|lane| lane.callers.is_empty()),
            "{id:?} has an empty lane"
        );
        ensure!(
            self.fronts[id.0 as usize] == queue.front(),
            "{id:?} has another front: {:?}",
            self.fronts[id.0 as usize]
        );
        let own = || own().filter(|call| call.consults.is_none());
        let line: Sorted<Rank> = own().filter(|call| call.waits()).map(|call| call.rank).collect();
        ensure!(queue.line == line, "{id:?} has another line");
        let waiting = own().filter(|call| call.talk.is_none()).count();
        ensure!(
            queue.waiting as usize == waiting,
            "{id:?} counts {} waiting, not {waiting}",
            queue.waiting
        );
        let of_tiers: u32 = queue.tier_waiting.iter().sum();
        ensure!(of_tiers == queue.waiting, "{id:?} counts its tiers wrongly");
        let members = || self.agents.iter().filter(|agent| agent.serves(id));
        let count = |counted: fn(&Agent) -> bool| members().filter(|agent| counted(agent)).count();
        let (signed_in, at_work) = (
            count(|agent| agent.base != Base::SignedOut),
            count(|agent| agent.at_work),
        );
        ensure!(
            (queue.signed_in as usize, queue.at_work as usize) == (signed_in, at_work),
            "{id:?} counts {} and {} members",
            queue.signed_in,
            queue.at_work
        );
        let share = |agent: &Agent| agent.member(id).map_or(0, |member| u64::from(member.share));
        let staff: u64 = self.agents.iter().map(share).sum();
        ensure!(
            self.pulses[id.0 as usize].staff == staff,
            "{id:?} estimates with other agents than it has"
        );
        let seated: usize = queue.benches.iter().map(|bench| bench.agents.len()).sum();
        ensure!(
            seated == count(Agent::can_take_a_call) && seated == queue.seated as usize,
            "{id:?} knows {seated} available"
        );
        for agent in members().filter(|agent| agent.available) {
            let (Some(member), Some(seat)) = (agent.member(id), agent.seat(id)) else {
                continue;
            };
            let bench = queue
                .benches
                .iter()
                .find(|bench| bench.level == member.level && bench.skills == agent.skills);
            let place = bench.and_then(|bench| bench.agents.at_least(agent.merit(seat)));
            ensure!(
                place == Some(agent.merit(seat)),
                "{:?} has no seat in {id:?}",
                agent.id
            );
            let suited = calls().find(|call| call.seeking && self.suits_via(call, agent) == Some(id));
            ensure!(
                suited.is_none(),
                "{:?} is idle in {id:?} while {:?} waits",
                agent.id,
                suited.map(|call| call.id)
            );
        }
        let idle = own().any(|call| call.state == State::Waiting);
        ensure!(!queue.is_unmanned() || !idle, "{id:?}: somebody waits for nobody");
        ensure!(
            !queue.removed || line.is_empty(),
            "{id:?} is removed, and somebody waits in it"
        );
        let owed: Sorted<Rank> = self
            .callbacks
            .iter()
            .filter(|(_, callback)| callback.queue == id && callback.in_line())
            .map(|(_, callback)| callback.rank)
            .collect();
        ensure!(queue.owed == owed, "{id:?} owes others than it knows");
        ensure!(
            queue.tripped.len() == queue.settings.rules.len(),
            "{id:?} remembers other rules"
        );
        Ok(())
    }

    fn expected_timers(&self) -> Vec<(Time, Timer)> {
        let of_agent = |agent: &Agent| {
            let id: AgentId = agent.id;
            let lock = agent.forced.as_ref().and_then(|lock| lock.until);
            let wrap_up = agent.rest.wrap_up.and_then(|work| work.due());
            let cool_down = agent.rest.cool_down_alarm.as_ref().map(|alarm| alarm.at());
            [
                wrap_up.map(|at| (at, Timer::WrapUp(id))),
                agent
                    .cool_down
                    .map(|_| (cool_down.unwrap_or_default(), Timer::CoolDown(id))),
                lock.map(|at| (at, Timer::Lock(id))),
                agent
                    .watch
                    .as_ref()
                    .and_then(|watch| watch.next())
                    .map(|at| (at, Timer::AgentWarn(id))),
            ]
        };
        let mut timers: Vec<(Time, Timer)> = self.agents.iter().flat_map(of_agent).flatten().collect();
        let due = |call: &Call| self.call_due_at(call).map(|at| (at, Timer::Call(call.id)));
        timers.extend(self.calls.iter().filter_map(|(_, call)| due(call)));
        for (id, offer) in self.offers.iter().filter(|(_, offer)| offer.answered.is_none()) {
            let ring = self.queues[offer.queue.0 as usize].settings.ring_time;
            let at = offer.alarm.as_ref().map(|alarm| alarm.at());
            timers.push((at.unwrap_or(offer.made + ring), Timer::Ring(OfferId(id))));
        }
        for (id, callback) in self.callbacks.iter() {
            timers.push((callback.due_at(), Timer::Callback(CallId(id))));
        }
        timers.sort_unstable();
        timers
    }
}
