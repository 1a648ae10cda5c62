//! A call, from joining to its end.

use crate::action::{CallAction, Status};
use crate::agent::Idle;
use crate::engine::Engine;
use crate::event::{CallOutcome, Event, OfferResult, RefusedCall};
use crate::ids::{AgentId, CallId, OfferId, QueueId, TierId};
use crate::input::{Caller, Departure, OfferFailure, Party, PhoneState};
use crate::queue::Rank;
use crate::table::{self, Table};
use crate::time::{Span, Time};
use crate::timers::Timer;

/// Where a call stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    /// Nobody rings for it.
    Waiting,
    /// Phones ring for it.
    Ringing,
    /// An agent answered; the host connects the two.
    Connecting,
    Talking,
    Gone,
}

/// What moves a call from one state to the next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Trigger {
    Offer,
    OffersFailed,
    Answer,
    Connect,
    ConnectFailed,
    /// The queue gives the caller back: time is up, no agents, removed.
    TurnAway,
    HangUp,
    /// The host gives up on connecting.
    Break,
    End,
}

#[rustfmt::skip]
pub(crate) const TRANSITIONS: &Table<State, Trigger> = {
    use State as S;
    use Trigger as T;
    &[
        (S::Waiting,    T::Offer,         S::Ringing),
        (S::Waiting,    T::TurnAway,      S::Gone),
        (S::Waiting,    T::HangUp,        S::Gone),
        (S::Ringing,    T::Offer,         S::Ringing),
        (S::Ringing,    T::OffersFailed,  S::Waiting),
        (S::Ringing,    T::Answer,        S::Connecting),
        (S::Ringing,    T::TurnAway,      S::Gone),
        (S::Ringing,    T::HangUp,        S::Gone),
        (S::Connecting, T::Connect,       S::Talking),
        (S::Connecting, T::ConnectFailed, S::Waiting),
        (S::Connecting, T::HangUp,        S::Gone),
        (S::Connecting, T::Break,         S::Gone),
        (S::Talking,    T::End,           S::Gone),
    ]
};

#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) queue: QueueId,
    pub(crate) tier: TierId,
    pub(crate) number: String,
    pub(crate) joined: Time,
    pub(crate) rank: Rank,
    pub(crate) state: State,
    /// Live offers in the order made. While connecting, the one that won.
    pub(crate) offers: Vec<OfferId>,
    /// Whether the call stands in its queue's `seeking` set.
    pub(crate) seeking: bool,
    /// When it joined, or came back to waiting after its offers failed.
    pub(crate) waiting_since: Time,
    /// When the longest wait is reached.
    pub(crate) leave_at: Option<Time>,
    /// Since when it talks, and with whom.
    pub(crate) talk: Option<Talk>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Talk {
    pub(crate) since: Time,
    pub(crate) agent: AgentId,
}

/// How a call that was never connected ends.
struct Leaving {
    on: Trigger,
    outcome: CallOutcome,
    by: Party,
    /// What the dialplan is told; `None` if there is no caller left to go on.
    release: Option<Status>,
}

impl Engine {
    pub(crate) fn join(&mut self, id: CallId, name: String, caller: Caller) {
        if self.calls.contains_key(&id) {
            return self.fault(format!("call {} joined twice", id.0));
        }
        let queue_id = self.queue_ids.get(&name).copied();
        let Some(queue_id) = queue_id.filter(|queue| !self.queues[queue.0 as usize].removed) else {
            return self.refuse(id, name, RefusedCall::UnknownQueue);
        };
        if self.calls.len() >= self.limits.calls as usize {
            return self.refuse(id, name, RefusedCall::AtLimit);
        }
        let tier = self.tier_of(&caller.tier);
        let queue = &mut self.queues[queue_id.0 as usize];
        self.events.push(Event::CallJoined {
            call: id,
            queue: queue_id,
            tier,
            number: caller.number.clone(),
            waiting: queue.waiting.saturating_add(1),
        });
        let turned_away = if queue.is_unmanned() {
            Some((CallOutcome::NoAgents, Status::NoAgents))
        } else if queue.waiting >= queue.settings.max_waiting {
            Some((CallOutcome::Full, Status::Full))
        } else {
            None
        };
        if let Some((outcome, status)) = turned_away {
            self.events.push(Event::CallFinished {
                call: id,
                queue: queue_id,
                tier,
                outcome,
                agent: None,
                wait: Span::ZERO,
                talk: Span::ZERO,
                by: Party::System,
            });
            return self.order(id, CallAction::Release { status });
        }
        queue.waiting += 1;
        let handicaps = [
            self.tiers[usize::from(tier.0)].handicap,
            queue.settings.handicap,
            Span::seconds(u64::from(caller.priority)),
        ];
        let leave_at = queue.settings.max_wait.map(|longest| self.now + longest);
        let music = queue.music();
        let call = Call {
            queue: queue_id,
            tier,
            number: caller.number,
            joined: self.now,
            rank: Rank::new(self.now, handicaps, id),
            state: State::Waiting,
            offers: Vec::new(),
            seeking: false,
            waiting_since: self.now,
            leave_at,
            talk: None,
        };
        self.calls.insert(id, call);
        if let Some(at) = leave_at {
            self.timers.set(at, Timer::MaxWait(id));
        }
        self.order(id, music);
        self.refresh_call(id);
    }

    fn refuse(&mut self, call: CallId, queue: String, reason: RefusedCall) {
        let status = match reason {
            RefusedCall::UnknownQueue => Status::UnknownQueue,
            RefusedCall::AtLimit => Status::Full,
        };
        self.events.push(Event::CallRefused { call, queue, reason });
        self.order(call, CallAction::Release { status });
    }

    fn tier_of(&self, name: &str) -> TierId {
        let known = self
            .tiers
            .iter()
            .position(|tier| !tier.removed && tier.name == name);
        known
            .and_then(|at| u8::try_from(at).ok())
            .map_or(self.default_tier, TierId)
    }

    /// Moves a call along the table; whether that was allowed. All changes of the state go through here.
    pub(crate) fn step_call(&mut self, id: CallId, on: Trigger) -> bool {
        let from = self.calls.get(&id).map_or(State::Gone, |call| call.state);
        match (table::next(TRANSITIONS, from, on), self.calls.get_mut(&id)) {
            (Some(to), Some(call)) => {
                call.state = to;
                true
            }
            (Some(_) | None, _) => {
                self.broken(format!("call {}: {on:?} in {from:?}", id.0));
                false
            }
        }
    }

    /// Brings the `seeking` set in line with what the call wants now. Call it after every change of it.
    pub(crate) fn refresh_call(&mut self, id: CallId) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let queue = &mut self.queues[call.queue.0 as usize];
        let seeks = call.seeks(&queue.settings);
        if call.seeking == seeks {
            return;
        }
        call.seeking = seeks;
        if seeks {
            queue.seeking.insert(call.rank);
            self.seekers.insert(call.rank);
        } else {
            queue.seeking.remove(&call.rank);
        }
    }

    /// The offers are gone without an answer: the caller waits at the old place, and is offered on at once.
    pub(crate) fn back_to_waiting(&mut self, id: CallId, on: Trigger) {
        if !self.step_call(id, on) {
            return;
        }
        if let Some(call) = self.calls.get_mut(&id) {
            call.waiting_since = self.now;
            let queue = call.queue;
            if self.queues[queue.0 as usize].removed {
                return self.removed_from_under(id);
            }
            self.perhaps_unmanned.insert(queue);
        }
        self.refresh_call(id);
    }

    pub(crate) fn connected(&mut self, id: CallId) {
        let Some(call) = self.calls.get(&id) else { return };
        let (State::Connecting, Some(&offer)) = (call.state, call.offers.first()) else {
            return;
        };
        let Some(offer) = self.close_offer(offer, OfferResult::Answered) else {
            return;
        };
        self.step_call(id, Trigger::Connect);
        let agent = &mut self.agents[offer.agent.0 as usize];
        agent.misses = 0;
        if let Some(engaged) = &mut agent.engaged {
            engaged.offer = None;
        }
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        call.talk = Some(Talk {
            since: self.now,
            agent: offer.agent,
        });
        self.queues[call.queue.0 as usize].waiting -= 1;
        self.events.push(Event::CallConnected {
            call: id,
            agent: offer.agent,
            queue: call.queue,
            tier: call.tier,
            wait: self.now.since(call.joined),
        });
    }

    pub(crate) fn ended(&mut self, id: CallId, by: Party, phone: PhoneState) {
        let Some(call) = self.calls.get(&id) else { return };
        match call.state {
            State::Talking => self.talk_ended(id, by, Some(phone)),
            State::Connecting => {
                let Some(&offer) = call.offers.first() else { return };
                if let Some(offer) = self.offers.get(&offer) {
                    self.set_phone_state(offer.agent, phone);
                }
                match by {
                    Party::Caller => self.departed(id, Departure::HungUp),
                    // Hanging up on the caller before a word is a rejection; the caller keeps the place.
                    Party::Agent => {
                        self.fail_offer(offer, OfferFailure::Rejected);
                        if let Some(call) = self.calls.get(&id) {
                            let music = self.queues[call.queue.0 as usize].music();
                            self.order(id, music);
                        }
                    }
                    Party::System => self.leave(
                        id,
                        Leaving {
                            on: Trigger::Break,
                            outcome: CallOutcome::Error,
                            by,
                            release: Some(Status::Error),
                        },
                    ),
                }
            }
            // Of a connection that was given up meanwhile.
            State::Waiting | State::Ringing | State::Gone => {}
        }
    }

    pub(crate) fn caller_gone(&mut self, id: CallId, how: Departure) {
        match self.calls.get(&id).map(|call| call.state) {
            Some(State::Waiting | State::Ringing | State::Connecting) => self.departed(id, how),
            // The host reports the end of a talk by `Ended`; should it not, nothing may be left behind.
            Some(State::Talking) => self.talk_ended(id, Party::Caller, None),
            Some(State::Gone) | None => {}
        }
    }

    fn talk_ended(&mut self, id: CallId, by: Party, phone: Option<PhoneState>) {
        let Some(talk) = self.calls.get(&id).and_then(|call| call.talk) else {
            return;
        };
        if !self.step_call(id, Trigger::End) {
            return;
        }
        let Some(call) = self.calls.remove(&id) else {
            return;
        };
        self.events.push(Event::CallFinished {
            call: id,
            queue: call.queue,
            tier: call.tier,
            outcome: CallOutcome::Answered,
            agent: Some(talk.agent),
            wait: talk.since.since(call.joined),
            talk: self.now.since(talk.since),
            by,
        });
        match by {
            Party::Caller => {}
            Party::Agent | Party::System => {
                self.order(
                    id,
                    CallAction::Release {
                        status: Status::Answered,
                    },
                );
            }
        }
        if let Some(phone) = phone {
            self.set_phone_state(talk.agent, phone);
        }
        let wrap_up = self.queues[call.queue.0 as usize].settings.wrap_up;
        self.agent_is_free(talk.agent, wrap_up, Idle::Anew);
    }

    fn departed(&mut self, id: CallId, how: Departure) {
        let (outcome, by) = match how {
            Departure::HungUp => (CallOutcome::Abandoned, Party::Caller),
            Departure::Taken => (CallOutcome::Withdrawn, Party::System),
        };
        let leaving = Leaving {
            on: Trigger::HangUp,
            outcome,
            by,
            release: None,
        };
        self.leave(id, leaving);
    }

    fn turn_away(&mut self, id: CallId, outcome: CallOutcome, status: Status) {
        let leaving = Leaving {
            on: Trigger::TurnAway,
            outcome,
            by: Party::System,
            release: Some(status),
        };
        self.leave(id, leaving);
    }

    pub(crate) fn timed_out(&mut self, id: CallId) {
        self.turn_away(id, CallOutcome::Timeout, Status::Timeout);
    }

    pub(crate) fn removed_from_under(&mut self, id: CallId) {
        self.turn_away(id, CallOutcome::Removed, Status::Removed);
    }

    /// Callers of a queue that needs agents leave when the last one has signed out.
    pub(crate) fn leave_if_unmanned(&mut self, queue: QueueId) {
        if !self.queues[queue.0 as usize].is_unmanned() {
            return;
        }
        let seeking: Vec<Rank> = self.queues[queue.0 as usize].seeking.iter().copied().collect();
        for Rank { call, .. } in seeking {
            self.turn_away(call, CallOutcome::NoAgents, Status::NoAgents);
        }
    }

    fn leave(&mut self, id: CallId, leaving: Leaving) {
        if !self.step_call(id, leaving.on) {
            return;
        }
        self.cancel_offers(id, None);
        self.refresh_call(id);
        self.drop_max_wait(id);
        let Some(call) = self.calls.remove(&id) else {
            return;
        };
        self.queues[call.queue.0 as usize].waiting -= 1;
        self.events.push(Event::CallFinished {
            call: id,
            queue: call.queue,
            tier: call.tier,
            outcome: leaving.outcome,
            agent: None,
            wait: self.now.since(call.joined),
            talk: Span::ZERO,
            by: leaving.by,
        });
        if let Some(status) = leaving.release {
            self.order(id, CallAction::Release { status });
        }
    }

    pub(crate) fn drop_max_wait(&mut self, id: CallId) {
        if let Some(at) = self.calls.get(&id).and_then(|call| call.leave_at) {
            self.timers.cancel(at, Timer::MaxWait(id));
        }
    }

    pub(crate) fn restore_max_wait(&mut self, id: CallId) {
        if let Some(at) = self.calls.get(&id).and_then(|call| call.leave_at) {
            self.timers.set(at, Timer::MaxWait(id));
        }
    }

    /// Tells a call's thread what to do.
    pub(crate) fn order(&mut self, call: CallId, action: CallAction) {
        self.actions.push(crate::Action::Call { call, action });
    }
}

impl Call {
    /// Whether it could take (another) agent.
    pub(crate) fn seeks(&self, queue: &crate::config::Queue) -> bool {
        match self.state {
            State::Waiting => true,
            State::Ringing => match queue.strategy {
                crate::config::Strategy::LongestIdle => false,
                crate::config::Strategy::RingAll => self.offers.len() < queue.ring_all_max as usize,
            },
            State::Connecting | State::Talking | State::Gone => false,
        }
    }
}
