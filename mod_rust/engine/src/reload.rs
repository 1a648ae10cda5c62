//! Settings taking effect, at the start and while running. Queues and tiers are known by name, agents by number, and
//! keep their ids; what is removed keeps its place in the table.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::action::{Action, CommandOutcome, Refusal};
use crate::agent::{Agent, Base, Idle, Member, REMOVED};
use crate::config::{self, Config, ConfigError, Door, MAX_TIERS};
use crate::engine::{Engine, Tier};
use crate::estimate::Pulse;
use crate::event::Event;
use crate::ids::{AgentId, CallId, CommandId, QueueId, TierId};
use crate::queue::{Front, Queue};
use crate::skills::SkillSet;

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
            return Err(ConfigError::TooManyTiers);
        }
        if self.skills.have_room_for(config.skills().into_iter()) {
            Ok(())
        } else {
            Err(ConfigError::TooManySkills)
        }
    }

    pub(crate) fn announce_config(&mut self, author: String) {
        let queues = self.queues.iter().zip(0..).filter(|(queue, _)| !queue.removed);
        let queues = queues.map(|(queue, id)| queue.view(QueueId(id))).collect();
        let agents = self.agent_views();
        let tiers = self.tiers.iter().map(|tier| tier.name.clone()).collect();
        self.events.push(Event::ConfigApplied {
            author,
            queues,
            agents,
            tiers,
            dispositions: Arc::clone(&self.dispositions),
            supervisors: self.supervision.supervisor_views(true),
        });
    }

    /// Puts checked settings into effect.
    pub(crate) fn install(&mut self, config: Config) {
        self.misses = config.misses;
        self.limits = config.limits;
        self.menus = config.menus.clone();
        self.reasons = config.reasons.clone();
        self.dispositions = config.dispositions.as_slice().into();
        self.ivrs = config.ivrs.clone();
        self.record.resize(config.limits.decisions);
        self.last_agents.forget_beyond(config.limits.remembered);
        for skill in config.skills() {
            // There is room, which was checked.
            let _ = self.skills.learn(skill);
        }
        // Another strategy, order or level changes what everybody is worth: they take their places anew.
        for at in 0..self.agents.len() {
            let id = AgentId(table_place(at));
            if self.agents[at].benched {
                self.unbench(id);
                self.freed.push(id);
            }
        }
        let calls: Vec<CallId> = self.calls.keys().into_iter().map(CallId).collect();
        for call in &calls {
            self.unlane(*call);
        }
        self.install_tiers(config.tiers);
        self.by_chance = config.queues.iter().any(|queue| queue.strategy.is_by_chance());
        self.install_queues(config.queues);
        self.install_agents(config.agents);
        self.install_supervision(config.supervisors, config.supervision);
        for call in calls {
            self.require_skills(call);
            self.refresh_call(call);
            self.arm_call(call);
        }
        let all = (0..table_place(self.queues.len())).map(QueueId);
        let queues = all.filter(|queue| !self.queues[queue.0 as usize].removed);
        for queue in queues.collect::<Vec<_>>() {
            if self.queues[queue.0 as usize].settings.door == Door::Emergency {
                self.leave_for_emergency(queue);
            }
            self.perhaps_unmanned.insert(queue);
            self.perhaps_near.insert(queue);
        }
    }

    /// Skills mean something else now: looks at what every call requires.
    pub(crate) fn require_skills_of_all(&mut self) {
        for call in self.calls.keys() {
            self.require_skills(CallId(call));
        }
    }

    pub(crate) fn queue_of(&self, name: &str) -> Result<QueueId, Refusal> {
        let id = self.queue_ids.get(name).copied();
        id.filter(|id| !self.queues[id.0 as usize].removed)
            .ok_or(Refusal::UnknownQueue)
    }

    fn install_tiers(&mut self, tiers: Vec<config::Tier>) {
        for tier in &mut self.tiers {
            tier.removed = true;
        }
        let first = tiers.first().map(|tier| tier.name.clone());
        for config::Tier {
            name,
            handicap,
            spoken,
        } in tiers
        {
            let tier = Tier {
                name,
                handicap,
                spoken,
                removed: false,
            };
            match self.tiers.iter_mut().find(|known| known.name == tier.name) {
                Some(known) => *known = tier,
                None => self.tiers.push(tier),
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
        for id in &removed {
            self.forget_callbacks(*id);
        }
        let stranded = self
            .calls
            .iter()
            .filter(|(_, call)| call.waits() && removed.contains(&call.queue));
        let stranded: Vec<CallId> = stranded.map(|(id, _)| CallId(id)).collect();
        for call in stranded {
            self.removed_from_under(call);
        }
        for mut settings in queues {
            self.overlay.over_queue(&mut settings);
            if let Some(id) = self.queue_ids.get(&settings.name) {
                self.pulses[id.0 as usize].expect(settings.handle_time);
                self.queues[id.0 as usize].install(settings);
            } else {
                let id = QueueId(table_place(self.queues.len()));
                self.queue_ids.insert(settings.name.clone(), id);
                self.pulses.push(Pulse::new(settings.handle_time));
                self.fronts.push(Front::EMPTY);
                self.queues.push(Queue::new(settings));
            }
        }
    }

    fn install_agents(&mut self, agents: Vec<config::Agent>) {
        let numbers: BTreeSet<&str> = agents.iter().map(|agent| agent.number.as_str()).collect();
        let removed = |agent: &&Agent| !numbers.contains(&**agent.number());
        let removed: Vec<AgentId> = self.agents.iter().filter(removed).map(|agent| agent.id).collect();
        for id in removed {
            self.remove_agent(id);
        }
        for (settings, order) in agents.into_iter().zip(0..) {
            if let Some(id) = self.agent_ids.get(settings.number.as_str()) {
                self.change_agent(*id, settings, order);
                continue;
            }
            let id = AgentId(table_place(self.agents.len()));
            let number: Arc<str> = settings.number.as_str().into();
            self.agent_ids.insert(Arc::clone(&number), id);
            self.agents.push(Agent::new(id, number, self.now));
            self.change_agent(id, settings, order);
            // The world meets a new agent in the announcement of the settings.
            let agent = &mut self.agents[id.0 as usize];
            agent.published = agent.state();
            agent.changed = false;
        }
    }

    fn change_agent(&mut self, id: AgentId, mut settings: config::Agent, order: u32) {
        let is_queue = |name: &str| {
            let known = self.queue_ids.get(name);
            known.is_some_and(|queue| !self.queues[queue.0 as usize].removed)
        };
        self.overlay.over_agent(&mut settings, is_queue);
        let mut skills = SkillSet::default();
        for name in &settings.skills {
            if let Some(skill) = self.skills.get(name) {
                skills.set(skill, true);
            }
        }
        let member = |place: &config::Membership| {
            let queue = self.queue_ids.get(&place.queue)?;
            Some(Member::new(*queue, place.level, place.weight))
        };
        let members: Vec<Member> = settings.queues.iter().filter_map(member).collect();
        let agent = &mut self.agents[id.0 as usize];
        agent.order = order;
        agent.answering = settings.answering;
        let renamed = agent.name() != settings.name;
        if renamed {
            agent.set_name(settings.name);
        }
        let newly_always = settings.always_signed_in && !agent.rest.always_signed_in;
        agent.rest.always_signed_in = settings.always_signed_in;
        agent.removed = false;
        agent.own_phone = settings.phone.into();
        if renamed {
            self.agent_changed(id);
        }
        self.watch(id);
        self.follow_own_phone(id);
        self.qualify(id, skills);
        self.serve(id, members);
        let agent = &self.agents[id.0 as usize];
        if newly_always && agent.base == Base::SignedOut && !self.phones.contains_key(&agent.own_phone) {
            let phone = Arc::clone(&agent.own_phone);
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
        agent.rest.always_signed_in = false;
        self.agent_changed(id);
        self.lift_lock(id);
        self.serve(id, Vec::new());
        match self.agents[id.0 as usize].base {
            Base::SignedOut => self.watch(id),
            Base::Ready | Base::NotReady | Base::WrapUp => self.sign_out(id, REMOVED.to_owned()),
            // Serving no queue took an offer back, which signed the agent out; a call goes on.
            Base::Offered | Base::OnCall => {}
        }
    }

    /// Gives an agent other skills, at once; an offer stays.
    pub(crate) fn qualify(&mut self, id: AgentId, skills: SkillSet) {
        if self.agents[id.0 as usize].skills == skills {
            return;
        }
        if self.agents[id.0 as usize].benched {
            self.unbench(id);
            self.freed.push(id);
        }
        let view = self.skills.of(skills);
        let agent = &mut self.agents[id.0 as usize];
        agent.set_skills(skills, view);
        self.agent_changed(id);
    }

    /// Changes the queues an agent serves, at once: an offer in a queue served no more is taken back.
    pub(crate) fn serve(&mut self, id: AgentId, mut members: Vec<Member>) {
        let agent = &self.agents[id.0 as usize];
        let same = |one: &Member, other: &Member| {
            (one.queue, one.level, one.weight) == (other.queue, other.level, other.weight)
        };
        if members.len() == agent.members.len()
            && members
                .iter()
                .zip(&agent.members)
                .all(|(one, other)| same(one, other))
        {
            return;
        }
        self.agent_changed(id);
        if self.agents[id.0 as usize].benched {
            self.unbench(id);
            self.freed.push(id);
        }
        let agent = &mut self.agents[id.0 as usize];
        let (here, at_work) = (agent.base != Base::SignedOut, agent.at_work);
        for member in &mut members {
            if let Some(known) = agent.member(member.queue) {
                member.share = known.share;
            }
        }
        let left: Vec<Member> = agent
            .members
            .iter()
            .filter(|old| !members.iter().any(|new| new.queue == old.queue))
            .copied()
            .collect();
        let joined: Vec<QueueId> = members
            .iter()
            .map(|new| new.queue)
            .filter(|queue| !agent.serves(*queue))
            .collect();
        agent.set_members(members);
        for member in left {
            let queue = &mut self.queues[member.queue.0 as usize];
            queue.signed_in -= u32::from(here);
            queue.at_work -= u32::from(at_work);
            self.pulses[member.queue.0 as usize].staff -= u64::from(member.share);
            self.perhaps_unmanned.insert(member.queue);
        }
        for queue in joined {
            self.queues[queue.0 as usize].signed_in += u32::from(here);
            self.queues[queue.0 as usize].at_work += u32::from(at_work);
            self.perhaps_near.insert(queue);
        }
        if at_work {
            self.share_out(id);
        }
        self.release_wanted(id);
        let agent = &self.agents[id.0 as usize];
        let offer = match (agent.base, agent.engaged.and_then(|engaged| engaged.offer)) {
            (Base::Offered, Some(offer)) => Some(offer),
            (
                Base::SignedOut | Base::Ready | Base::NotReady | Base::Offered | Base::OnCall | Base::WrapUp,
                _,
            ) => None,
        };
        let lost = offer.filter(|offer| {
            let queue = self.offers.get(offer.0).map(|offer| offer.queue);
            queue.is_some_and(|queue| !self.agents[id.0 as usize].serves(queue))
        });
        if let Some(offer) = lost {
            self.cancel_offer(offer);
        }
    }
}

/// The next place of a table as an id. Tables of four thousand million rows do not fit into memory.
fn table_place(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
