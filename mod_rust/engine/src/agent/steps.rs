//! What happens to an agent: steps along the table, the phone, misses, the end of a call, signing in and out.

use std::sync::Arc;

use crate::agent::{Base, CoolDown, Idle, Next, REMOVED, Trigger, next};
use crate::engine::Engine;
use crate::event::NextState;
use crate::ids::{AgentId, CallId, QueueId};
use crate::input::{OfferFailure, PhoneState, TalkState};
use crate::time::Span;
use crate::timers::Timer;

impl Engine {
    /// Moves an agent along the table. All changes of the base state go through here.
    pub(crate) fn step_agent(&mut self, id: AgentId, on: Trigger) {
        let agent = &mut self.agents[id.0 as usize];
        let from = agent.base;
        let Some(to) = next(from, on) else {
            let what = format!("agent {}: {on:?} in {from:?}", agent.number());
            return self.broken(what);
        };
        agent.base = to;
        agent.talk = TalkState::Talking;
        self.agent_changed(id);
        if from == Base::WrapUp {
            self.wrap_up_over(id);
        }
        if from == Base::NotReady {
            self.watch_agent(id, None);
        }
        let (was_in, is_in) = (from != Base::SignedOut, to != Base::SignedOut);
        if was_in != is_in || Base::NotReady == from || Base::NotReady == to {
            self.presence_changes += 1;
        }
        if was_in != is_in {
            if is_in {
                let agent = &mut self.agents[id.0 as usize];
                (agent.calls, agent.talked) = (0, Span::ZERO);
            }
            for at in 0..self.agents[id.0 as usize].members.len() {
                let queue = self.agents[id.0 as usize].members[at].queue;
                let members = &mut self.queues[queue.0 as usize].signed_in;
                if is_in {
                    *members += 1;
                } else {
                    *members -= 1;
                    self.perhaps_unmanned.insert(queue);
                }
            }
        }
        self.refresh_work(id);
    }

    /// Brings what follows from availability in line with what the agent can do now. Call it after every change of it.
    pub(crate) fn refresh_agent(&mut self, id: AgentId, idle: Idle) {
        let agent = &mut self.agents[id.0 as usize];
        let can = agent.can_take_a_call();
        if agent.available == can {
            return;
        }
        agent.available = can;
        if can {
            agent.free_since = self.now;
            match idle {
                Idle::Anew => agent.idle_since = self.now,
                Idle::GoesOn => {}
            }
            self.freed.push(id);
        } else {
            self.unbench(id);
        }
    }

    /// The agent's phone changed apart from our calls.
    pub(crate) fn phone_changed(&mut self, id: AgentId, state: PhoneState) {
        let Some(agent) = self.agents.get_mut(id.0 as usize) else {
            return self.fault(format!("a phone of agent {}, whom nobody knows", id.0));
        };
        // Our own leg makes the phone busy; what it does afterwards is told with the end of the call.
        if agent.engaged.is_some() && state == PhoneState::Busy {
            return;
        }
        self.set_phone_state(id, state);
        self.refresh_agent(id, Idle::Anew);
    }

    pub(crate) fn set_phone_state(&mut self, id: AgentId, state: PhoneState) {
        let agent = &mut self.agents[id.0 as usize];
        if agent.phone_state != state {
            agent.phone_state = state;
            self.agent_changed(id);
        }
    }

    /// An offer failed at the agent's phone: no more of them for a while, or until the agent says so.
    pub(crate) fn count_miss(&mut self, id: AgentId, cause: OfferFailure) {
        let until = self.now + self.misses.cool_down(cause);
        let agent = &mut self.agents[id.0 as usize];
        agent.cool_down = Some(CoolDown { cause });
        self.timers
            .reset(&mut agent.rest.cool_down_alarm, Some(until), Timer::CoolDown(id));
        self.agent_changed(id);
        let agent = &mut self.agents[id.0 as usize];
        match cause {
            OfferFailure::NoAnswer | OfferFailure::Rejected => agent.misses = agent.misses.saturating_add(1),
            OfferFailure::Busy | OfferFailure::Unreachable => {}
        }
        if self.misses.not_ready_after > 0 && agent.misses >= self.misses.not_ready_after {
            agent.rest.reason = format!("missed {} calls", agent.misses);
            agent.misses = 0;
            self.step_agent(id, Trigger::Pause);
            self.watch_not_ready(id);
        }
    }

    pub(crate) fn end_cool_down(&mut self, id: AgentId) {
        let agent = &mut self.agents[id.0 as usize];
        if agent.cool_down.take().is_some() {
            self.timers
                .reset(&mut agent.rest.cool_down_alarm, None, Timer::CoolDown(id));
            self.agent_changed(id);
        }
    }

    /// What comes after an offer or a call: removal, the state asked for, wrap-up, or the next call.
    pub(crate) fn agent_is_free(&mut self, id: AgentId, after: Option<(CallId, QueueId)>, idle: Idle) {
        let agent = &mut self.agents[id.0 as usize];
        agent.engaged = None;
        let removed = agent.removed;
        let next = agent.next.take().map(|next| *next);
        self.end_call_of_agent(id, after);
        if removed {
            self.sign_out(id, REMOVED.to_owned());
            return match next {
                Some(Next {
                    state: NextState::SignedOut { .. },
                    asked,
                }) => self.done(asked),
                Some(Next {
                    state: NextState::Ready | NextState::NotReady { .. },
                    asked,
                }) => self.overtaken(asked),
                None => {}
            };
        }
        match next {
            // The agent must say first what the call was about.
            Some(next) if self.owes_disposition(id) && !next.asked.command.is_forced() => {
                self.agents[id.0 as usize].next = Some(Box::new(next));
            }
            Some(next) => self.enter_next(id, next),
            None => {}
        }
        if let Some(asked) = self.agents[id.0 as usize].rest.lock_asked.take() {
            self.done(*asked);
        }
        self.follow_own_phone(id);
        self.refresh_agent(id, idle);
    }

    /// To not ready from any state without a call.
    pub(crate) fn pause(&mut self, id: AgentId, reason: String) {
        let agent = &mut self.agents[id.0 as usize];
        let other = agent.rest.reason != reason;
        if other {
            agent.rest.reason = reason;
            self.presence_changes += 1;
            self.agent_changed(id);
        }
        let new = self.agents[id.0 as usize].base != Base::NotReady;
        if new {
            self.step_agent(id, Trigger::Pause);
        }
        if new || other {
            self.watch_not_ready(id);
        }
        self.refresh_agent(id, Idle::Anew);
    }

    /// Signs in on a phone that is known to be free.
    pub(crate) fn sign_in(&mut self, id: AgentId, phone: Arc<str>) {
        self.agents[id.0 as usize].rest.reason.clear();
        self.step_agent(id, Trigger::SignIn);
        self.bind(id, phone);
        self.refresh_agent(id, Idle::Anew);
    }

    /// Signs out from any state without a call; lifts whatever lay over it.
    pub(crate) fn sign_out(&mut self, id: AgentId, reason: String) {
        self.step_agent(id, Trigger::SignOut);
        self.lift_lock(id);
        self.end_cool_down(id);
        let agent = &mut self.agents[id.0 as usize];
        agent.rest.reason = reason;
        agent.misses = 0;
        self.bind(id, "".into());
        self.dismiss_followers(id);
        self.refresh_agent(id, Idle::Anew);
    }

    /// Binds a phone, or none, and has the right one watched.
    pub(crate) fn bind(&mut self, id: AgentId, phone: Arc<str>) {
        let agent = &mut self.agents[id.0 as usize];
        if agent.phone != phone {
            self.phones.remove(&agent.phone);
            if !phone.is_empty() {
                self.phones.insert(Arc::clone(&phone), id);
            }
            agent.phone = phone;
            self.presence_changes += 1;
            self.agent_changed(id);
        }
        let agent = &mut self.agents[id.0 as usize];
        let on_own_phone = !agent.phone.is_empty() && agent.phone == agent.own_phone;
        self.presence_changes += u64::from(agent.on_own_phone != on_own_phone);
        agent.on_own_phone = on_own_phone;
        self.watch(id);
    }

    /// Moves an agent without a call from the own phone of former settings to that of the present ones, once it is
    /// free.
    pub(crate) fn follow_own_phone(&mut self, id: AgentId) {
        let agent = &self.agents[id.0 as usize];
        let phone = &agent.own_phone;
        let moved = agent.on_own_phone && agent.engaged.is_none() && agent.phone != *phone;
        if moved && !phone.is_empty() && !self.phones.contains_key(phone) {
            self.bind(id, Arc::clone(phone));
        }
    }

    /// Has the host watch the phone in use, or the agent's own while signed out.
    pub(crate) fn watch(&mut self, id: AgentId) {
        let agent = &mut self.agents[id.0 as usize];
        let wanted: Arc<str> = match (agent.phone.is_empty(), agent.removed) {
            (false, _) => Arc::clone(&agent.phone),
            (true, false) => Arc::clone(&agent.own_phone),
            (true, true) => "".into(),
        };
        if agent.rest.watched == wanted {
            return;
        }
        self.actions.push(crate::Action::WatchPhone {
            agent: id,
            phone: (*wanted).to_owned(),
        });
        agent.rest.watched = wanted;
        self.set_phone_state(id, PhoneState::Available);
    }

    /// Lifts the supervisor's lock; whether there was one.
    pub(crate) fn lift_lock(&mut self, id: AgentId) -> bool {
        let agent = &mut self.agents[id.0 as usize];
        if agent.forced.take().is_none() {
            return false;
        }
        self.standing_changes += 1;
        self.timers
            .reset(&mut agent.rest.lock_alarm, None, Timer::Lock(id));
        if let Some(asked) = agent.rest.lock_asked.take() {
            self.overtaken(*asked);
        }
        self.agent_changed(id);
        self.refresh_work(id);
        self.refresh_agent(id, Idle::Anew);
        true
    }
}
