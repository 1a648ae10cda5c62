//! Queues on the bus.

use std::sync::Arc;

use hotline_wire::Command;
use hotline_wire::snapshot::Door;
use zbus::message::Header;
use zbus::{Connection, fdo, interface};

use super::asking;
use super::error::CallError;
use super::sight::Seen;
use super::views::QueueView;
use crate::authority::{Actor, Authority};
use crate::shared::Shared;

/// `net.hotline.Hotline1.Queue`
pub(super) struct QueueObject {
    pub(super) shared: Arc<Shared>,
    pub(super) node: String,
    pub(super) name: String,
}

impl Seen for QueueObject {
    fn is_seen(&self, authority: &Authority, actor: &Actor) -> bool {
        authority.sees_queue(actor, &self.name)
    }
}

impl QueueObject {
    fn view(&self) -> fdo::Result<QueueView> {
        QueueView::of(&self.shared.state(), &self.node, &self.name)
            .ok_or_else(|| fdo::Error::UnknownObject(format!("queue {} is gone", self.name)))
    }
}

/// A queue. Methods give the node's answer, `done`; a refusal is an error net.hotline.Hotline1.Error.Refused.REASON. Times
/// are microseconds since the Unix epoch, lengths microseconds.
#[interface(name = "net.hotline.Hotline1.Queue")]
impl QueueObject {
    /// Opens or closes the queue: open, closed (nobody may join, who waits is served), or
    /// emergency (nobody may join, and who waits leaves).
    #[zbus(out_args("outcome"))]
    async fn set_door(
        &self,
        door: String,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        let door = asking::named("door", &door, Door::ALL, Door::label)?;
        let queue = self.name.clone();
        let command = Command::SetDoor { queue, door };
        asking::done(&self.shared, &self.node, connection, &header, command).await
    }

    /// Its name.
    #[zbus(property)]
    fn name(&self) -> fdo::Result<String> {
        Ok(self.view()?.name)
    }

    /// The node it is on.
    #[zbus(property)]
    fn node(&self) -> fdo::Result<String> {
        Ok(self.view()?.node)
    }

    /// How it chooses agents.
    #[zbus(property)]
    fn strategy(&self) -> fdo::Result<String> {
        Ok(self.view()?.strategy)
    }

    /// Target of the service level.
    #[zbus(property)]
    fn service_target(&self) -> fdo::Result<u64> {
        Ok(self.view()?.service_target)
    }

    /// Most callers that may wait.
    #[zbus(property)]
    fn max_waiting(&self) -> fdo::Result<u32> {
        Ok(self.view()?.max_waiting)
    }

    /// Callers waiting.
    #[zbus(property)]
    fn waiting(&self) -> fdo::Result<u32> {
        Ok(self.view()?.waiting)
    }

    /// When the longest waiting caller joined; 0 while nobody waits.
    #[zbus(property)]
    fn oldest_wait_start(&self) -> fdo::Result<u64> {
        Ok(self.view()?.oldest_wait_start)
    }

    /// Agents of the queue who are signed in, whatever they do.
    #[zbus(property)]
    fn agents_signed_in(&self) -> fdo::Result<u32> {
        Ok(self.view()?.agents_signed_in)
    }

    /// Agents of the queue who are ready.
    #[zbus(property)]
    fn agents_ready(&self) -> fdo::Result<u32> {
        Ok(self.view()?.agents_ready)
    }

    /// Agents of the queue in a call, of this queue or another.
    #[zbus(property)]
    fn agents_on_call(&self) -> fdo::Result<u32> {
        Ok(self.view()?.agents_on_call)
    }

    /// Callers of this queue who talk with an agent.
    #[zbus(property)]
    fn calls_talking(&self) -> fdo::Result<u32> {
        Ok(self.view()?.calls_talking)
    }

    /// open, closed or emergency.
    #[zbus(property)]
    fn door(&self) -> fdo::Result<String> {
        Ok(self.view()?.door)
    }

    /// The median wait predicted to the last caller who joined; 0 while there is nothing to go by.
    #[zbus(property)]
    fn estimated_wait(&self) -> fdo::Result<u64> {
        Ok(self.view()?.estimated_wait)
    }

    /// Callers who are owed a call.
    #[zbus(property)]
    fn callbacks_owed(&self) -> fdo::Result<u32> {
        Ok(self.view()?.callbacks_owed)
    }
}
