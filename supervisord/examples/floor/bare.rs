//! What the disk and SQLite can do: the same bodies into a table like the store's, by a loop that does nothing else.

use std::path::Path;
use std::time::Instant;

use rusqlite::{Connection, params};
use serde::Serialize;

use crate::node::{BOOT, NAME, now};
use crate::story::Story;
use crate::{Fallible, percentile};

/// Events in a transaction: as many as the daemon stores at once.
const BATCH: u64 = supervisord::recorder::BATCH as u64;

#[derive(Serialize)]
pub(crate) struct Bare {
    events: u64,
    events_per_second: f64,
    commit_p50_ms: f64,
    commit_p99_ms: f64,
    mean_body_bytes: u64,
}

pub(crate) fn insert(dir: &Path, story: &Story, events: u64) -> Fallible<Bare> {
    let mut db = Connection::open(dir.join("bare.db"))?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.execute_batch(
        "CREATE TABLE events (
             node TEXT NOT NULL, boot TEXT NOT NULL, seq INTEGER NOT NULL,
             at INTEGER NOT NULL, body TEXT NOT NULL,
             PRIMARY KEY (node, boot, seq)
         ) WITHOUT ROWID;
         CREATE INDEX events_at ON events (at);",
    )?;
    let mut commits = Vec::new();
    let (mut seq, mut bytes) = (0, 0);
    let begun = Instant::now();
    while seq < events {
        let from = Instant::now();
        let tx = db.transaction()?;
        {
            let mut insert = tx.prepare_cached("INSERT OR IGNORE INTO events VALUES (?1, ?2, ?3, ?4, ?5)")?;
            for _ in 0..BATCH.min(events - seq) {
                let event = &story.events[seq as usize % story.events.len()];
                seq += 1;
                bytes += event.body.len() as u64;
                insert.execute(params![NAME, BOOT, seq, now(), event.body])?;
            }
        }
        tx.commit()?;
        commits.push(from.elapsed().as_secs_f64() * 1e3);
    }
    Ok(Bare {
        events,
        events_per_second: events as f64 / begun.elapsed().as_secs_f64(),
        commit_p50_ms: percentile(&mut commits, 0.5),
        commit_p99_ms: percentile(&mut commits, 0.99),
        mean_body_bytes: bytes / events.max(1),
    })
}
