//! The engine as the host drives it: one input after the other, each drained of what it led to.

use std::collections::{BTreeMap, BTreeSet};
use std::vec;

use crate::action::{Action, CommandOutcome};
use crate::agent::{Agent, Idle};
use crate::call::Call;
use crate::command::Asked;
use crate::config::{Config, ConfigError, Limits, Misses};
use crate::event::Event;
use crate::ids::{AgentId, CallId, OfferId, QueueId, TierId};
use crate::input::Input;
use crate::offer::Offer;
use crate::queue::{Queue, Rank};
use crate::time::{Span, Time};
use crate::timers::{Timer, Timers};

/// A call distributor.
///
/// The host calls [`handle`](Engine::handle) with what it sees, obeys the actions in their order, publishes the
/// events, and gives a [`Tick`](Input::Tick) at the [`deadline`](Engine::deadline) at the latest.
///
/// Of an input that comes together with deadlines that are due, the input counts first: an agent who answers in the
/// last moment has answered.
#[derive(Debug)]
pub struct Engine {
    pub(crate) now: Time,
    booted: bool,
    pub(crate) tiers: Vec<Tier>,
    pub(crate) default_tier: TierId,
    pub(crate) misses: Misses,
    pub(crate) limits: Limits,
    pub(crate) queues: Vec<Queue>,
    pub(crate) queue_ids: BTreeMap<String, QueueId>,
    pub(crate) agents: Vec<Agent>,
    pub(crate) agent_ids: BTreeMap<String, AgentId>,
    /// Phones bound by agents who are signed in.
    pub(crate) phones: BTreeMap<String, AgentId>,
    pub(crate) calls: BTreeMap<CallId, Call>,
    pub(crate) offers: BTreeMap<OfferId, Offer>,
    pub(crate) last_offer: u64,
    pub(crate) timers: Timers,

    // What the present input has changed so far; all empty between inputs.
    /// Agents who became available.
    pub(crate) freed: BTreeSet<AgentId>,
    /// Calls that began to seek an agent.
    pub(crate) seekers: BTreeSet<Rank>,
    /// Queues that lost a member who was signed in.
    pub(crate) perhaps_unmanned: BTreeSet<QueueId>,
    /// Agents to publish.
    pub(crate) changed: BTreeSet<AgentId>,
    pub(crate) answers: Vec<(Asked, CommandOutcome)>,

    pub(crate) actions: Vec<Action>,
    pub(crate) events: Vec<Event>,
}

/// A tier as the engine keeps it.
#[derive(Debug)]
pub(crate) struct Tier {
    pub(crate) name: String,
    pub(crate) handicap: Span,
    pub(crate) removed: bool,
}

/// What one input led to. Dropping it forgets the rest.
#[derive(Debug)]
pub struct Drain<'a> {
    /// What the host must do, in this order.
    pub actions: vec::Drain<'a, Action>,
    /// What happened, in this order, all at the time of the input.
    pub events: vec::Drain<'a, Event>,
}

impl Engine {
    /// Checks the settings. The events of booting (`ConfigApplied` by `boot`, and the phones to watch) come out of the
    /// first [`handle`](Engine::handle): give it a [`Tick`](Input::Tick). The seed is for strategies that choose by
    /// chance; those of today do not.
    ///
    /// # Errors
    /// What is wrong with the settings.
    pub fn new(config: Config, now: Time, seed: u64) -> Result<Engine, ConfigError> {
        let _ = seed;
        config.check()?;
        let mut engine = Engine {
            now,
            booted: false,
            tiers: Vec::new(),
            default_tier: TierId(0),
            misses: config.misses,
            limits: config.limits,
            queues: Vec::new(),
            queue_ids: BTreeMap::new(),
            agents: Vec::new(),
            agent_ids: BTreeMap::new(),
            phones: BTreeMap::new(),
            calls: BTreeMap::new(),
            offers: BTreeMap::new(),
            last_offer: 0,
            timers: Timers::default(),
            freed: BTreeSet::new(),
            seekers: BTreeSet::new(),
            perhaps_unmanned: BTreeSet::new(),
            changed: BTreeSet::new(),
            answers: Vec::new(),
            actions: Vec::new(),
            events: Vec::new(),
        };
        engine.install(config);
        Ok(engine)
    }

    /// Applies one input whole. `now` never goes back: an earlier time counts as the latest so far. The drain borrows
    /// the engine, so the next input cannot come before this one's outputs are taken.
    pub fn handle(&mut self, now: Time, input: Input) -> Drain<'_> {
        if self.booted {
            self.actions.clear();
            self.events.clear();
        }
        self.now = self.now.max(now);
        if !self.booted {
            self.booted = true;
            self.announce_config("boot".to_owned());
        }
        self.apply(input);
        self.settle();
        // Timers set from here on wait for the next input, be they due or not: no chain of them can go on for ever.
        for (at, timer) in self.timers.due(self.now) {
            if self.timers.cancel(at, timer) {
                self.fire(timer);
                self.settle();
            }
        }
        self.publish();
        self.answer();
        Drain {
            actions: self.actions.drain(..),
            events: self.events.drain(..),
        }
    }

    /// When the engine wants a [`Tick`](Input::Tick) at the latest.
    pub fn deadline(&self) -> Option<Time> {
        self.timers.next()
    }

    fn apply(&mut self, input: Input) {
        match input {
            Input::Join { call, queue, caller } => self.join(call, queue, caller),
            Input::CallerGone { call, how } => self.caller_gone(call, how),
            Input::Ringing { offer } => self.offer_rings(offer),
            Input::Answered { offer } => self.offer_answered(offer),
            Input::OfferFailed { offer, cause } => self.offer_failed(offer, cause),
            Input::Connected { call } => self.connected(call),
            Input::Ended { call, by, phone } => self.ended(call, by, phone),
            Input::Phone { agent, state } => self.phone_changed(agent, state),
            Input::Command { id, author, command } => self.command(Asked { id, author, command }),
            Input::Reload { id, author, config } => self.reload(id, author, *config),
            Input::Tick => {}
        }
    }

    fn fire(&mut self, timer: Timer) {
        match timer {
            Timer::MaxWait(call) => self.timed_out(call),
            Timer::Ring(offer) => self.rang_out(offer),
            Timer::WrapUp(agent) => self.resume(agent),
            Timer::CoolDown(agent) => {
                self.end_cool_down(agent);
                self.refresh_agent(agent, Idle::Anew);
            }
            Timer::Lock(agent) => {
                self.lift_lock(agent);
            }
        }
    }

    /// Publishes each agent that changed, once.
    pub(crate) fn publish(&mut self) {
        while let Some(id) = self.changed.pop_first() {
            let agent = &mut self.agents[id.0 as usize];
            let from = agent.published;
            agent.published = agent.state();
            if agent.published != from {
                agent.since = self.now;
            }
            self.events.push(Event::AgentChanged {
                agent: id,
                from,
                to: agent.view(),
            });
        }
    }

    /// The host did what it never should; the engine goes on as it was.
    pub(crate) fn fault(&mut self, what: String) {
        self.events.push(Event::Fault { what });
    }

    /// The engine did what its tables do not allow. It stays as it was: with callers on the line, going on is the
    /// safest thing to do; a debug build stops here.
    pub(crate) fn broken(&mut self, what: String) {
        debug_assert!(false, "{what}");
        self.fault(what);
    }
}
