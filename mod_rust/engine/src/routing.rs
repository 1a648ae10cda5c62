//! Routing: who takes whom. One rule, again and again until nothing is left to do: the best caller who can be served
//! is offered to the agent whom the strategy of the queue prefers.
//!
//! Between two inputs no agent is available who suits a caller that seeks one. So only agents who became available
//! and callers who began to seek need a look. One of them alone, as nearly always, takes no place in any order unless
//! nobody is there for it.

use std::collections::BTreeSet;

use crate::agent::{Agent, Member, Seat};
use crate::call::Call;
use crate::config::Strategy;
use crate::engine::Engine;
use crate::ids::{AgentId, CallId, QueueId};
use crate::queue::Rank;

/// A caller who can perhaps be served, and the freed agent who could; `None` for a caller who began to seek.
type Candidate = (Rank, Option<AgentId>);

impl Engine {
    /// Brings together what the changes so far allow.
    pub(crate) fn settle(&mut self) {
        loop {
            if let Some(queue) = self.perhaps_unmanned.pop_first() {
                self.leave_if_unmanned(queue);
            } else if let Some(queue) = self.perhaps_near.pop_first() {
                self.dial_near(queue);
            } else {
                break;
            }
        }
        if !self.freed.is_empty() || !self.seekers.is_empty() {
            self.match_up();
        }
    }

    fn match_up(&mut self) {
        let mut freed = core::mem::take(&mut self.freed);
        let mut seekers = core::mem::take(&mut self.seekers);
        freed.retain(|id| {
            let agent = &self.agents[id.0 as usize];
            agent.available && !agent.benched
        });
        freed.sort_unstable();
        freed.dedup();
        seekers.retain(|id| {
            self.calls
                .get(id.0)
                .is_some_and(|call| call.seeking && !call.laned)
        });
        seekers.sort_unstable();
        seekers.dedup();
        for id in &freed {
            self.draw_tickets(*id);
        }
        match (freed.as_slice(), seekers.as_slice()) {
            ([], []) => {}
            ([agent], []) => self.place_agent(*agent),
            ([], [call]) => self.place_caller(*call),
            (freed, seekers) => self.place_all(freed, seekers),
        }
        // Making offers only takes away from what is left to do.
        self.freed = cleared(freed);
        self.seekers = cleared(seekers);
    }

    fn place_agent(&mut self, agent: AgentId) {
        let served = self
            .best_caller(agent)
            .is_some_and(|rank| self.make_offer(rank.call, agent));
        if !served {
            self.bench(agent);
        }
    }

    fn place_caller(&mut self, call: CallId) {
        while let Some(agent) = self.best_agent(call) {
            if !self.make_offer(call, agent) {
                break;
            }
        }
        self.lane(call);
    }

    fn place_all(&mut self, freed: &[AgentId], seekers: &[CallId]) {
        for agent in freed {
            self.bench(*agent);
        }
        for call in seekers {
            self.lane(*call);
        }
        let rank_of = |call: &CallId| self.calls.get(call.0).map(|call| (call.rank, None));
        let mut candidates: BTreeSet<Candidate> = seekers.iter().filter_map(rank_of).collect();
        for agent in freed {
            candidates.extend(self.best_caller(*agent).map(|rank| (rank, Some(*agent))));
        }
        while let Some((rank, freed)) = candidates.pop_first() {
            // Somebody else may have taken the freed agent or the caller meanwhile.
            let still = match freed {
                Some(agent) => self.best_caller(agent),
                None => Some(rank),
            };
            if still == Some(rank)
                && let Some(agent) = self.best_agent(rank.call)
                && !self.make_offer(rank.call, agent)
            {
                continue;
            }
            let again = match freed {
                Some(agent) => self.best_caller(agent),
                None => self.best_agent(rank.call).map(|_| rank),
            };
            candidates.extend(again.map(|rank| (rank, freed)));
        }
    }

    /// The best caller whom an agent suits, over all of its queues, if available.
    fn best_caller(&self, agent: AgentId) -> Option<Rank> {
        let agent = &self.agents[agent.0 as usize];
        if !agent.available {
            return None;
        }
        let mut best = agent.lane.first();
        let better = |first: Option<Rank>, best: Option<Rank>| {
            first.is_some_and(|first| best.is_none_or(|best| first < best))
        };
        for member in &agent.members {
            let front = self.fronts[member.queue.0 as usize];
            if !better(front.first, best) {
                continue;
            }
            if front.plain {
                best = front.first;
                continue;
            }
            for lane in &self.queues[member.queue.0 as usize].lanes {
                let first = lane.callers.first();
                if lane.suits(member.level, agent.skills) && better(first, best) {
                    best = first;
                }
            }
        }
        best
    }

    /// The best agent for a call, if it seeks one.
    fn best_agent(&self, call: CallId) -> Option<AgentId> {
        let call = self.calls.get(call.0).filter(|call| call.seeking)?;
        if let Some((agent, _)) = call.sticky {
            return Some(agent).filter(|agent| self.agents[agent.0 as usize].available);
        }
        let mut places = self.places_of(call);
        places.find_map(|(queue, cap)| {
            let best = self.queues[queue.0 as usize].best(cap, call.skills);
            best.map(|merit| merit.agent)
        })
    }

    /// The queues whose agents may take a call, in the order in which they are asked, and the worst level that will do.
    pub(crate) fn places_of(&self, call: &Call) -> impl Iterator<Item = (QueueId, u8)> {
        let cap = |cap: u8| if call.impossible { 0 } else { cap };
        let own = (call.queue, cap(call.cap));
        let also = call
            .also()
            .iter()
            .filter(|queue| !self.queues[queue.0 as usize].removed);
        let also = also.map(move |queue| (*queue, cap(self.queues[queue.0 as usize].settings.level)));
        core::iter::once(own).chain(also)
    }

    /// The queue in which an agent suits a call.
    pub(crate) fn suits_via(&self, call: &Call, agent: &Agent) -> Option<QueueId> {
        self.place_for(call, agent).map(|(queue, _)| queue)
    }

    /// The same, and the worst level that will do there.
    pub(crate) fn place_for(&self, call: &Call, agent: &Agent) -> Option<(QueueId, u8)> {
        if let Some((preferred, _)) = call.sticky {
            return (preferred == agent.id).then_some((call.queue, u8::MAX));
        }
        if !agent.skills.includes(call.skills) {
            return None;
        }
        let level = |queue| agent.member(queue).map(|member| member.level);
        self.places_of(call)
            .find(|(queue, cap)| level(*queue).is_some_and(|level| level <= *cap))
    }

    // Places in the orders.

    /// Puts a seeking call into the lanes of its queues, or of the agent it waits for.
    fn lane(&mut self, id: CallId) {
        if self
            .calls
            .get(id.0)
            .is_some_and(|call| call.seeking && !call.laned)
        {
            self.set_laned(id, true);
        }
    }

    /// Takes a call out of them. Whoever changes what a call needs does that first, and refreshes it afterwards.
    pub(crate) fn unlane(&mut self, id: CallId) {
        if self.calls.get(id.0).is_some_and(|call| call.laned) {
            self.set_laned(id, false);
        }
    }

    fn set_laned(&mut self, id: CallId, laned: bool) {
        let Some(call) = self.calls.get(id.0) else { return };
        let (rank, skills) = (call.rank, call.skills);
        if let Some((agent, _)) = call.sticky {
            let lane = &mut self.agents[agent.0 as usize].lane;
            if laned {
                lane.insert(rank);
            } else {
                lane.remove(rank);
            }
        } else if call.also().is_empty() {
            let (queue, cap) = (call.queue, if call.impossible { 0 } else { call.cap });
            self.set_in_lane(queue, cap, skills, rank, laned);
        } else {
            let places: Vec<(QueueId, u8)> = self.places_of(call).collect();
            for (queue, cap) in places {
                self.set_in_lane(queue, cap, skills, rank, laned);
            }
        }
        if let Some(call) = self.calls.get_mut(id.0) {
            call.laned = laned;
        }
    }

    fn set_in_lane(
        &mut self,
        queue: QueueId,
        cap: u8,
        skills: crate::skills::SkillSet,
        rank: Rank,
        laned: bool,
    ) {
        let at = queue.0 as usize;
        let (queue, front) = (&mut self.queues[at], &mut self.fronts[at]);
        if laned {
            queue.line_up(front, cap, skills, rank);
        } else {
            queue.step_out(front, cap, skills, rank);
        }
    }

    /// Puts an available agent onto the benches of its queues.
    fn bench(&mut self, id: AgentId) {
        let agent = &mut self.agents[id.0 as usize];
        if !agent.available || agent.benched {
            return;
        }
        agent.benched = true;
        for at in 0..agent.members.len() {
            let member = agent.members[at];
            let queue = &mut self.queues[member.queue.0 as usize];
            let seat = Seat {
                primary: primary(queue.settings.strategy, agent, &member, &agent.rest.seats[at]),
                ..agent.rest.seats[at]
            };
            agent.rest.seats[at] = seat;
            queue.seat(member.level, agent.skills, agent.merit(&seat));
        }
    }

    /// Takes an agent off them. Whoever changes what an agent is worth does that first.
    pub(crate) fn unbench(&mut self, id: AgentId) {
        let agent = &mut self.agents[id.0 as usize];
        if !core::mem::replace(&mut agent.benched, false) {
            return;
        }
        for (member, seat) in agent.members.iter().zip(&agent.rest.seats) {
            let queue = &mut self.queues[member.queue.0 as usize];
            queue.unseat(member.level, agent.skills, agent.merit(seat));
        }
    }

    /// Where queues choose by chance, an agent who became available draws once for each time of idling.
    fn draw_tickets(&mut self, id: AgentId) {
        if !self.by_chance {
            return;
        }
        let agent = &mut self.agents[id.0 as usize];
        let idle_since = agent.idle_since;
        for (member, seat) in agent.members.iter().zip(&mut agent.rest.seats) {
            let queue = &self.queues[member.queue.0 as usize];
            let weight = match queue.settings.strategy {
                Strategy::Random => 1,
                Strategy::WeightedRandom => member.weight,
                Strategy::LongestIdle
                | Strategy::RingAll
                | Strategy::RoundRobin
                | Strategy::FewestCalls
                | Strategy::LeastTalkTime
                | Strategy::Linear
                | Strategy::SkillLevel => continue,
            };
            if seat.ticket_for != Some(idle_since) {
                let patience = crate::chance::patience(self.seed, id, member.queue, idle_since, weight);
                seat.ticket = queue.clock.saturating_add(patience);
                seat.ticket_for = Some(idle_since);
            }
        }
    }
}

/// What a strategy looks at before idle time; the least is best.
fn primary(strategy: Strategy, agent: &Agent, member: &Member, seat: &Seat) -> u64 {
    match strategy {
        Strategy::LongestIdle | Strategy::RingAll => 0,
        Strategy::RoundRobin | Strategy::Linear => u64::from(agent.order),
        Strategy::FewestCalls => u64::from(agent.calls),
        Strategy::LeastTalkTime => agent.talked.0,
        Strategy::Random | Strategy::WeightedRandom => seat.ticket,
        Strategy::SkillLevel => u64::from(member.level),
    }
}

fn cleared<T>(mut list: Vec<T>) -> Vec<T> {
    list.clear();
    list
}
