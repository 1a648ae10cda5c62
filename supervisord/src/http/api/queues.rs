//! Queues: how they are, and their doors.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use hotline_wire::{Command, snapshot};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{self, Answer};
use super::page::{Page, page, short, usual_limit};
use super::{BETWEEN, OnNode, node_of_queue, team};
use crate::http::Http;
use crate::http::auth::Caller;
use crate::http::extract::{Body, Params, Segments};
use crate::http::problem::Problem;
use crate::views::{DispositionView, QueueView};

pub(super) fn routes() -> OpenApiRouter<Arc<Http>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(one))
        .routes(routes!(dispositions))
        .routes(routes!(set_door))
}

/// Which queues.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Of this node.
    #[serde(default, deserialize_with = "short")]
    #[param(max_length = 256)]
    node: Option<String>,
    /// Of this team.
    #[serde(default, deserialize_with = "short")]
    #[param(max_length = 256)]
    team: Option<String>,
    /// Items of the page.
    #[serde(default = "usual_limit")]
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: u32,
    /// The `next` of the page before.
    #[param(max_length = 2048, pattern = "^([0-9a-f]{2})+$")]
    cursor: Option<String>,
}

/// Whether callers may join a queue.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Door {
    /// They may.
    Open,
    /// Nobody may join; who waits is served.
    Closed,
    /// Nobody may join, and who waits leaves.
    Emergency,
}

/// A door to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SetDoor {
    /// From now on.
    door: Door,
}

/// Queues: who waits, and who could answer.
#[utoipa::path(get, path = "/queues", tag = "queues", params(Which), responses((status = 200, body = Page<QueueView>)))]
async fn list(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Params(which): Params<Which>,
) -> Result<Json<Page<QueueView>>, Problem> {
    let (authority, team) = (
        &http.shared.authority,
        team(&http, &caller, which.team.as_deref())?,
    );
    let mut queues = Vec::new();
    {
        let state = http.shared.state();
        for (node, view) in &state.nodes {
            if which.node.as_ref().is_some_and(|wanted| wanted != node) {
                continue;
            }
            for name in view.queues.keys() {
                let wanted = team.is_none_or(|team| team.has_queue(name));
                if wanted && authority.sees_queue(&caller.actor, name) {
                    let view = QueueView::of(&state, node, name);
                    queues.extend(view.map(|view| (format!("{node}{BETWEEN}{name}"), view)));
                }
            }
        }
    }
    page(queues, which.limit, which.cursor.as_deref()).map(Json)
}

/// A queue.
#[utoipa::path(
    get, path = "/queues/{queue}", tag = "queues", params(("queue" = String, Path, description = "Queue name"), OnNode),
    responses((status = 200, body = QueueView))
)]
async fn one(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Segments(queue): Segments<String>,
    Params(on): Params<OnNode>,
) -> Result<Json<QueueView>, Problem> {
    let node = node_of_queue(&http, &caller, &queue, on.node.as_deref())?;
    let view = QueueView::of(&http.shared.state(), &node, &queue);
    view.map(Json).ok_or_else(|| {
        Problem::not_found(
            "unknown_queue",
            format!("queue {queue} is gone; GET /api/v1/queues lists them"),
        )
    })
}

/// What calls of a queue can have been about, in the order of its node's settings.
#[utoipa::path(
    get, path = "/queues/{queue}/dispositions", tag = "queues",
    params(("queue" = String, Path, description = "Queue name"), OnNode),
    responses((status = 200, body = Vec<DispositionView>))
)]
async fn dispositions(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Segments(queue): Segments<String>,
    Params(on): Params<OnNode>,
) -> Result<Json<Vec<DispositionView>>, Problem> {
    let node = node_of_queue(&http, &caller, &queue, on.node.as_deref())?;
    let state = http.shared.state();
    let known = state.nodes.get(&node).map(|node| node.dispositions.as_slice());
    let known = known.unwrap_or_default().iter();
    Ok(Json(
        known
            .filter(|known| known.suits(&queue))
            .map(DispositionView::of)
            .collect(),
    ))
}

/// Opens or closes a queue.
#[utoipa::path(
    put, path = "/queues/{queue}/door", tag = "queues", params(("queue" = String, Path, description = "Queue name"), OnNode),
    request_body = SetDoor, responses((status = 200, body = Answer))
)]
async fn set_door(
    State(http): State<Arc<Http>>,
    caller: Caller,
    headers: HeaderMap,
    Segments(queue): Segments<String>,
    Params(on): Params<OnNode>,
    Body(SetDoor { door }): Body<SetDoor>,
) -> Result<Answer, Problem> {
    let node = node_of_queue(&http, &caller, &queue, on.node.as_deref())?;
    let door = match door {
        Door::Open => snapshot::Door::Open,
        Door::Closed => snapshot::Door::Closed,
        Door::Emergency => snapshot::Door::Emergency,
    };
    answers::command(&http, &caller, &headers, &node, Command::SetDoor { queue, door }).await
}
