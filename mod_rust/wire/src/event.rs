//! Events as the world outside a node sees them: names instead of table places, durations in microseconds.

use serde::{Deserialize, Serialize};

use crate::command::{Command, Outcome};
use crate::snapshot::{AgentInfo, AgentState, QueueInfo};

/// Something that happened.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// A caller joined a queue and waits. Every offered call begins with this, also one that leaves at once.
    CallJoined {
        /// Call reference: `NODE-BOOT-NUMBER`.
        call: String,
        /// Queue name.
        queue: String,
        /// Tier name.
        tier: String,
        /// Caller number; empty if withheld.
        number: String,
        /// Callers waiting in the queue, this one included.
        waiting: u32,
    },
    /// A caller asked for a queue that does not exist, or the node was at its ceiling of calls.
    CallRefused {
        /// Call reference.
        call: String,
        /// The name asked for.
        queue: String,
        /// Why.
        reason: RefusedCall,
    },
    /// An agent is being rung for a call.
    OfferMade {
        /// The attempt; unique within the boot.
        offer: u64,
        /// Call reference.
        call: String,
        /// Agent number.
        agent: String,
        /// Queue name.
        queue: String,
        /// From the moment that both a caller waited and this agent was free; microseconds.
        dispatch: u64,
    },
    /// The phone rings.
    OfferRinging {
        /// The attempt.
        offer: u64,
    },
    /// An attempt is over.
    OfferEnded {
        /// The attempt.
        offer: u64,
        /// Call reference.
        call: String,
        /// Agent number.
        agent: String,
        /// Queue name.
        queue: String,
        /// How.
        result: OfferResult,
        /// Since the offer was made; microseconds.
        ring: u64,
    },
    /// Caller and agent talk.
    CallConnected {
        /// Call reference.
        call: String,
        /// Agent number.
        agent: String,
        /// Queue name.
        queue: String,
        /// Tier name.
        tier: String,
        /// From joining until connected, ring time included; microseconds.
        wait: u64,
    },
    /// A call that had joined is over for the queue.
    CallFinished {
        /// Call reference.
        call: String,
        /// Queue name.
        queue: String,
        /// Tier name.
        tier: String,
        /// How it ended.
        outcome: CallOutcome,
        /// Agent number of who had it last; absent if never connected.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        agent: Option<String>,
        /// From joining until connected or gone; microseconds.
        wait: u64,
        /// Conversation; microseconds.
        talk: u64,
        /// Who ended it.
        by: Party,
    },
    /// An agent changed.
    AgentChanged {
        /// The published state before; equal to the new one where only a detail changed.
        from: AgentState,
        /// The agent now.
        agent: AgentInfo,
    },
    /// A command was answered.
    CommandAnswered {
        /// Who asked.
        author: String,
        /// What was asked.
        command: Command,
        /// How it went.
        #[serde(flatten)]
        outcome: Outcome,
    },
    /// The settings changed: all queues and agents there are now.
    ConfigApplied {
        /// Who asked; `boot` for the first.
        author: String,
        /// Queues now.
        queues: Vec<QueueInfo>,
        /// Agents now.
        agents: Vec<AgentInfo>,
        /// Tier names.
        tiers: Vec<String>,
    },
    /// The node met what must not happen, and carried on: a defect, to be logged loudly and reported.
    Fault {
        /// What was met.
        what: String,
    },
}

/// Why a call was not let in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusedCall {
    /// No such queue.
    UnknownQueue,
    /// The node's ceiling of calls was reached.
    AtLimit,
}

/// How an attempt ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfferResult {
    /// The agent answered first and was connected.
    Answered,
    /// The phone rang out.
    NoAnswer,
    /// The agent declined.
    Rejected,
    /// The phone was busy.
    Busy,
    /// No phone there.
    Unreachable,
    /// Taken back without blame.
    Cancelled,
}

/// How a call ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallOutcome {
    /// Connected to an agent.
    Answered,
    /// The caller hung up while waiting.
    Abandoned,
    /// An operator of the PBX took the caller out of the queue while waiting.
    Withdrawn,
    /// The longest wait was reached.
    Timeout,
    /// The queue was full.
    Full,
    /// No agent was signed in.
    NoAgents,
    /// The queue was removed.
    Removed,
    /// The node could not go on.
    Error,
}

/// A side of a conversation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// The caller.
    Caller,
    /// The agent.
    Agent,
    /// Neither.
    System,
}

macro_rules! labels {
    ($type:ident { $($variant:ident => $label:literal),* $(,)? }) => {
        impl $type {
            /// All values, in the order of their definition.
            pub const ALL: &'static [$type] = &[$($type::$variant),*];

            /// The value as it stands in a label and on the wire.
            pub const fn label(self) -> &'static str {
                match self {
                    $($type::$variant => $label),*
                }
            }
        }
    };
}
pub(crate) use labels;

labels!(OfferResult {
    Answered => "answered",
    NoAnswer => "no_answer",
    Rejected => "rejected",
    Busy => "busy",
    Unreachable => "unreachable",
    Cancelled => "cancelled",
});

labels!(CallOutcome {
    Answered => "answered",
    Abandoned => "abandoned",
    Withdrawn => "withdrawn",
    Timeout => "timeout",
    Full => "full",
    NoAgents => "no_agents",
    Removed => "removed",
    Error => "error",
});
