//! Keeps the objects on the bus in step with the state, and announces what changed.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use zbus::names::InterfaceName;
use zbus::object_server::SignalEmitter;
use zbus::{Connection, Variant, fdo};

use super::agent::AgentObject;
use super::blacklist::{self, Entries};
use super::manager::{NodeRow, node_rows};
use super::queue::QueueObject;
use super::sight::{Eyes, Guarded, Object, Seen};
use super::views::{AgentView, QueueView, View};
use super::{ROOT, paths};
use crate::shared::Shared;
use crate::state::{Changes, Names};

/// (node, queue name or agent number).
type Key = (String, String);
/// What may have changed, as it is now; `None` if it is gone.
type Views<V> = Vec<(Key, Option<V>)>;

pub(super) struct Publisher {
    shared: Arc<Shared>,
    connection: Connection,
    eyes: Arc<Eyes>,
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
    pub(super) fn new(shared: Arc<Shared>, connection: Connection, eyes: Arc<Eyes>) -> Publisher {
        let nodes = Vec::new();
        let lists = Entries::new();
        Publisher {
            shared,
            connection,
            eyes,
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
            self.announce_here("net.hotline.Hotline1.Manager", changed)
                .await?;
            self.nodes = nodes;
        }
        let lists = blacklist::entries(&self.shared);
        if lists != self.lists {
            let changed = HashMap::from([("Entries", Variant::from(lists.clone()))]);
            self.announce_here("net.hotline.Hotline1.Blacklist", changed)
                .await?;
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
            .update(
                &self.connection,
                &self.eyes,
                queues,
                changes.all,
                paths::queue,
                make,
                |(node, name)| Object::Queue(node, name),
            )
            .await?;
        let make = |(node, number): &Key| AgentObject {
            shared: shared.clone(),
            node: node.clone(),
            number: number.clone(),
        };
        self.agents
            .update(
                &self.connection,
                &self.eyes,
                agents,
                changes.all,
                paths::agent,
                make,
                |(node, number)| Object::Agent(node, number),
            )
            .await
    }

    async fn announce_here(
        &self,
        interface: &'static str,
        changed: HashMap<&str, Variant<'_>>,
    ) -> zbus::Result<()> {
        announce(&self.connection, &self.eyes, ROOT, interface, changed).await
    }

    /// What may have changed, as it is now.
    fn views(&self, changes: &Changes) -> (Views<QueueView>, Views<AgentView>) {
        let state = self.shared.state();
        let keys = |names: &Names| -> BTreeSet<Key> {
            let key = |(node, name): (&str, &str)| (node.to_owned(), name.to_owned());
            names.iter().map(key).collect()
        };
        let (mut queues, mut agents) = (keys(&changes.queues), keys(&changes.agents));
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
    #[expect(
        clippy::too_many_arguments,
        reason = "all of them differ between kinds of objects"
    )]
    async fn update<I: Seen>(
        &mut self,
        connection: &Connection,
        eyes: &Arc<Eyes>,
        views: Views<V>,
        removals_first: bool,
        path_of: fn(&str) -> String,
        make: impl Fn(&Key) -> I,
        object: fn(Key) -> Object,
    ) -> zbus::Result<()> {
        let server = connection.object_server();
        if removals_first {
            for (key, _) in views.iter().filter(|(_, view)| view.is_none()) {
                if let Some((path, _)) = self.objects.remove(key) {
                    self.paths.remove(&path);
                    eyes.remove(&path);
                    server.remove::<Guarded<I>, _>(path).await?;
                }
            }
        }
        for (key, view) in views {
            let Some(view) = view else { continue };
            match self.objects.get_mut(&key) {
                Some((path, before)) => {
                    let changed: HashMap<&str, Variant<'_>> = view.changed(before).into_iter().collect();
                    if !changed.is_empty() {
                        announce(connection, eyes, path, V::INTERFACE, changed).await?;
                        *before = view;
                    }
                }
                None => {
                    let mut path = path_of(&key.1);
                    if self.paths.contains(&path) {
                        path = paths::on_node(&path, &key.0);
                    }
                    eyes.add(&path, object(key.clone()));
                    let served = Guarded {
                        eyes: eyes.clone(),
                        inner: make(&key),
                    };
                    server.at(path.as_str(), served).await?;
                    self.paths.insert(path.clone());
                    self.objects.insert(key, (path, view));
                }
            }
        }
        Ok(())
    }
}

/// Says what has changed; how it is now only if all who listen may know.
async fn announce(
    connection: &Connection,
    eyes: &Eyes,
    path: &str,
    interface: &'static str,
    changed: HashMap<&str, Variant<'_>>,
) -> zbus::Result<()> {
    let emitter = SignalEmitter::new(connection, path)?;
    let interface = InterfaceName::from_static_str(interface)?;
    if eyes.broadcasts() {
        return fdo::Properties::properties_changed(&emitter, interface, changed, Cow::Borrowed(&[])).await;
    }
    let mut names: Vec<&str> = changed.into_keys().collect();
    names.sort_unstable();
    fdo::Properties::properties_changed(&emitter, interface, HashMap::new(), names.into()).await
}
