//! Who takes whom.

use hotline_engine::chance::patience;
use hotline_engine::config::Strategy;
use hotline_engine::ids::{AgentId, OfferId, QueueId};
use hotline_engine::{CallAction, Time};

use super::Model;
use super::agent::{Agent, Doing};
use super::call::{Call, Ring, Stage};

impl Model {
    /// Again and again: the first caller in the order of service whom anybody can take is offered to the best.
    pub(super) fn match_up(&mut self) {
        for at in 0..self.agents.len() {
            self.draw_tickets(at);
        }
        loop {
            let seeking = self.calls.iter().enumerate().filter(|(_, call)| self.seeks(call));
            let servable = seeking.filter_map(|(at, call)| {
                let (agent, via) = self.best_agent(call)?;
                Some((call.rank(), at, agent, via))
            });
            let Some((_, call, agent, via)) = servable.min() else {
                break;
            };
            self.offer(call, agent, via);
        }
    }

    fn seeks(&self, call: &Call) -> bool {
        let queue = &self.queues[call.queue].settings;
        let several = queue.strategy == Strategy::RingAll && call.sticky.is_none();
        let more = several && call.rings.len() < queue.ring_all_max as usize;
        let here = call.visitor.errand.is_none();
        here && call.stage == Stage::Waiting && (call.rings.is_empty() || more)
    }

    /// Whom the call is offered to, and in which queue.
    pub(super) fn best_agent(&self, call: &Call) -> Option<(usize, usize)> {
        if let Some((own, _)) = call.sticky {
            return self.agents[own].available().then_some((own, call.queue));
        }
        let also = call.also.iter().filter(|queue| !self.queues[**queue].removed);
        let queues = std::iter::once(&call.queue).chain(also);
        queues
            .filter_map(|via| Some((self.best_agent_in(call, *via)?, *via)))
            .next()
    }

    fn best_agent_in(&self, call: &Call, via: usize) -> Option<usize> {
        let suitable = (0..self.agents.len()).filter(|at| self.suits(&self.agents[*at], call, via));
        suitable.min_by_key(|at| (self.merit(*at, via), self.agents[*at].idle_since, *at))
    }

    fn suits(&self, agent: &Agent, call: &Call, via: usize) -> bool {
        let queue = &self.queues[via].settings;
        let cap = if via == call.queue { call.cap } else { queue.level };
        let good = agent
            .place_in(&queue.name)
            .is_some_and(|place| place.level <= cap);
        let has = |skill: &String| agent.settings.skills.contains(skill);
        agent.available() && good && self.required(call).iter().all(has)
    }

    /// By the strategy of the queue; the least comes first.
    fn merit(&self, at: usize, via: usize) -> (u64, u64) {
        let (agent, queue) = (&self.agents[at], &self.queues[via]);
        match queue.settings.strategy {
            Strategy::LongestIdle | Strategy::RingAll => (0, 0),
            Strategy::FewestCalls => (0, agent.calls),
            Strategy::LeastTalkTime => (0, agent.talked.0),
            Strategy::Linear => (0, agent.place as u64),
            Strategy::RoundRobin => {
                let passed = queue.cursor.is_some_and(|cursor| agent.place <= cursor);
                (u64::from(passed), agent.place as u64)
            }
            Strategy::Random | Strategy::WeightedRandom => (0, self.ticket(at, via)),
            Strategy::SkillLevel => {
                let place = agent.place_in(&queue.settings.name);
                (0, place.map_or(0, |place| u64::from(place.level)))
            }
        }
    }

    fn ticket(&self, at: usize, queue: usize) -> u64 {
        let mut tickets = self.agents[at].tickets.iter();
        let ticket = tickets.find(|(of, _, _)| *of == queue);
        ticket.map_or(0, |(_, ticket, _)| *ticket)
    }

    /// An agent who can take a call has a ticket in each queue that chooses by chance, for as long as it stays idle.
    fn draw_tickets(&mut self, at: usize) {
        let idle: Time = self.agents[at].idle_since;
        if !self.agents[at].available() {
            return;
        }
        for member in self.agents[at].settings.queues.clone() {
            let Some(queue) = self.queue_named(&member.queue) else {
                continue;
            };
            let weight = match self.queues[queue].settings.strategy {
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
            let drawn = |(of, _, since): &(usize, u64, Time)| *of == queue && *since == idle;
            if self.agents[at].tickets.iter().any(drawn) {
                continue;
            }
            let (agent_id, queue_id) = (AgentId(at as u32), QueueId(queue as u32));
            let ticket = self.queues[queue].clock + patience(self.seed, agent_id, queue_id, idle, weight);
            let tickets = &mut self.agents[at].tickets;
            tickets.retain(|(of, _, _)| *of != queue);
            tickets.push((queue, ticket, idle));
        }
    }

    fn offer(&mut self, call: usize, agent: usize, via: usize) {
        self.offers_made += 1;
        let offer = OfferId(self.offers_made);
        let drawn = self.calls[call].sticky.is_none();
        let ticket = self.ticket(agent, via);
        let queue = &mut self.queues[via];
        queue.cursor = Some(self.agents[agent].place);
        match queue.settings.strategy {
            Strategy::Random | Strategy::WeightedRandom if drawn => queue.clock = ticket,
            Strategy::Random
            | Strategy::WeightedRandom
            | Strategy::LongestIdle
            | Strategy::RingAll
            | Strategy::RoundRobin
            | Strategy::FewestCalls
            | Strategy::LeastTalkTime
            | Strategy::Linear
            | Strategy::SkillLevel => {}
        }
        let settings = &self.queues[via].settings;
        let (until, name) = (self.now + settings.ring_time, settings.name.clone());
        let id = self.calls[call].id;
        self.calls[call].rings.push(Ring {
            offer,
            agent,
            via,
            until,
        });
        let agent = &mut self.agents[agent];
        agent.doing = Doing::Ringing(id, offer);
        let ring = CallAction::Ring {
            offer,
            phone: agent.phone.as_str().into(),
            agent: agent.settings.number.as_str().into(),
            queue: name.into(),
            answering: agent.settings.answering,
        };
        self.tell(id, ring);
    }

    /// The call, and the agent, of an offer that rings.
    pub(super) fn ringing(&self, offer: OfferId) -> Option<(hotline_engine::ids::CallId, usize)> {
        let waiting = self.calls.iter().filter(|call| call.stage == Stage::Waiting);
        let mut rings = waiting.flat_map(|call| call.rings.iter().map(|ring| (call.id, ring)));
        rings
            .find(|(_, ring)| ring.offer == offer)
            .map(|(call, ring)| (call, ring.agent))
    }
}
