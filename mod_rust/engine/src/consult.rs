//! An agent consults somebody while the caller is on hold, joins all three, or hands the caller over.
//!
//! Whoever is consulted is reached by a line. To an agent, or whom a queue gives, it is a call of its own kind: it seeks, rings and is
//! connected like a caller, but the world knows it only as part of the call whose agent consults. The host arranges who hears
//! whom, and only what it says counts.

use crate::action::{Action, Line, Refusal, Status};
use crate::agent::{Engaged, Idle};
use crate::call::{Call, First, State, Talk, Trigger};
use crate::command::{Answer, Asked, PENDING};
use crate::conduct::Goes;
use crate::engine::Engine;
use crate::event::{CallOutcome, ConsultEnd, ConsultState, Event, Limit};
use crate::ids::{AgentId, CallId, QueueId};
use crate::input::{
    Arrangement, Caller, ConsultFact, ConsultStep, Destination, OfferFailure, Party, PhoneState, TalkState,
};
use crate::time::{Span, Time};
use crate::watch::Watch;

/// Whom an agent consults, and how far it is with that.
#[derive(Debug)]
pub(crate) struct Consult {
    with: Destination,
    /// Who waits for somebody to answer.
    asked: Option<Asked>,
    begun: bool,
    /// The line has answered, and the colleague has: the two come in any order.
    up: bool,
    answered: bool,
    /// The line, once a thread has it; of a place of the dialplan there is none.
    line: Option<CallId>,
    colleague: Option<AgentId>,
    /// Why the last offer failed.
    missed: Option<OfferFailure>,
    at: Arrangement,
    /// What was asked for and is not arranged yet, and who waits for it.
    pending: Option<(Arrangement, Option<Asked>)>,
    /// The consulted is gone; the agent is not back with the caller yet.
    over: Option<ConsultEnd>,
    /// The agent has hung up; what the phone does then.
    gone: Option<PhoneState>,
    /// The caller is with the consulted.
    handed: bool,
}

impl Consult {
    fn new(with: &Destination, asked: &Asked) -> Consult {
        Consult {
            with: with.clone(),
            asked: Some(asked.clone()),
            begun: false,
            up: false,
            answered: false,
            line: None,
            colleague: None,
            missed: None,
            at: Arrangement::Apart,
            pending: None,
            over: None,
            gone: None,
            handed: false,
        }
    }

    /// The agent and the caller are arranged by the host, rather than as their phones would have it.
    pub(crate) fn is_under_way(&self) -> bool {
        self.begun
    }

    fn awaits(&self, how: Arrangement) -> bool {
        self.pending.as_ref().is_some_and(|(pending, _)| *pending == how)
    }
}

impl Engine {
    pub(crate) fn ask_consult(&mut self, agent: AgentId, with: &Destination, asked: &Asked) -> Answer {
        let (id, talk) = self.alone(agent)?;
        if self.is_leaving(id) || self.supervision.cuts(id) {
            return Err(Refusal::NotTalking);
        }
        if talk.held_by_phone {
            return Err(Refusal::HeldByPhone);
        }
        let line = self.line_to(agent, id, with)?;
        let consult = Box::new(Consult::new(with, asked));
        if let Some(call) = self.calls.get_mut(id.0) {
            call.consult = Some(consult);
        }
        self.actions.push(Action::Consult { call: id, line });
        PENDING
    }

    /// How to reach whom an agent wants to consult, as things stand.
    fn line_to(&self, agent: AgentId, id: CallId, with: &Destination) -> Result<Line, Refusal> {
        let call = self.calls.get(id.0).ok_or(Refusal::NotTalking)?;
        let line = match with {
            Destination::Agent { agent: number } => {
                let target = self.agent_of(number).map_err(|_| Refusal::UnknownTarget)?;
                if target == agent {
                    return Err(Refusal::NothingToDo);
                }
                self.by_way_of(target, call.queue).ok_or(Refusal::TargetAway)?;
                if !self.agents[target.0 as usize].can_take_a_call() {
                    return Err(Refusal::TargetBusy);
                }
                Line::Agent
            }
            Destination::Queue { queue, .. } => {
                let queue = self.queue_of(queue)?;
                match self.turned_away(call.tier, queue) {
                    // Nobody takes a caller's place.
                    None | Some((CallOutcome::Full, _)) => {}
                    Some((CallOutcome::NoAgents, _)) => return Err(Refusal::QueueUnmanned),
                    Some(_) => return Err(Refusal::QueueClosed),
                }
                Line::Queue
            }
            Destination::Place { place } if place.is_empty() => return Err(Refusal::OutOfRange),
            Destination::Place { place } => return Ok(Line::Place(place.clone())),
        };
        if self.calls.len() >= self.limits.calls as usize {
            return Err(Refusal::AtLimit);
        }
        Ok(line)
    }

    pub(crate) fn ask_consultation(&mut self, agent: AgentId, step: &ConsultStep, asked: &Asked) -> Answer {
        let (id, talk) = self.conversation(agent)?;
        if self.supervision.cuts(id) {
            return Err(Refusal::NotTalking);
        }
        let there = |consult: &&mut Consult| consult.over.is_none() && consult.gone.is_none();
        let consult = self.consult_mut(id).filter(there);
        let consult = consult.ok_or(Refusal::NoConsultation)?;
        if talk.held_by_phone {
            return Err(Refusal::HeldByPhone);
        }
        let how = match (step, consult.at) {
            (ConsultStep::Drop, _) => Arrangement::Alone,
            (ConsultStep::Swap | ConsultStep::Join | ConsultStep::HandOver { .. }, _)
                if !consult.answered =>
            {
                return Err(Refusal::NotAnswered);
            }
            (ConsultStep::HandOver { .. }, _) => Arrangement::HandedOver,
            (ConsultStep::Swap, Arrangement::Apart) => Arrangement::WithCaller,
            (ConsultStep::Swap, Arrangement::WithCaller) => Arrangement::Apart,
            (ConsultStep::Join, Arrangement::Apart | Arrangement::WithCaller) => Arrangement::Together,
            (
                ConsultStep::Swap | ConsultStep::Join,
                Arrangement::Together | Arrangement::HandedOver | Arrangement::Alone | Arrangement::Parted,
            ) => return Err(Refusal::NothingToDo),
        };
        self.arrange(id, how, Some(asked.clone()));
        PENDING
    }

    /// Has the host arrange that; a later word goes before an earlier one.
    fn arrange(&mut self, id: CallId, how: Arrangement, asked: Option<Asked>) {
        let Some(consult) = self.consult_mut(id) else {
            return;
        };
        let before = consult.pending.replace((how, asked));
        if let Some(before) = before.and_then(|(_, asked)| asked) {
            self.overtaken(before);
        }
        self.actions.push(Action::Arrange { call: id, how });
    }

    /// The host says how it goes on.
    pub(crate) fn consult_goes_on(&mut self, id: CallId, fact: ConsultFact) {
        let Some(consult) = self.consult_mut(id) else {
            return;
        };
        match fact {
            ConsultFact::Begun => {
                consult.begun = true;
                if let Some(talk) = self.calls.get_mut(id.0).and_then(|call| call.talk.as_mut()) {
                    talk.held_by_command = false;
                }
                self.tell_consult(id, ConsultState::Begun);
                self.talk_goes_on(id, TalkState::Consulting);
                if let Some(talk) = self.calls.get(id.0).and_then(|call| call.talk) {
                    self.attach_waiting(talk.agent, id);
                }
            }
            ConsultFact::Answered => {
                consult.up = true;
                self.consult_answered(id);
            }
            ConsultFact::Arranged(how) => self.arranged(id, how),
            ConsultFact::NotDone(None) => {
                let asked = consult.asked.take();
                if let Some(call) = self.calls.get_mut(id.0) {
                    call.consult = None;
                }
                if let Some(asked) = asked {
                    self.not_so(asked, Refusal::NotTalking);
                }
                self.back_with_the_caller(id);
            }
            ConsultFact::NotDone(Some(how)) => {
                let lost = consult.gone.is_some() && how == Arrangement::HandedOver;
                let pending = consult.pending.take_if(|(pending, _)| *pending == how);
                if let Some(asked) = pending.and_then(|(_, asked)| asked) {
                    self.not_so(asked, Refusal::NotTalking);
                }
                if lost {
                    self.lost(id);
                }
            }
            // Of a line with a thread of its own that one tells.
            ConsultFact::Gone(_) if consult.line.is_some() => {}
            ConsultFact::Gone(_) if consult.answered => self.consult_over(id, ConsultEnd::HungUp),
            ConsultFact::Gone(cause) => self.consult_over(id, end_by(cause)),
        }
    }

    /// Whoever is consulted may have answered.
    fn consult_answered(&mut self, id: CallId) {
        let Some(consult) = self.consult_mut(id) else {
            return;
        };
        let there = match consult.with {
            Destination::Place { .. } => true,
            Destination::Agent { .. } | Destination::Queue { .. } => consult.colleague.is_some(),
        };
        if !consult.up || !there || core::mem::replace(&mut consult.answered, true) {
            return;
        }
        let asked = consult.asked.take();
        self.tell_consult(id, ConsultState::Apart);
        if let Some(asked) = asked {
            self.done(asked);
        }
    }

    fn arranged(&mut self, id: CallId, how: Arrangement) {
        let Some(consult) = self.consult_mut(id) else {
            return;
        };
        let pending = consult.pending.take_if(|(pending, _)| *pending == how);
        let states = match how {
            Arrangement::Apart => Some((ConsultState::Apart, TalkState::Consulting)),
            Arrangement::WithCaller => Some((ConsultState::WithCaller, TalkState::Talking)),
            Arrangement::Together => Some((ConsultState::Together, TalkState::Conferencing)),
            Arrangement::Alone => {
                self.alone_again(id);
                None
            }
            Arrangement::HandedOver => {
                consult.pending = pending;
                consult.handed = consult.over.is_none();
                if !consult.handed {
                    // Who got the caller has hung up meanwhile: the caller waits again.
                    consult.gone.get_or_insert(PhoneState::Available);
                }
                let phone = consult.gone;
                return self.talk_ended(id, Party::Agent, phone);
            }
            Arrangement::Parted => None,
        };
        if let Some((state, talk)) = states {
            let colleague = self.consult_mut(id).and_then(|consult| {
                consult.at = how;
                consult.colleague
            });
            self.tell_consult(id, state);
            self.talk_goes_on(id, talk);
            if let Some(colleague) = colleague {
                self.colleague_talks(colleague, talk == TalkState::Conferencing);
            }
        }
        if let Some(asked) = pending.and_then(|(_, asked)| asked) {
            self.done(asked);
        }
    }

    fn colleague_talks(&mut self, colleague: AgentId, together: bool) {
        let agent = &mut self.agents[colleague.0 as usize];
        agent.talk = if together {
            TalkState::Conferencing
        } else {
            TalkState::Talking
        };
        self.agent_changed(colleague);
    }

    /// The consulted is gone, and the agent is back with the caller.
    fn alone_again(&mut self, id: CallId) {
        let Some(consult) = self.consult(id) else { return };
        let end = consult.over.unwrap_or(ConsultEnd::Dropped);
        self.tell_consult(id, ConsultState::Over(end));
        let consult = self.calls.get_mut(id.0).and_then(|call| call.consult.take());
        let Some(consult) = consult else { return };
        // Who asked for it, and who asked for a step that comes to nothing now.
        let step = consult.pending.and_then(|(_, asked)| asked);
        for asked in consult.asked.into_iter().chain(step) {
            self.not_so(asked, refused_by(end));
        }
        self.silence(consult.line, end);
        self.back_with_the_caller(id);
    }

    fn back_with_the_caller(&mut self, id: CallId) {
        let Some(talk) = self.calls.get(id.0).and_then(|call| call.talk) else {
            return;
        };
        let to = if talk.held_by_phone || talk.held_by_command {
            TalkState::OnHold
        } else {
            TalkState::Talking
        };
        self.talk_goes_on(id, to);
    }

    /// The consulted is gone, or was never reached: the agent goes back to the caller.
    fn consult_over(&mut self, id: CallId, end: ConsultEnd) {
        let Some(consult) = self.consult_mut(id) else {
            return;
        };
        if consult.over.is_some() {
            return;
        }
        consult.colleague = None;
        if consult.awaits(Arrangement::Alone) {
            return;
        }
        consult.over = Some(end);
        if consult.gone.is_some() {
            return self.lost(id);
        }
        if let Some(asked) = consult.pending.take().and_then(|(_, asked)| asked) {
            self.not_so(asked, Refusal::NotTalking);
        }
        self.arrange(id, Arrangement::Alone, None);
    }

    /// Whether a conversation goes on whose agent has hung up: with whom the agent has consulted.
    pub(crate) fn outlives_agent(&mut self, id: CallId, phone: PhoneState) -> bool {
        if self.supervision.cuts(id) {
            return false;
        }
        let Some(consult) = self.consult_mut(id) else {
            return false;
        };
        if consult.gone.replace(phone).is_some() || consult.awaits(Arrangement::HandedOver) {
            return true;
        }
        if !consult.answered || consult.over.is_some() {
            return false;
        }
        if let Some(asked) = consult.pending.take().and_then(|(_, asked)| asked) {
            self.not_so(asked, Refusal::NotTalking);
        }
        self.arrange(id, Arrangement::HandedOver, None);
        true
    }

    /// Both the agent and the consulted are gone.
    fn lost(&mut self, id: CallId) {
        let phone = self.consult(id).and_then(|consult| consult.gone);
        self.talk_ended(id, Party::Agent, phone);
    }

    /// A conversation is over: what becomes of its consultation, and where the caller goes for it.
    pub(crate) fn settle_consult(&mut self, call: &mut Call, agent: AgentId, by: Party) -> Goes {
        let Some(consult) = call.consult.take() else {
            return Goes::Nowhere;
        };
        let Consult {
            with,
            asked,
            line,
            colleague,
            pending,
            over,
            gone,
            handed,
            ..
        } = *consult;
        let end = if handed {
            ConsultEnd::HandedOver
        } else {
            over.unwrap_or(ConsultEnd::CallOver)
        };
        self.events.push(Event::ConsultChanged {
            call: call.id,
            agent,
            queue: call.queue,
            with: with.clone(),
            colleague,
            to: ConsultState::Over(end),
        });
        let pending = pending.and_then(|(_, asked)| asked);
        if !handed {
            for asked in asked.into_iter().chain(pending) {
                self.not_so(asked, Refusal::NotTalking);
            }
            // Of any other end somebody else has the caller.
            let how = match by {
                Party::Agent | Party::Caller => Arrangement::Parted,
                Party::System | Party::Supervisor => Arrangement::Alone,
            };
            self.actions.push(Action::Arrange { call: call.id, how });
            self.silence(line, end);
            let queue = call.queue;
            let back = by == Party::Agent && gone.is_some() && !self.queues[queue.0 as usize].removed;
            if back {
                call.first = First::Anybody;
                return Goes::Into(queue);
            }
            return Goes::Nowhere;
        }
        let (reason, author) = match &pending {
            Some(Asked { author, command, .. }) => (command.reason().to_owned(), author.clone()),
            None => (String::new(), String::new()),
        };
        let to = match colleague {
            Some(colleague) => Destination::Agent {
                agent: self.agents[colleague.0 as usize].number().to_string(),
            },
            None => with.clone(),
        };
        self.events.push(Event::CallTransferred {
            call: call.id,
            agent,
            queue: call.queue,
            to,
            reason,
            author,
        });
        if let Some(asked) = pending {
            self.done(asked);
        }
        match (colleague, line, with) {
            (Some(colleague), Some(line), _) => {
                self.step_call(line, Trigger::End);
                let line = self.calls.remove(line.0);
                let queue = line.as_ref().map_or(call.queue, |line| line.queue);
                if let Some(line) = line {
                    self.retire(line);
                }
                Goes::With { colleague, queue }
            }
            (_, _, Destination::Place { place }) => Goes::Away(place),
            (_, _, Destination::Agent { .. } | Destination::Queue { .. }) => Goes::Nowhere,
        }
    }

    /// A caller talks on with the colleague whom the agent has consulted: another visit, without a wait.
    pub(crate) fn talks_on(&mut self, mut call: Box<Call>, colleague: AgentId, queue: QueueId) {
        let id = call.id;
        call.visit(queue, self.now);
        call.take_place(self.handicaps(&call));
        call.talk = Some(Talk::new(colleague, self.now));
        let steps = &self.queues[queue.0 as usize].settings.warn.talk;
        let limit = Limit::Talk {
            call: id,
            agent: colleague,
        };
        call.watch = Watch::begin(limit, self.now, steps);
        let (tier, waiting) = (call.tier, self.queues[queue.0 as usize].waiting.saturating_add(1));
        self.announce_joined(&call, waiting, 1, None);
        self.events.push(Event::CallConnected {
            call: id,
            agent: colleague,
            queue,
            tier,
            wait: Span::ZERO,
        });
        self.calls.insert(id.0, call);
        self.takes_up(colleague, id);
        let agent = &mut self.agents[colleague.0 as usize];
        agent.engaged = Some(Engaged {
            call: id,
            shown: id,
            offer: None,
        });
        self.colleague_talks(colleague, false);
        self.record_by_rule(id);
        self.attach_followers(colleague, id);
        self.arm_call(id);
    }

    fn tell_consult(&mut self, id: CallId, to: ConsultState) {
        let Some(call) = self.calls.get(id.0) else { return };
        let (Some(talk), Some(consult)) = (call.talk, &call.consult) else {
            return;
        };
        self.events.push(Event::ConsultChanged {
            call: id,
            agent: talk.agent,
            queue: call.queue,
            with: consult.with.clone(),
            colleague: consult.colleague,
            to,
        });
    }

    pub(crate) fn consult(&self, id: CallId) -> Option<&Consult> {
        self.calls.get(id.0)?.consult.as_deref()
    }

    fn consult_mut(&mut self, id: CallId) -> Option<&mut Consult> {
        self.calls.get_mut(id.0)?.consult.as_deref_mut()
    }
}

/// Lines to agents.
impl Engine {
    pub(crate) fn is_line(&self, id: CallId) -> bool {
        self.calls.get(id.0).is_some_and(|call| call.consults.is_some())
    }

    /// The call by which the world knows this one.
    pub(crate) fn shown(&self, id: CallId) -> CallId {
        let of = self.calls.get(id.0).and_then(|call| call.consults);
        of.unwrap_or(id)
    }

    /// A line is in the hands of its thread.
    pub(crate) fn join_consult(&mut self, line: CallId, id: CallId) {
        if self.calls.contains(line.0) {
            return self.fault(format!("call {} joined twice", line.0));
        }
        let wanted = |consult: &&mut Consult| consult.line.is_none() && consult.over.is_none();
        let with = self.consult_mut(id).filter(wanted).map(|consult| {
            consult.line = Some(line);
            consult.with.clone()
        });
        let place = with.and_then(|with| match with {
            Destination::Agent { agent } => {
                let of = self.calls.get(id.0)?.queue;
                let target = self.agent_of(&agent).ok()?;
                Some((self.by_way_of(target, of)?, Some(target)))
            }
            Destination::Queue { queue, .. } => Some((self.queue_of(&queue).ok()?, None)),
            Destination::Place { .. } => None,
        });
        let Some((queue, target)) = place else {
            self.release(
                line,
                Status::Error,
                crate::action::Place::Onward,
                Vec::new(),
                None,
            );
            // Nothing is to be waited for by whom the consultation is.
            if self.consult(id).is_some_and(|consult| consult.line == Some(line)) {
                self.forget_line(id, ConsultEnd::Away);
            }
            return;
        };
        let mut call = self.new_call(line, queue, Caller::default());
        call.consults = Some(id);
        if let Some(of) = self.calls.get(id.0) {
            (call.tier, call.arrived, call.raised) = (of.tier, of.arrived, of.raised);
            call.caller.priority = of.caller.priority;
        }
        call.take_place(self.handicaps(&call));
        match target {
            Some(target) => {
                call.sticky = Some((target, Time(u64::MAX)));
                self.agents[target.0 as usize].rest.wanted_by.insert(call.rank);
            }
            None => {
                call.cap = self.queues[queue.0 as usize].settings.level;
                (call.skills, call.impossible) = self.required_skills(&call);
            }
        }
        let music = self.queues[queue.0 as usize].music();
        self.calls.insert(line.0, call);
        match target {
            Some(target) if !self.agents[target.0 as usize].available => {
                return self.line_over(line, ConsultEnd::Busy, true, None);
            }
            Some(_) => {}
            None => self.order(line, music),
        }
        self.refresh_call(line);
    }

    pub(crate) fn line_connected(&mut self, id: CallId) {
        let Some(call) = self.calls.get(id.0) else { return };
        let (State::Connecting, Some(&offer), Some(of)) = (call.state, call.offers.first(), call.consults)
        else {
            return;
        };
        let Some(offer) = self.close_offer(offer, crate::event::OfferResult::Answered) else {
            return;
        };
        self.step_call(id, Trigger::Connect);
        let agent = &mut self.agents[offer.agent.0 as usize];
        agent.misses = 0;
        if let Some(engaged) = &mut agent.engaged {
            engaged.offer = None;
        }
        if let Some(call) = self.calls.get_mut(id.0) {
            call.first = First::Agent(offer.agent);
            if let Some((agent, _)) = call.sticky.take() {
                self.agents[agent.0 as usize].rest.wanted_by.remove(call.rank);
            }
        }
        if let Some(consult) = self.consult_mut(of) {
            consult.colleague = Some(offer.agent);
        }
        self.consult_answered(of);
    }

    /// An offer of a line has failed.
    pub(crate) fn line_missed(&mut self, id: CallId, cause: OfferFailure) {
        let of = self.calls.get(id.0).and_then(|call| call.consults);
        if let Some(consult) = of.and_then(|of| self.consult_mut(of)) {
            consult.missed = Some(cause);
        }
    }

    /// The offers of a line are gone without an answer: a queue gives another agent, and one agent is no other.
    pub(crate) fn line_waits_again(&mut self, id: CallId, on: Trigger) {
        if !self.step_call(id, on) {
            return;
        }
        let Some(call) = self.calls.get_mut(id.0) else {
            return;
        };
        call.waiting_since = self.now;
        let of = call.consults;
        let queue = call.queue;
        let by_queue = of
            .and_then(|of| self.consult(of))
            .is_some_and(|consult| matches!(consult.with, Destination::Queue { .. }));
        if by_queue && !self.queues[queue.0 as usize].removed {
            return self.refresh_call(id);
        }
        let missed = of
            .and_then(|of| self.consult_mut(of))
            .and_then(|consult| consult.missed);
        self.line_over(id, missed.map_or(ConsultEnd::Away, end_by), true, None);
    }

    /// A line is over. `release` whether its thread is still there to be told.
    pub(crate) fn line_over(
        &mut self,
        id: CallId,
        end: ConsultEnd,
        release: bool,
        phone: Option<PhoneState>,
    ) {
        let Some(call) = self.calls.get(id.0) else { return };
        let (on, agent) = match call.state {
            State::Talking => match call.first {
                First::Agent(agent) => (Trigger::End, Some(agent)),
                First::Own | First::Anybody => (Trigger::End, None),
            },
            State::Waiting | State::Ringing | State::Connecting | State::Gone => (Trigger::HangUp, None),
        };
        let rung = call.offers.first().and_then(|offer| self.offers.get(offer.0));
        if let (Some(agent), Some(phone)) = (agent.or(rung.map(|offer| offer.agent)), phone) {
            self.set_phone_state(agent, phone);
        }
        if !self.step_call(id, on) {
            return;
        }
        self.cancel_offers(id, None);
        self.refresh_call(id);
        let Some(mut call) = self.calls.remove(id.0) else {
            return;
        };
        if let Some((agent, _)) = call.sticky.take() {
            self.agents[agent.0 as usize].rest.wanted_by.remove(call.rank);
        }
        if release {
            self.release(
                id,
                Status::Answered,
                crate::action::Place::Onward,
                Vec::new(),
                None,
            );
        }
        if let Some(agent) = agent {
            self.agent_is_free(agent, None, Idle::Anew);
        }
        if let Some(of) = call.consults
            && self.consult(of).is_some_and(|consult| consult.line == Some(id))
        {
            self.forget_line(of, end);
        }
        self.retire(call);
    }

    /// Nobody is rung for a consultation that is over, however long the host takes to hang up its line.
    fn silence(&mut self, line: Option<CallId>, end: ConsultEnd) {
        if let Some(line) = line
            && self.calls.get(line.0).is_some_and(|call| call.waits())
        {
            self.line_over(line, end, true, None);
        }
    }

    fn forget_line(&mut self, of: CallId, end: ConsultEnd) {
        if let Some(consult) = self.consult_mut(of) {
            consult.line = None;
        }
        self.consult_over(of, end);
    }
}

impl Call {
    /// Talks in a queue without having waited there.
    fn visit(&mut self, queue: QueueId, now: Time) {
        (self.queue, self.joined, self.waiting_since, self.state) = (queue, now, now, State::Talking);
        (self.care, self.treatment, self.predicted, self.hops) = (None, None, None, 0);
        (self.leave_at, self.first) = (None, First::Anybody);
    }
}

fn end_by(cause: OfferFailure) -> ConsultEnd {
    match cause {
        OfferFailure::Rejected => ConsultEnd::Rejected,
        OfferFailure::Busy => ConsultEnd::Busy,
        OfferFailure::NoAnswer => ConsultEnd::NoAnswer,
        OfferFailure::Unreachable => ConsultEnd::Unreachable,
    }
}

/// What is answered to who waits for somebody to answer.
fn refused_by(end: ConsultEnd) -> Refusal {
    match end {
        ConsultEnd::Busy => Refusal::TargetBusy,
        ConsultEnd::Rejected => Refusal::Declined,
        ConsultEnd::NoAnswer => Refusal::NoAnswer,
        ConsultEnd::Unreachable => Refusal::Unreachable,
        ConsultEnd::Away => Refusal::TargetAway,
        ConsultEnd::Dropped => Refusal::Overtaken,
        ConsultEnd::HandedOver | ConsultEnd::HungUp | ConsultEnd::CallOver => Refusal::NotTalking,
    }
}
