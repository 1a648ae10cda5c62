//! The store itself, over any database that speaks the little of SQL that it is written in.

use std::collections::BTreeMap;

use hotline_wire::frame::EventFrame;

use super::keep::{
    Bounds, Keeping, Removed, is_masked, mask_event, mask_snapshot, mask_state, meta, prune_records, put_meta,
};
use super::ledger::{Ledger, Told};
use super::replay;
use super::schema;
use super::sql::{self, Engine, Sql, SqlError, Value, values};
use super::{EventStore, Maintain, Maintained, Mark, Note, Noted, StoreError, StoredEvent};
use crate::audit::{self, Action, Hash};
use crate::state::{Applied, Body, Changes, Record, State};

/// Events that are handed to the database at once: it inserts them while the next ones are looked at.
const PIECE: usize = 250;
/// Where the users stand that the audit record tells of.
const USERS: &str = "users";

/// An [`EventStore`] in a database.
#[derive(Debug)]
pub struct SqlStore<E> {
    pub(super) engine: E,
    pub(super) keeping: Keeping,
    /// What is open; read back from the tables after a failure.
    ledger: Option<Ledger>,
    /// Where the last checkpoint stands: what came after it is not to be pruned.
    checkpointed: BTreeMap<String, (String, u64)>,
    /// How many rows the audit record had when that was last logged.
    audited: u64,
    /// Rows that were pruned since that was last written into the audit record.
    removed: Removed,
    /// The last checkpoint failed, or was stored without our knowing: the connection may have broken just then.
    unsure: bool,
}

impl<E: Engine> SqlStore<E> {
    /// Brings the schema up to date, and keeps numbers as it is told from now on.
    ///
    /// # Errors
    /// As the database has it, or if it belongs to a newer version.
    pub(super) fn prepare(engine: E, keeping: Keeping) -> Result<SqlStore<E>, StoreError> {
        let mut store = SqlStore {
            engine,
            keeping,
            ledger: None,
            checkpointed: BTreeMap::new(),
            audited: 0,
            removed: Removed::default(),
            unsure: false,
        };
        let present = store.write(|sql, keeping| {
            let present = schema::version_if_any(sql)?;
            if present <= schema::VERSION {
                schema::migrate(sql)?;
                schema::audit_tables(sql)?;
            }
            // In one step with the schema: of a store that is cut off in between, nobody would know that its records are missing.
            if (1..schema::LEDGER).contains(&present) {
                tracing::info!(
                    "the store is of an older version: its records are made from the events that are there"
                );
                rebuilt(sql, keeping, "upgrade", 0)?;
            }
            Ok(present)
        })?;
        if present > schema::VERSION {
            return Err(StoreError::Unreadable {
                path: store.engine.place(),
                cause: format!(
                    "its schema is version {present}, this program knows {}",
                    schema::VERSION
                ),
            });
        }
        store.write(|sql, keeping| {
            let (before, now) = (meta(sql, "keeping")?, keeping.describe());
            if before.as_ref().is_some_and(|before| *before != now) {
                let action = Action {
                    author: "settings".to_owned(),
                    action: "store_masking".to_owned(),
                    before: before.unwrap_or_default(),
                    after: now.clone(),
                    result: "done".to_owned(),
                    ..Action::default()
                };
                let at = sql.first("SELECT coalesce(max(last), 0) FROM boots", &[])?;
                audit::append(sql, ("", "", 0, at.map_or(Ok(0), |row| row.uint(0))?), action)?;
            }
            put_meta(sql, "keeping", &now)
        })?;
        Ok(store)
    }

    pub(super) fn write<T>(
        &mut self,
        mut work: impl FnMut(&mut dyn Sql, &Keeping) -> Result<T, SqlError>,
    ) -> Result<T, StoreError> {
        let keeping = &self.keeping;
        sql::write(&mut self.engine, |sql| work(sql, keeping)).map_err(|error| self.engine.failure(error))
    }

    /// Does work with the ledger. If it fails, the ledger is read back, since it may be ahead of what is stored.
    pub(super) fn with_ledger<T>(
        &mut self,
        mut work: impl FnMut(&mut dyn Sql, &Keeping, &mut Ledger) -> Result<T, SqlError>,
    ) -> Result<T, StoreError> {
        let (keeping, mut held) = (&self.keeping, self.ledger.take());
        let done = sql::write(&mut self.engine, |sql| {
            let ledger = match &mut held {
                Some(ledger) => ledger,
                none => {
                    // Why the time before failed is not known.
                    schema::audit_tables(sql)?;
                    none.insert(Ledger::load(sql, keeping.numbers())?)
                }
            };
            work(sql, keeping, ledger)
        });
        match done {
            Ok(done) => {
                self.ledger = held;
                Ok(done)
            }
            Err(error) => Err(self.engine.failure(error)),
        }
    }

    /// Makes all records and figures anew, from the oldest event that is there; the figures of before stay.
    ///
    /// # Errors
    /// As the database has it; then all is as before.
    pub fn rebuild(&mut self, author: &str, now: u64) -> Result<replay::Rebuilt, StoreError> {
        self.ledger = None;
        self.write(|sql, keeping| rebuilt(sql, keeping, author, now))
    }

    /// Reads back what is open when it is needed next.
    pub(super) fn forget(&mut self) {
        self.ledger = None;
    }

    /// The database.
    pub fn engine(&mut self) -> &mut dyn Engine {
        &mut self.engine
    }

    fn replay_state(&mut self, state: &mut State) -> Result<u64, StoreError> {
        let positions: Vec<(String, String, u64)> = state
            .nodes
            .iter()
            .map(|(name, node)| (name.clone(), node.boot.clone(), node.seq))
            .collect();
        let mut replayed = 0;
        let done = sql::read(&mut self.engine, |sql| {
            for (node, boot, seq) in &positions {
                let after = "SELECT seq, at, body FROM events WHERE node = $1 AND boot = $2 AND seq > $3 ORDER BY seq";
                sql.each(after, values![node, boot, *seq], &mut |row| {
                    let frame = read_event(node, boot, &row)?;
                    let seq = frame.seq;
                    let record = Record {
                        node: node.clone(),
                        boot: boot.clone(),
                        body: Body::Event(frame),
                    };
                    if state.apply(&record, &mut Changes::default()) != Applied::New {
                        let what = format!("event {node}/{boot}/{seq} does not follow the one before");
                        return Err(SqlError::Unreadable(what));
                    }
                    replayed += 1;
                    Ok(())
                })?;
            }
            Ok(())
        });
        done.map_err(|error| self.engine.failure(error))?;
        Ok(replayed)
    }

    fn put_position(&mut self, state: &State) {
        self.checkpointed = state
            .nodes
            .iter()
            .map(|(name, node)| (name.clone(), (node.boot.clone(), node.seq)))
            .collect();
    }
}

/// Makes all records anew, and says so in the audit record.
fn rebuilt(
    sql: &mut dyn Sql,
    keeping: &Keeping,
    author: &str,
    now: u64,
) -> Result<replay::Rebuilt, SqlError> {
    let rebuilt = replay::rebuild(sql, &keeping.numbers())?;
    let action = Action {
        author: author.to_owned(),
        action: "store_rebuild".to_owned(),
        after: format!("{{\"events\":{}}}", rebuilt.events),
        result: "done".to_owned(),
        ..Action::default()
    };
    audit::append(sql, ("", "", 0, now), action)?;
    Ok(rebuilt)
}

/// An event as it stands in its table.
pub(super) fn read_event(node: &str, boot: &str, row: &sql::Row) -> Result<EventFrame, SqlError> {
    let (seq, at) = (row.uint(0)?, row.uint(1)?);
    let event = serde_json::from_str(row.text(2)?)
        .map_err(|error| SqlError::Unreadable(format!("event {node}/{boot}/{seq}: {error}")))?;
    Ok(EventFrame { seq, at, event })
}

fn json<T: serde::Serialize>(what: &T) -> Result<String, SqlError> {
    serde_json::to_string(what).map_err(unreadable)
}

fn read_json<T: serde::de::DeserializeOwned>(what: &str, text: &str) -> Result<T, SqlError> {
    serde_json::from_str(text).map_err(|error| SqlError::Unreadable(format!("{what}: {error}")))
}

#[expect(clippy::needless_pass_by_value, reason = "what map_err hands over")]
fn unreadable(error: serde_json::Error) -> SqlError {
    SqlError::Unreadable(error.to_string())
}

impl<E: Engine> EventStore for SqlStore<E> {
    fn recover(&mut self) -> Result<State, StoreError> {
        let read = sql::read(&mut self.engine, |sql| {
            let state = sql.first("SELECT state FROM checkpoint", &[])?;
            let state = state.map(|row| row.text(0).map(str::to_owned)).transpose()?;
            Ok((state, audit::latest(sql)?))
        });
        let (text, (rows, head)) = read.map_err(|error| self.engine.failure(error))?;
        let mut state: State = match text {
            None => State::default(),
            Some(text) => serde_json::from_str(&text).map_err(|error| StoreError::Unreadable {
                path: self.engine.place(),
                cause: format!("checkpoint: {error}"),
            })?,
        };
        state.complete();
        self.put_position(&state);
        let replayed = self.replay_state(&mut state)?;
        tracing::info!(
            path = self.engine.place(),
            nodes = state.nodes.len(),
            replayed,
            "state restored"
        );
        // Kept where the database is not, it shows what was changed there.
        self.audited = rows;
        tracing::info!(rows, %head, "audit record");
        Ok(state)
    }

    fn commit(&mut self, events: &[StoredEvent<'_>]) -> Result<(), StoreError> {
        self.with_ledger(|sql, keeping, ledger| {
            let mut rows: Vec<Value> = Vec::with_capacity(PIECE * 5);
            let mut positions: BTreeMap<&str, (&str, u64)> = BTreeMap::new();
            let mut actions = Vec::new();
            for StoredEvent {
                node,
                boot,
                frame,
                action,
            } in events
            {
                let (node, boot) = (*node, *boot);
                let known = match (ledger.position(node, boot), ledger.boot(node, boot)) {
                    (Some(seq), _) => frame.seq <= seq,
                    // Of a boot that is over.
                    (None, Some(_)) => true,
                    (None, None) => false,
                };
                if known {
                    continue;
                }
                let body = match keeping.mask_events && is_masked(&frame.event) {
                    false => json(&frame.event)?,
                    true => {
                        let mut event = frame.event.clone();
                        mask_event(&mut event, &keeping.plan);
                        json(&event)?
                    }
                };
                rows.extend([
                    node.into(),
                    boot.into(),
                    frame.seq.into(),
                    frame.at.into(),
                    body.into(),
                ]);
                if rows.len() >= PIECE * 5 {
                    let piece = std::mem::replace(&mut rows, Vec::with_capacity(PIECE * 5));
                    put_events(sql, piece)?;
                }
                let action = action.clone();
                actions.extend(action.map(|action| ((node, boot, frame.seq, frame.at), action)));
                ledger.apply(node, boot, Told::Event(frame));
                positions.insert(node, (boot, frame.seq));
            }
            put_events(sql, rows)?;
            for (key, action) in actions {
                audit::append(sql, key, action)?;
            }
            let positions = positions.into_iter().map(|(node, (boot, seq))| (node, boot, seq));
            put_nodes(sql, positions)?;
            ledger.flush(sql, true)
        })
    }

    fn checkpoint(&mut self, state: &State, mark: Option<&Mark<'_>>) -> Result<(), StoreError> {
        let unsure = std::mem::replace(&mut self.unsure, true);
        let (rows, head): (u64, Hash) = self.with_ledger(|sql, keeping, ledger| {
            let at = state.nodes.values().map(|node| node.at).max().unwrap_or(0);
            let text = match keeping.mask_events {
                false => json(state)?,
                true => json(&mask_state(state))?,
            };
            if unsure && mark.is_some() {
                let stored = sql.first("SELECT state FROM checkpoint", &[])?;
                if stored.is_some_and(|row| row.text(0).is_ok_and(|stored| stored == text)) {
                    return audit::latest(sql);
                }
            }
            let put = "INSERT INTO checkpoint (id, at, state) VALUES (1, $1, $2) \
                       ON CONFLICT (id) DO UPDATE SET at = excluded.at, state = excluded.state";
            sql.execute(put, values![at, text])?;
            let nodes = state.nodes.iter();
            put_nodes(
                sql,
                nodes.map(|(name, node)| (name.as_str(), node.boot.as_str(), node.seq)),
            )?;
            if let Some(mark) = mark {
                put_mark(sql, keeping, ledger, mark)?;
                ledger.flush(sql, true)?;
            }
            audit::latest(sql)
        })?;
        self.unsure = false;
        self.put_position(state);
        if rows > self.audited {
            self.audited = rows;
            tracing::info!(rows, %head, "audit record");
        }
        Ok(())
    }

    fn prune(&mut self, bounds: &Bounds, limit: u32) -> Result<usize, StoreError> {
        let (checkpointed, so_far) = (&self.checkpointed, self.removed);
        let keeping = &self.keeping;
        let done = sql::write(&mut self.engine, |sql| {
            let mut removed = prune_records(sql, bounds, limit)?;
            removed.events =
                replay::prune_events(sql, &keeping.numbers(), checkpointed, bounds.events, limit)?;
            let most = removed.most.max(removed.events);
            removed.add(&so_far);
            if most < u64::from(limit) && removed.any() {
                let action = Action {
                    author: "settings".to_owned(),
                    action: "store_retention".to_owned(),
                    after: json(&removed)?,
                    result: "done".to_owned(),
                    ..Action::default()
                };
                audit::append(sql, ("", "", 0, bounds.now), action)?;
                removed = Removed::default();
            }
            Ok((removed, most))
        });
        let (removed, most) = done.map_err(|error| self.engine.failure(error))?;
        self.removed = removed;
        Ok(usize::try_from(most).unwrap_or(usize::MAX))
    }

    fn maintain(&mut self, what: &Maintain, author: &str, now: u64) -> Result<Maintained, StoreError> {
        Ok(match what {
            Maintain::Erase { number } => Maintained::Erased(self.erase(number, author, now)?),
            Maintain::Rebuild => Maintained::Rebuilt(self.rebuild(author, now)?),
        })
    }

    fn note(&mut self, notes: &[Note]) -> Result<(), StoreError> {
        self.write(|sql, _| {
            for Note { at, what } in notes {
                let actions = match what {
                    Noted::Action(action) => vec![action.clone()],
                    Noted::Users(people) => {
                        let before = meta(sql, USERS)?
                            .map(|text| read_json(USERS, &text))
                            .transpose()?;
                        put_meta(sql, USERS, &json(people)?)?;
                        people.since(before.as_ref()).map_err(unreadable)?
                    }
                };
                for action in actions {
                    audit::append(sql, ("", "", 0, *at), action)?;
                }
            }
            Ok(())
        })
    }
}

fn put_events(sql: &mut dyn Sql, rows: Vec<Value>) -> Result<(), SqlError> {
    sql.insert(
        "events (node, boot, seq, at, body)",
        5,
        rows,
        "ON CONFLICT DO NOTHING",
    )
}

/// Where each node has come to.
fn put_nodes<'n>(
    sql: &mut dyn Sql,
    nodes: impl Iterator<Item = (&'n str, &'n str, u64)>,
) -> Result<(), SqlError> {
    let rows = nodes.flat_map(|(node, boot, seq)| [node.into(), boot.into(), Value::from(seq)]);
    sql.insert(
        "nodes (node, boot, seq)",
        3,
        rows.collect(),
        "ON CONFLICT (node) DO UPDATE SET boot = excluded.boot, seq = excluded.seq",
    )
}

/// What is no event has its place among them, so that records can be made anew.
fn put_mark(
    sql: &mut dyn Sql,
    keeping: &Keeping,
    ledger: &mut Ledger,
    mark: &Mark<'_>,
) -> Result<(), SqlError> {
    let Record { node, boot, body } = mark.record;
    let (kind, text) = match body {
        Body::Boot { .. } => ("boot", String::new()),
        Body::End { .. } => ("end", String::new()),
        Body::Gap(gap) => ("gap", json(gap)?),
        Body::Snapshot(snapshot) if keeping.mask_events => {
            let mut snapshot = snapshot.clone();
            mask_snapshot(&mut snapshot);
            ("snapshot", json(&snapshot)?)
        }
        Body::Snapshot(snapshot) => ("snapshot", json(snapshot)?),
        Body::Event(_) => return Err(SqlError::Refused("an event is no mark".to_owned())),
    };
    let position = ledger.position(node, boot).unwrap_or(0);
    ledger.apply(node, boot, told(body));
    let number = ledger.boot(node, boot).unwrap_or(0);
    let next = "INSERT INTO marks (id, boot, seq, kind, body) \
                SELECT coalesce(max(id), 0) + 1, CAST($1 AS BIGINT), CAST($2 AS BIGINT), CAST($3 AS TEXT), CAST($4 AS TEXT) \
                FROM marks";
    sql.execute(next, values![number, position, kind, text])?;
    for gap in mark.gaps {
        let put = "INSERT INTO gaps (node, boot, first, last, reason, at) VALUES ($1, $2, $3, $4, $5, $6)";
        sql.execute(
            put,
            values![&gap.node, &gap.boot, gap.first, gap.last, &gap.reason, gap.at],
        )?;
    }
    Ok(())
}

fn told(body: &Body) -> Told<'_> {
    match body {
        // That a boot is over says nothing that its last event, or the next boot, does not.
        Body::Boot { .. } | Body::End { .. } => Told::Boot,
        Body::Gap(gap) => Told::Gap(gap),
        Body::Snapshot(snapshot) => Told::Snapshot(snapshot),
        Body::Event(frame) => Told::Event(frame),
    }
}

#[cfg(test)]
mod tests {
    use hotline_wire::Event;
    use hotline_wire::frame::{EventFrame, Gap, GapReason};

    use super::super::sqlite::Sqlite;
    use super::super::{GapRow, sql::Work};
    use super::*;

    /// A connection that breaks when all is stored and before that is said.
    struct Broken {
        inner: Sqlite,
        breaks: bool,
    }

    impl Engine for Broken {
        fn place(&self) -> String {
            self.inner.place()
        }

        fn write(&mut self, work: Work<'_>) -> Result<(), SqlError> {
            self.inner.write(work)?;
            match std::mem::take(&mut self.breaks) {
                true => Err(SqlError::Refused("the connection broke".to_owned())),
                false => Ok(()),
            }
        }

        fn read(&mut self, work: Work<'_>) -> Result<(), SqlError> {
            self.inner.read(work)
        }

        fn failure(&self, error: SqlError) -> StoreError {
            self.inner.failure(error)
        }
    }

    /// Does it as the recorder does, with a connection that breaks at the first time.
    fn insist(
        store: &mut SqlStore<Broken>,
        mut work: impl FnMut(&mut SqlStore<Broken>) -> Result<(), StoreError>,
    ) {
        store.engine.breaks = true;
        work(store).unwrap_err();
        work(store).unwrap();
    }

    #[test]
    fn what_was_stored_as_the_connection_broke_is_not_stored_again() {
        let dir = tempfile::tempdir().unwrap();
        let engine = Broken {
            inner: Sqlite::open(&dir.path().join("events.db"), 100).unwrap(),
            breaks: false,
        };
        let mut store = SqlStore::prepare(engine, Keeping::default()).unwrap();
        let mut state = store.recover().unwrap();
        let record = |body| Record {
            node: "pbx1".into(),
            boot: "b1".into(),
            body,
        };
        let gap = Gap {
            first: 2,
            last: 10,
            reason: GapReason::Overflow,
        };
        let event = EventFrame {
            seq: 1,
            at: 1_000_000,
            event: Event::OfferRinging { offer: 1 },
        };
        let boot = Body::Boot {
            socket: String::new(),
            number: 1,
        };
        for body in [
            boot,
            Body::Event(event),
            Body::Gap(gap),
            Body::End { clean: true },
        ] {
            let record = record(body);
            assert_eq!(state.apply(&record, &mut Changes::default()), Applied::New);
            let gaps: Vec<GapRow> = match &record.body {
                Body::Gap(gap) => vec![GapRow {
                    node: "pbx1".into(),
                    boot: "b1".into(),
                    first: gap.first,
                    last: gap.last,
                    reason: gap.reason.label().to_owned(),
                    at: 1,
                }],
                _ => Vec::new(),
            };
            match &record.body {
                Body::Event(frame) => insist(&mut store, |store| {
                    let (node, boot) = ("pbx1", "b1");
                    store.commit(&[StoredEvent::of(node, boot, frame)])
                }),
                _ => insist(&mut store, |store| {
                    let (record, gaps) = (&record, gaps.as_slice());
                    store.checkpoint(&state, Some(&Mark { record, gaps }))
                }),
            }
        }
        let mut count = |table: &str| {
            let query = format!("SELECT count(*) FROM {table}");
            let counted = sql::read(store.engine(), |sql| sql.first(&query, &[]));
            counted.unwrap().unwrap().int(0).unwrap()
        };
        assert_eq!((count("events"), count("gaps"), count("marks")), (1, 1, 3));
    }
}
