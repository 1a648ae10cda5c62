//! Reports, from the records of the store.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::page::short;
use super::team;
use crate::authority::{ALL_TEAMS, Deed, Reach, Target, policy};
use crate::http::Http;
use crate::http::auth::Caller;
use crate::http::extract::Params;
use crate::http::places::beside;
use crate::http::problem::Problem;
use crate::reports::{self, By, Query, ReportError, Step, period};
use crate::shared::CommandError;
use crate::store;

pub(super) fn routes() -> OpenApiRouter<Arc<Http>> {
    OpenApiRouter::new().routes(routes!(report))
}

/// What is wanted.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Of when: `today`, `yesterday`, a day (`2026-11-25`), a month (`2026-11`), or `from..to`: two days, the last one included, or two
    /// moments (`2026-11-25T08:00..2026-11-25T20:00`). Today if absent.
    #[serde(default, deserialize_with = "short")]
    #[param(max_length = 256)]
    when: Option<String>,
    /// Whose figures.
    #[serde(default = "by_queue")]
    #[param(inline, default = "queue")]
    by: By,
    /// By what periods.
    #[serde(default = "whole")]
    #[param(inline, default = "whole")]
    every: Step,
    /// Only this queue.
    #[serde(default, deserialize_with = "short")]
    #[param(max_length = 256)]
    queue: Option<String>,
    /// Only this tier.
    #[serde(default, deserialize_with = "short")]
    #[param(max_length = 256)]
    tier: Option<String>,
    /// Only this agent, with `by=agent`.
    #[serde(default, deserialize_with = "short")]
    #[param(max_length = 256)]
    agent: Option<String>,
    /// Only this team, with `by=team`.
    #[serde(default, deserialize_with = "short")]
    #[param(max_length = 256)]
    team: Option<String>,
    /// Only this node.
    #[serde(default, deserialize_with = "short")]
    #[param(max_length = 256)]
    node: Option<String>,
    /// Target of service levels in seconds, in place of each queue's own: 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300 or 600.
    #[param(maximum = 600)]
    target: Option<u64>,
    /// In whose days and hours, in place of the settings: such as `Asia/Shanghai`.
    #[serde(default, deserialize_with = "short")]
    #[param(max_length = 256)]
    zone: Option<String>,
    /// How it is written.
    #[serde(default)]
    #[param(inline, default = "json")]
    format: Format,
}

fn by_queue() -> By {
    By::Queue
}

fn whole() -> Step {
    Step::Whole
}

/// How a report is written.
#[derive(Clone, Copy, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Format {
    /// JSON, every figure with its definition.
    #[default]
    Json,
    /// CSV, the same.
    Csv,
}

/// A report: service levels, waits, handling, occupancy and more, each with its definition. Who is of some teams asks for one of its teams
/// (`by=team&team=`), for one of their queues, or for one of their agents (`by=agent&agent=`); an agent for itself.
#[utoipa::path(
    get, path = "/reports", tag = "reports", params(Which),
    responses((status = 200, description = "The report", content((serde_json::Value = "application/json"), (String = "text/csv"))))
)]
async fn report(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Params(which): Params<Which>,
) -> Result<Response, Problem> {
    may(&http, &caller, &which)?;
    let invalid = |why: String| Problem::invalid(why);
    let zone = period::zone(which.zone.as_deref().unwrap_or(&http.reports.time_zone)).map_err(invalid)?;
    let when = which.when.as_deref().unwrap_or("today");
    let now = jiff::Timestamp::now();
    let (from, to) = period::range(when, &zone, now).map_err(invalid)?;
    let micros = u64::try_from(now.as_microsecond()).unwrap_or_default();
    let mut query = Query::new(which.by, from, to, which.every, &http.reports, micros);
    query.queues = which.queue.into_iter().collect();
    query.tiers = which.tier.into_iter().collect();
    query.agents = which.agent.into_iter().collect();
    query.node = which.node;
    query.target = which.target;
    let only = team(&http, &caller, which.team.as_deref())?;
    query.teams = match only {
        Some(team) => vec![team.clone()],
        None => http.shared.authority.teams_of(&caller.actor).cloned().collect(),
    };
    let settings = http.store.clone();
    // They take much memory each.
    let written = beside(&http.reporting, move || {
        let mut engine = store::look(&settings)?;
        let report = reports::run(&query, engine.as_mut())?;
        let text = match which.format {
            Format::Json => report.json().map_err(|error| error.to_string()),
            Format::Csv => report.csv().map_err(|error| error.to_string()),
        };
        Ok::<_, ReportError>(text)
    });
    let written = written
        .await
        .map_err(|error| Problem::defect("the report could not be made", &error))?;
    let text = match written {
        Ok(text) => text.map_err(|error| Problem::defect("the report could not be written", &error))?,
        Err(ReportError::Asked(why)) => return Err(Problem::invalid(why)),
        Err(ReportError::Store(error)) => {
            return Err(Problem::defect("the report could not be made", &error));
        }
    };
    let kind = match which.format {
        Format::Json => "application/json",
        Format::Csv => "text/csv; charset=utf-8",
    };
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static(kind))], text).into_response())
}

/// Whether all that is asked for is the caller's business.
fn may(http: &Http, caller: &Caller, which: &Which) -> Result<(), Problem> {
    let (authority, actor) = (&http.shared.authority, &caller.actor);
    let ask = |target| authority.deed(actor, None, Deed::ReadReports, target);
    let own_team = |name: &str| actor.teams.iter().any(|team| team == name || team == ALL_TEAMS);
    let allowed = match (policy::reach(Deed::ReadReports, actor.role), which) {
        (
            Reach::Teams,
            Which {
                by: By::Team,
                team: Some(team),
                queue: None,
                agent: None,
                ..
            },
        ) if own_team(team) => Ok(()),
        (
            _,
            Which {
                by: By::Agent | By::Disposition,
                agent: Some(agent),
                ..
            },
        ) => ask(Target::Agent(agent)),
        (
            _,
            Which {
                queue: Some(queue),
                by: By::All | By::Queue | By::Tier | By::QueueTier | By::Disposition,
                ..
            },
        ) => ask(Target::Queue(queue)),
        _ => ask(Target::Node),
    };
    Ok(allowed.map_err(CommandError::Denied)?)
}
