//! Metrics and health over HTTP.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use prometheus::{Registry, TextEncoder};

use crate::shared::{Shared, StoreHealth};

/// What the routes need.
#[derive(Clone, Debug)]
pub struct Http {
    /// The read model.
    pub shared: Arc<Shared>,
    /// All metrics.
    pub registry: Registry,
}

/// `/metrics`, `/healthz`, `/readyz`.
pub fn routes(http: Http) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .with_state(http)
}

/// Prometheus text.
async fn metrics(State(http): State<Http>) -> impl IntoResponse {
    let text = tokio::task::spawn_blocking(move || {
        TextEncoder::new()
            .encode_to_string(&http.registry.gather())
            .map_err(|error| error.to_string())
    });
    match text
        .await
        .map_err(|error| error.to_string())
        .and_then(|text| text)
    {
        Ok(text) => (
            StatusCode::OK,
            [(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)],
            text,
        ),
        Err(error) => {
            tracing::error!(error, "metrics could not be written");
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                [(header::CONTENT_TYPE, "text/plain; charset=utf-8")],
                error,
            )
        }
    }
}

/// 200 while all is stored; 503 with the reason otherwise. A node that is away is the node's trouble, not ours.
async fn healthz(State(http): State<Http>) -> (StatusCode, String) {
    let store = http.shared.store().borrow().clone();
    match store {
        StoreHealth::Ok => (StatusCode::OK, "ok\n".into()),
        StoreHealth::Starting => (StatusCode::OK, "ok: restoring the state\n".into()),
        StoreHealth::Failed(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")),
    }
}

/// 200 once the state is restored, with a line on each node; 503 before.
async fn readyz(State(http): State<Http>) -> (StatusCode, String) {
    let ready = *http.shared.store().borrow() == StoreHealth::Ok;
    let mut text = String::from(if ready {
        "ready\n"
    } else {
        "not ready: the event store is not usable\n"
    });
    for link in http.shared.links().iter() {
        let how = if link.commands.is_some() {
            "connected"
        } else {
            "not connected"
        };
        text.push_str(&format!("node {} {how} ({})\n", link.node, link.socket));
    }
    (
        if ready {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        },
        text,
    )
}
