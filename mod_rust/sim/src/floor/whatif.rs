//! What other settings would have given: the callers of a journal, with their patience and their conversations, and the
//! agents' comings and goings, under other settings.
//!
//! Assumed: callers who were not served at once would have given up like those who did. Giving up is taken to be exponential
//! with the rate that fits best (abandoned / time waited by all, which counts those who were served as well), so whoever was served
//! would have waited that much longer. Calls nobody answered would have lasted like one that was, drawn by the journal's seed. Agents
//! answer each offer after as long as offers took to answer; offers nobody answered are not repeated. Signing in and out, ready and
//! not ready, locks, phones and live changes of agents and queues happen when they did; what supervisors did to single calls
//! does not.

use core::fmt;
use std::collections::BTreeMap;

use hotline_engine::codec::journal::{JournalError, Reader};
use hotline_engine::config::{Config, WrapUp};
use hotline_engine::event::{CallOutcome, OfferResult};
use hotline_engine::ids::CallId;
use hotline_engine::input::Caller;
use hotline_engine::{Command, ConfigError, Event, Input, Span, Time};
use serde::Serialize;

use super::run;
use super::script::{Script, Visitor};
use super::tally::{Figures, Tally};
use crate::random::Random;
use crate::replay::{ReplayError, replay};

/// Two sets of settings, side by side.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct WhatIf {
    /// Callers who came.
    pub callers: u64,
    /// Why the journal's end could not be read; what came before counts.
    pub torn: Option<String>,
    /// What happened, by the journal.
    pub journal: Vec<Figures>,
    /// What the simulation gives with the journal's own settings: how far it can be trusted.
    pub own: Vec<Figures>,
    /// What it gives with the other settings.
    pub other: Vec<Figures>,
}

/// Why there is no answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WhatIfError {
    /// The journal cannot be replayed.
    Journal(ReplayError),
    /// No engine starts with the other settings.
    Config(ConfigError),
}

impl fmt::Display for WhatIfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WhatIfError::Journal(error) => error.fmt(f),
            WhatIfError::Config(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for WhatIfError {}

/// Replays a journal, and runs its callers under its own settings and under others.
///
/// # Errors
/// See [`WhatIfError`].
pub fn what_if(journal: &[u8], other: Config) -> Result<WhatIf, WhatIfError> {
    let (head, _) =
        Reader::open(journal).map_err(|error| WhatIfError::Journal(ReplayError::Journal(error)))?;
    let mut story = Story::new(head.booted);
    let torn = story.read(journal).map_err(WhatIfError::Journal)?;
    let script = story.script(head.config, head.seed);
    let own = run(&script, Tally::default()).map_err(WhatIfError::Config)?;
    let wraps_up_by_hand = by_hand(&other);
    let changed = Script {
        config: other,
        wraps_up_by_hand,
        ..script
    };
    let other = run(&changed, Tally::default()).map_err(WhatIfError::Config)?;
    Ok(WhatIf {
        callers: story.callers.len() as u64,
        torn: torn.map(|error| error.to_string()),
        journal: story.tally.figures(),
        own: own.figures(),
        other: other.figures(),
    })
}

fn by_hand(config: &Config) -> bool {
    config.queues.iter().any(|queue| queue.wrap_up == WrapUp::Manual)
}

/// A journal, as far as it tells of people.
struct Story {
    booted: Time,
    last: Time,
    tally: Tally,
    callers: BTreeMap<CallId, Came>,
    given: Vec<(Time, Input)>,
    rings: Vec<Span>,
    talks: Vec<Span>,
    wrap_ups: (u64, u64),
    wrapping_up: BTreeMap<String, Time>,
    abandoned: u64,
    waited: u64,
}

struct Came {
    at: Time,
    queue: String,
    caller: Caller,
    gone: Option<Time>,
    abandoned: bool,
    talk: Option<Span>,
}

impl Story {
    fn new(booted: Time) -> Story {
        Story {
            booted,
            last: booted,
            tally: Tally::default(),
            callers: BTreeMap::new(),
            given: Vec::new(),
            rings: Vec::new(),
            talks: Vec::new(),
            wrap_ups: (0, 0),
            wrapping_up: BTreeMap::new(),
            abandoned: 0,
            waited: 0,
        }
    }

    /// Reads it to its end, or to where it is damaged.
    fn read(&mut self, journal: &[u8]) -> Result<Option<JournalError>, ReplayError> {
        for step in replay(journal)? {
            let step = match step {
                Ok(step) => step,
                Err(error) => return Ok(Some(error)),
            };
            self.last = self.last.max(step.at);
            self.input(self.last, step.input);
            for event in &step.events {
                let begins = self.tally.take(self.last, event);
                self.event(self.last, event, begins);
            }
        }
        self.tally.close(self.last);
        Ok(None)
    }

    fn input(&mut self, at: Time, input: Input) {
        match input {
            // Who answers a callback came before.
            Input::Join { call, queue, caller } if caller.callback.is_none() => {
                let came = Came {
                    at,
                    queue,
                    caller,
                    gone: None,
                    abandoned: false,
                    talk: None,
                };
                self.callers.insert(call, came);
            }
            Input::Phone { .. } => self.given.push((at, input)),
            Input::Command { ref command, .. } => {
                if is_of_agents(command) {
                    self.given.push((at, input));
                }
            }
            Input::Join { .. }
            | Input::CallerGone { .. }
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
            | Input::Reload { .. }
            | Input::Screened { .. }
            | Input::ListChanged { .. }
            | Input::Deed { .. }
            | Input::Tick => {}
        }
    }

    fn event(&mut self, now: Time, event: &Event, wraps_up: Option<String>) {
        if let Some(agent) = wraps_up {
            self.wrapping_up.insert(agent, now);
        }
        match event {
            Event::OfferEnded {
                result: OfferResult::Answered,
                ring,
                ..
            } => self.rings.push(*ring),
            Event::CallConnected { call, .. } => {
                if let Some(came) = self.callers.get_mut(call) {
                    came.gone = Some(now);
                    self.waited += now.since(came.at).0;
                }
            }
            Event::CallFinished {
                call, outcome, talk, ..
            } => {
                let Some(came) = self.callers.get_mut(call) else {
                    return;
                };
                if *outcome == CallOutcome::Answered {
                    came.talk = Some(*talk);
                    self.talks.push(*talk);
                } else if came.gone.is_none() {
                    self.waited += now.since(came.at).0;
                    came.gone = Some(now);
                    came.abandoned = *outcome == CallOutcome::Abandoned;
                    self.abandoned += u64::from(came.abandoned);
                }
            }
            Event::AgentChanged { to, .. } if to.state != hotline_engine::event::AgentState::WrapUp => {
                if let Some(began) = self.wrapping_up.remove(&*to.card.number) {
                    self.wrap_ups.0 += now.since(began).0;
                    self.wrap_ups.1 += 1;
                }
            }
            _ => {}
        }
    }

    fn script(&self, config: Config, seed: u64) -> Script {
        let mut random = Random::new(seed);
        let mean = self.waited.checked_div(self.abandoned);
        let mut drawn = |from: &[Span], or: Span| random.pick(from).copied().unwrap_or(or);
        let mut visitors = Vec::new();
        let mut more = Random::new(seed ^ 1);
        for came in self.callers.values() {
            let waited = came.gone.unwrap_or(self.last).since(came.at);
            let patience = if came.abandoned {
                Some(waited)
            } else {
                mean.map(|mean| Span(waited.0 + more.exponential(mean as f64) as u64))
            };
            visitors.push(Visitor {
                at: came.at,
                queue: came.queue.clone(),
                caller: came.caller.clone(),
                patience,
                ring: drawn(&self.rings, Span::seconds(3)),
                talk: came
                    .talk
                    .unwrap_or_else(|| drawn(&self.talks, Span::seconds(180))),
            });
        }
        let wrap_up = self.wrap_ups.0.checked_div(self.wrap_ups.1);
        Script {
            wraps_up_by_hand: by_hand(&config),
            config,
            seed,
            begins: self.booted,
            ends: self.last,
            visitors,
            given: self.given.clone(),
            wrap_up: wrap_up.map_or(Span::seconds(30), Span),
        }
    }
}

/// Whether a command is about who works where, and so happens under any settings.
fn is_of_agents(command: &Command) -> bool {
    match command {
        Command::SignIn { .. }
        | Command::SignOut { .. }
        | Command::SetReady { .. }
        | Command::SetNotReady { .. }
        | Command::ForceBusy { .. }
        | Command::ForceIdle { .. }
        | Command::ForceSignOut { .. }
        | Command::ExtendWrapUp { .. }
        | Command::SetMembership { .. }
        | Command::SetSkill { .. }
        | Command::SetDoor { .. } => true,
        Command::Reprioritise { .. }
        | Command::MoveCall { .. }
        | Command::Withdraw { .. }
        | Command::SignInSupervisor { .. }
        | Command::SignOutSupervisor { .. }
        | Command::Monitor { .. }
        | Command::StopMonitor { .. }
        | Command::Disconnect { .. }
        | Command::Hold { .. }
        | Command::Mute { .. }
        | Command::Record { .. }
        | Command::Transfer { .. }
        | Command::Dispose { .. }
        | Command::Ivr { .. }
        | Command::Survey { .. }
        | Command::Consult { .. }
        | Command::Consultation { .. }
        | Command::CancelCallback { .. } => false,
    }
}
