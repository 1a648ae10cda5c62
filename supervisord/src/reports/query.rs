//! What can be asked of reports: whose figures, of when, by what periods and definitions.

use jiff::ZonedDateTime;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ReportError, Step};
use crate::settings::{ReportSettings, TeamSettings};
use crate::store::ledger::figures::BOUNDS;

/// Rows of an answer at most, unless who asks can do with more: what it takes of the daemon's memory is some 100 MB.
const MOST_ROWS: usize = 20_000;
/// Most days within which a caller calls again, as in the settings.
const MOST_DAYS: u32 = 90;

/// Whose figures a row has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// All of them together.
    All,
    /// A queue's.
    Queue,
    /// A tier's.
    Tier,
    /// A tier's in a queue.
    QueueTier,
    /// An agent's.
    Agent,
    /// A team's: its queues and its agents.
    Team,
    /// What agents said that a queue's calls were about, by code.
    Disposition,
}

/// What the fifth service level counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ServiceLevelE {
    /// Whether who flowed out was to be answered.
    pub flowed_out: bool,
    /// Whether short abandons are left out.
    pub less_short: bool,
}

/// The customer's own rule for the number of agents.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Staffing {
    /// An agent's working time in the period.
    pub working_seconds: f64,
    /// The share of it that agents are there.
    pub attendance: f64,
    /// The share of that in which they handle calls.
    pub utilisation: f64,
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct Query {
    /// Whose.
    pub by: By,
    /// Begin.
    pub from: ZonedDateTime,
    /// End, not in it.
    pub to: ZonedDateTime,
    /// By what periods.
    pub step: Step,
    /// Only these queues; all if none. Agents' time that belongs to no call belongs to no queue: then it is left out.
    pub queues: Vec<String>,
    /// Only these tiers.
    pub tiers: Vec<String>,
    /// Only these agents, with [`By::Agent`] or [`By::Disposition`]: a caller who waits belongs to none.
    pub agents: Vec<String>,
    /// Only this node.
    pub node: Option<String>,
    /// Teams there are, for [`By::Team`].
    pub teams: Vec<TeamSettings>,
    /// Target of service levels in seconds, one of [`BOUNDS`]; each queue's own if none.
    pub target: Option<u64>,
    /// Who hangs up within so many seconds abandons shortly; one of [`BOUNDS`].
    pub short_abandon: u64,
    /// What the fifth service level counts.
    pub service_level_e: ServiceLevelE,
    /// Who calls again within so many days was not helped at first.
    pub repeat_days: u32,
    /// Length of the intervals whose arrivals are compared: 15 or 30.
    pub fluctuation_minutes: u64,
    /// To compute the number of agents needed.
    pub staffing: Option<Staffing>,
    /// Now; microseconds since the Unix epoch.
    pub now: u64,
    /// Rows of the answer at most.
    pub most_rows: usize,
}

impl Query {
    /// A question with everything else as usual.
    pub fn new(
        by: By,
        from: ZonedDateTime,
        to: ZonedDateTime,
        step: Step,
        settings: &ReportSettings,
        now: u64,
    ) -> Query {
        Query {
            by,
            from,
            to,
            step,
            queues: Vec::new(),
            tiers: Vec::new(),
            agents: Vec::new(),
            node: None,
            teams: Vec::new(),
            target: None,
            short_abandon: settings.short_abandon_seconds,
            service_level_e: ServiceLevelE {
                flowed_out: true,
                less_short: true,
            },
            repeat_days: settings.repeat_days,
            fluctuation_minutes: 30,
            staffing: None,
            now,
            most_rows: MOST_ROWS,
        }
    }

    pub(super) fn check(&self) -> Result<(), ReportError> {
        let refuse = |why: String| Err(ReportError::Asked(why));
        for (what, seconds) in [
            ("target", self.target),
            ("short abandon", Some(self.short_abandon)),
        ] {
            if let Some(seconds) = seconds.filter(|seconds| !BOUNDS.contains(seconds)) {
                return refuse(format!(
                    "waits are not counted by {seconds} s, so it can be no {what}; give one of {BOUNDS:?}"
                ));
            }
        }
        if ![15, 30].contains(&self.fluctuation_minutes) {
            return refuse("intervals are of 15 or 30 minutes".to_owned());
        }
        if !(1..=MOST_DAYS).contains(&self.repeat_days) {
            return refuse(format!(
                "who calls again does so within 1 to {MOST_DAYS} days, not {}",
                self.repeat_days
            ));
        }
        if !matches!(self.by, By::Agent | By::Disposition) && !self.agents.is_empty() {
            return refuse(
                "agents can be chosen for figures by agent alone, and by disposition: callers who wait belong to no agent"
                    .to_owned(),
            );
        }
        if self.by == By::Team && self.teams.is_empty() {
            return refuse(
                "there are no teams; give [[team]] with name, queues and agents in the settings".to_owned(),
            );
        }
        if let Some(staffing) = &self.staffing {
            let share = |value: f64| value > 0.0 && value <= 1.0;
            if !(staffing.working_seconds > 0.0 && share(staffing.attendance) && share(staffing.utilisation))
            {
                return refuse(
                    "working time is more than 0, attendance and utilisation more than 0 and at most 1"
                        .to_owned(),
                );
            }
        }
        Ok(())
    }

    pub(super) fn keys(&self, queue: &str, tier: &str) -> Vec<Key> {
        let key = |queue: &str, tier: &str, team: &str| Key {
            disposition: String::new(),
            queue: queue.to_owned(),
            tier: tier.to_owned(),
            team: team.to_owned(),
            agent: String::new(),
        };
        match self.by {
            By::All => vec![key("", "", "")],
            By::Queue => vec![key(queue, "", "")],
            By::Tier => vec![key("", tier, "")],
            By::QueueTier => vec![key(queue, tier, "")],
            By::Agent | By::Disposition => Vec::new(),
            By::Team => {
                let teams = self.teams.iter().filter(|team| team.has_queue(queue));
                teams.map(|team| key("", "", &team.name)).collect()
            }
        }
    }

    pub(super) fn agents_keys(&self, agent: &str, queue: &str, tier: &str) -> Vec<Key> {
        match self.by {
            By::All | By::Queue | By::Tier | By::QueueTier | By::Disposition => self.keys(queue, tier),
            By::Agent => vec![Key {
                agent: agent.to_owned(),
                ..Key::default()
            }],
            By::Team => {
                let teams = self.teams.iter().filter(|team| team.has_agent(agent));
                let key = |team: &TeamSettings| Key {
                    team: team.name.clone(),
                    ..Key::default()
                };
                teams.map(key).collect()
            }
        }
    }

    /// Whether agents' time is there as a whole, and not only that with calls of some queues or tiers.
    pub(super) fn has_whole_time(&self) -> bool {
        self.queues.is_empty() && self.tiers.is_empty()
    }

    pub(super) fn wants(&self, queue: &str, tier: &str) -> bool {
        (self.queues.is_empty() || self.queues.iter().any(|wanted| wanted == queue))
            && (self.tiers.is_empty() || self.tiers.iter().any(|wanted| wanted == tier))
    }

    pub(super) fn wants_agent(&self, agent: &str, queue: &str, tier: &str) -> bool {
        (self.agents.is_empty() || self.agents.iter().any(|wanted| wanted == agent))
            && self.wants(queue, tier)
    }
}

/// Whose figures; what does not tell rows apart is empty.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize)]
pub struct Key {
    /// Team name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub team: String,
    /// Queue name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub queue: String,
    /// Tier name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tier: String,
    /// Agent number.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub agent: String,
    /// Code of a disposition.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub disposition: String,
}
