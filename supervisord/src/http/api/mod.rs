//! `/api/v1`: everything that can be seen and asked, by theme.

mod agents;
mod alarms;
mod answers;
mod audit;
mod blacklist;
mod calls;
mod nodes;
mod page;
mod queues;
mod reports;
mod store;

use std::sync::Arc;

use hotline_wire::Refusal;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;

use super::Http;
use super::auth::Caller;
use super::problem::Problem;
use crate::settings::TeamSettings;
pub use answers::Answers;
pub(super) use page::short;

/// All of it but sessions and streams.
pub(super) fn routes() -> OpenApiRouter<Arc<Http>> {
    OpenApiRouter::new()
        .merge(nodes::routes())
        .merge(queues::routes())
        .merge(agents::routes())
        .merge(calls::routes())
        .merge(blacklist::routes())
        .merge(alarms::routes())
        .merge(audit::routes())
        .merge(reports::routes())
        .merge(store::routes())
}

/// Which of several nodes that have a thing of that name.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OnNode {
    /// The node, where several have a thing of that name.
    #[serde(default, deserialize_with = "page::short")]
    #[param(max_length = 256)]
    node: Option<String>,
}

/// Nothing stands behind the `?`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoParams {}

/// The node that has a thing: the one named, or the only one.
fn the_node(
    kind: &str,
    name: &str,
    wanted: Option<&str>,
    has: impl Iterator<Item = String>,
    refusal: Refusal,
) -> Result<String, Problem> {
    let found: Vec<String> = has
        .filter(|node| wanted.is_none_or(|wanted| wanted == node))
        .collect();
    match found.as_slice() {
        [node] => Ok(node.clone()),
        [] => {
            let place = wanted.map_or_else(String::new, |node| format!(" on node {node}"));
            Err(Problem::refused(
                refusal,
                format!("no {kind} {name}{place} that you may see; GET /api/v1/{kind}s lists them"),
            ))
        }
        several => Err(Problem::new(
            axum::http::StatusCode::CONFLICT,
            "ambiguous",
            format!(
                "{kind} {name} is on several nodes: {}; name one with ?node=",
                several.join(", ")
            ),
        )),
    }
}

/// The node of an agent that the caller sees.
fn node_of_agent(http: &Http, caller: &Caller, agent: &str, wanted: Option<&str>) -> Result<String, Problem> {
    let state = http.shared.state();
    let sees = http.shared.authority.sees_agent(&caller.actor, agent);
    let has = state
        .nodes
        .iter()
        .filter(|(_, node)| sees && node.agents.contains_key(agent));
    let has = has.map(|(name, _)| name.clone());
    the_node("agent", agent, wanted, has, Refusal::UnknownAgent)
}

/// The node of a queue that the caller sees.
fn node_of_queue(http: &Http, caller: &Caller, queue: &str, wanted: Option<&str>) -> Result<String, Problem> {
    let state = http.shared.state();
    let sees = http.shared.authority.sees_queue(&caller.actor, queue);
    let has = state
        .nodes
        .iter()
        .filter(|(_, node)| sees && node.queues.contains_key(queue));
    let has = has.map(|(name, _)| name.clone());
    the_node("queue", queue, wanted, has, Refusal::UnknownQueue)
}

/// The node of a call or callback that the caller sees, by its reference; of one of which nothing is known, if the caller may ask about
/// any.
fn node_of_call(http: &Http, caller: &Caller, reference: &str) -> Result<String, Problem> {
    let (authority, state) = (&http.shared.authority, http.shared.state());
    let node = state
        .node_of_call(reference)
        .filter(|node| authority.knows_of(&caller.actor, state.nodes.get(*node), reference));
    node.map(str::to_owned).ok_or_else(|| {
        let message = format!("no call {reference:?} that you may see; GET /api/v1/calls lists them");
        Problem::refused(Refusal::UnknownCall, message)
    })
}

/// A node of the settings.
fn known_node(http: &Http, node: &str) -> Result<(), Problem> {
    let links = http.shared.links();
    if links.iter().any(|link| link.node == node) {
        return Ok(());
    }
    drop(links);
    Err(Problem::not_found(
        "unknown_node",
        format!("no node {node}; GET /api/v1/nodes lists them"),
    ))
}

/// The team that a list is to be narrowed to.
pub(super) fn team<'a>(
    http: &'a Http,
    caller: &'a Caller,
    name: Option<&str>,
) -> Result<Option<&'a TeamSettings>, Problem> {
    let Some(name) = name else { return Ok(None) };
    let team = http.shared.authority.team(&caller.actor, name);
    team.map(Some).ok_or_else(|| {
        Problem::not_found(
            "unknown_team",
            format!("no team {name}; GET /api/v1/teams lists them"),
        )
    })
}

/// What names have between them in the order of a list.
const BETWEEN: char = '\u{1f}';
