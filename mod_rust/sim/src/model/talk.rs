//! Conversations, from the answer to the end.

use hotline_engine::action::{Place, Status};
use hotline_engine::config::{Door, Exit, Way, WrapUp};
use hotline_engine::event::{CallOutcome, Limit};
use hotline_engine::ids::{AgentId, CallId, OfferId, QueueId, TierId};
use hotline_engine::input::{Departure, OfferFailure, Party, PhoneState, TalkState};
use hotline_engine::{CallAction, Event, Span};

use super::Model;
use super::agent::{Doing, Work};
use super::call::{Stage, Talk};
use super::conduct::Sent;
use super::watch::Watch;

impl Model {
    pub(super) fn answered(&mut self, offer: OfferId) {
        let Some((id, agent)) = self.ringing(offer) else {
            return;
        };
        self.agents[agent].doing = Doing::Connecting(id, offer);
        if let Some(call) = self.call_mut(id) {
            call.stage = Stage::Connecting;
        }
        self.take_back_rings(id, Some(offer));
        let greeting = self.greeting(id, agent, offer);
        self.tell(id, CallAction::Connect { offer, greeting });
    }

    pub(super) fn connected(&mut self, id: CallId) {
        let now = self.now;
        let Some(at) = self.calls.iter().position(|call| call.id == id) else {
            return;
        };
        if self.calls[at].stage != Stage::Connecting {
            return;
        }
        let Some(ring) = self.calls[at].rings.pop() else {
            return;
        };
        let agent = &mut self.agents[ring.agent];
        agent.doing = Doing::Talking(id, TalkState::Talking);
        agent.misses = 0;
        agent.said = None;
        agent.calls += 1;

        let call = &mut self.calls[at];
        let queue = &mut self.queues[call.queue];
        call.stage = Stage::Talking;
        call.talk = Some(Talk {
            agent: ring.agent,
            since: now,
            state: TalkState::Talking,
            state_since: now,
            hold: Span::ZERO,
            by_phone: false,
            by_command: false,
            muted: false,
            recording: None,
        });
        self.events.extend(call.watch.clear(now));
        let agent = AgentId(ring.agent as u32);
        call.watch = Watch::new(Limit::Talk { call: id, agent }, now, &queue.settings.warn.talk);
        let wait = now.since(call.joined);
        if let Some(predicted) = call.predicted {
            queue.measured.check(predicted.p50, wait);
        }
        self.events.push(Event::CallConnected {
            call: id,
            agent,
            queue: QueueId(call.queue as u32),
            tier: TierId(call.visitor.tier as u8),
            wait,
        });
        let (sticky, number) = (queue.settings.sticky, call.visitor.caller.number.clone());
        if sticky > Span::ZERO && !number.is_empty() {
            self.remember(number, ring.agent);
        }
        self.rule_records(id);
        self.monitors_join(ring.agent, id);
    }

    fn remember(&mut self, number: String, agent: usize) {
        self.remembered.retain(|(known, _)| *known != number);
        self.remembered.push((number, agent));
        self.forget();
    }

    /// The oldest, down to what is allowed.
    pub(super) fn forget(&mut self) {
        let over = self
            .remembered
            .len()
            .saturating_sub(self.config.limits.remembered as usize);
        self.remembered.drain(..over);
    }

    pub(super) fn not_connected(&mut self, id: CallId, by: Party, phone: PhoneState) {
        let Some(call) = self.call(id) else { return };
        let Some(ring) = call.rings.first().copied() else {
            return;
        };
        let queue = &self.queues[call.queue];
        let removed = queue.removed;
        let emergency = (queue.door == Door::Emergency).then(|| queue.settings.exits.emergency.clone());
        self.agents[ring.agent].phone_state = phone;
        match by {
            Party::Caller => self.caller_left(id, Departure::HungUp),
            Party::System | Party::Supervisor => self.turn_away(id, CallOutcome::Error, &Way::default()),
            Party::Agent => {
                self.miss(id, ring.offer, OfferFailure::Rejected);
                // What the agent does now counts in the estimates that are told below.
                self.notice_agents();
                if removed {
                    self.turn_away(id, CallOutcome::Removed, &Way::default());
                } else if let Some(way) = emergency {
                    self.turn_away(id, CallOutcome::Emergency, &way);
                } else {
                    self.music(id);
                }
            }
        }
    }

    pub(super) fn talk_goes_on(&mut self, id: CallId, state: TalkState) {
        let now = self.now;
        let Some(call) = self.calls.iter_mut().find(|call| call.id == id) else {
            return;
        };
        let Some(talk) = &mut call.talk else { return };
        if talk.state == state {
            return;
        }
        self.events.push(Event::TalkChanged {
            call: id,
            agent: AgentId(talk.agent as u32),
            queue: QueueId(call.queue as u32),
            from: talk.state,
            to: state,
            lasted: now.since(talk.state_since),
        });
        let was_held = talk.holds();
        talk.hold = talk.hold(now);
        (talk.state, talk.state_since) = (state, now);
        let (agent, held) = (talk.agent, talk.holds());
        self.agents[agent].doing = Doing::Talking(id, state);
        if held != was_held {
            self.hold_changed(id, held);
        }
        if !held {
            self.monitors_resume(agent, id);
        }
    }

    pub(super) fn hang_up(&mut self, id: CallId, by: Party, phone: Option<PhoneState>) {
        let now = self.now;
        let Some(at) = self.calls.iter().position(|call| call.id == id) else {
            return;
        };
        self.record_no_more(id);
        let mut call = self.calls.remove(at);
        let Some(talk) = call.talk else { return };
        self.events.extend(call.watch.clear(now));
        let lasted = now.since(talk.since);
        let (queue, tier) = (QueueId(call.queue as u32), TierId(call.visitor.tier as u8));
        let left = by == Party::Agent && !call.handed && !self.ends_for_caller(id);
        let told = self.told_end(id, talk.agent, call.queue, by);
        let mut sent = self.conversation_over(&mut call, talk.agent, by);
        if self.errand_over(&mut call, talk.agent, left, by == Party::Caller) {
            let removed = self.queues[call.queue].removed;
            sent = Some(if removed { Sent::Lost } else { Sent::Back });
        }
        if left && sent.is_none() {
            sent = self
                .asked_at(&call, &talk)
                .map(|place| Sent::Asked(place, String::new()));
        }
        if let Some(Sent::Asked(_, author)) = &sent {
            self.goes_to_be_asked(&call, talk.agent, author.clone());
        }
        let to = match &sent {
            None => Exit::Onward,
            Some(Sent::Back) => Exit::Queue(self.queues[call.queue].settings.name.clone()),
            Some(sent) => sent.exit(self),
        };
        self.events.push(Event::CallFinished {
            call: id,
            queue,
            tier,
            outcome: CallOutcome::Answered,
            agent: Some(AgentId(talk.agent as u32)),
            wait: talk.since.since(call.joined),
            talk: lasted,
            hold: talk.hold(now),
            by: told,
            to,
        });
        if by != Party::Agent {
            self.no_place(id);
        }
        match &sent {
            None if by == Party::Caller => {}
            None => self.release(id, Status::Answered, Place::Onward, vec![], None),
            Some(Sent::Into(..) | Sent::Back) => {}
            Some(sent) => {
                let place = match sent {
                    Sent::To(place) | Sent::Asked(place, _) => Place::There(place.clone()),
                    Sent::Into(..) | Sent::Lost | Sent::Back => Place::Onward,
                };
                self.release(id, sent.status(), place, vec![], None);
            }
        }
        if let Some(phone) = phone {
            self.agents[talk.agent].phone_state = phone;
        }
        self.monitors_leave(talk.agent, id);
        self.queues[call.queue].measured.talked(lasted);
        let agent = &mut self.agents[talk.agent];
        agent.talked = Span(agent.talked.0 + lasted.0);
        self.wrap_up(talk.agent, id, call.queue);
        if let Some(Sent::Into(queue, agent)) = sent {
            // What the agent does now counts in the estimates that are told below.
            self.notice_agents();
            self.visit_of_sent(call, queue, agent);
        } else if let Some(Sent::Back) = sent {
            self.notice_agents();
            call.visitor.keeps_place = true;
            let queue = call.queue;
            self.visit_of_sent(call, queue, None);
        }
    }

    /// The conversation of an agent is over.
    fn wrap_up(&mut self, at: usize, call: CallId, queue: usize) {
        let must_say = self.must_say(at, call, queue);
        let planned = match self.queues[queue].settings.wrap_up {
            WrapUp::Timed(Span::ZERO) if must_say.is_none() => None,
            WrapUp::Timed(span) => Some(Some(span)),
            WrapUp::Manual => Some(None),
        };
        let next = self.agents[at].next.as_ref();
        let skipped = next.is_some_and(|(_, _, forced)| *forced || must_say.is_none());
        self.agents[at].doing = match planned {
            Some(planned) if !skipped => Doing::WrapUp(Work {
                call,
                queue,
                begun: self.now,
                until: planned.map(|span| self.now + span),
                planned: planned.unwrap_or_default(),
                must_say,
            }),
            Some(_) | None => Doing::Ready,
        };
        self.after_call(at);
        if !matches!(self.agents[at].doing, Doing::WrapUp(_)) {
            self.queues[queue].measured.wrapped_up(Span::ZERO);
        }
        self.weigh(at);
    }
}
