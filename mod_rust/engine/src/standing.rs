//! What was decided or promised and still stands: what supervisors decided, as the commands that would bring it about again, and the
//! calls that are owed. A host that keeps it gives it back after a restart.

use crate::action::{Action, CommandOutcome, Refusal};
use crate::agent::Base;
use crate::call::Person;
use crate::callback::{Callback, Stage, is_dialable};
use crate::engine::Engine;
use crate::event::{CallbackOutcome, Event, NextState};
use crate::ids::{CallId, CommandId};
use crate::input::{Attached, Caller, Command};
use crate::queue::Rank;
use crate::time::{Span, Time};
use crate::timers::Timer;

/// One such decision.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    /// Who decided; empty where nobody is on record.
    pub author: String,
    /// What to ask for again. A lock lasts from now on; [`Standing::at`] sets that right later.
    pub command: Command,
    /// When it ends by itself.
    pub until: Option<Time>,
}

/// A call that is owed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Owed {
    /// Queue name.
    pub queue: String,
    /// To whom, with the tier by name; of no callback itself.
    pub caller: Caller,
    /// When the caller first joined a queue.
    pub arrived: Time,
    /// Of what the caller is worth: what rules made it.
    pub raised: Span,
    /// Waiting time that the caller is worth on top in all: together with `arrived` the place in the order of service.
    pub worth: Span,
    /// When the caller left.
    pub placed: Time,
    /// When it is owed no more.
    pub expires: Time,
    /// Attempts made. One that was under way counts.
    pub attempts: u32,
    /// Not to be tried before; `None` if its turn alone decides.
    pub retry_at: Option<Time>,
}

impl Standing {
    /// What to ask for at `now`; `None` if it has ended meanwhile.
    pub fn at(self, now: Time) -> Option<Command> {
        match (self.command, self.until) {
            (Command::ForceBusy { agent, reason, .. }, Some(until)) => {
                let left = until.since(now);
                let lasting = Some(left);
                (left > Span::ZERO).then_some(Command::ForceBusy {
                    agent,
                    reason,
                    lasting,
                })
            }
            (command, _) => Some(command),
        }
    }
}

impl Engine {
    /// Counts the changes of what [`standing`](Self::standing) tells.
    pub fn standing_changes(&self) -> u64 {
        self.standing_changes
    }

    /// All that was changed over the settings, and all locks.
    pub fn standing(&self) -> Vec<Standing> {
        let changed = self.overlay.commands().map(|command| Standing {
            author: String::new(),
            command,
            until: None,
        });
        let locks = self.agents.iter().filter_map(|agent| {
            let lock = agent.forced.as_ref()?;
            let lasting = lock.until.map(|until| until.since(self.now));
            Some(Standing {
                author: lock.author.clone(),
                command: Command::ForceBusy {
                    agent: agent.number().to_string(),
                    reason: lock.reason.clone(),
                    lasting,
                },
                until: lock.until,
            })
        });
        changed.chain(locks).collect()
    }

    /// Counts the changes of what [`presence`](Self::presence) tells.
    pub fn presence_changes(&self) -> u64 {
        self.presence_changes
    }

    /// Who is signed in, and where, and which agents are not ready: as it will be once the conversations of now are over. Agents of whom
    /// the settings say as much are left out.
    pub fn presence(&self) -> Vec<Standing> {
        let stands = |command| Standing {
            author: String::new(),
            command,
            until: None,
        };
        let agents = self
            .agents
            .iter()
            .filter(|agent| !agent.removed)
            .flat_map(|agent| {
                let pauses = match (&agent.next, agent.base) {
                    (_, Base::SignedOut) => return [None, None],
                    (Some(next), _) => match &next.state {
                        NextState::SignedOut { .. } => return [None, None],
                        NextState::NotReady { reason } => Some(reason.clone()),
                        NextState::Ready => None,
                    },
                    (None, Base::NotReady) => Some(agent.rest.reason.clone()),
                    (None, Base::Ready | Base::Offered | Base::OnCall | Base::WrapUp) => None,
                };
                let number = || agent.number().to_string();
                let by_itself = agent.rest.always_signed_in && agent.on_own_phone;
                // On the own phone, wherever the settings say by then that this is.
                let phone = if agent.on_own_phone { "" } else { &*agent.phone };
                let sign_in = (!by_itself).then(|| Command::SignIn {
                    agent: number(),
                    phone: phone.to_owned(),
                    from_there: false,
                });
                let pause = pauses.map(|reason| Command::SetNotReady {
                    agent: number(),
                    reason,
                });
                [sign_in, pause]
            });
        let supervisors = self.supervision.supervisor_views(false);
        let supervisors = supervisors.into_iter().map(|view| {
            (!view.phone.is_empty()).then(|| Command::SignInSupervisor {
                supervisor: view.number.to_string(),
                phone: view.phone.to_string(),
            })
        });
        agents.chain(supervisors).flatten().map(stands).collect()
    }

    /// All calls that are owed, by the calls they came from, in the order of service.
    pub fn owed(&self) -> Vec<(CallId, Owed)> {
        let mut all: Vec<&Callback> = self.callbacks.iter().map(|(_, callback)| callback).collect();
        all.sort_unstable_by_key(|callback| callback.rank);
        let owed = |callback: &Callback| Owed {
            queue: self.queues[callback.queue.0 as usize].settings.name.clone(),
            caller: Caller {
                number: callback.caller.number.clone(),
                tier: self.tiers[usize::from(callback.tier.0)].name.clone(),
                priority: callback.caller.priority,
                skills: callback.caller.skills().to_vec(),
                agent: callback.caller.agent().to_owned(),
                flag: callback.caller.flag().to_owned(),
                // It may be long, and is for who is called back by this very host.
                attached: Attached::default(),
                callback: None,
            },
            arrived: callback.arrived,
            raised: callback.raised,
            worth: callback.rank.worth(callback.arrived),
            placed: callback.placed,
            expires: callback.expires,
            attempts: callback.attempts,
            retry_at: match callback.stage {
                Stage::Due | Stage::Dialling(_) => None,
                Stage::Pausing(until) => Some(until),
            },
        };
        all.into_iter()
            .map(|callback| (callback.rank.call, owed(callback)))
            .collect()
    }

    /// What was owed before the host began is owed again.
    pub(crate) fn owe_again(&mut self, id: CommandId, callback: CallId, before: String, owed: Owed) {
        let outcome = match self.restore_callback(callback, before, owed) {
            Ok(()) => CommandOutcome::Done,
            Err(refusal) => CommandOutcome::Refused(refusal),
        };
        self.actions.push(Action::Reply { command: id, outcome });
    }

    fn restore_callback(&mut self, id: CallId, before: String, owed: Owed) -> Result<(), Refusal> {
        let queue_id = self.queue_of(&owed.queue)?;
        if !is_dialable(&owed.caller.number) {
            return Err(Refusal::OutOfRange);
        }
        let tier = self.tier_of(&owed.caller.tier);
        let queue = &mut self.queues[queue_id.0 as usize];
        if self.callbacks.contains(id.0) || queue.callbacks.contains_key(&owed.caller.number) {
            return Err(Refusal::NothingToDo);
        }
        if queue.callbacks.len() >= queue.settings.callback.max as usize {
            return Err(Refusal::AtLimit);
        }
        let rank = Rank::new(owed.arrived, [owed.worth, Span::ZERO, Span::ZERO, Span::ZERO], id);
        let stage = match owed.retry_at {
            Some(at) if at > self.now => Stage::Pausing(at),
            Some(_) | None => Stage::Due,
        };
        let number = owed.caller.number.clone();
        let mut callback = Callback {
            queue: queue_id,
            tier,
            caller: Person::new(owed.caller),
            arrived: owed.arrived,
            raised: owed.raised,
            rank,
            placed: owed.placed,
            expires: owed.expires,
            attempts: owed.attempts,
            stage,
            restored: true,
            alarm: None,
        };
        callback.alarm = Some(self.timers.set(callback.due_at(), Timer::Callback(id)));
        self.standing_changes += 1;
        self.events.push(Event::CallbackRestored {
            callback: id,
            before,
            queue: queue_id,
            tier,
            number: number.clone(),
            position: queue.place_behind(rank),
            placed: owed.placed,
            attempts: owed.attempts,
        });
        queue.callbacks.insert(number, id);
        if callback.in_line() {
            queue.owed.insert(rank);
        }
        let most = queue.settings.callback.attempts;
        self.callbacks.insert(id.0, callback);
        self.perhaps_near.insert(queue_id);
        if self.now >= owed.expires {
            self.end_callback(id, CallbackOutcome::Expired, false);
        } else if owed.attempts > most {
            // The last attempt is made again if it was interrupted, but once.
            self.end_callback(id, CallbackOutcome::Failed, false);
        }
        Ok(())
    }
}
