//! Sessions of people who signed in. They live in memory: a restart of the daemon ends them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::accounts::{Accounts, digest, secret};
use crate::authority::Actor;

/// Sessions at once; the one that was not used for longest makes room.
const MAX_SESSIONS: usize = 10_000;
/// Sessions of one user.
const MAX_PER_USER: usize = 32;

/// A session.
#[derive(Clone, Debug)]
pub struct Session {
    /// User name.
    pub user: String,
    /// What unsafe methods need.
    pub csrf: String,
    /// The hash that the user's password had: another password ends the session.
    password: String,
    begun: Instant,
    used: Instant,
}

/// All sessions, by the SHA-256 of their secrets.
#[derive(Debug)]
pub struct Sessions {
    idle: Duration,
    longest: Duration,
    all: Mutex<HashMap<String, Session>>,
}

impl Sessions {
    /// Sessions that end when not used for `idle`, and after `longest`.
    pub fn new(idle: Duration, longest: Duration) -> Sessions {
        Sessions {
            idle,
            longest,
            all: Mutex::default(),
        }
    }

    /// Begins one: its secret and what is known of it.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn begin(&self, user: &str, password: &str) -> Result<(String, Session), String> {
        let (key, now) = (secret()?, Instant::now());
        let session = Session {
            user: user.to_owned(),
            csrf: secret()?,
            password: password.to_owned(),
            begun: now,
            used: now,
        };
        let mut all = self.lock();
        all.retain(|_, session| self.lives(session));
        let own = all.values().filter(|session| session.user == user).count();
        if own >= MAX_PER_USER {
            evict(&mut all, |session| session.user == user);
        } else if all.len() >= MAX_SESSIONS {
            evict(&mut all, |_| true);
        }
        all.insert(digest(&key), session.clone());
        Ok((key, session))
    }

    /// Whose session it is, if it lives; it is used by this.
    pub fn touch(&self, secret: &str, accounts: &Accounts) -> Option<(Actor, Session)> {
        let found = self.look(secret, accounts)?;
        if let Some(session) = self.lock().get_mut(&digest(secret)) {
            session.used = Instant::now();
        }
        Some(found)
    }

    /// Whose session it is, if it lives.
    pub fn look(&self, secret: &str, accounts: &Accounts) -> Option<(Actor, Session)> {
        let session = self.lock().get(&digest(secret)).cloned()?;
        let user = accounts.user(&session.user)?;
        let lives = self.lives(&session) && user.password == session.password;
        lives.then(|| (user.rights.actor(&format!("http:{}", user.name)), session))
    }

    /// Ends one.
    pub fn end(&self, secret: &str) {
        self.lock().remove(&digest(secret));
    }

    fn lives(&self, session: &Session) -> bool {
        session.used.elapsed() < self.idle && session.begun.elapsed() < self.longest
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Session>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn evict(all: &mut HashMap<String, Session>, of: impl Fn(&Session) -> bool) {
    let oldest = all
        .iter()
        .filter(|(_, session)| of(session))
        .min_by_key(|(_, session)| session.used)
        .map(|(key, _)| key.clone());
    if let Some(oldest) = oldest {
        all.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::{Rights, User};
    use crate::authority::Role;

    fn accounts(password: &str) -> Accounts {
        Accounts {
            user: vec![User {
                name: "anna".into(),
                rights: Rights {
                    role: Role::Viewer,
                    teams: Vec::new(),
                    agent: None,
                    supervisor: None,
                },
                password: password.into(),
            }],
            ..Accounts::default()
        }
    }

    #[test]
    fn a_session_ends_with_time_password_user_or_by_word() {
        let hour = Duration::from_secs(3_600);
        let sessions = Sessions::new(hour, hour);
        let (key, _) = sessions.begin("anna", "p").unwrap();
        assert_eq!(
            &*sessions.touch(&key, &accounts("p")).unwrap().0.author,
            "http:anna"
        );
        assert!(sessions.touch("another", &accounts("p")).is_none());
        assert!(sessions.touch(&key, &accounts("q")).is_none());
        assert!(sessions.touch(&key, &Accounts::default()).is_none());
        sessions.end(&key);
        assert!(sessions.touch(&key, &accounts("p")).is_none());
        for (idle, longest) in [(Duration::ZERO, hour), (hour, Duration::ZERO)] {
            let sessions = Sessions::new(idle, longest);
            let (key, _) = sessions.begin("anna", "p").unwrap();
            assert!(sessions.touch(&key, &accounts("p")).is_none());
        }
    }

    #[test]
    fn a_user_has_so_many_sessions_and_no_more() {
        let hour = Duration::from_secs(3_600);
        let sessions = Sessions::new(hour, hour);
        let (first, _) = sessions.begin("anna", "p").unwrap();
        let more: Vec<String> = (0..MAX_PER_USER)
            .map(|_| sessions.begin("anna", "p").unwrap().0)
            .collect();
        assert!(sessions.look(&first, &accounts("p")).is_none());
        assert!(
            more.iter()
                .all(|key| sessions.look(key, &accounts("p")).is_some())
        );
    }
}
