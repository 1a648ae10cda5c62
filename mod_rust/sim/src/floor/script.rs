//! What happens on a floor, whatever the settings: who comes, how patient they are, how long they would talk, and what
//! agents and supervisors do.

use hotline_engine::config::Config;
use hotline_engine::input::Caller;
use hotline_engine::{Input, Span, Time};

/// A caller who is going to come.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    pub(super) at: Time,
    pub(super) queue: String,
    pub(super) caller: Caller,
    /// Gives up after waiting so long; `None`: never.
    pub(super) patience: Option<Span>,
    /// How long an agent takes to answer.
    pub(super) ring: Span,
    pub(super) talk: Span,
}

/// A floor to run.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) config: Config,
    pub(super) seed: u64,
    pub(super) begins: Time,
    pub(super) ends: Time,
    pub(super) visitors: Vec<Visitor>,
    /// Commands and phones, with their times.
    pub(super) given: Vec<(Time, Input)>,
    /// Whether after-call work ends only when somebody says so, and how long it lasts then.
    pub(super) wraps_up_by_hand: bool,
    pub(super) wrap_up: Span,
}
