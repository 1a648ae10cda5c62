//! A queue: who waits in it and who could take them, both in the order in which they are served.

use std::collections::BTreeSet;

use crate::action::CallAction;
use crate::config;
use crate::event::QueueView;
use crate::ids::{AgentId, CallId, QueueId};
use crate::time::{Span, Time};

/// A caller's place in the order of service, over all queues: the moment of joining less everything that the caller
/// is worth on top, then the call number. All callers age alike, so it never changes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Rank {
    at: i128,
    pub(crate) call: CallId,
}

impl Rank {
    pub(crate) fn new(joined: Time, handicaps: [Span; 3], call: CallId) -> Rank {
        let worth: i128 = handicaps.iter().map(|span| i128::from(span.0)).sum();
        Rank {
            at: i128::from(joined.0) - worth,
            call,
        }
    }
}

/// An agent's place among those available: since when, then the agent's number in the table.
pub(crate) type IdleRank = (Time, AgentId);

#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) settings: config::Queue,
    /// No longer in the settings: nobody may join, talking calls go on.
    pub(crate) removed: bool,
    /// Callers that are not connected yet, whether anybody rings for them or not.
    pub(crate) waiting: u32,
    /// Members who are signed in.
    pub(crate) signed_in: u32,
    /// Callers who could take (another) agent now.
    pub(crate) seeking: BTreeSet<Rank>,
    /// Members who could take a call now.
    pub(crate) available: BTreeSet<IdleRank>,
}

impl Queue {
    pub(crate) fn new(settings: config::Queue) -> Queue {
        Queue {
            settings,
            removed: false,
            waiting: 0,
            signed_in: 0,
            seeking: BTreeSet::new(),
            available: BTreeSet::new(),
        }
    }

    /// Whether its callers may not wait for want of agents.
    pub(crate) fn is_unmanned(&self) -> bool {
        self.settings.needs_agents && self.signed_in == 0
    }

    /// What its waiting callers hear.
    pub(crate) fn music(&self) -> CallAction {
        CallAction::Music {
            class: self.settings.music.clone(),
            after: self.settings.music_after,
        }
    }

    pub(crate) fn view(&self, queue: QueueId) -> QueueView {
        QueueView {
            queue,
            name: self.settings.name.clone(),
            strategy: self.settings.strategy,
            service_target: self.settings.service_target,
            max_waiting: self.settings.max_waiting,
        }
    }
}
