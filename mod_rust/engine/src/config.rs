//! The settings of an engine as plain data. The host reads them from a file; the engine checks and applies them.

use core::fmt;
use std::collections::{BTreeMap, BTreeSet};

use crate::input::OfferFailure;
use crate::time::Span;

/// Everything an operator decides. Names and numbers are the identity of queues and agents across reloads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// Caller tiers; a call that names no tier gets the first. Never empty, at most 255 names in one boot.
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
    /// Callers that may wait at once, not yet connected; one more leaves with [`Status::Full`](crate::action::Status::Full).
    pub max_waiting: u32,
    /// Longest wait; then the caller leaves with [`Status::Timeout`](crate::action::Status::Timeout). `None`: no
    /// limit. Counts from joining; a reload changes it for later callers only. Never zero.
    pub max_wait: Option<Span>,
    /// Whether a caller may join, or go on waiting, while no agent of the queue is signed in.
    pub needs_agents: bool,
    /// How long an agent's phone rings before the offer counts as missed. Never zero.
    pub ring_time: Span,
    /// After-call work (后续处理): no call is offered for so long after one of this queue. Zero: none.
    pub wrap_up: Span,
    /// Target of the service level: answered within this wait is "within target".
    pub service_target: Span,
    /// Most agents that ring at once for one caller under [`Strategy::RingAll`].
    pub ring_all_max: u32,
    /// Music class played while waiting; empty is the PBX's default.
    pub music: String,
    /// How long a caller waits in silence before the music; see [`CallAction::Music`](crate::CallAction::Music).
    pub music_after: Span,
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
    /// Signed in and ready from the start of the PBX, or from the reload that says so, without signing in; unless the
    /// phone is taken by then.
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

/// What a failed offer costs the agent. A cool-down shorter than [`MIN_COOL_DOWN`] lasts that long, so that a phone
/// which fails at once is not rung in a tight loop.
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

/// The shortest cool-down after a failed offer.
pub const MIN_COOL_DOWN: Span = Span::seconds(1);

/// The most tiers an engine can know in one boot.
pub const MAX_TIERS: usize = 255;

impl Config {
    /// Says whether an engine would take these settings.
    ///
    /// # Errors
    /// The first thing found wrong; see [`ConfigError`].
    pub fn check(&self) -> Result<(), ConfigError> {
        self.check_tiers()?;
        let mut queues = BTreeSet::new();
        for queue in &self.queues {
            queue.check()?;
            if !queues.insert(queue.name.as_str()) {
                return Err(ConfigError::Queue {
                    queue: queue.name.clone(),
                    fault: QueueFault::Twice,
                });
            }
        }
        let mut numbers = BTreeSet::new();
        let mut phones: BTreeMap<&str, &str> = BTreeMap::new();
        for agent in &self.agents {
            let wrong = |fault| {
                Err(ConfigError::Agent {
                    agent: agent.number.clone(),
                    fault,
                })
            };
            agent.check(&queues)?;
            if !numbers.insert(agent.number.as_str()) {
                return wrong(AgentFault::Twice);
            }
            if agent.always_signed_in
                && let Some(other) = phones.insert(&agent.phone, &agent.number)
            {
                return wrong(AgentFault::PhoneOf(other.to_owned()));
            }
        }
        if self.limits.calls == 0 {
            return Err(ConfigError::NoCallsAllowed);
        }
        Ok(())
    }

    fn check_tiers(&self) -> Result<(), ConfigError> {
        if self.tiers.is_empty() {
            return Err(ConfigError::NoTiers);
        }
        if self.tiers.len() > MAX_TIERS {
            return Err(ConfigError::TooManyTiers);
        }
        let mut names = BTreeSet::new();
        for tier in &self.tiers {
            let wrong = |fault| {
                Err(ConfigError::Tier {
                    tier: tier.name.clone(),
                    fault,
                })
            };
            if tier.name.is_empty() {
                return wrong(TierFault::NoName);
            }
            if !names.insert(&tier.name) {
                return wrong(TierFault::Twice);
            }
        }
        Ok(())
    }
}

impl Queue {
    fn check(&self) -> Result<(), ConfigError> {
        let fault = if self.name.is_empty() {
            QueueFault::NoName
        } else if self.ring_time == Span::ZERO {
            QueueFault::NoRingTime
        } else if self.max_wait == Some(Span::ZERO) {
            QueueFault::NoMaxWait
        } else if self.ring_all_max == 0 && self.strategy == Strategy::RingAll {
            QueueFault::RingsNobody
        } else {
            return Ok(());
        };
        Err(ConfigError::Queue {
            queue: self.name.clone(),
            fault,
        })
    }
}

impl Agent {
    fn check(&self, queues: &BTreeSet<&str>) -> Result<(), ConfigError> {
        let wrong = |fault| {
            Err(ConfigError::Agent {
                agent: self.number.clone(),
                fault,
            })
        };
        if self.number.is_empty() {
            return wrong(AgentFault::NoNumber);
        }
        if self.always_signed_in && self.phone.is_empty() {
            return wrong(AgentFault::NoPhone);
        }
        let mut served = BTreeSet::new();
        for membership in &self.queues {
            if !queues.contains(membership.queue.as_str()) {
                return wrong(AgentFault::UnknownQueue(membership.queue.clone()));
            }
            if !served.insert(&membership.queue) {
                return wrong(AgentFault::QueueTwice(membership.queue.clone()));
            }
            if membership.level == 0 {
                return wrong(AgentFault::LevelZero(membership.queue.clone()));
            }
        }
        Ok(())
    }
}

impl Misses {
    /// How long an agent gets no offer after one failed so.
    pub(crate) fn cool_down(&self, cause: OfferFailure) -> Span {
        let configured = match cause {
            OfferFailure::Rejected => self.rejected,
            OfferFailure::Busy => self.busy,
            OfferFailure::NoAnswer => self.no_answer,
            OfferFailure::Unreachable => self.unreachable,
        };
        configured.max(MIN_COOL_DOWN)
    }
}

/// Why settings were refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ConfigError {
    /// There is no tier.
    NoTiers,
    /// More than [`MAX_TIERS`] tiers, those removed since the start included.
    TooManyTiers,
    /// [`Limits::calls`] is zero.
    NoCallsAllowed,
    /// A tier is wrong.
    Tier {
        /// Its name.
        tier: String,
        /// How.
        fault: TierFault,
    },
    /// A queue is wrong.
    Queue {
        /// Its name.
        queue: String,
        /// How.
        fault: QueueFault,
    },
    /// An agent is wrong.
    Agent {
        /// Agent number.
        agent: String,
        /// How.
        fault: AgentFault,
    },
}

/// What is wrong with a tier.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TierFault {
    /// The name is empty.
    NoName,
    /// The name occurs twice.
    Twice,
}

/// What is wrong with a queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum QueueFault {
    /// The name is empty.
    NoName,
    /// The name occurs twice.
    Twice,
    /// [`Queue::ring_time`] is zero.
    NoRingTime,
    /// [`Queue::max_wait`] is there, but zero.
    NoMaxWait,
    /// [`Queue::ring_all_max`] is zero under [`Strategy::RingAll`].
    RingsNobody,
}

/// What is wrong with an agent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AgentFault {
    /// The number is empty.
    NoNumber,
    /// The number occurs twice.
    Twice,
    /// Always signed in, but has no phone.
    NoPhone,
    /// Always signed in on the phone of that other agent, who is always signed in as well.
    PhoneOf(String),
    /// Serves a queue that there is not.
    UnknownQueue(String),
    /// Serves a queue twice.
    QueueTwice(String),
    /// The level in that queue is 0.
    LevelZero(String),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigError::NoTiers => f.write_str("there is no tier; define at least one"),
            ConfigError::TooManyTiers => {
                write!(
                    f,
                    "more than {MAX_TIERS} tiers since the start; use fewer, or restart"
                )
            }
            ConfigError::NoCallsAllowed => f.write_str("the limit of calls is 0; allow at least one"),
            ConfigError::Tier { tier, fault } => write!(f, "tier \"{tier}\": {fault}"),
            ConfigError::Queue { queue, fault } => write!(f, "queue \"{queue}\": {fault}"),
            ConfigError::Agent { agent, fault } => write!(f, "agent \"{agent}\": {fault}"),
        }
    }
}

impl core::error::Error for ConfigError {}

impl fmt::Display for TierFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TierFault::NoName => "the name is empty",
            TierFault::Twice => "defined twice",
        })
    }
}

impl fmt::Display for QueueFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            QueueFault::NoName => "the name is empty",
            QueueFault::Twice => "defined twice",
            QueueFault::NoRingTime => "the ring time is 0; let phones ring for a second at least",
            QueueFault::NoMaxWait => "the longest wait is 0; leave it out for no limit",
            QueueFault::RingsNobody => "ring-all with at most 0 phones; allow at least one",
        })
    }
}

impl fmt::Display for AgentFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AgentFault::NoNumber => f.write_str("the agent number is empty"),
            AgentFault::Twice => f.write_str("defined twice"),
            AgentFault::NoPhone => f.write_str("always signed in, but no phone is given"),
            AgentFault::PhoneOf(other) => {
                write!(
                    f,
                    "always signed in on the phone of agent \"{other}\", who is as well"
                )
            }
            AgentFault::UnknownQueue(queue) => write!(f, "serves queue \"{queue}\", which is not defined"),
            AgentFault::QueueTwice(queue) => write!(f, "serves queue \"{queue}\" twice"),
            AgentFault::LevelZero(queue) => {
                write!(f, "level 0 in queue \"{queue}\"; levels go from 1 (best) to 255")
            }
        }
    }
}
