//! Why settings were refused, in types and in words.

use core::fmt;

use crate::config::{MAX_ALSO, MAX_DISPOSITIONS, MAX_RULES, MAX_SKILLS, MAX_TIERS};

/// Why settings were refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ConfigError {
    /// There is no tier.
    NoTiers,
    /// More than [`MAX_TIERS`] tiers, those removed since the start included.
    TooManyTiers,
    /// [`Limits::calls`] is zero.
    NoCallsAllowed,
    /// More than [`MAX_SKILLS`] skills, those of earlier settings included.
    TooManySkills,
    /// How supervisors listen is wrong.
    Supervision(SupervisionFault),
    /// A supervisor is wrong.
    Supervisor {
        /// Its number.
        supervisor: String,
        /// What is wrong.
        fault: SupervisionFault,
    },
    /// A menu is wrong.
    Menu {
        /// Its name.
        menu: String,
        /// How.
        fault: MenuFault,
    },
    /// A reason of not ready is wrong.
    Reason {
        /// Its name.
        reason: String,
        /// How.
        fault: ReasonFault,
    },
    /// More than [`MAX_DISPOSITIONS`] dispositions.
    TooManyDispositions,
    /// A disposition is wrong.
    Disposition {
        /// Its code.
        code: String,
        /// How.
        fault: DispositionFault,
    },
    /// A place from which callers come back is wrong.
    Ivr {
        /// Its name.
        ivr: String,
        /// How.
        fault: IvrFault,
    },
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

/// What is wrong with a disposition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DispositionFault {
    /// The code is empty.
    NoCode,
    /// The code occurs twice.
    Twice,
    /// It is for a queue that there is not.
    UnknownQueue(String),
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
#[derive(Clone, PartialEq, Eq, Debug)]
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
    /// A disposition is required, and there is none for the queue.
    NoDisposition,
    /// A disposition is required, and after-call work takes no time, so that it never is.
    NoTimeForDisposition,
    /// [`Queue::level`] is zero.
    LevelZero,
    /// [`Queue::handle_time`] is zero.
    NoHandleTime,
    /// [`Queue::tiers`] name a tier that there is not.
    UnknownTier(String),
    /// [`Queue::tiers`] name a tier twice.
    TierTwice(String),
    /// An exit leads to a queue that there is not.
    UnknownQueue(String),
    /// Callbacks are allowed, but without attempts, ring time or dial string.
    Callback,
    /// The levels of a limit do not ascend, are too many, or come again too soon.
    Steps,
    /// The prompt for callers on hold comes at once, too often, or says nothing.
    Comfort,
    /// Callers on hold are to be retrieved at once, by no event package, or in no time.
    Retrieve,
    /// Callers are to be asked nowhere, or more than all of them.
    Survey,
    /// More than [`MAX_RULES`] rules.
    TooManyRules,
    /// Rules add more than [`MAX_ALSO`] queues.
    TooManyAlso,
    /// A rule, counted from 1, is wrong.
    Rule(u32, RuleFault),
}

/// What is wrong with a rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RuleFault {
    /// It is for a tier that there is not.
    UnknownTier(String),
    /// It names a queue that there is not.
    UnknownQueue(String),
    /// It names a menu that there is not.
    UnknownMenu(String),
    /// It comes again sooner than after a second.
    TooOften,
    /// A band lets go above where it trips.
    Band,
    /// It accepts level 0.
    LevelZero,
    /// It has no operation.
    DoesNothing,
}

/// What is wrong with a menu.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MenuFault {
    /// The name is empty.
    NoName,
    /// The name occurs twice.
    Twice,
    /// No phone has such a key.
    NoKey(char),
    /// The key occurs twice.
    KeyTwice(char),
    /// A key leads to a queue that there is not.
    UnknownQueue(String),
}

/// What is wrong with a reason of not ready.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReasonFault {
    /// The name is empty.
    NoName,
    /// The name occurs twice.
    Twice,
    /// The levels of its limit do not ascend, are too many, or come again too soon.
    Steps,
}

/// What is wrong with a place from which callers come back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IvrFault {
    /// The name is empty.
    NoName,
    /// The name occurs twice.
    Twice,
    /// No place is given.
    NoPlace,
    /// Callers may be away for no time, or for more than [`MAX_IVR_TIMEOUT`](crate::config::MAX_IVR_TIMEOUT).
    Timeout,
}

/// What is wrong with a supervisor, or with how supervisors listen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SupervisionFault {
    /// The number is empty.
    NoNumber,
    /// The number occurs twice.
    Twice,
    /// A right occurs twice.
    RightTwice,
    /// [`Supervision::ring_time`](crate::config::Supervision::ring_time) is zero.
    NoRingTime,
    /// The tone cannot be heard, or lasts too long.
    Tone,
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
    /// The weight in that queue is 0.
    WeightZero(String),
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
            ConfigError::TooManySkills => {
                write!(
                    f,
                    "more than {MAX_SKILLS} skills since the start; use fewer, or restart"
                )
            }
            ConfigError::Supervision(fault) => write!(f, "supervision: {fault}"),
            ConfigError::Supervisor { supervisor, fault } => {
                write!(f, "supervisor \"{supervisor}\": {fault}")
            }
            ConfigError::Menu { menu, fault } => write!(f, "menu \"{menu}\": {fault}"),
            ConfigError::Reason { reason, fault } => write!(f, "reason \"{reason}\": {fault}"),
            ConfigError::TooManyDispositions => {
                write!(f, "more than {MAX_DISPOSITIONS} dispositions; use fewer")
            }
            ConfigError::Disposition { code, fault } => write!(f, "disposition \"{code}\": {fault}"),
            ConfigError::Ivr { ivr, fault } => write!(f, "ivr \"{ivr}\": {fault}"),
            ConfigError::Tier { tier, fault } => write!(f, "tier \"{tier}\": {fault}"),
            ConfigError::Queue { queue, fault } => write!(f, "queue \"{queue}\": {fault}"),
            ConfigError::Agent { agent, fault } => write!(f, "agent \"{agent}\": {fault}"),
        }
    }
}

impl core::error::Error for ConfigError {}

impl fmt::Display for SupervisionFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SupervisionFault::NoNumber => "the number is empty",
            SupervisionFault::Twice => "defined twice",
            SupervisionFault::RightTwice => "a right is given twice",
            SupervisionFault::NoRingTime => {
                "the ring time is 0; let a supervisor's phone ring for a second at least"
            }
            SupervisionFault::Tone => {
                "a tone has 100 to 3400 hertz and lasts up to 5 s; leave it out for none"
            }
        })
    }
}

impl fmt::Display for DispositionFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DispositionFault::NoCode => f.write_str("the code is empty"),
            DispositionFault::Twice => f.write_str("defined twice"),
            DispositionFault::UnknownQueue(queue) => {
                write!(f, "is for queue \"{queue}\", which is not defined")
            }
        }
    }
}

impl fmt::Display for TierFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TierFault::NoName => "the name is empty",
            TierFault::Twice => "defined twice",
        })
    }
}

const STEPS: &str = "the levels of a limit must ascend from more than 0, be 8 at most, and come again after 1 s at the earliest";

impl fmt::Display for QueueFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            QueueFault::NoName => f.write_str("the name is empty"),
            QueueFault::Twice => f.write_str("defined twice"),
            QueueFault::NoRingTime => {
                f.write_str("the ring time is 0; let phones ring for a second at least")
            }
            QueueFault::NoMaxWait => f.write_str("the longest wait is 0; leave it out for no limit"),
            QueueFault::RingsNobody => f.write_str("ring-all with at most 0 phones; allow at least one"),
            QueueFault::NoTimeForDisposition => f.write_str(
                "needs_disposition with wrap_up_seconds = 0 and wrap_up_max_seconds = 0 requires nothing: give one of them",
            ),
            QueueFault::NoDisposition => {
                f.write_str("requires a disposition, and none is defined for it")
            }
            QueueFault::LevelZero => f.write_str("callers accept level 0; levels go from 1 (best) to 255"),
            QueueFault::NoHandleTime => f.write_str("the expected handle time is 0; give a rough one"),
            QueueFault::UnknownTier(tier) => write!(f, "limits tier \"{tier}\", which is not defined"),
            QueueFault::TierTwice(tier) => write!(f, "limits tier \"{tier}\" twice"),
            QueueFault::UnknownQueue(queue) => {
                write!(f, "an exit leads to queue \"{queue}\", which is not defined")
            }
            QueueFault::Callback => {
                f.write_str("callbacks need a dial string, a ring time and at least one attempt")
            }
            QueueFault::Steps => f.write_str(STEPS),
            QueueFault::Comfort => {
                f.write_str("the prompt for callers on hold needs a sound file, a time of more than 0, and 1 s at least before it comes again")
            }
            QueueFault::Retrieve => f.write_str(
                "retrieving from hold needs times of more than 0, and an event of letters, digits and \"-_.\"",
            ),
            QueueFault::Survey => f.write_str("the survey names no place of the dialplan, or a share above 100 percent"),
            QueueFault::TooManyRules => write!(f, "more than {MAX_RULES} rules"),
            QueueFault::TooManyAlso => write!(f, "rules add more than {MAX_ALSO} queues"),
            QueueFault::Rule(rule, fault) => write!(f, "rule {rule}: {fault}"),
        }
    }
}

impl fmt::Display for RuleFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RuleFault::UnknownTier(tier) => write!(f, "is for tier \"{tier}\", which is not defined"),
            RuleFault::UnknownQueue(queue) => write!(f, "names queue \"{queue}\", which is not defined"),
            RuleFault::UnknownMenu(menu) => write!(f, "names menu \"{menu}\", which is not defined"),
            RuleFault::TooOften => f.write_str("comes again sooner than after 1 s"),
            RuleFault::Band => f.write_str("lets go above where it trips"),
            RuleFault::LevelZero => f.write_str("accepts level 0; levels go from 1 (best) to 255"),
            RuleFault::DoesNothing => f.write_str("does nothing; name an operation"),
        }
    }
}

impl fmt::Display for MenuFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MenuFault::NoName => f.write_str("the name is empty"),
            MenuFault::Twice => f.write_str("defined twice"),
            MenuFault::NoKey(key) => write!(f, "no phone has a key {key:?}; use 0 to 9, * or #"),
            MenuFault::KeyTwice(key) => write!(f, "key {key} is there twice"),
            MenuFault::UnknownQueue(queue) => {
                write!(f, "a key leads to queue \"{queue}\", which is not defined")
            }
        }
    }
}

impl fmt::Display for ReasonFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ReasonFault::NoName => "the name is empty",
            ReasonFault::Twice => "defined twice",
            ReasonFault::Steps => STEPS,
        })
    }
}

impl fmt::Display for IvrFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            IvrFault::NoName => "the name is empty",
            IvrFault::Twice => "defined twice",
            IvrFault::NoPlace => "no place of the dialplan is given",
            IvrFault::Timeout => "callers may be away for 1 to 3600 seconds",
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
            AgentFault::WeightZero(queue) => {
                write!(f, "weight 0 in queue \"{queue}\"; weights go from 1 to 65535")
            }
        }
    }
}
