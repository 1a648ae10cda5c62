//! The little of SQL that the store is written in, so that one text serves every database.
//!
//! Statements number their values `$1`, `$2`, … in the order in which they first appear: SQLite counts them so, and
//! PostgreSQL is told so.

use std::borrow::Cow;

/// A value of a column.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    /// None.
    Null,
    /// A number; times are microseconds since the Unix epoch.
    Int(i64),
    /// A text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl From<u64> for Value {
    fn from(value: u64) -> Value {
        // Neither times nor counts come near; a row that is too large to be true is better than none.
        Value::Int(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Value::Int(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Value {
        Value::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Value {
        Value::Text(value)
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Value {
        Value::Text(value.clone())
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Value {
        Value::Blob(value.to_owned())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Null, Into::into)
    }
}

/// Values for a statement.
macro_rules! values {
    ($($value:expr),* $(,)?) => { &[$($crate::store::sql::Value::from($value)),*] };
}
pub(crate) use values;

/// A row that was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row(pub Vec<Value>);

impl Row {
    fn cell(&self, place: usize) -> Result<&Value, SqlError> {
        self.0
            .get(place)
            .ok_or_else(|| SqlError::Unreadable(format!("column {} is missing", place + 1)))
    }

    fn other<T>(&self, place: usize, wanted: &str) -> Result<T, SqlError> {
        Err(SqlError::Unreadable(format!(
            "column {} is no {wanted}",
            place + 1
        )))
    }

    /// A number.
    ///
    /// # Errors
    /// It is none.
    pub fn int(&self, place: usize) -> Result<i64, SqlError> {
        match self.cell(place)? {
            Value::Int(value) => Ok(*value),
            Value::Null | Value::Text(_) | Value::Blob(_) => self.other(place, "number"),
        }
    }

    /// A number that is not negative.
    ///
    /// # Errors
    /// It is none.
    pub fn uint(&self, place: usize) -> Result<u64, SqlError> {
        self.int(place)
            .and_then(|value| u64::try_from(value).or_else(|_| self.other(place, "number from 0 on")))
    }

    /// A number that is not negative, or none.
    ///
    /// # Errors
    /// It is something else.
    pub fn maybe_uint(&self, place: usize) -> Result<Option<u64>, SqlError> {
        match self.cell(place)? {
            Value::Null => Ok(None),
            Value::Int(_) | Value::Text(_) | Value::Blob(_) => self.uint(place).map(Some),
        }
    }

    /// A text.
    ///
    /// # Errors
    /// It is none.
    pub fn text(&self, place: usize) -> Result<&str, SqlError> {
        match self.cell(place)? {
            Value::Text(value) => Ok(value),
            Value::Null | Value::Int(_) | Value::Blob(_) => self.other(place, "text"),
        }
    }

    /// A text, or none.
    ///
    /// # Errors
    /// It is something else.
    pub fn maybe_text(&self, place: usize) -> Result<Option<String>, SqlError> {
        match self.cell(place)? {
            Value::Null => Ok(None),
            Value::Int(_) | Value::Text(_) | Value::Blob(_) => {
                self.text(place).map(|text| Some(text.to_owned()))
            }
        }
    }

    /// Bytes; `None` if it is something else.
    pub fn blob(&self, place: usize) -> Option<&[u8]> {
        match self.0.get(place) {
            Some(Value::Blob(value)) => Some(value),
            _ => None,
        }
    }
}

/// Which database.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dialect {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

/// Why it did not work.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// SQLite says so.
    #[error("{0}")]
    Sqlite(#[from] rusqlite::Error),
    /// PostgreSQL says so, or the way to it broke.
    #[error("{}", postgres_says(.0))]
    Postgres(#[from] tokio_postgres::Error),
    /// What stands there is not what was written.
    #[error("{0}")]
    Unreadable(String),
    /// It could not be done, for a reason that is not the database's.
    #[error("{0}")]
    Refused(String),
}

/// The library's own text names the kind of an error and not what happened.
fn postgres_says(error: &tokio_postgres::Error) -> Cow<'static, str> {
    match (error.as_db_error(), std::error::Error::source(error)) {
        (Some(database), _) => format!("{} ({})", database.message(), database.code().code()).into(),
        (None, Some(source)) => format!("{error}: {source}").into(),
        (None, None) => error.to_string().into(),
    }
}

/// A database in the middle of a transaction.
pub trait Sql {
    /// Which it is.
    fn dialect(&self) -> Dialect;

    /// Runs statements that have no values.
    ///
    /// # Errors
    /// As the database has it.
    fn batch(&mut self, sql: &str) -> Result<(), SqlError>;

    /// Runs a statement; says how many rows it changed.
    ///
    /// # Errors
    /// As the database has it.
    fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, SqlError>;

    /// Hands over each row of a query, in order.
    ///
    /// # Errors
    /// As the database has it, or `each`.
    fn each(
        &mut self,
        sql: &str,
        values: &[Value],
        each: &mut dyn FnMut(Row) -> Result<(), SqlError>,
    ) -> Result<(), SqlError>;

    /// Inserts rows: `INSERT INTO {table_and_columns} VALUES … {tail}`, all of which have `width` values. No two may have the same key.
    ///
    /// # Errors
    /// As the database has it; it may say so later, but before anything is committed.
    fn insert(&mut self, table: &str, width: usize, rows: Vec<Value>, tail: &str) -> Result<(), SqlError>;

    /// All rows of a query.
    ///
    /// # Errors
    /// As the database has it.
    fn rows(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, SqlError> {
        let mut rows = Vec::new();
        self.each(sql, values, &mut |row| {
            rows.push(row);
            Ok(())
        })?;
        Ok(rows)
    }

    /// The first row of a query, if there is one.
    ///
    /// # Errors
    /// As the database has it.
    fn first(&mut self, sql: &str, values: &[Value]) -> Result<Option<Row>, SqlError> {
        let mut first = None;
        self.each(sql, values, &mut |row| {
            first.get_or_insert(row);
            Ok(())
        })?;
        Ok(first)
    }
}

/// `$1, $2, …`, from the one after `before` on.
pub(crate) fn places(before: usize, width: usize) -> String {
    let places: Vec<String> = (1..=width).map(|place| format!("${}", before + place)).collect();
    places.join(", ")
}

/// Work in a transaction.
pub type Work<'a> = &'a mut dyn FnMut(&mut dyn Sql) -> Result<(), SqlError>;

/// A database that does work in transactions: all of it or nothing.
pub trait Engine: Send {
    /// Which it is, for people: a path or an address, no secret.
    fn place(&self) -> String;

    /// Does work, for good.
    ///
    /// # Errors
    /// As the work has it; then nothing was done.
    fn write(&mut self, work: Work<'_>) -> Result<(), SqlError>;

    /// Does work that only reads, at one moment of the store.
    ///
    /// # Errors
    /// As the work has it.
    fn read(&mut self, work: Work<'_>) -> Result<(), SqlError>;

    /// What an error means for who runs the daemon.
    fn failure(&self, error: SqlError) -> super::StoreError;

    /// Something was erased: it is to be gone from files too, as far as that is in this program's hands.
    ///
    /// # Errors
    /// As the database has it.
    fn erased(&mut self) -> Result<(), super::StoreError> {
        Ok(())
    }
}

/// Does work and hands over what came of it.
pub(crate) fn write<T>(
    engine: &mut dyn Engine,
    mut work: impl FnMut(&mut dyn Sql) -> Result<T, SqlError>,
) -> Result<T, SqlError> {
    let mut done = None;
    engine.write(&mut |sql| {
        done = Some(work(sql)?);
        Ok(())
    })?;
    done.ok_or_else(|| SqlError::Refused("the database did not do the work".to_owned()))
}

/// The same for work that only reads.
pub(crate) fn read<T>(
    engine: &mut dyn Engine,
    mut work: impl FnMut(&mut dyn Sql) -> Result<T, SqlError>,
) -> Result<T, SqlError> {
    let mut done = None;
    engine.read(&mut |sql| {
        done = Some(work(sql)?);
        Ok(())
    })?;
    done.ok_or_else(|| SqlError::Refused("the database did not do the work".to_owned()))
}
