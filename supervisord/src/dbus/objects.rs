//! The objects on the bus and their methods.

use std::sync::Arc;

use hotline_wire::{Command, Outcome};
use zbus::message::Header;
use zbus::{Connection, fdo, interface};

use super::error::CallError;
use super::views::{self, AgentView, QueueView};
use crate::mask::masked;
use crate::shared::{CommandError, Shared};

/// Longest reason or phone.
const MAX_TEXT: usize = 1_024;

/// `net.hotline.Hotline1.Manager`
pub(super) struct Manager {
    shared: Arc<Shared>,
}

/// Name, connected, version of the module, PBX, socket.
pub(super) type NodeRow = (String, bool, String, String, String);

/// Reference, node, queue, tier, masked caller number, when joined, when connected or 0, agent or empty. Times are
/// microseconds since the Unix epoch.
type CallRow = (String, String, String, String, String, u64, u64, String);

pub(super) fn node_rows(shared: &Shared) -> Vec<NodeRow> {
    let links = shared.links();
    links
        .iter()
        .map(|link| {
            (
                views::text(&link.node),
                link.commands.is_some(),
                views::text(&link.version),
                views::text(&link.pbx),
                views::text(&link.socket),
            )
        })
        .collect()
}

impl Manager {
    pub(super) fn new(shared: Arc<Shared>) -> Manager {
        Manager { shared }
    }
}

/// The daemon.
#[interface(name = "net.hotline.Hotline1.Manager")]
impl Manager {
    /// Version of the daemon.
    #[zbus(property(emits_changed_signal = "const"))]
    fn version(&self) -> String {
        env!("CARGO_PKG_VERSION").to_owned()
    }

    /// The nodes: name, whether connected, version of the module, PBX, socket.
    #[zbus(property)]
    fn nodes(&self) -> Vec<NodeRow> {
        node_rows(&self.shared)
    }

    /// The calls in progress, longest first: reference, node, queue, tier, masked caller number, when joined, when
    /// connected (0 while waiting), agent number (empty while waiting). Times are microseconds since the Unix epoch.
    #[zbus(out_args("calls"))]
    fn list_calls(&self) -> Vec<CallRow> {
        let state = self.shared.state();
        let mut calls: Vec<CallRow> = Vec::new();
        for (node, view) in &state.nodes {
            calls.extend(view.calls.values().map(|call| {
                (
                    views::text(&call.call),
                    views::text(node),
                    views::text(&call.queue),
                    views::text(&call.tier),
                    views::text(&masked(&call.number)),
                    call.joined,
                    call.connected.unwrap_or(0),
                    call.agent.as_deref().map_or_else(String::new, views::text),
                )
            }));
        }
        calls.sort_by_key(|call| call.5);
        calls
    }
}

/// `net.hotline.Hotline1.Queue`
pub(super) struct QueueObject {
    pub(super) shared: Arc<Shared>,
    pub(super) node: String,
    pub(super) name: String,
}

impl QueueObject {
    fn view(&self) -> fdo::Result<QueueView> {
        QueueView::of(&self.shared.state(), &self.node, &self.name)
            .ok_or_else(|| fdo::Error::UnknownObject(format!("queue {} is gone", self.name)))
    }
}

/// A queue. Times are microseconds since the Unix epoch, lengths microseconds.
#[interface(name = "net.hotline.Hotline1.Queue")]
impl QueueObject {
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
}

/// `net.hotline.Hotline1.Agent`
pub(super) struct AgentObject {
    pub(super) shared: Arc<Shared>,
    pub(super) node: String,
    pub(super) number: String,
}

impl AgentObject {
    fn view(&self) -> fdo::Result<AgentView> {
        AgentView::of(&self.shared.state(), &self.node, &self.number)
            .ok_or_else(|| fdo::Error::UnknownObject(format!("agent {} is gone", self.number)))
    }

    /// Asks the node in the name of the sender.
    async fn ask(
        &self,
        connection: &Connection,
        header: &Header<'_>,
        command: Command,
    ) -> Result<String, CallError> {
        let _asking = self
            .shared
            .asking
            .try_acquire()
            .map_err(|_| CommandError::Busy(self.node.clone()))?;
        let author = author(connection, header).await?;
        match self.shared.command(&self.node, &author, command).await? {
            Outcome::Done => Ok("done".to_owned()),
            Outcome::Pending => Ok("pending".to_owned()),
            Outcome::Refused { reason, message } => Err(CallError::refused(reason, message)),
        }
    }
}

/// An agent. Each method gives the node's answer: `done`, or `pending` if it takes effect after the present call. A
/// refusal is an error net.hotline.Hotline1.Error.Refused.REASON. Times are microseconds since the Unix epoch.
#[interface(name = "net.hotline.Hotline1.Agent")]
impl AgentObject {
    /// Locks the agent: no calls for so many seconds, or until lifted if 0.
    #[zbus(out_args("outcome"))]
    async fn force_busy(
        &self,
        reason: String,
        seconds: u64,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        let reason = text("reason", reason)?;
        let command = Command::ForceBusy {
            agent: self.number.clone(),
            reason,
            seconds,
        };
        self.ask(connection, &header, command).await
    }

    /// Lifts a lock, ends after-call work and not-ready.
    #[zbus(out_args("outcome"))]
    async fn force_idle(
        &self,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        self.ask(
            connection,
            &header,
            Command::ForceIdle {
                agent: self.number.clone(),
            },
        )
        .await
    }

    /// Signs the agent out.
    #[zbus(out_args("outcome"))]
    async fn force_sign_out(
        &self,
        reason: String,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        let reason = text("reason", reason)?;
        self.ask(
            connection,
            &header,
            Command::ForceSignOut {
                agent: self.number.clone(),
                reason,
            },
        )
        .await
    }

    /// Ready for calls.
    #[zbus(out_args("outcome"))]
    async fn set_ready(
        &self,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        self.ask(
            connection,
            &header,
            Command::SetReady {
                agent: self.number.clone(),
            },
        )
        .await
    }

    /// Not ready for calls.
    #[zbus(out_args("outcome"))]
    async fn set_not_ready(
        &self,
        reason: String,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        let reason = text("reason", reason)?;
        self.ask(
            connection,
            &header,
            Command::SetNotReady {
                agent: self.number.clone(),
                reason,
            },
        )
        .await
    }

    /// Signs the agent in on a phone (a dial string); an empty one keeps the agent's own.
    #[zbus(out_args("outcome"))]
    async fn sign_in(
        &self,
        phone: String,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        let phone = text("phone", phone)?;
        self.ask(
            connection,
            &header,
            Command::SignIn {
                agent: self.number.clone(),
                phone,
            },
        )
        .await
    }

    /// Signs the agent out, as the agent would.
    #[zbus(out_args("outcome"))]
    async fn sign_out(
        &self,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        self.ask(
            connection,
            &header,
            Command::SignOut {
                agent: self.number.clone(),
            },
        )
        .await
    }

    /// Agent number.
    #[zbus(property)]
    fn number(&self) -> fdo::Result<String> {
        Ok(self.view()?.number)
    }

    /// Display name.
    #[zbus(property)]
    fn name(&self) -> fdo::Result<String> {
        Ok(self.view()?.name)
    }

    /// The node the agent is on.
    #[zbus(property)]
    fn node(&self) -> fdo::Result<String> {
        Ok(self.view()?.node)
    }

    /// Dial string in use; empty while none is bound.
    #[zbus(property)]
    fn phone(&self) -> fdo::Result<String> {
        Ok(self.view()?.phone)
    }

    /// The phone apart from our calls: available, busy, unreachable.
    #[zbus(property)]
    fn phone_state(&self) -> fdo::Result<String> {
        Ok(self.view()?.phone_state)
    }

    /// signed_out, ready, not_ready, forced_busy, unavailable, offered, on_call or wrap_up.
    #[zbus(property)]
    fn state(&self) -> fdo::Result<String> {
        Ok(self.view()?.state)
    }

    /// When that state began.
    #[zbus(property)]
    fn since(&self) -> fdo::Result<u64> {
        Ok(self.view()?.since)
    }

    /// Why not ready, unavailable or forced; empty otherwise.
    #[zbus(property)]
    fn reason(&self) -> fdo::Result<String> {
        Ok(self.view()?.reason)
    }

    /// Whether a supervisor's lock is on, also while a call goes on beneath it.
    #[zbus(property)]
    fn forced(&self) -> fdo::Result<bool> {
        Ok(self.view()?.forced)
    }

    /// Why; empty without a lock.
    #[zbus(property)]
    fn forced_reason(&self) -> fdo::Result<String> {
        Ok(self.view()?.forced_reason)
    }

    /// When the lock expires; 0 without a lock, or until lifted.
    #[zbus(property)]
    fn forced_until(&self) -> fdo::Result<u64> {
        Ok(self.view()?.forced_until)
    }

    /// Who locked; empty without a lock.
    #[zbus(property)]
    fn forced_by(&self) -> fdo::Result<String> {
        Ok(self.view()?.forced_by)
    }

    /// The state asked for after the present call; empty if none.
    #[zbus(property)]
    fn next_state(&self) -> fdo::Result<String> {
        Ok(self.view()?.next_state)
    }

    /// Reference of the call offered or talked; empty if none.
    #[zbus(property)]
    fn call(&self) -> fdo::Result<String> {
        Ok(self.view()?.call)
    }

    /// Names of the queues served.
    #[zbus(property)]
    fn queues(&self) -> fdo::Result<Vec<String>> {
        Ok(self.view()?.queues)
    }
}

/// Who asks, for the audit trail. Told by the bus, not by the sender.
async fn author(connection: &Connection, header: &Header<'_>) -> Result<String, CallError> {
    let sender = header
        .sender()
        .ok_or_else(|| CallError::unknown_sender("the message has no sender"))?;
    let reply = connection
        .call_method(
            Some("org.freedesktop.DBus"),
            "/org/freedesktop/DBus",
            Some("org.freedesktop.DBus"),
            "GetConnectionUnixUser",
            &(sender,),
        )
        .await
        .map_err(CallError::unknown_sender)?;
    let uid: u32 = reply.body().deserialize().map_err(CallError::unknown_sender)?;
    let user = tokio::task::spawn_blocking(move || nix::unistd::User::from_uid(uid.into())).await;
    match user
        .map_err(CallError::unknown_sender)?
        .map_err(CallError::unknown_sender)?
    {
        Some(user) => Ok(format!("dbus:{}", user.name)),
        None => Err(CallError::unknown_sender(format!(
            "user id {uid} has no name on this system"
        ))),
    }
}

fn text(what: &str, text: String) -> Result<String, CallError> {
    if text.len() > MAX_TEXT {
        return Err(CallError::invalid(format!(
            "{what} is longer than {MAX_TEXT} bytes"
        )));
    }
    Ok(text)
}
