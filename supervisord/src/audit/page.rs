//! The latest rows, page by page, for who looks at the record while the daemon writes it.

use rusqlite::{Connection, params};

use super::Row;
use super::chain::{COLUMNS, row};

/// Which rows are wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter<'a> {
    /// Only of this author.
    pub author: Option<&'a str>,
    /// Only this action.
    pub action: Option<&'a str>,
    /// Only about this target.
    pub target: Option<&'a str>,
    /// Only rows before this one.
    pub before: Option<u64>,
}

/// The latest rows that are wanted, latest first. They are not verified.
///
/// # Errors
/// As the database has it.
pub fn latest_rows(db: &Connection, filter: &Filter<'_>, limit: u32) -> rusqlite::Result<Vec<Row>> {
    let mut statement = db.prepare(&format!(
        "SELECT {COLUMNS} FROM audit
         WHERE id < ?1 AND (?2 IS NULL OR author = ?2) AND (?3 IS NULL OR action = ?3) AND (?4 IS NULL OR target = ?4)
         ORDER BY id DESC LIMIT ?5"
    ))?;
    let before = filter
        .before
        .map_or(i64::MAX, |before| i64::try_from(before).unwrap_or(i64::MAX));
    let rows = statement.query_map(
        params![before, filter.author, filter.action, filter.target, limit],
        row,
    )?;
    rows.collect()
}
