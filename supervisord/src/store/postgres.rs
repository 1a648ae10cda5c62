//! The store in a PostgreSQL database.
//!
//! What is committed, and so acknowledged to the node, survives a power cut (`synchronous_commit`). An advisory lock keeps a
//! second daemon out, and goes with the connection. Whoever writes takes another one first: one writes at a time, as in SQLite.

use std::collections::HashMap;
use std::time::Duration;

use postgres::config::Host;
use postgres::error::SqlState;
use postgres::fallible_iterator::FallibleIterator;
use postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use postgres::{Client, Config, IsolationLevel, NoTls, Statement, Transaction};

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
/// Values of one statement; the protocol allows twice as many.
const MOST_VALUES: usize = 32_000;
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
    client: Client,
    statements: HashMap<String, Statement>,
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
            .is_some_and(|connection| connection.client.is_closed())
        {
            self.connection = None;
        }
        if self.connection.is_none() {
            let mut client = self.config.connect(NoTls)?;
            client.batch_execute("SET synchronous_commit = on; SET client_min_messages = warning")?;
            if self.daemon {
                let row = client.query_one("SELECT pg_try_advisory_lock($1)", &[&DAEMON])?;
                if !row.try_get::<_, bool>(0)? {
                    return Err(SqlError::Refused(IN_USE.to_owned()));
                }
            }
            self.connection = Some(Connection {
                client,
                statements: HashMap::new(),
            });
        }
        self.connection
            .as_mut()
            .ok_or_else(|| SqlError::Refused("there is no connection".to_owned()))
    }
}

/// Whether the connection is of no use any more: the server said nothing, or that it ends.
fn is_lost(error: &SqlError) -> bool {
    let SqlError::Postgres(error) = error else {
        return false;
    };
    let ends = |code: &SqlState| code.code().starts_with("57P") || code.code().starts_with("08");
    error.code().is_none_or(ends)
}

const IN_USE: &str = "in use by another daemon";

impl Engine for Postgres {
    fn place(&self) -> String {
        self.place.clone()
    }

    fn write(&mut self, work: Work<'_>) -> Result<(), SqlError> {
        self.over_connection(|Connection { client, statements }| {
            let mut tx = client.transaction()?;
            tx.execute("SELECT pg_advisory_xact_lock($1)", &[&WRITER])?;
            let mut open = Open { tx, statements };
            work(&mut open)?;
            Ok(open.tx.commit()?)
        })
    }

    fn read(&mut self, work: Work<'_>) -> Result<(), SqlError> {
        self.over_connection(|Connection { client, statements }| {
            let tx = client
                .build_transaction()
                .read_only(true)
                .isolation_level(IsolationLevel::RepeatableRead)
                .start()?;
            let mut open = Open { tx, statements };
            work(&mut open)?;
            Ok(open.tx.commit()?)
        })
    }

    fn failure(&self, error: SqlError) -> StoreError {
        let path = self.place.clone();
        let cause = error.to_string();
        match &error {
            SqlError::Refused(why) if why == IN_USE => StoreError::InUse { path },
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

/// In the middle of a transaction.
struct Open<'a> {
    tx: Transaction<'a>,
    statements: &'a mut HashMap<String, Statement>,
}

impl Open<'_> {
    fn statement(&mut self, sql: &str) -> Result<Statement, SqlError> {
        if let Some(known) = self.statements.get(sql) {
            return Ok(known.clone());
        }
        let statement = self.tx.prepare(sql)?;
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

impl ToSql for Value {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut postgres::types::private::BytesMut,
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
        Ok(self.tx.batch_execute(sql)?)
    }

    fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, SqlError> {
        let statement = self.statement(sql)?;
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as _).collect();
        Ok(self.tx.execute(&statement, &values)?)
    }

    fn each(
        &mut self,
        sql: &str,
        values: &[Value],
        each: &mut dyn FnMut(Row) -> Result<(), SqlError>,
    ) -> Result<(), SqlError> {
        let statement = self.statement(sql)?;
        let values = values.iter().map(|value| value as &dyn ToSql);
        let mut rows = self.tx.query_raw(&statement, values)?;
        while let Some(row) = rows.next()? {
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

    fn insert(&mut self, table: &str, width: usize, rows: &[Value], tail: &str) -> Result<(), SqlError> {
        let mut rest = rows;
        while !rest.is_empty() {
            // By powers of two, so that few statements serve all numbers of rows.
            let left = (rest.len() / width).min(MOST_VALUES / width);
            let count = 1 << left.max(1).ilog2();
            let groups: Vec<String> = (0..count)
                .map(|row| format!("({})", places(row * width, width)))
                .collect();
            let sql = format!("INSERT INTO {table} VALUES {} {tail}", groups.join(", "));
            let (now, later) = rest.split_at((count * width).min(rest.len()));
            self.execute(&sql, now)?;
            rest = later;
        }
        Ok(())
    }
}
