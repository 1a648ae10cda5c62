//! A supervisor listens: from the wish to the line, and from one mode to another.

use crate::action::{Action, CommandOutcome, MonitorAction, Refusal};
use crate::command::{Answer, Asked, DONE, NOBODY, PENDING};
use crate::engine::Engine;
use crate::event::{Event, MonitorOutcome};
use crate::ids::{CallId, MonitorId, SupervisorId};
use crate::input::{Command, Follow, MonitorFact, MonitorMode};
use crate::supervise::{Monitor, Wish};

impl Engine {
    pub(crate) fn ask_monitor(
        &mut self,
        id: MonitorId,
        supervisor: SupervisorId,
        from: &str,
        wish: Wish,
        asked: &Asked,
    ) -> Answer {
        let who = self.supervision.get(supervisor);
        if who.phone.is_empty() {
            return Err(Refusal::NoSupervisorThere);
        }
        if !who.may(wish.mode) {
            return Err(Refusal::NotAllowed);
        }
        if let Some(current) = who.monitor {
            let same = |monitor: &Monitor| monitor.agent == wish.agent && from.is_empty();
            return if self.supervision.monitors.get(&current).is_some_and(same) {
                self.switch(current, wish.mode, wish.follow, asked)
            } else {
                Err(Refusal::Listening)
            };
        }
        let Wish { agent, mode, follow } = wish;
        let talks = self.conversation_of(agent);
        if (follow == Follow::Call || mode == MonitorMode::TakeOver) && talks.is_none() {
            return Err(Refusal::NotTalking);
        }
        if mode.speaks()
            && let Some(other) = self.supervision.speaker(agent, None, None)
        {
            return Err(Refusal::Speaking(other));
        }
        let supervision = &mut self.supervision;
        if supervision.monitors.len() >= supervision.settings.max_monitors as usize {
            return Err(Refusal::AtLimit);
        }
        if supervision.monitors.contains_key(&id) {
            return Err(Refusal::NothingToDo);
        }
        let called = from.is_empty();
        let monitor = Monitor {
            supervisor,
            agent,
            follow,
            mode,
            call: talks.filter(|_| follow == Follow::Call),
            handed: false,
            attached: false,
            since: None,
            called,
            author: asked.author.clone(),
            asked: Some(asked.clone()),
        };
        supervision.monitors.insert(id, monitor);
        supervision.by_agent.insert((agent, id));
        supervision.get_mut(supervisor).monitor = Some(id);
        if called {
            let who = supervision.get(supervisor);
            self.actions.push(Action::CallSupervisor {
                monitor: id,
                phone: (*who.phone).to_owned(),
                supervisor: (*who.number).to_owned(),
                agent: self.agents[agent.0 as usize].number().to_string(),
                answering: supervision.settings.answering,
                ring_time: supervision.settings.ring_time,
            });
        }
        PENDING
    }

    pub(crate) fn stop_monitor(&mut self, number: &str, author: &str) -> Answer {
        let supervisor = self.supervision.numbered(number)?;
        let monitor = self.supervision.get(supervisor).monitor;
        self.end_monitor(
            monitor.ok_or(Refusal::NothingToDo)?,
            MonitorOutcome::Stopped,
            author,
        );
        DONE
    }

    pub(crate) fn monitor_fact(&mut self, id: MonitorId, fact: MonitorFact) {
        match fact {
            MonitorFact::Up => self.monitor_is_up(id),
            MonitorFact::Key(key) => self.monitor_key(id, key),
            MonitorFact::Lost(call) => {
                let of = self.supervision.monitors.get(&id);
                if of.is_some_and(|monitor| monitor.call == Some(call)) {
                    self.lose_call(id, false);
                }
            }
            MonitorFact::TookOver(call) => self.took_over(id, call),
            MonitorFact::NoPlace(call) => self.not_taken_over(id, call),
            MonitorFact::Gone => {
                self.supervision.taking.remove(&id);
                self.end_monitor(id, MonitorOutcome::HungUp, "");
            }
        }
    }

    fn monitor_is_up(&mut self, id: MonitorId) {
        let talks = self.supervision.monitors.get(&id).map(|monitor| monitor.agent);
        let talks = talks.and_then(|agent| self.conversation_of(agent));
        let now = self.now;
        let Some(monitor) = self.supervision.monitors.get_mut(&id) else {
            // It was ended meanwhile.
            return self.tell_monitor(id, MonitorAction::End);
        };
        if monitor.since.is_some() {
            return;
        }
        monitor.since = Some(now);
        if monitor.follow == Follow::Agent {
            monitor.call = talks;
        }
        let (call, mode, handed) = (monitor.call, monitor.mode, monitor.handed);
        self.events.push(Event::MonitorStarted {
            monitor: monitor.view(id),
            author: monitor.author.clone(),
        });
        match (mode, call) {
            (MonitorMode::TakeOver, None) => self.end_monitor(id, MonitorOutcome::CallOver, ""),
            // The caller talks with somebody else by now, whose place it is.
            (MonitorMode::TakeOver, Some(call)) if handed => self.not_taken_over(id, call),
            (MonitorMode::TakeOver, Some(call)) => self.let_take_over(id, call),
            (MonitorMode::Listen | MonitorMode::Whisper | MonitorMode::Barge, call) => {
                let asked = monitor.asked.take();
                if call.is_some() {
                    self.attach(id);
                }
                self.answers
                    .extend(asked.map(|asked| (asked, CommandOutcome::Done)));
            }
        }
    }

    /// A supervisor asks by a key.
    fn monitor_key(&mut self, id: MonitorId, key: char) {
        let Some(monitor) = self.supervision.monitors.get(&id) else {
            return;
        };
        let (Some(mode), Some(_)) = (MonitorMode::of_key(key), monitor.since) else {
            return;
        };
        let supervisor = self.supervision.get(monitor.supervisor);
        let follow = monitor.follow;
        let asked = Asked {
            id: NOBODY,
            author: format!("supervisor:{}", supervisor.number),
            command: Command::Monitor {
                monitor: id,
                supervisor: (*supervisor.number).to_owned(),
                from: (*supervisor.phone).to_owned(),
                agent: self.agents[monitor.agent.0 as usize].number().to_string(),
                mode,
                follow,
            },
        };
        let answer = if supervisor.may(mode) {
            self.switch(id, mode, follow, &asked)
        } else {
            Err(Refusal::NotAllowed)
        };
        let outcome = match answer {
            Ok(outcome) => outcome,
            Err(refusal) => {
                self.tell_monitor(id, MonitorAction::Refuse);
                CommandOutcome::Refused(refusal)
            }
        };
        self.answers.push((asked, outcome));
    }

    /// Listens in another way, or follows somebody else.
    fn switch(&mut self, id: MonitorId, mode: MonitorMode, follow: Follow, asked: &Asked) -> Answer {
        let Some(monitor) = self.supervision.monitors.get(&id) else {
            return Err(Refusal::NothingToDo);
        };
        if (mode, follow) == (monitor.mode, monitor.follow) || monitor.mode == MonitorMode::TakeOver {
            return Err(Refusal::NothingToDo);
        }
        let (agent, up) = (monitor.agent, monitor.since.is_some());
        let talks = self.conversation_of(agent);
        // Who followed the caller away returns to the agent.
        let returns = monitor.handed && follow == Follow::Agent;
        let call = match follow {
            Follow::Call => monitor.call.or(talks),
            Follow::Agent if up && (returns || monitor.call.is_none()) => talks,
            Follow::Agent => monitor.call.filter(|_| up),
        };
        let handed = monitor.handed && !returns;
        let takes_over = mode == MonitorMode::TakeOver;
        if follow == Follow::Call && call.is_none() || takes_over && (talks.is_none() || handed) {
            return Err(Refusal::NotTalking);
        }
        if mode.speaks() {
            let where_ = call.filter(|_| handed);
            if let Some(other) = self.supervision.speaker(agent, where_, Some(id)) {
                return Err(Refusal::Speaking(other));
            }
        }
        let Some(monitor) = self.supervision.monitors.get_mut(&id) else {
            return Err(Refusal::NothingToDo);
        };
        let from = core::mem::replace(&mut monitor.mode, mode);
        let elsewhere = monitor.follow != follow || monitor.call != call;
        (monitor.follow, monitor.call, monitor.handed) = (follow, call, handed);
        let attached = monitor.attached;
        if !up {
            return DONE;
        }
        let view = monitor.view(id);
        if takes_over {
            monitor.asked = Some(asked.clone());
        }
        self.events.push(Event::MonitorChanged {
            monitor: view,
            from,
            author: asked.author.clone(),
        });
        match (takes_over, call) {
            (true, Some(call)) => {
                self.let_take_over(id, call);
                return PENDING;
            }
            (false, Some(_)) if elsewhere => self.attach(id),
            (false, Some(_)) if attached => {
                let tone = self.supervision.tone(mode);
                self.tell_monitor(id, MonitorAction::Switch { mode, tone });
            }
            (_, None) if attached => {
                if let Some(monitor) = self.supervision.monitors.get_mut(&id) {
                    monitor.attached = false;
                }
                self.tell_monitor(id, MonitorAction::Idle);
            }
            (_, None) | (false, Some(_)) => {}
        }
        DONE
    }

    /// The agent's place cannot be taken; the supervisor listens, as ever.
    pub(super) fn not_taken_over(&mut self, id: MonitorId, call: CallId) {
        self.supervision.no_place_for(id, call);
        let Some(monitor) = self.supervision.monitors.get_mut(&id) else {
            return;
        };
        if monitor.mode != MonitorMode::TakeOver || monitor.call != Some(call) || monitor.since.is_none() {
            return;
        }
        monitor.mode = MonitorMode::Listen;
        let (asked, attached) = (monitor.asked.take(), monitor.attached);
        self.events.push(Event::MonitorChanged {
            monitor: monitor.view(id),
            from: MonitorMode::TakeOver,
            author: String::new(),
        });
        if attached {
            let (mode, tone) = (MonitorMode::Listen, None);
            self.tell_monitor(id, MonitorAction::Switch { mode, tone });
        } else {
            self.attach(id);
        }
        let refused = CommandOutcome::Refused(Refusal::NotTalking);
        self.answers.extend(asked.map(|asked| (asked, refused)));
    }
}
