//! What happens to a caller who waits: one timer for a call's whole agenda, the rules of its queue, prompts and keys.

use crate::action::{CallAction, Utterance};
use crate::call::{Call, State};
use crate::config::{Band, Choice, Exit, MAX_ALSO, Operation, Prompt, Rule};
use crate::engine::Engine;
use crate::event::{CallOutcome, Event};
use crate::explain::Line;
use crate::ids::{CallId, QueueId};
use crate::time::{Span, Time};
use crate::timers::Timer;

/// What can be due for a call. Of what is due at once, in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Due {
    /// It waits for its own agent no longer.
    Sticky,
    Rules,
    MaxWait,
    /// A limit on waiting or talking is reached.
    Warning,
    /// Something for a caller on hold.
    Care,
    /// A caller was away for long enough.
    Errand,
}

impl Engine {
    /// Sets a call's timer to what is due next.
    pub(crate) fn arm_call(&mut self, id: CallId) {
        let Some(call) = self.calls.get_mut(id.0) else {
            return;
        };
        let next = call.next_due(&self.queues[call.queue.0 as usize].settings.rules);
        let at = next.map(|(at, _)| at);
        self.timers.reset(&mut call.alarm, at, Timer::Call(id));
    }

    /// When a call's timer should stand, for whoever checks.
    pub(crate) fn call_due_at(&self, call: &Call) -> Option<Time> {
        let rules = &self.queues[call.queue.0 as usize].settings.rules;
        call.next_due(rules).map(|(at, _)| at)
    }

    /// Does everything that is due for a call, as long as it stays where it is.
    pub(crate) fn call_is_due(&mut self, id: CallId) {
        let visit = self
            .calls
            .get(id.0)
            .map(|call| (call.queue, call.hops, call.joined));
        loop {
            let Some(call) = self.calls.get_mut(id.0) else {
                return;
            };
            if visit != Some((call.queue, call.hops, call.joined)) {
                return;
            }
            let rules = &self.queues[call.queue.0 as usize].settings.rules;
            let Some((_, due)) = call.next_due(rules).filter(|(at, _)| *at <= self.now) else {
                return self.arm_call(id);
            };
            match due {
                Due::Sticky => self.end_sticky(id),
                Due::Rules => self.run_rules(id),
                Due::MaxWait => {
                    let way = self.queues[call.queue.0 as usize].settings.exits.timeout.clone();
                    self.turn_away(id, CallOutcome::Timeout, way);
                }
                Due::Warning => {
                    if let Some(watch) = &mut call.watch {
                        let event = watch.reached(self.now);
                        self.events.push(event);
                    }
                }
                Due::Care => self.care_is_due(id),
                Due::Errand => self.errand_is_due(id),
            }
        }
    }

    /// The rules that apply at the moment of joining.
    pub(crate) fn run_rules_at_joining(&mut self, id: CallId) {
        let Some(call) = self.calls.get(id.0) else { return };
        let queue = call.queue;
        for at in 0..self.queues[queue.0 as usize].settings.rules.len() {
            let rule = &self.queues[queue.0 as usize].settings.rules[at];
            if rule.after == Span::ZERO && !self.run_rule(id, queue, at) {
                return;
            }
        }
    }

    /// The rules that have become due since they were run last, each once.
    fn run_rules(&mut self, id: CallId) {
        let Some(call) = self.calls.get_mut(id.0) else {
            return;
        };
        let (queue, joined, last) = (call.queue, call.joined, call.ruled);
        call.ruled = self.now;
        for at in 0..self.queues[queue.0 as usize].settings.rules.len() {
            let rule = &self.queues[queue.0 as usize].settings.rules[at];
            let due = rule.next(joined, last).is_some_and(|next| next <= self.now);
            if due && !self.run_rule(id, queue, at) {
                return;
            }
        }
    }

    /// Runs one rule; whether the call still is where it was.
    fn run_rule(&mut self, id: CallId, queue_id: QueueId, at: usize) -> bool {
        let Some(call) = self.calls.get(id.0) else {
            return false;
        };
        let (tier, called_back) = (call.tier, call.called_back);
        let itself = usize::from(call.in_line);
        let queue = &self.queues[queue_id.0 as usize];
        let rule = &queue.settings.rules[at];
        let (wait_band, waiting_band) = (rule.predicted_wait, rule.waiting);
        let waiting = u64::from(queue.waiting);
        let mut applies = rule.tiers.is_empty() || rule.tiers.contains(&self.tiers[usize::from(tier.0)].name);
        if let Some(band) = wait_band {
            let wait = self.tail_estimate(queue_id, itself);
            let wait = wait.map_or(0, |estimate| estimate.p50.0);
            applies &= band.look(&mut self.queues[queue_id.0 as usize].tripped[at][0], wait);
        }
        if let Some(band) = waiting_band {
            applies &= band.look(&mut self.queues[queue_id.0 as usize].tripped[at][1], waiting);
        }
        if !applies {
            return true;
        }
        for step in 0..self.queues[queue_id.0 as usize].settings.rules[at].then.len() {
            let operation = self.queues[queue_id.0 as usize].settings.rules[at].then[step].clone();
            if let Operation::Divert(way) = operation {
                // The queue may be as crowded as it was when the call left it.
                if called_back && way.to == Exit::Callback {
                    continue;
                }
                self.turn_away(id, CallOutcome::Diverted, way);
                return false;
            }
            if self.operate(id, &operation) {
                let rule = u32::try_from(at + 1).unwrap_or(u32::MAX);
                self.record.note(self.now, Line::Rule { call: id, rule });
                self.events.push(Event::RuleApplied {
                    call: id,
                    queue: queue_id,
                    rule,
                    operation,
                });
            }
        }
        true
    }

    /// Does something to a waiting call that leaves it where it is; whether it changed anything.
    fn operate(&mut self, id: CallId, operation: &Operation) -> bool {
        let Some(call) = self.calls.get(id.0) else {
            return false;
        };
        match operation {
            Operation::AcceptLevel(level) => {
                if *level <= call.cap {
                    return false;
                }
                self.change_needs(id, |call| call.cap = *level);
            }
            Operation::DropSkill(skill) => {
                let required = self.queues[call.queue.0 as usize].settings.skills.contains(skill)
                    || call.caller.skills().contains(skill);
                if !required || call.dropped().contains(skill) {
                    return false;
                }
                self.change_needs(id, |call| call.treatment_mut().dropped.push(skill.clone()));
                self.require_skills(id);
            }
            Operation::AddQueue(name) => {
                let known = self.queue_ids.get(name).copied();
                let new = known.filter(|queue| {
                    let there = *queue == call.queue || call.also().contains(queue);
                    !there && !self.queues[queue.0 as usize].removed && call.also().len() < MAX_ALSO
                });
                let Some(queue) = new else { return false };
                self.change_needs(id, |call| call.treatment_mut().also.push(queue));
            }
            Operation::Raise(span) => {
                if *span == Span::ZERO {
                    return false;
                }
                if let Some(call) = self.calls.get_mut(id.0) {
                    call.raised = Span(call.raised.0.saturating_add(span.0));
                }
                self.rerank(id);
            }
            Operation::Say(say) => {
                let say = self.spoken(id, say);
                self.say(id, say);
            }
            Operation::Menu(name) => {
                let Some(menu) = self.menus.iter().find(|menu| menu.name == *name) else {
                    return false;
                };
                let until = (menu.lasting > Span::ZERO).then(|| self.now + menu.lasting);
                let say = menu.say.clone();
                if let Some(call) = self.calls.get_mut(id.0) {
                    call.treatment_mut().menu = Some((name.clone(), until));
                }
                let say = self.spoken(id, &say);
                self.say(id, say);
            }
            Operation::Divert(_) => return false,
        }
        true
    }

    /// Changes what a call needs, and looks for agents anew.
    fn change_needs(&mut self, id: CallId, change: impl FnOnce(&mut Call)) {
        self.unlane(id);
        if let Some(call) = self.calls.get_mut(id.0) {
            change(call);
        }
        self.refresh_call(id);
    }

    pub(crate) fn key_pressed(&mut self, id: CallId, key: char) {
        let Some(call) = self.calls.get(id.0).filter(|call| call.waits()) else {
            return;
        };
        let menu = call.treatment.as_ref().and_then(|done| done.menu.as_ref());
        let Some((name, until)) = menu else { return };
        if until.is_some_and(|until| self.now > until) {
            return;
        }
        let menu = self.menus.iter().find(|menu| menu.name == *name);
        let choice = menu.and_then(|menu| menu.keys.iter().find(|known| known.key == key));
        let Some(choice) = choice.map(|key| key.choice.clone()) else {
            return;
        };
        let queue = call.queue;
        self.events.push(Event::KeyPressed { call: id, queue, key });
        if let Some(call) = self.calls.get_mut(id.0) {
            call.treatment_mut().menu = None;
        }
        match choice {
            Choice::Wait { say } => {
                let say = self.spoken(id, &say);
                self.say(id, say);
            }
            Choice::Leave(way) => {
                let possible = way.to != Exit::Callback
                    || self
                        .calls
                        .get(id.0)
                        .is_some_and(|call| self.can_be_called_back(call));
                if possible {
                    self.turn_away(id, CallOutcome::Left, way);
                }
            }
        }
    }

    fn say(&mut self, id: CallId, say: Vec<Utterance>) {
        if !say.is_empty() {
            self.order(id, CallAction::Say { say });
        }
    }

    /// Prompts with their figures for a waiting caller; nothing at all if one is not known. Remembers what is told: a caller
    /// is never told more than before.
    fn spoken(&mut self, id: CallId, prompts: &[Prompt]) -> Vec<Utterance> {
        let Some(call) = self.calls.get(id.0) else {
            return Vec::new();
        };
        let told = call
            .treatment
            .as_ref()
            .map(|done| (done.told_position, done.told_wait));
        let (mut position, mut wait) = told.unwrap_or_default();
        let figures = prompts.iter().any(|prompt| !matches!(prompt, Prompt::File(_)));
        if figures {
            let (now_at, estimate) = self.place_of(call);
            position = Some(position.map_or(now_at, |told| told.min(now_at)));
            wait = estimate
                .filter(|_| self.pulses[call.queue.0 as usize].is_reliable())
                .map(|estimate| {
                    let left = wait.map(|(at, told)| Span(told.0.saturating_sub(self.now.since(at).0)));
                    (self.now, left.map_or(estimate.p50, |left| left.min(estimate.p50)))
                });
        }
        let retry_in = self.retry_in(call.queue, usize::from(call.in_line));
        let said: Option<Vec<Utterance>> = prompts
            .iter()
            .map(|prompt| match prompt {
                Prompt::File(file) => Some(Utterance::File(file.clone())),
                Prompt::Position => position.map(Utterance::Number),
                Prompt::Wait => wait.map(|(_, wait)| Utterance::Number(minutes(wait))),
                Prompt::RetryIn => retry_in.map(Utterance::Number),
            })
            .collect();
        if said.is_some()
            && let Some(call) = self.calls.get_mut(id.0)
        {
            if prompts.contains(&Prompt::Position) {
                call.treatment_mut().told_position = position;
            }
            if prompts.contains(&Prompt::Wait) {
                call.treatment_mut().told_wait = wait;
            }
        }
        said.unwrap_or_default()
    }

    /// The same for a caller who leaves: only the queue's own figures are known.
    pub(crate) fn spoken_on_leaving(
        &self,
        queue: QueueId,
        prompts: &[Prompt],
        itself: usize,
    ) -> Vec<Utterance> {
        let said: Option<Vec<Utterance>> = prompts
            .iter()
            .map(|prompt| match prompt {
                Prompt::File(file) => Some(Utterance::File(file.clone())),
                Prompt::Position | Prompt::Wait => None,
                Prompt::RetryIn => self.retry_in(queue, itself).map(Utterance::Number),
            })
            .collect();
        said.unwrap_or_default()
    }

    /// In how many minutes the queue is expected to be clear.
    fn retry_in(&self, queue: QueueId, itself: usize) -> Option<u32> {
        let estimate = self.tail_estimate(queue, itself);
        estimate
            .filter(|_| self.pulses[queue.0 as usize].is_reliable())
            .map(|estimate| minutes(estimate.p50))
    }
}

impl Call {
    fn next_due(&self, rules: &[Rule]) -> Option<(Time, Due)> {
        // Of a line to whom an agent consults nothing is due.
        if self.consults.is_some() {
            return None;
        }
        let warning = || self.watch.as_ref().and_then(|watch| watch.next());
        let errand = self.errand.as_ref().and_then(|errand| errand.due());
        let errand = errand.map(|at| (at, Due::Errand));
        match self.state {
            State::Waiting | State::Ringing => {
                let sticky = self.sticky.map(|(_, until)| (until, Due::Sticky));
                let rules = rules.iter().filter_map(|rule| rule.next(self.joined, self.ruled));
                let rules = rules.min().map(|at| (at, Due::Rules));
                let leave = self.leave_at.map(|at| (at, Due::MaxWait));
                let warning = warning().map(|at| (at, Due::Warning));
                [sticky, rules, leave, warning, errand]
                    .into_iter()
                    .flatten()
                    .min()
            }
            State::Talking => {
                let warning = warning().map(|at| (at, Due::Warning));
                let care = self.care.as_ref().and_then(|care| care.next());
                [warning, care.map(|at| (at, Due::Care)), errand]
                    .into_iter()
                    .flatten()
                    .min()
            }
            State::Connecting | State::Gone => None,
        }
    }
}

impl Rule {
    /// When it is due next, after `last`.
    fn next(&self, joined: Time, last: Time) -> Option<Time> {
        let first = joined + self.after;
        if first > last {
            return Some(first);
        }
        let every = self.every.filter(|every| *every > Span::ZERO)?;
        let times = last.since(first).0 / every.0 + 1;
        Some(first + Span(every.0.saturating_mul(times)))
    }
}

impl Band {
    /// Whether it has tripped, with the value as it is now.
    fn look(&self, tripped: &mut bool, value: u64) -> bool {
        if value > self.over {
            *tripped = true;
        } else if value <= self.until {
            *tripped = false;
        }
        *tripped
    }
}

/// Whole minutes, rounded up, one at least.
fn minutes(wait: Span) -> u32 {
    u32::try_from(wait.0.div_ceil(60_000_000))
        .unwrap_or(u32::MAX)
        .max(1)
}
