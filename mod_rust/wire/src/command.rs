//! Commands and their answers.

use serde::{Deserialize, Serialize};

use crate::blacklist::{ListEntry, ListOrder};
use crate::event::{Follow, MonitorMode, RecordOrder, Whom};
use crate::label::{labels, usual};
use crate::snapshot::Door;

/// The longest name, reason, author or other text, in bytes: events keep them.
pub const MAX_TEXT: usize = 256;

/// The longest that anything may last, in seconds: a hundred years.
pub const MAX_SECONDS: u64 = 100 * 365 * 24 * 3_600;

/// What can be asked of a node. Calls and callbacks are named by their reference: `NODE-BOOT-NUMBER`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Signs an agent in, ready.
    SignIn {
        /// Agent number.
        agent: String,
        /// The phone to bind, a dial string; empty keeps the agent's own.
        #[serde(default)]
        phone: String,
    },
    /// Signs an agent out; during a call, after it.
    SignOut {
        /// Agent number.
        agent: String,
    },
    /// Ready for calls. Ends wrap-up. Refused while forced busy.
    SetReady {
        /// Agent number.
        agent: String,
    },
    /// Not ready; during a call, after it.
    SetNotReady {
        /// Agent number.
        agent: String,
        /// Why.
        #[serde(default)]
        reason: String,
    },
    /// A supervisor's lock.
    ForceBusy {
        /// Agent number.
        agent: String,
        /// Why.
        #[serde(default)]
        reason: String,
        /// Expires after so many seconds; 0 stays until lifted.
        #[serde(default)]
        seconds: u64,
    },
    /// Lifts a lock, ends wrap-up and not-ready.
    ForceIdle {
        /// Agent number.
        agent: String,
    },
    /// Signs an agent out, lifting a lock; during a call, after it.
    ForceSignOut {
        /// Agent number.
        agent: String,
        /// Why.
        #[serde(default)]
        reason: String,
    },
    /// Makes after-call work longer, up to what its queue allows.
    ExtendWrapUp {
        /// Agent number.
        agent: String,
        /// By so many seconds from its present end.
        seconds: u64,
    },
    /// Says what the call was about that an agent talks in or works after. Until after-call work is over it may be changed.
    Dispose {
        /// Agent number.
        agent: String,
        /// Code of a disposition of the call's queue.
        code: String,
        /// In the agent's own words. Told in [`Event::DispositionSet`](crate::Event::DispositionSet) alone.
        #[serde(default, skip_serializing_if = "usual")]
        note: String,
    },
    /// Changes an agent's place in a queue. Lies over the settings, also after a restart if the node keeps its state.
    SetMembership {
        /// Agent number.
        agent: String,
        /// Queue name.
        queue: String,
        /// `null` takes the agent out of the queue. Never left out: that must not happen by an oversight.
        #[serde(deserialize_with = "Option::deserialize")]
        place: Option<Place>,
    },
    /// Gives an agent a skill, or takes it. Lies over the settings, also after a restart if the node keeps its state.
    SetSkill {
        /// Agent number.
        agent: String,
        /// The skill.
        skill: String,
        /// Whether the agent has it from now on.
        has: bool,
    },
    /// Opens or closes a queue. Lies over the settings, also after a restart if the node keeps its state.
    SetDoor {
        /// Queue name.
        queue: String,
        /// From now on.
        door: Door,
    },
    /// Changes what a waiting call is worth on top of its tier.
    Reprioritise {
        /// Call reference.
        call: String,
        /// Seconds of waiting time.
        priority: u32,
    },
    /// Puts a waiting call into another queue, at its old place in the order of callers.
    MoveCall {
        /// Call reference.
        call: String,
        /// Queue name.
        queue: String,
    },
    /// Takes a waiting call out of its queue.
    Withdraw {
        /// Call reference.
        call: String,
        /// Where to: a place of the dialplan; empty goes on behind `Hotline()`.
        #[serde(default)]
        place: String,
    },
    /// Signs a supervisor in. Told in events only: supervisors sign in from their own phones, and a client that asks is
    /// refused.
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
    /// Lets a supervisor who is signed in listen to an agent, by a call to the supervisor's own phone; or switches the mode of
    /// one who listens to that agent. Pending until the supervisor is on the line, or has taken over.
    Monitor {
        /// Supervisor number; in events empty for who is signed in on the phone that asked.
        supervisor: String,
        /// In events the phone that asked itself; a client that names one is refused.
        #[serde(default, skip_serializing_if = "usual")]
        from: String,
        /// Agent number.
        agent: String,
        /// What to do.
        #[serde(default)]
        mode: MonitorMode,
        /// Whom to stay with.
        #[serde(default)]
        follow: Follow,
    },
    /// Ends a supervisor's listening.
    StopMonitor {
        /// Supervisor number.
        supervisor: String,
    },
    /// Ends the conversation of an agent. Pending until it has ended.
    Disconnect {
        /// Agent number.
        agent: String,
        /// Who is hung up.
        whom: Whom,
        /// In events the phone that asked; a client that names one is refused.
        #[serde(default, skip_serializing_if = "usual")]
        from: String,
    },
    /// Puts the caller of an agent on hold with music; the agent's phone keeps its line. Pending until it is so.
    Hold {
        /// Agent number.
        agent: String,
    },
    /// Ends a hold by [`Hold`](Self::Hold). Pending until it is so.
    Retrieve {
        /// Agent number.
        agent: String,
    },
    /// Lets the caller of an agent hear nothing of the agent. Pending until it is so; refused while the agent's own phone holds.
    Mute {
        /// Agent number.
        agent: String,
    },
    /// Lets the caller hear the agent again. Pending until it is so.
    Unmute {
        /// Agent number.
        agent: String,
    },
    /// Records the conversation of an agent, or does that no more, or for a while. Pending until it is so.
    Record {
        /// Agent number.
        agent: String,
        /// What.
        order: RecordOrder,
    },
    /// Sends the caller of an agent on. Pending until the agent is out of the conversation.
    Transfer {
        /// Agent number.
        agent: String,
        /// Where to.
        to: Destination,
        /// Why, for whoever gets the caller.
        #[serde(default, skip_serializing_if = "usual")]
        reason: String,
    },
    /// Sends the caller of an agent into the dialplan, from where the caller comes back to the same agent with a result. Pending until
    /// the caller is there.
    Ivr {
        /// Agent number.
        agent: String,
        /// Where to.
        to: ToIvr,
        /// After so many seconds the caller is brought back, 1 to 3600; absent is as the settings say, or 120.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout_seconds: Option<u32>,
    },
    /// Ends the agent's part in a conversation and has the caller asked what it was like. Pending until the agent is out of it.
    Survey {
        /// Agent number.
        agent: String,
    },
    /// Lets an agent talk with somebody while the caller hears music: an agent, whom a queue gives, or who is reached by a number. Pending
    /// until that one has answered.
    Consult {
        /// Agent number.
        agent: String,
        /// Whom; of a queue the name alone counts, and no place of the dialplan.
        to: Destination,
    },
    /// Goes on with a consultation in another way. Pending until it is so.
    Consultation {
        /// Agent number.
        agent: String,
        /// How.
        step: ConsultStep,
        /// Why, if the caller is handed over.
        #[serde(default, skip_serializing_if = "usual")]
        reason: String,
    },
    /// Forgets a callback that is owed.
    CancelCallback {
        /// Callback reference.
        callback: String,
    },
    /// Asks why a call was offered to whom it was, and to nobody else. Answered with [`Outcome::Told`]; no event.
    WhyCall {
        /// Call reference.
        call: String,
    },
    /// Asks why an agent is offered no call. Answered with [`Outcome::Told`]; no event.
    WhyNot {
        /// Agent number.
        agent: String,
    },
    /// Asks how long callers can be overtaken under the settings in force. Answered with [`Outcome::Told`]; no event.
    Fairness,
    /// Asks what was changed while running and the settings do not have, and what stood before a restart and they have no place for.
    /// Answered with [`Outcome::Told`]; no event.
    ConfigDiff,
    /// Writes a copy of the settings file with what was changed while running in it, into the node's `[state]` folder. Answered
    /// with [`Outcome::Told`]. The settings themselves are told to nobody: there may be PINs in them.
    ConfigSave {
        /// Name of a file that is not there yet: letters, digits, `-`, `_` and `.`, with `.toml` at its end. The event of it tells the
        /// whole path.
        name: String,
    },
    /// Forgets what stood before a restart and the settings have no place for. Answered with [`Outcome::Told`].
    ConfigForget {
        /// Agent number, or queue name; empty for all of it.
        #[serde(default)]
        about: String,
    },
    /// Reads the settings file again; a bad one is refused whole.
    Reload,
    /// Asks something of the blacklist: `{"do":"blacklist","order":"remove",…}`.
    Blacklist(ListOrder),
}

/// From where an agent's caller comes back: `{"name":"pin"}` or `{"place":"verify,s,1"}`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", untagged, deny_unknown_fields)]
pub enum ToIvr {
    /// One of `[[ivr]]` in the node's settings.
    Named {
        /// Its name.
        name: String,
    },
    /// Any place of the dialplan.
    Place {
        /// As the PBX writes it.
        place: String,
    },
}

impl ToIvr {
    /// A name, or a place if there is a comma in it, which no name has.
    pub fn of(text: &str) -> ToIvr {
        if text.contains(',') {
            ToIvr::Place {
                place: text.to_owned(),
            }
        } else {
            ToIvr::Named {
                name: text.to_owned(),
            }
        }
    }

    /// The name or the place.
    pub fn text(&self) -> &str {
        match self {
            ToIvr::Named { name } => name,
            ToIvr::Place { place } => place,
        }
    }
}

/// Where an agent's caller is to go: `{"queue":"sales"}` with `"tier"` and `"priority"` if they change, `{"agent":"1002"}`,
/// `{"number":"0123456"}` or `{"place":"ivr,s,1"}`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", untagged, deny_unknown_fields)]
pub enum Destination {
    /// Into a queue, like anybody who calls it, but at the age that the call has.
    Queue {
        /// Queue name.
        queue: String,
        /// Tier name from now on; empty keeps the tier.
        #[serde(default, skip_serializing_if = "usual")]
        tier: String,
        /// Seconds of waiting time that the call is worth on top of its tier from now on; absent keeps what it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        priority: Option<u32>,
    },
    /// To one agent first, and after a while to anybody of the agent's queue.
    Agent {
        /// Agent number.
        agent: String,
    },
    /// To a number, as far as the node's dialplan lets agents transfer there. Told in events as the place that it stands for.
    Number {
        /// 1 to 40 letters, digits and `+*#._-`.
        number: String,
    },
    /// To a place of the dialplan.
    Place {
        /// As the PBX writes it.
        place: String,
    },
}

/// What an agent does with a consultation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsultStep {
    /// Talks with the other of caller and consulted, while the one waits.
    Swap,
    /// Lets all three hear each other.
    Join,
    /// Leaves the caller to the consulted.
    HandOver,
    /// Lets the consulted go, and is back with the caller.
    Drop,
}

labels!(ConsultStep {
    Swap => "swap",
    Join => "join",
    HandOver => "hand_over",
    Drop => "drop",
});

impl Destination {
    /// What kind of destination it is, and which.
    pub fn parts(&self) -> (&'static str, &str) {
        match self {
            Destination::Queue { queue, .. } => ("queue", queue),
            Destination::Agent { agent } => ("agent", agent),
            Destination::Number { number } => ("number", number),
            Destination::Place { place } => ("place", place),
        }
    }

    fn texts(&self) -> Vec<&str> {
        match self {
            Destination::Queue { queue, tier, .. } => vec![queue, tier],
            Destination::Agent { .. } | Destination::Number { .. } | Destination::Place { .. } => {
                vec![self.parts().1]
            }
        }
    }
}

/// An agent's place in a queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Skill level, 1 (best) to 255.
    pub level: u8,
    /// Chances under `weighted-random`, 1 to 65,535.
    pub weight: u16,
}

impl Command {
    /// Whether its texts and numbers are within bounds, whoever or whatever it comes from.
    ///
    /// # Errors
    /// What is not, for people.
    pub fn check(&self) -> Result<(), String> {
        if self.texts().into_iter().any(|text| text.len() > MAX_TEXT) {
            return Err(format!("a text of it is longer than {MAX_TEXT} bytes"));
        }
        match self {
            Command::ForceBusy { seconds, .. } | Command::ExtendWrapUp { seconds, .. }
                if *seconds > MAX_SECONDS =>
            {
                Err(format!("seconds go up to {MAX_SECONDS}, a hundred years"))
            }
            Command::SetMembership {
                place: Some(Place { level, weight }),
                ..
            } if *level == 0 || *weight == 0 => {
                Err("levels go from 1 (best) to 255, weights from 1 to 65535".to_owned())
            }
            Command::Dispose { code, .. } if code.is_empty() => Err("a disposition needs a code".to_owned()),
            Command::SetSkill { skill, .. } if skill.is_empty() => Err("a skill needs a name".to_owned()),
            _ => Ok(()),
        }
    }

    /// Everything in it that somebody wrote.
    pub fn texts(&self) -> Vec<&str> {
        match self {
            Command::SignIn { agent, phone } => vec![agent, phone],
            Command::SignOut { agent }
            | Command::SetReady { agent }
            | Command::ForceIdle { agent }
            | Command::ExtendWrapUp { agent, .. }
            | Command::Hold { agent }
            | Command::Retrieve { agent }
            | Command::Mute { agent }
            | Command::Unmute { agent }
            | Command::Survey { agent }
            | Command::Record { agent, .. }
            | Command::WhyNot { agent } => vec![agent],
            Command::Transfer { agent, to, reason } => {
                let mut texts = vec![agent.as_str(), reason];
                texts.extend(to.texts());
                texts
            }
            Command::Ivr { agent, to, .. } => vec![agent, to.text()],
            Command::Consult { agent, to } => {
                let mut texts = to.texts();
                texts.push(agent);
                texts
            }
            Command::Consultation { agent, reason, .. }
            | Command::SetNotReady { agent, reason }
            | Command::ForceBusy { agent, reason, .. }
            | Command::ForceSignOut { agent, reason } => vec![agent, reason],
            Command::Dispose { agent, code, note } => vec![agent, code, note],
            Command::SetMembership { agent, queue, .. } => vec![agent, queue],
            Command::SetSkill { agent, skill, .. } => vec![agent, skill],
            Command::SetDoor { queue, .. } => vec![queue],
            Command::Reprioritise { call, .. } | Command::WhyCall { call } => vec![call],
            Command::MoveCall { call, queue } => vec![call, queue],
            Command::Withdraw { call, place } => vec![call, place],
            Command::SignInSupervisor { supervisor, phone } => vec![supervisor, phone],
            Command::SignOutSupervisor { supervisor } | Command::StopMonitor { supervisor } => {
                vec![supervisor]
            }
            Command::Monitor {
                supervisor,
                from,
                agent,
                ..
            } => vec![supervisor, from, agent],
            Command::Disconnect { agent, from, .. } => vec![agent, from],
            Command::CancelCallback { callback } => vec![callback],
            Command::Blacklist(order) => order.texts(),
            Command::ConfigSave { name } => vec![name],
            Command::ConfigForget { about } => vec![about],
            Command::Fairness | Command::ConfigDiff | Command::Reload => Vec::new(),
        }
    }
}

/// How a command went.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// In effect.
    Done,
    /// Takes effect later: when the call the agent is in ends, or the supervisor is on the line.
    Pending,
    /// The answer to a question, for people.
    Told {
        /// Line by line.
        lines: Vec<String>,
    },
    /// Entries of the blacklist.
    Listed {
        /// In order.
        entries: Vec<ListEntry>,
        /// Where to go on, if there may be more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<String>,
    },
    /// Not done.
    Refused {
        /// Why.
        reason: Refusal,
        /// The same for people, with the remedy where there is one.
        message: String,
    },
}

/// Why a command was not done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// No agent of that number.
    UnknownAgent,
    /// The agent is not signed in.
    NotSignedIn,
    /// Locked by a supervisor.
    ForcedBusy,
    /// In a call, and this cannot wait for its end.
    InCall,
    /// Another agent is signed in on that phone.
    PhoneTaken,
    /// No phone is known for the agent.
    NoPhone,
    /// It is so already, or there is nothing to lift.
    NothingToDo,
    /// The settings are wrong; the running ones stay.
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
    /// A value is out of range, or not written as it must be.
    OutOfRange,
    /// The settings have no blacklist.
    NoBlacklist,
    /// A file cannot be read or written, or has something wrong in it.
    BadFile,
    /// No supervisor of that number.
    UnknownSupervisor,
    /// The supervisor is not signed in, or no supervisor is on that phone.
    NoSupervisorThere,
    /// The agent is in no conversation.
    NotTalking,
    /// Another supervisor speaks in that conversation already.
    Speaking,
    /// The supervisor listens to somebody else.
    Listening,
    /// The supervisor's phone was not answered.
    NoAnswer,
    /// Somebody else is in the conversation, or the caller is away.
    NotAlone,
    /// The agent's own phone holds the caller.
    HeldByPhone,
    /// The caller is on hold.
    OnHold,
    /// The queue's settings let nothing be recorded.
    RecordingOff,
    /// The conversation is not recorded.
    NotRecorded,
    /// A rule of the queue has it recorded.
    RecordedByRule,
    /// It could not be recorded; `recording_failed` says why.
    RecorderFailed,
    /// Nobody and nothing of that name or number to send the caller to.
    UnknownTarget,
    /// The agent to whom the caller is to go is not at work, or serves no queue.
    TargetAway,
    /// No tier of that name.
    UnknownTier,
    /// The queue is full.
    QueueFull,
    /// The queue is closed.
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
    /// The node is at its limit, or is going down.
    Unavailable,
    /// The asker may not do this.
    NotAllowed,
}
