//! Metrics and health over HTTP, for so many readers at once that none of them can starve the rest of the daemon.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::serve::Listener;
use prometheus::{Registry, TextEncoder};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_io_timeout::TimeoutStream;

use crate::shared::{Shared, StoreHealth};

/// Connections at once. Further ones wait until one ends.
const MAX_CONNECTIONS: usize = 64;

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

/// A listener with a ceiling on connections, each of which ends when nothing moves on it for a while.
pub struct Guarded {
    listener: TcpListener,
    idle: Duration,
    places: Arc<Semaphore>,
}

impl Guarded {
    /// Guards a listener.
    pub fn new(listener: TcpListener, idle: Duration) -> Guarded {
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        Guarded {
            listener,
            idle,
            places,
        }
    }
}

impl Listener for Guarded {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let place = match self.places.clone().try_acquire_owned() {
            Ok(place) => place,
            Err(_) => {
                tracing::warn!("{MAX_CONNECTIONS} HTTP connections are open: further ones wait");
                match self.places.clone().acquire_owned().await {
                    Ok(place) => place,
                    // Nobody closes the semaphore.
                    Err(_) => std::future::pending().await,
                }
            }
        };
        let (stream, address) = Listener::accept(&mut self.listener).await;
        let mut stream = TimeoutStream::new(stream);
        stream.set_read_timeout(Some(self.idle));
        stream.set_write_timeout(Some(self.idle));
        let connection = Connection {
            stream: Box::pin(stream),
            _place: place,
        };
        (connection, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// One connection and its place among all.
pub struct Connection {
    stream: Pin<Box<TimeoutStream<TcpStream>>>,
    _place: OwnedSemaphorePermit,
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_read(cx, to)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        self.stream.as_mut().poll_write(cx, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream.as_mut().poll_write_vectored(cx, from)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
