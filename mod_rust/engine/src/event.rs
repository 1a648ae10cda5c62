//! Events: what happened, in the past tense, for the world. Metrics, reports and consoles are folds of these.

use crate::action::CommandOutcome;
use crate::config::Strategy;
use crate::ids::{AgentId, CallId, OfferId, QueueId, TierId};
use crate::input::{Command, OfferFailure, Party, PhoneState};
use crate::time::{Span, Time};

/// Something that happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// A caller joined a queue and waits. Every offered call begins with this, also one that leaves at once.
    CallJoined {
        /// Which call.
        call: CallId,
        /// Where.
        queue: QueueId,
        /// As what.
        tier: TierId,
        /// Caller number; empty if withheld.
        number: String,
        /// Callers waiting in the queue, this one included.
        waiting: u32,
    },
    /// A caller asked for a queue that does not exist, or the node was at its ceiling of calls.
    CallRefused {
        /// Which call.
        call: CallId,
        /// The name asked for.
        queue: String,
        /// Why.
        reason: RefusedCall,
    },
    /// An agent is being rung for a call.
    OfferMade {
        /// The attempt.
        offer: OfferId,
        /// For which call.
        call: CallId,
        /// To whom.
        agent: AgentId,
        /// In which queue.
        queue: QueueId,
        /// From the moment that both a caller waited and this agent was free.
        dispatch: Span,
    },
    /// The phone rings.
    OfferRinging {
        /// The attempt.
        offer: OfferId,
    },
    /// An attempt is over.
    OfferEnded {
        /// The attempt.
        offer: OfferId,
        /// For which call.
        call: CallId,
        /// To whom.
        agent: AgentId,
        /// In which queue.
        queue: QueueId,
        /// How.
        result: OfferResult,
        /// Since the offer was made.
        ring: Span,
    },
    /// Caller and agent talk.
    CallConnected {
        /// Which call.
        call: CallId,
        /// With whom.
        agent: AgentId,
        /// In which queue.
        queue: QueueId,
        /// As what.
        tier: TierId,
        /// From joining until connected, ring time included.
        wait: Span,
    },
    /// A call that had joined is over for the queue.
    CallFinished {
        /// Which call.
        call: CallId,
        /// Where it was.
        queue: QueueId,
        /// As what.
        tier: TierId,
        /// How it ended.
        outcome: CallOutcome,
        /// Who had it last, if it was connected.
        agent: Option<AgentId>,
        /// From joining until connected or gone.
        wait: Span,
        /// Conversation; zero if never connected.
        talk: Span,
        /// Who ended it.
        by: Party,
    },
    /// An agent changed: state, lock, reason, next state, phone or queues.
    AgentChanged {
        /// Who.
        agent: AgentId,
        /// The published state before and the time spent in it; equal to `to` where only a detail changed.
        from: AgentState,
        /// The agent now.
        to: AgentView,
    },
    /// A command was answered. `Pending` is followed by another with `Done` when it takes effect.
    CommandAnswered {
        /// Who asked.
        author: String,
        /// What was asked.
        command: Command,
        /// How it went.
        outcome: CommandOutcome,
    },
    /// The settings changed.
    ConfigApplied {
        /// Who asked; `boot` for the first.
        author: String,
        /// Queues now, in the order of their ids. Removed ones are left out.
        queues: Vec<QueueView>,
        /// Agents now that are known, in the order of their ids. Removed ones are left out.
        agents: Vec<AgentView>,
        /// Tier names in the order of their ids, also those no longer in the settings.
        tiers: Vec<String>,
    },
    /// The engine met what must not happen, and carried on as it was: a defect of the engine or of its host, to be
    /// logged loudly and reported.
    Fault {
        /// What was met.
        what: String,
    },
}

/// Why a call was not let in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RefusedCall {
    /// No such queue.
    UnknownQueue,
    /// [`Limits::calls`](crate::config::Limits::calls) was reached.
    AtLimit,
}

/// How an attempt ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OfferResult {
    /// The agent answered first and was connected.
    Answered,
    /// The phone rang out.
    NoAnswer,
    /// The phone refused or failed.
    Failed(OfferFailure),
    /// Taken back without blame: another agent won, the caller left, a supervisor stepped in.
    Cancelled,
}

/// How a call ended. Nothing is called abandoned but a caller who hung up while waiting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
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

/// An agent's published state.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum AgentState {
    /// Not at work.
    SignedOut,
    /// Takes calls (示闲).
    Ready,
    /// Takes no calls, for a reason of its own (示忙).
    NotReady,
    /// Locked by a supervisor (强制示忙).
    ForcedBusy,
    /// Ready, but the phone is in a call that is not ours, unreachable, or cooling down after a miss.
    Unavailable,
    /// The phone rings for a call.
    Offered,
    /// Talks with a caller.
    OnCall,
    /// After-call work (后续处理).
    WrapUp,
}

/// An agent as the world sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AgentView {
    /// Which.
    pub agent: AgentId,
    /// Agent number.
    pub number: String,
    /// Display name.
    pub name: String,
    /// Dial string in use; empty while none is bound.
    pub phone: String,
    /// Queues served.
    pub queues: Vec<QueueId>,
    /// Published state.
    pub state: AgentState,
    /// When that state began.
    pub since: Time,
    /// Why not ready, unavailable, forced, or signed out by somebody else; empty otherwise.
    pub reason: String,
    /// The supervisor's lock, also while a call goes on beneath it.
    pub forced: Option<Forced>,
    /// What was asked for and comes after the present call.
    pub next: Option<NextState>,
    /// The phone apart from our calls.
    pub phone_state: PhoneState,
    /// The call offered or talked.
    pub call: Option<CallId>,
}

/// A supervisor's lock.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Forced {
    /// Why.
    pub reason: String,
    /// Until when; `None` until lifted.
    pub until: Option<Time>,
    /// By whom.
    pub author: String,
}

/// A state that waits for the end of a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NextState {
    /// Not ready.
    NotReady {
        /// Why.
        reason: String,
    },
    /// Signed out.
    SignedOut {
        /// Why; empty when the agent asked.
        reason: String,
    },
    /// Ready, skipping wrap-up.
    Ready,
}

/// A queue as the world sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QueueView {
    /// Which.
    pub queue: QueueId,
    /// Its name.
    pub name: String,
    /// How it distributes.
    pub strategy: Strategy,
    /// Target of the service level.
    pub service_target: Span,
    /// Most callers that may wait.
    pub max_waiting: u32,
}
