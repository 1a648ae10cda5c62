//! Keeps the objects on the bus in step with the state, and announces what changed.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use zbus::names::InterfaceName;
use zbus::object_server::{Interface, SignalEmitter};
use zbus::{Connection, Variant, fdo};

use super::agent::AgentObject;
use super::blacklist::{self, Entries};
use super::manager::{NodeRow, node_rows};
use super::queue::QueueObject;
use super::views::{AgentView, QueueView, View};
use super::{ROOT, paths};
use crate::shared::Shared;
use crate::state::Changes;

/// (node, queue name or agent number).
type Key = (String, String);
/// What may have changed, as it is now; `None` if it is gone.
type Views<V> = Vec<(Key, Option<V>)>;

pub(super) struct Publisher {
    shared: Arc<Shared>,
    connection: Connection,
    queues: Shown<QueueView>,
    agents: Shown<AgentView>,
    nodes: Vec<NodeRow>,
    lists: Entries,
}

/// Objects of one kind that are on the bus, as last announced.
struct Shown<V> {
    objects: BTreeMap<Key, (String, V)>,
    paths: BTreeSet<String>,
}

impl<V> Default for Shown<V> {
    fn default() -> Self {
        Shown {
            objects: BTreeMap::new(),
            paths: BTreeSet::new(),
        }
    }
}

impl Publisher {
    pub(super) fn new(shared: Arc<Shared>, connection: Connection) -> Publisher {
        let nodes = Vec::new();
        let lists = Entries::new();
        Publisher {
            shared,
            connection,
            queues: Shown::default(),
            agents: Shown::default(),
            nodes,
            lists,
        }
    }

    pub(super) async fn publish_all(&mut self) -> zbus::Result<()> {
        self.publish(&Changes {
            all: true,
            ..Changes::default()
        })
        .await
    }

    pub(super) async fn publish(&mut self, changes: &Changes) -> zbus::Result<()> {
        let nodes = node_rows(&self.shared);
        if nodes != self.nodes {
            let changed = HashMap::from([("Nodes", Variant::from(nodes.clone()))]);
            announce(&self.connection, ROOT, "net.hotline.Hotline1.Manager", changed).await?;
            self.nodes = nodes;
        }
        let lists = blacklist::entries(&self.shared);
        if lists != self.lists {
            let changed = HashMap::from([("Entries", Variant::from(lists.clone()))]);
            announce(&self.connection, ROOT, "net.hotline.Hotline1.Blacklist", changed).await?;
            self.lists = lists;
        }

        let (queues, agents) = self.views(changes);
        let shared = &self.shared;
        let make = |(node, name): &Key| QueueObject {
            shared: shared.clone(),
            node: node.clone(),
            name: name.clone(),
        };
        self.queues
            .update(&self.connection, queues, changes.all, paths::queue, make)
            .await?;
        let make = |(node, number): &Key| AgentObject {
            shared: shared.clone(),
            node: node.clone(),
            number: number.clone(),
        };
        self.agents
            .update(&self.connection, agents, changes.all, paths::agent, make)
            .await
    }

    /// What may have changed, as it is now.
    fn views(&self, changes: &Changes) -> (Views<QueueView>, Views<AgentView>) {
        let state = self.shared.state();
        let (mut queues, mut agents) = (changes.queues.clone(), changes.agents.clone());
        if changes.all {
            for (node, view) in &state.nodes {
                queues.extend(view.queues.keys().map(|name| (node.clone(), name.clone())));
                agents.extend(view.agents.keys().map(|number| (node.clone(), number.clone())));
            }
            queues.extend(self.queues.objects.keys().cloned());
            agents.extend(self.agents.objects.keys().cloned());
        }
        let queue = |key: Key| (key.clone(), QueueView::of(&state, &key.0, &key.1));
        let agent = |key: Key| (key.clone(), AgentView::of(&state, &key.0, &key.1));
        (
            queues.into_iter().map(queue).collect(),
            agents.into_iter().map(agent).collect(),
        )
    }
}

impl<V: View> Shown<V> {
    async fn update<I: Interface>(
        &mut self,
        connection: &Connection,
        views: Views<V>,
        removals_first: bool,
        path_of: fn(&str) -> String,
        make: impl Fn(&Key) -> I,
    ) -> zbus::Result<()> {
        let server = connection.object_server();
        if removals_first {
            for (key, _) in views.iter().filter(|(_, view)| view.is_none()) {
                if let Some((path, _)) = self.objects.remove(key) {
                    self.paths.remove(&path);
                    server.remove::<I, _>(path).await?;
                }
            }
        }
        for (key, view) in views {
            let Some(view) = view else { continue };
            match self.objects.get_mut(&key) {
                Some((path, before)) => {
                    let changed: HashMap<&str, Variant<'_>> = view.changed(before).into_iter().collect();
                    if !changed.is_empty() {
                        announce(connection, path, V::INTERFACE, changed).await?;
                        *before = view;
                    }
                }
                None => {
                    let mut path = path_of(&key.1);
                    if self.paths.contains(&path) {
                        path = paths::on_node(&path, &key.0);
                    }
                    server.at(path.as_str(), make(&key)).await?;
                    self.paths.insert(path.clone());
                    self.objects.insert(key, (path, view));
                }
            }
        }
        Ok(())
    }
}

async fn announce(
    connection: &Connection,
    path: &str,
    interface: &'static str,
    changed: HashMap<&str, Variant<'_>>,
) -> zbus::Result<()> {
    let emitter = SignalEmitter::new(connection, path)?;
    let interface = InterfaceName::from_static_str(interface)?;
    fdo::Properties::properties_changed(&emitter, interface, changed, Cow::Borrowed(&[])).await
}
