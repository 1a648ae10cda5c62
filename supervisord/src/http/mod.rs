//! HTTP: metrics and health, the API of `/api/v1`, and its streams of events.
//!
//! Every answer that is no success is a [`problem::Problem`]. Who asks is found out in [`auth`], what it may do in
//! [`authority`](crate::authority); the OpenAPI document is made from the code.

pub mod api;
pub mod auth;
mod extract;
mod hosts;
pub mod listen;
pub mod openapi;
mod places;
mod probes;
pub mod problem;
pub mod shares;
pub mod sse;
mod stamp;
pub mod tls;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use prometheus::IntGauge;
use tokio::sync::{Semaphore, watch};
use utoipa_axum::router::OpenApiRouter;

use crate::accounts::Reading;
use crate::metrics::Metrics;
use crate::settings::{HttpSettings, ReportSettings, Settings, StoreSettings};
use crate::shared::Shared;
use api::Answers;
use auth::{Book, LoginGate, Sessions};
use problem::Problem;
use shares::Shares;
use sse::Feed;

/// Longest body of a request, in bytes: every command many times over.
const MAX_BODY: usize = 64 << 10;

/// Pages of metrics written at once: each is as long as there are series.
const GATHERING: usize = 2;
/// Reports that are made at once.
const REPORTING: usize = 2;

/// What the routes share.
#[derive(Debug)]
pub struct Http {
    /// The read model.
    pub(crate) shared: Arc<Shared>,
    /// All metrics.
    metrics: Metrics,
    /// Whether the users' file can be used.
    users_ok: IntGauge,
    settings: HttpSettings,
    /// Where events, records and the audit record are.
    store: StoreSettings,
    /// How reports are made.
    reports: ReportSettings,
    book: Book,
    sessions: Sessions,
    login: LoginGate,
    answers: Answers,
    feed: Arc<Feed>,
    /// Places for streams.
    streams: Arc<Semaphore>,
    /// Streams by user or token.
    readers: Arc<Shares>,
    /// Requests under way, by user or token.
    requests: Arc<Shares>,
    /// Places for writing metrics.
    gathering: Arc<Semaphore>,
    /// Places for making reports.
    reporting: Arc<Semaphore>,
    /// Whether people reach it by HTTPS.
    secure: bool,
}

impl Http {
    /// Reads who may use it.
    ///
    /// # Errors
    /// The users' file is there and cannot be used, or the system has no randomness.
    pub fn new(
        shared: Arc<Shared>,
        metrics: Metrics,
        settings: &Settings,
        feed: Arc<Feed>,
    ) -> anyhow::Result<Http> {
        let http = settings.http.clone();
        let login = LoginGate::new(shared.timings.http_password).map_err(anyhow::Error::msg)?;
        let book = Book::open(http.users.clone(), &settings.team, shared.timings.http_users)?;
        let users_ok = IntGauge::new(
            "hotline_http_users_ok",
            "1 while the users' file of the HTTP API can be used, or there is none; 0 otherwise.",
        )?;
        metrics.registry.register(Box::new(users_ok.clone()))?;
        Ok(Http {
            shared,
            metrics,
            users_ok,
            store: settings.store.clone(),
            reports: settings.reports.clone(),
            book,
            sessions: Sessions::new(
                Duration::from_secs(http.session_idle_seconds),
                Duration::from_secs(http.session_seconds),
            ),
            login,
            answers: Answers::default(),
            feed,
            streams: Arc::new(Semaphore::new(http.max_streams)),
            readers: Shares::new(http.max_streams_per_user),
            requests: Shares::new(http.max_requests_per_user),
            gathering: Arc::new(Semaphore::new(GATHERING)),
            reporting: Arc::new(Semaphore::new(REPORTING)),
            secure: http.tls_cert.is_some(),
            settings: http,
        })
    }

    /// Who may use it, whenever that was read.
    pub(crate) fn users(&self) -> watch::Receiver<Reading> {
        self.book.readings()
    }

    /// The session's cookie. With the prefix, browsers take it from this very host by HTTPS only.
    fn cookie(&self) -> &'static str {
        if self.secure {
            "__Host-hotline_session"
        } else {
            "hotline_session"
        }
    }
}

/// The API and its document.
fn api() -> (Router<Arc<Http>>, utoipa::openapi::OpenApi) {
    let api = OpenApiRouter::new()
        .merge(auth::open())
        .merge(auth::routes())
        .merge(api::routes())
        .merge(sse::routes());
    let (router, mut document) = OpenApiRouter::with_openapi(openapi::base())
        .nest("/api/v1", api)
        .split_for_parts();
    openapi::complete(&mut document);
    (router, document)
}

/// All routes.
pub fn routes(http: Arc<Http>) -> Router {
    let (api, document) = api();
    let document = openapi::text(&document);
    let serve_document = move || {
        let document = document.clone();
        async move { ([(header::CONTENT_TYPE, "application/json")], document) }
    };
    api.route("/api/v1/openapi.json", axum::routing::get(serve_document))
        .merge(probes::routes())
        .fallback(async || {
            Problem::not_found(
                "unknown_route",
                "there is nothing here; GET /api/v1/openapi.json lists what there is",
            )
        })
        .method_not_allowed_fallback(async || {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method",
                "not with this method; GET /api/v1/openapi.json lists those that there are",
            )
        })
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(http.clone(), hosts::guard))
        .layer(middleware::from_fn(guard_browsers))
        .with_state(http)
}

/// What browsers are to do with answers: keep none, guess no types, show none in frames.
async fn guard_browsers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
