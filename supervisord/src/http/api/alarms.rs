//! Alarms: what is on, and who takes care of it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{answers, team};
use crate::alarms::Alarm;
use crate::http::Http;
use crate::http::auth::Caller;
use crate::http::extract::{Body, Params, Segments};
use crate::http::problem::Problem;

pub(super) fn routes() -> OpenApiRouter<Arc<Http>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(acknowledge))
}

/// No rule has more levels.
const WORST: u8 = 5;

/// Which alarms.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Of this team's queues.
    #[param(max_length = 256)]
    team: Option<String>,
    /// Of this level or worse.
    #[serde(default)]
    #[param(minimum = 0, maximum = 5, default = 0)]
    level: u8,
}

/// Somebody takes care of it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Acknowledge {
    /// What they say.
    #[serde(default)]
    #[schema(max_length = 500)]
    note: String,
}

/// What is on, worst first.
#[utoipa::path(get, path = "/alarms", tag = "alarms", params(Which), responses((status = 200, body = Vec<Alarm>)))]
async fn list(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Params(which): Params<Which>,
) -> Result<Json<Vec<Alarm>>, Problem> {
    if which.level > WORST {
        return Err(Problem::invalid(format!("level goes up to {WORST}")));
    }
    let team = team(&http, &caller, which.team.as_deref())?;
    let authority = &http.shared.authority;
    let wanted = |alarm: &&Arc<Alarm>| {
        let of_team = team.is_none_or(|team| alarm.queue.as_ref().is_some_and(|queue| team.has_queue(queue)));
        of_team && alarm.level >= which.level && authority.sees_alarm(&caller.actor, alarm)
    };
    let alarms = http.shared.alarms.alarms();
    Ok(Json(
        alarms
            .iter()
            .filter(wanted)
            .map(|alarm| (**alarm).clone())
            .collect(),
    ))
}

/// Takes care of an alarm. It stays on until its figure is well again, and is asked for anew if that gets worse.
///
/// With an Idempotency-Key it counts once: sent again when the alarm has become worse, it gives the answer of then, and leaves the worse one to be
/// taken care of.
#[utoipa::path(
    post, path = "/alarms/{alarm}/acknowledge", tag = "alarms",
    params(("alarm" = u64, Path, description = "Its number", maximum = 9_223_372_036_854_775_807_u64)),
    request_body = Acknowledge, responses((status = 200, body = Alarm))
)]
async fn acknowledge(
    State(http): State<Arc<Http>>,
    caller: Caller,
    headers: HeaderMap,
    Segments(alarm): Segments<u64>,
    Body(Acknowledge { note }): Body<Acknowledge>,
) -> Result<Json<Alarm>, Problem> {
    let alarm = answers::acknowledge(&http, &caller, &headers, alarm, note).await?;
    Ok(Json((*alarm).clone()))
}
