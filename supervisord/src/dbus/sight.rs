//! Who sees what on the bus: the same as over HTTP.
//!
//! Every object and interface is served [`Guarded`]: before its properties are given, whoever asks must see it. Signals go to all who listen,
//! so once the settings tell users apart ([`[[unix]]`](crate::settings::UnixSettings)) they carry no values: they name what has changed, and who
//! may see it asks.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use zbus::fdo::{self, ManagedObjects};
use zbus::message::{Header, Message};
use zbus::names::{InterfaceName, MemberName, OwnedInterfaceName};
use zbus::object_server::{DispatchResult, Interface, SignalEmitter};
use zbus::{BoxDBusError, Connection, ObjectServer, OwnedVariant, Variant, interface};

use super::asking;
use super::error::CallError;
use super::views::{AgentView, QueueView, View};
use crate::authority::{Actor, Authority};
use crate::shared::Shared;

/// Who somebody is, is found out again after so long.
const KNOWN_FOR: Duration = Duration::from_secs(5);
/// Connections that are known; beyond, all are found out anew.
const MAX_KNOWN: usize = 1_000;

/// Something that not everybody may see.
pub(super) trait Seen: Interface {
    /// Whether somebody may.
    fn is_seen(&self, authority: &Authority, actor: &Actor) -> bool;
}

/// Who looks, and at which objects: shared by all that is served on a connection to the bus.
#[derive(Debug)]
pub(super) struct Eyes {
    shared: Arc<Shared>,
    known: Mutex<HashMap<String, (Instant, Actor)>>,
    objects: Mutex<BTreeMap<String, Object>>,
}

/// What is at a path, with its node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Object {
    /// A queue of that name.
    Queue(String, String),
    /// An agent of that number.
    Agent(String, String),
}

impl Eyes {
    pub(super) fn new(shared: Arc<Shared>) -> Arc<Eyes> {
        Arc::new(Eyes {
            shared,
            known: Mutex::default(),
            objects: Mutex::default(),
        })
    }

    /// Whether signals may carry values.
    pub(super) fn broadcasts(&self) -> bool {
        !self.shared.authority.tells_users_apart()
    }

    /// An object was put there.
    pub(super) fn add(&self, path: &str, object: Object) {
        self.objects().insert(path.to_owned(), object);
    }

    /// An object was taken away.
    pub(super) fn remove(&self, path: &str) {
        self.objects().remove(path);
    }

    /// Who asks; nobody in particular while all see everything.
    pub(super) async fn who(
        &self,
        connection: &Connection,
        header: &Header<'_>,
    ) -> Result<Option<Actor>, CallError> {
        if self.broadcasts() {
            return Ok(None);
        }
        // The bus gives no name twice.
        let sender = header.sender().map(ToString::to_string).unwrap_or_default();
        if let Some((at, actor)) = self.known().get(&sender)
            && at.elapsed() < KNOWN_FOR
        {
            return Ok(Some(actor.clone()));
        }
        let actor = asking::onlooker(&self.shared, connection, header).await?;
        let mut known = self.known();
        if known.len() >= MAX_KNOWN {
            known.clear();
        }
        known.insert(sender, (Instant::now(), actor.clone()));
        Ok(Some(actor))
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, (Instant, Actor)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn objects(&self) -> MutexGuard<'_, BTreeMap<String, Object>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An interface whose properties are given to those who may see it.
pub(super) struct Guarded<I> {
    pub(super) eyes: Arc<Eyes>,
    pub(super) inner: I,
}

impl<I: Seen> Guarded<I> {
    async fn admit(&self, connection: &Connection, header: &Header<'_>) -> Result<(), CallError> {
        match self.eyes.who(connection, header).await? {
            Some(actor) if !self.inner.is_seen(&self.eyes.shared.authority, &actor) => {
                Err(CallError::unseen(&actor))
            }
            Some(_) | None => Ok(()),
        }
    }
}

// The library calls this trait unstable: it is for its own macro first. What changes in there, the compiler says.
#[async_trait]
impl<I: Seen> Interface for Guarded<I> {
    fn name() -> InterfaceName<'static> {
        I::name()
    }

    fn spawn_tasks_for_methods(&self) -> bool {
        self.inner.spawn_tasks_for_methods()
    }

    async fn get(
        &self,
        property_name: &str,
        server: &ObjectServer,
        connection: &Connection,
        header: Option<&Header<'_>>,
        emitter: &SignalEmitter<'_>,
    ) -> Option<Result<OwnedVariant, BoxDBusError>> {
        if let Some(header) = header
            && let Err(error) = self.admit(connection, header).await
        {
            return Some(Err(Box::new(error)));
        }
        self.inner
            .get(property_name, server, connection, header, emitter)
            .await
    }

    async fn get_all(
        &self,
        server: &ObjectServer,
        connection: &Connection,
        header: Option<&Header<'_>>,
        emitter: &SignalEmitter<'_>,
    ) -> fdo::Result<HashMap<String, OwnedVariant>> {
        match header {
            Some(header) => self.admit(connection, header).await.map_err(fdo::Error::from)?,
            // For InterfacesAdded, which goes to all.
            None if !self.eyes.broadcasts() => return Ok(HashMap::new()),
            None => {}
        }
        self.inner.get_all(server, connection, header, emitter).await
    }

    async fn set_mut(
        &mut self,
        property_name: &str,
        value: &Variant<'_>,
        server: &ObjectServer,
        connection: &Connection,
        header: Option<&Header<'_>>,
        emitter: &SignalEmitter<'_>,
    ) -> Option<Result<(), BoxDBusError>> {
        self.inner
            .set_mut(property_name, value, server, connection, header, emitter)
            .await
    }

    fn call<'call>(
        &'call self,
        server: &'call ObjectServer,
        connection: &'call Connection,
        message: &'call Message,
        name: MemberName<'call>,
    ) -> DispatchResult<'call> {
        self.inner.call(server, connection, message, name)
    }

    fn call_mut<'call>(
        &'call mut self,
        server: &'call ObjectServer,
        connection: &'call Connection,
        message: &'call Message,
        name: MemberName<'call>,
    ) -> DispatchResult<'call> {
        self.inner.call_mut(server, connection, message, name)
    }

    fn introspect_to_writer(&self, writer: &mut dyn std::fmt::Write, level: usize) {
        self.inner.introspect_to_writer(writer, level);
    }
}

/// All objects there are, for each as far as it sees them. The library's own would show all to everybody; it sends the signals for this one.
pub(super) struct Objects(pub(super) Arc<Eyes>);

#[interface(name = "org.freedesktop.DBus.ObjectManager", introspection_docs = false)]
impl Objects {
    async fn get_managed_objects(
        &self,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<ManagedObjects, CallError> {
        let actor = self.0.who(connection, &header).await?;
        let objects = self.0.objects().clone();
        let shared = &self.0.shared;
        let (authority, state) = (&shared.authority, shared.state());
        let sees = |object: &Object| match (&actor, object) {
            (None, _) => true,
            (Some(actor), Object::Queue(_, name)) => authority.sees_queue(actor, name),
            (Some(actor), Object::Agent(_, number)) => authority.sees_agent(actor, number),
        };
        let mut found = ManagedObjects::new();
        for (path, object) in objects.iter().filter(|(_, object)| sees(object)) {
            let shown = match object {
                Object::Queue(node, name) => QueueView::of(&state, node, name).map(|view| shown(&view)),
                Object::Agent(node, number) => AgentView::of(&state, node, number).map(|view| shown(&view)),
            };
            // One that has gone meanwhile is left out.
            let Some(shown) = shown else { continue };
            let (interface, properties) = shown.map_err(CallError::defect)?;
            let path = zbus::ObjectPath::try_from(path.as_str()).map_err(CallError::defect)?;
            found.insert(path.into(), HashMap::from([(interface, properties)]));
        }
        Ok(found)
    }

    #[zbus(signal)]
    async fn interfaces_added(
        emitter: &SignalEmitter<'_>,
        object_path: zbus::ObjectPath<'_>,
        interfaces_and_properties: HashMap<InterfaceName<'_>, HashMap<&str, Variant<'_>>>,
    ) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn interfaces_removed(
        emitter: &SignalEmitter<'_>,
        object_path: zbus::ObjectPath<'_>,
        interfaces: &[InterfaceName<'_>],
    ) -> zbus::Result<()>;
}

type Shown = (OwnedInterfaceName, HashMap<String, OwnedVariant>);

fn shown<V: View>(view: &V) -> zbus::Result<Shown> {
    let properties = view.properties().into_iter().map(|(name, value)| {
        let value = OwnedVariant::try_from(value)?;
        Ok((name.to_owned(), value))
    });
    let interface = InterfaceName::from_static_str(V::INTERFACE)?;
    Ok((interface.into(), properties.collect::<zbus::Result<_>>()?))
}
