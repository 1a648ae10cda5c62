//! Callers who ask for an entry by what they do: more than so many events within a time, where an event is a call, or a
//! hang-up right after joining.
//!
//! A rule watches a fixed number of callers, with the moments of their latest events. What is older than the window is
//! forgotten, so a count decays by itself, and it is never too high: nobody is found who did not do it. When more callers
//! come than are watched, those with the fewest recent events are forgotten first, so a flood of numbers that call once does
//! not hide one that calls often.

use std::hash::{BuildHasher, RandomState};

use crate::number::Number;

/// Callers that share a place in the table: so many are compared when one must go.
const WAYS: usize = 8;
/// Most events that a rule may wait for.
pub const MAX_COUNT: u32 = 100;
/// Most callers that a rule may watch.
pub const MAX_WATCHED: usize = 10_000_000;

/// Watches for one rule.
pub struct Watch {
    count: u32,
    window: u64,
    hasher: RandomState,
    /// `sets` times [`WAYS`].
    callers: Vec<Option<Number>>,
    /// `count` moments for each caller, 0 for none; the oldest is overwritten.
    moments: Vec<u64>,
    forgotten: u64,
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch")
            .field("count", &self.count)
            .field("window", &self.window)
            .field("callers", &self.callers.len())
            .finish_non_exhaustive()
    }
}

impl Watch {
    /// Watches for more than `count` events (1 to [`MAX_COUNT`]) within `window` microseconds, of at least `watched` callers
    /// ([`MAX_WATCHED`] at most). Takes 8 * count + 24 bytes for each, at once and for ever.
    pub fn new(count: u32, window: u64, watched: usize) -> Watch {
        let count = count.clamp(1, MAX_COUNT);
        let callers = watched.clamp(1, MAX_WATCHED).div_ceil(WAYS) * WAYS;
        Watch {
            count,
            window,
            hasher: RandomState::new(),
            callers: vec![None; callers],
            moments: vec![0; callers * count as usize],
            forgotten: 0,
        }
    }

    /// Callers that were forgotten although they had recent events.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// An event of a caller at `now`, microseconds since the Unix epoch. Returns whether it is one too many; then counting
    /// begins anew.
    pub fn saw(&mut self, number: Number, now: u64) -> bool {
        // 0 stands for none.
        let now = now.max(1);
        let since = now.saturating_sub(self.window);
        let place = self.place(number, since);
        if self.recent(place, since) == self.count as usize {
            self.clear(place);
            return true;
        }
        let count = self.count as usize;
        if let Some(oldest) = self.moments[place * count..][..count].iter_mut().min() {
            *oldest = now;
        }
        false
    }

    /// Forgets a caller.
    pub fn forget(&mut self, number: Number) {
        let set = self.set(number);
        for place in set..set + WAYS {
            if self.callers[place] == Some(number) {
                self.clear(place);
            }
        }
    }

    fn clear(&mut self, place: usize) {
        let count = self.count as usize;
        self.callers[place] = None;
        self.moments[place * count..][..count].fill(0);
    }

    fn set(&self, number: Number) -> usize {
        let sets = (self.callers.len() / WAYS) as u64;
        // Less than the number of callers.
        (self.hasher.hash_one(number) % sets) as usize * WAYS
    }

    /// The caller's place: its own, a free one, or that of who did least.
    fn place(&mut self, number: Number, since: u64) -> usize {
        let set = self.set(number);
        let mut least = (usize::MAX, u64::MAX, set);
        for place in set..set + WAYS {
            if self.callers[place] == Some(number) {
                return place;
            }
            let recent = self.recent(place, since);
            let latest = self.latest(place);
            least = least.min((recent, latest, place));
        }
        let (recent, _, place) = least;
        self.forgotten += u64::from(recent > 0);
        self.clear(place);
        self.callers[place] = Some(number);
        place
    }

    fn moments_of(&self, place: usize) -> &[u64] {
        let count = self.count as usize;
        &self.moments[place * count..][..count]
    }

    fn recent(&self, place: usize, since: u64) -> usize {
        let recent = |moment: &&u64| **moment > since;
        self.moments_of(place).iter().filter(recent).count()
    }

    fn latest(&self, place: usize) -> u64 {
        self.moments_of(place).iter().copied().max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::Plan;
    use std::collections::HashMap;

    const SECOND: u64 = 1_000_000;

    fn number(n: u64) -> Number {
        Plan::default().number(&format!("138{n:08}")).unwrap()
    }

    #[test]
    fn one_more_than_allowed_within_the_window_is_seen() {
        let mut watch = Watch::new(3, 60 * SECOND, 100);
        let saw: Vec<bool> = (1..=4).map(|n| watch.saw(number(1), n * 10 * SECOND)).collect();
        assert_eq!(saw, [false, false, false, true]);
        // Anew.
        assert!(!watch.saw(number(1), 41 * SECOND));
    }

    #[test]
    fn what_is_past_is_forgotten() {
        let mut watch = Watch::new(3, 60 * SECOND, 100);
        for n in 0..100 {
            assert!(!watch.saw(number(1), (1 + n * 20) * SECOND), "{n}");
        }
        assert!(watch.saw(number(1), 1_982 * SECOND), "four within a minute");
    }

    #[test]
    fn a_flood_does_not_hide_who_calls_often() {
        let mut watch = Watch::new(5, 600 * SECOND, 1_000);
        let mut found = 0;
        for n in 0..100_000u64 {
            let now = SECOND + n * SECOND / 1_000;
            assert!(!watch.saw(number(1_000 + n), now), "a caller who called once");
            if n.is_multiple_of(200) && watch.saw(number(1), now) {
                found += 1;
            }
        }
        // 500 calls of his, 6 to be found once.
        assert!(found > 60, "found {found} times");
        assert!(watch.forgotten() > 0);
    }

    #[test]
    fn nobody_is_found_who_did_not_do_it() {
        let mut watch = Watch::new(4, 30 * SECOND, 64);
        let mut told: HashMap<u64, Vec<u64>> = HashMap::new();
        let mut state = 7u64;
        for step in 0..50_000u64 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let (caller, now) = (state >> 56, SECOND + step * SECOND / 20);
            let calls = told.entry(caller).or_default();
            calls.retain(|call| call + 30 * SECOND > now);
            calls.push(now);
            if watch.saw(number(caller), now) {
                assert!(calls.len() > 4, "{caller} called {} times", calls.len());
                calls.clear();
            }
        }
    }

    #[test]
    fn a_forgotten_caller_begins_anew() {
        let mut watch = Watch::new(1, 60 * SECOND, 8);
        watch.saw(number(1), SECOND);
        watch.forget(number(1));
        assert!(!watch.saw(number(1), 2 * SECOND));
        assert!(watch.saw(number(1), 3 * SECOND));
    }
}
