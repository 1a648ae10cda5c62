//! What the store has for a period, added up by whose it is.

use std::collections::BTreeMap;

use super::callers::{ByCallers, Callers};
use super::surveys::{BySurveys, Surveys};
use super::{By, Key, Period, Query};
use crate::store::ledger::figures::{AgentFigures, QueueFigures, split};
use crate::store::ledger::tables::{AGENT_TIME, read_interval};
use crate::store::sql::{self, Sql, SqlError, values};

/// What is known of somebody in a period.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    pub(super) queues: QueueFigures,
    pub(super) agents: AgentFigures,
    pub(super) callers: Callers,
    pub(super) busiest: i64,
    pub(super) surveys: Surveys,
}

/// `, CAST(sum(x) AS BIGINT)` for each: PostgreSQL's sums are of another type.
fn summed(columns: &[&str]) -> String {
    columns
        .iter()
        .map(|column| format!(", CAST(sum({column}) AS BIGINT)"))
        .collect()
}

fn at_node(query: &Query) -> &'static str {
    if query.node.is_some() {
        " AND node = $3"
    } else {
        ""
    }
}

fn asked(query: &Query, period: &Period) -> Vec<sql::Value> {
    let mut asked = values![period.from, period.to].to_vec();
    asked.extend(query.node.as_deref().map(Into::into));
    asked
}

fn read<const N: usize>(row: &sql::Row, first: usize) -> Result<[i64; N], SqlError> {
    let mut values = [0; N];
    for (place, value) in values.iter_mut().enumerate() {
        *value = row.int(first + place)?;
    }
    Ok(values)
}

pub(super) fn add_queues(
    sql: &mut dyn Sql,
    query: &Query,
    period: &Period,
    sums: &mut BTreeMap<Key, Sums>,
) -> Result<(), SqlError> {
    let select = format!(
        "SELECT queue, tier{} FROM queue_stats WHERE slot >= $1 AND slot < $2{} GROUP BY queue, tier",
        summed(QueueFigures::COLUMNS),
        at_node(query)
    );
    sql.each(&select, &asked(query, period), &mut |row| {
        let (queue, tier) = (row.text(0)?, row.text(1)?);
        if query.wants(queue, tier) {
            let figures = QueueFigures::of(read(&row, 2)?);
            for key in query.keys(queue, tier) {
                sums.entry(key).or_default().queues.add(&figures, 1);
            }
        }
        Ok(())
    })
}

pub(super) fn add_agents(
    sql: &mut dyn Sql,
    query: &Query,
    period: &Period,
    sums: &mut BTreeMap<Key, Sums>,
) -> Result<(), SqlError> {
    // Not by more than is asked: there are many agents.
    let (by_agent, by_queue) = match query.by {
        By::Agent | By::Team => (true, !query.queues.is_empty() || !query.tiers.is_empty()),
        By::Queue | By::Tier | By::QueueTier | By::All | By::Disposition => (!query.agents.is_empty(), true),
    };
    let agent = if by_agent { "agent" } else { "''" };
    let (queue, tier) = if by_queue { ("queue", "tier") } else { ("''", "''") };
    let group: Vec<&str> = [(by_agent, "agent"), (by_queue, "queue, tier")]
        .iter()
        .filter_map(|(is, group)| is.then_some(*group))
        .collect();
    let select = format!(
        "SELECT {agent}, {queue}, {tier}{} FROM agent_stats WHERE slot >= $1 AND slot < $2{} GROUP BY {}",
        summed(AgentFigures::COLUMNS),
        at_node(query),
        group.join(", ")
    );
    sql.each(&select, &asked(query, period), &mut |row| {
        let (agent, queue, tier) = (row.text(0)?, row.text(1)?, row.text(2)?);
        let figures = AgentFigures::of(read(&row, 3)?);
        add_agent(query, sums, (agent, queue, tier), &figures);
        Ok(())
    })
}

fn add_agent(
    query: &Query,
    sums: &mut BTreeMap<Key, Sums>,
    (agent, queue, tier): (&str, &str, &str),
    figures: &AgentFigures,
) {
    if !query.wants_agent(agent, queue, tier) {
        return;
    }
    for key in query.agents_keys(agent, queue, tier) {
        // Time that belongs to no call belongs to no queue.
        if matches!(query.by, By::Queue | By::QueueTier) && queue.is_empty() {
            continue;
        }
        if query.by == By::Tier && tier.is_empty() {
            continue;
        }
        sums.entry(key).or_default().agents.add(figures, 1);
    }
}

/// What agents said that calls were about, of those that joined in the period.
pub(super) fn add_dispositions(
    sql: &mut dyn Sql,
    query: &Query,
    period: &Period,
    sums: &mut BTreeMap<Key, Sums>,
) -> Result<(), SqlError> {
    let here = if query.node.is_some() {
        " AND boot IN (SELECT id FROM boots WHERE node = $3)"
    } else {
        ""
    };
    let select = format!(
        "SELECT queue, tier, coalesce(agent, ''), disposition, count(*){} FROM visits \
         WHERE joined >= $1 AND joined < $2 AND disposition IS NOT NULL{here} GROUP BY queue, tier, agent, disposition",
        summed(&["complaint", "resolved", "follow_up"])
    );
    sql.each(&select, &asked(query, period), &mut |row| {
        let (queue, tier, agent) = (row.text(0)?, row.text(1)?, row.text(2)?);
        if query.wants_agent(agent, queue, tier) {
            let key = Key {
                queue: queue.to_owned(),
                disposition: row.text(3)?.to_owned(),
                ..Key::default()
            };
            let figures = QueueFigures {
                disposed: row.int(4)?,
                complaints: row.int(5)?,
                resolved: row.int(6)?,
                follow_ups: row.int(7)?,
                ..QueueFigures::default()
            };
            sums.entry(key).or_default().queues.add(&figures, 1);
        }
        Ok(())
    })
}

/// A state that an agent is in now.
pub(super) struct Open {
    agent: String,
    queue: String,
    tier: String,
    state: Option<hotline_wire::snapshot::AgentState>,
    from: u64,
    /// The last that was heard of the node.
    until: u64,
}

pub(super) fn open_intervals(sql: &mut dyn Sql, query: &Query) -> Result<Vec<Open>, SqlError> {
    let columns = AGENT_TIME.split(", ");
    let columns: Vec<String> = columns.map(|column| format!("agent_time.{column}")).collect();
    let select = format!(
        "SELECT {}, boots.last, boots.node FROM agent_time JOIN boots ON boots.id = agent_time.boot \
         WHERE agent_time.ended IS NULL",
        columns.join(", ")
    );
    let mut open = Vec::new();
    sql.each(&select, &[], &mut |row| {
        let interval = read_interval(&row)?;
        let node = row.text(columns.len() + 1)?;
        if query.node.as_deref().is_none_or(|wanted| wanted == node) {
            open.push(Open {
                agent: interval.agent,
                queue: interval.queue,
                tier: interval.tier,
                state: interval.state,
                from: interval.from,
                until: row.uint(columns.len())?,
            });
        }
        Ok(())
    })?;
    Ok(open)
}

pub(super) fn add_open(query: &Query, period: &Period, open: &[Open], sums: &mut BTreeMap<Key, Sums>) {
    for open in open {
        let from = open.from.max(period.from);
        let until = open.until.min(period.to);
        for (_, time) in split(from, until) {
            let figures = AgentFigures::of_time(open.state, time);
            add_agent(query, sums, (&open.agent, &open.queue, &open.tier), &figures);
        }
    }
}

pub(super) fn add_busiest(
    sql: &mut dyn Sql,
    query: &Query,
    period: &Period,
    interval: u64,
    sums: &mut BTreeMap<Key, Sums>,
) -> Result<(), SqlError> {
    let select = format!(
        "SELECT slot, queue, tier, CAST(sum(arrivals) AS BIGINT) FROM queue_stats \
         WHERE slot >= $1 AND slot < $2{} GROUP BY slot, queue, tier",
        at_node(query)
    );
    let mut arrivals: BTreeMap<(Key, u64), i64> = BTreeMap::new();
    sql.each(&select, &asked(query, period), &mut |row| {
        let (queue, tier) = (row.text(1)?, row.text(2)?);
        let nth = (row.uint(0)? - period.from) / interval;
        if query.wants(queue, tier) {
            for key in query.keys(queue, tier) {
                *arrivals.entry((key, nth)).or_default() += row.int(3)?;
            }
        }
        Ok(())
    })?;
    for ((key, _), arrivals) in arrivals {
        let sums = sums.entry(key).or_default();
        sums.busiest = sums.busiest.max(arrivals);
    }
    Ok(())
}

/// Events that are lost in gaps which were noticed within the periods.
pub(super) fn lost_events(sql: &mut dyn Sql, query: &Query, periods: &[Period]) -> Result<u64, SqlError> {
    let (Some(first), Some(last)) = (periods.first(), periods.last()) else {
        return Ok(0);
    };
    let all = Period {
        name: String::new(),
        from: first.from,
        to: last.to,
    };
    let select = format!(
        "SELECT CAST(coalesce(sum(last - first + 1), 0) AS BIGINT) FROM gaps WHERE at >= $1 AND at < $2{}",
        at_node(query)
    );
    let row = sql.first(&select, &asked(query, &all))?;
    row.map_or(Ok(0), |row| row.uint(0))
}

pub(super) fn add_callers(query: &Query, callers: &ByCallers, sums: &mut BTreeMap<Key, Sums>) {
    for ((queue, tier, agent), found) in callers {
        if !query.wants_agent(agent, queue, tier) {
            continue;
        }
        for key in query.keys(queue, tier) {
            let sums = sums.entry(key).or_default();
            sums.callers.known += found.known;
            sums.callers.repeated += found.repeated;
        }
    }
}

pub(super) fn add_surveys(query: &Query, surveys: &BySurveys, sums: &mut BTreeMap<Key, Sums>) {
    for ((queue, tier, agent), found) in surveys {
        if !query.wants_agent(agent, queue, tier) {
            continue;
        }
        for key in query.agents_keys(agent, queue, tier) {
            sums.entry(key).or_default().surveys.add(found);
        }
    }
}
