//! Metrics and health.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router, routing};
use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::Http;
use super::auth;
use super::listen::Peer;
use super::places::beside;
use super::problem::Problem;
use crate::settings::Probes;
use crate::shared::StoreHealth;

/// `/metrics`, `/healthz`, `/readyz`.
pub(super) fn routes() -> Router<Arc<Http>> {
    Router::new()
        .route("/metrics", routing::get(metrics))
        .route("/healthz", routing::get(healthz))
        .route("/readyz", routing::get(readyz))
}

/// Whoever has no business here is told how to have.
fn admit(http: &Http, peer: Peer, headers: &HeaderMap) -> Result<(), Problem> {
    let open = match http.settings.probes {
        Probes::Open => true,
        Probes::Loopback => peer.0.ip().is_loopback(),
        Probes::Token => false,
    };
    if open {
        return Ok(());
    }
    auth::bearer(http, headers)?.map(|_| ()).ok_or_else(|| {
        Problem::new(
            StatusCode::UNAUTHORIZED,
            "unauthenticated",
            "give a token, as in `Authorization: Bearer TOKEN`; `hotlinectl token add` makes one, [http] probes says who needs it",
        )
    })
}

/// Prometheus text.
async fn metrics(
    State(http): State<Arc<Http>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    admit(&http, peer, &headers)?;
    http.users_ok.set(i64::from(http.book.trouble().is_none()));
    let gathering = http.gathering.clone();
    let text = beside(&gathering, move || {
        http.metrics.text().map_err(|error| error.to_string())
    });
    let text = text.await.and_then(|text| text);
    let text = text.map_err(|error| Problem::defect("metrics could not be written", &error))?;
    let body = Body::new(Pieces(text.into_iter().map(Bytes::from).collect()));
    Ok(([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], body).into_response())
}

/// A text in pieces, the length of which is known.
struct Pieces(VecDeque<Bytes>);

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.iter().map(|piece| piece.len() as u64).sum())
    }
}

/// 200 while all is stored; 503 with the reason otherwise. A node that is away is the node's trouble, not ours. What is wrong with the users' file is
/// said behind.
async fn healthz(
    State(http): State<Arc<Http>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Result<(StatusCode, String), Problem> {
    admit(&http, peer, &headers)?;
    let store = http.shared.store().borrow().clone();
    let (status, mut text) = match store {
        StoreHealth::Ok => (StatusCode::OK, "ok\n".to_owned()),
        StoreHealth::Starting => (StatusCode::OK, "ok: restoring the state\n".into()),
        StoreHealth::Failed(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")),
    };
    // A new start would not mend it, nor succeed.
    if let Some(trouble) = http.book.trouble() {
        let so = if trouble.closed {
            "nobody may use the HTTP API"
        } else {
            "those of before may use the HTTP API for now"
        };
        text.push_str(&format!(
            "users: {so}: {}; `hotlinectl user list` reads the same file\n",
            trouble.error
        ));
    }
    Ok((status, text))
}

/// 200 once the state is restored, with a line on each node; 503 before.
async fn readyz(
    State(http): State<Arc<Http>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Result<(StatusCode, String), Problem> {
    admit(&http, peer, &headers)?;
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
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    Ok((status, text))
}
