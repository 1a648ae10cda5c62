//! The latest rows, page by page, for who looks at the record while the daemon writes it.

use super::Row;
use super::chain::{COLUMNS, read};
use crate::store::sql::{Sql, SqlError, Value};

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
    /// Only from this moment on; microseconds since the Unix epoch.
    pub from: Option<u64>,
    /// Only before this moment.
    pub until: Option<u64>,
}

/// The latest rows that are wanted, latest first. They are not verified.
///
/// # Errors
/// As the database has it.
pub fn latest_rows(sql: &mut dyn Sql, filter: &Filter<'_>, limit: u32) -> Result<Vec<Row>, SqlError> {
    let mut values: Vec<Value> = vec![filter.before.unwrap_or(u64::MAX).into()];
    let mut wanted = "id < $1".to_owned();
    for (column, value) in [
        ("author", filter.author),
        ("action", filter.action),
        ("target", filter.target),
    ] {
        if let Some(value) = value {
            values.push(value.into());
            wanted.push_str(&format!(" AND {column} = ${}", values.len()));
        }
    }
    for (compared, value) in [(">=", filter.from), ("<", filter.until)] {
        if let Some(value) = value {
            values.push(value.into());
            wanted.push_str(&format!(" AND at {compared} ${}", values.len()));
        }
    }
    let query = format!("SELECT {COLUMNS} FROM audit WHERE {wanted} ORDER BY id DESC LIMIT {limit}");
    let mut rows = Vec::new();
    sql.each(&query, &values, &mut |found| {
        rows.push(read(&found)?);
        Ok(())
    })?;
    Ok(rows)
}
