//! Callbacks (virtual hold): callers who hung up and keep their place.

use crate::action::Action;
use crate::call::{Call, Person};
use crate::config::Door;
use crate::engine::Engine;
use crate::event::{CallOutcome, CallbackOutcome, Event};
use crate::ids::{CallId, QueueId, TierId};
use crate::queue::Rank;
use crate::time::{Span, Time};
use crate::timers::{Alarm, Timer};

/// How much longer than it is tried the host may take to say what became of it.
const GRACE: Span = Span::seconds(15);

/// The longest number that is called back, in bytes.
const LONGEST_NUMBER: usize = 40;

/// Whether a number can be called back: whether it may stand in a dial string. Callers write their own: with a `/`, `@` or `&` in it, it would dial elsewhere.
pub fn is_dialable(number: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '*' | '#' | '.' | '_' | '-');
    !number.is_empty() && number.len() <= LONGEST_NUMBER && number.chars().all(plain)
}

/// A call that is owed.
#[derive(Debug)]
pub(crate) struct Callback {
    pub(crate) queue: QueueId,
    pub(crate) tier: TierId,
    pub(crate) caller: Person,
    pub(crate) arrived: Time,
    pub(crate) raised: Span,
    pub(crate) rank: Rank,
    pub(crate) placed: Time,
    pub(crate) expires: Time,
    pub(crate) attempts: u32,
    pub(crate) stage: Stage,
    /// It was owed before the host began.
    pub(crate) restored: bool,
    pub(crate) alarm: Option<Alarm>,
}

/// What is done about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stage {
    /// Its turn has not come.
    Due,
    /// The host calls; until then it should have said what became of it.
    Dialling(Time),
    /// Missed; tried again then.
    Pausing(Time),
}

impl Callback {
    /// When something is to be done by itself.
    pub(crate) fn due_at(&self) -> Time {
        match self.stage {
            Stage::Due => self.expires,
            // Who is being called is not given up meanwhile.
            Stage::Dialling(until) => until,
            Stage::Pausing(until) => until.min(self.expires),
        }
    }

    /// Whether it has a place in the line now.
    pub(crate) fn in_line(&self) -> bool {
        match self.stage {
            Stage::Due | Stage::Dialling(_) => true,
            Stage::Pausing(_) => false,
        }
    }
}

impl Engine {
    /// Whether a caller of that call's queue would be called back.
    pub(crate) fn can_be_called_back(&self, call: &Call) -> bool {
        let queue = &self.queues[call.queue.0 as usize];
        let number = &call.caller.number;
        let room = || queue.callbacks.len() < queue.settings.callback.max as usize;
        queue.settings.callback.max > 0
            && is_dialable(number)
            && !queue.removed
            && (queue.callbacks.contains_key(number) || room())
    }

    /// Keeps the place of a caller who leaves. Whoever is owed a call already is owed it once.
    pub(crate) fn place_callback(&mut self, call: &Call) {
        let queue = &mut self.queues[call.queue.0 as usize];
        let number = &call.caller.number;
        if queue.callbacks.contains_key(number) {
            return;
        }
        self.standing_changes += 1;
        queue.callbacks.insert(number.clone(), call.id);
        let position = queue.place_behind(call.rank);
        queue.owed.insert(call.rank);
        let expires = self.now + queue.settings.callback.expires;
        self.callbacks.insert(
            call.id.0,
            Callback {
                queue: call.queue,
                tier: call.tier,
                caller: call.caller.clone(),
                arrived: call.arrived,
                raised: call.raised,
                rank: call.rank,
                placed: self.now,
                expires,
                attempts: 0,
                stage: Stage::Due,
                restored: false,
                alarm: Some(self.timers.set(expires, Timer::Callback(call.id))),
            },
        );
        self.perhaps_near.insert(call.queue);
        self.events.push(Event::CallbackPlaced {
            callback: call.id,
            queue: call.queue,
            tier: call.tier,
            number: number.clone(),
            position,
        });
    }

    /// A caller takes the place of a callback: called back, or having called again.
    pub(crate) fn regain(&mut self, mut call: Box<Call>, id: CallId, called_back: bool) {
        let outcome = if called_back {
            CallbackOutcome::Resumed(call.id)
        } else {
            CallbackOutcome::Redialled(call.id)
        };
        let Some(callback) = self.end_callback(id, outcome, !called_back) else {
            return;
        };
        (call.tier, call.arrived, call.raised) = (callback.tier, callback.arrived, callback.raised);
        call.called_back = called_back;
        call.caller = call.caller.like(&callback.caller);
        let (back, queue) = (call.id, callback.queue);
        self.admit(call, queue, Some(id));
        // No admission was asked for, but nobody waits behind that door.
        let settings = &self.queues[queue.0 as usize].settings;
        let here = self.calls.get(back.0).is_some_and(|call| call.queue == queue);
        if settings.door == Door::Emergency && here {
            let way = settings.exits.emergency.clone();
            self.turn_away(back, CallOutcome::Emergency, way);
        }
    }

    /// Calls those of a queue whose turn is near.
    pub(crate) fn dial_near(&mut self, queue_id: QueueId) {
        let queue = &self.queues[queue_id.0 as usize];
        let may = queue.at_work > 0 && queue.settings.door != Door::Emergency && !queue.removed;
        if queue.owed.is_empty() || !may {
            return;
        }
        let most = queue.settings.callback.ahead as usize;
        let near = queue.owed.iter().zip(0..);
        let near = near.take_while(|(rank, owed_ahead)| queue.line.before(*rank) + owed_ahead <= most);
        let due = |(rank, _): (Rank, usize)| {
            let callback = self.callbacks.get(rank.call.0)?;
            (callback.stage == Stage::Due).then_some(rank.call)
        };
        for id in near.filter_map(due).collect::<Vec<CallId>>() {
            self.dial(id);
        }
    }

    fn dial(&mut self, id: CallId) {
        let Some(callback) = self.callbacks.get_mut(id.0) else {
            return;
        };
        let queue = &self.queues[callback.queue.0 as usize];
        let settings = &queue.settings.callback;
        self.standing_changes += 1;
        callback.attempts = callback.attempts.saturating_add(1);
        callback.stage = Stage::Dialling(self.now + settings.ring_time + GRACE);
        let at = callback.due_at();
        self.timers
            .reset(&mut callback.alarm, Some(at), Timer::Callback(id));
        self.actions.push(Action::CallBack {
            callback: id,
            attempt: callback.attempts,
            dial: settings.dial.replace("{number}", &callback.caller.number),
            number: callback.caller.number.clone(),
            queue: queue.settings.name.clone(),
        });
        self.events.push(Event::CallbackDialled {
            callback: id,
            queue: callback.queue,
            attempt: callback.attempts,
        });
    }

    pub(crate) fn callback_failed(&mut self, id: CallId) {
        let dialling = |callback: &&Callback| matches!(callback.stage, Stage::Dialling(_));
        if self.callbacks.get(id.0).filter(dialling).is_some() {
            self.callback_missed(id);
        }
    }

    /// An attempt came to nothing.
    fn callback_missed(&mut self, id: CallId) {
        let Some(callback) = self.callbacks.get_mut(id.0) else {
            return;
        };
        let queue = &mut self.queues[callback.queue.0 as usize];
        self.events.push(Event::CallbackMissed {
            callback: id,
            queue: callback.queue,
            attempt: callback.attempts,
        });
        if callback.attempts >= queue.settings.callback.attempts {
            self.end_callback(id, CallbackOutcome::Failed, false);
            return;
        }
        self.standing_changes += 1;
        queue.owed.remove(callback.rank);
        callback.stage = Stage::Pausing(self.now + queue.settings.callback.retry_after);
        self.perhaps_near.insert(callback.queue);
        let at = callback.due_at();
        self.timers
            .reset(&mut callback.alarm, Some(at), Timer::Callback(id));
    }

    /// Something is due for a callback.
    pub(crate) fn callback_is_due(&mut self, id: CallId) {
        let Some(callback) = self.callbacks.get_mut(id.0) else {
            return;
        };
        match callback.stage {
            Stage::Dialling(_) => {
                self.actions.push(Action::CancelCallBack { callback: id });
                self.callback_missed(id);
            }
            Stage::Due | Stage::Pausing(_) if self.now >= callback.expires => {
                self.end_callback(id, CallbackOutcome::Expired, false);
            }
            Stage::Due | Stage::Pausing(_) => {
                callback.stage = Stage::Due;
                self.queues[callback.queue.0 as usize].owed.insert(callback.rank);
                self.perhaps_near.insert(callback.queue);
                let at = callback.due_at();
                self.timers
                    .reset(&mut callback.alarm, Some(at), Timer::Callback(id));
            }
        }
    }

    /// Ends a callback; one that is being dialled is called off if `call_off` says so.
    pub(crate) fn end_callback(
        &mut self,
        id: CallId,
        outcome: CallbackOutcome,
        call_off: bool,
    ) -> Option<Callback> {
        let mut callback = self.callbacks.remove(id.0)?;
        self.standing_changes += 1;
        self.timers.reset(&mut callback.alarm, None, Timer::Callback(id));
        let queue = &mut self.queues[callback.queue.0 as usize];
        queue.owed.remove(callback.rank);
        queue.callbacks.remove(&callback.caller.number);
        self.perhaps_near.insert(callback.queue);
        if call_off && matches!(callback.stage, Stage::Dialling(_)) {
            self.actions.push(Action::CancelCallBack { callback: id });
        }
        self.events.push(Event::CallbackEnded {
            callback: id,
            queue: callback.queue,
            tier: callback.tier,
            outcome,
            after: self.now.since(callback.placed),
        });
        Some(callback)
    }

    /// The queue is gone, and with it what it owes.
    pub(crate) fn forget_callbacks(&mut self, queue: QueueId) {
        let owed = self.queues[queue.0 as usize].callbacks.values();
        let rank = |id: &CallId| self.callbacks.get(id.0).map(|callback| callback.rank);
        let mut owed: Vec<Rank> = owed.filter_map(rank).collect();
        owed.sort_unstable();
        for rank in owed {
            self.end_callback(rank.call, CallbackOutcome::Removed, true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_caller_writes_into_the_number_is_not_dialled() {
        for number in ["13800000001", "+8613800000001", "*51", "alice.b-2"] {
            assert!(is_dialable(number), "{number}");
        }
        for number in ["", "1@evil", "1/n", "1&SIP/2", "1,2", "1 2", "1\n", "é"] {
            assert!(!is_dialable(number), "{number}");
        }
        assert!(!is_dialable(&"1".repeat(LONGEST_NUMBER + 1)));
    }
}
