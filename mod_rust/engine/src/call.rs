//! A call: a state that follows a table, and what it needs.

use crate::action::CallAction;
use crate::conduct::Pending;
use crate::config::{Door, NeedsAgents, Strategy};
use crate::consult::Consult;
use crate::engine::Engine;
use crate::event::{CallOutcome, Estimate};
use crate::hold::Care;
use crate::ids::{AgentId, CallId, OfferId, QueueId, RecordingId, TierId};
use crate::input::{Attached, Caller, TalkState};
use crate::ivr::Errand;
use crate::queue::Rank;
use crate::skills::SkillSet;
use crate::table::transitions;
use crate::time::{Span, Time};
use crate::timers::Alarm;
use crate::watch::Watch;

/// Where a call stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    /// Nobody rings for it.
    Waiting,
    /// Phones ring for it.
    Ringing,
    /// An agent answered; the host connects the two.
    Connecting,
    Talking,
    Gone,
}

/// What moves a call from one state to the next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Trigger {
    Offer,
    OffersFailed,
    Answer,
    Connect,
    ConnectFailed,
    /// The queue gives the caller back: time is up, no agents, removed.
    TurnAway,
    HangUp,
    /// The host gives up on connecting.
    Break,
    End,
}

transitions! {
    State, Trigger,
    (Waiting,    Offer)         => Ringing,
    (Waiting,    TurnAway)      => Gone,
    (Waiting,    HangUp)        => Gone,
    (Ringing,    Offer)         => Ringing,
    (Ringing,    OffersFailed)  => Waiting,
    (Ringing,    Answer)        => Connecting,
    (Ringing,    TurnAway)      => Gone,
    (Ringing,    HangUp)        => Gone,
    (Connecting, Connect)       => Talking,
    (Connecting, ConnectFailed) => Waiting,
    (Connecting, HangUp)        => Gone,
    (Connecting, Break)         => Gone,
    (Talking,    End)           => Gone,
}

#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) id: CallId,
    pub(crate) caller: Person,
    pub(crate) tier: TierId,
    /// When it first joined a queue: what its age counts from.
    pub(crate) arrived: Time,
    /// Rules made it worth so much more.
    pub(crate) raised: Span,
    /// How often it was passed on.
    pub(crate) hops: u8,
    /// It answered a callback: no rule makes it wait for another one.
    pub(crate) called_back: bool,

    // The present visit to a queue.
    pub(crate) queue: QueueId,
    pub(crate) joined: Time,
    /// What tier and queue were worth at joining: later settings change it for later callers only.
    pub(crate) handicaps: [Span; 2],
    pub(crate) rank: Rank,
    pub(crate) state: State,
    /// Live offers in the order made. While connecting, the one that won.
    pub(crate) offers: Vec<OfferId>,
    /// The worst level that will do in its own queue.
    pub(crate) cap: u8,
    pub(crate) skills: SkillSet,
    /// Requires a skill that nobody knows.
    pub(crate) impossible: bool,
    pub(crate) treatment: Option<Box<Treatment>>,
    /// The one agent it waits for, and until when.
    pub(crate) sticky: Option<(AgentId, Time)>,
    /// Whether it could take (another) agent.
    pub(crate) seeking: bool,
    /// Whether it stands in the lanes of its queues. All that seek do, between inputs.
    pub(crate) laned: bool,
    /// Whether it stands in the line of its queue.
    pub(crate) in_line: bool,
    /// When it joined, or came back to waiting after its offers failed.
    pub(crate) waiting_since: Time,
    /// When the longest wait is reached.
    pub(crate) leave_at: Option<Time>,
    /// Until when rules were run.
    pub(crate) ruled: Time,
    /// What was to be expected at joining.
    pub(crate) predicted: Option<Estimate>,
    /// The limit on waiting or talking.
    pub(crate) watch: Option<Box<Watch>>,
    /// While it is on hold.
    pub(crate) care: Option<Box<Care>>,
    /// The next thing on its agenda.
    pub(crate) alarm: Option<Alarm>,
    /// Since when it talks, and with whom.
    pub(crate) talk: Option<Talk>,
    /// What was asked of the conversation and is not done yet.
    pub(crate) pending: Option<Box<Pending>>,
    /// What it is away for, or about to be.
    pub(crate) errand: Option<Box<Errand>>,
    /// The caller goes on without the agent, in a conversation that is none of the queue's.
    pub(crate) handed_over: bool,
    /// Whom its agent consults.
    pub(crate) consult: Option<Box<Consult>>,
    /// It is a line to whom the agent of that call consults, and no caller's.
    pub(crate) consults: Option<CallId>,
    /// Whom it waits for at first in the next queue.
    pub(crate) first: First,
}

/// Whom a caller waits for at first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum First {
    /// The agent whom a sticky queue prefers.
    Own,
    /// Nobody: an agent sent it away.
    Anybody,
    /// The agent to whom it was sent.
    Agent(AgentId),
}

/// What is kept of a caller: most ask for nothing, and a tier is kept as its id.
#[derive(Clone, Default, Debug)]
pub(crate) struct Person {
    /// Empty if withheld.
    pub(crate) number: String,
    /// Seconds of waiting time this one call is worth on top of its tier.
    pub(crate) priority: u32,
    asks: Option<Box<Asks>>,
}

#[derive(Clone, PartialEq, Default, Debug)]
struct Asks {
    skills: Vec<String>,
    agent: String,
    flag: String,
    attached: Attached,
}

impl Person {
    pub(crate) fn new(caller: Caller) -> Person {
        let Caller {
            number,
            tier: _,
            priority,
            skills,
            agent,
            flag,
            attached,
            callback: _,
        } = caller;
        let asks = Asks {
            skills,
            agent,
            flag,
            attached,
        };
        let any = asks != Asks::default();
        Person {
            number,
            priority,
            asks: any.then(|| Box::new(asks)),
        }
    }

    /// Skills that an agent must have, besides those of the queue.
    pub(crate) fn skills(&self) -> &[String] {
        self.asks.as_ref().map_or(&[], |asks| &asks.skills)
    }

    /// The agent to prefer; may be empty.
    pub(crate) fn agent(&self) -> &str {
        self.asks.as_ref().map_or("", |asks| &asks.agent)
    }

    /// Why the caller is suspicious; may be empty.
    pub(crate) fn flag(&self) -> &str {
        self.asks.as_ref().map_or("", |asks| &asks.flag)
    }

    /// What the dialplan found out before.
    pub(crate) fn attached(&self) -> Attached {
        self.asks
            .as_ref()
            .map(|asks| asks.attached.clone())
            .unwrap_or_default()
    }

    /// Asks for what another call asked for.
    pub(crate) fn like(self, other: &Person) -> Person {
        Person::new(Caller {
            skills: other.skills().to_vec(),
            agent: other.agent().to_owned(),
            flag: self.flag().to_owned(),
            attached: match self.attached() {
                none if none == Attached::default() => other.attached(),
                own => own,
            },
            priority: other.priority,
            number: self.number,
            ..Caller::default()
        })
    }
}

/// What rules and prompts have done about a call during a visit; nothing about most.
#[derive(Default, Debug)]
pub(crate) struct Treatment {
    /// Required skills that were dropped.
    pub(crate) dropped: Vec<String>,
    /// Other queues whose agents may take it.
    pub(crate) also: Vec<QueueId>,
    /// The menu whose keys are taken, and until when.
    pub(crate) menu: Option<(String, Option<Time>)>,
    /// What the caller was told: the place, and the wait at some time.
    pub(crate) told_position: Option<u32>,
    pub(crate) told_wait: Option<(Time, Span)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Talk {
    pub(crate) since: Time,
    pub(crate) agent: AgentId,
    /// How it goes, and since when.
    pub(crate) state: TalkState,
    pub(crate) state_since: Time,
    /// Time on hold or consulting until then.
    pub(crate) hold: Span,
    /// Who holds the caller: the agent's phone, a command, or both.
    pub(crate) held_by_phone: bool,
    pub(crate) held_by_command: bool,
    pub(crate) muted: bool,
    /// What records it, or did last.
    pub(crate) recording: Option<RecordingId>,
}

impl Engine {
    pub(crate) fn tier_of(&self, name: &str) -> TierId {
        let known = self
            .tiers
            .iter()
            .position(|tier| !tier.removed && tier.name == name);
        known
            .and_then(|at| u8::try_from(at).ok())
            .map_or(self.default_tier, TierId)
    }

    /// Moves a call along the table; whether that was allowed. All changes of the state go through here.
    pub(crate) fn step_call(&mut self, id: CallId, on: Trigger) -> bool {
        let from = self.calls.get(id.0).map_or(State::Gone, |call| call.state);
        match (next(from, on), self.calls.get_mut(id.0)) {
            (Some(to), Some(call)) => {
                call.state = to;
                true
            }
            (Some(_) | None, _) => {
                self.broken(format!("call {}: {on:?} in {from:?}", id.0));
                false
            }
        }
    }

    /// Brings `seeking` in line with what the call wants now. Call it after every change of it.
    pub(crate) fn refresh_call(&mut self, id: CallId) {
        let Some(call) = self.calls.get_mut(id.0) else {
            return;
        };
        let seeks = call.seeks(&self.queues[call.queue.0 as usize].settings);
        call.seeking = seeks;
        match (seeks, call.laned) {
            (true, false) => self.seekers.push(id),
            (false, true) => self.unlane(id),
            (true, true) | (false, false) => {}
        }
    }

    /// Takes a place in the line of its queue.
    pub(crate) fn enter_line(&mut self, id: CallId) {
        let Some(call) = self.calls.get_mut(id.0) else {
            return;
        };
        if !core::mem::replace(&mut call.in_line, true) {
            self.queues[call.queue.0 as usize].line.insert(call.rank);
        }
    }

    /// Gives it up.
    pub(crate) fn leave_line(&mut self, id: CallId) {
        let Some(call) = self.calls.get_mut(id.0) else {
            return;
        };
        if core::mem::replace(&mut call.in_line, false) {
            let queue = &mut self.queues[call.queue.0 as usize];
            queue.line.remove(call.rank);
            if !queue.callbacks.is_empty() {
                self.perhaps_near.insert(call.queue);
            }
        }
    }

    /// The offers are gone without an answer: the caller waits at the old place, and is offered on at once.
    pub(crate) fn back_to_waiting(&mut self, id: CallId, on: Trigger) {
        if self.is_line(id) {
            return self.line_waits_again(id, on);
        }
        if !self.step_call(id, on) {
            return;
        }
        if let Some(call) = self.calls.get_mut(id.0) {
            call.waiting_since = self.now;
            let queue = call.queue;
            self.enter_line(id);
            if self.queues[queue.0 as usize].removed {
                return self.removed_from_under(id);
            }
            let settings = &self.queues[queue.0 as usize].settings;
            if settings.door == Door::Emergency && on == Trigger::ConnectFailed {
                let way = settings.exits.emergency.clone();
                return self.turn_away(id, CallOutcome::Emergency, way);
            }
            match self.queues[queue.0 as usize].settings.needs_agents {
                NeedsAgents::None => {}
                NeedsAgents::SignedIn | NeedsAgents::AtWork => {
                    self.perhaps_unmanned.insert(queue);
                }
            }
        }
        self.refresh_call(id);
        self.arm_call(id);
    }

    /// What waiting time tier and queue of a caller are worth who joins now.
    pub(crate) fn handicaps(&self, call: &Call) -> [Span; 2] {
        [
            self.tiers[usize::from(call.tier.0)].handicap,
            self.queues[call.queue.0 as usize].settings.handicap,
        ]
    }

    /// A caller is worth more or less now.
    pub(crate) fn rerank(&mut self, id: CallId) {
        let Some(rank) = self.calls.get(id.0).map(|call| call.rank()) else {
            return;
        };
        self.unlane(id);
        let Some(call) = self.calls.get_mut(id.0) else {
            return;
        };
        let old = core::mem::replace(&mut call.rank, rank);
        if call.in_line {
            let queue = &mut self.queues[call.queue.0 as usize];
            queue.line.remove(old);
            queue.line.insert(rank);
            if !queue.callbacks.is_empty() {
                self.perhaps_near.insert(call.queue);
            }
        }
        if let Some((agent, _)) = call.sticky {
            let agent = &mut self.agents[agent.0 as usize];
            agent.rest.wanted_by.remove(old);
            agent.rest.wanted_by.insert(rank);
        }
        self.refresh_call(id);
    }

    /// Works out anew which skills a call requires.
    pub(crate) fn require_skills(&mut self, id: CallId) {
        let Some(required) = self.calls.get(id.0).map(|call| self.required_skills(call)) else {
            return;
        };
        self.unlane(id);
        if let Some(call) = self.calls.get_mut(id.0) {
            (call.skills, call.impossible) = required;
        }
        self.refresh_call(id);
    }

    /// The skills that a call requires, by name: its queue's and its own, without those that rules have dropped.
    pub(crate) fn required<'a>(&'a self, call: &'a Call) -> impl Iterator<Item = &'a str> {
        let of_queue = &self.queues[call.queue.0 as usize].settings.skills;
        let names = of_queue.iter().chain(call.caller.skills());
        names
            .filter(|name| !call.dropped().contains(name))
            .map(String::as_str)
    }

    /// The same as a set, and whether one of them is nobody's.
    pub(crate) fn required_skills(&self, call: &Call) -> (SkillSet, bool) {
        let (mut skills, mut impossible) = (SkillSet::default(), false);
        for name in self.required(call) {
            match self.skills.get(name) {
                Some(skill) => skills.set(skill, true),
                None => impossible = true,
            }
        }
        (skills, impossible)
    }

    /// The place of a waiting call in the order of service, and its wait from now on.
    pub(crate) fn place_of(&self, call: &Call) -> (u32, Option<Estimate>) {
        self.place_behind(call, self.queues[call.queue.0 as usize].ahead_of(call.rank))
    }

    /// The same of a call that has so many ahead of it.
    pub(crate) fn place_behind(&self, call: &Call, ahead: usize) -> (u32, Option<Estimate>) {
        let position = u32::try_from(ahead + 1).unwrap_or(u32::MAX);
        let estimate = if ahead == 0 && self.somebody_is_free_for(call) {
            Some(Estimate::NONE)
        } else {
            self.pulses[call.queue.0 as usize].estimate(ahead)
        };
        (position, estimate)
    }

    /// Whether an available agent suits a call.
    fn somebody_is_free_for(&self, call: &Call) -> bool {
        let suits = |id: &AgentId| {
            let agent = &self.agents[id.0 as usize];
            agent.available && self.suits_via(call, agent).is_some()
        };
        if let Some((agent, _)) = call.sticky {
            return suits(&agent);
        }
        let mut places = self.places_of(call);
        places.any(|(queue, cap)| self.queues[queue.0 as usize].best(cap, call.skills).is_some())
            || self.freed.iter().any(suits)
    }

    /// The wait of somebody who came last, with so many in the line who do not count.
    pub(crate) fn tail_estimate(&self, queue: QueueId, without: usize) -> Option<Estimate> {
        let known = &self.queues[queue.0 as usize];
        let ahead = (known.line.len() + known.owed.len()).saturating_sub(without);
        if ahead == 0 && self.has_idle(queue) {
            return Some(Estimate::NONE);
        }
        self.pulses[queue.0 as usize].estimate(ahead)
    }

    /// Whether a member could take a call now.
    fn has_idle(&self, queue: QueueId) -> bool {
        let freed = |id: &AgentId| {
            let agent = &self.agents[id.0 as usize];
            agent.available && agent.serves(queue)
        };
        self.queues[queue.0 as usize].has_available() || self.freed.iter().any(freed)
    }

    /// Tells a call's thread what to do.
    pub(crate) fn order(&mut self, call: CallId, action: CallAction) {
        self.actions.push(crate::Action::Call { call, action });
    }
}

impl Call {
    /// The place in the order of service: the worth of a caller on top of waiting time is that of tier, queue and call, and
    /// what rules added.
    fn rank(&self) -> Rank {
        let [tier, queue] = self.handicaps;
        let priority = Span::seconds(u64::from(self.caller.priority));
        Rank::new(self.arrived, [tier, queue, priority, self.raised], self.id)
    }

    pub(crate) fn treatment_mut(&mut self) -> &mut Treatment {
        self.treatment.get_or_insert_default()
    }

    /// Required skills that rules have dropped.
    pub(crate) fn dropped(&self) -> &[String] {
        self.treatment.as_ref().map_or(&[], |done| &done.dropped)
    }

    /// Other queues whose agents may take it.
    pub(crate) fn also(&self) -> &[QueueId] {
        self.treatment.as_ref().map_or(&[], |done| &done.also)
    }

    /// A visit to a queue begins.
    pub(crate) fn take_place(&mut self, handicaps: [Span; 2]) {
        self.handicaps = handicaps;
        self.rank = self.rank();
    }

    /// Whether it could take (another) agent.
    pub(crate) fn seeks(&self, queue: &crate::config::Queue) -> bool {
        match self.state {
            // Who is away could not be connected.
            State::Waiting => self.errand.is_none(),
            State::Ringing => {
                queue.strategy == Strategy::RingAll
                    && self.sticky.is_none()
                    && self.offers.len() < queue.ring_all_max as usize
            }
            State::Connecting | State::Talking | State::Gone => false,
        }
    }

    /// Whether the caller waits, rung for or not.
    pub(crate) fn waits(&self) -> bool {
        match self.state {
            State::Waiting | State::Ringing => true,
            State::Connecting | State::Talking | State::Gone => false,
        }
    }
}
