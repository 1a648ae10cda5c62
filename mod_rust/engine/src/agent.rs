//! An agent: a base state that follows a table, and what lies over it: the supervisor's lock, the phone, the cool-down.

use crate::command::Asked;
use crate::engine::Engine;
use crate::event::{AgentState, AgentView, Forced, NextState};
use crate::ids::{AgentId, CallId, OfferId, QueueId};
use crate::input::{OfferFailure, PhoneState};
use crate::table::{self, Table};
use crate::time::{Span, Time};
use crate::timers::Timer;

/// What an agent does, apart from lock, phone and cool-down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Base {
    SignedOut,
    Ready,
    NotReady,
    Offered,
    /// Also while the leg that answered is being connected.
    OnCall,
    WrapUp,
}

/// What moves an agent from one base state to the next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Trigger {
    SignIn,
    SignOut,
    Pause,
    Resume,
    Offer,
    OfferOver,
    Answer,
    ConnectFailed,
    CallOver,
    WrapUp,
}

#[rustfmt::skip]
pub(crate) const TRANSITIONS: &Table<Base, Trigger> = {
    use Base as B;
    use Trigger as T;
    &[
        (B::SignedOut, T::SignIn,        B::Ready),
        (B::Ready,     T::Offer,         B::Offered),
        (B::Ready,     T::Pause,         B::NotReady),
        (B::Ready,     T::SignOut,       B::SignedOut),
        (B::NotReady,  T::Resume,        B::Ready),
        (B::NotReady,  T::SignOut,       B::SignedOut),
        (B::Offered,   T::OfferOver,     B::Ready),
        (B::Offered,   T::Answer,        B::OnCall),
        (B::OnCall,    T::ConnectFailed, B::Ready),
        (B::OnCall,    T::CallOver,      B::Ready),
        (B::OnCall,    T::WrapUp,        B::WrapUp),
        (B::WrapUp,    T::Resume,        B::Ready),
        (B::WrapUp,    T::Pause,         B::NotReady),
        (B::WrapUp,    T::SignOut,       B::SignedOut),
    ]
};

#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) id: AgentId,
    pub(crate) number: String,
    pub(crate) name: String,
    /// The phone of the settings; may be empty.
    pub(crate) own_phone: String,
    /// The phone bound by signing in; empty while signed out.
    pub(crate) phone: String,
    /// Whether signed in on the own phone, and so moves with it when the settings name another.
    pub(crate) on_own_phone: bool,
    /// The phone the host was told to watch; empty for none.
    pub(crate) watched: String,
    pub(crate) phone_state: PhoneState,
    pub(crate) queues: Vec<QueueId>,
    pub(crate) always_signed_in: bool,
    /// No longer in the settings; signed out, or about to be after the call.
    pub(crate) removed: bool,

    pub(crate) base: Base,
    /// The call offered or talked, while `Offered` or `OnCall`.
    pub(crate) engaged: Option<Engaged>,
    /// When wrap-up ends, while in it.
    pub(crate) wrap_up_until: Option<Time>,
    /// Why not ready or signed out.
    pub(crate) reason: String,
    pub(crate) forced: Option<Forced>,
    /// The command that locked, until it takes effect after the call.
    pub(crate) lock_asked: Option<Asked>,
    pub(crate) next: Option<Next>,
    pub(crate) cool_down: Option<CoolDown>,
    /// Offers missed in a row.
    pub(crate) misses: u32,

    /// Whether the agent stands in the `available` sets of its queues, with `idle_since` as the key.
    pub(crate) available: bool,
    /// When the agent last became available, offers that were taken back without blame not counted.
    pub(crate) idle_since: Time,
    /// When the agent last became available.
    pub(crate) free_since: Time,

    /// What the world was told last.
    pub(crate) published: AgentState,
    pub(crate) since: Time,
}

/// The call an agent is offered or talks in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Engaged {
    pub(crate) call: CallId,
    /// The attempt; `None` once connected.
    pub(crate) offer: Option<OfferId>,
}

/// A state that waits for the end of the call, and who asked for it.
#[derive(Debug)]
pub(crate) struct Next {
    pub(crate) state: NextState,
    pub(crate) asked: Asked,
}

/// No offers for a while after a miss.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct CoolDown {
    pub(crate) until: Time,
    pub(crate) cause: OfferFailure,
}

impl Agent {
    pub(crate) fn new(id: AgentId, number: String, now: Time) -> Agent {
        Agent {
            id,
            number,
            name: String::new(),
            own_phone: String::new(),
            phone: String::new(),
            on_own_phone: false,
            watched: String::new(),
            phone_state: PhoneState::Available,
            queues: Vec::new(),
            always_signed_in: false,
            removed: false,
            base: Base::SignedOut,
            engaged: None,
            wrap_up_until: None,
            reason: String::new(),
            forced: None,
            lock_asked: None,
            next: None,
            cool_down: None,
            misses: 0,
            available: false,
            idle_since: now,
            free_since: now,
            published: AgentState::SignedOut,
            since: now,
        }
    }

    /// Whether a call may be offered.
    pub(crate) fn can_take_a_call(&self) -> bool {
        self.state() == AgentState::Ready
    }

    /// The published state, from the base and what lies over it.
    pub(crate) fn state(&self) -> AgentState {
        match self.base {
            Base::SignedOut => AgentState::SignedOut,
            Base::Offered => AgentState::Offered,
            Base::OnCall => AgentState::OnCall,
            Base::WrapUp => AgentState::WrapUp,
            Base::Ready | Base::NotReady if self.forced.is_some() => AgentState::ForcedBusy,
            Base::NotReady => AgentState::NotReady,
            Base::Ready => match (self.phone_state, self.cool_down) {
                (PhoneState::Available, None) => AgentState::Ready,
                (PhoneState::Busy | PhoneState::Unreachable, _) | (PhoneState::Available, Some(_)) => {
                    AgentState::Unavailable
                }
            },
        }
    }

    fn state_reason(&self) -> String {
        match self.state() {
            AgentState::NotReady | AgentState::SignedOut => self.reason.clone(),
            AgentState::ForcedBusy => self
                .forced
                .as_ref()
                .map(|lock| lock.reason.clone())
                .unwrap_or_default(),
            AgentState::Unavailable => match (self.phone_state, self.cool_down) {
                (PhoneState::Busy, _) => "phone in use".to_owned(),
                (PhoneState::Unreachable, _) => "phone unreachable".to_owned(),
                (PhoneState::Available, Some(cool_down)) => {
                    format!("cool-down: {}", describe(cool_down.cause))
                }
                (PhoneState::Available, None) => String::new(),
            },
            AgentState::Ready | AgentState::Offered | AgentState::OnCall | AgentState::WrapUp => {
                String::new()
            }
        }
    }

    pub(crate) fn view(&self) -> AgentView {
        AgentView {
            agent: self.id,
            number: self.number.clone(),
            name: self.name.clone(),
            phone: self.phone.clone(),
            queues: self.queues.clone(),
            state: self.state(),
            since: self.since,
            reason: self.state_reason(),
            forced: self.forced.clone(),
            next: if self.removed && self.engaged.is_some() {
                Some(NextState::SignedOut {
                    reason: REMOVED.to_owned(),
                })
            } else {
                self.next.as_ref().map(|next| next.state.clone())
            },
            phone_state: self.phone_state,
            call: self.engaged.map(|engaged| engaged.call),
        }
    }
}

/// The reason of an agent signed out because the settings know it no more.
pub(crate) const REMOVED: &str = "removed from the settings";

fn describe(cause: OfferFailure) -> &'static str {
    match cause {
        OfferFailure::Rejected => "rejected a call",
        OfferFailure::Busy => "phone was busy",
        OfferFailure::NoAnswer => "did not answer",
        OfferFailure::Unreachable => "phone was unreachable",
    }
}

/// What becomes of the idle time of an agent who becomes available.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Idle {
    /// It begins now.
    Anew,
    /// It goes on: an offer came and went without blame.
    GoesOn,
}

impl Engine {
    /// Moves an agent along the table. All changes of the base state go through here.
    pub(crate) fn step_agent(&mut self, id: AgentId, on: Trigger) {
        let agent = &mut self.agents[id.0 as usize];
        let from = agent.base;
        let Some(to) = table::next(TRANSITIONS, from, on) else {
            let what = format!("agent {}: {on:?} in {from:?}", agent.number);
            return self.broken(what);
        };
        agent.base = to;
        self.changed.insert(id);
        if let Some(at) = agent.wrap_up_until.take() {
            self.timers.cancel(at, Timer::WrapUp(id));
        }
        let (was_in, is_in) = (from != Base::SignedOut, to != Base::SignedOut);
        if was_in != is_in {
            for queue in &agent.queues {
                let members = &mut self.queues[queue.0 as usize].signed_in;
                if is_in {
                    *members += 1;
                } else {
                    *members -= 1;
                    self.perhaps_unmanned.insert(*queue);
                }
            }
        }
    }

    /// Brings the `available` sets in line with what the agent can do now. Call it after every change of it.
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
            self.freed.insert(id);
        }
        let key = (agent.idle_since, id);
        for queue in &agent.queues {
            let available = &mut self.queues[queue.0 as usize].available;
            if can {
                available.insert(key);
            } else {
                available.remove(&key);
            }
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
            self.changed.insert(id);
        }
    }

    /// An offer failed at the agent's phone: no more of them for a while, or until the agent says so.
    pub(crate) fn count_miss(&mut self, id: AgentId, cause: OfferFailure) {
        let until = self.now + self.misses.cool_down(cause);
        let agent = &mut self.agents[id.0 as usize];
        if let Some(old) = agent.cool_down.replace(CoolDown { until, cause }) {
            self.timers.cancel(old.until, Timer::CoolDown(id));
        }
        self.timers.set(until, Timer::CoolDown(id));
        self.changed.insert(id);
        match cause {
            OfferFailure::NoAnswer | OfferFailure::Rejected => agent.misses = agent.misses.saturating_add(1),
            OfferFailure::Busy | OfferFailure::Unreachable => {}
        }
        if self.misses.not_ready_after > 0 && agent.misses >= self.misses.not_ready_after {
            agent.reason = format!("missed {} calls", agent.misses);
            agent.misses = 0;
            self.step_agent(id, Trigger::Pause);
        }
    }

    pub(crate) fn end_cool_down(&mut self, id: AgentId) {
        let agent = &mut self.agents[id.0 as usize];
        if let Some(cool_down) = agent.cool_down.take() {
            self.timers.cancel(cool_down.until, Timer::CoolDown(id));
            self.changed.insert(id);
        }
    }

    /// What comes after an offer or a call: removal, the state asked for, wrap-up, or the next call.
    pub(crate) fn agent_is_free(&mut self, id: AgentId, wrap_up: Span, idle: Idle) {
        let agent = &mut self.agents[id.0 as usize];
        agent.engaged = None;
        let removed = agent.removed;
        let next = agent.next.take();
        self.end_call_of_agent(id, wrap_up);
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
        if let Some(Next { state, asked }) = next {
            match state {
                NextState::Ready => self.resume(id),
                NextState::NotReady { reason } => self.pause(id, reason),
                NextState::SignedOut { reason } => self.sign_out(id, reason),
            }
            self.done(asked);
        }
        if let Some(asked) = self.agents[id.0 as usize].lock_asked.take() {
            self.done(asked);
        }
        self.follow_own_phone(id);
        self.refresh_agent(id, idle);
    }

    fn end_call_of_agent(&mut self, id: AgentId, wrap_up: Span) {
        if self.agents[id.0 as usize].base != Base::OnCall {
            return;
        }
        if wrap_up == Span::ZERO {
            return self.step_agent(id, Trigger::CallOver);
        }
        self.step_agent(id, Trigger::WrapUp);
        let until = self.now + wrap_up;
        self.agents[id.0 as usize].wrap_up_until = Some(until);
        self.timers.set(until, Timer::WrapUp(id));
    }

    /// To ready from wherever that is possible.
    pub(crate) fn resume(&mut self, id: AgentId) {
        match self.agents[id.0 as usize].base {
            Base::NotReady | Base::WrapUp => {
                self.step_agent(id, Trigger::Resume);
                self.refresh_agent(id, Idle::Anew);
            }
            Base::SignedOut | Base::Ready | Base::Offered | Base::OnCall => {}
        }
    }

    /// To not ready from any state without a call.
    pub(crate) fn pause(&mut self, id: AgentId, reason: String) {
        let agent = &mut self.agents[id.0 as usize];
        if agent.reason != reason {
            agent.reason = reason;
            self.changed.insert(id);
        }
        if agent.base != Base::NotReady {
            self.step_agent(id, Trigger::Pause);
        }
        self.refresh_agent(id, Idle::Anew);
    }

    /// Signs in on a phone that is known to be free.
    pub(crate) fn sign_in(&mut self, id: AgentId, phone: String) {
        self.agents[id.0 as usize].reason.clear();
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
        agent.reason = reason;
        agent.misses = 0;
        self.bind(id, String::new());
        self.refresh_agent(id, Idle::Anew);
    }

    /// Binds a phone, or none, and has the right one watched.
    pub(crate) fn bind(&mut self, id: AgentId, phone: String) {
        let agent = &mut self.agents[id.0 as usize];
        if agent.phone != phone {
            self.phones.remove(&agent.phone);
            if !phone.is_empty() {
                self.phones.insert(phone.clone(), id);
            }
            agent.phone = phone;
            self.changed.insert(id);
        }
        agent.on_own_phone = !agent.phone.is_empty() && agent.phone == agent.own_phone;
        self.watch(id);
    }

    /// Moves an agent without a call from the own phone of former settings to that of the present ones, once it is
    /// free.
    pub(crate) fn follow_own_phone(&mut self, id: AgentId) {
        let agent = &self.agents[id.0 as usize];
        let phone = &agent.own_phone;
        let moved = agent.on_own_phone && agent.engaged.is_none() && agent.phone != *phone;
        if moved && !phone.is_empty() && !self.phones.contains_key(phone) {
            self.bind(id, phone.clone());
        }
    }

    /// Has the host watch the phone in use, or the agent's own while signed out.
    pub(crate) fn watch(&mut self, id: AgentId) {
        let agent = &mut self.agents[id.0 as usize];
        let wanted: &str = match (agent.phone.is_empty(), agent.removed) {
            (false, _) => &agent.phone,
            (true, false) => &agent.own_phone,
            (true, true) => "",
        };
        if agent.watched == wanted {
            return;
        }
        agent.watched = wanted.to_owned();
        self.actions.push(crate::Action::WatchPhone {
            agent: id,
            phone: agent.watched.clone(),
        });
        self.set_phone_state(id, PhoneState::Available);
    }

    /// Lifts the supervisor's lock; whether there was one.
    pub(crate) fn lift_lock(&mut self, id: AgentId) -> bool {
        let agent = &mut self.agents[id.0 as usize];
        let Some(lock) = agent.forced.take() else {
            return false;
        };
        self.changed.insert(id);
        if let Some(until) = lock.until {
            self.timers.cancel(until, Timer::Lock(id));
        }
        if let Some(asked) = agent.lock_asked.take() {
            self.overtaken(asked);
        }
        self.refresh_agent(id, Idle::Anew);
        true
    }
}
