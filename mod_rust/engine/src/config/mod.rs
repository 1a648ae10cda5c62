//! The settings of an engine as plain data. The host reads them from a file; the engine checks and applies them.

mod check;
mod disposition;
mod error;
mod fairness;
mod greeting;
mod hold;
mod ivr;
mod supervision;

pub use disposition::{Disposition, MAX_DISPOSITIONS};
pub use error::{
    AgentFault, ConfigError, DispositionFault, IvrFault, MenuFault, QueueFault, ReasonFault, RuleFault,
    SupervisionFault, TierFault,
};
pub use fairness::{Fairness, Overtaking};
pub use greeting::{Greeting, Intro};
pub use hold::{Comfort, HoldCare, Retrieve};
pub use ivr::{IVR_TIMEOUT, Ivr, MAX_IVR_TIMEOUT, Survey};
pub use supervision::{Right, Supervision, Supervisor, Tone};

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
    /// Supervisors, each number once.
    pub supervisors: Vec<Supervisor>,
    /// How supervisors listen to agents.
    pub supervision: Supervision,
    /// Menus for waiting callers, each name once; see [`Operation::Menu`].
    pub menus: Vec<Menu>,
    /// Reasons of not ready that have limits, each name once. Agents may give others.
    pub reasons: Vec<Reason>,
    /// What calls can have been about, each code once.
    pub dispositions: Vec<Disposition>,
    /// Places to which agents send callers who come back, each name once.
    pub ivrs: Vec<Ivr>,
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
    /// A sound file of the PBX that says the name, for [`Intro::Tier`]; empty if there is none.
    pub spoken: String,
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
    /// Callers that may wait at once, not yet connected; one more leaves as [`CallOutcome::Full`](crate::event::CallOutcome::Full).
    pub max_waiting: u32,
    /// Longest wait; then the caller leaves as [`CallOutcome::Timeout`](crate::event::CallOutcome::Timeout). `None`: no
    /// limit. Counts from joining this queue; a reload changes it for later callers only. Never zero.
    pub max_wait: Option<Span>,
    /// What differs for some tiers; each tier once.
    pub tiers: Vec<TierLimits>,
    /// Which agents there must be for a caller to join, or to go on waiting.
    pub needs_agents: NeedsAgents,
    /// Whether callers may join when the engine starts; [`Command::SetDoor`](crate::Command::SetDoor) changes it while running.
    pub door: Door,
    /// Where callers go that cannot join or wait on.
    pub exits: Exits,
    /// How long an agent's phone rings before the offer counts as missed. Never zero.
    pub ring_time: Span,
    /// After-call work (后续处理) after a call of this queue.
    pub wrap_up: WrapUp,
    /// The longest that after-call work may be extended to, in all.
    pub wrap_up_max: Span,
    /// After-call work does not end before the agent has said what the call was about, or at [`Queue::wrap_up_max`].
    pub needs_disposition: bool,
    /// Target of the service level: answered within this wait is "within target".
    pub service_target: Span,
    /// Most agents that ring at once for one caller under [`Strategy::RingAll`].
    pub ring_all_max: u32,
    /// Music class played while waiting; empty is the PBX's default.
    pub music: String,
    /// How long a caller waits in silence before the music; see [`CallAction::Music`](crate::CallAction::Music).
    pub music_after: Span,
    /// Skills that every caller of this queue requires.
    pub skills: Vec<String>,
    /// The worst level of an agent that callers accept at first; [`Operation::AcceptLevel`] widens it. 1 to 255.
    pub level: u8,
    /// For so long at first only the caller's own agent is offered the call, if there is one at work. Zero: never.
    pub sticky: Span,
    /// For so long at first only the agent to whom a caller was transferred is offered the call.
    pub transfer_wait: Span,
    /// What happens to waiting callers, and when.
    pub rules: Vec<Rule>,
    /// Calling back (virtual hold).
    pub callback: CallbackSettings,
    /// How long a call is expected to keep an agent, wrap-up included, until it has been measured. Never zero.
    pub handle_time: Span,
    /// Limits that raise a warning.
    pub warn: Warnings,
    /// What happens to callers on hold.
    pub hold: HoldCare,
    /// Which callers are asked what it was like.
    pub survey: Option<Survey>,
    /// A sound file of the PBX that says the name, for [`Intro::Queue`]; empty if there is none.
    pub spoken: String,
    /// What is said when an agent has answered.
    pub greeting: Greeting,
    /// Which conversations are recorded.
    pub recording: Recording,
}

/// What differs for callers of one tier in one queue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TierLimits {
    /// Of which tier.
    pub tier: String,
    /// Callers of this tier that may wait at once, within [`Queue::max_waiting`].
    pub max_waiting: Option<u32>,
    /// Their longest wait, in place of [`Queue::max_wait`]. Never zero.
    pub max_wait: Option<Span>,
}

/// Which agents a queue must have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NeedsAgents {
    /// None: callers wait for whoever comes.
    None,
    /// One who is signed in.
    SignedIn,
    /// One at work: signed in, neither not ready nor locked.
    AtWork,
}

/// Whether callers may join a queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Door {
    /// They may.
    Open,
    /// Nobody may join; who waits is served.
    Closed,
    /// Nobody may join, and who waits leaves (紧急通知).
    Emergency,
}

/// Where callers go that cannot join or wait on.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Exits {
    /// The queue is full.
    pub full: Way,
    /// The longest wait was reached.
    pub timeout: Way,
    /// There are no agents.
    pub no_agents: Way,
    /// The queue is closed.
    pub closed: Way,
    /// There is an emergency.
    pub emergency: Way,
}

/// A way out of a queue.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Way {
    /// Where it leads.
    pub to: Exit,
    /// What the caller hears first. Left out for [`Exit::Queue`].
    pub say: Vec<Prompt>,
}

/// Where a way out leads.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Exit {
    /// The dialplan goes on behind `Hotline()`.
    #[default]
    Onward,
    /// A place of the dialplan, as the PBX writes it: `context,extension,priority`.
    Place(String),
    /// Another queue, at the old place in the order of callers. After [`MAX_HOPS`] of these the dialplan goes on.
    Queue(String),
    /// Busy tone.
    Busy,
    /// The caller is called back; if that is not possible, like `Onward` with the outcome that led here.
    Callback,
}

/// Something said to a caller.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Prompt {
    /// A sound file of the PBX.
    File(String),
    /// The place in the queue, as a number: 1 is next.
    Position,
    /// The estimated wait in minutes, rounded up. While it is not reliable, everything said with it is left out.
    Wait,
    /// In how many minutes the queue is expected to be clear, rounded up.
    RetryIn,
}

/// Calls back instead of waiting on the line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallbackSettings {
    /// Most callers of this queue that are owed a call; 0: none are called back.
    pub max: u32,
    /// How the PBX dials them; `{number}` stands for the number.
    pub dial: String,
    /// Called when at most so many are ahead.
    pub ahead: u32,
    /// How often one is tried in all. Never zero if `max` is not.
    pub attempts: u32,
    /// How long after a missed one the next is tried.
    pub retry_after: Span,
    /// How long one is tried. Never zero if `max` is not.
    pub ring_time: Span,
    /// For how long the call is owed.
    pub expires: Span,
}

/// Something that happens to a caller who waits: conditions, and what is done when all hold.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Rule {
    /// When the caller has waited so long in this queue; zero is at joining.
    pub after: Span,
    /// And again at this interval. At least a second.
    pub every: Option<Span>,
    /// For callers of these tiers; empty is all.
    pub tiers: Vec<String>,
    /// While the queue's predicted wait lies in this band, in microseconds.
    pub predicted_wait: Option<Band>,
    /// While so many wait in the queue, this caller included.
    pub waiting: Option<Band>,
    /// What is done, in this order.
    pub then: Vec<Operation>,
}

/// A threshold with hysteresis: trips above `over`, and lets go at or below `until`. Looked at when the rule is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Band {
    /// Trips above.
    pub over: u64,
    /// Lets go at or below; at most `over`.
    pub until: u64,
}

/// What a rule does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Operation {
    /// From now on agents down to this level will do; never narrows.
    AcceptLevel(u8),
    /// This skill is no longer required.
    DropSkill(String),
    /// Agents of that queue may take the call as well, at that queue's [`Queue::level`]; at most [`MAX_ALSO`] queues.
    AddQueue(String),
    /// Served as if joined so much earlier.
    Raise(Span),
    /// Says something.
    Say(Vec<Prompt>),
    /// Says the menu of that name, and takes its keys.
    Menu(String),
    /// Out of the queue; the rest of the rules is left undone.
    Divert(Way),
}

/// A menu for waiting callers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Menu {
    /// What rules call it.
    pub name: String,
    /// What the caller hears.
    pub say: Vec<Prompt>,
    /// Keys are taken for so long from then on. Zero: as long as the caller waits.
    pub lasting: Span,
    /// What the keys do; each key once.
    pub keys: Vec<Key>,
}

/// A key of a menu.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Key {
    /// 0 to 9, * or #.
    pub key: char,
    /// What it does.
    pub choice: Choice,
}

/// What a key does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Choice {
    /// The caller goes on waiting; the menu is over.
    Wait {
        /// What is said.
        say: Vec<Prompt>,
    },
    /// Out of the queue. If it is a callback and that is not possible, the caller goes on waiting.
    Leave(Way),
}

/// Limits that raise a warning: each step is a level from 1 on.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Warnings {
    /// On waiting in this queue.
    pub wait: Steps,
    /// On a phone that rings.
    pub ring: Steps,
    /// On a conversation, holds included.
    pub talk: Steps,
    /// On a hold (呼叫保持时间超长).
    pub hold: Steps,
    /// On after-call work.
    pub wrap_up: Steps,
}

/// Levels of a limit.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Steps {
    /// When each level is reached, ascending, none zero; at most [`MAX_LEVELS`].
    pub at: Vec<Span>,
    /// The last level is raised again at this interval. At least a second.
    pub every: Option<Span>,
}

/// A reason of not ready.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reason {
    /// As agents give it.
    pub name: String,
    /// How long it may last.
    pub warn: Steps,
}

/// Which conversations of a queue are recorded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Recording {
    /// How it is decided.
    pub mode: RecordingMode,
    /// Of [`RecordingMode::Always`]: of how many in a hundred, 0 to 100. A call that is transferred within the share stays in it.
    pub percent: u8,
}

/// How it is decided what is recorded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum RecordingMode {
    /// Nothing is.
    #[default]
    Never,
    /// What somebody asks for is.
    OnDemand,
    /// From the start to the end, of the share that is set; of the rest, what somebody asks for.
    Always,
}

impl Default for Recording {
    fn default() -> Recording {
        Recording {
            mode: RecordingMode::default(),
            percent: 100,
        }
    }
}

/// After-call work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WrapUp {
    /// For so long; zero: none.
    Timed(Span),
    /// Until the agent is done.
    Manual,
}

/// How a queue chooses the agent to offer a call to, among those whose level and skills will do. Equals are taken longest
/// idle first, then in the order of the settings.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Strategy {
    /// The agent who has been ready longest.
    LongestIdle,
    /// All ready agents at once, longest-idle first up to [`Queue::ring_all_max`]; the first to answer wins.
    RingAll,
    /// The next in the order of the settings after the one who was offered the queue's last call.
    RoundRobin,
    /// The agent with the fewest calls since signing in, of all queues.
    FewestCalls,
    /// The agent who has talked least since signing in, in all queues.
    LeastTalkTime,
    /// Anybody, with equal chances.
    Random,
    /// Always the first in the order of the settings.
    Linear,
    /// Anybody, with chances in proportion to [`Membership::weight`].
    WeightedRandom,
    /// The best level.
    SkillLevel,
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
    /// Skills; see [`Queue::skills`] and [`Caller::skills`](crate::input::Caller::skills).
    pub skills: Vec<String>,
    /// Signed in and ready from the start of the PBX, or from the reload that says so, without signing in; unless the
    /// phone is taken by then.
    pub always_signed_in: bool,
    /// How the phone is answered.
    pub answering: Answering,
}

/// How an agent's phone is answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Answering {
    /// By hand.
    #[default]
    Manual,
    /// The phone is asked to pick up by itself.
    Automatic,
}

/// An agent's place in a queue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Membership {
    /// The queue's name.
    pub queue: String,
    /// Skill level, 1 (best) to 255.
    pub level: u8,
    /// Chances under [`Strategy::WeightedRandom`], 1 to 65,535.
    pub weight: u16,
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
    /// Caller numbers whose last agent is remembered, for [`Queue::sticky`]; the oldest is forgotten first.
    pub remembered: u32,
    /// Decisions kept for [`Engine::why_call`](crate::Engine::why_call), rounded up to a power of two; 0: none.
    pub decisions: u32,
}

impl Queue {
    /// A queue with everything at its default.
    pub fn named(name: impl Into<String>) -> Queue {
        Queue {
            name: name.into(),
            strategy: Strategy::LongestIdle,
            handicap: Span::ZERO,
            max_waiting: 1_000,
            max_wait: None,
            tiers: Vec::new(),
            needs_agents: NeedsAgents::None,
            door: Door::Open,
            exits: Exits::default(),
            ring_time: Span::seconds(20),
            wrap_up: WrapUp::Timed(Span::ZERO),
            wrap_up_max: Span::seconds(600),
            needs_disposition: false,
            service_target: Span::seconds(20),
            ring_all_max: 20,
            music: String::new(),
            music_after: Span::seconds(1),
            skills: Vec::new(),
            level: u8::MAX,
            sticky: Span::ZERO,
            transfer_wait: Span::seconds(30),
            rules: Vec::new(),
            callback: CallbackSettings::default(),
            handle_time: Span::seconds(180),
            warn: Warnings::default(),
            hold: HoldCare::default(),
            survey: None,
            spoken: String::new(),
            greeting: Greeting::default(),
            recording: Recording::default(),
        }
    }
}

impl Agent {
    /// An agent who serves nothing, with everything at its default.
    pub fn numbered(number: impl Into<String>) -> Agent {
        Agent {
            number: number.into(),
            name: String::new(),
            phone: String::new(),
            queues: Vec::new(),
            skills: Vec::new(),
            always_signed_in: false,
            answering: Answering::Manual,
        }
    }
}

impl Membership {
    /// A place at the best level, with the weight of one.
    pub fn of(queue: impl Into<String>) -> Membership {
        Membership {
            queue: queue.into(),
            level: 1,
            weight: 1,
        }
    }
}

impl Default for CallbackSettings {
    fn default() -> CallbackSettings {
        CallbackSettings {
            max: 0,
            dial: String::new(),
            ahead: 1,
            attempts: 3,
            retry_after: Span::seconds(300),
            ring_time: Span::seconds(30),
            expires: Span::seconds(4 * 3600),
        }
    }
}

/// The most skill names an engine can know in one boot.
pub const MAX_SKILLS: usize = 128;

/// The most rules of a queue.
pub const MAX_RULES: usize = 64;

/// The most queues that a call may be taken by besides its own.
pub const MAX_ALSO: usize = 4;

/// The most levels of a limit.
pub const MAX_LEVELS: usize = 8;

/// How often a call may be passed on from queue to queue.
pub const MAX_HOPS: u8 = 8;

/// The shortest cool-down after a failed offer.
pub const MIN_COOL_DOWN: Span = Span::seconds(1);

/// The most tiers an engine can know in one boot.
pub const MAX_TIERS: usize = 255;

impl WrapUp {
    /// How long it lasts by itself.
    pub(crate) fn usual(self) -> Span {
        match self {
            WrapUp::Timed(span) => span,
            WrapUp::Manual => Span::ZERO,
        }
    }
}

impl Strategy {
    /// Whether agents draw.
    pub(crate) fn is_by_chance(self) -> bool {
        match self {
            Strategy::Random | Strategy::WeightedRandom => true,
            Strategy::LongestIdle
            | Strategy::RingAll
            | Strategy::RoundRobin
            | Strategy::FewestCalls
            | Strategy::LeastTalkTime
            | Strategy::Linear
            | Strategy::SkillLevel => false,
        }
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
