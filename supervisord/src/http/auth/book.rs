//! The accounts in force: the file, read anew whenever it changed.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::super::stamp::Stamp;
use crate::accounts::{Accounts, AccountsError, Reading};
use crate::settings::TeamSettings;

/// See the module.
#[derive(Debug)]
pub struct Book {
    path: PathBuf,
    teams: Vec<TeamSettings>,
    current: Mutex<(Option<Stamp>, Arc<Accounts>)>,
    readings: watch::Sender<Reading>,
}

impl Book {
    /// Reads the file. One that is missing has nobody in it.
    ///
    /// # Errors
    /// It is there, and cannot be used.
    pub fn open(path: PathBuf, teams: &[TeamSettings]) -> Result<Book, AccountsError> {
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
            readings: watch::Sender::new(Reading::Used(accounts.clone())),
            current: Mutex::new((stamp, accounts)),
        })
    }

    /// What came of reading the file last, and of each time from now on.
    pub fn readings(&self) -> watch::Receiver<Reading> {
        self.readings.subscribe()
    }

    /// The accounts as they are now. A file that cannot be used is said to be so, once, and what it said before stays.
    pub fn current(&self) -> Arc<Accounts> {
        let stamp = Stamp::of(&self.path);
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.0 != stamp {
            current.0 = stamp;
            match read(&self.path, &self.teams) {
                Ok(accounts) => {
                    tracing::info!(
                        path = %self.path.display(),
                        users = accounts.user.len(),
                        tokens = accounts.token.len(),
                        "users were read anew"
                    );
                    current.1 = Arc::new(accounts);
                    self.readings.send_replace(Reading::Used(current.1.clone()));
                }
                Err(error) => {
                    tracing::error!(%error, "the users of before stay in force");
                    self.readings.send_replace(Reading::Unusable(error.to_string()));
                }
            }
        }
        current.1.clone()
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
