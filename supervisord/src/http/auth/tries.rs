//! How often wrong passwords may be tried, so that nobody guesses one, and nobody locks out somebody else.
//!
//! Tries are counted for each user from each address first. Those of all users from an address, and of a user from all addresses, have
//! ceilings of their own; these leave out a user at an address from which it signed in before, so that its password still counts there
//! whatever strangers try elsewhere, or other users there.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Limiter;

/// Wrong tries of one user from one address, at once.
const OF_BOTH: u32 = 10;
/// Of all users from one address.
const OF_ADDRESS: u32 = 30;
/// Of one user from all addresses.
const OF_USER: u32 = 60;
/// So much faster do these two come back than those of one user from one address.
const FASTER: u32 = 5;
/// Users at addresses that are remembered; who signed in least lately makes room.
const MAX_PLACES: usize = 10_000;

/// See the module.
#[derive(Debug)]
pub struct Tries {
    both: Limiter,
    addresses: Limiter,
    users: Limiter,
    /// Who signed in from where, and when last.
    places: Mutex<HashMap<(String, String), Instant>>,
}

/// What a try took, to be given back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Taken {
    /// Also of the address and of the user alone.
    alone: bool,
}

impl Tries {
    /// Each time that `again` has passed, another one of a user from an address.
    pub fn new(again: Duration) -> Tries {
        Tries {
            both: Limiter::new(OF_BOTH, again),
            addresses: Limiter::new(OF_ADDRESS, again / FASTER),
            users: Limiter::new(OF_USER, again / FASTER),
            places: Mutex::default(),
        }
    }

    /// Takes a try.
    ///
    /// # Errors
    /// None is left; how long until there is one.
    pub fn take(&self, from: &str, user: &str, now: Instant) -> Result<Taken, Duration> {
        let both = both(from, user);
        self.both.take(&both, now)?;
        if self.places().contains_key(&(from.to_owned(), user.to_owned())) {
            return Ok(Taken { alone: false });
        }
        if let Err(wait) = self.addresses.take(from, now) {
            self.both.give_back(&both);
            return Err(wait);
        }
        if let Err(wait) = self.users.take(user, now) {
            self.both.give_back(&both);
            self.addresses.give_back(from);
            return Err(wait);
        }
        Ok(Taken { alone: true })
    }

    /// No password was looked at.
    pub fn give_back(&self, from: &str, user: &str, taken: Taken) {
        self.both.give_back(&both(from, user));
        if taken.alone {
            self.addresses.give_back(from);
            self.users.give_back(user);
        }
    }

    /// The password was right: who knows it tried nothing.
    pub fn succeeded(&self, from: &str, user: &str, taken: Taken, now: Instant) {
        self.give_back(from, user, taken);
        let mut places = self.places();
        if places.len() >= MAX_PLACES
            && let Some(least) = places
                .iter()
                .min_by_key(|(_, at)| **at)
                .map(|(place, _)| place.clone())
        {
            places.remove(&least);
        }
        places.insert((from.to_owned(), user.to_owned()), now);
    }

    fn places(&self) -> MutexGuard<'_, HashMap<(String, String), Instant>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// No address has a space in it.
fn both(from: &str, user: &str) -> String {
    format!("{from} {user}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    #[test]
    fn strangers_lock_nobody_out_where_it_signed_in_before() {
        let (tries, now) = (Tries::new(HOUR), Instant::now());
        let taken = tries.take("office", "anna", now).unwrap();
        tries.succeeded("office", "anna", taken, now);
        // Ten from each of many addresses, until the user's are used up.
        let mut wrong = 0;
        for stranger in 0..100 {
            while tries.take(&format!("stranger {stranger}"), "anna", now).is_ok() {
                wrong += 1;
            }
        }
        assert_eq!(wrong, OF_USER);
        assert!(tries.take("home", "anna", now).is_err());
        for _ in 0..100 {
            let taken = tries.take("office", "anna", now).unwrap();
            tries.succeeded("office", "anna", taken, now);
        }
        // Another user is none the worse for it.
        assert!(tries.take("home", "otto", now).is_ok());
    }

    #[test]
    fn one_who_guesses_beside_a_user_locks_out_no_more_than_itself() {
        let (tries, now) = (Tries::new(HOUR), Instant::now());
        let taken = tries.take("proxy", "anna", now).unwrap();
        tries.succeeded("proxy", "anna", taken, now);
        let mut wrong = 0;
        for user in 0..100 {
            while tries.take("proxy", &format!("user{user}"), now).is_ok() {
                wrong += 1;
            }
        }
        assert_eq!(wrong, OF_ADDRESS);
        assert!(tries.take("proxy", "anna", now).is_ok());
    }

    #[test]
    fn a_known_place_is_no_way_to_guess() {
        let (tries, now) = (Tries::new(HOUR), Instant::now());
        let taken = tries.take("office", "anna", now).unwrap();
        tries.succeeded("office", "anna", taken, now);
        let wrong = (0..100)
            .filter(|_| tries.take("office", "anna", now).is_ok())
            .count();
        assert_eq!(wrong as u32, OF_BOTH);
        assert!(tries.take("office", "anna", now + HOUR).is_ok());
    }
}
