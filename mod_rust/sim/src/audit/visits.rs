//! Visits of calls to queues: each begins and ends once, and the call goes on as its end says. What a caller is told never
//! gets worse within one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use hotline_engine::action::{Place, Status, Utterance};
use hotline_engine::config::Exit;
use hotline_engine::event::{CallOutcome, ConsultEnd, ConsultState};
use hotline_engine::ids::{CallId, QueueId};
use hotline_engine::input::Party;
use hotline_engine::{Action, CallAction, Event, Input};

use super::consults::Consults;
use super::{POSITION, WAIT, ensure, for_call};
use crate::pair::Wrong;

#[derive(Default, Debug)]
pub(super) struct Visits {
    /// Calls in a queue, or talking.
    calls: BTreeMap<CallId, Visit>,
    /// Calls whose thread still listens.
    threads: BTreeMap<CallId, ()>,
    /// Lines among them.
    lines: BTreeSet<CallId>,
    /// Queue names by id, also of queues that are no more.
    queues: BTreeMap<QueueId, String>,
    /// Releases that have to follow.
    releases: BTreeMap<CallId, VecDeque<(Option<Status>, Place)>>,
    /// Calls that joined with the present input, and whose music has not begun yet.
    fresh: BTreeSet<CallId>,
    /// Whose caller hung up with the present input, whoever is told to have ended the call.
    hung_up: Option<CallId>,
}

#[derive(Default, Debug)]
struct Visit {
    position: Option<u32>,
    wait: Option<u32>,
    talks: bool,
}

impl Visits {
    pub(super) fn input(&mut self, input: &Input) {
        self.hung_up = match input {
            Input::Ended {
                call,
                by: Party::Caller,
                ..
            } => {
                // The thread of a line ends with that; of a call, what follows says so.
                self.lines.remove(call).then(|| self.threads.remove(call));
                Some(*call)
            }
            _ => None,
        };
        if let Input::JoinConsult { line, .. } = input {
            self.lines.insert(*line);
        }
        if let Input::Join { call, .. } | Input::JoinConsult { line: call, .. } = input {
            self.threads.insert(*call, ());
        }
        if let Input::CallerGone { call, .. } = input {
            self.threads.remove(call);
        }
    }

    /// Whether it is in a conversation, before the present input.
    pub(super) fn talks(&self, call: CallId) -> bool {
        self.calls.get(&call).is_some_and(|visit| visit.talks)
    }

    pub(super) fn events(&mut self, events: &[Event], consults: &Consults) -> Result<(), Wrong> {
        for event in events {
            if let Event::ConfigApplied { queues, .. } = event {
                let names = queues.iter().map(|queue| (queue.queue, queue.name.clone()));
                self.queues.extend(names);
            }
        }
        self.fresh.clear();
        let mut goes_to: BTreeMap<CallId, String> = BTreeMap::new();
        // With somebody at a number already: there is no place to go to.
        let mut kept_there: BTreeSet<CallId> = BTreeSet::new();
        for event in events {
            match event {
                Event::CallJoined { call, queue, .. } => {
                    let told = goes_to.remove(call);
                    let here = self.queues.get(queue);
                    ensure!(
                        told.is_none() || told.as_ref() == here,
                        "{call:?} joins {here:?}, but was sent to {told:?}"
                    );
                    let new = self.calls.insert(*call, Visit::default()).is_none();
                    ensure!(new, "{call:?} joined twice");
                    self.fresh.insert(*call);
                }
                Event::CallRefused { call, .. } => {
                    let joined = self.calls.contains_key(call);
                    ensure!(!joined, "{call:?} was refused after it joined");
                    self.release(*call, None, Place::Onward);
                }
                Event::OfferMade { call, offer, .. } => {
                    let waits = self.calls.get(call).is_some_and(|visit| !visit.talks);
                    ensure!(waits || consults.is_open(*call), "{offer:?} is for nobody");
                }
                Event::CallConnected { call, .. } => {
                    let visit = self.calls.get_mut(call);
                    ensure!(visit.is_some(), "{call:?} talks when over");
                    if let Some(visit) = visit {
                        visit.talks = true;
                    }
                }
                Event::CallFinished {
                    call,
                    to,
                    by,
                    outcome,
                    ..
                } => {
                    let visit = self.calls.remove(call);
                    ensure!(visit.is_some(), "{call:?} finished twice or never joined");
                    let talked = visit.is_some_and(|visit| visit.talks);
                    ensure!(
                        talked == (*outcome == CallOutcome::Answered),
                        "{call:?} finished as {outcome:?}, talked: {talked}"
                    );
                    let to = if kept_there.remove(call) {
                        &Exit::Onward
                    } else {
                        to
                    };
                    self.goes_on(*call, to, *by, &mut goes_to);
                }
                Event::RuleApplied { call, .. }
                | Event::KeyPressed { call, .. }
                | Event::CallReprioritised { call, .. } => {
                    let waits = self.calls.get(call).is_some_and(|visit| !visit.talks);
                    ensure!(waits, "{event:?}, but the call does not wait");
                }
                Event::ConsultChanged {
                    call, colleague, to, ..
                } => {
                    if *to == ConsultState::Over(ConsultEnd::HandedOver) && colleague.is_none() {
                        kept_there.insert(*call);
                    }
                }
                Event::OfferRinging { .. }
                | Event::OfferEnded { .. }
                | Event::TalkChanged { .. }
                | Event::MuteChanged { .. }
                | Event::DispositionSet { .. }
                | Event::Recording { .. }
                | Event::CallTransferred { .. }
                | Event::IvrStarted { .. }
                | Event::IvrEnded { .. }
                | Event::SurveyOffered { .. }
                | Event::SurveyAnswered { .. }
                | Event::SurveyUnanswered { .. }
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
                | Event::CallScreened { .. }
                | Event::ListChanged { .. }
                | Event::DeedAnswered { .. }
                | Event::Fault { .. } => {}
            }
        }
        ensure!(goes_to.is_empty(), "calls are nowhere: {goes_to:?}");
        Ok(())
    }

    /// A visit that ends in another queue is followed by one there, any other by the release that it says.
    fn goes_on(&mut self, call: CallId, to: &Exit, by: Party, goes_to: &mut BTreeMap<CallId, String>) {
        if by == Party::Caller || self.hung_up == Some(call) {
            self.threads.remove(&call);
        }
        let (status, place) = match to {
            Exit::Queue(queue) => {
                goes_to.insert(call, queue.clone());
                return;
            }
            Exit::Onward => (None, Place::Onward),
            Exit::Place(place) => (None, Place::There(place.clone())),
            Exit::Busy => (None, Place::Busy),
            Exit::Callback => (Some(Status::Callback), Place::Onward),
        };
        if self.threads.contains_key(&call) {
            self.release(call, status, place);
        }
    }

    fn release(&mut self, call: CallId, status: Option<Status>, place: Place) {
        self.releases.entry(call).or_default().push_back((status, place));
    }

    pub(super) fn action(&mut self, action: &Action, consults: &Consults) -> Result<(), Wrong> {
        let Some((call, action)) = for_call(action) else {
            return Ok(());
        };
        let listens = self.threads.contains_key(&call);
        match action {
            // A caller who left leaves phones ringing.
            CallAction::Cancel { .. } => {}
            CallAction::Release { status, to, .. } => {
                ensure!(listens, "{call:?} is released twice, or when gone");
                self.threads.remove(&call);
                // Of a line nothing is told.
                if consults.is_line(call) {
                    return Ok(());
                }
                let due = self.releases.get_mut(&call).and_then(VecDeque::pop_front);
                let right = due
                    .as_ref()
                    .is_some_and(|(due, place)| due.is_none_or(|due| due == *status) && place == to);
                ensure!(right, "{call:?} is released as {action:?}, but {due:?} was due");
            }
            CallAction::Say { say } => {
                ensure!(listens, "{call:?} is gone, but told to {action:?}");
                ensure!(!say.is_empty(), "{call:?} is told nothing");
                self.says(call, say)?;
            }
            CallAction::Music { .. } => {
                ensure!(listens, "{call:?} is gone, but told to {action:?}");
                // With the music of a new visit, what was told in the one before is forgotten.
                if self.fresh.contains(&call)
                    && let Some(visit) = self.calls.get_mut(&call)
                {
                    (visit.position, visit.wait) = (None, None);
                }
            }
            CallAction::Ring { .. } | CallAction::Connect { .. } => {
                ensure!(listens, "{call:?} is gone, but told to {action:?}");
            }
        }
        Ok(())
    }

    /// Speech of a visit that ended in the same input counts for nobody.
    fn says(&mut self, call: CallId, say: &[Utterance]) -> Result<(), Wrong> {
        let Some(visit) = self.calls.get_mut(&call) else {
            return Ok(());
        };
        for pair in say.windows(2) {
            let [Utterance::File(file), Utterance::Number(number)] = pair else {
                continue;
            };
            let told = match file.as_str() {
                POSITION => &mut visit.position,
                WAIT => &mut visit.wait,
                _ => continue,
            };
            let before = told.replace(*number);
            ensure!(
                before.is_none_or(|before| *number <= before),
                "{call:?} is told {file} {number} after {before:?}"
            );
            ensure!(*number > 0, "{call:?} is told {file} {number}");
        }
        Ok(())
    }

    pub(super) fn all_released(&mut self) -> Result<(), Wrong> {
        self.releases.retain(|_, due| !due.is_empty());
        ensure!(
            self.releases.is_empty(),
            "calls are not released: {:?}",
            self.releases
        );
        Ok(())
    }

    pub(super) fn finish(&self) -> Result<(), Wrong> {
        ensure!(self.calls.is_empty(), "calls never finished: {:?}", self.calls);
        Ok(())
    }
}
