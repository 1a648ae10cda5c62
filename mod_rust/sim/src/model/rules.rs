//! What happens to a call as time passes: the rules of its queue, its longest wait, its warnings.

use hotline_engine::config::{Band, Exit, MAX_ALSO, Operation, Rule};
use hotline_engine::event::CallOutcome;
use hotline_engine::ids::{CallId, QueueId};
use hotline_engine::{Event, Span, Time};

use super::Model;
use super::call::{Call, Stage};
use super::hold::Held;

/// What a call has ahead, in the order in which it is done when due together.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Item {
    Unstick,
    Rules,
    MaxWait,
    Warn,
    Comfort,
    Retrieve,
    BringBack,
}

impl Model {
    /// What a call has to do next, and when.
    pub(super) fn agenda(&self, call: &Call) -> Option<(Time, Item)> {
        let back = call.visitor.errand.as_ref().and_then(|errand| errand.until);
        let back = back.map(|at| (at, Item::BringBack));
        let warn = call.watch.next.map(|at| (at, Item::Warn));
        match call.stage {
            Stage::Talking => {
                let held = call.held.as_ref();
                let items = [
                    warn,
                    back,
                    held.and_then(Held::comfort_at).map(|at| (at, Item::Comfort)),
                    held.and_then(Held::retrieve_at).map(|at| (at, Item::Retrieve)),
                ];
                items.into_iter().flatten().min()
            }
            Stage::Connecting => None,
            Stage::Waiting => {
                let rules = &self.queues[call.queue].settings.rules;
                let rules = rules
                    .iter()
                    .filter_map(|rule| next_occurrence(rule, call.joined, call.ruled));
                let items = [
                    call.sticky.map(|(_, until)| (until, Item::Unstick)),
                    rules.min().map(|at| (at, Item::Rules)),
                    call.leave_at.map(|at| (at, Item::MaxWait)),
                    warn,
                    back,
                ];
                items.into_iter().flatten().min()
            }
        }
    }

    /// Does what is due for a call, until the visit or the wait is over.
    pub(super) fn work_off(&mut self, id: CallId) {
        let state = |call: &Call| (call.visit, call.stage);
        let Some(begun) = self.call(id).map(state) else {
            return;
        };
        while let Some(call) = self.call(id).filter(|call| state(call) == begun) {
            match self.agenda(call).filter(|(at, _)| *at <= self.now) {
                None => break,
                Some((_, Item::Unstick)) => {
                    if let Some(call) = self.call_mut(id) {
                        call.sticky = None;
                    }
                }
                Some((_, Item::Rules)) => {
                    let since = call.ruled;
                    let until = self.now;
                    if let Some(call) = self.call_mut(id) {
                        call.ruled = until;
                    }
                    self.run_rules(id, |rule, joined| {
                        next_occurrence(rule, joined, since).is_some_and(|at| at <= until)
                    });
                }
                Some((_, Item::MaxWait)) => {
                    let way = self.queues[call.queue].settings.exits.timeout.clone();
                    self.turn_away(id, CallOutcome::Timeout, &way);
                }
                Some((_, Item::Warn)) => {
                    let now = self.now;
                    let raised = self.call_mut(id).and_then(|call| call.watch.raise(now));
                    self.events.extend(raised);
                }
                Some((_, Item::Comfort)) => self.comfort(id),
                Some((_, Item::Retrieve)) => self.retrieve(id),
                Some((_, Item::BringBack)) => self.brings_back(id),
            }
        }
    }

    /// Those at joining.
    pub(super) fn run_first_rules(&mut self, id: CallId) {
        self.run_rules(id, |rule, _| rule.after == Span::ZERO);
    }

    /// Runs the rules that occur, in their order, until one ends the visit.
    fn run_rules(&mut self, id: CallId, occurs: impl Fn(&Rule, Time) -> bool) {
        let Some(call) = self.call(id) else { return };
        let (visit, joined, queue) = (call.visit, call.joined, call.queue);
        for (at, rule) in self.queues[queue].settings.rules.clone().iter().enumerate() {
            if !occurs(rule, joined) || !self.applies(id, queue, at, rule) {
                continue;
            }
            for operation in &rule.then {
                self.operate(id, at as u32 + 1, operation);
                if self.call(id).is_none_or(|call| call.visit != visit) {
                    return;
                }
            }
        }
    }

    /// Looks at the bands, each of which remembers whether it is tripped.
    fn applies(&mut self, id: CallId, queue: usize, at: usize, rule: &Rule) -> bool {
        let predicted = self.tail(queue, Some(id)).map_or(0, |tail| tail.p50.0);
        let waiting = self.waiting(queue) as u64;
        let (by_wait, by_length) = &mut self.queues[queue].tripped[at];
        let trips = |tripped: &mut bool, band: Option<Band>, value: u64| {
            let Some(band) = band else { return true };
            if value > band.over {
                *tripped = true;
            } else if value <= band.until {
                *tripped = false;
            }
            *tripped
        };
        let long = trips(by_wait, rule.predicted_wait, predicted);
        let full = trips(by_length, rule.waiting, waiting);
        let tier = self.call(id).map(|call| &self.tiers[call.visitor.tier].name);
        long && full && (rule.tiers.is_empty() || tier.is_some_and(|tier| rule.tiers.contains(tier)))
    }

    fn operate(&mut self, id: CallId, rule: u32, operation: &Operation) {
        let added = match operation {
            Operation::AddQueue(name) => self.queue_named(name),
            Operation::AcceptLevel(_)
            | Operation::DropSkill(_)
            | Operation::Raise(_)
            | Operation::Say(_)
            | Operation::Menu(_)
            | Operation::Divert(_) => None,
        };
        let required = self.call(id).map(|call| self.required(call)).unwrap_or_default();
        let Some(call) = self.call_mut(id) else { return };
        let queue = QueueId(call.queue as u32);
        let called_back = call.visitor.called_back;
        let changed = match operation {
            Operation::AcceptLevel(level) => {
                let wider = *level > call.cap;
                call.cap = call.cap.max(*level);
                wider
            }
            Operation::DropSkill(skill) => {
                let there = required.contains(skill);
                call.dropped.extend(there.then(|| skill.clone()));
                there
            }
            Operation::AddQueue(_) => match added {
                Some(added) => {
                    let fits = added != call.queue && !call.also.contains(&added);
                    let fits = fits && call.also.len() < MAX_ALSO;
                    call.also.extend(fits.then_some(added));
                    fits
                }
                None => false,
            },
            Operation::Raise(by) => {
                call.visitor.raised = Span(call.visitor.raised.0 + by.0);
                *by > Span::ZERO
            }
            Operation::Say(_) | Operation::Menu(_) => true,
            Operation::Divert(_) => false,
        };
        if changed {
            self.events.push(Event::RuleApplied {
                call: id,
                queue,
                rule,
                operation: operation.clone(),
            });
        }
        match operation {
            Operation::Say(prompts) => self.say(id, prompts),
            Operation::Menu(name) => self.offer_menu(id, name),
            Operation::Divert(way) if way.to == Exit::Callback && called_back => {}
            Operation::Divert(way) => self.turn_away(id, CallOutcome::Diverted, way),
            Operation::AcceptLevel(_)
            | Operation::DropSkill(_)
            | Operation::AddQueue(_)
            | Operation::Raise(_) => {}
        }
    }
}

/// When a rule comes next, strictly after `since`, for a call that joined then.
fn next_occurrence(rule: &Rule, joined: Time, since: Time) -> Option<Time> {
    let mut at = joined + rule.after;
    while at <= since {
        at = at + rule.every?;
    }
    Some(at)
}
