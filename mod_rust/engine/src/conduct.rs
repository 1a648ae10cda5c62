//! What an agent does with a conversation by command: hold, mute, and sending the caller on.
//!
//! The host does each, and only what it says counts: until then a command is pending.

use crate::action::{Action, CommandOutcome, Refusal};
use crate::call::{Call, First, Talk};
use crate::command::{Answer, Asked, PENDING};
use crate::config::Door;
use crate::engine::Engine;
use crate::event::{CallOutcome, Event};
use crate::ids::{AgentId, CallId, QueueId};
use crate::input::{Destination, Order, Party, TalkState, Whom};

/// What was asked of a conversation and is not done yet: of each kind the latest.
#[derive(Default, Debug)]
pub(crate) struct Pending {
    hold: Option<(bool, Asked)>,
    mute: Option<(bool, Asked)>,
    transfer: Option<Transfer>,
    /// The agent lets go, and the caller is asked what it was like.
    pub(crate) survey: Option<Asked>,
}

#[derive(Debug)]
struct Transfer {
    to: Destination,
    reason: String,
    asked: Asked,
}

/// Where the caller goes whose conversation is over.
pub(crate) enum Goes {
    /// Nowhere in particular: it was not sent.
    Nowhere,
    /// Nowhere: what it was sent to is gone.
    Unsent,
    /// To a place of the dialplan.
    To(String),
    /// Into a queue.
    Into(QueueId),
    /// Into the same queue, once back from where the agent sent it.
    Back,
    /// To be asked what it was like; on whose word, empty if that of the settings.
    Survey { place: String, author: String },
    /// On with the colleague whom the agent has consulted, who was reached by a queue.
    With { colleague: AgentId, queue: QueueId },
    /// On with whoever the agent has consulted there, out of the queue's hands.
    Away(String),
}

impl Pending {
    fn is_empty(&self) -> bool {
        self.hold.is_none() && self.mute.is_none() && !self.parts()
    }

    /// Whether the agent is about to leave the caller.
    fn parts(&self) -> bool {
        self.transfer.is_some() || self.survey.is_some()
    }
}

impl Engine {
    pub(crate) fn ask_hold(&mut self, agent: AgentId, on: bool, asked: &Asked) -> Answer {
        let (call, talk) = self.alone(agent)?;
        let pending = self.pending(call).and_then(|pending| pending.hold.as_ref());
        let already = pending.map_or(talk.held_by_command, |(on, _)| *on);
        match on {
            true if already || talk.held_by_phone => return Err(Refusal::NothingToDo),
            false if talk.held_by_phone => return Err(Refusal::HeldByPhone),
            false if !already => return Err(Refusal::NothingToDo),
            true | false => {}
        }
        let before = self.pending_mut(call).and_then(|pending| {
            let new = Some((on, asked.clone()));
            core::mem::replace(&mut pending.hold, new)
        });
        if let Some((_, before)) = before {
            self.overtaken(before);
        }
        self.actions.push(Action::Hold { call, on });
        PENDING
    }

    pub(crate) fn ask_mute(&mut self, agent: AgentId, on: bool, asked: &Asked) -> Answer {
        let (call, talk) = self.conversation(agent)?;
        let pending = self.pending(call).and_then(|pending| pending.mute.as_ref());
        if pending.map_or(talk.muted, |(on, _)| *on) == on {
            return Err(Refusal::NothingToDo);
        }
        // A host may have to connect the two in another way for it, which would end what their phones have agreed upon.
        if talk.held_by_phone {
            return Err(Refusal::HeldByPhone);
        }
        let before = self.pending_mut(call).and_then(|pending| {
            let new = Some((on, asked.clone()));
            core::mem::replace(&mut pending.mute, new)
        });
        if let Some((_, before)) = before {
            self.overtaken(before);
        }
        self.actions.push(Action::Mute { call, on });
        PENDING
    }

    pub(crate) fn ask_transfer(
        &mut self,
        agent: AgentId,
        to: &Destination,
        reason: &str,
        asked: &Asked,
    ) -> Answer {
        let (id, _) = self.alone(agent)?;
        if self.supervision.cuts(id) {
            return Err(Refusal::NotTalking);
        }
        self.would_take(id, agent, to)?;
        self.drop_transfer(id, Refusal::Overtaken);
        if let Some(pending) = self.pending_mut(id) {
            pending.transfer = Some(Transfer {
                to: to.clone(),
                reason: reason.to_owned(),
                asked: asked.clone(),
            });
        }
        let whom = Whom::Agent;
        self.actions.push(Action::Disconnect { call: id, whom });
        PENDING
    }

    /// Whether a caller may be sent there, as things stand: who asks still has the caller, and can ask for something else.
    pub(crate) fn would_take(&self, id: CallId, from: AgentId, to: &Destination) -> Result<(), Refusal> {
        let call = self.calls.get(id.0).ok_or(Refusal::NotTalking)?;
        match to {
            Destination::Queue { queue, tier, .. } => {
                let queue = self.queue_of(queue)?;
                let mut tiers = self.tiers.iter();
                if !tier.is_empty() && !tiers.any(|known| !known.removed && known.name == *tier) {
                    return Err(Refusal::UnknownTier);
                }
                let tier = if tier.is_empty() {
                    call.tier
                } else {
                    self.tier_of(tier)
                };
                match self.turned_away(tier, queue) {
                    None => Ok(()),
                    Some((CallOutcome::Full, _)) => Err(Refusal::QueueFull),
                    Some((CallOutcome::NoAgents, _)) => Err(Refusal::QueueUnmanned),
                    Some(_) => Err(Refusal::QueueClosed),
                }
            }
            Destination::Agent { agent } => {
                let target = self.agent_of(agent).map_err(|_| Refusal::UnknownTarget)?;
                if target == from {
                    return Err(Refusal::NothingToDo);
                }
                let queue = self.by_way_of(target, call.queue).ok_or(Refusal::TargetAway)?;
                if self.queues[queue.0 as usize].settings.door == Door::Emergency {
                    return Err(Refusal::QueueClosed);
                }
                Ok(())
            }
            Destination::Place { place } if place.is_empty() => Err(Refusal::OutOfRange),
            Destination::Place { .. } => Ok(()),
        }
    }

    /// The queue by which a caller of that queue reaches an agent who is at work.
    pub(crate) fn by_way_of(&self, agent: AgentId, own: QueueId) -> Option<QueueId> {
        let there = |queue: &QueueId| !self.queues[queue.0 as usize].removed;
        let members = self.agents[agent.0 as usize].members.iter();
        let all = core::iter::once(own).chain(members.map(|member| member.queue));
        all.filter(there)
            .find(|queue| self.can_be_preferred(agent, *queue))
    }

    /// The agent's phone goes on in another way.
    pub(crate) fn phone_goes_on(&mut self, id: CallId, to: TalkState) {
        let talk = self.calls.get_mut(id.0).and_then(|call| call.talk.as_mut());
        let Some(talk) = talk else { return };
        talk.held_by_phone = to == TalkState::OnHold;
        // Who hears whom is arranged; the phone alone hears nothing.
        if self.consult(id).is_some() {
            return;
        }
        let talk = self.calls.get_mut(id.0).and_then(|call| call.talk.as_mut());
        let Some(talk) = talk else { return };
        if to == TalkState::Talking && core::mem::take(&mut talk.held_by_command) {
            // The two hear each other again: so does the agent the caller.
            self.actions.push(Action::Hold { call: id, on: false });
        }
        let errand = self.calls.get_mut(id.0).and_then(|call| call.errand.as_mut());
        if !errand.is_some_and(|errand| errand.will_go_on(to)) {
            self.talk_goes_on(id, to);
        }
    }

    /// The host has put the caller on hold, or taken that back.
    pub(crate) fn held(&mut self, id: CallId, on: bool) {
        let talk = self.calls.get_mut(id.0).and_then(|call| call.talk.as_mut());
        let Some(talk) = talk else { return };
        talk.held_by_command = on;
        let to = match talk.state {
            TalkState::Talking if on => Some(TalkState::OnHold),
            TalkState::OnHold if !on && !talk.held_by_phone => Some(TalkState::Talking),
            TalkState::Talking
            | TalkState::OnHold
            | TalkState::Consulting
            | TalkState::Conferencing
            | TalkState::Away => None,
        };
        if let Some(to) = to {
            self.talk_goes_on(id, to);
        }
        let meant = |(asked, _): &mut (bool, Asked)| *asked == on;
        let hold = self
            .waiting_for(id)
            .and_then(|pending| pending.hold.take_if(meant));
        if let Some((_, asked)) = hold {
            self.done(asked);
        }
        self.tidy_pending(id);
    }

    /// The caller hears nothing of the agent now, or again.
    pub(crate) fn muted(&mut self, id: CallId, on: bool) {
        let Some(call) = self.calls.get_mut(id.0) else {
            return;
        };
        let queue = call.queue;
        let Some(talk) = call.talk.as_mut() else { return };
        if core::mem::replace(&mut talk.muted, on) != on {
            let agent = talk.agent;
            self.events.push(Event::MuteChanged {
                call: id,
                agent,
                queue,
                muted: on,
            });
        }
        let meant = |(asked, _): &mut (bool, Asked)| *asked == on;
        let mute = self
            .waiting_for(id)
            .and_then(|pending| pending.mute.take_if(meant));
        if let Some((_, asked)) = mute {
            self.done(asked);
        }
        self.tidy_pending(id);
    }

    /// The host could not do what was asked.
    pub(crate) fn not_done(&mut self, id: CallId, what: Order) {
        if what == Order::Ivr {
            return self.not_away(id);
        }
        let Some(pending) = self.waiting_for(id) else {
            return;
        };
        let asked = match what {
            Order::Hold => pending.hold.take(),
            Order::Mute => pending.mute.take(),
            Order::Ivr => None,
        };
        if let Some((_, asked)) = asked {
            self.not_so(asked, Refusal::NotTalking);
        }
        self.tidy_pending(id);
    }

    /// The caller is sent nowhere any more.
    pub(crate) fn drop_transfer(&mut self, id: CallId, why: Refusal) {
        let pending = self.waiting_for(id);
        let (transfer, survey) = pending.map_or((None, None), |pending| {
            (pending.transfer.take(), pending.survey.take())
        });
        for asked in transfer.map(|transfer| transfer.asked).into_iter().chain(survey) {
            self.not_so(asked, why);
        }
        self.tidy_pending(id);
    }

    /// A conversation is over: answers what is pending, and says where the caller goes.
    pub(crate) fn settle_pending(&mut self, call: &mut Call, agent: AgentId, by: Party) -> Goes {
        let consulted = self.settle_consult(call, agent, by);
        let Some(pending) = call.pending.take() else {
            return consulted;
        };
        let Pending {
            hold,
            mute,
            transfer,
            survey,
        } = *pending;
        for (_, asked) in hold.into_iter().chain(mute) {
            self.not_so(asked, Refusal::NotTalking);
        }
        if let Some(asked) = survey {
            return self.goes_to_survey(call, by, asked);
        }
        let Some(Transfer { to, reason, asked }) = transfer else {
            return consulted;
        };
        // Of any other end there is no caller left to go on, or somebody else has the caller.
        if by != Party::Agent {
            self.not_so(asked, Refusal::NotTalking);
            return Goes::Nowhere;
        }
        let goes = match self.goes(call, &to) {
            Ok(goes) => goes,
            Err(refusal) => {
                self.not_so(asked, refusal);
                return Goes::Unsent;
            }
        };
        self.events.push(Event::CallTransferred {
            call: call.id,
            agent,
            queue: call.queue,
            to,
            reason,
            author: asked.author.clone(),
        });
        self.done(asked);
        goes
    }

    fn goes_to_survey(&mut self, call: &Call, by: Party, asked: Asked) -> Goes {
        let survey = self.queues[call.queue.0 as usize].settings.survey.as_ref();
        let place = survey.map(|survey| survey.place.clone());
        match place {
            Some(place) if by == Party::Agent => {
                let author = asked.author.clone();
                self.done(asked);
                Goes::Survey { place, author }
            }
            Some(_) | None => {
                self.not_so(asked, Refusal::NotTalking);
                Goes::Nowhere
            }
        }
    }

    /// Where that leads now, and as what.
    fn goes(&self, call: &mut Call, to: &Destination) -> Result<Goes, Refusal> {
        match to {
            Destination::Place { place } => Ok(Goes::To(place.clone())),
            Destination::Queue {
                queue,
                tier,
                priority,
            } => {
                let queue = self.queue_of(queue)?;
                if !tier.is_empty() {
                    call.tier = self.tier_of(tier);
                }
                if let Some(priority) = *priority {
                    call.caller.priority = priority;
                }
                call.first = First::Anybody;
                Ok(Goes::Into(queue))
            }
            Destination::Agent { agent } => {
                let target = self.agent_of(agent).ok();
                let way = target.and_then(|target| Some((target, self.by_way_of(target, call.queue)?)));
                let (first, queue) = match way {
                    Some((target, queue)) => (First::Agent(target), queue),
                    None => (First::Anybody, call.queue),
                };
                if self.queues[queue.0 as usize].removed {
                    return Err(Refusal::TargetAway);
                }
                call.first = first;
                Ok(Goes::Into(queue))
            }
        }
    }

    /// A caller whose conversation is over visits a queue.
    pub(crate) fn visit_anew(&mut self, mut call: Box<Call>, queue: QueueId) {
        (call.talk, call.care, call.hops) = (None, None, 0);
        match call.first {
            // Sent to one agent, who is there: how full the queue is does not matter.
            First::Agent(_) if self.queues[queue.0 as usize].settings.door != Door::Emergency => {
                self.admit(call, queue, None);
            }
            First::Agent(_) => {
                call.first = First::Anybody;
                self.enter(call, queue);
            }
            First::Own | First::Anybody => self.enter(call, queue),
        }
    }

    pub(crate) fn not_so(&mut self, asked: Asked, why: Refusal) {
        self.answers.push((asked, CommandOutcome::Refused(why)));
    }

    pub(crate) fn conversation(&self, agent: AgentId) -> Result<(CallId, Talk), Refusal> {
        let call = self.conversation_of(agent).ok_or(Refusal::NotTalking)?;
        let talk = self.calls.get(call.0).and_then(|call| call.talk);
        Ok((call, talk.ok_or(Refusal::NotTalking)?))
    }

    /// The same, with nobody else in it.
    pub(crate) fn alone(&self, agent: AgentId) -> Result<(CallId, Talk), Refusal> {
        let (call, talk) = self.conversation(agent)?;
        if self.calls.get(call.0).is_some_and(|call| call.errand.is_some()) {
            return Err(Refusal::NotAlone);
        }
        match talk.state {
            TalkState::Talking | TalkState::OnHold if self.consult(call).is_some() => Err(Refusal::NotAlone),
            TalkState::Talking | TalkState::OnHold => Ok((call, talk)),
            TalkState::Consulting | TalkState::Conferencing | TalkState::Away => Err(Refusal::NotAlone),
        }
    }

    /// Whether the agent was asked to leave that caller, and is about to.
    pub(crate) fn is_leaving(&self, call: CallId) -> bool {
        self.pending(call).is_some_and(Pending::parts)
    }

    fn pending(&self, call: CallId) -> Option<&Pending> {
        self.calls.get(call.0)?.pending.as_deref()
    }

    /// What is pending of a call, to add to it.
    pub(crate) fn pending_mut(&mut self, call: CallId) -> Option<&mut Pending> {
        let call = self.calls.get_mut(call.0)?;
        Some(call.pending.get_or_insert_default())
    }

    /// What is pending of a call, if anything is.
    fn waiting_for(&mut self, call: CallId) -> Option<&mut Pending> {
        self.calls.get_mut(call.0)?.pending.as_deref_mut()
    }

    fn tidy_pending(&mut self, call: CallId) {
        if let Some(call) = self.calls.get_mut(call.0) {
            call.pending.take_if(|pending| pending.is_empty());
        }
    }
}
