//! What events say of supervisors.

use std::sync::Arc;

use crate::ids::{AgentId, CallId, MonitorId, SupervisorId};
use crate::input::{Follow, MonitorMode, Whom};
use crate::time::Time;

/// A supervisor as the world sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SupervisorView {
    /// Which.
    pub supervisor: SupervisorId,
    /// Supervisor number.
    pub number: Arc<str>,
    /// Display name.
    pub name: Arc<str>,
    /// The phone signed in on; empty while signed out.
    pub phone: Arc<str>,
}

/// A supervisor's listening as the world sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MonitorView {
    /// Which.
    pub monitor: MonitorId,
    /// Who listens.
    pub supervisor: SupervisorId,
    /// To whom.
    pub agent: AgentId,
    /// To which call; `None` while there is none.
    pub call: Option<CallId>,
    /// How.
    pub mode: MonitorMode,
    /// Whom the supervisor stays with.
    pub follow: Follow,
    /// Since when; `None` while the supervisor's phone rings.
    pub since: Option<Time>,
}

/// How a supervisor's listening ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
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

/// How a supervisor ended a conversation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cut {
    /// By taking the agent's place.
    TakenOver,
    /// By force.
    Disconnected(Whom),
}
