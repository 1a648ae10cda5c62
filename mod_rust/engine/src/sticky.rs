//! Sticky agents: a caller waits for the one agent who knows the matter, for a while.

use std::collections::{BTreeMap, VecDeque};

use crate::engine::Engine;
use crate::ids::{AgentId, CallId, QueueId};
use crate::time::{Span, Time};

/// The agent whom a caller talked with last, for so many callers at most.
#[derive(Default, Debug)]
pub(crate) struct LastAgents {
    by_number: BTreeMap<String, (AgentId, u64)>,
    /// Oldest first, with the turn in which it was remembered; a number remembered again meanwhile has a later one.
    order: VecDeque<(String, u64)>,
    turn: u64,
}

impl LastAgents {
    pub(crate) fn remember(&mut self, number: &str, agent: AgentId, most: u32) {
        if most == 0 {
            return;
        }
        self.turn += 1;
        self.by_number.insert(number.to_owned(), (agent, self.turn));
        self.order.push_back((number.to_owned(), self.turn));
        self.forget_beyond(most);
    }

    pub(crate) fn forget_beyond(&mut self, most: u32) {
        // Places of numbers remembered again are dropped as soon as they are more than those that count.
        while self.by_number.len() > most as usize || self.order.len() > 2 * (most as usize).max(16) {
            let Some((number, turn)) = self.order.pop_front() else {
                return;
            };
            if self
                .by_number
                .get(&number)
                .is_some_and(|(_, latest)| *latest == turn)
            {
                if self.by_number.len() > most as usize {
                    self.by_number.remove(&number);
                } else {
                    // Still the latest and wanted: it only moves behind the stale ones.
                    self.order.retain({
                        let by_number = &self.by_number;
                        move |(number, turn)| by_number.get(number).is_some_and(|(_, latest)| latest == turn)
                    });
                    self.order.push_front((number, turn));
                }
            }
        }
    }

    pub(crate) fn of(&self, number: &str) -> Option<AgentId> {
        self.by_number.get(number).map(|(agent, _)| *agent)
    }
}

impl Engine {
    /// The agent for whom a caller of that queue waits first, and until when.
    pub(crate) fn preferred(
        &self,
        queue: QueueId,
        named: &str,
        number: &str,
        joined: Time,
    ) -> Option<(AgentId, Time)> {
        let sticky = self.queues[queue.0 as usize].settings.sticky;
        if sticky == Span::ZERO {
            return None;
        }
        let agent = match (named.is_empty(), number.is_empty()) {
            (false, _) => self.agent_ids.get(named).copied(),
            (true, false) => self.last_agents.of(number),
            (true, true) => None,
        };
        agent
            .filter(|agent| self.can_be_preferred(*agent, queue))
            .map(|agent| (agent, joined + sticky))
    }

    pub(crate) fn can_be_preferred(&self, agent: AgentId, queue: QueueId) -> bool {
        let agent = &self.agents[agent.0 as usize];
        agent.at_work && agent.serves(queue)
    }

    /// The caller waits for that agent no longer.
    pub(crate) fn end_sticky(&mut self, id: CallId) {
        self.unlane(id);
        let Some(call) = self.calls.get_mut(id.0) else {
            return;
        };
        if let Some((agent, _)) = call.sticky.take() {
            let rank = call.rank;
            self.agents[agent.0 as usize].rest.wanted_by.remove(rank);
        }
        self.refresh_call(id);
        self.arm_call(id);
    }

    /// Nobody waits any longer for an agent who is not at work, or for one in a queue served no more.
    pub(crate) fn release_wanted(&mut self, id: AgentId) {
        let agent = &self.agents[id.0 as usize];
        if agent.rest.wanted_by.is_empty() {
            return;
        }
        let waiting: Vec<CallId> = agent.rest.wanted_by.iter().map(|rank| rank.call).collect();
        for call in waiting {
            let queue = self.calls.get(call.0).map(|call| call.queue);
            if queue.is_some_and(|queue| !self.can_be_preferred(id, queue)) {
                self.end_sticky(call);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten_and_memory_is_bounded() {
        let mut last = LastAgents::default();
        for round in 0..1_000_u32 {
            last.remember("1", AgentId(round), 3);
            last.remember(&round.to_string(), AgentId(7), 3);
            assert!(last.by_number.len() <= 3);
            assert!(last.order.len() <= 33);
        }
        assert_eq!(last.of("1"), Some(AgentId(999)));
        assert_eq!(last.of("999"), Some(AgentId(7)));
        assert_eq!(last.of("997"), None);
        last.forget_beyond(1);
        assert_eq!(last.of("1"), None);
        assert_eq!(last.of("999"), Some(AgentId(7)));
        last.forget_beyond(0);
        assert_eq!(last.of("999"), None);
    }
}
