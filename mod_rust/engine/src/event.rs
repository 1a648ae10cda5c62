//! Events: what happened, in the past tense, for the world. Metrics, reports and consoles are folds of these.

mod hold;
mod supervision;

use std::sync::Arc;

use crate::action::CommandOutcome;
use crate::config::{Disposition, Door, Exit, Operation, Strategy};
use crate::ids::{AgentId, CallId, OfferId, QueueId, RecordingId, TierId};
use crate::input::{
    Attached, Command, Deed, Destination, MonitorMode, OfferFailure, Party, PhoneState, TalkState,
};
use crate::screening::{ListChange, Screening};
use crate::time::{Span, Time};

pub use hold::{RetrieveFailure, RetrieveResult};
pub use supervision::{Cut, MonitorOutcome, MonitorView, SupervisorView};

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
        /// The place in the order of service; 1 is next. Zero if turned away.
        position: u32,
        /// The wait to expect, if there is anything to go by.
        predicted: Option<Estimate>,
        /// Why the caller is suspicious; empty if not.
        flag: String,
        /// What the dialplan found out before.
        attached: Attached,
        /// The callback that this is the answer to, or that the caller did not wait for.
        callback: Option<CallId>,
    },
    /// A rule of the queue did something to a waiting caller, other than sending the caller away.
    RuleApplied {
        /// To which call.
        call: CallId,
        /// Of which queue.
        queue: QueueId,
        /// Which rule, from 1.
        rule: u32,
        /// What was done.
        operation: Operation,
    },
    /// A waiting caller chose from a menu.
    KeyPressed {
        /// Which call.
        call: CallId,
        /// In which queue.
        queue: QueueId,
        /// The key.
        key: char,
    },
    /// A waiting call was made worth more or less.
    CallReprioritised {
        /// Which call.
        call: CallId,
        /// In which queue.
        queue: QueueId,
        /// Seconds on top of its tier.
        priority: u32,
        /// The same until now.
        before: u32,
        /// The place in the order of service now.
        position: u32,
    },
    /// A caller was on the blacklist.
    CallScreened {
        /// Which call.
        call: CallId,
        /// What the host decided.
        screening: Box<Screening>,
    },
    /// The blacklist changed.
    ListChanged {
        /// How.
        change: Box<ListChange>,
    },
    /// The host was asked for something that it does by itself.
    DeedAnswered {
        /// What, and how it went.
        deed: Box<Deed>,
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
        /// From joining this queue until connected, ring time included.
        wait: Span,
    },
    /// The conversation went on in another way.
    TalkChanged {
        /// Which call.
        call: CallId,
        /// With whom.
        agent: AgentId,
        /// In which queue.
        queue: QueueId,
        /// How it went until now.
        from: TalkState,
        /// How it goes on.
        to: TalkState,
        /// How long it went like that.
        lasted: Span,
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
        /// From joining this queue until connected or gone.
        wait: Span,
        /// Conversation; zero if never connected.
        talk: Span,
        /// Of which on hold, consulting included.
        hold: Span,
        /// Who ended it.
        by: Party,
        /// Where the caller went.
        to: Exit,
    },
    /// The caller hears nothing of the agent from now on, or again. With the conversation it is over without a word.
    MuteChanged {
        /// Which call.
        call: CallId,
        /// Who.
        agent: AgentId,
        /// In which queue.
        queue: QueueId,
        /// Whether the agent is mute now.
        muted: bool,
    },
    /// What became of the recording of a conversation.
    Recording {
        /// Which recording.
        recording: RecordingId,
        /// Of which call.
        call: CallId,
        /// Who talks.
        agent: AgentId,
        /// In which queue.
        queue: QueueId,
        /// What.
        step: RecordingStep,
    },
    /// An agent's caller goes on elsewhere: `CallFinished` follows, and `CallJoined` if that is a queue.
    CallTransferred {
        /// Which call.
        call: CallId,
        /// Who had it.
        agent: AgentId,
        /// In which queue.
        queue: QueueId,
        /// Where to, as asked for.
        to: Destination,
        /// Why; may be empty.
        reason: String,
        /// Who asked for it.
        author: String,
    },
    /// An agent said what a call was about, or thought better of it.
    DispositionSet {
        /// Which call.
        call: CallId,
        /// Who.
        agent: AgentId,
        /// In which queue.
        queue: QueueId,
        /// Which of [`Config::dispositions`](crate::config::Config::dispositions).
        code: String,
        /// Whether it stands for a complaint.
        complaint: bool,
        /// Whether it stands for a caller who has what was called for.
        resolved: bool,
        /// Whether it stands for a caller who is to be called again.
        follow_up: bool,
        /// What the agent wrote to it; may be empty.
        note: String,
        /// The code that it takes the place of; empty if the first.
        before: String,
        /// Who asked for it.
        author: String,
    },
    /// A caller is away in the dialplan, and comes back to the agent.
    IvrStarted {
        /// Which call.
        call: CallId,
        /// Who is reserved meanwhile.
        agent: AgentId,
        /// In which queue.
        queue: QueueId,
        /// What for: a name of the settings, or a place.
        ivr: String,
        /// Who asked for it.
        author: String,
    },
    /// A caller is away for the agent no more.
    IvrEnded {
        /// Which call.
        call: CallId,
        /// Who was reserved.
        agent: AgentId,
        /// In which queue.
        queue: QueueId,
        /// What for.
        ivr: String,
        /// How it ended.
        outcome: IvrOutcome,
        /// What the dialplan made of it; empty unless the caller returned with one.
        result: String,
        /// Since the caller went.
        lasted: Span,
    },
    /// The agent's side is over, and the caller goes to be asked what it was like; `CallFinished` follows.
    SurveyOffered {
        /// Which call.
        call: CallId,
        /// About whom.
        agent: AgentId,
        /// In which queue.
        queue: QueueId,
        /// Who asked for it; empty if the settings did.
        author: String,
    },
    /// A caller said what it was like.
    SurveyAnswered {
        /// Which call.
        call: CallId,
        /// About whom.
        agent: AgentId,
        /// In which queue.
        queue: QueueId,
        /// From 1; the more, the better.
        score: u8,
        /// What could be answered at most.
        highest: u8,
    },
    /// A caller who was to be asked did not answer.
    SurveyUnanswered {
        /// Which call.
        call: CallId,
        /// About whom.
        agent: AgentId,
        /// In which queue.
        queue: QueueId,
    },
    /// A consultation goes on in another way.
    ConsultChanged {
        /// Whose caller waits, or hears along.
        call: CallId,
        /// Who consults.
        agent: AgentId,
        /// In which queue.
        queue: QueueId,
        /// Whom, as asked for.
        with: Destination,
        /// The agent who was reached, once one was.
        colleague: Option<AgentId>,
        /// How it goes on.
        to: ConsultState,
    },
    /// A caller left and is owed a call.
    CallbackPlaced {
        /// The call it came from, which is its name from now on.
        callback: CallId,
        /// In which queue the place is kept.
        queue: QueueId,
        /// As what.
        tier: TierId,
        /// Caller number.
        number: String,
        /// The place in the order of service; 1 is next.
        position: u32,
    },
    /// A call that was owed before the host began is owed still.
    CallbackRestored {
        /// Its name from now on.
        callback: CallId,
        /// How the host called it before.
        before: String,
        /// In which queue the place is kept.
        queue: QueueId,
        /// As what.
        tier: TierId,
        /// Caller number.
        number: String,
        /// The place in the order of service; 1 is next.
        position: u32,
        /// When the caller left.
        placed: Time,
        /// Attempts made.
        attempts: u32,
    },
    /// Somebody is being called back.
    CallbackDialled {
        /// Which.
        callback: CallId,
        /// In which queue.
        queue: QueueId,
        /// Which attempt, from 1.
        attempt: u32,
    },
    /// An attempt to call back came to nothing; another follows unless the callback ends.
    CallbackMissed {
        /// Which.
        callback: CallId,
        /// In which queue.
        queue: QueueId,
        /// Which attempt, from 1.
        attempt: u32,
    },
    /// A callback is over.
    CallbackEnded {
        /// Which.
        callback: CallId,
        /// In which queue.
        queue: QueueId,
        /// As what.
        tier: TierId,
        /// How.
        outcome: CallbackOutcome,
        /// Since it was placed.
        after: Span,
    },
    /// Something lasts longer than a limit allows; again for each level, and each interval.
    LimitReached {
        /// What.
        limit: Limit,
        /// Which level, from 1.
        level: u8,
        /// How long it has lasted.
        lasted: Span,
    },
    /// What lasted longer than a limit allows is over.
    LimitCleared {
        /// What.
        limit: Limit,
        /// The level that it had reached.
        level: u8,
        /// How long it lasted in all.
        lasted: Span,
    },
    /// A caller on hold is to be retrieved, or was.
    Retrieve {
        /// Which call.
        call: CallId,
        /// Who holds.
        agent: AgentId,
        /// In which queue.
        queue: QueueId,
        /// How far it is.
        result: RetrieveResult,
    },
    /// A supervisor signed in or out.
    SupervisorChanged {
        /// The supervisor now.
        supervisor: SupervisorView,
    },
    /// A supervisor began to listen.
    MonitorStarted {
        /// How.
        monitor: MonitorView,
        /// Who asked for it.
        author: String,
    },
    /// A supervisor listens in another way, or to another call.
    MonitorChanged {
        /// How now.
        monitor: MonitorView,
        /// In which mode until now.
        from: MonitorMode,
        /// Who asked for it; empty if it came by itself.
        author: String,
    },
    /// A supervisor who listened does so no more.
    MonitorEnded {
        /// How it was last.
        monitor: MonitorView,
        /// How it ended.
        outcome: MonitorOutcome,
        /// Since it began.
        lasted: Span,
        /// Who asked for it; empty if it came by itself.
        author: String,
    },
    /// A supervisor ended a conversation; `CallFinished` by a supervisor follows. A take-over that is told of after the agent's phone was
    /// gone comes behind `CallFinished`, which then was by the agent.
    TalkCut {
        /// Which call.
        call: CallId,
        /// Whose conversation.
        agent: AgentId,
        /// In which queue.
        queue: QueueId,
        /// How.
        how: Cut,
        /// Who asked for it.
        author: String,
    },
    /// A queue was opened or closed, other than by settings.
    QueueChanged {
        /// The queue now.
        queue: QueueView,
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
        /// What calls can have been about.
        dispositions: Arc<[Disposition]>,
        /// Supervisors that were ever known, in the order of their ids.
        supervisors: Vec<SupervisorView>,
    },
    /// The engine met what must not happen, and carried on as it was: a defect of the engine or of its host, to be
    /// logged loudly and reported.
    Fault {
        /// What was met.
        what: String,
    },
}

/// A wait to expect: of a hundred callers in this place fifty and ninety wait no longer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Estimate {
    /// The median.
    pub p50: Span,
    /// The ninetieth percentile.
    pub p90: Span,
}

/// What a limit is on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Limit {
    /// A caller waits.
    Wait {
        /// Who.
        call: CallId,
        /// Where.
        queue: QueueId,
    },
    /// A phone rings.
    Ring {
        /// Whose.
        agent: AgentId,
        /// For which call.
        call: CallId,
    },
    /// Caller and agent talk.
    Talk {
        /// Which call.
        call: CallId,
        /// Who.
        agent: AgentId,
    },
    /// A caller is on hold.
    Hold {
        /// Which call.
        call: CallId,
        /// By whom.
        agent: AgentId,
    },
    /// An agent is in after-call work.
    WrapUp {
        /// Who.
        agent: AgentId,
    },
    /// An agent is not ready, for a reason that has limits.
    NotReady {
        /// Who.
        agent: AgentId,
    },
}

/// How a caller's time in the dialplan ended for the agent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IvrOutcome {
    /// The caller came back with a result.
    Returned,
    /// The dialplan had nothing more for the caller, who came back.
    RanOut,
    /// The caller was brought back.
    TimedOut,
    /// The caller hung up there.
    HungUp,
    /// The agent left meanwhile.
    AgentGone,
}

/// How a callback ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CallbackOutcome {
    /// The caller answered and waits, or talks, as that call.
    Resumed(CallId),
    /// The caller called again and has the place back as that call.
    Redialled(CallId),
    /// Nobody answered as often as was tried.
    Failed,
    /// It was owed for too long.
    Expired,
    /// A supervisor cancelled it.
    Cancelled,
    /// The queue was removed.
    Removed,
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
    /// The queue was closed.
    Closed,
    /// There was an emergency.
    Emergency,
    /// A rule of the queue sent the caller elsewhere (话务分流).
    Diverted,
    /// The caller left by a key.
    Left,
    /// The caller chose to be called back, or was sent there.
    Callback,
    /// A rule sent the caller to another queue, where the call goes on.
    Overflowed,
    /// A supervisor put the caller into another queue, where the call goes on.
    Moved,
    /// The node could not go on.
    Error,
}

/// How a consultation goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConsultState {
    /// The caller is on hold, and somebody is called.
    Begun,
    /// The two talk; the caller is on hold.
    Apart,
    /// The agent talks with the caller; the consulted waits.
    WithCaller,
    /// All three talk.
    Together,
    /// Over.
    Over(ConsultEnd),
}

/// Why a consultation is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConsultEnd {
    /// The caller is left to the consulted.
    HandedOver,
    /// The agent let the consulted go.
    Dropped,
    /// The consulted hung up.
    HungUp,
    /// The consulted was busy.
    Busy,
    /// The consulted declined.
    Rejected,
    /// The consulted did not answer.
    NoAnswer,
    /// The consulted could not be reached.
    Unreachable,
    /// The consulted agent went away from work while the phone rang.
    Away,
    /// The conversation with the caller is over.
    CallOver,
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
    /// Has a caller on hold.
    OnHold,
    /// Talks with a third party while the caller is on hold.
    Consulting,
    /// Talks with the caller and a third party.
    Conferencing,
    /// Waits for a caller to come back from the dialplan.
    Reserved,
    /// After-call work (后续处理).
    WrapUp,
}

/// An agent as the world sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AgentView {
    /// Which.
    pub agent: AgentId,
    /// What seldom changes.
    pub card: Arc<AgentCard>,
    /// Dial string in use; empty while none is bound.
    pub phone: Arc<str>,
    /// Published state.
    pub state: AgentState,
    /// When that state began.
    pub since: Time,
    /// Why not ready, unavailable, forced, or signed out by somebody else; empty otherwise.
    pub reason: String,
    /// The supervisor's lock, also while a call goes on beneath it. Boxed, since it is rare and views are many.
    pub forced: Option<Box<Forced>>,
    /// What was asked for and comes after the present call.
    pub next: Option<NextState>,
    /// The phone apart from our calls.
    pub phone_state: PhoneState,
    /// Whether after-call work goes on until the agent has said what the call was about.
    pub owes_disposition: bool,
    /// The call offered or talked.
    pub call: Option<CallId>,
}

/// Who an agent is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AgentCard {
    /// Agent number.
    pub number: Arc<str>,
    /// Display name.
    pub name: String,
    /// Queues served.
    pub queues: Vec<MemberView>,
    /// Skills, in the order of their names.
    pub skills: Vec<Arc<str>>,
}

/// An agent's place in a queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MemberView {
    /// Which queue.
    pub queue: QueueId,
    /// Skill level, 1 (best) to 255.
    pub level: u8,
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
    /// Whether callers may join.
    pub door: Door,
}

/// What became of a recording.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RecordingStep {
    /// The conversation is recorded from now on.
    Started {
        /// What the host calls it.
        file: String,
        /// Who asked for it; empty if a rule of the queue did.
        author: String,
    },
    /// Nothing is recorded until it goes on.
    Paused {
        /// Who asked for it; empty if the host did it by itself.
        author: String,
    },
    /// It goes on.
    Resumed {
        /// Who asked for it; empty if the host did it by itself.
        author: String,
        /// How long nothing was recorded.
        lasted: Span,
    },
    /// It is over, and kept.
    Finished {
        /// What the host calls it.
        file: String,
        /// From its start to its end, pauses included.
        lasted: Span,
        /// Of which nothing was recorded.
        paused: Span,
        /// How large it is.
        bytes: u64,
    },
    /// It did not start, or is over before its time, or not whole. The conversation goes on.
    Failed {
        /// What the host calls it; empty if it never started.
        file: String,
        /// Why.
        why: RecordingFailure,
        /// From its start to its end; zero if it never started.
        lasted: Span,
        /// How much of it there is.
        bytes: u64,
    },
}

/// Why a conversation is not recorded, or not whole.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum RecordingFailure {
    /// The folder, or a file in it, cannot be written.
    Folder,
    /// The disk has less room than is to be left free.
    DiskFull,
    /// The PBX has no recorder, or it refused.
    Recorder,
    /// The conversation was over before it could begin.
    TooLate,
    /// A file is gone, or shorter than what was said.
    Incomplete,
}
