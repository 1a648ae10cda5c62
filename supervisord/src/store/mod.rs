//! Where events and checkpoints are kept for good.
//!
//! The key (node, boot, seq) makes at-least-once delivery exactly-once. A checkpoint is the fold's state after the
//! events it names; a restart reads it and replays what came after. SQLite is one implementation of [`EventStore`].

mod sqlite;

use hotline_wire::frame::EventFrame;

pub use sqlite::SqliteStore;

use crate::state::State;

/// Keeps events. All methods block; one thread calls them.
pub trait EventStore: Send {
    /// The state as it was after the last committed event.
    ///
    /// # Errors
    /// If what is stored cannot be read.
    fn recover(&mut self) -> Result<State, StoreError>;

    /// Stores events for good, all or none. One that is there already is passed over.
    ///
    /// # Errors
    /// If they could not be stored; then none is.
    fn commit(&mut self, events: &[StoredEvent<'_>]) -> Result<(), StoreError>;

    /// Stores a checkpoint, and the gaps that it closes, for good. Every event applied to the state must be
    /// committed before.
    ///
    /// # Errors
    /// If it could not be stored; then the one before holds.
    fn checkpoint(&mut self, state: &State, gaps: &[GapRow]) -> Result<(), StoreError>;

    /// Removes events that happened before `at` (microseconds since the Unix epoch), `limit` at most. Returns how
    /// many. An event after the last checkpoint stays, however old: a restart replays it.
    ///
    /// # Errors
    /// If they could not be removed.
    fn prune(&mut self, at: u64, limit: u32) -> Result<usize, StoreError>;
}

/// An event and its key.
#[derive(Clone, Copy, Debug)]
pub struct StoredEvent<'a> {
    /// The node's name.
    pub node: &'a str,
    /// Its boot.
    pub boot: &'a str,
    /// The event.
    pub frame: &'a EventFrame,
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
    /// The file cannot be opened.
    #[error(
        "cannot open the event store {path}: {cause}; check [store] path, and that the directory exists and is writable"
    )]
    Open {
        /// Which file.
        path: String,
        /// What SQLite says.
        cause: String,
    },
    /// No room.
    #[error("the event store {path} is full ({cause}); free disk space, or raise [store] max_mib")]
    Full {
        /// Which file.
        path: String,
        /// What SQLite says.
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
        /// Which file.
        path: String,
    },
    /// What is stored cannot be read by this version.
    #[error("the event store {path} cannot be used: {cause}; was it written by a newer version?")]
    Unreadable {
        /// Which file.
        path: String,
        /// What is wrong.
        cause: String,
    },
    /// Anything else.
    #[error("the event store {path} failed: {cause}")]
    Failed {
        /// Which file.
        path: String,
        /// What SQLite says.
        cause: String,
    },
}
