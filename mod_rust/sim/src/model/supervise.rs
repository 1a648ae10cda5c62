//! Supervisors, as plainly as possible.

use hotline_engine::action::{CommandOutcome, Refusal};
use hotline_engine::config::{self, Right};
use hotline_engine::event::{Cut, MonitorOutcome, MonitorView, SupervisorView};
use hotline_engine::ids::{AgentId, CallId, CommandId, MonitorId, QueueId, SupervisorId};
use hotline_engine::input::{Follow, MonitorMode, Party, Whom};
use hotline_engine::{Action, Event, Time};

use super::Model;
use super::commands::{Answer, DONE};

const PENDING: Answer = Ok(CommandOutcome::Pending);

/// A supervisor, as it is or was last.
#[derive(Debug)]
pub(super) struct Supervisor {
    pub(super) settings: config::Supervisor,
    removed: bool,
    phone: String,
}

/// A supervisor who listens or is called.
#[derive(Clone, Debug)]
pub(super) struct Monitor {
    pub(super) id: MonitorId,
    pub(super) supervisor: usize,
    pub(super) agent: usize,
    pub(super) mode: MonitorMode,
    pub(super) follow: Follow,
    pub(super) call: Option<CallId>,
    /// The call has left the queue.
    pub(super) away: bool,
    /// The channel hears it; not before a caller on hold is retrieved.
    pub(super) hears: bool,
    pub(super) since: Option<Time>,
    pub(super) called: bool,
    pub(super) author: String,
    /// The command that waits; `None` within for a key.
    pub(super) asked: Option<(Option<CommandId>, String)>,
}

/// A conversation that is about to be ended.
#[derive(Debug)]
pub(super) struct Ending {
    pub(super) call: CallId,
    pub(super) how: Cut,
    pub(super) author: String,
    pub(super) asked: Option<CommandId>,
}

/// A place that a supervisor was told to take, and by whose word.
#[derive(Debug)]
pub(super) struct TakenPlace {
    pub(super) call: CallId,
    pub(super) agent: AgentId,
    pub(super) queue: QueueId,
    pub(super) author: String,
    pub(super) void: bool,
}

/// What is wanted of a supervisor.
pub(super) struct Wanted<'a> {
    pub(super) monitor: MonitorId,
    pub(super) supervisor: &'a str,
    pub(super) from: &'a str,
    pub(super) agent: &'a str,
    pub(super) mode: MonitorMode,
    pub(super) follow: Follow,
}

pub(super) fn right(mode: MonitorMode) -> Right {
    match mode {
        MonitorMode::Listen => Right::Listen,
        MonitorMode::Whisper => Right::Whisper,
        MonitorMode::Barge => Right::Barge,
        MonitorMode::TakeOver => Right::TakeOver,
    }
}

impl Model {
    pub(crate) fn supervisors(&self) -> Vec<SupervisorView> {
        let all = self.supervisors.iter().enumerate();
        all.filter(|(_, supervisor)| !supervisor.removed)
            .map(|(at, _)| self.look_at_supervisor(at))
            .collect()
    }

    pub(crate) fn monitors(&self) -> Vec<MonitorView> {
        let mut views: Vec<MonitorView> = self.monitors.iter().map(look).collect();
        views.sort_by_key(|view| view.monitor);
        views
    }

    fn look_at_supervisor(&self, at: usize) -> SupervisorView {
        let Supervisor { settings, phone, .. } = &self.supervisors[at];
        SupervisorView {
            supervisor: SupervisorId(at as u32),
            number: settings.number.as_str().into(),
            name: settings.name.as_str().into(),
            phone: phone.as_str().into(),
        }
    }

    fn supervisor_numbered(&self, number: &str) -> Result<usize, Refusal> {
        let known = |known: &Supervisor| known.settings.number == number && !known.removed;
        self.supervisors
            .iter()
            .position(known)
            .ok_or(Refusal::UnknownSupervisor)
    }

    fn supervisor_at(&self, phone: &str) -> Option<usize> {
        let mut all = self.supervisors.iter();
        all.position(|known| !phone.is_empty() && known.phone == phone)
    }

    pub(super) fn monitor(&self, id: MonitorId) -> Option<Monitor> {
        self.monitors.iter().find(|monitor| monitor.id == id).cloned()
    }

    pub(super) fn monitor_mut(&mut self, id: MonitorId) -> Option<&mut Monitor> {
        self.monitors.iter_mut().find(|monitor| monitor.id == id)
    }

    /// The call in which an agent talks.
    pub(super) fn talks_in(&self, agent: usize) -> Option<CallId> {
        let mut calls = self.calls.iter();
        let talks = calls.find(|call| call.talk.is_some_and(|talk| talk.agent == agent))?;
        Some(talks.id)
    }

    /// Who else speaks there.
    pub(super) fn speaks_there(
        &self,
        agent: usize,
        away: Option<CallId>,
        but: Option<MonitorId>,
    ) -> Option<usize> {
        let mut others = self.monitors.iter();
        let other = others.find(|other| {
            let place = other.call.filter(|_| other.away);
            Some(other.id) != but && other.agent == agent && other.mode.speaks() && place == away
        })?;
        Some(other.supervisor)
    }

    pub(super) fn supervisor_signs_in(&mut self, number: &str, phone: &str) -> Answer {
        let at = self.supervisor_numbered(number)?;
        let own = &self.supervisors[at].settings.phones;
        if phone.is_empty() {
            return Err(Refusal::NoPhone);
        }
        if !own.is_empty() && !own.iter().any(|own| own == phone) {
            return Err(Refusal::NotAllowed);
        }
        if self.supervisor_at(phone).is_some_and(|other| other != at) {
            return Err(Refusal::PhoneTaken);
        }
        if self.supervisors[at].phone == phone {
            return DONE;
        }
        if self.monitors.iter().any(|monitor| monitor.supervisor == at) {
            return Err(Refusal::Listening);
        }
        self.set_supervisor_phone(at, phone);
        DONE
    }

    pub(super) fn supervisor_signs_out(&mut self, number: &str, author: &str) -> Answer {
        let at = self.supervisor_numbered(number)?;
        if self.supervisors[at].phone.is_empty() {
            return Err(Refusal::NoSupervisorThere);
        }
        self.send_supervisor_home(at, author);
        DONE
    }

    fn send_supervisor_home(&mut self, at: usize, author: &str) {
        let theirs = self.monitors.iter().find(|monitor| monitor.supervisor == at);
        if let Some(id) = theirs.map(|monitor| monitor.id) {
            self.monitor_ends(id, MonitorOutcome::SignedOut, author);
        }
        self.set_supervisor_phone(at, "");
    }

    fn set_supervisor_phone(&mut self, at: usize, phone: &str) {
        self.supervisors[at].phone = phone.to_owned();
        let supervisor = self.look_at_supervisor(at);
        self.events.push(Event::SupervisorChanged { supervisor });
    }

    pub(super) fn wants_to_monitor(&mut self, id: CommandId, author: &str, wanted: &Wanted<'_>) -> Answer {
        let there = self.supervisor_at(wanted.from);
        let at = if wanted.supervisor.is_empty() {
            there.ok_or(Refusal::NoSupervisorThere)?
        } else {
            let at = self.supervisor_numbered(wanted.supervisor)?;
            if !wanted.from.is_empty() && there != Some(at) {
                return Err(Refusal::NotAllowed);
            }
            at
        };
        let agent = self.signed_in(wanted.agent)?;
        if self.supervisors[at].phone.is_empty() {
            return Err(Refusal::NoSupervisorThere);
        }
        let Wanted { mode, follow, .. } = *wanted;
        if !self.supervisors[at].settings.may.contains(&right(mode)) {
            return Err(Refusal::NotAllowed);
        }
        let now = self.monitors.iter().find(|monitor| monitor.supervisor == at);
        if let Some(now) = now {
            let (now, same) = (now.id, now.agent == agent && wanted.from.is_empty());
            return if same {
                self.monitor_switches(now, mode, follow, Some(id), author)
            } else {
                Err(Refusal::Listening)
            };
        }
        let talks = self.talks_in(agent);
        if talks.is_none() && (follow == Follow::Call || mode == MonitorMode::TakeOver) {
            return Err(Refusal::NotTalking);
        }
        if let Some(other) = self.speaks_there(agent, None, None).filter(|_| mode.speaks()) {
            return Err(Refusal::Speaking(SupervisorId(other as u32)));
        }
        if self.monitors.len() >= self.config.supervision.max_monitors as usize {
            return Err(Refusal::AtLimit);
        }
        if self.monitor(wanted.monitor).is_some() {
            return Err(Refusal::NothingToDo);
        }
        self.monitors.push(Monitor {
            id: wanted.monitor,
            supervisor: at,
            agent,
            mode,
            follow,
            call: if follow == Follow::Call { talks } else { None },
            away: false,
            hears: false,
            since: None,
            called: wanted.from.is_empty(),
            author: author.to_owned(),
            asked: Some((Some(id), author.to_owned())),
        });
        self.monitors.sort_by_key(|monitor| monitor.id);
        if wanted.from.is_empty() {
            self.actions.push(Action::CallSupervisor {
                monitor: wanted.monitor,
                phone: self.supervisors[at].phone.clone(),
                supervisor: self.supervisors[at].settings.number.clone(),
                agent: self.agents[agent].settings.number.clone(),
                answering: self.config.supervision.answering,
                ring_time: self.config.supervision.ring_time,
            });
        }
        PENDING
    }

    pub(super) fn stop_monitoring(&mut self, number: &str, author: &str) -> Answer {
        let at = self.supervisor_numbered(number)?;
        let theirs = self.monitors.iter().find(|monitor| monitor.supervisor == at);
        let id = theirs.map(|monitor| monitor.id).ok_or(Refusal::NothingToDo)?;
        self.monitor_ends(id, MonitorOutcome::Stopped, author);
        DONE
    }

    pub(super) fn disconnect(
        &mut self,
        id: CommandId,
        author: &str,
        agent: &str,
        whom: Whom,
        from: &str,
    ) -> Answer {
        if !from.is_empty() {
            let at = self.supervisor_at(from).ok_or(Refusal::NoSupervisorThere)?;
            if !self.supervisors[at].settings.may.contains(&Right::Disconnect) {
                return Err(Refusal::NotAllowed);
            }
        }
        let agent = self.agent_numbered(agent).ok_or(Refusal::UnknownAgent)?;
        let call = self.talks_in(agent).ok_or(Refusal::NotTalking)?;
        self.sends_no_more(call, Refusal::Overtaken);
        self.will_end(Ending {
            call,
            how: Cut::Disconnected(whom),
            author: author.to_owned(),
            asked: Some(id),
        });
        self.actions.push(Action::Disconnect { call, whom });
        PENDING
    }

    pub(super) fn disconnect_settled(&mut self, call: CallId, whom: Whom, done: bool) {
        if whom == Whom::Agent && !done {
            self.sends_no_more(call, Refusal::NotTalking);
        }
        let meant = |ending: &Ending| ending.call == call && ending.how == Cut::Disconnected(whom);
        let Some(at) = self.endings.iter().position(meant) else {
            return;
        };
        let asked = self.endings[at].asked.take();
        let outcome = if done {
            CommandOutcome::Done
        } else {
            self.endings.remove(at);
            CommandOutcome::Refused(Refusal::NotTalking)
        };
        if let Some(asked) = asked {
            self.reply(asked, outcome);
        }
    }

    pub(super) fn will_end(&mut self, ending: Ending) {
        if let Some(at) = self.endings.iter().position(|other| other.call == ending.call) {
            let before = self.endings.remove(at);
            if let Some(asked) = before.asked {
                self.reply(asked, CommandOutcome::Refused(Refusal::Overtaken));
            }
        }
        self.endings.push(ending);
    }

    /// Whether the end that is on its way is the caller's as well.
    pub(super) fn ends_for_caller(&self, call: CallId) -> bool {
        let ending = self.endings.iter().find(|ending| ending.call == call);
        ending.is_some_and(|ending| ending.how != Cut::Disconnected(Whom::Agent))
    }

    /// Who is told to have ended a conversation.
    pub(super) fn told_end(&mut self, call: CallId, agent: usize, queue: usize, by: Party) -> Party {
        let Some(at) = self.endings.iter().position(|ending| ending.call == call) else {
            return by;
        };
        let Ending {
            how, author, asked, ..
        } = self.endings.remove(at);
        self.events.push(Event::TalkCut {
            call,
            agent: AgentId(agent as u32),
            queue: QueueId(queue as u32),
            how,
            author,
        });
        if let Some(asked) = asked {
            self.reply(asked, CommandOutcome::Done);
        }
        Party::Supervisor
    }

    pub(super) fn no_place(&mut self, call: CallId) {
        for place in self.places.values_mut() {
            place.void |= place.call == call;
        }
    }

    /// Whether a supervisor ends that conversation.
    pub(super) fn is_about_to_end(&self, call: CallId) -> bool {
        self.endings.iter().any(|ending| ending.call == call)
    }

    pub(super) fn handed_over(&mut self, call: CallId) {
        if let Some(of) = self.call_mut(call) {
            if of.visitor.errand.as_ref().is_some_and(super::ivr::Errand::away) {
                return;
            }
            of.handed = true;
        }
        self.sends_no_more(call, Refusal::NotTalking);
        self.no_place(call);
        for old in self.monitors.clone() {
            if old.call != Some(call) || old.follow != Follow::Call || old.away {
                continue;
            }
            if let Some(monitor) = self.monitor_mut(old.id) {
                monitor.away = true;
            }
            if old.since.is_some() && old.mode != MonitorMode::TakeOver && !old.hears {
                self.monitor_hears(old.id);
            }
        }
    }

    pub(super) fn configure_supervisors(&mut self) {
        for known in &mut self.supervisors {
            known.removed = true;
        }
        for settings in self.config.supervisors.clone() {
            let mut all = self.supervisors.iter_mut();
            match all.find(|known| known.settings.number == settings.number) {
                Some(known) => (known.settings, known.removed) = (settings, false),
                None => self.supervisors.push(Supervisor {
                    settings,
                    removed: false,
                    phone: String::new(),
                }),
            }
        }
        for at in 0..self.supervisors.len() {
            let Supervisor {
                settings,
                removed,
                phone,
            } = &self.supervisors[at];
            let own = settings.phones.is_empty() || settings.phones.contains(phone);
            let listens = self.monitors.iter().find(|monitor| monitor.supervisor == at);
            let may = listens.is_none_or(|monitor| settings.may.contains(&right(monitor.mode)));
            if !phone.is_empty() && (*removed || !own || !may) {
                self.send_supervisor_home(at, "");
            }
        }
    }
}

pub(super) fn look(monitor: &Monitor) -> MonitorView {
    MonitorView {
        monitor: monitor.id,
        supervisor: SupervisorId(monitor.supervisor as u32),
        agent: AgentId(monitor.agent as u32),
        call: monitor.call,
        mode: monitor.mode,
        follow: monitor.follow,
        since: monitor.since,
    }
}
