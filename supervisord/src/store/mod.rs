//! Where events, checkpoints and the records that follow from events are kept for good.
//!
//! The key (node, boot, seq) makes at-least-once delivery exactly-once. A checkpoint is the fold's state after the
//! events it names; a restart reads it and replays what came after. The [`ledger`]'s records of calls, visits, offers and
//! agents' time are stored in the transaction of the events that they follow from, so they are exact whatever is killed.
//!
//! [`base`] is the store, written once in the little of SQL that [`sql`] has; [`sqlite`] and [`postgres`] are the databases.

pub mod backup;
pub mod base;
pub mod erase;
pub mod keep;
pub mod ledger;
pub mod postgres;
mod replay;
pub mod schema;
pub mod sql;
pub mod sqlite;

use hotline_wire::frame::EventFrame;

pub use keep::{Bounds, Keeping};
pub use postgres::PostgresStore;
pub use replay::Rebuilt;
pub use sqlite::SqliteStore;

use crate::audit::{Action, People};
use crate::settings::StoreSettings;
use crate::state::{Record, State};

/// Keeps events. All methods block; one thread calls them.
pub trait EventStore: Send {
    /// The state as it was after the last committed event.
    ///
    /// # Errors
    /// If what is stored cannot be read.
    fn recover(&mut self) -> Result<State, StoreError>;

    /// Stores events and the records that follow from them for good, all or none. One that is there already is passed over.
    ///
    /// # Errors
    /// If they could not be stored; then none is.
    fn commit(&mut self, events: &[StoredEvent<'_>]) -> Result<(), StoreError>;

    /// Stores a checkpoint for good, and what it is taken for, if that is not an event. Every event applied to the state must
    /// be committed before.
    ///
    /// # Errors
    /// If it could not be stored; then the one before holds.
    fn checkpoint(&mut self, state: &State, mark: Option<&Mark<'_>>) -> Result<(), StoreError>;

    /// Removes what is older than the bounds, `limit` rows of each table at most. Returns the number of rows of the table of
    /// which most were. An event after the last checkpoint stays, however old: a restart replays it.
    ///
    /// # Errors
    /// If they could not be removed.
    fn prune(&mut self, bounds: &Bounds, limit: u32) -> Result<usize, StoreError>;

    /// Does something to what is stored, and leaves a row in the audit record.
    ///
    /// # Errors
    /// If it could not be done; then nothing was.
    fn maintain(&mut self, what: &Maintain, author: &str, now: u64) -> Result<Maintained, StoreError>;

    /// Puts what people did that no node tells of into the audit record, all or nothing.
    ///
    /// # Errors
    /// If it could not be stored; then none is.
    fn note(&mut self, notes: &[Note]) -> Result<(), StoreError>;
}

/// What people did that no node tells of.
#[derive(Clone, PartialEq, Debug)]
pub struct Note {
    /// When; microseconds since the Unix epoch.
    pub at: u64,
    /// What.
    pub what: Noted,
}

/// The two kinds of it.
#[derive(Clone, PartialEq, Debug)]
pub enum Noted {
    /// An action.
    Action(Action),
    /// The file of users was read: whatever differs from when it was noted last is a row.
    Users(People),
}

/// What can be done to what is stored, by who writes to it. A copy needs no such right: see [`backup`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Maintain {
    /// Erases a caller's number, given in any form.
    Erase {
        /// The number.
        number: String,
    },
    /// Makes records and figures anew from events.
    Rebuild,
}

/// What was done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Maintained {
    /// A number was erased.
    Erased(erase::Erased),
    /// Records and figures were made anew.
    Rebuilt(Rebuilt),
}

/// Opens the store that the settings name.
///
/// # Errors
/// If it cannot be opened, or belongs to a newer version.
pub fn open(settings: &StoreSettings) -> Result<Box<dyn EventStore>, StoreError> {
    Ok(match &settings.database {
        Some(_) => Box::new(PostgresStore::open(settings)?),
        None => Box::new(SqliteStore::open(settings)?),
    })
}

/// Opens the store that the settings name, to look at it while a daemon may use it.
///
/// # Errors
/// If it cannot be read, or is none of this version.
pub fn look(settings: &StoreSettings) -> Result<Box<dyn sql::Engine>, StoreError> {
    let mut engine: Box<dyn sql::Engine> = match &settings.database {
        Some(database) => Box::new(postgres::Postgres::look(database)?),
        None => Box::new(sqlite::Sqlite::look(&settings.path)?),
    };
    let found = sql::read(engine.as_mut(), schema::version);
    let found = found.map_err(|error| engine.failure(error))?;
    if found != schema::VERSION {
        return Err(StoreError::Unreadable {
            path: engine.place(),
            cause: format!(
                "its schema is version {found}, this program knows {}",
                schema::VERSION
            ),
        });
    }
    Ok(engine)
}

/// An event, its key, and what it says of somebody's action.
#[derive(Clone, Debug)]
pub struct StoredEvent<'a> {
    /// The node's name.
    pub node: &'a str,
    /// Its boot.
    pub boot: &'a str,
    /// The event.
    pub frame: &'a EventFrame,
    /// What somebody did, if that is what it tells: see [`audit::tell`].
    pub action: Option<Action>,
}

impl<'a> StoredEvent<'a> {
    /// An event of which nobody has said yet whether it is somebody's action.
    pub fn of(node: &'a str, boot: &'a str, frame: &'a EventFrame) -> StoredEvent<'a> {
        StoredEvent {
            node,
            boot,
            frame,
            action: None,
        }
    }
}

/// A boot, its end, a gap or a snapshot, and the gaps in the events that it makes.
#[derive(Clone, Copy, Debug)]
pub struct Mark<'a> {
    /// What the node told.
    pub record: &'a Record,
    /// The events that are missing.
    pub gaps: &'a [GapRow],
}

/// A gap for the record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GapRow {
    /// The node's name.
    pub node: String,
    /// Its boot.
    pub boot: String,
    /// First event that is missing.
    pub first: u64,
    /// Last event that is missing.
    pub last: u64,
    /// Why.
    pub reason: String,
    /// When it was closed; microseconds since the Unix epoch.
    pub at: u64,
}

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// What was to be erased is none.
    #[error("that is no caller number: {0}")]
    NoNumber(String),
    /// It cannot be opened.
    #[error(
        "cannot open the event store {path}: {cause}; check [store] path, and that the directory exists and is writable"
    )]
    Open {
        /// Which file.
        path: String,
        /// What SQLite says.
        cause: String,
    },
    /// The database server cannot be reached, or does not let us in.
    #[error("cannot reach the event store {path}: {cause}; check [store] database, and that PostgreSQL runs")]
    Unreachable {
        /// Where it is.
        path: String,
        /// What is said there.
        cause: String,
    },
    /// No room.
    #[error("the event store {path} is full ({cause}); free disk space, or raise [store] max_mib")]
    Full {
        /// Which it is.
        path: String,
        /// What the database says.
        cause: String,
    },
    /// The file is damaged, or no database.
    #[error(
        "the event store {path} is damaged: {cause}; restore it from a backup, or move it away: a new one begins, with \
         all counters at zero"
    )]
    Damaged {
        /// Which file.
        path: String,
        /// What SQLite says.
        cause: String,
    },
    /// Another process has it.
    #[error("the event store {path} is in use by another daemon; end it, or give each its own [store] path")]
    InUse {
        /// Which it is.
        path: String,
    },
    /// What is stored cannot be read by this version.
    #[error("the event store {path} cannot be used: {cause}; was it written by a newer version?")]
    Unreadable {
        /// Which it is.
        path: String,
        /// What is wrong.
        cause: String,
    },
    /// Anything else.
    #[error("the event store {path} failed: {cause}")]
    Failed {
        /// Which it is.
        path: String,
        /// What the database says.
        cause: String,
    },
}

impl StoreError {
    /// An error that no database has a say in.
    fn of(path: String, error: sql::SqlError) -> StoreError {
        let cause = error.to_string();
        match error {
            sql::SqlError::Unreadable(_) => StoreError::Unreadable { path, cause },
            sql::SqlError::Sqlite(_) | sql::SqlError::Postgres(_) | sql::SqlError::Refused(_) => {
                StoreError::Failed { path, cause }
            }
        }
    }
}
