//! Nodes and teams, and what is asked of a whole node.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use hotline_wire::Command;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{self, Answer};
use super::page::{Page, page, usual_limit};
use super::{NoParams, known_node};
use crate::http::Http;
use crate::http::auth::Caller;
use crate::http::extract::{Body, Params, Segments};
use crate::http::problem::Problem;
use crate::recorder::now;
use crate::shared::LinkStatus;
use crate::views::{NodeView, PipeView};

pub(super) fn routes() -> OpenApiRouter<Arc<Http>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(teams))
        .routes(routes!(fairness))
        .routes(routes!(config_diff))
        .routes(routes!(config_save))
        .routes(routes!(config_forget))
        .routes(routes!(config_reload))
}

/// A page of a list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Paging {
    /// Items of the page.
    #[serde(default = "usual_limit")]
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: u32,
    /// The `next` of the page before.
    #[param(max_length = 2048, pattern = "^([0-9a-f]{2})+$")]
    cursor: Option<String>,
}

/// A node, and how its events fare.
#[derive(Serialize, ToSchema)]
struct NodeAndPipe {
    #[serde(flatten)]
    node: NodeView,
    pipe: PipeView,
}

/// A team.
#[derive(Serialize, ToSchema)]
struct TeamView {
    /// Its name.
    team: String,
    /// Its queues; a `*` at the end stands for anything.
    queues: Vec<String>,
    /// Its agents, likewise.
    agents: Vec<String>,
}

/// Lines for people.
#[derive(Serialize, ToSchema)]
pub(super) struct Lines {
    /// Line by line.
    pub(super) lines: Vec<String>,
}

/// A file to write.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SaveAs {
    /// Name of a file that is not there yet, such as `new.toml`.
    #[schema(max_length = 256)]
    name: String,
}

/// What to forget.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Forget {
    /// Agent number, or queue name; empty for all of it.
    #[schema(max_length = 256)]
    about: String,
}

/// The nodes.
#[utoipa::path(get, path = "/nodes", tag = "nodes", params(Paging), responses((status = 200, body = Page<NodeAndPipe>)))]
async fn list(
    State(http): State<Arc<Http>>,
    _caller: Caller,
    Params(paging): Params<Paging>,
) -> Result<Json<Page<NodeAndPipe>>, Problem> {
    let links = http.shared.links().clone();
    let state = http.shared.state();
    let view = |link: &LinkStatus| {
        let known = state.nodes.get(&link.node);
        let node = NodeView::of(link, known);
        let pipe = PipeView::of(link, known, now());
        (node.node.clone(), NodeAndPipe { node, pipe })
    };
    let nodes = links.iter().map(view).collect();
    drop(state);
    page(nodes, paging.limit, paging.cursor.as_deref()).map(Json)
}

/// The caller's teams.
#[utoipa::path(get, path = "/teams", tag = "nodes", params(Paging), responses((status = 200, body = Page<TeamView>)))]
async fn teams(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Params(paging): Params<Paging>,
) -> Result<Json<Page<TeamView>>, Problem> {
    let view = |team: &crate::settings::TeamSettings| {
        let view = TeamView {
            team: team.name.clone(),
            queues: team.queues.clone(),
            agents: team.agents.clone(),
        };
        (team.name.clone(), view)
    };
    let teams = http.shared.authority.teams_of(&caller.actor).map(view).collect();
    page(teams, paging.limit, paging.cursor.as_deref()).map(Json)
}

/// How long callers can be overtaken by others under the settings in force.
#[utoipa::path(
    get, path = "/nodes/{node}/fairness", tag = "nodes", params(("node" = String, Path, description = "Node name")),
    responses((status = 200, body = Lines))
)]
async fn fairness(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Segments(node): Segments<String>,
    Params(NoParams {}): Params<NoParams>,
) -> Result<Json<Lines>, Problem> {
    known_node(&http, &node)?;
    let lines = answers::told(&http, &caller, &node, Command::Fairness).await?;
    Ok(Json(Lines { lines }))
}

/// What was changed while running and the settings do not have, and what they have no place for.
#[utoipa::path(
    get, path = "/nodes/{node}/config/diff", tag = "nodes", params(("node" = String, Path, description = "Node name")),
    responses((status = 200, body = Lines))
)]
async fn config_diff(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Segments(node): Segments<String>,
    Params(NoParams {}): Params<NoParams>,
) -> Result<Json<Lines>, Problem> {
    known_node(&http, &node)?;
    let lines = answers::told(&http, &caller, &node, Command::ConfigDiff).await?;
    Ok(Json(Lines { lines }))
}

/// Has a node write a copy of its settings with that in it, into its folder for the state.
#[utoipa::path(
    post, path = "/nodes/{node}/config/save", tag = "nodes", params(("node" = String, Path, description = "Node name")),
    request_body = SaveAs, responses((status = 200, body = Answer))
)]
async fn config_save(
    State(http): State<Arc<Http>>,
    caller: Caller,
    headers: HeaderMap,
    Segments(node): Segments<String>,
    Body(SaveAs { name }): Body<SaveAs>,
) -> Result<Answer, Problem> {
    known_node(&http, &node)?;
    answers::command(&http, &caller, &headers, &node, Command::ConfigSave { name }).await
}

/// Has a node forget what its settings have no place for.
#[utoipa::path(
    post, path = "/nodes/{node}/config/forget", tag = "nodes", params(("node" = String, Path, description = "Node name")),
    request_body = Forget, responses((status = 200, body = Answer))
)]
async fn config_forget(
    State(http): State<Arc<Http>>,
    caller: Caller,
    headers: HeaderMap,
    Segments(node): Segments<String>,
    Body(Forget { about }): Body<Forget>,
) -> Result<Answer, Problem> {
    known_node(&http, &node)?;
    answers::command(&http, &caller, &headers, &node, Command::ConfigForget { about }).await
}

/// Has a node read its settings again; bad ones are refused whole.
#[utoipa::path(
    post, path = "/nodes/{node}/config/reload", tag = "nodes", params(("node" = String, Path, description = "Node name")),
    responses((status = 200, body = Answer))
)]
async fn config_reload(
    State(http): State<Arc<Http>>,
    caller: Caller,
    headers: HeaderMap,
    Segments(node): Segments<String>,
) -> Result<Answer, Problem> {
    known_node(&http, &node)?;
    answers::command(&http, &caller, &headers, &node, Command::Reload).await
}
