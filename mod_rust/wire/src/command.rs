//! Commands and their answers.

use serde::{Deserialize, Serialize};

/// What can be asked of a node.
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
    /// Reads the settings file again; a bad one is refused whole.
    Reload,
}

impl Command {
    /// Everything in it that somebody wrote.
    pub fn texts(&self) -> Vec<&str> {
        match self {
            Command::SignIn { agent, phone } => vec![agent, phone],
            Command::SignOut { agent } | Command::SetReady { agent } | Command::ForceIdle { agent } => {
                vec![agent]
            }
            Command::SetNotReady { agent, reason }
            | Command::ForceBusy { agent, reason, .. }
            | Command::ForceSignOut { agent, reason } => vec![agent, reason],
            Command::Reload => Vec::new(),
        }
    }
}

/// How a command went.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// In effect.
    Done,
    /// Takes effect when the call the agent is in ends.
    Pending,
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
    /// Nothing to lift.
    NothingToDo,
    /// The settings are wrong; the running ones stay.
    BadConfig,
    /// While it was pending, a later command or its own expiry came first.
    Overtaken,
    /// The node is at its limit, or is going down.
    Unavailable,
    /// The asker may not do this.
    NotAllowed,
}
