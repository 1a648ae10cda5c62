//! Commands: what agents and supervisors ask for, and when it takes effect.

use std::sync::Arc;

use crate::action::{Action, CommandOutcome, Refusal};
use crate::agent::{Base, Idle, Next};
use crate::engine::Engine;
use crate::event::{CallbackOutcome, Event, Forced, NextState};
use crate::ids::{AgentId, CommandId};
use crate::input::{Command, ConsultStep, PhoneState};
use crate::supervise::Wish;
use crate::time::Span;
use crate::timers::Timer;

/// A command and who waits for its answer.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) id: CommandId,
    pub(crate) author: String,
    pub(crate) command: Command,
}

/// Stands for who waits for no answer: what was keyed in during a conversation is told as an event only.
pub(crate) const NOBODY: CommandId = CommandId(0);

/// Short for what most commands come to.
pub(crate) type Answer = Result<CommandOutcome, Refusal>;
pub(crate) const DONE: Answer = Ok(CommandOutcome::Done);
pub(crate) const PENDING: Answer = Ok(CommandOutcome::Pending);

impl Engine {
    pub(crate) fn command(&mut self, asked: Asked) {
        let outcome = match self.carry_out(&asked) {
            Ok(outcome) => outcome,
            Err(refusal) => CommandOutcome::Refused(refusal),
        };
        self.answers.push((asked, outcome));
    }

    /// A command that was pending has taken effect.
    pub(crate) fn done(&mut self, asked: Asked) {
        self.answers.push((asked, CommandOutcome::Done));
    }

    /// A command that was pending never will.
    pub(crate) fn overtaken(&mut self, asked: Asked) {
        self.answers
            .push((asked, CommandOutcome::Refused(Refusal::Overtaken)));
    }

    /// Gives the answers, after everything that they report has been published.
    pub(crate) fn answer(&mut self) {
        for (Asked { id, author, command }, outcome) in self.answers.drain(..) {
            self.events.push(Event::CommandAnswered {
                author,
                command,
                outcome,
            });
            if id != NOBODY {
                self.actions.push(Action::Reply { command: id, outcome });
            }
        }
    }

    fn carry_out(&mut self, asked: &Asked) -> Answer {
        match &asked.command {
            Command::SignIn {
                agent,
                phone,
                from_there,
            } => {
                let id = self.agent_of(agent)?;
                self.ask_sign_in(id, phone, *from_there)
            }
            Command::SignOut { agent } => {
                let id = self.signed_in(agent)?;
                if self.agents[id.0 as usize].forced.is_some() {
                    return Err(Refusal::ForcedBusy);
                }
                self.ask_state(
                    id,
                    NextState::SignedOut {
                        reason: String::new(),
                    },
                    asked,
                )
            }
            Command::SetReady { agent } => {
                let id = self.signed_in(agent)?;
                if self.agents[id.0 as usize].forced.is_some() {
                    return Err(Refusal::ForcedBusy);
                }
                self.ask_state(id, NextState::Ready, asked)
            }
            Command::SetNotReady { agent, reason } => {
                let id = self.signed_in(agent)?;
                self.ask_state(
                    id,
                    NextState::NotReady {
                        reason: reason.clone(),
                    },
                    asked,
                )
            }
            Command::ForceBusy {
                agent,
                reason,
                lasting,
            } => {
                let id = self.agent_of(agent)?;
                self.force_busy(id, reason, *lasting, asked)
            }
            Command::ForceIdle { agent } => {
                let id = self.agent_of(agent)?;
                self.force_idle(id)
            }
            Command::ForceSignOut { agent, reason } => {
                let id = self.signed_in(agent)?;
                self.ask_state(
                    id,
                    NextState::SignedOut {
                        reason: reason.clone(),
                    },
                    asked,
                )
            }
            Command::ExtendWrapUp { agent, by } => {
                let id = self.agent_of(agent)?;
                self.extend_wrap_up(id, *by)
            }
            Command::Dispose { agent, code, note } => {
                let id = self.agent_of(agent)?;
                self.ask_dispose(id, code, note, asked)
            }
            Command::SetMembership { agent, queue, place } => self.set_membership(agent, queue, *place),
            Command::SetSkill { agent, skill, has } => self.set_skill(agent, skill, *has),
            Command::SetDoor { queue, door } => self.set_door(queue, *door),
            Command::Reprioritise { call, priority } => self.reprioritise(*call, *priority),
            Command::MoveCall { call, queue } => self.move_call(*call, queue),
            Command::Withdraw { call, place } => self.withdraw(*call, place),
            Command::SignInSupervisor { supervisor, phone } => self.sign_in_supervisor(supervisor, phone),
            Command::SignOutSupervisor { supervisor } => self.sign_out_supervisor(supervisor, &asked.author),
            Command::Monitor {
                monitor,
                supervisor,
                from,
                agent,
                mode,
                follow,
            } => {
                let supervisor = self.supervision.asking(supervisor, from)?;
                let agent = self.signed_in(agent)?;
                let wish = Wish {
                    agent,
                    mode: *mode,
                    follow: *follow,
                };
                self.ask_monitor(*monitor, supervisor, from, wish, asked)
            }
            Command::StopMonitor { supervisor } => self.stop_monitor(supervisor, &asked.author),
            Command::Disconnect { agent, whom, from } => {
                self.supervision.may_disconnect(from)?;
                let agent = self.agent_of(agent)?;
                self.ask_disconnect(agent, *whom, asked)
            }
            Command::Hold { agent, on } => {
                let agent = self.agent_of(agent)?;
                self.ask_hold(agent, *on, asked)
            }
            Command::Mute { agent, on } => {
                let agent = self.agent_of(agent)?;
                self.ask_mute(agent, *on, asked)
            }
            Command::Record { agent, order } => {
                let agent = self.agent_of(agent)?;
                self.ask_record(agent, *order, asked)
            }
            Command::Transfer { agent, to, reason } => {
                let agent = self.agent_of(agent)?;
                self.ask_transfer(agent, to, reason, asked)
            }
            Command::Ivr { agent, to, timeout } => {
                let agent = self.agent_of(agent)?;
                self.ask_ivr(agent, to, *timeout, asked)
            }
            Command::Survey { agent } => {
                let agent = self.agent_of(agent)?;
                self.ask_survey(agent, asked)
            }
            Command::Consult { agent, with } => {
                let agent = self.agent_of(agent)?;
                self.ask_consult(agent, with, asked)
            }
            Command::Consultation { agent, step } => {
                let agent = self.agent_of(agent)?;
                self.ask_consultation(agent, step, asked)
            }
            Command::CancelCallback { callback } => {
                self.end_callback(*callback, CallbackOutcome::Cancelled, true)
                    .ok_or(Refusal::UnknownCall)?;
                DONE
            }
        }
    }

    pub(crate) fn agent_of(&self, number: &str) -> Result<AgentId, Refusal> {
        let id = self.agent_ids.get(number).copied();
        id.filter(|id| !self.agents[id.0 as usize].removed)
            .ok_or(Refusal::UnknownAgent)
    }

    fn signed_in(&self, number: &str) -> Result<AgentId, Refusal> {
        let id = self.agent_of(number)?;
        match self.agents[id.0 as usize].base {
            Base::SignedOut => Err(Refusal::NotSignedIn),
            Base::Ready | Base::NotReady | Base::Offered | Base::OnCall | Base::WrapUp => Ok(id),
        }
    }

    fn ask_sign_in(&mut self, id: AgentId, phone: &str, from_there: bool) -> Answer {
        let agent = &self.agents[id.0 as usize];
        if agent.engaged.is_some() {
            return Err(Refusal::InCall);
        }
        let phone: Arc<str> = if phone.is_empty() {
            Arc::clone(&agent.own_phone)
        } else {
            phone.into()
        };
        if phone.is_empty() {
            return Err(Refusal::NoPhone);
        }
        if self.phones.get(&phone).is_some_and(|other| *other != id) {
            return Err(Refusal::PhoneTaken);
        }
        if agent.base == Base::SignedOut {
            self.sign_in(id, phone);
        } else {
            self.bind(id, phone);
        }
        if from_there {
            self.set_phone_state(id, PhoneState::Busy);
        }
        self.refresh_agent(id, Idle::Anew);
        DONE
    }

    /// A state asked for: at once, taking an offer back if there is one, or after the call.
    fn ask_state(&mut self, id: AgentId, state: NextState, asked: &Asked) -> Answer {
        match (self.agents[id.0 as usize].base, &state) {
            (Base::OnCall, _) => return self.ask_next_state(id, state, asked),
            (Base::WrapUp, _) if self.owes_disposition(id) && !asked.command.is_forced() => {
                return self.ask_next_state(id, state, asked);
            }
            (Base::Offered, NextState::Ready) => return DONE,
            (Base::Offered, NextState::NotReady { .. } | NextState::SignedOut { .. }) => {
                self.take_offer_back(id)
            }
            (Base::SignedOut | Base::Ready | Base::NotReady | Base::WrapUp, _) => {}
        }
        match state {
            NextState::Ready => self.resume(id),
            NextState::NotReady { reason } => self.pause(id, reason),
            NextState::SignedOut { reason } => self.sign_out(id, reason),
        }
        DONE
    }

    fn ask_next_state(&mut self, id: AgentId, state: NextState, asked: &Asked) -> Answer {
        self.agent_changed(id);
        let agent = &mut self.agents[id.0 as usize];
        if agent
            .next
            .as_ref()
            .is_some_and(|next| next.asked.command.is_forced())
            && !asked.command.is_forced()
        {
            return Err(Refusal::ForcedBusy);
        }
        let next = Next {
            state,
            asked: asked.clone(),
        };
        self.presence_changes += 1;
        if let Some(old) = agent.next.replace(Box::new(next)) {
            self.overtaken(old.asked);
        }
        PENDING
    }

    fn take_offer_back(&mut self, id: AgentId) {
        if let Some(offer) = self.agents[id.0 as usize]
            .engaged
            .and_then(|engaged| engaged.offer)
        {
            self.cancel_offer(offer);
        }
    }

    fn force_busy(&mut self, id: AgentId, reason: &str, lasting: Option<Span>, asked: &Asked) -> Answer {
        self.lift_lock(id);
        let until = lasting.map(|span| self.now + span);
        self.standing_changes += 1;
        self.agent_changed(id);
        let agent = &mut self.agents[id.0 as usize];
        self.timers
            .reset(&mut agent.rest.lock_alarm, until, Timer::Lock(id));
        agent.forced = Some(Box::new(Forced {
            reason: reason.to_owned(),
            until,
            author: asked.author.clone(),
        }));
        self.refresh_work(id);
        let agent = &mut self.agents[id.0 as usize];
        match agent.base {
            Base::OnCall => {
                agent.rest.lock_asked = Some(Box::new(asked.clone()));
                PENDING
            }
            Base::Offered => {
                self.take_offer_back(id);
                DONE
            }
            Base::SignedOut | Base::Ready | Base::NotReady | Base::WrapUp => {
                self.refresh_agent(id, Idle::Anew);
                DONE
            }
        }
    }

    fn force_idle(&mut self, id: AgentId) -> Answer {
        let mut lifted = self.lift_lock(id);
        let agent = &mut self.agents[id.0 as usize];
        match agent.base {
            Base::NotReady | Base::WrapUp => {
                self.resume(id);
                lifted = true;
            }
            Base::OnCall => {
                let pauses = |next: &mut Box<Next>| matches!(next.state, NextState::NotReady { .. });
                if let Some(next) = agent.next.take_if(pauses) {
                    self.presence_changes += 1;
                    self.agent_changed(id);
                    self.overtaken(next.asked);
                    lifted = true;
                }
            }
            Base::SignedOut if !lifted => return Err(Refusal::NotSignedIn),
            Base::SignedOut | Base::Ready | Base::Offered => {}
        }
        if lifted { DONE } else { Err(Refusal::NothingToDo) }
    }
}

impl Command {
    /// Why a caller is handed over; may be empty.
    pub(crate) fn reason(&self) -> &str {
        if let Command::Consultation {
            step: ConsultStep::HandOver { reason },
            ..
        } = self
        {
            reason
        } else {
            ""
        }
    }

    /// Whether a supervisor's word, which the agent cannot take back.
    pub(crate) fn is_forced(&self) -> bool {
        match self {
            Command::ForceBusy { .. } | Command::ForceIdle { .. } | Command::ForceSignOut { .. } => true,
            Command::SignIn { .. }
            | Command::SignOut { .. }
            | Command::SetReady { .. }
            | Command::SetNotReady { .. }
            | Command::ExtendWrapUp { .. }
            | Command::Dispose { .. }
            | Command::SetMembership { .. }
            | Command::SetSkill { .. }
            | Command::SetDoor { .. }
            | Command::Reprioritise { .. }
            | Command::MoveCall { .. }
            | Command::Withdraw { .. }
            | Command::SignInSupervisor { .. }
            | Command::SignOutSupervisor { .. }
            | Command::Monitor { .. }
            | Command::StopMonitor { .. }
            | Command::Disconnect { .. }
            | Command::Hold { .. }
            | Command::Mute { .. }
            | Command::Record { .. }
            | Command::Transfer { .. }
            | Command::Ivr { .. }
            | Command::Survey { .. }
            | Command::Consult { .. }
            | Command::Consultation { .. }
            | Command::CancelCallback { .. } => false,
        }
    }
}
