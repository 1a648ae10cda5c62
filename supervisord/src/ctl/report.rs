//! Reports, read from the daemon's store: where the daemon runs, whether it runs or not.

use std::time::Duration;

use clap::Args;

use super::place::{Place, now};
use super::{Failure, table};
use crate::reports::erlang::Load;
use crate::reports::{self, By, Query, ServiceLevelE, Staffing, Step, period};
use crate::store;

/// Rows of a report at most: this program has its memory for itself.
const MOST_ROWS: usize = 200_000;

/// What can be asked for.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct ReportAsk {
    /// Of when: today, yesterday, a day (2026-11-25), a month (2026-11), or from..to: two days, the last one included, or two
    /// moments (2026-11-25T08:00..2026-11-25T20:00)
    #[arg(default_value = "today")]
    when: String,
    /// Whose figures
    #[arg(long, value_enum, default_value_t = By::Queue)]
    by: By,
    /// By what periods
    #[arg(long, value_enum, default_value_t = Step::Whole)]
    every: Step,
    /// As CSV, every figure with its definition
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// As JSON, every figure with its definition
    #[arg(long)]
    json: bool,
    /// Only this queue; may be given several times
    #[arg(long = "queue", value_name = "QUEUE")]
    queues: Vec<String>,
    /// Only this tier; may be given several times
    #[arg(long = "tier", value_name = "TIER")]
    tiers: Vec<String>,
    /// Only this agent, with --by agent; may be given several times
    #[arg(long = "agent", value_name = "NUMBER")]
    agents: Vec<String>,
    /// Only this node
    #[arg(long)]
    node: Option<String>,
    /// The target of service levels in seconds, in place of each queue's own: 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300 or
    /// 600, by which waits are counted
    #[arg(long, value_name = "SECONDS")]
    target: Option<u64>,
    /// Who hangs up within so many seconds abandons shortly; one of the same
    #[arg(long, value_name = "SECONDS")]
    short_abandon: Option<u64>,
    /// SL-E does not count who flowed out
    #[arg(long)]
    without_flowed_out: bool,
    /// SL-E counts short abandons
    #[arg(long)]
    with_short: bool,
    /// A caller who calls again within so many days, 1 to 90, was not helped at first
    #[arg(long, value_name = "DAYS")]
    repeat_days: Option<u32>,
    /// Length of the intervals that the fluctuation coefficient compares: 15 or 30
    #[arg(long, value_name = "MINUTES", default_value_t = 30)]
    fluctuation: u64,
    /// Computes the agents needed: an agent's working time in the period, such as 168h
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, requires_all = ["attendance", "utilisation"])]
    working_time: Option<Duration>,
    /// The share of working time that agents are there, such as 0.95
    #[arg(long, requires = "working_time")]
    attendance: Option<f64>,
    /// The share of that in which they handle calls, such as 0.85
    #[arg(long, requires = "working_time")]
    utilisation: Option<f64>,
    /// In whose days and hours, in place of the settings: such as Asia/Shanghai, or system
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    #[command(flatten)]
    place: Place,
}

const EXAMPLES: &str = "\
The table shows the figures that are looked at most; --json and --csv have all, with their definitions.
A dash is a figure that has nothing to be divided by.

Examples:
  hotlinectl report
  hotlinectl report yesterday --by agent
  hotlinectl report 2026-11 --by team --every day --csv > november.csv
  hotlinectl report 2026-11-25T08:00..2026-11-25T20:00 --by queue-tier --every half --target 20
  hotlinectl report 2026-11 --by all --working-time 168h --attendance 0.95 --utilisation 0.85 --json";

impl ReportAsk {
    /// The answer.
    ///
    /// # Errors
    /// It cannot be asked so, or the store cannot be read.
    pub fn run(self) -> Result<String, Failure> {
        let other = |error: &dyn std::fmt::Display| Failure::Other(error.to_string());
        let part = self.place.read()?;
        let zone = period::zone(self.zone.as_deref().unwrap_or(&part.reports.time_zone))
            .map_err(|error| other(&error))?;
        let (from, to) =
            period::range(&self.when, &zone, jiff::Timestamp::now()).map_err(|error| other(&error))?;
        let mut query = Query::new(self.by, from, to, self.every, &part.reports, now());
        query.queues = self.queues;
        query.tiers = self.tiers;
        query.agents = self.agents;
        query.node = self.node;
        query.teams = part.team;
        query.target = self.target;
        query.short_abandon = self.short_abandon.unwrap_or(query.short_abandon);
        query.service_level_e = ServiceLevelE {
            flowed_out: !self.without_flowed_out,
            less_short: !self.with_short,
        };
        query.most_rows = MOST_ROWS;
        query.repeat_days = self.repeat_days.unwrap_or(query.repeat_days);
        query.fluctuation_minutes = self.fluctuation;
        query.staffing = match (self.working_time, self.attendance, self.utilisation) {
            (Some(time), Some(attendance), Some(utilisation)) => Some(Staffing {
                working_seconds: time.as_secs_f64(),
                attendance,
                utilisation,
            }),
            _ => None,
        };
        let mut store = store::look(&part.store).map_err(|error| other(&error))?;
        let report = reports::run(&query, store.as_mut()).map_err(|error| other(&error))?;
        if self.json {
            return report.json().map_err(|error| other(&error));
        }
        if self.csv {
            return report.csv().map_err(|error| other(&error));
        }
        let (titles, rows) = report.table();
        Ok(table(&titles, &rows))
    }
}

/// Agents that are reckoned with at most.
const MOST_AGENTS: u32 = 100_000;

/// How many agents a load needs.
#[derive(Args)]
pub struct ErlangAsk {
    /// Calls
    #[arg(long)]
    calls: f64,
    /// In which they come
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = humantime::parse_duration)]
    per: Duration,
    /// Mean handling time, after-call work included
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    handling: Duration,
    /// Within which callers are to be answered
    #[arg(long, value_name = "TIME", default_value = "20s", value_parser = humantime::parse_duration)]
    target: Duration,
    /// What callers meet with so many agents
    #[arg(long, conflicts_with = "level")]
    agents: Option<u32>,
    /// How many agents it takes that this share of callers is answered within the target
    #[arg(long, default_value_t = 0.8)]
    level: f64,
    /// Mean patience of callers, to know how many hang up (Erlang A)
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    patience: Option<Duration>,
}

impl ErlangAsk {
    /// The answer.
    ///
    /// # Errors
    /// It cannot be asked so.
    pub fn run(self) -> Result<String, Failure> {
        let load = Load {
            arrivals: self.calls / self.per.as_secs_f64(),
            handling: self.handling.as_secs_f64(),
        };
        let sound = load.erlangs() > 0.0 && load.erlangs().is_finite();
        let asked = self.agents.unwrap_or(1);
        if !sound || !(0.0..1.0).contains(&self.level) || !(1..=MOST_AGENTS).contains(&asked) {
            let why = "calls, times and agents are more than 0, agents up to 100,000, and a level is from 0 to less than 1";
            return Err(Failure::Other(why.to_owned()));
        }
        let target = self.target.as_secs_f64();
        let agents = match self.agents {
            Some(agents) => agents,
            None => load
                .agents_for(self.level, target)
                .ok_or_else(|| Failure::Other("more than 100,000 agents were needed".to_owned()))?,
        };
        let met = load.served_by(agents, target);
        let mut rows = vec![
            ("offered load", format!("{:.2} erlangs", met.load)),
            ("agents", agents.to_string()),
            ("occupancy", format!("{:.1} %", met.occupancy * 100.0)),
            (
                "service level (Erlang C)",
                format!("{:.1} % within {target} s", met.service_level * 100.0),
            ),
            ("callers who wait", format!("{:.1} %", met.waits * 100.0)),
            ("speed of answer", format!("{:.1} s", met.speed_of_answer)),
        ];
        if let Some(patience) = self.patience {
            let met = load.served_impatiently(agents, patience.as_secs_f64());
            rows.push((
                "callers who hang up (Erlang A)",
                format!("{:.1} %", met.abandons * 100.0),
            ));
            rows.push(("mean wait", format!("{:.1} s", met.wait)));
        }
        let rows: Vec<Vec<String>> = rows
            .into_iter()
            .map(|(what, value)| vec![what.to_owned(), value])
            .collect();
        Ok(table(&["FIGURE", "VALUE"], &rows))
    }
}
