//! How long what is kept, and how caller numbers are: retention and masking.

use std::collections::BTreeMap;
use std::time::Duration;

use hotline_blacklist::Plan;
use hotline_wire::Event;
use hotline_wire::mask::masked;
use hotline_wire::snapshot::Snapshot;

use super::ledger::figures::{SLOT, slot_of};
use super::ledger::{Numbers, numbers_in};
use super::sql::{Sql, SqlError, values};
use crate::settings::StoreSettings;
use crate::state::State;

/// How numbers are kept.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Keeping {
    /// How the country writes its numbers.
    pub plan: Plan,
    /// Whether events have only the last digits of caller numbers.
    pub mask_events: bool,
    /// Whether records of calls have.
    pub mask_calls: bool,
}

impl Keeping {
    /// As the settings have it.
    pub fn of(settings: &StoreSettings) -> Keeping {
        Keeping {
            plan: settings.plan(),
            mask_events: settings.mask_events,
            mask_calls: settings.mask_calls,
        }
    }

    pub(super) fn numbers(&self) -> Numbers {
        Numbers {
            plan: self.plan.clone(),
            masked: self.mask_calls,
            found: !self.mask_events,
        }
    }

    /// For the audit record.
    pub(super) fn describe(&self) -> String {
        format!(
            "{{\"mask_events\":{},\"mask_calls\":{}}}",
            self.mask_events, self.mask_calls
        )
    }
}

/// Whether an event has something of a caller that is masked.
pub(super) fn is_masked(event: &Event) -> bool {
    let written = matches!(event, Event::DispositionSet { .. } | Event::IvrEnded { .. });
    written || !numbers_in(event).is_empty()
}

/// Masks the caller number of an event. Entries of the blacklist are no callers, but the one that met a caller is.
pub(super) fn mask_event(event: &mut Event, plan: &Plan) {
    if let Event::CallScreened { entry, .. } = event
        && plan.number(entry).is_ok()
    {
        *entry = masked(entry);
    }
    // What people attach may have numbers in it, or be one.
    if let Event::CallJoined { attached, .. } = event {
        attached.data.clear();
    }
    // What people and the dialplan write of a caller may have the number in it, and more.
    if let Event::DispositionSet { note, .. } = event {
        note.clear();
    }
    if let Event::IvrEnded { result, .. } = event {
        result.clear();
    }
    if let Event::CallJoined { number, .. }
    | Event::CallbackPlaced { number, .. }
    | Event::CallbackRestored { number, .. }
    | Event::CallScreened { number, .. } = event
    {
        *number = masked(number);
    }
}

/// The same for a state, that a checkpoint is made of.
pub(super) fn mask_state(state: &State) -> State {
    let mut state = state.clone();
    for node in state.nodes.values_mut() {
        node.calls
            .values_mut()
            .for_each(|call| call.attached.data.clear());
        let calls = node.calls.values_mut().map(|call| &mut call.number);
        let callbacks = node.callbacks.values_mut().map(|callback| &mut callback.number);
        calls.chain(callbacks).for_each(|number| *number = masked(number));
    }
    state
}

/// The same for a snapshot.
pub(super) fn mask_snapshot(snapshot: &mut Snapshot) {
    let data = snapshot.calls.iter_mut().map(|call| &mut call.attached.data);
    data.for_each(BTreeMap::clear);
    let calls = snapshot.calls.iter_mut().map(|call| &mut call.number);
    let callbacks = snapshot.callbacks.iter_mut().map(|callback| &mut callback.number);
    calls.chain(callbacks).for_each(|number| *number = masked(number));
}

/// What is older is not kept; microseconds since the Unix epoch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Bounds {
    /// Now, for the audit record.
    pub now: u64,
    /// Events.
    pub events: u64,
    /// Calls, visits, offers and surveys.
    pub calls: u64,
    /// Agents' time.
    pub agents: u64,
    /// Figures per quarter of an hour.
    pub statistics: u64,
}

impl Bounds {
    /// As the settings have it.
    pub fn of(settings: &StoreSettings, now: u64) -> Bounds {
        let before = |days: u32| {
            let span = Duration::from_secs(86_400) * days;
            now.saturating_sub(span.as_micros() as u64)
        };
        Bounds {
            now,
            events: before(settings.keep_days),
            calls: before(settings.keep_days_calls),
            agents: before(settings.keep_days_agents),
            statistics: before(settings.keep_days_statistics),
        }
    }
}

/// Rows that were removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize)]
pub(super) struct Removed {
    pub(super) events: u64,
    pub(super) calls: u64,
    pub(super) visits: u64,
    pub(super) offers: u64,
    pub(super) surveys: u64,
    pub(super) agent_time: u64,
    pub(super) statistics: u64,
    /// Rows of the table of which most were removed.
    #[serde(skip)]
    pub(super) most: u64,
}

impl Removed {
    pub(super) fn add(&mut self, other: &Removed) {
        self.events += other.events;
        self.calls += other.calls;
        self.visits += other.visits;
        self.offers += other.offers;
        self.surveys += other.surveys;
        self.agent_time += other.agent_time;
        self.statistics += other.statistics;
    }

    pub(super) fn any(&self) -> bool {
        self.events
            + self.calls
            + self.visits
            + self.offers
            + self.surveys
            + self.agent_time
            + self.statistics
            > 0
    }
}

/// Removes records and figures that are too old. What is open stays.
pub(super) fn prune_records(sql: &mut dyn Sql, bounds: &Bounds, limit: u32) -> Result<Removed, SqlError> {
    let limit = u64::from(limit);
    let mut most = 0;
    let mut remove = |table: &str, key: &str, old: &str, bound: u64| {
        let removed = sql.execute(
            &format!("DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE {old} LIMIT $2)"),
            values![bound, limit],
        )?;
        most = most.max(removed);
        Ok::<_, SqlError>(removed)
    };
    let mut removed = Removed {
        calls: remove(
            "calls",
            "boot, born, call",
            "began < $1 AND ended < $1",
            bounds.calls,
        )?,
        visits: remove(
            "visits",
            "boot, born, call",
            "joined < $1 AND ended < $1 AND settled = 1",
            bounds.calls,
        )?,
        offers: remove("offers", "boot, born", "ended < $1", bounds.calls)?,
        surveys: remove(
            "surveys",
            "boot, born, call",
            "asked < $1 AND settled = 1",
            bounds.calls,
        )?,
        agent_time: remove(
            "agent_time",
            "boot, born, agent, began",
            "began < $1 AND ended < $1",
            bounds.agents,
        )?,
        statistics: remove(
            "queue_stats",
            "slot, node, queue, tier",
            "slot < $1",
            bounds.statistics,
        )?,
        events: 0,
        most: 0,
    };
    removed.statistics += remove(
        "agent_stats",
        "slot, node, agent, queue, tier",
        "slot < $1",
        bounds.statistics,
    )?;
    removed.most = most;
    if removed.calls + removed.visits + removed.offers + removed.surveys + removed.agent_time > 0 {
        let whole = whole_from(sql)?.max(slot_of(bounds.calls.max(bounds.agents)) + SLOT);
        put_meta(sql, "whole_from", &whole.to_string())?;
    }
    Ok(removed)
}

/// From when on all records are there that figures follow from: the beginning of an interval.
pub(crate) fn whole_from(sql: &mut dyn Sql) -> Result<u64, SqlError> {
    let text = meta(sql, "whole_from")?.unwrap_or_else(|| "0".to_owned());
    text.parse()
        .map_err(|_| SqlError::Unreadable(format!("whole_from: {text:?} is no time")))
}

/// A setting of the store itself.
pub(super) fn meta(sql: &mut dyn Sql, key: &str) -> Result<Option<String>, SqlError> {
    let row = sql.first("SELECT value FROM meta WHERE key = $1", values![key])?;
    row.map(|row| row.text(0).map(str::to_owned)).transpose()
}

/// The same, written.
pub(super) fn put_meta(sql: &mut dyn Sql, key: &str, value: &str) -> Result<(), SqlError> {
    let put = "INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    sql.execute(put, values![key, value]).map(drop)
}
