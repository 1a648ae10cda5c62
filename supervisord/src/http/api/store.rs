//! What is done to the store while it runs: a caller's number out of it, its records made anew.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::authority::{Deed, Target};
use crate::http::Http;
use crate::http::auth::Caller;
use crate::http::extract::{Body, Params};
use crate::http::problem::Problem;
use crate::shared::CommandError;
use crate::store::erase::Erased;
use crate::store::{Maintain, Maintained, Rebuilt, StoreError};

use super::NoParams;
use super::answers::key;

pub(super) fn routes() -> OpenApiRouter<Arc<Http>> {
    OpenApiRouter::new()
        .routes(routes!(erase))
        .routes(routes!(rebuild))
}

/// A caller to be forgotten.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Erase {
    /// The number, in any form.
    #[schema(min_length = 1, max_length = 64)]
    number: String,
}

/// What was changed.
#[derive(Serialize, ToSchema)]
struct ErasedView {
    /// Events.
    events: u64,
    /// Snapshots.
    snapshots: u64,
    /// Calls.
    calls: u64,
    /// Calls and callbacks with that number that go on, and agents whose reason of now names it: erase again when they are over.
    live: u64,
    /// Rows of the audit record that name it, and stay.
    audit_rows_kept: u64,
}

/// What was made.
#[derive(Serialize, ToSchema)]
struct RebuiltView {
    /// From so many events.
    events: u64,
    /// Figures are exact from then on; microseconds since the Unix epoch, 0 for all.
    figures_from: u64,
}

/// Erases a caller's number, in every form, out of calls and events. Rows of the audit record, and backups, keep it.
#[utoipa::path(
    post, path = "/store/erase", tag = "store", request_body = Erase, responses((status = 200, body = ErasedView))
)]
async fn erase(
    State(http): State<Arc<Http>>,
    caller: Caller,
    headers: HeaderMap,
    Body(Erase { number }): Body<Erase>,
) -> Result<Json<ErasedView>, Problem> {
    // Twice is as good as once.
    key(&headers)?;
    if number.is_empty() || number.len() > 64 {
        return Err(Problem::invalid("number has 1 to 64 bytes"));
    }
    match maintain(&http, &caller, Maintain::Erase { number }).await? {
        Maintained::Erased(Erased {
            events,
            snapshots,
            calls,
            live,
            audit_rows_kept,
        }) => Ok(Json(ErasedView {
            events,
            snapshots,
            calls,
            live,
            audit_rows_kept,
        })),
        Maintained::Rebuilt(_) => Err(Problem::defect("the store answered something else", &"rebuilt")),
    }
}

/// Makes records of calls, visits, offers and agents' time, and the figures that follow from them, anew from stored events. Events wait
/// meanwhile.
#[utoipa::path(post, path = "/store/rebuild", tag = "store", responses((status = 200, body = RebuiltView)))]
async fn rebuild(
    State(http): State<Arc<Http>>,
    caller: Caller,
    headers: HeaderMap,
    Params(NoParams {}): Params<NoParams>,
) -> Result<Json<RebuiltView>, Problem> {
    // Twice is as good as once.
    key(&headers)?;
    match maintain(&http, &caller, Maintain::Rebuild).await? {
        Maintained::Rebuilt(Rebuilt { events, figures_from }) => {
            Ok(Json(RebuiltView { events, figures_from }))
        }
        Maintained::Erased(_) => Err(Problem::defect("the store answered something else", &"erased")),
    }
}

async fn maintain(http: &Http, caller: &Caller, what: Maintain) -> Result<Maintained, Problem> {
    let may = http
        .shared
        .authority
        .deed(&caller.actor, None, Deed::KeepStore, Target::Node);
    may.map_err(CommandError::Denied)?;
    let done = http.shared.maintain(&caller.actor.author, what).await;
    done.map_err(|error| match error {
        StoreError::NoNumber(_) => Problem::invalid(error.to_string()),
        error => Problem::defect("the store could not do it", &error),
    })
}
