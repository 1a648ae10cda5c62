//! Connections: how many, from where, for how long, with or without TLS. None of them can starve the others, or the rest of the daemon.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::header::HOST;
use hyper::http::HeaderValue;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, http};
use hyper_util::rt::{TokioIo, TokioTimer};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep};
use tower::ServiceExt;

use super::problem::Problem;
use super::shares::Shares;
use super::tls::Tls;
use crate::timings::Timings;

/// Bytes that a connection may hold of requests that come in.
const MAX_BUFFER: usize = 64 << 10;
/// Descriptors for the store, the nodes, the bus and webhooks.
const OTHER_DESCRIPTORS: usize = 256;
/// Connections there are always places for.
const FEWEST: usize = 8;
/// Connections that are told at once that there are too many of them; further ones are just closed.
const REFUSING: usize = 32;
/// How long that may take.
const REFUSAL: Duration = Duration::from_secs(1);
/// Headers of one request.
const MAX_HEADERS: usize = 64;

/// Who is at the other end.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// A listener and what guards it.
#[derive(Debug)]
pub struct Listening {
    /// Where connections come in.
    pub listener: TcpListener,
    /// HTTPS, or plain.
    pub tls: Option<Arc<Tls>>,
    /// Connections at once. Further ones wait until one ends.
    pub max_connections: usize,
    /// Of them, from one address.
    pub max_per_address: usize,
    /// How long to wait for others.
    pub timings: Timings,
}

impl Listening {
    /// Serves for ever; meant to be aborted, and takes its connections along then.
    pub async fn serve(self, routes: Router) {
        let max = room_for(self.max_connections);
        let places = Arc::new(Semaphore::new(max));
        let addresses = Shares::new(self.max_per_address);
        let refusing = Arc::new(Semaphore::new(REFUSING));
        let mut crowd = Crowd::default();
        let mut connections = JoinSet::new();
        loop {
            let place = match places.clone().try_acquire_owned() {
                Ok(place) => place,
                Err(_) => {
                    tracing::warn!(
                        "{max} HTTP connections are open ([http] max_connections): further ones wait"
                    );
                    match places.clone().acquire_owned().await {
                        Ok(place) => place,
                        // Nobody closes the semaphore.
                        Err(_) => return,
                    }
                }
            };
            let (stream, address) = match self.listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Of one connection, or for want of descriptors: either passes.
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            while connections.try_join_next().is_some() {}
            let Some(share) = addresses.take(&self::address(address.ip())) else {
                crowd.refused(address, self.max_per_address);
                // With TLS nothing can be said before the handshake, which is dear.
                if self.tls.is_none()
                    && let Ok(refusal) = refusing.clone().try_acquire_owned()
                {
                    connections.spawn(async move {
                        let _refusal = (refusal, place);
                        let _ = tokio::time::timeout(REFUSAL, refuse(stream)).await;
                    });
                }
                continue;
            };
            let (routes, tls, timings) = (routes.clone(), self.tls.clone(), self.timings);
            connections.spawn(async move {
                let _place = (place, share);
                // Small messages to many readers, each wanted at once.
                let _ = stream.set_nodelay(true);
                let answering = Arc::new(AtomicBool::new(false));
                let stream = Guarded::new(stream, timings.http_idle, answering.clone());
                match tls {
                    None => connection(stream, address, answering, routes, timings).await,
                    Some(tls) => {
                        let secured = tokio::time::timeout(timings.http_head, tls.accept(stream)).await;
                        match secured {
                            Ok(Ok(stream)) => connection(stream, address, answering, routes, timings).await,
                            Ok(Err(error)) => tracing::debug!(%address, %error, "no TLS"),
                            Err(_) => tracing::debug!(%address, "no TLS in time"),
                        }
                    }
                }
            });
        }
    }
}

/// So many connections as the process may have descriptors for, beside those that it needs for everything else. Asks the system for more if
/// they are too few.
fn room_for(wanted: usize) -> usize {
    let needed = (wanted + OTHER_DESCRIPTORS) as u64;
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return wanted;
    };
    let mut limit = soft;
    if soft < needed && setrlimit(Resource::RLIMIT_NOFILE, needed.min(hard), hard).is_ok() {
        limit = needed.min(hard);
    }
    if limit >= needed {
        return wanted;
    }
    let room = usize::try_from(limit).unwrap_or(usize::MAX);
    let room = room.saturating_sub(OTHER_DESCRIPTORS).max(FEWEST);
    tracing::warn!(
        "{wanted} HTTP connections ([http] max_connections) need {needed} descriptors, and there are {limit}: {room} it is; raise \
         LimitNOFILE of the service"
    );
    room.min(wanted)
}

async fn connection<S: AsyncRead + AsyncWrite + Unpin + Send>(
    stream: S,
    address: SocketAddr,
    answering: Arc<AtomicBool>,
    routes: Router,
    timings: Timings,
) {
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(address));
        let (routes, answering) = (routes.clone(), answering.clone());
        async move {
            // Requests hold no absolute address here: this is no proxy. Whom it names counts before the header does.
            if let Some(authority) = request.uri().authority() {
                let host = HeaderValue::try_from(authority.as_str());
                *request.uri_mut() = origin_form(request.uri());
                if let Ok(host) = host {
                    request.headers_mut().insert(HOST, host);
                }
            }
            answering.store(true, Ordering::Relaxed);
            let answer = routes.oneshot(request).await;
            answering.store(false, Ordering::Relaxed);
            answer
        }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(timings.http_head)
        .max_buf_size(MAX_BUFFER)
        .max_headers(MAX_HEADERS);
    if let Err(error) = http.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%address, %error, "an HTTP connection ended early");
    }
}

fn origin_form(uri: &http::Uri) -> http::Uri {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    path.parse().unwrap_or_else(|_| http::Uri::from_static("/"))
}

/// Says that there are too many connections from there, and waits until that was read: closed with a request unread, it could be lost.
async fn refuse(mut stream: TcpStream) -> io::Result<()> {
    let problem = Problem::too_many(
        "too_many_connections",
        "too many connections from your address are open; end some, or raise [http] max_connections_per_address",
    );
    let body = serde_json::to_string(&problem)?;
    let head = format!(
        "HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/problem+json\r\nContent-Length: {}\r\nRetry-After: 1\r\n\
         Connection: close\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).await?;
    stream.shutdown().await?;
    let mut unread = [0; 4096];
    while stream.read(&mut unread).await? > 0 {}
    Ok(())
}

/// Connections that were refused, for the log: a line each ten seconds at most.
#[derive(Debug, Default)]
struct Crowd {
    refused: u64,
    said: Option<Instant>,
}

impl Crowd {
    fn refused(&mut self, from: SocketAddr, most: usize) {
        self.refused += 1;
        let now = Instant::now();
        if self
            .said
            .is_some_and(|said| now.duration_since(said) < Duration::from_secs(10))
        {
            return;
        }
        tracing::warn!(
            from = %from.ip(),
            refused = self.refused,
            "{most} HTTP connections of one address are open ([http] max_connections_per_address): further ones are refused"
        );
        (self.refused, self.said) = (0, Some(now));
    }
}

/// Who counts as one: an address, or a network of IPv6.
pub fn address(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(ip) => ip.to_string(),
            None => {
                let [a, b, c, d, ..] = ip.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
        },
    }
}

/// A connection that ends when nothing moves on it, either way, for a while. While an answer is made, it is for us to move.
pub struct Guarded {
    stream: TcpStream,
    idle: Duration,
    answering: Arc<AtomicBool>,
    end: Pin<Box<Sleep>>,
}

impl Guarded {
    fn new(stream: TcpStream, idle: Duration, answering: Arc<AtomicBool>) -> Guarded {
        Guarded {
            stream,
            idle,
            answering,
            end: Box::pin(tokio::time::sleep(idle)),
        }
    }

    /// Something moved, or the time is over.
    fn guard<T>(&mut self, cx: &mut Context<'_>, moved: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match moved {
            Poll::Ready(moved) => {
                let end = Instant::now() + self.idle;
                self.end.as_mut().reset(end);
                Poll::Ready(moved)
            }
            Poll::Pending => {
                ready!(self.end.as_mut().poll(cx));
                if self.answering.load(Ordering::Relaxed) {
                    let end = Instant::now() + self.idle;
                    self.end.as_mut().reset(end);
                    // Registers who is to be woken then.
                    ready!(self.end.as_mut().poll(cx));
                }
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let moved = Pin::new(&mut self.stream).poll_read(cx, to);
        self.guard(cx, moved)
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        let moved = Pin::new(&mut self.stream).poll_write(cx, from);
        self.guard(cx, moved)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let moved = Pin::new(&mut self.stream).poll_write_vectored(cx, from);
        self.guard(cx, moved)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_no_more_connections_than_descriptors_for_them() {
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        assert_eq!(room_for(8), 8);
        let most = usize::try_from(hard).unwrap_or(usize::MAX);
        assert!(room_for(most - OTHER_DESCRIPTORS / 2) < most - OTHER_DESCRIPTORS / 2);
    }
}
