//! The daemon inside the test.

use std::path::Path;

use supervisord::daemon::Daemon;
use supervisord::recorder::Opener;
use supervisord::settings::{Bus, DbusSettings, HttpSettings, NodeSettings, Settings, StoreSettings};
use supervisord::state::{Node, State};
use supervisord::store::SqliteStore;
use supervisord::timings::Timings;

use super::node::{FakeNode, PATIENCE};

pub fn settings(dir: &Path, nodes: &[&FakeNode]) -> Settings {
    Settings {
        node: nodes
            .iter()
            .map(|node| NodeSettings {
                socket: node.socket.clone(),
            })
            .collect(),
        http: HttpSettings {
            listen: ([127, 0, 0, 1], 0).into(),
            users: dir.join("users.toml"),
            ..HttpSettings::default()
        },
        dbus: DbusSettings {
            bus: Bus::Off,
            ..DbusSettings::default()
        },
        store: StoreSettings {
            path: dir.join("events.db"),
            ..StoreSettings::default()
        },
        ..Settings::default()
    }
}

/// Starts it with other timings.
pub async fn start_timed(settings: Settings, timings: Timings) -> Daemon {
    let store = settings.store.clone();
    let open: Opener = Box::new(move || Ok(Box::new(SqliteStore::open(&store)?)));
    Daemon::start_with(settings, open, timings).await.unwrap()
}

/// Waits until the daemon's state is so.
pub async fn until(daemon: &Daemon, what: &str, is: impl Fn(&State) -> bool) {
    let mut applied = daemon.shared().applied();
    let wait = async {
        while !is(&daemon.shared().state()) {
            applied.changed().await.unwrap();
        }
    };
    assert!(
        tokio::time::timeout(PATIENCE, wait).await.is_ok(),
        "waited in vain until {what}"
    );
}

/// The daemon's view of a node, but for what the fake node does not know.
pub fn seen(daemon: &Daemon, name: &str) -> Node {
    let state = daemon.shared().state();
    let mut node = state.nodes[name].clone();
    node.socket = String::new();
    node
}

/// What the daemon must see.
pub fn told(node: &FakeNode) -> Node {
    node.state().nodes[&node.name].clone()
}

/// Every call that joined is over or in progress.
pub fn assert_balanced(node: &Node) {
    for (queue, counts) in &node.counts.queues {
        for (tier, counts) in &counts.tiers {
            let finished: u64 = counts.finished.values().sum();
            let live = node
                .calls
                .values()
                .filter(|call| call.queue == *queue && call.tier == *tier)
                .count() as u64;
            assert_eq!(counts.offered, finished + live, "{queue} {tier}");
        }
    }
}
