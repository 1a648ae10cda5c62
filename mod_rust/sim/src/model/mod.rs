//! The reference: what an engine must do, said as plainly as possible. Vectors, scans, no index of anything; what can be
//! derived is derived anew each time. It is written apart from the engine and shares only the vocabulary with it.

mod agent;
mod agents;
mod away;
mod call;
mod callbacks;
mod commands;
mod conduct;
mod consult;
mod dispose;
mod estimates;
mod hold;
mod ivr;
mod join;
mod matching;
mod menus;
mod monitors;
mod recordings;
mod rules;
mod settings;
mod speech;
mod supervise;
mod talk;
mod view;
mod watch;

use std::collections::BTreeMap;

use hotline_engine::action::CommandOutcome;
use hotline_engine::config::{self, Config, Door};
use hotline_engine::ids::{CallId, CommandId, MonitorId, OfferId};
use hotline_engine::input::{Departure, Party};
use hotline_engine::{Action, CallAction, Event, Input, Time};

use agent::{Agent, Doing};
use call::{Call, Stage};
use callbacks::Callback;
use settings::Overlays;
use supervise::{Ending, Monitor, Supervisor, TakenPlace};

/// A naive distributor.
#[derive(Debug)]
pub(crate) struct Model {
    now: Time,
    seed: u64,
    config: Config,
    /// All tiers that ever were, as they were last.
    tiers: Vec<config::Tier>,
    /// All skills that settings or commands ever named.
    skills: Vec<String>,
    /// All queues that ever were.
    queues: Vec<Queue>,
    /// All agents that ever were.
    agents: Vec<Agent>,
    calls: Vec<Call>,
    callbacks: Vec<Callback>,
    /// Caller numbers and whom they talked with last, the oldest first.
    remembered: Vec<(String, usize)>,
    overlays: Overlays,
    /// All supervisors that ever were.
    supervisors: Vec<Supervisor>,
    monitors: Vec<Monitor>,
    places: BTreeMap<MonitorId, TakenPlace>,
    endings: Vec<Ending>,
    wishes: Vec<conduct::Wish>,
    awaited: Vec<ivr::Awaited>,
    recordings: Vec<recordings::Recording>,
    recordings_made: u64,
    /// Who gave the present command.
    author: String,
    offers_made: u64,
    visits_made: u64,
    actions: Vec<Action>,
    replies: Vec<Action>,
    events: Vec<Event>,
}

/// A queue, as it is or was last.
#[derive(Debug)]
struct Queue {
    settings: config::Queue,
    removed: bool,
    door: Door,
    /// Of each rule: whether the bands of predicted wait and of waiting callers are tripped.
    tripped: Vec<(bool, bool)>,
    /// The place in the settings of the agent offered last.
    cursor: Option<usize>,
    /// The ticket drawn last.
    clock: u64,
    measured: estimates::Measured,
}

/// What becomes due, in the order in which it is when due together.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Due {
    Call(CallId),
    Ring(OfferId),
    WrapUp(usize),
    CoolDown(usize),
    Lock(usize),
    AgentWarn(usize),
    Callback(CallId),
}

impl Model {
    /// With settings that are known to be right.
    pub(crate) fn new(config: Config, now: Time, seed: u64) -> Model {
        let empty = Config {
            queues: vec![],
            agents: vec![],
            ..config.clone()
        };
        let mut model = Model {
            now,
            seed,
            config: empty,
            tiers: vec![],
            skills: vec![],
            queues: vec![],
            agents: vec![],
            calls: vec![],
            callbacks: vec![],
            remembered: vec![],
            overlays: Overlays::default(),
            supervisors: vec![],
            monitors: vec![],
            places: BTreeMap::new(),
            endings: vec![],
            wishes: vec![],
            awaited: vec![],
            recordings: vec![],
            recordings_made: 0,
            author: String::new(),
            offers_made: 0,
            visits_made: 0,
            actions: vec![],
            replies: vec![],
            events: vec![],
        };
        model.configure(config);
        model
    }

    /// The actions for one input, and those of its events that the model knows of; see [`Model::knows`].
    pub(crate) fn handle(&mut self, now: Time, input: &Input) -> (Vec<Action>, Vec<Event>) {
        self.now = self.now.max(now);
        self.apply(input);
        self.settle();
        for (at, due) in self.due() {
            if at <= self.now && self.due().contains(&(at, due)) {
                self.fire(due);
                self.settle();
            }
        }
        let mut actions = core::mem::take(&mut self.actions);
        actions.append(&mut self.replies);
        (actions, core::mem::take(&mut self.events))
    }

    /// Whether the model tells such events: what befalls calls, callbacks, limits and supervisors.
    pub(crate) fn knows(event: &Event) -> bool {
        match event {
            Event::CallJoined { .. }
            | Event::RuleApplied { .. }
            | Event::KeyPressed { .. }
            | Event::CallReprioritised { .. }
            | Event::CallRefused { .. }
            | Event::CallScreened { .. }
            | Event::ListChanged { .. }
            | Event::DeedAnswered { .. }
            | Event::CallConnected { .. }
            | Event::TalkChanged { .. }
            | Event::MuteChanged { .. }
            | Event::ConsultChanged { .. }
            | Event::Recording { .. }
            | Event::CallTransferred { .. }
            | Event::DispositionSet { .. }
            | Event::IvrStarted { .. }
            | Event::IvrEnded { .. }
            | Event::SurveyOffered { .. }
            | Event::SurveyAnswered { .. }
            | Event::SurveyUnanswered { .. }
            | Event::CallFinished { .. }
            | Event::CallbackPlaced { .. }
            | Event::CallbackRestored { .. }
            | Event::CallbackDialled { .. }
            | Event::CallbackMissed { .. }
            | Event::CallbackEnded { .. }
            | Event::SupervisorChanged { .. }
            | Event::MonitorStarted { .. }
            | Event::MonitorChanged { .. }
            | Event::MonitorEnded { .. }
            | Event::TalkCut { .. }
            | Event::LimitReached { .. }
            | Event::LimitCleared { .. }
            | Event::Retrieve { .. } => true,
            Event::OfferMade { .. }
            | Event::OfferRinging { .. }
            | Event::OfferEnded { .. }
            | Event::QueueChanged { .. }
            | Event::AgentChanged { .. }
            | Event::CommandAnswered { .. }
            | Event::ConfigApplied { .. }
            | Event::Fault { .. } => false,
        }
    }

    fn apply(&mut self, input: &Input) {
        match input {
            Input::Join { call, queue, caller } => self.join(*call, queue, caller),
            Input::CallerGone { call, how } => match self.call(*call).map(|call| call.stage) {
                Some(Stage::Waiting | Stage::Connecting) => self.caller_left(*call, *how),
                Some(Stage::Talking) => self.hang_up(*call, Party::Caller, None),
                None => {}
            },
            Input::Ringing { .. } | Input::Tick => {}
            Input::Answered { offer } => self.answered(*offer),
            Input::OfferFailed { offer, cause } => {
                if let Some((call, _)) = self.ringing(*offer) {
                    self.miss(call, *offer, *cause);
                }
            }
            Input::Connected { call } => self.connected(*call),
            Input::Ended { call, by, phone } => match self.call(*call).map(|call| call.stage) {
                Some(Stage::Talking) => self.hang_up(*call, *by, Some(*phone)),
                Some(Stage::Connecting) => self.not_connected(*call, *by, *phone),
                Some(Stage::Waiting) if *by == Party::Caller => self.caller_left(*call, Departure::HungUp),
                Some(Stage::Waiting) | None => {}
            },
            Input::Digit { call, key } => self.pressed(*call, *key),
            Input::Talk { call, state } => self.phone_says(*call, *state),
            Input::Held { call, on } => self.is_held(*call, *on),
            Input::Recording { recording, fact } => self.recorder_says(*recording, fact),
            Input::Muted { call, on } => self.is_muted(*call, *on),
            Input::WentAway { call } => self.is_away(*call),
            Input::CameBack { call, how } => self.is_back(*call, how),
            Input::Surveyed { call, score } => self.answered_survey(*call, *score),
            Input::NotDone { call, what } => self.host_cannot(*call, *what),
            // The model leaves at the first consultation, so these are late words.
            Input::JoinConsult { .. } | Input::Consult { .. } => {}
            Input::RetrieveFailed { call, why } => self.not_retrieved(*call, *why),
            Input::HandedOver { call } => self.handed_over(*call),
            Input::Monitor { monitor, fact } => self.monitor_told(*monitor, *fact),
            Input::DisconnectSettled { call, whom, done } => self.disconnect_settled(*call, *whom, *done),
            Input::CallbackFailed { callback } => self.callback_failed(*callback),
            Input::Screened { call, screening } => self.events.push(Event::CallScreened {
                call: *call,
                screening: screening.clone(),
            }),
            Input::Deed { deed } => self.events.push(Event::DeedAnswered { deed: deed.clone() }),
            Input::ListChanged { change } => self.events.push(Event::ListChanged {
                change: change.clone(),
            }),
            Input::Phone { agent, state } => self.phone_changed(agent.0 as usize, *state),
            Input::Command { id, author, command } => {
                self.author.clone_from(author);
                let outcome = self.command(*id, command).unwrap_or_else(CommandOutcome::Refused);
                self.reply(*id, outcome);
            }
            Input::Owed {
                id,
                callback,
                before,
                owed,
            } => {
                let outcome = self.owe_again(*callback, before, owed);
                let outcome = outcome.map_or_else(CommandOutcome::Refused, |()| CommandOutcome::Done);
                self.reply(*id, outcome);
            }
            Input::Reload { id, config, .. } => self.reload(*id, config),
        }
    }

    /// Brings everything in line with what has just changed.
    fn settle(&mut self) {
        self.notice_agents();
        self.send_away();
        self.dial_callbacks();
        self.match_up();
        self.notice_agents();
    }

    fn due(&self) -> Vec<(Time, Due)> {
        let mut due = vec![];
        for call in &self.calls {
            due.extend(self.agenda(call).map(|(at, _)| (at, Due::Call(call.id))));
            if call.stage == Stage::Waiting {
                due.extend(call.rings.iter().map(|ring| (ring.until, Due::Ring(ring.offer))));
            }
        }
        for (at, agent) in self.agents.iter().enumerate() {
            if let Doing::WrapUp(work) = agent.doing {
                due.extend(work.must_say.or(work.until).map(|until| (until, Due::WrapUp(at))));
            }
            due.extend(agent.cool_until.map(|until| (until, Due::CoolDown(at))));
            due.extend(agent.locked.flatten().map(|until| (until, Due::Lock(at))));
            let warns = agent.watch.as_ref().and_then(|watch| watch.next);
            due.extend(warns.map(|next| (next, Due::AgentWarn(at))));
        }
        for callback in &self.callbacks {
            due.push((callback.due(), Due::Callback(callback.id)));
        }
        due.sort_unstable();
        due
    }

    fn fire(&mut self, due: Due) {
        match due {
            Due::Call(call) => self.work_off(call),
            Due::Ring(offer) => self.rang_out(offer),
            Due::WrapUp(at) => match self.agents[at].doing {
                Doing::WrapUp(work) if work.must_say.is_some() => self.need_not_say(at),
                _ => self.agents[at].doing = Doing::Ready,
            },
            Due::CoolDown(at) => self.agents[at].cool_until = None,
            Due::Lock(at) => {
                self.unlock(at);
            }
            Due::AgentWarn(at) => {
                let now = self.now;
                let raised = self.agents[at].watch.as_mut().and_then(|watch| watch.raise(now));
                self.events.extend(raised);
            }
            Due::Callback(id) => self.callback_due(id),
        }
    }

    /// A queue of the present settings.
    fn queue_named(&self, name: &str) -> Option<usize> {
        let known = |queue: &Queue| queue.settings.name == name && !queue.removed;
        self.queues.iter().position(known)
    }

    fn call(&self, id: CallId) -> Option<&Call> {
        self.calls.iter().find(|call| call.id == id)
    }

    fn call_mut(&mut self, id: CallId) -> Option<&mut Call> {
        self.calls.iter_mut().find(|call| call.id == id)
    }

    /// A call that is neither connected nor about to be.
    fn waiting_call(&self, id: CallId) -> Option<&Call> {
        self.call(id).filter(|call| call.stage == Stage::Waiting)
    }

    fn tell(&mut self, call: CallId, action: CallAction) {
        self.actions.push(Action::Call { call, action });
    }

    fn reply(&mut self, command: CommandId, outcome: CommandOutcome) {
        self.replies.push(Action::Reply { command, outcome });
    }
}
