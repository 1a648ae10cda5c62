//! `/api/v1/events`: server-sent events. First all there is, then each change, and after a break exactly what was missed.
//!
//! ```text
//! event: reset                       what was shown before counts no more
//! data: {"reason":"new"}             or "unknown": the last event's id is too old, or of another start of the daemon;
//!                                    or "sight": it is of who saw, or asked for, other things
//!
//! event: put                         one for each node, queue, agent, call, callback and alarm, without an id
//! data: {"kind":"queue","node":"pbx1","name":"support","value":{...}}
//!
//! event: ready                       that was all of them; what follows are changes
//! id: 5f0c2a9d81b3e04c-1041
//! data: {}
//!
//! id: 5f0c2a9d81b3e04c-1042                  changes have ids, which count up
//! event: put
//! data: {"kind":"agent","node":"pbx1","name":"1001","value":{...}}
//!
//! id: 5f0c2a9d81b3e04c-1043
//! event: remove
//! data: {"kind":"call","node":"pbx1","name":"pbx1-5k-17"}
//!
//! id: 5f0c2a9d81b3e04c-1044                  every 2 s
//! event: heartbeat
//! data: {"at":1767600000000000}
//! ```

mod feed;
mod stream;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Http;
use super::api::short;
use super::auth::Caller;
use super::extract::Params;
use super::problem::Problem;
pub use feed::Feed;
use feed::Kind;
use stream::{Sight, Stream};

pub(super) fn routes() -> OpenApiRouter<Arc<Http>> {
    OpenApiRouter::new().routes(routes!(events))
}

/// What is to be shown, within what the caller may see.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Only this team's queues, agents and calls.
    #[serde(default, deserialize_with = "short")]
    #[param(max_length = 256)]
    team: Option<String>,
    /// Only this queue, its agents and calls.
    #[serde(default, deserialize_with = "short")]
    #[param(max_length = 256)]
    queue: Option<String>,
    /// Only these kinds, with commas between: `node`, `queue`, `agent`, `call`, `callback`, `alarm`.
    #[serde(default, deserialize_with = "short")]
    #[param(max_length = 256)]
    kinds: Option<String>,
    /// As the header Last-Event-ID, for who cannot set it.
    #[serde(default, deserialize_with = "short")]
    #[param(max_length = 256)]
    last_event_id: Option<String>,
}

/// The data of an event.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "it describes; what is sent is written once for all readers"
)]
struct EventData {
    /// `node`, `queue`, `agent`, `call`, `callback` or `alarm`.
    kind: Option<String>,
    /// The node it is on.
    node: Option<String>,
    /// Queue name, agent number, reference, or an alarm's number.
    name: Option<String>,
    /// As GET shows it; absent when it was removed.
    value: Option<serde_json::Value>,
}

/// Everything the caller may see, and every change of it, as server-sent events.
///
/// `reset`, then a `put` for each thing there is, then `ready`; from there on `put` and `remove` as things change, and `heartbeat`
/// every 2 s. Give the id of the last event that came in the header Last-Event-ID (browsers do), and what was missed follows, no
/// event twice and none left out; where that is not possible, a `reset` comes first.
#[utoipa::path(
    get, path = "/events", tag = "events",
    params(Which, ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that came")),
    responses((status = 200, description = "It ends with the connection", body = EventData, content_type = "text/event-stream"))
)]
async fn events(
    State(http): State<Arc<Http>>,
    mut caller: Caller,
    headers: HeaderMap,
    Params(which): Params<Which>,
) -> Result<Response, Problem> {
    let team = super::api::team(&http, &caller, which.team.as_deref())?.cloned();
    let kinds = match which.kinds.as_deref() {
        None | Some("") => Kind::ALL.to_vec(),
        Some(words) => words
            .split(',')
            .map(|word| {
                let known = Kind::ALL.into_iter().find(|kind| kind.label() == word);
                known.ok_or_else(|| {
                    let all = Kind::ALL.map(Kind::label).join(", ");
                    Problem::invalid(format!("kinds: {word:?} is none of {all}"))
                })
            })
            .collect::<Result<_, _>>()?,
    };
    // A stream lasts, and is counted by itself.
    caller.request = None;
    let share = http.readers.take(&caller.account()).ok_or_else(|| {
        let (account, most) = (caller.account(), http.readers.most());
        Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_streams",
            format!("{account} has {most} streams open; end one, or raise [http] max_streams_per_user"),
        )
        .retry_after(5)
    })?;
    let place = http.streams.clone().try_acquire_owned().map_err(|_| {
        let max = http.settings.max_streams;
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "too_many_streams",
            format!("{max} streams are open; end one, or raise [http] max_streams"),
        )
        .retry_after(5)
    })?;
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let last = last
        .or(which.last_event_id.as_deref())
        .filter(|id| !id.is_empty());
    let sight = Sight {
        caller,
        team,
        queue: which.queue,
        kinds,
    };
    let stream = Stream::open(http, sight, last, (place, share));
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        // Proxies are not to keep it back.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Body::new(stream)).into_response())
}
