//! An engine beside the model, and those who watch both.

use core::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use hotline_engine::codec::journal::Head;
use hotline_engine::event::{AgentState, AgentView, Limit};
use hotline_engine::ids::{AgentId, CallId, QueueId};
use hotline_engine::{Action, Drain, Engine, Event, Input, Time, View};

use crate::audit::Audit;
use crate::model::Model;
use crate::readable::difference;

/// What was wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Wrong {
    /// The same for failures of one kind.
    pub(crate) kind: String,
    /// In full.
    pub(crate) what: String,
}

impl Wrong {
    pub(crate) fn new(kind: &str, what: impl Into<String>) -> Wrong {
        Wrong {
            kind: kind.to_owned(),
            what: what.into(),
        }
    }
}

/// An engine and those who watch it.
pub(crate) struct Pair {
    pub(crate) engine: Engine,
    /// Until somebody consults: what comes of that is beyond it.
    model: Option<Model>,
    pub(crate) audit: Audit,
    now: Time,
    /// Calls that are up, as of the last look, and how many agents there ever were.
    up: Vec<CallId>,
    agents: u32,
    /// All events so far.
    pub(crate) events: Vec<Event>,
}

impl Pair {
    /// As a journal begins.
    ///
    /// # Errors
    /// No engine starts with these settings.
    pub(crate) fn new(head: &Head) -> Result<Pair, Wrong> {
        let engine = Engine::new(head.config.clone(), head.booted, head.seed);
        Ok(Pair {
            engine: engine.map_err(|error| Wrong::new("settings", error.to_string()))?,
            model: Some(Model::new(head.config.clone(), head.booted, head.seed)),
            audit: Audit::new(&head.config, head.booted),
            now: head.booted,
            up: Vec::new(),
            agents: 0,
            events: Vec::new(),
        })
    }

    /// Gives both the same input, and compares what comes of it.
    ///
    /// # Errors
    /// What is wrong with the outcome. Neither of the two is of use any more then.
    pub(crate) fn step(&mut self, at: Time, input: &Input) -> Result<Vec<Action>, Wrong> {
        let step = catch_unwind(AssertUnwindSafe(|| self.checked_step(at, input)));
        step.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            let text = text.unwrap_or_default();
            Err(Wrong::new(
                &format!("panic: {}", kind_of(&text)),
                format!("a panic: {text}"),
            ))
        })
    }

    fn checked_step(&mut self, at: Time, input: &Input) -> Result<Vec<Action>, Wrong> {
        self.now = self.now.max(at);
        // Faults that the world makes on purpose.
        let on_purpose = match input {
            Input::Phone { agent, .. } => agent.0 >= self.agents,
            Input::Join { call, .. } => self.up.contains(call),
            Input::CallerGone { .. }
            | Input::Ringing { .. }
            | Input::Answered { .. }
            | Input::OfferFailed { .. }
            | Input::Connected { .. }
            | Input::Ended { .. }
            | Input::Digit { .. }
            | Input::Talk { .. }
            | Input::CallbackFailed { .. }
            | Input::Owed { .. }
            | Input::DisconnectSettled { .. }
            | Input::HandedOver { .. }
            | Input::Held { .. }
            | Input::Muted { .. }
            | Input::Recording { .. }
            | Input::NotDone { .. }
            | Input::WentAway { .. }
            | Input::CameBack { .. }
            | Input::Surveyed { .. }
            | Input::JoinConsult { .. }
            | Input::Consult { .. }
            | Input::RetrieveFailed { .. }
            | Input::Monitor { .. }
            | Input::Command { .. }
            | Input::Reload { .. }
            | Input::Screened { .. }
            | Input::ListChanged { .. }
            | Input::Deed { .. }
            | Input::Tick => false,
        };
        let Drain { actions, events } = self.engine.handle(at, input.clone());
        let (actions, events): (Vec<Action>, Vec<Event>) = (actions.collect(), events.collect());
        self.events.extend_from_slice(&events);
        let invariants = self.engine.check_invariants();
        invariants.map_err(|what| Wrong::new(&format!("invariant: {}", kind_of(&what)), what))?;
        let meant = |event: &&Event| on_purpose && matches!(event, Event::Fault { .. });
        let told: Vec<Event> = events.iter().filter(|event| !meant(event)).cloned().collect();
        let view = self.engine.view();
        if let Some(model) = &mut self.model {
            let (expected, expected_events) = model.handle(at, input);
            let known: Vec<Event> = told.iter().filter(|event| Model::knows(event)).cloned().collect();
            same("actions", &by_addressee(&actions), &by_addressee(&expected))?;
            same("events", &by_subject(known), &by_subject(expected_events))?;
            compare(model, &view)?;
        }
        if actions
            .iter()
            .any(|action| matches!(action, Action::Consult { .. }))
        {
            self.model = None;
        }
        self.look(&view, &events);
        self.audit.check(input, &actions, &told, self.now, &view)?;
        Ok(actions)
    }

    fn look(&mut self, view: &View, events: &[Event]) {
        self.up = view.calls.iter().map(|call| call.call).collect();
        for event in events {
            if let Event::ConfigApplied { agents, .. } = event {
                let ever = agents.iter().map(|agent| agent.agent.0 + 1).max();
                self.agents = self.agents.max(ever.unwrap_or_default());
            }
        }
    }
}

fn compare(model: &Model, view: &View) -> Result<(), Wrong> {
    let mut calls = view.calls.clone();
    calls.sort_by_key(|call| call.call);
    same("calls", &calls, &model.calls())?;
    let mut callbacks = view.callbacks.clone();
    callbacks.sort_by_key(|callback| callback.callback);
    same("callbacks", &callbacks, &model.callbacks())?;
    same("supervisors", &view.supervisors, &model.supervisors())?;
    same("monitors", &view.monitors, &model.monitors())?;
    let agents: Vec<AgentLook> = view.agents.iter().map(look).collect();
    let ids = view.agents.iter().map(|agent| agent.agent);
    let expected: Vec<AgentLook> = ids.filter_map(|agent| model.agent(agent)).collect();
    same("agents", &agents, &expected)
}

/// What is compared of an agent.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct AgentLook {
    pub(crate) agent: AgentId,
    pub(crate) state: AgentState,
    pub(crate) call: Option<CallId>,
    pub(crate) phone: String,
    /// Queues served with the level in each, in the order of their ids.
    pub(crate) queues: Vec<(QueueId, u8)>,
    /// In the order of their names.
    pub(crate) skills: Vec<String>,
}

fn look(agent: &AgentView) -> AgentLook {
    let served = agent
        .card
        .queues
        .iter()
        .map(|member| (member.queue, member.level));
    let mut queues: Vec<(QueueId, u8)> = served.collect();
    queues.sort_unstable();
    AgentLook {
        agent: agent.agent,
        state: agent.state,
        call: agent.call,
        phone: agent.phone.to_string(),
        queues,
        skills: agent.card.skills.iter().map(|skill| skill.to_string()).collect(),
    }
}

fn same<T: PartialEq + fmt::Debug>(kind: &str, engine: &[T], model: &[T]) -> Result<(), Wrong> {
    if engine == model {
        Ok(())
    } else {
        let what = format!("{kind} differ\n{}", difference(engine, model));
        Err(Wrong::new(kind, what))
    }
}

/// A message without its numbers.
fn kind_of(what: &str) -> String {
    let line = what.lines().next().unwrap_or_default();
    let bare: String = line.chars().filter(|letter| !letter.is_ascii_digit()).collect();
    bare.split('{')
        .next()
        .unwrap_or_default()
        .chars()
        .take(60)
        .collect()
}

/// Each call, each agent's watcher, each asker and each callback must be told the same, in the same order; offers are
/// numbered in the order in which they are made over all calls, so that is compared as well.
fn by_addressee(actions: &[Action]) -> Vec<Action> {
    let mut actions = actions.to_vec();
    actions.sort_by_key(|action| match action {
        Action::Call { call, .. } => (0, call.0),
        Action::WatchPhone { agent, .. } => (1, u64::from(agent.0)),
        Action::Reply { command, .. } => (2, command.0),
        Action::Monitor { monitor, .. }
        | Action::CallSupervisor { monitor, .. }
        | Action::CancelCallSupervisor { monitor } => (4, monitor.0),
        Action::Disconnect { call, .. } => (5, call.0),
        Action::Record { call, .. } => (7, call.0),
        Action::Comfort { call, .. }
        | Action::Retrieve { call, .. }
        | Action::Hold { call, .. }
        | Action::Mute { call, .. }
        | Action::SendAway { call, .. }
        | Action::BringBack { call }
        | Action::Consult { call, .. }
        | Action::Arrange { call, .. } => (6, call.0),
        Action::CallBack { callback, .. } | Action::CancelCallBack { callback } => (3, callback.0),
    });
    actions
}

/// The same for events.
fn by_subject(mut events: Vec<Event>) -> Vec<Event> {
    let none = Limit::Wait {
        call: CallId(0),
        queue: QueueId(0),
    };
    events.sort_by_key(|event| match event {
        Event::CallJoined { call, .. }
        | Event::RuleApplied { call, .. }
        | Event::KeyPressed { call, .. }
        | Event::CallReprioritised { call, .. }
        | Event::CallRefused { call, .. }
        | Event::CallScreened { call, .. }
        | Event::CallConnected { call, .. }
        | Event::TalkChanged { call, .. }
        | Event::TalkCut { call, .. }
        | Event::MuteChanged { call, .. }
        | Event::ConsultChanged { call, .. }
        | Event::Recording { call, .. }
        | Event::CallTransferred { call, .. }
        | Event::DispositionSet { call, .. }
        | Event::IvrStarted { call, .. }
        | Event::IvrEnded { call, .. }
        | Event::SurveyOffered { call, .. }
        | Event::SurveyAnswered { call, .. }
        | Event::SurveyUnanswered { call, .. }
        | Event::Retrieve { call, .. }
        | Event::CallFinished { call, .. } => (0, call.0, none),
        Event::MonitorStarted { monitor, .. }
        | Event::MonitorChanged { monitor, .. }
        | Event::MonitorEnded { monitor, .. } => (4, monitor.monitor.0, none),
        Event::SupervisorChanged { supervisor } => (5, u64::from(supervisor.supervisor.0), none),
        Event::CallbackPlaced { callback, .. }
        | Event::CallbackRestored { callback, .. }
        | Event::CallbackDialled { callback, .. }
        | Event::CallbackMissed { callback, .. }
        | Event::CallbackEnded { callback, .. } => (1, callback.0, none),
        Event::LimitReached { limit, .. } | Event::LimitCleared { limit, .. } => (2, 0, *limit),
        Event::OfferMade { .. }
        | Event::OfferRinging { .. }
        | Event::OfferEnded { .. }
        | Event::QueueChanged { .. }
        | Event::AgentChanged { .. }
        | Event::CommandAnswered { .. }
        | Event::ConfigApplied { .. }
        | Event::ListChanged { .. }
        | Event::DeedAnswered { .. }
        | Event::Fault { .. } => (3, 0, none),
    });
    events
}
