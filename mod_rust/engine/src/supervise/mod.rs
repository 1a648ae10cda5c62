//! Supervisors: who there are and who is signed in. Who listens to whom, and how, is in `listen` and `follow`; what becomes of
//! conversations that they end, in `cut`.

mod check;
mod cut;
mod follow;
mod listen;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::action::Refusal;
use crate::command::{Answer, Asked, DONE};
use crate::config::{self, Right, Tone};
use crate::engine::Engine;
use crate::event::{Event, MonitorOutcome, MonitorView, SupervisorView};
use crate::ids::{AgentId, CallId, MonitorId, SupervisorId};
use crate::input::{Follow, MonitorMode};
use crate::time::Time;

/// What is known of supervisors. A supervisor listens to one agent at a time.
#[derive(Default, Debug)]
pub(crate) struct Supervision {
    settings: config::Supervision,
    supervisors: Vec<Supervisor>,
    numbers: BTreeMap<Arc<str>, SupervisorId>,
    /// Phones with a supervisor who is signed in.
    phones: BTreeMap<Arc<str>, SupervisorId>,
    monitors: BTreeMap<MonitorId, Monitor>,
    /// The same by agent.
    by_agent: BTreeSet<(AgentId, MonitorId)>,
    /// Supervisors who were told to take an agent's place, and have not said what came of it. It may have happened before they hear
    /// that they are to stop, or the agent's phone may be told gone before them.
    taking: BTreeMap<MonitorId, cut::Taking>,
    /// Conversations that a supervisor is about to end.
    cuts: BTreeMap<CallId, cut::Pending>,
}

#[derive(Debug)]
struct Supervisor {
    number: Arc<str>,
    name: Arc<str>,
    phones: Vec<String>,
    may: BTreeSet<Right>,
    removed: bool,
    /// Signed in on; empty while signed out.
    phone: Arc<str>,
    monitor: Option<MonitorId>,
}

/// A supervisor who listens, or whose phone rings for it.
#[derive(Debug)]
struct Monitor {
    supervisor: SupervisorId,
    agent: AgentId,
    follow: Follow,
    mode: MonitorMode,
    /// What is listened to, or will be.
    call: Option<CallId>,
    /// That call has left the queue's hands and goes on.
    handed: bool,
    /// The channel was told to hear it. Not so while a caller is on hold: a PBX may end the hold of a conversation that begins to
    /// be listened to.
    attached: bool,
    /// Since when the supervisor is on the line.
    since: Option<Time>,
    /// Whether the phone is called, rather than having called.
    called: bool,
    author: String,
    /// Who waits for an answer.
    asked: Option<Asked>,
}

/// What a supervisor wants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish {
    pub(crate) agent: AgentId,
    pub(crate) mode: MonitorMode,
    pub(crate) follow: Follow,
}

impl Monitor {
    /// The conversation in which only one may speak, beside the agent: that of the agent, or one that it has handed over.
    fn handed_call(&self) -> Option<CallId> {
        self.call.filter(|_| self.handed)
    }

    fn view(&self, monitor: MonitorId) -> MonitorView {
        MonitorView {
            monitor,
            supervisor: self.supervisor,
            agent: self.agent,
            call: self.call,
            mode: self.mode,
            follow: self.follow,
            since: self.since,
        }
    }
}

impl Supervisor {
    fn may(&self, mode: MonitorMode) -> bool {
        self.may.contains(&match mode {
            MonitorMode::Listen => Right::Listen,
            MonitorMode::Whisper => Right::Whisper,
            MonitorMode::Barge => Right::Barge,
            MonitorMode::TakeOver => Right::TakeOver,
        })
    }

    fn may_use(&self, phone: &str) -> bool {
        self.phones.is_empty() || self.phones.iter().any(|own| own == phone)
    }

    fn view(&self, supervisor: SupervisorId) -> SupervisorView {
        SupervisorView {
            supervisor,
            number: Arc::clone(&self.number),
            name: Arc::clone(&self.name),
            phone: Arc::clone(&self.phone),
        }
    }
}

impl Supervision {
    /// Supervisors of the settings, in the order of their ids; those removed as well if so wished.
    pub(crate) fn supervisor_views(&self, removed: bool) -> Vec<SupervisorView> {
        let all = self.supervisors.iter().zip(0..);
        all.filter(|(supervisor, _)| removed || !supervisor.removed)
            .map(|(supervisor, id)| supervisor.view(SupervisorId(id)))
            .collect()
    }

    pub(crate) fn monitor_views(&self) -> Vec<MonitorView> {
        let all = self.monitors.iter();
        all.map(|(id, monitor)| monitor.view(*id)).collect()
    }

    /// Who asks: the supervisor of that number, or else who is signed in on the phone that asks; both have to agree.
    pub(crate) fn asking(&self, number: &str, from: &str) -> Result<SupervisorId, Refusal> {
        let there = self.phones.get(from).copied();
        if number.is_empty() {
            return there.ok_or(Refusal::NoSupervisorThere);
        }
        let id = self.numbered(number)?;
        if from.is_empty() || there == Some(id) {
            Ok(id)
        } else {
            Err(Refusal::NotAllowed)
        }
    }

    fn numbered(&self, number: &str) -> Result<SupervisorId, Refusal> {
        let id = self.numbers.get(number).copied();
        id.filter(|id| !self.get(*id).removed)
            .ok_or(Refusal::UnknownSupervisor)
    }

    fn get(&self, id: SupervisorId) -> &Supervisor {
        &self.supervisors[id.0 as usize]
    }

    fn get_mut(&mut self, id: SupervisorId) -> &mut Supervisor {
        &mut self.supervisors[id.0 as usize]
    }

    fn of_agent(&self, agent: AgentId) -> Vec<MonitorId> {
        let from = (agent, MonitorId(0));
        let to = (agent, MonitorId(u64::MAX));
        self.by_agent
            .range(from..=to)
            .map(|(_, monitor)| *monitor)
            .collect()
    }

    /// Who speaks already in an agent's conversation, or in one that it has handed over.
    fn speaker(
        &self,
        agent: AgentId,
        handed: Option<CallId>,
        but: Option<MonitorId>,
    ) -> Option<SupervisorId> {
        self.of_agent(agent).into_iter().find_map(|id| {
            let monitor = self.monitors.get(&id)?;
            let speaks = Some(id) != but && monitor.mode.speaks() && monitor.handed_call() == handed;
            speaks.then_some(monitor.supervisor)
        })
    }

    /// What the agent hears when the mode begins.
    fn tone(&self, mode: MonitorMode) -> Option<Tone> {
        match mode {
            MonitorMode::Barge => self.settings.tone,
            MonitorMode::Listen | MonitorMode::Whisper | MonitorMode::TakeOver => None,
        }
    }
}

impl Engine {
    /// How a supervisor is called among people: the name, or else the number. `None` if there never was such a one.
    pub fn supervisor_name(&self, id: SupervisorId) -> Option<&str> {
        let supervisor = self.supervision.supervisors.get(id.0 as usize)?;
        Some(if supervisor.name.is_empty() {
            &supervisor.number
        } else {
            &supervisor.name
        })
    }

    pub(crate) fn sign_in_supervisor(&mut self, number: &str, phone: &str) -> Answer {
        let id = self.supervision.numbered(number)?;
        let supervisor = self.supervision.get(id);
        if phone.is_empty() {
            return Err(Refusal::NoPhone);
        }
        if !supervisor.may_use(phone) {
            return Err(Refusal::NotAllowed);
        }
        if self
            .supervision
            .phones
            .get(phone)
            .is_some_and(|other| *other != id)
        {
            return Err(Refusal::PhoneTaken);
        }
        if *supervisor.phone == *phone {
            return DONE;
        }
        if supervisor.monitor.is_some() {
            return Err(Refusal::Listening);
        }
        self.bind_supervisor(id, phone.into());
        DONE
    }

    pub(crate) fn sign_out_supervisor(&mut self, number: &str, author: &str) -> Answer {
        let id = self.supervision.numbered(number)?;
        if self.supervision.get(id).phone.is_empty() {
            return Err(Refusal::NoSupervisorThere);
        }
        self.dismiss_supervisor(id, author);
        DONE
    }

    /// Signs a supervisor out who is signed in.
    fn dismiss_supervisor(&mut self, id: SupervisorId, author: &str) {
        if let Some(monitor) = self.supervision.get(id).monitor {
            self.end_monitor(monitor, MonitorOutcome::SignedOut, author);
        }
        self.bind_supervisor(id, "".into());
    }

    fn bind_supervisor(&mut self, id: SupervisorId, phone: Arc<str>) {
        let supervision = &mut self.supervision;
        let old = Arc::clone(&supervision.get(id).phone);
        supervision.phones.remove(&old);
        if !phone.is_empty() {
            supervision.phones.insert(Arc::clone(&phone), id);
        }
        supervision.get_mut(id).phone = phone;
        let supervisor = supervision.get(id).view(id);
        self.presence_changes += 1;
        self.events.push(Event::SupervisorChanged { supervisor });
    }

    /// Settings take effect. Who may no longer do what it does, or not there, is signed out.
    pub(crate) fn install_supervision(
        &mut self,
        supervisors: Vec<config::Supervisor>,
        settings: config::Supervision,
    ) {
        self.supervision.settings = settings;
        for supervisor in &mut self.supervision.supervisors {
            supervisor.removed = true;
        }
        for settings in supervisors {
            let number: Arc<str> = settings.number.into();
            let known = self.supervision.numbers.get(&number).copied();
            let id = known.unwrap_or_else(|| {
                let id = SupervisorId(u32::try_from(self.supervision.supervisors.len()).unwrap_or(u32::MAX));
                self.supervision.numbers.insert(Arc::clone(&number), id);
                self.supervision.supervisors.push(Supervisor {
                    number,
                    name: "".into(),
                    phones: Vec::new(),
                    may: BTreeSet::new(),
                    removed: false,
                    phone: "".into(),
                    monitor: None,
                });
                id
            });
            let supervisor = self.supervision.get_mut(id);
            supervisor.name = settings.name.into();
            supervisor.phones = settings.phones;
            supervisor.may = settings.may.into_iter().collect();
            supervisor.removed = false;
        }
        for id in (0..self.supervision.supervisors.len())
            .zip(0..)
            .map(|(_, id)| SupervisorId(id))
        {
            let supervisor = self.supervision.get(id);
            let mode = supervisor
                .monitor
                .and_then(|id| self.supervision.monitors.get(&id));
            let may = mode.is_none_or(|monitor| supervisor.may(monitor.mode));
            let stays = !supervisor.removed && supervisor.may_use(&supervisor.phone) && may;
            if !stays && !supervisor.phone.is_empty() {
                self.dismiss_supervisor(id, "");
            }
        }
    }
}
