//! Settings taking effect, at the start and while running. Queues and tiers are known by name, agents by number, and
//! keep their ids; what is removed keeps its place in the table.

use std::collections::BTreeSet;

use crate::action::{Action, CommandOutcome, Refusal};
use crate::agent::{Agent, Base, Idle, REMOVED};
use crate::call::State;
use crate::config::{self, Config, ConfigError, MAX_TIERS};
use crate::engine::{Engine, Tier};
use crate::event::Event;
use crate::ids::{AgentId, CallId, CommandId, QueueId, TierId};
use crate::queue::Queue;

impl Engine {
    /// Takes new settings whole, or not at all.
    pub(crate) fn reload(&mut self, id: CommandId, author: String, config: Config) {
        let outcome = match config.check().and_then(|()| self.has_room_for(&config)) {
            Ok(()) => {
                self.install(config);
                // What the change ended is told first; what begins with it may name queues and agents that are new.
                self.publish();
                self.announce_config(author);
                CommandOutcome::Done
            }
            Err(_) => CommandOutcome::Refused(Refusal::BadConfig),
        };
        self.actions.push(Action::Reply { command: id, outcome });
    }

    fn has_room_for(&self, config: &Config) -> Result<(), ConfigError> {
        let known: BTreeSet<&str> = self.tiers.iter().map(|tier| tier.name.as_str()).collect();
        let new = config
            .tiers
            .iter()
            .filter(|tier| !known.contains(tier.name.as_str()))
            .count();
        if known.len() + new > MAX_TIERS {
            Err(ConfigError::TooManyTiers)
        } else {
            Ok(())
        }
    }

    pub(crate) fn announce_config(&mut self, author: String) {
        let view = self.view();
        let (queues, agents, tiers) = (view.queues, view.agents, view.tiers);
        self.events.push(Event::ConfigApplied {
            author,
            queues,
            agents,
            tiers,
        });
    }

    /// Puts checked settings into effect.
    pub(crate) fn install(&mut self, config: Config) {
        self.misses = config.misses;
        self.limits = config.limits;
        self.install_tiers(config.tiers);
        self.install_queues(config.queues);
        self.install_agents(config.agents);
        // Another strategy or ceiling makes callers seek more agents, or fewer.
        let calls: Vec<CallId> = self.calls.keys().copied().collect();
        for call in calls {
            self.refresh_call(call);
        }
        self.perhaps_unmanned.extend(self.queue_ids.values().copied());
    }

    fn install_tiers(&mut self, tiers: Vec<config::Tier>) {
        for tier in &mut self.tiers {
            tier.removed = true;
        }
        let first = tiers.first().map(|tier| tier.name.clone());
        for config::Tier { name, handicap } in tiers {
            match self.tiers.iter_mut().find(|tier| tier.name == name) {
                Some(tier) => {
                    *tier = Tier {
                        name,
                        handicap,
                        removed: false,
                    }
                }
                None => self.tiers.push(Tier {
                    name,
                    handicap,
                    removed: false,
                }),
            }
        }
        let first = self
            .tiers
            .iter()
            .position(|tier| Some(&tier.name) == first.as_ref());
        self.default_tier = first
            .and_then(|at| u8::try_from(at).ok())
            .map_or(TierId(0), TierId);
    }

    fn install_queues(&mut self, queues: Vec<config::Queue>) {
        let names: BTreeSet<&str> = queues.iter().map(|queue| queue.name.as_str()).collect();
        let removed = |(name, id): (&String, &QueueId)| (!names.contains(name.as_str())).then_some(*id);
        let removed: BTreeSet<QueueId> = self.queue_ids.iter().filter_map(removed).collect();
        for id in &removed {
            self.queues[id.0 as usize].removed = true;
        }
        let stranded = |(id, call): (&CallId, &crate::call::Call)| match call.state {
            State::Waiting | State::Ringing => removed.contains(&call.queue).then_some(*id),
            State::Connecting | State::Talking | State::Gone => None,
        };
        let stranded: Vec<CallId> = self.calls.iter().filter_map(stranded).collect();
        for call in stranded {
            self.removed_from_under(call);
        }
        for settings in queues {
            if let Some(id) = self.queue_ids.get(&settings.name) {
                let queue = &mut self.queues[id.0 as usize];
                queue.settings = settings;
                queue.removed = false;
            } else {
                let id = QueueId(table_place(self.queues.len()));
                self.queue_ids.insert(settings.name.clone(), id);
                self.queues.push(Queue::new(settings));
            }
        }
    }

    fn install_agents(&mut self, agents: Vec<config::Agent>) {
        let numbers: BTreeSet<&str> = agents.iter().map(|agent| agent.number.as_str()).collect();
        let removed = |agent: &&Agent| !numbers.contains(agent.number.as_str());
        let removed: Vec<AgentId> = self.agents.iter().filter(removed).map(|agent| agent.id).collect();
        for id in removed {
            self.remove_agent(id);
        }
        for settings in agents {
            if let Some(id) = self.agent_ids.get(&settings.number) {
                self.change_agent(*id, settings);
                continue;
            }
            let id = AgentId(table_place(self.agents.len()));
            self.agent_ids.insert(settings.number.clone(), id);
            self.agents
                .push(Agent::new(id, settings.number.clone(), self.now));
            self.change_agent(id, settings);
            // The world meets a new agent in the announcement of the settings.
            let agent = &mut self.agents[id.0 as usize];
            agent.published = agent.state();
            self.changed.remove(&id);
        }
    }

    fn change_agent(&mut self, id: AgentId, settings: config::Agent) {
        let queues = settings
            .queues
            .iter()
            .filter_map(|member| self.queue_ids.get(&member.queue))
            .copied();
        let queues: Vec<QueueId> = queues.collect();
        let agent = &mut self.agents[id.0 as usize];
        if agent.name != settings.name {
            agent.name = settings.name;
            self.changed.insert(id);
        }
        let newly_always = settings.always_signed_in && !agent.always_signed_in;
        agent.always_signed_in = settings.always_signed_in;
        agent.removed = false;
        agent.own_phone = settings.phone;
        self.watch(id);
        self.follow_own_phone(id);
        self.serve(id, queues);
        let agent = &self.agents[id.0 as usize];
        if newly_always && agent.base == Base::SignedOut && !self.phones.contains_key(&agent.own_phone) {
            let phone = agent.own_phone.clone();
            self.sign_in(id, phone);
        }
        self.refresh_agent(id, Idle::Anew);
    }

    fn remove_agent(&mut self, id: AgentId) {
        let agent = &mut self.agents[id.0 as usize];
        if agent.removed {
            return;
        }
        agent.removed = true;
        agent.always_signed_in = false;
        self.changed.insert(id);
        self.lift_lock(id);
        self.serve(id, Vec::new());
        match self.agents[id.0 as usize].base {
            Base::SignedOut => self.watch(id),
            Base::Ready | Base::NotReady | Base::WrapUp => self.sign_out(id, REMOVED.to_owned()),
            // Serving no queue took an offer back, which signed the agent out; a call goes on.
            Base::Offered | Base::OnCall => {}
        }
    }

    /// Changes the queues an agent serves, at once: an offer in a queue served no more is taken back.
    fn serve(&mut self, id: AgentId, queues: Vec<QueueId>) {
        let agent = &mut self.agents[id.0 as usize];
        if agent.queues == queues {
            return;
        }
        self.changed.insert(id);
        let key = (agent.idle_since, id);
        let here = agent.base != Base::SignedOut;
        for queue in core::mem::replace(&mut agent.queues, queues) {
            let left = &mut self.queues[queue.0 as usize];
            left.available.remove(&key);
            left.signed_in -= u32::from(here);
        }
        let idle = if agent.available { Idle::GoesOn } else { Idle::Anew };
        agent.available = false;
        for queue in &agent.queues {
            self.queues[queue.0 as usize].signed_in += u32::from(here);
        }
        let served = |queue: QueueId| agent.queues.contains(&queue);
        let offer = match (agent.base, agent.engaged.and_then(|engaged| engaged.offer)) {
            (Base::Offered, Some(offer)) => Some(offer),
            (
                Base::SignedOut | Base::Ready | Base::NotReady | Base::Offered | Base::OnCall | Base::WrapUp,
                _,
            ) => None,
        };
        let lost = offer.filter(|offer| self.offers.get(offer).is_some_and(|offer| !served(offer.queue)));
        if let Some(offer) = lost {
            self.cancel_offer(offer);
        }
        self.refresh_agent(id, idle);
    }
}

/// The next place of a table as an id. Tables of four thousand million rows do not fit into memory.
fn table_place(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
