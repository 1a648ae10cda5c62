//! The ledger's records in their tables: stored in the transaction of the events that they follow from, and read back.

use std::collections::BTreeMap;

use hotline_wire::event::{CallOutcome, OfferResult};
use hotline_wire::snapshot::AgentState;

use super::figures::{AgentFigures, QueueFigures, SLOT};
use super::rows::{Call, Cut, Disposed, Interval, Offer, Visit, party, party_word};
use super::surveys::{SURVEYS, read_survey, survey_row};
use super::{Book, Changed, Ledger, Numbers};
use crate::store::sql::{Row, Sql, SqlError, Value, values};

/// Columns of a call.
pub(crate) const CALLS: &str =
    "boot, born, call, number, caller, queue, tier, began, ended, outcome, agent, visits, callback";
/// Columns of a visit.
pub(crate) const VISITS: &str = "boot, born, call, nth, queue, tier, joined, connected, ended, outcome, agent, wait, ring, \
                                 target, talk, hold, wrap_up, consults, conferences, ended_by, went, cut, settled, \
                                 disposition, complaint, resolved, follow_up, note";
/// Columns of an offer.
pub(crate) const OFFERS: &str = "boot, born, offer, ended, call, agent, queue, tier, result, ring";
/// Columns of an agent's time.
pub(crate) const AGENT_TIME: &str = "boot, born, agent, began, ended, state, reason, call, queue, tier, cut";
/// The state of which nobody knows.
const UNKNOWN: &str = "unknown";

/// `ON CONFLICT` for rows that are written again as they change.
fn again(key: &str, columns: &str) -> String {
    let keys: Vec<&str> = key.split(", ").collect();
    let sets: Vec<String> = columns
        .split(", ")
        .map(str::trim)
        .filter(|column| !keys.contains(column))
        .map(|column| format!("{column} = excluded.{column}"))
        .collect();
    format!("ON CONFLICT ({key}) DO UPDATE SET {}", sets.join(", "))
}

/// `ON CONFLICT` for figures, which are added.
fn added(table: &str, key: &str, columns: &[&str]) -> String {
    let sets: Vec<String> = columns
        .iter()
        .map(|column| format!("{column} = {table}.{column} + excluded.{column}"))
        .collect();
    format!("ON CONFLICT ({key}) DO UPDATE SET {}", sets.join(", "))
}

fn width(columns: &str) -> usize {
    columns.split(',').count()
}

impl Ledger {
    /// Stores what changed since the last time. Figures are left out where they are computed anew afterwards.
    ///
    /// # Errors
    /// As the database has it; the ledger is not to be used any more then, but to be read back.
    pub(in crate::store) fn flush(&mut self, sql: &mut dyn Sql, figures: bool) -> Result<(), SqlError> {
        let changed = std::mem::take(&mut self.changed);
        self.flush_boots(sql, &changed)?;
        insert(
            sql,
            "calls",
            CALLS,
            "boot, born, call",
            changed.calls.values().map(call_row),
        )?;
        insert(
            sql,
            "visits",
            VISITS,
            "boot, born, call",
            changed.visits.values().map(visit_row),
        )?;
        insert(
            sql,
            "offers",
            OFFERS,
            "boot, born",
            changed.offers.iter().map(offer_row),
        )?;
        insert(
            sql,
            "surveys",
            SURVEYS,
            "boot, born, call",
            changed.surveys.values().map(survey_row),
        )?;
        let intervals = changed.intervals.values().map(interval_row);
        insert(
            sql,
            "agent_time",
            AGENT_TIME,
            "boot, born, agent, began",
            intervals,
        )?;
        let sightings = changed.sightings.iter();
        let rows: Vec<Value> = sightings
            .flat_map(|(caller, boot, seq)| [caller.into(), Value::from(*boot), Value::from(*seq)])
            .collect();
        sql.insert("numbers (caller, boot, seq)", 3, rows, "ON CONFLICT DO NOTHING")?;
        if figures {
            changed.flush_figures(sql)?;
        }
        Ok(())
    }

    fn flush_boots(&self, sql: &mut dyn Sql, changed: &Changed) -> Result<(), SqlError> {
        let columns = "id, node, boot, began, last, seq, gap, targets";
        let present = changed
            .nodes
            .iter()
            .filter_map(|node| self.nodes.get_key_value(node));
        let over = changed.over.iter().map(|(node, book)| (node, book));
        let mut rows: BTreeMap<u64, Vec<Value>> = BTreeMap::new();
        for (node, book) in over.chain(present) {
            let targets = serde_json::to_string(&book.targets)
                .map_err(|error| SqlError::Unreadable(error.to_string()))?;
            let row: &[Value] = values![
                book.boot, node, &book.name, book.began, book.at, book.seq, book.gap, targets
            ];
            rows.insert(book.boot, row.to_vec());
        }
        let rows: Vec<Value> = rows.into_values().flatten().collect();
        sql.insert(&format!("boots ({columns})"), 8, rows, &again("id", columns))
    }

    /// What is open, as the tables have it.
    ///
    /// # Errors
    /// As the database has it; also if what stands there makes no sense.
    pub(in crate::store) fn load(sql: &mut dyn Sql, numbers: Numbers) -> Result<Ledger, SqlError> {
        let mut ledger = Ledger::new(numbers);
        let mut open: BTreeMap<u64, String> = BTreeMap::new();
        for row in sql.rows(
            "SELECT id, node, boot, began, last, seq, gap, targets FROM boots ORDER BY id",
            &[],
        )? {
            let (number, node, name) = (row.uint(0)?, row.text(1)?.to_owned(), row.text(2)?.to_owned());
            ledger.know_boot(&node, &name, number);
            let targets = serde_json::from_str(row.text(7)?)
                .map_err(|error| SqlError::Unreadable(format!("targets of boot {number}: {error}")))?;
            let book = Book {
                boot: number,
                name,
                began: row.uint(3)?,
                at: row.uint(4)?,
                seq: row.uint(5)?,
                gap: row.maybe_uint(6)?,
                targets,
                ..Book::default()
            };
            if let Some(before) = ledger.nodes.insert(node.clone(), book) {
                open.remove(&before.boot);
            }
            open.insert(number, node);
        }
        let nodes = &mut ledger.nodes;
        let mut book = |row: &Row, each: &mut dyn FnMut(&mut Book) -> Result<(), SqlError>| {
            let node = open.get(&row.uint(0)?).and_then(|node| nodes.get_mut(node));
            node.map_or(Ok(()), each)
        };
        for row in sql.rows(&format!("SELECT {CALLS} FROM calls WHERE ended IS NULL"), &[])? {
            let call = read_call(&row)?;
            book(&row, &mut |book| {
                book.calls.insert(call.call.clone(), call.clone());
                Ok(())
            })?;
        }
        for row in sql.rows(&format!("SELECT {VISITS} FROM visits WHERE settled = 0"), &[])? {
            let visit = read_visit(&row)?;
            book(&row, &mut |book| {
                match (&visit.ended, &visit.agent) {
                    (None, _) => book.visits.insert(visit.call.clone(), visit.clone()),
                    (Some(_), Some(agent)) => book.after.insert(agent.clone(), visit.clone()),
                    (Some(_), None) => None,
                };
                Ok(())
            })?;
        }
        for row in sql.rows(&format!("SELECT {SURVEYS} FROM surveys WHERE settled = 0"), &[])? {
            let survey = read_survey(&row)?;
            book(&row, &mut |book| {
                book.surveys.insert(survey.call.clone(), survey.clone());
                Ok(())
            })?;
        }
        for row in sql.rows(
            &format!("SELECT {AGENT_TIME} FROM agent_time WHERE ended IS NULL"),
            &[],
        )? {
            let interval = read_interval(&row)?;
            book(&row, &mut |book| {
                book.agents.insert(interval.agent.clone(), interval.clone());
                Ok(())
            })?;
        }
        Ok(ledger)
    }
}

impl Changed {
    fn flush_figures(self, sql: &mut dyn Sql) -> Result<(), SqlError> {
        let mut rows = Vec::new();
        for ((slot, node, queue, tier), figures) in
            self.queues.iter().filter(|(_, figures)| !figures.is_zero())
        {
            rows.extend_from_slice(values![*slot, node, queue, tier]);
            rows.extend(figures.values().map(Value::from));
        }
        let columns = QueueFigures::COLUMNS;
        let key = "slot, node, queue, tier";
        let into = format!("queue_stats ({key}, {})", columns.join(", "));
        sql.insert(
            &into,
            4 + columns.len(),
            rows,
            &added("queue_stats", key, columns),
        )?;

        let mut rows = Vec::new();
        for ((slot, node, agent, queue, tier), figures) in
            self.agents.iter().filter(|(_, figures)| !figures.is_zero())
        {
            rows.extend_from_slice(values![*slot, node, agent, queue, tier]);
            rows.extend(figures.values().map(Value::from));
        }
        let columns = AgentFigures::COLUMNS;
        let key = "slot, node, agent, queue, tier";
        let into = format!("agent_stats ({key}, {})", columns.join(", "));
        sql.insert(
            &into,
            5 + columns.len(),
            rows,
            &added("agent_stats", key, columns),
        )
    }
}

/// Figures from the interval at `first` on, computed anew from the records.
///
/// # Errors
/// As the database has it.
pub(in crate::store) fn recount(sql: &mut dyn Sql, first: u64) -> Result<(), SqlError> {
    sql.execute("DELETE FROM queue_stats WHERE slot >= $1", values![first])?;
    sql.execute("DELETE FROM agent_stats WHERE slot >= $1", values![first])?;
    let mut nodes: BTreeMap<u64, String> = BTreeMap::new();
    for row in sql.rows("SELECT id, node FROM boots", &[])? {
        nodes.insert(row.uint(0)?, row.text(1)?.to_owned());
    }
    let mut changed = Changed::default();
    let node = |boot: u64| nodes.get(&boot).map_or("", String::as_str);
    sql.each(&format!("SELECT {VISITS} FROM visits"), &[], &mut |row| {
        let visit = read_visit(&row)?;
        changed.count_visit(node(visit.boot), &visit, 1);
        Ok(())
    })?;
    sql.each(&format!("SELECT {OFFERS} FROM offers"), &[], &mut |row| {
        let offer = read_offer(&row)?;
        changed.count_offer(node(offer.boot), &offer);
        Ok(())
    })?;
    let closed = format!("SELECT {AGENT_TIME} FROM agent_time WHERE ended >= $1");
    sql.each(&closed, values![first.saturating_sub(SLOT)], &mut |row| {
        let interval = read_interval(&row)?;
        changed.count_interval(node(interval.boot), &interval);
        Ok(())
    })?;
    changed.queues.retain(|key, _| key.0 >= first);
    changed.agents.retain(|key, _| key.0 >= first);
    changed.flush_figures(sql)
}

fn insert(
    sql: &mut dyn Sql,
    table: &str,
    columns: &str,
    key: &str,
    rows: impl Iterator<Item = Vec<Value>>,
) -> Result<(), SqlError> {
    let rows: Vec<Value> = rows.flatten().collect();
    sql.insert(
        &format!("{table} ({columns})"),
        width(columns),
        rows,
        &again(key, columns),
    )
}

fn call_row(call: &Call) -> Vec<Value> {
    values![
        call.boot,
        call.born,
        &call.call,
        &call.number,
        call.caller.as_ref(),
        &call.queue,
        &call.tier,
        call.began,
        call.ended,
        call.outcome.map(CallOutcome::label),
        call.agent.as_ref(),
        call.visits,
        call.callback.as_ref(),
    ]
    .to_vec()
}

fn visit_row(visit: &Visit) -> Vec<Value> {
    let said = visit.disposition.as_ref();
    let flag = |is: fn(&Disposed) -> bool| u64::from(said.is_some_and(is));
    values![
        visit.boot,
        visit.born,
        &visit.call,
        visit.nth,
        &visit.queue,
        &visit.tier,
        visit.joined,
        visit.connected,
        visit.ended,
        visit.outcome.map(CallOutcome::label),
        visit.agent.as_ref(),
        visit.wait,
        visit.ring,
        visit.target,
        visit.talk,
        visit.hold,
        visit.wrap_up,
        visit.consults,
        visit.conferences,
        visit.by.map(party_word),
        visit.exit.as_ref(),
        visit.cut.word(),
        u64::from(visit.settled),
        said.map(|said| &said.code),
        flag(|said| said.complaint),
        flag(|said| said.resolved),
        flag(|said| said.follow_up),
        said.map(|said| &said.note),
    ]
    .to_vec()
}

fn offer_row(offer: &Offer) -> Vec<Value> {
    values![
        offer.boot,
        offer.born,
        offer.offer,
        offer.ended,
        &offer.call,
        &offer.agent,
        &offer.queue,
        &offer.tier,
        offer.result.label(),
        offer.ring,
    ]
    .to_vec()
}

fn interval_row(interval: &Interval) -> Vec<Value> {
    values![
        interval.boot,
        interval.born,
        &interval.agent,
        interval.from,
        interval.until,
        interval.state.map_or(UNKNOWN, AgentState::label),
        &interval.reason,
        interval.call.as_ref(),
        &interval.queue,
        &interval.tier,
        interval.cut.word(),
    ]
    .to_vec()
}

/// The value that a column's word stands for.
fn word<T: Copy>(what: &str, all: &[T], label: fn(T) -> &'static str, found: &str) -> Result<T, SqlError> {
    let one = all.iter().copied().find(|one| label(*one) == found);
    one.ok_or_else(|| SqlError::Unreadable(format!("{found:?} is no {what}")))
}

fn outcome(row: &Row, place: usize) -> Result<Option<CallOutcome>, SqlError> {
    let found = row.maybe_text(place)?;
    found
        .map(|found| word("outcome", CallOutcome::ALL, CallOutcome::label, &found))
        .transpose()
}

pub(crate) fn read_call(row: &Row) -> Result<Call, SqlError> {
    Ok(Call {
        boot: row.uint(0)?,
        born: row.uint(1)?,
        call: row.text(2)?.to_owned(),
        number: row.text(3)?.to_owned(),
        caller: row.maybe_text(4)?,
        queue: row.text(5)?.to_owned(),
        tier: row.text(6)?.to_owned(),
        began: row.uint(7)?,
        ended: row.maybe_uint(8)?,
        outcome: outcome(row, 9)?,
        agent: row.maybe_text(10)?,
        visits: row.uint(11)?,
        callback: row.maybe_text(12)?,
    })
}

pub(super) fn cut(row: &Row, place: usize) -> Result<Cut, SqlError> {
    let found = row.text(place)?;
    Cut::from_word(found).ok_or_else(|| SqlError::Unreadable(format!("{found:?} is no cut")))
}

pub(crate) fn read_visit(row: &Row) -> Result<Visit, SqlError> {
    Ok(Visit {
        boot: row.uint(0)?,
        born: row.uint(1)?,
        call: row.text(2)?.to_owned(),
        nth: row.uint(3)?,
        queue: row.text(4)?.to_owned(),
        tier: row.text(5)?.to_owned(),
        joined: row.uint(6)?,
        connected: row.maybe_uint(7)?,
        ended: row.maybe_uint(8)?,
        outcome: outcome(row, 9)?,
        agent: row.maybe_text(10)?,
        wait: row.uint(11)?,
        ring: row.uint(12)?,
        target: row.maybe_uint(13)?,
        talk: row.uint(14)?,
        hold: row.uint(15)?,
        wrap_up: row.uint(16)?,
        consults: row.uint(17)?,
        conferences: row.uint(18)?,
        by: row.maybe_text(19)?.and_then(|by| party(&by)),
        exit: row.maybe_text(20)?,
        cut: cut(row, 21)?,
        settled: row.uint(22)? > 0,
        disposition: match row.maybe_text(23)? {
            None => None,
            Some(code) => Some(Disposed {
                code,
                complaint: row.uint(24)? > 0,
                resolved: row.uint(25)? > 0,
                follow_up: row.uint(26)? > 0,
                note: row.maybe_text(27)?.unwrap_or_default(),
            }),
        },
    })
}

fn read_offer(row: &Row) -> Result<Offer, SqlError> {
    Ok(Offer {
        boot: row.uint(0)?,
        born: row.uint(1)?,
        offer: row.uint(2)?,
        ended: row.uint(3)?,
        call: row.text(4)?.to_owned(),
        agent: row.text(5)?.to_owned(),
        queue: row.text(6)?.to_owned(),
        tier: row.text(7)?.to_owned(),
        result: word("result", OfferResult::ALL, OfferResult::label, row.text(8)?)?,
        ring: row.uint(9)?,
    })
}

pub(crate) fn read_interval(row: &Row) -> Result<Interval, SqlError> {
    let state = row.text(5)?;
    let state = (state != UNKNOWN)
        .then(|| word("state", AgentState::ALL, AgentState::label, state))
        .transpose()?;
    Ok(Interval {
        boot: row.uint(0)?,
        born: row.uint(1)?,
        agent: row.text(2)?.to_owned(),
        from: row.uint(3)?,
        until: row.maybe_uint(4)?,
        state,
        reason: row.text(6)?.to_owned(),
        call: row.maybe_text(7)?,
        queue: row.text(8)?.to_owned(),
        tier: row.text(9)?.to_owned(),
        cut: cut(row, 10)?,
    })
}
