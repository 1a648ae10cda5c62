//! The engine as the host drives it: one input after the other, each drained of what it led to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::vec;

use crate::action::{Action, CommandOutcome};
use crate::agent::{Agent, Idle};
use crate::call::{Call, Person};
use crate::callback::Callback;
use crate::command::Asked;
use crate::config::{Config, ConfigError, Disposition, Ivr, Limits, Menu, Misses, Reason};
use crate::estimate::Pulse;
use crate::event::Event;
use crate::explain::{Line, Record};
use crate::ids::{AgentId, CallId, QueueId, TierId};
use crate::input::Input;
use crate::live::Overlay;
use crate::offer::Offer;
use crate::queue::{Front, Queue};
use crate::recording::Recordings;
use crate::skills::SkillNames;
use crate::slots::Slots;
use crate::sticky::LastAgents;
use crate::supervise::Supervision;
use crate::survey::Due;
use crate::time::{Span, Time};
use crate::timers::{Timer, Timers};

/// Calls whose room is kept.
const MOST_SPARE: usize = 64;

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
    pub(crate) seed: u64,
    booted: bool,
    pub(crate) tiers: Vec<Tier>,
    pub(crate) default_tier: TierId,
    pub(crate) menus: Vec<Menu>,
    pub(crate) reasons: Vec<Reason>,
    pub(crate) dispositions: Arc<[Disposition]>,
    /// Places to which agents send callers who come back.
    pub(crate) ivrs: Vec<Ivr>,
    pub(crate) misses: Misses,
    pub(crate) limits: Limits,
    /// What was changed while running, over the settings.
    pub(crate) overlay: Overlay,
    pub(crate) standing_changes: u64,
    pub(crate) presence_changes: u64,
    pub(crate) skills: SkillNames,

    pub(crate) queues: Vec<Queue>,
    /// Whether any of them chooses by chance.
    pub(crate) by_chance: bool,
    pub(crate) queue_ids: BTreeMap<String, QueueId>,
    /// By queue: kept apart from them, since a freed agent looks at those of all its queues.
    pub(crate) fronts: Vec<Front>,
    /// By queue, likewise.
    pub(crate) pulses: Vec<Pulse>,
    pub(crate) agents: Vec<Agent>,
    pub(crate) agent_ids: BTreeMap<Arc<str>, AgentId>,
    /// Phones bound by agents who are signed in.
    pub(crate) phones: BTreeMap<Arc<str>, AgentId>,
    /// Boxed, since they are large and pass from hand to hand.
    pub(crate) calls: Slots<Box<Call>>,
    /// Room of calls that are over, for those to come: nearly every allocation of the engine otherwise.
    #[expect(clippy::vec_box, reason = "it is the boxes that are kept")]
    spare: Vec<Box<Call>>,
    pub(crate) offers: Slots<Offer>,
    pub(crate) last_offer: u64,
    pub(crate) callbacks: Slots<Callback>,
    /// Callers who are asked what they think, or are on the way there.
    pub(crate) surveys: BTreeMap<CallId, Due>,
    pub(crate) last_agents: LastAgents,
    pub(crate) supervision: Supervision,
    pub(crate) recordings: Recordings,
    pub(crate) timers: Timers,
    pub(crate) record: Record,

    // What the present input has changed so far; all empty between inputs.
    /// Agents who became available and are on no bench yet.
    pub(crate) freed: Vec<AgentId>,
    /// Calls that began to seek an agent and are in no lane yet.
    pub(crate) seekers: Vec<CallId>,
    /// Queues that lost a member.
    pub(crate) perhaps_unmanned: BTreeSet<QueueId>,
    /// Queues in which a callback may have come near.
    pub(crate) perhaps_near: BTreeSet<QueueId>,
    /// Agents to publish.
    pub(crate) changed: Vec<AgentId>,
    pub(crate) answers: Vec<(Asked, CommandOutcome)>,
    due: Vec<(Time, Timer)>,
    /// Room to reckon in.
    pub(crate) demands: Vec<u64>,

    pub(crate) actions: Vec<Action>,
    pub(crate) events: Vec<Event>,
}

/// A tier as the engine keeps it.
#[derive(Debug)]
pub(crate) struct Tier {
    pub(crate) name: String,
    pub(crate) handicap: Span,
    pub(crate) spoken: String,
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
    /// chance.
    ///
    /// # Errors
    /// What is wrong with the settings.
    pub fn new(config: Config, now: Time, seed: u64) -> Result<Engine, ConfigError> {
        config.check()?;
        let mut engine = Engine {
            now,
            seed,
            booted: false,
            tiers: Vec::new(),
            default_tier: TierId(0),
            menus: Vec::new(),
            reasons: Vec::new(),
            dispositions: Arc::default(),
            ivrs: Vec::new(),
            misses: config.misses,
            limits: config.limits,
            overlay: Overlay::default(),
            standing_changes: 0,
            presence_changes: 0,
            skills: SkillNames::default(),
            queues: Vec::new(),
            by_chance: false,
            queue_ids: BTreeMap::new(),
            fronts: Vec::new(),
            pulses: Vec::new(),
            agents: Vec::new(),
            agent_ids: BTreeMap::new(),
            phones: BTreeMap::new(),
            calls: Slots::default(),
            spare: Vec::new(),
            offers: Slots::default(),
            last_offer: 0,
            callbacks: Slots::default(),
            surveys: BTreeMap::new(),
            last_agents: LastAgents::default(),
            supervision: Supervision::default(),
            recordings: Recordings::default(),
            timers: Timers::default(),
            record: Record::default(),
            freed: Vec::new(),
            seekers: Vec::new(),
            perhaps_unmanned: BTreeSet::new(),
            perhaps_near: BTreeSet::new(),
            changed: Vec::new(),
            answers: Vec::new(),
            due: Vec::new(),
            demands: Vec::new(),
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
        self.fire_due();
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
            Input::Digit { call, key } => self.key_pressed(call, key),
            Input::Talk { call, state } => self.phone_goes_on(call, state),
            Input::Held { call, on } => self.held(call, on),
            Input::Muted { call, on } => self.muted(call, on),
            Input::Recording { recording, fact } => self.recording_fact(recording, fact),
            Input::NotDone { call, what } => self.not_done(call, what),
            Input::WentAway { call } => self.went_away(call),
            Input::CameBack { call, how } => self.came_back(call, &how),
            Input::Surveyed { call, score } => self.surveyed(call, score),
            Input::JoinConsult { line, call } => self.join_consult(line, call),
            Input::Consult { call, fact } => self.consult_goes_on(call, fact),
            Input::RetrieveFailed { call, why } => self.retrieve_failed(call, why),
            Input::HandedOver { call } => self.handed_over(call),
            Input::Monitor { monitor, fact } => self.monitor_fact(monitor, fact),
            Input::DisconnectSettled { call, whom, done } => self.disconnect_settled(call, whom, done),
            Input::CallbackFailed { callback } => self.callback_failed(callback),
            Input::Owed {
                id,
                callback,
                before,
                owed,
            } => self.owe_again(id, callback, before, *owed),
            Input::Phone { agent, state } => self.phone_changed(agent, state),
            Input::Command { id, author, command } => self.command(Asked { id, author, command }),
            Input::Reload { id, author, config } => self.reload(id, author, *config),
            Input::Screened { call, screening } => self.screened(call, screening),
            Input::ListChanged { change } => self.list_changed(change),
            Input::Deed { deed } => self.events.push(Event::DeedAnswered { deed }),
            Input::Tick => {}
        }
    }

    /// Timers set from here on wait for the next input, be they due or not: no chain of them can go on for ever.
    fn fire_due(&mut self) {
        let mut due = core::mem::take(&mut self.due);
        self.timers.due(self.now, &mut due);
        for (at, timer) in due.drain(..) {
            if self.is_set(at, timer) {
                self.fire(timer);
                self.settle();
            }
        }
        self.due = due;
    }

    /// Whether a timer still stands at that time.
    fn is_set(&self, at: Time, timer: Timer) -> bool {
        let alarm = match timer {
            Timer::Call(id) => self.calls.get(id.0).and_then(|call| call.alarm.as_ref()),
            Timer::Ring(id) => self.offers.get(id.0).and_then(|offer| offer.alarm.as_ref()),
            Timer::WrapUp(id) => self.agents[id.0 as usize].rest.wrap_up_alarm.as_ref(),
            Timer::CoolDown(id) => self.agents[id.0 as usize].rest.cool_down_alarm.as_ref(),
            Timer::Lock(id) => self.agents[id.0 as usize].rest.lock_alarm.as_ref(),
            Timer::AgentWarn(id) => self.agents[id.0 as usize].rest.warn_alarm.as_ref(),
            Timer::Callback(id) => self
                .callbacks
                .get(id.0)
                .and_then(|callback| callback.alarm.as_ref()),
        };
        alarm.is_some_and(|alarm| alarm.at() == at)
    }

    fn fire(&mut self, timer: Timer) {
        match timer {
            Timer::Call(call) => self.call_is_due(call),
            Timer::Ring(offer) => self.rang_out(offer),
            Timer::WrapUp(agent) => self.wrap_up_is_due(agent),
            Timer::CoolDown(agent) => {
                self.end_cool_down(agent);
                self.refresh_agent(agent, Idle::Anew);
            }
            Timer::Lock(agent) => {
                self.lift_lock(agent);
            }
            Timer::AgentWarn(agent) => self.agent_warning(agent),
            Timer::Callback(callback) => self.callback_is_due(callback),
        }
    }

    /// A call in a place of its own.
    pub(crate) fn boxed(&mut self, call: Call) -> Box<Call> {
        match self.spare.pop() {
            Some(mut room) => {
                *room = call;
                room
            }
            None => Box::new(call),
        }
    }

    /// Forgets a call that is over.
    pub(crate) fn retire(&mut self, mut call: Box<Call>) {
        if self.spare.len() < MOST_SPARE {
            call.caller = Person::default();
            self.spare.push(call);
        }
    }

    /// Remembers to publish an agent.
    pub(crate) fn agent_changed(&mut self, id: AgentId) {
        let agent = &mut self.agents[id.0 as usize];
        if !core::mem::replace(&mut agent.changed, true) {
            self.changed.push(id);
        }
    }

    /// Publishes each agent that changed, once.
    pub(crate) fn publish(&mut self) {
        let mut changed = core::mem::take(&mut self.changed);
        changed.sort_unstable();
        for id in changed.drain(..) {
            let agent = &mut self.agents[id.0 as usize];
            if !core::mem::take(&mut agent.changed) {
                continue;
            }
            let from = agent.published;
            agent.published = agent.state();
            if agent.published != from {
                agent.since = self.now;
                let state = agent.published;
                self.record.note(self.now, Line::Agent { agent: id, state });
            }
            self.events.push(Event::AgentChanged {
                agent: id,
                from,
                to: agent.view(),
            });
        }
        self.changed = changed;
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
