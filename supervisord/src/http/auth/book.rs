//! The accounts in force: the file, read anew whenever it changed.
//!
//! One that is removed has nobody in it, from then on. One that cannot be used, as while somebody writes it in place, leaves those of before in
//! force for a while, which is said; if it lasts, nobody is let in any more, since the file may say that somebody is not to be.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::super::stamp::Stamp;
use crate::accounts::{Accounts, AccountsError, Reading};
use crate::settings::TeamSettings;

/// See the module.
#[derive(Debug)]
pub struct Book {
    path: PathBuf,
    teams: Vec<TeamSettings>,
    /// How long accounts of before stay in force.
    patience: Duration,
    inner: Mutex<Inner>,
    readings: watch::Sender<Reading>,
}

#[derive(Debug)]
struct Inner {
    stamp: Option<Stamp>,
    accounts: Arc<Accounts>,
    trouble: Option<Trouble>,
}

/// The file cannot be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trouble {
    /// Why.
    pub error: String,
    /// Whether nobody is let in any more.
    pub closed: bool,
    since: Instant,
    tried: Instant,
}

/// One that cannot be used is tried again so often, also if it has not changed: what was wrong may not be in it.
const AGAIN: Duration = Duration::from_secs(1);

impl Book {
    /// Reads the file. One that is missing has nobody in it.
    ///
    /// # Errors
    /// It is there, and cannot be used.
    pub fn open(path: PathBuf, teams: &[TeamSettings], patience: Duration) -> Result<Book, AccountsError> {
        let stamp = Stamp::of(&path);
        let accounts = Arc::new(read(&path, teams)?);
        if accounts.user.is_empty() && accounts.token.is_empty() {
            tracing::info!(
                path = %path.display(),
                "nobody may use the HTTP API yet: `hotlinectl user add` and `hotlinectl token add` make users and tokens"
            );
        }
        Ok(Book {
            path,
            teams: teams.to_vec(),
            patience,
            readings: watch::Sender::new(Reading::Used(accounts.clone())),
            inner: Mutex::new(Inner {
                stamp,
                accounts,
                trouble: None,
            }),
        })
    }

    /// What came of reading the file last, and of each time from now on.
    pub fn readings(&self) -> watch::Receiver<Reading> {
        self.readings.subscribe()
    }

    /// The accounts as they are now.
    pub fn current(&self) -> Arc<Accounts> {
        self.look().0
    }

    /// What is wrong with the file, if anything is.
    pub fn trouble(&self) -> Option<Trouble> {
        self.look().1
    }

    fn look(&self) -> (Arc<Accounts>, Option<Trouble>) {
        let stamp = Stamp::of(&self.path);
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let again = inner
            .trouble
            .as_ref()
            .is_some_and(|trouble| trouble.tried.elapsed() >= AGAIN.min(self.patience));
        if inner.stamp != stamp || again {
            inner.stamp = stamp;
            match read(&self.path, &self.teams) {
                Ok(accounts) => self.take(&mut inner, accounts),
                Err(error) => self.complain(&mut inner, error.to_string()),
            }
        }
        if let Some(trouble) = &mut inner.trouble
            && !trouble.closed
            && trouble.since.elapsed() >= self.patience
        {
            trouble.closed = true;
            tracing::error!(
                error = trouble.error,
                "the users' file could not be used for {:?}: nobody may use the HTTP API until it can",
                self.patience
            );
        }
        match &inner.trouble {
            Some(trouble) if trouble.closed => (Arc::default(), inner.trouble.clone()),
            Some(_) | None => (inner.accounts.clone(), inner.trouble.clone()),
        }
    }

    fn take(&self, inner: &mut Inner, accounts: Accounts) {
        tracing::info!(
            path = %self.path.display(),
            users = accounts.user.len(),
            tokens = accounts.token.len(),
            "users were read anew"
        );
        inner.accounts = Arc::new(accounts);
        inner.trouble = None;
        self.readings.send_replace(Reading::Used(inner.accounts.clone()));
    }

    fn complain(&self, inner: &mut Inner, error: String) {
        let now = Instant::now();
        match &mut inner.trouble {
            Some(trouble) => {
                trouble.tried = now;
                // Said once, and again when it is another.
                if trouble.error != error {
                    tracing::error!(error, "the users' file still cannot be used");
                    self.readings.send_replace(Reading::Unusable(error.clone()));
                    trouble.error = error;
                }
            }
            None => {
                tracing::error!(
                    error,
                    "the users' file cannot be used: those of before stay in force for {:?}, then nobody may use the HTTP API",
                    self.patience
                );
                self.readings.send_replace(Reading::Unusable(error.clone()));
                inner.trouble = Some(Trouble {
                    error,
                    closed: false,
                    since: now,
                    tried: now,
                });
            }
        }
    }
}

fn read(path: &std::path::Path, teams: &[TeamSettings]) -> Result<Accounts, AccountsError> {
    match Accounts::read(path, Some(teams)) {
        Err(AccountsError::File { cause, .. }) if cause.kind() == ErrorKind::NotFound => {
            Ok(Accounts::default())
        }
        read => read,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::{Rights, Token, digest};
    use crate::authority::Role;

    fn written(path: &std::path::Path) {
        let token = Token {
            name: "wall".into(),
            rights: Rights {
                role: Role::Viewer,
                teams: Vec::new(),
                agent: None,
                supervisor: None,
            },
            sha256: digest("secret"),
            expires: None,
        };
        let accounts = Accounts {
            written: None,
            user: Vec::new(),
            token: vec![token],
        };
        accounts.write(path).unwrap();
    }

    #[test]
    fn a_file_that_cannot_be_used_leaves_those_of_before_for_a_while_and_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("users.toml");
        written(&path);
        let hour = Duration::from_secs(3_600);
        let book = Book::open(path.clone(), &[], hour).unwrap();
        let known = |book: &Book| book.current().token("secret").is_some();
        assert!(known(&book) && book.trouble().is_none());
        std::fs::write(&path, "[[token]]\nname = \"wa").unwrap();
        assert!(known(&book));
        let trouble = book.trouble().unwrap();
        assert!(
            !trouble.closed && trouble.error.contains("users.toml: line 2"),
            "{trouble:?}"
        );
        written(&path);
        assert!(known(&book) && book.trouble().is_none());

        // For no longer than that.
        let book = Book::open(path.clone(), &[], Duration::ZERO).unwrap();
        assert!(known(&book));
        std::fs::write(&path, "[[token]]\nname = \"wa").unwrap();
        assert!(!known(&book) && book.trouble().unwrap().closed);
        written(&path);
        assert!(known(&book) && book.trouble().is_none());

        // What is removed is over at once, and no trouble.
        let book = Book::open(path.clone(), &[], hour).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(!known(&book) && book.trouble().is_none());
    }

    #[test]
    fn what_was_wrong_beside_the_file_is_tried_again_though_it_has_not_changed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("users.toml");
        written(&path);
        let hour = Duration::from_secs(3_600);
        let book = Book::open(path, &[], hour).unwrap();
        let mut inner = book.inner.lock().unwrap();
        book.complain(&mut inner, "an error of the disk".into());
        inner.trouble.as_mut().unwrap().tried -= AGAIN;
        drop(inner);
        assert_eq!(book.trouble(), None);
    }
}
