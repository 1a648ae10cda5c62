//! Into a queue, and out of it.

use crate::action::{CallAction, Place, Status, Utterance};
use crate::call::{Call, First, Person, State, Trigger};
use crate::config::{Door, Exit, MAX_HOPS, Way};
use crate::engine::Engine;
use crate::event::{CallOutcome, ConsultEnd, Event, RefusedCall};
use crate::explain::Line;
use crate::ids::{CallId, QueueId, TierId};
use crate::input::{Caller, Departure, Party};
use crate::queue::Rank;
use crate::skills::SkillSet;
use crate::time::Span;

/// How a visit to a queue ends without a conversation.
pub(crate) struct Leaving {
    pub(crate) on: Trigger,
    pub(crate) outcome: CallOutcome,
    pub(crate) by: Party,
    /// Where the caller goes; `None` if there is no caller left to go on.
    pub(crate) way: Option<Way>,
}

/// What a caller is told on leaving.
struct Farewell {
    say: Vec<Utterance>,
    retry_in: Option<Span>,
}

impl Engine {
    pub(crate) fn join(&mut self, id: CallId, name: String, caller: Caller) {
        if self.calls.contains(id.0) {
            return self.fault(format!("call {} joined twice", id.0));
        }
        let named = self.queue_ids.get(&name).copied();
        let named = named.filter(|queue| !self.queues[queue.0 as usize].removed);
        let resumed = caller
            .callback
            .filter(|callback| self.callbacks.contains(callback.0));
        let known = match resumed {
            Some(callback) => self.callbacks.get(callback.0).map(|callback| callback.queue),
            None => named,
        };
        let Some(queue) = known else {
            return self.refuse(id, name, RefusedCall::UnknownQueue);
        };
        if self.calls.len() >= self.limits.calls as usize {
            return self.refuse(id, name, RefusedCall::AtLimit);
        }
        let redialled = self.queues[queue.0 as usize]
            .callbacks
            .get(&caller.number)
            .copied();
        let call = self.new_call(id, queue, caller);
        match (resumed, redialled) {
            (Some(callback), _) => self.regain(call, callback, true),
            (None, Some(callback)) => self.regain(call, callback, false),
            (None, None) => {
                self.enter(call, queue);
            }
        }
    }

    pub(crate) fn new_call(&mut self, id: CallId, queue: QueueId, caller: Caller) -> Box<Call> {
        let call = Call {
            id,
            tier: self.tier_of(&caller.tier),
            caller: Person::new(caller),
            arrived: self.now,
            raised: Span::ZERO,
            hops: 0,
            called_back: false,
            queue,
            joined: self.now,
            handicaps: [Span::ZERO; 2],
            rank: Rank::new(self.now, [Span::ZERO; 4], id),
            state: State::Waiting,
            offers: Vec::new(),
            cap: u8::MAX,
            skills: SkillSet::default(),
            impossible: false,
            treatment: None,
            sticky: None,
            seeking: false,
            laned: false,
            in_line: false,
            waiting_since: self.now,
            leave_at: None,
            ruled: self.now,
            predicted: None,
            watch: None,
            care: None,
            alarm: None,
            talk: None,
            pending: None,
            errand: None,
            handed_over: false,
            consult: None,
            consults: None,
            first: First::Own,
        };
        self.boxed(call)
    }

    fn refuse(&mut self, call: CallId, queue: String, reason: RefusedCall) {
        let status = match reason {
            RefusedCall::UnknownQueue => Status::UnknownQueue,
            RefusedCall::AtLimit => Status::Full,
        };
        self.events.push(Event::CallRefused { call, queue, reason });
        self.release(call, status, Place::Onward, Vec::new(), None);
    }

    pub(crate) fn release(
        &mut self,
        call: CallId,
        status: Status,
        to: Place,
        say: Vec<Utterance>,
        retry_in: Option<Span>,
    ) {
        let action = CallAction::Release {
            status,
            to,
            say,
            retry_in,
        };
        self.order(call, action);
    }

    /// Lets a call into a queue if that takes it; otherwise sends it on, from queue to queue if need be.
    pub(crate) fn enter(&mut self, mut call: Box<Call>, mut queue: QueueId) {
        while let Some((outcome, way)) = self.turned_away(call.tier, queue) {
            self.pulses[queue.0 as usize].arrived(self.now);
            (call.queue, call.predicted) = (queue, None);
            let waiting = self.queues[queue.0 as usize].waiting.saturating_add(1);
            self.announce_joined(&call, waiting, 0, None);
            call.joined = self.now;
            call.take_place(self.handicaps(&call));
            let farewell = self.farewell(queue, &way, 0);
            let Some(next) = self.send_on(&mut call, outcome, Party::System, way, farewell) else {
                return self.retire(call);
            };
            queue = next;
        }
        self.admit(call, queue, None);
    }

    /// Why a queue does not take a call, and where it goes.
    pub(crate) fn turned_away(&self, tier: TierId, queue: QueueId) -> Option<(CallOutcome, Way)> {
        let queue = &self.queues[queue.0 as usize];
        let exits = &queue.settings.exits;
        let (outcome, way) = match queue.settings.door {
            Door::Emergency => (CallOutcome::Emergency, &exits.emergency),
            Door::Closed => (CallOutcome::Closed, &exits.closed),
            Door::Open if queue.is_unmanned() => (CallOutcome::NoAgents, &exits.no_agents),
            Door::Open if queue.is_full_for(tier, &self.tiers[usize::from(tier.0)].name) => {
                (CallOutcome::Full, &exits.full)
            }
            Door::Open => return None,
        };
        Some((outcome, way.clone()))
    }

    pub(crate) fn announce_joined(
        &mut self,
        call: &Call,
        waiting: u32,
        position: u32,
        callback: Option<CallId>,
    ) {
        self.events.push(Event::CallJoined {
            call: call.id,
            queue: call.queue,
            tier: call.tier,
            number: call.caller.number.clone(),
            waiting,
            position,
            predicted: call.predicted,
            flag: call.caller.flag().to_owned(),
            attached: call.caller.attached(),
            callback,
        });
    }

    /// Lets a call into a queue.
    pub(crate) fn admit(&mut self, mut call: Box<Call>, queue_id: QueueId, callback: Option<CallId>) {
        let id = call.id;
        self.pulses[queue_id.0 as usize].arrived(self.now);
        let queue = &mut self.queues[queue_id.0 as usize];
        queue.count_waiting(call.tier, true);
        call.queue = queue_id;
        call.joined = self.now;
        call.state = State::Waiting;
        call.cap = queue.settings.level;
        call.treatment = None;
        call.waiting_since = self.now;
        call.ruled = self.now;
        let tier = queue.settings.tier(&self.tiers[usize::from(call.tier.0)].name);
        let longest = tier
            .and_then(|limits| limits.max_wait)
            .or(queue.settings.max_wait);
        call.leave_at = longest.map(|longest| self.now + longest);
        call.watch = crate::watch::Watch::begin(
            crate::event::Limit::Wait {
                call: id,
                queue: queue_id,
            },
            self.now,
            &queue.settings.warn.wait,
        );
        let (waiting, music) = (queue.waiting, queue.music());
        let transfer_wait = queue.settings.transfer_wait;
        call.take_place(self.handicaps(&call));
        call.sticky = match call.first {
            First::Own => self.preferred(queue_id, call.caller.agent(), &call.caller.number, self.now),
            First::Anybody => None,
            First::Agent(agent) => {
                call.first = First::Anybody;
                Some((agent, self.now + transfer_wait))
            }
        };
        if let Some((agent, _)) = call.sticky {
            self.agents[agent.0 as usize].rest.wanted_by.insert(call.rank);
        }
        (call.skills, call.impossible) = self.required_skills(&call);
        let queue = &mut self.queues[queue_id.0 as usize];
        call.in_line = true;
        let ahead = queue.line.insert(call.rank).unwrap_or(0) + queue.owed.before(call.rank);
        let (position, predicted) = self.place_behind(&call, ahead);
        call.predicted = predicted;
        self.announce_joined(&call, waiting, position, callback);
        self.calls.insert(id.0, call);
        if callback.is_some() {
            // It was not asked whether anybody is there.
            self.perhaps_unmanned.insert(queue_id);
        }
        self.order(id, music);
        self.run_rules_at_joining(id);
        self.refresh_call(id);
        self.arm_call(id);
    }

    /// What a caller is told who leaves a queue, as the queue is before that.
    fn farewell(&self, queue: QueueId, way: &Way, itself: usize) -> Farewell {
        Farewell {
            say: self.spoken_on_leaving(queue, &way.say, itself),
            retry_in: self.tail_estimate(queue, itself).map(|estimate| estimate.p50),
        }
    }

    /// Ends a visit, and says where the caller goes: the queue to enter next, if it is one.
    fn send_on(
        &mut self,
        call: &mut Call,
        outcome: CallOutcome,
        by: Party,
        way: Way,
        farewell: Farewell,
    ) -> Option<QueueId> {
        let (mut outcome, mut status, mut to) = (outcome, status_of(outcome), way.to.clone());
        let mut next = None;
        let mut owed = false;
        match way.to {
            Exit::Queue(name) => {
                let known = self.queue_ids.get(&name).copied();
                let open = |queue: &QueueId| !self.queues[queue.0 as usize].removed && call.hops < MAX_HOPS;
                next = known.filter(open);
                match (next, outcome) {
                    (Some(_), CallOutcome::Diverted) => outcome = CallOutcome::Overflowed,
                    (Some(_), _) => {}
                    (None, _) => to = Exit::Onward,
                }
            }
            Exit::Callback if self.can_be_called_back(call) => {
                owed = true;
                status = Status::Callback;
                outcome = match outcome {
                    CallOutcome::Diverted | CallOutcome::Left => CallOutcome::Callback,
                    outcome => outcome,
                };
            }
            Exit::Callback => to = Exit::Onward,
            Exit::Onward | Exit::Place(_) | Exit::Busy => {}
        }
        let place = match &to {
            Exit::Place(place) => Place::There(place.clone()),
            Exit::Busy => Place::Busy,
            Exit::Onward | Exit::Queue(_) | Exit::Callback => Place::Onward,
        };
        self.finish_visit(call, outcome, by, to);
        if next.is_some() {
            call.hops += 1;
            return next;
        }
        if owed {
            self.place_callback(call);
        }
        if call.errand.take().is_some() {
            self.actions
                .push(crate::action::Action::BringBack { call: call.id });
        }
        let retry_in = farewell.retry_in.filter(|_| !owed);
        self.release(call.id, status, place, farewell.say, retry_in);
        None
    }

    fn finish_visit(&mut self, call: &mut Call, outcome: CallOutcome, by: Party, to: Exit) {
        let watch = call.watch.take();
        self.events.extend(watch.and_then(|watch| watch.over(self.now)));
        let note = Line::Finished {
            call: call.id,
            outcome,
        };
        self.record.note(self.now, note);
        self.events.push(Event::CallFinished {
            call: call.id,
            queue: call.queue,
            tier: call.tier,
            outcome,
            agent: None,
            wait: self.now.since(call.joined),
            talk: Span::ZERO,
            hold: Span::ZERO,
            by,
            to,
        });
    }

    /// Ends the visit of a call that was never connected in it.
    pub(crate) fn leave(&mut self, id: CallId, leaving: Leaving) {
        let Some(call) = self.calls.get(id.0) else { return };
        let (queue, itself) = (call.queue, usize::from(call.in_line));
        let going = leaving.way.map(|way| {
            let farewell = self.farewell(queue, &way, itself);
            (way, farewell)
        });
        let Some(mut call) = self.take_out(id, leaving.on) else {
            return;
        };
        let next = match going {
            None => {
                self.finish_visit(&mut call, leaving.outcome, leaving.by, Exit::Onward);
                None
            }
            Some((way, farewell)) => self.send_on(&mut call, leaving.outcome, leaving.by, way, farewell),
        };
        match next {
            Some(next) => self.enter(call, next),
            None => self.retire(call),
        }
    }

    /// Takes a call off all books but the event log.
    fn take_out(&mut self, id: CallId, on: Trigger) -> Option<Box<Call>> {
        if !self.step_call(id, on) {
            return None;
        }
        self.cancel_offers(id, None);
        self.refresh_call(id);
        self.leave_line(id);
        let mut call = self.calls.remove(id.0)?;
        self.timers
            .reset(&mut call.alarm, None, crate::timers::Timer::Call(id));
        if let Some((agent, _)) = call.sticky.take() {
            self.agents[agent.0 as usize].rest.wanted_by.remove(call.rank);
        }
        self.queues[call.queue.0 as usize].count_waiting(call.tier, false);
        Some(call)
    }

    pub(crate) fn caller_gone(&mut self, id: CallId, how: Departure) {
        if self.is_line(id) {
            return self.line_over(id, ConsultEnd::Unreachable, false, None);
        }
        match self.calls.get(id.0).map(|call| call.state) {
            Some(State::Waiting | State::Ringing | State::Connecting) => self.departed(id, how),
            // The host reports the end of a talk by `Ended`; should it not, nothing may be left behind.
            Some(State::Talking) => self.talk_ended(id, Party::Caller, None),
            Some(State::Gone) | None => {}
        }
    }

    pub(crate) fn departed(&mut self, id: CallId, how: Departure) {
        let (outcome, by) = match how {
            Departure::HungUp => (CallOutcome::Abandoned, Party::Caller),
            Departure::Taken => (CallOutcome::Withdrawn, Party::System),
        };
        let leaving = Leaving {
            on: Trigger::HangUp,
            outcome,
            by,
            way: None,
        };
        self.leave(id, leaving);
    }

    pub(crate) fn turn_away(&mut self, id: CallId, outcome: CallOutcome, way: Way) {
        let leaving = Leaving {
            on: Trigger::TurnAway,
            outcome,
            by: Party::System,
            way: Some(way),
        };
        self.leave(id, leaving);
    }

    /// A supervisor puts a waiting call into another queue.
    pub(crate) fn move_to(&mut self, id: CallId, queue: QueueId) {
        let to = Exit::Queue(self.queues[queue.0 as usize].settings.name.clone());
        if let Some(mut call) = self.take_out(id, Trigger::TurnAway) {
            self.finish_visit(&mut call, CallOutcome::Moved, Party::System, to);
            self.enter(call, queue);
        }
    }

    pub(crate) fn removed_from_under(&mut self, id: CallId) {
        if self.is_line(id) {
            return self.line_over(id, ConsultEnd::Away, true, None);
        }
        self.turn_away(id, CallOutcome::Removed, Way::default());
    }

    /// Callers of a queue that needs agents leave when the last one has gone.
    pub(crate) fn leave_if_unmanned(&mut self, queue: QueueId) {
        if !self.queues[queue.0 as usize].is_unmanned() {
            return;
        }
        let way = self.queues[queue.0 as usize].settings.exits.no_agents.clone();
        let idle = |id: &CallId| {
            let call = self.calls.get(id.0);
            call.is_some_and(|call| call.state == State::Waiting)
        };
        let line = self.queues[queue.0 as usize].line.iter().map(|rank| rank.call);
        for call in line.filter(idle).collect::<Vec<_>>() {
            self.turn_away(call, CallOutcome::NoAgents, way.clone());
        }
    }

    /// Everybody who waits in a queue leaves it.
    pub(crate) fn leave_for_emergency(&mut self, queue: QueueId) {
        let way = self.queues[queue.0 as usize].settings.exits.emergency.clone();
        let line: Vec<Rank> = self.queues[queue.0 as usize].line.iter().collect();
        for Rank { call, .. } in line {
            // May have been taken along meanwhile, or be back here by another way.
            if self
                .calls
                .get(call.0)
                .is_some_and(|call| call.queue == queue && call.waits())
            {
                self.turn_away(call, CallOutcome::Emergency, way.clone());
            }
        }
    }
}

/// What the dialplan is told of an outcome.
fn status_of(outcome: CallOutcome) -> Status {
    match outcome {
        CallOutcome::Answered => Status::Answered,
        CallOutcome::Abandoned => Status::Hangup,
        CallOutcome::Withdrawn => Status::Withdrawn,
        CallOutcome::Timeout => Status::Timeout,
        CallOutcome::Full => Status::Full,
        CallOutcome::NoAgents => Status::NoAgents,
        CallOutcome::Removed => Status::Removed,
        CallOutcome::Closed => Status::Closed,
        CallOutcome::Emergency => Status::Emergency,
        CallOutcome::Diverted | CallOutcome::Overflowed | CallOutcome::Moved => Status::Diverted,
        CallOutcome::Left => Status::Left,
        CallOutcome::Callback => Status::Callback,
        CallOutcome::Error => Status::Error,
    }
}
