//! The daemon put together: recorder, links, HTTP and D-Bus around one shared state.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::{Context, Result};
use prometheus::Registry;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_rustls::rustls;

use crate::alarms::Board;
use crate::authority::Authority;
use crate::dbus;
use crate::http::auth::Book;
use crate::http::listen::Listening;
use crate::http::sse::Feed;
use crate::http::tls::Tls;
use crate::http::{self, Http};
use crate::link::Link;
use crate::metrics::{Metrics, OwnMetrics, StateMetrics};
use crate::recorder::{self, Opener, Recorder};
use crate::settings::{Bus, Settings};
use crate::shared::{Shared, StoreHealth};
use crate::store;
use crate::timings::Timings;
use crate::webhook::Webhooks;

/// What nobody ever says.
#[derive(Debug)]
enum Never {}

/// A running daemon.
#[derive(Debug)]
pub struct Daemon {
    shared: Arc<Shared>,
    webhooks: Arc<Webhooks>,
    http: SocketAddr,
    tasks: JoinSet<()>,
    recorder: JoinHandle<()>,
    recording: oneshot::Receiver<Never>,
    stop_recorder: std::sync::mpsc::Sender<()>,
}

impl Daemon {
    /// Reads the files that settings name, as a start does.
    ///
    /// # Errors
    /// One of them cannot be used.
    pub fn check(settings: &Settings) -> Result<()> {
        certificate(settings)?;
        Book::open(
            settings.http.users.clone(),
            &settings.team,
            Timings::default().http_users,
        )?;
        let _ = rustls::crypto::ring::default_provider().install_default();
        Webhooks::new(&settings.webhook, &settings.team, &Registry::new())?;
        Ok(())
    }

    /// Starts everything. What is away for now, be it a node, the bus or the disk, is tried again for ever.
    ///
    /// # Errors
    /// If the address for HTTP is not to be had.
    pub async fn start(settings: Settings) -> Result<Daemon> {
        let store = settings.store.clone();
        let open: Opener = Box::new(move || store::open(&store));
        Daemon::start_with(settings, open, Timings::default()).await
    }

    /// Starts everything on another event store, or with other timings.
    ///
    /// # Errors
    /// See [`Daemon::start`].
    pub async fn start_with(settings: Settings, open: Opener, timings: Timings) -> Result<Daemon> {
        let authority = Authority::new(&settings.team, &settings.unix)
            .with_agent_phones(&settings.authority.agent_phones);
        // Beside the events that it follows from.
        let alarms = Board::new(
            &settings.alarm,
            Some(&settings.store.path.with_extension("alarms.json")),
        );
        let shared =
            Arc::new(Shared::new(&settings.node, &settings.dbus, authority, timings).with_alarms(alarms));
        let registry = Registry::new();
        let own = OwnMetrics::register(&registry)?;
        registry.register(Box::new(
            prometheus::process_collector::ProcessCollector::for_self(),
        ))?;

        // For those who call out by HTTPS; whoever set one before us, it is the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (webhooks, delivering) = Webhooks::new(&settings.webhook, &settings.team, &registry)?;

        let listen = settings.http.listen;
        if !listen.ip().is_loopback() && settings.http.tls_cert.is_none() {
            tracing::error!(
                %listen,
                "[http] plain_beyond_loopback: HTTP without TLS beyond this machine. Passwords, sessions and caller numbers can be \
                 read and taken over on the way"
            );
        }
        let listener = tokio::net::TcpListener::bind(listen).await.with_context(|| {
            format!("cannot listen on {listen}; change [http] listen, or end what uses it")
        })?;
        let http = listener.local_addr()?;
        let tls = certificate(&settings)?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let feed = Arc::new(Feed::new().map_err(anyhow::Error::msg)?);
        let state = StateMetrics::new(shared.clone(), settings.metrics.clone(), &own);
        let metrics = Metrics { registry, state };
        let http_parts = Http::new(shared.clone(), metrics, &settings, feed.clone())?;
        let users = http_parts.users();
        let routes = http::routes(Arc::new(http_parts));
        let listening = Listening {
            listener,
            tls,
            max_connections: settings.http.max_connections,
            max_per_address: settings.http.max_connections_per_address,
            timings,
        };
        tracing::info!("metrics on {scheme}://{http}/metrics");

        let (to_recorder, records) = mpsc::channel(recorder::CHANNEL);
        shared.set_recorder(to_recorder.downgrade());
        let (stop_recorder, stop) = std::sync::mpsc::channel();
        let recorder = Recorder {
            shared: shared.clone(),
            own,
            open,
            settings: settings.store.clone(),
            records,
            stop,
        };
        let (alive, recording) = oneshot::channel::<Never>();
        let recorder = std::thread::Builder::new()
            .name("recorder".into())
            .spawn(move || {
                // Dropped however the thread ends.
                let _alive = alive;
                recorder.run();
            })?;

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
        let retention = recorder::retention(to_recorder.downgrade(), timings.retention);
        tasks.spawn(async move {
            retention.await;
            // The recorder has gone, and that is said where it is noticed.
            std::future::pending().await
        });
        tasks.spawn(shared.clone().note_users(users));
        tasks.spawn(feed.run(shared.clone()));
        // Whoever is told listens before the first figure is looked at.
        tasks.spawn(webhooks.clone().follow_alarms(&shared));
        tasks.spawn(shared.alarms.clone().follow(shared.clone()));
        tasks.spawn(shared.alarms.clone().run(shared.clone()));
        if !webhooks.is_empty() {
            tasks.spawn(webhooks.clone().follow(shared.clone()));
            tasks.spawn(async move {
                delivering.join_all().await;
            });
        }
        tasks.spawn(listening.serve(routes));
        if settings.dbus.bus != Bus::Off {
            tasks.spawn(dbus::serve(shared.clone(), settings.dbus.bus.clone()));
        }
        Ok(Daemon {
            shared,
            webhooks,
            http,
            tasks,
            recorder,
            recording,
            stop_recorder,
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

    /// Those who are told what happens: alarms are to be handed to them.
    pub fn webhooks(&self) -> &Arc<Webhooks> {
        &self.webhooks
    }

    /// Waits until the state is restored.
    pub async fn ready(&self) {
        self.when_ready().await;
    }

    /// The same, without holding on to the daemon.
    pub fn when_ready(&self) -> impl Future<Output = ()> + use<> {
        let mut store = self.shared.store();
        async move {
            let _ = store.wait_for(|store| *store == StoreHealth::Ok).await;
        }
    }

    /// Waits until a part of the daemon ends, which none does but by a defect. What is left is of little use then; a
    /// new daemon goes on where the store left off.
    pub async fn failed(&mut self) {
        tokio::select! {
            _ = &mut self.recording => {}
            _ = self.tasks.join_next() => {}
        }
    }

    /// Stops reading, stores what was read, takes a checkpoint.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
        let alarms = self.shared.alarms.clone();
        // It says itself what it could not do.
        let _ = tokio::task::spawn_blocking(move || alarms.write()).await;
        let _ = self.stop_recorder.send(());
        let recorder = self.recorder;
        let joined = tokio::task::spawn_blocking(move || recorder.join().is_ok()).await;
        if !matches!(joined, Ok(true)) {
            tracing::error!("the recorder ended in disorder; nodes give again what is not stored");
        }
    }
}

/// The certificate that the settings name, if they do.
fn certificate(settings: &Settings) -> Result<Option<Arc<Tls>>> {
    Ok(match (&settings.http.tls_cert, &settings.http.tls_key) {
        (Some(cert), Some(key)) => Some(Arc::new(Tls::read(cert, key)?)),
        (None, _) | (_, None) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{DbusSettings, HttpSettings, NodeSettings, StoreSettings};

    #[tokio::test]
    async fn a_part_that_meets_a_defect_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let mut daemon = Daemon::start(Settings {
            node: vec![NodeSettings {
                socket: dir.path().join("pbx1.sock"),
            }],
            http: HttpSettings {
                listen: ([127, 0, 0, 1], 0).into(),
                ..HttpSettings::default()
            },
            dbus: DbusSettings {
                bus: Bus::Off,
                ..DbusSettings::default()
            },
            store: StoreSettings {
                path: dir.path().join("events.db"),
                ..StoreSettings::default()
            },
            ..Settings::default()
        })
        .await
        .unwrap();
        daemon.ready().await;
        daemon.tasks.spawn(async { panic!("a defect, for this test") });
        let noticed = tokio::time::timeout(std::time::Duration::from_secs(30), daemon.failed());
        assert!(noticed.await.is_ok());
        daemon.stop().await;
    }
}
