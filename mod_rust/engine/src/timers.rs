//! All deadlines in one heap: the next one is at its top, thousands cost nothing while they wait, and each is cancelled
//! by its place.

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
pub(crate) struct Alarm(u32);

/// Children of a node: shallower than two, and they share cache lines.
const ARITY: usize = 4;

/// The deadlines.
#[derive(Default, Debug)]
pub(crate) struct Timers {
    heap: Vec<Entry>,
    /// By alarm: where it stands in the heap; of vacant ones nothing.
    places: Vec<u32>,
    vacant: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    at: Time,
    timer: Timer,
    alarm: u32,
}

impl Entry {
    fn key(&self) -> (Time, Timer) {
        (self.at, self.timer)
    }
}

impl Timers {
    pub(crate) fn set(&mut self, at: Time, timer: Timer) -> Alarm {
        let alarm = self.vacant.pop().unwrap_or_else(|| {
            self.places.push(0);
            // As many as there are entities, which have ids of 32 bits or a ceiling of as many.
            (self.places.len() - 1) as u32
        });
        self.heap.push(Entry { at, timer, alarm });
        self.rise(self.heap.len() - 1);
        Alarm(alarm)
    }

    pub(crate) fn cancel(&mut self, alarm: Alarm) {
        let at = self.places[alarm.0 as usize] as usize;
        self.vacant.push(alarm.0);
        let Some(last) = self.heap.pop() else { return };
        if at < self.heap.len() {
            self.heap[at] = last;
            self.places[last.alarm as usize] = at as u32;
            if at > 0 && last.key() < self.heap[(at - 1) / ARITY].key() {
                self.rise(at);
            } else {
                self.sink(at);
            }
        }
    }

    /// Sets `alarm` to another time, or to none.
    pub(crate) fn reset(&mut self, alarm: &mut Option<Alarm>, at: Option<Time>, timer: Timer) {
        if let Some(set) = alarm {
            if Some(self.at(set)) == at {
                return;
            }
            if let Some(old) = alarm.take() {
                self.cancel(old);
            }
        }
        *alarm = at.map(|at| self.set(at, timer));
    }

    /// When it is due.
    pub(crate) fn at(&self, alarm: &Alarm) -> Time {
        self.heap[self.places[alarm.0 as usize] as usize].at
    }

    pub(crate) fn next(&self) -> Option<Time> {
        self.heap.first().map(|entry| entry.at)
    }

    /// What is due at `now`, earliest first; each stays set until cancelled.
    pub(crate) fn due(&self, now: Time, into: &mut Vec<(Time, Timer)>) {
        if self.next().is_none_or(|at| at > now) {
            return;
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
        let mut all: Vec<(Time, Timer)> = self.heap.iter().map(Entry::key).collect();
        all.sort_unstable();
        all
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

    fn put(&mut self, at: usize, entry: Entry) {
        self.heap[at] = entry;
        self.places[entry.alarm as usize] = at as u32;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_heap_keeps_its_order(steps in prop::collection::vec((0_u8..4, 0_u64..60, 0_u64..30), 0..300)) {
            let (mut timers, mut set) = (Timers::default(), Vec::<(Time, Timer, Alarm)>::new());
            for (number, (what, at, now)) in steps.into_iter().enumerate() {
                match what {
                    0..=1 => {
                        let (at, timer) = (Time(at), Timer::Call(CallId(number as u64)));
                        let alarm = timers.set(at, timer);
                        set.push((at, timer, alarm));
                    }
                    2 if !set.is_empty() => {
                        let (_, _, alarm) = set.swap_remove(at as usize % set.len());
                        timers.cancel(alarm);
                    }
                    _ if !set.is_empty() => {
                        let place = now as usize % set.len();
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
                prop_assert!(set.iter().all(|(at, _, alarm)| timers.at(alarm) == *at));
            }
        }
    }
}
