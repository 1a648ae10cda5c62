//! `[store]` and `[reports]`: what is kept, for how long and how, and how it is reported.

use std::path::PathBuf;

use hotline_blacklist::Plan;
use serde::Deserialize;

use super::{Fault, is_usable};
use crate::store::ledger::figures::BOUNDS;

/// `[store]`
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreSettings {
    /// The database file.
    pub path: PathBuf,
    /// A PostgreSQL in place of the file: `postgresql://user@/hotline?host=/run/postgresql`.
    pub database: Option<String>,
    /// Days that events are kept; counters are kept for ever.
    pub keep_days: u32,
    /// Days that records of calls, visits and offers are kept.
    pub keep_days_calls: u32,
    /// Days that agents' time in their states is kept.
    pub keep_days_agents: u32,
    /// Days that figures per quarter of an hour are kept.
    pub keep_days_statistics: u32,
    /// Whether events have only the last digits of caller numbers.
    pub mask_events: bool,
    /// Whether records of calls have.
    pub mask_calls: bool,
    /// The file's ceiling in MiB. When it is reached, nodes keep their events until there is room again.
    pub max_mib: u64,
    /// Events between two checkpoints: a restart replays so many at most.
    pub checkpoint_every: u64,
    /// How numbers are written, as in the nodes' `[blacklist.numbers]`.
    pub numbers: NumberSettings,
}

impl Default for StoreSettings {
    fn default() -> Self {
        StoreSettings {
            path: PathBuf::from("/var/lib/hotline/events.db"),
            database: None,
            keep_days: 30,
            keep_days_calls: 400,
            keep_days_agents: 400,
            keep_days_statistics: 1_100,
            mask_events: false,
            mask_calls: false,
            max_mib: 32 << 10,
            checkpoint_every: 50_000,
            numbers: NumberSettings::default(),
        }
    }
}

impl StoreSettings {
    /// How the country writes its numbers.
    pub fn plan(&self) -> Plan {
        // Checked when the settings were read.
        self.numbers.plan().unwrap_or_default()
    }

    pub(super) fn check(&self) -> Result<(), Fault> {
        if !is_usable(&self.path) {
            // SQLite would take "" and ":memory:" for a database that is forgotten at the end.
            let message = format!("{:?} is not an absolute path", self.path.display());
            return fault("store.path", message);
        }
        if let Some(database) = &self.database
            && let Err(why) = crate::store::postgres::address(database)
        {
            return fault("store.database", why);
        }
        for (key, days) in [
            ("store.keep_days", self.keep_days),
            ("store.keep_days_calls", self.keep_days_calls),
            ("store.keep_days_agents", self.keep_days_agents),
            ("store.keep_days_statistics", self.keep_days_statistics),
        ] {
            range(key, days.into(), 1, 3_650)?;
        }
        if let Err(why) = self.numbers.plan() {
            return fault("store.numbers", why.to_owned());
        }
        range("store.max_mib", self.max_mib, 1, 1 << 24)?;
        range("store.checkpoint_every", self.checkpoint_every, 1, 10_000_000)
    }
}

/// `[store.numbers]`
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NumberSettings {
    /// Country code, without a `+`.
    pub country: String,
    /// What stands in front of an international number.
    pub international_prefix: String,
    /// What stands in front of a national one.
    pub trunk_prefix: String,
    /// Fewest digits of a national number.
    pub shortest: usize,
    /// Most digits of one.
    pub longest: usize,
}

impl Default for NumberSettings {
    fn default() -> Self {
        NumberSettings {
            country: "86".to_owned(),
            international_prefix: "00".to_owned(),
            trunk_prefix: "0".to_owned(),
            shortest: 7,
            longest: 11,
        }
    }
}

impl NumberSettings {
    fn plan(&self) -> Result<Plan, &'static str> {
        Plan::new(
            &self.country,
            &self.international_prefix,
            &self.trunk_prefix,
            self.shortest,
            self.longest,
        )
    }
}

/// `[reports]`
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReportSettings {
    /// In whose days and hours reports are: a name of the IANA database, or `system` for that of the machine.
    pub time_zone: String,
    /// Callers who hang up within so many seconds can be left out.
    pub short_abandon_seconds: u64,
    /// A caller who calls again within so many days was not helped at first.
    pub repeat_days: u32,
}

impl Default for ReportSettings {
    fn default() -> Self {
        ReportSettings {
            time_zone: "system".to_owned(),
            short_abandon_seconds: 5,
            repeat_days: 7,
        }
    }
}

impl ReportSettings {
    pub(super) fn check(&self) -> Result<(), Fault> {
        if let Err(why) = crate::reports::period::zone(&self.time_zone) {
            return fault("reports.time_zone", why);
        }
        if !BOUNDS.contains(&self.short_abandon_seconds) {
            let message = format!("{} is none of {BOUNDS:?}", self.short_abandon_seconds);
            return fault("reports.short_abandon_seconds", message);
        }
        range("reports.repeat_days", self.repeat_days.into(), 1, 90)
    }
}

fn fault(key: &'static str, message: String) -> Result<(), Fault> {
    Err(Fault { key, nth: 0, message })
}

fn range(key: &'static str, value: u64, low: u64, high: u64) -> Result<(), Fault> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    fault(key, format!("{value} is out of range, {low} to {high}"))
}
