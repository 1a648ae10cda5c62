//! The rows in the database, and the chain of their hashes.
//!
//! `hash(n) = SHA-256(hash(n - 1) || field || field ...)`, each field behind its length in eight bytes, hash(0) all zeros
//! (FIPS 180-4). Whoever changes, removes or inserts a row must make all later hashes anew; who keeps the last hash elsewhere
//! finds that out. The daemon writes it to its log at every checkpoint.

use std::fmt;

use sha2::{Digest, Sha256};

use super::{Action, Row};
use crate::store::sql::{self, Engine, Sql, SqlError, Value, values};
use crate::store::{StoreError, schema};

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
    Unreadable(StoreError),
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

/// How many rows there are, and the hash of the last; what makes no sense there is as good as nothing.
///
/// # Errors
/// As the database has it.
pub fn latest(sql: &mut dyn Sql) -> Result<(u64, Hash), SqlError> {
    let head = sql.first("SELECT rows, hash FROM audit_head", &[])?;
    Ok(head.as_ref().map(counted).unwrap_or_default())
}

/// The same by the rows themselves.
fn latest_row(sql: &mut dyn Sql) -> Result<(u64, Hash), SqlError> {
    // Behind the largest number there is, which somebody else put there, nothing could stand.
    let query = "SELECT id, hash FROM audit WHERE id < 9223372036854775807 ORDER BY id DESC LIMIT 1";
    let last = sql.first(query, &[])?;
    Ok(last.as_ref().map(counted).unwrap_or_default())
}

fn counted(row: &sql::Row) -> (u64, Hash) {
    let hash = row.blob(1).and_then(|bytes| bytes.try_into().ok()).map(Hash);
    (row.uint(0).unwrap_or_default(), hash.unwrap_or_default())
}

/// Adds a row, in the transaction at hand. Where the record is not as this program left it, which events must not wait for, the next
/// row says so, which [`verify`] tells.
///
/// # Errors
/// As the database has it.
pub fn append(
    sql: &mut dyn Sql,
    (node, boot, seq, at): (&str, &str, u64, u64),
    action: Action,
) -> Result<(), SqlError> {
    let before = |sql: &mut dyn Sql| Ok::<_, SqlError>((latest(sql)?, latest_row(sql)?));
    let (head, last) = match before(sql) {
        // A table is gone. PostgreSQL ends the transaction with that; the next one makes the table anew.
        Err(SqlError::Sqlite(rusqlite::Error::SqliteFailure(error, _)))
            if error.code == rusqlite::ErrorCode::Unknown =>
        {
            schema::audit_tables(sql)?;
            before(sql)?
        }
        both => both?,
    };
    let add = |sql: &mut dyn Sql, (rows, before): (u64, Hash), action: Action| {
        let row = Row {
            id: rows + 1,
            at,
            node: node.to_owned(),
            boot: boot.to_owned(),
            seq,
            action,
        };
        let latest = (row.id, before.then(&row));
        insert(sql, row, latest.1).map(|()| latest)
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
        add(sql, last, note)?
    };
    let last = add(sql, last, action)?;
    let put = "INSERT INTO audit_head (one, rows, hash) VALUES (1, $1, $2) \
               ON CONFLICT (one) DO UPDATE SET rows = excluded.rows, hash = excluded.hash";
    sql.execute(put, values![last.0, last.1.0.as_slice()]).map(drop)
}

fn insert(sql: &mut dyn Sql, row: Row, hash: Hash) -> Result<(), SqlError> {
    let action = row.action;
    let values: &[Value] = values![
        row.id,
        row.at,
        row.node,
        row.boot,
        row.seq,
        action.author,
        action.action,
        action.target,
        action.asked,
        action.before,
        action.after,
        action.result,
        action.reason,
        hash.0.as_slice(),
    ];
    sql.insert(&format!("audit ({COLUMNS})"), values.len(), values.to_vec(), "")
}

/// Reads all rows, in order, and hands over each that is as it was written.
///
/// # Errors
/// See [`Unverified`]; what was handed over before is part of a record that is not whole.
pub fn verify(
    engine: &mut dyn Engine,
    wanted: Option<Hash>,
    mut each: impl FnMut(&Row),
) -> Result<Verified, Unverified> {
    // One moment: rows come in meanwhile.
    let found = sql::read(engine, |sql| walk(sql, wanted, &mut each));
    found.map_err(|error| Unverified::Unreadable(engine.failure(error)))?
}

fn walk(
    sql: &mut dyn Sql,
    wanted: Option<Hash>,
    each: &mut dyn FnMut(&Row),
) -> Result<Result<Verified, Unverified>, SqlError> {
    let (expected, head) = latest(sql)?;
    let mut verified = Verified {
        rows: 0,
        head: Hash::default(),
        noted: None,
        seen: wanted.is_none_or(|wanted| wanted == Hash::default()),
    };
    let mut changed = false;
    sql.each(
        &format!("SELECT {COLUMNS} FROM audit ORDER BY id"),
        &[],
        &mut |found| {
            if changed {
                return Ok(());
            }
            // A value of another type is as good as a wrong one.
            let Ok(row) = read(&found) else {
                changed = true;
                return Ok(());
            };
            let hash = verified.head.then(&row);
            changed = row.id != verified.rows + 1 || found.blob(13) != Some(hash.0.as_slice());
            if !changed {
                if row.action.action == BROKEN {
                    let noted = &mut verified.noted;
                    noted.get_or_insert_with(|| (row.id, row.action.reason.clone()));
                }
                verified.rows = row.id;
                verified.head = hash;
                verified.seen |= wanted == Some(hash);
                each(&row);
            }
            Ok(())
        },
    )?;
    Ok(if changed {
        Err(Unverified::Changed(verified.rows + 1))
    } else if verified.rows < expected {
        Err(Unverified::Shortened {
            found: verified.rows,
            expected,
        })
    } else if verified.rows > expected || verified.head != head {
        Err(Unverified::Changed(verified.rows))
    } else {
        Ok(verified)
    })
}

pub(super) fn read(row: &sql::Row) -> Result<Row, SqlError> {
    let text = |place| row.text(place).map(str::to_owned);
    Ok(Row {
        id: row.uint(0)?,
        at: row.uint(1)?,
        node: text(2)?,
        boot: text(3)?,
        seq: row.uint(4)?,
        action: Action {
            author: text(5)?,
            action: text(6)?,
            target: text(7)?,
            asked: text(8)?,
            before: text(9)?,
            after: text(10)?,
            result: text(11)?,
            reason: text(12)?,
        },
    })
}
