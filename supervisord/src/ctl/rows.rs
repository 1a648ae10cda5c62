//! What is shown: rows for people, the same as JSON for programs.

use crate::dbus::PipeRow;
use crate::dbus::alarms::AlarmRow;
use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use zbus::OwnedVariant;
use zbus::fdo::ManagedObjects;

/// Properties of an object.
pub(super) type Properties = HashMap<String, OwnedVariant>;

/// A kind of object on the bus.
pub(super) trait Object: Sized {
    const INTERFACE: &'static str;

    fn read(path: &str, properties: &Properties) -> Self;
}

/// All objects of a kind.
pub(super) fn collect<T: Object>(objects: &ManagedObjects) -> Vec<T> {
    objects
        .iter()
        .filter_map(|(path, interfaces)| {
            let found = interfaces
                .iter()
                .find(|(name, _)| name.as_str() == T::INTERFACE)?;
            Some(T::read(path.as_str(), found.1))
        })
        .collect()
}

/// A queue. Times are microseconds since the Unix epoch, 0 if there is none.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[expect(
    missing_docs,
    reason = "named as the properties on the bus, whose introspection documents them"
)]
pub struct Queue {
    #[serde(skip)]
    pub path: String,
    pub name: String,
    pub node: String,
    pub strategy: String,
    pub waiting: u64,
    pub max_waiting: u64,
    pub oldest_wait_start: u64,
    pub calls_talking: u64,
    pub agents_signed_in: u64,
    pub agents_ready: u64,
    pub agents_on_call: u64,
    pub door: String,
    pub estimated_wait: u64,
    pub callbacks_owed: u64,
}

impl Object for Queue {
    const INTERFACE: &'static str = "net.hotline.Hotline1.Queue";

    fn read(path: &str, of: &Properties) -> Queue {
        Queue {
            path: path.to_owned(),
            name: text(of, "Name"),
            node: text(of, "Node"),
            strategy: text(of, "Strategy"),
            waiting: number(of, "Waiting"),
            max_waiting: number(of, "MaxWaiting"),
            oldest_wait_start: number(of, "OldestWaitStart"),
            calls_talking: number(of, "CallsTalking"),
            agents_signed_in: number(of, "AgentsSignedIn"),
            agents_ready: number(of, "AgentsReady"),
            agents_on_call: number(of, "AgentsOnCall"),
            door: text(of, "Door"),
            estimated_wait: number(of, "EstimatedWait"),
            callbacks_owed: number(of, "CallbacksOwed"),
        }
    }
}

impl Queue {
    /// Titles of the columns.
    pub const TITLES: &'static [&'static str] = &[
        "QUEUE",
        "NODE",
        "STRATEGY",
        "DOOR",
        "WAITING",
        "LONGEST",
        "EXPECTED",
        "OWED",
        "TALKING",
        "SIGNED IN",
        "READY",
        "ON CALL",
    ];

    /// The columns.
    pub fn columns(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            self.node.clone(),
            self.strategy.clone(),
            self.door.clone(),
            self.waiting.to_string(),
            age(self.oldest_wait_start),
            match self.estimated_wait {
                0 => String::new(),
                wait => span(wait),
            },
            self.callbacks_owed.to_string(),
            self.calls_talking.to_string(),
            self.agents_signed_in.to_string(),
            self.agents_ready.to_string(),
            self.agents_on_call.to_string(),
        ]
    }
}

/// An agent. Times are microseconds since the Unix epoch, 0 if there is none.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[expect(
    missing_docs,
    reason = "named as the properties on the bus, whose introspection documents them"
)]
pub struct Agent {
    #[serde(skip)]
    pub path: String,
    pub number: String,
    pub name: String,
    pub node: String,
    pub state: String,
    pub since: u64,
    pub reason: String,
    pub forced: bool,
    pub forced_reason: String,
    pub forced_until: u64,
    pub forced_by: String,
    pub next_state: String,
    pub phone: String,
    pub phone_state: String,
    pub call: String,
    pub queues: Vec<String>,
    pub levels: Vec<u8>,
    pub skills: Vec<String>,
}

impl Object for Agent {
    const INTERFACE: &'static str = "net.hotline.Hotline1.Agent";

    fn read(path: &str, of: &Properties) -> Agent {
        let levels = of.get("Levels").and_then(|value| value.try_clone().ok());
        Agent {
            path: path.to_owned(),
            number: text(of, "Number"),
            name: text(of, "Name"),
            node: text(of, "Node"),
            state: text(of, "State"),
            since: number(of, "Since"),
            reason: text(of, "Reason"),
            forced: of
                .get("Forced")
                .is_some_and(|value| bool::try_from(value).unwrap_or(false)),
            forced_reason: text(of, "ForcedReason"),
            forced_until: number(of, "ForcedUntil"),
            forced_by: text(of, "ForcedBy"),
            next_state: text(of, "NextState"),
            phone: text(of, "Phone"),
            phone_state: text(of, "PhoneState"),
            call: text(of, "Call"),
            queues: texts(of, "Queues"),
            levels: levels
                .and_then(|value| Vec::try_from(value).ok())
                .unwrap_or_default(),
            skills: texts(of, "Skills"),
        }
    }
}

impl Agent {
    /// The queues with their levels, as the settings write them.
    fn places(&self) -> Vec<String> {
        let levels = self.levels.iter().copied().chain(std::iter::repeat(1));
        let places = self.queues.iter().zip(levels);
        places
            .map(|(queue, level)| match level {
                1 => queue.clone(),
                level => format!("{queue}:{level}"),
            })
            .collect()
    }

    /// Titles of the columns.
    pub const TITLES: &'static [&'static str] = &[
        "AGENT", "NAME", "NODE", "STATE", "SINCE", "NEXT", "REASON", "PHONE", "QUEUES", "SKILLS",
    ];

    /// The columns.
    pub fn columns(&self) -> Vec<String> {
        let reason = if self.forced {
            let until = match self.forced_until {
                0 => String::new(),
                until => format!(", {} left", span(until.saturating_sub(now()))),
            };
            format!("{} (locked by {}{until})", self.forced_reason, self.forced_by)
        } else {
            self.reason.clone()
        };
        vec![
            self.number.clone(),
            self.name.clone(),
            self.node.clone(),
            self.state.clone(),
            age(self.since),
            self.next_state.clone(),
            reason,
            self.phone.clone(),
            self.places().join(" "),
            self.skills.join(" "),
        ]
    }
}

/// As `ListCalls` gives it.
pub(super) type CallRow = (String, String, String, String, String, u64, u64, String, String);

/// A call in progress. Times are microseconds since the Unix epoch, 0 if there is none.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[expect(
    missing_docs,
    reason = "named as in ListCalls, whose introspection documents them"
)]
pub struct Call {
    pub call: String,
    pub node: String,
    pub queue: String,
    pub tier: String,
    pub number: String,
    pub joined: u64,
    pub connected: u64,
    pub agent: String,
    pub state: String,
}

impl From<CallRow> for Call {
    fn from((call, node, queue, tier, number, joined, connected, agent, state): CallRow) -> Call {
        Call {
            call,
            node,
            queue,
            tier,
            number,
            joined,
            connected,
            agent,
            state,
        }
    }
}

impl Call {
    /// Titles of the columns.
    pub const TITLES: &'static [&'static str] = &[
        "CALL", "NODE", "QUEUE", "TIER", "NUMBER", "STATE", "WAITED", "TALKS", "AGENT",
    ];

    /// The columns.
    pub fn columns(&self) -> Vec<String> {
        let talks = self.connected > 0;
        let waited = if talks {
            span(self.connected.saturating_sub(self.joined))
        } else {
            age(self.joined)
        };
        vec![
            self.call.clone(),
            self.node.clone(),
            self.queue.clone(),
            self.tier.clone(),
            self.number.clone(),
            self.state.clone(),
            waited,
            age(self.connected),
            self.agent.clone(),
        ]
    }
}

/// An alarm that is on. Times are microseconds since the Unix epoch.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[expect(missing_docs, reason = "named as in List, whose introspection documents them")]
pub struct Alarm {
    pub alarm: u64,
    pub name: String,
    pub figure: String,
    pub node: String,
    pub queue: String,
    pub level: u8,
    pub text: String,
    pub action: String,
    pub raised: u64,
    pub changed: u64,
    pub acknowledged_by: String,
    pub acknowledged_at: u64,
    pub note: String,
}

impl From<AlarmRow> for Alarm {
    fn from(row: AlarmRow) -> Alarm {
        let (alarm, name, figure, node, queue, level, text, action, raised, changed, by, at, note) = row;
        Alarm {
            alarm,
            name,
            figure,
            node,
            queue,
            level,
            text,
            action,
            raised,
            changed,
            acknowledged_by: by,
            acknowledged_at: at,
            note,
        }
    }
}

impl Alarm {
    /// Titles of the columns.
    pub const TITLES: &'static [&'static str] = &[
        "ALARM",
        "LEVEL",
        "SINCE",
        "WHAT",
        "WHAT TO DO",
        "TAKEN BY",
        "NOTE",
    ];

    /// The columns.
    pub fn columns(&self) -> Vec<String> {
        vec![
            self.alarm.to_string(),
            self.level.to_string(),
            age(self.raised),
            self.text.clone(),
            self.action.clone(),
            self.acknowledged_by.clone(),
            self.note.clone(),
        ]
    }
}

/// As `ListCallbacks` gives it.
pub(super) type CallbackRow = (String, String, String, String, String, u64, u32, bool);

/// A caller who is owed a call. Times are microseconds since the Unix epoch.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[expect(
    missing_docs,
    reason = "named as in ListCallbacks, whose introspection documents them"
)]
pub struct Callback {
    pub callback: String,
    pub node: String,
    pub queue: String,
    pub tier: String,
    pub number: String,
    pub placed: u64,
    pub attempts: u32,
    pub dialling: bool,
}

impl From<CallbackRow> for Callback {
    fn from(row: CallbackRow) -> Callback {
        let (callback, node, queue, tier, number, placed, attempts, dialling) = row;
        Callback {
            callback,
            node,
            queue,
            tier,
            number,
            placed,
            attempts,
            dialling,
        }
    }
}

impl Callback {
    /// Titles of the columns.
    pub const TITLES: &'static [&'static str] = &[
        "CALLBACK", "NODE", "QUEUE", "TIER", "NUMBER", "OWED", "ATTEMPTS", "STATE",
    ];

    /// The columns.
    pub fn columns(&self) -> Vec<String> {
        vec![
            self.callback.clone(),
            self.node.clone(),
            self.queue.clone(),
            self.tier.clone(),
            self.number.clone(),
            age(self.placed),
            self.attempts.to_string(),
            if self.dialling { "being called" } else { "owed" }.to_owned(),
        ]
    }
}

/// How a node's events fare on their way to the store. Lengths are microseconds.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
#[allow(
    missing_docs,
    reason = "named as in ListPipes, whose introspection documents them"
)]
pub struct Pipe {
    pub events: u64,
    pub waiting: u64,
    pub lag: u64,
    pub in_memory: u64,
    pub spool_bytes: u64,
    pub spool_max_bytes: u64,
    pub spool_earlier_starts: u64,
    pub spool_trouble: String,
    pub dropped: u64,
    pub gaps: u64,
    pub lost: u64,
    pub journal_bytes: u64,
}

impl From<PipeRow> for Pipe {
    fn from(row: PipeRow) -> Pipe {
        Pipe {
            events: row.1,
            waiting: row.2,
            lag: row.3,
            in_memory: row.4,
            spool_bytes: row.5,
            spool_max_bytes: row.6,
            spool_earlier_starts: row.7,
            spool_trouble: row.8,
            dropped: row.9,
            gaps: row.10,
            lost: row.11,
            journal_bytes: row.12,
        }
    }
}

impl Pipe {
    fn spool(&self) -> String {
        match (self.spool_max_bytes, self.spool_trouble.as_str()) {
            (0, _) => "none".to_owned(),
            (max, "") => format!("{} of {} MiB", self.spool_bytes >> 20, max >> 20),
            (_, trouble) => trouble.to_owned(),
        }
    }
}

/// A node.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[expect(
    missing_docs,
    reason = "named as in Nodes, whose introspection documents them"
)]
pub struct Node {
    pub name: String,
    pub connected: bool,
    pub version: String,
    pub pbx: String,
    pub socket: String,
    pub pipe: Pipe,
}

impl Node {
    /// Titles of the columns.
    pub const TITLES: &'static [&'static str] = &[
        "NODE",
        "CONNECTED",
        "VERSION",
        "PBX",
        "SOCKET",
        "TO STORE",
        "BEHIND",
        "SPOOL",
        "GAPS",
        "LOST",
    ];

    /// The columns.
    pub fn columns(&self) -> Vec<String> {
        let connected = if self.connected { "yes" } else { "no" };
        vec![
            self.name.clone(),
            connected.to_owned(),
            self.version.clone(),
            self.pbx.clone(),
            self.socket.clone(),
            self.pipe.waiting.to_string(),
            span(self.pipe.lag),
            self.pipe.spool(),
            self.pipe.gaps.to_string(),
            self.pipe.lost.to_string(),
        ]
    }
}

pub(super) fn nodes(value: OwnedVariant, pipes: Vec<PipeRow>) -> zbus::Result<Vec<Node>> {
    let mut pipes: HashMap<String, Pipe> = pipes
        .into_iter()
        .map(|row| (row.0.clone(), Pipe::from(row)))
        .collect();
    let rows: Vec<(String, bool, String, String, String)> = value.try_into()?;
    let node = |(name, connected, version, pbx, socket): (String, bool, String, String, String)| Node {
        pipe: pipes.remove(&name).unwrap_or_default(),
        name,
        connected,
        version,
        pbx,
        socket,
    };
    Ok(rows.into_iter().map(node).collect())
}

fn text(of: &Properties, name: &str) -> String {
    of.get(name)
        .and_then(|value| <&str>::try_from(value).ok())
        .unwrap_or_default()
        .to_owned()
}

fn texts(of: &Properties, name: &str) -> Vec<String> {
    let value = of.get(name).and_then(|value| value.try_clone().ok());
    value
        .and_then(|value| Vec::try_from(value).ok())
        .unwrap_or_default()
}

fn number(of: &Properties, name: &str) -> u64 {
    let value = of.get(name);
    let wide = value.and_then(|value| u64::try_from(value).ok());
    wide.or_else(|| value.and_then(|value| u32::try_from(value).ok()).map(u64::from))
        .unwrap_or(0)
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_micros() as u64)
}

/// How long ago; empty for 0.
fn age(at: u64) -> String {
    if at == 0 {
        String::new()
    } else {
        span(now().saturating_sub(at))
    }
}

/// Microseconds as `0:07`, `12:34`, `3:00:00`.
fn span(micros: u64) -> String {
    let seconds = micros / 1_000_000;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::span;

    #[test]
    fn spans_read_as_on_a_clock() {
        assert_eq!(span(7_900_000), "0:07");
        assert_eq!(span(754_000_000), "12:34");
        assert_eq!(span(10_800_000_000), "3:00:00");
    }
}
