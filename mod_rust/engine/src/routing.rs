//! Routing: who takes whom. One rule, again and again until nothing is left to do: the best caller who can be served
//! is offered to the agent who has been available longest in the caller's queue.
//!
//! Between two inputs no agent is available in a queue where a caller seeks one. So only agents who became available
//! and callers who began to seek need a look, each at the front of an ordered set.

use std::collections::BTreeSet;

use crate::engine::Engine;
use crate::ids::AgentId;
use crate::queue::Rank;

/// A caller who can perhaps be served, and the freed agent who could; `None` for a caller who began to seek.
type Candidate = (Rank, Option<AgentId>);

impl Engine {
    /// Brings together what the changes so far allow.
    pub(crate) fn settle(&mut self) {
        while let Some(queue) = self.perhaps_unmanned.pop_first() {
            self.leave_if_unmanned(queue);
        }
        if self.freed.is_empty() && self.seekers.is_empty() {
            return;
        }
        let mut candidates: BTreeSet<Candidate> = core::mem::take(&mut self.seekers)
            .into_iter()
            .map(|rank| (rank, None))
            .collect();
        for agent in core::mem::take(&mut self.freed) {
            candidates.extend(self.best_caller(agent).map(|rank| (rank, Some(agent))));
        }
        while let Some((rank, freed)) = candidates.pop_first() {
            // Somebody else may have taken the freed agent or the caller meanwhile.
            let still = match freed {
                Some(agent) => self.best_caller(agent),
                None => Some(rank),
            };
            if still == Some(rank)
                && let Some(agent) = self.best_agent(rank)
                && !self.make_offer(rank.call, agent)
            {
                continue;
            }
            let again = match freed {
                Some(agent) => self.best_caller(agent),
                None => self.best_agent(rank).map(|_| rank),
            };
            candidates.extend(again.map(|rank| (rank, freed)));
        }
        // Making offers only takes away from what is left to do.
        self.seekers.clear();
    }

    /// The best caller over all queues of an agent, if available.
    fn best_caller(&self, agent: AgentId) -> Option<Rank> {
        let agent = &self.agents[agent.0 as usize];
        if !agent.available {
            return None;
        }
        agent
            .queues
            .iter()
            .filter_map(|queue| self.queues[queue.0 as usize].seeking.first())
            .min()
            .copied()
    }

    /// The agent who has been available longest in the queue of a call, if that still seeks one.
    fn best_agent(&self, seeker: Rank) -> Option<AgentId> {
        let call = self.calls.get(&seeker.call).filter(|call| call.seeking)?;
        self.queues[call.queue.0 as usize]
            .available
            .first()
            .map(|&(_, agent)| agent)
    }
}
