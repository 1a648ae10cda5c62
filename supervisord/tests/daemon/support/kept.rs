//! A store that is told what a node tells, as the recorder does it, and can be looked into.

use std::collections::BTreeMap;
use std::time::Instant;

use hotline_wire::Snapshot;
use hotline_wire::frame::{EventFrame, Gap, GapReason};
use supervisord::audit;
use supervisord::state::{Applied, Body, Changes, Record, State};
use supervisord::store::base::SqlStore;
use supervisord::store::sql::{Engine, Row, Value};
use supervisord::store::{EventStore, GapRow, Mark, StoreError, StoredEvent};

use super::node::PATIENCE;

/// Records and figures, each with the order of its rows.
pub const TABLES: [(&str, &str); 9] = [
    ("boots", "id"),
    ("calls", "boot, born, call"),
    ("visits", "boot, born, call"),
    ("offers", "boot, born"),
    ("surveys", "boot, born, call"),
    ("agent_time", "boot, born, agent, began"),
    ("numbers", "caller, boot, seq"),
    ("queue_stats", "slot, node, queue, tier"),
    ("agent_stats", "slot, node, agent, queue, tier"),
];

pub struct Kept<E> {
    pub store: SqlStore<E>,
    pub state: State,
}

/// Opens a store that was closed a moment ago: a program that another test starts meanwhile may hold its lock until it runs.
pub fn reopen<E>(open: impl Fn() -> Result<SqlStore<E>, StoreError>) -> SqlStore<E> {
    let begun = Instant::now();
    loop {
        match open() {
            Err(StoreError::InUse { .. }) if begun.elapsed() < PATIENCE => std::thread::yield_now(),
            opened => return opened.unwrap(),
        }
    }
}

/// The same of one that cannot be opened: why.
pub fn reopen_failing<E>(open: impl Fn() -> Result<SqlStore<E>, StoreError>) -> StoreError {
    let begun = Instant::now();
    loop {
        match open() {
            Err(StoreError::InUse { .. }) if begun.elapsed() < PATIENCE => std::thread::yield_now(),
            Err(error) => return error,
            Ok(_) => panic!("it was opened"),
        }
    }
}

impl<E: Engine> Kept<E> {
    pub fn open(mut store: SqlStore<E>) -> Kept<E> {
        let state = store.recover().unwrap();
        Kept { store, state }
    }

    pub fn boot(&mut self, node: &str, boot: &str) {
        self.mark(
            node,
            boot,
            Body::Boot {
                socket: String::new(),
                number: 0,
            },
            &[],
        );
    }

    pub fn gap(&mut self, node: &str, boot: &str, first: u64, last: u64) {
        let reason = GapReason::Overflow;
        let row = GapRow {
            node: node.into(),
            boot: boot.into(),
            first,
            last,
            reason: reason.label().to_owned(),
            at: super::story::MORNING,
        };
        self.mark(node, boot, Body::Gap(Gap { first, last, reason }), &[row]);
    }

    pub fn snapshot(&mut self, node: &str, boot: &str, snapshot: Snapshot) {
        self.mark(node, boot, Body::Snapshot(Box::new(snapshot)), &[]);
    }

    fn mark(&mut self, node: &str, boot: &str, body: Body, gaps: &[GapRow]) {
        let record = Record {
            node: node.into(),
            boot: boot.into(),
            body,
        };
        assert_eq!(self.state.apply(&record, &mut Changes::default()), Applied::New);
        let mark = Mark {
            record: &record,
            gaps,
        };
        self.store.checkpoint(&self.state, Some(&mark)).unwrap();
    }

    /// Commits events, those that are known again too.
    pub fn events(&mut self, node: &str, boot: &str, frames: &[EventFrame]) {
        let mut events: Vec<_> = frames
            .iter()
            .map(|frame| StoredEvent::of(node, boot, frame))
            .collect();
        audit::tell(&self.state, &mut events).unwrap();
        self.store.commit(&events).unwrap();
        for frame in frames {
            let record = Record {
                node: node.into(),
                boot: boot.into(),
                body: Body::Event(frame.clone()),
            };
            self.state.apply(&record, &mut Changes::default());
        }
    }

    pub fn rows(&mut self, query: &str) -> Vec<Row> {
        let mut rows = Vec::new();
        let read = self.store.engine().read(&mut |sql| {
            rows = sql.rows(query, &[])?;
            Ok(())
        });
        read.unwrap_or_else(|error| panic!("{query}: {error}"));
        rows
    }

    pub fn number(&mut self, query: &str) -> i64 {
        self.rows(query)[0].int(0).unwrap()
    }

    /// All records and figures. Rows of figures that came to nothing are none.
    pub fn dump(&mut self) -> BTreeMap<&'static str, Vec<Row>> {
        TABLES
            .into_iter()
            .map(|(table, order)| {
                let mut rows = self.rows(&format!("SELECT * FROM {table} ORDER BY {order}"));
                if table.ends_with("_stats") {
                    rows.retain(|row| row.0[5..].iter().any(|value| *value != Value::Int(0)));
                }
                (table, rows)
            })
            .collect()
    }
}

/// Says where two dumps differ, if they do.
pub fn assert_same(before: &BTreeMap<&str, Vec<Row>>, after: &BTreeMap<&str, Vec<Row>>, what: &str) {
    for (table, rows) in before {
        let others = &after[table];
        for (one, other) in rows.iter().zip(others) {
            assert_eq!(one, other, "{what}: {table}");
        }
        assert_eq!(rows.len(), others.len(), "{what}: rows of {table}");
    }
}
