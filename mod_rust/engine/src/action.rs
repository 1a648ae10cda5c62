//! Actions: what the host must do. They are primitive, name no queue, and an adapter obeys them without judgement.

use std::sync::Arc;

use crate::config::{Answering, Tone};
use crate::ids::{AgentId, CallId, CommandId, MonitorId, OfferId, RecordingId, SupervisorId};
use crate::input::{Arrangement, Follow, MonitorMode, RecordOrder, Whom};
use crate::time::Span;

/// One thing for the host to carry out, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// For one call's thread.
    Call {
        /// Whose.
        call: CallId,
        /// What.
        action: CallAction,
    },
    /// The answer to a command.
    Reply {
        /// Which command.
        command: CommandId,
        /// How it went.
        outcome: CommandOutcome,
    },
    /// Call somebody back. When the call is answered, the caller joins with
    /// [`Caller::callback`](crate::input::Caller::callback); if it is not, report
    /// [`CallbackFailed`](crate::Input::CallbackFailed).
    CallBack {
        /// The callback, by the call it came from.
        callback: CallId,
        /// Which attempt, from 1.
        attempt: u32,
        /// How to dial; see [`CallbackSettings::dial`](crate::config::CallbackSettings::dial).
        dial: String,
        /// Whom: 1 to 40 letters, digits and `+*#._-`, so that it can stand in a dial string for nothing else.
        number: String,
        /// For which queue, for display.
        queue: String,
    },
    /// Stop calling back: the caller has come by itself, or is called no more. Nothing is reported back.
    CancelCallBack {
        /// Which.
        callback: CallId,
    },
    /// For the channel of a supervisor who is on the line.
    Monitor {
        /// Which.
        monitor: MonitorId,
        /// What.
        action: MonitorAction,
    },
    /// Call a supervisor's phone. When it is answered, report [`Up`](crate::input::MonitorFact::Up), otherwise
    /// [`Gone`](crate::input::MonitorFact::Gone).
    CallSupervisor {
        /// For which listening.
        monitor: MonitorId,
        /// The phone's device.
        phone: String,
        /// Supervisor number, for display.
        supervisor: String,
        /// Number of the agent to be listened to, for display.
        agent: String,
        /// How the phone is answered.
        answering: Answering,
        /// How long it rings at most.
        ring_time: Span,
    },
    /// Stop calling a supervisor's phone. Nothing is reported back.
    CancelCallSupervisor {
        /// For which listening.
        monitor: MonitorId,
    },
    /// Hang up somebody of a conversation; its end is reported as any other.
    Disconnect {
        /// Which call.
        call: CallId,
        /// Whom.
        whom: Whom,
    },
    /// Say this to a caller on hold, in place of the music, which goes on afterwards. The agent does not hear it. It is over
    /// when the hold is; of a hold that is over already nothing is said.
    Comfort {
        /// Whose caller.
        call: CallId,
        /// Sound files of the PBX, in this order.
        say: Vec<String>,
    },
    /// Ask the phone of the agent who holds the caller to retrieve. Whether it does shows in how the conversation goes on;
    /// report [`RetrieveFailed`](crate::Input::RetrieveFailed) if it cannot be asked.
    Retrieve {
        /// Which call.
        call: CallId,
        /// What the phone understands; see [`Retrieve::event`](crate::config::Retrieve::event).
        event: String,
        /// Even if it does not announce that.
        unannounced: bool,
    },
    /// Put the caller of a conversation on hold with music, the agent's phone keeping its line and hearing nothing; or bring the
    /// two together again. Report [`Held`](crate::Input::Held) then, or [`NotDone`](crate::Input::NotDone).
    Hold {
        /// Which call.
        call: CallId,
        /// Whether the caller is to be on hold.
        on: bool,
    },
    /// Let the caller of a conversation hear nothing of the agent, or again. Report [`Muted`](crate::Input::Muted) then, or
    /// [`NotDone`](crate::Input::NotDone).
    Mute {
        /// Which call.
        call: CallId,
        /// Whether the agent is to be mute.
        on: bool,
    },
    /// Let the caller of a conversation go to a place of the dialplan for a while, the agent's phone keeping its line. Neither hears
    /// anything of the other, nor anybody else of the caller. Report [`WentAway`](crate::Input::WentAway) then, and
    /// [`CameBack`](crate::Input::CameBack) when the two are together again; or [`NotDone`](crate::Input::NotDone).
    SendAway {
        /// Which call.
        call: CallId,
        /// The place, as the PBX writes it.
        place: String,
    },
    /// Bring a caller back who is away. One who is back already is left alone.
    BringBack {
        /// Which call.
        call: CallId,
    },
    /// Put the caller of a conversation on hold with music, take the agent apart, and call somebody for the agent, who hears it
    /// ring. Report [`Begun`](crate::input::ConsultFact::Begun) then, or
    /// [`NotDone`](crate::input::ConsultFact::NotDone), and later whether the line is gone.
    Consult {
        /// The call whose agent consults.
        call: CallId,
        /// Whom.
        line: Line,
    },
    /// Arrange who hears whom in a consultation; report [`Arranged`](crate::input::ConsultFact::Arranged) or
    /// [`NotDone`](crate::input::ConsultFact::NotDone).
    Arrange {
        /// The call whose agent consults.
        call: CallId,
        /// How.
        how: Arrangement,
    },
    /// Do that with the recording of a conversation, in the order told. Report what became of it with
    /// [`Recording`](crate::Input::Recording): of each that was to start, in the end that it is finished or has failed, be the
    /// call gone or not.
    Record {
        /// Which recording.
        recording: RecordingId,
        /// Of which call.
        call: CallId,
        /// What.
        order: RecordOrder,
    },
    /// Watch the phone of an agent from now on: `phone` replaces what was watched before; empty watches none. It counts as
    /// available until the host says otherwise. While an agent is signed out it is the phone of the settings.
    WatchPhone {
        /// Whose phone.
        agent: AgentId,
        /// Dial string.
        phone: String,
    },
}

/// Whom an agent consults.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Line {
    /// An agent, whom the line's own thread rings once it has [joined](crate::Input::JoinConsult).
    Agent,
    /// Whom a queue gives, with music until then; likewise.
    Queue,
    /// Whoever is reached by a place of the dialplan.
    Place(String),
}

/// What a call's own thread must do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CallAction {
    /// Play music to the caller until connected or released; an empty class is the PBX's default. Comes again when
    /// connecting failed.
    Music {
        /// Music class.
        class: String,
        /// Not before so long from now: whoever is answered sooner hears silence, and costs no music.
        after: Span,
    },
    /// Ring an agent's phone. Reported back by the offer's number.
    Ring {
        /// The attempt.
        offer: OfferId,
        /// Dial string.
        phone: Arc<str>,
        /// Agent number, for display.
        agent: Arc<str>,
        /// The queue in which the call is offered, for display.
        queue: Arc<str>,
        /// How the phone is to be answered.
        answering: Answering,
    },
    /// Stop ringing, or drop an answered leg that lost. Nothing is reported back.
    Cancel {
        /// The attempt.
        offer: OfferId,
    },
    /// Connect the caller with the leg that answered; report `Connected`, later `Ended`.
    Connect {
        /// The attempt that won.
        offer: OfferId,
        /// What is said before; `None` if nothing.
        greeting: Option<Box<Spoken>>,
    },
    /// Say this to the waiting caller, in place of the music and of what is being said. Music goes on afterwards. Never
    /// delays a `Connect`.
    Say {
        /// In this order.
        say: Vec<Utterance>,
    },
    /// Let the call go on in the dialplan. The last action of a call, exactly once, unless the caller is gone.
    Release {
        /// What the dialplan is told.
        status: Status,
        /// Where it goes on.
        to: Place,
        /// What the caller hears first.
        say: Vec<Utterance>,
        /// When the queue is expected to be clear, if known; for "try again in N minutes".
        retry_in: Option<Span>,
    },
}

/// What the channel of a supervisor must do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MonitorAction {
    /// Hear that call from now on, in place of what was heard before. If there is nothing to hear, report
    /// [`Lost`](crate::input::MonitorFact::Lost).
    Attach {
        /// Which.
        call: CallId,
        /// By its caller, or by its agent.
        follow: Follow,
        /// How; never taking over.
        mode: MonitorMode,
        /// What the agent hears first.
        tone: Option<Tone>,
    },
    /// Go on with what is heard in another way.
    Switch {
        /// How; never taking over.
        mode: MonitorMode,
        /// What the agent hears first.
        tone: Option<Tone>,
    },
    /// Hear nothing until told to.
    Idle,
    /// Take the agent's place in that call: report [`TookOver`](crate::input::MonitorFact::TookOver), or
    /// [`NoPlace`](crate::input::MonitorFact::NoPlace) if there is none to take, and go on with what is heard.
    TakeOver {
        /// Which.
        call: CallId,
    },
    /// Let the supervisor hear that what was keyed in cannot be.
    Refuse,
    /// Let the channel go. The last action, unless it is gone.
    End,
}

/// Where a released call goes on.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Place {
    /// Behind `Hotline()`.
    #[default]
    Onward,
    /// There, as the PBX writes it.
    There(String),
    /// With a busy tone.
    Busy,
}

/// A piece of speech.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Utterance {
    /// A sound file of the PBX.
    File(String),
    /// A number.
    Number(u32),
    /// Character by character.
    Spelled(Arc<str>),
}

/// What is said to caller and agent at once, before they hear each other.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Spoken {
    /// To the caller.
    pub caller: Vec<Utterance>,
    /// To the agent.
    pub agent: Vec<Utterance>,
}

/// How a call left the queue, as the dialplan sees it in `HOTLINESTATUS`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// Talked with an agent, who hung up first.
    Answered,
    /// The queue's longest wait was reached.
    Timeout,
    /// The queue is full, or the node has no room for another call.
    Full,
    /// No agent is signed in and the queue does not wait without.
    NoAgents,
    /// No queue of that name.
    UnknownQueue,
    /// The queue was removed while waiting.
    Removed,
    /// The queue is closed.
    Closed,
    /// There is an emergency.
    Emergency,
    /// A rule of the queue sent the caller elsewhere.
    Diverted,
    /// The caller left by a key.
    Left,
    /// The caller will be called back.
    Callback,
    /// A supervisor took the caller out.
    Withdrawn,
    /// The agent sent the caller to a place of the dialplan.
    Transferred,
    /// The agent's side is over, and the caller is asked what it was like.
    Survey,
    /// The caller hung up.
    Hangup,
    /// The node could not go on; the log says why.
    Error,
}

/// How a command went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CommandOutcome {
    /// In effect.
    Done,
    /// Takes effect when the call the agent is in ends.
    Pending,
    /// Not done.
    Refused(Refusal),
}

/// Why a command was not done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// No agent of that number.
    UnknownAgent,
    /// The agent is not signed in.
    NotSignedIn,
    /// The agent is locked by a supervisor and cannot free itself.
    ForcedBusy,
    /// The agent is in a call, and this cannot wait for its end.
    InCall,
    /// Another agent is signed in on that phone.
    PhoneTaken,
    /// Neither the settings nor the command name a phone.
    NoPhone,
    /// There is no lock, wrap-up or not-ready to lift.
    NothingToDo,
    /// The settings contradict themselves; the running ones stay.
    BadConfig,
    /// No queue of that name.
    UnknownQueue,
    /// No such call, or no such callback.
    UnknownCall,
    /// The call does not wait any more.
    NotWaiting,
    /// The agent is not in after-call work.
    NotInWrapUp,
    /// No disposition of that code, or none for calls of that queue.
    UnknownDisposition,
    /// A ceiling is reached.
    AtLimit,
    /// A value is out of range.
    OutOfRange,
    /// No supervisor of that number.
    UnknownSupervisor,
    /// The supervisor is not signed in, or no supervisor is on that phone.
    NoSupervisorThere,
    /// The supervisor may not do that, or not from that phone.
    NotAllowed,
    /// The agent is in no conversation.
    NotTalking,
    /// This supervisor speaks in that conversation already.
    Speaking(SupervisorId),
    /// The supervisor listens to somebody else.
    Listening,
    /// The supervisor's phone was not answered.
    NoAnswer,
    /// Somebody else is in the conversation, or the caller is away: not before the two are alone again.
    NotAlone,
    /// The agent's own phone holds the caller, and nothing else can end that.
    HeldByPhone,
    /// The caller is on hold: not before that is over.
    OnHold,
    /// The queue's settings let nothing be recorded.
    RecordingOff,
    /// The conversation is not recorded.
    NotRecorded,
    /// A rule of the queue has the conversation recorded, and nobody ends that.
    RecordedByRule,
    /// The host could not record; `RecordingFailed` says why.
    RecorderFailed,
    /// No agent of the number that the caller is to go to.
    UnknownTarget,
    /// The agent that the caller is to go to is not at work, or serves no queue.
    TargetAway,
    /// No tier of that name.
    UnknownTier,
    /// The queue is full.
    QueueFull,
    /// The queue is closed, for whatever reason.
    QueueClosed,
    /// The queue has no agents, and does not wait without.
    QueueUnmanned,
    /// The settings name no such place from which callers come back.
    UnknownIvr,
    /// Callers of the queue are not asked what it was like.
    NoSurvey,
    /// Nobody is consulted.
    NoConsultation,
    /// The consulted has not answered yet.
    NotAnswered,
    /// The agent to be consulted is busy.
    TargetBusy,
    /// The agent to be consulted declined.
    Declined,
    /// Whom to consult could not be reached.
    Unreachable,
    /// While it was pending, a later command or its own expiry came first.
    Overtaken,
}
