//! Reports: the figures of a contact centre by period, in a time zone, of queues, tiers, agents and teams.
//!
//! They are sums of what the store keeps per quarter of an hour, which follows from the records of calls and of agents' time:
//! so they agree with these to the last call. A visit counts in the interval in which it joined, an agent's time in each
//! interval that it spans.

mod callers;
pub mod contacts;
pub mod erlang;
mod measures;
pub mod output;
pub mod period;
mod query;
mod sums;
mod surveys;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::store::StoreError;
use crate::store::sql::{self, Engine, Sql, SqlError};

pub use measures::{Measure, Measures};
pub use period::{Period, Step};
pub use query::{By, Key, Query, ServiceLevelE, Staffing};

use measures::Spread;
use sums::{Open, Sums};

/// Somebody's figures in a period.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ReportRow {
    /// When.
    #[serde(flatten)]
    pub period: Period,
    /// Whose.
    #[serde(flatten)]
    pub of: Key,
    /// What.
    pub figures: Measures,
}

/// What cannot be said, and why.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Unknown {
    /// The figure.
    pub figure: &'static str,
    /// Why.
    pub why: &'static str,
}

/// Of these, nothing that happens tells yet.
pub const UNKNOWN: &[Unknown] = &[
    Unknown {
        figure: "complaints per thousand active customers",
        why: "nothing tells of the number of active customers; see complaints_per_thousand, which is of answered calls",
    },
    Unknown {
        figure: "adherence, shrinkage",
        why: "there is no schedule of agents",
    },
    Unknown {
        figure: "transfers by agents",
        why: "not counted yet, though events tell of them; consultations and conferences are counted",
    },
];

/// An answer.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Report {
    /// Whose figures a row has.
    pub by: By,
    /// By what periods.
    pub step: Step,
    /// In whose days and hours.
    pub time_zone: String,
    /// What is to be known when reading it.
    pub notes: Vec<String>,
    /// What cannot be said.
    pub unknown: &'static [Unknown],
    /// By period, then by whose.
    pub rows: Vec<ReportRow>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// It cannot be asked so.
    #[error("{0}")]
    Asked(String),
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Answers a question from the store, at one moment of it.
///
/// # Errors
/// If it cannot be asked so, or the store does not answer.
pub fn run(query: &Query, engine: &mut dyn Engine) -> Result<Report, ReportError> {
    query.check()?;
    let periods = period::periods(&query.from, &query.to, query.step).map_err(ReportError::Asked)?;
    let read = sql::read(engine, |sql| {
        let open = sums::open_intervals(sql, query)?;
        let mut rows = Vec::new();
        for period in &periods {
            report_period(sql, query, period, &open, &mut rows)?;
            if rows.len() > query.most_rows {
                break;
            }
        }
        let whole = crate::store::keep::whole_from(sql)?;
        Ok((rows, whole, sums::lost_events(sql, query, &periods)?))
    });
    let (rows, whole, lost) = read.map_err(|error| engine.failure(error))?;
    if rows.len() > query.most_rows {
        return Err(ReportError::Asked(format!(
            "more than {} rows: ask for less time, longer periods, or some queues, tiers or agents only",
            query.most_rows
        )));
    }
    let mut notes = vec![
        "a visit counts in the period in which it joined, an agent's call in that in which it was connected, time in each period that it spans".to_owned(),
    ];
    if !query.has_whole_time() && matches!(query.by, By::All | By::Team | By::Agent) {
        notes.push(
            "of agents there are calls and offers only: who is ready is so for all queues and tiers, so time, occupancy and utilisation \
             are known of all of them together"
                .to_owned(),
        );
    }
    if lost > 0 {
        notes.push(format!(
            "{lost} events of this time are lost: calls that ended in a gap are among errors and cut_off, agents' time of which nobody \
             knows is in unknown, and calls that came and went in it are missing"
        ));
    }
    let days = u64::from(query.repeat_days) * 86_400_000_000;
    if periods.iter().any(|period| period.to + days > query.now) {
        notes.push(format!(
            "first_call_resolution of periods that ended less than {} days ago can still fall",
            query.repeat_days
        ));
    }
    if periods.iter().any(|period| period.from < whole) {
        notes.push(
            "first_call_resolution is not known of periods whose calls are not kept any more".to_owned(),
        );
    }
    let zone = query.from.time_zone();
    Ok(Report {
        by: query.by,
        step: query.step,
        time_zone: zone.iana_name().unwrap_or("system").to_owned(),
        notes,
        unknown: UNKNOWN,
        rows,
    })
}

fn report_period(
    sql: &mut dyn Sql,
    query: &Query,
    period: &Period,
    open: &[Open],
    rows: &mut Vec<ReportRow>,
) -> Result<(), SqlError> {
    let mut sums: BTreeMap<Key, Sums> = BTreeMap::new();
    if query.by == By::Disposition {
        sums::add_dispositions(sql, query, period, &mut sums)?;
        for (of, sums) in sums {
            let mut figures = Measures::default();
            measures::of_dispositions(&mut figures, &sums.queues);
            let period = period.clone();
            rows.push(ReportRow { period, of, figures });
        }
        return Ok(());
    }
    if query.by == By::All {
        sums.insert(Key::default(), Sums::default());
    }
    if query.by != By::Agent {
        sums::add_queues(sql, query, period, &mut sums)?;
    }
    sums::add_agents(sql, query, period, &mut sums)?;
    sums::add_open(query, period, open, &mut sums);
    let interval = query.fluctuation_minutes * 60_000_000;
    let spans_several = period.to - period.from > interval;
    if spans_several && query.by != By::Agent {
        sums::add_busiest(sql, query, period, interval, &mut sums)?;
    }
    let known = crate::store::keep::whole_from(sql)? <= period.from;
    if known {
        let callers = callers::of_period(sql, period, query.repeat_days, query.node.as_deref())?;
        sums::add_callers(query, &callers, &mut sums);
        let surveys = surveys::of_period(sql, period, query.node.as_deref())?;
        sums::add_surveys(query, &surveys, &mut sums);
    }
    let past = period.to.min(query.now.max(period.from));
    for (of, sums) in sums {
        let mut figures = Measures::default();
        let callers = known.then_some(sums.callers);
        let spread = spans_several.then(|| Spread {
            busiest: sums.busiest,
            intervals: (past - period.from).div_ceil(interval),
        });
        match query.by {
            By::Agent => measures::of_agents_calls(&mut figures, &sums.agents),
            By::All | By::Team | By::Queue | By::Tier | By::QueueTier => {
                measures::of_queues(&mut figures, &sums.queues, query, spread, callers);
            }
            // Has figures of its own; see above.
            By::Disposition => {}
        }
        measures::of_surveys(&mut figures, known.then_some(sums.surveys));
        let with_time = query.has_whole_time() && matches!(query.by, By::All | By::Team | By::Agent);
        match with_time {
            true => measures::of_agents(&mut figures, &sums.agents),
            false => measures::of_offers(&mut figures, &sums.agents),
        }
        rows.push(ReportRow {
            period: period.clone(),
            of,
            figures,
        });
    }
    Ok(())
}
