//! The daemon put together: recorder, links, HTTP and D-Bus around one shared state.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::{Context, Result};
use prometheus::Registry;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::dbus;
use crate::http::{self, Http};
use crate::link::Link;
use crate::metrics::{OwnMetrics, StateCollector};
use crate::recorder::{self, Opener, Recorder};
use crate::settings::{Bus, Settings};
use crate::shared::{Shared, StoreHealth};
use crate::store::SqliteStore;

/// A running daemon.
#[derive(Debug)]
pub struct Daemon {
    shared: Arc<Shared>,
    http: SocketAddr,
    tasks: JoinSet<()>,
    recorder: JoinHandle<()>,
    stop_recorder: std::sync::mpsc::Sender<()>,
    stop_http: oneshot::Sender<()>,
}

impl Daemon {
    /// Starts everything. What is away for now, be it a node, the bus or the disk, is tried again for ever.
    ///
    /// # Errors
    /// If the address for HTTP is not to be had.
    pub async fn start(settings: Settings) -> Result<Daemon> {
        let store = settings.store.clone();
        Daemon::start_with_store(
            settings,
            Box::new(move || Ok(Box::new(SqliteStore::open(&store)?))),
        )
        .await
    }

    /// Starts everything on another event store.
    ///
    /// # Errors
    /// See [`Daemon::start`].
    pub async fn start_with_store(settings: Settings, open: Opener) -> Result<Daemon> {
        let shared = Arc::new(Shared::new(&settings.node));
        let registry = Registry::new();
        let own = OwnMetrics::register(&registry)?;
        registry.register(Box::new(StateCollector::new(
            shared.clone(),
            settings.metrics.clone(),
            &own,
        )))?;
        registry.register(Box::new(
            prometheus::process_collector::ProcessCollector::for_self(),
        ))?;

        let listen = settings.http.listen;
        if !listen.ip().is_loopback() {
            tracing::warn!(%listen, "[http] listen is no loopback address: anybody who reaches it can read the metrics");
        }
        let listener = tokio::net::TcpListener::bind(listen).await.with_context(|| {
            format!("cannot listen on {listen}; change [http] listen, or end what uses it")
        })?;
        let http = listener.local_addr()?;
        tracing::info!("metrics on http://{http}/metrics");

        let (to_recorder, records) = mpsc::channel(recorder::CHANNEL);
        let (stop_recorder, stop) = std::sync::mpsc::channel();
        let recorder = Recorder {
            shared: shared.clone(),
            own,
            open,
            settings: settings.store.clone(),
            records,
            stop,
        };
        let recorder = std::thread::Builder::new()
            .name("recorder".into())
            .spawn(move || recorder.run())?;

        let mut tasks = JoinSet::new();
        for (index, node) in settings.node.iter().enumerate() {
            let link = Link {
                index,
                socket: node.socket.display().to_string(),
                shared: shared.clone(),
                records: to_recorder.clone(),
            };
            tasks.spawn(link.run());
        }
        let (stop_http, stopped) = oneshot::channel::<()>();
        let routes = http::routes(Http {
            shared: shared.clone(),
            registry,
        });
        tasks.spawn(async move {
            let stopped = async {
                let _ = stopped.await;
            };
            if let Err(error) = axum::serve(listener, routes)
                .with_graceful_shutdown(stopped)
                .await
            {
                tracing::error!(%error, "HTTP ended");
            }
        });
        if settings.dbus.bus != Bus::Off {
            tasks.spawn(dbus::serve(shared.clone(), settings.dbus.bus.clone()));
        }
        Ok(Daemon {
            shared,
            http,
            tasks,
            recorder,
            stop_recorder,
            stop_http,
        })
    }

    /// Where HTTP listens.
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// The read model and the links.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Waits until the state is restored.
    pub async fn ready(&self) {
        let mut store = self.shared.store();
        let _ = store.wait_for(|store| *store == StoreHealth::Ok).await;
    }

    /// Stops reading, stores what was read, takes a checkpoint.
    pub async fn stop(mut self) {
        let _ = self.stop_http.send(());
        self.tasks.shutdown().await;
        let _ = self.stop_recorder.send(());
        let recorder = self.recorder;
        let joined = tokio::task::spawn_blocking(move || recorder.join().is_ok()).await;
        if !matches!(joined, Ok(true)) {
            tracing::error!("the recorder ended in disorder; nodes give again what is not stored");
        }
    }
}
