//! The daemon on the bus: nodes, calls and callbacks.

use std::sync::Arc;

use hotline_wire::mask::masked;
use hotline_wire::snapshot::{CallInfo, CallbackInfo};
use hotline_wire::{Command, Refusal};
use zbus::message::Header;
use zbus::{Connection, interface};

use super::asking::{self, text};
use super::error::CallError;
use super::permit::Right;
use super::sight::{Eyes, Seen};
use super::views;
use crate::authority::{Actor, Authority};
use crate::recorder::now;
use crate::shared::{LinkStatus, Shared};
use crate::views::{PipeView, call_state};

/// `net.hotline.Hotline1.Manager`
pub(super) struct Manager {
    shared: Arc<Shared>,
    eyes: Arc<Eyes>,
}

/// Name, connected, version of the module, PBX, socket.
pub(super) type NodeRow = (String, bool, String, String, String);

/// Reference, node, queue, tier, masked caller number, when joined, when connected or 0, agent or empty, state. Times are
/// microseconds since the Unix epoch.
type CallRow = (String, String, String, String, String, u64, u64, String, String);

/// Reference, node, queue, tier, masked caller number, when placed, attempts, whether being called.
type CallbackRow = (String, String, String, String, String, u64, u32, bool);

/// See [`Manager::list_pipes`].
pub type PipeRow = (
    String,
    u64,
    u64,
    u64,
    u64,
    u64,
    u64,
    u64,
    String,
    u64,
    u64,
    u64,
    u64,
);

fn pipe_rows(shared: &Shared) -> Vec<PipeRow> {
    let links = shared.links().clone();
    let state = shared.state();
    let row = |link: &LinkStatus| {
        let pipe = PipeView::of(link, state.nodes.get(&link.node), now());
        let (bytes, max, earlier, trouble) = match pipe.spool {
            Some(spool) => (spool.bytes, spool.max_bytes, spool.earlier_starts, spool.trouble),
            None => (0, 0, 0, String::new()),
        };
        (
            views::text(&link.node),
            pipe.events,
            pipe.waiting,
            pipe.lag,
            pipe.in_memory,
            bytes,
            max,
            earlier,
            views::text(&trouble),
            pipe.dropped.values().sum(),
            pipe.gaps.values().sum(),
            pipe.lost,
            pipe.journal_bytes,
        )
    };
    links.iter().map(row).collect()
}

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

/// Nodes and the daemon are for all whom the settings name.
impl Seen for Manager {
    fn is_seen(&self, _: &Authority, _: &Actor) -> bool {
        true
    }
}

impl Manager {
    pub(super) fn new(shared: Arc<Shared>, eyes: Arc<Eyes>) -> Manager {
        Manager { shared, eyes }
    }

    /// The node that a call is of, or was: its reference says so. That there is none is told to who may ask the command, and
    /// to nobody else.
    async fn node_of(
        &self,
        reference: &str,
        connection: &Connection,
        header: &Header<'_>,
        command: &Command,
    ) -> Result<String, CallError> {
        let known = self.shared.state().node_of_call(reference).map(str::to_owned);
        if let Some(node) = known {
            return Ok(node);
        }
        asking::permitted(&self.shared, connection, header, Right::of(command)).await?;
        let message = format!("no node has a call {reference:?} since its start");
        Err(CallError::refused(Refusal::UnknownCall, message))
    }

    /// Asks the node of a call.
    async fn ask(
        &self,
        call: &str,
        connection: &Connection,
        header: &Header<'_>,
        command: Command,
    ) -> Result<String, CallError> {
        let node = self.node_of(call, connection, header, &command).await?;
        asking::done(&self.shared, &node, connection, header, command).await
    }
}

/// The daemon. Methods that ask for something give the node's answer, `done`; a refusal is an error
/// net.hotline.Hotline1.Error.Refused.REASON. Calls and callbacks are named by their reference.
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

    /// How the events of each node fare on their way to the store, as the node said within the last seconds: node, events since its
    /// start, those of them that are not stored yet, how old the last stored event is while others wait (microseconds), events in its
    /// memory, bytes of its spool, bytes that the spool may have (0 without one), starts before the present one that are in it, why it
    /// cannot be written (empty if it can), events that the node dropped before they were stored, gaps in the stored events ever, events
    /// known to be lost in them, bytes of its journal of inputs.
    #[zbus(out_args("pipes"))]
    async fn list_pipes(
        &self,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<PipeRow>, CallError> {
        asking::permitted(&self.shared, connection, &header, Right::View).await?;
        Ok(pipe_rows(&self.shared))
    }

    /// The calls in progress, longest first: reference, node, queue, tier, masked caller number, when joined, when
    /// connected (0 while waiting), agent number (empty while waiting), state (waiting, talking, on_hold, consulting,
    /// conferencing or away). Times are microseconds since the Unix epoch.
    #[zbus(out_args("calls"))]
    async fn list_calls(
        &self,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<CallRow>, CallError> {
        asking::permitted(&self.shared, connection, &header, Right::View).await?;
        let actor = self.eyes.who(connection, &header).await?;
        let (authority, state) = (&self.shared.authority, self.shared.state());
        let sees = |call: &&CallInfo| {
            let (queue, agent) = (&call.queue, call.agent.as_deref());
            actor
                .as_ref()
                .is_none_or(|actor| authority.sees_call(actor, queue, agent))
        };
        let mut calls: Vec<CallRow> = Vec::new();
        for (node, view) in &state.nodes {
            calls.extend(view.calls.values().filter(sees).map(|call| {
                (
                    views::text(&call.call),
                    views::text(node),
                    views::text(&call.queue),
                    views::text(&call.tier),
                    views::text(&masked(&call.number)),
                    call.joined,
                    call.connected.unwrap_or(0),
                    call.agent.as_deref().map_or_else(String::new, views::text),
                    call_state(call).to_owned(),
                )
            }));
        }
        calls.sort_by_key(|call| call.5);
        Ok(calls)
    }

    /// Callers who are owed a call, longest first: reference, node, queue, tier, masked caller number, when placed,
    /// attempts made, whether being called now. Times are microseconds since the Unix epoch.
    #[zbus(out_args("callbacks"))]
    async fn list_callbacks(
        &self,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<CallbackRow>, CallError> {
        asking::permitted(&self.shared, connection, &header, Right::View).await?;
        let actor = self.eyes.who(connection, &header).await?;
        let (authority, state) = (&self.shared.authority, self.shared.state());
        let sees = |callback: &&CallbackInfo| {
            let queue = &callback.queue;
            actor
                .as_ref()
                .is_none_or(|actor| authority.sees_call(actor, queue, None))
        };
        let mut callbacks: Vec<CallbackRow> = Vec::new();
        for (node, view) in &state.nodes {
            callbacks.extend(view.callbacks.values().filter(sees).map(|callback| {
                (
                    views::text(&callback.callback),
                    views::text(node),
                    views::text(&callback.queue),
                    views::text(&callback.tier),
                    views::text(&masked(&callback.number)),
                    callback.placed,
                    callback.attempts,
                    callback.dialling,
                )
            }));
        }
        callbacks.sort_by_key(|callback| callback.5);
        Ok(callbacks)
    }

    /// Changes what a waiting call is worth on top of its tier, in seconds of waiting time.
    #[zbus(out_args("outcome"))]
    async fn reprioritise(
        &self,
        call: String,
        priority: u32,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        let reference = call.clone();
        let command = Command::Reprioritise { call, priority };
        self.ask(&reference, connection, &header, command).await
    }

    /// Puts a waiting call into another queue of its node, at its old place in the order of callers.
    #[zbus(out_args("outcome"))]
    async fn move_call(
        &self,
        call: String,
        queue: String,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        let queue = text("queue", queue)?;
        let reference = call.clone();
        let command = Command::MoveCall { call, queue };
        self.ask(&reference, connection, &header, command).await
    }

    /// Takes a waiting call out of its queue, to a place of the dialplan; an empty one goes on behind Hotline().
    #[zbus(out_args("outcome"))]
    async fn withdraw(
        &self,
        call: String,
        place: String,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        let place = text("place", place)?;
        let reference = call.clone();
        let command = Command::Withdraw { call, place };
        self.ask(&reference, connection, &header, command).await
    }

    /// Forgets a callback that is owed.
    #[zbus(out_args("outcome"))]
    async fn cancel_callback(
        &self,
        callback: String,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        let reference = callback.clone();
        let command = Command::CancelCallback { callback };
        self.ask(&reference, connection, &header, command).await
    }

    /// Why a call was offered to whom it was, and to nobody else, line by line; also for a while after its end.
    #[zbus(out_args("lines"))]
    async fn why_call(
        &self,
        call: String,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<String>, CallError> {
        let command = Command::WhyCall { call: call.clone() };
        let node = self.node_of(&call, connection, &header, &command).await?;
        asking::told(&self.shared, &node, connection, &header, command).await
    }

    /// How long callers can be overtaken under the settings in force on a node: a table, line by line.
    #[zbus(out_args("lines"))]
    async fn fairness(
        &self,
        node: String,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<String>, CallError> {
        asking::told(&self.shared, &node, connection, &header, Command::Fairness).await
    }

    /// What was changed on a node while running and its settings do not have, and what stood before a restart and they have no
    /// place for, line by line.
    #[zbus(out_args("lines"))]
    async fn config_diff(
        &self,
        node: String,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<String>, CallError> {
        asking::told(&self.shared, &node, connection, &header, Command::ConfigDiff).await
    }

    /// Writes a copy of a node's settings with what was changed while running in it, into the node's folder for its state: a
    /// new file of that name, with .toml at its end. Tells where.
    #[zbus(out_args("lines"))]
    async fn config_save(
        &self,
        node: String,
        name: String,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<String>, CallError> {
        let name = text("name", name)?;
        let command = Command::ConfigSave { name };
        asking::told(&self.shared, &node, connection, &header, command).await
    }

    /// Forgets what stood before a restart of a node and its settings have no place for: of that agent or queue, or all of it if
    /// that is empty. Tells what it was.
    #[zbus(out_args("lines"))]
    async fn config_forget(
        &self,
        node: String,
        about: String,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<String>, CallError> {
        let about = text("about", about)?;
        let command = Command::ConfigForget { about };
        asking::told(&self.shared, &node, connection, &header, command).await
    }
}
