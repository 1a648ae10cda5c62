//! What is done to the store itself: a copy of it, a caller's number out of it, its records made anew.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Failure;
use super::place::{Place, author, now};
use crate::store::erase::Erased;
use crate::store::{self, Maintain, Maintained, Rebuilt, StoreError, backup};

/// What can be done.
#[derive(Subcommand)]
pub enum StoreAsk {
    /// Copies the store into a new file, also while the daemon runs, and opens the copy to see that it is whole
    ///
    /// The copy is the store as it was at one moment, a SQLite file whatever the store is in. A daemon whose [store] path names it
    /// goes on from there.
    Backup {
        /// A file that is not there yet
        file: PathBuf,
        /// Where the store is
        #[command(flatten)]
        place: Place,
    },
    /// Erases a caller's number, in every form, out of calls and events
    ///
    /// Calls in progress keep theirs: erase again when they are over. Rows of the audit record keep numbers, since they say who
    /// blocked whom and what was asked for; backups that were made before are not touched. The daemon must not run: stopping it loses
    /// nothing, nodes keep their events.
    Erase {
        /// The number, in any form
        number: String,
        /// Where the store is
        #[command(flatten)]
        place: Place,
    },
    /// Makes records of calls, visits, offers and agents' time, and the figures that follow from them, anew from stored events
    ///
    /// What is older than the oldest event stays as it is. The daemon must not run.
    Rebuild(Rebuild),
}

/// Where.
#[derive(Args)]
pub struct Rebuild {
    #[command(flatten)]
    place: Place,
}

impl StoreAsk {
    /// Does it, and says what was done.
    ///
    /// # Errors
    /// It could not be done; then nothing was.
    pub fn run(self) -> Result<String, Failure> {
        match self {
            StoreAsk::Backup { file, place } => {
                let made = backup::backup(&place.read()?.store, &file, &author(), now()).map_err(other)?;
                let rows = |table: &str| made.rows.get(table).copied().unwrap_or(0);
                Ok(format!(
                    "{}: {} bytes, {} events, {} calls; sound, and its audit record of {} rows is whole; the last has {}\n",
                    made.file.display(),
                    made.bytes,
                    rows("events"),
                    rows("calls"),
                    made.audit_rows,
                    made.audit_head
                ))
            }
            StoreAsk::Erase { number, place } => do_to(place, &Maintain::Erase { number }),
            StoreAsk::Rebuild(Rebuild { place }) => do_to(place, &Maintain::Rebuild),
        }
    }
}

fn do_to(place: Place, what: &Maintain) -> Result<String, Failure> {
    let settings = place.read()?.store;
    if settings.database.is_none() && !settings.path.exists() {
        // Opening it would make a new one.
        let path = settings.path.display();
        return Err(Failure::Other(format!(
            "there is no store {path}; name it with --store, or --config"
        )));
    }
    let mut store = store::open(&settings).map_err(other)?;
    let done = store.maintain(what, &author(), now()).map_err(other)?;
    Ok(match done {
        Maintained::Erased(Erased {
            events,
            snapshots,
            calls,
            live,
            audit_rows_kept,
        }) => {
            let mut said = format!("erased from {events} events, {snapshots} snapshots and {calls} calls\n");
            if live > 0 {
                said += &format!(
                    "{live} calls or callbacks with that number go on: erase again when they are over\n"
                );
            }
            if audit_rows_kept > 0 {
                said += &format!("{audit_rows_kept} rows of the audit record name it, and stay\n");
            }
            said
        }
        Maintained::Rebuilt(Rebuilt { events, figures_from }) => {
            let from = match figures_from {
                0 => String::new(),
                at => format!(", figures from {} on", hotline_blacklist::time::show(at)),
            };
            format!("records made anew from {events} events{from}\n")
        }
    })
}

fn other(error: StoreError) -> Failure {
    match error {
        StoreError::InUse { .. } => Failure::Other(
            "a daemon uses the store: stop it first (systemctl stop hotline-supervisord); nodes keep their events meanwhile"
                .to_owned(),
        ),
        error => Failure::Other(error.to_string()),
    }
}
