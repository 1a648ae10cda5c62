//! The settings of an engine as plain data. The host reads them from a file; the engine checks and applies them.

use crate::ids::TierId;
use crate::time::Span;

/// Everything an operator decides. Names and numbers are the identity of queues and agents across reloads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// Caller tiers; a call that names no tier gets the first. Never empty, at most 255.
    pub tiers: Vec<Tier>,
    /// Queues, each name once.
    pub queues: Vec<Queue>,
    /// Agents, each number once.
    pub agents: Vec<Agent>,
    /// What happens to an agent whose offer failed.
    pub misses: Misses,
    /// Ceilings that protect the node.
    pub limits: Limits,
}

/// A caller tier (客户级别).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tier {
    /// The name the dialplan uses.
    pub name: String,
    /// How much waiting time belonging to this tier is worth: the caller is served as if joined that much earlier.
    pub handicap: Span,
}

/// A queue (技能组).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Queue {
    /// The name the dialplan uses.
    pub name: String,
    /// Which agent is offered a call.
    pub strategy: Strategy,
    /// Like [`Tier::handicap`], for every caller of this queue.
    pub handicap: Span,
    /// Callers that may wait at once; one more leaves with [`Status::Full`](crate::action::Status::Full).
    pub max_waiting: u32,
    /// Longest wait; then the caller leaves with [`Status::Timeout`](crate::action::Status::Timeout). `None`: no limit.
    pub max_wait: Option<Span>,
    /// Whether a caller may join, or go on waiting, while no agent of the queue is signed in.
    pub needs_agents: bool,
    /// How long an agent's phone rings before the offer counts as missed.
    pub ring_time: Span,
    /// After-call work (后续处理): no call is offered for so long after one of this queue. Zero: none.
    pub wrap_up: Span,
    /// Target of the service level: answered within this wait is "within target".
    pub service_target: Span,
    /// Most agents that ring at once for one caller under [`Strategy::RingAll`].
    pub ring_all_max: u32,
    /// Music class played while waiting; empty is the PBX's default.
    pub music: String,
}

/// How a queue chooses the agent to offer a call to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Strategy {
    /// The agent who has been ready longest.
    LongestIdle,
    /// All ready agents at once, longest-idle first up to [`Queue::ring_all_max`]; the first to answer wins.
    RingAll,
}

/// An agent (座席).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Agent {
    /// The agent number (工号).
    pub number: String,
    /// Shown to supervisors.
    pub name: String,
    /// Where the agent is reached unless signing in binds another phone: a dial string of the PBX
    /// (`PJSIP/a1001`). Empty: the agent must sign in from a phone.
    pub phone: String,
    /// The queues served, each once.
    pub queues: Vec<Membership>,
    /// Signed in and ready from the start of the PBX, without signing in.
    pub always_signed_in: bool,
}

/// An agent's place in a queue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Membership {
    /// The queue's name.
    pub queue: String,
    /// Skill level, 1 (best) to 255.
    pub level: u8,
}

/// What a failed offer costs the agent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Misses {
    /// No further offer for so long after the phone rang out (RONA).
    pub no_answer: Span,
    /// No further offer for so long after the agent rejected a call.
    pub rejected: Span,
    /// No further offer for so long after the phone was busy.
    pub busy: Span,
    /// No further offer for so long after the phone could not be reached.
    pub unreachable: Span,
    /// After so many misses in a row (rang out or rejected) the agent becomes not ready. Zero: never.
    pub not_ready_after: u32,
}

/// Ceilings. Everything has one, and says so when it is reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Calls in the engine at once, waiting and talking.
    pub calls: u32,
}

/// The tier of callers who name none.
pub const DEFAULT_TIER: TierId = TierId(0);
