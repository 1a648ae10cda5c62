//! Callers who join a queue.

use hotline_engine::action::{Place, Status};
use hotline_engine::config::{Door, NeedsAgents, Way};
use hotline_engine::event::{CallOutcome, CallbackOutcome, Limit, RefusedCall};
use hotline_engine::ids::{CallId, QueueId, TierId};
use hotline_engine::input::{Attached, Caller};
use hotline_engine::{CallAction, Event, Span, Time};

use super::Model;
use super::call::{Call, Stage, Visitor};
use super::callbacks::Callback;
use super::watch::Watch;

impl Model {
    pub(super) fn join(&mut self, id: CallId, name: &str, caller: &Caller) {
        if self.call(id).is_some() {
            return;
        }
        let answered = self
            .callbacks
            .iter()
            .position(|callback| Some(callback.id) == caller.callback);
        let named = self.queue_named(name);
        if answered.is_none() && named.is_none() {
            return self.refuse(id, name, RefusedCall::UnknownQueue, Status::UnknownQueue);
        }
        if self.calls.len() >= self.config.limits.calls as usize {
            return self.refuse(id, name, RefusedCall::AtLimit, Status::Full);
        }
        if let Some(at) = answered {
            return self.resume(id, caller, at, CallbackOutcome::Resumed(id));
        }
        let Some(queue) = named else { return };
        let same = |callback: &Callback| callback.queue == queue && callback.number == caller.number;
        let owed = self.callbacks.iter().position(same);
        if let Some(at) = owed.filter(|_| !caller.number.is_empty()) {
            self.stop_dialling(at);
            return self.resume(id, caller, at, CallbackOutcome::Redialled(id));
        }
        let visitor = Visitor {
            id,
            caller: caller.clone(),
            tier: self.tier_named(&caller.tier),
            arrived: self.now,
            raised: Span::ZERO,
            hops: 0,
            called_back: false,
            sent: false,
            keeps_place: false,
            errand: None,
        };
        self.enter(visitor, queue, None);
    }

    fn refuse(&mut self, call: CallId, queue: &str, reason: RefusedCall, status: Status) {
        self.events.push(Event::CallRefused {
            call,
            queue: queue.to_owned(),
            reason,
        });
        self.release(call, status, Place::Onward, vec![], None);
    }

    pub(super) fn tier_named(&self, name: &str) -> usize {
        let present = |name: &str| self.config.tiers.iter().any(|tier| tier.name == name);
        let name = if present(name) {
            name
        } else {
            &self.config.tiers[0].name
        };
        let known = self.tiers.iter().position(|tier| tier.name == name);
        known.unwrap_or_default()
    }

    /// The caller has the place of the callback back.
    fn resume(&mut self, id: CallId, caller: &Caller, at: usize, how: CallbackOutcome) {
        let callback = self.callbacks.remove(at);
        self.callback_ended(&callback, how);
        let visitor = Visitor {
            id,
            hops: 0,
            sent: false,
            keeps_place: false,
            errand: None,
            called_back: matches!(how, CallbackOutcome::Resumed(_)),
            caller: Caller {
                attached: if caller.attached == Attached::default() {
                    callback.visitor.caller.attached.clone()
                } else {
                    caller.attached.clone()
                },
                number: caller.number.clone(),
                flag: caller.flag.clone(),
                ..callback.visitor.caller
            },
            ..callback.visitor
        };
        let queue = callback.queue;
        self.enter(visitor, queue, Some(callback.id));
        // Nobody waits behind that door, whatever the way in.
        let settings = &self.queues[queue];
        let closed = settings.door == Door::Emergency;
        let way = settings.settings.exits.emergency.clone();
        if closed && self.call(id).is_some_and(|call| call.queue == queue) {
            self.turn_away(id, CallOutcome::Emergency, &way);
        }
    }

    /// A visit begins. With `callback` it needs no admission.
    pub(super) fn enter(&mut self, visitor: Visitor, queue: usize, callback: Option<CallId>) {
        let own = self.own_agent(&visitor, queue);
        self.enter_for(visitor, queue, callback, own);
    }

    /// The same, for that agent at first. Who is sent to one needs no admission either.
    pub(super) fn enter_for(
        &mut self,
        mut visitor: Visitor,
        queue: usize,
        callback: Option<CallId>,
        first: Option<(usize, Time)>,
    ) {
        self.count_arrival(queue);
        let kept = std::mem::take(&mut visitor.keeps_place) && self.queues[queue].door != Door::Emergency;
        let turned_away = if callback.is_some() || kept || visitor.sent && first.is_some() {
            None
        } else {
            self.admission(&visitor, queue)
        };
        let id = visitor.id;
        let mut joined = Event::CallJoined {
            call: id,
            queue: QueueId(queue as u32),
            tier: TierId(visitor.tier as u8),
            number: visitor.caller.number.clone(),
            waiting: self.waiting(queue) as u32 + 1,
            position: 0,
            predicted: None,
            flag: visitor.caller.flag.clone(),
            attached: visitor.caller.attached.clone(),
            callback,
        };
        if let Some((outcome, way)) = turned_away {
            self.events.push(joined);
            return self.turn_away_at_the_door(visitor, queue, outcome, &way);
        }
        self.begin_visit(visitor, queue, first);
        let (place, wait) = (self.position(id), self.estimate(id));
        if let Event::CallJoined {
            position, predicted, ..
        } = &mut joined
        {
            (*position, *predicted) = (place, wait);
        }
        if let Some(call) = self.call_mut(id) {
            call.predicted = wait;
        }
        self.events.push(joined);
        self.music(id);
        self.run_first_rules(id);
    }

    fn begin_visit(&mut self, visitor: Visitor, queue: usize, first: Option<(usize, Time)>) {
        self.visits_made += 1;
        let id = visitor.id;
        let settings = &self.queues[queue].settings;
        let limits = self.tier_limits(visitor.tier, queue);
        let longest = limits.and_then(|limits| limits.max_wait).or(settings.max_wait);
        let limit = Limit::Wait {
            call: id,
            queue: QueueId(queue as u32),
        };
        let call = Call {
            id,
            visit: self.visits_made,
            queue,
            handicap: self.handicap(visitor.tier, queue),
            joined: self.now,
            cap: settings.level,
            dropped: vec![],
            also: vec![],
            sticky: first,
            menu: None,
            ruled: self.now,
            leave_at: longest.map(|longest| self.now + longest),
            watch: Watch::new(limit, self.now, &settings.warn.wait),
            predicted: None,
            told_position: None,
            told_wait: None,
            stage: Stage::Waiting,
            rings: vec![],
            talk: None,
            held: None,
            handed: false,
            visitor,
        };
        self.calls.push(call);
    }

    /// Why a caller may not join, and where to then.
    pub(super) fn admission(&self, visitor: &Visitor, queue: usize) -> Option<(CallOutcome, Way)> {
        let settings = &self.queues[queue].settings;
        let exits = &settings.exits;
        match self.queues[queue].door {
            Door::Emergency => return Some((CallOutcome::Emergency, exits.emergency.clone())),
            Door::Closed => return Some((CallOutcome::Closed, exits.closed.clone())),
            Door::Open => {}
        }
        if self.unmanned(queue) {
            return Some((CallOutcome::NoAgents, exits.no_agents.clone()));
        }
        let of_tier = |call: &&Call| call.queue == queue && call.visitor.tier == visitor.tier;
        let not_connected = |call: &&Call| call.stage != Stage::Talking;
        let same = self.calls.iter().filter(of_tier).filter(not_connected).count();
        let most = self
            .tier_limits(visitor.tier, queue)
            .and_then(|limits| limits.max_waiting);
        let full = self.waiting(queue) >= settings.max_waiting as usize;
        if full || most.is_some_and(|most| same >= most as usize) {
            return Some((CallOutcome::Full, exits.full.clone()));
        }
        None
    }

    /// Calls of a queue that are not connected yet.
    pub(super) fn waiting(&self, queue: usize) -> usize {
        let waits = |call: &&Call| call.queue == queue && call.stage != Stage::Talking;
        self.calls.iter().filter(waits).count()
    }

    /// Whether the queue's callers may not wait for want of agents.
    pub(super) fn unmanned(&self, queue: usize) -> bool {
        let settings = &self.queues[queue].settings;
        let mut members = self.agents.iter().filter(|agent| agent.serves(&settings.name));
        match settings.needs_agents {
            NeedsAgents::None => false,
            NeedsAgents::SignedIn => !members.any(|agent| agent.signed_in()),
            NeedsAgents::AtWork => !members.any(|agent| agent.at_work()),
        }
    }

    /// The agent who is to have the call at first, and until when.
    fn own_agent(&self, visitor: &Visitor, queue: usize) -> Option<(usize, Time)> {
        let caller = &visitor.caller;
        let sticky = self.queues[queue].settings.sticky;
        if sticky.0 == 0 || visitor.sent {
            return None;
        }
        let own = if caller.agent.is_empty() {
            let mut of_number = self
                .remembered
                .iter()
                .filter(|(number, _)| *number == caller.number);
            of_number.next().map(|(_, agent)| *agent)
        } else {
            self.agent_numbered(&caller.agent)
        };
        own.filter(|at| self.sticks(*at, queue))
            .map(|at| (at, self.now + sticky))
    }

    /// Whether a caller of the queue may be kept for that agent.
    pub(super) fn sticks(&self, at: usize, queue: usize) -> bool {
        let agent = &self.agents[at];
        !agent.removed && agent.at_work() && agent.serves(&self.queues[queue].settings.name)
    }

    pub(super) fn music(&mut self, id: CallId) {
        if let Some(call) = self.call(id) {
            let settings = &self.queues[call.queue].settings;
            let (class, after) = (settings.music.clone(), settings.music_after);
            self.tell(id, CallAction::Music { class, after });
        }
    }
}
