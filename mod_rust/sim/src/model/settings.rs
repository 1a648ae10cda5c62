//! Settings taking effect, and what commands laid over them.

use hotline_engine::action::{CommandOutcome, Refusal};
use hotline_engine::config::{self, Config, Door, MAX_SKILLS, MAX_TIERS, Membership, Way};
use hotline_engine::event::CallOutcome;
use hotline_engine::ids::{CallId, CommandId};

use super::agent::{Agent, Doing};
use super::call::Stage;
use super::commands::{set_place, set_skill};
use super::estimates::Measured;
use super::{Model, Queue};

/// What lies over the settings, in the order of two names.
type Overlay<T> = Vec<((String, String), T)>;

/// What commands changed, and later settings leave as it is.
#[derive(Default, Debug)]
pub(super) struct Overlays {
    /// By agent number and queue name.
    pub(super) places: Overlay<Option<(u8, u16)>>,
    /// By agent number and skill.
    pub(super) skills: Overlay<bool>,
    /// By queue name.
    pub(super) doors: Overlay<Door>,
}

pub(super) fn replace<T>(overlay: &mut Overlay<T>, (first, second): (&str, &str), value: T) {
    overlay.retain(|((one, other), _)| !(one == first && other == second));
    overlay.push(((first.to_owned(), second.to_owned()), value));
    overlay.sort_by(|(one, _), (other, _)| one.cmp(other));
}

impl Model {
    pub(super) fn reload(&mut self, id: CommandId, config: &Config) {
        let tiers = config.tiers.iter().map(|tier| &tier.name);
        let known = |name: &&String| !self.tiers.iter().any(|tier| tier.name == **name);
        let tiers = self.tiers.len() + tiers.filter(known).count();
        let skills = self.skills.len() + self.new_skills(config).len();
        let fits = config.check().is_ok() && tiers <= MAX_TIERS && skills <= MAX_SKILLS;
        if fits {
            self.configure(config.clone());
        }
        let bad = CommandOutcome::Refused(Refusal::BadConfig);
        self.reply(id, if fits { CommandOutcome::Done } else { bad });
    }

    fn new_skills(&self, config: &Config) -> Vec<String> {
        let of_queues = config.queues.iter().flat_map(|queue| &queue.skills);
        let of_agents = config.agents.iter().flat_map(|agent| &agent.skills);
        let mut new: Vec<String> = of_queues
            .chain(of_agents)
            .filter(|skill| !self.skills.contains(skill))
            .cloned()
            .collect();
        new.sort_unstable();
        new.dedup();
        new
    }

    /// Puts settings that are known to be right into effect.
    pub(super) fn configure(&mut self, config: Config) {
        self.skills.extend(self.new_skills(&config));
        self.config = config;
        self.forget();
        self.configure_tiers();
        self.configure_queues();
        self.configure_agents();
        self.configure_supervisors();
        self.notice_agents();
        for queue in 0..self.queues.len() {
            self.evict(queue);
        }
    }

    fn configure_tiers(&mut self) {
        for tier in &self.config.tiers {
            match self.tiers.iter_mut().find(|known| known.name == tier.name) {
                Some(known) => *known = tier.clone(),
                None => self.tiers.push(tier.clone()),
            }
        }
    }

    fn configure_queues(&mut self) {
        let gone = |queue: &Queue| {
            let present = |known: &config::Queue| known.name == queue.settings.name;
            !queue.removed && !self.config.queues.iter().any(present)
        };
        let gone: Vec<usize> = (0..self.queues.len())
            .filter(|at| gone(&self.queues[*at]))
            .collect();
        for queue in &gone {
            self.queues[*queue].removed = true;
        }
        for queue in &gone {
            self.forget_callbacks(*queue);
        }
        let stranded = self.calls.iter();
        let stranded = stranded.filter(|call| call.stage == Stage::Waiting && gone.contains(&call.queue));
        let mut stranded: Vec<CallId> = stranded.map(|call| call.id).collect();
        stranded.sort_unstable();
        for call in stranded {
            self.turn_away(call, CallOutcome::Removed, &Way::default());
        }
        for settings in self.config.queues.clone() {
            let known = |queue: &Queue| queue.settings.name == settings.name;
            let at = self.queues.iter().position(known).unwrap_or(self.queues.len());
            if at == self.queues.len() {
                self.queues.push(Queue {
                    settings: settings.clone(),
                    removed: false,
                    door: Door::Open,
                    tripped: vec![],
                    cursor: None,
                    clock: 0,
                    measured: Measured::new(settings.handle_time, self.now),
                });
            }
            let mut overlays = self.overlays.doors.iter();
            let overlay = overlays.find(|((name, _), _)| *name == settings.name);
            let queue = &mut self.queues[at];
            queue.removed = false;
            queue.door = overlay.map_or(settings.door, |(_, door)| *door);
            queue.tripped = vec![(false, false); settings.rules.len()];
            queue.measured.expect(settings.handle_time);
            queue.settings = settings;
        }
    }

    fn configure_agents(&mut self) {
        let config = self.config.clone();
        for at in 0..self.agents.len() {
            let number = &self.agents[at].settings.number;
            if !self.agents[at].removed && !config.agents.iter().any(|agent| agent.number == *number) {
                self.remove(at);
            }
        }
        self.notice_agents();
        for (place, settings) in config.agents.into_iter().enumerate() {
            let settings = self.overlaid(settings);
            let known = self
                .agents
                .iter()
                .position(|agent| agent.settings.number == settings.number);
            let at = known.unwrap_or(self.agents.len());
            if known.is_none() {
                self.agents.push(Agent::new(settings.number.clone(), self.now));
            }
            self.configure_agent(at, place, settings);
        }
    }

    fn configure_agent(&mut self, at: usize, place: usize, settings: config::Agent) {
        let agent = &mut self.agents[at];
        let newly_always = settings.always_signed_in && !agent.settings.always_signed_in;
        let queues = core::mem::take(&mut agent.settings.queues);
        agent.settings = config::Agent {
            queues,
            ..settings.clone()
        };
        agent.place = place;
        agent.removed = false;
        self.watch_phone(at);
        self.move_to_own_phone(at);
        self.serve(at, settings.queues);
        let out = !self.agents[at].signed_in();
        if newly_always && out && self.holder(&settings.phone).is_none() {
            self.sign_in(at);
            self.bind(at, settings.phone);
        }
    }

    /// With what commands changed.
    fn overlaid(&self, mut settings: config::Agent) -> config::Agent {
        for ((agent, queue), place) in &self.overlays.places {
            if *agent == settings.number && self.queue_named(queue).is_some() {
                set_place(&mut settings.queues, queue, *place);
            }
        }
        for ((agent, skill), has) in &self.overlays.skills {
            if *agent == settings.number {
                set_skill(&mut settings.skills, skill, *has);
            }
        }
        settings
    }

    fn remove(&mut self, at: usize) {
        self.agents[at].removed = true;
        self.agents[at].settings.always_signed_in = false;
        self.unlock(at);
        self.serve(at, vec![]);
        match self.agents[at].doing {
            Doing::Nothing => self.watch_phone(at),
            // Serving no queue took back an offer.
            Doing::Ringing(..) | Doing::Connecting(..) | Doing::Talking(..) => {}
            Doing::Ready | Doing::NotReady | Doing::WrapUp(_) => self.sign_out(at),
        }
    }

    /// The queues of an agent from now on: an offer in one served no more is taken back.
    pub(super) fn serve(&mut self, at: usize, queues: Vec<Membership>) {
        if self.agents[at].settings.queues == queues {
            return;
        }
        self.agents[at].settings.queues = queues;
        if let Doing::Ringing(id, offer) = self.agents[at].doing {
            let mut rings = self.call(id).into_iter().flat_map(|call| &call.rings);
            let via = rings.find(|ring| ring.offer == offer).map(|ring| ring.via);
            let via = via
                .map(|via| self.queues[via].settings.name.as_str())
                .unwrap_or_default();
            if !self.agents[at].serves(via) {
                self.take_back_ring_of(at);
            }
        }
        let names = &self.agents[at].settings.queues;
        let serves = |queue: usize| {
            let name = &self.queues[queue].settings.name;
            names.iter().any(|member| member.queue == *name)
        };
        let kept: Vec<(usize, u64, hotline_engine::Time)> = self.agents[at]
            .tickets
            .iter()
            .filter(|(queue, _, _)| serves(*queue))
            .copied()
            .collect();
        self.agents[at].tickets = kept;
        self.weigh(at);
    }
}
