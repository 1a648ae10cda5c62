//! Times, states and outcomes in words.

use crate::agent::describe;
use crate::config::Strategy;
use crate::event::{AgentState, CallOutcome, OfferResult};
use crate::time::Span;

/// `0:07`, `1:02:03`.
pub(crate) fn clock(span: Span) -> String {
    let seconds = span.0 / 1_000_000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

pub(crate) fn strategy_word(strategy: Strategy) -> &'static str {
    match strategy {
        Strategy::LongestIdle => "longest-idle",
        Strategy::RingAll => "ring-all",
        Strategy::RoundRobin => "round-robin",
        Strategy::FewestCalls => "fewest-calls",
        Strategy::LeastTalkTime => "least-talk-time",
        Strategy::Random => "random",
        Strategy::Linear => "linear",
        Strategy::WeightedRandom => "weighted-random",
        Strategy::SkillLevel => "skill-level",
    }
}

pub(crate) fn state_word(state: AgentState) -> &'static str {
    match state {
        AgentState::SignedOut => "signed out",
        AgentState::Ready => "ready",
        AgentState::NotReady => "not ready",
        AgentState::ForcedBusy => "forced busy",
        AgentState::Unavailable => "unavailable",
        AgentState::Offered => "offered a call",
        AgentState::OnCall => "on a call",
        AgentState::OnHold => "with a caller on hold",
        AgentState::Consulting => "consulting",
        AgentState::Conferencing => "in a conference",
        AgentState::Reserved => "reserved for a caller who is away",
        AgentState::WrapUp => "in wrap-up",
    }
}

pub(crate) fn result_word(result: OfferResult) -> &'static str {
    match result {
        OfferResult::Answered => "answered",
        OfferResult::NoAnswer => "not answered",
        OfferResult::Failed(cause) => describe(cause),
        OfferResult::Cancelled => "taken back",
    }
}

pub(crate) fn outcome_word(outcome: CallOutcome) -> &'static str {
    match outcome {
        CallOutcome::Answered => "answered",
        CallOutcome::Abandoned => "abandoned",
        CallOutcome::Withdrawn => "withdrawn",
        CallOutcome::Timeout => "timed out",
        CallOutcome::Full => "not let in, the queue was full",
        CallOutcome::NoAgents => "without agents",
        CallOutcome::Removed => "removed with the queue",
        CallOutcome::Closed => "not let in, the queue was closed",
        CallOutcome::Emergency => "sent away by an emergency",
        CallOutcome::Diverted => "diverted by a rule",
        CallOutcome::Left => "left by a key",
        CallOutcome::Callback => "to be called back",
        CallOutcome::Overflowed => "overflowed to another queue",
        CallOutcome::Moved => "moved to another queue",
        CallOutcome::Error => "ended by an error",
    }
}
