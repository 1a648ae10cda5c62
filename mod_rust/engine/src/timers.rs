//! All deadlines in one structure: thousands cost nothing while they wait, and each is cancelled by its place.
//!
//! Those of the next seconds form a heap, with the next one at its top. Those later lie unsorted in windows of a few seconds
//! each, where setting and cancelling cost the same however many there are: nearly all deadlines are cancelled long
//! before they are due. A window is poured into the heap when the heap has run dry or the time has come.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::ids::{AgentId, CallId, OfferId};
use crate::time::Time;

/// What becomes due. Of those due at once, in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Timer {
    /// Something on a call's agenda.
    Call(CallId),
    /// A phone has rung long enough.
    Ring(OfferId),
    /// After-call work is over.
    WrapUp(AgentId),
    /// The cool-down after a miss is over.
    CoolDown(AgentId),
    /// A supervisor's lock expires.
    Lock(AgentId),
    /// What an agent does lasts too long.
    AgentWarn(AgentId),
    /// Something on a callback's agenda.
    Callback(CallId),
}

/// A deadline that is set. Whoever holds it cancels it.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Alarm {
    at: Time,
    /// Where its place is kept.
    slot: u32,
}

impl Alarm {
    /// When it is due.
    pub(crate) fn at(&self) -> Time {
        self.at
    }
}

/// Children of a node: shallower than two, and they share cache lines.
const ARITY: usize = 4;
/// A window is as long as so many bits of microseconds: 8.4 s.
const WINDOW_BITS: u32 = 23;
/// Windows whose room is kept.
const MOST_SPARE: usize = 8;

/// The deadlines.
#[derive(Default, Debug)]
pub(crate) struct Timers {
    /// All in windows before `horizon`. Empty only if there are no others either.
    heap: Vec<Deadline>,
    /// The others by window. None is empty.
    far: BTreeMap<u64, Vec<Deadline>>,
    horizon: u64,
    /// Room of windows that are past, for those to come.
    spare: Vec<Vec<Deadline>>,
    /// By slot: where it stands in the heap or its window; of vacant ones nothing.
    places: Vec<u32>,
    vacant: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Deadline {
    at: Time,
    timer: Timer,
    slot: u32,
}

impl Deadline {
    fn key(&self) -> (Time, Timer) {
        (self.at, self.timer)
    }
}

fn window(at: Time) -> u64 {
    at.0 >> WINDOW_BITS
}

impl Timers {
    pub(crate) fn set(&mut self, at: Time, timer: Timer) -> Alarm {
        let slot = self.vacant.pop().unwrap_or_else(|| {
            self.places.push(0);
            // As many as there are entities, which have ids of 32 bits or a ceiling of as many.
            (self.places.len() - 1) as u32
        });
        let entry = Deadline { at, timer, slot };
        if window(at) < self.horizon {
            self.push(entry);
        } else {
            let spare = || self.spare.pop().unwrap_or_default();
            let entries = self.far.entry(window(at)).or_insert_with(spare);
            self.places[slot as usize] = entries.len() as u32;
            entries.push(entry);
            self.refill();
        }
        Alarm { at, slot }
    }

    pub(crate) fn cancel(&mut self, alarm: Alarm) {
        let place = self.places[alarm.slot as usize] as usize;
        self.vacant.push(alarm.slot);
        if window(alarm.at) < self.horizon {
            self.take_from_heap(place);
            self.refill();
            return;
        }
        let Entry::Occupied(mut known) = self.far.entry(window(alarm.at)) else {
            return;
        };
        let deadlines = known.get_mut();
        deadlines.swap_remove(place);
        match deadlines.get(place) {
            Some(moved) => self.places[moved.slot as usize] = place as u32,
            None if deadlines.is_empty() => {
                let room = known.remove();
                self.keep(room);
            }
            None => {}
        }
    }

    /// Sets `alarm` to another time, or to none.
    pub(crate) fn reset(&mut self, alarm: &mut Option<Alarm>, at: Option<Time>, timer: Timer) {
        if alarm.as_ref().map(Alarm::at) == at {
            return;
        }
        // The new one first, or the heap might run dry for a moment.
        let new = at.map(|at| self.set(at, timer));
        if let Some(old) = core::mem::replace(alarm, new) {
            self.cancel(old);
        }
    }

    pub(crate) fn next(&self) -> Option<Time> {
        self.heap.first().map(|entry| entry.at)
    }

    /// What is due at `now`, earliest first; each stays set until cancelled.
    pub(crate) fn due(&mut self, now: Time, into: &mut Vec<(Time, Timer)>) {
        if self.next().is_none_or(|at| at > now) {
            return;
        }
        while self
            .far
            .first_key_value()
            .is_some_and(|(first, _)| *first <= window(now))
        {
            self.pour();
        }
        let mut open = vec![0];
        while let Some(at) = open.pop() {
            let Some(entry) = self.heap.get(at).filter(|entry| entry.at <= now) else {
                continue;
            };
            into.push(entry.key());
            open.extend(at * ARITY + 1..=at * ARITY + ARITY);
        }
        into.sort_unstable();
    }

    /// All of them, in their order.
    pub(crate) fn all(&self) -> Vec<(Time, Timer)> {
        let entries = self.heap.iter().chain(self.far.values().flatten());
        let mut all: Vec<(Time, Timer)> = entries.map(Deadline::key).collect();
        all.sort_unstable();
        all
    }

    fn refill(&mut self) {
        if self.heap.is_empty() {
            self.pour();
        }
    }

    /// Pours the earliest window into the heap.
    fn pour(&mut self) {
        if let Some((window, mut deadlines)) = self.far.pop_first() {
            self.horizon = window + 1;
            for deadline in deadlines.drain(..) {
                self.push(deadline);
            }
            self.keep(deadlines);
        }
    }

    fn keep(&mut self, room: Vec<Deadline>) {
        if self.spare.len() < MOST_SPARE {
            self.spare.push(room);
        }
    }

    fn push(&mut self, entry: Deadline) {
        self.heap.push(entry);
        self.rise(self.heap.len() - 1);
    }

    fn take_from_heap(&mut self, at: usize) {
        let Some(last) = self.heap.pop() else { return };
        if at < self.heap.len() {
            self.heap[at] = last;
            if at > 0 && last.key() < self.heap[(at - 1) / ARITY].key() {
                self.rise(at);
            } else {
                self.sink(at);
            }
        }
    }

    fn rise(&mut self, mut at: usize) {
        let entry = self.heap[at];
        while at > 0 {
            let parent = (at - 1) / ARITY;
            if self.heap[parent].key() <= entry.key() {
                break;
            }
            self.put(at, self.heap[parent]);
            at = parent;
        }
        self.put(at, entry);
    }

    fn sink(&mut self, mut at: usize) {
        let entry = self.heap[at];
        loop {
            let first = at * ARITY + 1;
            let last = (first + ARITY).min(self.heap.len());
            let least = (first..last).min_by_key(|child| self.heap[*child].key());
            match least {
                Some(child) if self.heap[child].key() < entry.key() => {
                    self.put(at, self.heap[child]);
                    at = child;
                }
                Some(_) | None => break,
            }
        }
        self.put(at, entry);
    }

    fn put(&mut self, at: usize, entry: Deadline) {
        self.heap[at] = entry;
        self.places[entry.slot as usize] = at as u32;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn they_keep_their_order(
            steps in prop::collection::vec((0_u8..4, 0_u64..60, 0_u64..30), 0..300),
            scale in prop::sample::select(vec![1_u64, 1 << 18, 1 << 21, 1 << 26]),
        ) {
            let (mut timers, mut set) = (Timers::default(), Vec::<(Time, Timer, Alarm)>::new());
            for (number, (what, at, now)) in steps.into_iter().enumerate() {
                let (at, now) = (at * scale, now * scale);
                match what {
                    0..=1 => {
                        let (at, timer) = (Time(at), Timer::Call(CallId(number as u64)));
                        let alarm = timers.set(at, timer);
                        set.push((at, timer, alarm));
                    }
                    2 if !set.is_empty() => {
                        let (_, _, alarm) = set.swap_remove((at / scale) as usize % set.len());
                        timers.cancel(alarm);
                    }
                    _ if !set.is_empty() => {
                        let place = (now / scale) as usize % set.len();
                        let (_, timer, alarm) = set.swap_remove(place);
                        let mut held = Some(alarm);
                        timers.reset(&mut held, Some(Time(at)), timer);
                        set.push((Time(at), timer, held.unwrap()));
                    }
                    _ => {}
                }
                let mut all: Vec<(Time, Timer)> = set.iter().map(|(at, timer, _)| (*at, *timer)).collect();
                all.sort_unstable();
                prop_assert_eq!(timers.next(), all.first().map(|(at, _)| *at));
                let mut due = Vec::new();
                timers.due(Time(now), &mut due);
                let expected: Vec<(Time, Timer)> = all.iter().copied().filter(|(at, _)| at.0 <= now).collect();
                prop_assert_eq!(due, expected);
                prop_assert_eq!(timers.all(), all);
                prop_assert!(set.iter().all(|(at, _, alarm)| alarm.at() == *at));
            }
        }
    }
}
