//! So much of something at once for each who asks: connections by address, requests and streams by user or token. Nobody can take what is for
//! all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What each may have at once.
#[derive(Debug)]
pub struct Shares {
    most: usize,
    taken: Mutex<HashMap<Arc<str>, usize>>,
}

/// One of them; it is free again when this is dropped.
#[derive(Debug)]
pub struct Share {
    of: Arc<Shares>,
    who: Arc<str>,
}

impl Shares {
    /// So many for each.
    pub fn new(most: usize) -> Arc<Shares> {
        Arc::new(Shares {
            most,
            taken: Mutex::default(),
        })
    }

    /// How many each may have.
    pub fn most(&self) -> usize {
        self.most
    }

    /// Takes one; `None` if who asks has all that it may have.
    pub fn take(self: &Arc<Shares>, who: &str) -> Option<Share> {
        let mut taken = self.lock();
        let who = match taken.get_key_value(who) {
            Some((known, _)) => known.clone(),
            None => Arc::from(who),
        };
        let count = taken.get(&who).copied().unwrap_or_default();
        if count >= self.most {
            return None;
        }
        taken.insert(who.clone(), count + 1);
        let of = self.clone();
        Some(Share { of, who })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.of.lock();
        // Who has none left is forgotten, so that there are never more keys than shares.
        if let Some(count) = taken.get_mut(&self.who) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.who);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_own_and_gives_it_back() {
        let shares = Shares::new(2);
        let (one, two) = (shares.take("a").unwrap(), shares.take("a").unwrap());
        assert!(shares.take("a").is_none());
        let other = shares.take("b").unwrap();
        drop(one);
        let three = shares.take("a").unwrap();
        assert!(shares.take("a").is_none());
        drop((two, three, other));
        assert!(shares.lock().is_empty());
    }

    #[test]
    fn who_may_have_none_leaves_nothing_behind() {
        let shares = Shares::new(0);
        assert!(shares.take("a").is_none());
        assert!(shares.lock().is_empty());
    }
}
