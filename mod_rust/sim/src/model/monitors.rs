//! Those who listen, as plainly as possible.

use hotline_engine::action::{CommandOutcome, MonitorAction, Refusal};
use hotline_engine::config;
use hotline_engine::event::{Cut, MonitorOutcome};
use hotline_engine::ids::{AgentId, CallId, CommandId, MonitorId, QueueId, SupervisorId};
use hotline_engine::input::{Follow, MonitorFact, MonitorMode, Party, TalkState};
use hotline_engine::{Action, Event};

use super::Model;
use super::commands::{Answer, DONE};
use super::supervise::{Ending, Monitor, TakenPlace, look, right};

const PENDING: Answer = Ok(CommandOutcome::Pending);

impl Model {
    pub(super) fn monitor_told(&mut self, id: MonitorId, fact: MonitorFact) {
        let of = |place: &TakenPlace, call| place.call == call;
        match fact {
            MonitorFact::TookOver(call) if self.places.get(&id).is_some_and(|place| of(place, call)) => {
                if let Some(place) = self.places.remove(&id) {
                    return self.took_place(id, place);
                }
            }
            MonitorFact::NoPlace(call) if self.places.get(&id).is_some_and(|place| of(place, call)) => {
                self.places.remove(&id);
            }
            MonitorFact::Gone => {
                self.places.remove(&id);
            }
            MonitorFact::TookOver(_)
            | MonitorFact::NoPlace(_)
            | MonitorFact::Lost(_)
            | MonitorFact::Up
            | MonitorFact::Key(_) => {}
        }
        let Some(monitor) = self.monitor(id) else {
            if fact == MonitorFact::Up {
                self.tell_monitor(id, MonitorAction::End);
            }
            return;
        };
        match fact {
            MonitorFact::Up if monitor.since.is_none() => self.monitor_up(&monitor),
            MonitorFact::Up => {}
            MonitorFact::Key(key) => {
                if let Some(mode) = MonitorMode::of_key(key).filter(|_| monitor.since.is_some()) {
                    let supervisor = &self.supervisors[monitor.supervisor].settings;
                    let author = format!("supervisor:{}", supervisor.number);
                    let done = if supervisor.may.contains(&right(mode)) {
                        self.monitor_switches(id, mode, monitor.follow, None, &author)
                    } else {
                        Err(Refusal::NotAllowed)
                    };
                    if done.is_err() {
                        self.tell_monitor(id, MonitorAction::Refuse);
                    }
                }
            }
            MonitorFact::Lost(call) if monitor.call == Some(call) => self.monitor_loses(id, false),
            MonitorFact::Lost(_) => {}
            MonitorFact::NoPlace(call) => {
                let waits = monitor.mode == MonitorMode::TakeOver && monitor.since.is_some();
                if waits && monitor.call == Some(call) {
                    self.monitor_stays(&monitor);
                }
            }
            MonitorFact::TookOver(_) => {}
            MonitorFact::Gone => self.monitor_ends(id, MonitorOutcome::HungUp, ""),
        }
    }

    fn takes_place(&mut self, id: MonitorId, call: CallId) {
        self.tell_monitor(id, MonitorAction::TakeOver { call });
        let Some(monitor) = self.monitor(id) else { return };
        let talks = self.call(call).and_then(|of| Some((of.talk?.agent, of.queue)));
        if let Some((agent, queue)) = talks {
            let author = match monitor.asked {
                Some((_, author)) => author,
                None => monitor.author,
            };
            let (agent, queue) = (AgentId(agent as u32), QueueId(queue as u32));
            self.places.insert(
                id,
                TakenPlace {
                    call,
                    agent,
                    queue,
                    author,
                    void: false,
                },
            );
        }
    }

    fn took_place(&mut self, id: MonitorId, place: TakenPlace) {
        let TakenPlace {
            call,
            agent,
            queue,
            author,
            void,
        } = place;
        if let Some(monitor) = self.monitor(id)
            && (monitor.mode, monitor.call) == (MonitorMode::TakeOver, Some(call))
        {
            self.monitor_ends(id, MonitorOutcome::TookOver, &author);
        }
        if void {
            return;
        }
        let how = Cut::TakenOver;
        let talks_on = |of: &super::call::Call| of.talk.is_some_and(|talk| talk.agent == agent.0 as usize);
        if self.call(call).is_some_and(talks_on) {
            self.handed_over(call);
            self.will_end(Ending {
                call,
                how,
                author,
                asked: None,
            });
            self.hang_up(call, Party::Supervisor, None);
        } else {
            self.events.push(Event::TalkCut {
                call,
                agent,
                queue,
                how,
                author,
            });
        }
    }

    fn monitor_up(&mut self, before: &Monitor) {
        let (now, talks) = (self.now, self.talks_in(before.agent));
        let Some(monitor) = self.monitor_mut(before.id) else {
            return;
        };
        monitor.since = Some(now);
        if monitor.follow == Follow::Agent {
            monitor.call = talks;
        }
        let monitor = monitor.clone();
        self.events.push(Event::MonitorStarted {
            monitor: look(&monitor),
            author: monitor.author.clone(),
        });
        if monitor.mode == MonitorMode::TakeOver {
            match monitor.call {
                Some(_) if monitor.away => self.monitor_stays(&monitor),
                Some(call) => self.takes_place(monitor.id, call),
                None => self.monitor_ends(monitor.id, MonitorOutcome::CallOver, ""),
            }
            return;
        }
        self.monitor_hears(monitor.id);
        self.answer_monitor(monitor.id, CommandOutcome::Done);
    }

    /// Answers who waits, if somebody does.
    fn answer_monitor(&mut self, id: MonitorId, outcome: CommandOutcome) {
        let asked = self.monitor_mut(id).and_then(|monitor| monitor.asked.take());
        if let Some((Some(command), _)) = asked {
            self.reply(command, outcome);
        }
    }

    pub(super) fn monitor_hears(&mut self, id: MonitorId) {
        let Some(monitor) = self.monitor(id) else { return };
        if let Some(call) = monitor.call {
            let talk = self.call(call).and_then(|call| call.talk);
            let held =
                talk.is_some_and(|talk| matches!(talk.state, TalkState::OnHold | TalkState::Consulting));
            let away = self.call(call).is_some_and(|call| call.visitor.errand.is_some());
            if (held || away) && !monitor.hears && !monitor.away {
                return;
            }
            if let Some(monitor) = self.monitor_mut(id) {
                monitor.hears = true;
            }
            let attach = MonitorAction::Attach {
                call,
                follow: monitor.follow,
                mode: monitor.mode,
                tone: self.tone_of(monitor.mode),
            };
            self.tell_monitor(id, attach);
        }
    }

    fn tone_of(&self, mode: MonitorMode) -> Option<config::Tone> {
        self.config
            .supervision
            .tone
            .filter(|_| mode == MonitorMode::Barge)
    }

    pub(super) fn monitor_switches(
        &mut self,
        id: MonitorId,
        mode: MonitorMode,
        follow: Follow,
        asked: Option<CommandId>,
        author: &str,
    ) -> Answer {
        let Some(old) = self.monitor(id) else {
            return Err(Refusal::NothingToDo);
        };
        if old.mode == MonitorMode::TakeOver || (old.mode, old.follow) == (mode, follow) {
            return Err(Refusal::NothingToDo);
        }
        let talks = self.talks_in(old.agent);
        let mut new = old.clone();
        (new.mode, new.follow) = (mode, follow);
        match follow {
            Follow::Agent => {
                new.away = false;
                if old.since.is_none() {
                    new.call = None;
                } else if old.away || old.call.is_none() {
                    new.call = talks;
                }
            }
            Follow::Call => new.call = old.call.or(talks),
        }
        let nothing = follow == Follow::Call && new.call.is_none();
        let no_place = mode == MonitorMode::TakeOver && (talks.is_none() || new.away);
        if nothing || no_place {
            return Err(Refusal::NotTalking);
        }
        let place = new.call.filter(|_| new.away);
        let other = self.speaks_there(new.agent, place, Some(id));
        if let Some(other) = other.filter(|_| mode.speaks()) {
            return Err(Refusal::Speaking(SupervisorId(other as u32)));
        }
        if mode == MonitorMode::TakeOver && old.since.is_some() {
            new.asked = Some((asked, author.to_owned()));
        }
        if let Some(monitor) = self.monitor_mut(id) {
            *monitor = new.clone();
        }
        if old.since.is_none() {
            return DONE;
        }
        self.events.push(Event::MonitorChanged {
            monitor: look(&new),
            from: old.mode,
            author: author.to_owned(),
        });
        let moved = old.follow != follow || old.call != new.call;
        match new.call {
            Some(call) if mode == MonitorMode::TakeOver => {
                self.takes_place(id, call);
                return PENDING;
            }
            Some(_) if moved => self.monitor_hears(id),
            Some(_) if old.hears => {
                let tone = self.tone_of(mode);
                self.tell_monitor(id, MonitorAction::Switch { mode, tone });
            }
            None if old.hears => {
                if let Some(monitor) = self.monitor_mut(id) {
                    monitor.hears = false;
                }
                self.tell_monitor(id, MonitorAction::Idle);
            }
            Some(_) | None => {}
        }
        DONE
    }

    /// There is no place to take.
    fn monitor_stays(&mut self, old: &Monitor) {
        if let Some(monitor) = self.monitor_mut(old.id) {
            monitor.mode = MonitorMode::Listen;
        }
        self.monitor_changed(old.id, MonitorMode::TakeOver);
        if old.hears {
            let (mode, tone) = (MonitorMode::Listen, None);
            self.tell_monitor(old.id, MonitorAction::Switch { mode, tone });
        } else {
            self.monitor_hears(old.id);
        }
        self.answer_monitor(old.id, CommandOutcome::Refused(Refusal::NotTalking));
    }

    fn monitor_changed(&mut self, id: MonitorId, from: MonitorMode) {
        if let Some(monitor) = self.monitor(id) {
            self.events.push(Event::MonitorChanged {
                monitor: look(&monitor),
                from,
                author: String::new(),
            });
        }
    }

    fn monitor_loses(&mut self, id: MonitorId, tell: bool) {
        let Some(old) = self.monitor(id) else { return };
        if old.follow == Follow::Call || old.since.is_none() {
            return self.monitor_ends(id, MonitorOutcome::CallOver, "");
        }
        if let Some(monitor) = self.monitor_mut(id) {
            (monitor.call, monitor.hears) = (None, false);
            if old.mode == MonitorMode::TakeOver {
                monitor.mode = MonitorMode::Listen;
            }
        }
        self.monitor_changed(id, old.mode);
        if tell && old.hears {
            self.tell_monitor(id, MonitorAction::Idle);
        }
        self.answer_monitor(id, CommandOutcome::Refused(Refusal::NotTalking));
    }

    fn monitors_of(&self, agent: usize) -> Vec<Monitor> {
        let of = |monitor: &&Monitor| monitor.agent == agent;
        self.monitors.iter().filter(of).cloned().collect()
    }

    pub(super) fn monitors_join(&mut self, agent: usize, call: CallId) {
        for old in self.monitors_of(agent) {
            if old.follow == Follow::Agent && old.since.is_some() {
                if let Some(monitor) = self.monitor_mut(old.id) {
                    monitor.call = Some(call);
                }
                self.monitor_changed(old.id, old.mode);
                self.monitor_hears(old.id);
            }
        }
    }

    /// A caller goes away.
    pub(super) fn monitors_stop_hearing(&mut self, agent: usize, call: CallId) {
        for old in self.monitors_of(agent) {
            if old.call == Some(call) && old.hears && old.mode != MonitorMode::TakeOver {
                if let Some(monitor) = self.monitor_mut(old.id) {
                    monitor.hears = false;
                }
                self.tell_monitor(old.id, MonitorAction::Idle);
            }
        }
    }

    /// A caller is off hold.
    pub(super) fn monitors_resume(&mut self, agent: usize, call: CallId) {
        for old in self.monitors_of(agent) {
            let up = old.since.is_some() && old.mode != MonitorMode::TakeOver;
            if up && old.call == Some(call) && !old.hears {
                self.monitor_hears(old.id);
            }
        }
    }

    pub(super) fn monitors_leave(&mut self, agent: usize, call: CallId) {
        for old in self.monitors_of(agent) {
            if old.call == Some(call) && !old.away {
                self.monitor_loses(old.id, true);
            }
        }
    }

    pub(super) fn monitors_go_home(&mut self, agent: usize) {
        for old in self.monitors_of(agent) {
            if !old.away {
                self.monitor_ends(old.id, MonitorOutcome::AgentSignedOut, "");
            }
        }
    }

    pub(super) fn monitor_ends(&mut self, id: MonitorId, outcome: MonitorOutcome, author: &str) {
        let Some(monitor) = self.monitor(id) else { return };
        let refused = match outcome {
            MonitorOutcome::TookOver => None,
            MonitorOutcome::HungUp if monitor.since.is_none() => Some(Refusal::NoAnswer),
            MonitorOutcome::HungUp | MonitorOutcome::Stopped => Some(Refusal::Overtaken),
            MonitorOutcome::CallOver => Some(Refusal::NotTalking),
            MonitorOutcome::AgentSignedOut => Some(Refusal::NotSignedIn),
            MonitorOutcome::SignedOut => Some(Refusal::NoSupervisorThere),
        };
        self.answer_monitor(id, refused.map_or(CommandOutcome::Done, CommandOutcome::Refused));
        self.monitors.retain(|other| other.id != id);
        if let Some(since) = monitor.since {
            self.events.push(Event::MonitorEnded {
                monitor: look(&monitor),
                outcome,
                lasted: self.now.since(since),
                author: author.to_owned(),
            });
        }
        let by_itself = matches!(outcome, MonitorOutcome::HungUp | MonitorOutcome::TookOver);
        if by_itself {
            return;
        }
        if monitor.since.is_some() {
            self.tell_monitor(id, MonitorAction::End);
        } else if monitor.called {
            self.actions.push(Action::CancelCallSupervisor { monitor: id });
        }
    }

    fn tell_monitor(&mut self, monitor: MonitorId, action: MonitorAction) {
        self.actions.push(Action::Monitor { monitor, action });
    }
}
