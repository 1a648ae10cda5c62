//! What events say of things: how they ended, where they went, how long they may take.

use serde::{Deserialize, Serialize};

use crate::label::labels;

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

labels!(OfferResult {
    Answered => "answered",
    NoAnswer => "no_answer",
    Rejected => "rejected",
    Busy => "busy",
    Unreachable => "unreachable",
    Cancelled => "cancelled",
});

/// How a call's visit to a queue ended. Nothing is called abandoned but a caller who hung up while waiting.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallOutcome {
    /// Connected to an agent.
    Answered,
    /// The caller hung up while waiting.
    Abandoned,
    /// A supervisor, or an operator of the PBX, took the caller out of the queue while waiting.
    Withdrawn,
    /// The longest wait was reached.
    Timeout,
    /// The queue was full.
    Full,
    /// The queue had no agents.
    NoAgents,
    /// The queue was removed.
    Removed,
    /// The queue was closed.
    Closed,
    /// There was an emergency.
    Emergency,
    /// A rule of the queue sent the caller elsewhere.
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

labels!(CallOutcome {
    Answered => "answered",
    Abandoned => "abandoned",
    Withdrawn => "withdrawn",
    Timeout => "timeout",
    Full => "full",
    NoAgents => "no_agents",
    Removed => "removed",
    Closed => "closed",
    Emergency => "emergency",
    Diverted => "diverted",
    Left => "left",
    Callback => "callback",
    Overflowed => "overflowed",
    Moved => "moved",
    Error => "error",
});

/// Where a call went when its visit to a queue ended: `"onward"`, `{"place":"ivr,s,1"}`, `{"queue":"sales"}`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// The dialplan went on behind `Hotline()`, or the caller was gone.
    #[default]
    Onward,
    /// A place of the dialplan, as the PBX writes it.
    Place(String),
    /// Another queue.
    Queue(String),
    /// Busy tone.
    Busy,
    /// The caller is called back.
    Callback,
}

impl Exit {
    /// All values of [`label`](Self::label).
    pub const LABELS: &'static [&'static str] = &["onward", "place", "queue", "busy", "callback"];

    /// What kind of exit it is, as it stands in a label.
    pub const fn label(&self) -> &'static str {
        match self {
            Exit::Onward => "onward",
            Exit::Place(_) => "place",
            Exit::Queue(_) => "queue",
            Exit::Busy => "busy",
            Exit::Callback => "callback",
        }
    }
}

/// What a rule did to a waiting caller: `{"accept_level":2}`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Agents down to this level will do.
    AcceptLevel(u8),
    /// This skill is no longer required.
    DropSkill(String),
    /// Agents of that queue may take the call as well.
    AddQueue(String),
    /// Served as if joined so much earlier; microseconds.
    Raise(u64),
    /// Said something: sound files, or `position`, `wait` and `retry-in` for figures.
    Say(Vec<String>),
    /// Said the menu of that name, and took its keys.
    Menu(String),
    /// Sent the caller away.
    Divert(Exit),
}

/// How a conversation goes on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TalkState {
    /// Caller and agent hear each other.
    #[default]
    Talking,
    /// The caller hears music.
    OnHold,
    /// The agent talks with a third party, the caller is on hold.
    Consulting,
    /// All three hear each other.
    Conferencing,
    /// The caller is away in the dialplan, the agent is reserved.
    Away,
}

labels!(TalkState {
    Talking => "talking",
    OnHold => "on_hold",
    Consulting => "consulting",
    Conferencing => "conferencing",
    Away => "away",
});

/// How a caller's time in the dialplan ended for the agent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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

labels!(IvrOutcome {
    Returned => "returned",
    RanOut => "ran_out",
    TimedOut => "timed_out",
    HungUp => "hung_up",
    AgentGone => "agent_gone",
});

/// How a consultation goes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
    Over,
}

labels!(ConsultState {
    Begun => "begun",
    Apart => "apart",
    WithCaller => "with_caller",
    Together => "together",
    Over => "over",
});

/// Why a consultation is over.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsultEnd {
    /// The caller is left to the consulted: `call_transferred` follows.
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

labels!(ConsultEnd {
    HandedOver => "handed_over",
    Dropped => "dropped",
    HungUp => "hung_up",
    Busy => "busy",
    Rejected => "rejected",
    NoAnswer => "no_answer",
    Unreachable => "unreachable",
    Away => "away",
    CallOver => "call_over",
});

/// How a callback ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallbackOutcome {
    /// The caller answered and is in the queue again.
    Resumed,
    /// The caller called again and has the place back.
    Redialled,
    /// Nobody answered as often as was tried.
    Failed,
    /// It was owed for too long.
    Expired,
    /// A supervisor cancelled it.
    Cancelled,
    /// The queue was removed.
    Removed,
}

labels!(CallbackOutcome {
    Resumed => "resumed",
    Redialled => "redialled",
    Failed => "failed",
    Expired => "expired",
    Cancelled => "cancelled",
    Removed => "removed",
});

/// A wait to expect, in microseconds: of a hundred callers in this place fifty and ninety wait no longer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Estimate {
    /// The median.
    pub p50: u64,
    /// The ninetieth percentile.
    pub p90: u64,
}

/// What a limit is on: `{"on":"hold","call":"pbx1-…-7","agent":"1001"}`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "on", rename_all = "snake_case")]
pub enum Limit {
    /// A caller waits.
    Wait {
        /// Call reference.
        call: String,
        /// Queue name.
        queue: String,
    },
    /// A phone rings.
    Ring {
        /// Agent number.
        agent: String,
        /// Call reference.
        call: String,
    },
    /// Caller and agent talk.
    Talk {
        /// Call reference.
        call: String,
        /// Agent number.
        agent: String,
    },
    /// A caller is on hold.
    Hold {
        /// Call reference.
        call: String,
        /// Agent number.
        agent: String,
    },
    /// An agent is in after-call work.
    WrapUp {
        /// Agent number.
        agent: String,
    },
    /// An agent is not ready, for a reason that has limits.
    NotReady {
        /// Agent number.
        agent: String,
    },
}

impl Limit {
    /// All values of [`label`](Self::label).
    pub const LABELS: &'static [&'static str] = &["wait", "ring", "talk", "hold", "wrap_up", "not_ready"];

    /// What it is on, as it stands in a label.
    pub const fn label(&self) -> &'static str {
        match self {
            Limit::Wait { .. } => "wait",
            Limit::Ring { .. } => "ring",
            Limit::Talk { .. } => "talk",
            Limit::Hold { .. } => "hold",
            Limit::WrapUp { .. } => "wrap_up",
            Limit::NotReady { .. } => "not_ready",
        }
    }
}

/// How far it is with retrieving a caller from hold.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetrieveResult {
    /// The agent's phone was asked to. One of the others follows, unless the call ends before.
    Asked,
    /// The hold ended within the time the phone had.
    Retrieved,
    /// The hold goes on.
    Failed,
}

labels!(RetrieveResult {
    Asked => "asked",
    Retrieved => "retrieved",
    Failed => "failed",
});

/// Why a caller was not retrieved from hold.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetrieveFailure {
    /// The phone did not do it in time.
    Ignored,
    /// The agent is not reached by a SIP phone of the PBX itself, so there is nothing to be asked.
    NoSipPhone,
    /// The PBX could not ask; its log says why.
    NotSent,
    /// The agent talks with a third party meanwhile.
    Consulting,
    /// The phone does not announce that it understands the event, and the settings want only those asked that do.
    NotAnnounced,
}

labels!(RetrieveFailure {
    Ignored => "ignored",
    NoSipPhone => "no_sip_phone",
    NotSent => "not_sent",
    Consulting => "consulting",
    NotAnnounced => "not_announced",
});

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
    /// A supervisor.
    Supervisor,
}

/// What a supervisor does with a conversation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MonitorMode {
    /// Hears it, unheard.
    #[default]
    Listen,
    /// Is heard by the agent besides.
    Whisper,
    /// Is heard by agent and caller besides.
    Barge,
    /// Takes the agent's place.
    TakeOver,
}

labels!(MonitorMode {
    Listen => "listen",
    Whisper => "whisper",
    Barge => "barge",
    TakeOver => "take_over",
});

/// Whom a supervisor who listens stays with.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Follow {
    /// The agent, from call to call.
    #[default]
    Agent,
    /// The caller, through hold and transfer.
    Call,
}

labels!(Follow {
    Agent => "agent",
    Call => "call",
});

/// Whose part in a conversation a supervisor ends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whom {
    /// The caller's.
    Caller,
    /// The agent's: the caller goes on in the dialplan.
    Agent,
    /// That of both.
    Both,
}

labels!(Whom {
    Caller => "caller",
    Agent => "agent",
    Both => "both",
});

/// How a supervisor's listening ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MonitorOutcome {
    /// By command.
    Stopped,
    /// The supervisor hung up, or the phone is gone.
    HungUp,
    /// The conversation that was followed is over.
    CallOver,
    /// The supervisor has the agent's place.
    TookOver,
    /// The agent signed out.
    AgentSignedOut,
    /// The supervisor signed out, or may no longer listen so.
    SignedOut,
}

labels!(MonitorOutcome {
    Stopped => "stopped",
    HungUp => "hung_up",
    CallOver => "call_over",
    TookOver => "took_over",
    AgentSignedOut => "agent_signed_out",
    SignedOut => "signed_out",
});

/// How a supervisor ended a conversation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cut {
    /// By taking the agent's place.
    TakenOver,
    /// The caller was hung up.
    CallerDisconnected,
    /// The agent was hung up; the caller goes on in the dialplan.
    AgentDisconnected,
    /// Both were hung up.
    BothDisconnected,
}

labels!(Cut {
    TakenOver => "taken_over",
    CallerDisconnected => "caller_disconnected",
    AgentDisconnected => "agent_disconnected",
    BothDisconnected => "both_disconnected",
});

/// What is to be done about the recording of a conversation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordOrder {
    /// Record from now on.
    Start,
    /// Close it.
    Stop,
    /// Record nothing of what is said, until told to go on.
    Pause,
    /// Go on.
    Resume,
}

labels!(RecordOrder {
    Start => "start",
    Stop => "stop",
    Pause => "pause",
    Resume => "resume",
});

/// Why a conversation is not recorded, or not whole.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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

impl RecordingFailure {
    /// How a recording that is over went, for all of them: the reasons of failing, and that it is whole.
    pub const RESULTS: [&'static str; 6] = [
        RecordingFailure::FINISHED,
        RecordingFailure::Folder.label(),
        RecordingFailure::DiskFull.label(),
        RecordingFailure::Recorder.label(),
        RecordingFailure::TooLate.label(),
        RecordingFailure::Incomplete.label(),
    ];

    /// The result of one that did not fail.
    pub const FINISHED: &'static str = "finished";
}

labels!(RecordingFailure {
    Folder => "folder",
    DiskFull => "disk_full",
    Recorder => "recorder",
    TooLate => "too_late",
    Incomplete => "incomplete",
});
