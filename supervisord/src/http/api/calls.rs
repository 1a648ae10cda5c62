//! Calls and callbacks: those in progress, and what can be done with those that wait.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use hotline_wire::snapshot::CallInfo;
use hotline_wire::{Command, Refusal};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{self, Answer};
use super::nodes::Lines;
use super::page::{Page, page, short, usual_limit};
use super::{BETWEEN, NoParams, node_of_call, team};
use crate::http::Http;
use crate::http::auth::Caller;
use crate::http::extract::{Body, Params, Segments};
use crate::http::places::beside;
use crate::http::problem::Problem;
use crate::reports::contacts::{self, Contact};
use crate::store;
use crate::views::{CallView, CallbackView};

pub(super) fn routes() -> OpenApiRouter<Arc<Http>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(earlier))
        .routes(routes!(why))
        .routes(routes!(reprioritise))
        .routes(routes!(move_call))
        .routes(routes!(withdraw))
        .routes(routes!(callbacks))
        .routes(routes!(cancel_callback))
}

/// Which calls.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Of this node.
    #[serde(default, deserialize_with = "short")]
    #[param(max_length = 256)]
    node: Option<String>,
    /// Of this team's queues.
    #[serde(default, deserialize_with = "short")]
    #[param(max_length = 256)]
    team: Option<String>,
    /// Of this queue.
    #[serde(default, deserialize_with = "short")]
    #[param(max_length = 256)]
    queue: Option<String>,
    /// Items of the page.
    #[serde(default = "usual_limit")]
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: u32,
    /// The `next` of the page before.
    #[param(max_length = 2048, pattern = "^([0-9a-f]{2})+$")]
    cursor: Option<String>,
}

/// A worth.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Reprioritise {
    /// Seconds of waiting time on top of its tier, in place of what the dialplan gave.
    #[schema(value_type = u64, maximum = 4294967295u64)]
    priority: u32,
}

/// A queue to move to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MoveTo {
    /// Queue name, of the call's node.
    #[schema(max_length = 256)]
    queue: String,
}

/// A place to go to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Withdraw {
    /// A place of the dialplan, `CONTEXT,EXTENSION,PRIORITY`; behind `Hotline()` if empty.
    #[serde(default)]
    #[schema(max_length = 256)]
    place: String,
}

/// Calls in progress, longest first.
#[utoipa::path(get, path = "/calls", tag = "calls", params(Which), responses((status = 200, body = Page<CallView>)))]
async fn list(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Params(which): Params<Which>,
) -> Result<Json<Page<CallView>>, Problem> {
    let (authority, actor) = (&http.shared.authority, &caller.actor);
    let team = team(&http, &caller, which.team.as_deref())?;
    let is = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
    let mut calls = Vec::new();
    for (node, view) in &http.shared.state().nodes {
        for call in view.calls.values() {
            let (queue, agent) = (call.queue.as_str(), call.agent.as_deref());
            let wanted = is(&which.node, node)
                && is(&which.queue, queue)
                && team.is_none_or(|team| team.has_queue(queue));
            let rung = authority.is_rung(actor, view, &call.call);
            if wanted && (rung || authority.sees_call(actor, queue, agent)) {
                let whole = rung || authority.sees_number(actor, queue, agent);
                let key = format!("{:020}{BETWEEN}{}", call.joined, call.call);
                calls.push((key, CallView::of(node, call, whole)));
            }
        }
    }
    page(calls, which.limit, which.cursor.as_deref()).map(Json)
}

/// Most earlier calls that are told.
const MOST_CONTACTS: u32 = 50;

/// How many.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Latest {
    /// Earlier calls at most.
    #[serde(default = "usual_contacts")]
    #[param(minimum = 1, maximum = 50, default = 5)]
    limit: u32,
}

fn usual_contacts() -> u32 {
    5
}

/// Earlier calls of the caller of a call in progress, the latest first: for the screen of an agent who is offered it, and for who may see
/// its whole number. None if that is withheld, or the store masks numbers.
#[utoipa::path(
    get, path = "/calls/{call}/contacts", tag = "calls",
    params(("call" = String, Path, description = "Call reference"), Latest), responses((status = 200, body = Vec<Contact>))
)]
async fn earlier(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Segments(call): Segments<String>,
    Params(Latest { limit }): Params<Latest>,
) -> Result<Json<Vec<Contact>>, Problem> {
    if !(1..=MOST_CONTACTS).contains(&limit) {
        return Err(Problem::invalid(format!("limit is from 1 to {MOST_CONTACTS}")));
    }
    let number = {
        let (authority, actor) = (&http.shared.authority, &caller.actor);
        let state = http.shared.state();
        let mut nodes = state.nodes.values();
        let rung = nodes.any(|node| authority.is_rung(actor, node, &call));
        let info = state.nodes.values().find_map(|node| node.calls.get(&call));
        let sees = |info: &&CallInfo| rung || authority.sees_call(actor, &info.queue, info.agent.as_deref());
        let info = info.filter(sees).ok_or_else(|| {
            let message =
                format!("no call {call:?} in progress that you may see; GET /api/v1/calls lists them");
            Problem::refused(Refusal::UnknownCall, message)
        })?;
        if !rung && !authority.sees_number(actor, &info.queue, info.agent.as_deref()) {
            return Err(Problem::refused(
                Refusal::NotAllowed,
                "earlier calls are for who may see callers' whole numbers".to_owned(),
            ));
        }
        info.number.clone()
    };
    let settings = http.store.clone();
    let found = beside(&http.reporting, move || {
        let mut engine = store::look(&settings)?;
        contacts::of_caller(engine.as_mut(), &settings, &number, &call, limit)
    });
    let found = found
        .await
        .map_err(|error| Problem::defect("earlier calls could not be looked for", &error))?;
    found
        .map(Json)
        .map_err(|error| Problem::defect("earlier calls could not be looked for", &error))
}

/// Why a call was offered to whom it was, and to nobody else; also for a while after its end.
#[utoipa::path(
    get, path = "/calls/{call}/why", tag = "calls", params(("call" = String, Path, description = "Call reference")),
    responses((status = 200, body = Lines))
)]
async fn why(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Segments(call): Segments<String>,
    Params(NoParams {}): Params<NoParams>,
) -> Result<Json<Lines>, Problem> {
    let node = node_of_call(&http, &caller, &call)?;
    let lines = answers::told(&http, &caller, &node, Command::WhyCall { call }).await?;
    Ok(Json(Lines { lines }))
}

/// Makes a waiting call worth more or less.
#[utoipa::path(
    post, path = "/calls/{call}/reprioritise", tag = "calls", params(("call" = String, Path, description = "Call reference")),
    request_body = Reprioritise, responses((status = 200, body = Answer))
)]
async fn reprioritise(
    State(http): State<Arc<Http>>,
    caller: Caller,
    headers: HeaderMap,
    Segments(call): Segments<String>,
    Body(Reprioritise { priority }): Body<Reprioritise>,
) -> Result<Answer, Problem> {
    let node = node_of_call(&http, &caller, &call)?;
    let command = Command::Reprioritise { call, priority };
    answers::command(&http, &caller, &headers, &node, command).await
}

/// Puts a waiting call into another queue, at its old place in the order of callers.
#[utoipa::path(
    post, path = "/calls/{call}/move", tag = "calls", params(("call" = String, Path, description = "Call reference")),
    request_body = MoveTo, responses((status = 200, body = Answer))
)]
async fn move_call(
    State(http): State<Arc<Http>>,
    caller: Caller,
    headers: HeaderMap,
    Segments(call): Segments<String>,
    Body(MoveTo { queue }): Body<MoveTo>,
) -> Result<Answer, Problem> {
    let node = node_of_call(&http, &caller, &call)?;
    answers::command(&http, &caller, &headers, &node, Command::MoveCall { call, queue }).await
}

/// Takes a waiting call out of its queue.
#[utoipa::path(
    post, path = "/calls/{call}/withdraw", tag = "calls", params(("call" = String, Path, description = "Call reference")),
    request_body = Withdraw, responses((status = 200, body = Answer))
)]
async fn withdraw(
    State(http): State<Arc<Http>>,
    caller: Caller,
    headers: HeaderMap,
    Segments(call): Segments<String>,
    Body(Withdraw { place }): Body<Withdraw>,
) -> Result<Answer, Problem> {
    let node = node_of_call(&http, &caller, &call)?;
    answers::command(&http, &caller, &headers, &node, Command::Withdraw { call, place }).await
}

/// Callers who are owed a call, longest first.
#[utoipa::path(get, path = "/callbacks", tag = "calls", params(Which), responses((status = 200, body = Page<CallbackView>)))]
async fn callbacks(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Params(which): Params<Which>,
) -> Result<Json<Page<CallbackView>>, Problem> {
    let (authority, actor) = (&http.shared.authority, &caller.actor);
    let team = team(&http, &caller, which.team.as_deref())?;
    let is = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
    let mut callbacks = Vec::new();
    for (node, view) in &http.shared.state().nodes {
        for callback in view.callbacks.values() {
            let queue = callback.queue.as_str();
            let wanted = is(&which.node, node)
                && is(&which.queue, queue)
                && team.is_none_or(|team| team.has_queue(queue));
            if wanted && authority.sees_call(actor, queue, None) {
                let whole = authority.sees_number(actor, queue, None);
                let key = format!("{:020}{BETWEEN}{}", callback.placed, callback.callback);
                callbacks.push((key, CallbackView::of(node, callback, whole)));
            }
        }
    }
    page(callbacks, which.limit, which.cursor.as_deref()).map(Json)
}

/// Forgets a callback that is owed.
#[utoipa::path(
    delete, path = "/callbacks/{callback}", tag = "calls",
    params(("callback" = String, Path, description = "Callback reference")), responses((status = 200, body = Answer))
)]
async fn cancel_callback(
    State(http): State<Arc<Http>>,
    caller: Caller,
    headers: HeaderMap,
    Segments(callback): Segments<String>,
) -> Result<Answer, Problem> {
    let node = node_of_call(&http, &caller, &callback)?;
    answers::command(
        &http,
        &caller,
        &headers,
        &node,
        Command::CancelCallback { callback },
    )
    .await
}
