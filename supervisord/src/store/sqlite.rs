//! The store in one SQLite file.
//!
//! WAL with `synchronous = FULL`: what is committed, and so acknowledged to the node, survives a power cut. A lock
//! file beside it keeps a second daemon out, whose checkpoints would undo those of the first.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior, params_from_iter};

use super::base::SqlStore;
use super::sql::{Dialect, Engine, Row, Sql, SqlError, Value, Work, places};
use super::{Keeping, StoreError};
use crate::settings::StoreSettings;

/// An [`EventStore`](super::EventStore) in a file.
pub type SqliteStore = SqlStore<Sqlite>;

/// How long another process may be in the middle of its own writing.
const BUSY: Duration = Duration::from_secs(5);

/// What SQLite keeps in memory of the file, in KiB: the ends of all indexes, and the state that a checkpoint writes in one piece.
const CACHE_KIB: i64 = 32 << 10;
/// Pages of the write-ahead log after which it is written back into the file: a page that many events touch is then written there once.
const LOG_PAGES: i64 = 8_000;

/// A SQLite file that is open.
#[derive(Debug)]
pub struct Sqlite {
    path: PathBuf,
    db: Connection,
    /// Held as long as the file is open for writing.
    _lock: Option<File>,
    /// What was erased stands in the write-ahead log as yet, since somebody read the store.
    unsettled: bool,
}

impl SqliteStore {
    /// Opens the file, makes it if there is none, and brings its schema up to date.
    ///
    /// # Errors
    /// If it cannot be opened, or belongs to a newer version.
    pub fn open(settings: &StoreSettings) -> Result<SqliteStore, StoreError> {
        let sqlite = Sqlite::open(&settings.path, settings.max_mib)?;
        SqlStore::prepare(sqlite, Keeping::of(settings))
    }
}

impl Sqlite {
    /// Opens a file for this process alone, and makes it if there is none.
    ///
    /// # Errors
    /// If it cannot be opened, or another daemon has it.
    pub fn open(path: &Path, max_mib: u64) -> Result<Sqlite, StoreError> {
        // It holds caller numbers: not for everybody to read.
        create(path).map_err(|error| cannot_open(path, error))?;
        // Of the file itself: by whatever links it is reached, one daemon has it.
        let real = path.canonicalize().map_err(|error| cannot_open(path, error))?;
        let lock = lock(path, &real)?;
        let db = Connection::open(path).map_err(|error| cannot_open(path, error))?;
        let sqlite = Sqlite {
            path: path.to_owned(),
            db,
            _lock: Some(lock),
            unsettled: false,
        };
        sqlite
            .set_up(max_mib)
            .map_err(|error| sqlite.failure(error.into()))?;
        Ok(sqlite)
    }

    /// Opens a file to look at it, also while a daemon uses it. A copy on a medium that cannot be written to is read as it is.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn look(path: &Path) -> Result<Sqlite, StoreError> {
        // A pipe would be waited for, and a device has no end.
        match std::fs::metadata(path) {
            Ok(there) if there.is_file() => {}
            Ok(_) => return Err(cannot_open(path, "it is no regular file")),
            Err(error) => return Err(cannot_open(path, error)),
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let open = Sqlite::beside(path, path, flags);
        // The logs lie beside the file itself, wherever links to it are.
        let Ok(real) = path.canonicalize() else {
            return open;
        };
        let has_log = ["-wal", "-journal"].iter().any(|log| {
            let mut name = real.as_os_str().to_owned();
            name.push(log);
            std::fs::symlink_metadata(name).is_ok()
        });
        match &open {
            // SQLite wants to write beside a database that may have a log, but nobody has it open: it has all in itself.
            Err(StoreError::Open { .. }) if !has_log => {
                let address = format!("file:{}?immutable=1", escaped(&real));
                Sqlite::beside(path, Path::new(&address), flags | OpenFlags::SQLITE_OPEN_URI)
            }
            _ => open,
        }
    }

    /// Opens a file that is there for a few rows of its own, also while a daemon uses it.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub(super) fn visit(path: &Path) -> Result<Sqlite, StoreError> {
        Sqlite::beside(path, path, OpenFlags::SQLITE_OPEN_READ_WRITE)
    }

    fn beside(path: &Path, address: &Path, flags: OpenFlags) -> Result<Sqlite, StoreError> {
        let looked_at = |db: Connection| {
            db.busy_timeout(BUSY)?;
            db.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
            Ok(db)
        };
        let db = Connection::open_with_flags(address, flags).and_then(looked_at);
        Ok(Sqlite {
            path: path.to_owned(),
            db: db.map_err(|error| failure(path, &error))?,
            _lock: None,
            unsettled: false,
        })
    }

    fn set_up(&self, max_mib: u64) -> rusqlite::Result<()> {
        self.db.busy_timeout(BUSY)?;
        self.db.pragma_update(None, "journal_mode", "WAL")?;
        self.db.pragma_update(None, "synchronous", "FULL")?;
        self.db.pragma_update(None, "journal_size_limit", 64 << 20)?;
        self.db.pragma_update(None, "cache_size", -CACHE_KIB)?;
        self.db.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
        let page_size: u64 = self.db.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let pages = (max_mib << 20) / page_size.max(1);
        self.db.pragma_update(None, "max_page_count", pages)?;
        self.db.pragma_update(None, "temp_store", "MEMORY")?;
        // What is erased is not to be read from the file's free pages.
        self.db.pragma_update(None, "secure_delete", "ON")?;
        self.db.set_prepared_statement_cache_capacity(64);
        Ok(())
    }

    /// Writes the file as it is at one moment into a new one, and checks what was written.
    ///
    /// # Errors
    /// If it cannot be written, or is not whole.
    pub(super) fn copy_to(&self, to: &Path) -> Result<(), StoreError> {
        let text = to.to_string_lossy();
        self.db
            .execute("VACUUM INTO ?1", [&text])
            .map_err(|error| failure(&self.path, &error))?;
        Ok(())
    }

    /// Whether SQLite finds the file to be sound.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn sound(&self) -> Result<(), StoreError> {
        let found: String = self
            .db
            .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
            .map_err(|error| failure(&self.path, &error))?;
        if found != "ok" {
            return Err(StoreError::Damaged {
                path: self.place(),
                cause: found,
            });
        }
        Ok(())
    }

    /// Empties the write-ahead log into the file, so that nothing that was erased stands in it. Returns whether nobody was in the way.
    pub(super) fn settle(&self) -> Result<bool, StoreError> {
        let busy: i64 = self
            .db
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
            .map_err(|error| failure(&self.path, &error))?;
        Ok(busy == 0)
    }

    /// The same once more, without waiting for anybody.
    fn settle_now(&mut self) {
        let settled = self.db.busy_timeout(Duration::ZERO).is_ok() && self.settle().unwrap_or(false);
        self.unsettled = !settled;
        // It cannot fail: it is a number in memory.
        let _ = self.db.busy_timeout(BUSY);
    }

    fn work(&mut self, behavior: TransactionBehavior, work: Work<'_>) -> Result<(), SqlError> {
        let tx = self.db.transaction_with_behavior(behavior)?;
        work(&mut Open(&tx))?;
        tx.commit()?;
        Ok(())
    }
}

impl Engine for Sqlite {
    fn place(&self) -> String {
        self.path.display().to_string()
    }

    fn write(&mut self, work: Work<'_>) -> Result<(), SqlError> {
        self.work(TransactionBehavior::Immediate, work)?;
        if self.unsettled {
            self.settle_now();
        }
        Ok(())
    }

    fn read(&mut self, work: Work<'_>) -> Result<(), SqlError> {
        self.work(TransactionBehavior::Deferred, work)
    }

    fn failure(&self, error: SqlError) -> StoreError {
        match error {
            SqlError::Sqlite(error) => failure(&self.path, &error),
            other => StoreError::of(self.place(), other),
        }
    }

    fn erased(&mut self) -> Result<(), StoreError> {
        self.unsettled = !self.settle()?;
        if self.unsettled {
            tracing::warn!(path = %self.path.display(), "somebody reads the store: what was erased stands in its log until nobody does");
        }
        Ok(())
    }
}

/// In the middle of a transaction.
struct Open<'a>(&'a Connection);

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        Ok(match self {
            Value::Null => rusqlite::types::Null.into(),
            Value::Int(value) => (*value).into(),
            Value::Text(value) => value.as_str().into(),
            Value::Blob(value) => value.as_slice().into(),
        })
    }
}

impl Sql for Open<'_> {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn batch(&mut self, sql: &str) -> Result<(), SqlError> {
        Ok(self.0.execute_batch(sql)?)
    }

    fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, SqlError> {
        let changed = self.0.prepare_cached(sql)?.execute(params_from_iter(values))?;
        Ok(changed as u64)
    }

    fn each(
        &mut self,
        sql: &str,
        values: &[Value],
        each: &mut dyn FnMut(Row) -> Result<(), SqlError>,
    ) -> Result<(), SqlError> {
        let mut statement = self.0.prepare_cached(sql)?;
        let width = statement.column_count();
        let mut rows = statement.query(params_from_iter(values))?;
        while let Some(row) = rows.next()? {
            let cell = |place| -> Result<Value, SqlError> {
                Ok(match row.get_ref(place)? {
                    ValueRef::Null => Value::Null,
                    ValueRef::Integer(value) => Value::Int(value),
                    ValueRef::Text(value) => Value::Text(String::from_utf8_lossy(value).into_owned()),
                    ValueRef::Blob(value) => Value::Blob(value.to_owned()),
                    // There are none but those that somebody else wrote: no number that is known here.
                    ValueRef::Real(value) => Value::Text(value.to_string()),
                })
            };
            each(Row((0..width).map(cell).collect::<Result<_, _>>()?))?;
        }
        Ok(())
    }

    fn insert(&mut self, table: &str, width: usize, rows: Vec<Value>, tail: &str) -> Result<(), SqlError> {
        if rows.is_empty() {
            return Ok(());
        }
        let sql = format!("INSERT INTO {table} VALUES ({}) {tail}", places(0, width));
        let mut statement = self.0.prepare_cached(&sql)?;
        for row in rows.chunks(width) {
            statement.execute(params_from_iter(row))?;
        }
        Ok(())
    }
}

fn lock(path: &Path, real: &Path) -> Result<File, StoreError> {
    let mut name = real.to_path_buf().into_os_string();
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
pub(super) fn create(path: &Path) -> std::io::Result<File> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o640)
        .open(path)
}

/// A path within an address (RFC 3986).
fn escaped(path: &Path) -> String {
    let bytes = path.as_os_str().as_encoded_bytes().iter();
    bytes.fold(String::new(), |mut address, byte| {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' => address.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => address.push(char::from(*byte)),
            byte => address.push_str(&format!("%{byte:02X}")),
        }
        address
    })
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
