//! What agents do with their callers by command: hold, mute, and sending them on.

use hotline_engine::action::{CommandOutcome, Refusal, Status};
use hotline_engine::config::{Door, Exit};
use hotline_engine::event::CallOutcome;
use hotline_engine::ids::{AgentId, CallId, CommandId, QueueId};
use hotline_engine::input::{Destination, Order, Party, TalkState, Whom};
use hotline_engine::{Action, Event, Time};

use super::Model;
use super::call::{Call, Talk};
use super::commands::Answer;

/// Something asked of a conversation that the host has not done yet.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    call: CallId,
    asked: CommandId,
    author: String,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Hold(bool),
    Mute(bool),
    Transfer(Destination, String),
    Survey,
}

impl What {
    fn like(&self, other: &What) -> bool {
        matches!(
            (self, other),
            (What::Hold(_), What::Hold(_))
                | (What::Mute(_), What::Mute(_))
                | (
                    What::Transfer(..) | What::Survey,
                    What::Transfer(..) | What::Survey
                )
        )
    }
}

/// Where a caller goes whom an agent sends on.
pub(super) enum Sent {
    To(String),
    Into(usize, Option<usize>),
    Lost,
    /// To the same queue, once back.
    Back,
    /// To be asked, by whose word.
    Asked(String, String),
}

impl Sent {
    pub(super) fn exit(&self, model: &Model) -> Exit {
        match self {
            Sent::To(place) => Exit::Place(place.clone()),
            Sent::Into(queue, _) => Exit::Queue(model.queues[*queue].settings.name.clone()),
            Sent::Lost => Exit::Onward,
            Sent::Asked(place, _) => Exit::Place(place.clone()),
            Sent::Back => unreachable!("its queue is the call's"),
        }
    }

    pub(super) fn status(&self) -> Status {
        match self {
            Sent::To(_) | Sent::Into(..) => Status::Transferred,
            Sent::Lost | Sent::Back => Status::Removed,
            Sent::Asked(..) => Status::Survey,
        }
    }
}

impl Model {
    pub(super) fn talk_of(&self, agent: &str) -> Result<(CallId, Talk), Refusal> {
        let at = self.agent_numbered(agent).ok_or(Refusal::UnknownAgent)?;
        let call = self.talks_in(at).ok_or(Refusal::NotTalking)?;
        let talk = self.call(call).and_then(|call| call.talk);
        Ok((call, talk.ok_or(Refusal::NotTalking)?))
    }

    pub(super) fn talk_of_two(&self, agent: &str) -> Result<(CallId, Talk), Refusal> {
        let (call, talk) = self.talk_of(agent)?;
        let here = self.call(call).is_some_and(|call| call.visitor.errand.is_none());
        if here && matches!(talk.state, TalkState::Talking | TalkState::OnHold) {
            Ok((call, talk))
        } else {
            Err(Refusal::NotAlone)
        }
    }

    pub(super) fn wants_hold(&mut self, id: CommandId, agent: &str, on: bool) -> Answer {
        let (call, talk) = self.talk_of_two(agent)?;
        let asked = self.wishes.iter().find_map(|wish| match wish.what {
            What::Hold(on) if wish.call == call => Some(on),
            _ => None,
        });
        let held = asked.unwrap_or(talk.by_command);
        if on && (held || talk.by_phone) {
            return Err(Refusal::NothingToDo);
        }
        if !on && talk.by_phone {
            return Err(Refusal::HeldByPhone);
        }
        if !on && !held {
            return Err(Refusal::NothingToDo);
        }
        self.wish_for(call, id, What::Hold(on));
        self.actions.push(Action::Hold { call, on });
        Ok(CommandOutcome::Pending)
    }

    pub(super) fn wants_mute(&mut self, id: CommandId, agent: &str, on: bool) -> Answer {
        let (call, talk) = self.talk_of(agent)?;
        let asked = self.wishes.iter().find_map(|wish| match wish.what {
            What::Mute(on) if wish.call == call => Some(on),
            _ => None,
        });
        if asked.unwrap_or(talk.muted) == on {
            return Err(Refusal::NothingToDo);
        }
        if talk.by_phone {
            return Err(Refusal::HeldByPhone);
        }
        self.wish_for(call, id, What::Mute(on));
        self.actions.push(Action::Mute { call, on });
        Ok(CommandOutcome::Pending)
    }

    pub(super) fn wants_transfer(
        &mut self,
        id: CommandId,
        agent: &str,
        to: &Destination,
        reason: &str,
    ) -> Answer {
        let (call, talk) = self.talk_of_two(agent)?;
        if self.is_about_to_end(call) {
            return Err(Refusal::NotTalking);
        }
        self.may_send(call, talk.agent, to)?;
        self.wish_for(call, id, What::Transfer(to.clone(), reason.to_owned()));
        let whom = Whom::Agent;
        self.actions.push(Action::Disconnect { call, whom });
        Ok(CommandOutcome::Pending)
    }

    fn may_send(&self, id: CallId, from: usize, to: &Destination) -> Result<(), Refusal> {
        let call = self.call(id).ok_or(Refusal::NotTalking)?;
        match to {
            Destination::Place { place } => {
                if place.is_empty() {
                    return Err(Refusal::OutOfRange);
                }
            }
            Destination::Agent { agent } => {
                let target = self.agent_numbered(agent).ok_or(Refusal::UnknownTarget)?;
                if target == from {
                    return Err(Refusal::NothingToDo);
                }
                let queue = self.reached_by(target, call.queue).ok_or(Refusal::TargetAway)?;
                if self.queues[queue].door == Door::Emergency {
                    return Err(Refusal::QueueClosed);
                }
            }
            Destination::Queue { queue, tier, .. } => {
                let queue = self.queue_named(queue).ok_or(Refusal::UnknownQueue)?;
                let present = self.config.tiers.iter().any(|known| known.name == *tier);
                if !tier.is_empty() && !present {
                    return Err(Refusal::UnknownTier);
                }
                let mut visitor = call.visitor.clone();
                if !tier.is_empty() {
                    visitor.tier = self.tier_named(tier);
                }
                match self.admission(&visitor, queue) {
                    None => {}
                    Some((CallOutcome::Full, _)) => return Err(Refusal::QueueFull),
                    Some((CallOutcome::NoAgents, _)) => return Err(Refusal::QueueUnmanned),
                    Some(_) => return Err(Refusal::QueueClosed),
                }
            }
        }
        Ok(())
    }

    /// The queue of a caller who is sent from one to an agent.
    pub(super) fn reached_by(&self, agent: usize, own: usize) -> Option<usize> {
        let served = self.agents[agent].settings.queues.iter();
        let served: Vec<usize> = served
            .filter_map(|member| self.queue_named(&member.queue))
            .collect();
        let own = Some(own).filter(|own| !self.queues[*own].removed);
        let mut all = own.into_iter().chain(served);
        all.find(|queue| self.sticks(agent, *queue))
    }

    fn wish_for(&mut self, call: CallId, asked: CommandId, what: What) {
        self.give_up_wish(call, &what, Refusal::Overtaken);
        let author = self.author.clone();
        self.wishes.push(Wish {
            call,
            asked,
            author,
            what,
        });
    }

    fn give_up_wish(&mut self, call: CallId, what: &What, why: Refusal) {
        let like = |wish: &Wish| wish.call == call && wish.what.like(what);
        if let Some(at) = self.wishes.iter().position(like) {
            let wish = self.wishes.remove(at);
            self.reply(wish.asked, CommandOutcome::Refused(why));
        }
    }

    pub(super) fn wishes_survey(&mut self, call: CallId, asked: CommandId) {
        self.wish_for(call, asked, What::Survey);
    }

    /// Whether the agent was asked to leave the caller.
    pub(super) fn agent_is_leaving(&self, call: CallId) -> bool {
        let leaves =
            |wish: &Wish| wish.call == call && matches!(wish.what, What::Transfer(..) | What::Survey);
        self.wishes.iter().any(leaves)
    }

    pub(super) fn sends_no_more(&mut self, call: CallId, why: Refusal) {
        let place = String::new();
        let any = What::Transfer(Destination::Place { place }, String::new());
        self.give_up_wish(call, &any, why);
    }

    pub(super) fn is_to_be_sent(&self, call: CallId) -> bool {
        let mut wishes = self.wishes.iter().filter(|wish| wish.call == call);
        wishes.any(|wish| matches!(wish.what, What::Transfer(..) | What::Survey))
    }

    pub(super) fn host_cannot(&mut self, call: CallId, what: Order) {
        let what = match what {
            Order::Hold => What::Hold(true),
            Order::Mute => What::Mute(true),
            Order::Ivr => return self.stays_here(call),
        };
        self.give_up_wish(call, &what, Refusal::NotTalking);
    }

    fn fulfil(&mut self, call: CallId, so: fn(&What, bool) -> bool, on: bool) {
        let meant = |wish: &Wish| wish.call == call && so(&wish.what, on);
        if let Some(at) = self.wishes.iter().position(meant) {
            let wish = self.wishes.remove(at);
            self.reply(wish.asked, CommandOutcome::Done);
        }
    }

    pub(super) fn phone_says(&mut self, id: CallId, state: TalkState) {
        let Some(talk) = self.call_mut(id).and_then(|call| call.talk.as_mut()) else {
            return;
        };
        talk.by_phone = state == TalkState::OnHold;
        let free = talk.by_command && state == TalkState::Talking;
        if free {
            talk.by_command = false;
            self.actions.push(Action::Hold { call: id, on: false });
        }
        let errand = self.call_mut(id).and_then(|call| call.visitor.errand.as_mut());
        match errand.filter(|errand| errand.away()) {
            Some(errand) => errand.back_to = state,
            None => self.talk_goes_on(id, state),
        }
    }

    pub(super) fn is_held(&mut self, id: CallId, on: bool) {
        let Some(talk) = self.call_mut(id).and_then(|call| call.talk.as_mut()) else {
            return;
        };
        talk.by_command = on;
        let (state, by_phone) = (talk.state, talk.by_phone);
        if on && state == TalkState::Talking {
            self.talk_goes_on(id, TalkState::OnHold);
        }
        if !on && state == TalkState::OnHold && !by_phone {
            self.talk_goes_on(id, TalkState::Talking);
        }
        self.fulfil(id, |what, on| matches!(what, What::Hold(want) if *want == on), on);
    }

    pub(super) fn is_muted(&mut self, id: CallId, on: bool) {
        let Some(call) = self.call_mut(id) else { return };
        let queue = QueueId(call.queue as u32);
        let Some(talk) = &mut call.talk else { return };
        let agent = AgentId(talk.agent as u32);
        if talk.muted != on {
            talk.muted = on;
            self.events.push(Event::MuteChanged {
                call: id,
                agent,
                queue,
                muted: on,
            });
        }
        self.fulfil(id, |what, on| matches!(what, What::Mute(want) if *want == on), on);
    }

    /// A conversation is over; where the caller goes, if sent.
    pub(super) fn conversation_over(&mut self, call: &mut Call, agent: usize, by: Party) -> Option<Sent> {
        self.give_up_wish(call.id, &What::Hold(true), Refusal::NotTalking);
        self.give_up_wish(call.id, &What::Mute(true), Refusal::NotTalking);
        if by != Party::Agent {
            self.sends_no_more(call.id, Refusal::NotTalking);
            return None;
        }
        let sends = |wish: &Wish| wish.call == call.id;
        let at = self.wishes.iter().position(sends)?;
        let Wish {
            asked, author, what, ..
        } = self.wishes.remove(at);
        if matches!(what, What::Survey) {
            let survey = self.queues[call.queue].settings.survey.clone();
            let outcome = if survey.is_some() {
                CommandOutcome::Done
            } else {
                CommandOutcome::Refused(Refusal::NotTalking)
            };
            self.reply(asked, outcome);
            return survey.map(|survey| Sent::Asked(survey.place, author));
        }
        let What::Transfer(to, reason) = what else {
            return None;
        };
        let sent = match &to {
            Destination::Place { place } => Ok(Sent::To(place.clone())),
            Destination::Queue {
                queue,
                tier,
                priority,
            } => match self.queue_named(queue) {
                Some(queue) => {
                    if !tier.is_empty() {
                        call.visitor.tier = self.tier_named(tier);
                    }
                    if let Some(priority) = priority {
                        call.visitor.caller.priority = *priority;
                    }
                    Ok(Sent::Into(queue, None))
                }
                None => Err(Refusal::UnknownQueue),
            },
            Destination::Agent { agent } => {
                let target = self.agent_numbered(agent);
                let way = target.and_then(|target| Some((self.reached_by(target, call.queue)?, target)));
                match way {
                    Some((queue, target)) => Ok(Sent::Into(queue, Some(target))),
                    None if self.queues[call.queue].removed => Err(Refusal::TargetAway),
                    None => Ok(Sent::Into(call.queue, None)),
                }
            }
        };
        match sent {
            Err(why) => {
                self.reply(asked, CommandOutcome::Refused(why));
                Some(Sent::Lost)
            }
            Ok(sent) => {
                self.events.push(Event::CallTransferred {
                    call: call.id,
                    agent: AgentId(agent as u32),
                    queue: QueueId(call.queue as u32),
                    to,
                    reason,
                    author,
                });
                self.reply(asked, CommandOutcome::Done);
                Some(sent)
            }
        }
    }

    /// The caller whom an agent sent visits a queue, for one agent first perhaps.
    pub(super) fn visit_of_sent(&mut self, call: Call, queue: usize, agent: Option<usize>) {
        let mut visitor = call.visitor;
        visitor.hops = 0;
        visitor.sent = true;
        let agent = agent.filter(|_| self.queues[queue].door != Door::Emergency);
        let until: Option<(usize, Time)> =
            agent.map(|agent| (agent, self.now + self.queues[queue].settings.transfer_wait));
        self.enter_for(visitor, queue, None, until);
    }
}
