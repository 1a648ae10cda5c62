//! Actions: what the host must do. They are primitive, name no queue, and an adapter obeys them without judgement.

use crate::ids::{AgentId, CallId, CommandId, OfferId};
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
    /// Watch the phone of an agent from now on: `phone` replaces what was watched before; empty watches none. It counts as
    /// available until the host says otherwise. While an agent is signed out it is the phone of the settings.
    WatchPhone {
        /// Whose phone.
        agent: AgentId,
        /// Dial string.
        phone: String,
    },
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
        phone: String,
        /// Agent number, for display.
        agent: String,
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
    },
    /// Let the call go on in the dialplan. The last action of a call, exactly once, unless the caller is gone.
    Release {
        /// What the dialplan is told.
        status: Status,
    },
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
    /// While it was pending, a later command or its own expiry came first.
    Overtaken,
}
