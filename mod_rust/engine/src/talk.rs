//! The conversation: connected, held, ended.

use crate::action::{Place, Status};
use crate::agent::Idle;
use crate::call::{State, Talk, Trigger};
use crate::conduct::Goes;
use crate::config::{Exit, Way};
use crate::engine::Engine;
use crate::event::{CallOutcome, ConsultEnd, Event, Limit, OfferResult};
use crate::explain::Line;
use crate::ids::{AgentId, CallId};
use crate::input::{Departure, OfferFailure, Party, PhoneState, TalkState};
use crate::join::Leaving;
use crate::time::{Span, Time};
use crate::watch::Watch;

impl Engine {
    pub(crate) fn connected(&mut self, id: CallId) {
        if self.is_line(id) {
            return self.line_connected(id);
        }
        let Some(call) = self.calls.get(id.0) else { return };
        let (State::Connecting, Some(&offer)) = (call.state, call.offers.first()) else {
            return;
        };
        let Some(offer) = self.close_offer(offer, OfferResult::Answered) else {
            return;
        };
        self.step_call(id, Trigger::Connect);
        let agent = &mut self.agents[offer.agent.0 as usize];
        agent.misses = 0;
        if let Some(engaged) = &mut agent.engaged {
            engaged.offer = None;
        }
        let Some(call) = self.calls.get_mut(id.0) else {
            return;
        };
        call.talk = Some(Talk::new(offer.agent, self.now));
        let queue = &mut self.queues[call.queue.0 as usize];
        queue.count_waiting(call.tier, false);
        let wait = self.now.since(call.joined);
        if let Some(told) = call.predicted {
            self.pulses[call.queue.0 as usize].check(wait, told);
        }
        if let Some((agent, _)) = call.sticky.take() {
            self.agents[agent.0 as usize].rest.wanted_by.remove(call.rank);
        }
        let limit = Limit::Talk {
            call: id,
            agent: offer.agent,
        };
        let talks = Watch::begin(limit, self.now, &queue.settings.warn.talk);
        let waited = core::mem::replace(&mut call.watch, talks);
        let (queue, tier) = (call.queue, call.tier);
        self.events
            .extend(waited.and_then(|waited| waited.over(self.now)));
        self.events.push(Event::CallConnected {
            call: id,
            agent: offer.agent,
            queue,
            tier,
            wait,
        });
        self.takes_up(offer.agent, id);
        self.record_by_rule(id);
        self.attach_followers(offer.agent, id);
        self.arm_call(id);
    }

    /// An agent has a caller from now on: nothing is said of that conversation yet, and whom the caller talked with last is this one.
    pub(crate) fn takes_up(&mut self, agent: AgentId, id: CallId) {
        let of = &mut self.agents[agent.0 as usize];
        of.rest.disposed = None;
        of.calls = of.calls.saturating_add(1);
        let Some(call) = self.calls.get(id.0) else { return };
        let sticky = self.queues[call.queue.0 as usize].settings.sticky > Span::ZERO;
        if sticky && !call.caller.number.is_empty() {
            self.last_agents
                .remember(&call.caller.number, agent, self.limits.remembered);
        }
    }

    pub(crate) fn ended(&mut self, id: CallId, by: Party, phone: PhoneState) {
        let Some(call) = self.calls.get(id.0) else { return };
        if call.state == State::Talking && by == Party::Agent && self.outlives_agent(id, phone) {
            return;
        }
        let Some(call) = self.calls.get(id.0) else { return };
        match call.state {
            State::Talking if call.consults.is_some() => {
                self.line_over(id, ConsultEnd::HungUp, by != Party::Caller, Some(phone));
            }
            State::Connecting if call.consults.is_some() && by != Party::Agent => {
                self.line_over(id, ConsultEnd::Unreachable, by != Party::Caller, Some(phone));
            }
            State::Talking => self.talk_ended(id, by, Some(phone)),
            State::Connecting => {
                let Some(&offer) = call.offers.first() else { return };
                let visit = (call.queue, call.joined, call.hops);
                if let Some(agent) = self.offers.get(offer.0).map(|offer| offer.agent) {
                    self.set_phone_state(agent, phone);
                }
                match by {
                    Party::Caller => self.departed(id, Departure::HungUp),
                    // Hanging up on the caller before a word is a rejection; the caller keeps the place.
                    Party::Agent => {
                        self.fail_offer(offer, OfferFailure::Rejected);
                        if let Some(call) = self.calls.get(id.0)
                            && visit == (call.queue, call.joined, call.hops)
                        {
                            let music = self.queues[call.queue.0 as usize].music();
                            self.order(id, music);
                        }
                    }
                    Party::System | Party::Supervisor => self.leave(
                        id,
                        Leaving {
                            on: Trigger::Break,
                            outcome: CallOutcome::Error,
                            by,
                            way: Some(Way::default()),
                        },
                    ),
                }
            }
            // Of a connection that was given up meanwhile, or of a caller whom the agent left.
            State::Waiting | State::Ringing => match by {
                Party::Caller => self.caller_gone(id, Departure::HungUp),
                Party::Agent | Party::System | Party::Supervisor => {}
            },
            State::Gone => {}
        }
    }

    /// The conversation goes on in another way.
    pub(crate) fn talk_goes_on(&mut self, id: CallId, to: TalkState) {
        let Some(call) = self.calls.get_mut(id.0) else {
            return;
        };
        let Some(talk) = call.talk.as_mut().filter(|talk| talk.state != to) else {
            return;
        };
        let (agent, from) = (talk.agent, talk.state);
        let lasted = talk.switch(to, self.now);
        let queue = call.queue;
        self.agents[agent.0 as usize].talk = to;
        self.agent_changed(agent);
        self.events.push(Event::TalkChanged {
            call: id,
            agent,
            queue,
            from,
            to,
            lasted,
        });
        if from.holds() != to.holds() {
            let steps = self.queues[queue.0 as usize].settings.warn.hold.clone();
            let limit = Limit::Hold { call: id, agent };
            self.watch_agent(agent, to.holds().then_some((limit, &steps)));
            self.care(id, to.holds());
        }
        if !to.holds() {
            self.attach_waiting(agent, id);
        }
    }

    pub(crate) fn talk_ended(&mut self, id: CallId, by: Party, phone: Option<PhoneState>) {
        let Some(mut talk) = self.calls.get(id.0).and_then(|call| call.talk) else {
            return;
        };
        if !self.step_call(id, Trigger::End) {
            return;
        }
        self.stop_recording(id, talk);
        let Some(mut call) = self.calls.remove(id.0) else {
            return;
        };
        self.timers
            .reset(&mut call.alarm, None, crate::timers::Timer::Call(id));
        talk.switch(TalkState::Talking, self.now);
        let talked = self.now.since(talk.since);
        let watch = call.watch.take();
        self.events.extend(watch.and_then(|watch| watch.over(self.now)));
        self.watch_agent(talk.agent, None);
        let note = Line::Finished {
            call: id,
            outcome: CallOutcome::Answered,
        };
        self.record.note(self.now, note);
        let stays = by == Party::Agent && !call.handed_over && !self.supervision.cuts_caller(id);
        let told = self.cut_of(id, talk.agent, call.queue, by);
        let tier = call.tier;
        let mut goes = self.settle_pending(&mut call, talk.agent, by);
        if self.end_errand(&mut call, talk.agent, stays, by == Party::Caller) {
            goes = if self.queues[call.queue.0 as usize].removed {
                Goes::Unsent
            } else {
                Goes::Back
            };
        }
        if let Goes::Nowhere = goes
            && stays
            && let Some(place) = self.survey_after(&call, &talk)
        {
            let author = String::new();
            goes = Goes::Survey { place, author };
        }
        if let Goes::Survey { author, .. } = &goes {
            self.offer_survey(id, talk.agent, call.queue, author);
        }
        let to = match &goes {
            Goes::Nowhere | Goes::Unsent => Exit::Onward,
            Goes::With { queue, .. } => Exit::Queue(self.queues[queue.0 as usize].settings.name.clone()),
            Goes::To(place) | Goes::Away(place) | Goes::Survey { place, .. } => Exit::Place(place.clone()),
            Goes::Back => Exit::Queue(self.queues[call.queue.0 as usize].settings.name.clone()),
            Goes::Into(queue) => Exit::Queue(self.queues[queue.0 as usize].settings.name.clone()),
        };
        self.events.push(Event::CallFinished {
            call: id,
            queue: call.queue,
            tier,
            outcome: CallOutcome::Answered,
            agent: Some(talk.agent),
            wait: talk.since.since(call.joined),
            talk: talked,
            hold: talk.hold,
            by: told,
            to,
        });
        if by != Party::Agent {
            self.supervision.no_place_in(id);
        }
        let release = match &goes {
            Goes::Nowhere if by == Party::Caller => None,
            Goes::Nowhere => Some((Status::Answered, Place::Onward)),
            Goes::Unsent => Some((Status::Removed, Place::Onward)),
            Goes::To(place) => Some((Status::Transferred, Place::There(place.clone()))),
            Goes::Survey { place, .. } => Some((Status::Survey, Place::There(place.clone()))),
            Goes::Away(_) => Some((Status::Transferred, Place::Onward)),
            Goes::Into(_) | Goes::Back | Goes::With { .. } => None,
        };
        if let Some((status, place)) = release {
            self.release(id, status, place, Vec::new(), None);
        }
        if let Some(phone) = phone {
            self.set_phone_state(talk.agent, phone);
        }
        self.detach_followers(talk.agent, id);
        let agent = &mut self.agents[talk.agent.0 as usize];
        agent.talked = Span(agent.talked.0.saturating_add(talked.0));
        self.pulses[call.queue.0 as usize].talked(talked);
        self.agent_is_free(talk.agent, Some((id, call.queue)), Idle::Anew);
        if self.agents[talk.agent.0 as usize].at_work {
            self.share_out(talk.agent);
        }
        match goes {
            Goes::Nowhere | Goes::Unsent | Goes::To(_) | Goes::Away(_) | Goes::Survey { .. } => {
                self.retire(call)
            }
            Goes::With { colleague, queue } => self.talks_on(call, colleague, queue),
            Goes::Into(queue) => self.visit_anew(call, queue),
            Goes::Back => {
                let queue = call.queue;
                self.keep_place(call, queue);
            }
        }
    }
}

impl Talk {
    /// Begins.
    pub(crate) fn new(agent: AgentId, now: Time) -> Talk {
        Talk {
            since: now,
            agent,
            state: TalkState::Talking,
            state_since: now,
            hold: Span::ZERO,
            held_by_phone: false,
            held_by_command: false,
            muted: false,
            recording: None,
        }
    }

    /// Goes on in another way; how long it went like before.
    fn switch(&mut self, to: TalkState, now: Time) -> Span {
        let lasted = now.since(self.state_since);
        if self.state.holds() {
            self.hold = Span(self.hold.0.saturating_add(lasted.0));
        }
        (self.state, self.state_since) = (to, now);
        lasted
    }
}

impl TalkState {
    /// Whether the caller hears neither the agent nor the dialplan.
    pub(crate) fn holds(self) -> bool {
        match self {
            TalkState::OnHold | TalkState::Consulting => true,
            TalkState::Talking | TalkState::Conferencing | TalkState::Away => false,
        }
    }
}
