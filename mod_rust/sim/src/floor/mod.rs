//! A floor in event time: callers who come, lose patience, are answered and talk, and agents who come and go, against an
//! engine with any settings. What the random worlds are not: plausible.

mod calibrate;
mod script;
mod tally;
mod whatif;

use std::collections::{BTreeMap, BTreeSet};

use hotline_engine::action::Status;
use hotline_engine::ids::{CallId, CommandId, OfferId};
use hotline_engine::input::{Departure, Party, PhoneState};
use hotline_engine::{Action, CallAction, Command, ConfigError, Drain, Engine, Event, Input, Span, Time};

pub use calibrate::{Calibration, CalibrationRow, Floor as CalibrationFloor, calibrate};
use script::{Script, Visitor};
use tally::Tally;
pub use tally::{Figures, Levels};
pub use whatif::{WhatIf, WhatIfError, what_if};

/// How long somebody who is called back takes to answer.
const CALLED_BACK: Span = Span::seconds(8);

/// Something that is going to happen by itself. Of what happens at once, in this order.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Coming {
    Ends(CallId),
    Answers(OfferId, CallId),
    GivesUp(CallId),
    /// One of the script's commands, or phones.
    Given(usize),
    Arrives(usize),
    /// Somebody who is called back answers.
    Returns(CallId),
    /// After-call work without an end is done.
    IsDone(String),
}

/// The floor as it runs.
struct Floor<'a> {
    engine: Engine,
    script: &'a Script,
    now: Time,
    coming: BTreeSet<(Time, Coming)>,
    /// Whose call it is.
    visitors: BTreeMap<CallId, usize>,
    offers: BTreeMap<OfferId, CallId>,
    tally: Tally,
    commands: u64,
    calls: u64,
}

/// Runs a script under its settings.
fn run(script: &Script, tally: Tally) -> Result<Tally, ConfigError> {
    let engine = Engine::new(script.config.clone(), script.begins, script.seed)?;
    let mut floor = Floor {
        engine,
        script,
        now: script.begins,
        coming: BTreeSet::new(),
        visitors: BTreeMap::new(),
        offers: BTreeMap::new(),
        tally,
        commands: 0,
        calls: 0,
    };
    for (at, visitor) in script.visitors.iter().enumerate() {
        floor.coming.insert((visitor.at, Coming::Arrives(at)));
    }
    for (at, (time, _)) in script.given.iter().enumerate() {
        floor.coming.insert((*time, Coming::Given(at)));
    }
    floor.give(Input::Tick);
    floor.go_on();
    Ok(floor.tally)
}

impl Floor<'_> {
    /// Until the script's end and nobody is left, or an hour after it.
    fn go_on(&mut self) {
        let last = self.script.ends + Span::seconds(3600);
        loop {
            let next = self.coming.first().map(|(at, _)| *at);
            let deadline = self.engine.deadline();
            let Some(at) = next.into_iter().chain(deadline).min().filter(|at| *at <= last) else {
                break;
            };
            self.now = self.now.max(at);
            // What happens together with a deadline counts first, as in the engine.
            if next.is_some_and(|next| next <= self.now) {
                if let Some((_, coming)) = self.coming.pop_first() {
                    self.happen(coming);
                }
            } else {
                self.give(Input::Tick);
            }
            if self.now >= self.script.ends && self.visitors.is_empty() {
                break;
            }
        }
        self.tally.close(self.now);
    }

    fn happen(&mut self, coming: Coming) {
        match coming {
            Coming::Arrives(at) => self.arrive(at, None),
            Coming::Returns(callback) => {
                if let Some(at) = self.visitors.remove(&callback) {
                    self.arrive(at, Some(callback));
                }
            }
            Coming::GivesUp(call) => {
                if self.visitors.remove(&call).is_some() {
                    let how = Departure::HungUp;
                    self.give(Input::CallerGone { call, how });
                }
            }
            Coming::Answers(offer, call) => {
                if self.offers.remove(&offer) == Some(call) {
                    self.give(Input::Answered { offer });
                }
            }
            Coming::Ends(call) => {
                self.visitors.remove(&call);
                self.give(Input::Ended {
                    call,
                    by: Party::Caller,
                    phone: PhoneState::Available,
                });
            }
            Coming::Given(at) => {
                let input = self.script.given[at].1.clone();
                let input = match input {
                    Input::Command { author, command, .. } => self.command(author, command),
                    other => other,
                };
                self.give(input);
            }
            Coming::IsDone(agent) => {
                let input = self.command("agent".to_owned(), Command::SetReady { agent });
                self.give(input);
            }
        }
    }

    fn command(&mut self, author: String, command: Command) -> Input {
        self.commands += 1;
        Input::Command {
            id: CommandId(self.commands),
            author,
            command,
        }
    }

    fn arrive(&mut self, at: usize, callback: Option<CallId>) {
        let Visitor {
            queue,
            caller,
            patience,
            ..
        } = &self.script.visitors[at];
        self.calls += 1;
        let call = CallId(self.calls);
        self.visitors.insert(call, at);
        if let (Some(patience), None) = (patience, callback) {
            self.coming.insert((self.now + *patience, Coming::GivesUp(call)));
        }
        let mut caller = caller.clone();
        caller.callback = callback;
        let queue = queue.clone();
        self.give(Input::Join { call, queue, caller });
    }

    /// Gives an input, obeys, and counts what happened.
    fn give(&mut self, input: Input) {
        let Drain { actions, events } = self.engine.handle(self.now, input);
        let (actions, events): (Vec<Action>, Vec<Event>) = (actions.collect(), events.collect());
        for event in &events {
            if let Some(agent) = self.tally.take(self.now, event)
                && self.script.wraps_up_by_hand
            {
                self.coming
                    .insert((self.now + self.script.wrap_up, Coming::IsDone(agent)));
            }
        }
        for action in actions {
            self.obey(action);
        }
    }

    fn obey(&mut self, action: Action) {
        match action {
            Action::Call { call, action } => self.obey_for(call, action),
            Action::CallBack { callback, .. } => {
                // Who left for a callback is still this visitor.
                self.coming
                    .insert((self.now + CALLED_BACK, Coming::Returns(callback)));
            }
            // Nobody is supervised here.
            Action::Monitor { .. }
            | Action::CallSupervisor { .. }
            | Action::CancelCallSupervisor { .. }
            | Action::Disconnect { .. }
            | Action::Comfort { .. }
            | Action::Retrieve { .. }
            | Action::Hold { .. }
            | Action::Mute { .. }
            | Action::SendAway { .. }
            | Action::BringBack { .. }
            | Action::Consult { .. }
            | Action::Arrange { .. }
            | Action::Record { .. }
            | Action::CancelCallBack { .. }
            | Action::Reply { .. }
            | Action::WatchPhone { .. } => {}
        }
    }

    /// The caller gives up no more.
    fn stays(&mut self, call: CallId) {
        let visitor = self.visitors.get(&call).map(|at| &self.script.visitors[*at]);
        if let Some((at, patience)) = visitor.and_then(|visitor| Some((visitor.at, visitor.patience?))) {
            self.coming.remove(&(at + patience, Coming::GivesUp(call)));
        }
    }

    fn obey_for(&mut self, call: CallId, action: CallAction) {
        let visitor = self.visitors.get(&call).map(|at| &self.script.visitors[*at]);
        match action {
            CallAction::Ring { offer, .. } => {
                let ring = visitor.map_or(Span::ZERO, |visitor| visitor.ring);
                self.offers.insert(offer, call);
                self.coming
                    .insert((self.now + ring, Coming::Answers(offer, call)));
            }
            CallAction::Cancel { offer } => {
                self.offers.remove(&offer);
            }
            CallAction::Connect { .. } => {
                let talk = visitor.map_or(Span::ZERO, |visitor| visitor.talk);
                self.stays(call);
                self.coming.insert((self.now + talk, Coming::Ends(call)));
                self.give(Input::Connected { call });
            }
            CallAction::Release { status, .. } => {
                // Whoever is owed a call comes back as the same.
                if status == Status::Callback {
                    self.stays(call);
                } else {
                    self.visitors.remove(&call);
                }
            }
            CallAction::Say { .. } => self.tally.said(call),
            CallAction::Music { .. } => {}
        }
    }
}
