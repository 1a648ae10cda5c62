//! The story told again to a ledger, from stored events and marks: to make records anew, and to take along what pruned
//! events did, so that records can be made anew from those that are left.

use std::collections::BTreeMap;

use hotline_wire::frame::Gap;
use hotline_wire::{Snapshot, frame::EventFrame};

use super::base::read_event;
use super::keep;
use super::ledger::tables::recount;
use super::ledger::{Ledger, Numbers, Told};
use super::sql::{Sql, SqlError, values};

/// Events read at once.
const CHUNK: u64 = 5_000;

/// What was made anew.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize)]
pub struct Rebuilt {
    /// Events that were told again.
    pub events: u64,
    /// Figures from then on are computed anew; microseconds since the Unix epoch. Those before stay.
    pub figures_from: u64,
}

/// A boot of a node.
struct Boot<'a> {
    node: &'a str,
    name: &'a str,
    number: u64,
}

/// Something between two events.
struct Marked {
    id: u64,
    seq: u64,
    kind: String,
    body: String,
}

/// Makes records and figures anew. Records of before the oldest event stay as they are.
pub(super) fn rebuild(sql: &mut dyn Sql, numbers: &Numbers) -> Result<Rebuilt, SqlError> {
    let mut ledger = anchor(sql, numbers)?;
    find_boots(sql)?;
    know_boots(sql, &mut ledger)?;
    for row in sql.rows("SELECT id, node, boot FROM boots", &[])? {
        let number = row.uint(0)?;
        let begins = match ledger.last(row.text(1)?) {
            Some((boot, seq)) if boot == number => seq,
            Some((boot, _)) if boot > number => continue,
            Some(_) | None => 0,
        };
        for table in ["calls", "visits", "offers", "surveys", "agent_time"] {
            let after = if begins == 0 { ">=" } else { ">" };
            let later = format!("DELETE FROM {table} WHERE boot = $1 AND born {after} $2");
            sql.execute(&later, values![number, begins])?;
        }
        sql.execute("DELETE FROM numbers WHERE boot = $1", values![number])?;
    }
    ledger.keep_open();
    ledger.flush(sql, false)?;
    let mut events = 0;
    for (node, boots) in boots(sql)? {
        for (number, name) in boots {
            if ledger.last(&node).is_some_and(|(boot, _)| boot > number) {
                continue;
            }
            let boot = Boot {
                node: &node,
                name: &name,
                number,
            };
            let mut after = ledger.position(&node, &name).unwrap_or(0);
            loop {
                let frames = read(sql, &boot, after, CHUNK)?;
                let marks = marks(sql, &boot)?;
                let last = frames.last().map(|frame| frame.seq);
                tell(&mut ledger, &boot, &frames, &marks, last.is_none())?;
                ledger.flush(sql, false)?;
                let Some(last) = last else { break };
                after = last;
                events += frames.len() as u64;
            }
        }
    }
    let figures_from = keep::whole_from(sql)?;
    recount(sql, figures_from)?;
    Ok(Rebuilt { events, figures_from })
}

/// Removes events from before `bound`, `limit` at most, and lets the anchor know what they did. None after a checkpoint.
pub(super) fn prune_events(
    sql: &mut dyn Sql,
    numbers: &Numbers,
    checkpointed: &BTreeMap<String, (String, u64)>,
    bound: u64,
    limit: u32,
) -> Result<u64, SqlError> {
    if sql
        .first("SELECT 1 FROM events WHERE at < $1 LIMIT 1", values![bound])?
        .is_none()
    {
        return Ok(0);
    }
    let mut ledger = anchor(sql, numbers)?;
    know_boots(sql, &mut ledger)?;
    // What was told before a boot that began before then is older still, whatever the clock of the node said.
    let mut older: BTreeMap<String, u64> = BTreeMap::new();
    let begun = "SELECT node, max(id) FROM boots WHERE began > 0 AND began < $1 GROUP BY node";
    for row in sql.rows(begun, values![bound])? {
        older.insert(row.text(0)?.to_owned(), row.uint(1)?);
    }
    let mut left = u64::from(limit);
    for (node, boots) in boots(sql)? {
        let older = older.get(&node).copied().unwrap_or(0);
        for (number, name) in boots {
            if left == 0 || ledger.last(&node).is_some_and(|(boot, _)| boot > number) {
                continue;
            }
            let boot = Boot {
                node: &node,
                name: &name,
                number,
            };
            let stored = checkpointed.get(&node).filter(|(boot, _)| *boot == name);
            let last_to_go = stored.map_or(u64::MAX, |(_, seq)| *seq);
            let after = ledger.position(&node, &name).unwrap_or(0);
            // One more, to know whether that was all.
            let frames = read(sql, &boot, after, left + 1)?;
            let old = |frame: &&EventFrame| (frame.at < bound || number < older) && frame.seq <= last_to_go;
            let going = frames.iter().take(left as usize).take_while(old).count();
            // Whether the whole boot goes: the next one begins.
            let whole = going == frames.len() && stored.is_none();
            let marks = marks(sql, &boot)?;
            let Some(last) = frames[..going].last().map(|frame| frame.seq) else {
                if whole {
                    tell(&mut ledger, &boot, &[], &marks, true)?;
                    sql.execute("DELETE FROM marks WHERE boot = $1", values![number])?;
                    continue;
                }
                break;
            };
            tell(&mut ledger, &boot, &frames[..going], &marks, whole)?;
            ledger.forget_changes();
            sql.execute(
                "DELETE FROM events WHERE node = $1 AND boot = $2 AND seq <= $3",
                values![&node, &name, last],
            )?;
            sql.execute(
                "DELETE FROM numbers WHERE boot = $1 AND seq <= $2",
                values![number, last],
            )?;
            let seen = if whole { u64::MAX } else { last };
            sql.execute(
                "DELETE FROM marks WHERE boot = $1 AND seq < $2",
                values![number, seen],
            )?;
            left -= going as u64;
            if !whole {
                break;
            }
        }
    }
    ledger.forget_changes();
    let text = serde_json::to_string(&ledger).map_err(|error| SqlError::Unreadable(error.to_string()))?;
    let put = "INSERT INTO anchor (one, ledger) VALUES (1, $1) ON CONFLICT (one) DO UPDATE SET ledger = excluded.ledger";
    sql.execute(put, values![text])?;
    Ok(u64::from(limit) - left)
}

/// The ledger as it was before the oldest event that is there.
fn anchor(sql: &mut dyn Sql, numbers: &Numbers) -> Result<Ledger, SqlError> {
    let ledger = match sql.first("SELECT ledger FROM anchor", &[])? {
        None => Ledger::default(),
        Some(row) => serde_json::from_str(row.text(0)?)
            .map_err(|error| SqlError::Unreadable(format!("anchor: {error}")))?,
    };
    Ok(ledger.keeping(numbers.clone()))
}

fn know_boots(sql: &mut dyn Sql, ledger: &mut Ledger) -> Result<(), SqlError> {
    for row in sql.rows("SELECT id, node, boot FROM boots", &[])? {
        ledger.know_boot(row.text(1)?, row.text(2)?, row.uint(0)?);
    }
    Ok(())
}

/// Boots of which there are events alone: those that an older version stored. Looks at all events.
fn find_boots(sql: &mut dyn Sql) -> Result<(), SqlError> {
    let unknown = "SELECT node, boot, min(at) FROM events WHERE NOT EXISTS \
                   (SELECT 1 FROM boots WHERE boots.node = events.node AND boots.boot = events.boot) \
                   GROUP BY node, boot ORDER BY 3";
    for row in sql.rows(unknown, &[])? {
        let put = "INSERT INTO boots (id, node, boot, began, last, seq, targets) \
                   SELECT coalesce(max(id), 0) + 1, CAST($1 AS TEXT), CAST($2 AS TEXT), 0, 0, 0, '{}' FROM boots";
        sql.execute(put, values![row.text(0)?, row.text(1)?])?;
    }
    Ok(())
}

/// The boots of each node, in order.
fn boots(sql: &mut dyn Sql) -> Result<BTreeMap<String, BTreeMap<u64, String>>, SqlError> {
    let mut boots: BTreeMap<String, BTreeMap<u64, String>> = BTreeMap::new();
    for row in sql.rows("SELECT id, node, boot FROM boots", &[])? {
        let of = boots.entry(row.text(1)?.to_owned()).or_default();
        of.insert(row.uint(0)?, row.text(2)?.to_owned());
    }
    Ok(boots)
}

fn read(sql: &mut dyn Sql, boot: &Boot<'_>, after: u64, limit: u64) -> Result<Vec<EventFrame>, SqlError> {
    let mut frames = Vec::new();
    let query =
        "SELECT seq, at, body FROM events WHERE node = $1 AND boot = $2 AND seq > $3 ORDER BY seq LIMIT $4";
    sql.each(query, values![boot.node, boot.name, after, limit], &mut |row| {
        frames.push(read_event(boot.node, boot.name, &row)?);
        Ok(())
    })?;
    Ok(frames)
}

fn marks(sql: &mut dyn Sql, boot: &Boot<'_>) -> Result<Vec<Marked>, SqlError> {
    let rows = sql.rows(
        "SELECT id, seq, kind, body FROM marks WHERE boot = $1 ORDER BY id",
        values![boot.number],
    )?;
    rows.iter()
        .map(|row| {
            Ok(Marked {
                id: row.uint(0)?,
                seq: row.uint(1)?,
                kind: row.text(2)?.to_owned(),
                body: row.text(3)?.to_owned(),
            })
        })
        .collect()
}

/// Tells events, and before each what stands between it and the one before; all that is left if nothing follows.
fn tell(
    ledger: &mut Ledger,
    boot: &Boot<'_>,
    frames: &[EventFrame],
    marks: &[Marked],
    whole: bool,
) -> Result<(), SqlError> {
    ledger.apply(boot.node, boot.name, Told::Boot);
    let told = ledger.marked(boot.node);
    let mut marks = marks.iter().filter(|mark| mark.id > told).peekable();
    for frame in frames {
        while let Some(mark) = marks.next_if(|mark| mark.seq < frame.seq) {
            tell_mark(ledger, boot, mark)?;
        }
        ledger.apply(boot.node, boot.name, Told::Event(frame));
    }
    if whole {
        marks.try_for_each(|mark| tell_mark(ledger, boot, mark))?;
    }
    Ok(())
}

fn tell_mark(ledger: &mut Ledger, boot: &Boot<'_>, mark: &Marked) -> Result<(), SqlError> {
    let unreadable = |error: serde_json::Error| SqlError::Unreadable(format!("mark {}: {error}", mark.id));
    match mark.kind.as_str() {
        "gap" => {
            let gap: Gap = serde_json::from_str(&mark.body).map_err(unreadable)?;
            ledger.apply(boot.node, boot.name, Told::Gap(&gap));
        }
        "snapshot" => {
            let snapshot: Snapshot = serde_json::from_str(&mark.body).map_err(unreadable)?;
            ledger.apply(boot.node, boot.name, Told::Snapshot(&snapshot));
        }
        // The boot itself begins with whatever is told of it, and ends with the next one.
        _ => {}
    }
    ledger.mark(boot.node, mark.id);
    Ok(())
}
