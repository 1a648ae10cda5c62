//! The whole live state of a node at one point of its story.

use serde::{Deserialize, Serialize};

use crate::event::labels;

/// State after event `seq`.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Snapshot {
    /// The last event that is in here; 0 before the first.
    pub seq: u64,
    /// Microseconds since the Unix epoch.
    pub at: u64,
    /// Tier names.
    pub tiers: Vec<String>,
    /// All queues.
    pub queues: Vec<QueueInfo>,
    /// All agents.
    pub agents: Vec<AgentInfo>,
    /// All calls, waiting and talking, in the order of joining.
    pub calls: Vec<CallInfo>,
}

/// A queue.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct QueueInfo {
    /// Its name.
    pub name: String,
    /// `longest-idle`, `ring-all`.
    pub strategy: String,
    /// Target of the service level; microseconds.
    pub service_target: u64,
    /// Most callers that may wait.
    pub max_waiting: u32,
}

/// An agent.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AgentInfo {
    /// Agent number.
    pub number: String,
    /// Display name.
    pub name: String,
    /// Dial string in use; empty while none is bound.
    pub phone: String,
    /// Names of the queues served.
    pub queues: Vec<String>,
    /// Published state.
    pub state: AgentState,
    /// When that state began; microseconds since the Unix epoch.
    pub since: u64,
    /// Why not ready, unavailable or forced; empty otherwise.
    pub reason: String,
    /// The supervisor's lock, also while a call goes on beneath it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forced: Option<ForcedInfo>,
    /// The state that comes after the present call: `not_ready`, `signed_out`, `ready`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<AgentState>,
    /// The phone apart from our calls.
    pub phone_state: PhoneState,
    /// Reference of the call offered or talked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
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
    /// When it joined; microseconds since the Unix epoch.
    pub joined: u64,
    /// When it was connected; absent while waiting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connected: Option<u64>,
    /// Agent number, once connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
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
