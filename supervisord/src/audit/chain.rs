//! The rows in the database, and the chain of their hashes.
//!
//! `hash(n) = SHA-256(hash(n - 1) || field || field ...)`, each field behind its length in eight bytes, hash(0) all zeros
//! (FIPS 180-4). Whoever changes, removes or inserts a row must make all later hashes anew; who keeps the last hash elsewhere
//! finds that out. The daemon writes it to its log at every checkpoint.

use std::fmt;
use std::path::Path;

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::{Action, Row};

/// The tables.
pub const SCHEMA: &str = "
    CREATE TABLE audit (
        id INTEGER PRIMARY KEY, at INTEGER NOT NULL, node TEXT NOT NULL, boot TEXT NOT NULL, seq INTEGER NOT NULL,
        author TEXT NOT NULL, action TEXT NOT NULL, target TEXT NOT NULL, asked TEXT NOT NULL,
        before TEXT NOT NULL, after TEXT NOT NULL, result TEXT NOT NULL, reason TEXT NOT NULL, hash BLOB NOT NULL
    );
    CREATE INDEX audit_author ON audit (author, id);
    CREATE TABLE audit_head (one INTEGER PRIMARY KEY CHECK (one = 1), rows INTEGER NOT NULL, hash BLOB NOT NULL);
";

const COLUMNS: &str =
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

/// How many rows there are, and the hash of the last.
///
/// # Errors
/// As the database has it.
pub fn latest(db: &Connection) -> rusqlite::Result<(u64, Hash)> {
    let head = db
        .prepare_cached("SELECT rows, hash FROM audit_head")?
        .query_row([], |row| Ok((row.get(0)?, Hash(row.get(1)?))))
        .optional()?;
    Ok(head.unwrap_or_default())
}

/// Adds a row, in the transaction at hand.
///
/// # Errors
/// As the database has it.
pub fn append(
    db: &Connection,
    (node, boot, seq, at): (&str, &str, u64, u64),
    action: Action,
) -> rusqlite::Result<()> {
    let (rows, before) = latest(db)?;
    let row = Row {
        id: rows + 1,
        at,
        node: node.to_owned(),
        boot: boot.to_owned(),
        seq,
        action,
    };
    let hash = before.then(&row);
    let Row { id, action, .. } = row;
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
    ])?;
    db.prepare_cached("INSERT OR REPLACE INTO audit_head VALUES (1, ?1, ?2)")?
        .execute(params![id, hash.0])?;
    Ok(())
}

/// Opens a daemon's database to look at it, also while the daemon uses it.
///
/// # Errors
/// As the database has it.
pub fn open(path: &Path) -> rusqlite::Result<Connection> {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    db.busy_timeout(std::time::Duration::from_secs(5))?;
    Ok(db)
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
        seen: wanted.is_none_or(|wanted| wanted == Hash::default()),
    };
    let mut statement = db.prepare(&format!("SELECT {COLUMNS} FROM audit ORDER BY id"))?;
    let mut rows = statement.query([])?;
    while let Some(found) = rows.next()? {
        let row = Row {
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
        };
        let hash = verified.head.then(&row);
        // A value of another type is as good as a wrong one.
        let stored: Option<[u8; 32]> = found.get(13).ok();
        if row.id != verified.rows + 1 || stored != Some(hash.0) {
            return Err(Unverified::Changed(verified.rows + 1));
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
