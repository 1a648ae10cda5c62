//! One simulated run.

use core::fmt;

use hotline_engine::codec::journal::{self, Head};
use hotline_engine::ids::CallId;
use hotline_engine::{Action, Drain, Engine, Event, Input, Time};

use crate::audit::{Audit, Counts};
use crate::model::Model;
use crate::replay::replay;
use crate::world::World;

/// A run that went well.
#[derive(Clone, Debug)]
pub struct Run {
    /// What it consisted of.
    pub counts: Counts,
    /// Its journal.
    pub journal: Vec<u8>,
}

/// A run that did not.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Of which seed.
    pub seed: u64,
    /// At which step, counted from 1.
    pub step: u64,
    /// The input of that step.
    pub input: String,
    /// What was wrong.
    pub what: String,
    /// The journal up to there.
    pub journal: Vec<u8>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "seed {} fails at step {} ({}):",
            self.seed, self.step, self.input
        )?;
        f.write_str(&self.what)
    }
}

impl core::error::Error for Failure {}

/// Runs a seed for so many steps, then until everybody has gone home.
///
/// # Errors
/// What went wrong first.
pub fn run(seed: u64, steps: u64) -> Result<Run, Box<Failure>> {
    let (mut world, config, booted) = World::new(seed);
    let failed = |step, input: &Input, what: String, journal: &[u8]| {
        let input = format!("{input:?}");
        Box::new(Failure {
            seed,
            step,
            input,
            what,
            journal: journal.to_owned(),
        })
    };
    let mut journal = Vec::new();
    let head = Head {
        config: config.clone(),
        booted,
        seed,
    };
    let start = journal::write_head(&mut journal, &head).map_err(|error| error.to_string());
    let engine = Engine::new(config.clone(), booted, seed).map_err(|error| error.to_string());
    let engine = start
        .and(engine)
        .map_err(|what| failed(0, &Input::Tick, what, &journal))?;
    let mut pair = Pair {
        engine,
        model: Model::new(config, booted),
        audit: Audit::default(),
        now: booted,
    };
    let mut events = Vec::new();
    let mut step = 0;
    loop {
        step += 1;
        let (at, input) = if step == 1 {
            (booted, Some(Input::Tick))
        } else if step <= steps {
            let (at, input) = world.next(pair.engine.deadline());
            (at, Some(input))
        } else {
            world.closing(&pair.engine.view())
        };
        let Some(input) = input else { break };
        let written = journal::write_record(&mut journal, at, &input).map_err(|error| error.to_string());
        let outcome = written.and_then(|()| pair.step(at, &input, &mut events));
        let actions = outcome.map_err(|what| failed(step, &input, what, &journal))?;
        world.obey(&actions, &pair.engine.view());
    }
    let replayed = || {
        pair.audit.finish()?;
        let replayed: Result<Vec<_>, _> = replay(&journal).map_err(|error| error.to_string())?.collect();
        let replayed = replayed.map_err(|error| error.to_string())?;
        let replayed: Vec<Event> = replayed.into_iter().flat_map(|step| step.events).collect();
        if replayed == events {
            Ok(())
        } else {
            Err("the journal replays to other events".to_owned())
        }
    };
    replayed().map_err(|what| failed(step, &Input::Tick, what, &journal))?;
    Ok(Run {
        counts: pair.audit.counts,
        journal,
    })
}

/// An engine and those who watch it.
struct Pair {
    engine: Engine,
    model: Model,
    audit: Audit,
    now: Time,
}

impl Pair {
    fn step(&mut self, at: Time, input: &Input, all: &mut Vec<Event>) -> Result<Vec<Action>, String> {
        self.now = self.now.max(at);
        let Drain { actions, events } = self.engine.handle(at, input.clone());
        let (actions, events): (Vec<Action>, Vec<Event>) = (actions.collect(), events.collect());
        self.engine.check_invariants()?;
        let expected = self.model.handle(at, input);
        all.extend_from_slice(&events);
        // A phone of nobody is the one fault that the world makes on purpose.
        let nobody = matches!(input, Input::Phone { agent, .. } if !self.model.was_ever(*agent));
        let on_purpose = |event: &Event| nobody && matches!(event, Event::Fault { .. });
        let events: Vec<Event> = events.into_iter().filter(|event| !on_purpose(event)).collect();
        self.audit.check(input, &actions, &events, self.now)?;
        self.compare(&actions, &expected)?;
        Ok(actions)
    }

    /// Engine and model must tell each call, each agent's watcher and each asker the same, in the same order; offers
    /// are numbered in the order in which they are made over all calls, so that is compared as well.
    fn compare(&self, actions: &[Action], expected: &[Action]) -> Result<(), String> {
        let by_addressee = |actions: &[Action]| {
            let mut actions = actions.to_vec();
            actions.sort_by_key(|action| match action {
                Action::Call { call, .. } => (0, call.0),
                Action::WatchPhone { agent, .. } => (1, u64::from(agent.0)),
                Action::Reply { command, .. } => (2, command.0),
            });
            actions
        };
        let (did, should) = (by_addressee(actions), by_addressee(expected));
        if did != should {
            return Err(format!("engine: {did:#?}\nmodel: {should:#?}"));
        }
        let view = self.engine.view();
        let mut calls: Vec<CallId> = view.calls.iter().map(|call| call.call).collect();
        calls.sort_unstable();
        if calls != self.model.calls() {
            return Err(format!("engine holds {calls:?}, model {:?}", self.model.calls()));
        }
        let states = self.model.states();
        for agent in &view.agents {
            let expected = states.get(agent.agent.0 as usize);
            if expected != Some(&agent.state) {
                return Err(format!(
                    "{:?} is {:?}, in the model {expected:?}",
                    agent.agent, agent.state
                ));
            }
        }
        Ok(())
    }
}
