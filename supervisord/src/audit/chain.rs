//! The rows in the database, and the chain of their hashes.
//!
//! `hash(n) = SHA-256(hash(n - 1) || field || field ...)`, each field behind its length in eight bytes, hash(0) all zeros
//! (FIPS 180-4). Whoever changes, removes or inserts a row must make all later hashes anew; who keeps the last hash elsewhere
//! finds that out. The daemon writes it to its log at every checkpoint.

use std::fmt;
use std::path::Path;

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, ffi, params};
use sha2::{Digest, Sha256};

use super::{Action, Row};

/// The tables, unless they are there.
pub const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS audit (
        id INTEGER PRIMARY KEY, at INTEGER NOT NULL, node TEXT NOT NULL, boot TEXT NOT NULL, seq INTEGER NOT NULL,
        author TEXT NOT NULL, action TEXT NOT NULL, target TEXT NOT NULL, asked TEXT NOT NULL,
        before TEXT NOT NULL, after TEXT NOT NULL, result TEXT NOT NULL, reason TEXT NOT NULL, hash BLOB NOT NULL
    );
    CREATE INDEX IF NOT EXISTS audit_author ON audit (author, id);
    CREATE TABLE IF NOT EXISTS audit_head (one INTEGER PRIMARY KEY CHECK (one = 1), rows INTEGER NOT NULL, hash BLOB NOT NULL);
";

/// The action of a row that tells of a record that was changed.
const BROKEN: &str = "audit_broken";

pub(super) const COLUMNS: &str =
    "id, at, node, boot, seq, author, action, target, asked, before, after, result, reason, hash";

/// What stands for a row and all before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Hash(pub [u8; 32]);

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::str::FromStr for Hash {
    type Err = String;

    fn from_str(text: &str) -> Result<Hash, String> {
        let wrong = || "a hash has 64 hexadecimal digits".to_owned();
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        let mut hash = [0; 32];
        for (place, byte) in hash.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[place * 2..][..2], 16).map_err(|_| wrong())?;
        }
        Ok(Hash(hash))
    }
}

impl Hash {
    /// The hash of the row that follows.
    pub fn then(self, row: &Row) -> Hash {
        let mut sum = Sha256::new();
        sum.update(self.0);
        let (id, at, seq) = (row.id.to_string(), row.at.to_string(), row.seq.to_string());
        let action = &row.action;
        for field in [
            &id,
            &at,
            &row.node,
            &row.boot,
            &seq,
            &action.author,
            &action.action,
            &action.target,
            &action.asked,
            &action.before,
            &action.after,
            &action.result,
            &action.reason,
        ] {
            sum.update((field.len() as u64).to_le_bytes());
            sum.update(field);
        }
        Hash(sum.finalize().into())
    }
}

/// A record that was read whole, and is as it was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verified {
    /// How many rows there are.
    pub rows: u64,
    /// The hash of the last.
    pub head: Hash,
    /// The first row by which the daemon itself told that it found the record changed, and what it found.
    pub noted: Option<(u64, String)>,
    /// Whether the hash that was asked for stands somewhere in the chain; also if none was asked for.
    pub seen: bool,
}

/// Why a record is not believed.
#[derive(Debug, thiserror::Error)]
pub enum Unverified {
    /// The database cannot be read.
    #[error("{0}")]
    Unreadable(#[from] rusqlite::Error),
    /// A row, or one before it, is not what was written.
    #[error(
        "row {0} of the audit record is not as it was written: it was changed, or one before it was removed or put in"
    )]
    Changed(u64),
    /// The last rows are missing.
    #[error("the audit record ends with row {found}, and had {expected}: rows were removed")]
    Shortened {
        /// The last row that is there.
        found: u64,
        /// How many there were.
        expected: u64,
    },
}

pub(super) fn row(found: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        id: found.get(0)?,
        at: found.get(1)?,
        node: found.get(2)?,
        boot: found.get(3)?,
        seq: found.get(4)?,
        action: Action {
            author: found.get(5)?,
            action: found.get(6)?,
            target: found.get(7)?,
            asked: found.get(8)?,
            before: found.get(9)?,
            after: found.get(10)?,
            result: found.get(11)?,
            reason: found.get(12)?,
        },
    })
}

/// How many rows there are, and the hash of the last; what makes no sense there is as good as nothing.
///
/// # Errors
/// As the database has it.
pub fn latest(db: &Connection) -> rusqlite::Result<(u64, Hash)> {
    let head = db
        .prepare_cached("SELECT rows, hash FROM audit_head")?
        .query_row([], |row| Ok(counted(row)))
        .optional()?;
    Ok(head.unwrap_or_default())
}

/// The same by the rows themselves.
fn latest_row(db: &Connection) -> rusqlite::Result<(u64, Hash)> {
    let last = db
        // Behind the largest number there is, which somebody else put there, nothing could stand.
        .prepare_cached("SELECT id, hash FROM audit WHERE id < 9223372036854775807 ORDER BY id DESC LIMIT 1")?
        .query_row([], |row| Ok(counted(row)))
        .optional()?;
    Ok(last.unwrap_or_default())
}

fn counted(row: &rusqlite::Row<'_>) -> (u64, Hash) {
    let hash = row.get(1).map(Hash);
    (row.get(0).unwrap_or_default(), hash.unwrap_or_default())
}

/// Adds a row, in the transaction at hand. Where the record is not as this program left it, which events must not wait for, the next
/// row says so, which [`verify`] tells.
///
/// # Errors
/// As the database has it.
pub fn append(
    db: &Connection,
    (node, boot, seq, at): (&str, &str, u64, u64),
    action: Action,
) -> rusqlite::Result<()> {
    let before = || Ok::<_, rusqlite::Error>((latest(db)?, latest_row(db)?));
    let (head, last) = match before() {
        // A table is gone.
        Err(rusqlite::Error::SqliteFailure(error, _)) if error.code == ErrorCode::Unknown => {
            db.execute_batch(SCHEMA)?;
            before()?
        }
        both => both?,
    };
    let add = |(rows, before): (u64, Hash), action: Action| {
        let row = Row {
            id: rows + 1,
            at,
            node: node.to_owned(),
            boot: boot.to_owned(),
            seq,
            action,
        };
        let latest = (row.id, before.then(&row));
        insert(db, row, latest.1).map(|()| latest)
    };
    let last = if head == last {
        last
    } else {
        let reason = format!(
            "the record had {} rows, with {} at the end, and ends with row {} and {}: it was changed by something else",
            head.0, head.1, last.0, last.1
        );
        tracing::error!(
            reason,
            "the audit record is not as it was left; `hotlinectl audit verify` says more"
        );
        let note = Action {
            author: "hotline-supervisord".to_owned(),
            action: BROKEN.to_owned(),
            result: "done".to_owned(),
            reason,
            ..Action::default()
        };
        add(last, note)?
    };
    let last = add(last, action)?;
    db.prepare_cached("INSERT OR REPLACE INTO audit_head VALUES (1, ?1, ?2)")?
        .execute(params![last.0, last.1.0])?;
    Ok(())
}

fn insert(db: &Connection, row: Row, hash: Hash) -> rusqlite::Result<()> {
    let Row {
        id,
        at,
        node,
        boot,
        seq,
        action,
    } = row;
    db.prepare_cached(&format!(
        "INSERT INTO audit ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)"
    ))?
    .execute(params![
        id,
        at,
        node,
        boot,
        seq,
        action.author,
        action.action,
        action.target,
        action.asked,
        action.before,
        action.after,
        action.result,
        action.reason,
        hash.0
    ])
    .map(|_| ())
}

/// Opens a daemon's database to look at it, also while the daemon uses it. A copy on a medium that cannot be written to is read as
/// it is.
///
/// # Errors
/// As the database has it.
pub fn open(path: &Path) -> rusqlite::Result<Connection> {
    let unreadable =
        |code, why: &str| rusqlite::Error::SqliteFailure(ffi::Error::new(code), Some(why.to_owned()));
    // A pipe would be waited for, and a device has no end.
    match std::fs::metadata(path) {
        Ok(there) if there.is_file() => {}
        Ok(_) => return Err(unreadable(ffi::SQLITE_NOTADB, "it is no regular file")),
        Err(error) => return Err(unreadable(ffi::SQLITE_CANTOPEN, &error.to_string())),
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let looked_at = |db: Connection| {
        db.busy_timeout(std::time::Duration::from_secs(5))?;
        db.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(db)
    };
    let open = Connection::open_with_flags(path, flags).and_then(looked_at);
    // The logs lie beside the file itself, wherever links to it are.
    let Ok(path) = path.canonicalize() else {
        return open;
    };
    let has_log = ["-wal", "-journal"].iter().any(|log| {
        let mut name = path.as_os_str().to_owned();
        name.push(log);
        std::fs::symlink_metadata(name).is_ok()
    });
    match &open {
        // SQLite wants to write beside a database that may have a log, but nobody has it open: it has all in itself.
        Err(rusqlite::Error::SqliteFailure(error, _))
            if matches!(error.code, ErrorCode::ReadOnly | ErrorCode::CannotOpen) && !has_log =>
        {
            let address = format!("file:{}?immutable=1", escaped(&path));
            Connection::open_with_flags(address, flags | OpenFlags::SQLITE_OPEN_URI).and_then(looked_at)
        }
        _ => open,
    }
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

/// Reads all rows, in order, and hands over each that is as it was written.
///
/// # Errors
/// See [`Unverified`]; what was handed over before is part of a record that is not whole.
pub fn verify(
    db: &mut Connection,
    wanted: Option<Hash>,
    mut each: impl FnMut(&Row),
) -> Result<Verified, Unverified> {
    // One moment: rows come in meanwhile.
    let db = db.transaction()?;
    let (expected, head) = latest(&db)?;
    let mut verified = Verified {
        rows: 0,
        head: Hash::default(),
        noted: None,
        seen: wanted.is_none_or(|wanted| wanted == Hash::default()),
    };
    let mut statement = db.prepare(&format!("SELECT {COLUMNS} FROM audit ORDER BY id"))?;
    let mut rows = statement.query([])?;
    while let Some(found) = rows.next()? {
        // A value of another type is as good as a wrong one.
        let Ok(row) = row(found) else {
            return Err(Unverified::Changed(verified.rows + 1));
        };
        let hash = verified.head.then(&row);
        let stored: Option<[u8; 32]> = found.get(13).ok();
        if row.id != verified.rows + 1 || stored != Some(hash.0) {
            return Err(Unverified::Changed(verified.rows + 1));
        }
        if row.action.action == BROKEN {
            verified
                .noted
                .get_or_insert_with(|| (row.id, row.action.reason.clone()));
        }
        verified.rows = row.id;
        verified.head = hash;
        verified.seen |= wanted == Some(hash);
        each(&row);
    }
    if verified.rows < expected {
        return Err(Unverified::Shortened {
            found: verified.rows,
            expected,
        });
    }
    if verified.rows > expected || verified.head != head {
        return Err(Unverified::Changed(verified.rows));
    }
    Ok(verified)
}
