//! The event store in one SQLite file.
//!
//! WAL with `synchronous = FULL`: what is committed, and so acknowledged to the node, survives a power cut. A lock
//! file beside it keeps a second daemon out, whose checkpoints would undo those of the first.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OptionalExtension, params};

use super::{EventStore, GapRow, StoreError, StoredEvent};
use crate::audit;
use crate::settings::StoreSettings;
use crate::state::{Applied, Body, Changes, Record, State};

/// Each is applied once, in order; its place counted from 1 is the schema's version.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE events (
        node TEXT NOT NULL, boot TEXT NOT NULL, seq INTEGER NOT NULL,
        at INTEGER NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (node, boot, seq)
    ) WITHOUT ROWID;
    CREATE INDEX events_at ON events (at);
    CREATE TABLE nodes (node TEXT PRIMARY KEY, boot TEXT NOT NULL, seq INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE gaps (
        node TEXT NOT NULL, boot TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
        reason TEXT NOT NULL, at INTEGER NOT NULL
    );
    CREATE TABLE checkpoint (id INTEGER PRIMARY KEY CHECK (id = 1), at INTEGER NOT NULL, state TEXT NOT NULL);
",
    audit::SCHEMA,
];

/// An [`EventStore`] in a file.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    db: Connection,
    /// How many rows the audit record had when that was last logged.
    audited: u64,
    /// Held as long as the store is open.
    _lock: File,
}

impl SqliteStore {
    /// Opens the file, makes it if there is none, and brings its schema up to date.
    ///
    /// # Errors
    /// If it cannot be opened, or belongs to a newer version.
    pub fn open(settings: &StoreSettings) -> Result<SqliteStore, StoreError> {
        let path = settings.path.clone();
        let lock = lock(&path)?;
        // It holds caller numbers: not for everybody to read.
        create(&path).map_err(|error| cannot_open(&path, error))?;
        let db = Connection::open(&path).map_err(|error| cannot_open(&path, error))?;
        let mut store = SqliteStore {
            path,
            db,
            audited: 0,
            _lock: lock,
        };
        store
            .prepare(settings.max_mib)
            .map_err(|error| store.error(error))?;
        store.migrate()?;
        // Whatever somebody did to that record, events must not wait.
        store
            .db
            .execute_batch(audit::SCHEMA)
            .map_err(|error| store.error(error))?;
        Ok(store)
    }

    fn prepare(&mut self, max_mib: u64) -> rusqlite::Result<()> {
        self.db.busy_timeout(std::time::Duration::from_secs(5))?;
        self.db.pragma_update(None, "journal_mode", "WAL")?;
        self.db.pragma_update(None, "synchronous", "FULL")?;
        self.db.pragma_update(None, "journal_size_limit", 64 << 20)?;
        let page_size: u64 = self.db.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let pages = (max_mib << 20) / page_size.max(1);
        self.db.pragma_update(None, "max_page_count", pages)?;
        self.db.pragma_update(None, "temp_store", "MEMORY")?;
        // Where the last checkpoint stands: what came after it is not to be pruned.
        self.db.execute_batch(
            "CREATE TEMP TABLE checkpointed (node TEXT PRIMARY KEY, boot TEXT NOT NULL, seq INTEGER NOT NULL)",
        )?;
        self.db.set_prepared_statement_cache_capacity(16);
        Ok(())
    }

    fn migrate(&mut self) -> Result<(), StoreError> {
        let path = self.path.clone();
        let apply = |db: &mut Connection| -> rusqlite::Result<usize> {
            let tx = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            tx.execute_batch(
                "CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY, applied_at TEXT NOT NULL)",
            )?;
            let present: usize =
                tx.query_row("SELECT coalesce(max(version), 0) FROM migrations", [], |row| {
                    row.get(0)
                })?;
            for (i, migration) in MIGRATIONS.iter().enumerate().skip(present) {
                tx.execute_batch(migration)?;
                tx.execute("INSERT INTO migrations VALUES (?1, datetime('now'))", [i + 1])?;
            }
            tx.commit()?;
            Ok(present)
        };
        let present = apply(&mut self.db).map_err(|error| failure(&path, &error))?;
        if present > MIGRATIONS.len() {
            return Err(StoreError::Unreadable {
                path: path.display().to_string(),
                cause: format!(
                    "its schema is version {present}, this program knows {}",
                    MIGRATIONS.len()
                ),
            });
        }
        Ok(())
    }

    fn error(&self, error: rusqlite::Error) -> StoreError {
        failure(&self.path, &error)
    }

    fn unreadable(&self, cause: impl Into<String>) -> StoreError {
        StoreError::Unreadable {
            path: self.path.display().to_string(),
            cause: cause.into(),
        }
    }

    fn read_checkpoint(&self) -> Result<State, StoreError> {
        let text: Option<String> = self
            .db
            .query_row("SELECT state FROM checkpoint", [], |row| row.get(0))
            .optional()
            .map_err(|error| self.error(error))?;
        let Some(text) = text else {
            return Ok(State::default());
        };
        let mut state: State =
            serde_json::from_str(&text).map_err(|error| self.unreadable(format!("checkpoint: {error}")))?;
        state.complete();
        Ok(state)
    }

    /// The events of a node's boot after `seq`, applied to the state.
    fn replay(&self, state: &mut State, node: &str, boot: &str, seq: u64) -> Result<u64, StoreError> {
        let mut changes = Changes::default();
        let mut replayed = 0;
        let mut statement = self
            .db
            .prepare(
                "SELECT seq, at, body FROM events WHERE node = ?1 AND boot = ?2 AND seq > ?3 ORDER BY seq",
            )
            .map_err(|error| self.error(error))?;
        let mut rows = statement
            .query(params![node, boot, seq])
            .map_err(|error| self.error(error))?;
        while let Some(row) = rows.next().map_err(|error| self.error(error))? {
            let read =
                || -> rusqlite::Result<(u64, u64, String)> { Ok((row.get(0)?, row.get(1)?, row.get(2)?)) };
            let (seq, at, body) = read().map_err(|error| self.error(error))?;
            let event = serde_json::from_str(&body)
                .map_err(|error| self.unreadable(format!("event {node}/{boot}/{seq}: {error}")))?;
            let frame = hotline_wire::frame::EventFrame { seq, at, event };
            let record = Record {
                node: node.to_owned(),
                boot: boot.to_owned(),
                body: Body::Event(frame),
            };
            if state.apply(&record, &mut changes) != Applied::New {
                return Err(self.unreadable(format!(
                    "event {node}/{boot}/{seq} does not follow the one before"
                )));
            }
            replayed += 1;
            changes = Changes::default();
        }
        Ok(replayed)
    }
}

impl EventStore for SqliteStore {
    fn recover(&mut self) -> Result<State, StoreError> {
        let mut state = self.read_checkpoint()?;
        put_position(&self.db, &state).map_err(|error| self.error(error))?;
        let positions: Vec<(String, String, u64)> = state
            .nodes
            .iter()
            .map(|(name, node)| (name.clone(), node.boot.clone(), node.seq))
            .collect();
        let mut replayed = 0;
        for (node, boot, seq) in positions {
            replayed += self.replay(&mut state, &node, &boot, seq)?;
        }
        let (rows, head) = audit::latest(&self.db).map_err(|error| self.error(error))?;
        tracing::info!(path = %self.path.display(), nodes = state.nodes.len(), replayed, "state restored");
        // Kept where the database is not, it shows what was changed there.
        self.audited = rows;
        tracing::info!(rows, %head, "audit record");
        Ok(state)
    }

    fn commit(&mut self, events: &[StoredEvent<'_>]) -> Result<(), StoreError> {
        let path = &self.path;
        let write = |db: &mut Connection| -> rusqlite::Result<()> {
            let tx = db.transaction()?;
            {
                let mut insert =
                    tx.prepare_cached("INSERT OR IGNORE INTO events VALUES (?1, ?2, ?3, ?4, ?5)")?;
                let mut position = tx.prepare_cached("INSERT OR REPLACE INTO nodes VALUES (?1, ?2, ?3)")?;
                for (i, event) in events.iter().enumerate() {
                    let body = serde_json::to_string(&event.frame.event)
                        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
                    let new = insert.execute(params![
                        event.node,
                        event.boot,
                        event.frame.seq,
                        event.frame.at,
                        body
                    ])?;
                    let action = audit::Action::of(&event.frame.event)
                        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
                    if let Some(action) = action
                        && new > 0
                    {
                        let key = (event.node, event.boot, event.frame.seq, event.frame.at);
                        audit::append(&tx, key, action)?;
                    }
                    if events.get(i + 1).is_none_or(|next| next.node != event.node) {
                        position.execute(params![event.node, event.boot, event.frame.seq])?;
                    }
                }
            }
            tx.commit()
        };
        write(&mut self.db).map_err(|error| failure(path, &error))
    }

    fn checkpoint(&mut self, state: &State, gaps: &[GapRow]) -> Result<(), StoreError> {
        let text = serde_json::to_string(state).map_err(|error| self.unreadable(error.to_string()))?;
        let path = &self.path;
        let write = |db: &mut Connection| -> rusqlite::Result<(u64, audit::Hash)> {
            let tx = db.transaction()?;
            let at = state.nodes.values().map(|node| node.at).max().unwrap_or(0);
            tx.execute(
                "INSERT OR REPLACE INTO checkpoint VALUES (1, ?1, ?2)",
                params![at, text],
            )?;
            for (name, node) in &state.nodes {
                tx.execute(
                    "INSERT OR REPLACE INTO nodes VALUES (?1, ?2, ?3)",
                    params![name, node.boot, node.seq],
                )?;
            }
            put_position(&tx, state)?;
            for gap in gaps {
                tx.execute(
                    "INSERT INTO gaps VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                    params![gap.node, gap.boot, gap.first, gap.last, gap.reason, gap.at],
                )?;
            }
            let latest = audit::latest(&tx)?;
            tx.commit()?;
            Ok(latest)
        };
        let (rows, head) = write(&mut self.db).map_err(|error| failure(path, &error))?;
        if rows > self.audited {
            self.audited = rows;
            tracing::info!(rows, %head, "audit record");
        }
        Ok(())
    }

    fn prune(&mut self, at: u64, limit: u32) -> Result<usize, StoreError> {
        self.db
            .execute(
                "DELETE FROM events WHERE (node, boot, seq) IN (
                     SELECT events.node, events.boot, events.seq FROM events LEFT JOIN checkpointed AS last USING (node, boot)
                     WHERE events.at < ?1 AND (last.seq IS NULL OR events.seq <= last.seq)
                     ORDER BY events.at LIMIT ?2)",
                params![at, limit],
            )
            .map_err(|error| self.error(error))
    }
}

fn put_position(db: &Connection, state: &State) -> rusqlite::Result<()> {
    db.execute("DELETE FROM checkpointed", [])?;
    let mut put = db.prepare_cached("INSERT INTO checkpointed VALUES (?1, ?2, ?3)")?;
    for (name, node) in &state.nodes {
        put.execute(params![name, node.boot, node.seq])?;
    }
    Ok(())
}

fn lock(path: &Path) -> Result<File, StoreError> {
    let mut name = path.to_path_buf().into_os_string();
    name.push(".lock");
    let lock = create(Path::new(&name)).map_err(|error| cannot_open(path, error))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse {
            path: path.display().to_string(),
        }),
        Err(TryLockError::Error(error)) => Err(cannot_open(path, error)),
    }
}

/// Opens a file; if there is none, makes one that strangers cannot read.
fn create(path: &Path) -> std::io::Result<File> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o640)
        .open(path)
}

fn cannot_open(path: &Path, error: impl std::fmt::Display) -> StoreError {
    StoreError::Open {
        path: path.display().to_string(),
        cause: error.to_string(),
    }
}

fn failure(path: &Path, error: &rusqlite::Error) -> StoreError {
    let (path, cause) = (path.display().to_string(), error.to_string());
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full { path, cause },
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            StoreError::Open { path, cause }
        }
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => StoreError::Damaged { path, cause },
        _ => StoreError::Failed { path, cause },
    }
}
