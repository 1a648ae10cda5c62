//! The store in a PostgreSQL database.
//!
//! What is committed, and so acknowledged to the node, survives a power cut (`synchronous_commit`). An advisory lock keeps a
//! second daemon out, and goes with the connection. Whoever writes takes another one first: one writes at a time, as in SQLite.
//!
//! Rows go as one array a column, so that a statement serves any number of them, and are not waited for: the server inserts those of
//! one table while the next ones are prepared. What it says to them is heard before anything is committed.

use std::collections::HashMap;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::TryStreamExt;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_postgres::config::Host;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Config, NoTls, Statement};

use super::base::SqlStore;
use super::sql::{Dialect, Engine, Row, Sql, SqlError, Value, Work, places};
use super::{Keeping, StoreError};
use crate::settings::StoreSettings;

/// An [`EventStore`](super::EventStore) in a PostgreSQL database.
pub type PostgresStore = SqlStore<Postgres>;

/// The daemon's own lock: `hotline`.
const DAEMON: i64 = 0x68_6f74_6c69_6e65;
/// The lock of who writes.
const WRITER: i64 = DAEMON + 1;
/// How long the end of a connection may take.
const LEAVE: Duration = Duration::from_secs(1);
/// How long a connection may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where the database is.
///
/// # Errors
/// Why it cannot be there, for people.
pub fn address(database: &str) -> Result<Config, String> {
    let mut config: Config = database.parse().map_err(|error| {
        format!("{error}; give it as \"postgresql://USER@/DATABASE?host=/run/postgresql\"")
    })?;
    let local = |host: &Host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost"
                || name
                    .parse::<std::net::IpAddr>()
                    .is_ok_and(|host| host.is_loopback())
        }
    };
    if config.get_hosts().is_empty() {
        config.host_path("/run/postgresql");
    }
    if !config.get_hosts().iter().all(local) {
        // Connections between machines must be encrypted, which is not to be had here.
        return Err(
            "only a server of this machine is spoken to: by host=/run/postgresql, or on a loopback \
                    address, where a proxy may encrypt what goes further"
                .to_owned(),
        );
    }
    config
        .connect_timeout(PATIENCE)
        .application_name("hotline-supervisord");
    Ok(config)
}

/// A database, and the connection to it while there is one.
pub struct Postgres {
    place: String,
    config: Config,
    daemon: bool,
    connection: Option<Connection>,
}

struct Connection {
    /// Drives it on a thread of its own, beside who writes.
    runtime: Runtime,
    /// Ends with the connection.
    driver: Option<JoinHandle<()>>,
    /// Gone only when this is dropped.
    client: Option<Arc<Client>>,
    statements: HashMap<String, Statement>,
}

impl Connection {
    fn open(config: &Config) -> Result<Connection, SqlError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("postgresql")
            .enable_all()
            .build()
            .map_err(|error| SqlError::Refused(format!("no thread for the connection: {error}")))?;
        let (client, connection) = runtime.block_on(config.connect(NoTls))?;
        let driver = runtime.spawn(async move {
            // Whoever waits for an answer is told of it.
            let _ = connection.await;
        });
        Ok(Connection {
            runtime,
            driver: Some(driver),
            client: Some(Arc::new(client)),
            statements: HashMap::new(),
        })
    }

    fn client(&self) -> Result<Arc<Client>, SqlError> {
        let client = self.client.clone().filter(|client| !client.is_closed());
        client.ok_or_else(|| SqlError::Refused(LOST.to_owned()))
    }
}

impl Drop for Connection {
    /// Takes leave, so that its locks are free at once.
    fn drop(&mut self) {
        self.client = None;
        self.statements.clear();
        if let Some(driver) = self.driver.take() {
            // A server that does not answer is left alone.
            let _ = self
                .runtime
                .block_on(async { tokio::time::timeout(LEAVE, driver).await });
        }
    }
}

impl std::fmt::Debug for Postgres {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Postgres").field(&self.place).finish()
    }
}

impl PostgresStore {
    /// Connects, and brings the schema up to date.
    ///
    /// # Errors
    /// If it cannot be reached, another daemon has it, or it belongs to a newer version.
    pub fn open(settings: &StoreSettings) -> Result<PostgresStore, StoreError> {
        let database = settings.database.as_deref().unwrap_or_default();
        let mut postgres = Postgres::at(database, true)?;
        postgres.connect()?;
        SqlStore::prepare(postgres, Keeping::of(settings))
    }
}

impl Postgres {
    fn at(database: &str, daemon: bool) -> Result<Postgres, StoreError> {
        let config = address(database).map_err(|cause| StoreError::Unreachable {
            path: "postgresql".to_owned(),
            cause,
        })?;
        let host = match config.get_hosts().first() {
            Some(Host::Unix(path)) => path.display().to_string(),
            Some(Host::Tcp(name)) => name.clone(),
            None => String::new(),
        };
        let name = config.get_dbname().or(config.get_user()).unwrap_or_default();
        Ok(Postgres {
            place: format!("postgresql {name} at {host}"),
            config,
            daemon,
            connection: None,
        })
    }

    /// Connects to look at it, or for a few rows, also while a daemon uses it.
    ///
    /// # Errors
    /// If it cannot be reached.
    pub fn look(database: &str) -> Result<Postgres, StoreError> {
        let mut postgres = Postgres::at(database, false)?;
        postgres.connect()?;
        Ok(postgres)
    }

    fn connect(&mut self) -> Result<(), StoreError> {
        let reached = self.connected().map(drop);
        reached.map_err(|error| self.failure(error))
    }

    /// Does something over the connection, which is made anew the next time if it broke.
    fn over_connection(
        &mut self,
        work: impl FnOnce(&mut Connection) -> Result<(), SqlError>,
    ) -> Result<(), SqlError> {
        let done = self.connected().and_then(work);
        if done.as_ref().is_err_and(is_lost) {
            self.connection = None;
        }
        done
    }

    /// The connection, made anew if the one before broke.
    fn connected(&mut self) -> Result<&mut Connection, SqlError> {
        if self
            .connection
            .as_ref()
            .is_some_and(|connection| connection.client().is_err())
        {
            self.connection = None;
        }
        if self.connection.is_none() {
            let connection = Connection::open(&self.config)?;
            let client = connection.client()?;
            let wait = &connection.runtime;
            wait.block_on(
                client.batch_execute("SET synchronous_commit = on; SET client_min_messages = warning"),
            )?;
            if self.daemon {
                let row = wait.block_on(client.query_one("SELECT pg_try_advisory_lock($1)", &[&DAEMON]))?;
                if !row.try_get::<_, bool>(0)? {
                    return Err(SqlError::Refused(IN_USE.to_owned()));
                }
            }
            self.connection = Some(connection);
        }
        self.connection
            .as_mut()
            .ok_or_else(|| SqlError::Refused(LOST.to_owned()))
    }
}

/// Whether the connection is of no use any more: the server said nothing, or that it ends.
fn is_lost(error: &SqlError) -> bool {
    let error = match error {
        SqlError::Postgres(error) => error,
        SqlError::Refused(why) => return why == LOST,
        SqlError::Sqlite(_) | SqlError::Unreadable(_) => return false,
    };
    let ends = |code: &SqlState| code.code().starts_with("57P") || code.code().starts_with("08");
    error.code().is_none_or(ends)
}

const IN_USE: &str = "in use by another daemon";
const LOST: &str = "there is no connection";

impl Engine for Postgres {
    fn place(&self) -> String {
        self.place.clone()
    }

    fn write(&mut self, work: Work<'_>) -> Result<(), SqlError> {
        let begin = format!("BEGIN; SELECT pg_advisory_xact_lock({WRITER})");
        self.over_connection(|connection| Open::of(connection)?.through(&begin, work))
    }

    fn read(&mut self, work: Work<'_>) -> Result<(), SqlError> {
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        self.over_connection(|connection| Open::of(connection)?.through(begin, work))
    }

    fn failure(&self, error: SqlError) -> StoreError {
        let path = self.place.clone();
        let cause = error.to_string();
        match &error {
            SqlError::Refused(why) if why == IN_USE => StoreError::InUse { path },
            SqlError::Refused(why) if why == LOST => StoreError::Unreachable { path, cause },
            SqlError::Postgres(error) => match error.code() {
                Some(code) if *code == SqlState::DISK_FULL => StoreError::Full { path, cause },
                Some(_) if self.connection.is_some() => StoreError::Failed { path, cause },
                Some(_) | None => StoreError::Unreachable { path, cause },
            },
            SqlError::Sqlite(_) | SqlError::Unreadable(_) | SqlError::Refused(_) => {
                StoreError::of(path, error)
            }
        }
    }
}

/// Rows on their way.
type Sent = Pin<Box<dyn Future<Output = Result<u64, tokio_postgres::Error>> + Send>>;

/// In the middle of a transaction.
struct Open<'a> {
    client: Arc<Client>,
    runtime: &'a Runtime,
    statements: &'a mut HashMap<String, Statement>,
    /// What the server has not answered yet, in order.
    sent: Vec<Sent>,
}

impl Open<'_> {
    fn of(connection: &mut Connection) -> Result<Open<'_>, SqlError> {
        Ok(Open {
            client: connection.client()?,
            runtime: &connection.runtime,
            statements: &mut connection.statements,
            sent: Vec::new(),
        })
    }

    /// A whole transaction.
    fn through(mut self, begin: &str, work: Work<'_>) -> Result<(), SqlError> {
        let client = self.client.clone();
        self.answer(client.batch_execute(begin))?;
        let done = work(&mut self).and_then(|()| self.settle());
        let end = if done.is_ok() { "COMMIT" } else { "ROLLBACK" };
        let ended = self.answer(client.batch_execute(end));
        // Why it failed is of interest, not what came of that.
        done.and(ended)
    }

    /// What the server says to something, and first to all that was sent before: one that failed fails all behind it.
    fn answer<T>(
        &mut self,
        asked: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, SqlError> {
        let answered = self.runtime.block_on(asked);
        self.settle()?;
        Ok(answered?)
    }

    /// Hears what the server says to all that was sent.
    fn settle(&mut self) -> Result<(), SqlError> {
        let mut all = Ok(());
        for sent in self.sent.drain(..) {
            let answered = self.runtime.block_on(sent);
            all = all.and(answered.map(drop));
        }
        Ok(all?)
    }

    fn statement(&mut self, sql: &str) -> Result<Statement, SqlError> {
        if let Some(known) = self.statements.get(sql) {
            return Ok(known.clone());
        }
        let client = self.client.clone();
        let statement = self.answer(client.prepare(sql))?;
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    /// The statement that inserts any number of rows: `SELECT * FROM unnest(…)` over an array for each column.
    fn rows_into(&mut self, table: &str, width: usize, tail: &str) -> Result<Statement, SqlError> {
        let key = format!("{table} {tail}");
        if let Some(known) = self.statements.get(&key) {
            return Ok(known.clone());
        }
        // The server says what the columns are of.
        let one = format!("INSERT INTO {table} VALUES ({}) {tail}", places(0, width));
        let client = self.client.clone();
        let one = self.answer(client.prepare(&one))?;
        let arrays: Vec<String> = one
            .params()
            .iter()
            .zip(1..)
            .map(|(of, place)| format!("CAST(${place} AS {}[])", of.name()))
            .collect();
        let many = format!(
            "INSERT INTO {table} SELECT * FROM unnest({}) {tail}",
            arrays.join(", ")
        );
        let statement = self.answer(client.prepare(&many))?;
        self.statements.insert(key, statement.clone());
        Ok(statement)
    }
}

impl ToSql for Value {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut bytes::BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Value::Null => Ok(IsNull::Yes),
            Value::Int(value) => value.to_sql(ty, out),
            Value::Text(value) => value.to_sql(ty, out),
            Value::Blob(value) => value.to_sql(ty, out),
        }
    }

    // A value fits its column by the statements that there are, or the server says no.
    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl Sql for Open<'_> {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn batch(&mut self, sql: &str) -> Result<(), SqlError> {
        let client = self.client.clone();
        self.answer(client.batch_execute(sql))
    }

    fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, SqlError> {
        let statement = self.statement(sql)?;
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as _).collect();
        let client = self.client.clone();
        self.answer(client.execute(&statement, &values))
    }

    fn each(
        &mut self,
        sql: &str,
        values: &[Value],
        each: &mut dyn FnMut(Row) -> Result<(), SqlError>,
    ) -> Result<(), SqlError> {
        let statement = self.statement(sql)?;
        let client = self.client.clone();
        let rows = self.answer(client.query_raw(&statement, values))?;
        let mut rows = pin!(rows);
        while let Some(row) = self.runtime.block_on(rows.try_next())? {
            let cell = |place: usize| -> Result<Value, SqlError> {
                let ty = row.columns()[place].type_();
                Ok(match *ty {
                    Type::INT8 => row.try_get::<_, Option<i64>>(place)?.into(),
                    Type::INT4 => row.try_get::<_, Option<i32>>(place)?.map(i64::from).into(),
                    Type::TEXT | Type::VARCHAR => row.try_get::<_, Option<String>>(place)?.into(),
                    Type::BYTEA => row
                        .try_get::<_, Option<Vec<u8>>>(place)?
                        .map_or(Value::Null, Value::Blob),
                    _ => return Err(SqlError::Unreadable(format!("a column of type {ty}"))),
                })
            };
            each(Row((0..row.len()).map(cell).collect::<Result<_, _>>()?))?;
        }
        Ok(())
    }

    fn insert(&mut self, table: &str, width: usize, rows: Vec<Value>, tail: &str) -> Result<(), SqlError> {
        if rows.is_empty() {
            return Ok(());
        }
        let statement = self.rows_into(table, width, tail)?;
        let mut columns: Vec<Vec<Value>> = vec![Vec::with_capacity(rows.len() / width); width];
        for (place, value) in rows.into_iter().enumerate() {
            columns[place % width].push(value);
        }
        let client = self.client.clone();
        let mut sent: Sent = Box::pin(async move { client.execute_raw(&statement, columns).await });
        // Looked at once, it is on its way; an answer may even be there.
        match sent.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answered) => {
                self.settle()?;
                answered?;
            }
            Poll::Pending => self.sent.push(sent),
        }
        Ok(())
    }
}
