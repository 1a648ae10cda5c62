//! Supervision over D-Bus: queues and agents as objects, and the commands that act on them.
//!
//! A thin skin: properties are read from the shared state, methods ask the node and give its answer, never a guess.
//! If the bus goes away the daemon keeps on and returns to it. No caller number is ever in a broadcast; who sees the rest is said in `sight`.

mod agent;
pub mod alarms;
mod asking;
pub mod blacklist;
mod error;
mod manager;
pub mod paths;
pub mod permit;
mod publisher;
mod queue;
mod sight;
mod views;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use zbus::Connection;
use zbus::connection::Builder;

use crate::alarms::Teller;
use crate::settings::Bus;
use crate::shared::{Shared, StoreHealth};
use alarms::Alarms;
use blacklist::Blacklists;
use manager::Manager;
pub use manager::PipeRow;
use publisher::Publisher;
use sight::{Eyes, Guarded, Objects};

/// The bus name.
pub const NAME: &str = "net.hotline.Hotline1";
/// The manager's object; queues and agents lie below.
pub const ROOT: &str = "/net/hotline/Hotline1";
/// What the names of our errors begin with.
pub const ERROR_PREFIX: &str = "net.hotline.Hotline1.Error.";

const BUS_TIMEOUT: Duration = Duration::from_secs(25);
const RETRY_FIRST: Duration = Duration::from_millis(200);
const RETRY_LAST: Duration = Duration::from_secs(5);

/// Connects to a bus. An answer that is not there within `patience` is an error.
///
/// # Errors
/// If it is not there, or `bus` is off.
pub async fn connect(bus: &Bus, patience: Duration) -> zbus::Result<Connection> {
    builder(bus)?.method_timeout(patience).build().await
}

fn builder(bus: &Bus) -> zbus::Result<Builder<'static>> {
    Ok(match bus {
        Bus::System => Builder::system(),
        Bus::Session => Builder::session(),
        Bus::Address(address) => Builder::address(address.as_str()),
        Bus::Off => return Err(zbus::Error::Address("D-Bus is off".into())),
    })
}

/// Serves for ever; meant to be aborted.
pub async fn serve(shared: Arc<Shared>, bus: Bus) {
    if shared
        .store()
        .wait_for(|store| *store == StoreHealth::Ok)
        .await
        .is_err()
    {
        return;
    }
    let mut pause = RETRY_FIRST;
    let mut said = String::new();
    loop {
        let begun = std::time::Instant::now();
        let error = match session(&shared, &bus).await {
            Ok(never) => match never {},
            Err(error) => error.to_string(),
        };
        if begun.elapsed() > RETRY_LAST {
            pause = RETRY_FIRST;
            said.clear();
        }
        if error != said {
            tracing::warn!(%bus, "no D-Bus: {error}; trying again for ever, metrics go on");
            said = error;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(RETRY_LAST);
    }
}

async fn session(shared: &Arc<Shared>, bus: &Bus) -> zbus::Result<Infallible> {
    // What the daemon itself asks of the bus.
    let eyes = Eyes::new(shared.clone());
    let connection = builder(bus)?
        .method_timeout(BUS_TIMEOUT)
        .serve_at(
            ROOT,
            Guarded {
                eyes: eyes.clone(),
                inner: Manager::new(shared.clone(), eyes.clone()),
            },
        )
        .serve_at(
            ROOT,
            Guarded {
                eyes: eyes.clone(),
                inner: Blacklists::new(shared.clone()),
            },
        )
        .serve_at(
            ROOT,
            Guarded {
                eyes: eyes.clone(),
                inner: Alarms::new(shared.clone(), eyes.clone()),
            },
        )
        .serve_at(ROOT, Objects(eyes.clone()))
        .build()
        .await?;
    let watch = shared.watch();
    let mut teller = Teller::new(shared.alarms.clone(), "the bus");
    let mut publisher = Publisher::new(shared.clone(), connection.clone(), eyes.clone());
    publisher.publish_all().await?;
    connection.request_name(NAME).await?;
    tracing::info!(%bus, "serving {NAME}");
    loop {
        tokio::select! {
            changes = watch.next() => publisher.publish(&changes).await?,
            steps = teller.next() => {
                let steps = steps.ok_or_else(|| zbus::Error::Failure("the daemon ends".into()))?;
                for news in steps {
                    alarms::announce(&eyes, &connection, &news).await?;
                }
            }
            () = connection.closed() => {
                return Err(zbus::Error::InputOutput(Arc::new(std::io::ErrorKind::ConnectionAborted.into())));
            }
        }
    }
}
