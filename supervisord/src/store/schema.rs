//! The tables, and how an older store becomes one of this version.

use super::ledger::figures::{AgentFigures, DISPOSED, QueueFigures};
use super::sql::{Dialect, Sql, SqlError, values};

/// Each is applied once, in order; its place counted from 1 is the schema's version.
const MIGRATIONS: &[fn() -> String] = &[events, audit, ledger, audit_found, visits_disposed, surveys];

/// The version of this program's schema.
pub const VERSION: u64 = MIGRATIONS.len() as u64;

/// The version from which on there are records that follow from events.
pub const LEDGER: u64 = 3;

/// Tables as they are copied: name and columns.
pub const TABLES: &[(&str, &str)] = &[
    ("events", "node, boot, seq, at, body"),
    ("nodes", "node, boot, seq"),
    ("gaps", "node, boot, first, last, reason, at"),
    ("checkpoint", "id, at, state"),
    (
        "audit",
        "id, at, node, boot, seq, author, action, target, asked, before, after, result, reason, hash",
    ),
    ("audit_head", "one, rows, hash"),
    ("boots", "id, node, boot, began, last, seq, gap, targets"),
    ("marks", "id, boot, seq, kind, body"),
    ("anchor", "one, ledger"),
    ("meta", "key, value"),
    ("numbers", "caller, boot, seq"),
    ("calls", super::ledger::tables::CALLS),
    ("visits", super::ledger::tables::VISITS),
    ("offers", super::ledger::tables::OFFERS),
    ("surveys", super::ledger::surveys::SURVEYS),
    ("agent_time", super::ledger::tables::AGENT_TIME),
    ("queue_stats", "*"),
    ("agent_stats", "*"),
];

fn events() -> String {
    "CREATE TABLE events (
        node TEXT NOT NULL, boot TEXT NOT NULL, seq BIGINT NOT NULL,
        at BIGINT NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (node, boot, seq)
    ){keyed};
    CREATE INDEX events_at ON events (at);
    CREATE TABLE nodes (node TEXT PRIMARY KEY, boot TEXT NOT NULL, seq BIGINT NOT NULL){keyed};
    CREATE TABLE gaps (
        node TEXT NOT NULL, boot TEXT NOT NULL, first BIGINT NOT NULL, last BIGINT NOT NULL,
        reason TEXT NOT NULL, at BIGINT NOT NULL
    );
    CREATE TABLE checkpoint (id {row} PRIMARY KEY CHECK (id = 1), at BIGINT NOT NULL, state TEXT NOT NULL);"
        .to_owned()
}

fn audit() -> String {
    "CREATE TABLE IF NOT EXISTS audit (
        id {row} PRIMARY KEY, at BIGINT NOT NULL, node TEXT NOT NULL, boot TEXT NOT NULL, seq BIGINT NOT NULL,
        author TEXT NOT NULL, action TEXT NOT NULL, target TEXT NOT NULL, asked TEXT NOT NULL,
        before TEXT NOT NULL, after TEXT NOT NULL, result TEXT NOT NULL, reason TEXT NOT NULL, hash {bytes} NOT NULL
    );
    CREATE INDEX IF NOT EXISTS audit_author ON audit (author, id);
    CREATE TABLE IF NOT EXISTS audit_head (one {row} PRIMARY KEY CHECK (one = 1), rows BIGINT NOT NULL, hash {bytes} NOT NULL);"
        .to_owned()
}

fn ledger() -> String {
    let figures = |columns: &[&str]| {
        let columns: Vec<String> = columns
            .iter()
            .filter(|column| !DISPOSED.contains(column))
            .map(|column| format!("{column} BIGINT NOT NULL"))
            .collect();
        columns.join(", ")
    };
    "CREATE TABLE boots (
        id {row} PRIMARY KEY, node TEXT NOT NULL, boot TEXT NOT NULL, began BIGINT NOT NULL, last BIGINT NOT NULL,
        seq BIGINT NOT NULL, gap BIGINT, targets TEXT NOT NULL, UNIQUE (node, boot)
    );
    CREATE TABLE marks (
        id {row} PRIMARY KEY, boot BIGINT NOT NULL, seq BIGINT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL
    );
    CREATE INDEX marks_boot ON marks (boot, seq);
    CREATE TABLE anchor (one {row} PRIMARY KEY CHECK (one = 1), ledger TEXT NOT NULL);
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL){keyed};
    CREATE TABLE numbers (
        caller TEXT NOT NULL, boot BIGINT NOT NULL, seq BIGINT NOT NULL, PRIMARY KEY (caller, boot, seq)
    ){keyed};
    CREATE INDEX numbers_event ON numbers (boot, seq);
    CREATE TABLE calls (
        boot BIGINT NOT NULL, born BIGINT NOT NULL, call TEXT NOT NULL, number TEXT NOT NULL, caller TEXT,
        queue TEXT NOT NULL, tier TEXT NOT NULL, began BIGINT NOT NULL, ended BIGINT, outcome TEXT, agent TEXT,
        visits BIGINT NOT NULL, callback TEXT, PRIMARY KEY (boot, born, call)
    ){keyed};
    CREATE INDEX calls_began ON calls (began);
    CREATE INDEX calls_call ON calls (call);
    CREATE INDEX calls_caller ON calls (caller, began);
    CREATE INDEX calls_open ON calls (boot) WHERE ended IS NULL;
    CREATE TABLE visits (
        boot BIGINT NOT NULL, born BIGINT NOT NULL, call TEXT NOT NULL, nth BIGINT NOT NULL, queue TEXT NOT NULL,
        tier TEXT NOT NULL, joined BIGINT NOT NULL, connected BIGINT, ended BIGINT, outcome TEXT, agent TEXT,
        wait BIGINT NOT NULL, ring BIGINT NOT NULL, target BIGINT, talk BIGINT NOT NULL, hold BIGINT NOT NULL,
        wrap_up BIGINT NOT NULL, consults BIGINT NOT NULL, conferences BIGINT NOT NULL, ended_by TEXT, went TEXT,
        cut TEXT NOT NULL, settled BIGINT NOT NULL, PRIMARY KEY (boot, born, call)
    ){keyed};
    CREATE INDEX visits_joined ON visits (joined);
    CREATE INDEX visits_open ON visits (boot) WHERE settled = 0;
    CREATE TABLE offers (
        boot BIGINT NOT NULL, born BIGINT NOT NULL, offer BIGINT NOT NULL, ended BIGINT NOT NULL, call TEXT NOT NULL,
        agent TEXT NOT NULL, queue TEXT NOT NULL, tier TEXT NOT NULL, result TEXT NOT NULL, ring BIGINT NOT NULL,
        PRIMARY KEY (boot, born)
    ){keyed};
    CREATE INDEX offers_ended ON offers (ended);
    CREATE TABLE agent_time (
        boot BIGINT NOT NULL, born BIGINT NOT NULL, agent TEXT NOT NULL, began BIGINT NOT NULL, ended BIGINT,
        state TEXT NOT NULL, reason TEXT NOT NULL, call TEXT, queue TEXT NOT NULL, tier TEXT NOT NULL, cut TEXT NOT NULL,
        PRIMARY KEY (boot, born, agent, began)
    ){keyed};
    CREATE INDEX agent_time_began ON agent_time (began);
    CREATE INDEX agent_time_open ON agent_time (boot) WHERE ended IS NULL;
    CREATE TABLE queue_stats (
        slot BIGINT NOT NULL, node TEXT NOT NULL, queue TEXT NOT NULL, tier TEXT NOT NULL, {queue_figures},
        PRIMARY KEY (slot, node, queue, tier)
    ){keyed};
    CREATE TABLE agent_stats (
        slot BIGINT NOT NULL, node TEXT NOT NULL, agent TEXT NOT NULL, queue TEXT NOT NULL, tier TEXT NOT NULL,
        {agent_figures}, PRIMARY KEY (slot, node, agent, queue, tier)
    ){keyed};"
        .replace("{queue_figures}", &figures(QueueFigures::COLUMNS))
        .replace("{agent_figures}", &figures(AgentFigures::COLUMNS))
}

/// So that rows about something, and of some time, are found without looking at all.
fn audit_found() -> String {
    "CREATE INDEX IF NOT EXISTS audit_target ON audit (target, id);
    CREATE INDEX IF NOT EXISTS audit_at ON audit (at);"
        .to_owned()
}

/// What agents said that calls were about.
fn visits_disposed() -> String {
    let mut all = "ALTER TABLE visits ADD COLUMN disposition TEXT;
    ALTER TABLE visits ADD COLUMN complaint BIGINT NOT NULL DEFAULT 0;
    ALTER TABLE visits ADD COLUMN resolved BIGINT NOT NULL DEFAULT 0;
    ALTER TABLE visits ADD COLUMN follow_up BIGINT NOT NULL DEFAULT 0;
    ALTER TABLE visits ADD COLUMN note TEXT;"
        .to_owned();
    for table in ["queue_stats", "agent_stats"] {
        for column in DISPOSED {
            all += &format!("ALTER TABLE {table} ADD COLUMN {column} BIGINT NOT NULL DEFAULT 0;");
        }
    }
    all
}

fn surveys() -> String {
    "CREATE TABLE surveys (
        boot BIGINT NOT NULL, born BIGINT NOT NULL, call TEXT NOT NULL, asked BIGINT NOT NULL, queue TEXT NOT NULL,
        tier TEXT NOT NULL, agent TEXT NOT NULL, ended BIGINT, score BIGINT, highest BIGINT, cut TEXT NOT NULL,
        settled BIGINT NOT NULL, PRIMARY KEY (boot, born, call)
    ){keyed};
    CREATE INDEX surveys_asked ON surveys (asked);
    CREATE INDEX surveys_open ON surveys (boot) WHERE settled = 0;"
        .to_owned()
}

/// Makes the tables of the audit record, unless they are there: whatever somebody did to them, events must not wait.
///
/// # Errors
/// As the database has it.
pub fn audit_tables(sql: &mut dyn Sql) -> Result<(), SqlError> {
    let text = spoken(sql.dialect(), &(audit() + &audit_found()));
    sql.batch(&text)
}

/// What differs from one database to the other.
fn spoken(dialect: Dialect, sql: &str) -> String {
    let (keyed, row, bytes) = match dialect {
        Dialect::Sqlite => (" WITHOUT ROWID", "INTEGER", "BLOB"),
        Dialect::Postgres => ("", "BIGINT", "BYTEA"),
    };
    sql.replace("{keyed}", keyed)
        .replace("{row}", row)
        .replace("{bytes}", bytes)
}

/// Brings the schema up to date. Returns the version that was there before: 0 for a new store, more than [`VERSION`] for one
/// of a newer program, which is left as it is.
///
/// # Errors
/// As the database has it.
pub fn migrate(sql: &mut dyn Sql) -> Result<u64, SqlError> {
    let present = version_if_any(sql)?;
    let now = match sql.dialect() {
        Dialect::Sqlite => "datetime('now')",
        Dialect::Postgres => "CAST(now() AS TEXT)",
    };
    for (place, migration) in MIGRATIONS.iter().enumerate().skip(present as usize) {
        let text = spoken(sql.dialect(), &migration());
        sql.batch(&text)?;
        let insert = format!("INSERT INTO migrations VALUES ($1, {now})");
        sql.execute(&insert, values![place as u64 + 1])?;
    }
    Ok(present)
}

/// The version that a store has, 0 if it is a new one.
///
/// # Errors
/// As the database has it.
pub fn version_if_any(sql: &mut dyn Sql) -> Result<u64, SqlError> {
    sql.batch(
        "CREATE TABLE IF NOT EXISTS migrations (version BIGINT PRIMARY KEY, applied_at TEXT NOT NULL)",
    )?;
    version(sql)
}

/// The version that a store has.
///
/// # Errors
/// As the database has it; also if it is no store.
pub fn version(sql: &mut dyn Sql) -> Result<u64, SqlError> {
    let row = sql.first("SELECT coalesce(max(version), 0) FROM migrations", &[])?;
    row.map_or(Ok(0), |row| row.uint(0))
}
