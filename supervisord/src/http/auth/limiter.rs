//! How often something may be tried by the same one: some times at once, then again as time passes.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Those who tried lately; who tried least lately makes room.
const MAX_KEYS: usize = 10_000;

/// See the module.
#[derive(Debug)]
pub struct Limiter {
    burst: u32,
    every: Duration,
    /// When all of its tries will be there again.
    full_at: Mutex<HashMap<String, Instant>>,
}

impl Limiter {
    /// `burst` tries at once, and another each time that `every` has passed.
    pub fn new(burst: u32, every: Duration) -> Limiter {
        Limiter {
            burst,
            every,
            full_at: Mutex::default(),
        }
    }

    /// Takes a try.
    ///
    /// # Errors
    /// None is left; how long until there is one.
    pub fn take(&self, key: &str, now: Instant) -> Result<(), Duration> {
        let mut all = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let full_at = all.get(key).copied().unwrap_or(now).max(now);
        let after = full_at + self.every;
        let allowed = now + self.every * self.burst;
        if after > allowed {
            return Err(after - allowed);
        }
        if all.len() >= MAX_KEYS && !all.contains_key(key) {
            all.retain(|_, full_at| *full_at > now);
            if all.len() >= MAX_KEYS
                && let Some(least) = all.iter().min_by_key(|(_, at)| **at).map(|(key, _)| key.clone())
            {
                all.remove(&least);
            }
        }
        all.insert(key.to_owned(), after);
        Ok(())
    }

    /// Gives a try back.
    pub fn give_back(&self, key: &str) {
        let mut all = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(full_at) = all.get_mut(key)
            && let Some(before) = full_at.checked_sub(self.every)
        {
            *full_at = before;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_come_back_one_by_one() {
        let second = Duration::from_secs(1);
        let limiter = Limiter::new(3, second);
        let now = Instant::now();
        for _ in 0..3 {
            assert_eq!(limiter.take("anna", now), Ok(()));
        }
        assert_eq!(limiter.take("anna", now), Err(second));
        assert_eq!(limiter.take("otto", now), Ok(()));
        assert_eq!(limiter.take("anna", now + second), Ok(()));
        assert_eq!(limiter.take("anna", now + second), Err(second));
        limiter.give_back("anna");
        assert_eq!(limiter.take("anna", now + second), Ok(()));
    }

    #[test]
    fn it_remembers_so_many_and_no_more() {
        let limiter = Limiter::new(1, Duration::from_secs(1));
        let now = Instant::now();
        for i in 0..MAX_KEYS + 10 {
            assert_eq!(limiter.take(&i.to_string(), now), Ok(()));
        }
        assert_eq!(limiter.full_at.lock().unwrap().len(), MAX_KEYS);
    }
}
