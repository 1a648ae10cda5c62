//! Callers who leave a queue without having talked, and where they go.

use hotline_engine::action::{Place, Status, Utterance};
use hotline_engine::config::{Door, Exit, MAX_HOPS, Way};
use hotline_engine::event::{CallOutcome, Estimate};
use hotline_engine::ids::{CallId, OfferId, QueueId, TierId};
use hotline_engine::input::{Departure, Party};
use hotline_engine::{Action, CallAction, Event, Span};

use super::Model;
use super::call::{Call, Rank, Ring, Stage, Visitor};
use super::callbacks::Owed;

/// Who leaves which queue.
struct Leaver {
    visitor: Visitor,
    queue: usize,
    rank: Rank,
    wait: Span,
}

/// What a way comes to.
enum Goes {
    On(Exit),
    To(usize),
    Owed(Owed),
}

impl Model {
    /// Callers who may not wait on: in each queue in turn, in the order of service.
    pub(super) fn send_away(&mut self) {
        loop {
            let mut left = false;
            for queue in 0..self.queues.len() {
                if self.unmanned(queue) {
                    let way = self.queues[queue].settings.exits.no_agents.clone();
                    left |= self.send_off(queue, Call::idles, CallOutcome::NoAgents, &way);
                }
            }
            if !left {
                break;
            }
        }
    }

    /// There is an emergency: whoever is not connected, or about to be, leaves.
    pub(super) fn evict(&mut self, queue: usize) {
        if self.queues[queue].door == Door::Emergency {
            let way = self.queues[queue].settings.exits.emergency.clone();
            let waits = |call: &Call| call.stage == Stage::Waiting;
            self.send_off(queue, waits, CallOutcome::Emergency, &way);
        }
    }

    fn send_off(&mut self, queue: usize, who: fn(&Call) -> bool, outcome: CallOutcome, way: &Way) -> bool {
        let leave = self.calls.iter().filter(|call| call.queue == queue && who(call));
        let mut leave: Vec<(Rank, u64)> = leave.map(|call| (call.rank(), call.visit)).collect();
        leave.sort_unstable();
        for ((_, id), visit) in &leave {
            if self.call(*id).is_some_and(|call| call.visit == *visit) {
                self.turn_away(*id, outcome, way);
            }
        }
        !leave.is_empty()
    }

    /// The queue gives back a caller who was let in.
    pub(super) fn turn_away(&mut self, id: CallId, outcome: CallOutcome, way: &Way) {
        let Some(call) = self.call(id) else { return };
        let leaver = self.leaver(call);
        let tail = self.tail(leaver.queue, Some(id));
        let say = self.spoken_on_leaving(leaver.queue, tail, &way.say);
        let goes = self.goes(&leaver.visitor, leaver.queue, &way.to);
        self.take_out(id);
        self.go(leaver, outcome, goes, tail, say);
    }

    /// The queue does not let a caller in.
    pub(super) fn turn_away_at_the_door(
        &mut self,
        visitor: Visitor,
        queue: usize,
        outcome: CallOutcome,
        way: &Way,
    ) {
        let tail = self.tail(queue, None);
        let say = self.spoken_on_leaving(queue, tail, &way.say);
        let goes = self.goes(&visitor, queue, &way.to);
        let rank = (visitor.rank_at(self.handicap(visitor.tier, queue)), visitor.id);
        let leaver = Leaver {
            visitor,
            queue,
            rank,
            wait: Span::ZERO,
        };
        self.go(leaver, outcome, goes, tail, say);
    }

    fn leaver(&self, call: &Call) -> Leaver {
        Leaver {
            visitor: call.visitor.clone(),
            queue: call.queue,
            rank: call.rank(),
            wait: self.now.since(call.joined),
        }
    }

    fn goes(&self, visitor: &Visitor, queue: usize, to: &Exit) -> Goes {
        match to {
            Exit::Onward | Exit::Place(_) | Exit::Busy => Goes::On(to.clone()),
            Exit::Queue(name) => match self.queue_named(name) {
                Some(next) if visitor.hops < MAX_HOPS => Goes::To(next),
                Some(_) | None => Goes::On(Exit::Onward),
            },
            Exit::Callback => match self.may_be_owed(visitor, queue) {
                Some(owed) => Goes::Owed(owed),
                None => Goes::On(Exit::Onward),
            },
        }
    }

    fn go(
        &mut self,
        leaver: Leaver,
        outcome: CallOutcome,
        goes: Goes,
        tail: Option<Estimate>,
        say: Vec<Utterance>,
    ) {
        let id = leaver.visitor.id;
        let called_back = match outcome {
            CallOutcome::Diverted | CallOutcome::Left => CallOutcome::Callback,
            other => other,
        };
        let overflowed = if outcome == CallOutcome::Diverted {
            CallOutcome::Overflowed
        } else {
            outcome
        };
        match goes {
            Goes::On(exit) => {
                let place = match &exit {
                    Exit::Place(place) => Place::There(place.clone()),
                    Exit::Busy => Place::Busy,
                    Exit::Onward | Exit::Queue(_) | Exit::Callback => Place::Onward,
                };
                self.visit_over(&leaver, outcome, Party::System, exit);
                self.no_longer_away(&leaver);
                let retry_in = tail.map(|tail| tail.p50);
                self.release(id, status(outcome), place, say, retry_in);
            }
            Goes::To(queue) => {
                let name = self.queues[queue].settings.name.clone();
                self.visit_over(&leaver, overflowed, Party::System, Exit::Queue(name));
                let mut visitor = leaver.visitor;
                visitor.hops += 1;
                self.enter(visitor, queue, None);
            }
            Goes::Owed(owed) => {
                self.visit_over(&leaver, called_back, Party::System, Exit::Callback);
                if owed == Owed::Anew {
                    self.place_callback(&leaver.visitor, leaver.queue, leaver.rank);
                }
                self.no_longer_away(&leaver);
                self.release(id, Status::Callback, Place::Onward, say, None);
            }
        }
    }

    /// Whoever leaves the queue while away is brought back to go on.
    fn no_longer_away(&mut self, leaver: &Leaver) {
        if leaver.visitor.errand.is_some() {
            let call = leaver.visitor.id;
            self.actions.push(Action::BringBack { call });
        }
    }

    fn visit_over(&mut self, leaver: &Leaver, outcome: CallOutcome, by: Party, to: Exit) {
        self.events.push(Event::CallFinished {
            call: leaver.visitor.id,
            queue: QueueId(leaver.queue as u32),
            tier: TierId(leaver.visitor.tier as u8),
            outcome,
            agent: None,
            wait: leaver.wait,
            talk: Span::ZERO,
            hold: Span::ZERO,
            by,
            to,
        });
    }

    /// A caller who was not connected is no longer there.
    pub(super) fn caller_left(&mut self, id: CallId, how: Departure) {
        let (outcome, by) = match how {
            Departure::HungUp => (CallOutcome::Abandoned, Party::Caller),
            Departure::Taken => (CallOutcome::Withdrawn, Party::System),
        };
        let Some(call) = self.call(id) else { return };
        let leaver = self.leaver(call);
        self.take_out(id);
        self.visit_over(&leaver, outcome, by, Exit::Onward);
    }

    /// A supervisor puts a waiting call into another queue.
    pub(super) fn move_call(&mut self, id: CallId, queue: usize) {
        let Some(call) = self.call(id) else { return };
        let leaver = self.leaver(call);
        self.take_out(id);
        let name = self.queues[queue].settings.name.clone();
        self.visit_over(&leaver, CallOutcome::Moved, Party::System, Exit::Queue(name));
        self.enter(leaver.visitor, queue, None);
    }

    /// Off the books, with its offers.
    fn take_out(&mut self, id: CallId) {
        self.take_back_rings(id, None);
        if let Some(at) = self.calls.iter().position(|call| call.id == id) {
            let call = self.calls.remove(at);
            self.events.extend(call.watch.clear(self.now));
        }
    }

    pub(super) fn take_back_rings(&mut self, id: CallId, keep: Option<OfferId>) {
        let Some(call) = self.call_mut(id) else { return };
        let (kept, gone): (Vec<Ring>, Vec<Ring>) =
            call.rings.iter().partition(|ring| Some(ring.offer) == keep);
        call.rings = kept;
        for ring in gone {
            self.tell(id, CallAction::Cancel { offer: ring.offer });
            self.ring_came_and_went(ring.agent);
        }
    }

    pub(super) fn release(
        &mut self,
        call: CallId,
        status: Status,
        to: Place,
        say: Vec<Utterance>,
        retry_in: Option<Span>,
    ) {
        let release = CallAction::Release {
            status,
            to,
            say,
            retry_in,
        };
        self.tell(call, release);
    }
}

/// What the dialplan is told.
fn status(outcome: CallOutcome) -> Status {
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
