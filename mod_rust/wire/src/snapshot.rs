//! The whole live state of a node at one point of its story.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::blacklist::ListInfo;
use crate::event::{Estimate, Follow, MonitorMode, TalkState};
use crate::label::{labels, usual};

/// State after event `seq`.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Snapshot {
    /// The last event that is in here; 0 before the first.
    pub seq: u64,
    /// Microseconds since the Unix epoch.
    pub at: u64,
    /// Tier names.
    pub tiers: Vec<String>,
    /// What calls can have been about.
    #[serde(default, skip_serializing_if = "usual")]
    pub dispositions: Vec<DispositionInfo>,
    /// All queues.
    pub queues: Vec<QueueInfo>,
    /// All agents.
    pub agents: Vec<AgentInfo>,
    /// All calls, waiting and talking, in the order of joining.
    pub calls: Vec<CallInfo>,
    /// Callers who are owed a call, in the order of service.
    #[serde(default)]
    pub callbacks: Vec<CallbackInfo>,
    /// The blacklist, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blacklist: Option<ListInfo>,
    /// All supervisors.
    #[serde(default)]
    pub supervisors: Vec<SupervisorInfo>,
    /// Who listens to whom, and whose phones ring for it, in the order of their beginning.
    #[serde(default)]
    pub monitors: Vec<MonitorInfo>,
}

/// A queue.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct QueueInfo {
    /// Its name.
    pub name: String,
    /// As the settings name it: `longest-idle`, `ring-all`, …
    pub strategy: String,
    /// Target of the service level; microseconds.
    pub service_target: u64,
    /// Most callers that may wait.
    pub max_waiting: u32,
    /// Whether callers may join.
    #[serde(default)]
    pub door: Door,
}

/// What a call can have been about.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct DispositionInfo {
    /// What agents key in and reports count by.
    pub code: String,
    /// What it is called in Chinese; may be empty.
    #[serde(default, skip_serializing_if = "usual")]
    pub zh: String,
    /// What it is called in English; may be empty.
    #[serde(default, skip_serializing_if = "usual")]
    pub en: String,
    /// The caller complained.
    #[serde(default, skip_serializing_if = "usual")]
    pub complaint: bool,
    /// What the caller called for is done.
    #[serde(default, skip_serializing_if = "usual")]
    pub resolved: bool,
    /// The caller is to be called again.
    #[serde(default, skip_serializing_if = "usual")]
    pub follow_up: bool,
    /// For calls of these queues; empty is all.
    #[serde(default, skip_serializing_if = "usual")]
    pub queues: Vec<String>,
}

impl DispositionInfo {
    /// Whether calls of that queue can have it.
    pub fn suits(&self, queue: &str) -> bool {
        self.queues.is_empty() || self.queues.iter().any(|known| known == queue)
    }
}

/// Whether callers may join a queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Door {
    /// They may.
    #[default]
    Open,
    /// Nobody may join; who waits is served.
    Closed,
    /// Nobody may join, and who waits leaves.
    Emergency,
}

labels!(Door {
    Open => "open",
    Closed => "closed",
    Emergency => "emergency",
});

/// An agent.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AgentInfo {
    /// Agent number.
    pub number: String,
    /// Display name.
    pub name: String,
    /// Dial string in use; empty while none is bound.
    pub phone: String,
    /// The queues served.
    pub queues: Vec<MemberInfo>,
    /// Skills, in the order of their names.
    #[serde(default, skip_serializing_if = "usual")]
    pub skills: Vec<String>,
    /// Published state.
    pub state: AgentState,
    /// When that state began; microseconds since the Unix epoch.
    pub since: u64,
    /// Why not ready, unavailable or forced; empty otherwise.
    pub reason: String,
    /// The supervisor's lock, also while a call goes on beneath it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forced: Option<ForcedInfo>,
    /// The state that comes after the present call, or after the disposition that the agent owes: `not_ready`, `signed_out`, `ready`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<AgentState>,
    /// The phone apart from our calls.
    pub phone_state: PhoneState,
    /// After-call work goes on until the agent has said what the call was about.
    #[serde(default, skip_serializing_if = "usual")]
    pub owes_disposition: bool,
    /// Reference of the call offered or talked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
}

/// An agent's place in a queue: `["support",1]`, since the line of a large floor has hundreds of thousands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberInfo {
    /// Queue name.
    pub queue: String,
    /// Skill level, 1 (best) to 255.
    pub level: u8,
}

impl Serialize for MemberInfo {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.queue, self.level).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for MemberInfo {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<MemberInfo, D::Error> {
        deserializer.deserialize_any(MemberVisitor)
    }
}

struct MemberVisitor;

impl<'de> Visitor<'de> for MemberVisitor {
    type Value = MemberInfo;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a queue's name and a level")
    }

    /// Protocol 1 had the name alone, and stores still hold it.
    fn visit_str<E: de::Error>(self, queue: &str) -> Result<MemberInfo, E> {
        Ok(MemberInfo {
            queue: queue.to_owned(),
            level: 1,
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<MemberInfo, A::Error> {
        let queue = parts.next_element()?;
        let level = parts.next_element()?;
        let (Some(queue), Some(level)) = (queue, level) else {
            return Err(de::Error::invalid_length(0, &self));
        };
        Ok(MemberInfo { queue, level })
    }
}

/// A supervisor's lock.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ForcedInfo {
    /// Why.
    pub reason: String,
    /// Microseconds since the Unix epoch; absent until lifted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// By whom.
    pub author: String,
}

/// A call in the queue's hands.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct CallInfo {
    /// Call reference.
    pub call: String,
    /// Queue name.
    pub queue: String,
    /// Tier name.
    pub tier: String,
    /// Caller number; empty if withheld.
    pub number: String,
    /// Why the caller is suspicious; empty if not.
    #[serde(default, skip_serializing_if = "usual")]
    pub flag: String,
    /// What the dialplan found out before.
    #[serde(default, skip_serializing_if = "usual")]
    pub attached: Attached,
    /// When it joined this queue; microseconds since the Unix epoch.
    pub joined: u64,
    /// When it was connected; absent while waiting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connected: Option<u64>,
    /// Agent number, once connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// How the conversation goes.
    #[serde(default, skip_serializing_if = "usual")]
    pub talk: TalkState,
    /// Whether the caller hears nothing of the agent, by command.
    #[serde(default, skip_serializing_if = "usual")]
    pub muted: bool,
    /// What records the conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording: Option<RecordingInfo>,
    /// The place in the order of service of its queue; 1 is next, 0 once connected.
    #[serde(default)]
    pub position: u32,
    /// The wait to expect from now on, while waiting and if there is anything to go by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimate>,
}

/// What is known of a caller before an agent is, for the agent's screen.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Attached {
    /// Data attached in the dialplan, as far as they are short: the agent's channel has them whole.
    #[serde(default, skip_serializing_if = "usual")]
    pub data: BTreeMap<String, String>,
    /// Menus passed and what was keyed in there, the first one first: `main:2`.
    #[serde(default, skip_serializing_if = "usual")]
    pub path: Vec<String>,
}

/// What records a conversation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RecordingInfo {
    /// Number of the recording, in this boot of the node.
    pub recording: u64,
    /// Whether nothing is recorded for now.
    #[serde(default, skip_serializing_if = "usual")]
    pub paused: bool,
}

/// A call that is owed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CallbackInfo {
    /// Reference of the call it came from.
    pub callback: String,
    /// Queue name.
    pub queue: String,
    /// Tier name.
    pub tier: String,
    /// Caller number.
    pub number: String,
    /// When it was placed; microseconds since the Unix epoch.
    pub placed: u64,
    /// Attempts made.
    pub attempts: u32,
    /// Whether the caller is being called now.
    pub dialling: bool,
    /// The place in the order of service; 1 is next.
    pub position: u32,
    /// Whether it was owed before the node began.
    #[serde(default, skip_serializing_if = "usual")]
    pub restored: bool,
}

/// A supervisor.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SupervisorInfo {
    /// Supervisor number.
    pub number: String,
    /// Display name.
    pub name: String,
    /// The device of the phone signed in on; empty while signed out.
    pub phone: String,
}

/// A supervisor who listens to an agent.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MonitorInfo {
    /// Which listening; unique within the boot.
    pub monitor: u64,
    /// Supervisor number.
    pub supervisor: String,
    /// The supervisor's display name.
    pub name: String,
    /// Agent number.
    pub agent: String,
    /// Reference of the call listened to; absent while there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    /// How.
    pub mode: MonitorMode,
    /// Whom the supervisor stays with.
    pub follow: Follow,
    /// Since when; microseconds since the Unix epoch. Absent while the supervisor's phone rings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
}

/// An agent's published state.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentState {
    /// Not at work.
    SignedOut,
    /// Takes calls.
    Ready,
    /// Takes no calls, for a reason of its own.
    NotReady,
    /// Locked by a supervisor.
    ForcedBusy,
    /// Ready, but the phone is in a call that is not ours, unreachable, or cooling down after a miss.
    Unavailable,
    /// The phone rings for a call.
    Offered,
    /// Talks with a caller.
    OnCall,
    /// Has a caller on hold.
    OnHold,
    /// Talks with a third party while the caller is on hold.
    Consulting,
    /// Talks with the caller and a third party.
    Conferencing,
    /// Waits for a caller to come back from the dialplan.
    Reserved,
    /// After-call work.
    WrapUp,
}

labels!(AgentState {
    SignedOut => "signed_out",
    Ready => "ready",
    NotReady => "not_ready",
    ForcedBusy => "forced_busy",
    Unavailable => "unavailable",
    Offered => "offered",
    OnCall => "on_call",
    OnHold => "on_hold",
    Consulting => "consulting",
    Conferencing => "conferencing",
    Reserved => "reserved",
    WrapUp => "wrap_up",
});

/// What a phone does apart from our calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhoneState {
    /// Free to ring.
    Available,
    /// In a call that is none of ours.
    Busy,
    /// Not reachable.
    Unreachable,
}

labels!(PhoneState {
    Available => "available",
    Busy => "busy",
    Unreachable => "unreachable",
});
