//! Routing: who takes whom. Between two inputs no agent is available in a queue where a caller seeks one; so only
//! those that changed need a look, each at the front of ordered sets.

use crate::engine::Engine;
use crate::ids::AgentId;
use crate::queue::{IdleRank, Rank};

impl Engine {
    /// Brings together what the changes so far allow: first each agent who became free takes the best caller over
    /// all of the agent's queues, then each caller who became free to take an agent takes the queue's best ones.
    pub(crate) fn settle(&mut self) {
        while let Some(queue) = self.perhaps_unmanned.pop_first() {
            self.leave_if_unmanned(queue);
        }
        let mut freed: Vec<IdleRank> = self
            .freed
            .iter()
            .map(|id| (self.agents[id.0 as usize].idle_since, *id))
            .collect();
        self.freed.clear();
        freed.sort_unstable();
        for (_, agent) in freed {
            if let Some(Rank { call, .. }) = self.best_caller(agent) {
                self.make_offer(call, agent);
            }
        }
        while let Some(rank) = self.seekers.pop_first() {
            while let Some(agent) = self.best_agent(rank) {
                self.make_offer(rank.call, agent);
            }
        }
    }

    /// The best caller over all queues of an available agent.
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

    /// The agent who has been available longest in the queue of a call that still seeks one.
    fn best_agent(&self, seeker: Rank) -> Option<AgentId> {
        let call = self.calls.get(&seeker.call).filter(|call| call.seeking)?;
        self.queues[call.queue.0 as usize]
            .available
            .first()
            .map(|&(_, agent)| agent)
    }
}
