//! Fairness: nobody is passed over who could be served and comes first, nobody waits while somebody suitable idles, and
//! nobody is overtaken for longer than [`Config::fairness`] says.

use std::collections::{BTreeMap, BTreeSet};

use hotline_engine::config::{Config, Operation, Queue};
use hotline_engine::event::{AgentState, AgentView, IvrOutcome};
use hotline_engine::ids::{AgentId, CallId, OfferId, QueueId, TierId};
use hotline_engine::input::{Caller, Destination};
use hotline_engine::{Event, Input, Span, Time, View};

use super::ensure;
use crate::pair::Wrong;

#[derive(Debug)]
pub(super) struct Fairness {
    config: Config,
    /// Counts the settings that took effect.
    generation: u64,
    now: Time,
    queues: BTreeMap<QueueId, String>,
    tiers: Vec<String>,
    agents: BTreeMap<AgentId, AgentView>,
    /// Who called, also of calls that are over: they may be owed a call.
    people: BTreeMap<CallId, Person>,
    seekers: BTreeMap<CallId, Seeker>,
    offers: BTreeMap<OfferId, CallId>,
    /// Calls that were sent to one agent, and have not joined yet.
    sent: BTreeSet<CallId>,
    /// Calls whose caller is away in the dialplan without an agent.
    away: BTreeSet<CallId>,
}

/// A caller, over all visits.
#[derive(Clone, Debug)]
struct Person {
    caller: Caller,
    arrived: Time,
    raised: i128,
    visits: u32,
}

/// A caller in a queue.
#[derive(Debug)]
struct Seeker {
    queue: QueueId,
    tier: TierId,
    generation: u64,
    handicap: i128,
    cap: u8,
    /// Skills no longer required.
    dropped: BTreeSet<String>,
    also: Vec<QueueId>,
    /// Perhaps kept for one agent until then.
    sticky: Time,
    rings: u32,
    connected: bool,
}

impl Fairness {
    pub(super) fn new(config: &Config, booted: Time) -> Fairness {
        Fairness {
            config: config.clone(),
            generation: 0,
            now: booted,
            queues: BTreeMap::new(),
            tiers: vec![],
            agents: BTreeMap::new(),
            people: BTreeMap::new(),
            seekers: BTreeMap::new(),
            offers: BTreeMap::new(),
            sent: BTreeSet::new(),
            away: BTreeSet::new(),
        }
    }

    pub(super) fn check(
        &mut self,
        input: &Input,
        events: &[Event],
        now: Time,
        view: &View,
    ) -> Result<(), Wrong> {
        self.prepare(input, events, now);
        for event in events {
            self.event(event, now)?;
        }
        self.now = now;
        self.agents = view
            .agents
            .iter()
            .map(|agent| (agent.agent, agent.clone()))
            .collect();
        let ready = self
            .agents
            .values()
            .filter(|agent| agent.state == AgentState::Ready);
        for agent in ready {
            let waits = self.waiting(agent).find(|(_, seeker)| now >= seeker.sticky);
            let waits = waits.map(|(call, _)| call);
            ensure!(waits.is_none(), "{:?} idles while {waits:?} waits", agent.agent);
        }
        Ok(())
    }

    /// What took effect before anybody was offered a call.
    fn prepare(&mut self, input: &Input, events: &[Event], now: Time) {
        if let Input::Join { call, caller, .. } = input
            && !self.people.contains_key(call)
        {
            let person = Person {
                caller: caller.clone(),
                arrived: now,
                raised: 0,
                visits: 0,
            };
            self.people.insert(*call, person);
        }
        if let Input::CameBack { call, .. } = input {
            self.away.remove(call);
        }
        if let Input::Owed { callback, owed, .. } = input
            && !self.people.contains_key(callback)
        {
            let person = Person {
                caller: owed.caller.clone(),
                arrived: owed.arrived,
                raised: i128::from(owed.raised.0),
                visits: 0,
            };
            self.people.insert(*callback, person);
        }
        for event in events {
            if let Event::AgentChanged { agent, to, .. } = event {
                self.agents.insert(*agent, to.clone());
            }
            if let Event::ConfigApplied {
                queues,
                agents,
                tiers,
                ..
            } = event
            {
                self.generation += 1;
                if let Input::Reload { config, .. } = input {
                    self.config = (**config).clone();
                }
                self.tiers.clone_from(tiers);
                self.queues = queues
                    .iter()
                    .map(|queue| (queue.queue, queue.name.clone()))
                    .collect();
                self.agents = agents.iter().map(|agent| (agent.agent, agent.clone())).collect();
            }
        }
    }

    fn event(&mut self, event: &Event, now: Time) -> Result<(), Wrong> {
        match event {
            Event::CallJoined {
                call,
                queue,
                tier,
                callback,
                ..
            } => {
                if let Some(owed) = callback.and_then(|owed| self.people.get(&owed)).cloned() {
                    self.people.insert(*call, owed);
                }
                self.seek(*call, *queue, *tier, now);
            }
            Event::RuleApplied { call, operation, .. } => self.rule(*call, operation),
            Event::CallReprioritised { call, priority, .. } => {
                if let Some(person) = self.people.get_mut(call) {
                    person.caller.priority = *priority;
                }
            }
            Event::OfferMade {
                offer, call, agent, ..
            } => {
                // Of whom the agent of a conversation consults, the place in the order of service is not known here.
                if self.seekers.get(call).is_none_or(|seeker| !seeker.connected) {
                    self.offers.insert(*offer, *call);
                    self.nobody_is_passed_over(*call, *agent)?;
                    if let Some(seeker) = self.seekers.get_mut(call) {
                        seeker.rings += 1;
                    }
                }
            }
            Event::OfferEnded { offer, .. } => {
                let call = self.offers.remove(offer);
                if let Some(seeker) = call.and_then(|call| self.seekers.get_mut(&call)) {
                    seeker.rings -= 1;
                }
            }
            Event::CallConnected { call, .. } => {
                if let Some(seeker) = self.seekers.get_mut(call) {
                    seeker.connected = true;
                }
            }
            Event::CallTransferred { call, to, .. } => {
                if let (Destination::Queue { priority, .. }, Some(person)) = (to, self.people.get_mut(call))
                    && let Some(priority) = priority
                {
                    person.caller.priority = *priority;
                }
                if let Destination::Agent { .. } = to {
                    self.sent.insert(*call);
                }
            }
            Event::IvrEnded { call, outcome, .. } => {
                if *outcome == IvrOutcome::AgentGone {
                    self.away.insert(*call);
                }
            }
            Event::CallFinished { call, .. } => {
                self.seekers.remove(call);
            }
            Event::KeyPressed { .. }
            | Event::CallRefused { .. }
            | Event::CallScreened { .. }
            | Event::ListChanged { .. }
            | Event::DeedAnswered { .. }
            | Event::OfferRinging { .. }
            | Event::TalkChanged { .. }
            | Event::MuteChanged { .. }
            | Event::DispositionSet { .. }
            | Event::IvrStarted { .. }
            | Event::SurveyOffered { .. }
            | Event::SurveyAnswered { .. }
            | Event::SurveyUnanswered { .. }
            | Event::ConsultChanged { .. }
            | Event::Recording { .. }
            | Event::CallbackPlaced { .. }
            | Event::CallbackRestored { .. }
            | Event::CallbackDialled { .. }
            | Event::CallbackMissed { .. }
            | Event::CallbackEnded { .. }
            | Event::LimitReached { .. }
            | Event::LimitCleared { .. }
            | Event::Retrieve { .. }
            | Event::SupervisorChanged { .. }
            | Event::MonitorStarted { .. }
            | Event::MonitorChanged { .. }
            | Event::MonitorEnded { .. }
            | Event::TalkCut { .. }
            | Event::QueueChanged { .. }
            | Event::AgentChanged { .. }
            | Event::CommandAnswered { .. }
            | Event::ConfigApplied { .. }
            | Event::Fault { .. } => {}
        }
        Ok(())
    }

    fn queue(&self, id: QueueId) -> Option<&Queue> {
        let name = self.queues.get(&id)?;
        self.config.queues.iter().find(|queue| queue.name == *name)
    }

    fn seek(&mut self, call: CallId, id: QueueId, tier: TierId, now: Time) {
        let Some(person) = self.people.get_mut(&call) else {
            return;
        };
        person.visits += 1;
        let sent = self.sent.remove(&call);
        let Some(queue) = self.queue(id) else { return };
        let name = self.tiers.get(usize::from(tier.0));
        let known = self.config.tiers.iter().find(|known| Some(&known.name) == name);
        let seeker = Seeker {
            queue: id,
            tier,
            generation: self.generation,
            handicap: i128::from(queue.handicap.0) + known.map_or(0, |tier| i128::from(tier.handicap.0)),
            cap: queue.level,
            dropped: BTreeSet::new(),
            also: vec![],
            sticky: now + if sent { queue.transfer_wait } else { queue.sticky },
            rings: 0,
            connected: false,
        };
        // The handicap of a tier that is no more is not known here.
        if known.is_some() {
            self.seekers.insert(call, seeker);
        }
    }

    fn rule(&mut self, call: CallId, operation: &Operation) {
        let named = |name: &str| self.queues.iter().find(|(_, known)| *known == name);
        let added = match operation {
            Operation::AddQueue(name) => named(name).map(|(id, _)| *id),
            Operation::AcceptLevel(_)
            | Operation::DropSkill(_)
            | Operation::Raise(_)
            | Operation::Say(_)
            | Operation::Menu(_)
            | Operation::Divert(_) => None,
        };
        if let (Operation::Raise(by), Some(person)) = (operation, self.people.get_mut(&call)) {
            person.raised += i128::from(by.0);
        }
        let Some(seeker) = self.seekers.get_mut(&call) else {
            return;
        };
        match operation {
            Operation::AcceptLevel(level) => seeker.cap = seeker.cap.max(*level),
            Operation::DropSkill(skill) => {
                seeker.dropped.insert(skill.clone());
            }
            Operation::AddQueue(_) => seeker.also.extend(added),
            Operation::Raise(_) | Operation::Say(_) | Operation::Menu(_) | Operation::Divert(_) => {}
        }
    }

    /// Callers whom nobody rings, and whom this agent would suit.
    fn waiting<'a>(&'a self, agent: &'a AgentView) -> impl Iterator<Item = (CallId, &'a Seeker)> {
        let idle = self
            .seekers
            .iter()
            .filter(|(call, seeker)| seeker.rings == 0 && !seeker.connected && !self.away.contains(call));
        idle.filter(|(call, seeker)| self.suits(agent, **call, seeker))
            .map(|(call, seeker)| (*call, seeker))
    }

    fn suits(&self, agent: &AgentView, call: CallId, seeker: &Seeker) -> bool {
        let level = |queue: QueueId| {
            let member = agent.card.queues.iter().find(|member| member.queue == queue);
            member.map(|member| member.level)
        };
        let home = level(seeker.queue).is_some_and(|level| level <= seeker.cap);
        let also = seeker.also.iter().any(|queue| {
            let worst = self.queue(*queue).map(|queue| queue.level);
            level(*queue).is_some_and(|level| Some(level) <= worst)
        });
        let person = self.people.get(&call);
        let of_caller = person.into_iter().flat_map(|person| &person.caller.skills);
        let of_queue = self
            .queue(seeker.queue)
            .into_iter()
            .flat_map(|queue| &queue.skills);
        let mut required = of_queue
            .chain(of_caller)
            .filter(|skill| !seeker.dropped.contains(*skill));
        (home || also) && required.all(|skill| agent.card.skills.iter().any(|has| **has == **skill))
    }

    fn rank(&self, call: CallId, seeker: &Seeker) -> Option<(i128, CallId)> {
        let person = self.people.get(&call)?;
        let priority = i128::from(person.caller.priority) * 1_000_000;
        let at = i128::from(person.arrived.0) - seeker.handicap - priority - person.raised;
        Some((at, call))
    }

    /// Of all callers whom the agent suits, and whom nobody rings, the one offered comes first.
    fn nobody_is_passed_over(&self, call: CallId, agent: AgentId) -> Result<(), Wrong> {
        let (Some(agent), Some(chosen)) = (self.agents.get(&agent), self.seekers.get(&call)) else {
            return Ok(());
        };
        let rank = self.rank(call, chosen);
        for (other, seeker) in self.waiting(agent) {
            if other == call || self.now < seeker.sticky {
                continue;
            }
            ensure!(
                rank <= self.rank(other, seeker),
                "{other:?} is passed over for {call:?} by {:?}",
                agent.agent
            );
            self.overtaking_is_bounded(agent, (other, seeker), (call, chosen))?;
        }
        Ok(())
    }

    /// Nobody is overtaken by somebody who joined later by more than the settings make possible.
    fn overtaking_is_bounded(
        &self,
        agent: &AgentView,
        (other, seeker): (CallId, &Seeker),
        (call, chosen): (CallId, &Seeker),
    ) -> Result<(), Wrong> {
        let (Some(overtaken), Some(overtaker)) = (self.people.get(&other), self.people.get(&call)) else {
            return Ok(());
        };
        let settings = self
            .config
            .agents
            .iter()
            .find(|known| *known.number == *agent.card.number);
        let served: BTreeSet<&String> = agent
            .card
            .queues
            .iter()
            .filter_map(|member| self.queues.get(&member.queue))
            .collect();
        let as_set = settings.is_some_and(|settings| {
            let set: BTreeSet<&String> = settings.queues.iter().map(|member| &member.queue).collect();
            set == served
        });
        let same = seeker.generation == self.generation && chosen.generation == self.generation;
        if !as_set || !same || overtaker.visits > 1 {
            return Ok(());
        }
        let name = self.queues.get(&seeker.queue);
        let tier = self.tiers.get(usize::from(seeker.tier.0));
        let rows = self.config.fairness().rows;
        let row = rows
            .iter()
            .find(|row| Some(&row.queue) == name && Some(&row.tier) == tier);
        ensure!(
            row.is_some(),
            "nobody says how unfair {name:?} can be to {tier:?}"
        );
        let Some(longest) = row.and_then(|row| row.longest) else {
            return Ok(());
        };
        let dearer = overtaker
            .caller
            .priority
            .saturating_sub(overtaken.caller.priority);
        let bound = longest.0.saturating_add(Span::seconds(u64::from(dearer)).0);
        let late = overtaker.arrived.since(overtaken.arrived);
        ensure!(
            late.0 <= bound,
            "{call:?} joined {late:?} after {other:?} and overtakes it, but at most {bound} is possible"
        );
        Ok(())
    }
}
