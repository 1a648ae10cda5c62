//! Inputs: what the host saw, or was asked. Each is applied whole before the next.

use crate::config::{Config, Door};
use crate::event::{RecordingFailure, RetrieveFailure};
use crate::ids::{AgentId, CallId, CommandId, MonitorId, OfferId, RecordingId};
use crate::screening::{ListChange, Screening};
use crate::standing::Owed;
use crate::time::Span;

/// One thing that reached the engine. A fact about a call or an offer that has ended meanwhile is no error: it lost
/// a race and is passed over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// A caller entered `Hotline(queue)`.
    Join {
        /// The host's new number for the call.
        call: CallId,
        /// Queue name as the dialplan gave it; may be unknown.
        queue: String,
        /// Who calls.
        caller: Caller,
    },
    /// The caller is no longer there, before being connected. Nothing more is asked of the call's thread but to cancel
    /// its offers.
    CallerGone {
        /// Whose caller.
        call: CallId,
        /// Why.
        how: Departure,
    },
    /// The agent's phone rings.
    Ringing {
        /// Which offer.
        offer: OfferId,
    },
    /// The agent answered. The host connects nobody until told to.
    Answered {
        /// Which offer.
        offer: OfferId,
    },
    /// The offer failed at the agent's phone. Passed over once the offer was answered: from then on the host owes
    /// `Connected` and `Ended`, or `Ended` alone.
    OfferFailed {
        /// Which offer.
        offer: OfferId,
        /// Why.
        cause: OfferFailure,
    },
    /// Caller and agent hear each other.
    Connected {
        /// Which call.
        call: CallId,
    },
    /// The conversation is over, or connecting failed: by the agent, then the caller waits on at the old place; by the
    /// system, then the call is over with an error.
    Ended {
        /// Which call.
        call: CallId,
        /// Who ended it.
        by: Party,
        /// What the agent's phone does now, apart from this call.
        phone: PhoneState,
    },
    /// A caller who waits pressed a key.
    Digit {
        /// Whose caller.
        call: CallId,
        /// 0 to 9, * or #; anything else is passed over.
        key: char,
    },
    /// The conversation goes on in another way: put on hold, retrieved, with a third party, away in the dialplan.
    Talk {
        /// Which call.
        call: CallId,
        /// How it goes on.
        state: TalkState,
    },
    /// The agent's phone cannot be asked to retrieve the caller.
    RetrieveFailed {
        /// Which call.
        call: CallId,
        /// Why.
        why: RetrieveFailure,
    },
    /// What [`Action::Hold`](crate::Action::Hold) asked for is so: the caller hears music and nothing of the agent, or both hear
    /// each other again.
    Held {
        /// Which call.
        call: CallId,
        /// Whether the caller is on hold now.
        on: bool,
    },
    /// What [`Action::Mute`](crate::Action::Mute) asked for is so.
    Muted {
        /// Which call.
        call: CallId,
        /// Whether the caller hears nothing of the agent now.
        on: bool,
    },
    /// What became of what [`Action::Record`](crate::Action::Record) asked for.
    Recording {
        /// Which recording.
        recording: RecordingId,
        /// What was seen.
        fact: RecordingFact,
    },
    /// The host could not do it: the agent's side of that conversation is gone, or elsewhere.
    NotDone {
        /// Which call.
        call: CallId,
        /// What.
        what: Order,
    },
    /// What [`Action::SendAway`](crate::Action::SendAway) asked for is so: the caller is in the dialplan.
    WentAway {
        /// Which call.
        call: CallId,
    },
    /// The caller is back from the dialplan, with the agent if that one is still there. Not told of a caller who hung up there.
    CameBack {
        /// Which call.
        call: CallId,
        /// How.
        how: Return,
    },
    /// A caller who was to be asked what it was like has answered, or will not.
    Surveyed {
        /// Which call.
        call: CallId,
        /// What was answered; `None` if nothing.
        score: Option<Score>,
    },
    /// The line to whom an agent consults is in the hands of a thread of its own, which rings and connects as for a caller. It was
    /// asked for by [`Action::Consult`](crate::Action::Consult), and leaves as callers do.
    JoinConsult {
        /// The host's new number for the line.
        line: CallId,
        /// The call whose agent consults.
        call: CallId,
    },
    /// What became of a consultation.
    Consult {
        /// The call whose agent consults.
        call: CallId,
        /// What was seen.
        fact: ConsultFact,
    },
    /// The caller goes on without the agent, in a conversation that is no longer of the queue: told before the `Ended` of an
    /// agent who handed the caller over.
    HandedOver {
        /// Which call.
        call: CallId,
    },
    /// What became of a supervisor who listens, or is to.
    Monitor {
        /// Which.
        monitor: MonitorId,
        /// What was seen.
        fact: MonitorFact,
    },
    /// Calling back came to nothing. When it succeeds, the caller joins with [`Caller::callback`].
    CallbackFailed {
        /// Which callback, by the call it came from.
        callback: CallId,
    },
    /// A call was owed before the host began, and is owed again; answered by [`Action::Reply`](crate::Action::Reply).
    Owed {
        /// The host's number for the answer.
        id: CommandId,
        /// The host's new number for it. Of two with the same place, the lower number is served first.
        callback: CallId,
        /// How the host called it before, for the story.
        before: String,
        /// What is owed.
        owed: Box<Owed>,
    },
    /// What became of [`Action::Disconnect`](crate::Action::Disconnect), of a conversation that may go on: its end needs no word of it.
    DisconnectSettled {
        /// Which conversation.
        call: CallId,
        /// Who was to be hung up.
        whom: Whom,
        /// Whether somebody was; otherwise nobody of them was there any more.
        done: bool,
    },
    /// An agent's phone changed by itself. Told for every watched phone, its agent signed in or not. `Busy` counts only
    /// while the agent has neither an offer nor a call: otherwise it is our own leg.
    Phone {
        /// Whose phone.
        agent: AgentId,
        /// What it does now.
        state: PhoneState,
    },
    /// Somebody asks for something and waits for [`Action::Reply`](crate::Action::Reply).
    Command {
        /// The host's number for the answer.
        id: CommandId,
        /// Who asks, for the audit trail: `agent:1001`, `cli`, `dbus:alice`.
        author: String,
        /// What is asked.
        command: Command,
    },
    /// New settings, valid as far as the host can tell; refused whole if the engine finds them wrong
    /// ([`Config::check`] says why). Callers who wait already keep place and longest wait; callers of a removed queue
    /// leave, talks go on. A removed agent is signed out, after the call if there is one. Agents keep their phone while in
    /// a call, and then move with it.
    Reload {
        /// The host's number for the answer.
        id: CommandId,
        /// Who asks.
        author: String,
        /// The settings from now on.
        config: Box<Config>,
    },
    /// A caller was on the blacklist. A call that is let through all the same joins as any other.
    Screened {
        /// The host's new number for the call.
        call: CallId,
        /// What the host decided.
        screening: Box<Screening>,
    },
    /// The host's blacklist changed.
    ListChanged {
        /// How.
        change: Box<ListChange>,
    },
    /// The host was asked for something that it does by itself: for the record.
    Deed {
        /// What, and how it went.
        deed: Box<Deed>,
    },
    /// Time passed: a deadline is due.
    Tick,
}

/// What the host was asked for and does without the engine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Deed {
    /// Who asked.
    pub author: String,
    /// What for.
    pub what: Act,
    /// Why it was not done; empty if it was.
    pub refused: String,
}

/// An act of the host's own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Act {
    /// To read the settings again.
    Reload,
    /// To write the settings with all live changes into a file.
    SaveConfig {
        /// Which.
        file: String,
    },
    /// To forget what stood before a restart and has no place in the settings.
    ForgetStanding {
        /// Of which agent or queue; empty for all.
        about: String,
    },
}

/// A caller as the dialplan presents it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Caller {
    /// Caller number; empty if withheld.
    pub number: String,
    /// Tier name; empty or unknown is the first tier.
    pub tier: String,
    /// Seconds of waiting time this one call is worth on top of its tier.
    pub priority: u32,
    /// Skills that an agent must have, besides those of the queue. One that no settings ever named makes the call wait
    /// until it is dropped.
    pub skills: Vec<String>,
    /// Number of the agent to prefer; empty is the last agent that the caller talked with, if the queue is sticky.
    pub agent: String,
    /// Why the caller is suspicious; shown to the agent. Empty if not.
    pub flag: String,
    /// What the dialplan found out before, for the agent's screen.
    pub attached: Attached,
    /// The callback that this is the answer to: the caller regains the place, in its queue. An unknown one counts as none.
    pub callback: Option<CallId>,
}

/// What is known of a caller before an agent is (随路数据). The engine passes it on as it is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Attached {
    /// Keys and values.
    pub data: Vec<(String, String)>,
    /// Menus passed, the first one first.
    pub path: Vec<String>,
}

/// What the host is told to do with a conversation that goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// [`Action::Hold`](crate::Action::Hold).
    Hold,
    /// [`Action::Mute`](crate::Action::Mute).
    Mute,
    /// [`Action::SendAway`](crate::Action::SendAway).
    Ivr,
}

/// What is seen of a consultation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConsultFact {
    /// The caller hears music, the agent hears the line being called.
    Begun,
    /// Whoever is reached by a place of the dialplan has answered; of agents the line's own thread tells.
    Answered,
    /// All is as [`Action::Arrange`](crate::Action::Arrange) asked for.
    Arranged(Arrangement),
    /// It could not be arranged: somebody is gone, or elsewhere. `None` is the consultation itself, which never began.
    NotDone(Option<Arrangement>),
    /// The line is gone.
    Gone(OfferFailure),
}

/// Who hears whom of a caller, an agent, and whom the agent consults.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arrangement {
    /// The agent and the consulted hear each other; the caller hears music.
    Apart,
    /// The agent and the caller hear each other; the consulted hears music.
    WithCaller,
    /// All three hear each other.
    Together,
    /// The agent's phone is hung up; the caller and the consulted hear each other.
    HandedOver,
    /// The consulted is hung up; the agent and the caller hear each other.
    Alone,
    /// All are parted: line and agent are hung up, and the caller is back in the hands of its thread.
    Parted,
}

/// What an agent does with a consultation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ConsultStep {
    /// Talks with the other of the two, while the one waits.
    Swap,
    /// Lets all three hear each other (互助通话).
    Join,
    /// Leaves the caller to the consulted: an attended transfer.
    HandOver {
        /// Why; may be empty.
        reason: String,
    },
    /// Lets the consulted go, and is back with the caller.
    Drop,
}

/// Where an agent's caller is to go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Destination {
    /// Into a queue, like anybody who calls it, but at the age that the call has.
    Queue {
        /// Queue name.
        queue: String,
        /// As what from now on; empty keeps the tier.
        tier: String,
        /// In place of [`Caller::priority`]; `None` keeps it.
        priority: Option<u32>,
    },
    /// To one agent, for [`Queue::transfer_wait`](crate::config::Queue::transfer_wait) at first; then to anybody of the queue by
    /// which the agent is reached: the caller's own if that agent serves it, or else the first that it serves.
    Agent {
        /// Agent number.
        agent: String,
    },
    /// To a place of the dialplan, out of the queue's hands.
    Place {
        /// As the PBX writes it.
        place: String,
    },
}

/// How a conversation goes on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
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

/// What is to be done about the recording of a conversation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
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

/// What is seen of a recording.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RecordingFact {
    /// It runs.
    Started {
        /// What it is called, for the world: one word.
        file: String,
    },
    /// Nothing is recorded for now.
    Paused,
    /// It goes on.
    Resumed,
    /// It is closed. The last of it.
    Finished {
        /// How large it is.
        bytes: u64,
    },
    /// It did not start, or is over though it should not be, or not whole. The last of it.
    Failed {
        /// Why.
        why: RecordingFailure,
        /// How much of it there is.
        bytes: u64,
    },
}

/// What is seen of a supervisor who listens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MonitorFact {
    /// The supervisor is on the line.
    Up,
    /// The supervisor pressed a key; see [`MonitorMode::of_key`].
    Key(char),
    /// What was listened to of that call is gone.
    Lost(CallId),
    /// The supervisor has the agent's place in that call.
    TookOver(CallId),
    /// There is no place beside the caller of that call: the agent is in another conversation, or gone.
    NoPlace(CallId),
    /// The supervisor hung up, or could not be reached at all.
    Gone,
}

/// What a supervisor does with a conversation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum MonitorMode {
    /// Hears it, unheard (监听).
    #[default]
    Listen,
    /// Is heard by the agent besides (耳语).
    Whisper,
    /// Is heard by agent and caller besides (强插).
    Barge,
    /// Takes the agent's place (拦截).
    TakeOver,
}

impl MonitorMode {
    /// What the supervisor's keys ask for: 4 listen, 5 whisper, 6 barge in, 7 take over.
    pub fn of_key(key: char) -> Option<MonitorMode> {
        match key {
            '4' => Some(MonitorMode::Listen),
            '5' => Some(MonitorMode::Whisper),
            '6' => Some(MonitorMode::Barge),
            '7' => Some(MonitorMode::TakeOver),
            _ => None,
        }
    }

    /// Whether the supervisor is heard.
    pub fn speaks(self) -> bool {
        match self {
            MonitorMode::Listen => false,
            MonitorMode::Whisper | MonitorMode::Barge | MonitorMode::TakeOver => true,
        }
    }
}

/// Whom a supervisor stays with.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Follow {
    /// The agent: from call to call, until either signs out.
    #[default]
    Agent,
    /// The caller: through hold and transfer, until the conversation is over.
    Call,
}

/// Whose part in a conversation a supervisor ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Whom {
    /// The caller's: the call is hung up.
    Caller,
    /// The agent's: the caller goes on in the dialplan.
    Agent,
    /// Both are hung up.
    Both,
}

/// Why a caller is no longer there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Departure {
    /// Hung up.
    HungUp,
    /// Sent elsewhere by an operator of the PBX, past the queue.
    Taken,
}

/// Why an offer failed at the agent's phone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OfferFailure {
    /// The agent declined.
    Rejected,
    /// The phone is busy.
    Busy,
    /// The phone gave up ringing by itself.
    NoAnswer,
    /// No phone there, no route, or no answer from the network.
    Unreachable,
}

/// A side of a conversation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Party {
    /// The caller.
    Caller,
    /// The agent.
    Agent,
    /// Neither: the PBX could not connect them, or the node takes the call down.
    System,
    /// A supervisor.
    Supervisor,
}

/// What a phone does outside of the calls of this engine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PhoneState {
    /// Free to ring, as far as anyone knows.
    Available,
    /// In a call that is none of ours.
    Busy,
    /// Not registered, or does not answer to keep-alives.
    Unreachable,
}

/// A place from which a caller comes back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ToIvr {
    /// One of the settings.
    Named {
        /// See [`Ivr::name`](crate::config::Ivr::name).
        name: String,
    },
    /// Any.
    Place {
        /// As the PBX writes it.
        place: String,
    },
}

/// How a caller came back from the dialplan.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Return {
    /// With a result, which may be empty.
    With(String),
    /// The dialplan had nothing more for the caller.
    RanOut,
    /// Was brought back.
    TimedOut,
}

/// What a caller answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Score {
    /// From 1; the more, the better.
    pub score: u8,
    /// What could be answered at most.
    pub highest: u8,
}

/// What can be asked of an engine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// Signs an agent in, ready. Signing in again moves the agent to the new phone and keeps the state, unless a call is
    /// offered or up: then refused.
    SignIn {
        /// Agent number.
        agent: String,
        /// The phone to bind; empty keeps the agent's own.
        phone: String,
        /// Asked for from that very phone, which is in use meanwhile: no call is offered until it is told to be free.
        from_there: bool,
    },
    /// Signs an agent out; during a call, after it.
    SignOut {
        /// Agent number.
        agent: String,
    },
    /// Ready for calls (示闲). Ends wrap-up. Refused while forced busy.
    SetReady {
        /// Agent number.
        agent: String,
    },
    /// Not ready (示忙); during a call, after it. Cancels an offer.
    SetNotReady {
        /// Agent number.
        agent: String,
        /// Shown to supervisors.
        reason: String,
    },
    /// A supervisor's lock (强制示忙) on an agent who is signed in: no calls until it expires or is lifted. Cancels an
    /// offer; during a call, after it. A later lock replaces an earlier one.
    ForceBusy {
        /// Agent number.
        agent: String,
        /// Shown to agent and supervisors.
        reason: String,
        /// Expires after so long; `None` stays until lifted.
        lasting: Option<Span>,
    },
    /// Lifts a lock, ends wrap-up and not-ready (强制示闲).
    ForceIdle {
        /// Agent number.
        agent: String,
    },
    /// Signs an agent out (强制签出), lifting a lock; during a call, after it.
    ForceSignOut {
        /// Agent number.
        agent: String,
        /// Shown to agent and supervisors.
        reason: String,
    },
    /// Makes after-call work longer, up to [`Queue::wrap_up_max`](crate::config::Queue::wrap_up_max) in all.
    ExtendWrapUp {
        /// Agent number.
        agent: String,
        /// By so much from its present end.
        by: Span,
    },
    /// Says what the call was about that an agent talks in or works after (小结). Until after-call work is over it may be changed.
    Dispose {
        /// Agent number.
        agent: String,
        /// Which of [`Config::dispositions`].
        code: String,
        /// In the agent's own words; may be empty, at most [`MAX_NOTE`](crate::MAX_NOTE) bytes.
        note: String,
    },
    /// Changes an agent's place in a queue. It lies over the settings, also over those of a later reload.
    SetMembership {
        /// Agent number.
        agent: String,
        /// Queue name.
        queue: String,
        /// Level and weight; `None` takes the agent out of the queue.
        place: Option<(u8, u16)>,
    },
    /// Gives an agent a skill, or takes it. It lies over the settings, also over those of a later reload.
    SetSkill {
        /// Agent number.
        agent: String,
        /// The skill.
        skill: String,
        /// Whether the agent has it from now on.
        has: bool,
    },
    /// Opens or closes a queue. It lies over the settings, also over those of a later reload.
    SetDoor {
        /// Queue name.
        queue: String,
        /// From now on.
        door: Door,
    },
    /// Changes what a waiting call is worth on top of its tier.
    Reprioritise {
        /// Which call.
        call: CallId,
        /// Seconds, in place of [`Caller::priority`].
        priority: u32,
    },
    /// Puts a waiting call into another queue, at its old place in the order of callers.
    MoveCall {
        /// Which call.
        call: CallId,
        /// Queue name.
        queue: String,
    },
    /// Takes a waiting call out of its queue.
    Withdraw {
        /// Which call.
        call: CallId,
        /// Where to: a place of the dialplan; empty goes on behind `Hotline()`.
        place: String,
    },
    /// Signs a supervisor in on the phone that asks for it. Signing in again moves the supervisor to that phone, unless
    /// listening: then refused.
    SignInSupervisor {
        /// Supervisor number.
        supervisor: String,
        /// The phone's device.
        phone: String,
    },
    /// Signs a supervisor out, who listens no more.
    SignOutSupervisor {
        /// Supervisor number.
        supervisor: String,
    },
    /// Lets a supervisor listen to an agent, or switches the mode of one who does. Pending until the supervisor is on the
    /// line, or has taken over.
    Monitor {
        /// The host's new number for it; passed over if the supervisor listens to that agent already.
        monitor: MonitorId,
        /// Supervisor number; empty is whoever is signed in on the phone that asks.
        supervisor: String,
        /// The phone that asks, whose channel waits to listen; empty has the supervisor's own phone called.
        from: String,
        /// Agent number.
        agent: String,
        /// What to do.
        mode: MonitorMode,
        /// Whom to stay with.
        follow: Follow,
    },
    /// Ends a supervisor's listening.
    StopMonitor {
        /// Supervisor number.
        supervisor: String,
    },
    /// Ends the conversation of an agent (强拆). Pending until it has ended.
    Disconnect {
        /// Agent number.
        agent: String,
        /// Who is hung up.
        whom: Whom,
        /// The phone that asks, on which a supervisor who may must be signed in; empty for a console.
        from: String,
    },
    /// Puts the caller of an agent on hold, or takes that back (保持). The agent's phone keeps its line. Pending until it is so.
    Hold {
        /// Agent number.
        agent: String,
        /// Whether the caller is to be on hold.
        on: bool,
    },
    /// Lets the caller of an agent hear nothing of the agent, or takes that back (静音). Pending until it is so. Refused while the
    /// agent's own phone holds the caller.
    Mute {
        /// Agent number.
        agent: String,
        /// Whether the agent is to be mute.
        on: bool,
    },
    /// Records the conversation of an agent, or does that no more, or for a while (录音). Pending until it is so.
    Record {
        /// Agent number.
        agent: String,
        /// What.
        order: RecordOrder,
    },
    /// Sends the caller of an agent on without a word to whom (转接). Pending until the agent is out of the conversation.
    Transfer {
        /// Agent number.
        agent: String,
        /// Where to.
        to: Destination,
        /// Why, for whoever gets the caller; may be empty.
        reason: String,
    },
    /// Sends the caller of an agent to a place of the dialplan, from which the caller comes back to the same agent with a result
    /// (人工转自动). Pending until the caller is there.
    Ivr {
        /// Agent number.
        agent: String,
        /// Where to.
        to: ToIvr,
        /// After so long the caller is brought back; `None` is as the settings say, or [`IVR_TIMEOUT`](crate::config::IVR_TIMEOUT).
        timeout: Option<Span>,
    },
    /// Ends the agent's part in a conversation, and has the caller asked what it was like (满意度调查), whatever the share of the queue's
    /// callers who are. Pending until the agent is out of the conversation.
    Survey {
        /// Agent number.
        agent: String,
    },
    /// Lets an agent talk with somebody while the caller hears music. Pending until that one has answered.
    Consult {
        /// Agent number.
        agent: String,
        /// With whom: an agent, whom a queue gives, or who is reached by a place of the dialplan.
        with: Destination,
    },
    /// Goes on with a consultation in another way. Pending until it is so.
    Consultation {
        /// Agent number.
        agent: String,
        /// How.
        step: ConsultStep,
    },
    /// Forgets a callback that is owed.
    CancelCallback {
        /// Which, by the call it came from.
        callback: CallId,
    },
}
