//! Callers who are called back.

use hotline_engine::action::Refusal;
use hotline_engine::config::Door;
use hotline_engine::event::CallbackOutcome;
use hotline_engine::ids::{CallId, QueueId, TierId};
use hotline_engine::{Action, Event, Span, Time};

use super::Model;
use super::call::{Rank, Visitor};

/// How long the host may take on top of the ring time.
const GRACE: Span = Span::seconds(15);

#[derive(Debug)]
pub(super) struct Callback {
    /// The call it came from.
    pub(super) id: CallId,
    pub(super) queue: usize,
    pub(super) number: String,
    pub(super) visitor: Visitor,
    pub(super) rank: Rank,
    pub(super) placed: Time,
    pub(super) expires_at: Time,
    pub(super) attempts: u32,
    pub(super) state: State,
    pub(super) restored: bool,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum State {
    Due,
    Dialling(Time),
    Pausing(Time),
}

/// How a caller comes to be owed a call.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Owed {
    Anew,
    /// One of the same number is already owed one.
    Already,
}

impl Callback {
    /// When it has to be looked at.
    pub(super) fn due(&self) -> Time {
        match self.state {
            State::Due => self.expires_at,
            // While being dialled it does not expire.
            State::Dialling(until) => until,
            State::Pausing(until) => until.min(self.expires_at),
        }
    }

    pub(super) fn counts(&self) -> bool {
        match self.state {
            State::Due | State::Dialling(_) => true,
            State::Pausing(_) => false,
        }
    }
}

impl Model {
    pub(super) fn may_be_owed(&self, visitor: &Visitor, queue: usize) -> Option<Owed> {
        let most = self.queues[queue].settings.callback.max as usize;
        let number = &visitor.caller.number;
        if most == 0 || number.is_empty() {
            return None;
        }
        let owed = self.callbacks.iter().filter(|callback| callback.queue == queue);
        if owed.clone().any(|callback| callback.number == *number) {
            return Some(Owed::Already);
        }
        (owed.count() < most).then_some(Owed::Anew)
    }

    pub(super) fn place_callback(&mut self, visitor: &Visitor, queue: usize, rank: Rank) {
        let id = visitor.id;
        self.callbacks.push(Callback {
            id,
            queue,
            number: visitor.caller.number.clone(),
            visitor: visitor.clone(),
            rank,
            placed: self.now,
            expires_at: self.now + self.queues[queue].settings.callback.expires,
            attempts: 0,
            state: State::Due,
            restored: false,
        });
        self.events.push(Event::CallbackPlaced {
            callback: id,
            queue: QueueId(queue as u32),
            tier: TierId(visitor.tier as u8),
            number: visitor.caller.number.clone(),
            position: self.position_of_callback(id),
        });
    }

    /// What was owed before the host began is owed again.
    pub(super) fn owe_again(
        &mut self,
        id: CallId,
        before: &str,
        owed: &hotline_engine::Owed,
    ) -> Result<(), Refusal> {
        let present = |queue: &super::Queue| !queue.removed && queue.settings.name == owed.queue;
        let queue = self.queues.iter().position(present);
        let queue = queue.ok_or(Refusal::UnknownQueue)?;
        let number = &owed.caller.number;
        if number.is_empty() {
            return Err(Refusal::OutOfRange);
        }
        let mut of_queue = self.callbacks.iter().filter(|callback| callback.queue == queue);
        let settings = &self.queues[queue].settings.callback;
        let (full, most) = (
            of_queue.clone().count() >= settings.max as usize,
            settings.attempts,
        );
        let twice = self.callbacks.iter().any(|callback| callback.id == id);
        if twice || of_queue.any(|callback| callback.number == *number) {
            return Err(Refusal::NothingToDo);
        }
        if full {
            return Err(Refusal::AtLimit);
        }
        let tier = self.tier_named(&owed.caller.tier);
        let pauses = owed.retry_at.filter(|at| *at > self.now);
        self.callbacks.push(Callback {
            id,
            queue,
            number: number.clone(),
            visitor: Visitor {
                id,
                caller: owed.caller.clone(),
                tier,
                arrived: owed.arrived,
                raised: owed.raised,
                hops: 0,
                called_back: false,
                sent: false,
                keeps_place: false,
                errand: None,
            },
            rank: (i128::from(owed.arrived.0) - i128::from(owed.worth.0), id),
            placed: owed.placed,
            expires_at: owed.expires,
            attempts: owed.attempts,
            state: pauses.map_or(State::Due, State::Pausing),
            restored: true,
        });
        self.events.push(Event::CallbackRestored {
            callback: id,
            before: before.to_owned(),
            queue: QueueId(queue as u32),
            tier: TierId(tier as u8),
            number: number.clone(),
            position: self.position_of_callback(id),
            placed: owed.placed,
            attempts: owed.attempts,
        });
        let at = self.callbacks.len() - 1;
        if self.now >= owed.expires {
            self.end_callback(at, CallbackOutcome::Expired);
        } else if owed.attempts > most {
            self.end_callback(at, CallbackOutcome::Failed);
        }
        Ok(())
    }

    /// Calls back whose turn is near.
    pub(super) fn dial_callbacks(&mut self) {
        for queue in 0..self.queues.len() {
            let mut due: Vec<(Rank, CallId)> = self
                .callbacks
                .iter()
                .filter(|callback| callback.queue == queue && callback.state == State::Due)
                .map(|callback| (callback.rank, callback.id))
                .collect();
            due.sort_unstable();
            for (rank, id) in due {
                if self.is_near(queue, rank) {
                    self.dial(id);
                }
            }
        }
    }

    fn is_near(&self, queue: usize, rank: Rank) -> bool {
        let Some(known) = self.queues.get(queue) else {
            return false;
        };
        let works = |agent: &super::Agent| agent.at_work() && agent.serves(&known.settings.name);
        let reached = self.ahead_of(queue, rank) <= known.settings.callback.ahead as usize;
        reached && !known.removed && known.door != Door::Emergency && self.agents.iter().any(works)
    }

    fn dial(&mut self, id: CallId) {
        let now = self.now;
        let Some(callback) = self.callbacks.iter_mut().find(|callback| callback.id == id) else {
            return;
        };
        let queue = &self.queues[callback.queue].settings;
        callback.attempts += 1;
        callback.state = State::Dialling(now + queue.callback.ring_time + GRACE);
        self.actions.push(Action::CallBack {
            callback: id,
            attempt: callback.attempts,
            dial: queue.callback.dial.replace("{number}", &callback.number),
            number: callback.number.clone(),
            queue: queue.name.clone(),
        });
        self.events.push(Event::CallbackDialled {
            callback: id,
            queue: QueueId(callback.queue as u32),
            attempt: callback.attempts,
        });
    }

    pub(super) fn callback_failed(&mut self, id: CallId) {
        if let Some(at) = self.callbacks.iter().position(|callback| callback.id == id)
            && matches!(self.callbacks[at].state, State::Dialling(_))
        {
            self.callback_missed(at);
        }
    }

    fn callback_missed(&mut self, at: usize) {
        let callback = &self.callbacks[at];
        let settings = &self.queues[callback.queue].settings.callback;
        let (most, pause) = (settings.attempts, settings.retry_after);
        self.events.push(Event::CallbackMissed {
            callback: callback.id,
            queue: QueueId(callback.queue as u32),
            attempt: callback.attempts,
        });
        if callback.attempts >= most {
            self.end_callback(at, CallbackOutcome::Failed);
        } else {
            self.callbacks[at].state = State::Pausing(self.now + pause);
        }
    }

    pub(super) fn callback_due(&mut self, id: CallId) {
        let Some(at) = self.callbacks.iter().position(|callback| callback.id == id) else {
            return;
        };
        let expired = self.now >= self.callbacks[at].expires_at;
        match self.callbacks[at].state {
            State::Dialling(_) => {
                self.stop_dialling(at);
                self.callback_missed(at);
            }
            State::Due | State::Pausing(_) if expired => self.end_callback(at, CallbackOutcome::Expired),
            State::Pausing(_) => self.callbacks[at].state = State::Due,
            State::Due => {}
        }
    }

    /// Tells the host to stop, if it is calling.
    pub(super) fn stop_dialling(&mut self, at: usize) {
        let Some(callback) = self.callbacks.get(at) else {
            return;
        };
        match callback.state {
            State::Dialling(_) => {
                let callback = callback.id;
                self.actions.push(Action::CancelCallBack { callback });
            }
            State::Due | State::Pausing(_) => {}
        }
    }

    pub(super) fn end_callback(&mut self, at: usize, how: CallbackOutcome) {
        let callback = self.callbacks.remove(at);
        self.callback_ended(&callback, how);
    }

    pub(super) fn callback_ended(&mut self, callback: &Callback, outcome: CallbackOutcome) {
        self.events.push(Event::CallbackEnded {
            callback: callback.id,
            queue: QueueId(callback.queue as u32),
            tier: TierId(callback.visitor.tier as u8),
            outcome,
            after: self.now.since(callback.placed),
        });
    }

    /// All callbacks of a queue that is no more.
    pub(super) fn forget_callbacks(&mut self, queue: usize) {
        let of_queue = self.callbacks.iter().filter(|callback| callback.queue == queue);
        let mut gone: Vec<(Rank, CallId)> = of_queue.map(|callback| (callback.rank, callback.id)).collect();
        gone.sort_unstable();
        for (_, id) in gone {
            if let Some(at) = self.callbacks.iter().position(|callback| callback.id == id) {
                self.stop_dialling(at);
                self.end_callback(at, CallbackOutcome::Removed);
            }
        }
    }
}
