//! The blacklists of the nodes on the bus.
//!
//! Numbers are in answers to supervisors only: what is announced is how many entries there are.

use std::collections::HashMap;
use std::sync::Arc;

use hotline_wire::blacklist::{ListEntry, ListOrder};
use hotline_wire::{Command, Outcome};
use zbus::message::Header;
use zbus::{Connection, interface};

use super::asking::{self, text};
use super::error::CallError;
use super::sight::Seen;
use super::views;
use crate::authority::{Actor, Authority};
use crate::shared::Shared;

/// Number, action, reason, author, from, until or 0, tiers, queues, when added. Times are microseconds since the Unix epoch.
pub type EntryRow = (
    String,
    String,
    String,
    String,
    u64,
    u64,
    Vec<String>,
    Vec<String>,
    u64,
);

/// Entries by node.
pub(super) type Entries = HashMap<String, u64>;

/// `net.hotline.Hotline1.Blacklist`
pub(super) struct Blacklists {
    shared: Arc<Shared>,
}

pub(super) fn entries(shared: &Shared) -> Entries {
    let state = shared.state();
    let nodes = state.nodes.iter();
    nodes
        .map(|(name, node)| (views::text(name), node.listed))
        .collect()
}

/// Nodes and the daemon are for all whom the settings name.
impl Seen for Blacklists {
    fn is_seen(&self, _: &Authority, _: &Actor) -> bool {
        true
    }
}

impl Blacklists {
    pub(super) fn new(shared: Arc<Shared>) -> Blacklists {
        Blacklists { shared }
    }

    async fn done(
        &self,
        node: &str,
        connection: &Connection,
        header: &Header<'_>,
        order: ListOrder,
    ) -> Result<String, CallError> {
        asking::done(&self.shared, node, connection, header, Command::Blacklist(order)).await
    }

    async fn told(
        &self,
        node: &str,
        connection: &Connection,
        header: &Header<'_>,
        order: ListOrder,
    ) -> Result<Vec<String>, CallError> {
        asking::told(&self.shared, node, connection, header, Command::Blacklist(order)).await
    }
}

#[interface(name = "net.hotline.Hotline1.Blacklist")]
impl Blacklists {
    /// Entries of each node's blacklist, its index included; 0 where there is none.
    #[zbus(property)]
    fn entries(&self) -> Entries {
        entries(&self.shared)
    }

    /// Adds an entry, in place of one about the same number, tiers and queues. `number` is a number in any form, a prefix
    /// (138*) or a pattern (_138XXXX1234); `action` is allow, flag, busy, release, release:CAUSE, divert:CONTEXT,EXTENSION,PRIORITY
    /// or tarpit. Times are microseconds since the Unix epoch; 0 is at once, and without an end. No tiers, no queues: all.
    #[zbus(out_args("outcome"))]
    #[expect(clippy::too_many_arguments, reason = "an entry has so many fields")]
    async fn add(
        &self,
        node: String,
        number: String,
        action: String,
        reason: String,
        from: u64,
        until: u64,
        tiers: Vec<String>,
        queues: Vec<String>,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        let names = |what: &str, names: Vec<String>| -> Result<Vec<String>, CallError> {
            names.into_iter().map(|name| text(what, name)).collect()
        };
        let entry = ListEntry {
            number: text("number", number)?,
            action: text("action", action)?,
            reason: text("reason", reason)?,
            from,
            until: (until > 0).then_some(until),
            tiers: names("tier", tiers)?,
            queues: names("queue", queues)?,
            ..ListEntry::default()
        };
        self.done(&node, connection, &header, ListOrder::Add { entry })
            .await
    }

    /// Removes all entries about a number, prefix or pattern.
    #[zbus(out_args("outcome"))]
    async fn remove(
        &self,
        node: String,
        number: String,
        reason: String,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        let order = ListOrder::Remove {
            number: text("number", number)?,
            reason: text("reason", reason)?,
        };
        self.done(&node, connection, &header, order).await
    }

    /// Keeps what an automatic rule added: it has no end any more, and leaves the review list.
    #[zbus(out_args("outcome"))]
    async fn keep(
        &self,
        node: String,
        number: String,
        reason: String,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        let order = ListOrder::Keep {
            number: text("number", number)?,
            reason: text("reason", reason)?,
        };
        self.done(&node, connection, &header, order).await
    }

    /// What would happen to a caller, line by line. An empty number is a withheld one, an empty queue none yet, an
    /// empty tier the first.
    #[zbus(out_args("lines"))]
    async fn check(
        &self,
        node: String,
        number: String,
        queue: String,
        tier: String,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<String>, CallError> {
        let order = ListOrder::Check {
            number: text("number", number)?,
            queue: text("queue", queue)?,
            tier: text("tier", tier)?,
        };
        self.told(&node, connection, &header, order).await
    }

    /// Entries in order: those with `find` in number, reason or author (with a + in front, those whose number begins
    /// so), behind the number `after`, at most `limit` (1 to 1,000); `review`: only what automatic rules added. `next`
    /// is what to give as `after` for the rest, empty if that was all.
    #[zbus(out_args("entries", "next"))]
    #[expect(clippy::too_many_arguments, reason = "a question with so many sides")]
    async fn list(
        &self,
        node: String,
        find: String,
        after: String,
        limit: u32,
        review: bool,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(Vec<EntryRow>, String), CallError> {
        let order = ListOrder::List {
            find: text("find", find)?,
            after: text("after", after)?,
            limit,
            review,
        };
        let command = Command::Blacklist(order);
        match asking::ask(&self.shared, &node, connection, &header, command).await? {
            Outcome::Listed { entries, next } => {
                let rows = entries.into_iter().map(row).collect();
                Ok((rows, next.unwrap_or_default()))
            }
            Outcome::Done | Outcome::Pending | Outcome::Told { .. } => Ok((Vec::new(), String::new())),
            Outcome::Refused { reason, message } => Err(CallError::refused(reason, message)),
        }
    }

    /// Adds all entries of a CSV file of the node's machine, or none; with `skip_bad` all but bad lines.
    #[zbus(out_args("lines"))]
    async fn import(
        &self,
        node: String,
        path: String,
        skip_bad: bool,
        reason: String,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<String>, CallError> {
        let order = ListOrder::Import {
            path: text("path", path)?,
            skip_bad,
            reason: text("reason", reason)?,
        };
        self.told(&node, connection, &header, order).await
    }

    /// Writes all entries into a new CSV file of the node's machine.
    #[zbus(out_args("lines"))]
    async fn export(
        &self,
        node: String,
        path: String,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<String>, CallError> {
        let path = text("path", path)?;
        self.told(&node, connection, &header, ListOrder::Export { path })
            .await
    }

    /// Reads the index named in the node's settings again. If it is refused, the old one stays.
    #[zbus(out_args("lines"))]
    async fn load(
        &self,
        node: String,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<String>, CallError> {
        self.told(&node, connection, &header, ListOrder::Load).await
    }
}

fn row(entry: ListEntry) -> EntryRow {
    let texts = |texts: Vec<String>| texts.iter().map(|text| views::text(text)).collect();
    (
        views::text(&entry.number),
        views::text(&entry.action),
        views::text(&entry.reason),
        views::text(&entry.author),
        entry.from,
        entry.until.unwrap_or(0),
        texts(entry.tiers),
        texts(entry.queues),
        entry.added,
    )
}
