//! A call of the model, and the caller who makes one visit to a queue after the other.

use hotline_engine::config;
use hotline_engine::event::Estimate;
use hotline_engine::ids::{CallId, OfferId, RecordingId};
use hotline_engine::input::{Caller, TalkState};
use hotline_engine::{Span, Time};

use super::Model;
use super::hold::Held;
use super::ivr::Errand;
use super::watch::Watch;

/// Who calls, over all queues visited.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    pub(super) id: CallId,
    /// Priority, skills and agent are those of the callback, if there was one.
    pub(super) caller: Caller,
    pub(super) tier: usize,
    pub(super) arrived: Time,
    pub(super) raised: Span,
    pub(super) hops: u8,
    /// Answers a callback.
    pub(super) called_back: bool,
    /// An agent sent it on: it has no agent of its own any more.
    pub(super) sent: bool,
    /// It was let into that queue once, and needs no admission this time.
    pub(super) keeps_place: bool,
    /// What it is away for.
    pub(super) errand: Option<Errand>,
}

/// A visitor in a queue.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) id: CallId,
    pub(super) visitor: Visitor,
    /// Counts the visits of all callers.
    pub(super) visit: u64,
    pub(super) queue: usize,
    /// Of tier and queue, at joining.
    pub(super) handicap: i128,
    pub(super) joined: Time,
    pub(super) cap: u8,
    /// Skills that are no longer required.
    pub(super) dropped: Vec<String>,
    pub(super) also: Vec<usize>,
    pub(super) sticky: Option<(usize, Time)>,
    pub(super) menu: Option<(String, Option<Time>)>,
    /// Up to when rules have been looked at.
    pub(super) ruled: Time,
    pub(super) leave_at: Option<Time>,
    /// Of the wait at first, then of the talk.
    pub(super) watch: Watch,
    pub(super) predicted: Option<Estimate>,
    pub(super) told_position: Option<u32>,
    pub(super) told_wait: Option<(Span, Time)>,
    pub(super) stage: Stage,
    pub(super) rings: Vec<Ring>,
    pub(super) talk: Option<Talk>,
    /// While the caller is on hold.
    pub(super) held: Option<Held>,
    /// It goes on without the agent.
    pub(super) handed: bool,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Stage {
    /// Whether or not phones ring for it.
    Waiting,
    Connecting,
    Talking,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Ring {
    pub(super) offer: OfferId,
    pub(super) agent: usize,
    pub(super) via: usize,
    pub(super) until: Time,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Talk {
    pub(super) agent: usize,
    pub(super) since: Time,
    pub(super) state: TalkState,
    pub(super) state_since: Time,
    pub(super) hold: Span,
    pub(super) by_phone: bool,
    pub(super) by_command: bool,
    pub(super) muted: bool,
    /// What records it, or did last.
    pub(super) recording: Option<RecordingId>,
}

/// A place in the order of service; lower is first.
pub(super) type Rank = (i128, CallId);

impl Call {
    pub(super) fn rank(&self) -> Rank {
        (self.visitor.rank_at(self.handicap), self.id)
    }

    /// Nobody rings for it.
    pub(super) fn idles(&self) -> bool {
        self.stage == Stage::Waiting && self.rings.is_empty()
    }
}

impl Visitor {
    pub(super) fn rank_at(&self, handicap: i128) -> i128 {
        let priority = i128::from(self.caller.priority) * 1_000_000;
        i128::from(self.arrived.0) - handicap - priority - i128::from(self.raised.0)
    }
}

impl Talk {
    /// Whether the caller is on hold, consulting included.
    pub(super) fn holds(&self) -> bool {
        matches!(self.state, TalkState::OnHold | TalkState::Consulting)
    }

    /// Time on hold up to now.
    pub(super) fn hold(&self, now: Time) -> Span {
        if self.holds() {
            Span(self.hold.0 + now.since(self.state_since).0)
        } else {
            self.hold
        }
    }
}

impl Model {
    /// What waiting time a visitor of this tier is worth in that queue.
    pub(super) fn handicap(&self, tier: usize, queue: usize) -> i128 {
        i128::from(self.tiers[tier].handicap.0) + i128::from(self.queues[queue].settings.handicap.0)
    }

    /// The skills that an agent must have to take a call, as things stand.
    pub(super) fn required(&self, call: &Call) -> Vec<String> {
        let of_queue = &self.queues[call.queue].settings.skills;
        let all = of_queue.iter().chain(&call.visitor.caller.skills);
        all.filter(|skill| !call.dropped.contains(skill))
            .cloned()
            .collect()
    }

    /// The limits of a tier in a queue, if it has any of its own.
    pub(super) fn tier_limits(&self, tier: usize, queue: usize) -> Option<&config::TierLimits> {
        let limits = &self.queues[queue].settings.tiers;
        limits.iter().find(|limits| limits.tier == self.tiers[tier].name)
    }
}
