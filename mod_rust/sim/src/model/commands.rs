//! What agents and supervisors ask for.

use hotline_engine::action::{CommandOutcome, Refusal};
use hotline_engine::config::{Door, Exit, MAX_SKILLS, Membership, Way};
use hotline_engine::event::{CallOutcome, CallbackOutcome, NextState};
use hotline_engine::ids::{CallId, CommandId, QueueId};
use hotline_engine::input::PhoneState;
use hotline_engine::{Command, Event, Span};

use super::Model;
use super::agent::{Doing, Work};
use super::settings::replace;
use super::supervise::Wanted;

pub(super) type Answer = Result<CommandOutcome, Refusal>;
pub(super) const DONE: Answer = Ok(CommandOutcome::Done);

impl Model {
    pub(super) fn command(&mut self, id: CommandId, command: &Command) -> Answer {
        match command {
            Command::SignIn {
                agent,
                phone,
                from_there,
            } => self.ask_to_sign_in(agent, phone, *from_there),
            Command::SignOut { agent } => {
                let at = self.free_to_choose(agent)?;
                let reason = String::new();
                self.wish(at, id, NextState::SignedOut { reason }, false)
            }
            Command::SetReady { agent } => {
                let at = self.free_to_choose(agent)?;
                self.wish(at, id, NextState::Ready, false)
            }
            Command::SetNotReady { agent, reason } => {
                let at = self.signed_in(agent)?;
                let reason = reason.clone();
                self.wish(at, id, NextState::NotReady { reason }, false)
            }
            Command::ForceSignOut { agent, reason } => {
                let at = self.signed_in(agent)?;
                let reason = reason.clone();
                self.wish(at, id, NextState::SignedOut { reason }, true)
            }
            Command::ForceBusy { agent, lasting, .. } => self.force_busy(id, agent, *lasting),
            Command::ForceIdle { agent } => self.force_idle(agent),
            Command::ExtendWrapUp { agent, by } => self.extend_wrap_up(agent, *by),
            Command::Dispose { agent, code, note } => self.says(agent, code, note),
            Command::SetMembership { agent, queue, place } => self.set_membership(agent, queue, *place),
            Command::SetSkill { agent, skill, has } => self.set_skill(agent, skill, *has),
            Command::SetDoor { queue, door } => self.set_door(queue, *door),
            Command::Reprioritise { call, priority } => self.reprioritise(*call, *priority),
            Command::MoveCall { call, queue } => self.ask_to_move(*call, queue),
            Command::Withdraw { call, place } => self.withdraw(*call, place),
            Command::SignInSupervisor { supervisor, phone } => self.supervisor_signs_in(supervisor, phone),
            Command::SignOutSupervisor { supervisor } => {
                let author = self.author.clone();
                self.supervisor_signs_out(supervisor, &author)
            }
            Command::Monitor {
                monitor,
                supervisor,
                from,
                agent,
                mode,
                follow,
            } => {
                let author = self.author.clone();
                let wanted = Wanted {
                    monitor: *monitor,
                    supervisor,
                    from,
                    agent,
                    mode: *mode,
                    follow: *follow,
                };
                self.wants_to_monitor(id, &author, &wanted)
            }
            Command::StopMonitor { supervisor } => {
                let author = self.author.clone();
                self.stop_monitoring(supervisor, &author)
            }
            Command::Disconnect { agent, whom, from } => {
                let author = self.author.clone();
                self.disconnect(id, &author, agent, *whom, from)
            }
            Command::Hold { agent, on } => self.wants_hold(id, agent, *on),
            Command::Mute { agent, on } => self.wants_mute(id, agent, *on),
            Command::Record { agent, order } => self.wants_record(id, agent, *order),
            Command::Transfer { agent, to, reason } => self.wants_transfer(id, agent, to, reason),
            Command::Ivr { agent, to, timeout } => self.wants_ivr(id, agent, to, *timeout),
            Command::Survey { agent } => self.wants_survey(id, agent),
            Command::Consult { agent, with } => self.wants_to_consult(agent, with),
            Command::Consultation { agent, .. } => self.goes_on_consulting(agent),
            Command::CancelCallback { callback } => {
                let mut known = self.callbacks.iter();
                let at = known.position(|known| known.id == *callback);
                let at = at.ok_or(Refusal::UnknownCall)?;
                self.stop_dialling(at);
                self.end_callback(at, CallbackOutcome::Cancelled);
                DONE
            }
        }
    }

    fn agent_of(&self, number: &str) -> Result<usize, Refusal> {
        self.agent_numbered(number).ok_or(Refusal::UnknownAgent)
    }

    pub(super) fn signed_in(&self, number: &str) -> Result<usize, Refusal> {
        let at = self.agent_of(number)?;
        if self.agents[at].signed_in() {
            Ok(at)
        } else {
            Err(Refusal::NotSignedIn)
        }
    }

    fn free_to_choose(&self, number: &str) -> Result<usize, Refusal> {
        let at = self.signed_in(number)?;
        if self.agents[at].locked.is_some() {
            Err(Refusal::ForcedBusy)
        } else {
            Ok(at)
        }
    }

    fn wish(&mut self, at: usize, id: CommandId, wish: NextState, forced: bool) -> Answer {
        let must_say = matches!(self.agents[at].doing, Doing::WrapUp(work) if work.must_say.is_some());
        if self.agents[at].on_call() || must_say && !forced {
            let next = self.agents[at].next.as_ref();
            if !forced && next.is_some_and(|(_, _, forced)| *forced) {
                return Err(Refusal::ForcedBusy);
            }
            if let Some((_, old, _)) = self.agents[at].next.replace((wish, id, forced)) {
                self.reply(old, CommandOutcome::Refused(Refusal::Overtaken));
            }
            return Ok(CommandOutcome::Pending);
        }
        match wish {
            NextState::Ready => {
                if !self.agents[at].in_call() {
                    self.agents[at].doing = Doing::Ready;
                }
            }
            NextState::NotReady { reason } => {
                self.take_back_ring_of(at);
                self.agents[at].doing = Doing::NotReady;
                self.agents[at].reason = reason;
            }
            NextState::SignedOut { .. } => {
                self.take_back_ring_of(at);
                self.sign_out(at);
            }
        }
        DONE
    }

    fn ask_to_sign_in(&mut self, agent: &str, phone: &str, from_there: bool) -> Answer {
        let at = self.agent_of(agent)?;
        if self.agents[at].in_call() {
            return Err(Refusal::InCall);
        }
        let phone = if phone.is_empty() {
            self.agents[at].settings.phone.clone()
        } else {
            phone.to_owned()
        };
        if phone.is_empty() {
            return Err(Refusal::NoPhone);
        }
        if self.holder(&phone).is_some_and(|holder| holder != at) {
            return Err(Refusal::PhoneTaken);
        }
        self.bind(at, phone);
        if from_there {
            self.agents[at].phone_state = PhoneState::Busy;
        }
        if !self.agents[at].signed_in() {
            self.sign_in(at);
        }
        DONE
    }

    fn force_busy(&mut self, id: CommandId, agent: &str, lasting: Option<Span>) -> Answer {
        let at = self.agent_of(agent)?;
        self.unlock(at);
        self.agents[at].locked = Some(lasting.map(|span| self.now + span));
        if self.agents[at].on_call() {
            self.agents[at].lock_asked = Some(id);
            return Ok(CommandOutcome::Pending);
        }
        self.take_back_ring_of(at);
        DONE
    }

    fn force_idle(&mut self, agent: &str) -> Answer {
        let at = self.agent_of(agent)?;
        let mut lifted = self.unlock(at);
        if !self.agents[at].signed_in() && !lifted {
            return Err(Refusal::NotSignedIn);
        }
        // At work again, perhaps still in wrap-up.
        self.notice_agents();
        match self.agents[at].doing {
            Doing::NotReady | Doing::WrapUp(_) => {
                self.comes_no_more(at);
                self.agents[at].doing = Doing::Ready;
                lifted = true;
            }
            Doing::Connecting(..) | Doing::Talking(..) => {
                if let Some((NextState::NotReady { .. }, id, _)) = self.agents[at].next {
                    self.agents[at].next = None;
                    self.reply(id, CommandOutcome::Refused(Refusal::Overtaken));
                    lifted = true;
                }
            }
            Doing::Nothing | Doing::Ready | Doing::Ringing(..) => {}
        }
        if lifted { DONE } else { Err(Refusal::NothingToDo) }
    }

    fn extend_wrap_up(&mut self, agent: &str, by: Span) -> Answer {
        let at = self.agent_of(agent)?;
        let Doing::WrapUp(work) = self.agents[at].doing else {
            return Err(Refusal::NotInWrapUp);
        };
        let Some(until) = work.until else {
            return Err(Refusal::NothingToDo);
        };
        let longest = self.queues[work.queue].settings.wrap_up_max.max(work.planned);
        let later = (until + by).min(work.begun + longest);
        if later <= until {
            return Err(Refusal::AtLimit);
        }
        self.agents[at].doing = Doing::WrapUp(Work {
            until: Some(later),
            ..work
        });
        DONE
    }

    fn set_membership(&mut self, agent: &str, queue: &str, place: Option<(u8, u16)>) -> Answer {
        let at = self.agent_of(agent)?;
        self.queue_named(queue).ok_or(Refusal::UnknownQueue)?;
        if place.is_some_and(|(level, weight)| level == 0 || weight == 0) {
            return Err(Refusal::OutOfRange);
        }
        let now = self.agents[at].place_in(queue);
        if now.map(|place| (place.level, place.weight)) == place {
            return Err(Refusal::NothingToDo);
        }
        replace(&mut self.overlays.places, (agent, queue), place);
        let mut queues = self.agents[at].settings.queues.clone();
        set_place(&mut queues, queue, place);
        self.serve(at, queues);
        DONE
    }

    fn set_skill(&mut self, agent: &str, skill: &str, has: bool) -> Answer {
        let at = self.agent_of(agent)?;
        if self.agents[at].settings.skills.iter().any(|known| known == skill) == has {
            return Err(Refusal::NothingToDo);
        }
        if has && !self.skills.iter().any(|known| known == skill) {
            if self.skills.len() >= MAX_SKILLS {
                return Err(Refusal::AtLimit);
            }
            self.skills.push(skill.to_owned());
        }
        replace(&mut self.overlays.skills, (agent, skill), has);
        set_skill(&mut self.agents[at].settings.skills, skill, has);
        DONE
    }

    fn set_door(&mut self, queue: &str, door: Door) -> Answer {
        let at = self.queue_named(queue).ok_or(Refusal::UnknownQueue)?;
        if self.queues[at].door == door {
            return Err(Refusal::NothingToDo);
        }
        replace(&mut self.overlays.doors, (queue, ""), door);
        self.queues[at].door = door;
        self.evict(at);
        DONE
    }

    fn waiting_for_command(&self, id: CallId) -> Result<usize, Refusal> {
        let call = self.call(id).ok_or(Refusal::UnknownCall)?;
        let waits = self.waiting_call(id).is_some();
        if waits {
            Ok(call.queue)
        } else {
            Err(Refusal::NotWaiting)
        }
    }

    fn reprioritise(&mut self, id: CallId, priority: u32) -> Answer {
        let queue = self.waiting_for_command(id)?;
        let call = self.call_mut(id).ok_or(Refusal::UnknownCall)?;
        let before = std::mem::replace(&mut call.visitor.caller.priority, priority);
        self.events.push(Event::CallReprioritised {
            call: id,
            queue: QueueId(queue as u32),
            priority,
            before,
            position: self.position(id),
        });
        DONE
    }

    fn ask_to_move(&mut self, id: CallId, queue: &str) -> Answer {
        let from = self.waiting_for_command(id)?;
        let to = self.queue_named(queue).ok_or(Refusal::UnknownQueue)?;
        if to == from {
            return Err(Refusal::NothingToDo);
        }
        self.move_call(id, to);
        DONE
    }

    fn withdraw(&mut self, id: CallId, place: &str) -> Answer {
        self.waiting_for_command(id)?;
        let to = if place.is_empty() {
            Exit::Onward
        } else {
            Exit::Place(place.to_owned())
        };
        let way = Way { to, say: vec![] };
        self.turn_away(id, CallOutcome::Withdrawn, &way);
        DONE
    }
}

/// Puts an agent into a queue, at the end if it is new there, or takes it out.
pub(super) fn set_place(queues: &mut Vec<Membership>, queue: &str, place: Option<(u8, u16)>) {
    let Some((level, weight)) = place else {
        return queues.retain(|member| member.queue != queue);
    };
    let new = Membership {
        queue: queue.to_owned(),
        level,
        weight,
    };
    match queues.iter_mut().find(|member| member.queue == queue) {
        Some(member) => *member = new,
        None => queues.push(new),
    }
}

/// Gives an agent a skill, or takes it.
pub(super) fn set_skill(skills: &mut Vec<String>, skill: &str, has: bool) {
    skills.retain(|known| known != skill);
    skills.extend(has.then(|| skill.to_owned()));
}
